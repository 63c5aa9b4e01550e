"""Which role a command lacked that MongoDB refused."""

from minion import flat, schema

ANALYST = "minionAnalyst"
JUDGE = "minionJudge"
COLLECTOR = "minionCollector"

_READS = frozenset("find aggregate count distinct getMore listCollections listIndexes".split())
_WRITES = frozenset("insert update delete findAndModify".split())
_MAKES = frozenset("create createIndexes collMod".split())


def lacking(command: str, database: str, collection: str | None) -> str:
    """What to do for whoever was refused a command, a clause.

    Args:
        command: MongoDB's name of it: `find`.
        database: that it was for.
        collection: that it was for; None where it was for the database.
    """
    own = collection in schema.VALIDATORS
    if command in _MAKES and own:
        return (
            "the database is not set up as this version needs it: let its administrator run"
            " `minion db init`"
        )
    if command in _WRITES and own:
        # A verdict is kept by findAndModify, which tells the run as it is then; all else writes.
        verdict = command == "findAndModify" and collection == schema.MINIONS
        names = f"{JUDGE} or {COLLECTOR}" if verdict else COLLECTOR
        return f"it takes the role {names} of {database}, which `minion db init --roles` makes"
    if command in _READS and (own or collection is None or collection in flat.COLLECTIONS):
        return f"it takes the role {ANALYST} of {database}, which `minion db init --roles` makes"
    return "log in as a user with that right, the database's administrator"
