"""Flat documents, one per value, as netdata's exporters write them: read at speed, in batches.

All documents of one dimension of one chart on one host are alike but for `_id`, `value` and
`timestamp`, and these two come last. So the bytes between name the series, and one look-up in a
table replaces the decoding of a document. What does not look like that is decoded the slow way.
"""

import json
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import bson
import numpy as np
from bson.errors import BSONError
from numpy.typing import NDArray

MOST_HEADS = 200_000  # remembered beginnings: documents that have none in common must not pile up
NOT_READABLE = "not readable"  # the reason of what is no document at all

_int32 = struct.Struct("<i").unpack_from
_ID = b"\x07_id\x00"
_BEFORE_HEAD = 4 + len(_ID) + 12  # the length, and `_id` with its ObjectId
_VALUE = b"\x01value\x00"
_INT32 = b"\x10timestamp\x00"
_WIDE = (b"\x12timestamp\x00", b"\x01timestamp\x00")  # int64, double
# What follows the name `value`: a double, the timestamp with its name, the document's end.
_TAIL4, _TAIL8 = (8 + len(_INT32) + width + 1 for width in (4, 8))

AROUND = b"[,] \t\r\n"
_LINE_ID = re.compile(
    rb'[\[,\s]*\{\s*"_id"\s*:\s*(?:\{\s*"\$oid"\s*:\s*"[0-9a-fA-F]{24}"\s*\}|"[^"\\]*")\s*,'
)
# 1.5, "1.5" and {"$numberDouble": "1.5"}
_NUMBER = (
    rb'(?P<open_%s>\{\s*"\$number[A-Za-z]+"\s*:\s*)?'
    rb'"?(?P<%s>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"?(?(open_%s)\s*\})'
)
_LINE_TAIL = re.compile(
    rb"\s*:\s*"
    + _NUMBER % ((b"value",) * 3)
    + rb'\s*,\s*"timestamp"\s*:\s*'
    + _NUMBER % ((b"time",) * 3)
    + rb"\s*\}[\s,\]]*$"
)


@dataclass(frozen=True, slots=True, order=True)
class FlatSeries:
    """What the flat documents of one dimension have in common."""

    hostname: str
    chart: str
    dimension: str
    chart_name: str
    family: str
    context: str
    unit: str
    name: str


@dataclass(slots=True)
class Batch:
    """Samples in the order in which they came.

    series: places in the table of `FlatSamples.series`.
    times: seconds since the epoch.
    values: NaN where a document has no number.
    """

    series: NDArray[np.int32]
    times: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(slots=True)
class FlatSamples:
    """Turns flat documents into batches, and counts what cannot be one.

    series: what each series is, in the order of their first sight.
    refused: a reason to how many documents it took.
    """

    series: list[FlatSeries] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    _known: dict[FlatSeries, int] = field(default_factory=dict)
    _heads: dict[bytes, int] = field(default_factory=dict)

    def from_bson(self, data: bytes) -> tuple[Batch, int]:
        """The samples of BSON documents that follow one another.

        Args:
            data: whole documents; the last may be cut off.

        Returns:
            The samples, and how many bytes were read: up to the first document that is not whole,
            or whose length cannot be one.
        """
        heads = self._heads
        series: list[int] = []
        ends: list[int] = []
        wide_series: list[int] = []  # of documents whose timestamp has eight bytes
        wide_ends: list[int] = []
        slow: list[Mapping[str, Any]] = []
        at, end = 0, len(data)
        while at + 4 < end:
            stop = at + _int32(data, at)[0]
            if stop > end:
                break
            place = heads.get(data[at + _BEFORE_HEAD : stop - _TAIL4])
            if place is not None and data.startswith(_INT32, stop - 16):
                series.append(place)
                ends.append(stop)
                at = stop
                continue
            if stop - at < 5:
                break
            place = heads.get(data[at + _BEFORE_HEAD : stop - _TAIL8])
            if place is not None and data.startswith(_WIDE, stop - 20):
                wide_series.append(place)
                wide_ends.append(stop)
            elif self._learn(data, at, stop, slow):
                continue
            at = stop
        fast = _gathered(data, series, ends, 4)
        wide = _gathered(data, wide_series, wide_ends, 8)
        return _joined([fast, wide, self.from_documents(slow)]), at

    def from_lines(self, lines: Iterable[bytes]) -> Batch:
        """The samples of JSON texts, a document each; arrays' brackets and commas are allowed."""
        heads = self._heads
        series: list[int] = []
        times: list[bytes] = []
        values: list[bytes] = []
        slow: list[Mapping[str, Any]] = []
        for line in lines:
            head, _, rest = line.rpartition(b'"value"')
            tail, start = _LINE_TAIL.match(rest), _LINE_ID.match(head)
            key = head[start.end() :] if start and tail else b""
            place = heads.get(key)
            if place is None:
                if not line.strip(AROUND):
                    continue
                document = json_document(line)
                if document is None:
                    self.refuse(NOT_READABLE)
                    continue
                found = self._place(document)
                if not key or isinstance(found, str):
                    slow.append(document)
                    continue
                place = self._remember(key, found)
            assert tail is not None  # noqa: S101  or there would be no key
            value, time = tail["value"], tail["time"]
            series.append(place)
            values.append(value)
            times.append(time)
        fast = _batch(series, [float(time) for time in times], [float(value) for value in values])
        return _joined([fast, self.from_documents(slow)])

    def from_documents(self, documents: Iterable[Mapping[str, Any]]) -> Batch:
        """The samples of decoded documents; numbers may be text."""
        series: list[int] = []
        times: list[float] = []
        values: list[float] = []
        for document in documents:
            place = self._place(document)
            time, value = number(document.get("timestamp")), number(document.get("value"))
            if isinstance(place, str):
                self.refuse(place)
            elif time is None:
                self.refuse("no timestamp")
            else:
                series.append(place)
                times.append(time)
                values.append(np.nan if value is None else value)
        return _batch(series, times, values)

    def refuse(self, reason: str, documents: int = 1) -> None:
        """Count documents that can be no sample."""
        self.refused[reason] = self.refused.get(reason, 0) + documents

    def _learn(self, data: bytes, at: int, stop: int, slow: list[Mapping[str, Any]]) -> bool:
        """Whether the documents that begin like this one are known now; else it is decoded."""
        try:
            document = bson.decode(data[at:stop])
        except (BSONError, ValueError):
            self.refuse(NOT_READABLE)
            return False
        narrow = data.startswith(_INT32, stop - 16)
        tail = _TAIL4 if narrow else _TAIL8
        usual = (
            stop - at > _BEFORE_HEAD + len(_VALUE) + tail
            and data.startswith(_ID, at + 4)
            and data.endswith(_VALUE, at, stop - tail)
            and (narrow or data.startswith(_WIDE, stop - 20))
        )
        place = self._place(document) if usual else ""
        if isinstance(place, str):
            slow.append(document)
            return False
        self._remember(data[at + _BEFORE_HEAD : stop - tail], place)
        return True

    def _remember(self, head: bytes, place: int) -> int:
        if len(self._heads) >= MOST_HEADS:
            self._heads.clear()
        self._heads[head] = place
        return place

    def _place(self, document: Mapping[str, Any]) -> int | str:
        """The place of a document's series, or why it has none."""
        hostname = document.get("hostname")
        chart = document.get("chart_id") or document.get("chart_name")
        dimension = document.get("id") or document.get("name")
        for what, value in (("hostname", hostname), ("chart", chart), ("dimension", dimension)):
            if not isinstance(value, str) or not value:
                return f"no {what}"
        found = FlatSeries(
            hostname=str(hostname),
            chart=str(chart),
            dimension=str(dimension),
            chart_name=str(document.get("chart_name") or chart),
            family=str(document.get("chart_family") or ""),
            context=str(document.get("chart_context") or chart),
            unit=str(document.get("units") or ""),
            name=str(document.get("name") or dimension),
        )
        place = self._known.setdefault(found, len(self.series))
        if place == len(self.series):
            self.series.append(found)
        return place


def json_document(text: bytes) -> dict[str, Any] | None:
    """The document in a line of JSON, with or without an array's brackets and commas; else None."""
    try:
        document = json.loads(text.strip(AROUND))
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def number(value: Any) -> float | None:
    """A number that is written as one, as text, as extended JSON or as a date; else None."""
    if isinstance(value, Mapping) and len(value) == 1:  # {"$numberDouble": "1.5"}
        (value,) = value.values()
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).timestamp()
    try:
        found = float(str(value)) if not isinstance(value, bool) else np.nan
    except ValueError:
        return None
    return found if np.isfinite(found) else None


def _batch(series: list[int], times: list[float], values: list[float]) -> Batch:
    return Batch(np.array(series, np.int32), np.array(times, float), np.array(values, float))


def _joined(batches: list[Batch]) -> Batch:
    there = [batch for batch in batches if len(batch.series)] or batches[:1]
    if len(there) == 1:
        return there[0]
    return Batch(
        np.concatenate([batch.series for batch in there]),
        np.concatenate([batch.times for batch in there]),
        np.concatenate([batch.values for batch in there]),
    )


def _gathered(data: bytes, series: list[int], ends: list[int], width: int) -> Batch:
    """The samples of documents that end there; `width` is the bytes of their timestamps."""
    if not series:
        return _batch([], [], [])
    stops = np.array(ends, dtype=np.int64)
    if width == 4:
        times = _numbers(data, stops - 5, "<i4").astype(np.float64)
    else:
        kinds = np.frombuffer(data, np.uint8)[stops - 20]
        places = stops - 9
        whole = _numbers(data, places, "<i8").astype(np.float64)
        times = np.where(kinds == _WIDE[0][0], whole, _numbers(data, places, "<f8"))
    values = _numbers(data, stops - 1 - width - len(_INT32) - 8, "<f8")
    values[np.isinf(values)] = np.nan
    return Batch(np.array(series, dtype=np.int32), times, values)


def _numbers(data: bytes, places: NDArray[np.int64], kind: str) -> NDArray[Any]:
    """The numbers of one kind that stand at these places."""
    width = np.dtype(kind).itemsize
    rows = np.frombuffer(data, dtype=np.uint8)[places[:, None] + np.arange(width)]
    return np.ascontiguousarray(rows).view(kind)[:, 0]
