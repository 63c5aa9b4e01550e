"""Where a database of the published study is: a MongoDB server, or a folder of its dump."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, cast

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from ingest.kns.dumps import Told, find
from ingest.kns.flat import NOT_READABLE, Batch, FlatSamples
from minion.errors import NotFound
from minion.mongodb import open_client, translated
from minion.uris import masked

RUNS = ("simulations", "hosts", "events")
METRICS = "netdata_metrics"
URIS = ("mongodb://", "mongodb+srv://")


class Part(Protocol):
    """One collection, wherever it is."""

    problem: str | None

    @property
    def name(self) -> str:
        """What to call it in a message."""

    @property
    def size(self) -> int | None:
        """Its bytes; None where nobody knows."""

    def documents(self) -> list[dict[str, Any]]:
        """All documents, decoded."""

    def batches(self, samples: FlatSamples, told: Told) -> Iterator[Batch]:
        """The flat samples in it, a block at a time; `told` hears of the bytes that were read."""


@dataclass(frozen=True, slots=True)
class Source:
    """The four collections of the study.

    where: the place as it may be shown.
    """

    where: str
    simulations: Part
    hosts: Part
    events: Part
    metrics: Part

    @property
    def parts(self) -> tuple[Part, ...]:
        """All four."""
        return self.simulations, self.hosts, self.events, self.metrics


@contextmanager
def opened(
    source: str, *, minion_db: str, netdata_db: str, since: float | None = None
) -> Iterator[Source]:
    """The source of that name.

    Args:
        source: a MongoDB URI, or a folder.
        minion_db: the database, or the folder's subfolder, of simulations, hosts and events.
        netdata_db: that of netdata_metrics.
        since: of a server only the samples whose ObjectId was made since then, in seconds since
            the epoch; default: all.

    Raises:
        NotFound: no such folder, or a collection is missing.
        InvalidData: a collection is there in several forms.
        StoreError, SettingsError: the server does not answer, or refuses.
    """
    if not source.startswith(URIS):
        yield _folder(Path(source), minion_db, netdata_db)
        return
    where = masked(source)
    with ExitStack() as stack:
        client = stack.enter_context(open_client(source, where))
        with translated(where):
            parts = []
            for database, name in [*((minion_db, run) for run in RUNS), (netdata_db, METRICS)]:
                there = client[database].list_collection_names()
                if name not in there:
                    raise NotFound(
                        f"database {database} at {where} has no collection {name}; name another"
                        f" with --{'netdata' if name == METRICS else 'minion'}-db"
                    )
                after = since if name == METRICS else None
                parts.append(_Served(client[database][name], where, after))
            yield Source(where, *parts)


def _folder(folder: Path, minion_db: str, netdata_db: str) -> Source:
    if not folder.is_dir():
        raise NotFound(f"no folder {folder}; name a folder with a dump, or a mongodb:// URI")
    names = dict.fromkeys(RUNS, minion_db) | {METRICS: netdata_db}
    found = {name: find((folder, folder / below), name) for name, below in names.items()}
    lacking = [name for name, part in found.items() if part is None]
    if lacking:
        raise NotFound(
            f"{folder} has no {', no '.join(lacking)}: each is NAME.json or NAME.bson, or that with"
            f" .gz, there or below {minion_db}/ and {netdata_db}/"
        )
    parts = [part for part in found.values() if part is not None]
    return Source(str(folder), *parts)


class _Served:
    """A collection on a server."""

    def __init__(
        self, collection: Collection[dict[str, Any]], where: str, since: float | None
    ) -> None:
        self._collection = collection
        self._where = where
        self._query: dict[str, Any] = {}
        if since is not None:
            first = ObjectId.from_datetime(datetime.fromtimestamp(max(0, since), UTC))
            self._query = {"_id": {"$gte": first}}
        self.problem: str | None = None

    @property
    def name(self) -> str:
        return self._collection.full_name

    @property
    def size(self) -> int | None:
        try:
            statistics = self._collection.database.command("collStats", self._collection.name)
        except OperationFailure:  # a view has none
            return None
        return int(statistics["size"])

    def documents(self) -> list[dict[str, Any]]:
        with translated(self._where):
            return list(self._collection.find())

    def batches(self, samples: FlatSamples, told: Told) -> Iterator[Batch]:
        with translated(self._where):
            for raw in self._collection.find_raw_batches(self._query, batch_size=100_000):
                data = cast("bytes", raw)
                told(len(data))
                yield samples.from_bson(data)[0]
        lost = samples.refused.pop(NOT_READABLE, 0)
        if lost:
            self.problem = f"{lost:,} of its documents are not readable"
