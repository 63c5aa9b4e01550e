"""Samples reduced to cells: a row per run, host, dimension and phase."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from minion.lifecycle import TOTAL

SERIES = ["experiment", "platform", "sim_id", "hostname", "role", "metric", "dimension", "unit"]
PERCENT = "%"
TOLERANCE = 1.0  # percentage points: an agent's intervals are not exactly as long as it assumes

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]


def cells(frame: pd.DataFrame) -> pd.DataFrame:
    """What a check needs to know of each phase of each series, and of each whole series.

    A value is impossible when it is not finite, is negative, or is more than a percentage point
    above 100 %.

    Args:
        frame: as `utilization` gives it: ordered by run, host, dimension and time.

    Returns:
        experiment, platform, sim_id, hostname, role, metric, dimension, unit, phase (text; the
        whole series is "Total simulation time"), n (samples), mean, least, largest, longest (most
        consecutive samples with one value), held (that value), equal (how many samples are the
        same as the one before), impossible (how many samples are), first_s and step_s (elapsed
        time of the first sample, and the median distance between samples, in seconds; step_s is
        NaN for one sample). Samples outside of every phase are in none.
    """
    inside = frame["phase"].cat.codes.to_numpy() >= 0
    frame = frame if inside.all() else frame[inside]
    if frame.empty:
        return _empty()
    changes = np.zeros(len(frame), dtype=np.bool_)
    changes[0] = True
    for name in SERIES:
        changes[1:] |= np.diff(frame[name].cat.codes.to_numpy()) != 0
    phases = changes.copy()
    phases[1:] |= np.diff(frame["phase"].cat.codes.to_numpy()) != 0
    whole = _reduced(frame, changes).assign(phase=TOTAL.name)
    parts = _reduced(frame, phases)
    return pd.concat([_joined(parts), whole], ignore_index=True)


def _reduced(frame: pd.DataFrame, changes: Flags) -> pd.DataFrame:
    """A row per block of rows; `changes` is true where a block begins."""
    starts = np.flatnonzero(changes)
    n = np.diff(np.append(starts, len(frame)))
    given = frame["value"].to_numpy(dtype=np.float64)
    finite = np.isfinite(given)
    values = given if finite.all() else np.where(finite, given, 0.0)
    percent = (frame["unit"] == PERCENT).to_numpy()
    low = np.where(percent, -TOLERANCE, 0.0)
    impossible = ~finite | (values < low) | (percent & (values > 100 + TOLERANCE))
    elapsed = frame["elapsed_s"].to_numpy()
    same = np.zeros(len(values), dtype=np.bool_)
    same[1:] = (values[1:] == values[:-1]) & ~changes[1:]
    longest, held = _longest(values, same, starts)
    columns = {name: _texts(frame[name], starts) for name in (*SERIES, "phase")}
    return pd.DataFrame(
        {
            **columns,
            "n": n,
            "mean": np.add.reduceat(values, starts) / n,
            "least": np.minimum.reduceat(given, starts),
            "largest": np.maximum.reduceat(given, starts),
            "longest": longest,
            "held": held,
            "equal": np.add.reduceat(same.astype(np.int64), starts),
            "impossible": np.add.reduceat(impossible.astype(np.int64), starts),
            "first_s": elapsed[starts],
            "step_s": _steps(elapsed, changes, len(starts)),
        }
    )


def _texts(column: "pd.Series[str]", rows: Places) -> NDArray[np.object_]:
    names = np.asarray(column.cat.categories, dtype=object)
    texts: NDArray[np.object_] = names[column.cat.codes.to_numpy()[rows]]
    return texts


def _longest(values: Floats, same: Flags, starts: Places) -> tuple[Places, Floats]:
    """For each block the longest stretch of one value, and that value (the first if several)."""
    begins = np.flatnonzero(~same)
    lengths = np.diff(np.append(begins, len(values)))
    first = np.searchsorted(begins, starts)  # the block's first stretch
    longest = np.maximum.reduceat(lengths, first)
    block = np.repeat(np.arange(len(starts)), np.diff(np.append(first, len(begins))))
    best = np.flatnonzero(lengths == longest[block])
    _, place = np.unique(block[best], return_index=True)
    held: Floats = values[begins[best[place]]]
    return longest, held


def _steps(elapsed: Floats, changes: Flags, blocks: int) -> Floats:
    distance = np.diff(elapsed)
    within = ~changes[1:]
    block = np.cumsum(changes)[1:][within] - 1
    medians = pd.Series(distance[within]).groupby(block).median()
    steps: Floats = np.asarray(medians.reindex(range(blocks)), dtype=np.float64)
    return steps


def _joined(parts: pd.DataFrame) -> pd.DataFrame:
    """One row for a phase that another one interrupted."""
    keys = [*SERIES, "phase"]
    twice = parts.duplicated(keys, keep=False)
    if not twice.any():
        return parts
    rows = parts[twice].assign(mean=parts["mean"] * parts["n"])
    merged = rows.groupby(keys, sort=False, as_index=False).agg(
        {
            "n": "sum",
            "mean": "sum",
            "least": "min",
            "largest": "max",
            "longest": "max",
            "held": "first",
            "equal": "sum",
            "impossible": "sum",
            "first_s": "min",
            "step_s": "median",
        }
    )
    merged["mean"] /= merged["n"]
    return pd.concat([parts[~twice], merged], ignore_index=True)


def _empty() -> pd.DataFrame:
    counts = ("n", "longest", "equal", "impossible")
    numbers = ("mean", "least", "largest", "held", "first_s", "step_s")
    columns = {
        **{name: pd.Series(dtype=object) for name in (*SERIES, "phase")},
        **{name: pd.Series(dtype=np.int64) for name in counts},
        **{name: pd.Series(dtype=np.float64) for name in numbers},
    }
    return pd.DataFrame(columns)
