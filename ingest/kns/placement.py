"""Which samples belong to which simulations: by the host that they are of, and by their time."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.kns.flat import Batch, FlatSeries

RECORD = np.dtype([("series", "<i4"), ("time", "<f8"), ("value", "<f8")])

Records = NDArray[np.void]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Samples of `hostname` with first < timestamp < last belong to simulation number `owner`."""

    first: float
    last: float
    owner: int
    hostname: str


class Placement:
    """Which samples belong to which simulations.

    placed: how many samples belong to a simulation.
    shared: how many of these belong to several, each of which has them.
    outside: how many are of a host that took part, and lie in none of its windows.
    strangers: hosts that took part in nothing, and how many samples are theirs.
    empty: how many documents have no value.
    """

    def __init__(self, windows: Iterable[Window]) -> None:
        self.placed = self.shared = self.outside = self.empty = 0
        self.strangers: Counter[str] = Counter()
        by_host: dict[str, list[Window]] = defaultdict(list)
        for window in sorted(windows):
            by_host[window.hostname].append(window)
        self._layers = [_layers(found) for found in by_host.values()]
        self._numbers = {hostname: number for number, hostname in enumerate(by_host)}
        self._host_of = np.empty(0, dtype=np.intp)

    def place(self, batch: Batch, table: Sequence[FlatSeries]) -> Iterator[tuple[int, Records]]:
        """The samples of each simulation, and the simulation's number.

        Args:
            batch: samples.
            table: what each series is.
        """
        if len(table) > len(self._host_of):
            new = [self._numbers.get(s.hostname, -1) for s in table[len(self._host_of) :]]
            self._host_of = np.concatenate([self._host_of, np.array(new, dtype=np.intp)])
        there = ~np.isnan(batch.values)
        self.empty += len(there) - int(np.count_nonzero(there))
        hosts = np.where(there, self._host_of[batch.series], -2)
        unknown = np.bincount(batch.series[hosts == -1])
        for place in np.flatnonzero(unknown).tolist():
            self.strangers[table[place].hostname] += int(unknown[place])
        for number in np.flatnonzero(np.bincount(hosts[hosts >= 0], minlength=1)):
            rows = np.flatnonzero(hosts == number)
            times = batch.times[rows]
            owned = np.zeros(len(rows), dtype=np.intp)
            for layer in self._layers[number]:
                owner = layer.owner_of(times)
                owned += owner >= 0
                yield from _by_owner(batch, rows, owner)
            self.placed += int(np.count_nonzero(owned))
            self.shared += int(np.count_nonzero(owned > 1))
            self.outside += int(np.count_nonzero(owned == 0))


@dataclass(frozen=True, slots=True)
class _Layer:
    """Windows of one host that do not overlap, in order of time."""

    firsts: NDArray[np.float64]
    lasts: NDArray[np.float64]
    owners: NDArray[np.intp]

    def owner_of(self, times: NDArray[np.float64]) -> NDArray[np.intp]:
        """For each time the number of its simulation, else -1."""
        found = np.searchsorted(self.firsts, times, side="left") - 1
        inside = (found >= 0) & (times < self.lasts[found])
        return np.where(inside, self.owners[found], -1)


def _layers(windows: Sequence[Window]) -> list[_Layer]:
    """As few layers as hold these windows, which are in order."""
    rows: list[list[Window]] = []
    for window in windows:
        free = next((row for row in rows if row[-1].last <= window.first), None)
        if free is None:
            rows.append([window])
        else:
            free.append(window)
    return [
        _Layer(
            np.array([window.first for window in row]),
            np.array([window.last for window in row]),
            np.array([window.owner for window in row], dtype=np.intp),
        )
        for row in rows
    ]


def _by_owner(
    batch: Batch, rows: NDArray[np.intp], owner: NDArray[np.intp]
) -> Iterator[tuple[int, Records]]:
    order = np.argsort(owner, kind="stable")
    ordered = owner[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-2))
    for start, stop in zip(starts, [*starts[1:], len(ordered)], strict=True):
        if ordered[start] < 0:
            continue
        chosen = rows[order[start:stop]]
        records = np.empty(len(chosen), dtype=RECORD)
        records["series"] = batch.series[chosen]
        records["time"] = batch.times[chosen]
        records["value"] = batch.values[chosen]
        yield int(ordered[start]), records


def overlaps(windows: Iterable[Window]) -> Mapping[tuple[int, int], list[str]]:
    """Pairs of simulations that overlap, with the hosts on which they do."""
    found: dict[tuple[int, int], list[str]] = defaultdict(list)
    open_windows: dict[str, list[Window]] = defaultdict(list)
    for window in sorted(windows):
        others = [w for w in open_windows[window.hostname] if w.last > window.first]
        for other in others:
            found[other.owner, window.owner].append(window.hostname)
        open_windows[window.hostname] = [*others, window]
    return found
