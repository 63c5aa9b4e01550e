"""Cells of a table to times and numbers, and the row of one that cannot be."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ingest.tables.blocks import rows
from ingest.tables.mapping import ELAPSED, EPOCH, ISO, UNITS, Table, Time
from minion.errors import InvalidData

Floats = NDArray[np.float64]

_EARLIEST = 631_152_000.0  # the start of 1990: what is before is of another unit, or elapsed
_LATEST = 4_102_444_800.0  # the start of 2100
_YEARS = "from 1990 to 2099"
_ZONED = r"(?:Z|[T ].*[+-]\d\d(?::?\d\d)?)$"  # behind a time: of a date -22 is the day


class Cells:
    """Reads the cells of one file.

    path: of the file; table: what its columns mean.
    """

    def __init__(self, path: Path, table: Table) -> None:
        self.path = path
        self.table = table

    def missing(self, cells: pd.Series) -> NDArray[np.bool_]:
        """Whether a cell says that there is no value."""
        return np.asarray(cells.isin(self.table.missing).to_numpy(), dtype=bool)

    def numbers(self, cells: pd.Series) -> Floats:
        """The numbers that cells hold; NaN where there is none.

        Raises:
            InvalidData: a cell holds something else; its row is named.
        """
        there = ~self.missing(cells)
        found = self._read(cells.where(there, "nan"))
        wrong = there & ~np.isfinite(found)
        if wrong.any():
            sign = self.table.decimal
            raise self.wrong(cells, wrong, "a number" + f" like 1{sign}5" * (sign != "."))
        return np.asarray(found, dtype=np.float64)

    def times(self, cells: pd.Series, time: Time) -> Floats:
        """Seconds since the epoch, or since the run's start where times are elapsed.

        Raises:
            InvalidData: a cell holds something else; its row is named.
        """
        if time.format in (EPOCH, ELAPSED):
            found = self._read(cells) / UNITS[time.unit]
            expected = f"a number of {time.unit}"
            good = np.isfinite(found)
            if time.format == EPOCH:
                expected = (
                    f"{time.unit} since 1970, of a date {_YEARS} (another unit, elapsed, or a date?"
                    " See time.unit and time.format)"
                )
        else:
            try:
                found, expected = _dates(cells, time)
            except ValueError as error:  # the pattern itself
                raise InvalidData(f"{self.table.path}: time.format: {error}") from error
            good = np.isfinite(found)
        if time.format != ELAPSED:
            good &= (found >= _EARLIEST) & (found < _LATEST)
        if not good.all():
            raise self.wrong(cells, ~good, expected)
        return np.asarray(found, dtype=np.float64)

    def _read(self, cells: pd.Series) -> Floats:
        """The numbers that texts are; NaN where one is none."""
        if self.table.decimal != ".":
            # A point stands between thousands there: 1.234 is no 1,234.
            pointed = cells.str.contains(".", regex=False)
            cells = cells.str.replace(self.table.decimal, ".", regex=False).mask(pointed, "")
        return np.asarray(pd.to_numeric(cells, errors="coerce"), dtype=np.float64)

    def wrong(self, cells: pd.Series, bad: NDArray[np.bool_], expected: str) -> InvalidData:
        """The error of the first bad cell: file, line, column, value, what was expected."""
        place = int(np.flatnonzero(bad)[0])
        return self.at(
            int(cells.index[place]),
            f"column {cells.name!r} has {str(cells.iloc[place])!r}; expected {expected}",
        )

    def at(self, row: int, what: str) -> InvalidData:
        """An error of the row with this number."""
        return InvalidData(f"{self.path}:{self.line(row)}: {what} ({self.table.path.name})")

    def line(self, row: int) -> int:
        """The line of a row: cells may hold line breaks, and there may be blank lines."""
        if self.table.layout == "lines":
            return row
        # The head is row -1.
        found = (
            line
            for number, (line, _) in enumerate(rows(self.path, self.table), -1)
            if number == row
        )
        return next(found, 0)


def _dates(cells: pd.Series, time: Time) -> tuple[Floats, str]:
    iso = time.format == ISO
    pattern = "ISO8601" if iso else time.format
    if iso:
        zoned = cells.str.contains(_ZONED, regex=True).to_numpy(dtype=bool)
    else:
        zoned = np.full(len(cells), "%z" in time.format)
    found = np.full(len(cells), np.nan)
    for aware in (True, False):
        chosen = zoned == aware
        if not chosen.any():
            continue
        read = pd.to_datetime(cells[chosen], format=pattern, errors="coerce", utc=aware)
        if not aware:
            read = read.dt.tz_localize(time.zone, ambiguous="NaT", nonexistent="NaT")
        since = read - pd.Timestamp(0, unit="s", tz="UTC")
        found[chosen] = (since / pd.Timedelta(seconds=1)).to_numpy(np.float64)
    shape = "an ISO date" if iso else f"a date like {time.format}"
    return found, f"{shape} {_YEARS}, which the clock of {time.zone} shows once"
