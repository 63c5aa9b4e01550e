"""How much of what happened an observer saw, and from where on it does not keep up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.observing.levels import CONFIDENCE, RUN, STUDENT, level_intervals
from minion.errors import InvalidData, NotFound

KEEPS_UP = "keeps up"
BEHIND = "falls behind"
UNDECIDED = "undecided"
TOLERANCE = 0.01


def capture(
    frame: pd.DataFrame, *, seen: str, generated: str, by: Sequence[str] = ("nodes",)
) -> pd.DataFrame:
    """What each run generated and its observer saw.

    Args:
        frame: as `measurements` gives it.
        seen, generated: names of measurements; of hosts or of the whole run. Those of several hosts
            are added up.
        by: columns to keep, such as the parameter that is varied.

    Returns:
        experiment, platform, sim_id, the columns of `by`, hosts (that generated, as far as they
        reported), generated, seen, ratio (seen / generated; NaN where nothing was generated). A run
        without one of the two has no row.

    Raises:
        NotFound: the frame has no such measurement.
        InvalidData: it lacks a column.
    """
    keys = [*RUN, *(name for name in by if name not in RUN)]
    lacking = [name for name in keys if name not in frame]
    if lacking:
        there = ", ".join(map(str, frame.columns))
        raise InvalidData(f"the frame has no column {lacking[0]!r}; it has: {there}")
    sums = {}
    for name in (generated, seen):
        own = frame[(frame["measurement"] == name).to_numpy() & frame["value"].notna().to_numpy()]
        if own.empty:
            names = ", ".join(map(str, frame["measurement"].unique()))
            raise NotFound(f"the frame has no measurement {name}; it has: {names}")
        sums[name] = own.groupby(keys, observed=True, sort=False)["value"].agg(["sum", "size"])
    both = sums[generated].join(sums[seen]["sum"].rename("seen"), how="inner")
    both = both.rename(columns={"sum": "generated", "size": "hosts"}).reset_index()
    some = both["generated"].to_numpy() > 0
    ratio = np.full(len(both), np.nan)
    np.divide(both["seen"].to_numpy(), both["generated"].to_numpy(), out=ratio, where=some)
    return both.assign(ratio=ratio)[[*keys, "hosts", "generated", "seen", "ratio"]]


def capture_intervals(
    runs: pd.DataFrame,
    by: Sequence[str] = ("nodes",),
    *,
    confidence: float = CONFIDENCE,
    method: str = STUDENT,
) -> pd.DataFrame:
    """The capture ratio of each level, with its interval: the mean of its runs' ratios.

    Args:
        runs: as `capture` gives them.
        by: columns that make the levels.
        confidence, method: see `level_intervals`.

    Returns:
        as `level_intervals`, with `pooled` (all seen / all generated of the level) beside.
    """
    levels = level_intervals(runs, by, value="ratio", confidence=confidence, method=method)
    known = runs[runs["ratio"].notna()]
    sums = known.groupby(list(by), observed=True, sort=True)[["generated", "seen"]].sum()
    return levels.assign(pooled=(sums["seen"] / sums["generated"]).to_numpy())


@dataclass(frozen=True, slots=True)
class KeepingUp:
    """At which levels an observer keeps up.

    levels: a row for each level: itself, runs, mean, low, high (all intervals hold together),
        verdict (`keeps up`, `falls behind`, `undecided`).
    last_kept: the highest level below which, and at which, it keeps up; None when there is none.
    first_behind: the lowest level at which it falls behind; None when there is none.
    sentence: the same in words.
    """

    levels: pd.DataFrame
    last_kept: float | None
    first_behind: float | None
    sentence: str


def keeping_up(
    runs: pd.DataFrame,
    by: str = "nodes",
    *,
    tolerance: float = TOLERANCE,
    confidence: float = CONFIDENCE,
) -> KeepingUp:
    """Where an observer begins to fall behind: between which two levels.

    It keeps up where the interval of its mean ratio lies wholly at or above 1 - tolerance, and
    falls behind where it lies wholly below. The t-intervals of all levels hold together with the
    confidence given (Dunn 1961, Multiple comparisons among means: the error is divided by the
    number of levels). Between two levels nothing was measured, so nothing is said about where
    between them it begins.

    Args:
        runs: as `capture` gives them, of one platform.
        by: the column that was varied; numbers.
        tolerance: how much of all may be missed while it still counts as keeping up, set
            beforehand.
        confidence: that all verdicts are right together.

    Raises:
        InvalidData: runs of several platforms, no run, a level that is no number, a tolerance
            that is none.
    """
    if not 0 <= tolerance < 1:
        raise InvalidData(f"a tolerance of {tolerance:g}; give a share from 0 up to below 1")
    platforms = [str(name) for name in runs["platform"].unique()]
    if len(platforms) != 1:
        raise InvalidData(
            f"runs of {len(platforms)} platforms ({', '.join(platforms)}); choose those of one"
        )
    if not pd.api.types.is_numeric_dtype(runs[by]):
        raise InvalidData(f"{by} is no number in every run; choose runs where it is")
    number = runs.loc[runs["ratio"].notna(), by].nunique()
    each = 1 - (1 - confidence) / max(1, number)
    levels = level_intervals(runs, [by], value="ratio", confidence=each)
    verdict = np.select(
        [levels["low"] >= 1 - tolerance, levels["high"] < 1 - tolerance],
        [KEEPS_UP, BEHIND],
        default=UNDECIDED,
    )
    levels = levels.assign(verdict=verdict)[[by, "runs", "mean", "low", "high", "verdict"]]
    kept = (verdict == KEEPS_UP).cumprod().astype(bool)
    last = levels.loc[kept, by].max() if kept.any() else None
    behind = levels.loc[verdict == BEHIND, by]
    first = behind.min() if len(behind) else None
    return KeepingUp(levels, last, first, _told(by, levels, last, first, tolerance))


def _told(by: str, levels: pd.DataFrame, last: Any, first: Any, tolerance: float) -> str:
    share = f"{(1 - tolerance) * 100:g} % or more"
    if levels.empty:
        return "No run has a capture ratio."
    if first is not None:
        ratio = levels.loc[levels[by] == first, "mean"].iloc[0]
        behind = f"at {first:g} {by} it sees {ratio * 100:.1f} %"
        if last is None:
            return f"The observer keeps up at no number of {by} that was tried: {behind}."
        return (
            f"The observer keeps up at {last:g} {by} and begins to fall behind before {first:g}:"
            f" {behind}."
        )
    if last is None:
        return f"Whether the observer sees {share} is undecided at every number of {by}."
    if last < levels[by].max():
        return f"The observer sees {share} up to {last:g} {by}; beyond that it is undecided."
    return f"The observer sees {share} at every number of {by}, up to {last:g}."
