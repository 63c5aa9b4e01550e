"""MongoDB as it behaves: opening a client, and what the driver raises in Minion's words."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import bson.errors
from pymongo import MongoClient, errors
from pymongo.uri_parser import split_options

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
from minion.refusals import lacking
from minion.uris import reason_against

OLDEST_SERVER = (5, 0)  # $filter in a projection, dots in the keys of parameters
ANSWER_WITHIN_MS = 5000
LONGEST = 300  # characters of what a server says; it may quote a whole command

_UNAUTHORIZED = re.compile(r'not authorized on (\S+) to execute command \{ (\w+): (?:"([^"]*)")?')

# What the driver says of TLS, and what that means for whoever called.
_TLS: tuple[tuple[str, type[StoreError], str], ...] = (
    (
        r"[Hh]ostname mismatch|IP address mismatch|is not valid for",
        StoreUnavailable,
        "has a certificate for another host name; name it as its certificate does, or give it one"
        " with this name",
    ),
    (
        r"certificate (has expired|is not yet valid)",
        StoreUnavailable,
        "has a certificate that is not valid today; renew it, or check the clocks",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed",
        StoreUnavailable,
        "has a certificate of an authority that this machine does not trust; name the authority's"
        " own with tlsCAFile=FILE in the URI",
    ),
    (
        r"CERTIFICATE_REQUIRED|certificate required",
        StoreRefused,
        "wants a client's certificate; name it and its key with tlsCertificateKeyFile=FILE in the"
        " URI",
    ),
    (
        r"(?i)alert[ _](unknown|bad|unsupported|certificate)",
        StoreRefused,
        "refuses this client's certificate; does the server trust its authority, and is it valid"
        " today?",
    ),
    (
        r"SSL handshake failed|\[SSL|EOF occurred",
        StoreUnavailable,
        "speaks no TLS that this machine understands; where it has none, leave tls out of the URI",
    ),
)
# A server that wants something else than it gets says nothing, and hangs up.
_HUNG_UP = (
    ("tlscertificatekeyfile=", "does it trust this client's certificate, and is that valid today?"),
    (
        "tls",
        "where it asks for a client's certificate, name it with tlsCertificateKeyFile=FILE in the"
        " URI",
    ),
    ("", "where it speaks TLS alone, add tls=true to the URI"),
)

P = ParamSpec("P")
R = TypeVar("R")


def open_client(uri: str, where: str) -> MongoClient[Document]:
    """A client that writes with majority and journal; its server is there and new enough.

    Args:
        uri: the MongoDB URI; time limits and a name of the application in it win.
        where: the server's place as it may be shown.

    Raises:
        StoreUnavailable, StoreRefused, StoreTooOld, SettingsError: as they say.
    """
    if not uri.startswith(("mongodb://", "mongodb+srv://")):
        raise SettingsError(f"the MongoDB URI {where} does not begin with mongodb://")
    own: dict[str, Any] = {
        "appname": "minion",
        "serverSelectionTimeoutMS": ANSWER_WITHIN_MS,
        "connectTimeoutMS": ANSWER_WITHIN_MS,
        # Without one OpenSSL would ask the terminal for the pass phrase of a key.
        "tlsCertificateKeyFilePassword": "",
    }
    with _explained(uri, where):
        given = _options(uri)
        client: MongoClient[Document] = MongoClient(
            uri,
            tz_aware=True,
            w="majority",
            journal=True,
            **{name: value for name, value in own.items() if name not in given},
        )
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


@contextmanager
def translated(where: str) -> Iterator[None]:
    """What the driver raises, as Minion's errors."""
    try:
        yield
    except errors.ServerSelectionTimeoutError as error:
        raise _unreachable(where, str(error)) from error
    except (errors.AutoReconnect, errors.WaitQueueTimeoutError, errors.InvalidOperation) as error:
        raise StoreUnavailable(
            f"the connection to MongoDB at {where} was lost; what was acknowledged is stored:"
            f" run the command again ({_first_line(error)})"
        ) from error
    except (errors.ConfigurationError, errors.InvalidName) as error:
        raise _unusable(where, error) from error
    except errors.OperationFailure as error:
        raise _refused(where, error) from error
    except errors.PyMongoError as error:
        raise StoreError(f"MongoDB at {where}: {_first_line(error)}") from error
    except (bson.errors.BSONError, UnicodeEncodeError, OverflowError) as error:
        # A key with a NUL in it, bytes that are no UTF-8, a number of more than 64 bits.
        raise InvalidData(f"MongoDB cannot keep a value: {_first_line(error)}") from error


def _options(uri: str) -> Mapping[str, Any]:
    """The options of a URI, by name in any case. The driver passes over those it cannot read."""
    query = uri.partition("?")[2]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        return split_options(query) if query else {}


@contextmanager
def _explained(uri: str, where: str) -> Iterator[None]:
    """What is wrong with a URI or its files, without its secrets."""
    try:
        yield
    except (errors.PyMongoError, OSError, ValueError, TypeError, UserWarning) as error:
        reason = reason_against(uri, error, _first_line(error))
        # The driver's error would be told with this one, and may repeat the URI.
        raise SettingsError(f"the MongoDB URI {where} cannot be used: {reason}") from None


def _unreachable(where: str, message: str) -> StoreError:
    for sign, kind, meaning in _TLS:
        if re.search(sign, message):
            return kind(f"MongoDB at {where} {meaning}")
    if "connection closed" in message:
        given = where.lower().replace("mongodb+srv://", "tls")
        reason = next(reason for option, reason in _HUNG_UP if option in given)
        return StoreUnavailable(f"MongoDB at {where} closes the connection; {reason}")
    return StoreUnavailable(f"no MongoDB answers at {where}; start it, or name another with --db")


def _unusable(where: str, error: errors.PyMongoError) -> MinionError:
    if isinstance(error, errors.InvalidName):
        return SettingsError(f"MongoDB takes no database of that name: {_first_line(error)}")
    if "wire version" in str(error):
        return StoreTooOld(_too_old(where, "too old for the driver"))
    return SettingsError(f"the MongoDB URI {where} cannot be used: {_first_line(error)}")


def _refused(where: str, error: errors.OperationFailure) -> MinionError:
    if isinstance(error, errors.BulkWriteError):
        first = (error.details.get("writeErrors") or [{}])[0]
        return _refusal(where, first.get("code"), first.get("errmsg", str(error)))
    return _refusal(where, error.code, _first_line(error))


def _refusal(where: str, code: int | None, message: str) -> MinionError:
    if code == 18 or (code == 11 and "Could not find user" in message):  # AuthenticationFailed
        what = "the user or the password"
        if "MONGODB-X509" in where:
            what = "the subject of this client's certificate as a user"
        return StoreRefused(f"MongoDB at {where} refuses {what}; check the URI")
    if code in (13, 8000):  # Unauthorized, and what Atlas says for it
        return StoreRefused(f"MongoDB at {where} refuses {_missing_right(message)}")
    if code == 14031 or "No space left" in message:  # OutOfDiskSpace
        return _full(where)
    if code == 121:  # DocumentValidationFailure
        return InvalidData(f"MongoDB at {where} refuses a document: {message}")
    return StoreError(f"MongoDB at {where}: {message}")


def _missing_right(message: str) -> str:
    """What was refused and which role it takes; the server quotes the whole command."""
    if "requires authentication" in message:
        return "whoever has not logged in; put a user and a password into the URI"
    found = _UNAUTHORIZED.search(message)
    if found is None:
        return f"{message}; log in as a user with that right"
    database, command, collection = found.groups()
    what = f"{command} on {database}" + (f".{collection}" if collection else "")
    return f"{what} to this user; {lacking(command, database, collection)}"


def _full(where: str) -> StoreFull:
    return StoreFull(
        f"the disk of MongoDB at {where} is full; what was acknowledged is stored: free some"
        " space, and run the command again"
    )


def _first_line(error: Exception) -> str:
    lines = str(error).split(", full error", maxsplit=1)[0].splitlines()
    return lines[0][:LONGEST] if lines else type(error).__name__


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
