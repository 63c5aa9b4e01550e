"""The collection `progress`: the hosts that samples are still to come of.

Several collectors share it (`minion.leases` says which fetches what).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bson import ObjectId
from pymongo import UpdateOne

from minion.documents import Document, decode, encode
from minion.model import Host, Simulation, Status
from minion.mongodb import translated
from minion.progress import Progress
from minion.schema import MINIONS, PROGRESS
from minion.simulations import Simulations

# What is asked of every entry, again and again; the long lists stay on the server.
_BRIEF = {"missing": 0}


@dataclass(frozen=True, slots=True)
class Brief:
    """A run in progress as every look finds it: enough to see whether it changed."""

    id: ObjectId
    status: Status
    hosts: int


class Worklist:
    """The hosts that samples are still to come of, shared by all collectors of a database."""

    def __init__(self, store: Simulations) -> None:
        self._where = store.where
        self._minions = store.database[MINIONS]
        self._progress = store.database[PROGRESS]

    def runs(self, experiment: str | None = None) -> list[Brief]:
        """The runs that have begun and are not complete."""
        query: Document = {"status": {"$in": [Status.RUNNING.value, Status.ENDED.value]}}
        if experiment is not None:
            query["experiment"] = experiment
        fields = {"status": 1, "hosts": {"$size": "$hosts"}}
        with translated(self._where):
            found = list(self._minions.find(query, fields))
        return [Brief(d["_id"], Status(d["status"]), d["hosts"]) for d in found]

    def entries(self, *, brief: bool = False) -> list[Progress]:
        """Every entry, in the order that they were made; `brief`: without what is missing."""
        with translated(self._where):
            found = list(self._progress.find({}, _BRIEF if brief else None).sort("_id", 1))
        return [decode(Progress, document) for document in found]

    def entry(self, identity: ObjectId) -> Progress | None:
        """One entry, whole; None when it is gone."""
        with translated(self._where):
            found = self._progress.find_one({"_id": identity})
        return decode(Progress, found) if found else None

    def of(self, simulation: Simulation) -> list[Progress]:
        """The entries of one run, by hostname."""
        with translated(self._where):
            found = list(self._progress.find({"simulation": simulation.id}).sort("hostname", 1))
        return [decode(Progress, document) for document in found]

    def enter(self, simulation: Simulation, hosts: Iterable[Host], *, again: bool = False) -> None:
        """Put hosts of a run on the list; those that stand there stay as they are.

        A run that is complete by now is not taken.

        Args:
            simulation: it has begun.
            hosts: those with an agent are taken.
            again: everything is fetched from the run's start, whatever was before.
        """
        start = simulation.start or 0.0
        new = [
            Progress(
                simulation=simulation.id,
                hostname=host.hostname,
                url=host.url,
                until=start,
                large=simulation.status in (Status.ENDED, Status.COMPLETE),
                clock_shift_s=host.clock_shift_s or 0.0,  # as what is stored of it
            )
            for host in hosts
            if host.url is not None
        ]
        with translated(self._where):
            if again:
                self._progress.delete_many({"simulation": simulation.id})
            operations = [
                UpdateOne(
                    {"simulation": one.simulation, "hostname": one.hostname},
                    {"$setOnInsert": encode(one)},
                    upsert=True,
                )
                for one in new
            ]
            if not operations:
                return
            entered = self._progress.bulk_write(operations, ordered=False).upserted_ids or {}
            # Whoever completes it takes its hosts from the list behind that: these, or we do.
            found = self._minions.find_one({"_id": simulation.id}, {"status": 1})
            if found is None or found["status"] == Status.COMPLETE:
                self._progress.delete_many({"_id": {"$in": list(entered.values())}})

    def advance(self, old: Progress, new: Progress) -> Progress | None:
        """Keep how far a host is now.

        Args:
            old: as it was read; it must still be so.
            new: as it is to be; whom it belongs to is not changed.

        Returns:
            It as it is stored; None where somebody else was faster, or the run is complete.
        """
        document = encode(replace(new, id=old.id))
        gone = {"problem": ""} if new.problem is None else {}
        for key in ("_id", "simulation", "hostname", "owner"):
            document.pop(key, None)
        change: Document = {"$set": document} | ({"$unset": gone} if gone else {})
        with translated(self._where):
            found = self._progress.find_one_and_update(
                {"_id": old.id, "until": old.until, "samples": old.samples},
                change,
                return_document=True,
            )
        return decode(Progress, found) if found else None

    def leave(self, simulation: Simulation) -> None:
        """Take a run from the list."""
        with translated(self._where):
            self._progress.delete_many({"simulation": simulation.id})

    def sweep(self) -> list[ObjectId]:
        """The runs on the list that are complete; those that were deleted are taken from it."""
        with translated(self._where):
            listed = self._progress.distinct("simulation")
            found = self._minions.find({"_id": {"$in": listed}}, {"status": 1})
            status = {document["_id"]: document["status"] for document in found}
            gone = [identity for identity in listed if identity not in status]
            if gone:
                self._progress.delete_many({"simulation": {"$in": gone}})
        return [identity for identity in listed if status.get(identity) == Status.COMPLETE.value]
