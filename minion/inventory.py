"""What is stored of simulations: how many samples, of which charts, from when to when."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from bson import ObjectId
from pymongo.collection import Collection

from minion.documents import Document
from minion.model import Simulation

COVERAGE_COLUMNS = (
    "hostname chart context unit dimensions step_s first_s last_s samples gaps".split()
)

# A place that was taken for samples may still be empty.
_HOLDING: Document = {"samples": {"$gt": 0}}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is stored: samples, and the documents that they are in."""

    samples: int
    documents: int


class Inventory:
    """Counts what the `series` collection holds; MongoDB does it, and no sample is read."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._collection = collection

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

    def contexts(self, simulations: Sequence[ObjectId]) -> list[str]:
        """The contexts that any of these simulations has, in order; an index alone answers."""
        pipeline: list[Document] = [
            {"$match": {"simulation": {"$in": list(simulations)}, **_HOLDING}},
            {"$group": {"_id": "$context"}},
        ]
        return sorted(d["_id"] for d in self._collection.aggregate(pipeline, hint="context"))

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

    def newest(self, simulation: ObjectId, hostname: str) -> dict[str, tuple[float, float]]:
        """See `Store.newest_samples`."""
        group = {"_id": "$chart", "last": {"$max": "$last"}, "step": {"$first": "$step"}}
        match = {"$match": {"simulation": simulation, "hostname": hostname, **_HOLDING}}
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
        match = {"$match": {"simulation": simulation.id, **_HOLDING}}
        found = self._collection.aggregate([match, {"$group": group}])
        rows = [_covered(document, simulation) for document in found]
        frame = pd.DataFrame(rows, columns=COVERAGE_COLUMNS)
        return frame.sort_values(["hostname", "chart"], ignore_index=True)

    def _share(
        self, simulations: Sequence[ObjectId], context: str, dimensions: Sequence[str]
    ) -> float:
        """How much of one chart of a context these dimensions are."""
        query = {"simulation": {"$in": list(simulations)}, "context": context}
        one = self._collection.find_one(query, {"dimensions.id": 1}) or {"dimensions": []}
        there = [dimension["id"] in dimensions for dimension in one["dimensions"]]
        return sum(there) / len(there) if there else 1


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
