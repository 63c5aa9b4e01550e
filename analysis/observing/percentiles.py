"""Percentiles of any grouping: of parts, of the parts' percentiles, and of all values pooled."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from minion.errors import InvalidData
from minion.selection import natural

EACH = "each"
NESTED = "percentile of percentiles"
POOLED = "pooled"
WHOLE = ""


def percentiles(
    frame: pd.DataFrame,
    by: Sequence[str],
    *,
    percent: float | Sequence[float] = 99.0,
    value: str = "value",
) -> pd.DataFrame:
    """Percentiles of the values of each group, all of them pooled.

    Between two values it is interpolated linearly (type 7 of Hyndman and Fan 1996, Sample quantiles
    in statistical packages), as NumPy, pandas and R do by default. A percentile near an end of few
    values is little more than their extreme.

    Args:
        frame: `value` and the columns of `by`; NaN is no value.
        by: columns; each combination that has a value is a group. Empty: all is one group.
        percent: 0 to 100; several give a row each.
        value: the column.

    Returns:
        the columns of `by`, percent, n (values), value. Ordered by the groups, names as people
        order them.

    Raises:
        InvalidData: the frame lacks a column, or a percent is none.
    """
    wanted = _percents(percent)
    _has(frame, value, *by)
    there = frame[np.isfinite(frame[value].to_numpy(dtype=np.float64))]
    rows: list[tuple[Any, ...]] = []
    for key, part in _groups(there, by):
        found = part[value].to_numpy(dtype=np.float64)
        values = np.percentile(found, wanted)
        rows += [(*key, p, len(found), v) for p, v in zip(wanted, values.tolist(), strict=True)]
    return _typed(pd.DataFrame(rows, columns=[*by, "percent", "n", "value"]), frame, by)


def percentile_table(
    frame: pd.DataFrame,
    *,
    within: str,
    by: Sequence[str] = (),
    percent: float = 99.0,
    value: str = "value",
) -> pd.DataFrame:
    """The percentile of each part of a group, then the same percentile of those, and the pooled.

    The percentile of percentiles says what the worst parts reach nearly always; the pooled one,
    what nearly every single value stays below. They are different figures: the first looks at the
    high end of the high ends and is mostly the larger one.

    Args:
        frame: `value` and the columns named; NaN is no value.
        within: the column whose names are the parts, such as `hostname`.
        by: columns that make the groups, such as `nodes` and `measurement`.
        percent: 0 to 100.
        value: the column.

    Returns:
        the columns of `by`, `within` (text; empty in the last two rows of a group), kind (`each`,
        `percentile of percentiles`, `pooled`), percent, n (what it is the percentile of: values,
        for the percentile of percentiles the parts), value.

    Raises:
        InvalidData: the frame lacks a column, or the percent is none.
    """
    each = percentiles(frame, [*by, within], percent=percent, value=value)
    each[within] = each[within].astype(str)
    parts = [
        each.assign(kind=EACH),
        percentiles(each, by, percent=percent).assign(kind=NESTED, **{within: WHOLE}),
        percentiles(frame, by, percent=percent, value=value).assign(kind=POOLED, **{within: WHOLE}),
    ]
    table = pd.concat(parts, ignore_index=True)
    table["kind"] = pd.Categorical(table["kind"], categories=[EACH, NESTED, POOLED])
    for name in by:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            table[name] = pd.Categorical(table[name], categories=_ordered(table[name]))
    # Inside a group the parts keep the order that they have.
    table = table.sort_values([*by, "kind"], kind="stable", ignore_index=True)
    return table[[*by, within, "kind", "percent", "n", "value"]]


# ---------------------------------------------------------------- inside


def _percents(percent: float | Sequence[float]) -> list[float]:
    given = [percent] if isinstance(percent, int | float) else percent
    wanted = [float(number) for number in given]
    for number in wanted:
        if not 0 <= number <= 100:
            raise InvalidData(f"a percentile of {number:g}; give a number from 0 to 100")
    return wanted


def _has(frame: pd.DataFrame, *columns: str) -> None:
    for column in columns:
        if column not in frame:
            there = ", ".join(map(str, frame.columns))
            raise InvalidData(f"the frame has no column {column!r}; it has: {there}")


def _groups(frame: pd.DataFrame, by: Sequence[str]) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The groups with their names, in the order that people expect."""
    if frame.empty:
        return []
    if not by:
        return [((), frame)]
    found = [(key, part) for key, part in frame.groupby(list(by), observed=True, sort=False)]
    return sorted(found, key=lambda item: [_key(name) for name in item[0]])


def _key(name: Any) -> Any:
    return natural(name) if isinstance(name, str) else name


def _ordered(names: pd.Series) -> list[str]:
    return sorted(map(str, names.unique()), key=natural)


def _typed(table: pd.DataFrame, frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The table with the kinds of columns that the frame has, empty or not."""
    for name in by:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            names = list(dict.fromkeys(table[name].astype(str)))
            table[name] = pd.Categorical(table[name], categories=pd.Index(names, dtype="str"))
        else:
            table[name] = table[name].astype(frame[name].dtype)
    return table.astype({"percent": np.float64, "n": np.int64, "value": np.float64})
