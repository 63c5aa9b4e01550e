"""The tidy frame in Parquet files (zstd), laid out in one of two ways; read by pandas.

`runs`: a file a run, as they come. `one`: one file, ordered by metric, so that a metric lies
together; adding a run to it means writing all of it again.
"""

# ruff: noqa: D102  the base class says what each method does

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import pandas as pd
from columns import TEXTS
from contenders.base import Contender, Place, folder_bytes
from contenders.reduced import run_values, summarized
from jobs import METRICS, STATISTICS

RUNS, ONE = "runs", "one"
ROWS_TOGETHER = 131_072  # of a row group of the one file: a metric's rows fill a few
Filter = list[tuple[str, str, Any]]


class Parquet(Contender, ABC):
    """What the readers of Parquet share: the files, and what is written."""

    def __init__(self, place: Place, layout: str) -> None:
        super().__init__(place)
        self.layout = layout
        self._inputs: list[tuple[str, Any]] = []

    # ------------------------------------------------------------ what each reader has of its own

    def converted(self, frame: pd.DataFrame) -> Any:
        """A frame as this library has it."""
        return frame

    @abstractmethod
    def written(self, frame: Any, path: Path) -> None:
        """Write a frame to a file."""

    # ------------------------------------------------------------ files

    def inputs(self) -> list[tuple[str, Any]]:
        """Names of files, and the frames that go into them."""
        if self.layout == ONE:
            whole = self.study.frame()
            ordered = whole.sort_values(["context", "dimension"], kind="stable", ignore_index=True)
            return [("samples", self.converted(ordered))]
        return [(r.sim_id, self.converted(self.study.frame(r.place))) for r in self.study.runs]

    def fill(self) -> None:
        self._write(self.inputs(), self.fresh(self.stored))

    def before(self, job: str) -> None:
        if job == "write":
            self._inputs = self.inputs()
            self.fresh(self.trial)

    def after(self, job: str) -> None:
        if job == "write":
            self._inputs = []

    def write(self) -> int:
        self._write(self._inputs, self.trial)
        return sum(len(frame) for _, frame in self._inputs)

    def _write(self, frames: list[tuple[str, Any]], folder: Path) -> None:
        for name, frame in frames:
            self.written(frame, folder / f"{name}.parquet")

    def bytes_on_disk(self) -> dict[str, int]:
        return {"data": folder_bytes(self.stored)}

    @property
    def all_files(self) -> list[str]:
        """Every file."""
        return sorted(str(path) for path in self.stored.glob("*.parquet"))

    def files(self, sim_ids: list[str]) -> list[str]:
        """The files with these runs."""
        if self.layout == ONE:
            return self.all_files
        return [str(self.stored / f"{sim_id}.parquet") for sim_id in sim_ids]

    @property
    def valid(self) -> list[str]:
        """The sim_ids that are not excluded."""
        return [run.sim_id for run in self.study.valid]


class Pandas(Parquet):
    """`pandas.read_parquet` with columns and filters, then group by."""

    def written(self, frame: pd.DataFrame, path: Path) -> None:
        size = ROWS_TOGETHER if self.layout == ONE else None
        frame.to_parquet(path, compression="zstd", index=False, row_group_size=size)

    def one(self) -> pd.DataFrame:
        sim_id = self.study.chosen.sim_id
        if self.layout == ONE:
            return pd.read_parquet(self.all_files, filters=[("sim_id", "==", sim_id)])
        return pd.read_parquet(self.files([sim_id])[0])

    def metric(self) -> pd.DataFrame:
        frame = self._read("cpu", ["sim_id", "hostname", "value"])
        frame["value"] = 100 - frame["value"]
        return summarized(frame, STATISTICS)

    def everything(self) -> pd.DataFrame:
        return pd.read_parquet(self.all_files, columns=[*TEXTS, "elapsed_s", "value"])

    def run_values(self) -> pd.DataFrame:
        columns = ["platform", "sim_id", "hostname", "phase", "dimension", "value"]
        return pd.concat(
            [run_values(metric, self._read(metric, columns), self.study) for metric in METRICS]
        )

    def _read(self, metric: str, columns: list[str]) -> pd.DataFrame:
        """The samples of a metric of the valid runs."""
        context, dimensions = METRICS[metric]
        filters: Filter = [("context", "==", context), ("dimension", "in", list(dimensions))]
        if self.layout == ONE:
            filters.append(("sim_id", "in", self.valid))
        return pd.read_parquet(self.files(self.valid), columns=columns, filters=filters)
