"""Tables for readers: cells as text, with a key to sort them by and exact values to copy."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

Exact = float | str | None


@dataclass(frozen=True, slots=True)
class Cell:
    """What a reader sees, what it is sorted by, and what is copied.

    text: shown.
    sort: a number or text; None stays at the end.
    note: smaller, behind the text.
    bar: length of a bar under the text, 0 to 1; None for none.
    colour: of the bar, or of the mark before the text.
    exact: copied, a value for each of the column's parts; empty: `sort` if it is a number, else
        the text.
    """

    text: str
    sort: float | str | None = None
    note: str = ""
    bar: float | None = None
    colour: str = ""
    exact: tuple[Exact, ...] = ()

    @property
    def copied(self) -> tuple[Exact, ...]:
        """What stands in a copy."""
        return self.exact or ((self.sort if isinstance(self.sort, float) else self.text),)


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column.

    number: its cells are numbers.
    platform: it is about this one only.
    parts: the names of what its cells hold, where that is more than one value.
    """

    name: str
    number: bool = False
    platform: str = ""
    parts: tuple[str, ...] = ()

    @property
    def copied(self) -> list[str]:
        """Its names in a copy."""
        return [f"{self.name}: {part}" for part in self.parts] or [self.name]


@dataclass(frozen=True, slots=True)
class Row:
    """Cells, and the platforms and the phase that they are about; empty for all."""

    cells: tuple[Cell, ...]
    platforms: tuple[str, ...] = ()
    phase: str = ""


@dataclass(slots=True)
class Table:
    """A caption, columns and rows.

    identity: of its element.
    tools: whether it can be sorted, filtered and copied.
    figure: identity of the figure that it holds the numbers of.
    number: in the page, given when that is made.
    """

    template: ClassVar[str] = "table"
    identity: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    tools: bool = True
    figure: str = ""
    number: int = 0

    def __len__(self) -> int:
        return len(self.rows)


def text_table(
    identity: str, caption: str, columns: Sequence[str], rows: Iterable[Sequence[str | Cell]]
) -> Table:
    """A table of words, sorted as people sort names, and of cells that know better."""
    made = [
        Row(tuple(item if isinstance(item, Cell) else Cell(item, item) for item in row))
        for row in rows
    ]
    return Table(identity, caption, [Column(name) for name in columns], made)


def with_notes(table: Table, name: str) -> Table:
    """The table itself, the notes of its first cells in a column of their own where it is copied.

    Args:
        table: whose rows begin with a text and a note.
        name: of what the notes are: `unit`.
    """
    first, *others = table.columns
    table.columns = [replace(first, parts=("name", name)), *others]
    table.rows = [
        replace(row, cells=(replace(head, exact=(head.text, head.note)), *cells))
        for row in table.rows
        for head, *cells in [row.cells]
    ]
    return table


def key(value: float) -> float | None:
    """What a number is sorted by: nothing, where there is none."""
    return float(value) if np.isfinite(value) else None
