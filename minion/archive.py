"""Collections in one file, as MongoDB's own tools write it (`mongodump --archive`) and read it.

The form is that of the MongoDB Database Tools (`common/archive/spec.md` in their sources), version
0.1: a magic number; a header and a document about each collection; then blocks, each a document
that names a collection, documents of it, and a terminator. The blocks of several collections may
be mixed. A collection ends with a block without documents that carries the CRC-64 of all its
bytes. All numbers are little-endian. Gzipped, the whole file is.

The tests hold these files against a strict reader of that description, and against mongorestore and
mongodump themselves only where those are installed: they come with no package that Minion needs.
"""

import gzip
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, NoReturn, cast

import bson
from bson import Int64, json_util
from bson.errors import BSONError
from pymongo.database import Database

from minion.crc64 import Crc64
from minion.documents import Document
from minion.errors import InvalidData, NotFound

MAGIC = (0x8199E26D).to_bytes(4, "little")
TERMINATOR = b"\xff\xff\xff\xff"
VERSION = "0.1"
MOST_DOCUMENT = 16 * 2**20 + 16_384  # bytes; what MongoDB's own tools allow
GZIP = b"\x1f\x8b"
GZIP_LEVEL = 3  # arrays of doubles hardly get smaller above it
READ = 2**20  # bytes that are read at once


class Namespace(NamedTuple):
    """A collection by its full name."""

    database: str
    collection: str

    def __str__(self) -> str:
        """As MongoDB writes it."""
        return f"{self.database}.{self.collection}"


@dataclass(frozen=True, slots=True)
class Described:
    """A collection as an archive describes it.

    metadata: its options and indexes as canonical extended JSON; mongorestore makes it of that.
    kind: `collection`, `view`, `timeseries`; empty in files of older tools.
    """

    namespace: Namespace
    metadata: str
    kind: str = "collection"


def describe(database: Database[Document], name: str) -> Described:
    """A collection of a server as an archive describes it.

    Raises:
        NotFound: there is none of that name.
        pymongo.errors.PyMongoError: the server refused.
    """
    spec = next(iter(database.list_collections(filter={"name": name})), None)
    if spec is None:
        raise NotFound(f"database {database.name} has no collection {name}")
    metadata = {
        "options": spec.get("options", {}),
        "indexes": [dict(index) for index in database[name].list_indexes()],
        "uuid": bytes(spec["info"]["uuid"]).hex() if "uuid" in spec.get("info", {}) else "",
        "collectionName": name,
        "type": "collection",
    }
    text = json_util.dumps(metadata, json_options=json_util.CANONICAL_JSON_OPTIONS)
    return Described(Namespace(database.name, name), text)


# ---------------------------------------------------------------- out


@contextmanager
def packed(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Gzip what is written to a file when its name ends in .gz."""
    if not name.endswith(".gz"):
        yield file
        return
    # Without a name and a time in it, the same documents give the same bytes.
    with gzip.GzipFile("", "wb", GZIP_LEVEL, file, mtime=0) as zipped:
        yield cast("BinaryIO", zipped)


class ArchiveWriter:
    """An archive in the making, one collection after the other.

    Args:
        file: where it is written to.
        collections: all that will be in it.
        server_version: of the MongoDB that they come from.
        tool_version: of what writes it, for people.
    """

    def __init__(
        self,
        file: BinaryIO,
        collections: Sequence[Described],
        *,
        server_version: str,
        tool_version: str,
    ) -> None:
        self._file = file
        header = {
            "concurrent_collections": 1,
            "version": VERSION,
            "server_version": server_version,
            "tool_version": tool_version,
        }
        file.write(MAGIC + bson.encode(header))
        for one in collections:
            about = {
                "db": one.namespace.database,
                "collection": one.namespace.collection,
                "metadata": one.metadata,
                "size": 0,  # not known yet; mongodump writes the same
                "type": one.kind,
            }
            file.write(bson.encode(about))
        file.write(TERMINATOR)

    @contextmanager
    def collection(self, namespace: Namespace) -> Iterator[Callable[[bytes], None]]:
        """What writes documents of one collection, any number of whole ones at a time."""
        crc = Crc64()

        def write(documents: bytes) -> None:
            crc.update(documents)
            self._file.write(documents)

        self._file.write(_head(namespace, ended=False, crc=0))
        yield write
        self._file.write(TERMINATOR + _head(namespace, ended=True, crc=crc.value) + TERMINATOR)


def _head(namespace: Namespace, *, ended: bool, crc: int) -> bytes:
    database, collection = namespace
    return bson.encode({"db": database, "collection": collection, "EOF": ended, "CRC": Int64(crc)})


# ---------------------------------------------------------------- in


class Archive:
    """An archive that is there, gzipped or not.

    path: the file.
    collections: what it says is in it.

    Args:
        path: the file.

    Raises:
        NotFound: there is no such file.
        InvalidData: it is no archive, damaged, or of another version of the form.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        with _opened(self.path) as source:
            self.collections = tuple(_described(one, source) for one in _prelude(source))

    def documents(
        self, wanted: Collection[Namespace], *, whole: bool = False
    ) -> Iterator[tuple[Namespace, bytes]]:
        """The documents of some collections as BSON, in the order of the file.

        A collection is checked against its CRC when it ends, so after its documents came.

        Args:
            wanted: the collections; each must be in the file, and end there.
            whole: read, and check, the file to its end, not only until these collections ended.

        Raises:
            InvalidData: the file is damaged; the message says where.
        """
        sums: dict[Namespace, Crc64] = {}
        ended: set[Namespace] = set()
        with _opened(self.path) as source:
            for _ in _prelude(source):
                pass
            while (whole or not ended.issuperset(wanted)) and (head := source.head()) is not None:
                place = _namespace(head, source)
                if place in ended:
                    source.damaged(f"{place} goes on after its end")
                crc = sums.setdefault(place, Crc64())
                for document in source.block():
                    crc.update(document)
                    if place in wanted:
                        yield place, document
                if head.get("EOF"):
                    ended.add(place)
                    if head.get("CRC") != crc.value:
                        source.damaged(f"the checksum of {place} is another one")
            for place in sorted({*wanted, *(sums if whole else ())} - ended):
                source.damaged(f"it ends before {place} does")


@contextmanager
def _opened(path: Path) -> Iterator["_Source"]:
    try:
        with path.open("rb", READ) as plain:
            gzipped = plain.read(len(GZIP)) == GZIP
            plain.seek(0)
            if not gzipped:
                yield _Source(path, plain)
                return
            with gzip.GzipFile(fileobj=plain) as zipped:
                yield _Source(path, cast("BinaryIO", zipped))
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidData(
            f"{path} is damaged: its gzip form is broken or cut off ({error}); take another copy"
        ) from None
    except OSError as error:
        raise InvalidData(f"{path} cannot be read: {error.strerror or error}") from None


class _Source:
    """The bytes of an archive, and how far they were read."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path, self._file = path, file
        self._at = 0

    def magic(self) -> bytes:
        self._at = len(MAGIC)
        return self._file.read(len(MAGIC))

    def next(self) -> bytes | None:
        """The next document; empty for a terminator, None at the end of the file."""
        start = self._file.read(4)
        if not start:
            return None
        if start == TERMINATOR:
            self._at += 4
            return b""
        size = int.from_bytes(start, "little", signed=True)
        if len(start) == 4 and not 5 <= size <= MOST_DOCUMENT:
            self.damaged(f"{size} is no length of a document")
        document = start + self._file.read(max(0, size - 4))
        if len(start) < 4 or len(document) < size:
            self.damaged("it ends in the middle of a document")
        if document[-1]:
            self.damaged("a document has another end than its length says")
        self._at += size
        return document

    def block(self) -> Iterator[bytes]:
        """The documents up to the next terminator."""
        while document := self.next():
            yield document
        if document is None:
            self.damaged("it ends in the middle of a block")

    def head(self) -> dict[str, Any] | None:
        """The document that a block begins with; None at the end of the file."""
        raw = self.next()
        return None if raw is None else self.decoded(raw)

    def decoded(self, raw: bytes) -> dict[str, Any]:
        """A document of the form itself."""
        if not raw:
            self.damaged("a block has no head")
        try:
            return bson.decode(raw)
        except BSONError as error:
            self.damaged(f"the head of a block is no BSON ({error})")

    def text(self, document: Mapping[str, Any], key: str) -> str:
        """A text of such a document; empty where it is missing."""
        found = document.get(key, "")
        if not isinstance(found, str):
            self.damaged(f"{key} of a collection is no text")
        return found

    def damaged(self, what: str) -> NoReturn:
        raise InvalidData(
            f"{self._path} is damaged at byte {self._at:,}: {what}; take another copy"
        )

    def foreign(self, what: str) -> NoReturn:
        raise InvalidData(f"{self._path} {what}")


def _prelude(source: _Source) -> Iterator[dict[str, Any]]:
    """What stands before the blocks: a document about each collection."""
    if source.magic() != MAGIC:
        source.foreign("is no archive; `minion backup` and `mongodump --archive` write one")
    head = source.head()
    if head is None:
        source.damaged("it ends before anything is said")
    if head.get("version") != VERSION:
        source.foreign(
            f"has version {head.get('version')} of the archive's form, and this Minion knows"
            f" {VERSION}; upgrade Minion to read it"
        )
    for raw in source.block():
        yield source.decoded(raw)


def _namespace(head: Mapping[str, Any], source: _Source) -> Namespace:
    return Namespace(source.text(head, "db"), source.text(head, "collection"))


def _described(about: Mapping[str, Any], source: _Source) -> Described:
    place = _namespace(about, source)
    return Described(place, source.text(about, "metadata"), source.text(about, "type"))
