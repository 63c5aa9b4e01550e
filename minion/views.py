"""The study's flat collections as read-only views of the minions, inside MongoDB.

A view computes its documents when it is asked. MongoDB takes a query as far down into the view's
pipeline as the fields allow: names of host and chart down to the index of `series`, the time to
where a stretch has been taken apart into its rows, before these are taken apart into dimensions.
"""

from collections.abc import Sequence
from typing import Any

from minion import flat, schema
from minion.documents import Document
from minion.errors import AlreadyExists, NotFound
from minion.model import EventType, Role
from minion.mongodb import translated
from minion.store import Store

MARK = "made by minion db views"
SOURCES = {
    flat.SIMULATIONS: schema.MINIONS,
    flat.HOSTS: schema.MINIONS,
    flat.EVENTS: schema.MINIONS,
    flat.METRICS: schema.SERIES,
}


def make_views(store: Store, *, experiment: str | None = None) -> tuple[str, ...]:
    """Make the four views in the store's database, or make them anew; returns their names.

    Args:
        store: where the minions are. A view cannot read another database than its own.
        experiment: show this one only; default: all.

    Raises:
        AlreadyExists: the database has a collection of one of the names that is no view of
            Minion's; nothing was changed.
        NotFound: no such experiment.
    """
    if experiment is not None and experiment not in store.experiments():
        known = ", ".join(store.experiments()) or "none"
        raise NotFound(f"no experiment {experiment}; there are: {known}")
    with translated(store.where):
        ours = _ours(store)
        for name, source in SOURCES.items():
            stages = pipeline(name, experiment=experiment)
            # A new view, or another pipeline for the one that is there.
            command = "collMod" if name in ours else "create"
            store.database.command(command, name, viewOn=source, pipeline=stages)
    return flat.COLLECTIONS


def drop_views(store: Store) -> tuple[str, ...]:
    """Take the views away; returns the names of those that were there. The data stay.

    Raises:
        AlreadyExists: a collection of one of the names is no view of Minion's; nothing was changed.
    """
    with translated(store.where):
        ours = _ours(store)
        for name in ours:
            store.database.drop_collection(name)
    return tuple(ours)


def _ours(store: Store) -> list[str]:
    """Those of the names that are views of Minion's."""
    found = store.database.list_collections(filter={"name": {"$in": list(flat.COLLECTIONS)}})
    there = {spec["name"]: spec["options"].get("pipeline") or [{}] for spec in found}
    for name, stages in sorted(there.items()):
        if stages[0].get("$match", {}).get("$comment") != MARK:
            raise AlreadyExists(
                f"database {store.database.name} has a collection {name} that is no view of"
                " Minion's; nothing was changed: keep the minions in another database"
                " (MINION_DATABASE), or write copies into another one (--materialize --database)"
            )
    return [name for name in flat.COLLECTIONS if name in there]


def pipeline(
    name: str, *, experiment: str | None = None, simulations: Sequence[Any] | None = None
) -> list[Document]:
    """What makes the documents of one of the flat collections out of its source.

    Args:
        name: of `minion.flat.COLLECTIONS`.
        experiment: of this one only.
        simulations: of these only, by their ids in `minions`.
    """
    metrics = name == flat.METRICS
    chosen: Document = {"$comment": MARK}
    if simulations is not None:
        chosen["simulation" if metrics else "_id"] = {"$in": list(simulations)}
    if experiment is not None and not metrics:
        chosen["experiment"] = experiment
    if metrics:
        return [{"$match": chosen}, *_metrics(experiment)]
    stages = {flat.SIMULATIONS: _simulations, flat.HOSTS: _hosts, flat.EVENTS: _events}[name]
    return [{"$match": chosen}, *stages()]


_SIMULATION_ID = {"$ifNull": ["$source_id", "$_id"]}


def _made_id(*parts: Any) -> Document:
    """See `made_host_id` and `made_event_id` in `minion.flat`."""
    return {"$concat": [{"$toString": "$_id"}, *parts]}


def _simulations() -> list[Document]:
    return [{"$project": {"_id": _SIMULATION_ID, "sim_id": 1, "platform": 1}}]


def _hosts() -> list[Document]:
    return [
        {"$unwind": "$hosts"},
        {
            "$project": {
                "_id": {"$ifNull": ["$hosts._id", _made_id(":", "$hosts.hostname")]},
                "simulation_id": {"$toString": _SIMULATION_ID},
                "hostname": "$hosts.hostname",
                "role": "$hosts.role",
            }
        },
    ]


def _events() -> list[Document]:
    is_controller = {"$eq": ["$$this.role", Role.CONTROLLER.value]}
    controllers = {"$filter": {"input": "$hosts", "cond": is_controller}}
    noted_by = {"$ifNull": ["$events.hostname", "$controller.hostname"]}
    its_host = {"$filter": {"input": "$hosts", "cond": {"$eq": ["$$this.hostname", "$noted_by"]}}}
    names = [f"EventType.{kind.name}" for kind in EventType]
    numbers = [int(kind) for kind in EventType]
    return [
        {"$set": {"controller": {"$first": {"$concatArrays": [controllers, "$hosts"]}}}},
        {"$unwind": {"path": "$events", "includeArrayIndex": "place"}},
        {"$set": {"noted_by": noted_by}},
        {"$set": {"host": {"$first": its_host}}},
        {
            "$project": {
                "_id": {"$ifNull": ["$events._id", _made_id(":event:", {"$toString": "$place"})]},
                "host_id": {"$ifNull": [{"$toString": "$host._id"}, _made_id(":", "$noted_by")]},
                "correlation_id": {"$ifNull": ["$events.correlation_id", None]},
                "event_type": {
                    "$arrayElemAt": [names, {"$indexOfArray": [numbers, "$events.type"]}]
                },
                "body": {"$ifNull": ["$events.body", None]},
                "timestamp": {"$toDouble": "$events.time"},
            }
        },
    ]


def _metrics(experiment: str | None) -> list[Document]:
    # Renaming comes first, so that a query on these names reaches the index of `series`.
    named = {
        "_id": 0,
        "simulation": 1,
        "prefix": {"$literal": flat.PREFIX},
        "hostname": 1,
        "chart_id": "$chart",
        "chart_name": "$name",
        "chart_family": "$family",
        "chart_context": "$context",
        "chart_type": {"$arrayElemAt": [{"$split": ["$chart", "."]}, 0]},
        "units": "$unit",
    }
    on_grid = {"$add": ["$first", {"$multiply": ["$step", "$$this"]}]}
    at = {"$round": [{"$ifNull": [{"$arrayElemAt": ["$t", "$$this"]}, on_grid]}]}
    # As the exporter has it, an int; that ends in 2038.
    seconds = {"$convert": {"input": at, "to": "int", "onError": {"$toLong": at}}}
    times = {"$map": {"input": {"$range": [0, "$n"]}, "in": seconds}}
    kept = [key for key in named if key not in ("_id", "simulation")]
    only: list[Document] = []
    if experiment is not None:
        inside = [{"$match": {"experiment": experiment}}, {"$project": {"_id": 1}}]
        run = {"from": schema.MINIONS, "localField": "simulation", "foreignField": "_id"}
        only = [
            {"$lookup": {**run, "pipeline": inside, "as": "run"}},
            {"$match": {"run": {"$ne": []}}},
        ]
    return [
        {"$project": {**named, "dimensions": 1, "timestamp": times}},
        *only,
        {"$unwind": {"path": "$timestamp", "includeArrayIndex": "row"}},
        {"$unwind": "$dimensions"},
        {
            "$project": {
                **dict.fromkeys(kept, 1),
                "id": "$dimensions.id",
                "name": "$dimensions.name",
                "value": {"$arrayElemAt": ["$dimensions.values", "$row"]},
                "timestamp": 1,
            }
        },
        {"$match": {"value": {"$ne": None}}},
    ]
