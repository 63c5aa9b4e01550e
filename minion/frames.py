"""Stored stretches to one tidy frame: a row per sample."""

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

import numpy as np
import pandas as pd
from bson import ObjectId
from numpy.typing import NDArray

from minion.lifecycle import TOTAL, Timeline, read_timeline
from minion.model import Simulation
from minion.series import Dimension, Series, Stretch

COLUMNS = (
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
    "elapsed_s",
    "value",
)


def tidy(
    simulations: Sequence[Simulation], stretches: Iterable[Stretch], phases: Sequence[str] = ()
) -> pd.DataFrame:
    """One row per sample that is there; what is missing has no row.

    Args:
        simulations: the runs, in the order that their rows shall have.
        stretches: stored stretches of these runs, in any order.
        phases: keep the samples of these phases only; the total means every sample.

    Returns:
        A frame with the columns of `COLUMNS`: text columns are categoricals, `elapsed_s` is
        seconds since the run's origin, `value` is in `unit`. Ordered by simulation, hostname,
        chart, dimension and time.
    """
    order = {simulation.id: place for place, simulation in enumerate(simulations)}
    found = sorted(stretches, key=lambda s: (order[s.simulation], s.hostname, s.chart, s.first))
    found = _without_overlap(found)
    timelines = {simulation.id: _Timeline(simulation) for simulation in simulations}
    phase_names = _Codes()
    columns = {name: _Codes() for name in COLUMNS[:-2] if name != "phase"}
    total = sum(len(stretch.times) * len(stretch.columns) for stretch in found)
    elapsed, values = np.empty(total), np.empty(total)
    labels = np.empty(total, dtype=np.int16)
    lengths: list[int] = []
    at = 0
    by_dimension = (
        (stretch, identity, column)
        for _, group in groupby(found, key=lambda s: (s.simulation, s.hostname, s.chart))
        for stretch, identity, column in _dimensions(list(group))
    )
    for stretch, identity, column in by_dimension:
        simulation = simulations[order[stretch.simulation]]
        timeline = timelines[stretch.simulation]
        end = at + len(column)
        values[at:end] = column
        elapsed[at:end] = stretch.times
        elapsed[at:end] -= timeline.origin
        labels[at:end] = timeline.codes(elapsed[at:end], phase_names)
        host = simulation.host(stretch.hostname)
        columns["experiment"].add(simulation.experiment)
        columns["platform"].add(simulation.platform)
        columns["sim_id"].add(simulation.sim_id)
        columns["hostname"].add(stretch.hostname)
        columns["role"].add(host.role.value if host else "")
        columns["chart"].add(stretch.chart)
        columns["context"].add(stretch.context)
        columns["dimension"].add(identity)
        columns["unit"].add(stretch.unit)
        lengths.append(len(column))
        at = end
    kept = _kept(found, values, labels, phase_names, phases)
    data: dict[str, object] = {}
    for name in COLUMNS:
        if name == "phase":
            data[name] = phase_names.categorical(labels if kept is None else labels[kept])
        elif name in columns:
            codes = np.repeat(columns[name].codes, lengths)
            data[name] = columns[name].categorical(codes if kept is None else codes[kept])
    data["elapsed_s"] = elapsed if kept is None else elapsed[kept]
    data["value"] = values if kept is None else values[kept]
    return pd.DataFrame(data, copy=False)


class _Codes:
    """A categorical column in the making: a code per block of rows."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self._codes: list[int] = []

    def code(self, text: str) -> int:
        return self.places.setdefault(text, len(self.places))

    def add(self, text: str) -> None:
        self._codes.append(self.code(text))

    @property
    def codes(self) -> NDArray[np.int32]:
        return np.array(self._codes, dtype=np.int32)

    def categorical(self, codes: NDArray[np.signedinteger]) -> pd.Categorical:
        names = pd.Index(list(self.places), dtype="str")
        return pd.Categorical.from_codes(codes, categories=names)


class _Timeline:
    """A simulation's phases as codes of one column for all simulations."""

    def __init__(self, simulation: Simulation) -> None:
        self.timeline: Timeline | None = read_timeline(simulation)
        self.origin = self.timeline.origin if self.timeline else 0.0
        self._map: NDArray[np.int16] | None = None

    def codes(self, elapsed_s: NDArray[np.float64], names: _Codes) -> NDArray[np.int16]:
        if self.timeline is None:
            return np.full(len(elapsed_s), -1, dtype=np.int16)
        if self._map is None:
            intervals = self.timeline.intervals
            # The last place is for index -1: outside of the run.
            self._map = np.array([names.code(i.name) for i in intervals] + [-1], dtype=np.int16)
        return self._map[self.timeline.labels(elapsed_s)]


def _dimensions(
    stretches: list[Stretch],
) -> Iterable[tuple[Stretch, str, NDArray[np.float64]]]:
    """The columns of one chart's stretches, dimension by dimension."""
    if len(stretches) == 1:
        return [(stretches[0], identity, column) for identity, column in stretches[0].columns]
    columns = [dict(stretch.columns) for stretch in stretches]
    names = dict.fromkeys(name for known in columns for name in known)
    return [
        (stretch, name, known[name])
        for name in names
        for stretch, known in zip(stretches, columns, strict=True)
        if name in known
    ]


def _kept(
    stretches: list[Stretch],
    values: NDArray[np.float64],
    labels: NDArray[np.int16],
    names: _Codes,
    phases: Sequence[str],
) -> NDArray[np.bool_] | None:
    """Which rows stay; None for all."""
    kept: NDArray[np.bool_] | None = None
    if any(stretch.holes for stretch in stretches):
        kept = ~np.isnan(values)
    if phases and TOTAL.name not in phases:
        codes = [names.places[name] for name in phases if name in names.places]
        chosen = np.isin(labels, codes)
        kept = chosen if kept is None else kept & chosen
    return kept


def _without_overlap(stretches: list[Stretch]) -> list[Stretch]:
    """The same samples, each once.

    A merge of small stretches into a large one that was cut off in the middle leaves both.
    """
    result: list[Stretch] = []
    for key, group in groupby(stretches, key=lambda s: (s.simulation, s.hostname, s.chart)):
        parts = list(group)
        if all(a.last < b.first for a, b in pairwise(parts)):
            result += parts
            continue
        merged = _series(parts[0])
        for part in parts[1:]:
            merged = merged.merge(_series(part))[0]
        result.append(_stretch(key[0], merged))
    return result


def _series(stretch: Stretch) -> Series:
    return Series(
        hostname=stretch.hostname,
        chart=stretch.chart,
        context=stretch.context,
        family="",
        unit=stretch.unit,
        dimensions=tuple(Dimension(identity, identity) for identity, _ in stretch.columns),
        times=stretch.times,
        values=np.stack([column for _, column in stretch.columns], axis=1),
    )


def _stretch(simulation: ObjectId, series: Series) -> Stretch:
    return Stretch(
        simulation=simulation,
        hostname=series.hostname,
        chart=series.chart,
        context=series.context,
        unit=series.unit,
        first=float(series.times[0]),
        last=float(series.times[-1]),
        times=series.times,
        columns=[(d.id, series.values[:, place]) for place, d in enumerate(series.dimensions)],
        holes=bool(np.isnan(series.values).any()),
    )
