"""Values of hosts without the samples at hand: reduced on the server, or read in batches.

`host_values` gives the very frame that `analysis.values.host_values` makes of
`analysis.utilization`, to within rounding, from a study of any size. `analysis.ways.choose` says
which way is the best for a selection, and why.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Unpack

import numpy as np
import pandas as pd

from analysis.metrics import (
    Metric,
    check_memory,
    in_own_words,
    keeps_dimensions,
    memory_totals,
    metric_of,
    utilization_of,
)
from analysis.timeline import phase_order
from analysis.values import host_values as reduced
from analysis.values import is_gap
from analysis.ways import BATCH, BATCHES, SERVER, WAYS, Name, choose, count_of
from minion.errors import NotFound
from minion.lifecycle import TOTAL, check_phases
from minion.model import Simulation
from minion.reductions import Transform, quantile_column, summaries
from minion.selection import Choice, Selection
from minion.store import Store

_TEXTS = ["experiment", "platform", "sim_id", "hostname", "role", "metric", "dimension"]
_VARYING = [name for name in _TEXTS if name != "metric"]


def host_values(
    store: Store,
    metric: str,
    *,
    phases: Sequence[str] = (),
    whole_run: bool = False,
    quantile: float | None = None,
    ram_mib: float | None = None,
    way: Name | None = None,
    **choice: Unpack[Choice],
) -> pd.DataFrame:
    """One value for each run, host and phase, as `analysis.values.host_values` gives it.

    Args:
        store: where the samples are.
        metric: one of `analysis.metrics.METRICS`.
        phases, whole_run, quantile: see `analysis.values.host_values`.
        ram_mib: see `analysis.utilization`.
        way: `server`, `batches` or `local`; default: what `choose` says. Runs that the server
            cannot reduce exactly are read even so: those with overlapping stretches, or with a
            host whose memory nobody knows.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Returns:
        experiment, platform, sim_id, hostname, role, metric, dimension where the metric keeps it,
        phase (categoricals), n (samples), value (in the metric's unit). Ordered by run, host,
        dimension and time; values of the whole run stand last.

    Raises:
        NotFound: a metric, simulation, platform, experiment, host, phase or way that was named.
        InvalidData: a quantile that is not between 0 and 1, or as of `analysis.utilization`.
        StoreTooOld: `server` was named for a quantile, and MongoDB is older than 5.2.
    """
    chosen = metric_of(metric)
    _check_way(way)
    check_memory(ram_mib)
    selection = Selection.of(**choice)
    return host_values_of(
        store,
        chosen,
        selection,
        store.simulations(selection),
        phases=phases,
        whole_run=whole_run,
        quantile=quantile,
        ram_mib=ram_mib,
        way=way,
    )


def host_values_of(
    store: Store,
    metric: Metric,
    selection: Selection,
    simulations: Sequence[Simulation],
    *,
    phases: Sequence[str] = (),
    whole_run: bool = False,
    quantile: float | None = None,
    ram_mib: float | None = None,
    way: Name | None = None,
) -> pd.DataFrame:
    """`host_values` of simulations that were read already.

    Args:
        store: where the samples are.
        metric: of `analysis.metrics.METRICS`.
        selection: its hosts and phases are looked at.
        simulations: the runs.
        phases, whole_run, quantile, ram_mib, way: as of `host_values`.

    Raises:
        NotFound, InvalidData, StoreTooOld: as of `host_values`.
    """
    _check_way(way)
    check_memory(ram_mib)
    check_phases(selection.phases, simulations)
    some = bool(selection.phases) and TOTAL.name not in selection.phases
    reduction = _Reduction(
        store=store,
        metric=metric,
        hosts=selection.hosts,
        kept=selection.phases if some else (),
        phases=tuple(phases),
        whole_run=whole_run,
        quantile=quantile,
        ram_mib=ram_mib,
    )
    if way is None:
        way = choose(store, simulations, metric.name, quantile=quantile, ram_mib=ram_mib).name
    if way == SERVER and some and whole_run:
        way = BATCHES  # the whole of some phases is none of the server's pieces
    if way == SERVER:
        parts = list(reduction.on_server(simulations))
    elif way == BATCHES:
        parts = [reduction.read(batch) for batch in reduction.batches(simulations)]
    else:
        parts = [reduction.read(simulations)]
    return _joined(parts, whole_run=whole_run)


def _check_way(way: str | None) -> None:
    """Refuses a way that there is none."""
    if way is not None and way not in WAYS:
        raise NotFound(f"no way {way!r} to reduce samples; there are: {', '.join(WAYS)}")


@dataclass(frozen=True, slots=True)
class _Part:
    """The values of some runs.

    values: as of `analysis.values.host_values`, always with the dimension.
    keeps: whether these runs need it.
    """

    values: pd.DataFrame
    keeps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reduction:
    """What `host_values` was asked; kept: the phases whose samples are looked at, empty: all."""

    store: Store
    metric: Metric
    hosts: tuple[str, ...]
    kept: tuple[str, ...]
    phases: tuple[str, ...]
    whole_run: bool
    quantile: float | None
    ram_mib: float | None

    def batches(self, simulations: Sequence[Simulation]) -> Iterator[Sequence[Simulation]]:
        """The runs, `BATCH` samples or one run at a time; one empty batch where there are none."""
        counts = count_of(self.store, simulations, self.metric)
        batch: list[Simulation] = []
        size = 0
        for simulation in simulations:
            if batch and size + counts[simulation.id] > BATCH:
                yield batch
                batch, size = [], 0
            batch.append(simulation)
            size += counts[simulation.id]
        yield batch

    def read(self, simulations: Sequence[Simulation]) -> _Part:
        """The values of these runs, out of their samples."""
        frame = self._samples(simulations)
        if self.kept:
            frame = frame[frame["phase"].isin(self.kept).to_numpy()]
            frame = frame.assign(**{name: _seen(frame[name]) for name in _VARYING})
        values = reduced(
            frame, phases=self.phases, whole_run=self.whole_run, quantile=self.quantile
        )
        keeps = keeps_dimensions(frame)
        if "dimension" not in values:
            # Each host has one only, which other runs may have to tell from their others.
            host = ["experiment", "sim_id", "hostname"]
            values = values.merge(frame[[*host, "dimension"]].drop_duplicates(), "left", on=host)
        return _Part(values, keeps)

    def _samples(self, simulations: Sequence[Simulation]) -> pd.DataFrame:
        """`analysis.utilization` of runs that are at hand."""
        selection = Selection(hosts=self.hosts)
        return utilization_of(self.store, self.metric, selection, simulations, ram_mib=self.ram_mib)

    def on_server(self, simulations: Sequence[Simulation]) -> Iterator[_Part]:
        """The values of these runs from the server; what it cannot reduce is read."""
        transform = Transform(magnitude=self.metric.by_dimension)
        if self.metric.name == "cpu":
            transform = replace(transform, factor=-1.0, offset=100.0)
        found = summaries(
            self.store,
            simulations,
            contexts=self.metric.contexts,
            dimensions=self.metric.dimensions or (),
            transform=transform,
            quantiles=() if self.quantile is None else (self.quantile,),
            hosts=self.hosts,
        )
        rows = self._rows(found.rows, simulations)
        aside = self._aside(rows) | {
            place for place, s in enumerate(simulations) if s.id in found.left_out
        }
        for alone, group in groupby(range(len(simulations)), lambda place: place in aside):
            places = list(group)
            runs = simulations[places[0] : places[-1] + 1]
            if alone:
                yield from (self.read(batch) for batch in self.batches(runs))
            else:
                first, last = np.searchsorted(rows["place"], (places[0], places[-1] + 1))
                yield self._of_rows(rows[first:last])
        if not simulations:
            yield self._of_rows(rows)

    def _rows(self, found: pd.DataFrame, simulations: Sequence[Simulation]) -> pd.DataFrame:
        """The server's rows in the metric's words; place: of their run among the simulations."""
        value = found["mean" if self.quantile is None else quantile_column(self.quantile)]
        places = {(s.experiment, s.sim_id): place for place, s in enumerate(simulations)}
        runs = zip(found["experiment"], found["sim_id"], strict=True)
        place = np.array([places[run] for run in runs], dtype=np.int64)
        if self.metric.name == "ram":
            totals = memory_totals(simulations, self.ram_mib)
            hosts = zip(found["experiment"], found["sim_id"], found["hostname"], strict=True)
            value = value / np.array([totals.get(h) or np.nan for h in hosts], float) * 100
        named = in_own_words(found.assign(value=value), self.metric)
        return named.assign(value=value, n=found["n"], place=place)

    def _aside(self, rows: pd.DataFrame) -> set[int]:
        """The runs that must be read: a total is unknown, or several charts hold one quantity."""
        several = rows.duplicated(["place", "hostname", "dimension", "phase"])
        return set(rows["place"][several | rows["value"].isna()])

    def _of_rows(self, rows: pd.DataFrame) -> _Part:
        """What `read` gives, out of the server's rows of the same runs."""
        whole = (rows["phase"] == TOTAL.name).to_numpy()
        inside = rows[~whole]
        seen = rows
        if self.kept:
            seen = inside = inside[inside["phase"].isin(self.kept).to_numpy()]
        order = phase_order(str(name) for name in inside["phase"].unique())
        wanted = [n for n in order if (n in self.phases if self.phases else not is_gap(n))]
        inside = inside[inside["phase"].isin(wanted).to_numpy()]
        values = pd.concat([inside, rows[whole]]) if self.whole_run else inside
        wanted += [TOTAL.name] * self.whole_run
        phase = values["phase"].cat.set_categories(pd.Index(wanted, dtype="str"))
        names = {name: _seen(seen[name]).cat.categories for name in _VARYING}
        texts = {name: values[name].cat.set_categories(found) for name, found in names.items()}
        values = values.assign(**texts, phase=phase)[[*_TEXTS, "phase", "n", "value"]]
        return _Part(values, keeps_dimensions(seen))


def _seen(column: pd.Series) -> pd.Series:
    """A column of texts whose categories are those that occur, in order of appearance."""
    codes = column.cat.codes.unique()
    return column.cat.set_categories(column.cat.categories[codes])


def _joined(parts: Sequence[_Part], *, whole_run: bool) -> pd.DataFrame:
    """The values of all runs: what one frame of their samples would have given."""
    keys = [name for name in _TEXTS if name != "dimension" or any(part.keeps for part in parts)]
    frames = [part.values[[*keys, "phase", "n", "value"]] for part in parts]
    for name in (*keys, "phase"):
        names = dict.fromkeys(text for f in frames for text in f[name].cat.categories)
        categories = pd.Index(phase_order(names) if name == "phase" else list(names), dtype="str")
        frames = [f.assign(**{name: f[name].cat.set_categories(categories)}) for f in frames]
    if whole_run:
        totals = [(f["phase"] == TOTAL.name).to_numpy() for f in frames]
        frames = [
            *(f[~total] for f, total in zip(frames, totals, strict=True)),
            *(f[total] for f, total in zip(frames, totals, strict=True)),
        ]
    return pd.concat(frames, ignore_index=True)
