"""A small study twice: as minions, and as the flat documents that the original has of it.

The flat documents are written out here, sample by sample, by nothing that is under test.
"""

from dataclasses import replace

import numpy as np
import pytest
from bson import ObjectId
from runs import run

from minion.model import Host, Role

FAMILIES = {
    "system.cpu": "cpu",
    "system.ram": "ram",
    "system.io": "disk",
    "disk_util.sda": "sda",
    "system.net": "network",
}
NAMES = {"InOctets": "received", "OutOctets": "sent"}
RUNS = (("1000", "K8s", 0), ("5000", "mK8s", 10_000), ("3050", "K3s", 20_000))


@pytest.fixture
def study():
    """Three runs, as the importer of the study has them."""
    return minions()


@pytest.fixture
def kns(store, study):
    """A store that holds these runs."""
    for simulation, series in study:
        store.put(simulation, series)
    return store


def minions(experiment="kns", *, irregular=True):
    """Three runs one after the other, as the study's importer would give them to `Store.put`."""
    return [made(experiment, *one, irregular=irregular) for one in RUNS]


def made(experiment, sim_id, platform, later, *, irregular=True):
    """One simulation with identities of its own, holes, and one chart off the grid."""
    simulation, series = run(sim_id, experiment=experiment, platform=platform, source="kns")
    number = int(sim_id)
    hosts = [
        Host(hostname="c", role=Role.CONTROLLER),
        *(replace(host, ram_mib=None) for host in simulation.hosts),
    ]
    bodies = ["", None, "drained: node-b"]
    events = [
        replace(
            event,
            time=event.time + later + 0.1234567,
            hostname="c",
            correlation_id=None if place == 3 else f"correlation {place // 2}",
            body=bodies[place % 3],
            id=_id(number, 100 + place),
        )
        for place, event in enumerate(simulation.events)
    ]
    simulation = replace(
        simulation,
        source_id=_id(number, 0),
        hosts=tuple(replace(h, id=_id(number, 1 + p)) for p, h in enumerate(hosts)),
        events=tuple(events),
        environment={},
    )
    return simulation, [_as_exported(one, later, irregular=irregular) for one in series]


def _as_exported(one, later, *, irregular):
    dimensions = tuple(replace(d, name=NAMES.get(d.id, d.id)) for d in one.dimensions)
    times, values = one.times + later + 2, one.values.copy()
    values[3, 0] = np.nan
    values[40:45] = np.nan
    series = replace(
        one, family=FAMILIES[one.chart], name=one.chart, dimensions=dimensions, values=values
    )
    if irregular and one.chart == "system.ram":
        return replace(series, times=times + np.arange(len(times)) % 3, step=None)
    return replace(series, times=times)


def _id(number, place):
    return ObjectId(f"602a{number:08d}{place:012d}")


def flat_documents(study):
    """The four flat collections of these minions, by name."""
    found = {"simulations": [], "hosts": [], "events": [], "netdata_metrics": []}
    for simulation, series in study:
        found["simulations"].append(
            {
                "_id": simulation.source_id,
                "sim_id": simulation.sim_id,
                "platform": simulation.platform,
            }
        )
        for host in simulation.hosts:
            found["hosts"].append(
                {
                    "_id": host.id,
                    "simulation_id": str(simulation.source_id),
                    "hostname": host.hostname,
                    "role": str(host.role),
                }
            )
        ids = {host.hostname: str(host.id) for host in simulation.hosts}
        for event in simulation.events:
            found["events"].append(
                {
                    "_id": event.id,
                    "host_id": ids[event.hostname],
                    "correlation_id": event.correlation_id,
                    "event_type": f"EventType.{event.type.name}",
                    "body": event.body,
                    "timestamp": event.time,
                }
            )
        found["netdata_metrics"] += [one for part in series for one in _samples(part)]
    return found


def _samples(series):
    for row, time in enumerate(series.times):
        for column, dimension in enumerate(series.dimensions):
            value = float(series.values[row, column])
            if not np.isnan(value):
                yield {
                    "prefix": "netdata",
                    "hostname": series.hostname,
                    "chart_id": series.chart,
                    "chart_name": series.chart,
                    "chart_family": series.family,
                    "chart_context": series.context,
                    "chart_type": series.chart.split(".")[0],
                    "units": series.unit,
                    "id": dimension.id,
                    "name": dimension.name,
                    "value": value,
                    "timestamp": int(time),
                }


def as_set(rows):
    """Rows in an order of their own, without what netdata_metrics has for an _id."""
    plain = [
        {key: value for key, value in row.items() if key != "_id" or "value" not in row}
        for row in rows
    ]
    return sorted((sorted(row.items(), key=str) for row in plain), key=str)
