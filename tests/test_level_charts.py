"""Values of runs against a parameter, as a real renderer draws them."""

import pandas as pd
import pytest
from chart_drawing import HOSTILE, data, drawn, marks, texts

from analysis import charts
from minion.errors import InvalidData


def values(by, **columns):
    """Three runs at each value of a parameter, on two platforms."""
    rows = [
        (platform, f"{platform}{n}{run}", level, float(10 * n + run + 5 * place))
        for place, platform in enumerate(["A", "B"])
        for n, level in enumerate(by)
        for run in range(3)
    ]
    frame = pd.DataFrame(rows, columns=["platform", "sim_id", "nodes", "value"])
    return frame.assign(experiment="e", metric="latency", unit="ms").assign(**columns)


def test_a_dot_per_run_and_a_line_through_the_means_of_the_levels():
    chart = charts.levels(values([2.0, 12.0, 50.0]), by="nodes")
    svg = drawn(chart)
    assert len(marks(svg, "line")) == 2
    assert len(marks(svg, "rule")) == 6
    assert len(marks(svg, "symbol")) == 18 + 6
    assert {"latency by nodes", "latency, ms", "2", "12", "50", "A", "B"} <= set(texts(svg))
    means = {(r["platform"], r["x"]): r["mean"] for r in data(chart) if "mean" in r}
    assert means["A", 12] == 11
    assert means["B", 50] == 26


def test_texts_follow_each_other_and_are_not_joined():
    svg = drawn(charts.levels(values(["v10", "v9", HOSTILE]), by="nodes"))
    assert marks(svg, "line") == []
    words = [text for text in texts(svg) if text in ("v9", "v10")]
    assert words == ["v9", "v10"]


def test_a_panel_for_each_value_of_another_parameter():
    frame = values([2.0, 4.0])
    frame["it's"] = [float(1 + n % 3) for n in range(len(frame))]
    chart = charts.levels(frame, by="nodes", panels="it's", simulated=True)
    svg = drawn(chart)
    assert {"it's 1", "it's 2", "it's 3", "Simulated data"} <= set(texts(svg))
    # One run of each platform and level has no interval.
    assert marks(svg, "rule") == []


def test_runs_that_are_not_alike_have_no_mean():
    chart = charts.levels(values([2.0, 4.0]), by="nodes", means=False)
    svg = drawn(chart)
    assert (marks(svg, "line"), marks(svg, "rule")) == ([], [])
    assert len(marks(svg, "symbol")) == 12
    assert "The runs of a level differ in more than it" in " ".join(texts(svg))


def test_colours_are_those_that_are_given():
    chart = charts.levels(values([2.0]), by="nodes", colours={"A": "#123456", "B": "#654321"})
    fills = {item.get("fill") for item in marks(drawn(chart), "symbol")}
    assert fills == {"#123456", "#654321"}


def test_what_cannot_be_drawn_by_levels_is_said():
    with pytest.raises(InvalidData, match="no column 'pods'"):
        charts.levels(values([2.0]), by="pods")
    with pytest.raises(InvalidData, match="several metrics"):
        charts.levels(pd.concat([values([2.0]), values([2.0], metric="rate")]), by="nodes")
    with pytest.raises(InvalidData, match="several experiments"):
        charts.levels(pd.concat([values([2.0]), values([2.0], experiment="f")]), by="nodes")
