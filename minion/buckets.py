"""The `series` collection: stretches written exactly once, read back, counted."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import cast

import numpy as np
import pandas as pd
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, InsertOne, ReplaceOne, errors
from pymongo.collection import Collection

from minion.documents import Document
from minion.errors import StoreError
from minion.model import Simulation, Status
from minion.series import (
    SETTLED_ROWS,
    Series,
    from_documents,
    to_document,
)
from minion.wire import Stretch, read_stretches, write_stretch

WRITE_TRIES = 20
ASKED_SAMPLES = 131_072  # of one query: some two megabytes
DUPLICATE_KEY = 11000

Cell = tuple[str, str, float]  # hostname, chart, stretch
COVERAGE_COLUMNS = (
    "hostname chart context unit dimensions step_s first_s last_s samples gaps".split()
)


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did.

    samples: values that are stored now and were not before.
    conflicts: values that differ from what was stored; what was stored stayed.
    documents: how many documents were written.
    """

    samples: int = 0
    conflicts: int = 0
    documents: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.samples + other.samples,
            self.conflicts + other.conflicts,
            self.documents + other.documents,
        )


@dataclass(frozen=True, slots=True)
class Size:
    """How much is stored: samples, and the documents that they are in."""

    samples: int
    documents: int


class Buckets:
    """The stretches of all simulations."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._collection = collection

    # ------------------------------------------------------------ in

    def write(
        self, simulation: Simulation, origin: float, series: Iterable[Series], rows: int
    ) -> Written:
        """Store samples in cells of `rows` steps since `origin`; what is stored stays.

        Raises:
            StoreError: others keep writing the same cells.
        """
        cells = {
            (part.hostname, part.chart, stretch): part
            for piece in series
            for stretch, part in piece.cut(origin, rows)
        }
        written = Written()
        # Of one that `Store.put` has just registered nothing is stored; if it is, the first try
        # is refused and the second one looks.
        new = simulation.status is Status.IMPORTING
        for number in range(WRITE_TRIES):
            stored = {} if new and not number else self._stored(simulation.id, cells)
            done, cells = self._write_cells(simulation.id, cells, stored)
            written += done
            if not cells:
                return written
        raise StoreError(
            f"others keep writing the same samples of simulation {simulation.sim_id}; is one"
            " collector enough?"
        )

    def merge(self, simulation: Simulation, origin: float, merged: Sequence[str] = ()) -> None:
        """Put the small stretches of a simulation together into large ones, but of `merged`.

        What was pulled from after the run's end, before that was known, goes.
        """
        end = math.inf if simulation.end is None else simulation.end
        pairs = self._collection.aggregate(
            [
                {"$match": {"simulation": simulation.id, "hostname": {"$nin": list(merged)}}},
                {"$group": {"_id": {"hostname": "$hostname", "chart": "$chart"}}},
            ]
        )
        for pair in list(pairs):
            query = {"simulation": simulation.id, **pair["_id"]}
            documents = list(self._collection.find(query))
            old = {document["stretch"]: document for document in documents}
            wanted = {
                stretch: to_document(simulation.id, stretch, part)
                for stretch, part in from_documents(documents)[0]
                .window(-math.inf, end)
                .cut(origin, SETTLED_ROWS)
            }
            for stretch, document in wanted.items():
                before = old.get(stretch)
                if before is None or {**document, "_id": before["_id"]} != before:
                    self._collection.replace_one(
                        {**query, "stretch": stretch}, document, upsert=True
                    )
            # Only now that all is in the large ones may the small ones go.
            surplus = [d["_id"] for stretch, d in old.items() if stretch not in wanted]
            if surplus:
                self._collection.delete_many({"_id": {"$in": surplus}})

    def delete(self, simulations: Sequence[ObjectId]) -> None:
        """Delete every stretch of these simulations."""
        self._collection.delete_many({"simulation": {"$in": list(simulations)}})

    # ------------------------------------------------------------ out

    def sizes(
        self, simulations: Sequence[ObjectId], contexts: Sequence[str] = ()
    ) -> dict[ObjectId, Size]:
        """How much is stored of each of these simulations; an index alone answers.

        Args:
            simulations: in this order they come back, those with nothing are left out.
            contexts: count only these; default: all.
        """
        match: Document = {"simulation": {"$in": list(simulations)}}
        if contexts:
            match["context"] = {"$in": list(contexts)}
        group = {"_id": "$simulation", "samples": {"$sum": "$samples"}, "documents": {"$sum": 1}}
        pipeline: list[Document] = [{"$match": match}, {"$group": group}]
        grouped = self._collection.aggregate(pipeline, hint="context")
        found = {d["_id"]: Size(int(d["samples"]), int(d["documents"])) for d in grouped}
        return {identity: found[identity] for identity in simulations if identity in found}

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
            sizes: what `sizes` said of them; in their order the charts come.
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

    def _charts(
        self,
        simulations: Sequence[ObjectId],
        query: Document,
        projection: Document | None,
        size: Size | None = None,
    ) -> Iterator[list[Stretch]]:
        """The stretches of one query chart by chart; size: what it reads, None: a little."""
        found = self._stretches(
            {"simulation": {"$in": list(simulations)}, **query}, projection, size
        )
        if size is None or size.samples <= ASKED_SAMPLES:
            place = {identity.binary: number for number, identity in enumerate(simulations)}
            found = iter(sorted(found, key=lambda s: (place[s.simulation], s.hostname, s.chart)))
        for _, chart in groupby(found, key=attrgetter("simulation", "hostname", "chart")):
            yield sorted(chart, key=attrgetter("first"))

    def _stretches(
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

    def series(self, simulation: ObjectId, query: Document) -> list[Series]:
        """The whole series of one simulation that a query on the documents' keys chooses."""
        return from_documents(list(self._collection.find({"simulation": simulation, **query})))

    def newest(self, simulation: ObjectId, hostname: str) -> dict[str, tuple[float, float]]:
        """See `Store.newest_samples`."""
        group = {"_id": "$chart", "last": {"$max": "$last"}, "step": {"$first": "$step"}}
        match = {"$match": {"simulation": simulation, "hostname": hostname}}
        found = self._collection.aggregate([match, {"$group": group}])
        return {d["_id"]: (float(d["last"]), float(d["step"] or 0)) for d in found}

    def coverage(self, simulation: Simulation) -> pd.DataFrame:
        """See `Store.coverage`."""
        group = {
            "_id": {"hostname": "$hostname", "chart": "$chart"},
            **{key: {"$first": f"${key}"} for key in ("context", "unit", "step")},
            "first": {"$min": "$first"},
            "last": {"$max": "$last"},
            "samples": {"$sum": "$samples"},
            "dimensions": {"$max": {"$size": "$dimensions.id"}},
        }
        match = {"$match": {"simulation": simulation.id}}
        found = self._collection.aggregate([match, {"$group": group}])
        rows = [_covered(document, simulation) for document in found]
        frame = pd.DataFrame(rows, columns=COVERAGE_COLUMNS)
        return frame.sort_values(["hostname", "chart"], ignore_index=True)

    def count(
        self,
        simulations: Sequence[ObjectId],
        contexts: Sequence[str] = (),
        dimensions: Sequence[str] = (),
    ) -> dict[ObjectId, int]:
        """How many samples each of these simulations has; an index alone answers.

        Args:
            simulations: all of them come back.
            contexts: count only these; default: all.
            dimensions: count only these of the contexts, by their share in one chart of each.
        """
        counts = dict.fromkeys(simulations, 0.0)
        for chosen in [[context] for context in contexts] if dimensions else [contexts]:
            share = self._share(simulations, chosen[0], dimensions) if dimensions else 1
            for identity, size in self.sizes(simulations, chosen).items():
                counts[identity] += share * size.samples
        return {identity: round(count) for identity, count in counts.items()}

    def _share(
        self, simulations: Sequence[ObjectId], context: str, dimensions: Sequence[str]
    ) -> float:
        """How much of one chart of a context these dimensions are."""
        query = {"simulation": {"$in": list(simulations)}, "context": context}
        one = self._collection.find_one(query, {"dimensions.id": 1}) or {"dimensions": []}
        there = [dimension["id"] in dimensions for dimension in one["dimensions"]]
        return sum(there) / len(there) if there else 1

    def steps(self, simulations: Sequence[ObjectId]) -> dict[ObjectId, tuple[float, ...]]:
        """The distinct sampling intervals of each of these simulations; an index alone answers."""
        ids = list(simulations)
        pipeline: list[Document] = [
            {"$match": {"simulation": {"$in": ids}, "step": {"$ne": None}}},
            {"$group": {"_id": "$simulation", "steps": {"$addToSet": "$step"}}},
        ]
        grouped = self._collection.aggregate(pipeline, hint="context")
        found = {d["_id"]: tuple(sorted(map(float, d["steps"]))) for d in grouped}
        return dict.fromkeys(ids, ()) | found

    # ------------------------------------------------------------ inside

    def _write_cells(
        self, simulation: ObjectId, cells: dict[Cell, Series], stored: Mapping[Cell, Document]
    ) -> tuple[Written, dict[Cell, Series]]:
        """Write what can be; what another writer changed meanwhile comes back to be tried again."""
        operations: list[InsertOne[Document] | ReplaceOne[Document]] = []
        pending: dict[Cell, Series] = {}
        samples = conflicts = 0
        for cell, part in cells.items():
            old = stored.get(cell)
            if old is None:
                operation, new = _insertion(simulation, cell[2], part)
                operations.append(operation)
                samples += new
            else:
                merged, differing = from_documents([old])[0].merge(part)
                document = to_document(simulation, cell[2], merged.compact())
                conflicts += differing
                if document == {key: value for key, value in old.items() if key != "_id"}:
                    continue
                # Samples are only ever added, so their number tells whether this is still
                # the document that was read.
                same = {"_id": old["_id"], "samples": old["samples"]}
                operations.append(ReplaceOne(same, document))
                samples += document["samples"] - old["samples"]
            pending[cell] = part
        if not operations:
            return Written(conflicts=conflicts), {}
        try:
            result = self._collection.bulk_write(operations, ordered=False)
            done = result.matched_count + result.inserted_count
        except errors.BulkWriteError as error:
            refused = error.details["writeErrors"]
            if any(one.get("code") != DUPLICATE_KEY for one in refused):
                raise
            done = error.details["nMatched"] + error.details["nInserted"]
        if done == len(operations):
            return Written(samples, conflicts, done), {}
        # Somebody else wrote: try them all again, those that are stored fall out by themselves.
        return Written(documents=done), pending

    def _stored(self, simulation: ObjectId, cells: Iterable[Cell]) -> dict[Cell, Document]:
        hosts, charts, stretches = (
            (set(names) for names in zip(*cells, strict=True)) if cells else ((), (), ())
        )
        found = self._collection.find(
            {
                "simulation": simulation,
                "hostname": {"$in": sorted(hosts)},
                "chart": {"$in": sorted(charts)},
                "stretch": {"$in": sorted(stretches)},
            }
        )
        return {(d["hostname"], d["chart"], d["stretch"]): d for d in found}


def _insertion(
    simulation: ObjectId, stretch: float, part: Series
) -> tuple[InsertOne[Document], int]:
    """The operation that stores a new stretch, and its number of samples."""
    raw = write_stretch(simulation, stretch, part)
    if raw is not None:
        return InsertOne(cast("Document", RawBSONDocument(raw[0]))), raw[1]
    document = to_document(simulation, stretch, part)
    return InsertOne({"_id": ObjectId(), **document}), document["samples"]


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


def _covered(document: Document, simulation: Simulation) -> Document:
    """A row of `coverage` from what the server grouped."""
    origin, end = simulation.start or 0.0, simulation.end
    step, first, last = document.get("step"), document["first"], document["last"]
    gaps = 0
    if step:
        stop = end if end is not None else last + step
        expected = np.ceil((first - origin) / step - 1) + np.ceil((stop - first) / step)
        gaps = max(0, round(expected * document["dimensions"] - document["samples"]))
    return {
        **document["_id"],
        "context": document["context"],
        "unit": document["unit"],
        "dimensions": document["dimensions"],
        "step_s": step,
        "first_s": first - origin,
        "last_s": last - origin,
        "samples": document["samples"],
        "gaps": gaps,
    }
