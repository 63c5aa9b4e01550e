"""A file of `minion.backup`, or of `mongodump --archive`, back into a store.

A restored run is `importing`, which no reader takes for complete, until all of its samples are
there and counted.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import cast

import bson
from bson import ObjectId
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo import ReplaceOne, UpdateOne, errors

from minion import lookup
from minion.archive import Archive, Namespace
from minion.backup import TAKEN
from minion.buckets import DUPLICATE_KEY
from minion.documents import Document
from minion.errors import AlreadyExists, Ambiguous, InvalidData, NotFound, StoreError
from minion.inventory import Inventory, Size
from minion.model import SCHEMA_VERSION, Status
from minion.mongodb import translated
from minion.portions import portions
from minion.schema import MINIONS, PROGRESS, SERIES, upgrade
from minion.selection import natural
from minion.store import Store

ASKED = 1_000  # simulations in one query
SENT = 4 * 2**20  # bytes of stretches that are stored at once
NAMED = 10  # of the simulations that a message lists

_IMPORTING = {"status": Status.IMPORTING.value}


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    simulations, samples: how many are there now that were not whole before.
    skipped: simulations that were there already.
    strays: series documents of the file that belong to none of its simulations; they were left.
    """

    simulations: int
    samples: int
    skipped: int
    strays: int


def restore(
    store: Store,
    path: str | Path,
    *,
    experiment: str | None = None,
    into: str | None = None,
) -> Restored:
    """Bring the simulations of a file back: one of `backup`, or of `mongodump --archive`.

    The whole file is checked before anything is written. A simulation that is there already is
    left as it is, so doing it again changes nothing, and after a cut-off it finishes. Documents of
    an older schema are brought up to date; collections, validators and indexes are the store's.

    Args:
        store: where they go.
        path: the file, gzipped or not. The name of its database means nothing.
        experiment: only the simulations of this experiment.
        into: the name of the experiment that they go to, as copies with identities of their own;
            default: they come back as what they were.

    Raises:
        NotFound: no such file, or no such experiment in it.
        Ambiguous: `into` is given, and the file has several experiments.
        AlreadyExists: other simulations have their names; the message lists them.
        InvalidData: the file is no backup, damaged, or from a newer Minion.
        StoreError: what arrived is not what was sent; those runs stay `importing`.
    """
    if into is not None and not into.strip():
        raise InvalidData("the experiment to restore into has an empty name")
    archive = Archive(path)
    places = _places(archive)
    runs, strays = _survey(archive, places, experiment)
    names = sorted({run.experiment for run in runs.values()}, key=natural)
    if into is not None:
        if len(names) > 1:
            raise Ambiguous(
                f"{archive.path} has several experiments ({', '.join(names)}); name one with"
                " --experiment"
            )
        runs = {key: run.renamed(into) for key, run in runs.items()}
    with translated(store.where):
        there = _there(store, runs.values(), archive)
        todo = {
            key: run
            for key, run in runs.items()
            if there.get(run.id, Status.IMPORTING) == Status.IMPORTING
        }
        if todo:
            filling = _Filling(store, archive, places, todo)
            filling.register()
            filling.fill()
            filling.finish()
    return Restored(
        simulations=len(todo),
        samples=sum(run.size.samples for run in todo.values()),
        skipped=len(runs) - len(todo),
        strays=strays,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """A simulation of the file as it is to be in the store, and what the file has of it.

    copied: it gets the identities of a copy.
    """

    id: ObjectId
    experiment: str
    sim_id: str
    status: str
    size: Size
    copied: bool = False

    def renamed(self, experiment: str) -> "_Run":
        identity = _of_copy(self.id, experiment)
        return _Run(identity, experiment, self.sim_id, self.status, self.size, copied=True)

    def __str__(self) -> str:
        return f"{self.sim_id} of {self.experiment}"

    def own(self, document: Document) -> Document:
        """A document of `series` or `progress` of the file as this run has it."""
        if not self.copied:
            return document
        identity = _of_copy(document["_id"], self.experiment)
        return {**document, "_id": identity, "simulation": self.id}


def _of_copy(identity: ObjectId, experiment: str) -> ObjectId:
    """The identity that a document has as a copy: always the same, and another one in each."""
    digest = sha256(identity.binary + experiment.encode()).digest()
    return ObjectId(identity.binary[:4] + digest[:8])  # the time in it stays


def _places(archive: Archive) -> dict[str, Namespace]:
    """Where in the file each collection is."""
    listed = [one.namespace for one in archive.collections]
    databases = sorted({place.database for place in listed if place.collection == MINIONS})
    if len(databases) > 1:
        raise Ambiguous(
            f"{archive.path} has the minions of several databases ({', '.join(databases)}); make it"
            " again of one: mongodump --db NAME --archive"
        )
    inside = {place.collection: place for place in listed if place.database in databases}
    if not {MINIONS, SERIES} <= inside.keys():
        names = ", ".join(map(str, listed)) or "nothing"
        raise InvalidData(f"{archive.path} is no backup of a Minion database: it holds {names}")
    return {name: inside[name] for name in TAKEN if name in inside}


def _survey(
    archive: Archive, places: Mapping[str, Namespace], experiment: str | None
) -> tuple[dict[ObjectId, _Run], int]:
    """The simulations of a file by their identity in it, and how many series belong to none.

    The file is read and checked to its end.
    """
    simulations: dict[ObjectId, tuple[str, str, str]] = {}
    documents: defaultdict[ObjectId, int] = defaultdict(int)
    samples: defaultdict[ObjectId, int] = defaultdict(int)
    for place, raw in archive.documents(places.values(), whole=True):
        try:
            if place.collection == MINIONS:
                one = lookup.read(bson.decode(raw))
                simulations[one.id] = one.experiment, one.sim_id, one.status.value
            elif place.collection == SERIES:
                stretch = RawBSONDocument(raw)
                documents[stretch["simulation"]] += 1
                samples[stretch["simulation"]] += int(stretch["samples"])
        except (BSONError, KeyError, TypeError, ValueError) as error:
            raise InvalidData(
                f"{archive.path} has a document in {place} that is not Minion's"
                f" ({type(error).__name__}: {error})"
            ) from None
    strays = sum(count for key, count in documents.items() if key not in simulations)
    known = {name for name, *_ in simulations.values()}
    if experiment is not None and experiment not in known:
        listed = ", ".join(sorted(known, key=natural)) or "none"
        raise NotFound(f"no experiment {experiment} in {archive.path}; there are: {listed}")
    runs = {
        key: _Run(key, *names, Size(samples[key], documents[key]))
        for key, names in simulations.items()
        if experiment in (None, names[0])
    }
    return runs, strays


def _there(store: Store, runs: Collection[_Run], archive: Archive) -> dict[ObjectId, str]:
    """The status of those that are in the store.

    Raises:
        AlreadyExists: others have their names, or their identities have other names.
    """
    by_id = {run.id: run for run in runs}
    by_name = {(run.experiment, run.sim_id): run for run in runs}
    there: dict[ObjectId, str] = {}
    taken: dict[_Run, str] = {}
    for some in portions(runs, ASKED):
        query = {
            "$or": [
                {"_id": {"$in": [run.id for run in some]}},
                {
                    "experiment": {"$in": sorted({run.experiment for run in some})},
                    "sim_id": {"$in": [run.sim_id for run in some]},
                },
            ]
        }
        fields = {"experiment": 1, "sim_id": 1, "status": 1}
        for found in store.database[MINIONS].find(query, fields):
            name = found["experiment"], found["sim_id"]
            same, namesake = by_id.get(found["_id"]), by_name.get(name)
            if same is not None and same is namesake:
                there[same.id] = found["status"]
            elif same is not None:
                taken[same] = f"{same} is here as {name[1]} of {name[0]}"
            elif namesake is not None:
                taken[namesake] = str(namesake)
    if taken:
        first = sorted(taken.values(), key=natural)
        more = f" and {len(first) - NAMED:,} more" if len(first) > NAMED else ""
        raise AlreadyExists(
            f"other simulations than those of {archive.path} have their names here:"
            f" {', '.join(first[:NAMED])}{more}; nothing was written: name another experiment with"
            " --into"
        )
    return there


@dataclass(frozen=True, slots=True)
class _Filling:
    """The simulations of a file that are to be put into a store, by their identity in the file."""

    store: Store
    archive: Archive
    places: Mapping[str, Namespace]
    todo: Mapping[ObjectId, _Run]

    def register(self) -> None:
        """Put the simulations there, without samples."""
        minions = self.store.database[MINIONS]
        for some in portions(self._simulations(), ASKED):
            replacements = [
                ReplaceOne({"_id": d["_id"], **_IMPORTING}, {**d, **_IMPORTING}, upsert=True)
                for d in some
            ]
            minions.bulk_write(replacements, ordered=False)

    def fill(self) -> None:
        """Store the series that are not there yet."""
        there = self._sizes()
        lacking = {key: run for key, run in self.todo.items() if there.get(run.id) != run.size}
        if lacking:
            for some in portions(self._stretches(lacking), SENT, lambda one: len(one.raw)):
                self._insert(SERIES, cast("Sequence[Document]", some))

    def finish(self) -> None:
        """Count what arrived, and let the runs be what they were."""
        there = self._sizes()
        torn = [r for r in self.todo.values() if there.get(r.id, Size(0, 0)) != r.size]
        if torn:
            raise StoreError(
                f"{len(torn)} simulations of {self.archive.path} (the first: {torn[0]}) have not"
                f" the samples at {self.store.where} that they have in the file; they stay"
                " `importing`: run the command again, or first `minion prune --unfinished` what is"
                " there of them"
            )
        # Only now, for collectors look at what stands in it.
        self._insert(PROGRESS, self._progress())
        for some in portions(self.todo.values(), ASKED):
            changes = [
                UpdateOne({"_id": run.id, **_IMPORTING}, {"$set": {"status": run.status}})
                for run in some
            ]
            self.store.database[MINIONS].bulk_write(changes, ordered=False)

    def _simulations(self) -> Iterator[Document]:
        for _, raw in self.archive.documents([self.places[MINIONS]]):
            document = dict(upgrade(bson.decode(raw)))
            run = self.todo.get(document["_id"])
            if run is not None:
                own = {"_id": run.id, "experiment": run.experiment}
                yield {**document, **own, "schema_version": SCHEMA_VERSION}

    def _stretches(self, lacking: Mapping[ObjectId, _Run]) -> Iterator[RawBSONDocument]:
        for _, raw in self.archive.documents([self.places[SERIES]]):
            document = RawBSONDocument(raw)
            run = lacking.get(document["simulation"])
            if run is not None:
                yield (
                    RawBSONDocument(bson.encode(run.own(bson.decode(raw))))
                    if run.copied
                    else document
                )

    def _progress(self) -> list[Document]:
        place = self.places.get(PROGRESS)
        found = [bson.decode(raw) for _, raw in self.archive.documents([place])] if place else []
        own = [self.todo[d["simulation"]].own(d) for d in found if d["simulation"] in self.todo]
        for document in own:
            document.pop("owner", None)  # a collector of the place that they come from
        return own

    def _sizes(self) -> dict[ObjectId, Size]:
        inventory = Inventory(self.store.database[SERIES])
        found: dict[ObjectId, Size] = {}
        for some in portions(self.todo.values(), ASKED):
            found |= inventory.sizes([run.id for run in some])
        return found

    def _insert(self, name: str, documents: Sequence[Document]) -> None:
        """Insert documents; those that an earlier try inserted are passed over."""
        if not documents:
            return
        try:
            self.store.database[name].insert_many(documents, ordered=False)
        except errors.BulkWriteError as error:
            if any(one.get("code") != DUPLICATE_KEY for one in error.details["writeErrors"]):
                raise
