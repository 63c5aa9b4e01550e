"""The checker of collected runs: what is missing, changed, invented or doubled is counted."""

from dataclasses import replace

import numpy as np
import pytest
from fleet import STUDY, Verified, hostname, values, verify

from ingest.events import Recorder
from minion.model import Host, Provenance, Role, Simulation, now
from minion.series import Dimension, Series


@pytest.fixture
def collected(store):
    """A complete run of two simulated hosts, with everything that they measured; and its pieces."""
    start, end = 1_700_000_003.0, 1_700_000_403.0
    times = np.arange(1_700_000_005, end, 5)
    simulation = store.add(
        Simulation(
            experiment="fleet",
            sim_id="1",
            platform="K8s",
            provenance=Provenance(source="test", version="0", created=now()),
            hosts=tuple(
                Host(hostname=hostname(n), role=Role.WORKER, url=f"http://127.7.0.{n + 1}:1")
                for n in range(2)
            ),
        )
    )
    recorder = Recorder(store, simulation)
    recorder.note("START_SIMULATION", at=start)
    recorder.note("STOP_SIMULATION", at=end)
    series = [
        Series(
            hostname=hostname(n),
            chart=chart.id,
            context=chart.context,
            family=chart.family,
            unit=chart.unit,
            dimensions=tuple(Dimension(*names) for names in chart.dimensions),
            times=times.astype(float),
            values=values(n, chart.id, times),
            step=5.0,
        )
        for n in range(2)
        for chart in STUDY
    ]
    return recorder.simulation, series


def test_the_checker_counts_what_is_right(store, collected):
    simulation, series = collected
    store.write(simulation, series)
    assert verify(store, [simulation], 5) == Verified(samples=2 * 19 * 80)
    assert verify(store, [simulation], 5).faultless


def test_the_checker_finds_what_is_missing(store, collected):
    simulation, series = collected
    whole, *rest = series[1:]
    partly = replace(whole, times=whole.times[3:], values=whole.values[3:].copy())
    partly.values[10, 1] = np.nan
    store.write(simulation, [partly, *rest])
    found = verify(store, [simulation], 5)
    assert found == Verified(samples=2 * 19 * 80 - 800 - 13, missing=800 + 13)
    assert not found.faultless


def test_the_checker_finds_what_is_changed_and_what_nobody_measured(store, collected):
    simulation, series = collected
    spoilt = replace(series[0], values=series[0].values.copy())
    spoilt.values[7, 3] += 0.00001
    # One host's samples under the other's name, or a step later, are others.
    swapped = replace(series[5 + 1], values=series[1].values)
    later = replace(series[2], values=np.roll(series[2].values, 1, axis=0))
    beyond = replace(series[3], times=series[3].times + 5)
    other = replace(series[4], chart="system.other")
    everything = [spoilt, later, beyond, swapped, *series[7:], series[1], series[5], series[4]]
    store.write(simulation, [*everything, other])
    found = verify(store, [simulation], 5)
    assert found.changed >= 1 + 0.97 * (2 * 80 + 4 * 80 + 79) * 7 / 8
    assert found.invented == 1 + 2 * 80
    assert found.missing == 1


def test_the_checker_finds_what_is_doubled(store, collected):
    simulation, series = collected
    store.write(simulation, series)
    documents = store.database["series"]
    one = documents.find_one({"chart": "system.ram"})
    again = {key: part for key, part in one.items() if key != "_id"}
    documents.insert_one({**again, "stretch": one["stretch"] + 1})
    found = verify(store, [simulation], 5)
    assert found.doubled == one["samples"]
    assert (found.missing, found.changed, found.invented) == (0, 0, 0)
