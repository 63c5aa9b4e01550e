"""Pieces of series put together: a row for each phase of a run, and one for the whole run.

A piece is a few numbers about the samples of one stretch in one interval of the run. Deviations
are combined by sums of squared differences to the mean (Chan, Golub and LeVeque 1983), never by
sums of squares, which cancel.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from bson import ObjectId
from numpy.typing import NDArray

from minion.documents import Document
from minion.lifecycle import TOTAL
from minion.model import Simulation
from minion.pieces import WHOLE, Borders

TEXTS = "experiment platform sim_id hostname role chart context dimension unit".split()
STATISTICS = ("n", "mean", "sd", "min", "max")

MOST_GATHERED = 500_000  # values of a series that fit into one document of 16 MiB

Key = tuple[ObjectId, str, str, str, int]  # simulation, hostname, chart, dimension, code


@dataclass(slots=True)
class Chart:
    """The stretches of one chart, reduced (see `minion.pieces.reducing`), in order of time."""

    stretches: list[Document]
    borders: Borders

    @property
    def names(self) -> tuple[ObjectId, str, str]:
        """Simulation, hostname, chart."""
        first = self.stretches[0]
        return first["simulation"], first["hostname"], first["chart"]

    @property
    def scattered(self) -> bool:
        """Whether pieces of one phase, or of the whole run, lie apart."""
        return len(self.stretches) > 1 or self.borders.repeats

    def problem(self, *, gathers: bool) -> str | None:
        """Why the server cannot reduce it exactly; None if it can."""
        _, hostname, chart = self.names
        where = f"chart {chart} of {hostname}"
        if any(b["first"] <= a["last"] for a, b in pairwise(self.stretches)):
            return f"{where} has stretches that overlap; a merge of them was cut off"
        if gathers and self.scattered:
            counts = Counter[str]()
            for dimension in self._dimensions():
                counts[dimension["id"]] += sum(piece["n"] for piece in dimension["pieces"])
            if max(counts.values(), default=0) > MOST_GATHERED:
                return f"{where} has too many samples to gather them for a quantile"
        return None

    def series(self) -> Iterator[tuple[str, list[Document], list[float]]]:
        """Of each dimension its id, its pieces in order of time, and quantiles of the whole."""
        found: dict[str, tuple[list[Document], list[float]]] = {}
        for dimension in self._dimensions():
            pieces, _ = found.setdefault(dimension["id"], ([], dimension.get("q", [])))
            pieces += (piece for piece in dimension["pieces"] if piece["n"])
        for identity, (pieces, whole) in found.items():
            if pieces:
                yield identity, pieces, whole

    def _dimensions(self) -> Iterator[Document]:
        return (dimension for s in self.stretches for dimension in s["dimensions"])


class Rows:
    """The pieces of all series, as columns.

    Args:
        quantiles: how many each piece has.
    """

    def __init__(self, quantiles: int) -> None:
        self.quantiles = quantiles
        self.texts: list[tuple[str, ...]] = []  # of each series
        self.phases: dict[str, int] = {}
        self.whole: list[list[float]] = []  # quantiles of each series
        self.series: list[int] = []  # from here on: of each piece
        self.phase: list[int] = []
        self.numbers: list[tuple[float, ...]] = []
        self.parts: list[list[float]] = []

    def add(
        self, simulation: Simulation, chart: Chart, gathered: Mapping[Key, list[float]]
    ) -> None:
        """Take over what is known of one chart."""
        identity, hostname, name = chart.names
        host = simulation.host(hostname)
        role = host.role.value if host else ""
        run = (simulation.experiment, simulation.platform, simulation.sim_id, hostname, role)
        phases, codes = chart.borders.names, chart.borders.codes
        places = [self.phases.setdefault(p, len(self.phases)) if p else -1 for p in phases]
        first = chart.stretches[0]
        for dimension, pieces, whole in chart.series():
            self.texts.append((*run, name, first["context"], dimension, first["unit"]))
            key = (identity, hostname, name, dimension)
            self.whole.append(gathered.get((*key, WHOLE), whole))
            for piece in pieces:
                place = piece["i"]
                self.series.append(len(self.texts) - 1)
                self.phase.append(places[place])
                self.numbers.append(tuple(piece[name] for name in STATISTICS))
                if self.quantiles:
                    self.parts.append(gathered.get((*key, codes[place]), piece["q"]))

    def frame(self) -> pd.DataFrame:
        """A row for each phase of each series, and one for the whole run behind them.

        The columns of `TEXTS`, phase, `STATISTICS`, and of each quantile, named by its place.
        """
        series = np.array(self.series, dtype=np.int64)
        phase = np.array(self.phase, dtype=np.int64)
        numbers = np.array(self.numbers, dtype=np.float64).reshape(-1, len(STATISTICS))
        parts = np.array(self.parts, dtype=np.float64).reshape(len(series), self.quantiles)
        whole = np.array(self.whole, dtype=np.float64).reshape(len(self.texts), self.quantiles)
        inside = np.flatnonzero(phase >= 0)
        width = len(self.phases) + 1
        firsts, of_phases = _combined((series * width + phase)[inside], numbers[inside])
        firsts = inside[firsts]
        ends, of_runs = _combined(series, numbers)
        total = self.phases.setdefault(TOTAL.name, len(self.phases))
        owner = np.concatenate((series[firsts], series[ends]))
        # Phases by their first piece, which is in order of time; the whole run behind them.
        order = np.lexsort((np.append(firsts, np.full(len(ends), len(series))), owner))
        owner = owner[order]
        texts = zip(*self.texts, strict=True) if self.texts else ((),) * len(TEXTS)
        data: dict[str, Any] = {
            name: _categorical(column, owner) for name, column in zip(TEXTS, texts, strict=True)
        }
        labels = np.append(phase[firsts], np.full(len(ends), total))[order]
        data["phase"] = pd.Categorical.from_codes(labels, pd.Index(list(self.phases), dtype="str"))
        combined = np.concatenate((of_phases, of_runs))[order]
        data |= dict(zip(STATISTICS, combined.T, strict=True))
        data["n"] = data["n"].astype(np.int64)
        quantiles = np.concatenate((parts[firsts], whole[series[ends]]))[order]
        data |= {str(place): column for place, column in enumerate(quantiles.T)}
        return pd.DataFrame(data, copy=False)


def _combined(
    keys: NDArray[np.int64], numbers: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """`STATISTICS` of the pieces of each key put together, and the place of its first piece.

    The sd of a piece has the divisor n, that of the result n - 1.
    """
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    n, mean, sd, low, high = numbers[order].T
    if not len(starts):
        return starts, np.empty((0, len(STATISTICS)))
    count = np.add.reduceat(n, starts)
    center = np.add.reduceat(n * mean, starts) / count
    pieces = np.diff(starts, append=len(keys))
    apart = mean - np.repeat(center, pieces)
    squares = np.add.reduceat(n * (np.square(sd) + np.square(apart)), starts)
    deviation = np.sqrt(squares / np.where(count > 1, count - 1, np.nan))
    least, largest = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    return order[starts], np.column_stack((count, center, deviation, least, largest))


def _categorical(texts: Sequence[str], owner: NDArray[np.int64]) -> pd.Categorical:
    """A text of each series as a column, its categories in order of appearance."""
    places: dict[str, int] = {}
    codes = np.array([places.setdefault(t, len(places)) for t in texts], dtype=np.int64)
    return pd.Categorical.from_codes(codes[owner], pd.Index(list(places), dtype="str"))
