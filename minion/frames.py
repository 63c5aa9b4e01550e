"""Stored stretches to one tidy frame: a row per sample."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from minion.columns import Codes, NumberColumn, TextColumn, categorical, code_type, memory
from minion.lifecycle import TOTAL, Timeline, read_timeline
from minion.model import Simulation
from minion.series import Dimension, Floats, Series
from minion.wire import Stretch

TEXTS = "experiment platform sim_id hostname role phase chart context dimension unit".split()
COLUMNS = (*TEXTS, "elapsed_s", "value")


class Tidy:
    """Samples on their way into tidy frames: charts of runs in, frames out.

    Every value is decoded into the place that it has in the frame, so there is never a second
    copy of all of them.

    Args:
        simulations: the runs that the charts will be of.
        phases: keep the samples of these phases only; the total means every sample.
        expected: about how many rows there will be.
        known: give every frame all names of these runs as categories, whether they occur or not.
    """

    def __init__(
        self,
        simulations: Sequence[Simulation],
        phases: Sequence[str] = (),
        *,
        expected: int = 0,
        known: bool = False,
    ) -> None:
        self._runs = {s.id.binary: _Run(s, read_timeline(s)) for s in simulations}
        self._clock = _Clock(self._runs.values())
        self._phases = () if TOTAL.name in phases else phases
        self._texts = {name: TextColumn() for name in TEXTS if name != "phase"}
        self._labels = NumberColumn(self._clock.type, expected)
        self._elapsed = NumberColumn(np.float64, expected)
        self._values = NumberColumn(np.float64, expected)
        self.rows = 0
        if known:
            self._know(simulations)

    def add(self, stretches: Sequence[Stretch]) -> None:
        """Add the samples of one chart of a host in a run, dimension by dimension.

        Args:
            stretches: all of the chart's stretches that are wanted, by time.

        Raises:
            InvalidData: one of them is broken.
        """
        run = self._runs[stretches[0].simulation]
        before = self.rows
        if len(stretches) == 1:
            self._add(run, stretches, None)
        elif all(a.last < b.first for a, b in pairwise(stretches)):
            for part, dimension in _alike(stretches):
                self._add(run, part, dimension)
        else:
            self._add_merged(run, stretches)
        rows = self.rows - before
        chart, simulation = stretches[0], run.simulation
        self._texts["experiment"].add(simulation.experiment, rows)
        self._texts["platform"].add(simulation.platform, rows)
        self._texts["sim_id"].add(simulation.sim_id, rows)
        self._texts["hostname"].add(chart.hostname, rows)
        self._texts["role"].add(run.roles.get(chart.hostname, ""), rows)
        self._texts["chart"].add(chart.chart, rows)
        self._texts["context"].add(chart.context, rows)
        self._texts["unit"].add(chart.unit, rows)

    def frame(self, rows: int | None = None) -> pd.DataFrame:
        """The first rows (default: all) as a frame with the columns of `COLUMNS`.

        They are not held here any more; what is left begins the next frame. A code of a
        categorical means the same text in all frames.
        """
        rows = self.rows if rows is None else min(rows, self.rows)
        data: dict[str, object] = dict.fromkeys(COLUMNS)  # they keep this order
        for name, codes in memory(rows, self._texts):
            self._texts[name].take(codes)
            data[name] = categorical(codes, self._texts[name].places)
        data["phase"] = categorical(self._labels.take(rows, self.rows), self._clock.names)
        data["elapsed_s"] = self._elapsed.take(rows, self.rows)
        data["value"] = self._values.take(rows, self.rows)
        self.rows -= rows
        return pd.DataFrame(data, copy=False)

    # ------------------------------------------------------------ inside

    def _know(self, simulations: Iterable[Simulation]) -> None:
        for simulation in simulations:
            self._texts["experiment"].code(simulation.experiment)
            self._texts["platform"].code(simulation.platform)
            self._texts["sim_id"].code(simulation.sim_id)
            for host in simulation.hosts:
                self._texts["hostname"].code(host.hostname)
                self._texts["role"].code(host.role.value)
        for run in self._runs.values():
            self._clock.codes(run)

    def _add(self, run: "_Run", stretches: Sequence[Stretch], dimension: str | None) -> None:
        """The rows of stretches that follow each other and have the same dimensions."""
        elapsed, labels = self._clock.read(run, stretches)
        kept = self._kept(labels)
        if kept is not None and not kept.any():
            return
        dimensions = (dimension,) if dimension is not None else stretches[0].dimensions
        shape = len(dimensions), len(elapsed)
        values = self._values.room(self.rows, shape) if kept is None else np.empty(shape)
        holes = at = 0
        for stretch in stretches:
            holes += stretch.values(values[:, at : at + stretch.rows], dimension)
            at += stretch.rows
        if kept is not None:
            elapsed, labels, values = elapsed[kept], labels[kept], values[:, kept]
        self._append(dimensions, elapsed, labels, values, holes, placed=kept is None)

    def _add_merged(self, run: "_Run", stretches: Sequence[Stretch]) -> None:
        """The rows of stretches that overlap, each sample once.

        A merge of small stretches into a large one that was cut off in the middle leaves both.
        """
        merged = _series(stretches[0])
        for stretch in stretches[1:]:
            merged = merged.merge(_series(stretch))[0]
        elapsed = merged.times - run.origin
        labels = self._clock.labels(run, elapsed)
        values = merged.values.T
        kept = self._kept(labels)
        if kept is not None:
            elapsed, labels, values = elapsed[kept], labels[kept], values[:, kept]
        holes = int(np.count_nonzero(np.isnan(values)))
        self._append([d.id for d in merged.dimensions], elapsed, labels, values, holes)

    def _append(
        self,
        dimensions: Sequence[str],
        elapsed: Floats,
        labels: Codes,
        values: Floats,
        holes: int,
        *,
        placed: bool = False,
    ) -> None:
        """Rows for all values (a row per dimension, a column per time) that are there.

        placed: they were decoded into their place.
        """
        at, shape = self.rows, values.shape
        if holes:
            there = ~np.isnan(values)
            lengths = np.count_nonzero(there, axis=1).tolist()
            total = sum(lengths)
            self._values.room(at, (total,))[:] = values[there]
            self._elapsed.room(at, (total,))[:] = np.broadcast_to(elapsed, shape)[there]
            self._labels.room(at, (total,))[:] = np.broadcast_to(labels, shape)[there]
        else:
            lengths = [shape[1]] * shape[0]
            total = values.size
            if not placed:
                self._values.room(at, shape)[:] = values
            self._elapsed.room(at, shape)[:] = elapsed
            self._labels.room(at, shape)[:] = labels
        for dimension, length in zip(dimensions, lengths, strict=True):
            self._texts["dimension"].add(dimension, length)
        self.rows += total

    def _kept(self, labels: Codes) -> NDArray[np.bool_] | None:
        """Which times lie in the chosen phases; None for all."""
        if not self._phases:
            return None
        names = self._clock.names
        codes = [names[name] for name in self._phases if name in names]
        kept = np.isin(labels, codes)
        return None if kept.all() else kept


class _Run:
    """A simulation and what is asked of it for each of its charts.

    phases: names, in order of time; edges: the elapsed times around and between them.
    codes: of what lies before, in and behind the phases, once `_Clock.codes` gave them some.
    """

    def __init__(self, simulation: Simulation, timeline: Timeline | None) -> None:
        marks = timeline.intervals if timeline else ()  # of one that nothing was noted of: none
        self.simulation = simulation
        self.origin = timeline.origin if timeline else 0.0
        self.phases = [mark.name for mark in marks]
        self.edges = np.array([*(mark.start_s for mark in marks), *(m.end_s for m in marks[-1:])])
        self.roles = {host.hostname: host.role.value for host in simulation.hosts}
        self.codes: Codes | None = None


class _Clock:
    """The times of rows: since their run's origin, and as phases, codes of one column.

    names: of phases, with their codes.
    type: of the codes, wide enough for the phases of all runs.
    """

    def __init__(self, runs: Iterable[_Run]) -> None:
        self.names: dict[str, int] = {}
        self.type = code_type(len({phase for run in runs for phase in run.phases}))
        self._read: tuple[object, Floats, Codes] | None = None

    def codes(self, run: _Run) -> Codes:
        """The codes of what lies between a run's edges; -1, before and behind, is no phase."""
        if run.codes is None:
            known = [self.names.setdefault(phase, len(self.names)) for phase in run.phases]
            run.codes = np.array([-1, *known, -1] if known else [-1], dtype=self.type)
        return run.codes

    def labels(self, run: _Run, elapsed_s: Floats) -> Codes:
        """The code of each time's phase; -1 outside of the run."""
        return self.codes(run)[run.edges.searchsorted(elapsed_s, side="right")]

    def _labels_in_order(self, run: _Run, elapsed_s: Floats) -> Codes:
        """`labels` of times that increase: one search for each edge instead of each time."""
        codes = self.codes(run)
        before = np.zeros(len(codes) + 1, dtype=np.intp)
        before[1:-1] = elapsed_s.searchsorted(run.edges)
        before[-1] = len(elapsed_s)
        return codes.repeat(before[1:] - before[:-1])

    def read(self, run: _Run, stretches: Sequence[Stretch]) -> tuple[Floats, Codes]:
        """Elapsed times and phases of the rows of stretches that follow each other."""
        regular = [(s.first, s.step, s.rows) for s in stretches if s.times_at is None]
        key = run.simulation.id, regular
        # The charts of a host have mostly the same times.
        if self._read is None or self._read[0] != key or len(regular) < len(stretches):
            times = [stretch.times() for stretch in stretches]
            elapsed = (times[0] if len(times) == 1 else np.concatenate(times)) - run.origin
            ordered = len(times) == len(regular) == 1 and (stretches[0].step or 0.0) > 0
            labels = self._labels_in_order if ordered else self.labels
            self._read = key, elapsed, labels(run, elapsed)
        return self._read[1:]


def _alike(stretches: Sequence[Stretch]) -> Iterator[tuple[Sequence[Stretch], str | None]]:
    """The stretches together when all have the same dimensions, else dimension by dimension."""
    dimensions = stretches[0].dimensions
    if all(stretch.dimensions == dimensions for stretch in stretches):
        yield stretches, None
        return
    for name in dict.fromkeys(name for s in stretches for name in s.dimensions):
        yield [s for s in stretches if name in s.dimensions], name


def _series(stretch: Stretch) -> Series:
    values = np.empty((len(stretch.dimensions), stretch.rows))
    stretch.values(values)
    return Series(
        hostname=stretch.hostname,
        chart=stretch.chart,
        context=stretch.context,
        family="",
        unit=stretch.unit,
        dimensions=tuple(Dimension(identity, identity) for identity in stretch.dimensions),
        times=stretch.times(),
        values=values.T,
    )
