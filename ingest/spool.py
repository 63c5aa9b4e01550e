"""Samples of many simulations that come mixed, put aside until each one's series can be made.

What is in memory is bounded: the samples of each simulation wait in a file of their own, as packed
records. A series is made of all its samples at once, so it does not depend on their order.
"""

import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ingest.kns.flat import FlatSeries
from ingest.kns.placement import RECORD, Records
from minion.errors import OutputError
from minion.series import Dimension, Series

MOST_WAITING = 64 * 2**20  # bytes that wait in memory for their file
MOST_SAMPLES = 1_500_000  # that are made into series at once


# ---------------------------------------------------------------- where they wait


class Spool:
    """Records of many owners in a file that nobody else sees; use it in a `with` statement.

    Raises:
        OutputError: from every method: the disk is full, or the folder cannot be written.
    """

    def __init__(self) -> None:
        with _named():
            # Without a name, so nothing is left whatever ends the process.
            self._file = tempfile.TemporaryFile(prefix="minion-")  # noqa: SIM115
        self._waiting: dict[int, list[Records]] = defaultdict(list)
        self._bytes = 0
        self._extents: dict[int, list[tuple[int, int]]] = defaultdict(list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, owner: int, records: Records) -> None:
        """Keep samples of a simulation."""
        self._waiting[owner].append(records)
        self._bytes += records.nbytes
        if self._bytes > MOST_WAITING:
            self._write()

    def counts(self, owner: int) -> dict[int, int]:
        """The numbers of the series that a simulation has, and how many records of each."""
        counts = np.zeros(0, dtype=np.intp)
        for records in self._records(owner):
            found = np.bincount(records["series"], minlength=len(counts))
            found[: len(counts)] += counts
            counts = found
        return {int(number): int(counts[number]) for number in np.flatnonzero(counts)}

    def parts(
        self, owner: int, counts: Mapping[int, int], table: Sequence[FlatSeries]
    ) -> Iterator[Records]:
        """A simulation's records in parts that fit into memory, each with whole charts.

        Args:
            owner: the simulation's number.
            counts: as `counts` gave them.
            table: what each series is.
        """
        chosen: list[list[int]] = [[]]
        size = 0
        ordered = sorted(counts, key=lambda number: table[number])
        for _, numbers in groupby(ordered, lambda number: _chart(table[number])):
            chart = list(numbers)
            samples = sum(counts[number] for number in chart)
            if chosen[-1] and size + samples > MOST_SAMPLES:
                chosen.append([])
                size = 0
            chosen[-1] += chart
            size += samples
        for part in chosen:
            if len(chosen) == 1:
                yield _together(self._records(owner))
            else:
                yield _together(r[np.isin(r["series"], part)] for r in self._records(owner))

    def _records(self, owner: int) -> Iterator[Records]:
        """In the order in which they came."""
        with _named():
            for place, records in self._extents[owner]:
                self._file.seek(place)
                yield np.fromfile(self._file, RECORD, records)
        yield from self._waiting[owner]

    def _write(self) -> None:
        with _named():
            place = self._file.seek(0, os.SEEK_END)
            for owner, waiting in self._waiting.items():
                records = _together(waiting)
                self._file.write(records.tobytes())
                self._extents[owner].append((place, len(records)))
                place += records.nbytes
            self._file.flush()
        self._waiting.clear()
        self._bytes = 0


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"samples cannot be put aside in {tempfile.gettempdir()}: {error.strerror or error};"
            " free some space there, or name another folder with TMPDIR"
        ) from error


def _together(parts: Iterable[Records]) -> Records:
    found = list(parts)
    return np.concatenate(found) if found else np.empty(0, dtype=RECORD)


# ---------------------------------------------------------------- what they make


@dataclass(frozen=True, slots=True)
class Pivoted:
    """Series, and what was in their samples more than once.

    repeated: samples that came again with the same value.
    conflicts: samples that came again with another one; the first stayed.
    """

    series: list[Series]
    repeated: int
    conflicts: int


def pivot(records: Records, table: Sequence[FlatSeries]) -> Pivoted:
    """The series of one simulation, ordered by host and chart, dimensions by their ids.

    Args:
        records: all samples of these charts, in any order.
        table: what each series is.
    """
    flats: dict[tuple[str, str, str], FlatSeries] = {}
    present = np.flatnonzero(np.bincount(records["series"], minlength=1)).tolist()
    for number in present:
        flat = table[number]
        flats[_line(flat)] = min(flats.get(_line(flat), flat), flat)
    lines = sorted(flats)
    places = {line: place for place, line in enumerate(lines)}
    place_of = np.zeros(len(table), dtype=np.intp)
    place_of[present] = [places[_line(table[number])] for number in present]

    place = place_of[records["series"]]
    order = np.lexsort((records["time"], place))
    place, times, values = place[order], records["time"][order], records["value"][order]
    again = np.zeros(len(order), dtype=bool)
    again[1:] = (place[1:] == place[:-1]) & (times[1:] == times[:-1])
    firsts = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
    conflicts = int(np.count_nonzero(values[again] != values[firsts[again]]))
    repeated = int(np.count_nonzero(again)) - conflicts
    place, times, values = place[~again], times[~again], values[~again]

    series = []
    for _, group in groupby(lines, lambda line: line[:2]):
        members = [flats[line] for line in group]
        first = places[_line(members[0])]
        start, stop = np.searchsorted(place, [first, first + len(members)])
        columns = place[start:stop] - first
        series.append(_series(members, columns, times[start:stop], values[start:stop]))
    return Pivoted(series, repeated, conflicts)


def _series(
    members: Sequence[FlatSeries], columns: NDArray[np.intp], times: Any, values: Any
) -> Series:
    grid = np.unique(times)
    if len(times) == len(grid) * len(members):
        block = values.reshape(len(members), len(grid)).T
    else:
        block = np.full((len(grid), len(members)), np.nan)
        block[np.searchsorted(grid, times), columns] = values
    flat = members[0]
    return Series(
        hostname=flat.hostname,
        chart=flat.chart,
        name=flat.chart_name,
        context=flat.context,
        family=flat.family,
        unit=flat.unit,
        dimensions=tuple(Dimension(member.dimension, member.name) for member in members),
        times=grid,
        values=block,
        step=usual_step(grid),
    )


def usual_step(times: NDArray[np.float64]) -> float | None:
    """The most frequent distance of increasing times, the smallest of several; None without."""
    distances, counts = np.unique(np.round(np.diff(times), 6), return_counts=True)
    counts = counts[distances > 0]
    return float(distances[distances > 0][np.argmax(counts)]) if len(counts) else None


def _line(flat: FlatSeries) -> tuple[str, str, str]:
    return flat.hostname, flat.chart, flat.dimension


def _chart(flat: FlatSeries) -> tuple[str, str]:
    return flat.hostname, flat.chart
