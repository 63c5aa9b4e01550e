"""A store as one file; `minion.restore` brings it back.

The file has the form of `mongodump --archive` (`minion.archive`), so it holds what mongorestore
needs to make the collections anew. The tests try that against MongoDB's own tools only where these
are installed.

`minions` and `progress` say what is stored of a run, `series` is what is stored. A backup reads
them in this order, so a run in progress has in the file at least the samples that the file says it
has: samples are stored first and spoken of afterwards, and only ever added. Stretches are read
from the last to the first, because a run that ends meanwhile gets its small ones merged into large
ones that begin no later: whoever comes from behind meets each sample in one of them or in both.
Where the server can, all is read as of one moment, and nothing of this is needed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, Unpack, cast

import bson
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import DESCENDING, errors

from minion.archive import ArchiveWriter, Namespace, describe, packed
from minion.documents import Document
from minion.errors import NotFound, StoreError
from minion.files import new_file
from minion.inventory import Inventory, Size
from minion.model import Status
from minion.mongodb import translated
from minion.portions import portions
from minion.schema import MINIONS, PROGRESS, SERIES
from minion.selection import Choice, Selection
from minion.store import Store

TAKEN = (MINIONS, PROGRESS, SERIES)  # in this order; see above
ASKED = 1_000  # simulations in one query
BATCH = 200  # stretches in one reply: some megabytes
TRIES = 3
TOO_OLD = (239, 246)  # SnapshotTooOld, SnapshotUnavailable

_RAW = CodecOptions(document_class=RawBSONDocument)
_BACKWARDS = [(key, DESCENDING) for key in ("simulation", "hostname", "chart", "stretch")]


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
    inventory = Inventory(store.database[SERIES])
    before = inventory.sizes([simulation.id for simulation in simulations])
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
            for ids in portions(status, ASKED):
                for batch in batches(PROGRESS, {"simulation": {"$in": ids}}):
                    write(batch)
        with archive.collection(Namespace(store.database.name, SERIES)) as write:
            order = {"sort": _BACKWARDS, "hint": "identity", "batch_size": BATCH}
            for ids in portions(status, ASKED):
                for batch in batches(SERIES, {"simulation": {"$in": ids}}, **order):
                    write(batch)
    if not at_once and _vanished(store, inventory, status, before):
        return None
    return len(status), sum(size.samples for key, size in before.items() if key in status)


def _vanished(
    store: Store,
    inventory: Inventory,
    status: Mapping[ObjectId, str],
    before: Mapping[ObjectId, Size],
) -> bool:
    """Whether a simulation, or samples of a complete one, went away since `before`."""
    complete = [key for key, value in status.items() if value == Status.COMPLETE and key in before]
    now = inventory.sizes(complete)
    if any(key not in now or now[key].samples < before[key].samples for key in complete):
        return True
    minions = store.database[MINIONS]
    there = sum(minions.count_documents({"_id": {"$in": ids}}) for ids in portions(status, ASKED))
    return there < len(status)
