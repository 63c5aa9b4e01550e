"""Collections of MongoDB as mongoexport and mongodump write them: files, read in blocks.

A collection is one file: JSON (a document a line, or an array, pretty-printed or not) or BSON,
each of them gzipped or not. A file that is broken gives what is readable, and says what is not.
"""

import codecs
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import bson
from bson import json_util
from bson.errors import BSONError

from ingest.kns.flat import AROUND, NOT_READABLE, Batch, FlatSamples, json_document
from minion.errors import InvalidData

BLOCK = 8 * 2**20  # bytes that are parsed at once
READ = 2**18  # bytes of a compressed file that are read at once
MOST_DOCUMENT = 16 * 2**20 + 16_384  # what MongoDB's own tools allow
SUFFIXES = (".bson", ".json", ".bson.gz", ".json.gz")
GZIP = 31  # what zlib calls its header
CUT_OFF = "is cut off in the middle of a document"

Told = Callable[[int], None]
R = TypeVar("R")

_decode = json.JSONDecoder().raw_decode
_BETWEEN = re.compile(r"[\[\],\s]*")
_BEGINNING = re.compile(r'\{\s*"_id"\s*:')


def find(folders: Sequence[Path], collection: str) -> "Dump | None":
    """The file of a collection in the first of these folders that has one; None if none has.

    Raises:
        InvalidData: a folder holds the collection in several forms.
    """
    for folder in folders:
        found = [path for s in SUFFIXES if (path := folder / f"{collection}{s}").is_file()]
        if len(found) > 1:
            names = " and ".join(path.name for path in found)
            raise InvalidData(f"{folder} holds {names}; leave one of them there")
        if found:
            return Dump(found[0])
    return None


@dataclass(slots=True)
class Dump:
    """The file of one collection.

    path: the file.
    problem: what could not be read of it, in words; None while all could.
    """

    path: Path
    problem: str | None = None

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return str(self.path)

    @property
    def size(self) -> int | None:
        """Bytes of the file as it lies there."""
        return self.path.stat().st_size

    def documents(self) -> list[dict[str, Any]]:
        """All documents, decoded, extended JSON as BSON's own types. For small collections."""
        found: list[dict[str, Any] | None] = []
        if self._is_bson:
            for (data, ends), _ in self._whole(_ends, _silent):
                starts = [0, *ends[:-1]]
                found += [_decoded(data[a:b]) for a, b in zip(starts, ends, strict=True)]
        else:
            for lines, documents in self._json(_silent):
                there = (line for line in lines if line.strip(AROUND))
                found += [_typed(json_document(line)) for line in there]
                found += map(_typed, documents)
        self._refused(found.count(None))
        return [document for document in found if document is not None]

    def batches(self, samples: FlatSamples, told: Told) -> Iterator[Batch]:
        """The flat samples in it, a block at a time.

        Args:
            samples: decodes, and counts what is no sample.
            told: is told how many bytes of the file were read, again and again.
        """
        if self._is_bson:
            for batch, _ in self._whole(samples.from_bson, told):
                yield batch
        else:
            for lines, documents in self._json(told):
                if lines:
                    yield samples.from_lines(lines)
                if documents:
                    lost = documents.count(None)
                    samples.refuse(NOT_READABLE, lost)
                    yield samples.from_documents(d for d in documents if d is not None)
        self._refused(samples.refused.pop(NOT_READABLE, 0))

    @property
    def _is_bson(self) -> bool:
        return ".bson" in self.path.suffixes

    def _refused(self, documents: int) -> None:
        if documents:
            self._broken(f"{documents:,} of its documents are not readable")

    def _broken(self, what: str) -> None:
        self.problem = f"{self.problem}; {what}" if self.problem else what

    def _blocks(self, told: Told) -> Iterator[bytes]:
        """The bytes of the file, unpacked."""
        try:
            with self.path.open("rb") as file:
                if self.path.suffix == ".gz":
                    yield from self._unpacked(file, told)
                    return
                while block := file.read(BLOCK):
                    told(len(block))
                    yield block
        except OSError as error:
            raise InvalidData(f"{self.path} cannot be read: {error.strerror or error}") from error

    def _unpacked(self, file: IO[bytes], told: Told) -> Iterator[bytes]:
        """The module gzip gives nothing of the block in which a file is cut off."""
        unpacker = zlib.decompressobj(GZIP)
        kept: list[bytes] = []
        size = 0
        while packed := file.read(READ):
            told(len(packed))
            while packed:
                if unpacker.eof:  # another member follows
                    unpacker = zlib.decompressobj(GZIP)
                try:
                    block = unpacker.decompress(packed, BLOCK)
                except zlib.error as error:
                    self._broken(f"its gzip is broken ({error})")
                    yield b"".join(kept)
                    return
                packed = unpacker.unconsumed_tail
                if unpacker.eof:
                    packed = unpacker.unused_data.lstrip(b"\0")  # tapes are padded
                kept.append(block)
                size += len(block)
                if size >= BLOCK:
                    yield b"".join(kept)
                    kept, size = [], 0
        kept.append(unpacker.flush())
        if not unpacker.eof:
            self._broken("its gzip is cut off")
        yield b"".join(kept)

    def _whole(self, read: Callable[[bytes], tuple[R, int]], told: Told) -> Iterator[tuple[R, int]]:
        """What `read` makes of the BSON documents of each block, and how many bytes it took."""
        rest, place = b"", 0
        for block in self._blocks(told):
            data = rest + block
            result, used = read(data)
            yield result, used
            rest, place = data[used:], place + used
            if len(rest) >= 4 and not 5 <= int.from_bytes(rest[:4], "little") <= MOST_DOCUMENT:
                self._broken(f"it is no BSON from byte {place:,} on")
                return
        if rest:
            self._broken(CUT_OFF)

    def _json(self, told: Told) -> Iterator[tuple[list[bytes], list[dict[str, Any] | None]]]:
        """Lines that are to be read, or documents; None for what is none."""
        rest, first, last = b"", b"", b""
        by_line: bool | None = None
        for block in self._blocks(told):
            data = rest + block
            if by_line is None:
                data = data.removeprefix(codecs.BOM_UTF8)
                first, by_line = data.lstrip()[:1], _stands_in_lines(data)
            last = block.rstrip()[-1:] or last
            if by_line:
                whole, _, rest = data.rpartition(b"\n")
                yield whole.splitlines(), []
            else:
                documents, rest = _scanned(data, MOST_DOCUMENT)
                yield [], documents
        if by_line and rest.strip(AROUND):
            if json_document(rest) is None:
                self._broken(CUT_OFF)
            else:
                yield [rest], []
        elif rest.strip(AROUND):
            documents, rest = _scanned(rest, 0)
            yield [], documents[:-1] if documents[-1:] == [None] else documents
            self._broken(CUT_OFF)
        elif first == b"[" and last != b"]":
            self._broken("its array does not end")


def _silent(_: int) -> None:
    """Nobody is told."""


def _ends(data: bytes) -> tuple[tuple[bytes, list[int]], int]:
    """The bytes of whole BSON documents and where each ends."""
    ends: list[int] = []
    place = 0
    while place + 4 < len(data):
        size = int.from_bytes(data[place : place + 4], "little")
        if size < 5 or place + size > len(data):
            break
        place += size
        ends.append(place)
    return (data, ends), place


def _decoded(data: bytes) -> dict[str, Any] | None:
    try:
        return bson.decode(data)
    except (BSONError, ValueError):
        return None


def _typed(document: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A document of extended JSON with BSON's own types."""
    if document is None:
        return None
    try:
        typed: dict[str, Any] = json_util.loads(json.dumps(document))
    except (BSONError, ValueError, TypeError):
        return None
    return typed


def _stands_in_lines(data: bytes) -> bool:
    """Whether the first line that holds anything is a document."""
    lines = (line for line in data.splitlines() if line.strip(AROUND))
    return json_document(next(lines, b"{}")) is not None


def _scanned(data: bytes, patience: int) -> tuple[list[dict[str, Any] | None], bytes]:
    """The documents of a piece of an array, and the bytes that are to come again with more.

    Args:
        data: the piece.
        patience: how many bytes a document that cannot be read may have before it is given up.
    """
    cut = data.rfind(b"}") + 1
    text, tail = data[:cut].decode(errors="replace"), data[cut:]
    documents: list[dict[str, Any] | None] = []
    place = 0
    while True:
        place = _skip(text, place)
        if place == len(text):
            return documents, tail
        try:
            document, place = _decode(text, place)
        except ValueError:
            if len(text) - place < patience:
                return documents, text[place:].encode() + tail
            document = None
            again = _BEGINNING.search(text, place + 1)
            place = again.start() if again else len(text)
        documents.append(document if isinstance(document, dict) else None)


def _skip(text: str, place: int) -> int:
    found = _BETWEEN.match(text, place)
    return found.end() if found else place
