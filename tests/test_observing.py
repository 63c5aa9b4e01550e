"""What an observer sees and costs: percentiles, counters, capture, where it falls behind."""

import warnings

import numpy as np
import pandas as pd
import pytest

from analysis.observing.capture import capture, capture_intervals, keeping_up
from analysis.observing.costs import cost_per_node, cost_trend
from analysis.observing.counters import counted
from analysis.observing.levels import level_intervals, run_means
from analysis.observing.percentiles import (
    EACH,
    NESTED,
    POOLED,
    percentile_table,
    percentiles,
)
from analysis.observing.saturation import saturation
from minion.errors import InvalidData, NotFound


def measured(rows):
    """A frame as `measurements` gives it, of (sim_id, nodes, hostname, measurement, value)."""
    frame = pd.DataFrame(rows, columns=["sim_id", "nodes", "hostname", "measurement", "value"])
    unit = frame["measurement"].map(lambda name: "µs" if "cpu" in name else "events")
    frame = frame.assign(experiment="e", platform="p", phase="whole", unit=unit)
    texts = ["experiment", "platform", "sim_id", "hostname", "phase", "measurement", "unit"]
    return frame.astype({**dict.fromkeys(texts, "category"), "value": float})


def runs_of(ratios, generated=1000.0, platform="p"):
    """Runs as `capture` gives them, from the ratios of each number of nodes."""
    rows = [
        ("e", platform, f"{nodes}/{k}", nodes, nodes, generated * nodes, generated * nodes * r, r)
        for nodes, of in ratios.items()
        for k, r in enumerate(of)
    ]
    names = "experiment platform sim_id nodes hosts generated seen ratio".split()
    return pd.DataFrame(rows, columns=names)


# ---------------------------------------------------------------- percentiles


def test_percentiles_are_type_7_of_any_grouping():
    frame = pd.DataFrame({"g": ["a"] * 5 + ["b"] * 2, "value": [1, 2, 3, 4, 10, 7, np.nan]})
    found = percentiles(frame, ["g"], percent=[50, 99])
    # R 4.2.2: quantile(c(1, 2, 3, 4, 10), c(.5, .99)) is 3 and 9.76
    assert found.to_numpy().tolist() == [
        ["a", 50, 5, 3],
        ["a", 99, 5, pytest.approx(9.76)],
        ["b", 50, 1, 7],
        ["b", 99, 1, 7],
    ]
    (whole,) = percentiles(frame, [], percent=0).to_numpy().tolist()
    assert whole == [0, 6, 1]


def test_groups_stand_in_the_order_that_people_expect():
    frame = pd.DataFrame({"hostname": ["node-10", "node-9", "node-2"], "value": [1.0, 2.0, 3.0]})
    assert percentiles(frame, ["hostname"])["hostname"].tolist() == ["node-2", "node-9", "node-10"]


def test_percentile_of_percentiles_and_pooled_are_told_apart():
    frame = pd.DataFrame(
        {
            "nodes": [2] * 8 + [3] * 2,
            "hostname": ["x"] * 4 + ["y"] * 4 + ["x"] * 2,
            "value": [1.0, 2, 3, 4, 10, 20, 30, 40, 5, np.nan],
        }
    )
    table = percentile_table(frame, by=["nodes"], within="hostname", percent=50)
    # R 4.2.2: median(c(1:4)), median(10*(1:4)), median of these two, median of all eight
    assert table.drop(columns="percent").to_numpy().tolist() == [
        [2, "x", EACH, 4, 2.5],
        [2, "y", EACH, 4, 25.0],
        [2, "", NESTED, 2, 13.75],
        [2, "", POOLED, 8, 7.0],
        [3, "x", EACH, 1, 5.0],
        [3, "", NESTED, 1, 5.0],
        [3, "", POOLED, 1, 5.0],
    ]


def test_percentile_table_without_groups_and_with_categories():
    frame = pd.DataFrame({"hostname": pd.Categorical(["b", "a"]), "value": [1.0, 3.0]})
    table = percentile_table(frame, within="hostname", percent=100)
    assert table["hostname"].tolist() == ["a", "b", "", ""]
    assert table["value"].tolist() == [3, 1, 3, 3]
    named = frame.assign(measurement=pd.Categorical(["m", "m"], categories=["z", "m"]))
    own = percentile_table(named, by=["measurement"], within="hostname")
    assert own["measurement"].cat.categories.tolist() == ["m"]


def test_nothing_has_no_percentiles_and_a_wrong_question_is_told():
    frame = pd.DataFrame({"hostname": ["a"], "value": [np.nan]})
    assert percentiles(frame, ["hostname"]).empty
    assert percentile_table(frame, within="hostname").empty
    with pytest.raises(InvalidData, match="a percentile of 101; give a number from 0 to 100"):
        percentiles(frame, [], percent=101)
    with pytest.raises(InvalidData, match="no column 'nodes'; it has: hostname, value"):
        percentiles(frame, ["nodes"])


# ---------------------------------------------------------------- counters


def test_a_counter_counts_between_its_readings():
    frame = measured(
        [
            ("1", 2, "a", "cpu before", 10),
            ("1", 2, "b", "cpu before", 20),
            ("1", 2, "c", "cpu before", 30),
            ("1", 2, "a", "cpu after", 2_000_010),
            ("1", 2, "b", "cpu after", 19),
            ("1", 2, "d", "cpu after", 50),
            ("2", 2, "a", "cpu before", 5),
            ("2", 2, "a", "cpu after", 5),
        ]
    )
    found = counted(frame, "cpu before", "cpu after", measurement="cpu used", unit="s", scale=1e6)
    assert list(found.values.columns) == list(frame.columns)
    own = found.values[["sim_id", "nodes", "hostname", "measurement", "unit", "value"]]
    assert own.to_numpy().tolist() == [
        ["1", 2, "a", "cpu used", "s", 2.0],
        ["2", 2, "a", "cpu used", "s", 0.0],
    ]
    assert found.left_out[["hostname", "reason"]].to_numpy().tolist() == [
        ["b", "the counter went back"],
        ["c", "no cpu after"],
        ["d", "no cpu before"],
    ]
    same = counted(frame, "cpu before", "cpu after", measurement="x")
    assert same.values["unit"].tolist() == ["µs", "µs"]
    assert same.values["value"].tolist() == [2_000_000, 0]


def test_readings_that_do_not_fit_are_refused():
    frame = measured([("1", 2, "a", "cpu before", 1), ("1", 2, "a", "count", 2)])
    with pytest.raises(NotFound, match="no measurement cpu after; it has: cpu before, count"):
        counted(frame, "cpu before", "cpu after", measurement="x")
    with pytest.raises(InvalidData, match="several units: events, µs"):
        counted(frame, "cpu before", "count", measurement="x")
    twice = measured([("1", 2, "a", "count", 1), ("1", 2, "a", "count", 2)])
    with pytest.raises(InvalidData, match="count stands twice in simulation 1"):
        counted(twice, "count", "count", measurement="x")


# ---------------------------------------------------------------- levels


def test_intervals_of_levels_are_student_s():
    # R 4.2.2: t.test(c(1, 2, 4))$conf.int
    values = pd.DataFrame({"nodes": [3, 3, 3, 5], "value": [1.0, 2, 4, 9]})
    found = level_intervals(values, ["nodes"])
    assert found["runs"].tolist() == [3, 1]
    assert found[["mean", "low", "high"]].iloc[0].tolist() == pytest.approx(
        [7 / 3, -1.46124970, 6.12791637], abs=1e-8
    )
    assert found[["sd", "low", "high"]].iloc[1].isna().all()


def test_values_without_spread_or_number_give_no_warning():
    values = pd.DataFrame({"nodes": [1, 1, 2, 3], "value": [4.0, 4, np.nan, 1]})
    for method in ("t", "BCa"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = level_intervals(values, ["nodes"], method=method)
        assert found["nodes"].tolist() == [1, 3]
        assert found[["low", "high"]].iloc[0].tolist() == [4, 4]
    assert level_intervals(values[:0], ["nodes"]).empty
    with pytest.raises(InvalidData, match="method 'z'; there are: t, BCa"):
        level_intervals(values, ["nodes"], method="z")
    with pytest.raises(InvalidData, match="a confidence of 95"):
        level_intervals(values, ["nodes"], confidence=95)


@pytest.mark.parametrize("method", ["t", "BCa"])
def test_an_interval_of_95_per_cent_covers_about_95_per_cent(method):
    # 300 samples of 30: the binomial deviation of 95 % is 1.26 %, so within 4 of them, and BCa,
    # which is known to be a little narrow, 1 % more below.
    random = np.random.default_rng(5)
    draws = random.normal(7, 2, (300, 30))
    if method == "BCa":
        draws = draws[:100]  # their deviation is 2.2 %
    values = pd.DataFrame({"nodes": np.repeat(np.arange(len(draws)), 30), "value": draws.ravel()})
    found = level_intervals(values, ["nodes"], method=method)
    covered = ((found["low"] <= 7) & (found["high"] >= 7)).mean()
    assert covered == pytest.approx(0.95, abs=0.05 if method == "t" else 0.1)
    assert (found["low"] < found["mean"]).all()


def test_a_run_is_the_mean_of_its_hosts():
    frame = measured(
        [("1", 2, "a", "count", 1), ("1", 2, "b", "count", 4), ("2", 2, "a", "count", np.nan)]
    )
    found = run_means(frame, ["measurement", "nodes"])
    assert found[["sim_id", "nodes", "hosts", "value"]].to_numpy().tolist() == [["1", 2, 2, 2.5]]


# ---------------------------------------------------------------- capture


def test_capture_adds_hosts_up_and_leaves_out_runs_without_both():
    frame = measured(
        [
            ("1", 2, "a", "made", 10),
            ("1", 2, "b", "made", 30),
            ("1", 2, "", "seen", 20),
            ("2", 2, "a", "made", 10),
            ("3", 2, "a", "made", 0),
            ("3", 2, "", "seen", 0),
        ]
    )
    found = capture(frame, seen="seen", generated="made")
    names = ["sim_id", "nodes", "hosts", "generated", "seen"]
    assert found[names].to_numpy().tolist() == [["1", 2, 2, 40, 20], ["3", 2, 1, 0, 0]]
    assert found["ratio"].tolist() == [0.5, pytest.approx(np.nan, nan_ok=True)]
    with pytest.raises(NotFound, match="no measurement saw; it has: made, seen"):
        capture(frame, seen="saw", generated="made")
    with pytest.raises(InvalidData, match="no column 'pods'"):
        capture(frame, seen="seen", generated="made", by=["pods"])


def test_the_interval_is_of_the_runs_ratios_and_the_pooled_one_beside():
    runs = pd.DataFrame(
        {
            "nodes": [2, 2, 2],
            "generated": [10.0, 100, 0],
            "seen": [10.0, 50, 0],
            "ratio": [1.0, 0.5, np.nan],
        }
    )
    found = capture_intervals(runs).iloc[0]
    assert (found["runs"], found["mean"]) == (2, 0.75)
    assert found["pooled"] == pytest.approx(60 / 110)


def test_where_an_observer_begins_to_fall_behind():
    random = np.random.default_rng(3)
    near = {2: 1.0, 4: 1.0, 8: 0.8, 16: 0.5}
    runs = runs_of({n: random.normal(r, 0.002, 20) for n, r in near.items()})
    found = keeping_up(runs)
    assert found.levels["verdict"].tolist() == ["keeps up"] * 2 + ["falls behind"] * 2
    assert (found.last_kept, found.first_behind) == (4, 8)
    assert found.sentence.startswith(
        "The observer keeps up at 4 nodes and begins to fall behind before 8: at 8 nodes it sees 80"
    )


@pytest.mark.parametrize(
    ("ratios", "sentence"),
    [
        ({2: [1.0, 1.0], 4: [1.0, 1.0]}, "sees 99 % or more at every number of nodes, up to 4."),
        ({2: [1.0, 1.0], 4: [1.0, 0.5]}, "sees 99 % or more up to 2 nodes; beyond that it is"),
        ({2: [0.5, 0.5], 4: [0.4, 0.4]}, "keeps up at no number of nodes that was tried: at 2"),
        ({2: [0.5]}, "Whether the observer sees 99 % or more is undecided at every number"),
        ({2: [np.nan]}, "No run has a capture ratio."),
    ],
)
def test_the_sentence_says_no_more_than_the_intervals(ratios, sentence):
    assert sentence in keeping_up(runs_of(ratios)).sentence


def test_verdicts_hold_together():
    """Of five levels at the very edge, any wrong verdict in no more than 5 % of the studies."""
    # 400 studies: the binomial deviation of 5 % is 1.1 %; 8.5 % is three of them more.
    random = np.random.default_rng(11)
    wrong = 0
    for _ in range(400):
        runs = runs_of({n: random.normal(0.99, 0.05, 12) for n in range(1, 6)})
        wrong += (keeping_up(runs).levels["verdict"] != "undecided").any()
    # At the edge itself "keeps up" is true; only "falls behind" is wrong: half of those.
    assert wrong / 400 < 0.085


def test_what_keeping_up_cannot_answer_is_refused():
    runs = runs_of({2: [1.0, 1.0]})
    with pytest.raises(InvalidData, match="a tolerance of 5"):
        keeping_up(runs, tolerance=5)
    with pytest.raises(InvalidData, match=r"runs of 2 platforms \(p, q\); choose those of one"):
        keeping_up(pd.concat([runs, runs_of({2: [1.0]}, platform="q")]))
    with pytest.raises(InvalidData, match="nodes is no number in every run"):
        keeping_up(runs.assign(nodes="many"))


# ---------------------------------------------------------------- saturation


def broken_line(random, break_at=50.0, share=0.2, noise=1.0):
    x = np.repeat([10.0, 40, 80, 120, 160], 12) + random.uniform(-5, 5, 60)
    y = np.minimum(x, break_at) + share * np.clip(x - break_at, 0, None)
    y += random.normal(0, noise, len(x))
    levels = np.repeat([1, 4, 8, 12, 16], 12)
    return pd.DataFrame({"nodes": levels, "generated": x, "seen": y, "ratio": y / x})


def test_a_line_that_breaks_is_found_where_it_breaks():
    found = saturation(broken_line(np.random.default_rng(1), noise=0.0))
    # The grid has 400 places over 160 events.
    assert found.events == pytest.approx(50, abs=0.4)
    assert found.beyond == pytest.approx(0.2, abs=0.005)
    assert found.explained > 0.9999
    assert found.runs == 60


def test_its_interval_covers_the_break():
    # 60 studies: the binomial deviation of 95 % is 2.8 %; three of them less is 86 %.
    covered = 0
    for seed in range(60):
        found = saturation(broken_line(np.random.default_rng(seed), noise=3.0))
        assert found.low <= found.events <= found.high
        covered += found.low <= 50 <= found.high
    assert covered / 60 >= 0.86


def test_runs_of_one_size_say_nothing_about_a_break():
    runs = runs_of({2: [1.0, 1.0, 1.0, 1.0]})
    with pytest.raises(InvalidData, match="4 runs of 1 sizes say nothing about where a line"):
        saturation(runs)
    with pytest.raises(InvalidData, match="2 runs of 2 sizes"):
        saturation(runs_of({2: [1.0], 3: [1.0]}))


def test_an_observer_that_sees_everything_breaks_nowhere():
    found = saturation(runs_of({2: [1.0] * 3, 4: [1.0] * 3}))
    assert found.explained == 1
    assert found.low <= found.events <= found.high


# ---------------------------------------------------------------- costs


@pytest.fixture
def costs():
    return measured(
        [
            (f"{nodes}/{run}", nodes, host, "cpu used", nodes * 2 + run + add)
            for nodes in (1, 2, 4)
            for run in (0, 1)
            for host, add in (("a", 0.5), ("b", -0.5))
        ]
        + [("1/0", 1, "", "seen", 7)]
    )


def test_cost_per_node_is_over_runs(costs):
    found = cost_per_node(costs, ["cpu used"])
    assert found[["measurement", "unit", "nodes", "runs", "mean"]].to_numpy().tolist() == [
        ["cpu used", "µs", 1, 2, 2.5],
        ["cpu used", "µs", 2, 2, 4.5],
        ["cpu used", "µs", 4, 2, 8.5],
    ]


def test_the_trend_of_a_cost_is_a_straight_line(costs):
    (found,) = cost_trend(costs, ["cpu used"]).to_dict("records")
    # R 4.2.2: f <- lm(c(2, 3, 4, 5, 8, 9) ~ c(1, 1, 2, 2, 4, 4)); coef(f); confint(f)
    assert (found["n"], found["intercept"], found["slope"]) == pytest.approx((6, 0.5, 2.0))
    assert (found["low"], found["high"]) == pytest.approx((1.443472875, 2.55652713), abs=1e-8)


def test_a_cost_that_no_host_has_is_told(costs):
    with pytest.raises(NotFound, match="no host has a measurement seen; there are: cpu used"):
        cost_per_node(costs, ["seen"])
    with pytest.raises(InvalidData, match="nodes is no number in every run"):
        cost_trend(costs.assign(nodes="x"), ["cpu used"])
    (one,) = cost_trend(costs[costs["nodes"] == 1], ["cpu used"]).to_dict("records")
    assert np.isnan(one["slope"])
