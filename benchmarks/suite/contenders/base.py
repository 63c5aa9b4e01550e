"""What every contender can be asked. Each runs in a process of its own."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from columns import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a contender is given.

    study: the data. folder: for its files, its own. uri: its MongoDB server's, if it has one.
    fraction: how many samples are written to time writing, for those that write slowly.
    """

    study: Study
    folder: Path
    uri: str
    fraction: int


@dataclass(slots=True)
class Timed:
    """What a clock saw; `seconds` may be set by a job that has a better clock of its own."""

    seconds: float = 0.0
    notes: dict[str, float] | None = None


class Contender:
    """A way to keep the study. A job that a contender lacks has no method.

    Methods `write`, `one`, `metric`, `everything`, `run_values` and `report` are timed; what they
    return is held against the others' answers. `fill`, `before` and `after` are not timed.
    """

    def __init__(self, place: Place) -> None:
        self.study = place.study
        self.folder = place.folder
        self.uri = place.uri
        self.fraction = place.fraction
        self.timed = Timed()

    def facts(self) -> dict[str, str]:
        """What is told of it besides the versions of its packages."""
        return {}

    def fill(self) -> None:
        """Store everything, for the jobs that read."""

    def before(self, job: str) -> None:
        """Get ready for a job."""

    def after(self, job: str) -> None:
        """Take away what a job left."""

    def bytes_on_disk(self) -> dict[str, int]:
        """What is stored takes, by what it is; empty when the contender stores nothing itself."""
        return {}

    def close(self) -> None:
        """Leave."""

    @contextmanager
    def clock(self) -> Iterator[Timed]:
        """Times what is inside."""
        self.timed = Timed()
        start = perf_counter()
        yield self.timed
        self.timed.seconds = self.timed.seconds or perf_counter() - start

    # ------------------------------------------------------------ for those that write files

    @property
    def trial(self) -> Path:
        """The folder that a timed write fills."""
        return self.folder / "trial"

    @property
    def stored(self) -> Path:
        """The folder that is read from."""
        return self.folder / "stored"

    def fresh(self, folder: Path) -> Path:
        """An empty folder of that name."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def folder_bytes(folder: Path) -> int:
    """Bytes that the files of a folder take on disk, holes of sparse files left out."""
    stats = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum(min(stat.st_size, stat.st_blocks * 512) for stat in stats)


def size_of(result: Any) -> int:
    """Bytes in memory of a tidy frame, whoever made it."""
    if hasattr(result, "estimated_size"):  # polars
        return int(result.estimated_size())
    if hasattr(result, "memory_usage"):  # pandas
        return int(result.memory_usage(deep=True).sum())
    if hasattr(result, "nbytes"):  # Arrow
        return int(result.nbytes)
    return sum(int(np.asarray(column).nbytes) for column in result.values())
