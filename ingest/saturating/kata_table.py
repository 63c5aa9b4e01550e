"""The tables of the study of Kata Containers against runc, as its script wrote them.

A row for each iteration: `Iteration`, `Elapsed` in seconds, the containers by state, the memory of
all workers, then ` Active` and `Free`, which head no values themselves: the columns that follow
each are the workers', so their names stand twice. Memory is in kB as Linux says it, of 1,024 bytes.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minion.errors import InvalidData

STATES = ("Running", "Creating", "Terminating", "Evicted")
WORK = ("WorkUnits", "WorkCount")
_GROUPS = ("Active", "Free")
_TOTALS = {"Active": "Total Active Memory", "Free": "Total Free Memory"}
_FIRST = ("Iteration", "Elapsed")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One file: n rows, NaN where a cell is empty.

    lines: of the rows in the file, from 1.
    iteration, elapsed: n each.
    counts: containers by state, n each; `Running` is always there.
    work: `WorkUnits` and `WorkCount` where the file has them.
    workers: as the columns call them.
    active, free: n x workers, in KiB; 0, which stands for no sample, is NaN.
    notes: what was not taken, and totals that are not the sum of the workers.
    """

    path: Path
    lines: NDArray[np.int64]
    iteration: Floats
    elapsed: Floats
    counts: Mapping[str, Floats]
    work: Mapping[str, Floats]
    workers: tuple[str, ...]
    active: Floats
    free: Floats
    notes: tuple[str, ...]

    def where(self, row: int) -> str:
        """File and line of a row."""
        return f"{self.path.name} line {self.lines[row]}"


def worker_of(column: str) -> str:
    """The host that a worker's columns are of."""
    return f"worker-{column}"


def read(path: Path) -> Table:
    """The table of a file.

    Raises:
        InvalidData: it is none: a column lacks, a line has another number of cells, a cell is not
            a number; the message names file and line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidData(f"{path} is no text of comma-separated values: {error}") from None
    if not rows:
        raise InvalidData(f"{path} is empty; a line of column names is wanted")
    (line, names), *rows = rows
    header = _Header(path, line, [name.strip() for name in names])
    if not rows:
        raise InvalidData(f"{path} has column names and no row")
    values = np.array([_numbers(path, line, row, header.names) for line, row in rows])
    zero = values == 0
    for group in _GROUPS:
        columns = header.groups[group]
        values[:, columns] = np.where(zero[:, columns], np.nan, values[:, columns])
    lines = np.array([line for line, _ in rows])
    by_name = {name: values[:, place] for name, place in header.single.items()}
    for name in _FIRST:
        if np.isnan(by_name[name]).any():
            place = int(np.flatnonzero(np.isnan(by_name[name]))[0])
            raise InvalidData(f"{path} line {lines[place]}: {name} is empty")
    notes = [*header.notes]
    for group in _GROUPS:
        total = by_name.get(_TOTALS[group])
        if total is not None:
            notes += _totals(path, lines, total, values[:, header.groups[group]], group)
    return Table(
        path=path,
        lines=lines,
        iteration=by_name["Iteration"],
        elapsed=by_name["Elapsed"],
        counts={name: by_name[name] for name in STATES if name in by_name},
        work={name: by_name[name] for name in WORK if name in by_name},
        workers=tuple(header.names[place] for place in header.groups["Active"]),
        active=values[:, header.groups["Active"]],
        free=values[:, header.groups["Free"]],
        notes=tuple(notes),
    )


class _Header:
    """Which column is what.

    single: places of the columns that stand alone; groups: of the workers' columns.
    """

    def __init__(self, path: Path, line: int, names: Sequence[str]) -> None:
        self.names = list(names)
        self.single: dict[str, int] = {}
        self.groups: dict[str, list[int]] = {group: [] for group in _GROUPS}
        self.notes: list[str] = []
        group = ""
        for place, name in enumerate(names):
            if name in _GROUPS:
                group = name
            elif name and group:
                self.groups[group].append(place)
            elif name in self.single:
                raise InvalidData(f"{path} line {line}: column {name} stands twice")
            elif name:
                self.single[name] = place
        known = {*_FIRST, *STATES, *WORK, *_TOTALS.values()}
        lacking = [name for name in (*_FIRST, "Running") if name not in self.single]
        lacking += [f"{group} memory of each worker" for group in _GROUPS if not self.groups[group]]
        if lacking:
            raise InvalidData(
                f"{path} line {line}: no column {' and none '.join(lacking)}; is it a table of"
                " this study?"
            )
        workers = [[names[place] for place in self.groups[group]] for group in _GROUPS]
        if workers[0] != workers[1] or len(set(workers[0])) < len(workers[0]):
            listed = "; ".join(map(", ".join, workers))
            raise InvalidData(f"{path} line {line}: the workers are not the same twice: {listed}")
        more = [name for name in self.single if name not in known]
        if more:
            self.notes = [f"{path.name}: columns not taken: {', '.join(more)}"]


def _numbers(path: Path, line: int, row: Sequence[str], names: Sequence[str]) -> list[float]:
    if len(row) != len(names):
        raise InvalidData(
            f"{path} line {line}: {len(row)} cells where the first line has {len(names)};"
            " complete the line or take it out"
        )
    values = []
    for name, cell in zip(names, row, strict=True):
        text = cell.strip()
        try:
            value = float(text) if text else math.nan
        except ValueError:
            value = math.inf
        if text and not (math.isfinite(value) and value >= 0):
            what = f"{text!r} in column {name}" if name else f"{text!r} in a column without a name"
            raise InvalidData(f"{path} line {line}: {what}; a number from 0 up is wanted")
        values.append(value)
    return values


def _totals(
    path: Path, lines: NDArray[np.int64], total: Floats, workers: Floats, group: str
) -> list[str]:
    """A sentence where the memory of all workers is not that of each together."""
    off = np.flatnonzero((np.nansum(workers, axis=1) != total) & ~np.isnan(total))
    if not off.size:
        return []
    return [
        f"{path.name}: {_TOTALS[group]} is not the sum of the workers in {off.size:,} of"
        f" {total.size:,} rows, first in line {lines[off[0]]}; the workers' values are kept"
    ]
