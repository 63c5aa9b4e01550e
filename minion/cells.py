"""Where samples stand: the cells of a run's grid, and the stretches inside a cell.

A cell holds one stretch, or several where one would be too large. Which of them a row stands in
depends on what is in the cell by then, so two writers may see it differently. Rows move in one
direction only, to an earlier stretch: nobody deletes a stretch for the sake of one that another
deletes for the sake of this.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from minion.documents import Document
from minion.series import Floats, Series, from_documents


@dataclass(frozen=True, slots=True)
class Content:
    """What stretches hold together.

    series: all of it; None where they hold nothing.
    documents: the stretches, as they were read, in order.
    """

    series: Series | None
    documents: list[Document]

    @property
    def samples(self) -> int:
        """How many values that are."""
        return 0 if self.series is None else self.series.samples


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a run.

    origin: where they begin, seconds since the epoch.
    rows: how many steps one is long.
    """

    origin: float
    rows: int

    def length(self, series: Series) -> float:
        """How long a cell of a series is, in seconds."""
        return self.rows * (series.step or 1.0)

    def cells(self, series: Series) -> Iterator[tuple[float, Series]]:
        """The parts of a series by cell: (the cell's start in seconds since the origin, rows)."""
        series = series.compact()
        length = self.length(series)
        places = np.floor((series.times - self.origin) / length)
        if len(places) and places[0] == places[-1]:  # times increase
            yield float(places[0] * length), series
            return
        for place in np.unique(places):
            yield float(place * length), _rows(series, places == place)

    def stretches(self, series: Series, before: Sequence[Document]) -> dict[float, Series]:
        """What stands in which stretch, by the stretch's start.

        Args:
            series: all that there is of it in some cells, and nothing else.
            before: the stretches that hold some of it, by their start. What stands in one does
                not move to a later one.
        """
        series = series.compact()
        found = dict(series.cut(self.origin, self.rows))
        if not found:
            return {}
        begins = [float(part.times[0]) for part in found.values()]
        starts = list(found)  # of the cells in time, like these
        reaching = [
            document
            for document in before
            if document["samples"]
            and starts[max(0, bisect_right(begins, document["last"]) - 1)] > document["stretch"]
        ]
        if not reaching:
            return found
        wanted = np.repeat(starts, [len(part.times) for part in found.values()])
        for document in reaching:
            there = np.isin(series.times, _times(document))
            wanted[there] = np.minimum(wanted[there], document["stretch"])
        return {float(start): _rows(series, wanted == start) for start in np.unique(wanted)}


def content(documents: Sequence[Document], end: float = math.inf) -> Content:
    """What stretches of one chart hold together, before an end; empty places hold nothing."""
    ordered = sorted(documents, key=lambda document: float(document["stretch"]))
    parts = [from_documents([document])[0] for document in ordered if document["samples"]]
    # One after the other they would be copied again and again.
    runs: list[list[Series]] = []
    for part in parts:
        if runs and _follows(part, runs[-1][-1]):
            runs[-1].append(part)
        else:
            runs.append([part])
    series = None
    for run in runs:
        joined = _joined(run)
        series = joined if series is None else series.merge(joined)[0]
    series = None if series is None else series.window(-math.inf, end)
    return Content(series if series is not None and len(series.times) else None, ordered)


def _follows(later: Series, earlier: Series) -> bool:
    """Whether a stretch goes on where another one ends."""
    alike = (later.dimensions, later.step) == (earlier.dimensions, earlier.step)
    return alike and bool(later.times[0] > earlier.times[-1])


def _joined(run: Sequence[Series]) -> Series:
    """Stretches that follow each other, in one piece."""
    if len(run) == 1:
        return run[0]
    times = np.concatenate([part.times for part in run])
    return replace(run[0], times=times, values=np.concatenate([part.values for part in run]))


def _times(document: Document) -> Floats:
    if "t" in document:
        return np.array(document["t"], dtype=np.float64)
    moments: Floats = document["first"] + document.get("step", 0.0) * np.arange(document["n"])
    return moments


def _rows(series: Series, chosen: NDArray[np.bool_]) -> Series:
    return replace(series, times=series.times[chosen], values=series.values[chosen]).compact()
