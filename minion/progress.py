"""How far one host of a run in progress is.

A run's document changes when something happens in the experiment; how far its samples are changes
every minute, host by host. So that stands in documents of its own, one a run and host in the
collection `progress`, which go when the run is complete.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime

from bson import ObjectId

from minion.model import Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one host of a run is.

    url: address of its agent.
    until: every sample before it is stored or in `missing` (seconds since the epoch).
    missing: what nobody has of this host.
    large: its stretches are written large from the first, for the run had ended before.
    done: everything up to the run's end is stored or missing.
    last_sample: time of the newest stored sample; None before the first.
    samples: values stored so far.
    retries: how often the agent was asked again for what it had not given.
    gaps: how many windows are missing.
    heard: when its agent last answered (seconds since the epoch).
    problem: what went wrong at the last try, or None.
    owner: the collector that fetches it.
    clock_shift_s: what is subtracted from its agent's times; 0 unless that was asked for.
    """

    simulation: ObjectId
    hostname: str
    url: str
    until: float
    missing: tuple[Missing, ...] = ()
    large: bool = False
    done: bool = False
    last_sample: float | None = None
    samples: int = 0
    retries: int = 0
    gaps: int = 0
    heard: float | None = None
    problem: str | None = None
    owner: str | None = None
    clock_shift_s: float = 0.0
    id: ObjectId = field(default_factory=ObjectId)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A collector among those of a database.

    machine, pid, process: which process it is; `process` tells one from another of that pid, and
        `machine` whose numbers they are (`minion.leases.machine`).
    expires: when its hosts are anybody's, unless it says before that it is still there.
    """

    id: str
    machine: str
    pid: int
    process: str
    expires: datetime


def lag(progress: Progress, end: float | None) -> float:
    """By how many seconds a host's newest stored sample is behind the present, or the run's end."""
    newest = progress.until if progress.last_sample is None else progress.last_sample
    return max(0.0, (time.time() if end is None else end) - newest)
