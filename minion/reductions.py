"""Summaries of stored samples that MongoDB itself computes: no sample comes over the wire.

One pipeline (`minion.pieces`) reduces every stretch by itself. What belongs to one phase and lies
in several stretches is put together here, out of these few numbers. Only a quantile cannot be: its
values are gathered by a second pipeline, on the server too, in the simulations that need it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import pandas as pd
from bson import ObjectId

from minion import pieces
from minion.combining import Chart, Key, Rows
from minion.documents import Document
from minion.errors import InvalidData, StoreTooOld
from minion.model import Simulation
from minion.mongodb import translated
from minion.pieces import Borders, gathering, reducing
from minion.schema import SERIES
from minion.store import Store

RUNS_AT_ONCE = 250  # in one pipeline: their borders travel with it


@dataclass(frozen=True, slots=True)
class Transform:
    """What is reduced instead of the stored values x: offset + factor * x, or |x| for x."""

    magnitude: bool = False
    factor: float = 1.0
    offset: float = 0.0


AS_STORED = Transform()


@dataclass(frozen=True, slots=True)
class Summaries:
    """What `summaries` found.

    rows: experiment, platform, sim_id, hostname, role, chart, context, dimension, unit, phase
        (categoricals), n (samples), mean, sd (divisor n - 1; NaN for one sample), min, max, and
        a column for each quantile (`q0.5`). Ordered by simulation, hostname, chart, dimension and
        time; after the phases and gaps of a series the whole run, every sample that is stored, as
        the phase "Total simulation time". A phase without samples has no row.
    left_out: the simulations that the server cannot reduce exactly, by id, and why, a sentence
        each; they have no rows.
    """

    rows: pd.DataFrame
    left_out: Mapping[ObjectId, str]


def quantile_column(quantile: float) -> str:
    """The name of a quantile's column: `q0.5`."""
    return f"q{float(quantile)!r}"


def summaries(
    store: Store,
    simulations: Sequence[Simulation],
    *,
    contexts: Sequence[str] = (),
    dimensions: Sequence[str] = (),
    transform: Transform = AS_STORED,
    quantiles: Sequence[float] = (),
    hosts: Sequence[str] = (),
) -> Summaries:
    """The samples of each simulation, host, chart, dimension and phase, reduced on the server.

    Deviations are computed from differences to the mean (Welford 1962), and pieces are combined
    by their sums of squared differences (Chan, Golub and LeVeque 1983, "Algorithms for computing
    the sample variance"), never from sums of squares.

    Args:
        store: where the samples are.
        simulations: the runs, in the order that their rows shall have.
        contexts: netdata's contexts; default: all.
        dimensions: ids of dimensions; default: all.
        transform: what is reduced instead of the stored values.
        quantiles: between 0 and 1; linear between neighbours (Hyndman and Fan 1996, type 7).
        hosts: hostnames; default: all.

    Raises:
        InvalidData: a quantile that is not between 0 and 1.
        StoreTooOld: quantiles were asked of a MongoDB before 5.2.
    """
    for quantile in quantiles:
        if not 0 <= quantile <= 1:
            raise InvalidData(f"a quantile of {quantile:g}; give a number between 0 and 1")
    if quantiles and not store.sorts_arrays:
        raise StoreTooOld(
            f"MongoDB at {store.where} is {store.version}; quantiles on the server need"
            f" {'.'.join(map(str, pieces.SORTS_ARRAYS))} or newer: read the samples instead"
        )
    # What is largest becomes smallest where the factor is negative.
    asked = [1 - q if transform.factor < 0 else q for q in quantiles]
    chosen = {
        "contexts": contexts,
        "dimensions": dimensions,
        "hosts": hosts,
        "magnitude": transform.magnitude,
        "quantiles": asked,
    }
    found = Rows(len(asked))
    left_out: dict[ObjectId, str] = {}
    for at in range(0, len(simulations), RUNS_AT_ONCE):
        part = _Part(store, simulations[at : at + RUNS_AT_ONCE], chosen)
        left_out |= part.read(found)
    rows = found.frame()
    names = [quantile_column(quantile) for quantile in quantiles]
    return Summaries(_transformed(rows, transform, names), left_out)


class _Part:
    """Some simulations, asked for with one pipeline."""

    def __init__(
        self, store: Store, simulations: Sequence[Simulation], chosen: dict[str, Any]
    ) -> None:
        self.store, self.chosen = store, chosen
        self.simulations = {simulation.id: simulation for simulation in simulations}
        self.borders = {key: Borders.of(s) for key, s in self.simulations.items()}

    def read(self, found: Rows) -> dict[ObjectId, str]:
        """Put what the server gives into `found`; returns what it cannot reduce, and why."""
        order = {key: place for place, key in enumerate(self.simulations)}
        documents = self._aggregate(reducing(self.borders, **self.chosen))
        names = itemgetter("hostname", "chart")
        documents.sort(key=lambda d: (order[d["simulation"]], *names(d), d["first"]))
        chart_of = itemgetter("simulation", "hostname", "chart")
        charts = [
            Chart(list(stretches), self.borders[simulation])
            for (simulation, *_), stretches in groupby(documents, chart_of)
        ]
        left_out: dict[ObjectId, str] = {}
        for chart in charts:
            if reason := chart.problem(gathers=bool(self.chosen["quantiles"])):
                left_out.setdefault(chart.names[0], reason)
        charts = [chart for chart in charts if chart.names[0] not in left_out]
        gathered = self._gathered({chart.names[0] for chart in charts if chart.scattered})
        for chart in charts:
            found.add(self.simulations[chart.names[0]], chart, gathered)
        return left_out

    def _gathered(self, simulations: set[ObjectId]) -> dict[Key, list[float]]:
        """The quantiles of these simulations, out of their values wherever they lie."""
        if not simulations or not self.chosen["quantiles"]:
            return {}
        borders = {key: of for key, of in self.borders.items() if key in simulations}
        documents = self._aggregate(gathering(borders, **self.chosen))
        return {tuple(d["_id"].values()): d["q"] for d in documents}

    def _aggregate(self, stages: list[Document]) -> list[Document]:
        with translated(self.store.where):
            return list(self.store.database[SERIES].aggregate(stages, allowDiskUse=True))


def _transformed(rows: pd.DataFrame, transform: Transform, names: Sequence[str]) -> pd.DataFrame:
    """The statistics of offset + factor * value."""
    rows = rows.rename(columns={str(place): name for place, name in enumerate(names)})
    factor = transform.factor
    if factor < 0:
        rows = rows.assign(min=rows["max"], max=rows["min"])
    if (factor, transform.offset) != (1.0, 0.0):
        for name in ("mean", "min", "max", *names):
            rows[name] = transform.offset + factor * rows[name]
        rows["sd"] *= abs(factor)
    return rows
