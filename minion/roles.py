"""Least-privilege roles in MongoDB: who may do what.

They are made in the store's own database and give rights there alone. None of them makes
collections, indexes, roles or users: that is its administrator's, by `minion db init`.
"""

import json
from dataclasses import dataclass
from typing import Any

from minion import schema
from minion.documents import Document
from minion.mongodb import translated
from minion.refusals import ANALYST, COLLECTOR, JUDGE
from minion.store import Store

# What each is for, and the words that name a user of it in examples.
PURPOSES = {
    ANALYST: "reads everything, writes nothing",
    JUDGE: "reads everything, and keeps verdicts: exclude, include, check --keep",
    COLLECTOR: "reads and writes runs and samples: collect, record, event, ingest, prune, restore",
}


@dataclass(frozen=True, slots=True)
class Role:
    """A role as it stands in the database now.

    change: `created`, `updated`, or `unchanged`.
    """

    name: str
    change: str

    @property
    def purpose(self) -> str:
        """What whoever has it may do, a phrase."""
        return PURPOSES[self.name]


def create_roles(store: Store) -> list[Role]:
    """Make the roles, or bring them up to date; running it again changes nothing.

    Their rights are those on the collections of `minion.schema`, whichever these are. A reader
    of everything reads the views of the study's flat collections too.

    Args:
        store: opened by a user who may make roles in its database (userAdmin, dbOwner, root).

    Returns:
        The roles, those first that others are made of.

    Raises:
        StoreRefused: the user may not.
    """
    database = store.database
    made = []
    with translated(store.where):
        for name, wanted in _rights(database.name).items():
            found = database.command("rolesInfo", name, showPrivileges=True)["roles"]
            if not found:
                database.command("createRole", name, **wanted)
                made.append(Role(name, "created"))
            elif _plain(found[0]) != _plain(wanted):
                database.command("updateRole", name, **wanted)
                made.append(Role(name, "updated"))
            else:
                made.append(Role(name, "unchanged"))
    return made


def binds(store: Store) -> bool:
    """Whether the store's server asks for a login, so that roles mean anything."""
    with translated(store.where):
        status = store.database.command("connectionStatus")
    return bool(status["authInfo"]["authenticatedUsers"])


def grants(database: str) -> list[str]:
    """The lines for mongosh that make a user of each role, and one of a client's certificate.

    Args:
        database: its name.
    """
    place = json.dumps(database)
    users = [
        f'db.getSiblingDB({place}).createUser({{user: "{name.removeprefix("minion").lower()}",'
        f' pwd: passwordPrompt(), roles: ["{name}"]}})'
        for name in PURPOSES
    ]
    certificate = (
        'db.getSiblingDB("$external").runCommand({createUser: "CN=collector,O=example",'
        f' roles: [{{role: "{COLLECTOR}", db: {place}}}]}})'
    )
    return [*users, certificate]


def _rights(database: str) -> dict[str, Document]:
    """What each role may do, as createRole takes it; a role stands behind those it is made of."""
    everything = [{"role": "read", "db": database}]
    verdicts = _right(database, schema.MINIONS, "update")
    # `list_collections` is what tells at opening whether everything is there.
    looks = _right(database, "", "listCollections")
    writes = [
        _right(database, name, "find", "insert", "update", "remove", "listIndexes")
        for name in schema.VALIDATORS
    ]
    return {
        ANALYST: {"privileges": [], "roles": everything},
        JUDGE: {"privileges": [verdicts], "roles": [{"role": ANALYST, "db": database}]},
        COLLECTOR: {"privileges": [looks, *writes], "roles": []},
    }


def _right(database: str, collection: str, *actions: str) -> Document:
    return {"resource": {"db": database, "collection": collection}, "actions": list(actions)}


def _plain(role: Document) -> Any:
    """What of a role's rights is to be compared, in whatever order it stands."""
    privileges = sorted(
        (p["resource"].get("db"), p["resource"].get("collection"), sorted(p["actions"]))
        for p in role["privileges"]
    )
    return privileges, sorted((r["role"], r["db"]) for r in role["roles"])
