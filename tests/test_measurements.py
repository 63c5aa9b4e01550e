"""Measurements as a tidy frame."""

import math
from dataclasses import replace

import pytest
from runs import run

from analysis.measurements import MEASURED, RUN, measurements, measurements_of
from minion.errors import NotFound
from minion.lifecycle import TOTAL
from minion.model import Measurement, Verdict


def measured(sim_id, *found, parameters=None, platform="K8s"):
    """A run without series, with these measurements."""
    simulation, _ = run(sim_id, platform=platform)
    return replace(simulation, measurements=found, parameters=parameters or {})


def count(value, **where):
    return Measurement(name="count", value=value, unit="events", **where)


@pytest.fixture
def two(store):
    """Two runs: one on three nodes, one on ten."""
    memory = Measurement(name="memory", value=7.5, unit="MiB", hostname="node-b")
    for simulation in (
        measured("10", count(3.0), parameters={"nodes": 10}, platform="K3s"),
        measured("9", count(1.0, hostname="node-a"), memory, count(2.0), parameters={"nodes": 3}),
    ):
        store.put(simulation, [])
    return store


def test_a_row_for_each_measurement_in_the_order_of_the_runs(two):
    frame = measurements(two)
    assert list(frame.columns) == [*RUN, "nodes", *MEASURED]
    assert frame.astype(str).to_numpy().tolist() == [
        ["e", "K8s", "9", "3", "node-a", TOTAL.name, "count", "events", "1.0"],
        ["e", "K8s", "9", "3", "node-b", TOTAL.name, "memory", "MiB", "7.5"],
        ["e", "K8s", "9", "3", "", TOTAL.name, "count", "events", "2.0"],
        ["e", "K3s", "10", "10", "", TOTAL.name, "count", "events", "3.0"],
    ]
    assert frame["nodes"].dtype == "int64"
    assert frame["value"].dtype == "float64"
    assert set(frame.drop(columns=["nodes", "value"]).dtypes.astype(str)) == {"category"}


def test_a_choice_of_names_runs_and_hosts(two):
    assert measurements(two, measurement="memory")["value"].tolist() == [7.5]
    assert measurements(two, sims="10")["value"].tolist() == [3.0]
    of_host = measurements(two, hosts="node-a", sims="9")
    assert of_host["hostname"].tolist() == ["node-a", ""]
    assert len(measurements(two, measurement=["memory", "count"])) == 4


def test_an_excluded_run_is_left_out(two):
    two.judge(two.simulation("9"), Verdict.EXCLUDED, ["broken"], by="me")
    assert measurements(two)["sim_id"].tolist() == ["10"]
    assert len(measurements(two, include_excluded=True)) == 4


def test_a_phase_is_kept_and_chosen():
    simulation = measured("1", count(1.0, phase="Cluster idle"), count(2.0))
    frame = measurements_of([simulation])
    assert frame["phase"].tolist() == ["Cluster idle", TOTAL.name]
    assert measurements_of([simulation], phases=["Cluster idle"])["value"].tolist() == [1.0]


def test_a_name_that_no_run_has_is_told_with_those_there_are(two):
    with pytest.raises(NotFound, match="has a memoir; there are: count, memory"):
        measurements(two, measurement="memoir")
    with pytest.raises(NotFound, match="they have no measurements"):
        measurements_of([measured("1")], measurement="memory")


def test_no_measurement_is_an_empty_frame_with_all_columns(store):
    frame = measurements(store)
    assert list(frame.columns) == [*RUN, *MEASURED]
    assert frame.empty
    empty = measurements_of([measured("1", parameters={"nodes": 3})])
    assert list(empty.columns) == [*RUN, "nodes", *MEASURED]
    assert empty.empty


def test_parameters_keep_their_kind():
    frame = measurements_of(
        [
            measured("1", count(1.0), parameters={"a": 1, "b": "x", "c": True, "d": 1, "e": 1}),
            measured(
                "2", count(1.0), parameters={"a": 2, "b": "y", "c": False, "d": 1.5, "e": "l"}
            ),
            measured("3", count(1.0), parameters={"a": 3, "b": "x", "c": True}),
        ]
    )
    assert frame["a"].tolist() == [1, 2, 3]
    assert frame["a"].dtype == "int64"
    assert frame["b"].tolist() == ["x", "y", "x"]
    assert frame["c"].tolist() == ["True", "False", "True"]
    assert frame["d"].tolist()[:2] == [1.0, 1.5]
    assert math.isnan(frame["d"].tolist()[2])
    assert frame["e"].tolist()[:2] == ["1", "l"]
    assert frame["e"].isna().tolist() == [False, False, True]


def test_a_parameter_named_like_a_column_takes_nothing_away():
    frame = measurements_of([measured("1", count(1.0), parameters={"unit": "kB", "value": 3})])
    assert frame["unit"].tolist() == ["events"]
    assert frame["value"].tolist() == [1.0]
    assert frame["parameter unit"].tolist() == ["kB"]
    assert frame["parameter value"].tolist() == [3]
