"""Deleting old runs: what would go, that it goes, and that nothing else does."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from processes import Command
from runs import run
from waiting import wait_for

from minion.buckets import Buckets
from minion.documents import encode
from minion.errors import InvalidData, NotFound, UsageError
from minion.model import DATED, Event, EventType, Status, Verdict
from minion.progress import Progress
from minion.retention import PLAN_COLUMNS, REASON, ended, plan_prune, prune
from minion.schema import MINIONS, PROGRESS, SERIES
from minion.selection import Selection

DAY_S = 86_400.0
EVERY = Selection(include_excluded=True)


def ago(days):
    return time.time() - days * DAY_S


def aged(sim_id, days, **names):
    """A whole run that ended so many days ago, and its series."""
    simulation, series = run(sim_id, **names)
    shift = ago(days) - simulation.end
    events = tuple(replace(event, time=event.time + shift) for event in simulation.events)
    moved = [replace(one, times=one.times + shift) for one in series]
    return replace(simulation, events=events), moved


def names(store):
    return [(one.experiment, one.sim_id) for one in store.simulations(EVERY)]


def orphans(store):
    """Series and progress of simulations that are not there."""
    there = store.database[MINIONS].distinct("_id")
    query = {"simulation": {"$nin": there}}
    return sum(store.database[name].count_documents(query) for name in (SERIES, PROGRESS))


def test_a_run_is_as_old_as_its_end_else_its_last_event_else_its_registration():
    whole = run("1")[0]
    assert ended(whole) == whole.end == whole.events[-1].time
    cut = replace(whole, events=whole.events[:3])
    assert ended(cut) == max(event.time for event in cut.events) != cut.start
    later = Event(type=EventType.FINISHED_PHASE, time=whole.end + 100, body="cleaning up")
    assert ended(replace(whole, events=(*whole.events, later))) == whole.end
    created = datetime(2020, 1, 1, tzinfo=UTC)
    never = replace(whole, events=(), provenance=replace(whole.provenance, created=created))
    assert ended(never) == created.timestamp()
    made_up = replace(never.provenance, details={DATED: "no: elapsed seconds only"})
    assert ended(replace(whole, provenance=made_up)) == created.timestamp()


# ---------------------------------------------------------------- the plan


def test_a_plan_says_what_would_go_and_changes_nothing(store):
    for number, days in enumerate((100, 89, 91, 1)):
        store.put(*aged(str(number), days, platform="K3s" if number else "K8s"))
    before = [list(store.database[name].find()) for name in (MINIONS, SERIES)]
    plan = plan_prune(store, older_than_s=90 * DAY_S)
    assert list(plan.frame.columns) == PLAN_COLUMNS
    assert plan.frame["sim_id"].tolist() == ["0", "2"]
    assert plan.frame["platform"].tolist() == ["K8s", "K3s"]
    assert [one.sim_id for one in plan.simulations] == ["0", "2"]
    first = plan.frame.iloc[0]
    assert first["samples"] == store.count_samples(plan.simulations)[plan.simulations[0].id]
    assert first["bytes"] == 5 * first["samples"] > 0
    assert (plan.samples, plan.bytes) == (2 * first["samples"], 10 * first["samples"])
    told = datetime.fromisoformat(first["ended"]).timestamp()
    assert told == pytest.approx(ago(100), abs=60)
    assert plan.unfinished == 0
    assert [list(store.database[name].find()) for name in (MINIONS, SERIES)] == before


def test_runs_are_chosen_by_experiment_platform_name_and_age_together(store):
    for experiment in ("e", "f"):
        for number in range(4):
            platform = "K3s" if number % 2 else "K8s"
            made = aged(str(number), 10 * number, experiment=experiment, platform=platform)
            store.put(*made)

    def chosen(**what):
        frame = plan_prune(store, **what).frame
        return [*zip(frame["experiment"], frame["sim_id"], strict=True)]

    assert chosen(experiment="f") == [("f", str(number)) for number in range(4)]
    assert chosen(experiment="f", platform="K3s") == [("f", "1"), ("f", "3")]
    assert chosen(sims="2-3") == [("e", "2"), ("e", "3"), ("f", "2"), ("f", "3")]
    assert chosen(sims="2-3", experiment="e", older_than_s=25 * DAY_S) == [("e", "3")]
    assert chosen(older_than_s=25 * DAY_S) == [("e", "3"), ("f", "3")]
    assert chosen(older_than_s=0)[0] == ("e", "0")
    assert chosen(older_than_s=365 * DAY_S) == []


def test_excluded_runs_go_too(store):
    store.put(*aged("1", 10))
    store.judge(store.simulation("1"), Verdict.EXCLUDED, ["loose cable"], by="me")
    assert plan_prune(store, experiment="e").frame["sim_id"].tolist() == ["1"]
    assert prune(store, plan_prune(store, older_than_s=DAY_S)).simulations == 1
    assert names(store) == []


@pytest.mark.parametrize("choice", [{}, {"platform": "K8s"}])
def test_a_plan_of_nothing_named_is_refused(store, choice):
    store.put(*aged("1", 10))
    with pytest.raises(UsageError, match="name what shall go: --older AGE, --experiment NAME"):
        plan_prune(store, **choice)


@pytest.mark.parametrize("age", [-1.0, float("nan"), float("inf")])
def test_an_impossible_age_is_refused(store, age):
    with pytest.raises(InvalidData, match="an age of"):
        plan_prune(store, older_than_s=age)


def test_what_does_not_exist_is_said(store):
    store.put(*aged("1", 10))
    with pytest.raises(NotFound, match="no experiment x; there are: e"):
        plan_prune(store, experiment="x")
    with pytest.raises(NotFound, match="no simulation 7"):
        plan_prune(store, sims="7")


# ---------------------------------------------------------------- carried out


def in_all_states(store):
    """A run of every status, all of them old."""
    for sim_id, status in enumerate(Status):
        simulation, series = aged(str(sim_id), 100)
        store.add(replace(simulation, status=status))
        store.write(simulation, series, settled=status is Status.COMPLETE)
        host = simulation.hosts[0].hostname
        one = Progress(simulation=simulation.id, hostname=host, url="http://a:1", until=0.0)
        store.database[PROGRESS].insert_one(encode(one))


def test_only_complete_runs_go_unless_all_are_named(store):
    in_all_states(store)
    plan = plan_prune(store, older_than_s=90 * DAY_S)
    assert plan.frame["status"].tolist() == ["complete"]
    assert plan.unfinished == len(Status) - 1
    done = prune(store, plan)
    assert (done.simulations, done.samples, done.left) == (1, plan.samples, ())
    assert len(names(store)) == len(Status) - 1
    assert orphans(store) == 0
    everything = plan_prune(store, older_than_s=90 * DAY_S, unfinished=True)
    assert everything.unfinished == 0
    assert prune(store, everything).simulations == len(Status) - 1
    assert [store.database[name].count_documents({}) for name in (MINIONS, SERIES, PROGRESS)] == [
        0,
        0,
        0,
    ]


def test_what_stays_is_not_touched(store):
    store.put(*aged("1", 100))
    store.put(*aged("2", 1))
    kept = store.simulation("2")
    series = list(store.database[SERIES].find({"simulation": kept.id}).sort("_id"))
    prune(store, plan_prune(store, older_than_s=90 * DAY_S))
    assert store.simulations(EVERY) == [kept]
    assert list(store.database[SERIES].find().sort("_id")) == series


def test_doing_it_again_deletes_nothing_more(store):
    store.put(*aged("1", 100))
    plan = plan_prune(store, experiment="e")
    assert prune(store, plan).simulations == 1
    again = prune(store, plan)
    assert (again.simulations, again.samples, again.left) == (0, 0, ())
    store.put(*aged("1", 100))  # another run of the same name
    assert prune(store, plan).simulations == 0
    assert names(store) == [("e", "1")]


def test_a_run_that_is_in_use_again_meanwhile_is_left_and_said(store):
    store.put(*aged("1", 100))
    store.put(*aged("2", 100))
    plan = plan_prune(store, experiment="e")
    reopened = store.reopen(store.simulation("1"))
    count = store.database[SERIES].count_documents({"simulation": reopened.id})
    done = prune(store, plan)
    assert done.simulations == 1
    assert done.samples == plan.samples // 2
    assert done.left == ("simulation 1 of experiment e is left: it was complete and is ended now",)
    assert store.simulations(EVERY) == [reopened]
    assert store.database[SERIES].count_documents({}) == count


PRUNE = """
import sys, minion
from minion.retention import plan_prune, prune
with minion.connect(sys.argv[1], database=sys.argv[2]) as store:
    plan = plan_prune(store, experiment="e")
    print("begun", flush=True)
    prune(store, plan)
"""


def test_what_a_kill_left_is_excluded_and_goes_the_next_time(store, mongodb_uri):
    count = 60
    for number in range(count):
        store.put(*aged(str(number), 100))
    whole = store.count_samples(store.simulations())
    minions = store.database[MINIONS]
    for share in (0.9, 0.5):
        with Command(PRUNE, mongodb_uri, store.database.name) as pruning:
            pruning.line()
            wait_for(lambda: minions.count_documents({}) < share * count, 60, "some to go")  # noqa: B023
            pruning.kill()
        assert minions.count_documents({}) > 0, "it was over before it was killed"
        assert orphans(store) == 0
        # Whoever reads now meets whole runs only.
        there = store.simulations()
        assert store.count_samples(there) == {one.id: whole[one.id] for one in there}
    left = minions.count_documents({})
    assert prune(store, plan_prune(store, experiment="e")).simulations == left
    assert store.database[SERIES].count_documents({}) == 0


def test_a_run_is_excluded_before_its_first_sample_goes(store, monkeypatch):
    store.put(*aged("1", 100))
    store.judge(store.simulation("1"), Verdict.DOUBTFUL, ["odd"], by="me")
    plan = plan_prune(store, experiment="e")

    def cut_off(*_):
        raise KeyboardInterrupt

    for _ in range(2):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(Buckets, "delete", cut_off)
            prune(store, plan)
        left = store.simulation("1")
        assert left.validity.verdict is Verdict.EXCLUDED
        assert left.validity.reasons == (REASON, "odd")
        assert left.validity.by == "minion prune"
        assert store.count_samples([left])[left.id] == plan.samples
        assert store.simulations() == []
        plan = plan_prune(store, experiment="e")
    assert prune(store, plan).simulations == 1


# ---------------------------------------------------------------- the command


def test_without_yes_it_is_only_shown(minion, store):
    store.put(*aged("1", 100))
    store.put(*aged("2", 1))
    said = minion("prune", "--older", "90d", "--format", "json")
    (row,) = json.loads(said.stdout)
    assert list(row) == PLAN_COLUMNS
    assert (row["sim_id"], row["experiment"]) == ("1", "e")
    assert said.returncode == 0
    assert "note: nothing was deleted: 1 simulations with" in said.stderr
    assert said.stderr.endswith("would go; add --yes to delete them\n")
    assert "complete" in minion("prune", "--older", "90d").stdout
    assert len(names(store)) == 2
    said = minion("prune", "--older", "90d", "--yes")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == f"deleted: 1 simulations with {row['samples']:,} samples\n"
    assert names(store) == [("e", "2")]
    said = minion("prune", "--older", "90d", "--yes")
    assert (said.returncode, said.stdout) == (0, "")
    assert said.stderr == "note: there is nothing to delete\n"


def test_runs_in_progress_stay_and_are_said(minion, store):
    in_all_states(store)
    said = minion("prune", "--experiment", "e")
    assert "note: 4 more are not complete and stay; --unfinished takes them too" in said.stderr
    assert minion("prune", "--experiment", "e", "--unfinished", "--yes").returncode == 0
    assert names(store) == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "prune: name what shall go: --older AGE"),
        (["--yes"], 2, "prune: name what shall go: --older AGE"),
        (["--yes", "--platform", "K8s"], 2, "prune: name what shall go: --older AGE"),
        (["--older", "90"], 1, "'90' is no duration; write a number and its unit"),
        (["--older"], 2, "option --older needs a value"),
        (["--experiment", "x"], 1, "no experiment x"),
        (["--sims", "9-1"], 1, "the range 9-1 runs backwards"),
    ],
)
def test_a_mistake_is_one_line_and_deletes_nothing(minion, store, arguments, status, message):
    store.put(*aged("1", 100))
    said = minion("prune", *arguments)
    assert said.returncode == status
    (line,) = said.stderr.splitlines()
    assert line.startswith("minion: ")
    assert message in line
    assert len(names(store)) == 1
