"""What simulated agents measure: values that tell who, what and when, and are pulled exactly."""

import numpy as np
import pytest
from asked_agents import Asked
from fleet import CHARTS, STUDY, SimulatedFleet, value, values

from ingest.agents.netdata import pull
from minion.model import Host, Role

HISTORY_S = 900


@pytest.mark.parametrize("step", [1, 5])
def test_a_pull_brings_exactly_what_was_measured(step):
    with SimulatedFleet(3, step=step, history_s=HISTORY_S) as fleet:
        first, last = fleet.born + 100, fleet.born + 700
        for number, (name, url) in enumerate(zip(fleet.hostnames, fleet.urls, strict=True)):
            host = Host(hostname=name, role=Role.WORKER, url=url)
            pulled = pull(host, first, last, timeout=10)
            assert pulled.missing == ()
            assert pulled.until == last
            assert pulled.info.hostname == name
            assert pulled.info.ram_mib == 4096
            assert [series.chart for series in pulled.series] == CHARTS
            for series in pulled.series:
                grid = np.arange(np.ceil(first / step) * step, last, step)
                assert np.array_equal(series.times, grid)
                for column, dimension in enumerate(series.dimensions):
                    expected = value(number, series.chart, dimension.id, series.times)
                    assert np.array_equal(series.values[:, column], expected)
    assert sum(len(chart.dimensions) for chart in STUDY) == 19


def test_values_tell_who_measured_what_when():
    times = np.arange(1_700_000_000, 1_700_004_000, 5)
    everything = {}
    for agent in range(50):
        for chart in STUDY:
            for row in values(agent, chart.id, times).tolist():
                everything.setdefault(chart.id, []).append(tuple(row))
    for chart, rows in everything.items():
        assert len(set(rows)) > (4000 if chart != "disk_util.vda" else 3000)
    same = sum(
        a == b for a, b in zip(everything["system.ram"], everything["system.ram"][1:], strict=False)
    )
    assert same < 0.001 * len(everything["system.ram"])
    one, other = (values(agent, "system.cpu", times) for agent in (1, 2))
    assert (one == other).all(axis=1).mean() < 0.01


def test_values_look_like_netdatas():
    times = np.arange(1_700_000_000, 1_700_020_000)
    cpu = values(7, "system.cpu", times)
    assert np.allclose(cpu.sum(axis=1), 100)
    assert (cpu >= 0).all()
    assert np.allclose(values(7, "system.ram", times).sum(axis=1), 4096)
    assert (values(7, "system.net", times)[:, 1] <= 0).all()
    assert (values(7, "system.io", times) == 0).any()
    for chart in STUDY:
        digits = {f"{number:.7g}" == f"{number:.12g}" for number in values(7, chart.id, times).flat}
        assert digits == {True}
    assert value(7, "system.cpu", "idle", 1_700_000_000).shape == ()
    assert value(7, "system.cpu", "idle", times.reshape(100, 200)).shape == (100, 200)
    for chart, dimension in (("system.cpu", "none"), ("none", "idle")):
        with pytest.raises(KeyError):
            value(7, chart, dimension, times)


def test_an_average_is_of_what_was_measured():
    with SimulatedFleet(2, step=1, history_s=HISTORY_S) as fleet:
        first = int(fleet.born) // 60 * 60 + 120
        window = {"after": first + 1, "before": first + 60, "points": 6, "dimensions": "*"}
        asked = Asked(fleet.urls[1])
        answer = asked.get("data", chart="system.cpu", options="natural-points", **window)
        _, rows = asked.rows(answer)
    times = np.arange(first + 1, first + 61)
    means = values(1, "system.cpu", times).reshape(6, 10, -1).mean(axis=1)
    assert [row[0] for row in rows] == [first + 60 - 10 * n for n in range(6)]
    assert np.allclose(np.array(rows)[::-1, 1:], means, atol=1e-6)


def test_a_day_at_once_is_averaged_without_a_word():
    with SimulatedFleet(1, step=1, history_s=200_000) as fleet:
        asked = Asked(fleet.urls[0])
        first = asked.first + 1000
        _, whole = asked.rows(asked.data(first, first + 86_399, options="natural-points"))
        assert len(whole) == 86_400
        _, averaged = asked.rows(asked.data(first, first + 180_000, options="natural-points"))
        assert len(averaged) < 86_400 + 10_000
        assert averaged[0][0] - averaged[1][0] == 2
