"""Fewer points that look the same: what a line of some hundred pixels can show of a series."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

GAP = 1.5  # usual steps: what is further apart is not connected


@dataclass(frozen=True, slots=True)
class Line:
    """One series, ready to draw.

    keys: the values of the columns that it was grouped by.
    elapsed_s, value: its points; a value of None breaks the line.
    """

    keys: tuple[str, ...]
    elapsed_s: list[float]
    value: list[float | None]


def lines(frame: pd.DataFrame, by: Sequence[str], *, points: int = 100) -> list[Line]:
    """The series of a tidy frame, each reduced to about `points` points.

    Args:
        frame: the columns of `by`, elapsed_s and value.
        by: the columns that together name one series.
        points: how many points each may keep. Both ends of every stretch without a gap are kept
            besides.

    Returns:
        A line for each series, in order of first appearance.
    """
    groups = frame.groupby(list(by), observed=True, sort=False, dropna=False)
    number = groups.ngroup().to_numpy()
    order = np.lexsort((frame["elapsed_s"].to_numpy(), number))
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    names = frame[list(by)].iloc[order[starts]].astype("object").to_numpy()
    elapsed = frame["elapsed_s"].to_numpy()[order]
    value = frame["value"].to_numpy(dtype=np.float64)[order]
    return [
        Line(tuple("" if pd.isna(name) else str(name) for name in keys), *_points(t, v, points))
        for keys, t, v in zip(
            names, np.split(elapsed, starts[1:]), np.split(value, starts[1:]), strict=True
        )
    ]


def min_max(value: Floats, points: int) -> Places:
    """The places of the least and the largest value in each of `points` / 2 equal parts.

    Every extreme of the whole survives, and so does the look of a line that is no more than
    `points` pixels wide (MinMax: Jugel et al., M4, VLDB 2014, section 4, compare it).
    """
    if len(value) <= points:
        return np.arange(len(value))
    parts = max(1, points // 2)
    length = -(-len(value) // parts)
    padding = parts * length - len(value)
    low = np.pad(value, (0, padding), constant_values=np.inf).reshape(parts, length)
    high = np.pad(value, (0, padding), constant_values=-np.inf).reshape(parts, length)
    first = np.arange(parts) * length
    places = np.union1d(first + low.argmin(axis=1), first + high.argmax(axis=1))
    return places[places < len(value)]


def breaks(elapsed_s: Floats) -> Places:
    """The places that a gap precedes: a step of more than 1.5 times the usual (median) one."""
    steps = np.diff(elapsed_s)
    if not len(steps):
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(steps > GAP * np.median(steps)) + 1


def _points(
    elapsed_s: Floats, value: Floats, points: int
) -> tuple[list[float], list[float | None]]:
    there = ~np.isnan(value)
    elapsed_s, value = elapsed_s[there], value[there]
    if not len(value):
        return [], []
    gaps = breaks(elapsed_s)
    ends = np.concatenate(([0, len(value) - 1], gaps - 1, gaps))
    kept = np.union1d(min_max(value, points), ends)
    times = np.round(elapsed_s, 1)
    values = _rounded(value)
    # A gap lies behind the last point before it: there the line is lifted.
    lifted = np.searchsorted(kept, gaps)
    drawn_times = np.insert(times[kept], lifted, times[gaps - 1])
    drawn: list[float | None] = np.insert(values[kept], lifted, np.nan).tolist()
    for place in lifted + np.arange(len(lifted)):
        drawn[place] = None
    return drawn_times.tolist(), drawn


def _rounded(value: Floats) -> Floats:
    """To five digits of the largest: finer than a pixel, and short in JSON."""
    largest = np.abs(value).max()
    digits = 5 if largest == 0 else int(np.clip(4 - np.floor(np.log10(largest)), 0, 12))
    return np.round(value, digits)
