"""The columns of a frame while it is put together: texts as codes, numbers in memory that grows."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_FIRST_ROOM = 65_536  # rows

Codes = NDArray[np.signedinteger]


class TextColumn:
    """A categorical column in the making: names, and a code per run of equal rows."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self._last: str | None = None
        self._codes: list[int] = []
        self._lengths: list[int] = []

    def code(self, text: str) -> int:
        """The code of a text; a new one for a new text."""
        return self.places.setdefault(text, len(self.places))

    def add(self, text: str, rows: int) -> None:
        """Add rows that all have this text."""
        if text == self._last:
            self._lengths[-1] += rows
        elif rows:
            self._last = text
            self._codes.append(self.code(text))
            self._lengths.append(rows)

    def take(self, out: Codes) -> None:
        """Write the codes of the first rows; those of the others stay."""
        at = used = 0
        while at < len(out):
            end = min(at + self._lengths[used], len(out))
            out[at:end] = self._codes[used]
            self._lengths[used] -= end - at
            used += not self._lengths[used]
            at = end
        del self._codes[:used], self._lengths[:used]
        if not self._codes:
            self._last = None


class NumberColumn:
    """A column of numbers that grows."""

    def __init__(self, dtype: type[np.generic], expected: int) -> None:
        self._first = max(expected, _FIRST_ROOM)
        self._array = np.empty(0, dtype=dtype)

    def room(self, at: int, shape: tuple[int] | tuple[int, int]) -> NDArray[Any]:
        """The memory of the rows from `at` on, to be written."""
        end = at + (shape[0] if len(shape) == 1 else shape[0] * shape[1])
        if end > len(self._array):
            most = max(end, 2 * len(self._array), self._first)
            larger = np.empty(most, dtype=self._array.dtype)
            larger[:at] = self._array[:at]
            self._array = larger
        return self._array[at:end].reshape(shape)

    def take(self, rows: int, filled: int) -> NDArray[Any]:
        """The first rows; the others of those that are filled move to the front."""
        taken = self._array
        self._array = taken[rows:filled].copy()
        taken.resize(rows, refcheck=False)  # gives memory back without a copy
        return taken


def code_type(names: int) -> type[np.signedinteger]:
    """The type of the codes of so many names, as pandas chooses it."""
    return next(t for t in (np.int8, np.int16, np.int32) if names < np.iinfo(t).max)


def memory(rows: int, texts: Mapping[str, TextColumn]) -> Iterator[tuple[str, Codes]]:
    """Memory for the codes of each column.

    One block: the kernel gives small ones page by page, which takes longer than filling them.
    """
    types = {name: np.dtype(code_type(len(column.places))) for name, column in texts.items()}
    block = np.empty(rows * sum(one.itemsize for one in types.values()), dtype=np.uint8)
    at = 0
    for name in sorted(types, key=lambda name: -types[name].itemsize):  # so that all are aligned
        end = at + rows * types[name].itemsize
        yield name, block[at:end].view(types[name])
        at = end


def categorical(codes: Codes, names: Iterable[str]) -> pd.Categorical:
    """The column of these codes; -1 is nothing."""
    return pd.Categorical.from_codes(codes, dtype=category_type(tuple(names)), validate=False)


@lru_cache(maxsize=64)
def category_type(names: tuple[str, ...]) -> pd.CategoricalDtype:
    """The type of columns with these categories; pandas takes longer to make it than the column."""
    return pd.CategoricalDtype(pd.Index(names, dtype="str"))
