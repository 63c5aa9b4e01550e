"""Charts of an observer: what they hold, and that they can be drawn."""

import numpy as np
import pandas as pd
import pytest

from analysis.charting.output import save
from analysis.observing.bars import bars
from analysis.observing.curves import capture_curve, cost_curve, events_curve
from analysis.observing.percentiles import percentile_table
from minion.errors import InvalidData


def captured(platforms=("p",)):
    """Three runs of each of two sizes."""
    rows = [
        (
            "e",
            name,
            f"{name}/{nodes}/{k}",
            nodes,
            nodes,
            100.0 * nodes,
            100.0 * nodes * ratio,
            ratio,
        )
        for name in platforms
        for nodes, ratios in {2: [1.0, 1.0, 1.0], 12: [0.6, 0.7, 0.8]}.items()
        for k, ratio in enumerate(ratios)
    ]
    names = "experiment platform sim_id nodes hosts generated seen ratio".split()
    return pd.DataFrame(rows, columns=names)


def costs():
    own = captured().rename(columns={"ratio": "value"})
    return own.assign(measurement="memory", unit="MiB")


def records(chart):
    """What is drawn; the last data set is the chart's own."""
    return max(chart.to_dict()["datasets"].values(), key=len)


def test_the_capture_curve_has_every_run_and_the_means_with_intervals():
    drawn = records(capture_curve(captured()))
    assert sorted(r["value"] for r in drawn if "value" in r) == [0.6, 0.7, 0.8, 1, 1, 1]
    means = {r["nodes"]: r for r in drawn if "mean" in r}
    assert means[12]["mean"] == pytest.approx(0.7)
    # R 4.2.2: t.test(c(.6, .7, .8))$conf.int
    assert [means[12]["low"], means[12]["high"]] == pytest.approx([0.4515862, 0.9484138], abs=1e-7)
    assert means[2]["low"] == means[2]["high"] == 1


def test_the_events_curve_has_both_percentiles_of_each_size():
    drawn = records(events_curve(captured(), percent=50))
    found = {(r["what"], r["nodes"]): r["value"] for r in drawn}
    assert found == {
        ("generated", 2): 200,
        ("generated", 12): 1200,
        ("seen", 2): 200,
        ("seen", 12): 840,
    }


def test_a_single_run_has_a_dot_and_no_interval():
    drawn = records(capture_curve(captured().iloc[[0, 3]]))
    assert not any("low" in r for r in drawn)
    assert sum("mean" in r for r in drawn) == 2


def test_a_run_without_a_ratio_is_left_out():
    own = captured()
    own.loc[0, "ratio"] = np.nan
    assert sum("value" in r for r in records(capture_curve(own))) == 5


def test_bars_stand_in_order_with_both_lines():
    frame = pd.DataFrame(
        {"hostname": [f"node-{n}" for n in (10, 9, 1)] * 2, "value": [3.0, 2, 1, 4, 2, 1]}
    )
    table = percentile_table(frame, within="hostname", percent=100)
    chart = bars(table, unit="s")
    drawn = {r.get("name", r["kind"]): r["value"] for r in records(chart)}
    assert drawn == {
        "node-10": 4,
        "node-9": 2,
        "node-1": 1,
        "percentile of percentiles": 4,
        "pooled": 4,
    }
    sort = chart.to_dict()["layer"][0]["encoding"]["x"]["sort"]
    assert sort == ["node-1", "node-9", "node-10"]


def test_each_chart_can_be_drawn_and_says_what_it_shows(tmp_path):
    table = percentile_table(costs().assign(hostname="a"), within="hostname")
    charts = {
        "capture": capture_curve(captured(("p", "q"))),
        "events": events_curve(captured(("p", "q")), simulated=True),
        "cost": cost_curve(costs()),
        "bars": bars(table),
    }
    for name, chart in charts.items():
        assert chart.to_dict()["description"], name
        save(chart, tmp_path / f"{name}.svg")
        assert "</svg>" in (tmp_path / f"{name}.svg").read_text()
    assert "Simulated data" in charts["events"].to_dict()["title"]["subtitle"]
    assert "MiB per node" in (tmp_path / "cost.svg").read_text()


@pytest.mark.parametrize("draw", [capture_curve, events_curve])
def test_what_cannot_be_drawn_is_told(draw):
    with pytest.raises(InvalidData, match="there is nothing to draw"):
        draw(captured().assign(ratio=np.nan, seen=np.nan))
    with pytest.raises(InvalidData, match="no column 'pods'"):
        draw(captured(), by="pods")
    with pytest.raises(InvalidData, match="nodes is no number in every run"):
        draw(captured().assign(nodes="x"))
    other = captured().assign(experiment="f")
    with pytest.raises(InvalidData, match="several experiments"):
        draw(pd.concat([captured(), other]))


def test_one_measurement_and_one_group_at_a_time():
    with pytest.raises(InvalidData, match=r"several of measurement \(memory, cpu\); draw one"):
        cost_curve(pd.concat([costs(), costs().assign(measurement="cpu")]))
    table = percentile_table(costs().assign(hostname="a"), by=["nodes"], within="hostname")
    with pytest.raises(InvalidData, match="several groups; draw one"):
        bars(table)
