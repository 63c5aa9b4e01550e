"""The `series` collection as it is written: every sample exactly once, whoever writes.

A document is only replaced or deleted as it was read: whoever was slower reads again. What is
deleted stands in another one before. A new document is stored in two steps where the run may be
completed meanwhile: first its place, which is empty; then, if the run is still open, its samples,
if the place is still there. Who completes a run closes it first, and then takes such places away.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import sleep
from typing import Any, cast

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, InsertOne, ReplaceOne, WriteConcern, errors
from pymongo.collection import Collection
from pymongo.read_concern import ReadConcern

from minion.cells import Content, Grid, content
from minion.documents import Document
from minion.errors import StoreError, Superseded
from minion.model import Simulation, Status
from minion.series import SETTLED_ROWS, Series, head, to_document
from minion.wire import write_stretch

WRITE_TRIES = 20
RETRY_S, MOST_RETRY_S = 0.01, 0.2  # until what others wrote is a majority's
DUPLICATE_KEY = 11000

Allowed = Callable[[], bool]
Chart = tuple[str, str]  # hostname, chart


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


@dataclass(slots=True)
class _Cell:
    """What is to be stored in one cell."""

    start: float
    length: float
    part: Series
    before: list[Document] = field(default_factory=list)

    def holds(self, document: Document) -> bool:
        """Whether a stretch stands in it."""
        return bool(self.start <= document["stretch"] < self.start + self.length)


@dataclass(slots=True)
class _Plan:
    """What brings stretches to what they are to be: first all that is written, then what goes."""

    places: list[Document] = field(default_factory=list)
    writes: list[InsertOne[Document] | ReplaceOne[Document]] = field(default_factory=list)
    surplus: list[Document] = field(default_factory=list)
    samples: int = 0


class Buckets:
    """Writes the stretches of all simulations."""

    def __init__(self, collection: Collection[Document]) -> None:
        self._collection = collection
        # What no majority has may be rolled back; nobody may rely on it and store nothing.
        self._stored = collection.with_options(read_concern=ReadConcern("majority"))
        # A place that is lost is not filled: nobody has to wait for its journal.
        self._places = collection.with_options(write_concern=WriteConcern(w=1, j=False))

    def write(
        self,
        simulation: Simulation,
        grid: Grid,
        series: Iterable[Series],
        allowed: Allowed | None = None,
    ) -> Written:
        """Store samples in the cells of a grid; what is stored stays.

        Args:
            simulation: their run.
            grid: its cells.
            series: any pieces of it.
            allowed: asked before anything is stored; default: nobody completes the run.

        Raises:
            Superseded: it is not allowed any more.
            StoreError: others keep writing the same cells.
        """
        cells = _cells(grid, series)
        # Of one that `Store.put` has just registered nothing is stored; if it is, the first try
        # is refused and the second one looks.
        new = simulation.status is Status.IMPORTING
        for number in range(WRITE_TRIES):
            if not (new and not number):
                self._look(simulation.id, cells)
            plan, conflicts = _Plan(), 0
            for cell in cells:
                conflicts += _add(plan, simulation.id, grid, cell, fenced=allowed is not None)
            documents = len(plan.writes)
            if self._carry_out(plan, simulation, allowed):
                return Written(plan.samples, conflicts, documents)
            sleep(min(RETRY_S * number, MOST_RETRY_S))
        raise _hindered(simulation)

    def merge(
        self,
        simulation: Simulation,
        origin: float,
        merged: Sequence[str] = (),
        allowed: Allowed | None = None,
    ) -> None:
        """Put the small stretches of a simulation together into large ones.

        What was pulled from after the run's end, before that was known, goes.

        Args:
            simulation: the run.
            origin: where its grid begins.
            merged: hosts whose stretches are large already; only what overlaps is put together.
            allowed: asked before anything is changed.

        Raises:
            Superseded: it is not allowed any more.
            StoreError: others keep writing the same charts.
        """
        end = math.inf if simulation.end is None else simulation.end
        for hostname, chart in self._unmerged(simulation.id, merged):
            query = {"simulation": simulation.id, "hostname": hostname, "chart": chart}
            for _ in range(WRITE_TRIES):
                held = content(list(self._collection.find(query)), end)
                plan = _Plan()
                grid = Grid(origin, SETTLED_ROWS)
                _put(plan, simulation.id, grid, held, held, fenced=allowed is not None)
                if self._carry_out(plan, simulation, allowed):
                    break
                sleep(RETRY_S)
            else:
                raise _hindered(simulation)

    def delete(self, simulations: Sequence[ObjectId]) -> None:
        """Delete every stretch of these simulations."""
        self._collection.delete_many({"simulation": {"$in": list(simulations)}})

    def _carry_out(self, plan: _Plan, simulation: Simulation, allowed: Allowed | None) -> bool:
        """Do what was planned; False where somebody else changed what was read: plan anew."""
        if not (plan.writes or plan.surplus):
            return True
        if plan.places and not _done(self._places, [InsertOne(place) for place in plan.places]):
            return False
        if allowed is not None and not allowed():
            if plan.places:  # what is left of them does no harm, but why leave it
                self._places.delete_many(
                    {"_id": {"$in": [place["_id"] for place in plan.places]}, "samples": 0}
                )
            raise Superseded(
                f"simulation {simulation.sim_id} is complete, or somebody else completes it"
            )
        # Only when all is written may what it was read from go.
        gone: list[DeleteOne] = [DeleteOne(_as_read(document)) for document in plan.surplus]
        return _done(self._collection, plan.writes) and _done(self._collection, gone)

    def _look(self, simulation: ObjectId, cells: Sequence[_Cell]) -> None:
        """Read what stands in cells."""
        spans: dict[Chart, tuple[float, float]] = {}
        at: dict[Chart, list[_Cell]] = {}
        for cell in cells:
            cell.before = []
            chart = cell.part.hostname, cell.part.chart
            at.setdefault(chart, []).append(cell)
            first, last = spans.get(chart, (cell.start, cell.start))
            spans[chart] = min(first, cell.start), max(last, cell.start + cell.length)
        together: dict[tuple[float, float], list[Chart]] = {}
        for chart, span in spans.items():
            together.setdefault(span, []).append(chart)
        for (first, last), charts in together.items():
            hosts, names = (sorted(set(words)) for words in zip(*charts, strict=True))
            query = {
                "simulation": simulation,
                "hostname": {"$in": hosts},
                "chart": {"$in": names},
                "stretch": {"$gte": first, "$lt": last},
            }
            for document in self._stored.find(query):
                inside = at.get((document["hostname"], document["chart"]), ())
                for cell in reversed(inside):  # where an end and a start differ by rounding
                    if cell.holds(document):
                        cell.before.append(document)
                        break

    def _unmerged(self, simulation: ObjectId, merged: Sequence[str]) -> list[Chart]:
        """The charts that have to be put together."""
        key = {"_id": {"hostname": "$hostname", "chart": "$chart"}}
        spans = {"$push": {"first": "$first", "last": "$last"}}
        small, large = (
            self._collection.aggregate(
                [
                    {"$match": {"simulation": simulation, "hostname": {rule: list(merged)}}},
                    {"$group": group},
                ]
            )
            for rule, group in (("$nin", key), ("$in", {**key, "spans": spans}))
        )
        found = [*small, *(d for d in large if _overlaps(d["spans"]))]
        return sorted((d["_id"]["hostname"], d["_id"]["chart"]) for d in found)


def _cells(grid: Grid, series: Iterable[Series]) -> list[_Cell]:
    """What is to be stored, cell by cell."""
    found: dict[tuple[str, str, float], _Cell] = {}
    for piece in series:
        for start, part in grid.cells(piece):
            key = piece.hostname, piece.chart, start
            if key in found:
                found[key].part = found[key].part.merge(part)[0]
            else:
                found[key] = _Cell(start, grid.length(piece), part)
    return [found[key] for key in sorted(found)]


def _add(plan: _Plan, simulation: ObjectId, grid: Grid, cell: _Cell, *, fenced: bool) -> int:
    """Plan what stores a cell; how many of its values differ from what is stored."""
    held = content(cell.before)
    if held.series is None:
        _put(plan, simulation, grid, held, Content(cell.part, []), fenced=fenced)
        return 0
    if held.series.step == cell.part.step:
        merged, conflicts = held.series.merge(cell.part)
        _put(plan, simulation, grid, held, Content(merged, []), fenced=fenced)
        return conflicts
    # A chart that was given another step: it goes to what stands there, whichever grid that has.
    home = next(document for document in held.documents if document["samples"])
    series = cast("Series", content([home]).series)
    merged, conflicts = series.merge(cell.part)
    _write(plan, simulation, home["stretch"], merged.compact(), home, fenced=fenced)
    plan.samples += merged.samples - series.samples
    return conflicts


def _put(
    plan: _Plan, simulation: ObjectId, grid: Grid, held: Content, wanted: Content, *, fenced: bool
) -> None:
    """Plan what makes the stretches that hold something into those of the grid."""
    parts = {} if wanted.series is None else grid.stretches(wanted.series, held.documents)
    before = {document["stretch"]: document for document in held.documents}
    for stretch, part in parts.items():
        _write(plan, simulation, stretch, part, before.get(stretch), fenced=fenced)
    plan.surplus += [before[stretch] for stretch in before.keys() - parts.keys()]
    plan.samples += wanted.samples - held.samples


def _write(
    plan: _Plan,
    simulation: ObjectId,
    stretch: float,
    part: Series,
    before: Document | None,
    *,
    fenced: bool,
) -> None:
    """Plan what stores one stretch, in place of what was read there."""
    if before is not None:
        document = to_document(simulation, stretch, part)
        if {**document, "_id": before["_id"]} != before:
            plan.writes.append(ReplaceOne(_as_read(before), document))
        return
    raw = write_stretch(simulation, stretch, part)
    document = (
        {"_id": ObjectId(), **to_document(simulation, stretch, part)}
        if raw is None
        else cast("Document", RawBSONDocument(raw[0]))
    )
    if not fenced:
        plan.writes.append(InsertOne(document))
        return
    empty: dict[str, Any] = {} if part.step else {"t": []}
    place = {"_id": document["_id"], **head(simulation, stretch, part, 0, 0), **empty}
    place["dimensions"] = []
    plan.places.append(place)
    plan.writes.append(ReplaceOne(_as_read(place), document))


def _as_read(document: Document) -> Document:
    """What finds a document only if it is still as it was read.

    Samples are added, and go when they stand elsewhere: their number and their ends tell.
    """
    return {key: document[key] for key in ("_id", "samples", "n", "first", "last")}


def _done(collection: Collection[Document], operations: Sequence[Any]) -> bool:
    """Whether every one of these writes found what it was to change, or a place that was free."""
    if not operations:
        return True
    try:
        result = collection.bulk_write(operations, ordered=False)
    except errors.BulkWriteError as error:
        if any(one.get("code") != DUPLICATE_KEY for one in error.details["writeErrors"]):
            raise
        return False
    done = result.matched_count + result.inserted_count + result.deleted_count
    return done == len(operations)


def _overlaps(spans: Iterable[Document]) -> bool:
    ordered = sorted((span["first"], span["last"]) for span in spans)
    return any(later[0] <= earlier[1] for earlier, later in pairwise(ordered))


def _hindered(simulation: Simulation) -> StoreError:
    return StoreError(
        f"others keep writing the same samples of simulation {simulation.sim_id}; is one"
        " collector enough?"
    )
