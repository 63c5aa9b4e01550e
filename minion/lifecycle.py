"""The phases of a run, as a table of event pairs, and a run's events read against it.

The table is the published study's: eleven phases that follow each other, two waits that belong to
no phase, and the whole run. What the events do not say is reported, never guessed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from minion.errors import InvalidData, NotFound
from minion.model import Event, EventType, Simulation
from minion.selection import written

E = EventType


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase's name and the events that bound it.

    action: the controller did something; its two events share a correlation id.
    gap: a wait that the study counts to no phase.
    """

    name: str
    start: EventType
    end: EventType
    action: bool = False
    gap: bool = False


SEQUENCE = (
    Phase("System idle 1", E.START_SIMULATION, E.START_KNS_PLATFORM),
    Phase("Start master", E.START_KNS_PLATFORM, E.FINISHED_START_KNS_PLATFORM, action=True),
    Phase("Master idle", E.FINISHED_START_KNS_PLATFORM, E.START_KNS_JOIN_NODES),
    Phase("Add workers", E.START_KNS_JOIN_NODES, E.FINISHED_START_KNS_JOIN_NODES, action=True),
    Phase("Cluster idle", E.FINISHED_START_KNS_JOIN_NODES, E.START_KNS_DEPLOYMENT),
    Phase("Apply deployment", E.START_KNS_DEPLOYMENT, E.FINISHED_START_KNS_DEPLOYMENT, action=True),
    Phase("Deployment idle", E.FINISHED_START_KNS_DEPLOYMENT, E.STOP_KNS_DEPLOYMENT),
    Phase("Delete deployment", E.STOP_KNS_DEPLOYMENT, E.FINISHED_STOP_KNS_DEPLOYMENT, action=True),
    Phase("Wait after delete", E.FINISHED_STOP_KNS_DEPLOYMENT, E.START_KNS_UNJOIN_NODES, gap=True),
    Phase("Drain workers", E.START_KNS_UNJOIN_NODES, E.FINISHED_KNS_UNJOIN_NODES, action=True),
    Phase("Wait after drain", E.FINISHED_KNS_UNJOIN_NODES, E.STOP_KNS_PLATFORM, gap=True),
    Phase("Stop master", E.STOP_KNS_PLATFORM, E.FINISHED_STOP_KNS_PLATFORM, action=True),
    Phase("System idle 2", E.FINISHED_STOP_KNS_PLATFORM, E.STOP_SIMULATION),
)
TOTAL = Phase("Total simulation time", E.START_SIMULATION, E.STOP_SIMULATION, action=True)

PHASES = (*(phase for phase in SEQUENCE if not phase.gap), TOTAL)
GAPS = tuple(phase for phase in SEQUENCE if phase.gap)
PHASE_NAMES = tuple(phase.name for phase in PHASES)


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of a run with start_s <= elapsed time < end_s, in seconds since its origin."""

    name: str
    start_s: float
    end_s: float
    gap: bool = False

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Timeline:
    """A run's events, read.

    origin: START_SIMULATION, seconds since the epoch; else the first event's time.
    phases: the phases that happened, in order of time, the total last.
    gaps: the stretches between them, named: the study's two waits, else "EVENT to EVENT".
    problems: what the events leave open, one sentence each.
    """

    origin: float
    phases: tuple[Interval, ...]
    gaps: tuple[Interval, ...]
    problems: tuple[str, ...] = ()
    _marks: tuple[Interval, ...] = field(default=(), repr=False)

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """Phases and gaps that do not overlap and cover the run, in order of time."""
        return self._marks

    def labels(self, elapsed_s: NDArray[np.float64]) -> NDArray[np.intp]:
        """For each elapsed time (seconds) the index into `intervals`; -1 outside all of them."""
        if not self._marks:
            return np.full(len(elapsed_s), -1, dtype=np.intp)
        starts = np.array([mark.start_s for mark in self._marks])
        found = np.searchsorted(starts, elapsed_s, side="right") - 1
        ends = np.array([mark.end_s for mark in self._marks])
        return np.where((found >= 0) & (elapsed_s < ends[found]), found, -1)


def phase_of(name: str) -> Phase:
    """The action of the table with that name, which a recorder can bound with two events.

    Raises:
        InvalidData: the study's phase of that name lies between actions and has no events itself.
    """
    for phase in SEQUENCE:
        if phase.name.casefold() == name.strip().casefold():
            if phase.action:
                return phase
            raise InvalidData(
                f"phase {phase.name!r} lies between two actions and has no events of its own;"
                f" record the actions around it"
            )
    return Phase(name.strip(), E.START_PHASE, E.FINISHED_PHASE, action=True)


def read_timeline(simulation: Simulation) -> Timeline | None:
    """The timeline of a simulation; None when it has no events at all."""
    if simulation.start is None:
        return None
    return _Reader(simulation.events, simulation.start).read()


def check_phases(names: Iterable[str], simulations: Iterable[Simulation]) -> None:
    """Pass if each name is a phase or gap of the study, or of one of the simulations.

    Raises:
        NotFound: one is not; the message lists the phases that there are.
    """
    study = (*PHASE_NAMES, *(gap.name for gap in GAPS))
    lacking = [name for name in names if name not in study]
    if not lacking:
        return
    timelines = (read_timeline(simulation) for simulation in simulations)
    own = {mark.name: mark for timeline in timelines if timeline for mark in timeline.intervals}
    for name in lacking:
        if name not in own:
            phases = (n for n, mark in own.items() if not mark.gap and n not in study)
            there = written((*PHASE_NAMES, *phases), ", ")
            raise NotFound(f"no phase {name!r}; there are: {there}")


class _Reader:
    """Pairs one run's events."""

    def __init__(self, events: Sequence[Event], origin: float) -> None:
        self.events = sorted(events, key=lambda event: event.time)
        self.origin = origin
        self.problems: list[str] = []
        self.of_type: dict[EventType, list[Event]] = defaultdict(list)
        for event in self.events:
            self.of_type[event.type].append(event)

    def read(self) -> Timeline:
        total = self._action(TOTAL)
        if total is not None and not total.duration_s:
            total = None  # bounds of one moment say when it was, not how long
        found = [
            interval
            for phase in SEQUENCE
            if (interval := self._action(phase) if phase.action else self._between(phase))
        ]
        found += self._named_by_user()
        found.sort(key=lambda interval: (interval.start_s, interval.end_s))
        marks = self._cover(found)
        phases = [interval for interval in found if not interval.gap]
        return Timeline(
            origin=self.origin,
            phases=tuple(phases + ([total] if total else [])),
            gaps=tuple(mark for mark in marks if mark.gap),
            problems=tuple(dict.fromkeys(self.problems)),
            _marks=tuple(marks),
        )

    def _action(self, phase: Phase) -> Interval | None:
        return self._pair(phase, self.of_type[phase.start], self.of_type[phase.end])

    def _pair(self, phase: Phase, starts: list[Event], ends: list[Event]) -> Interval | None:
        if not starts and not ends:
            return None
        if len(starts) == len(ends) == 1:  # mostly so, and then there is nothing to look for
            ids = starts[0].correlation_id, ends[0].correlation_id
            if None in ids or ids[0] == ids[1]:
                return self._interval(phase, starts[0], ends[0])
            names = f"{starts[0].type.name} and {ends[0].type.name}"
            self._report(phase, f"{names} have different ids")
            return None
        by_id = {e.correlation_id: e for e in ends if e.correlation_id is not None}
        pairs = [(s, by_id[s.correlation_id]) for s in starts if s.correlation_id in by_id]
        paired = {id(event) for pair in pairs for event in pair}
        for event in (*starts, *ends):
            if id(event) not in paired:
                other = phase.end if event.type is phase.start else phase.start
                self._report(phase, f"{self._at(event)} has no {other.name}")
        if len(pairs) > 1:
            self._report(phase, f"{phase.start.name} is repeated, at {self._times(starts)}")
            return None
        return self._interval(phase, *pairs[0]) if pairs else None

    def _between(self, phase: Phase) -> Interval | None:
        starts, ends = self.of_type[phase.start], self.of_type[phase.end]
        if not starts or not ends:
            return None  # what is missing is reported with the action that it belongs to
        for events in (starts, ends):
            if len(events) > 1:
                name = events[0].type.name
                self._report(phase, f"{name} is repeated, at {self._times(events)}")
                return None
        return self._interval(phase, starts[0], ends[0])

    def _interval(self, phase: Phase, start: Event, end: Event) -> Interval | None:
        if end.time < start.time:
            self._report(phase, f"{self._at(end)} comes before {self._at(start)}")
            return None
        return Interval(phase.name, start.time - self.origin, end.time - self.origin, gap=phase.gap)

    def _named_by_user(self) -> list[Interval]:
        names = dict.fromkeys(
            event.body or ""
            for event in self.events
            if event.type in (E.START_PHASE, E.FINISHED_PHASE)
        )
        found = []
        for name in names:
            starts = [e for e in self.of_type[E.START_PHASE] if (e.body or "") == name]
            ends = [e for e in self.of_type[E.FINISHED_PHASE] if (e.body or "") == name]
            phase = Phase(name or "(unnamed phase)", E.START_PHASE, E.FINISHED_PHASE, action=True)
            if interval := self._pair(phase, starts, ends):
                found.append(interval)
        return found

    def _cover(self, found: list[Interval]) -> list[Interval]:
        """The run cut at every border: each piece belongs to the interval that began last."""
        for place, first in enumerate(found, start=1):
            for second in found[place:]:
                if second.start_s >= first.end_s:
                    break  # they are sorted by start
                if second.duration_s > 0:
                    end_s = min(first.end_s, second.end_s)
                    self.problems.append(
                        f"{first.name} and {second.name} overlap from {second.start_s:g} to"
                        f" {end_s:g} s: these samples count to {second.name}"
                    )
        stop = self.events[-1].time - self.origin
        borders = {0.0, stop} | {edge for i in found for edge in (i.start_s, i.end_s)}
        marks: list[Interval] = []
        owners: list[Interval | None] = []
        inside: list[Interval] = []
        begun = 0
        for start, end in pairwise(sorted(borders)):
            while begun < len(found) and found[begun].start_s <= start:
                inside.append(found[begun])
                begun += 1
            inside = [i for i in inside if end <= i.end_s]
            owner = inside[0] if len(inside) == 1 else None
            if len(inside) > 1:
                owner = max(inside, key=lambda i: (i.start_s, -i.end_s))
            if owners and owner is owners[-1]:
                start = marks.pop().start_s  # noqa: PLW2901  the same stretch goes on
                owners.pop()
            name = f"{self._near(start)} to {self._near(end)}" if owner is None else owner.name
            marks.append(Interval(name, start, end, gap=owner is None or owner.gap))
            owners.append(owner)
        return marks

    def _near(self, elapsed_s: float) -> str:
        """The event at that time: it is what bounds a gap."""
        event = min(self.events, key=lambda e: abs(e.time - self.origin - elapsed_s))
        return event.type.name

    def _report(self, phase: Phase, what: str) -> None:
        self.problems.append(f"{phase.name}: {what}")

    def _at(self, event: Event) -> str:
        return f"{event.type.name} at {event.time - self.origin:g} s"

    def _times(self, events: Sequence[Event]) -> str:
        return " and ".join(f"{event.time - self.origin:g} s" for event in events)
