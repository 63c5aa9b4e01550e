"""Tables of profiles: the top functions, and what changed between two of them."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from analysis.profiling.reading import RUN, cost_column
from minion.errors import InvalidData, NotFound
from minion.selection import natural

TOTAL = "(total)"
_WHO = ("process", "function")


def top(
    frame: pd.DataFrame,
    n: int | None = 20,
    *,
    by: Sequence[str] = _WHO,
    groups: Sequence[str] = ("experiment", "platform"),
) -> pd.DataFrame:
    """The functions that cost most themselves, of each group.

    Of several runs it is their mean; a function that a run lacks cost nothing there. Calls are the
    mean of the runs that counted them, NaN where none did.

    Args:
        frame: as `functions` gives it.
        n: rows of each group; None for all.
        by: what a row stands for; without `process` all processes together.
        groups: what is kept apart; `sim_id` for each run.

    Returns:
        The groups, `by`, runs, calls, self_UNIT, total_UNIT, share_pct (of the group's own cost)
        and sum_pct (of this row and those above).

    Raises:
        InvalidData: the frame is no function profile.
    """
    own = cost_column(frame)
    total = own.replace("self_", "total_", 1)
    keys = [*groups, *by]
    runs = frame[[*RUN]].drop_duplicates().groupby(list(groups), observed=True).size()
    table = frame.groupby(keys, observed=True, sort=False)[[own, total]].sum()
    # By value: pandas cannot align categories of 128 names and more with fewer of them.
    calls = table.index.map(_mean_calls(frame, keys, groups).to_dict())
    table = table.assign(calls=calls.to_numpy(dtype=np.float64)).reset_index()
    number = table.set_index(list(groups)).index.map(runs.to_dict()).to_numpy(dtype=np.float64)
    table["runs"] = number.astype(int)
    for column in (own, total):
        table[column] = table[column].to_numpy(dtype=np.float64) / number
    table = table.sort_values([*groups, own], ascending=[True] * len(groups) + [False])
    table = table.reset_index(drop=True)
    inside = table.groupby(list(groups), observed=True)[own]
    whole = inside.transform("sum")
    table["share_pct"] = 100 * table[own] / whole.where(whole != 0)
    table["sum_pct"] = table.groupby(list(groups), observed=True)["share_pct"].cumsum()
    if n is not None:
        table = table.groupby(list(groups), observed=True).head(n).reset_index(drop=True)
    return table[[*keys, "runs", "calls", own, total, "share_pct", "sum_pct"]]


def below_zero(names: Iterable[str]) -> str:
    """What is to be said of functions whose own time is below zero; empty where there are none.

    Args:
        names: of the functions, the lowest first.
    """
    there = list(dict.fromkeys(names))
    if not there:
        return ""
    which = f"{there[0]} and {len(there) - 1} more" if len(there) > 1 else there[0]
    return (
        f"Own times below zero ({which}): time that the kernel left out, or calls that trace-cmd"
        " report joined over two CPUs, which an import with --untangle takes apart"
    )


def _mean_calls(
    frame: pd.DataFrame, keys: Sequence[str], groups: Sequence[str]
) -> "pd.Series[float]":
    """The mean number of calls of each row of `top`, over the runs that know it.

    A run that counts calls and lacks the function has none of it; one that does not count them, or
    not those of this function, says nothing.
    """
    run = list(dict.fromkeys([*groups, *RUN]))
    inside = list(dict.fromkeys([*run, *keys]))
    plain = frame[[*inside, "calls"]].assign(unknown=frame["calls"].isna())
    counts = ~plain.groupby(run, observed=True)["unknown"].transform("all")
    plain = plain[counts.to_numpy()]
    runs = plain[run].drop_duplicates().groupby(list(groups), observed=True).size().to_dict()
    of_run = plain.groupby(inside, observed=True, sort=False)
    each = of_run.agg(calls=("calls", "sum"), unknown=("unknown", "any")).reset_index()
    each["calls"] = each["calls"].where(~each["unknown"], 0.0)
    table = each.groupby(list(keys), observed=True, sort=False)[["calls", "unknown"]].sum()
    of_group = table.reset_index().set_index(list(groups)).index.map(runs)
    known = of_group.to_numpy(dtype=np.float64) - table["unknown"].to_numpy(dtype=np.float64)
    mean: pd.Series[float] = table["calls"] / np.where(known > 0, known, np.nan)
    return mean


def changes(
    frame: pd.DataFrame,
    reference: str | None = None,
    level: str | None = None,
    *,
    factor: str = "platform",
    by: Sequence[str] = ("function",),
) -> pd.DataFrame:
    """What changed from one profile to another: whose share of the cost grew, and the total.

    Of several runs it is their mean. A difference of single runs says nothing about chance:
    `compare` does, where the total is a measurement of several runs.

    Args:
        frame: as `functions` gives it, of one experiment.
        reference: the level before; default: the first in natural order.
        level: the one after; default: the other one, where there are two.
        factor: the column that tells them apart: `platform`, or `sim_id`.
        by: what a row stands for; `("process", "function")` keeps processes apart.

    Returns:
        `by`, reference, level, before_UNIT, after_UNIT, difference_UNIT, ratio (NaN from
        nothing, and where a cost is below zero), share_before_pct, share_after_pct, share_change
        (percentage points). The first row is `(total)`, then the largest growth of a share; what
        was lost stands last.

    Raises:
        InvalidData: several experiments, or not two levels to tell apart.
        NotFound: a level that was named.
    """
    own = cost_column(frame)
    unit = own.removeprefix("self_")
    before, after = _levels(frame, factor, reference, level)
    table = top(frame, None, by=by, groups=(factor,))
    keys = list(by)
    sides = [
        table[(table[factor].astype(str) == name).to_numpy()].set_index(keys)[own]
        for name in (before, after)
    ]
    both = pd.concat(sides, axis=1, keys=["before", "after"]).fillna(0.0).astype(np.float64)
    sums = both.sum()
    shares = 100 * both / sums.where(sums != 0)
    changed = _row(both, shares, unit).sort_values("share_change", ascending=False, kind="stable")
    head = pd.DataFrame([sums.to_numpy()], columns=both.columns)
    whole = _row(head, 100 * head / sums.where(sums != 0), unit)
    for key in keys:
        whole[key] = TOTAL
    result = pd.concat([whole, changed.reset_index()], ignore_index=True)
    result = result.assign(reference=before, level=after)
    return result[[*keys, "reference", "level", *changed.columns]]


def _row(both: pd.DataFrame, shares: pd.DataFrame, unit: str) -> pd.DataFrame:
    # What is below zero is no cost, and times as much as it is none.
    sound = (both["before"] > 0) & (both["after"] >= 0)
    return pd.DataFrame(
        {
            f"before_{unit}": both["before"],
            f"after_{unit}": both["after"],
            f"difference_{unit}": both["after"] - both["before"],
            "ratio": (both["after"] / both["before"]).where(sound),
            "share_before_pct": shares["before"],
            "share_after_pct": shares["after"],
            "share_change": shares["after"] - shares["before"],
        }
    )


def _levels(
    frame: pd.DataFrame, factor: str, reference: str | None, level: str | None
) -> tuple[str, str]:
    experiments = [str(name) for name in frame["experiment"].unique()]
    if len(experiments) > 1:
        raise InvalidData(f"several experiments ({', '.join(experiments)}); compare inside one")
    if factor not in frame:
        raise InvalidData(f"the frame has no column {factor!r} to tell two profiles apart")
    there = sorted((str(name) for name in frame[factor].unique()), key=natural)
    for name in (reference, level):
        if name is not None and name not in there:
            raise NotFound(f"no profile of {factor} {name}; there are: {', '.join(there)}")
    first = reference or next((name for name in there if name != level), None)
    others = [name for name in there if name != first]
    if first is None or (level is None and len(others) != 1):
        raise InvalidData(
            f"two levels of {factor} are compared, there are: {', '.join(there)};"
            " name reference and level"
        )
    second = level or others[0]
    if first == second:
        raise InvalidData(f"{factor} {first} is compared with itself; name two levels")
    return first, second
