"""One run as a heat map."""

import json

import numpy as np
import pandas as pd
import pytest
from chart_drawing import HOSTILE, data, drawn, marks, phases, samples, texts

from analysis import charts
from minion.errors import InvalidData


def fleet(hosts, samples_each=432):
    """One run of many hosts."""
    times = np.arange(samples_each) * 5.0
    value = np.random.default_rng(1).gamma(2.0, 4.0, (hosts, samples_each))
    return pd.DataFrame(
        {
            "experiment": "e",
            "platform": "K8s",
            "sim_id": "1",
            "hostname": np.repeat([f"host{n}" for n in range(hosts)], samples_each),
            "role": np.repeat(["master", *["worker"] * (hosts - 1)], samples_each),
            "phase": "Start master",
            "metric": "cpu",
            "dimension": "utilization",
            "unit": "%",
            "elapsed_s": np.tile(times, hosts),
            "value": value.ravel(),
        }
    )


def test_a_cell_is_the_mean_of_its_samples():
    frame = samples(runs=["1", "2"])
    chart = charts.heat(frame, "1", cells=10)
    records = {r["host"]: r for r in data(chart)}
    assert list(records) == ["m", "w"]
    own = frame[(frame["sim_id"] == "1") & (frame["hostname"] == "w")]["value"].to_numpy()
    assert records["w"]["length"] == 20
    assert records["w"]["from"] == (np.arange(10) * 20.0).tolist()
    assert records["w"]["v"] == pytest.approx(own.reshape(10, 4).mean(axis=1), rel=1e-3)
    assert {"m", "w", "%", "elapsed time in s"} <= set(texts(drawn(chart)))


def test_a_cell_is_never_shorter_than_a_step():
    (first, _) = data(charts.heat(samples(), "1"))
    assert first["length"] == 5
    assert len(first["v"]) == 40


def test_where_there_are_no_samples_there_is_no_cell():
    frame = samples(runs=["1"])
    away = (frame["hostname"] == "w") & frame["elapsed_s"].between(50, 99)
    chart = charts.heat(frame[~away], "1")
    records = {r["host"]: r for r in data(chart)}
    assert not [at for at in records["w"]["from"] if 50 <= at < 100]
    assert len(marks(drawn(chart), "rect")) == 40 + 30


def test_colours_begin_at_zero():
    chart = charts.heat(samples(), "1")
    assert chart.to_dict()["vconcat"][0]["layer"][0]["encoding"]["fill"]["scale"]["domain"] == [
        0,
        20,
    ]


def test_the_names_of_the_phases_stand_above():
    both = pd.concat([phases({"Start master": (0, 100), "Master idle": (100, 195)})])
    chart = charts.heat(samples(), "1", phases=both)
    svg = drawn(chart)
    assert {"Start master", "Master idle"} <= set(texts(svg))
    without = charts.heat(samples(runs=["1"]), "1", phases=both.assign(sim_id="other"))
    assert "Start master" not in texts(drawn(without))


@pytest.mark.parametrize("hosts", [4, 200])
def test_a_fleet_stays_small_and_keeps_its_mean(hosts):
    frame = fleet(hosts)
    chart = charts.heat(frame, "1")
    assert len(json.dumps(chart.to_dict())) < 400_000
    records = data(chart)
    assert [r["host"] for r in records] == [f"host{n}" for n in range(hosts)]
    cells = sum(len(r["v"]) for r in records)
    assert cells <= 24_000
    weights = frame["value"].groupby(frame["hostname"], sort=False).mean().to_numpy()
    drawn_means = [np.mean(r["v"]) for r in records]
    assert drawn_means == pytest.approx(weights, rel=0.05)
    assert len(marks(drawn(chart), "rect")) == cells


def test_maps_that_cannot_be_drawn():
    frame = samples()
    with pytest.raises(InvalidData, match="no values of run 9; there are: 1, 2"):
        charts.heat(frame, "9")
    with pytest.raises(InvalidData, match="1 cells; give at least 2"):
        charts.heat(frame, "1", cells=1)
    with pytest.raises(InvalidData, match=r"run 1 is in several experiments \(e, f\)"):
        charts.heat(pd.concat([frame, samples(experiment="f")]), "1")
    both = samples(dimensions=["in", "out"], metric="net")
    assert {"in", "out"} <= set(texts(drawn(charts.heat(both, "1"))))
    hostile = samples(hosts=[HOSTILE, "it's"], runs=["'"], dimension="'\"")
    assert len(marks(drawn(charts.heat(hostile, "'")), "rect")) == 80
