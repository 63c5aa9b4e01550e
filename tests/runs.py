"""Small runs with real samples, for tests of what reads them."""

from collections.abc import Sequence

import numpy as np

from minion.lifecycle import SEQUENCE
from minion.model import Event, EventType, Host, Provenance, Role, Simulation, now
from minion.series import Dimension, Series

START = 1_613_401_077.0
STEP_S = 5.0
PHASE_S = 50.0

_CHARTS = {
    "cpu": ("system.cpu", "system.cpu", "percentage", {"idle": 90.0}),
    "ram": ("system.ram", "system.ram", "MiB", {"used": 500.0}),
    "disk_util": ("disk_util.sda", "disk.util", "% of time working", {"utilization": 3.0}),
    "disk_io": ("system.io", "system.io", "KiB/s", {"in": 4.0, "out": -40.0}),
    "net": ("system.net", "system.net", "kilobits/s", {"InOctets": 7.0, "OutOctets": -70.0}),
}
EVERYTHING = tuple(_CHARTS)


def run(
    sim_id: str = "1",
    *,
    experiment: str = "e",
    platform: str = "K8s",
    hosts: Sequence[str] = ("node-a", "node-b"),
    phases: bool = True,
    metrics: Sequence[str] = EVERYTHING,
    ram_mib: float | None = 1000.0,
    source: str = "test",
) -> tuple[Simulation, list[Series]]:
    """A simulation that ended, and its series, for `Store.put`.

    Args:
        sim_id, experiment, platform: its names.
        hosts: the first is the master.
        phases: whether it has more events than its start and its end.
        metrics: those that it has samples of.
        ram_mib: what is known of the hosts' memory.
        source: of the data.
    """
    times = START + PHASE_S * np.arange(len(SEQUENCE) + 1)
    kinds = [SEQUENCE[0].start, *(phase.end for phase in SEQUENCE)]
    events = [Event(type=kind, time=float(t)) for kind, t in zip(kinds, times, strict=True)]
    simulation = Simulation(
        experiment=experiment,
        sim_id=sim_id,
        platform=platform,
        provenance=Provenance(source=source, version="0.1.0", created=now()),
        environment={"netdata": "1.37.1"},
        hosts=tuple(
            Host(hostname=h, role=Role.WORKER if place else Role.MASTER, ram_mib=ram_mib)
            for place, h in enumerate(hosts)
        ),
        events=tuple(events if phases else (events[0], events[-1])),
    )
    series = [_series(host, metric, sim_id) for host in hosts for metric in metrics]
    return simulation, series


def started(sim_id: str = "1") -> Simulation:
    """A simulation that began and was never heard of again."""
    return Simulation(
        experiment="e",
        sim_id=sim_id,
        platform="K8s",
        provenance=Provenance(source="test", version="0.1.0", created=now()),
        events=(Event(type=EventType.START_SIMULATION, time=START),),
    )


def _series(host: str, metric: str, sim_id: str) -> Series:
    chart, context, unit, levels = _CHARTS[metric]
    rows = int(len(SEQUENCE) * PHASE_S / STEP_S)
    random = np.random.default_rng([len(host), *metric.encode(), *sim_id.encode()])
    return Series(
        hostname=host,
        chart=chart,
        context=context,
        family="",
        unit=unit,
        dimensions=tuple(Dimension(name, name) for name in levels),
        times=START + STEP_S * np.arange(rows),
        values=np.array([*levels.values()]) * random.uniform(0.9, 1.1, (rows, len(levels))),
        step=STEP_S,
    )
