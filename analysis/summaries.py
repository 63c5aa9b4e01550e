"""Frames to figures: five numbers, mean and spread of any groups, and where the spread comes from.

Works on the tidy frames of `analysis.metrics` and `analysis.timeline`, and on any with the same
columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.metrics import as_categorical, keeps_dimensions, names_in, starts_of_equal
from analysis.timeline import phase_order
from minion.errors import InvalidData
from minion.model import Role
from minion.selection import natural

GROUPS = ("hostname", "sim_id", "platform", "role", "phase")
STATISTICS = ("n", "min", "max", "median", "q25", "q75", "mean", "sd")

Floats = NDArray[np.float64]


def summary(
    frame: pd.DataFrame,
    by: Sequence[str] = ("hostname", "sim_id"),
    *,
    over: str = "samples",
    value: str = "value",
) -> pd.DataFrame:
    """Range, quartiles, mean and standard deviation of each group.

    Over samples, every row counts the same. These are autocorrelated: the spread is right, but
    their number is no measure of certainty. Over runs, each run yields one value (the mean of
    each host, then the mean of these), and the runs are summarized: the run is the unit.

    Quantiles are linear between neighbours (Hyndman and Fan 1996, type 7; R's default); `sd` has
    the denominator n - 1.

    Args:
        frame: as `utilization` or `durations` gives it.
        by: columns to group by, of `GROUPS`. Experiment is always grouped by, and first; a metric
            that keeps its dimensions is grouped by these too, as is disk_util where a host has
            several disks.
        over: `samples` or `runs`.
        value: the column to summarize; `duration_s` for durations.

    Returns:
        experiment, the columns of `by` as given, dimension where it is grouped by (categoricals),
        n, min, max, median, q25, q75, mean, sd (NaN when n is 1). Ordered by these columns: names
        naturally, phases as the study does. Rows that lack one of them, such as samples outside of
        every phase, are left out.

    Raises:
        InvalidData: a column that cannot be grouped by, or is not in the frame; several metrics
            in one frame.
    """
    by = _checked(by, GROUPS)
    if over not in ("samples", "runs"):
        raise InvalidData(f"a summary over {over!r}; choose samples or runs")
    frame = _prepared(frame, by, value)
    groups = _Groups.of(frame, _keys(frame, by))
    if over == "runs":
        runs = _run_means(frame, groups, value)
        return groups.table(_statistics(runs.mean, runs.group, len(groups.first)))
    return groups.table(_statistics(_floats(frame, value), groups.number, len(groups.first)))


def within_between(
    frame: pd.DataFrame, by: Sequence[str] = ("platform",), *, value: str = "value"
) -> pd.DataFrame:
    """How much of the spread lies inside the runs, how much between them.

    With x the n_rh samples of host h in run r, m_rh their mean, and m_r the mean of m_rh over the
    hosts of R runs:

        mean          = sum(m_r) / R
        sd_between^2  = sum((m_r - mean)^2) / (R - 1)
        sd_within^2   = sum((x - m_rh)^2) / sum(n_rh - 1)      pooled over all runs and hosts
        share_between = sd_between^2 / (sd_between^2 + sd_within^2)

    which are the mean squares of a one-way layout (Searle, Casella and McCulloch, Variance
    Components, 1992, chapter 3), as variances of a run and of a sample.

    It may mislead: run means vary also because samples do. With independent samples that part
    would be sd_within^2 / n and could be taken off; samples of one run are autocorrelated, which
    makes it larger by an unknown factor, so nothing is taken off and share_between is an upper
    bound of what runs contribute. Groups that span several phases count the differences between
    phases as spread within runs: group by phase as well, or select one. Differences between the
    hosts of a run are in neither.

    Args:
        frame: as `utilization` gives it.
        by: columns to group by: platform, role, phase, hostname.
        value: the column to take apart.

    Returns:
        experiment, the columns of `by`, dimension where the metric keeps it (categoricals), runs,
        mean, sd_between (NaN for one run), sd_within (NaN for one sample a host), share_between.

    Raises:
        InvalidData: as of `summary`.
    """
    by = _checked(by, [name for name in GROUPS if name != "sim_id"])
    frame = _prepared(frame, by, value)
    groups = _Groups.of(frame, _keys(frame, by))
    number = len(groups.first)
    runs = _run_means(frame, groups, value)
    between = _statistics(runs.mean, runs.group, number)
    values = _floats(frame, value)
    squares = np.bincount(groups.number, (values - runs.host_mean) ** 2, minlength=number)
    freedom = np.bincount(groups.number, minlength=number) - runs.hosts
    with np.errstate(invalid="ignore", divide="ignore"):
        within = squares / freedom
        share = between["sd"] ** 2 / (between["sd"] ** 2 + within)
    within[freedom == 0] = np.nan
    return groups.table(
        {
            "runs": between["n"],
            "mean": between["mean"],
            "sd_between": between["sd"],
            "sd_within": np.sqrt(within),
            "share_between": share,
        }
    )


# ---------------------------------------------------------------- what to group by


def _checked(by: Sequence[str], allowed: Sequence[str]) -> tuple[str, ...]:
    names = (by,) if isinstance(by, str) else tuple(dict.fromkeys(by))
    for name in names:
        if name not in allowed:
            raise InvalidData(f"cannot group by {name!r}; choose from: {', '.join(allowed)}")
    return names


def _prepared(frame: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """The rows that have a value and everything they are grouped by."""
    for name in ("experiment", "sim_id", *by, value):
        if name not in frame:
            raise InvalidData(
                f"the frame has no column {name!r}; it has: {', '.join(map(str, frame.columns))}"
            )
    metrics = names_in(frame["metric"]) if "metric" in frame else []
    if len(metrics) > 1:
        names = ", ".join(metrics)
        raise InvalidData(f"the frame holds several metrics ({names}); summarize one at a time")
    lacking = [missing for name in (*by, value) if (missing := _missing(frame[name])).any()]
    return frame[~np.logical_or.reduce(lacking)] if lacking else frame


def _missing(column: "pd.Series[Any]") -> NDArray[np.bool_]:
    array = column.array
    if isinstance(array, pd.Categorical):
        return array.codes < 0
    return column.isna().to_numpy()


def _keys(frame: pd.DataFrame, by: Sequence[str]) -> list[str]:
    keys = ["experiment", *by]
    return [*keys, "dimension"] if keeps_dimensions(frame) else keys


def _by_role(names: Sequence[str]) -> list[str]:
    roles = [*Role]
    return sorted(names, key=lambda name: roles.index(Role(name)) if name in roles else len(roles))


def _by_nature(names: Sequence[str]) -> list[str]:
    return sorted(names, key=natural)


_ORDERS: dict[str, Callable[[Sequence[str]], list[str]]] = {"phase": phase_order, "role": _by_role}


@dataclass(frozen=True, slots=True)
class _Groups:
    """Rows of a frame put into groups that are numbered in the order of their names.

    number: the group of each row.
    first: a row of each group.
    keys: the columns that make the groups, a row for each group, categories in order.
    """

    number: NDArray[np.intp]
    first: NDArray[np.intp]
    keys: dict[str, pd.Categorical]

    @classmethod
    def of(cls, frame: pd.DataFrame, names: Sequence[str]) -> "_Groups":
        columns = [as_categorical(frame[name]) for name in names]
        starts = starts_of_equal([column.codes for column in columns])
        keys = {name: _ordered(name, c[starts]) for name, c in zip(names, columns, strict=True)}
        combined = np.zeros(len(starts), dtype=np.int64)
        for key in keys.values():
            combined = combined * max(1, len(key.categories)) + key.codes
        number, first = _numbered(combined)
        lengths = np.diff(starts, append=len(frame))
        return cls(
            np.repeat(number, lengths), starts[first], {n: k[first] for n, k in keys.items()}
        )

    def table(self, columns: dict[str, Any]) -> pd.DataFrame:
        """A row for each group: its names, then the columns given."""
        return pd.DataFrame({**self.keys, **columns})


def _ordered(name: str, array: pd.Categorical) -> pd.Categorical:
    """A categorical whose categories are those that occur, in their order."""
    there = np.bincount(array.codes[array.codes >= 0], minlength=len(array.categories)) > 0
    names = [str(text) for text in array.categories[there]]
    order = _ORDERS.get(name, _by_nature)(names)
    ranks = np.full(len(array.categories) + 1, -1, dtype=np.int32)
    ranks[np.flatnonzero(there)] = [order.index(text) for text in names]
    categories = pd.Index(order, dtype="str")
    return pd.Categorical.from_codes(ranks[array.codes], categories=categories)


def _numbered(combined: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Numbers 0, 1, … in the order of the values, and the first row of each."""
    codes, values = pd.factorize(combined)
    order = np.argsort(values)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    number = rank[codes]
    first = np.empty(len(order), dtype=np.intp)
    first[number[::-1]] = np.arange(len(number))[::-1]
    return number, first


# ---------------------------------------------------------------- figures of groups


@dataclass(frozen=True, slots=True)
class _RunMeans:
    """One value per group and run.

    mean, group: of each run.
    host_mean: for each row of the frame, the mean of its run and host in its group.
    hosts: how many runs x hosts each group has.
    """

    mean: Floats
    group: NDArray[np.intp]
    host_mean: Floats
    hosts: NDArray[np.intp]


def _run_means(frame: pd.DataFrame, groups: _Groups, value: str) -> _RunMeans:
    """The mean of each host, then of the hosts, for each run in each group."""
    number = groups.number.astype(np.int64)
    by_run, run_first = _numbered(_joined(number, frame, ("experiment", "sim_id")))
    by_host, host_first = by_run, run_first
    if "hostname" in frame:
        by_host, host_first = _numbered(_joined(by_run.astype(np.int64), frame, ("hostname",)))
    values = _floats(frame, value)
    host_mean = np.bincount(by_host, values) / np.bincount(by_host)
    run_of_host = by_run[host_first]
    mean = np.bincount(run_of_host, host_mean) / np.bincount(run_of_host)
    hosts = np.bincount(groups.number[host_first], minlength=len(groups.first))
    return _RunMeans(mean, groups.number[run_first], host_mean[by_host], hosts)


def _joined(
    number: NDArray[np.int64], frame: pd.DataFrame, names: Sequence[str]
) -> NDArray[np.int64]:
    for name in names:
        array = frame[name].array
        key = array if isinstance(array, pd.Categorical) else pd.Categorical(frame[name])
        number = number * max(1, len(key.categories)) + key.codes
    return number


def _floats(frame: pd.DataFrame, value: str) -> Floats:
    return frame[value].to_numpy(dtype=np.float64)


def _statistics(values: Floats, group: NDArray[np.intp], groups: int) -> dict[str, Any]:
    """`STATISTICS` of each group; every group has a value."""
    if groups == 0:
        return {name: np.empty(0, dtype=np.intp if name == "n" else float) for name in STATISTICS}
    n = np.bincount(group, minlength=groups)
    ends = np.cumsum(n)
    starts = ends - n
    # Rows of a group mostly stand together, which a stable sort makes use of.
    ordered = values[np.argsort(group, kind="stable")]
    mean = np.add.reduceat(ordered, starts) / n
    squares = np.add.reduceat((ordered - np.repeat(mean, n)) ** 2, starts)
    sd = np.full(groups, np.nan)
    np.sqrt(np.divide(squares, n - 1, out=sd, where=n > 1), out=sd)
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        ordered[start:end].sort()
    return {
        "n": n,
        "min": ordered[starts],
        "max": ordered[ends - 1],
        "median": _quantile(ordered, starts, n, 0.5),
        "q25": _quantile(ordered, starts, n, 0.25),
        "q75": _quantile(ordered, starts, n, 0.75),
        "mean": mean,
        "sd": sd,
    }


def _quantile(
    ordered: Floats, starts: NDArray[np.intp], n: NDArray[np.intp], share: float
) -> Floats:
    """R's type 7, in R's own order of arithmetic."""
    place = (n - 1) * share
    low = np.floor(place).astype(np.intp)
    below, above = ordered[starts + low], ordered[starts + np.minimum(low + 1, n - 1)]
    part = place - low
    mixed: Floats = (1 - part) * below + part * above
    return np.where((part > 0) & (below != above), mixed, below)
