"""A store as one file, and back.

The file has the form of `mongodump --archive` (`minion.archive`), so it holds what mongorestore
needs to make the collections anew, and `restore` reads what mongodump made of a Minion database.
The tests try both against MongoDB's own tools only where these are installed.

`minions` and `progress` say what is stored of a run, `series` is what is stored. A backup reads
them in this order, so a run in progress has in the file at least the samples that the file says it
has: samples are stored first and spoken of afterwards, and only ever added. Stretches are read
from the last to the first, because a run that ends meanwhile gets its small ones merged into large
ones that begin no later: whoever comes from behind meets each sample in one of them or in both.
Where the server can, all is read as of one moment, and nothing of this is needed.

A restored run is `importing`, which no reader takes for complete, until all of its samples are
there and counted.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, Unpack, cast

import bson
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo import DESCENDING, ReplaceOne, UpdateOne, errors

from minion import lookup
from minion.archive import Archive, ArchiveWriter, Namespace, describe, new_file, packed
from minion.buckets import DUPLICATE_KEY, Buckets, Size
from minion.documents import Document
from minion.errors import AlreadyExists, Ambiguous, InvalidData, NotFound, StoreError
from minion.model import SCHEMA_VERSION, Status
from minion.mongodb import translated
from minion.schema import MINIONS, PROGRESS, SERIES, upgrade
from minion.selection import Choice, Selection, natural
from minion.store import Store

TAKEN = (MINIONS, PROGRESS, SERIES)  # in this order; see above
ASKED = 1_000  # simulations in one query
BATCH = 200  # stretches in one reply: some megabytes
SENT = 4 * 2**20  # bytes of stretches that are stored at once
TRIES = 3
NAMED = 10  # of the simulations that a message lists
TOO_OLD = (239, 246)  # SnapshotTooOld, SnapshotUnavailable

_IMPORTING = {"status": Status.IMPORTING.value}
_RAW = CodecOptions(document_class=RawBSONDocument)
_BACKWARDS = [(key, DESCENDING) for key in ("simulation", "hostname", "chart", "stretch")]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup took.

    path: the file; bytes: its size.
    simulations, samples: how many; the samples are those that were stored when it began.
    """

    path: Path
    bytes: int
    simulations: int
    samples: int


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


# ---------------------------------------------------------------- backup


def backup(
    store: Store, path: str | Path, *, force: bool = False, **choice: Unpack[Choice]
) -> BackedUp:
    """Write simulations into one file, the excluded ones too; gzipped when its name ends in .gz.

    It is there whole, and on the disk, or not at all: until then it is `path`.part. A run in
    progress is taken as it is. Samples are passed on as they come, some megabytes at a time.

    Args:
        store: where the minions are.
        path: the file; its folder is made when it lacks.
        force: replace a file that exists.
        choice: experiment, platform, sims; see `Selection.of`.

    Raises:
        NotFound: a simulation, platform or experiment that was named, or there is none at all.
        AlreadyExists: the file exists, or is being written.
        OutputError: the file cannot be written.
        StoreError: simulations were being deleted all the while.
    """
    target = Path(path)
    choice.setdefault("include_excluded", True)
    selection = Selection.of(**choice)
    with translated(store.where), new_file(target, force=force) as file:
        at_once = _reads_at_once(store)
        for _ in range(TRIES):
            file.seek(0)
            file.truncate()
            try:
                with packed(file, target.name) as out:
                    taken = _write(store, selection, out, at_once=at_once)
            except errors.OperationFailure as error:
                # The server keeps a moment for some minutes only.
                if not at_once or error.code not in TOO_OLD:
                    raise
                at_once, taken = False, None
            if taken is not None:
                return BackedUp(target, file.tell(), *taken)
        raise StoreError(
            f"simulations were deleted again and again while they were read from {store.where};"
            " nothing was written: run the command again when that is over"
        )


def _reads_at_once(store: Store) -> bool:
    """Whether the server reads as of one moment: replica sets and clusters do."""
    said = store.client.admin.command("hello")
    return "setName" in said or said.get("msg") == "isdbgrid"


def _write(
    store: Store, selection: Selection, out: BinaryIO, *, at_once: bool
) -> tuple[int, int] | None:
    """How many simulations and samples were written; None when some vanished in between."""
    simulations = store.simulations(selection)
    if not simulations:
        raise NotFound(f"there is no simulation to back up at {store.where}")
    buckets = Buckets(store.database[SERIES])
    before = buckets.sizes([simulation.id for simulation in simulations])
    archive = ArchiveWriter(
        out,
        [describe(store.database, name) for name in TAKEN],
        server_version=store.version,
        tool_version=f"minion {version('minion')}",
    )
    status: dict[ObjectId, str] = {}
    with store.client.start_session(snapshot=at_once) as session:

        def batches(name: str, query: Document, **options: Any) -> Iterator[bytes]:
            found = store.database[name].find_raw_batches(query, session=session, **options)
            with found:
                yield from cast("Iterator[bytes]", found)

        with archive.collection(Namespace(store.database.name, MINIONS)) as write:
            for batch in batches(MINIONS, selection.query()):
                write(batch)
                found = bson.decode_iter(batch, _RAW)
                status.update((document["_id"], document["status"]) for document in found)
        with archive.collection(Namespace(store.database.name, PROGRESS)) as write:
            for ids in _portions(list(status)):
                for batch in batches(PROGRESS, {"simulation": {"$in": ids}}):
                    write(batch)
        with archive.collection(Namespace(store.database.name, SERIES)) as write:
            order = {"sort": _BACKWARDS, "hint": "identity", "batch_size": BATCH}
            for ids in _portions(list(status)):
                for batch in batches(SERIES, {"simulation": {"$in": ids}}, **order):
                    write(batch)
    if not at_once and _vanished(store, buckets, status, before):
        return None
    return len(status), sum(size.samples for key, size in before.items() if key in status)


def _vanished(
    store: Store, buckets: Buckets, status: Mapping[ObjectId, str], before: Mapping[ObjectId, Size]
) -> bool:
    """Whether a simulation, or samples of a complete one, went away since `before`."""
    complete = [key for key, value in status.items() if value == Status.COMPLETE and key in before]
    now = buckets.sizes(complete)
    if any(key not in now or now[key].samples < before[key].samples for key in complete):
        return True
    minions = store.database[MINIONS]
    there = sum(minions.count_documents({"_id": {"$in": ids}}) for ids in _portions(list(status)))
    return there < len(status)


# ---------------------------------------------------------------- restore


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
    for some in _portions(list(runs)):
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
        for some in _parts(self._simulations(), ASKED, lambda _: 1):
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
            for some in _parts(self._stretches(lacking), SENT, lambda one: len(one.raw)):
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
        for some in _portions(list(self.todo.values())):
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
        buckets = Buckets(self.store.database[SERIES])
        found: dict[ObjectId, Size] = {}
        for some in _portions(list(self.todo.values())):
            found |= buckets.sizes([run.id for run in some])
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


def _parts(items: Iterable[T], most: int, size: Callable[[T], int]) -> Iterator[list[T]]:
    """Items as they come, together until they have that size."""
    part: list[T] = []
    held = 0
    for item in items:
        part.append(item)
        held += size(item)
        if held >= most:
            yield part
            part, held = [], 0
    if part:
        yield part


def _portions(items: Sequence[T]) -> Iterator[list[T]]:
    yield from _parts(items, ASKED, lambda _: 1)
