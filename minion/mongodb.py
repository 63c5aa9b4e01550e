"""MongoDB as it behaves: opening a client, and what the driver raises in Minion's words."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from pymongo import MongoClient, errors

from minion.documents import Document
from minion.errors import (
    InvalidData,
    MinionError,
    SettingsError,
    StoreError,
    StoreFull,
    StoreRefused,
    StoreTooOld,
    StoreUnavailable,
)

OLDEST_SERVER = (5, 0)  # $filter in a projection, dots in the keys of parameters
ANSWER_WITHIN_MS = 5000

P = ParamSpec("P")
R = TypeVar("R")


def open_client(uri: str, where: str) -> MongoClient[Document]:
    """A client that writes with majority and journal; its server is there and new enough.

    Args:
        uri: the MongoDB URI; options in it win.
        where: the server's place as it may be shown.

    Raises:
        StoreUnavailable, StoreRefused, StoreTooOld, SettingsError: as they say.
    """
    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise SettingsError(f"the MongoDB URI {where} does not begin with mongodb://")
    try:
        with translated(where):
            client: MongoClient[Document] = MongoClient(
                uri,
                appname="minion",
                tz_aware=True,
                w="majority",
                journal=True,
                serverSelectionTimeoutMS=ANSWER_WITHIN_MS,
                connectTimeoutMS=ANSWER_WITHIN_MS,
            )
    except (errors.InvalidURI, ValueError) as error:
        raise SettingsError(f"the MongoDB URI {where} cannot be read: {error}") from error
    try:
        with translated(where):
            version = client.server_info()["versionArray"]
    except BaseException:
        client.close()
        raise
    if tuple(version[:2]) < OLDEST_SERVER:
        client.close()
        raise StoreTooOld(_too_old(where, ".".join(map(str, version[:3]))))
    return client


def masked(uri: str) -> str:
    """A MongoDB URI that may be shown: its password is `***`."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", uri)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """What the driver raises, as Minion's errors."""
    try:
        yield
    except errors.ServerSelectionTimeoutError as error:
        raise StoreUnavailable(
            f"no MongoDB answers at {where}; start it, or name another with --db"
        ) from error
    except (errors.AutoReconnect, errors.WaitQueueTimeoutError, errors.InvalidOperation) as error:
        raise StoreUnavailable(
            f"the connection to MongoDB at {where} was lost; what was acknowledged is stored:"
            f" run the command again ({_first_line(error)})"
        ) from error
    except errors.ConfigurationError as error:
        if "wire version" in str(error):
            raise StoreTooOld(_too_old(where, "too old for the driver")) from error
        raise SettingsError(f"the MongoDB URI {where} cannot be used: {error}") from error
    except errors.BulkWriteError as error:
        first = (error.details.get("writeErrors") or [{}])[0]
        raise _refusal(where, first.get("code"), first.get("errmsg", str(error))) from error
    except errors.OperationFailure as error:
        raise _refusal(where, error.code, _first_line(error)) from error
    except errors.DocumentTooLarge as error:
        raise InvalidData(f"a document is larger than MongoDB takes: {error}") from error
    except errors.PyMongoError as error:
        raise StoreError(f"MongoDB at {where}: {_first_line(error)}") from error


def _refusal(where: str, code: int | None, message: str) -> MinionError:
    if code == 18:  # AuthenticationFailed
        return StoreRefused(f"MongoDB at {where} refuses the user or the password; check the URI")
    if code in (13, 8000):  # Unauthorized, and what Atlas says for it
        return StoreRefused(
            f"MongoDB at {where} refuses: {message}; log in as a user with that right"
        )
    if code == 14031 or "No space left" in message:  # OutOfDiskSpace
        return _full(where)
    if code == 121:  # DocumentValidationFailure
        return InvalidData(f"MongoDB at {where} refuses a document: {message}")
    return StoreError(f"MongoDB at {where}: {message}")


def _full(where: str) -> StoreFull:
    return StoreFull(
        f"the disk of MongoDB at {where} is full; what was acknowledged is stored: free some"
        " space, and run the command again"
    )


def _first_line(error: Exception) -> str:
    return str(error).split(", full error", maxsplit=1)[0].splitlines()[0]


def _too_old(where: str, what: str) -> str:
    oldest = ".".join(map(str, OLDEST_SERVER))
    return f"MongoDB at {where} is {what}; Minion needs {oldest} or newer"


def translates(method: Callable[P, R]) -> Callable[P, R]:
    """A method of an object with `where` and `server` that raises Minion's errors only."""

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        owner: Any = args[0]
        try:
            with translated(owner.where):
                return method(*args, **kwargs)
        except StoreUnavailable as error:
            # A mongod that meets a full disk ends instead of answering.
            if owner.server is not None and owner.server.disk_is_full:
                raise _full(owner.where) from error
            raise

    return call
