"""The study as plain columns in a folder: what all contenders are given, whatever they import.

    runs.json        the runs and what the columns' codes mean
    COLUMN.npy       a code per sample for each text column, -1 for none; two columns of doubles

Rows are ordered by run, host, chart, dimension and time. Only NumPy and pandas are needed.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

TEXTS = (
    "experiment",
    "platform",
    "sim_id",
    "hostname",
    "role",
    "phase",
    "chart",
    "context",
    "dimension",
    "unit",
)
NUMBERS = ("elapsed_s", "value")


@dataclass(frozen=True, slots=True)
class Run:
    """A run, and where its rows are.

    start: seconds since the epoch. end: the same, of its last sample's successor.
    bounds: elapsed times between `phases`, one more than these.
    """

    sim_id: str
    platform: str
    excluded: bool
    start: float
    end: float
    bounds: list[float]
    phases: list[str]
    first_row: int
    rows: int

    @property
    def place(self) -> slice:
        """Its rows."""
        return slice(self.first_row, self.first_row + self.rows)

    def phase_of(self, elapsed_s: NDArray[np.float64]) -> NDArray[np.intp]:
        """The place in `phases` of each elapsed time; -1 outside."""
        found = np.searchsorted(self.bounds, elapsed_s, side="right") - 1
        return np.where(found < len(self.phases), found, -1)


@dataclass(frozen=True)
class Study:
    """The columns of a folder.

    names: of each text column, what its codes stand for.
    compared: the phases that a comparison takes: all but the gaps between them.
    roles: of each host. ram_mib: memory of every host. seed, per_platform: what made it.
    """

    folder: Path
    runs: list[Run]
    names: dict[str, list[str]]
    compared: list[str]
    roles: dict[str, str]
    ram_mib: float
    seed: int
    per_platform: int

    @classmethod
    def open(cls, folder: Path) -> "Study":
        """The study that `save` left in a folder."""
        about = json.loads((folder / "runs.json").read_text())
        return cls(folder, runs=[Run(**run) for run in about.pop("runs")], **about)

    def save(self, columns: dict[str, NDArray[np.generic]]) -> None:
        """Leave it in its folder."""
        about = {key: value for key, value in vars(self).items() if key != "folder"}
        about["runs"] = [asdict(run) for run in self.runs]
        (self.folder / "runs.json").write_text(json.dumps(about))
        for name, column in columns.items():
            np.save(self.folder / f"{name}.npy", column)

    @property
    def samples(self) -> int:
        """How many there are."""
        return sum(run.rows for run in self.runs)

    @property
    def valid(self) -> list[Run]:
        """The runs that are not excluded."""
        return [run for run in self.runs if not run.excluded]

    @property
    def chosen(self) -> Run:
        """The run that is asked for when one is."""
        return self.valid[len(self.valid) // 2]

    @cached_property
    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Every column, in memory."""
        return {name: np.load(self.folder / f"{name}.npy") for name in (*TEXTS, *NUMBERS)}

    def frame(self, rows: slice = slice(None)) -> pd.DataFrame:
        """A tidy frame: categoricals that have the names of these rows, and two numbers."""
        data: dict[str, object] = {}
        for name in TEXTS:
            codes = self.columns[name][rows]
            column = pd.Categorical.from_codes(codes, categories=pd.Index(self.names[name]))
            data[name] = column.remove_unused_categories()
        for name in NUMBERS:
            data[name] = self.columns[name][rows]
        return pd.DataFrame(data)

    def series(self, run: Run) -> Iterator[tuple[str, str, pd.DataFrame]]:
        """(hostname, chart, a row per time, a column per dimension) of a run's charts."""
        rows = run.place
        hosts, charts, dimensions = (
            self.columns[name][rows] for name in ("hostname", "chart", "dimension")
        )
        elapsed, values = self.columns["elapsed_s"][rows], self.columns["value"][rows]
        key = hosts.astype(np.int64) * len(self.names["chart"]) + charts
        starts = np.flatnonzero(np.diff(key, prepend=-1))
        for first, end in zip(starts, [*starts[1:], run.rows], strict=True):
            times = np.unique(elapsed[first:end])
            codes = dimensions[first:end]
            columns = {}
            for code in dict.fromkeys(codes.tolist()):
                column = np.full(len(times), np.nan)
                mine = slice(first, end)
                there = codes == code
                column[np.searchsorted(times, elapsed[mine][there])] = values[mine][there]
                columns[self.names["dimension"][code]] = column
            frame = pd.DataFrame(columns, index=pd.Index(times, name="elapsed_s"))
            yield self.names["hostname"][hosts[first]], self.names["chart"][charts[first]], frame
