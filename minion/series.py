"""Samples to documents and back: the array buckets.

A series is what one chart of one host measured in one simulation. It is stored as *stretches*:
one document per cell of a grid that begins at the run's start, holding one array of doubles per
dimension. A regular stretch has `first` and `step` instead of timestamps; an irregular one carries
`t`. What was not measured is null. A stretch depends on nothing but the samples inside its cell,
so writing a window twice, or in other pieces, ends in the same documents.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from bson import ObjectId
from numpy.typing import NDArray

from minion.errors import InvalidData

LIVE_ROWS = 64  # rows of a stretch while a run is in progress: cheap to write again
SETTLED_ROWS = 4096  # and when it is complete
MOST_BYTES = 1_000_000  # of a stretch's arrays
_ELEMENT_BYTES = 14  # of a BSON array: type, four digits and their end, eight bytes of a double

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One line of a chart: netdata's id of it (`InOctets`) and its name (`received`)."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """The samples of one chart on one host.

    times: n timestamps, seconds since the epoch, increasing; netdata's are the ends of the
        intervals that it averaged over.
    values: n rows, a column per dimension; NaN where there is no sample.
    step: seconds between samples; None for a series that is not sampled regularly.
    """

    hostname: str
    chart: str
    context: str
    family: str
    unit: str
    dimensions: tuple[Dimension, ...]
    times: Floats
    values: Floats
    step: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        shape = (len(self.times), len(self.dimensions))
        where = f"series {self.chart} of {self.hostname}"
        if self.values.shape != shape:
            raise InvalidData(f"{where}: values have the shape {self.values.shape}, not {shape}")
        if len({d.id for d in self.dimensions}) < len(self.dimensions):
            raise InvalidData(f"{where}: two dimensions have one id")
        if not np.all(np.isfinite(self.times)) or np.any(np.diff(self.times) <= 0):
            raise InvalidData(f"{where}: timestamps do not increase")
        if np.any(np.isinf(self.values)):
            raise InvalidData(f"{where}: a value is infinite")
        if self.step is not None and not (np.isfinite(self.step) and self.step > 0):
            raise InvalidData(f"{where}: a step of {self.step} s")

    @property
    def samples(self) -> int:
        """Number of values that are there."""
        return int(np.count_nonzero(~np.isnan(self.values)))

    def window(self, first: float, last: float) -> "Series":
        """The rows with first <= timestamp < last."""
        return self._rows((self.times >= first) & (self.times < last))

    def compact(self) -> "Series":
        """Without rows that hold nothing, and without dimensions that hold nothing."""
        there = ~np.isnan(self.values)
        if there.all() and there.size:
            return self
        rows, columns = there.any(axis=1), there.any(axis=0)
        if rows.all() and columns.all():
            return self
        kept = tuple(self.dimensions[place] for place in np.flatnonzero(columns))
        return replace(
            self, dimensions=kept, times=self.times[rows], values=self.values[rows][:, columns]
        )

    def merge(self, other: "Series") -> tuple["Series", int]:
        """Both together, and how many values of `other` differ from what is here already.

        Where both have a value, the one that is here stays.
        """
        named = {d.id: d for d in (*other.dimensions, *self.dimensions)}
        ids = list(dict.fromkeys(d.id for d in (*self.dimensions, *other.dimensions)))
        times = np.union1d(self.times, other.times)
        values = np.full((len(times), len(ids)), np.nan)

        def place(part: Series) -> tuple[NDArray[Any], ...]:
            columns = np.array([ids.index(d.id) for d in part.dimensions], dtype=np.intp)
            return np.ix_(np.searchsorted(times, part.times), columns)

        for part in (other, self):
            block = place(part)
            values[block] = np.where(np.isnan(part.values), values[block], part.values)
        differing = (values[place(other)] != other.values) & ~np.isnan(other.values)
        merged = replace(self, dimensions=tuple(named[i] for i in ids), times=times, values=values)
        return merged, int(np.count_nonzero(differing))

    def cut(self, origin: float, rows: int) -> Iterator[tuple[float, "Series"]]:
        """The parts of this series by cell: (the cell's start in seconds since origin, rows).

        A cell is `rows` steps long, and halved until it holds no more than 1 MB of arrays.
        """
        series = self.compact()
        if len(series.times):
            yield from _cut(series, origin, rows * (series.step or 1.0))

    def _rows(self, chosen: NDArray[Any]) -> "Series":
        if chosen.all():
            return self
        return replace(self, times=self.times[chosen], values=self.values[chosen])


def _cut(series: Series, origin: float, length: float) -> Iterator[tuple[float, Series]]:
    cells = np.floor((series.times - origin) / length)
    alone = cells[0] == cells[-1]  # times increase
    for cell in cells[:1] if alone else np.unique(cells):
        # What comes here is compact.
        part = series if alone else series._rows(cells == cell).compact()  # noqa: SLF001  own class
        grid = _grid(part)
        rows = len(part.times) if grid is None else int(grid[-1]) + 1
        columns = len(part.dimensions) + (grid is None)
        if rows * columns * _ELEMENT_BYTES > MOST_BYTES and len(part.times) > 1:
            yield from _cut(part, origin, length / 2)
        else:
            yield float(cell * length), part


def _grid(series: Series) -> NDArray[np.intp] | None:
    """The row of each timestamp on the grid of `step`; None when it has none worth keeping."""
    if series.step is None:
        return None
    places = (series.times - series.times[0]) / series.step
    rows = np.rint(places).astype(np.intp)
    if np.any(np.abs(places - rows) > 1e-6) or rows[-1] + 1 > 2 * len(rows):
        return None  # off the grid, or more gap than samples
    return np.asarray(rows)


# ---------------------------------------------------------------- to documents


def to_document(simulation: ObjectId, stretch: float, series: Series) -> dict[str, Any]:
    """The document of one stretch, as `Series.cut` gave it."""
    times, values = arrays(series)
    document = head(simulation, stretch, series, len(values), series.samples)
    if times is not None:
        document["t"] = times.tolist()
    document["dimensions"] = [
        {"id": d.id, "name": d.name, "values": _nulled(values[:, column])}
        for column, d in enumerate(series.dimensions)
    ]
    return document


def arrays(series: Series) -> tuple[Floats | None, Floats]:
    """The arrays of a stretch: timestamps where no grid says them, and values on every row."""
    grid = _grid(series)
    values = np.asarray(series.values, dtype=np.float64)
    if grid is None:
        return np.asarray(series.times, dtype=np.float64), values
    rows = int(grid[-1]) + 1
    if rows == len(grid):
        return None, values
    spread = np.full((rows, len(series.dimensions)), np.nan)
    spread[grid] = values
    return None, spread


def head(
    simulation: ObjectId, stretch: float, series: Series, rows: int, samples: int
) -> dict[str, Any]:
    """The document of one stretch without its arrays."""
    document: dict[str, Any] = {
        "simulation": simulation,
        "hostname": series.hostname,
        "chart": series.chart,
        "stretch": stretch,
        "name": series.name or series.chart,
        "context": series.context,
        "family": series.family,
        "unit": series.unit,
        "first": float(series.times[0]),
        "last": float(series.times[-1]),
    }
    if series.step is not None:
        document["step"] = float(series.step)
    document["n"] = rows
    document["samples"] = samples
    return document


def _nulled(column: Floats) -> list[float | None]:
    values: list[float | None] = column.tolist()
    if np.isnan(column).any():
        return [None if value != value else value for value in values]  # noqa: PLR0124  NaN
    return values


def schema() -> dict[str, Any]:
    """MongoDB's `$jsonSchema` for the documents that `to_document` makes."""
    text, number = {"bsonType": "string"}, {"bsonType": "double"}
    count = {"bsonType": ["int", "long"], "minimum": 0}
    array = {"bsonType": "array", "items": {"bsonType": ["double", "null"]}}
    properties: dict[str, Any] = {
        "simulation": {"bsonType": "objectId"},
        **dict.fromkeys(("hostname", "chart", "name", "context", "family", "unit"), text),
        **dict.fromkeys(("stretch", "first", "last"), number),
        "n": count,
        "samples": count,
    }
    dimension = {
        "bsonType": "object",
        "required": ["id", "name", "values"],
        "properties": {"id": text, "name": text, "values": array},
    }
    return {
        "bsonType": "object",
        "required": [*properties, "dimensions"],
        "properties": {
            **properties,
            "step": number,
            "t": {"bsonType": "array", "items": number},
            "dimensions": {"bsonType": "array", "items": dimension},
        },
    }


# ---------------------------------------------------------------- from documents


def from_documents(documents: Sequence[Mapping[str, Any]]) -> list[Series]:
    """The series of decoded documents of one simulation: stretches of one chart put together."""
    key = itemgetter("hostname", "chart")
    ordered = sorted(documents, key=lambda d: (*key(d), d["stretch"]))
    found = []
    for _, stretches in groupby(ordered, key=key):
        series: Series | None = None
        for document in stretches:
            part = _from_document(document)
            series = part if series is None else series.merge(part)[0]
        if series is not None:
            found.append(series)
    return found


def _from_document(document: Mapping[str, Any]) -> Series:
    dimensions = document["dimensions"]
    times = (
        np.array(document["t"], dtype=np.float64)
        if "t" in document
        else document["first"] + document["step"] * np.arange(document["n"])
    )
    series = Series(
        hostname=document["hostname"],
        chart=document["chart"],
        name=document["name"],
        context=document["context"],
        family=document["family"],
        unit=document["unit"],
        dimensions=tuple(Dimension(d["id"], d["name"]) for d in dimensions),
        times=times,
        values=np.array([d["values"] for d in dimensions], dtype=np.float64).T,
        step=document.get("step"),
    )
    return series.compact()
