"""Every sample that is stored, held against what its agent measured."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from samples import STUDY, values

from minion.model import Simulation
from minion.series import Series
from minion.store import Store


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found in the store.

    samples: that are stored, and are what the agent measured at that time.
    missing: that the agents measured and that are not stored.
    doubled: that are stored more than once.
    changed: whose value is another one.
    invented: that no agent measured: outside the run, off the grid, of another dimension.
    """

    samples: int = 0
    missing: int = 0
    doubled: int = 0
    changed: int = 0
    invented: int = 0

    def __add__(self, other: "Verified") -> "Verified":
        return Verified(
            self.samples + other.samples,
            self.missing + other.missing,
            self.doubled + other.doubled,
            self.changed + other.changed,
            self.invented + other.invented,
        )

    @property
    def faultless(self) -> bool:
        """Whether everything is there, once, as it was."""
        return not (self.missing or self.doubled or self.changed or self.invented)


def verify(store: Store, simulations: Iterable[Simulation], step: int) -> Verified:
    """Every sample of ended runs of simulated agents.

    Args:
        store: where they are.
        simulations: runs whose hosts are called as the agents are.
        step: seconds between the agents' samples.
    """
    found = Verified()
    for simulation in simulations:
        once = 0
        for host in simulation.measured_hosts:
            series = store.series(simulation, hosts=[host.hostname])
            once += sum(one.samples for one in series)
            found += _of_host(host.hostname, series, simulation, step)
        stored = store.count_samples([simulation])[simulation.id]
        found += Verified(doubled=stored - once)
    return found


def _of_host(hostname: str, series: list[Series], simulation: Simulation, step: int) -> Verified:
    start, end = simulation.start, simulation.end
    if start is None or end is None:
        raise ValueError(f"simulation {simulation.sim_id} has not ended")
    times = np.arange(-(-start // step) * step, end, step)
    agent = int(hostname.rpartition("-")[2])
    by_chart = {one.chart: one for one in series}
    found = Verified(invented=sum(by_chart.pop(name).samples for name in by_chart.keys() - _IDS))
    for chart in STUDY:
        measured = values(agent, chart.id, times)
        stored = by_chart.get(chart.id)
        if stored is None:
            found += Verified(missing=measured.size)
            continue
        found += _of_chart(times, measured, [name for name, _ in chart.dimensions], stored)
    return found


def _of_chart(
    times: np.ndarray, measured: np.ndarray, dimensions: list[str], stored: Series
) -> Verified:
    places = np.searchsorted(times, stored.times)
    known = places < len(times)
    known[known] = times[places[known]] == stored.times[known]
    columns = {dimension.id: n for n, dimension in enumerate(stored.dimensions)}
    there = np.full(measured.shape, np.nan)
    for column, dimension in enumerate(dimensions):
        if dimension in columns:
            there[places[known], column] = stored.values[known, columns[dimension]]
    lacking = np.isnan(there)
    right = there == measured
    recognized = int(np.count_nonzero(~lacking))
    return Verified(
        samples=int(np.count_nonzero(right)),
        missing=int(np.count_nonzero(lacking)),
        changed=recognized - int(np.count_nonzero(right)),
        invented=stored.samples - recognized,
    )


_IDS = {chart.id for chart in STUDY}
