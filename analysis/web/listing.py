"""Runs a page at a time: MongoDB filters, sorts and counts them, and no others are read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING
from pymongo.errors import OperationFailure

from minion import lookup, schema
from minion.documents import Document
from minion.model import Simulation, Status
from minion.store import Store
from minion.worklist import Worklist

PAGE_ROWS = 25
MOST_ROWS = 200
MOST_GROUPS = 5_000
MOST_IN_PROGRESS = 20

ORDERS = {
    "newest": "Last added first",
    "oldest": "First added first",
    "name": "By name",
    "-name": "By name, reversed",
}
_FIELDS = {
    "experiment": "experiment",
    "platform": "platform",
    "verdict": "validity.verdict",
    "status": "status",
}
# A list needs no windows and no figures; all of these may be absent.
_LEFT_OUT = dict.fromkeys(("missing", "measurements", "parameters"), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which runs are listed, in which order.

    text: a part of a sim_id, in any case; empty for all.
    experiment, platform, verdict, status: exactly this; empty for all.
    order: one of `ORDERS`.
    """

    text: str = ""
    experiment: str = ""
    platform: str = ""
    verdict: str = ""
    status: str = ""
    order: str = "newest"

    @property
    def chosen(self) -> dict[str, str]:
        """The fields of documents that must have one value."""
        return {field: value for name, field in _FIELDS.items() if (value := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list.

    simulations: without missing windows, measurements and parameters.
    samples: how many values each has stored, by its id.
    total: how many runs the filter finds.
    number: of the page, from 1. rows: of a full page.
    """

    simulations: Sequence[Simulation]
    samples: Mapping[ObjectId, int]
    total: int
    number: int
    rows: int

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.rows))


@dataclass(frozen=True, slots=True)
class Counts:
    """How many runs there are of each experiment, platform, verdict and status.

    groups: (experiment, platform, verdict, status) to number.
    """

    groups: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All runs."""
        return sum(self.groups.values())

    def by(self, name: str, **only: str) -> dict[str, int]:
        """Numbers of runs by one of experiment, platform, verdict and status.

        Args:
            name: what to count by.
            only: count those of one experiment, platform, verdict or status; empty for all.
        """
        names = list(_FIELDS)
        found: dict[str, int] = {}
        for key, number in self.groups.items():
            if all(not value or key[names.index(n)] == value for n, value in only.items()):
                value = key[names.index(name)]
                found[value] = found.get(value, 0) + number
        return found


class Listing:
    """The lists of one store.

    Args:
        store: where the runs are. The indexes of `schema.PAGE_INDEXES` are made when they lack;
            where that is refused the answers are the same, and later.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._minions = store.database[schema.MINIONS]

    @cached_property
    def _hinted(self) -> bool:
        try:
            self._minions.create_indexes(schema.PAGE_INDEXES)
        except OperationFailure:
            wanted = {index.document["name"] for index in schema.PAGE_INDEXES}
            return wanted <= set(self._minions.index_information())
        return True

    def _hint(self, name: str) -> dict[str, Any]:
        return {"hint": name} if self._hinted else {}

    def query(self, wanted: Filter, *, natural: bool = False) -> Document:
        """The query on `minions` for the runs of a filter.

        Args:
            wanted: the filter.
            natural: it runs under `schema.NATURAL`, for which `01` equals `1`: the texts are held
                against patterns besides, which know no collation.
        """
        # Bounds for the first field of the index, so that every filter can use it.
        query: Document = {"experiment": {"$gte": ""}, **wanted.chosen}
        if natural:
            exact: Document = {
                key: {"$regex": f"^{re.escape(value)}\\z"} for key, value in wanted.chosen.items()
            }
            query = {"$and": [query, exact]} if exact else query
        if wanted.text:
            part = {"$regex": re.escape(wanted.text), "$options": "i"}
            query = {**query, "sim_id": part}
        return query

    def page(self, wanted: Filter, number: int = 1, rows: int = PAGE_ROWS) -> Page:
        """The runs of one page.

        Args:
            wanted: which, and in which order.
            number: of the page, from 1; one that does not exist is the nearest that does.
            rows: of a page, at most 200.
        """
        rows = max(1, min(rows, MOST_ROWS))
        total = self.count(wanted)
        number = max(1, min(number, -(-total // rows)))
        ids = self.ids(wanted, skip=(number - 1) * rows, limit=rows)
        found = {d["_id"]: d for d in self._minions.find({"_id": {"$in": ids}}, _LEFT_OUT)}
        simulations = [lookup.read(found[i]) for i in ids if i in found]
        samples = self.store.count_samples(simulations) if simulations else {}
        return Page(simulations, samples, total, number, rows)

    def ids(self, wanted: Filter, *, skip: int, limit: int) -> list[ObjectId]:
        """The ids of some runs of a filter, in its order."""
        return [document["_id"] for document in self.cursor(wanted, skip=skip, limit=limit)]

    def cursor(self, wanted: Filter, *, skip: int, limit: int) -> Any:
        """The MongoDB cursor behind `ids`."""
        direction = DESCENDING if wanted.order in ("newest", "-name") else ASCENDING
        if wanted.order in ("name", "-name"):
            cursor = self._minions.find(
                self.query(wanted, natural=True), {"_id": 1}, **self._hint("natural")
            )
            keys = ("experiment", "sim_id", "_id")
            cursor = cursor.sort([(key, direction) for key in keys]).collation(schema.NATURAL)
        else:
            plain = not wanted.text and not wanted.chosen
            query = {} if plain else self.query(wanted)
            hint = self._hint("_id_" if plain else "listing")
            cursor = self._minions.find(query, {"_id": 1}, **hint).sort("_id", direction)
        return cursor.skip(skip).limit(limit)

    def count(self, wanted: Filter) -> int:
        """How many runs a filter finds; the index alone answers."""
        return self._minions.count_documents(self.query(wanted), **self._hint("listing"))

    def counts(self) -> Counts:
        """How many runs there are of everything that is filtered by; the index alone answers."""
        found = self._minions.aggregate(self.grouping(), **self._hint("listing"))
        return Counts({tuple(d["_id"][n] for n in _FIELDS): d["n"] for d in found})

    def grouping(self) -> list[Document]:
        """The pipeline behind `counts`."""
        keys = {name: f"${field}" for name, field in _FIELDS.items()}
        return [
            {"$match": {"experiment": {"$gte": ""}}},
            {"$group": {"_id": keys, "n": {"$sum": 1}}},
            {"$limit": MOST_GROUPS},
        ]

    def reached(self) -> dict[ObjectId, float]:
        """Up to when every host of a run in progress is collected (seconds since the epoch)."""
        found: dict[ObjectId, float] = {}
        for entry in Worklist(self.store).entries(brief=True):
            found[entry.simulation] = min(entry.until, found.get(entry.simulation, entry.until))
        return found

    def in_progress(self) -> list[Simulation]:
        """The runs that are running, or ended and still fetched; the newest ones first."""
        going = [Status.RUNNING.value, Status.ENDED.value]
        found = self._minions.find({"status": {"$in": going}}, _LEFT_OUT)
        return [lookup.read(d) for d in found.sort("_id", DESCENDING).limit(MOST_IN_PROGRESS)]
