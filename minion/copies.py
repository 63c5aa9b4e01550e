"""The study's flat collections as real ones: copies of the minions, in a database of choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Unpack

from pymongo import ASCENDING, IndexModel
from pymongo.collection import Collection

from minion import flat
from minion.documents import Document
from minion.errors import AlreadyExists
from minion.mongodb import translated
from minion.selection import Choice, Selection
from minion.store import Store
from minion.views import SOURCES, pipeline

# The name of this index tells a copy from somebody's own collection; MongoDB keeps it when the
# content is replaced.
MARK = "minion_copy"
INDEXES: Mapping[str, tuple[str, ...]] = {
    flat.SIMULATIONS: ("sim_id",),
    flat.HOSTS: ("simulation_id",),
    flat.EVENTS: ("host_id",),
    flat.METRICS: ("hostname", "chart_context", "timestamp"),
}


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy: its database, its name, and how many documents it has."""

    database: str
    name: str
    documents: int


def materialize(
    store: Store,
    *,
    database: str | None = None,
    netdata_database: str | None = None,
    **choice: Unpack[Choice],
) -> list[Copy]:
    """Write the flat collections, or write them anew; returns what was written.

    MongoDB writes them itself, each whole or not at all; what an earlier call wrote is replaced.

    Args:
        store: where the minions are.
        database: the copies' database on the same server; default: the store's name and `_flat`.
        netdata_database: that of netdata_metrics; default: the same.
        choice: experiment, platform, sims, include_excluded; see `Selection.of`.

    Raises:
        AlreadyExists: a collection of one of the names is not a copy; nothing was changed.
        NotFound: a simulation, platform or experiment that was named, or there is none at all.
        Ambiguous: two of the simulations have the same identity.
    """
    found = store.simulations(Selection.of(**choice))
    flat.check_distinct(found)
    ids = [simulation.id for simulation in found]
    with translated(store.where):
        places = _places(store, database, netdata_database)
        copied = []
        for name, place in places.items():
            keys = [(key, ASCENDING) for key in INDEXES[name]]
            place.create_indexes([IndexModel(keys, name=MARK)])
            out = {"$out": {"db": place.database.name, "coll": name}}
            source = store.database[SOURCES[name]]
            source.aggregate([*pipeline(name, simulations=ids), out])
            count = place.estimated_document_count()
            copied.append(Copy(place.database.name, name, count))
    return copied


def drop_copies(
    store: Store, *, database: str | None = None, netdata_database: str | None = None
) -> list[Copy]:
    """Take the copies away; returns those that were there.

    Args:
        store, database, netdata_database: as `materialize` was given them.

    Raises:
        AlreadyExists: a collection of one of the names is not a copy; nothing was changed.
    """
    with translated(store.where):
        dropped = []
        for name, place in _places(store, database, netdata_database).items():
            if MARK in place.index_information():
                count = place.estimated_document_count()
                place.drop()
                dropped.append(Copy(place.database.name, name, count))
    return dropped


def _places(
    store: Store, database: str | None, netdata_database: str | None
) -> dict[str, Collection[Document]]:
    """Where each copy goes; nobody else's collection is there."""
    others = database or f"{store.database.name}_flat"
    databases = dict.fromkeys(flat.COLLECTIONS, others)
    databases[flat.METRICS] = netdata_database or others
    places = {name: store.client[at][name] for name, at in databases.items()}
    for name, place in places.items():
        spec = next(iter(place.database.list_collections(filter={"name": name})), None)
        if spec is None:
            continue
        what = spec["type"]
        if what != "collection" or MARK not in place.index_information():
            raise AlreadyExists(
                f"database {place.database.name} has a {what} {name} that is not a copy of"
                " Minion's; nothing was changed: name another one with --database"
            )
    return places
