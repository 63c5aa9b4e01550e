"""Charts of phases: runs as bars, and the course stretched onto common phases."""

import numpy as np
import pandas as pd
import pytest
from chart_drawing import HOSTILE, data, drawn, marks, phases, samples, texts

from analysis import charts, durations, utilization
from analysis.charting.phases import is_action, spread
from analysis.charting.stretching import stretched
from minion.errors import InvalidData

RUN = {
    "System idle 1": (0, 50),
    "Start master": (50, 80),
    "Master idle": (80, 150),
    "Wait after drain": (150, 160),
    "Total simulation time": (0, 160),
}

# ---------------------------------------------------------------- which phases act


def test_idle_waits_and_the_whole_run_are_no_actions():
    assert [name for name in RUN if is_action(name)] == ["Start master"]
    assert is_action("Anything of my own")
    assert not is_action("START_PHASE to FINISHED_PHASE")


@pytest.mark.parametrize("places", [[0, 1, 2, 3], [50, 50, 50], [0, 40, 90, 100], [10], []])
def test_names_move_apart_as_little_as_may_be(places):
    places = np.array(places, dtype=float)
    moved = spread(places, 10, 0, 100)
    assert (np.diff(moved) >= 10 - 1e-9).all()
    assert len(places) == 0 or (moved.min() >= 0 and moved.max() <= 100)
    free = (np.diff(places) >= 10).all()
    assert not free or np.allclose(moved, places)


def test_three_names_at_one_place_keep_their_middle():
    assert spread(np.array([50.0, 50, 50]), 10, 0, 100).tolist() == [40, 50, 60]
    assert spread(np.arange(30.0), 10, 0, 100)[[0, -1]].tolist() == [0, 100]


# ---------------------------------------------------------------- timeline


def test_a_run_is_a_bar_of_its_phases_and_gaps():
    frame = pd.concat([phases(RUN, sim_id=["1", "2"]), phases(RUN, sim_id=["9"], platform="K3s")])
    chart = charts.timeline(frame)
    svg = drawn(chart)
    assert len(marks(svg, "rect")) == 3 * 4
    assert {"K3s, 1 run", "K8s, 2 runs", "idle", "wait, no phase", "Start master"} <= set(
        texts(svg)
    )
    assert "Total simulation time" not in texts(svg)
    record = next(r for r in data(chart) if r["run"] == "9")
    assert record["from"] == [0, 50, 80, 150]
    assert record["to"] == [50, 80, 150, 160]


def test_bars_can_begin_with_a_phase():
    later = {name: (start + 7, end + 7) for name, (start, end) in RUN.items()}
    frame = pd.concat([phases(RUN), phases(later, sim_id=["2"])])
    starts = [r["from"] for r in data(charts.timeline(frame, align="phase"))]
    assert starts == [[-50, 0, 30, 100]] * 2
    one = charts.timeline(frame, align="phase", phase="Master idle")
    assert [r["from"][2] for r in data(one)] == [0, 0]
    assert "seconds since Master idle began" in texts(drawn(one))


def test_a_run_without_the_phase_is_left_out_and_counted():
    without = {name: ends for name, ends in RUN.items() if name != "Start master"}
    frame = pd.concat([phases(RUN), phases(without, sim_id=["2"])])
    chart = charts.timeline(frame, align="phase", phase="Start master")
    assert [r["run"] for r in data(chart)] == ["1"]
    assert "Without that phase, and left out: 1 run" in texts(drawn(chart))


def test_the_whole_study_as_bars(study_store):
    frame = durations(study_store, include_gaps=True)
    chart = charts.timeline(frame, simulated=True)
    svg = drawn(chart)
    assert len(marks(svg, "rect")) == 75 * 13
    assert "Simulated data" in texts(svg)
    below = charts.timeline(frame, stacked=True)
    assert len(marks(drawn(below), "rect")) == 75 * 13
    assert len(str(chart.to_dict())) < 120_000


def test_timelines_that_cannot_be_drawn():
    frame = phases(RUN)
    with pytest.raises(InvalidData, match="no run has the phase 'Lunch'; there are: System idle 1"):
        charts.timeline(frame, align="phase", phase="Lunch")
    with pytest.raises(InvalidData, match="align 'day'; there are: time, phase"):
        charts.timeline(frame, align="day")
    with pytest.raises(InvalidData, match="needs align='phase'"):
        charts.timeline(frame, phase="Start master")
    with pytest.raises(InvalidData, match="no run of the selection has a phase"):
        charts.timeline(frame[frame["phase"] == "Total simulation time"])
    with pytest.raises(InvalidData, match="no column 'start_s'"):
        charts.timeline(frame.drop(columns="start_s"))
    with pytest.raises(InvalidData, match="several experiments"):
        charts.timeline(pd.concat([frame, frame.assign(experiment="f")]))


def test_names_of_runs_and_phases_are_text():
    frame = phases({HOSTILE: (0, 5), "it's": (5, 9)}, sim_id=[HOSTILE, "'"], platform=HOSTILE)
    assert len(marks(drawn(charts.timeline(frame, align="phase", phase="it's")), "rect")) == 4


# ---------------------------------------------------------------- the course, phase by phase


def steps(bounds, values, run, step=5.0):
    """Samples in the middle of each step of a run; in each phase one value."""
    parts = []
    for phase, (start, end) in bounds.items():
        times = np.arange(start, end, step) + step / 2
        part = samples(runs=[run], hosts=["m"]).iloc[: len(times)]
        parts.append(part.assign(phase=phase, elapsed_s=times, value=float(values[phase])))
    return pd.concat(parts, ignore_index=True)


def test_phases_of_different_lengths_lie_upon_each_other():
    short = {"System idle 1": (0, 50), "Start master": (50, 90), "Master idle": (90, 150)}
    long = {"System idle 1": (0, 60), "Start master": (60, 160), "Master idle": (160, 300)}
    values = {"System idle 1": 1, "Start master": 9, "Master idle": 4}
    frame = pd.concat([steps(short, values, "1"), steps(long, values, "2")])
    bounds = pd.concat([phases(short), phases(long, sim_id=["2"])])
    whole = stretched(frame, bounds)
    assert whole.lengths == {"System idle 1": 55, "Start master": 70, "Master idle": 100}
    assert whole.starts == {"System idle 1": 0, "Start master": 55, "Master idle": 125}
    (record,) = data(charts.course(frame, align="phase", phases=bounds))
    at, mean = np.array(record["t"]), np.array(record["mean"])
    assert set(mean[at < 55]) == {1}
    assert set(mean[(at > 55) & (at < 125)]) == {9}
    assert set(mean[at > 125]) == {4}
    assert record["low"] == record["mean"] == record["high"]
    assert len(at) == 11 + 14 + 20
    svg = drawn(charts.course(frame, align="phase", phases=bounds))
    assert set(short) <= set(texts(svg))


def test_the_median_of_runs_and_the_share_in_the_band():
    bounds = {"Start master": (0, 100)}
    frame = pd.concat([steps(bounds, {"Start master": v}, str(v)) for v in (1, 2, 3, 4, 10)])
    own = phases(bounds, sim_id=[str(v) for v in (1, 2, 3, 4, 10)])
    (half,) = data(charts.course(frame, align="phase", phases=own))
    assert {*half["low"]} | {*half["mean"]} | {*half["high"]} == {2, 3, 4}
    (all_of_them,) = data(charts.course(frame, align="phase", phases=own, band=1))
    assert {*all_of_them["low"], *all_of_them["high"]} == {1, 10}


def test_a_gap_in_the_samples_is_a_gap_in_the_stretched_run():
    bounds = {"Start master": (0, 200)}
    frame = steps(bounds, {"Start master": 1}, "1")
    frame = frame[(frame["elapsed_s"] < 60) | (frame["elapsed_s"] > 140)]
    (record,) = data(charts.course(frame, align="phase", phases=phases(bounds)))
    assert max(np.diff(record["t"])) > 60


def test_the_study_stretched_has_no_slope_where_phases_begin(study_store):
    """K3s starts its master in a third of K8s' time; stretched, both are busy at the same time."""
    frame = utilization(study_store, "cpu")
    chart = charts.course(
        frame, align="phase", phases=durations(study_store, include_gaps=True), simulated=True
    )
    records = {r["platform"]: r for r in data(chart) if r["panel"] == "master"}
    busy = {name: np.array(r["mean"]) > 10 for name, r in records.items()}
    first = {name: np.array(records[name]["t"])[of].min() for name, of in busy.items()}
    assert max(first.values()) - min(first.values()) < 5
    assert len(marks(drawn(chart), "area")) == 6


def test_courses_that_cannot_be_drawn():
    frame = samples()
    with pytest.raises(InvalidData, match=r"align='phase' needs phases=durations\("):
        charts.course(frame, align="phase")
    with pytest.raises(InvalidData, match="no run of the frame is among the phases"):
        charts.course(frame, align="phase", phases=phases(RUN, sim_id=["other"]))
    with pytest.raises(InvalidData, match="no sample lies in a phase"):
        charts.course(frame, align="phase", phases=phases({"Stop master": (0, 9)}))
    with pytest.raises(InvalidData, match="a band of 0; give the share"):
        charts.course(frame, band=0)
    with pytest.raises(InvalidData, match="align 'x'; there are: time, phase"):
        charts.course(frame, align="x")
