"""Where the time goes when the whole study is read into the tidy frame, and what is left to gain.

Puts the simulated study into an embedded server of its own (or reads what MINION_MONGODB_URI has),
and reads it in turns with everything that it is compared with, so that a busy machine is busy for
all of them. Medians, and peak memory of a fresh process each:

    python benchmarks/read_path.py
    python benchmarks/read_path.py --runs 200 --repeat 5     19 million samples
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

import minion
from ingest.simulated import study
from minion import wire
from minion.frames import Tidy
from minion.selection import Selection
from minion.server import Server
from minion.store import Store

NATIVE = wire.native
MIB = 2**20


def main() -> None:
    """Measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=25, help="valid runs of each platform")
    parser.add_argument("--repeat", type=int, default=15, help="turns")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peak:
        print(peak(*arguments.peak))
        return
    folder = Path(tempfile.mkdtemp(prefix="minion-"))
    try:
        with database(folder / "home", arguments.runs) as (uri, store):
            frame = store.samples()
            frame.to_parquet(folder / "samples.parquet", compression="zstd")
            numbers = frame[["elapsed_s", "value"]].to_numpy()
            codes = np.stack([c.cat.codes for _, c in frame.select_dtypes("category").items()])
            np.savez(folder / "samples.npz", numbers=numbers, codes=codes)
            size = int(frame.memory_usage(index=False).sum())
            print(f"{len(frame):,} rows, a frame of {size / MIB:.0f} MiB\n")
            del frame, numbers, codes
            turns(store, folder, size, arguments.repeat)
            print("\npeak memory above the start, of a fresh process:")
            for name in READERS:
                print(f"  {name:34} {measured(name, uri, folder):8.0f} MiB")
    finally:
        shutil.rmtree(folder)


@contextmanager
def database(home: Path, runs: int) -> Iterator[tuple[str, Store]]:
    """A store that holds the study."""
    named = os.environ.get("MINION_MONGODB_URI")
    if named:
        with minion.connect(named) as store:
            yield named, store
        return
    with Server.use(home) as server, minion.connect(server.uri) as store:
        for simulation, series in study(seed=1, runs=runs):
            store.put(simulation, series)
        yield server.uri, store


def turns(store: Store, folder: Path, size: int, repeat: int) -> None:
    """Measure everything in turns, print the medians."""
    seconds: dict[str, list[float]] = {}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds.setdefault(name, []).append(time.perf_counter() - began)

    for _ in range(repeat):
        for decoder in ("native", "NumPy") if NATIVE is not None else ("NumPy",):
            wire.native = NATIVE if decoder == "native" else None
            with timed(f"everything, {decoder}"):
                store.samples()
            parts(store, decoder, timed)
        with timed("pandas.read_parquet (zstd)"):
            pd.read_parquet(folder / "samples.parquet")
        with timed("numpy.load of the same columns"):
            dict(np.load(folder / "samples.npz"))
        block = np.ones(size, dtype=np.uint8)
        with timed("memory copied once"):
            block.copy()
    for name, found in sorted(seconds.items(), key=lambda item: "  " in item[0]):
        print(f"{name:40} {np.median(found) * 1e3:8.1f} ms   best {min(found) * 1e3:8.1f}")


def parts(store: Store, decoder: str, timed: Callable[[str], AbstractContextManager[None]]) -> None:
    """What everything is made of, step by step."""
    inventory, stretches = store._inventory, store._stretches  # noqa: SLF001  they are measured
    with timed("  runs, events to phases"):
        runs = store.simulations(Selection())
        tidy = Tidy(runs)
    with timed("  sizes, from the index"):
        sizes = inventory.sizes([simulation.id for simulation in runs])
    with timed(f"  server, wire, headers: {decoder}"):
        drained(stretches.charts(sizes))
    charts = list(stretches.charts(sizes))
    tidy = Tidy(runs, expected=sum(one.samples for one in sizes.values()))
    with timed(f"  arrays into the columns: {decoder}"):
        for chart in charts:
            tidy.add(chart)
    with timed("  text columns, frame"):
        tidy.frame()


def drained(iterator: Iterator[object]) -> None:
    """Go through it, keep nothing."""
    for _ in iterator:
        pass


# ---------------------------------------------------------------- memory

READERS: dict[str, Callable[[Store, Path], object]] = {
    "everything": lambda store, _: store.samples(),
    "frames of 1,000,000 rows": lambda store, _: drained(store.samples_in_batches()),
    "frames of 100,000 rows": lambda store, _: drained(store.samples_in_batches(rows=100_000)),
    "pandas.read_parquet (zstd)": lambda _, folder: pd.read_parquet(folder / "samples.parquet"),
}


def measured(name: str, uri: str, folder: Path) -> float:
    """What `peak` says in a process of its own."""
    call = [sys.executable, __file__, "--peak", name, str(folder)]
    environment = {**os.environ, "MINION_MONGODB_URI": uri}
    return float(subprocess.run(call, env=environment, check=True, capture_output=True).stdout)


def peak(name: str, folder: str) -> float:
    """MiB that a reader needs at most, above what the process had before (Linux only)."""
    with minion.connect() as store:
        store.samples(sims=store.simulations()[0].sim_id)  # what is loaded once
        Path("/proc/self/clear_refs").write_text("5")
        before = high_water()
        result = READERS[name](store, Path(folder))
        after = high_water()
        del result
    return after - before


def high_water() -> float:
    """The most memory that this process has had since it was reset, MiB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
