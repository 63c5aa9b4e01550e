"""Is idle idle? Whether a metric stays where it is during a phase, series by series."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import t as student

from analysis.intervals import CONFIDENCE
from analysis.metrics import keeps_dimensions
from analysis.statistics.dependence import (
    FEWEST,
    autocorrelation,
    bootstrap_mean,
    effective_sizes,
)
from analysis.statistics.multiplicity import holm
from analysis.statistics.trend import dependent_trends
from minion.console import records
from minion.errors import InvalidData, NotFound

LEVEL = 0.05  # of the family of all trends in the table
NEGLIGIBLE_SHARE = 0.05  # of the mean: a change below is no matter, however certain
_IDLE = "idle"
_KEYS = ("experiment", "platform", "sim_id", "hostname", "role", "phase")
_SECONDS = 60.0
_MOST_GAPS = 4  # times as many steps as samples, above which there is no grid

Floats = NDArray[np.float64]


def steadiness(
    frame: pd.DataFrame,
    *,
    phases: Sequence[str] | None = None,
    intervals: bool = True,
) -> pd.DataFrame:
    """Whether each series of a phase stays where it is, and what its samples are worth.

    A series is not steady when it has a trend and the trend matters: its p-value, adjusted over
    all rows of the table, is below 5 %, and the change over the phase is at least 5 % of the
    mean. Otherwise `steady` is true: no trend that matters was shown. That is no proof that there
    is none: 60 samples are worth some 15, and the adjustment over 1,500 rows asks so much that a
    change by four standard deviations of the samples is found in 4 % of series. Ask for few
    phases. `change_low` and `change_high` say how large a change may still have been.

    Args:
        frame: as `utilization` or `average` gives it, of one metric.
        phases: names; default: all that have "idle" in their name.
        intervals: also the block-bootstrap interval of each series' mean, which takes most of the
            time.

    Returns:
        A row per series, in the order in which they begin in the frame: experiment, platform,
        sim_id, hostname, role, phase as far as the frame has them, dimension where its metric
        keeps it; n (samples); n_effective (how many independent ones they are worth);
        autocorrelation (of neighbouring samples); mean, and low and high with `intervals` (95 %,
        of this run alone); slope (per minute); p, p_holm (adjusted over the table); change,
        change_low, change_high (slope times the time from first to last sample, and its 95 %
        interval); change_relative (to the mean's magnitude); steady (boolean).
        Values are in the metric's unit. With fewer than 8 samples only n is known: the
        other figures are NaN, `steady` is NA. Values that are all equal are steady.

    Raises:
        InvalidData: a column is missing, there are several metrics, or a series has two samples
            of one time or an infinite one.
        NotFound: the frame has no such phase.
    """
    _check(frame)
    keys = [key for key in _KEYS if key in frame]
    if keeps_dimensions(frame):
        keys.append("dimension")
    chosen = frame[_in_phases(frame, phases)]
    chosen = chosen[chosen[[*keys, "elapsed_s", "value"]].notna().all(axis=1)]
    series = _Series.of(chosen, keys)
    enough = series.n >= FEWEST
    trends = dependent_trends(series.minutes, series.values)
    columns: dict[str, NDArray[np.generic] | pd.api.extensions.ExtensionArray] = {
        "n": series.n,
        "n_effective": effective_sizes(series.grid),
        "autocorrelation": np.where(enough, autocorrelation(series.grid, 1)[:, 1], np.nan),
        "mean": np.where(enough, series.means(), np.nan),
    }
    if intervals:
        bounds = [bootstrap_mean(row) for row in series.grid]
        columns["low"] = np.array([bound.low for bound in bounds], dtype=np.float64)
        columns["high"] = np.array([bound.high for bound in bounds], dtype=np.float64)
    length = series.lengths()
    change = trends.slope * length
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = change / np.abs(columns["mean"])
    relative = np.where(np.isfinite(relative), relative, np.nan)
    adjusted = holm(trends.p)
    drifts = (adjusted < LEVEL) & ~(np.abs(relative) < NEGLIGIBLE_SHARE)
    columns |= {
        "slope": trends.slope,
        "p": trends.p,
        "p_holm": adjusted,
        "change": change,
        "change_low": trends.low * length,
        "change_high": trends.high * length,
        "change_relative": relative,
        "steady": pd.arrays.BooleanArray(~drifts, ~enough),
    }
    names = chosen[keys].iloc[series.first].reset_index(drop=True)
    return pd.concat([names, pd.DataFrame(columns)], axis=1)


def idle_changes(steady: pd.DataFrame) -> pd.DataFrame:
    """How much a phase that should be idle changes, over all runs of a platform together.

    One change per run (the mean of its hosts of a role), then the mean of the runs with its
    t-interval: a slow drift that no single run can show.

    Args:
        steady: as `steadiness` gives it.

    Returns:
        experiment, platform, phase, role, dimension where the frame has it; runs, mean (of the
        metric), change, low, high (95 %, in the metric's unit), p, p_holm (adjusted over the
        table), change_relative (to the mean's magnitude), idle: False where the change is certain
        and at least 5 % of the mean.
    """
    names = ("experiment", "platform", "phase", "role", "dimension")
    keys = [name for name in names if name in steady]
    known = steady[steady["change"].notna()]
    by_run = known.groupby([*keys, "sim_id"], observed=True)[["change", "mean"]].mean()
    groups = by_run.reset_index().groupby(keys, observed=True, sort=False)
    table = groups.agg(
        runs=("change", "size"),
        mean=("mean", "mean"),
        change=("change", "mean"),
        sd=("change", "std"),
    ).reset_index()
    error = (table.pop("sd") / np.sqrt(table["runs"])).to_numpy(dtype=np.float64)
    freedom = np.where(table["runs"] > 1, table["runs"] - 1, np.nan)
    change = table["change"].to_numpy(dtype=np.float64)
    half = student.ppf((1 + CONFIDENCE) / 2, freedom) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * student.sf(np.abs(change) / error, freedom)
        relative = change / np.abs(table["mean"].to_numpy(dtype=np.float64))
    adjusted = holm(p)
    matters = (adjusted < LEVEL) & (np.abs(relative) >= NEGLIGIBLE_SHARE)
    return table.assign(
        low=change - half,
        high=change + half,
        p=p,
        p_holm=adjusted,
        change_relative=relative,
        idle=~matters,
    )


def restless(frame: pd.DataFrame) -> list[str]:
    """The idle phases of a metric that are not idle, by `idle_changes`; a sentence each.

    Args:
        frame: as `utilization` gives it, of one metric.
    """
    changes = idle_changes(steadiness(frame, intervals=False))
    unit = str(frame["unit"].iloc[0]) if len(frame) else ""
    metric = str(frame["metric"].iloc[0]) if len(frame) else ""
    return [
        f"{metric} {row.get('dimension', '')}".strip()
        + f" of {row['platform']} ({row['role']}) is not idle in {row['phase']}: it changes by"
        f" {row['change']:+.3g} {unit} ({row['change_relative'] * 100:+.0f} %) from begin to end,"
        f" 95 % interval {row['low']:.3g} to {row['high']:.3g}, {row['runs']} runs"
        for row in records(changes[~changes["idle"]])
    ]


@dataclass(frozen=True, slots=True)
class _Series:
    """Series as rows of arrays, padded with NaN.

    first: for each, a row of the frame.
    n: number of samples.
    minutes, values: its samples in order of time.
    grid: its values in steps of equal length; NaN where a sample is missing.
    """

    first: NDArray[np.intp]
    n: NDArray[np.int64]
    minutes: Floats
    values: Floats
    grid: Floats

    @classmethod
    def of(cls, frame: pd.DataFrame, keys: list[str]) -> "_Series":
        """The series of a frame, one for each combination of the keys."""
        groups = frame.groupby(keys, observed=True, sort=False).ngroup()
        number = np.asarray(groups, dtype=np.int64)
        elapsed = frame["elapsed_s"].to_numpy(dtype=np.float64)
        order = np.lexsort((elapsed, number))
        number, elapsed = number[order], elapsed[order]
        twice = np.flatnonzero((np.diff(number) == 0) & (np.diff(elapsed) == 0))
        if twice.size:
            row = frame.iloc[order[twice[0]]]
            names = ", ".join(f"{key} {row[key]}" for key in keys)
            raise InvalidData(
                f"two samples at {row['elapsed_s']:g} s of one series ({names}); give each series"
                " a name of its own"
            )
        value = frame["value"].to_numpy(dtype=np.float64)[order]
        n = np.bincount(number).astype(np.int64)
        begin = np.cumsum(n) - n
        place = np.arange(len(number)) - begin[number]
        step = _steps(number, elapsed, len(n))[number]
        return cls(
            order[begin],
            n,
            _padded(number, place, elapsed / _SECONDS, len(n)),
            _padded(number, place, value, len(n)),
            _padded(number, _on_grid(number, place, elapsed, step, n), value, len(n)),
        )

    def means(self) -> Floats:
        """The mean of each."""
        means: Floats = np.nansum(self.values, axis=1) / self.n
        return means

    def lengths(self) -> Floats:
        """Minutes from the first to the last sample of each."""
        rows = np.arange(len(self.n))
        lengths: Floats = self.minutes[rows, self.n - 1] - self.minutes[rows, 0]
        return lengths


def _padded(
    number: NDArray[np.int64], place: NDArray[np.int64], value: Floats, series: int
) -> Floats:
    padded = np.full((series, int(place.max(initial=0)) + 1), np.nan)
    padded[number, place] = value
    return padded


def _steps(number: NDArray[np.int64], elapsed: Floats, series: int) -> Floats:
    """The median distance between the samples of each series; NaN where there is one sample."""
    inside = np.diff(number) == 0
    distances = pd.Series(np.diff(elapsed)[inside]).groupby(number[1:][inside]).median()
    return distances.reindex(range(series)).to_numpy(dtype=np.float64)


def _on_grid(
    number: NDArray[np.int64],
    place: NDArray[np.int64],
    elapsed: Floats,
    step: Floats,
    n: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The step in which each sample lies; its rank where a series keeps to no grid."""
    start = elapsed[place == 0][number]
    steps = np.divide(elapsed - start, step, out=np.full(len(step), np.inf), where=step > 0)
    crowded = np.concatenate([[False], (np.diff(number) == 0) & (np.diff(np.rint(steps)) < 1)])
    off_grid = crowded | ~(steps < _MOST_GAPS * n[number])
    without_grid = np.bincount(number, off_grid, minlength=len(n)) > 0
    return np.where(without_grid[number], place, np.nan_to_num(np.rint(steps), posinf=0)).astype(
        np.int64
    )


def _in_phases(frame: pd.DataFrame, phases: Sequence[str] | None) -> NDArray[np.bool_]:
    there = [str(name) for name in frame["phase"].dropna().unique()]
    if phases is None:
        wanted = [name for name in there if _IDLE in name.lower()]
    else:
        wanted = [phases] if isinstance(phases, str) else list(phases)
    for name in wanted:
        if name not in there:
            raise NotFound(f"no phase {name!r} in the frame; it has: {', '.join(there)}")
    return frame["phase"].isin(wanted).to_numpy()


def _check(frame: pd.DataFrame) -> None:
    for name in ("experiment", "sim_id", "phase", "elapsed_s", "value"):
        if name not in frame:
            raise InvalidData(
                f"the frame has no column {name!r}; it has: {', '.join(map(str, frame.columns))}"
            )
    metrics = sorted(frame["metric"].dropna().unique()) if "metric" in frame else []
    if len(metrics) > 1:
        names = ", ".join(map(str, metrics))
        raise InvalidData(f"the frame holds several metrics ({names}); look at one at a time")
