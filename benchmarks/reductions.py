"""Values of hosts from the server, in batches and from all samples at once: time and memory.

Fills an embedded server of its own with the simulated study (or reads an experiment of a server
that is named), checks that the three ways agree, and prints what each took, interleaved:

    python benchmarks/reductions.py                     25 runs of each platform, the study's size
    python benchmarks/reductions.py --runs 250          ten times that
    python benchmarks/reductions.py --uri mongodb://127.0.0.1:27017/ --database minion
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

import minion
from analysis.metrics import METRICS
from analysis.reduced import host_values
from analysis.ways import WAYS, choose
from ingest.simulated import study
from minion.selection import Selection
from minion.server import Server
from minion.store import Store

QUANTILES = (None, 0.95)


def main() -> None:
    """Fill a store, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=25, help="valid runs of each platform")
    parser.add_argument("--repeat", type=int, default=7, help="times that each way is taken")
    parser.add_argument("--metrics", default=",".join(METRICS), help="with commas between")
    parser.add_argument("--uri", help="a server that has an experiment already")
    parser.add_argument("--database", default="minion")
    parser.add_argument("--only", help="WAY,METRIC,QUANTILE: take it once, print the peak in MiB")
    arguments = parser.parse_args()
    if arguments.only:
        with minion.connect(arguments.uri, database=arguments.database) as store:
            only(store, *arguments.only.split(","))
        return
    with filled(arguments.runs, arguments.uri, arguments.database) as (uri, store):
        print("metric      quantile  samples      " + "".join(f"{way:>18}" for way in WAYS))
        for metric in arguments.metrics.split(","):
            for quantile in QUANTILES:
                measure(store, uri, metric, quantile, arguments.repeat)


@contextmanager
def filled(runs: int, uri: str | None, database: str) -> Iterator[tuple[str, Store]]:
    """The URI of a store, and the store; with the simulated study, unless a server is named."""
    if uri:
        with minion.connect(uri, database=database) as store:
            yield uri, store
        return
    folder = Path(tempfile.mkdtemp(prefix="minion-"))
    try:
        with (
            Server.use(folder) as server,
            minion.connect(server.uri, database=database) as store,
        ):
            for simulation, series in study(runs=runs):
                store.put(simulation, series)
            yield server.uri, store
    finally:
        shutil.rmtree(folder)


def measure(store: Store, uri: str, metric: str, quantile: float | None, repeat: int) -> None:
    """Print a line: median seconds and peak memory of each way, the chosen one with a star."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    frames = {}
    for _ in range(repeat):
        for way in WAYS:
            started = time.perf_counter()
            frames[way] = host_values(store, metric, quantile=quantile, whole_run=True, way=way)
            seconds[way].append(time.perf_counter() - started)
    for frame in frames.values():
        pd.testing.assert_frame_equal(frame, frames["local"], rtol=1e-9, atol=1e-12)
    whole = frames["local"]["phase"] == "Total simulation time"
    best = choose(store, store.simulations(Selection()), metric, quantile=quantile).name
    cells = []
    for way in WAYS:
        mark = "*" if way == best else " "
        memory = peak(uri, store.database.name, way, metric, quantile)
        cells.append(f"{np.median(seconds[way]):8.3f} s{memory:5.0f} MiB{mark}")
    samples = frames["local"]["n"][whole].sum()
    print(f"{metric:12}{quantile or 'mean':8}{samples:10,}   {''.join(cells)}", flush=True)


def peak(uri: str, database: str, way: str, metric: str, quantile: float | None) -> float:
    """The most memory that a fresh process had more than before it began, in MiB."""
    choice = f"{way},{metric},{'' if quantile is None else quantile}"
    command = [sys.executable, __file__, "--uri", uri, "--database", database, "--only", choice]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout)


def only(store: Store, way: str, metric: str, quantile: str) -> None:
    """Take one way once; print by how much the process grew."""
    first = store.simulations(Selection())[0]
    host_values(store, metric, way=way, sims=first.sim_id)  # what is loaded on first use
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far; Linux only
    before = memory("VmRSS")
    host_values(store, metric, quantile=float(quantile) if quantile else None, way=way)
    print((memory("VmHWM") - before) / 1024)


def memory(name: str) -> int:
    """A line of the kernel's about this process, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


if __name__ == "__main__":
    main()
