"""The `series` collection: stretches written exactly once, read back, counted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from bson import ObjectId
from pymongo import InsertOne, ReplaceOne, errors
from pymongo.collection import Collection

from minion.documents import Document
from minion.errors import StoreError
from minion.model import Simulation
from minion.series import (
    SETTLED_ROWS,
    Series,
    Stretch,
    from_documents,
    read_stretch,
    to_document,
)

WRITE_TRIES = 20
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
        for _ in range(WRITE_TRIES):
            done, cells = self._write_cells(simulation.id, cells)
            written += done
            if not cells:
                return written
        raise StoreError(
            f"others keep writing the same samples of simulation {simulation.sim_id}; is one"
            " collector enough?"
        )

    def merge(self, simulation: Simulation, origin: float) -> None:
        """Put the small stretches of a simulation together into large ones."""
        pairs = self._collection.aggregate(
            [
                {"$match": {"simulation": simulation.id}},
                {"$group": {"_id": {"hostname": "$hostname", "chart": "$chart"}}},
            ]
        )
        for pair in list(pairs):
            query = {"simulation": simulation.id, **pair["_id"]}
            documents = list(self._collection.find(query))
            old = {document["stretch"]: document for document in documents}
            wanted = {
                stretch: to_document(simulation.id, stretch, part)
                for stretch, part in from_documents(documents)[0].cut(origin, SETTLED_ROWS)
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

    def stretches(
        self,
        simulations: Sequence[ObjectId],
        *,
        hosts: Sequence[str] = (),
        contexts: Sequence[str] = (),
        dimensions: Sequence[str] = (),
    ) -> Iterator[Stretch]:
        """The stored stretches of these simulations; empty choices mean all."""
        query: Document = {"simulation": {"$in": list(simulations)}}
        if hosts:
            query["hostname"] = {"$in": list(hosts)}
        if contexts:
            query["context"] = {"$in": list(contexts)}
        arrays: Any = 1
        if dimensions:
            chosen = {"$in": ["$$this.id", list(dimensions)]}
            arrays = {"$filter": {"input": "$dimensions", "cond": chosen}}
        names = "simulation hostname chart context unit first last step n t".split()
        projection = {"_id": 0, **dict.fromkeys(names, 1), "dimensions": arrays}
        for batch in self._collection.find_raw_batches(query, projection):
            view, at = memoryview(cast("bytes", batch)), 0
            while at < len(view):
                size = int.from_bytes(view[at : at + 4], "little")
                stretch = read_stretch(view[at : at + size])
                if stretch.columns:
                    yield stretch
                at += size

    def series(self, simulation: ObjectId, query: Document) -> list[Series]:
        """The whole series of one simulation that a query on the documents' keys chooses."""
        return from_documents(list(self._collection.find({"simulation": simulation, **query})))

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

    def count(self, simulations: Sequence[ObjectId]) -> dict[ObjectId, int]:
        """How many samples each of these simulations has; an index alone answers."""
        ids = list(simulations)
        pipeline: list[Document] = [
            {"$match": {"simulation": {"$in": ids}}},
            {"$group": {"_id": "$simulation", "samples": {"$sum": "$samples"}}},
        ]
        counted = self._collection.aggregate(pipeline, hint="context")
        return dict.fromkeys(ids, 0) | {d["_id"]: int(d["samples"]) for d in counted}

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
        self, simulation: ObjectId, cells: dict[Cell, Series]
    ) -> tuple[Written, dict[Cell, Series]]:
        """Write what can be; what another writer changed meanwhile comes back to be tried again."""
        stored = self._stored(simulation, cells)
        operations: list[InsertOne[Document] | ReplaceOne[Document]] = []
        pending: dict[Cell, Series] = {}
        samples = conflicts = 0
        for cell, part in cells.items():
            old = stored.get(cell)
            if old is None:
                document = to_document(simulation, cell[2], part)
                operations.append(InsertOne({"_id": ObjectId(), **document}))
                samples += document["samples"]
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
