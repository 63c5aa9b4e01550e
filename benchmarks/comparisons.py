"""How long the statistics take on the simulated study, besides start-up: medians of one run.

    python benchmarks/comparisons.py [--repetitions 5]

Everything is read from a real mongod of its own. The studentized range stands beside SciPy's, as a
ratio: it is the one method that was written again, for its speed.
"""

import argparse
import gc
import tempfile
import warnings
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from scipy import stats

import minion
from analysis import check, compare, variance
from analysis.metrics import utilization
from analysis.quality.idle import steadiness
from analysis.statistics.studentized import range_critical, range_sf
from ingest.simulated import study
from minion.server import Server

ALL = "cpu,ram,disk_util,disk_io,net"


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--runs", type=int, default=25, help="valid runs of each platform")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as home,
        Server.use(Path(home)) as server,
        minion.connect(server.uri) as store,
    ):
        for simulation, series in study(runs=options.runs):
            store.put(simulation, series)
        jobs = {
            "compare all metrics x 12 phases x 3 platforms": lambda: compare(store, ALL),
            "compare cpu in one phase": lambda: compare(store, "cpu", phase="Cluster idle"),
            "compare duration": lambda: compare(store, "duration"),
            "variance cpu": lambda: variance(store, "cpu"),
            "check": lambda: check(store),
            "steadiness of cpu": lambda: steadiness(utilization(store, "cpu")),
            "range: 800 tails and quantiles": _ranges,
            "range: 8 of SciPy's, times 100": _scipys,
        }
        times: dict[str, list[float]] = {name: [] for name in jobs}
        for _ in range(options.repetitions):
            for name, job in jobs.items():
                gc.collect()
                start = perf_counter()
                job()
                times[name].append(perf_counter() - start)
    times["range: 8 of SciPy's, times 100"] = [
        100 * t for t in times["range: 8 of SciPy's, times 100"]
    ]
    for name, found in times.items():
        print(f"{name:<50} {median(found):8.3f} s")
    ours, scipys = (median(found) for found in list(times.values())[-2:])
    print(f"{'SciPy / ours':<50} {scipys / ours:8.0f}")


_RANDOM = np.random.default_rng(3)
_Q, _DF = _RANDOM.uniform(0.1, 9, 800), _RANDOM.uniform(2, 60, 800)


def _ranges() -> None:
    range_sf(_Q, 3, _DF)
    range_critical(0.95, 3, _DF)


def _scipys() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for q, freedom in zip(_Q[:8], _DF[:8], strict=True):
            stats.studentized_range.sf(q, 3, freedom)
            stats.studentized_range.ppf(0.95, 3, freedom)


if __name__ == "__main__":
    main()
