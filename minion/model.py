"""The data packet's nouns: what a simulation is, without its series.

Every class here is a frozen dataclass. `minion.documents` turns it into a MongoDB document and
back, and derives the collection's validator from the same fields, so a field is written down once.
Times are seconds since the epoch, UTC, as netdata writes them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum, StrEnum

from bson import ObjectId

from minion.errors import InvalidData

SCHEMA_VERSION = 1


class EventType(IntEnum):
    """What a controller can note, with the names and numbers of the published study.

    START_PHASE and FINISHED_PHASE are Minion's own: they bound a phase that an experiment names
    itself, in the event's body.
    """

    WORKER_AGENT_STARTED = 0
    START_SIMULATION_CPU = 1
    FINISHED_SIMULATION_CPU = 2
    START_SIMULATION_MEM = 3
    FINISHED_SIMULATION_MEM = 4
    START_SIMULATION_IO = 5
    FINISHED_SIMULATION_IO = 6
    WORKER_AGENT_STOPPED = 7
    START_SIMULATION = 8
    STOP_SIMULATION = 9
    START_CONTAINER_PLATFORM = 10
    STOP_CONTAINER_PLATFORM = 11
    START_KNS_PLATFORM = 20
    FINISHED_START_KNS_PLATFORM = 21
    START_KNS_JOIN_NODES = 22
    FINISHED_START_KNS_JOIN_NODES = 23
    START_KNS_DEPLOYMENT = 24
    FINISHED_START_KNS_DEPLOYMENT = 25
    STOP_KNS_DEPLOYMENT = 26
    FINISHED_STOP_KNS_DEPLOYMENT = 27
    START_KNS_UNJOIN_NODES = 28
    FINISHED_KNS_UNJOIN_NODES = 29
    STOP_KNS_PLATFORM = 30
    FINISHED_STOP_KNS_PLATFORM = 31
    START_PHASE = 100
    FINISHED_PHASE = 101

    @classmethod
    def parse(cls, text: str | int) -> "EventType":
        """The event type that a name (with or without `EventType.`) or a number stands for.

        Raises:
            InvalidData: there is none; the message lists those that are near.
        """
        wanted = str(text).strip()
        name = wanted.removeprefix("EventType.").upper()
        if name in cls.__members__:
            return cls[name]
        if re.fullmatch(r"[0-9]{1,4}", wanted) and int(wanted) in {int(member) for member in cls}:
            return cls(int(wanted))
        words = set(name.split("_"))
        near = [m.name for m in cls if words & set(m.name.split("_"))] or list(cls.__members__)
        listed = ", ".join(f"{m} ({cls[m].value})" for m in near)
        raise InvalidData(f"unknown event type {wanted!r}; there are: {listed}")


class Role(StrEnum):
    """What a host does in a simulation."""

    CONTROLLER = "controller"
    MASTER = "master"
    WORKER = "worker"

    @classmethod
    def parse(cls, text: str) -> "Role":
        """The role of that name.

        Raises:
            InvalidData: there is none.
        """
        try:
            return cls(text.strip().lower())
        except ValueError:
            roles = ", ".join(cls)
            raise InvalidData(f"unknown role {text!r}; a host is one of: {roles}") from None


class Status(StrEnum):
    """How far a simulation is."""

    IMPORTING = "importing"  # whole from elsewhere, its series still being written
    REGISTERED = "registered"  # known, not started
    RUNNING = "running"  # START_SIMULATION noted
    ENDED = "ended"  # STOP_SIMULATION noted, samples may still be fetched
    COMPLETE = "complete"  # everything up to its end is stored or recorded as missing


class Verdict(StrEnum):
    """What somebody, or a program, thinks of a simulation."""

    UNCHECKED = "unchecked"
    VALID = "valid"
    DOUBTFUL = "doubtful"
    EXCLUDED = "excluded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """A verdict, its reasons, who said so and when."""

    verdict: Verdict = Verdict.UNCHECKED
    reasons: tuple[str, ...] = ()
    by: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine that took part.

    url: address of its netdata agent, without credentials; a controller may have none.
    ram_mib: its memory in MiB, as given or as its agent says.
    cores: its processors, as its agent says.
    clock_ahead_s: by how many seconds its agent's clock was ahead of the collector's when that was
        first certain; None where no difference was.
    clock_shift_s: what of it was subtracted from the times of its samples; None where nothing was.
    id: its identity where it came from, for sources that have one.
    """

    hostname: str
    role: Role
    url: str | None = None
    ram_mib: float | None = None
    cores: int | None = None
    clock_ahead_s: float | None = None
    clock_shift_s: float | None = None
    id: ObjectId | str | None = None

    @property
    def times_ahead_s(self) -> float:
        """By how many seconds the times of its samples are ahead; 0 where that is not known."""
        return (self.clock_ahead_s or 0.0) - (self.clock_shift_s or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that the controller noted, at `time` (seconds since the epoch, UTC).

    id: its identity where it came from, for sources that have one.
    """

    type: EventType
    time: float
    hostname: str | None = None
    correlation_id: str | None = None
    body: str | None = None
    id: ObjectId | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number that a run yields besides series: a throughput, a latency percentile, a count."""

    name: str
    value: float
    unit: str = ""
    hostname: str | None = None
    phase: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Samples with first <= timestamp < last that nobody has any more, and why.

    Without a chart it is every chart of the host that was asked for.
    """

    hostname: str
    first: float
    last: float
    reason: str
    chart: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a simulation's data come from, when it was written, by which version of Minion."""

    source: str
    version: str
    created: datetime
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """One run of an experiment: everything of a minion but its series.

    source_id: its identity where it came from, for sources that have one.
    """

    experiment: str
    sim_id: str
    platform: str
    provenance: Provenance
    status: Status = Status.REGISTERED
    validity: Validity = field(default_factory=Validity)
    parameters: Mapping[str, str | float | int | bool] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[Host, ...] = ()
    events: tuple[Event, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    missing: tuple[Missing, ...] = ()
    source_id: ObjectId | str | None = None
    schema_version: int = SCHEMA_VERSION
    id: ObjectId = field(default_factory=ObjectId)

    def __post_init__(self) -> None:
        for what in ("experiment", "sim_id", "platform"):
            if not getattr(self, what).strip():
                raise InvalidData(f"{what} of a simulation is empty; give it a name")
        names = [host.hostname for host in self.hosts]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise InvalidData(f"host {', '.join(twice)} stands twice in simulation {self.sim_id}")

    @property
    def simulated(self) -> bool:
        """Whether the data were made by a random generator instead of measured."""
        return self.provenance.source == SIMULATED

    @property
    def dated(self) -> bool:
        """Whether its times are dates; its provenance says so where they are made up."""
        return not self.provenance.details.get(DATED, "").startswith(NO)

    @property
    def began(self) -> float | None:
        """Its start where that is a date: what runs can be put in order by."""
        return self.start if self.dated else None

    @property
    def measurements_only(self) -> bool:
        """Whether it came whole, as numbers without an event: without a time it has no samples."""
        complete = self.status is Status.COMPLETE
        return complete and bool(self.measurements) and not self.events

    @property
    def measured_hosts(self) -> tuple[Host, ...]:
        """The hosts that samples are expected of: all but the controllers without an agent."""
        if self.measurements_only:
            return ()
        return tuple(h for h in self.hosts if h.role is not Role.CONTROLLER or h.url is not None)

    @property
    def start(self) -> float | None:
        """Time of the first START_SIMULATION, the run's origin; else of its first event."""
        times = [e.time for e in self.events if e.type is EventType.START_SIMULATION]
        return min(times or (e.time for e in self.events), default=None)

    @property
    def end(self) -> float | None:
        """Time of the last STOP_SIMULATION; None for a run that did not end."""
        times = (e.time for e in self.events if e.type is EventType.STOP_SIMULATION)
        return max(times, default=None)

    def host(self, hostname: str) -> Host | None:
        """The host of that name, or None."""
        return next((h for h in self.hosts if h.hostname == hostname), None)


SIMULATED = "simulated"
DATED, NO = "dated", "no"  # of provenance's details: "no", and why, where times are made up


def now() -> datetime:
    """The current time in UTC, to the millisecond that a BSON date keeps."""
    time = datetime.now(UTC)
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
