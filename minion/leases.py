"""Who fetches which hosts, when several collectors share a fleet.

Each collector keeps one document alive in `collectors`: its lease runs out LEASE_S after it was
last renewed, by the server's clock, which all of them share. A host belongs to the collector whose
name stands in its entry of `progress`, as long as that one's lease runs. All hosts of one agent go
together. Two that believe for a moment to own the same host do no harm: a sample is stored once,
and only one of them moves the host's progress.
"""

import os
import socket
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from uuid import getnode, uuid4

from minion.documents import Document
from minion.mongodb import translated
from minion.progress import Progress
from minion.schema import COLLECTORS, PROGRESS
from minion.simulations import Simulations

LEASE_S = 20.0
FORGOTTEN_MS = 3_600_000
_PROCESS = uuid4().hex  # in a container, a process and the one before it have the same number
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NUMBERING = Path("/proc/self/ns/pid")  # a container has process numbers of its own
_EXPIRES = {"$add": ["$$NOW", int(LEASE_S * 1000)]}


@dataclass(frozen=True, slots=True)
class Share:
    """What one look at the list gave.

    mine: the entries that this collector fetches.
    collectors: how many share the list.
    """

    mine: list[Progress]
    collectors: int


class Lease:
    """One collector's place among those of a database.

    name: what stands in the entries that are its own.
    """

    def __init__(self, store: Simulations) -> None:
        self._store, self._where = store, store.where
        self._collectors = store.database[COLLECTORS]
        self._progress = store.database[PROGRESS]
        self._place = {"machine": machine(), "pid": os.getpid(), "process": _PROCESS}
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._runs_out = 0.0

    @property
    def holds(self) -> bool:
        """Whether it certainly still runs: a collector that could not renew it stops in time."""
        return monotonic() < self._runs_out

    def renew(self) -> list[str]:
        """Stay alive; returns the names of all collectors that are, its own first."""
        asked = monotonic()
        with translated(self._where):
            self._collectors.update_one(
                {"_id": self.name},
                [{"$set": {**self._place, "expires": _EXPIRES}}],
                upsert=True,
            )
            self._runs_out = asked + LEASE_S
            self._bury()
        return [self.name, *(name for name in alive(self._store) if name != self.name)]

    def share(self, entries: Sequence[Progress], busy: Collection[str] = ()) -> Share:
        """Claim what nobody alive fetches, up to a fair share, and give away what is above it.

        Args:
            entries: all of the list that are not done.
            busy: addresses of the agents that are being asked just now; they are kept.
        """
        living = self.renew()
        owners: defaultdict[str, str | None] = defaultdict(lambda: None)
        for entry in entries:  # an agent belongs to whom its oldest entry belongs
            if entry.owner in living:
                owners.setdefault(entry.url, entry.owner)
        urls = list(dict.fromkeys(entry.url for entry in entries))
        mine = [url for url in urls if owners[url] == self.name]
        free = [url for url in urls if owners[url] is None]
        fair = -(-len(urls) // len(living))
        surplus = [url for url in mine if url not in busy][: max(0, len(mine) - fair)]
        claimed = free[: max(0, fair - len(mine))]
        if surplus:
            self._give({"url": {"$in": surplus}, "owner": self.name}, None)
            mine = [url for url in mine if url not in surplus]
        wanted = set(mine) | set(claimed)
        lacking = {e.url for e in entries if e.url in wanted and e.owner != self.name}
        if lacking:
            others = [name for name in living if name != self.name]
            self._give({"url": {"$in": sorted(lacking)}, "owner": {"$nin": others}}, self.name)
            # What was really had, another one may have been faster.
            with translated(self._where):
                had = set(self._progress.distinct("_id", {"owner": self.name}))
        else:
            had = {e.id for e in entries if e.owner == self.name}
        kept = [e for e in entries if e.id in had and e.url in wanted]
        return Share(kept, len(living))

    def leave(self) -> None:
        """Give everything away; others have it at once."""
        self._runs_out = 0.0
        with translated(self._where):
            self._give({"owner": self.name}, None)
            self._collectors.delete_one({"_id": self.name})

    def _give(self, query: Document, owner: str | None) -> None:
        change = {"$set": {"owner": owner}} if owner else {"$unset": {"owner": ""}}
        with translated(self._where):
            self._progress.update_many(query, change)

    def _bury(self) -> None:
        """Forget whose lease is long over, and whoever died on this machine: no need to wait."""
        here = {"machine": self._place["machine"], "process": {"$ne": _PROCESS}}
        for other in self._collectors.find(here):
            if other["pid"] == self._place["pid"] or not _runs(other["pid"]):
                self._collectors.delete_one({"_id": other["_id"]})
        long_ago = {"$subtract": ["$$NOW", FORGOTTEN_MS]}
        self._collectors.delete_many({"$expr": {"$lt": ["$expires", long_ago]}})


def alive(store: Simulations) -> list[str]:
    """The names of the collectors whose leases run, in order."""
    with translated(store.where):
        running = {"$expr": {"$gt": ["$expires", "$$NOW"]}}
        found = store.database[COLLECTORS].find(running, {"_id": 1})
        return sorted(document["_id"] for document in found)


def machine() -> str:
    """What tells the machine, and who numbers its processes, from every other.

    A host name alone does not: clones share one, and so do containers that see the same network.
    """
    try:
        boot = _BOOT.read_text().strip()
        numbering = str(_NUMBERING.readlink())
    except OSError:  # no Linux
        boot, numbering = f"{getnode():x}", ""
    return f"{socket.gethostname()} {boot} {numbering}".strip()


def _runs(pid: int) -> bool:
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True
