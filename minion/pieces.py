"""The pipelines that cut stored stretches at the borders of phases, and reduce what is between.

Everything but `gathering`'s last stages looks at one document alone. MongoDB moves such stages to
the shards, up to the first that needs documents of several shards ($group, $sort, $limit …); a
pipeline without one runs on the shards as a whole, and mongos only passes the answers on
(manual, "Aggregation Pipeline and Sharded Collections").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from minion.documents import Document
from minion.lifecycle import read_timeline
from minion.model import Simulation

SORTS_ARRAYS = (5, 2)  # the first MongoDB that has $sortArray

WHOLE = -1  # the code of the whole run among those of its phases


@dataclass(frozen=True, slots=True)
class Borders:
    """Where a run's phases begin and end.

    edges: m + 1 elapsed times in seconds, which cut the run's samples into m + 2 pieces; the first
        piece lies before them, the last behind. Empty: one piece.
    names: the phase or gap of each piece; an empty text outside of the run.
    """

    origin: float
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ("",)

    @classmethod
    def of(cls, simulation: Simulation) -> "Borders":
        """As `minion.frames` labels samples: start <= elapsed time < end."""
        timeline = read_timeline(simulation)
        if timeline is None:
            return cls(0.0)
        marks = timeline.intervals
        if not marks:
            return cls(timeline.origin)
        edges = (*(mark.start_s for mark in marks), marks[-1].end_s)
        return cls(timeline.origin, edges, ("", *(mark.name for mark in marks), ""))

    @property
    def repeats(self) -> bool:
        """Whether a phase has several pieces: another one lies inside it."""
        return len(set(self.names[1:-1])) < len(self.names[1:-1])

    @property
    def codes(self) -> tuple[int, ...]:
        """A number for each piece, the same for pieces of one phase."""
        first = {name: place for place, name in reversed(list(enumerate(self.names)))}
        return tuple(first[name] for name in self.names)


def reducing(
    borders: Mapping[Any, Borders],
    *,
    contexts: Sequence[str],
    dimensions: Sequence[str],
    hosts: Sequence[str] = (),
    magnitude: bool = False,
    quantiles: Sequence[float] = (),
) -> list[Document]:
    """The pipeline on `series` that gives a document per stretch, without arrays of samples.

    Args:
        borders: of each simulation, by its id.
        contexts, dimensions, hosts: the chosen ones; empty: all.
        magnitude: reduce absolute values.
        quantiles: between 0 and 1; they need `SORTS_ARRAYS`.

    Its documents have simulation, hostname, chart, context, unit, first, last, and dimensions: of
    each its `id`, its `pieces` (i: the place in `Borders.names`, n, mean, sd with the divisor n,
    min, max and q, a number for each of the quantiles) and, with quantiles, `q` of the whole
    stretch. A piece without any row is not there; one whose rows are all null has n = 0.
    """
    statistics: Document = {
        "i": "$$piece.i",
        "n": {"$size": "$$v"},
        "mean": {"$avg": "$$v"},
        "sd": {"$stdDevPop": "$$v"},
        "min": {"$min": "$$v"},
        "max": {"$max": "$$v"},
    }
    whole: Document = {}
    if quantiles:
        statistics["q"] = _quantiles("$$v", quantiles)
        whole["q"] = _let("v", _present("$$d.values", magnitude), _quantiles("$$v", quantiles))
    piece = _let("v", _present(_rows("$$d.values", "$$piece"), magnitude), statistics)
    reduced = {"id": "$$d.id", "pieces": _map("$pieces", "piece", piece), **whole}
    kept = dict.fromkeys(("simulation", "hostname", "chart", "context", "unit", "first", "last"), 1)
    return [
        *_cut(borders, contexts, dimensions, hosts),
        {"$project": {**kept, "dimensions": _map("$dimensions", "d", reduced)}},
    ]


def gathering(
    borders: Mapping[Any, Borders],
    *,
    contexts: Sequence[str],
    dimensions: Sequence[str],
    hosts: Sequence[str] = (),
    magnitude: bool = False,
    quantiles: Sequence[float],
) -> list[Document]:
    """The pipeline for quantiles of phases that lie in several pieces: it gathers their values.

    The arguments are those of `reducing`. Its documents have _id (simulation, hostname, chart,
    dimension, code: of `Borders.codes`, or `WHOLE`) and q.
    """
    of_piece = {
        "code": {"$arrayElemAt": ["$codes", "$$piece.i"]},
        "v": _present(_rows("$$d.values", "$$piece"), magnitude),
    }
    of_whole = {"code": WHOLE, "v": _present("$$d.values", magnitude)}
    parts = {"$concatArrays": [[of_whole], _map("$pieces", "piece", of_piece)]}
    key = {name: f"${name}" for name in ("simulation", "hostname", "chart")}
    joined = {
        "$reduce": {
            "input": "$v",
            "initialValue": [],
            "in": {"$concatArrays": ["$$value", "$$this"]},
        }
    }
    return [
        *_cut(borders, contexts, dimensions, hosts),
        {
            "$project": {
                **dict.fromkeys(key, 1),
                "d": _map("$dimensions", "d", {"id": "$$d.id", "parts": parts}),
            }
        },
        {"$unwind": "$d"},
        {"$unwind": "$d.parts"},
        {
            "$group": {
                "_id": {**key, "dimension": "$d.id", "code": "$d.parts.code"},
                "v": {"$push": "$d.parts.v"},
            }
        },
        {"$project": {"q": _let("v", joined, _quantiles("$$v", quantiles))}},
    ]


def _cut(
    borders: Mapping[Any, Borders],
    contexts: Sequence[str],
    dimensions: Sequence[str],
    hosts: Sequence[str],
) -> list[Document]:
    """The chosen stretches, with `pieces`: which rows (from lo up to hi) lie in which phase."""
    ids = list(borders)
    chosen: Document = {"simulation": {"$in": ids}}
    if contexts:
        chosen["context"] = {"$in": list(contexts)}
    if hosts:
        chosen["hostname"] = {"$in": list(hosts)}
    arrays: Any = "$dimensions"
    if dimensions:
        chosen["dimensions.id"] = {"$in": list(dimensions)}
        named = {"$in": ["$$this.id", {"$literal": list(dimensions)}]}
        arrays = {"$filter": {"input": "$dimensions", "cond": named}}
    # Two constant arrays and a place in them: MongoDB makes a hash table of the first.
    place = {"$indexOfArray": [{"$literal": ids}, "$simulation"]}

    def of_run(values: list[Any]) -> Document:
        return {"$arrayElemAt": [{"$literal": values}, place]}

    whole = {"$eq": ["$samples", {"$multiply": ["$n", {"$size": "$dimensions"}]}]}
    kept = "simulation hostname chart context unit first last step n t".split()
    cuts = _map(
        "$edges",
        "edge",
        {"$cond": [{"$isArray": "$t"}, _row_of_irregular(), _row_of_regular()]},
    )
    pieces = _map(
        {"$range": [0, {"$add": [{"$size": "$cuts"}, 1]}]},
        "i",
        {
            "i": "$$i",
            "lo": {
                "$cond": [
                    {"$eq": ["$$i", 0]},
                    0,
                    {"$arrayElemAt": ["$cuts", {"$subtract": ["$$i", 1]}]},
                ]
            },
            "hi": {"$ifNull": [{"$arrayElemAt": ["$cuts", "$$i"]}, "$n"]},
        },
    )
    return [
        {"$match": chosen},
        {
            "$project": {
                "_id": 0,
                **dict.fromkeys(kept, 1),
                "dimensions": arrays,
                "whole": whole,
                "origin": of_run([of.origin for of in borders.values()]),
                "edges": of_run([of.edges for of in borders.values()]),
                "codes": of_run([of.codes for of in borders.values()]),
            }
        },
        {"$set": {"cuts": cuts}},
        {
            "$set": {
                "pieces": {
                    "$filter": {"input": pieces, "cond": {"$lt": ["$$this.lo", "$$this.hi"]}}
                }
            }
        },
    ]


def _row_of_regular() -> Document:
    """How many rows of a stretch on a grid lie before the edge.

    Divided, that is the right one or one beside it, since doubles are rounded. So the two rows
    around are held against the edge in the very way in which a sample is given its phase.
    """

    def before(row: Any) -> Document:
        at = {"$add": ["$first", {"$multiply": ["$step", row]}]}
        return {"$cond": [{"$lt": [{"$subtract": [at, "$origin"]}, "$$edge"]}, 1, 0]}

    distance = {"$subtract": [{"$add": ["$$edge", "$origin"]}, "$first"]}
    near = {"$ceil": {"$divide": [distance, "$step"]}}
    one_less = {"$subtract": ["$$near", 1]}
    row = {"$add": [one_less, before(one_less), before("$$near")]}
    inside = {"$max": [0, {"$min": ["$n", row]}]}
    return _let("near", near, {"$toInt": inside})


def _row_of_irregular() -> Document:
    """How many timestamps lie before the edge."""
    before = {"$lt": [{"$subtract": ["$$this", "$origin"]}, "$$edge"]}
    return {"$size": {"$filter": {"input": "$t", "cond": before}}}


def _rows(values: str, piece: str) -> Document:
    length = {"$subtract": [f"{piece}.hi", f"{piece}.lo"]}
    return {"$slice": [values, f"{piece}.lo", length]}


def _present(values: Any, magnitude: bool) -> Any:
    """The values that are there: nulls are looked for only where a stretch has some."""
    there = {"$filter": {"input": "$$rows", "cond": {"$ne": ["$$this", None]}}}
    values = _let("rows", values, {"$cond": ["$whole", "$$rows", there]})
    if not magnitude:
        return values
    signed = {"$lt": [{"$min": "$$signed"}, 0]}
    absolute = {"$cond": [signed, _map("$$signed", "x", {"$abs": "$$x"}), "$$signed"]}
    return _let("signed", values, absolute)


def _quantiles(values: str, quantiles: Sequence[float]) -> Document:
    """Type 7 of Hyndman and Fan (1996): linear between the order statistics around (n - 1) q."""

    def quantile(q: float) -> Document:
        at = {"$multiply": [{"$subtract": [{"$size": "$$s"}, 1]}, float(q)]}
        low = {"$arrayElemAt": ["$$s", {"$floor": "$$at"}]}
        high = {"$arrayElemAt": ["$$s", {"$ceil": "$$at"}]}
        beyond = {"$subtract": ["$$at", {"$floor": "$$at"}]}
        between = {"$add": ["$$low", {"$multiply": [{"$subtract": [high, "$$low"]}, beyond]}]}
        return _let("at", at, _let("low", low, between))

    ordered = {"$sortArray": {"input": values, "sortBy": 1}}
    return _let("s", ordered, [quantile(q) for q in quantiles])


def _map(array: Any, name: str, result: Any) -> Document:
    return {"$map": {"input": array, "as": name, "in": result}}


def _let(name: str, value: Any, result: Any) -> Document:
    return {"$let": {"vars": {name: value}, "in": result}}
