"""The quality check, on runs with planted faults and on runs without."""

import re
import time
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from bson import ObjectId
from runs import START, run, started

from analysis.metrics import utilization
from analysis.quality.cells import cells
from analysis.quality.checks import RUN_COLUMNS, check, keep
from analysis.quality.outliers import FEWEST_RUNS, cut_off, held_against, is_far
from ingest.simulated import study
from minion.errors import InvalidData, NotFound
from minion.lifecycle import SEQUENCE
from minion.model import Event, EventType, Missing, Status, Verdict
from minion.validity import PROGRAM

RUNS = 12
CPU, RAM, IO, DISK, NET = range(5)  # charts of a host in the simulated study


@pytest.fixture(scope="module")
def k8s():
    """Sound runs of one platform, with their series."""
    runs = study(seed=3, runs=RUNS, experiment="e")
    return [(s, series) for s, series in runs if s.platform == "K8s"]


def stored(store, runs, place=None, change=None):
    """The runs in the store, one of them changed: `change(simulation, series)` gives both."""
    for at, (simulation, series) in enumerate(runs):
        changed = (simulation, series) if at != place else change(simulation, list(series))
        store.put(*changed)
    return store


def of(checked, sim_id, *, notes=False):
    """The findings of a run as (kind, severity, hostname, metric, phase)."""
    frame = checked.findings[checked.findings["sim_id"] == sim_id]
    rows = frame[["kind", "severity", "hostname", "metric", "phase"]].itertuples(index=False)
    return [tuple(row) for row in rows if notes or row.severity != "note"]


def against(checked):
    """The runs that have more than notes."""
    frame = checked.findings
    return set(frame.loc[frame["severity"] != "note", "sim_id"])


def said(checked, kind):
    frame = checked.findings
    return frame.loc[frame["kind"] == kind, "what"].tolist()


def bounds(simulation, phase):
    """Start and end of a phase, seconds since the epoch."""
    found = next(p for p in SEQUENCE if p.name == phase)
    times = {event.type: event.time for event in simulation.events}
    return times[found.start], times[found.end]


def chart_of(series, hostname, place):
    return [at for at, one in enumerate(series) if one.hostname == hostname][place]


def with_values(series, at, change):
    """The series with the values of one changed in place."""
    values = series[at].values.copy()
    change(series[at].times, values)
    series[at] = replace(series[at], values=values)


# ---------------------------------------------------------------- the study


def test_the_study_s_broken_runs_are_found_and_no_other(study_store):
    checked = check(study_store)
    assert list(checked.runs) == RUN_COLUMNS
    assert checked.sentence == "75 of 80 runs have nothing against them; 5 are excluded."
    assert against(checked) == {"1023", "3057", "1025", "3058", "5013"}
    for sim_id in ("1023", "3057"):
        assert of(checked, sim_id) == [("no samples", "broken", "node-d", "", "")]
    for sim_id in ("1025", "3058"):
        assert [kind for kind, *_ in of(checked, sim_id)] == ["no end", "events", "events"]
    kinds = {kind for kind, *_ in of(checked, "5013")}
    assert kinds == {"events", "gap", "no samples in phase"}
    assert {host for kind, _, host, *_ in of(checked, "5013") if kind != "events"} == {"node-d"}
    found = checked.runs.set_index("sim_id")["found"]
    assert found[["1023", "1025", "5013", "1000"]].tolist() == [
        *("excluded", "excluded", "doubtful", "unchecked")
    ]
    assert checked.broken == ()  # all of them are excluded already


def test_what_the_study_s_agents_lost_is_a_note(study_store):
    checked = check(study_store)
    kept = checked.findings[checked.findings["severity"] == "note"]
    assert set(kept["kind"]) == {"gap"}
    restarts = kept["what"].str.endswith("recorded as missing: agent restarted")
    assert restarts.sum() >= 5
    assert kept.loc[~restarts, "what"].str.contains("lacks 1 of .* unexplained").all()
    assert all("is short for its sampling interval" in note for note in checked.notes)
    # 16 s and 15 s at one sample in 5 s: 3.2 and 3.0 on average.
    assert [note.split(" is short")[0] for note in checked.notes] == [
        "demo: Start master",
        "demo: Stop master",
    ]


def test_excluded_runs_do_not_say_what_is_usual(store, k8s):
    stored(store, k8s, 4, lambda s, series: (moved(s, "Drain workers", -250), series))
    assert "the median of 12 runs of K8s" in said(check(store), "duration")[0]
    for sim_id in ("1000", "1001"):
        store.judge(store.simulation(sim_id), Verdict.EXCLUDED, ["by hand"], by="somebody")
    checked = check(store)
    assert len(checked.runs) == RUNS
    assert "the median of 10 runs of K8s" in said(checked, "duration")[0]


# ---------------------------------------------------------------- samples that lack


def without(series, hostname, first, last, places=range(5)):
    for place in places:
        at = chart_of(series, hostname, place)
        kept = (series[at].times < first) | (series[at].times >= last)
        series[at] = replace(
            series[at], times=series[at].times[kept], values=series[at].values[kept]
        )
    return series


def test_samples_that_lack_for_no_reason_are_doubtful(store, k8s):
    def change(simulation, series):
        first, _ = bounds(simulation, "Cluster idle")
        return simulation, without(series, "node-b", first + 20, first + 50)

    checked = check(stored(store, k8s, 4, change))
    assert of(checked, "1004") == [("gap", "doubtful", "node-b", "", "Cluster idle")]
    (text,) = (what for what in said(checked, "gap") if "Cluster idle, unexplained" in what)
    assert text == (
        "host node-b lacks 6 of 60 samples (10%) of every chart in Cluster idle, unexplained"
    )


@pytest.mark.parametrize(("lost_s", "doubtful"), [(60, False), (100, True)])
def test_samples_recorded_as_missing_are_doubtful_from_a_quarter_of_a_phase(
    store, k8s, lost_s, doubtful
):
    def change(simulation, series):
        first = bounds(simulation, "Cluster idle")[0] + 20
        record = Missing(hostname="node-b", first=first, last=first + lost_s, reason="power cut")
        lost = without(series, "node-b", first, first + lost_s)
        return replace(simulation, missing=(*simulation.missing, record)), lost

    checked = check(stored(store, k8s, 4, change))
    assert bool(of(checked, "1004")) is doubtful
    assert any(text.endswith("recorded as missing: power cut") for text in said(checked, "gap"))


def test_a_phase_without_samples_of_one_chart(store, k8s):
    def change(simulation, series):
        return simulation, without(
            series, "node-c", *bounds(simulation, "Stop master"), places=[IO]
        )

    checked = check(stored(store, k8s, 4, change))
    assert of(checked, "1004") == [
        ("no samples in phase", "doubtful", "node-c", "disk_io", "Stop master")
    ]
    assert "of system.io in Stop master, unexplained" in said(checked, "no samples in phase")[0]


def test_losses_that_are_spread_over_the_run_add_up(store, k8s):
    def change(simulation, series):
        for first in np.arange(series[0].times[0] + 60, series[0].times[-1], 300):
            series = without(series, "node-b", first, first + 5)
        return simulation, series

    checked = check(stored(store, k8s, 4, change))
    assert of(checked, "1004") == [("gap", "doubtful", "node-b", "", "Total simulation time")]


# ---------------------------------------------------------------- hosts, charts, steps


def test_a_host_that_the_other_runs_have(store, k8s):
    def change(simulation, series):
        hosts = tuple(host for host in simulation.hosts if host.hostname != "node-d")
        return replace(simulation, hosts=hosts), [s for s in series if s.hostname != "node-d"]

    checked = check(stored(store, k8s, 4, change))
    assert of(checked, "1004") == [("hosts", "doubtful", "node-d", "", "")]
    assert said(checked, "hosts") == [
        "2 measured hosts are worker; 11 of 11 other runs of K8s have 3; it lacks node-d"
    ]


def test_a_chart_that_the_host_s_other_runs_have(store, k8s):
    def change(simulation, series):
        del series[chart_of(series, "node-c", IO)]
        return simulation, series

    checked = check(stored(store, k8s, 4, change))
    assert of(checked, "1004") == [("chart", "doubtful", "node-c", "system.io", "")]
    assert said(checked, "chart") == [
        "host node-c has no samples of system.io; 11 of its 11 other runs of K8s have"
    ]


def test_a_chart_that_no_run_or_never_a_host_has_is_said_once(store):
    for place in range(3):
        simulation, series = run(str(place), hosts=("node-a", "node-b", "node-c"))
        series = [s for s in series if s.context != "system.net"]
        kept = [s for s in series if (s.hostname, s.context) != ("node-c", "disk.util")]
        store.put(*at(simulation, kept, 3600 * place))
    checked = check(store)
    assert against(checked) == set()
    absent = [note for note in checked.notes if "no run has a chart" in note]
    assert absent == [
        "e: no run has a chart of disk.util on host node-c (K8s)",
        "e: no run has a chart of system.net at all",
    ]


def at(simulation, series, seconds):
    """A run moved in time."""
    events = tuple(replace(e, time=e.time + seconds) for e in simulation.events)
    moved_series = [replace(s, times=s.times + seconds) for s in series]
    return replace(simulation, events=events), moved_series


def test_a_host_that_was_sampled_otherwise(store, k8s):
    def change(simulation, series):
        for place in range(5):
            at = chart_of(series, "node-b", place)
            one = series[at]
            series[at] = replace(one, times=one.times[::2], values=one.values[::2], step=10)
        return simulation, series

    checked = check(stored(store, k8s, 4, change))
    (found,) = [row for row in of(checked, "1004") if row[0] == "step"]
    assert found == ("step", "doubtful", "node-b", "", "")
    assert "host node-b was sampled every 10 s, mostly it is every 5 s" in said(checked, "step")[0]
    assert not [kind for kind, *_ in of(checked, "1004") if kind == "gap"]


def test_sampling_intervals_that_differ_between_hosts_are_said_once(store):
    for place in range(3):
        simulation, series = run(str(place))
        rare = [
            replace(s, times=s.times[::2], values=s.values[::2], step=10)
            if s.hostname == "node-b"
            else s
            for s in series
        ]
        store.put(*at(simulation, rare, 3600 * place))
    checked = check(store)
    assert against(checked) == set()
    assert (
        "e: sampling intervals differ: 5 s on node-a (K8s); 10 s on node-b (K8s)" in checked.notes
    )


def test_two_runs_at_one_time_on_one_host(store, k8s):
    simulation, series = k8s[0]
    twin = replace(simulation, sim_id="9", id=ObjectId(), platform="K3s")
    stored(store, k8s).put(twin, series)
    checked = check(store)
    assert [kind for kind, *_ in of(checked, "9")] == ["overlap"]
    assert [kind for kind, *_ in of(checked, "1000")] == ["overlap"]
    assert "on node-a, node-b, node-c, node-d" in said(checked, "overlap")[0]


# ---------------------------------------------------------------- values


def test_an_impossible_value(store, k8s):
    def change(simulation, series):
        first, last = bounds(simulation, "Master idle")

        def busy(times, values):
            values[np.flatnonzero((times >= first) & (times < last))[:3], -1] = -30

        def large(times, values):
            values[np.flatnonzero(times >= first)[0], 1] = 5000

        with_values(series, chart_of(series, "node-b", CPU), busy)
        with_values(series, chart_of(series, "node-c", RAM), large)
        return simulation, series

    checked = check(stored(store, k8s, 4, change))
    found = [row for row in of(checked, "1004") if row[0] == "impossible value"]
    assert found == [
        ("impossible value", "doubtful", "node-b", "cpu", "Master idle"),
        ("impossible value", "doubtful", "node-c", "ram", "Master idle"),
    ]
    assert said(checked, "impossible value")[0].startswith(
        "cpu of host node-b has 3 impossible values among 60 samples of Master idle: from "
    )
    assert said(checked, "impossible value")[0].endswith(" to 130 %")


def test_a_chart_that_is_stuck(store, k8s):
    def change(simulation, series):
        first, last = bounds(simulation, "Deployment idle")

        def freeze(times, values):
            where = np.flatnonzero((times >= first) & (times < last))
            values[where] = values[where[0]]

        with_values(series, chart_of(series, "node-b", CPU), freeze)
        return simulation, series

    checked = check(stored(store, k8s, 4, change))
    assert ("stuck", "doubtful", "node-b", "cpu", "Deployment idle") in of(checked, "1004")
    assert against(checked) == {"1004"}
    assert " for 60 samples (300 s)" in said(checked, "stuck")[0]


def test_a_disk_that_rests_in_a_phase_is_not_stuck_and_one_that_never_works_is(store, k8s):
    def rests(simulation, series):
        series = list(series)
        first, last = bounds(simulation, "Master idle")

        def rest(times, values):
            values[(times >= first) & (times < last)] = 0

        with_values(series, chart_of(series, "node-b", DISK), rest)
        return simulation, series

    def dies(simulation, series):
        def die(_, values):
            values[:] = 0

        with_values(series, chart_of(series, "node-c", DISK), die)
        return simulation, series

    k8s = [rests(*one) if place == 2 else one for place, one in enumerate(k8s)]
    checked = check(stored(store, k8s, 4, dies))
    assert not [kind for kind, *_ in of(checked, "1002") if kind == "stuck"]
    assert ("stuck", "doubtful", "node-c", "disk_util", "") in of(checked, "1004")


def moved(simulation, phase, seconds):
    """The run with the end of an action moved."""
    end = next(p.end for p in SEQUENCE if p.name == phase)
    events = (replace(e, time=e.time + seconds * (e.type is end)) for e in simulation.events)
    return replace(simulation, events=tuple(events))


def test_a_phase_that_took_too_short(store, k8s):
    checked = check(
        stored(store, k8s, 4, lambda s, series: (moved(s, "Drain workers", -150), series))
    )
    assert ("duration", "doubtful", "", "", "Drain workers") in of(checked, "1004")
    (text,) = said(checked, "duration")
    assert text.startswith("Drain workers took 1")
    assert "the median of 12 runs of K8s is 2" in text


def test_hosts_that_were_swapped(store, k8s):
    names = {"node-a": "node-b", "node-b": "node-a"}

    def change(simulation, series):
        return simulation, [replace(s, hostname=names.get(s.hostname, s.hostname)) for s in series]

    checked = check(stored(store, k8s, 4, change))
    assert against(checked) == {"1004"}
    found = of(checked, "1004")
    assert {kind for kind, *_ in found} == {"level"}
    assert {host for _, _, host, *_ in found} == {"node-a", "node-b"}
    assert {metric for _, _, _, metric, _ in found} >= {"cpu", "ram"}


def test_a_host_that_is_always_unlike_the_others_of_its_role(store, k8s):
    for simulation, series in k8s:
        every = list(series)

        def busier(_, values):
            values[:, -1] -= 3

        with_values(every, chart_of(every, "node-d", CPU), busier)
        store.put(simulation, every)
    checked = check(store)
    assert against(checked) == set()
    (note,) = (n for n in checked.notes if "unlike" in n)
    said_so = re.fullmatch(
        r"e: host node-d is unlike the other worker hosts in cpu: \+([0-9.]+) percentage points"
        r" in 12 of 12 runs of K8s, where 2\.[0-9]+ is usual",
        note,
    )
    assert float(said_so[1]) == pytest.approx(3, abs=0.1)


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


# ---------------------------------------------------------------- mathematics


def test_the_modified_z_is_r_s():
    # R 4.2.2: (x - median(x)) / mad(x, constant = 1 / qnorm(3/4))
    values = [270.1, 268.4, 275.0, 280.2, 266.6, 301.5, 420.0]
    z = [
        *(-0.500757541812238, -0.674489750196082, 0, 0.531416166821152),
        *(-0.858441500249553, 2.708178542453955, 14.818335420974472),
    ]
    table = pd.DataFrame({"value": values, "run": range(7)})
    group, reference = np.zeros(7, dtype=np.int64), np.ones(7, dtype=np.bool_)
    found = held_against(table, group, reference, "value")
    np.testing.assert_allclose(found["z"], z, rtol=1e-12)
    assert set(found["median"]) == {275.0}
    # A timer's milliseconds are no spread: one percent of the median is taken for it.
    fixed = table.assign(value=[300, 300, 300, 300.3, 300.1, 310, 300])
    z = held_against(fixed, group, reference, "value", finest=0.01)["z"]
    np.testing.assert_allclose(z, (fixed["value"] - 300) / 3)


@pytest.mark.parametrize("runs", [6, 8, 12, 25, 60])
def test_the_cut_off_is_on_the_safe_side_for_normal_values(runs):
    probability, size = 1e-3, 1_200_000 // runs
    values = np.random.default_rng(runs).standard_normal((size, runs))
    centre = np.median(values, axis=1, keepdims=True)
    spread = np.median(abs(values - centre), axis=1, keepdims=True) / 0.6744897501960817
    alarms = np.mean(abs(values - centre) / spread > cut_off(runs, probability))
    # 1.2 million values, those of one group not independent: 1.1e-3 leaves three deviations.
    assert alarms < 1.1e-3
    assert alarms > 1e-5  # it is no wall either
    assert cut_off(runs, 0.5) == 3.5


def test_less_than_one_normal_run_in_a_hundred_is_doubtful():
    """As `unusual_levels` asks: 300 values of each of 25 runs, noise of 5 %."""
    runs, asked, studies = 25, 300, 60
    random = np.random.default_rng(1)
    doubtful = 0
    for _ in range(studies):
        values = random.normal(100, 5, (asked, runs))
        table = pd.DataFrame({"value": values.ravel(), "run": np.tile(np.arange(runs), asked)})
        group = np.repeat(np.arange(asked), runs)
        found = held_against(table, group, np.ones(len(table), dtype=np.bool_), "value")
        far = is_far(found, "value", 0.005 / asked)
        doubtful += table.loc[far, "run"].nunique()
    # Expected 0.5 % of 1,500 runs; 1 % would be three deviations more.
    assert doubtful < 0.01 * runs * studies


def test_values_that_are_mostly_the_same_have_no_outlier():
    table = pd.DataFrame({"value": [0.5] * 8 + [0.0, 3.0], "run": range(10)})
    group = np.zeros(10, dtype=np.int64)
    found = held_against(table, group, np.ones(10, dtype=np.bool_), "value")
    assert found["z"].isna().all()
    assert not is_far(found, "value", 0.01).any()


def test_too_few_runs_make_no_outlier():
    values = [1.0] * (FEWEST_RUNS - 2) + [100.0]
    table = pd.DataFrame({"value": values, "run": range(len(values))})
    group = np.zeros(len(values), dtype=np.int64)
    found = held_against(table, group, np.ones(len(values), dtype=np.bool_), "value")
    assert not is_far(found, "value", 0.01).any()


def test_cells_are_what_a_loop_finds(store):
    simulation, series = run("1", metrics=("disk_util",))
    random = np.random.default_rng(5)
    series = [
        replace(s, values=random.integers(0, 3, s.values.shape).astype(np.float64)) for s in series
    ]
    store.put(simulation, series)
    frame = utilization(store, "disk_util")
    found = cells(frame).set_index(["hostname", "phase"])
    keys = [(str(h), str(p)) for h, p in zip(frame["hostname"], frame["phase"], strict=True)]
    for hostname in ("node-a", "node-b"):
        for phase in (*(p.name for p in SEQUENCE), "Total simulation time"):
            inside = [
                value
                for key, value in zip(keys, frame["value"], strict=True)
                if key[0] == hostname and phase in (key[1], "Total simulation time")
            ]
            row = found.loc[(hostname, phase)]
            longest, stretch = 1, 1
            for before, value in pairwise(inside):
                stretch = stretch + 1 if value == before else 1
                longest = max(longest, stretch)
            assert row["n"] == len(inside)
            assert row["longest"] == longest
            assert row["equal"] == sum(a == b for a, b in pairwise(inside))
            assert row["mean"] == pytest.approx(np.mean(inside))
            assert (row["least"], row["largest"]) == (min(inside), max(inside))
            assert row["step_s"] == 5
