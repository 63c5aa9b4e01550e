"""The collections: validators, indexes, and bringing older documents up to date.

`minions` and `series` are what is kept. `progress` and `collectors` are the work in hand: empty
when no run is in progress.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pymongo import ASCENDING, IndexModel
from pymongo.collation import Collation
from pymongo.database import Database
from pymongo.errors import CollectionInvalid

from minion import series
from minion.documents import Document, json_schema
from minion.errors import InvalidData
from minion.model import SCHEMA_VERSION, Simulation
from minion.progress import Place, Progress

MINIONS = "minions"
SERIES = "series"
PROGRESS = "progress"
COLLECTORS = "collectors"

VALIDATORS: dict[str, Document] = {
    MINIONS: {"$jsonSchema": json_schema(Simulation)},
    SERIES: {"$jsonSchema": series.schema()},
    PROGRESS: {"$jsonSchema": json_schema(Progress)},
    COLLECTORS: {"$jsonSchema": json_schema(Place)},
}

INDEXES = {
    MINIONS: [
        IndexModel(
            [("experiment", ASCENDING), ("sim_id", ASCENDING)], unique=True, name="identity"
        ),
        IndexModel([("status", ASCENDING)], name="status"),
    ],
    SERIES: [
        IndexModel(
            [(key, ASCENDING) for key in ("simulation", "hostname", "chart", "stretch")],
            unique=True,
            name="identity",
        ),
        # `samples` and `step` stand in it so that asking for them never reads an array.
        IndexModel(
            [(key, ASCENDING) for key in ("simulation", "context", "samples", "step")],
            name="context",
        ),
        IndexModel([(key, ASCENDING) for key in ("hostname", "context", "first")], name="host"),
    ],
    PROGRESS: [
        IndexModel(
            [(key, ASCENDING) for key in ("simulation", "hostname")], unique=True, name="identity"
        ),
        IndexModel([("owner", ASCENDING)], name="owner"),
        IndexModel([("url", ASCENDING)], name="url"),
    ],
    COLLECTORS: [],
}

# As `minion.selection.natural` does: `run 9` before `run 10`.
NATURAL = Collation(locale="en", numericOrdering=True)
# What a page of runs needs of `minions` besides; whoever shows pages makes them.
PAGE_INDEXES = [
    # Everything that is filtered by: whatever the filter, an index alone finds and counts.
    IndexModel(
        [
            (key, ASCENDING)
            for key in ("experiment", "platform", "validity.verdict", "status", "sim_id", "_id")
        ],
        name="listing",
    ),
    IndexModel(
        [(key, ASCENDING) for key in ("experiment", "sim_id", "_id")],
        name="natural",
        collation=NATURAL,
    ),
]


def initialize(database: Database[Document]) -> None:
    """Create what is lacking: collections, validators, indexes. Running it again changes nothing.

    Args:
        database: the MongoDB database.

    Raises:
        pymongo.errors.PyMongoError: the server refused.
    """
    known = {spec["name"]: spec for spec in database.list_collections()}
    for name, validator in VALIDATORS.items():
        if name not in known:
            with suppress(CollectionInvalid):  # another process was faster
                database.create_collection(
                    name,
                    validator=validator,
                    storageEngine={"wiredTiger": {"configString": "block_compressor=zstd"}},
                )
        elif known[name].get("options", {}).get("validator") != validator:
            database.command("collMod", name, validator=validator)
        wanted = {index.document["name"] for index in INDEXES[name]}
        if not wanted <= set(database[name].index_information()):
            database[name].create_indexes(INDEXES[name])


def count(database: Database[Document]) -> dict[str, int]:
    """How many documents each collection has."""
    return {name: database[name].estimated_document_count() for name in VALIDATORS}


def upgrade(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document of `minions` in today's form.

    Raises:
        InvalidData: it was written by a newer Minion.
    """
    version = document.get("schema_version", SCHEMA_VERSION)
    if version > SCHEMA_VERSION:
        raise InvalidData(
            f"simulation {document.get('sim_id')} has schema version {version}, and this Minion"
            f" knows {SCHEMA_VERSION}; upgrade Minion to read it"
        )
    return document
