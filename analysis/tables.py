"""Frames as tables for readers: numbers in words, and a key to sort each cell by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

NOTHING = "none"


@dataclass(frozen=True, slots=True)
class Cell:
    """What a reader sees, and what it is sorted by.

    text: shown.
    sort: a number or text; None stays at the end.
    note: smaller, behind the text.
    bar: length of a bar under the text, 0 to 1; None for none.
    colour: of the bar, or of the mark before the text.
    """

    text: str
    sort: float | str | None = None
    note: str = ""
    bar: float | None = None
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A caption, the columns (name, whether its cells are numbers), and rows of cells."""

    caption: str
    columns: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __len__(self) -> int:
        return len(self.rows)


def number(value: float, digits: int) -> str:
    """A number with that many decimals and commas at the thousands; "none" for NaN."""
    return f"{value:,.{digits}f}" if np.isfinite(value) else NOTHING


def between(low: float, high: float, digits: int) -> str:
    """Two numbers with "to" between; "none" when there is no interval."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return NOTHING
    return f"{number(low, digits)} to {number(high, digits)}"


def decimals(values: Iterable[float]) -> int:
    """How many decimals suit a column: about three digits of its typical (median) number."""
    sizes = [abs(value) for value in values if np.isfinite(value)]
    typical = float(np.median(sizes)) if sizes else 0.0
    return next((digits for limit, digits in ((1000, 0), (30, 1), (0.3, 2)) if typical >= limit), 3)


def statistics_table(
    table: pd.DataFrame, *, caption: str, colours: Mapping[str, str], digits: int
) -> Table:
    """What `analysis.intervals.intervals` gave, a row for each of its rows.

    Args:
        table: phase, platform, dimension where it has it, n, mean, low, high, median, sd, min, max.
        caption: of the table.
        colours: of the platforms.
        digits: decimals of every number.
    """
    dimensions = "dimension" in table
    numbers = ["mean", "low", "high", "median", "sd", "min", "max"]
    values = table[numbers].to_numpy(dtype=np.float64)
    order = {str(name): place for place, name in enumerate(table["phase"].cat.categories)}
    rows = []
    for place, (phase, platform, n) in enumerate(
        zip(table["phase"], table["platform"], table["n"].tolist(), strict=True)
    ):
        mean, low, high, *others = values[place].tolist()
        rows.append(
            (
                Cell(str(phase), float(order[str(phase)])),
                *([Cell(str(table["dimension"].iloc[place]))] if dimensions else []),
                Cell(str(platform), str(platform), colour=colours.get(str(platform), "")),
                Cell(str(n), n),
                Cell(number(mean, digits), _key(mean)),
                Cell(between(low, high, digits), _key(low)),
                *(Cell(number(value, digits), _key(value)) for value in others),
            )
        )
    columns = [
        ("Phase", False),
        *([("Dimension", False)] if dimensions else []),
        ("Platform", False),
        *((name, True) for name in ("Runs", "Mean", "95 % interval of the mean")),
        *((name, True) for name in ("Median", "SD", "Least", "Largest")),
    ]
    return Table(caption, tuple(columns), tuple(rows))


def text_table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> Table:
    """A table of words, sorted as people sort names, and of cells that know better."""
    cells = tuple(
        tuple(item if isinstance(item, Cell) else Cell(item, item) for item in row) for row in rows
    )
    return Table(caption, tuple((name, False) for name in columns), cells)


def _key(value: float) -> float | None:
    return value if np.isfinite(value) else None
