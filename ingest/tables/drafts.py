"""Runs while tables are read: what is known of each, and its samples put aside."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest.importing import from_to, provenance
from ingest.kns.flat import FlatSeries
from ingest.kns.placement import RECORD, Records
from ingest.spool import Spool, pivot
from minion.errors import InvalidData
from minion.model import (
    DATED,
    NO,
    Event,
    EventType,
    Host,
    Measurement,
    Provenance,
    Role,
    Simulation,
)
from minion.series import Series

UNDATED = 946_684_800.0  # the start of 2000, where a run begins that nothing dates
ANY_HOST = "host"  # the name of a host that the table does not name
_ON_GRID = 1e-3  # of a step


@dataclass(slots=True)
class Draft:
    """A run while its files are read.

    number: its place among the drafts, by which its samples are found.
    first, last: times of its samples and events.
    begun, ended: times of its START_SIMULATION and STOP_SIMULATION.
    dated: whether they are dates.
    """

    number: int
    sim_id: str
    platform: str
    hosts: dict[str, Role] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    measurements: dict[tuple[str, str | None], Measurement] = field(default_factory=dict)
    parameters: dict[str, str | float | int | bool] = field(default_factory=dict)
    paths: set[Path] = field(default_factory=set)
    first: float = np.inf
    last: float = -np.inf
    begun: float = np.inf
    ended: float = -np.inf
    dated: bool = True

    def note(self, event: Event, wrong: Callable[[str], InvalidData]) -> None:
        """Keep an event; `wrong` makes the error of its row.

        Raises:
            InvalidData: the run would end before it begins.
        """
        self.events.append(event)
        self.saw(np.array([event.time]))
        if event.type is EventType.START_SIMULATION:
            self.begun = min(self.begun, event.time)
        elif event.type is EventType.STOP_SIMULATION:
            self.ended = max(self.ended, event.time)
        if -np.inf < self.ended < self.begun < np.inf:
            raise wrong(
                f"simulation {self.sim_id!r} would end at {self.ended:.3f}, before it begins at"
                f" {self.begun:.3f}; are the two the wrong way round, or of another clock?"
            )

    def saw(self, times: NDArray[np.float64]) -> None:
        """Take note of times of samples or events."""
        if len(times):
            self.first = min(self.first, float(times.min()))
            self.last = max(self.last, float(times.max()))


class Conflict(InvalidData):
    """Two values stand for one time; `owner`, `series` and `time` say where."""

    def __init__(self, owner: int, series: int, time: float) -> None:
        super().__init__("two values stand for one time")
        self.owner, self.series, self.time = owner, series, time


class Drafts:
    """All runs of an import; samples wait on the disk."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._runs: dict[str, Draft] = {}
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._table: list[FlatSeries] = []
        self.repeated = 0
        self.undated: list[str] = []
        self.elapsed: set[Path] = set()  # files that say how long after what, not when

    def __iter__(self) -> Iterator[Draft]:
        return iter(self._runs.values())

    def run(self, sim_id: str, platform: str) -> Draft:
        """The run of that name; new ones are begun.

        Raises:
            InvalidData: it is of another platform already.
        """
        draft = self._runs.setdefault(sim_id, Draft(len(self._runs), sim_id, platform))
        if draft.platform != platform:
            raise InvalidData(
                f"simulation {sim_id!r} is of platform {platform!r} here, and of"
                f" {draft.platform!r} before; a run has one platform"
            )
        return draft

    def series(self, host: str, chart: str, dimension: str, unit: str) -> int:
        """The number of a line of a chart on a host.

        Raises:
            InvalidData: it has another unit already.
        """
        key = (host, chart, dimension)
        number = self._numbers.setdefault(key, len(self._table))
        if number == len(self._table):
            self._table.append(
                FlatSeries(host, chart, dimension, chart, "", chart, unit, dimension)
            )
        if self._table[number].unit != unit:
            raise InvalidData(
                f"{chart} {dimension} is in {unit!r} here, and in {self._table[number].unit!r}"
                " before; a chart has one unit"
            )
        return number

    def line(self, number: int) -> str:
        """What a number stands for, in words."""
        flat = self._table[number]
        return f"{flat.chart} {flat.dimension} of {flat.hostname}"

    def add(self, owners: NDArray[np.intp], records: Records) -> None:
        """Put samples aside; `owners` has the number of the run of each."""
        runs = list(self._runs.values())
        for owner in np.unique(owners).tolist():
            own = records[owners == owner]
            runs[owner].saw(own["time"])
            self._spool.add(owner, own)

    def finished(
        self, experiment: str, source: str, details: Mapping[str, str]
    ) -> Iterator[tuple[Simulation, list[Series]]]:
        """The runs, one at a time, with their series.

        Args:
            experiment: that they belong to.
            source: what reads them.
            details: how they were read, for their provenance.

        Raises:
            Conflict: one time has two values.
        """
        # Many runs come out of one large file, which is read for its digest once.
        groups = {frozenset(draft.paths) for draft in self}
        origin = {paths: _read_as(provenance(source, list(paths)), details) for paths in groups}
        for draft in self:
            series = list(self._made(draft.number))
            events = draft.events + list(self._bounds(draft, series))
            yield (
                Simulation(
                    experiment=experiment,
                    sim_id=draft.sim_id,
                    platform=draft.platform,
                    provenance=self._dated(draft, origin[frozenset(draft.paths)]),
                    parameters=draft.parameters,
                    hosts=tuple(
                        Host(hostname=name, role=role) for name, role in sorted(draft.hosts.items())
                    ),
                    events=tuple(sorted(events, key=lambda event: event.time)),
                    measurements=tuple(draft.measurements.values()),
                ),
                series,
            )

    def _dated(self, draft: Draft, origin: Provenance) -> Provenance:
        if draft.dated and not draft.paths & self.elapsed:
            return origin
        why = "elapsed times only" if draft.dated else "nothing says when the run was"
        return replace(origin, details={**origin.details, DATED: f"{NO}: {why}"})

    def _bounds(self, draft: Draft, series: Iterable[Series]) -> Iterator[Event]:
        """Start and end of a run that has neither among its events, but samples or other events.

        The end lies a step behind the last sample, so that this one is inside.
        """
        kinds = {event.type for event in draft.events}
        if kinds & {EventType.START_SIMULATION, EventType.STOP_SIMULATION}:
            return
        if not np.isfinite(draft.first):
            self.undated.append(draft.sim_id)
            draft.dated = False
            return  # numbers need no time, and an event would make one up
        steps = [one.step or 1.0 for one in series]
        yield from from_to(draft.first, draft.last + max(steps, default=0.0))

    def _made(self, owner: int) -> Iterator[Series]:
        counts = self._spool.counts(owner)
        for records in self._spool.parts(owner, counts, self._table) if counts else ():
            pivoted = pivot(records, self._table)
            if pivoted.conflicts:
                raise _conflict(owner, records)
            self.repeated += pivoted.repeated
            yield from map(_stepped, pivoted.series)


def records_of(
    series: NDArray[np.intp], times: NDArray[np.float64], values: NDArray[np.float64]
) -> Records:
    """Samples as they are put aside."""
    records = np.empty(len(values), dtype=RECORD)
    records["series"], records["time"], records["value"] = series, times, values
    return records


def _read_as(origin: Provenance, details: Mapping[str, str]) -> Provenance:
    return replace(origin, details={**origin.details, **details})


def _stepped(series: Series) -> Series:
    """A series with its step when every row lies on that grid; else without one."""
    if series.step is None:
        return series
    places = (series.times - series.times[0]) / series.step
    regular = bool(np.all(np.abs(places - np.rint(places)) <= _ON_GRID))
    return series if regular else replace(series, step=None)


def _conflict(owner: int, records: Records) -> Conflict:
    """The first sample that came again with another value."""
    order = np.lexsort((records["time"], records["series"]))
    ordered = records[order]
    again = (np.diff(ordered["series"]) == 0) & (np.diff(ordered["time"]) == 0)
    differing = again & (np.diff(ordered["value"]) != 0)
    place = int(np.flatnonzero(differing)[0])
    return Conflict(owner, int(ordered["series"][place]), float(ordered["time"][place]))


def typed(text: str) -> str | float | int | bool:
    """A parameter's value: a number or a switch where the text says just that."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if re.fullmatch(r"-?(0|[1-9]\d{0,14})", text):
        return int(text)
    if re.fullmatch(r"-?(0|[1-9]\d{0,14})\.\d+", text):
        return float(text)
    return text  # 007 is a name
