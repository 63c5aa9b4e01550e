"""The quality check of samples and values, on runs with planted faults and on runs without."""

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from checked_runs import (
    CPU,
    DISK,
    IO,
    RAM,
    RUNS,
    against,
    bounds,
    chart_of,
    moved,
    of,
    said,
    stored,
    with_values,
)
from runs import run

from analysis.metrics import utilization
from analysis.quality.cells import cells
from analysis.quality.checks import RUN_COLUMNS, check
from analysis.quality.outliers import FEWEST_RUNS, cut_off, held_against, is_far
from minion.lifecycle import SEQUENCE
from minion.model import Missing, Verdict

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
