"""Runs in progress, taken from a server while netdata's exporter and the controller still write.

Each look imports anew what the server got since the first unfinished run began, which an ObjectId
says and the index of `_id` finds. So nothing that comes late is missed, and a run that ended is
the same document as if it had been imported in one piece.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from ingest.kns.database import Imported, import_kns
from ingest.kns.source import URIS
from minion.errors import InvalidData
from minion.model import Simulation, Status
from minion.store import Store

LATE = 60.0  # seconds after a run's end in which its last samples may still come
BEFORE = 3600.0  # by how much the clocks of a host and of the controller may differ


def follow_kns(
    store: Store,
    source: str,
    *,
    interval: float,
    stop: threading.Event,
    late: float = LATE,
    **options: Any,
) -> Iterator[Imported]:
    """What each look found, until every run has ended, or `stop` is set.

    A run in progress has status `running` and no verdict; it has its samples up to its last event
    so far. One that has not started yet is waited for.

    Args:
        store: where they go.
        source: a `mongodb://` URI.
        interval: seconds between two looks.
        stop: set it to leave after the current look.
        late: seconds for which a run that has ended is looked at again.
        options: as of `import_kns`.

    Raises:
        InvalidData: the source is a folder, or the interval is not positive.
    """
    if not source.startswith(URIS):
        raise InvalidData(f"{source} does not grow; --follow needs a mongodb:// URI")
    if not interval > 0:
        raise InvalidData(f"--interval {interval:g}: seconds, more than 0")
    since: float | None = None
    finished: set[str] = set()
    while True:
        imported = import_kns(store, source, live=True, since=since, skip=finished, **options)
        yield imported
        unfinished = _unfinished(imported.simulations, late)
        finished |= {s.sim_id for s in imported.simulations} - {s.sim_id for s in unfinished}
        if not unfinished or stop.wait(interval):
            return
        starts = [simulation.start for simulation in unfinished if simulation.start is not None]
        since = min(starts, default=time.time()) - BEFORE


def _unfinished(simulations: Sequence[Simulation], late: float) -> list[Simulation]:
    """Runs that are to start, go on, or ended only now."""
    return [
        simulation
        for simulation in simulations
        if simulation.status in (Status.REGISTERED, Status.RUNNING)
        or (simulation.end or 0.0) > time.time() - late
    ]
