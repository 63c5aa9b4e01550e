"""Rows of a table to samples, events, measurements and parameters of runs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ingest.tables.cells import Cells
from ingest.tables.drafts import ANY_HOST, UNDATED, Draft, Drafts, records_of, typed
from ingest.tables.mapping import ELAPSED, Cell, Table, Time
from minion.errors import InvalidData
from minion.model import Event, EventType, Measurement, Role

_Found = TypeVar("_Found")
_LINE = ["chart", "dimension", "unit"]


@dataclass(frozen=True, slots=True)
class Names:
    """What a file is called where its rows do not say it, and what the user said of it.

    named: platform and sim_id as the user gave them; they win over fixed ones of the mapping.
    """

    platform: str
    sim_id: str
    named: tuple[str | None, str | None] = (None, None)


@dataclass(slots=True)
class Watch:
    """The samples of one time of one series, and where they stand: file, line, value."""

    owner: int
    series: int
    time: float
    seen: list[tuple[Path, int, float]] = field(default_factory=list)


class Rows:
    """Takes the rows of one file, block after block.

    cells: of the file; drafts: the runs; names: where rows say none; head: its columns.
    watch: a sample to look out for.
    """

    def __init__(
        self,
        cells: Cells,
        drafts: Drafts,
        names: Names,
        head: Iterable[str],
        watch: Watch | None = None,
    ) -> None:
        self.cells, self.table = cells, cells.table
        self.drafts, self.names, self.watch = drafts, names, watch
        rest = [name for name in head if name not in self.table.columns]
        self.charts = [
            (chart, rest if chart.columns is None else list(chart.columns))
            for chart in self.table.charts
        ]
        takes_rest = any(chart.columns is None for chart in self.table.charts)
        self.unused = [] if takes_rest else rest
        self._figures: dict[tuple[int, str, str | None], float] = {}
        self._parameters: dict[tuple[int, str], str] = {}

    def take(self, block: pd.DataFrame) -> None:
        """Take what one block of rows holds.

        Raises:
            InvalidData: a row does not fit the mapping; it is named.
        """
        if block.empty:
            return
        keys = self._keys(block)
        group, firsts = _grouped(keys)
        drafts = [self._draft(keys.iloc[first], int(keys.index[first])) for first in firsts]
        owner = np.array([draft.number for draft in drafts], dtype=np.intp)[group]
        hosts = [str(keys["host"].iloc[first]) for first in firsts]
        of_rows = _Block(block, group, owner, drafts, hosts)
        if self.table.layout == "long":
            self._long(of_rows)
        for chart, columns in self.charts:
            for column in columns:
                self._wide(of_rows, chart.name, column, chart.unit)
        if self.table.event.column is not None:
            self._events(of_rows)
        for figure in self.table.measurements:
            values = self.cells.numbers(block[figure.column])
            self._measured(of_rows, figure.name, figure.unit, block[figure.column], values)
        for name, column in self.table.parameters.items():
            self._parameter(of_rows, name, block[column])

    # ---- who

    def _keys(self, block: pd.DataFrame) -> pd.DataFrame:
        """simulation, platform, host and role of each row, as text."""
        platform, sim = self.names.named
        table = self.table
        given = {
            "simulation": Cell(fixed=sim) if sim else table.simulation,
            "platform": Cell(fixed=platform)
            if platform and not table.platform.column
            else table.platform,
            "host": table.host,
            "role": table.role,
        }
        usual = {
            "simulation": self.names.sim_id,
            "platform": self.names.platform,
            "host": "",
            "role": "worker",
        }
        keys = {}
        for name, cell in given.items():
            if cell.column is None:
                keys[name] = pd.Series(cell.fixed or usual[name], index=block.index, dtype="str")
                continue
            keys[name] = block[cell.column]
            lacking = self.cells.missing(keys[name])
            if lacking.any() and name != "host":
                raise self.cells.wrong(keys[name], lacking, f"the name of a {name}")
            if name == "host":
                keys[name] = keys[name].mask(lacking, "")
        return pd.DataFrame(keys)

    def _draft(self, keys: Any, row: int) -> Draft:
        draft = self._at(row, partial(self.drafts.run, keys["simulation"], keys["platform"]))
        draft.paths.add(self.cells.path)
        if keys["host"]:
            role = self._at(row, partial(Role.parse, keys["role"]))
            known = draft.hosts.setdefault(keys["host"], role)
            if known is not role:
                raise self.cells.at(row, f"host {keys['host']!r} is {role} here, {known} before")
        return draft

    def _at(self, row: int, call: Callable[[], _Found]) -> _Found:
        """What a call returns; its error is told with the row."""
        try:
            return call()
        except InvalidData as error:
            raise self.cells.at(row, str(error)) from error

    # ---- samples

    def _time_cells(self, rows: "_Block") -> pd.Series:
        if self.table.time is None or self.table.time.column is None:
            raise InvalidData(f"{self.table.path}: time: samples and events need one")
        return rows.block[self.table.time.column]

    def _times(self, rows: "_Block", chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        cells = self._time_cells(rows)[chosen]
        time = self.table.time or Time(column=None)
        found = self.cells.times(cells, time)
        if time.format == ELAPSED and time.start is None:
            self.drafts.elapsed.add(self.cells.path)
        if time.format == ELAPSED:
            found = found + (UNDATED if time.start is None else time.start)
        return found

    def _wide(self, rows: "_Block", chart: str, column: str, unit: str) -> None:
        values = self.cells.numbers(rows.block[column])
        there = np.isfinite(values)
        number = np.array(
            [self.drafts.series(host or ANY_HOST, chart, column, unit) for host in rows.hosts]
        )
        self._add(rows, there, number[rows.group[there]], values[there])

    def _long(self, rows: "_Block") -> None:
        table, block = self.table, rows.block
        column = block[str(table.value.column)]
        values = self.cells.numbers(column)
        lines = pd.DataFrame(
            {
                name: block[cell.column]
                if cell.column is not None
                else pd.Series(cell.fixed or "", index=block.index, dtype="str")
                for name, cell in zip(
                    _LINE, (table.chart, table.dimension, table.unit), strict=True
                )
            }
        )
        lines["group"] = rows.group
        there = np.isfinite(values)
        line, firsts = _grouped(lines[there])
        chosen = lines[there].iloc[firsts]
        if table.time is None:
            for place, (_, one) in enumerate(chosen.iterrows()):
                own = np.full(len(block), np.nan)
                own[there] = np.where(line == place, values[there], np.nan)
                self._measured(rows, one["dimension"], one["unit"], column, own)
            return
        numbers = [
            self._at(
                row,
                partial(
                    self.drafts.series,
                    rows.hosts[one["group"]] or ANY_HOST,
                    one["chart"],
                    one["dimension"],
                    one["unit"],
                ),
            )
            for row, (_, one) in zip(chosen.index.tolist(), chosen.iterrows(), strict=True)
        ]
        self._add(rows, there, np.array(numbers, dtype=np.intp)[line], values[there])

    def _add(
        self,
        rows: "_Block",
        there: NDArray[np.bool_],
        series: NDArray[np.intp],
        values: NDArray[np.float64],
    ) -> None:
        if not there.any():
            return
        if rows.times is None and not self.cells.missing(self._time_cells(rows)).any():
            rows.times = self._times(rows, np.ones(len(rows.block), dtype=bool))
        times = self._times(rows, there) if rows.times is None else rows.times[there]
        owner = rows.owner[there]
        for place in np.unique(rows.group[there]).tolist():
            if not rows.hosts[place]:
                rows.drafts[place].hosts.setdefault(ANY_HOST, Role.WORKER)
        self.drafts.add(owner, records_of(series, times, values))
        if self.watch is not None:
            self._look(self.watch, rows, there, owner, series, times, values)

    def _look(
        self,
        watch: Watch,
        rows: "_Block",
        there: NDArray[np.bool_],
        owner: NDArray[np.intp],
        series: NDArray[np.intp],
        times: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> None:
        found = (owner == watch.owner) & (series == watch.series) & (times == watch.time)
        index = rows.block.index.to_numpy()[there]
        for place in np.flatnonzero(found):
            line = self.cells.line(int(index[place]))
            watch.seen.append((self.cells.path, line, float(values[place])))

    # ---- the rest

    def _events(self, rows: "_Block") -> None:
        table, block = self.table, rows.block
        kinds = block[str(table.event.column)]
        there = ~self.cells.missing(kinds)
        if not there.any():
            return
        times = self._times(rows, there)
        places = np.flatnonzero(there)
        for place, time in zip(places.tolist(), times.tolist(), strict=True):
            row = int(block.index[place])
            name = str(kinds.iloc[place])
            kind, body = self._at(row, partial(kind_of, name, table))
            if table.body.column is not None and body is None:
                body = str(block[table.body.column].iloc[place]) or None
            group = int(rows.group[place])
            host = rows.hosts[group] or None
            draft = rows.drafts[group]
            event = Event(type=kind, time=time, hostname=host, body=body)
            draft.note(event, partial(self.cells.at, row))

    def _measured(
        self, rows: "_Block", name: str, unit: str, cells: pd.Series, values: NDArray[np.float64]
    ) -> None:
        there = np.flatnonzero(np.isfinite(values))
        told = pd.DataFrame({"group": rows.group[there], "value": values[there]})
        for place, group, value in told.drop_duplicates().itertuples(name=None):
            draft, host = rows.drafts[group], rows.hosts[group] or None
            row = int(cells.index[there[place]])
            found = draft.measurements.setdefault(
                (name, host), Measurement(name=name, value=value, unit=unit, hostname=host)
            )
            if (found.value, found.unit) != (value, unit):
                raise self.cells.at(
                    row,
                    f"{name} of simulation {draft.sim_id!r} is {value:g} {unit} here, and"
                    f" {found.value:g} {found.unit} before; a run has one (samples need a time)",
                )
            if self.table.time is not None and self.table.time.column is not None:
                chosen = np.zeros(len(rows.block), dtype=bool)
                chosen[there[place]] = True
                draft.saw(self._times(rows, chosen))

    def _parameter(self, rows: "_Block", name: str, cells: pd.Series) -> None:
        told = pd.DataFrame({"group": rows.group, "value": cells.to_numpy()})
        for place, group, text in told.drop_duplicates().itertuples(name=None):
            if text in self.table.missing:
                continue
            draft, value = rows.drafts[group], typed(text)
            found = draft.parameters.setdefault(name, value)
            if found != value:
                raise self.cells.at(
                    int(cells.index[place]),
                    f"{name} of simulation {draft.sim_id!r} is {text!r} here, and {found!r}"
                    " before; a run has one",
                )


@dataclass(slots=True)
class _Block:
    """A block of rows, and whose they are.

    group: of each row, a number for each simulation, platform, host and role.
    owner: the number of its run.
    drafts, hosts: of each group.
    times: of all rows, once they are known.
    """

    block: pd.DataFrame
    group: NDArray[np.intp]
    owner: NDArray[np.intp]
    drafts: list[Draft]
    hosts: list[str]
    times: NDArray[np.float64] | None = None


def kind_of(name: str, table: Table) -> tuple[EventType, str | None]:
    """The event type that a name of somebody's stands for, and the name of its phase.

    Raises:
        InvalidData: neither the mapping nor Minion knows it.
    """
    if name in table.phases:
        return table.phases[name]
    if name in table.types:
        return table.types[name], None
    return EventType.parse(name), None


def _grouped(frame: pd.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of each row the number of its group, and the place of each group's first row."""
    group = np.zeros(len(frame), dtype=np.intp)
    for name in frame:
        codes, known = pd.factorize(frame[name])
        group = pd.factorize(group * len(known) + codes)[0]
    _, firsts = np.unique(group, return_index=True)
    return group, firsts
