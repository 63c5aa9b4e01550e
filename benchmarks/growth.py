"""How time and memory grow with a study: 75, 750, 7,500 runs, each in one experiment.

    python benchmarks/growth.py --out benchmarks        the whole of it: 250 million samples
    python benchmarks/growth.py --sizes 75,150          less

Every job runs in processes of its own, on a mongod in a temporary folder, which is removed in the
end. A table goes to standard output; `--out` names a folder for growth.md and growth.svg.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
from growth_jobs import JOBS
from suite.machine import machine

import minion
from analysis.charting.output import save
from ingest.planted import PLATFORMS
from minion.server import Server, stop

SCRIPT = Path(__file__).with_name("growth_jobs.py")
RUN_BYTES = 400_000  # on disk, with its journal, indexes and room to grow
MOST_BYTES = 10_000_000_000
MEBIBYTE = 2**20
WHAT = {
    "write": "every run stored",
    "one": "all samples of one simulation into a tidy frame",
    "metric": "CPU utilization of every run, summarized by host and simulation",
    "run values, samples read": "a CPU value per run and phase, out of a frame of all samples",
    "run values": "the same, in the way that `analysis.reduced` chooses",
    "compare": "`analysis.compare` of the platforms' CPU utilization, margin 5%",
}


@dataclass(slots=True)
class Grown:
    """A study of one size.

    runs: valid ones. samples: stored. bytes: on disk, by what they are.
    found: of each job, what each of its processes said.
    """

    runs: int
    samples: int = 0
    bytes: dict[str, int] = field(default_factory=dict)
    found: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def seconds(self, job: str) -> float:
        """The median of a job's processes."""
        return float(pd.Series([one["seconds"] for one in self.found[job]]).median())

    def memory(self, job: str) -> tuple[float, float]:
        """Resident memory in MiB, the highest of a job's processes: at its peak, and the growth."""
        of = self.found[job]
        peak = max(one["peak"] for one in of)
        more = max(one["peak"] - one["before"] for one in of)
        return peak / MEBIBYTE, more / MEBIBYTE


def main() -> None:
    """Grow, print, and write what was asked for."""
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="minion-"))
    try:
        _check_room(folder, arguments.sizes)
        with Server.use(folder) as server:
            grown = [_grown(server.uri, runs, arguments.repetitions) for runs in arguments.sizes]
    finally:
        stop(folder)  # it has written its last file when this comes back
        shutil.rmtree(folder)
    text = document(grown, arguments.repetitions)
    print(text)
    if arguments.out:
        (arguments.out / "growth.md").write_text(text)
        save(chart(grown), arguments.out / "growth.svg")


def _grown(uri: str, runs: int, repetitions: int) -> Grown:
    grown, database = Grown(runs), f"growth_{runs}"
    grown.found["write"] = [_asked("write", uri, database, runs)]
    grown.samples = grown.found["write"][0]["count"]
    with minion.connect(uri, database=database) as store:
        store.client.admin.command("fsync")  # a checkpoint: all of it is in the files
        stats = [store.database.command("collStats", name) for name in ("minions", "series")]
        grown.bytes = {
            "data": sum(int(one["storageSize"]) for one in stats),
            "indexes": sum(int(one["totalIndexSize"]) for one in stats),
        }
        valid = len(store.simulations())
        if valid != runs:
            raise SystemExit(f"{valid:,} valid runs are stored, not {runs:,}")
        for _ in range(repetitions):
            for job in JOBS:
                grown.found.setdefault(job, []).append(_asked(job, uri, database, runs))
        store.client.drop_database(database)
    return grown


def _asked(job: str, uri: str, database: str, runs: int) -> dict[str, Any]:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{runs:,} runs: {job}")
    asked = subprocess.run(
        [sys.executable, SCRIPT, job, uri, database, str(runs)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if asked.returncode:
        raise SystemExit(f"{job} of {runs:,} runs ended with status {asked.returncode}")
    found: dict[str, Any] = json.loads(asked.stdout)
    return found


def document(grown: list[Grown], repetitions: int) -> str:
    """The table and what it was measured on, as Markdown."""
    heads = [f"{one.runs:,} runs" for one in grown]
    lines = [
        "# Growth",
        "",
        "The simulated study at several sizes, each in one experiment and a database of its own."
        f" Repetitions of each job: {repetitions} (of writing: 1), each in a new process that had"
        " done it once with a few runs before. Seconds are medians; memory is the highest resident"
        " set of the client's process, in MiB, and how much of it the job added.",
        "",
        *(f"- {name}: {value}" for name, value in machine().items()),
        "",
        *(f"- {job}: {what}" for job, what in WHAT.items()),
        "",
        f"|  | {' | '.join(heads)} |",
        f"| --- {'| --- ' * len(heads)}|",
    ]
    rows = {
        "samples": [f"{one.samples:,}" for one in grown],
        "on disk": [f"{sum(one.bytes.values()) / MEBIBYTE:,.0f} MiB" for one in grown],
        "bytes a sample": [f"{sum(one.bytes.values()) / one.samples:.2f}" for one in grown],
        "written, million samples/s": [
            f"{one.samples / one.seconds('write') / 1e6:.2f}" for one in grown
        ],
        **{job: [_cell(one, job) for one in grown] for job in WHAT},
    }
    lines += [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()]
    return "\n".join([*lines, "", "![Time and memory against the number of runs](growth.svg)", ""])


def _cell(grown: Grown, job: str) -> str:
    peak, more = grown.memory(job)
    return f"{grown.seconds(job):.3g} s, {peak:,.0f} MiB (+{more:,.0f})"


def chart(grown: list[Grown]) -> alt.HConcatChart:
    """Time and memory of each job against the number of runs, both axes logarithmic."""
    rows = [
        {
            "runs": one.runs,
            "job": job,
            "seconds": one.seconds(job),
            "memory": one.memory(job)[0],
        }
        for one in grown
        for job in WHAT
    ]
    log = alt.Scale(type="log")
    runs = alt.X("runs:Q", scale=log, title="runs", axis=alt.Axis(values=[g.runs for g in grown]))
    base = alt.Chart(pd.DataFrame(rows), width=320, height=320).encode(
        x=runs,
        color=alt.Color("job:N", title=None, sort=list(WHAT), legend=alt.Legend(labelLimit=300)),
    )
    marked = base.mark_line(point=True)
    return alt.hconcat(
        marked.encode(y=alt.Y("seconds:Q", scale=log, title="seconds")),
        marked.encode(y=alt.Y("memory:Q", scale=log, title="highest resident memory, MiB")),
    )


def _check_room(folder: Path, sizes: list[int]) -> None:
    """A database is dropped before the next, but its files may stay a while."""
    needed = sum(sizes) * RUN_BYTES
    if needed > MOST_BYTES:
        raise SystemExit(f"{sum(sizes):,} runs need {needed:,} bytes; at most {MOST_BYTES:,} here")
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SystemExit(f"{sum(sizes):,} runs need {needed:,} bytes; {folder} has {free:,} left")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sizes", type=_sizes, default=[75, 750, 7500], help="valid runs, with commas between")
    add("--repetitions", type=int, default=5, help="processes of each job but writing")
    add("--out", type=Path, help="a folder for growth.md and growth.svg")
    return parser.parse_args()


def _sizes(text: str) -> list[int]:
    sizes = [int(size) for size in text.split(",")]
    odd = [size for size in sizes if size <= 0 or size % len(PLATFORMS)]
    if odd:
        raise argparse.ArgumentTypeError(f"{odd[0]} runs are not so many of each platform")
    return sizes


if __name__ == "__main__":
    for name in ("MINION_MONGODB_URI", "MINION_MONGODB_URI_FILE", "MINION_EXPERIMENT"):
        os.environ.pop(name, None)
    main()
