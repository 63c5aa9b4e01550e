"""One job of `growth.py` in a process of its own; says what it took as a line of JSON.

python growth_jobs.py JOB URI DATABASE RUNS
"""

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from suite.memory import Memory

import analysis
import minion
from analysis import reduced, values
from ingest.planted import PLATFORMS
from ingest.simulated import MOST_RUNS, SLOT_S, study
from minion.model import Simulation
from minion.series import Series
from minion.store import Store

FEW = 9  # runs of the call before the clock: it loads what a library loads at first
Sims = Sequence[str] | None  # None for all


def write(store: Store, runs: int) -> tuple[float, int]:
    """Simulate and store so many valid runs; returns the seconds of storing, and the samples."""
    seconds, samples = 0.0, 0
    for simulation, series in simulated(runs):
        start = perf_counter()
        samples += store.put(simulation, series).samples
        seconds += perf_counter() - start
    return seconds, samples


def simulated(runs: int) -> Iterator[tuple[Simulation, list[Series]]]:
    """So many valid runs in one experiment, a third of each platform.

    A study has no more than `MOST_RUNS` of a platform: what is more comes from further studies of
    other seeds, one after the other in time, their sim_ids with the seed before them.
    """
    platform_runs = runs // len(PLATFORMS)
    parts = -(-platform_runs // MOST_RUNS)
    most = -(-platform_runs // parts)
    later, left = 0.0, platform_runs
    for seed in range(1, parts + 1):
        count = min(most, left)
        for simulation, series in study(seed=seed, runs=count, experiment="growth"):
            yield (simulation, series) if seed == 1 else _moved(simulation, series, seed, later)
        left -= count
        later += (count + 3) * len(PLATFORMS) * SLOT_S  # three broken runs at most


def _moved(
    simulation: Simulation, series: list[Series], seed: int, later: float
) -> tuple[Simulation, list[Series]]:
    moved = replace(
        simulation,
        sim_id=f"{seed}.{simulation.sim_id}",
        events=tuple(replace(event, time=event.time + later) for event in simulation.events),
        missing=tuple(
            replace(one, first=one.first + later, last=one.last + later)
            for one in simulation.missing
        ),
    )
    return moved, [replace(one, times=one.times + later) for one in series]


def one(store: Store, sims: Sims) -> int:
    """Everything of these."""
    return len(store.samples(sims=sims))


def metric(store: Store, sims: Sims) -> int:
    """CPU utilization of every run, summarized by host and simulation."""
    return len(analysis.summary(analysis.utilization(store, "cpu", sims=sims)))


def samples_reduced(store: Store, sims: Sims) -> int:
    """A CPU value per run and phase, out of a frame of all samples."""
    frame = analysis.utilization(store, "cpu", sims=sims)
    return len(values.combined(values.host_values(frame)).values)


def reduced_its_way(store: Store, sims: Sims) -> int:
    """The same, in the way that `analysis.reduced` chooses."""
    return len(values.combined(reduced.host_values(store, "cpu", sims=sims)).values)


def compare(store: Store, sims: Sims) -> int:
    """The comparison of the platforms' CPU utilization, with a margin."""
    return len(analysis.compare(store, "cpu", margin="5%", sims=sims).pairs)


JOBS: dict[str, Callable[[Store, Sims], int]] = {
    "one": one,
    "metric": metric,
    "run values, samples read": samples_reduced,
    "run values": reduced_its_way,
    "compare": compare,
}


def main() -> None:
    """Do the job, and say what it took."""
    job, uri, database, runs = sys.argv[1:]
    with minion.connect(uri, database=database) as store:
        found: dict[str, Any]
        if job == "write":
            gc.collect()
            memory = Memory.reset()
            seconds, count = write(store, int(runs))
            found = {"seconds": seconds, "count": count}
        else:
            sims = [simulation.sim_id for simulation in store.simulations()]
            JOBS[job](store, sims[:: max(1, len(sims) // FEW)])
            chosen = sims[len(sims) // 2 :][:1] if job == "one" else None
            gc.collect()
            memory = Memory.reset()
            start = perf_counter()
            count = JOBS[job](store, chosen)
            found = {"seconds": perf_counter() - start, "count": count}
        found |= {"before": memory.before, "peak": memory.peak()}
    print(json.dumps(found))


if __name__ == "__main__":
    os.environ.pop("MINION_EXPERIMENT", None)
    main()
