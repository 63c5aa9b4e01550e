"""Stretches in the BSON bytes that MongoDB sends and takes, without a Python object per value.

`minion/_wire.c` reads natively where it could be compiled, and leaves to this file what it does
not know, so what is said of broken bytes is said here. What it writes, bson writes as well.
"""

from collections.abc import Callable
from importlib import import_module
from struct import Struct
from typing import NamedTuple, Protocol, cast

import bson
import numpy as np
from bson import ObjectId

from minion.errors import InvalidData
from minion.series import Floats, Series, arrays, head

_DOUBLE, _STRING, _DOCUMENT, _ARRAY = 0x01, 0x02, 0x03, 0x04
_OBJECT_ID, _NULL, _INT32, _INT64 = 0x07, 0x0A, 0x10, 0x12
_FIXED = {_DOUBLE: 8, _OBJECT_ID: 12, 0x08: 1, 0x09: 8, _NULL: 0, _INT32: 4, 0x11: 8, _INT64: 8}
_int32 = Struct("<i").unpack_from
_int64 = Struct("<q").unpack_from
_double = Struct("<d").unpack_from


class Stretch(NamedTuple):
    """One stored stretch as it lies in a batch of received bytes; arrays are decoded on demand.

    simulation: the twelve bytes of its ObjectId.
    first, last: timestamps of the first and the last row, seconds since the epoch.
    step: seconds between rows; None for a series without a regular step.
    rows: how many.
    times_at: place of the array of timestamps in the batch; None where `step` says them.
    dimensions: their ids.
    values_at: the places of their arrays.
    """

    simulation: bytes
    hostname: str
    chart: str
    context: str
    unit: str
    first: float
    last: float
    step: float | None
    rows: int
    times_at: int | None
    dimensions: tuple[str, ...]
    values_at: tuple[int, ...]
    batch: bytes

    def times(self) -> Floats:
        """The timestamps of the rows, seconds since the epoch.

        Raises:
            InvalidData: they are not as many as the rows, or not numbers.
        """
        times: Floats = np.arange(self.rows, dtype=np.float64)
        if self.times_at is None:
            times *= self.step or 0.0
            times += self.first
        elif self._decode((self.times_at,), times.reshape(1, -1)):
            raise InvalidData(f"{self}: a timestamp is missing; write it again from its source")
        return times

    def values(self, out: Floats, dimension: str | None = None) -> int:
        """Decode the values of all dimensions, or of one; NaN where there is no sample.

        Args:
            out: a row per dimension, a column per row of the stretch.
            dimension: the id of the only one that is wanted.

        Returns:
            How many values are NaN.

        Raises:
            InvalidData: an array holds something else, or not as many values as there are rows.
        """
        if dimension is None:
            return self._decode(self.values_at, out)
        return self._decode((self.values_at[self.dimensions.index(dimension)],), out)

    def _decode(self, places: tuple[int, ...], out: Floats) -> int:
        if native is not None:
            found = native.values(self.batch, places, out)
            if found is not None:
                return found
        try:
            return sum(_doubles(self.batch, at, row) for at, row in zip(places, out, strict=True))
        except _Foreign as error:
            raise InvalidData(f"{self}: {error}; write it again from its source") from None

    def __str__(self) -> str:
        """What it is, for messages."""
        return f"stored series {self.chart} of {self.hostname}"


def read_stretches(batch: bytes) -> list[Stretch]:
    """The stretches in a batch of documents of `series`, as they follow each other in BSON.

    Raises:
        InvalidData: something in it is not as Minion writes it.
    """
    found = native.stretches(batch) if native is not None else None
    if found is None:
        found, at = [], 0
        while at < len(batch):
            try:
                found.append(_stretch(batch, at))
            except _Foreign as error:
                raise InvalidData(
                    f"a stored series {error}; it is not Minion's, or broken"
                ) from None
            at += _int32(batch, at)[0]
    return [Stretch(*fields, batch) for fields in found]


def write_stretch(simulation: ObjectId, stretch: float, series: Series) -> tuple[bytes, int] | None:
    """What `minion.series.to_document` makes with a new `_id`, as BSON, and how many samples.

    None: the native part is lacking.
    """
    if native is None:
        return None
    times, values = arrays(series)
    samples = values.size
    dimensions: list[bytes] = []
    for place, dimension in enumerate(series.dimensions):
        array, lacking = native.array(values[:, place])
        samples -= lacking
        names = bson.encode({"id": dimension.id, "name": dimension.name})[4:-1]
        content = _document(names, b"\x04values\0", array)
        dimensions += b"\x03%d\0" % place, content
    first = head(simulation, stretch, series, len(values), samples)
    parts = [bson.encode({"_id": ObjectId(), **first})[4:-1]]
    if times is not None:
        parts += b"\x04t\0", native.array(times)[0]
    return _document(*parts, b"\x04dimensions\0", _document(*dimensions)), samples


def _document(*parts: bytes) -> bytes:
    content = b"".join(parts)
    return b"%b%b\0" % ((len(content) + 5).to_bytes(4, "little"), content)


# What a stretch is made of, without its batch.
_Fields = tuple[
    bytes, str, str, str, str, float, float, float | None, int, int | None, tuple[str, ...],
    tuple[int, ...],
]  # fmt: skip


class Native(Protocol):
    """The functions of `minion._wire`. None: something is not as Minion writes it.

    array: doubles as a BSON array, NaN as null, and how many of these.
    """

    stretches: Callable[[bytes], list[_Fields] | None]
    values: Callable[[bytes, tuple[int, ...], Floats], int | None]
    array: Callable[[Floats], tuple[bytes, int]]


def _native() -> Native | None:
    try:
        return cast("Native", import_module("minion._wire"))
    except ImportError:  # there was no compiler where Minion was installed
        return None


# None switches it off.
native: Native | None = _native()


class _Foreign(Exception):
    """The bytes are not what Minion writes; the text goes on after the name of the series."""


_BROKEN = "has bytes that are no BSON"


def _fields(raw: bytes, at: int, limit: int) -> dict[bytes, tuple[int, int, int]]:
    """(type, place, size) of each field of the BSON document that begins at `at`."""
    place, end = _inside(raw, at, limit)
    fields = {}
    while place < end:
        kind, stop = raw[place], raw.find(0, place + 1, end)
        if stop < 0:
            raise _Foreign(_BROKEN)
        name, place = raw[place + 1 : stop], stop + 1
        size = _FIXED.get(kind)
        if size is None:
            size = _size(raw, kind, place, end)
        fields[name] = kind, place, size
        place += size
        if place > end:
            raise _Foreign(_BROKEN)
    return fields


def _inside(raw: bytes, at: int, limit: int) -> tuple[int, int]:
    """Where the elements of a document begin and end."""
    size = _int32(raw, at)[0] if at + 5 <= limit else 0
    if size < 5 or at + size > limit or raw[at + size - 1]:
        raise _Foreign(_BROKEN)
    return at + 4, at + size - 1


def _size(raw: bytes, kind: int, place: int, end: int) -> int:
    """The size of a text, document or array."""
    if kind not in (_STRING, _DOCUMENT, _ARRAY):
        raise _Foreign(f"has a field of BSON type {kind:#x}")
    size = int(_int32(raw, place)[0]) if place + 4 <= end else 0
    if size < (1 if kind == _STRING else 5):
        raise _Foreign(_BROKEN)
    return size + 4 if kind == _STRING else size


def _stretch(raw: bytes, at: int) -> _Fields:
    fields = _fields(raw, at, len(raw))

    def find(name: bytes, *kinds: int) -> tuple[int, int, int]:
        found = fields.get(name)
        if found is None or found[0] not in kinds:
            raise _Foreign(f"lacks {name.decode()}, or has it of another type")
        return found

    def text(name: bytes) -> str:
        _, place, size = find(name, _STRING)
        return _text(raw, place, size)

    def number(name: bytes) -> float:
        return float(_double(raw, find(name, _DOUBLE)[1])[0])

    _, place, _ = find(b"simulation", _OBJECT_ID)
    simulation = raw[place : place + 12]
    kind, place, _ = find(b"n", _INT32, _INT64)
    rows = int((_int32 if kind == _INT32 else _int64)(raw, place)[0])
    if not 0 <= rows <= len(raw):
        raise _Foreign(f"says that it has {rows} rows")
    times_at = find(b"t", _ARRAY)[1] if b"t" in fields else None
    step = number(b"step") if b"step" in fields or times_at is None else None
    ids, places = _dimensions(raw, *find(b"dimensions", _ARRAY)[1:])
    return (
        simulation,
        text(b"hostname"),
        text(b"chart"),
        text(b"context"),
        text(b"unit"),
        number(b"first"),
        number(b"last"),
        step,
        rows,
        times_at,
        ids,
        places,
    )


def _dimensions(raw: bytes, at: int, size: int) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The ids of the dimensions, and the places of their values."""
    ids, places = [], []
    place, end = _inside(raw, at, at + size)
    while place < end:
        stop = raw.find(0, place + 1, end)
        if stop < 0 or raw[place] != _DOCUMENT:
            raise _Foreign("has a dimension that is no document")
        fields = _fields(raw, stop + 1, end)
        place = stop + 1 + int(_int32(raw, stop + 1)[0])
        identity, values = fields.get(b"id"), fields.get(b"values")
        if not identity or identity[0] != _STRING or not values or values[0] != _ARRAY:
            raise _Foreign("has a dimension without id or values")
        ids.append(_text(raw, *identity[1:]))
        places.append(values[1])
    return tuple(ids), tuple(places)


def _text(raw: bytes, place: int, size: int) -> str:
    if raw[place + size - 1]:
        raise _Foreign(_BROKEN)
    try:
        return raw[place + 4 : place + size - 1].decode()
    except UnicodeDecodeError:
        raise _Foreign("has a text that is no UTF-8") from None


def _doubles(raw: bytes, at: int, out: Floats) -> int:
    """Decode a BSON array of doubles and nulls; returns how many are NaN.

    Doubles have a fixed stride for each number of digits of their index, so a run of them is read
    as a view of the bytes instead of value by value; a run of nulls likewise.
    """
    place, end = _inside(raw, at, len(raw))
    first, digits = 0, 1
    while first < len(out):
        border = min(10**digits, len(out))
        number, stride = _run(raw, place, end, digits, border - first)
        if not number:
            return _one_by_one(raw, at, out)
        if raw[place] == _NULL:
            out[first : first + number] = np.nan
        else:
            values = np.ndarray(number, "<f8", raw, place + digits + 2, (stride,))
            out[first : first + number] = values
        place += stride * number
        first += number
        digits += first == 10**digits
    if place != end:
        raise _Foreign(f"has more values than its {len(out)} rows")
    return int(np.count_nonzero(np.isnan(out)))


def _run(raw: bytes, place: int, end: int, digits: int, most: int) -> tuple[int, int]:
    """How many elements of one type, with keys of so many digits, follow, and their stride."""
    kind = raw[place : place + 1]
    stride = digits + (2 if kind == b"\n" else 10)
    most = min(most, (end - place) // stride)
    kinds = raw[place : place + stride * most : stride]
    number = most - len(kinds.lstrip(kind)) if kind in (b"\x01", b"\n") else 0
    stop = place + stride * number
    if raw[place + digits + 1 : stop : stride] != bytes(number) or any(
        0 in raw[place + digit : stop : stride] for digit in range(1, digits + 1)
    ):
        return 0, stride
    return number, stride


def _one_by_one(raw: bytes, at: int, out: Floats) -> int:
    place, end = _inside(raw, at, len(raw))
    found = []
    while place < end:
        kind, stop = raw[place], raw.find(0, place + 1, end)
        if stop < 0 or (kind == _DOUBLE and stop + 9 > end):
            raise _Foreign(_BROKEN)
        if kind == _DOUBLE:
            found.append(_double(raw, stop + 1)[0])
            place = stop + 9
        elif kind == _NULL:
            found.append(np.nan)
            place = stop + 1
        else:
            raise _Foreign(f"has an array with BSON type {kind:#x}")
    if len(found) != len(out):
        raise _Foreign(f"has {len(found)} values in {len(out)} rows")
    out[:] = found
    return int(np.count_nonzero(np.isnan(out)))
