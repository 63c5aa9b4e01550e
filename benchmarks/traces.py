"""How long an import of function traces takes, beside reading the same lines and nothing else.

    python benchmarks/traces.py FILE... [--repetitions 5]

FILE: reports of trace-cmd or raw logs of function_graph, gzipped or not. Nothing is stored.
"""

import argparse
import gzip
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

from ingest.findings import Findings
from ingest.profiling.trace import trace_run


def main() -> None:
    """Print a row for each file: its lines, seconds of the processor for each way, the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    print(f"{'lines':>9} {'read':>8} {'imported':>9} {'ratio':>6}  file")
    for path in options.files:
        times: dict[Callable[[Path], int], list[float]] = {_read: [], _imported: []}
        for _ in range(options.repetitions):
            for way, taken in times.items():
                began = process_time()
                way(path)
                taken.append(process_time() - began)
        read, imported = (median(taken) for taken in times.values())
        counted = f"{_read(path):>9,} {read:>6.3f} s {imported:>7.3f} s {imported / read:>5.1f}x"
        print(f"{counted}  {path.name}")


def _read(path: Path) -> int:
    """Every line, cut at its spaces."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as lines:
        return sum(1 for line in lines if line.split())


def _imported(path: Path) -> int:
    trace_run(path, Findings())
    return 0


if __name__ == "__main__":
    main()
