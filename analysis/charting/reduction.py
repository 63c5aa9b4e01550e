"""Fewer points that look the same: what a line of some hundred pixels can show of a series."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.charting.labels import has_values

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

SERIES = ("experiment", "platform", "sim_id", "hostname", "role", "dimension")
POINTS = 160  # of a line in a facet
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


def lines(frame: pd.DataFrame, by: Sequence[str], *, points: int = POINTS) -> list[Line]:
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


def reduction_error(
    frame: pd.DataFrame,
    by: Sequence[str] = SERIES,
    *,
    points: int = POINTS,
    width: int = 220,
    height: int = 46,
    top: float | None = None,
) -> pd.DataFrame:
    """How far the lines that are drawn lie from the full ones.

    Args:
        frame: the columns of `by`, elapsed_s and value.
        by: the columns that together name one series.
        points: as of `lines`.
        width, height: of a panel in pixels.
        top: value at the panel's upper edge, whose lower is 0; default: the largest value.

    Returns:
        A row per series: the columns of `by`, samples, points (that are drawn); mean, largest
        (distance of the samples from the drawn line, in the values' unit); mean_px, largest_px
        (in each column of pixels the distance between the ends of what both lines cover there, the
        larger of upper and lower end, in pixels). A line that loses no extreme may still be off
        between them, which `largest` shows and an eye does not: `largest_px` is what it sees.

    Raises:
        InvalidData: the frame lacks a column, or has no value.
    """
    has_values(frame, "value", *by, "elapsed_s")
    full = lines(frame, by, points=max(len(frame), 2))
    drawn = lines(frame, by, points=points)
    values = frame["value"].to_numpy(dtype=np.float64)
    peak = top if top is not None else float(np.nanmax(values, initial=0.0))
    scale = height / peak if peak > 0 else 0.0
    last = float(np.nanmax(frame["elapsed_s"].to_numpy(dtype=np.float64), initial=0.0)) or 1.0
    rows = []
    for before, after in zip(full, drawn, strict=True):
        t, v = _known(before)
        kept_t, kept_v = _known(after)
        if not len(t):
            rows.append((*before.keys, 0, 0, *[np.nan] * 4))
            continue
        off = np.abs(np.interp(t, kept_t, kept_v) - v)
        edges = np.linspace(0, last, width + 1)
        ends = [_covered(*line, edges) for line in ((t, v), (kept_t, kept_v))]
        apart = np.fmax.reduce(np.abs(ends[0] - ends[1]), axis=0) * scale
        seen = apart[np.isfinite(apart)]
        rows.append(
            (
                *before.keys,
                len(t),
                len(kept_t),
                float(off.mean()),
                float(off.max()),
                float(seen.mean()) if seen.size else np.nan,
                float(seen.max()) if seen.size else np.nan,
            )
        )
    columns = [*by, "samples", "points", "mean", "largest", "mean_px", "largest_px"]
    return pd.DataFrame(rows, columns=columns)


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


def _known(line: Line) -> tuple[Floats, Floats]:
    value = np.array([np.nan if v is None else v for v in line.value], dtype=np.float64)
    there = ~np.isnan(value)
    return np.array(line.elapsed_s, dtype=np.float64)[there], value[there]


def _covered(t: Floats, v: Floats, edges: Floats) -> Floats:
    """Lower and upper end of what a line covers in each column of pixels; NaN where it is not."""
    # Where a line enters and leaves a column it is between two points.
    inside = edges[(edges > t[0]) & (edges < t[-1])]
    at = np.concatenate([t, inside])
    value = np.concatenate([v, np.interp(inside, t, v)])
    ends = np.full((2, len(edges) - 1), np.nan)
    sides: tuple[Literal["left", "right"], ...] = ("left", "right")
    for side in sides:
        # A point on an edge belongs to the columns on both sides.
        column = np.searchsorted(edges, at, side=side) - 1
        ok = (column >= 0) & (column < len(edges) - 1)
        np.fmin.at(ends[0], column[ok], value[ok])
        np.fmax.at(ends[1], column[ok], value[ok])
    return ends


def _rounded(value: Floats) -> Floats:
    """To five digits of the largest: finer than a pixel, and short in JSON."""
    largest = np.abs(value).max()
    digits = 5 if largest == 0 else int(np.clip(4 - np.floor(np.log10(largest)), 0, 12))
    return np.round(value, digits)
