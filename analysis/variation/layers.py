"""Values of run x host taken apart: platforms, runs, hosts, hosts in one run, time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.metrics import keeps_dimensions
from analysis.statistics.components import (
    crossed,
    icc_interval,
    one_way,
    ratio,
    variance_of_mean,
)
from analysis.values import ALL_HOSTS, is_gap
from minion.errors import InvalidData
from minion.lifecycle import TOTAL

COMPONENTS = (
    "between_platforms",
    "between_runs",
    "between_hosts",
    "hosts_in_run",
    "over_time",
)
SHARES = tuple(f"{name}_share" for name in COMPONENTS)
_INTERVALS = (
    *("icc_platform", "icc_platform_low", "icc_platform_high"),
    *("icc_run", "icc_run_low", "icc_run_high"),
)
_KEYS = ("experiment", "phase", "dimension")
_BATCH = 20  # samples in a batch, where a phase is long enough
_MOST_BATCHES = 10

Numbers = dict[str, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Layers:
    """The components of each phase, dimension and scope, and what was met on the way.

    table: see `analysis.variation.variances.Variances.components`.
    single: roles that one host has.
    short: phases whose series have fewer samples than two batches should have.
    failed: what could not be taken apart, a sentence each.
    """

    table: pd.DataFrame
    single: tuple[str, ...]
    short: tuple[str, ...]
    failed: tuple[str, ...]


def layers(
    means: pd.DataFrame,
    cells: pd.DataFrame | None,
    time: pd.DataFrame | None,
    scopes: Sequence[str],
    *,
    confidence: float,
) -> Layers:
    """The components of each phase, dimension and scope.

    Args:
        means: one value per run, as of `analysis.values.RunValues`.
        cells: as `analysis.values.host_values` gives it; None where there are no hosts.
        time: as `over_time` gives it; None where there are no hosts.
        scopes: `all`, and roles.
        confidence: of the intervals.
    """
    keys = [key for key in _KEYS if key in means]
    met = _Met()
    rows = []
    for group, own in means.groupby([*keys, "role"], observed=True):
        names = dict(zip([*keys, "role"], map(str, group), strict=True))
        scope = names["role"]
        if scope not in scopes:
            continue
        row = _row(own, confidence)
        if cells is not None and time is not None:
            own_cells = _same(cells, names, keys, scope) & cells["sim_id"].isin(own["sim_id"])
            own_time = time[_same(time, names, keys, scope)]
            _inside(row, cells[own_cells], own_time, met, confidence)
        rows.append({**names, **row})
    table = pd.DataFrame(rows)
    for key in (*keys, "role"):
        there = [str(name) for name in means[key].cat.categories if name in set(table[key])]
        table[key] = pd.Categorical(table[key], categories=pd.Index(there, dtype="str"))
    # Without the runs' component there is no whole that the others are shares of.
    table["total"] = table[[*COMPONENTS]].sum(axis=1).where(table["between_runs"].notna())
    for share, name in zip(SHARES, COMPONENTS, strict=True):
        table[share] = table[name] / table["total"].where(table["total"] > 0) * 100
    facts = [*keys, "role", "platforms", "runs", "hosts", "mean"]
    table = table[[*facts, *COMPONENTS, "total", *SHARES, "sample", *_INTERVALS]]
    short = () if time is None else tuple(time.loc[time["short"], "phase"].astype(str).unique())
    return Layers(table, tuple(met.single), short, tuple(dict.fromkeys(met.failed)))


@dataclass(slots=True)
class _Met:
    single: dict[str, None] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


def _same(
    frame: pd.DataFrame, names: dict[str, str], keys: Sequence[str], scope: str
) -> NDArray[np.bool_]:
    wanted = [(key, names[key]) for key in keys]
    if scope != ALL_HOSTS:
        wanted.append(("role", scope))
    same: NDArray[np.bool_] = np.logical_and.reduce(
        [(frame[key] == name).to_numpy() for key, name in wanted]
    )
    return same


def _row(means: pd.DataFrame, confidence: float) -> Numbers:
    """What the run means of one phase, dimension and scope say."""
    platform = means["platform"].to_numpy(dtype=str)
    values = means["value"].to_numpy(dtype=np.float64)
    names, place, counts = np.unique(platform, return_inverse=True, return_counts=True)
    row: Numbers = {
        "platforms": len(names),
        "runs": len(values),
        "hosts": int(means["hosts"].max()),
        "mean": float(values.mean()),
    }
    row |= dict.fromkeys((*COMPONENTS, "sample", *_INTERVALS), np.nan)
    if counts.max() < 2:
        return row
    rest = values - (np.bincount(place, values) / counts)[place]
    row["between_runs"] = float(rest @ rest) / (len(values) - len(names))
    if len(names) > 1:
        layout = one_way(values, platform, confidence=confidence)
        row["between_platforms"], row["icc_platform"] = layout.between, layout.icc
        row["icc_platform_low"], row["icc_platform_high"] = layout.icc_low, layout.icc_high
    return row


def _inside(
    row: Numbers, cells: pd.DataFrame, time: pd.DataFrame, met: _Met, confidence: float
) -> None:
    """What hosts and samples tell apart, put into a row."""
    freedom = float(time["sample_df"].sum())
    row["sample"] = float(time["sample_squares"].sum()) / freedom if freedom else np.nan
    known = time[time["over_time"].notna()]
    if len(known):
        row["over_time"] = float(np.average(known["over_time"], weights=known["runs"]))
    if np.isnan(row["between_runs"]):
        return
    over_time = float(np.nan_to_num(row["over_time"]))
    platform, run, host = (
        cells[name].to_numpy(dtype=str) for name in ("platform", "sim_id", "hostname")
    )
    if row["hosts"] > 1:
        try:
            layout = crossed(cells["value"].to_numpy(), platform, run, host, confidence=confidence)
        except InvalidData as error:
            met.failed.append(f"{cells['phase'].iloc[0]}: {error}.")
            return
        row["between_runs"], row["between_hosts"] = layout.run, layout.host
        row["hosts_in_run"] = max(0.0, layout.rest - over_time)
        row["icc_run"], row["icc_run_low"] = layout.icc, layout.icc_low
        row["icc_run_high"] = layout.icc_high
        return
    met.single |= dict.fromkeys(cells["role"].astype(str))
    f = ratio(row["between_runs"], row["over_time"])
    row["icc_run"] = np.nan if np.isnan(f) else max(0.0, 1 - ratio(1, f))
    row["icc_run_low"], row["icc_run_high"] = icc_interval(
        f, (row["runs"] - row["platforms"], float(known["time_df"].sum())), 1, confidence=confidence
    )
    row["between_runs"] = max(0.0, row["between_runs"] - over_time)


# ---------------------------------------------------------------- time


def over_time(
    frame: pd.DataFrame, phases: Sequence[str] = (), *, whole_run: bool = False
) -> pd.DataFrame:
    """What time contributes to the variance of a host's mean in a phase.

    The samples of a run, host and phase are divided into batches: as many as have 20 samples, 2 at
    least and 10 at most; the same number for all runs of a platform. See `variance_of_mean`. Runs
    with fewer samples than batches are left out.

    Args:
        frame: as `utilization` gives it, rows of a series in order of time.
        phases: keep these; default: all but the gaps between phases.
        whole_run: add "Total simulation time", over every sample.

    Returns:
        experiment, platform, hostname, role, dimension where the metric keeps it, phase, runs (how
        many gave batches), over_time (variance of a mean; NaN without two batches), time_df,
        sample_squares and sample_df (squares of the samples about the mean of their run, and their
        degrees of freedom), short (whether batches have fewer samples than they should).
    """
    keys = ["experiment", "platform", "hostname", "role"]
    if keeps_dimensions(frame):
        keys.append("dimension")
    frame = frame[frame["value"].notna().to_numpy()]
    names = [str(name) for name in frame["phase"].dropna().unique()]
    wanted = [name for name in names if (name in phases if phases else not is_gap(name))]
    parts = [_batched(frame[frame["phase"].isin(wanted).to_numpy()], [*keys, "phase"])]
    if whole_run:
        parts.append([{**row, "phase": TOTAL.name} for row in _batched(frame, keys)])
    return pd.DataFrame([row for part in parts for row in part])


def _batched(frame: pd.DataFrame, keys: list[str]) -> list[dict[str, object]]:
    """A row for each platform, host and phase."""
    if frame.empty:
        return []
    group = frame.groupby(keys, observed=True, sort=False).ngroup().to_numpy()
    by_series = frame.groupby([*keys, "sim_id"], observed=True, sort=False)
    series, rank = by_series.ngroup().to_numpy(), by_series.cumcount().to_numpy()
    values = frame["value"].to_numpy(dtype=np.float64)
    n = np.bincount(series)
    group_of_series = np.empty(len(n), dtype=np.intp)
    group_of_series[series] = group
    rest: Floats = (values - (np.bincount(series, values) / n)[series]) ** 2
    squares = np.bincount(series, rest).astype(np.float64)
    typical = pd.Series(n).groupby(group_of_series).median().to_numpy()
    number = np.clip(typical // _BATCH, 2, _MOST_BATCHES).astype(np.intp)
    batch = rank * number[group_of_series][series] // n[series]
    place = series * _MOST_BATCHES + batch
    shape = (len(n), _MOST_BATCHES)
    count = np.bincount(place, minlength=shape[0] * shape[1])
    with np.errstate(invalid="ignore"):
        means = (np.bincount(place, values, minlength=len(count)) / count).reshape(shape)
    first = np.empty(len(number), dtype=np.intp)
    first[group[::-1]] = np.arange(len(frame))[::-1]
    names = frame[keys].iloc[first].astype(str).to_dict("records")
    return [
        {
            **{str(key): name for key, name in names[own].items()},
            **_time(means, squares, n, group_of_series == own, int(number[own])),
        }
        for own in range(len(number))
    ]


def _time(
    means: Floats,
    squares: Floats,
    n: NDArray[np.intp],
    own: NDArray[np.bool_],
    number: int,
) -> dict[str, object]:
    filled = own & (n >= number)
    variance, freedom = variance_of_mean(means[filled, :number]) if filled.any() else (np.nan, 0)
    return {
        "runs": int(filled.sum()),
        "over_time": variance,
        "time_df": freedom,
        "sample_squares": float(squares[own].sum()),
        "sample_df": int((n[own] - 1).sum()),
        "short": bool(np.median(n[own]) < 2 * _BATCH),
    }
