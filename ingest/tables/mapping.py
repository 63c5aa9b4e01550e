"""Which column says what: a mapping from somebody's tables to runs."""

from collections.abc import Mapping as Lookup
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from minion.errors import InvalidData
from minion.model import EventType

LAYOUTS = ("long", "wide", "lines")
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
EPOCH, ELAPSED, ISO = "epoch", "elapsed", "iso"
MISSING = ("", "NA", "NaN", "nan", "null", "NULL", "None", "-")
REST = "*"


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a value stands: in a column of every row, or the same for all rows."""

    column: str | None = None
    fixed: str | None = None


@dataclass(frozen=True, slots=True)
class Time:
    """How the time of a row is written.

    column: that it stands in; None for `lines`, whose values are times.
    format: `epoch`, `elapsed` (since `start`), `iso`, or a pattern of strptime.
    unit: of epoch and elapsed: s, ms, us or ns.
    zone: of dates that do not say theirs.
    start: of a run whose times are elapsed, in seconds since the epoch.
    """

    column: str | None
    format: str = EPOCH
    unit: str = "s"
    zone: str = "UTC"
    start: float | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of a wide table: its unit, and its dimensions, columns all (None: the rest)."""

    name: str
    unit: str
    columns: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Figure:
    """A measurement: the column that it stands in, and its unit."""

    name: str
    column: str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the columns of one kind of files mean.

    path: of the mapping, for messages.
    files: a pattern of the names of those files.
    chart, dimension, unit, value: of a long table.
    charts: of a wide one.
    event, body: columns of events; types and phases: what their names stand for.
    """

    path: Path
    files: str = "*"
    layout: str = "wide"
    delimiter: str = ","
    decimal: str = "."
    missing: tuple[str, ...] = MISSING
    simulation: Cell = Cell()
    platform: Cell = Cell()
    host: Cell = Cell()
    role: Cell = Cell()
    time: Time | None = None
    chart: Cell = Cell()
    dimension: Cell = Cell()
    unit: Cell = Cell()
    value: Cell = Cell()
    charts: tuple[Chart, ...] = ()
    event: Cell = Cell()
    body: Cell = Cell()
    types: Lookup[str, EventType] = field(default_factory=dict)
    phases: Lookup[str, tuple[EventType, str]] = field(default_factory=dict)
    measurements: tuple[Figure, ...] = ()
    parameters: Lookup[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The columns that the mapping names."""
        cells = (
            *(self.simulation, self.platform, self.host, self.role),
            *(self.chart, self.dimension, self.unit, self.value, self.event, self.body),
        )
        named = [cell.column for cell in cells]
        named += [self.time.column] if self.time else []
        named += [column for chart in self.charts for column in chart.columns or ()]
        named += [figure.column for figure in self.measurements]
        named += list(self.parameters.values())
        return list(dict.fromkeys(name for name in named if name is not None))


def table_for(tables: Sequence[Table], path: Path) -> Table:
    """The first table whose `files` fits the name of a file.

    Raises:
        InvalidData: there is none.
    """
    for table in tables:
        if fnmatch(path.name, table.files):
            return table
    patterns = ", ".join(table.files for table in tables)
    raise InvalidData(f"{path}: no table of {tables[0].path} is for it; there are: {patterns}")
