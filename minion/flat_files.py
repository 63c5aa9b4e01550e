"""The study's flat collections as files, of mongoexport's form (JSON lines) or mongodump's (BSON).

A simulation is read host by host, so memory holds one host's series, however many there are.
"""

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Unpack, cast

import bson
import numpy as np
from bson import Int64, ObjectId, json_util
from numpy.typing import NDArray

from minion import flat
from minion.errors import AlreadyExists, InvalidData
from minion.files import written_whole
from minion.model import Simulation
from minion.selection import Choice, Selection
from minion.series import Series
from minion.store import Store

FORMS = ("json", "bson")
GZIP_LEVEL = 3  # three times as fast as 6, and a tenth larger
ENDINGS = tuple(f".{form}{packed}" for form in FORMS for packed in ("", ".gz"))
MOST_ROWS = 10_000  # documents that are made at once
LAST_INT32 = 2**31 - 1  # the exporter's timestamps are ints up to here
_ID_AT = 4 + len(b"\x07_id\x00")  # in a document: its length stands before


@dataclass(frozen=True, slots=True)
class FlatFile:
    """A file that was written, and how many documents are in it."""

    path: Path
    documents: int


def write_flat_files(
    store: Store, folder: str | Path, *, form: str = "json", **choice: Unpack[Choice]
) -> list[FlatFile]:
    """Write the four flat collections into a folder, all of them or none; returns the files.

    `netdata_metrics` is gzipped, the others are not. Its documents have new identities.

    Args:
        store: where the minions are.
        folder: is made when it lacks.
        form: `json`, a line a document, or `bson`.
        choice: experiment, platform, sims, include_excluded; see `Selection.of`.

    Raises:
        InvalidData: an unknown form.
        NotFound: a simulation, platform or experiment that was named, or there is none at all.
        Ambiguous: two of the simulations have the same identity.
        AlreadyExists: the folder has one of the collections.
        OutputError: the folder or a file cannot be written.
    """
    if form not in FORMS:
        raise InvalidData(f"--form {form}: there are {', '.join(FORMS)}")
    found = store.simulations(Selection.of(**choice))
    flat.check_distinct(found)
    place = Path(folder)
    for name in flat.COLLECTIONS:
        for there in (place / f"{name}{ending}" for ending in ENDINGS):
            if there.exists():
                raise AlreadyExists(f"{there} exists already; name another folder")
    paths = {name: place / f"{name}.{form}" for name in flat.COLLECTIONS}
    paths[flat.METRICS] = place / f"{flat.METRICS}.{form}.gz"
    counts = dict.fromkeys(flat.COLLECTIONS, 0)
    ids = _Identities()
    with ExitStack() as stack:
        # The samples are the last to be opened: what goes wrong in between is most likely theirs.
        files = {
            name: stack.enter_context(
                _opened(stack.enter_context(written_whole(path)), packed=name == flat.METRICS)
            )
            for name, path in paths.items()
        }
        for simulation in found:
            for name, rows in _rows(simulation).items():
                counts[name] += len(rows)
                for row in rows:
                    files[name].write(_document(row, form))
            for series in _series(store, simulation):
                counts[flat.METRICS] += series.samples
                for part in _parts(series, ids):
                    files[flat.METRICS].write(_samples(part, form))
    return [FlatFile(path, counts[name]) for name, path in paths.items()]


@contextmanager
def _opened(path: Path, *, packed: bool) -> Iterator[BinaryIO]:
    with path.open("wb") as plain:
        if not packed:
            yield plain
            return
        # Without a name and a time in it, the same samples give the same bytes.
        with gzip.GzipFile("", "wb", GZIP_LEVEL, plain, mtime=0) as file:
            yield cast("BinaryIO", file)


def _rows(simulation: Simulation) -> dict[str, list[flat.Row]]:
    return {
        flat.SIMULATIONS: [flat.simulation_row(simulation)],
        flat.HOSTS: flat.host_rows(simulation),
        flat.EVENTS: flat.event_rows(simulation),
    }


def _series(store: Store, simulation: Simulation) -> Iterator[Series]:
    for hostname in store.coverage(simulation)["hostname"].unique():
        yield from store.series(simulation, hosts=[hostname])


def _document(row: flat.Row, form: str) -> bytes:
    if form == "bson":
        return bson.encode(row)
    return _line(row).encode() + b"\n"


def _line(row: flat.Row) -> str:
    return json_util.dumps(
        row,
        json_options=json_util.RELAXED_JSON_OPTIONS,
        separators=(",", ":"),
        ensure_ascii=False,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Samples of one dimension, no more than MOST_ROWS: what they have in common, and the rest.

    ids: rows of 12 bytes.
    """

    common: flat.Row
    ids: NDArray[np.uint8]
    values: NDArray[np.float64]
    seconds: NDArray[np.int64]


class _Identities:
    """New ObjectIds by the thousand: the time, then a number that counts up from a random one."""

    def __init__(self) -> None:
        identity = ObjectId().binary
        self._time = np.frombuffer(identity[:4], np.uint8)
        # The highest bit is off: it counts for ever before it would turn over.
        self._next = int.from_bytes(identity[4:], "big") & (2**63 - 1)

    def take(self, count: int) -> NDArray[np.uint8]:
        numbers = np.arange(count, dtype=np.uint64) + np.uint64(self._next)
        self._next += count
        ids = np.empty((count, 12), dtype=np.uint8)
        ids[:, :4] = self._time
        ids[:, 4:] = numbers.astype(">u8").view(np.uint8).reshape(count, 8)
        return ids


def _parts(series: Series, ids: _Identities) -> Iterator[_Part]:
    common = {
        "prefix": flat.PREFIX,
        "hostname": series.hostname,
        "chart_id": series.chart,
        "chart_name": series.name or series.chart,
        "chart_family": series.family,
        "chart_context": series.context,
        "chart_type": series.chart.partition(".")[0],
        "units": series.unit,
    }
    seconds = np.rint(series.times).astype(np.int64)
    for column, dimension in enumerate(series.dimensions):
        there = np.flatnonzero(~np.isnan(series.values[:, column]))
        named = {**common, "id": dimension.id, "name": dimension.name}
        for first in range(0, len(there), MOST_ROWS):
            rows = there[first : first + MOST_ROWS]
            values = series.values[rows, column]
            yield _Part(named, ids.take(len(rows)), values, seconds[rows])


def _samples(part: _Part, form: str) -> bytes:
    return _bson_samples(part) if form == "bson" else _json_samples(part)


def _json_samples(part: _Part) -> bytes:
    middle = _line(part.common)[1:-1]
    text = part.ids.tobytes().hex()
    values, seconds = part.values.tolist(), part.seconds.tolist()
    lines = [
        f'{{"_id":{{"$oid":"{text[24 * row : 24 * row + 24]}"}},{middle}'
        f',"value":{value!r},"timestamp":{time}}}\n'
        for row, (value, time) in enumerate(zip(values, seconds, strict=True))
    ]
    return "".join(lines).encode()


def _bson_samples(part: _Part) -> bytes:
    """All documents are one that is copied, and filled in where they differ."""
    wide = part.seconds.max(initial=0) > LAST_INT32
    time: int = Int64(0) if wide else 0
    one = bson.encode({"_id": ObjectId(), **part.common, "value": 0.0, "timestamp": time})
    documents = np.tile(np.frombuffer(one, np.uint8), (len(part.values), 1))
    size = 8 if wide else 4
    after_value = len(one) - 1 - size - len(b"\x10timestamp\x00")
    documents[:, _ID_AT : _ID_AT + 12] = part.ids
    documents[:, after_value - 8 : after_value] = _bytes(part.values, "<f8")
    documents[:, -1 - size : -1] = _bytes(part.seconds, f"<i{size}")
    return documents.tobytes()


def _bytes(numbers: NDArray[Any], kind: str) -> NDArray[np.uint8]:
    """The bytes of each number, a row each."""
    return numbers.astype(kind).view(np.uint8).reshape(len(numbers), -1)
