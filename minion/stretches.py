"""The `series` collection as it is read: stretches chart by chart, and whole series."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import cast

from bson import ObjectId
from pymongo import ASCENDING
from pymongo.collection import Collection

from minion.documents import Document
from minion.inventory import Size
from minion.series import Series, from_documents
from minion.wire import Stretch, read_stretches

ASKED_SAMPLES = 131_072  # of one query: some two megabytes


class Stretches:
    """Reads the stretches of all simulations."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._collection = collection

    def charts(
        self,
        sizes: Mapping[ObjectId, Size],
        *,
        hosts: Sequence[str] = (),
        contexts: Sequence[str] = (),
        dimensions: Sequence[str] = (),
    ) -> Iterator[list[Stretch]]:
        """The stored stretches of simulations chart by chart; empty choices mean all.

        Args:
            sizes: what `Inventory.sizes` said of them; in their order the charts come.
            hosts, contexts: names.
            dimensions: ids; a stretch that has none of them is left out.

        Yields:
            The stretches of one chart of a host in a simulation, by time: ordered by simulation,
            hostname and chart. No more of the wire than about ASKED_SAMPLES is held at once, or
            than one chart of a simulation has.
        """
        query, projection = _chosen(hosts, contexts, dimensions)
        for ids, size in _portions(sizes):
            yield from self._charts(ids, query, projection, size)

    def charts_behind(
        self,
        after: float,
        simulations: Sequence[ObjectId],
        *,
        hosts: Sequence[str] = (),
        contexts: Sequence[str] = (),
        dimensions: Sequence[str] = (),
    ) -> Iterator[list[Stretch]]:
        """`charts` of those stretches only that reach behind a time: a few, and nothing counted.

        Args:
            after: seconds since the epoch.
            simulations: in their order the charts come.
            hosts, contexts, dimensions: as of `charts`.
        """
        query, projection = _chosen(hosts, contexts, dimensions)
        query["last"] = {"$gt": after}
        yield from self._charts(simulations, query, projection)

    def series(self, simulation: ObjectId, query: Document) -> list[Series]:
        """The whole series of one simulation that a query on the documents' keys chooses."""
        found = self._collection.find({"simulation": simulation, **query})
        return from_documents([document for document in found if document["samples"]])

    def _charts(
        self,
        simulations: Sequence[ObjectId],
        query: Document,
        projection: Document | None,
        size: Size | None = None,
    ) -> Iterator[list[Stretch]]:
        """The stretches of one query chart by chart; size: what it reads, None: a little."""
        found = self._read({"simulation": {"$in": list(simulations)}, **query}, projection, size)
        if size is None or size.samples <= ASKED_SAMPLES:
            place = {identity.binary: number for number, identity in enumerate(simulations)}
            found = iter(sorted(found, key=lambda s: (place[s.simulation], s.hostname, s.chart)))
        for _, chart in groupby(found, key=attrgetter("simulation", "hostname", "chart")):
            yield sorted(chart, key=attrgetter("first"))

    def _read(
        self, query: Document, projection: Document | None, size: Size | None
    ) -> Iterator[Stretch]:
        """The stretches that a query finds; what is too large to be sorted here comes sorted."""
        documents = 0  # as many as the server likes
        if size is not None:
            # A reply of some megabytes stays in the processor's cache, and its memory is used
            # again.
            documents = 1 + size.documents * ASKED_SAMPLES // max(size.samples, ASKED_SAMPLES)
        cursor = self._collection.find_raw_batches(query, projection, batch_size=documents)
        if size is not None and size.samples > ASKED_SAMPLES:
            order = [(key, ASCENDING) for key in ("simulation", "hostname", "chart", "stretch")]
            cursor = cursor.sort(order).allow_disk_use(True)
        with cursor:
            for batch in cursor:
                for stretch in read_stretches(cast("bytes", batch)):
                    if stretch.dimensions:
                        yield stretch


def _chosen(
    hosts: Sequence[str], contexts: Sequence[str], dimensions: Sequence[str]
) -> tuple[Document, Document | None]:
    """The query for a choice of names, and the projection; empty choices mean all."""
    query: Document = {}
    if hosts:
        query["hostname"] = {"$in": list(hosts)}
    if contexts:
        query["context"] = {"$in": list(contexts)}
    if not dimensions:
        # Without a projection the server sends its documents as they are, which is faster.
        return query, None
    chosen = {"$in": ["$$this.id", {"$literal": list(dimensions)}]}
    arrays = {"$filter": {"input": "$dimensions", "cond": chosen}}
    names = "simulation hostname chart context unit first last step n t".split()
    return query, {"_id": 0, **dict.fromkeys(names, 1), "dimensions": arrays}


def _portions(sizes: Mapping[ObjectId, Size]) -> Iterator[tuple[list[ObjectId], Size]]:
    """Simulations that follow each other, as many as are read by one query."""
    ids: list[ObjectId] = []
    samples = documents = 0
    for identity, size in sizes.items():
        if ids and samples + size.samples > ASKED_SAMPLES:
            yield ids, Size(samples, documents)
            ids, samples, documents = [], 0, 0
        ids.append(identity)
        samples += size.samples
        documents += size.documents
    if ids:
        yield ids, Size(samples, documents)
