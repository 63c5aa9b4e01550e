"""The lines of one run, drawn from all samples or from those that are new."""

from dataclasses import replace

import numpy as np
import pytest
from chart_drawing import data
from runs import START, run

from analysis.metrics import METRICS, utilization
from analysis.web.lines import (
    MOST_PANELS,
    Lines,
    read_fresh,
    read_lines,
    run_chart,
    run_map,
    run_samples,
)
from analysis.web.listing import Listing
from analysis.web.run_page import run as run_page
from minion.model import EventType, Host, Role, Status
from minion.series import Series


def begun(store, sim_id="1", **options):
    """(running simulation in the store, all series of its run)."""
    simulation, series = run(sim_id, **options)
    begin = tuple(e for e in simulation.events if e.type is EventType.START_SIMULATION)
    simulation = replace(simulation, status=Status.RUNNING, events=begin)
    return store.add(simulation), series


def between(series, first, last):
    """The rows of some series with first <= elapsed time < last."""
    parts = []
    for one in series:
        elapsed = one.times - START
        kept = (elapsed >= first) & (elapsed < last)
        parts.append(replace(one, times=one.times[kept], values=one.values[kept]))
    return [part for part in parts if len(part.times)]


def drawn(lines):
    """{(panel, t): v}, without breaks."""
    return {(r["panel"], r["t"]): r["v"] for r in lines.records if r["v"] is not None}


@pytest.mark.parametrize("metric", METRICS)
def test_old_and_new_samples_together_are_all(store, metric):
    simulation, series = begun(store)
    store.write(simulation, between(series, 0, 300))
    first = read_lines(store, simulation, metric)
    store.write(simulation, between(series, 300, 420))
    second = read_fresh(store, simulation, metric, first.cursor)
    store.write(simulation, between(series, 420, 2_000))
    third = read_fresh(store, simulation, metric, second.cursor)
    assert read_fresh(store, simulation, metric, third.cursor).records == []
    together = drawn(first) | drawn(second) | drawn(third)
    whole = utilization(store, metric, sims="1")
    assert len(together) == len(whole)
    several = metric in ("disk_io", "net")
    for row in whole.itertuples(index=False):
        panel = f"{row.hostname}, {row.dimension}" if several else row.hostname
        assert together[panel, round(row.elapsed_s, 1)] == pytest.approx(row.value, abs=0.01)


def test_only_stretches_with_new_samples_are_read(store):
    simulation, series = begun(store, metrics=["cpu"])
    store.write(simulation, between(series, 0, 645))
    first = read_lines(store, simulation, "cpu")
    store.write(simulation, between(series, 645, 650))
    before = store.client.admin.command("serverStatus")["metrics"]["document"]["returned"]
    assert len(read_fresh(store, simulation, "cpu", first.cursor).records) == 2
    after = store.client.admin.command("serverStatus")["metrics"]["document"]["returned"]
    stretches = store.database["series"].count_documents({"simulation": simulation.id})
    assert stretches == 6
    assert after - before == 2


def test_a_gap_before_new_samples_breaks_the_line(store):
    simulation, series = begun(store, metrics=["cpu"])
    store.write(simulation, between(series, 0, 100))
    first = read_lines(store, simulation, "cpu")
    store.write(simulation, between(series, 200, 300))
    fresh = read_fresh(store, simulation, "cpu", first.cursor)
    assert [r["panel"] for r in fresh.records if r["v"] is None] == ["node-a", "node-b"]


def test_hosts_that_lag_behind_catch_up(store):
    simulation, series = begun(store, metrics=["cpu"])
    a, b = series
    store.write(simulation, [*between([a], 0, 300), *between([b], 0, 100)])
    first = read_lines(store, simulation, "cpu")
    assert first.cursor == {"node-a": 295.0, "node-b": 95.0}
    store.write(simulation, between([b], 100, 300))
    fresh = read_fresh(store, simulation, "cpu", first.cursor)
    assert {r["panel"] for r in fresh.records} == {"node-b"}
    assert fresh.cursor == {"node-a": 295.0, "node-b": 295.0}


@pytest.mark.parametrize("sim_id", ["1-5", "a,b", 'it\'s "1"', "<b>1</b>", " 1"])
def test_a_run_is_read_whatever_its_name(store, sim_id):
    simulation, series = run(sim_id, metrics=["cpu"])
    store.put(simulation, series)
    kept = store.simulation(sim_id, "e")
    assert len(run_samples(store, kept, "cpu")) == 2 * 130
    chart = run_chart(read_lines(store, kept, "cpu"), kept, "cpu").to_dict()
    assert chart["data"]["name"] == "samples"
    assert sim_id in chart["description"]


def test_nothing_is_drawn_of_a_run_without_samples(store):
    simulation, _ = begun(store)
    assert read_lines(store, simulation, "cpu") == Lines([], {})
    assert read_fresh(store, simulation, "cpu", {}) == Lines([], {})
    assert read_fresh(store, simulation, "cpu", {"who?": 3.0}).records == []


def test_a_chart_stays_small_whatever_the_run(store):
    hosts = tuple(Host(hostname=f"h{n}", role=Role.WORKER) for n in range(MOST_PANELS + 3))
    simulation, _ = run("1", metrics=[])
    simulation = store.add(replace(simulation, hosts=hosts))
    times = START + np.arange(20_000.0)
    values = np.random.default_rng(1).uniform(0, 100, (len(times), 1))
    _, (like,) = run("1", hosts=["h"], metrics=["cpu"])
    for host in hosts:
        series: Series = replace(like, hostname=host.hostname, times=times, values=values, step=1.0)
        store.write(simulation, [series], settled=True)
    lines = read_lines(store, simulation, "cpu")
    assert lines.left_out == 3
    assert len(lines.cursor) == MOST_PANELS
    assert len(lines.records) <= MOST_PANELS * 410
    shown = [r["v"] for r in lines.records if r["panel"] == "h0"]
    assert max(shown) == pytest.approx(100 - values.min(), abs=0.01)


def test_a_fleet_is_a_row_of_colours_for_each_host(store):
    hosts = [f"h{n}" for n in range(MOST_PANELS + 3)]
    store.put(*run("1", hosts=hosts, metrics=["cpu"]))
    page = str(run_page(Listing(store), "?experiment=e&sim_id=1"))
    assert "27 lines are too many to be told apart" in page
    assert "more lines are in the data" not in page
    drawn = data(run_map(store, store.simulation("1", "e"), "cpu"))
    assert [record["host"] for record in drawn] == hosts
    assert "'fit': 'maps'" in page
    store.put(*run("2", hosts=hosts, phases=False, metrics=["cpu"]))
    assert len(data(run_map(store, store.simulation("2", "e"), "cpu"))) == len(hosts)
