"""The `series` collection as it is written: every sample exactly once, whoever writes."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, ReplaceOne, errors
from pymongo.collection import Collection

from minion.documents import Document
from minion.errors import StoreError
from minion.model import Simulation, Status
from minion.series import SETTLED_ROWS, Series, from_documents, to_document
from minion.wire import write_stretch

WRITE_TRIES = 20
DUPLICATE_KEY = 11000

Cell = tuple[str, str, float]  # hostname, chart, stretch


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
    """Writes the stretches of all simulations."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._collection = collection

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
