"""The runs of the suite: everybody fills, everybody is checked, then everybody in turn."""

import random
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from jobs import Totals, differences
from process import Worker
from registry import CONTENDERS

UNLABELLED = ("numpy", "memory")  # their columns are codes


@dataclass(slots=True)
class Memories:
    """Of a fresh process that did `everything`, in bytes: its frame, and its resident set."""

    frame: int
    before: int
    peak: int


@dataclass(slots=True)
class Measured:
    """What was found out about one contender.

    seconds: of each repetition of each job; for a write, of all samples at the rate measured.
    rates: samples a second of each repetition of a write.
    lacking: why it did not take part, or nothing.
    """

    name: str
    lacking: str = ""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    rates: list[float] = field(default_factory=list)
    bytes: dict[str, int] = field(default_factory=dict)
    memory: Memories | None = None
    versions: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[float]] = field(default_factory=dict)

    def median(self, job: str) -> float | None:
        """The median of a job's repetitions in seconds; None when it has none."""
        seconds = self.seconds.get(job)
        return median(seconds) if seconds else None

    def best(self, job: str) -> float | None:
        """The shortest."""
        return min(self.seconds.get(job, ()), default=None)


def fill(workers: Mapping[str, Worker], measured: Mapping[str, Measured]) -> None:
    """Let everybody store the study, and say how much room that takes."""
    for name, worker in workers.items():
        _say(f"{name}: storing the study")
        worker.ask("fill")
        measured[name].bytes = worker.ask("bytes")["bytes"]


def check(workers: Mapping[str, Worker], jobs: Iterable[str], samples: int) -> None:
    """Let everybody do every job once, untimed; a benchmark that computes something else is void.

    Raises:
        SystemExit: two answers differ.
    """
    for job in jobs:
        if sum(job in CONTENDERS[name].jobs for name in workers) < 2:
            continue  # nobody's answer to hold it against
        first: tuple[str, dict[str, Any]] | None = None
        for name, worker in workers.items():
            if job not in CONTENDERS[name].jobs:
                continue
            _say(f"{name}: checking {job}")
            labelled = job in ("one", "everything") and name not in UNLABELLED
            answer = worker.ask("time", job=job, labelled=labelled)
            if job == "write":
                _check_written(name, answer["totals"], samples)
                continue
            first = first or (name, answer)
            same = ["totals", "labels"] if labelled and "labels" in first[1] else ["totals"]
            for what in same:
                found = differences(first[1][what], answer[what])
                if found:
                    raise SystemExit(f"{job}: {first[0]} and {name} differ: {'; '.join(found[:5])}")


def _check_written(name: str, totals: Totals, samples: int) -> None:
    if totals["samples"] != samples and not CONTENDERS[name].slow:
        raise SystemExit(f"write: {name} wrote {totals['samples']:,.0f} samples of {samples:,}")


def measure(
    workers: Mapping[str, Worker],
    measured: Mapping[str, Measured],
    jobs: Iterable[str],
    *,
    repetitions: int,
    samples: int,
    least_s: float,
) -> None:
    """Time every job: in each repetition every contender in turn, in an order drawn by chance.

    Args:
        workers, measured: by the contenders' names.
        jobs: their names.
        repetitions: of each job.
        samples: of the study.
        least_s: a shorter job is called until its calls took as long, or were nine.
    """
    chance = random.Random(1)
    for repetition in range(repetitions):
        for job in jobs:
            names = [name for name in workers if job in CONTENDERS[name].jobs]
            chance.shuffle(names)
            for name in names:
                _say(f"{repetition + 1} of {repetitions}: {job}: {name}")
                answer = workers[name].ask("time", job=job, least_s=least_s)
                _keep(measured[name], job, answer, samples)


def _keep(measured: Measured, job: str, answer: dict[str, Any], samples: int) -> None:
    seconds = answer["seconds"]
    if job == "write":
        measured.rates.append(answer["totals"]["samples"] / seconds)
        seconds = samples / measured.rates[-1]
    measured.seconds.setdefault(job, []).append(seconds)
    for what, value in answer["notes"].items():
        measured.notes.setdefault(what, []).append(value)


def measure_memory(worker: Worker, measured: Measured) -> None:
    """What `everything` takes in a process that did nothing else."""
    _say(f"{worker.name}: memory of everything")
    if "one" in CONTENDERS[worker.name].jobs:
        worker.ask("time", job="one")  # so that what a library loads at first is loaded
    answer = worker.ask("time", job="everything")
    measured.memory = Memories(answer["frame"], answer["before"], answer["peak"])


def _say(what: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{what}")
        sys.stderr.flush()
