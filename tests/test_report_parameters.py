"""Measurements in a report whose runs differ in parameters, and series of hosts with one role."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from runs import run
from test_report_contents import written
from test_report_others import measured, other, score

from analysis.reporting.measured import shown_of
from analysis.reporting.parameters import Design, design_of
from minion.model import Host, Measurement, Role


def of_nodes(store, nodes=(2, 4), iterations=3, platforms=("A",), **more):
    """Runs on several numbers of nodes, ten points a node."""
    for platform in platforms:
        for n in nodes:
            for iteration in range(iterations):
                parameters = {"nodes": n, "iteration": iteration, **more}
                name = f"{platform}/{n}-{iteration}-{len(more)}{more}"
                points = score(10.0 * n + iteration)
                store.put(measured(name, platform, points, parameters=parameters), [])


def spec(tmp_path, figure):
    text = (tmp_path / "report.html").read_text()
    (found,) = re.findall(rf'id="{figure}-figure-spec">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def records(spec):
    return [r for rows in spec["datasets"].values() for r in rows]


# ---------------------------------------------------------------- measurements


def test_a_measurement_is_drawn_against_the_parameter_that_varies(store, tmp_path):
    of_nodes(store)
    read = written(store, tmp_path)
    drawn = records(spec(tmp_path, "e0-measured-0"))
    assert sorted((r["x"], r["mean"], r["runs"]) for r in drawn if "mean" in r) == [
        (2, 21, 3),
        (4, 41, 3),
    ]
    # t(2) = 4.302653 (qt(0.975, 2) in R 4.2), sd 1 of three runs.
    assert [r["high"] - r["mean"] for r in drawn if "high" in r] == pytest.approx(
        [4.302653 / 3**0.5] * 2, abs=1e-5
    )
    assert sum("value" in r for r in drawn) == 6
    assert "score by nodes" in read.words
    assert "minion compare score --factor=nodes --format=json --experiment=e" in read.words
    assert "Runs of one platform differ in nodes: means are of the runs of each value of it," in (
        read.words
    )
    assert "The parameter iteration numbers repetitions." in read.words
    assert "score in points, over the runs of each nodes" in read.words
    # Nowhere a mean over all of them, which would be 31.
    assert "21.0 to 41.0 points at nodes 2 and 4" in read.words.replace("\xa0", " ")
    assert "31.0" not in read.words


def test_one_platform_is_told_how_its_levels_are_compared(store, tmp_path):
    of_nodes(store)
    read = written(store, tmp_path)
    assert "only A is there, with 6 runs. They differ in nodes: `minion compare NAME" in read.words
    assert "--factor nodes" in read.words


def test_repetitions_alone_have_a_common_mean(store, tmp_path):
    of_nodes(store, nodes=(2,))
    read = written(store, tmp_path)
    assert "score in points, over runs" in read.words
    assert "differ in" not in read.words


def test_a_second_parameter_has_panels_and_a_third_leaves_no_means(store, tmp_path):
    for pods in (1, 5):
        of_nodes(store, nodes=(2, 4, 6), pods=pods, platforms=("A", "B"))
    written(store, tmp_path)
    drawn = spec(tmp_path, "e0-measured-0")
    assert {(r["panel"], r["x"]) for r in records(drawn)} == {
        (pods, n) for pods in ("1", "5") for n in (2, 4, 6)
    }
    assert len([r for r in records(drawn) if "mean" in r]) == 12
    of_nodes(store, nodes=(2, 4, 6), pods=1, kernel="new")
    of_nodes(store, nodes=(2, 4, 6), pods=1, kernel="old")
    read = written(store, tmp_path)
    assert not [r for r in records(spec(tmp_path, "e0-measured-0")) if "mean" in r]
    assert "differ in more than it" in read.words
    assert "single runs" in read.words


def test_a_parameter_that_is_named_like_a_column_stays_a_parameter(store, tmp_path):
    for n, value in enumerate(["x", "x", "y", "y"]):
        parameters = {"value": value, "platform": n % 2, "panel": value}
        store.put(measured(str(n), "A", score(n), parameters=parameters), [])
    written(store, tmp_path)
    drawn = spec(tmp_path, "e0-measured-0")
    assert sorted(r["value"] for r in records(drawn) if "value" in r) == [0, 1, 2, 3]
    assert "parameter platform" in json.dumps(drawn)


def test_what_is_drawn_against_what():
    def of(**values):
        count = max(map(len, values.values()))
        return [
            measured(str(n), "A", parameters={k: v[n % len(v)] for k, v in values.items()})
            for n in range(count)
        ]

    assert design_of(of(nodes=[2, 2])) is None
    assert design_of(of(iteration=[1, 2])) is None
    assert design_of(of(nodes=[2, 4], iteration=[1, 2, 3])) == Design(
        "nodes", repetitions=("iteration",)
    )
    assert design_of(of(kernel=["a", "b", "c"], nodes=[2, 4])) == Design("nodes", "kernel")
    assert design_of(of(kernel=["a", "b"])) == Design("kernel")
    many = of(nodes=list(range(9)), pods=list(range(10)))
    assert design_of(many) == Design("pods", others=("nodes",))
    one_each = [replace(s, platform=str(n)) for n, s in enumerate(of(nodes=[2, 4]))]
    assert design_of(one_each) is None


def test_each_unit_has_its_turn_among_many_measurements():
    latencies = [{"name": f"p{n}", "value": n, "unit": "ms"} for n in range(9)]
    rate = {"name": "rate", "value": 1, "unit": "1/s"}
    simulation = measured("1", "A", *latencies, rate)
    assert shown_of(simulation.measurements, most=4) == ["p0", "p1", "p2", "rate"]
    assert len(shown_of(simulation.measurements, most=99)) == 10


def test_runs_of_numbers_only_are_not_called_incomplete(store, tmp_path):
    of_nodes(store)
    assert "are whole" not in written(store, tmp_path).words


# ---------------------------------------------------------------- series


def ends(hosts, **levels):
    """A run whose hosts share a role, each with a level of its own."""
    simulation, _ = run("1", phases=False, metrics=[])
    simulation = replace(simulation, hosts=tuple(Host(hostname=h, role=Role.WORKER) for h in hosts))
    series = other(simulation, "tool.rate")
    flat = [replace(series, hostname=h, values=np.full((10, 1), levels.get(h, 1.0))) for h in hosts]
    return simulation, flat


def test_hosts_that_share_a_role_are_not_averaged(store, tmp_path):
    store.put(*ends(["client", "server"], client=52.0, server=40.0))
    read = written(store, tmp_path)
    drawn = records(spec(tmp_path, "e0-series-0"))
    assert {r["panel"]: set(r["mean"]) for r in drawn} == {"client": {52}, "server": {40}}
    assert "the mean of each host of a run at each time step" in read.words
    assert "One run of each platform." in read.words
    assert [r["low"] for r in drawn] == [[], []]


def test_many_hosts_of_a_role_are_averaged_and_that_is_said(store, tmp_path):
    store.put(*ends([f"n{place}" for place in range(20)], n0=39.0))
    read = written(store, tmp_path)
    (drawn,) = records(spec(tmp_path, "e0-series-0"))
    assert (drawn["panel"], drawn["mean"][0]) == ("worker", (39 + 19) / 20)
    assert "One run of each platform, the mean of the hosts of a role (20 in all)." in read.words


def test_a_host_of_each_role_is_shown_by_its_role(store, tmp_path):
    for n in range(2):
        simulation, _ = run(str(n), phases=False, metrics=[])
        series = [replace(other(simulation, "tool.rate"), hostname=h) for h in ("node-a", "node-b")]
        store.put(replace(simulation, measurements=(Measurement(**score(1)),)), series)
    read = written(store, tmp_path)
    assert {r["panel"] for r in records(spec(tmp_path, "e0-series-0"))} == {"master", "worker"}
    assert "Mean of the runs; the band holds the middle half of the runs." in read.words
