"""Least-privilege roles in MongoDB: who may do what, and which role a refused command lacks.

They are made in the store's own database and give rights there alone. None of them makes
collections, indexes, roles or users: that is its administrator's, by `minion db init`.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minion import flat, schema
from minion.documents import Document

if TYPE_CHECKING:
    from minion.store import Store

ANALYST = "minionAnalyst"
JUDGE = "minionJudge"
COLLECTOR = "minionCollector"
# What each is for, and the words that name a user of it in examples.
PURPOSES = {
    ANALYST: "reads everything, writes nothing",
    JUDGE: "reads everything, and keeps verdicts: exclude, include, check --keep",
    COLLECTOR: "reads and writes runs and samples: collect, record, event, ingest, prune, restore",
}

_READS = frozenset("find aggregate count distinct getMore listCollections listIndexes".split())
_WRITES = frozenset("insert update delete findAndModify".split())
_MAKES = frozenset("create createIndexes collMod".split())


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


def create_roles(store: "Store") -> list[Role]:
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
    from minion.mongodb import translated  # noqa: PLC0415  it asks here what a refusal lacks

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


def binds(store: "Store") -> bool:
    """Whether the store's server asks for a login, so that roles mean anything."""
    from minion.mongodb import translated  # noqa: PLC0415  as above

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


def lacking(command: str, database: str, collection: str | None) -> str:
    """What to do for whoever was refused a command, a clause.

    Args:
        command: MongoDB's name of it: `find`.
        database: that it was for.
        collection: that it was for; None where it was for the database.
    """
    own = collection in _collections()
    if command in _MAKES and own:
        return (
            "the database is not set up as this version needs it: let its administrator run"
            " `minion db init`"
        )
    if command in _WRITES and own:
        verdict = command in ("update", "findAndModify") and collection == schema.MINIONS
        names = f"{JUDGE} or {COLLECTOR}" if verdict else COLLECTOR
        return f"it takes the role {names} of {database}, which `minion db init --roles` makes"
    if command in _READS and (own or collection is None or collection in flat.COLLECTIONS):
        return f"it takes the role {ANALYST} of {database}, which `minion db init --roles` makes"
    return "log in as a user with that right, the database's administrator"


def _collections() -> list[str]:
    return list(dict.fromkeys([*schema.VALIDATORS, *schema.INDEXES]))


def _rights(database: str) -> dict[str, Document]:
    """What each role may do, as createRole takes it; a role stands behind those it is made of."""
    everything = [{"role": "read", "db": database}]
    verdicts = _right(database, schema.MINIONS, "update")
    # `list_collections` is what tells at opening whether everything is there.
    looks = _right(database, "", "listCollections")
    writes = [
        _right(database, name, "find", "insert", "update", "remove", "listIndexes")
        for name in _collections()
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
