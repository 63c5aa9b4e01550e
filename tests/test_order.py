"""The order of runs: drifts that are planted, and who came when, against every order there is."""

import math
from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pandas as pd
import pytest

from analysis import utilization
from analysis.comparing import order
from analysis.comparing.order import arrangement, drift
from analysis.statistics.trend import kendall_trend
from analysis.values import run_values
from minion.errors import InvalidData
from minion.selection import Selection


def values(numbers, platform="K8s", **others):
    frame = pd.DataFrame({"value": np.asarray(numbers, float)})
    frame["sim_id"] = [f"{platform}-{place}" for place in range(len(frame))]
    return frame.assign(**({"experiment": "e", "phase": "Load", "platform": platform} | others))


def in_order(frame):
    return {("e", sim): 1e9 + 3600.0 * at for at, sim in enumerate(frame["sim_id"].unique())}


@pytest.fixture(scope="module")
def ram(study_store):
    return run_values(utilization(study_store, "ram"))


@pytest.fixture(scope="module")
def simulations(study_store):
    return study_store.simulations(Selection.of())


@pytest.fixture(scope="module")
def starts(simulations):
    return {(s.experiment, s.sim_id): s.events[0].time for s in simulations}


# ---------------------------------------------------------------- drift


def test_the_runs_of_the_study_do_not_drift(ram, starts):
    found = drift(ram, starts)
    assert len(found) == 3 * 11
    assert found["runs"].tolist() == [25] * 33
    assert (found["p_holm"] > 0.05).all()
    assert found["change_relative"].abs().max() < 0.05


def test_a_drift_is_found_where_it_was_planted(ram, starts):
    place = {run: at for at, run in enumerate(sorted(starts, key=lambda run: starts[run]))}
    factor = [
        1 + 0.002 * place[run] if platform == "K3s" else 1
        for *run, platform in zip(ram["experiment"], ram["sim_id"], ram["platform"], strict=True)
        for run in [tuple(run)]
    ]
    found = drift(ram.assign(value=ram["value"] * factor), starts)
    drifting = found[found["p_holm"] < 0.05]
    assert drifting["platform"].unique().tolist() == ["K3s"]
    assert len(drifting) == 11
    # 0.002 for each of the study's 75 runs, of which every third is one of K3s.
    assert drifting["change_relative"].median() == pytest.approx(0.15, abs=0.02)
    assert (drifting["low"] > 0).all()


def test_runs_count_in_order_of_time_not_of_the_frame():
    frame = values([5, 1, 4, 2, 3, 6])
    begun = dict(zip([("e", sim) for sim in frame["sim_id"]], [5, 1, 4, 2, 3, 6], strict=True))
    (row,) = drift(frame, begun).to_dict("records")
    assert (row["slope"], row["tau"], row["change"]) == pytest.approx((1, 1, 5))
    assert row["change_relative"] == pytest.approx(5 / 3.5)
    trend = kendall_trend(np.arange(6), np.arange(6))
    assert (row["p"], row["low"]) == pytest.approx((trend.p, trend.low))


def test_p_is_adjusted_over_the_table_and_dimensions_are_kept_apart():
    random = np.random.default_rng(1)
    parts = [
        values(random.normal(60, 4, 12), dimension=dimension, phase=phase)
        for dimension in ("in", "out")
        for phase in ("Load", "Rest")
    ]
    frame = pd.concat(parts)
    found = drift(frame, in_order(frame))
    assert found.columns.tolist() == [
        *("experiment", "phase", "dimension", "platform", "runs", "slope", "low", "high"),
        *("change", "change_relative", "tau", "p", "p_holm"),
    ]
    assert len(found) == 4
    assert found["p_holm"].min() == pytest.approx(min(1, 4 * found["p"].min()))


def test_few_runs_equal_runs_and_none_have_no_figures_that_look_like_answers():
    frame = pd.concat([values([3.0]), values([2.0] * 9, "K3s"), values([np.nan], "mK8s")])
    lone, equal = drift(frame, in_order(frame)).to_dict("records")
    assert lone["runs"] == 1
    assert np.isnan([lone[name] for name in ("slope", "change", "tau", "p", "p_holm")]).all()
    assert (equal["slope"], equal["change"]) == (0, 0)
    assert np.isnan([equal["tau"], equal["p"]]).all()
    nothing = drift(frame.iloc[:0], {})
    assert nothing.empty
    assert nothing.columns.tolist()[-1] == "p_holm"


def test_what_drift_cannot_use_is_named():
    frame = values([1, 2, 3])
    begun = in_order(frame)
    with pytest.raises(InvalidData, match="the start of run K8s-0 in e and 2 more is not known"):
        drift(frame, {})
    with pytest.raises(InvalidData, match="the start of run K8s-1 in e is not known"):
        drift(frame, begun | {("e", "K8s-1"): math.nan})
    with pytest.raises(InvalidData, match="run K8s-0 has several values in one phase"):
        drift(pd.concat([frame, frame]), begun)
    with pytest.raises(InvalidData, match="no column 'sim_id'"):
        drift(frame.drop(columns="sim_id"), begun)
    with pytest.raises(InvalidData, match="an infinite"):
        drift(values([1, 2, np.inf]), begun)


# ---------------------------------------------------------------- who came when


@pytest.mark.parametrize("names", ["AAB", "ABAB", "AABBB", "AABBC", "ABCABC", "AAABBCC", "ABCD"])
def test_probabilities_are_those_of_every_order_there_is(names):
    orders = set(permutations(names))
    switches = Counter(sum(a != b for a, b in pairwise(one)) for one in orders)
    expected = sum(s * times for s, times in switches.items()) / len(orders)
    for one in orders:
        found = arrangement(one)
        distance = abs(found.switches - expected)
        as_far = sum(t for s, t in switches.items() if abs(s - expected) >= distance - 1e-9)
        assert found.expected_switches == pytest.approx(expected)
        assert found.p == pytest.approx(as_far / len(orders))


def test_many_runs_are_tested_as_r_does():
    # R 4.2.2, tseries 0.10-53: runs.test(factor(...)) of the same 250
    assert arrangement("AABABBBAABABBBBAAAAABABBA" * 10).p == pytest.approx(0.542286446387191)


@pytest.mark.parametrize("levels", [2, 3])
def test_counted_and_normal_probabilities_meet(levels, monkeypatch):
    random = np.random.default_rng(levels)
    drawn = [random.integers(0, levels, 190).astype(str).tolist() for _ in range(20)]
    counted = [arrangement(names).p for names in drawn]
    monkeypatch.setattr(order, "_MOST_COUNTED", 0)
    # Counted, p falls in steps: at most the most frequent number's share, 1 / (7 sqrt(2 pi)).
    assert [arrangement(names).p for names in drawn] == pytest.approx(counted, abs=0.07)


def test_random_orders_are_taken_for_blocks_no_more_often_than_one_in_twenty():
    random = np.random.default_rng(5)
    runs = list("ABC" * 8)
    found = [arrangement(random.permutation(runs).tolist()) for _ in range(1000)]
    # Two standard errors of a share of 1,000 are 1.4 %; switches are whole numbers, so p is coarse.
    assert np.mean([one.p < 0.05 for one in found]) <= 0.05 + 0.014
    assert np.mean(["partly in blocks" in one.sentence for one in found]) <= 0.05


def test_the_platforms_of_the_study_took_turns(simulations):
    ordered = sorted(simulations, key=lambda s: s.events[0].time)
    found = arrangement([s.platform for s in ordered])
    assert (found.runs, found.switches, found.expected_switches) == (75, 74, 50)
    assert found.p < 1e-6
    assert not found.blocked
    assert found.sentence == "Platforms took turns (74 switches in 75 runs)"


MEANWHILE = "what changed on the machines meanwhile"


@pytest.mark.parametrize(
    ("names", "blocked", "sentence"),
    [
        (
            ["K8s"] * 25 + ["mK8s"] * 25 + ["K3s"] * 25,
            True,
            "All runs of K8s were made before those of mK8s, and these before those of K3s:"
            f" {MEANWHILE} cannot be told from the platform",
        ),
        (
            "AB",
            True,
            f"All runs of A were made before those of B: {MEANWHILE} cannot be told from the"
            " platform",
        ),
        (
            "A" * 5 + "BC" * 5,
            False,
            "Platforms stand partly in blocks (10 switches in 15 runs), all runs of A side by side:"
            f" {MEANWHILE} cannot be told from that platform",
        ),
        (
            "AAAAABABABAB" + "CCCC" + "DDDD" + "BA",
            False,
            "Platforms stand partly in blocks (11 switches in 22 runs), all runs of C and D side by"
            f" side: {MEANWHILE} cannot be told from these platforms",
        ),
        (
            "A" * 10 + "B" * 10 + "A" * 10 + "B" * 10,
            False,
            "Platforms stand partly in blocks (3 switches in 40 runs; a random order has 20.0):"
            f" {MEANWHILE} may look like a difference between platforms",
        ),
        (
            "AABABBBAAB",
            False,
            "Platforms took turns (5 switches in 10 runs)",
        ),
        (
            "AABBBABAAB",
            False,
            "Platforms took turns (5 switches in 10 runs)",
        ),
        (
            "AABBBAAABB",
            False,
            "Platforms stand in mixed order (3 switches in 10 runs; a random order has 5.0)",
        ),
        ("ABCCBA", False, "Platforms took turns (4 switches in 6 runs)"),
        ("AAA", False, "All runs are of A: their order tells nothing about platforms"),
        ("", False, "There are no runs"),
    ],
)
def test_what_follows_from_an_order(names, blocked, sentence):
    found = arrangement(names)
    assert found.sentence == sentence
    assert found.blocked is blocked
    assert found.runs == len(names)
    assert math.isnan(found.p) == (len(set(names)) < 2)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (
            ["2", "2", "12", "12"],
            f"All runs of nodes 2 were made before those of nodes 12: {MEANWHILE} cannot be told"
            " from the level of nodes",
        ),
        (["2", "12", "2", "12"], "Levels of nodes took turns (3 switches in 4 runs)"),
        (["2"], "All runs are of nodes 2: their order tells nothing about levels of nodes"),
        (
            ["2"] * 5 + ["3", "12"] * 5,
            "Levels of nodes stand partly in blocks (10 switches in 15 runs), all runs of nodes 2"
            f" side by side: {MEANWHILE} cannot be told from that level",
        ),
    ],
)
def test_levels_of_a_parameter_are_not_called_platforms(names, sentence):
    assert arrangement(names, factor="nodes").sentence == sentence
