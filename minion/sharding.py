"""The series of a database spread over the shards of a cluster.

Only `series` is sharded: it is nearly all of the data. A run's documents share their `simulation`,
so its hash puts a run on one shard and neighbouring runs on different ones, a query for runs asks
only their shards, and the unique index, which begins with `simulation`, still holds everywhere.
`minions` stays whole: a million runs are some gigabytes, and its documents are changed by `_id`.
"""

from pymongo import HASHED, IndexModel, MongoClient
from pymongo.database import Database

from minion.documents import Document
from minion.errors import StoreRefused
from minion.schema import SERIES

KEY = {"simulation": HASHED}


def is_mongos(client: MongoClient[Document]) -> bool:
    """Whether a server is the router of a sharded cluster.

    Args:
        client: of the server.

    Raises:
        pymongo.errors.PyMongoError: it did not answer.
    """
    return bool(client.admin.command("hello").get("msg") == "isdbgrid")


def shard(database: Database[Document], where: str) -> bool:
    """Shard `series` by the hash of `simulation`; returns whether it was not sharded before.

    Args:
        database: with its collections made, on a cluster's mongos.
        where: its place as it may be shown.

    Raises:
        StoreRefused: this is no mongos, or `series` is sharded by another key.
        pymongo.errors.PyMongoError: the cluster refused.
    """
    if not is_mongos(database.client):
        raise StoreRefused(
            f"MongoDB at {where} is no sharded cluster: --shard needs the address of a mongos"
        )
    name = f"{database.name}.{SERIES}"
    found = database.client["config"]["collections"].find_one(
        {"_id": name, "dropped": {"$ne": True}}
    )
    if found is not None:
        if dict(found["key"]) != KEY:
            raise StoreRefused(
                f"{name} at {where} is sharded by {dict(found['key'])}, not by {KEY}; reshard it"
                " with MongoDB's own reshardCollection"
            )
        return False
    admin = database.client.admin
    admin.command("enableSharding", database.name)
    database[SERIES].create_indexes([IndexModel([("simulation", HASHED)], name="shard")])
    admin.command("shardCollection", name, key=KEY)
    return True
