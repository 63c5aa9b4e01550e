"""What a quality check makes of runs: verdicts that are kept, and what it says of little data."""

import time
from dataclasses import replace

import pytest
from checked_runs import against, at, moved, of, stored
from runs import START, run, started

from analysis.quality.checks import check, keep
from minion.errors import InvalidData, NotFound
from minion.model import Event, EventType, Status, Verdict
from minion.validity import PROGRAM

# ---------------------------------------------------------------- verdicts


def test_what_is_kept_is_the_program_s_and_never_over_a_person_s(store):
    whole, ended = run("1"), run("2")
    silent = run("3")
    store.put(*at(*whole, 0))
    store.put(*at(*ended, 3600))
    store.put(*at(silent[0], [s for s in silent[1] if s.hostname == "node-a"], 7200))
    store.add(replace(started("4"), events=(Event(type=EventType.START_SIMULATION, time=1.0),)))
    store.add(replace(started("5"), events=(Event(type=EventType.START_SIMULATION, time=2.0),)))
    store.judge(store.simulation("5"), Verdict.VALID, ["I was there"], by="somebody")
    checked = check(store)
    assert checked.broken == ("3", "4", "5")
    assert checked.sentence == (
        "2 of 5 runs have nothing against them; 3 are broken and not excluded."
    )
    assert keep(store, checked) == ["3", "4"]
    validity = store.simulation("3").validity
    assert (validity.verdict, validity.by) == (Verdict.EXCLUDED, PROGRAM)
    assert validity.reasons == ("no samples of host node-b",)
    assert store.simulation("5").validity.by == "somebody"
    assert keep(store, checked) == []  # the same again changes nothing
    assert check(store).broken == ("5",)


def test_a_doubt_that_is_gone_is_taken_back(store):
    simulation, series = run("1")
    store.put(simulation, series)
    store.judge(simulation, Verdict.DOUBTFUL, ["host node-b lost samples"], by=PROGRAM)
    assert keep(store, check(store)) == ["1"]
    assert store.simulation("1").validity.verdict is Verdict.UNCHECKED


def test_doubts_are_kept_with_their_reasons(store, k8s):
    stored(store, k8s, 4, lambda s, series: (moved(s, "Drain workers", -150), series))
    checked = check(store)
    assert keep(store, checked) == ["1004"]
    validity = store.simulation("1004").validity
    assert validity.verdict is Verdict.DOUBTFUL
    assert set(validity.reasons) == set(
        checked.findings.loc[checked.findings["severity"] == "doubtful", "what"]
    )


@pytest.mark.parametrize("choice", [{"phase": "Drain workers"}, {"hosts": "node-a"}, {"sims": "1"}])
def test_a_verdict_is_on_whole_runs_beside_the_others(store, choice):
    store.put(*run("1"))
    with pytest.raises(InvalidData, match="check without --"):
        keep(store, check(store, **choice))


def test_a_run_in_progress_is_not_judged(store):
    begun = (Event(type=EventType.START_SIMULATION, time=time.time() - 60),)
    store.add(replace(started("1"), status=Status.RUNNING, events=begun))
    store.add(replace(started("2"), status=Status.REGISTERED, events=()))
    checked = check(store)
    assert checked.runs["found"].tolist() == ["in progress", "in progress"]
    assert checked.findings.empty
    assert checked.broken == ()
    assert keep(store, checked) == []


def test_a_run_that_stopped_long_ago_without_an_end_is_broken(store):
    store.add(started("1"))
    checked = check(store)
    assert checked.broken == ("1",)
    assert ("no end", "broken", "", "", "") in of(checked, "1")


def test_an_import_that_was_cut_off(store):
    store.add(replace(run("1")[0], status=Status.IMPORTING))
    assert "import" in {kind for kind, *_ in of(check(store), "1")}


# ---------------------------------------------------------------- what is chosen


def test_an_empty_store_says_what_to_do(store):
    with pytest.raises(NotFound, match="no run to check; `minion demo` makes some"):
        check(store)


def test_one_run_says_what_takes_more(store):
    store.put(*run("1"))
    checked = check(store)
    assert checked.findings.empty
    assert list(checked.findings)[:3] == ["experiment", "sim_id", "platform"]
    (note,) = checked.notes
    assert note.startswith("e: 1 run is whole and not excluded on K8s: durations and levels")
    assert checked.sentence == "1 of 1 run has nothing against it."


def test_runs_without_samples_or_phases_are_no_error(store):
    store.put(*run("1", metrics=()))
    store.put(*at(*run("2", phases=False), 3600))
    checked = check(store)
    assert [kind for kind, *_ in of(checked, "1")] == ["no samples", "no samples"]
    assert of(checked, "2") == []


def test_memory_that_nobody_knows_is_noted(store):
    store.put(*run("1", ram_mib=None))
    checked = check(store)
    assert any(note.startswith("ram was not checked: the memory of host") for note in checked.notes)


def test_a_check_of_one_host_says_nothing_of_the_others(study_store):
    checked = check(study_store, hosts="node-a", sims="1023,1025")
    assert set(checked.findings["hostname"]) <= {"", "node-a"}
    found = checked.runs.set_index("sim_id")["found"]
    assert found.to_dict() == {"1023": "unchecked", "1025": "excluded"}


def test_a_check_of_one_phase(store, k8s):
    stored(store, k8s, 4, lambda s, series: (moved(s, "Drain workers", -150), series))
    assert against(check(store, phase="Drain workers")) == {"1004"}
    assert against(check(store, phase="Add workers")) == set()
    with pytest.raises(NotFound, match="no phase"):
        check(store, phase="Lunch")


def test_experiments_are_not_held_against_each_other(store, k8s):
    stored(store, k8s)
    other = run("1", experiment="other", hosts=("node-a",), metrics=("cpu",))
    store.put(*at(*other, k8s[0][0].start - START))
    assert against(check(store)) == set()
