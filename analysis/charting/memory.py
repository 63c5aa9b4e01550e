"""How long samples remember: autocorrelations, beside what noise without memory would show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from analysis.charting import theme
from analysis.charting.labels import one_experiment, one_metric, one_of, titled
from analysis.charting.names import written
from analysis.charting.palette import Colours, colours_of
from analysis.statistics.dependence import FEWEST
from analysis.statistics.dependence import autocorrelation as correlations
from analysis.timeline import phase_order
from minion.errors import InvalidData
from minion.model import Role
from minion.selection import natural

Record = dict[str, Any]
Floats = NDArray[np.float64]

_LETTER = 7  # pixels of a letter
_ROW_LETTERS = 34  # of the name of a row
_MOST_GAPS = 4  # times as many steps as samples, above which a series keeps to no grid
_ROLES = [role.value for role in (Role.MASTER, Role.WORKER, Role.CONTROLLER)]
_RUN = ["experiment", "sim_id"]


def autocorrelation(
    frame: pd.DataFrame,
    *,
    phase: str | None = None,
    by: str = "role",
    lags: int = 24,
    title: str | None = None,
    simulated: bool = False,
    platforms: Sequence[str] = (),
    colours: Colours | None = None,
    width: int = 190,
    height: int = 96,
) -> alt.FacetChart:
    """Autocorrelations of the samples in a phase: a column per platform, a row per role or host.

    A bar reaches to the mean of the series (a run's host each), a thin line holds the middle half
    of them. The grey band is where 95 % of the autocorrelations of one series without memory lie:
    ±1.96 / √n, n the median number of samples (Bartlett 1946, On the theoretical specification and
    sampling properties of autocorrelated time-series). A mean over many series that stays inside
    may still be no noise; estimates of short series are drawn towards zero, see
    `analysis.statistics.dependence.autocorrelation`.

    Args:
        frame: one metric, as `utilization` gives it.
        phase: the samples' phase; default: that which has the most samples.
        by: `role` or `hostname`.
        lags: how many steps at most; fewer where a series has fewer samples.
        title: of the chart; default: the metric's name and the phase.
        simulated: the data are not measured; the subtitle says so.
        platforms: columns, in this order; default: those of the frame.
        colours: of the platforms; default: those that they have among themselves.
        width, height: of one panel in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several metrics or
            experiments; there is no such phase, or in it no series of 8 samples that vary.
    """
    one_of("by", by, ("role", "hostname"))
    if lags < 1:
        raise InvalidData(f"{lags} lags; give at least 1")
    label, unit = one_metric(
        frame, "experiment", "sim_id", "hostname", "role", "phase", "dimension", "elapsed_s"
    )
    one_experiment(frame)
    there = phase_order(map(str, frame["phase"].dropna().unique()))
    if phase is None:
        phase = str(frame["phase"].value_counts().idxmax())
    one_of("phase", phase, there)
    own = frame[(frame["phase"] == phase).to_numpy()]
    found = _found(own, lags)
    if not found:
        raise InvalidData(
            f"there is nothing to draw: in {phase} no series has {FEWEST} samples that vary"
        )
    records = _records(found, by)
    rows = sorted({r["row"] for r in records}, key=lambda row: (_place(row, found), natural(row)))
    names = list(platforms) or sorted({r["platform"] for r in records}, key=natural)
    step = float(np.median([one.step for one in found]))
    n = int(np.median([one.n for one in found]))
    chart = _chart(records, rows, colours_of(names, colours), step, n, lags, width, height)
    told = f"samples of {phase}; lags up to {lags} steps of {step:.3g} s; by {by}"
    chart.usermeta = {"options": told}
    return theme.finished(
        chart,
        titled(
            title or f"Autocorrelation of {label} in {phase}",
            [
                "Bar: mean of the runs' hosts. Line: the middle half of them",
                f"Grey: 95 % of the values of one host without memory ({n} samples)",
            ],
            simulated=simulated,
        ),
        f"Autocorrelation of {label} ({unit}) in {phase}, lags up to {lags * step:.3g} s",
    )


# ---------------------------------------------------------------- inside


@dataclass(frozen=True, slots=True)
class _Found:
    """Of one series: whose it is, its step in seconds, number of samples, autocorrelations."""

    platform: str
    hostname: str
    role: str
    dimension: str
    step: float
    n: int
    values: Floats


def _found(own: pd.DataFrame, lags: int) -> list[_Found]:
    keys = ["platform", *_RUN, "hostname", "role", "dimension"]
    several = len(own["dimension"].unique()) > 1
    found = []
    for key, part in own.groupby(keys, observed=True, sort=False):
        step, grid = _on_grid(part["elapsed_s"].to_numpy(), part["value"].to_numpy(np.float64))
        known = grid[~np.isnan(grid)]
        if len(known) < FEWEST or known.min() == known.max():
            continue
        platform, _, _, hostname, role, dimension = map(str, key)
        r = np.full(lags, np.nan)
        most = min(lags, len(grid) - 1)
        r[:most] = correlations(grid, most)[1:]
        dimension = dimension if several else ""
        found.append(_Found(platform, hostname, role, dimension, step, len(known), r))
    return found


def _on_grid(elapsed: Floats, value: Floats) -> tuple[float, Floats]:
    """The step of a series, and its values in steps; NaN where a sample is missing."""
    there = np.isfinite(value)
    order = np.argsort(elapsed[there], kind="stable")
    elapsed, value = elapsed[there][order], value[there][order]
    steps = np.diff(elapsed)
    step = float(np.median(steps)) if len(steps) else 0.0
    if step <= 0:
        return 1.0, value
    place = np.rint((elapsed - elapsed[0]) / step).astype(np.intp)
    if (np.diff(place) < 1).any() or place[-1] >= _MOST_GAPS * len(value):
        return step, value  # on no grid: one sample after the other
    grid = np.full(int(place[-1]) + 1, np.nan)
    grid[place] = value
    return step, grid


def _records(found: Sequence[_Found], by: str) -> list[Record]:
    """A record for each panel: lags, means and quartiles as arrays."""
    groups: dict[tuple[str, str], list[Floats]] = {}
    for one in found:
        row = one.role if by == "role" else f"{one.hostname} ({one.role})"
        row = f"{row}, {one.dimension}" if one.dimension else row
        groups.setdefault((row, one.platform), []).append(one.values)
    records = []
    for (row, platform), series in groups.items():
        values = np.stack(series)
        known = np.flatnonzero(~np.isnan(values).all(axis=0))
        values = values[:, known]
        low, high = np.nanquantile(values, [0.25, 0.75], axis=0)
        records.append(
            {
                "row": row,
                "platform": platform,
                "series": len(series),
                "lag": (known + 1).tolist(),
                "mean": np.nanmean(values, axis=0).round(4).tolist(),
                "low": low.round(4).tolist(),
                "high": high.round(4).tolist(),
            }
        )
    return records


def _chart(
    records: Sequence[Record],
    rows: Sequence[str],
    colours: Colours,
    step: float,
    n: int,
    lags: int,
    width: int,
    height: int,
) -> alt.FacetChart:
    band = float(norm.ppf(0.975) / np.sqrt(n))
    least = min(-band, *(value for r in records for value in r["low"]))
    # With gaps an estimate may exceed 1.
    most = max(1.0, *(value for r in records for value in (*r["mean"], *r["high"])))
    scale = alt.Scale(domain=[round(min(least * 1.1, -0.1), 2), most], nice=False)
    x = alt.X(
        "seconds:Q",
        title="lag in s",
        scale=alt.Scale(domain=[0, (lags + 0.5) * step], nice=False),
        axis=alt.Axis(grid=False, tickCount=5),
    )
    y = alt.Y("mean:Q", title="correlation", scale=scale, axis=alt.Axis(tickCount=4))
    noise = (
        alt.Chart()
        .transform_aggregate(groupby=["row", "platform"])
        .transform_calculate(low=f"{-band}", high=f"{band}")
        .mark_rect(fill=theme.IDLE, opacity=0.7)
        .encode(y=alt.Y("low:Q", scale=scale), y2="high:Q")
    )
    flat = alt.Chart()
    bars = flat.mark_bar(size=max(2.0, 0.55 * width / lags)).encode(
        x=x,
        y=y,
        y2=alt.Y2Datum(0),
        color=alt.Color("platform:N", scale=theme.scale(colours), legend=None),
        tooltip=[
            alt.Tooltip("platform:N", title="Platform"),
            alt.Tooltip("seconds:Q", title="lag, s"),
            alt.Tooltip("mean:Q", title="mean"),
            alt.Tooltip("series:Q", title="series"),
        ],
    )
    middle = flat.mark_rule(stroke=theme.INK, strokeWidth=1).encode(x=x, y="low:Q", y2="high:Q")
    header = alt.Header(
        title=None, labelFontWeight=600, labelExpr=written(colours, max(8, width // _LETTER))
    )
    beside = alt.Header(
        title=None,
        labelAngle=0,
        labelAlign="left",
        labelPadding=6,
        labelExpr=written(rows, _ROW_LETTERS),
    )
    chart: alt.FacetChart = (
        alt.layer(noise, bars, middle)
        .properties(width=width, height=height)
        .facet(
            data=alt.InlineData(values=list(records)),
            row=alt.Row("row:N", sort=list(rows), header=beside),
            column=alt.Column("platform:N", sort=list(colours), header=header),
            spacing=12,
        )
        .transform_flatten(["lag", "mean", "low", "high"])
        .transform_calculate(seconds=f"datum.lag * {step:.6g}")
    )
    return chart


def _place(row: str, found: Sequence[_Found]) -> int:
    """Masters first."""
    roles = {
        one.role for one in found if row.startswith((one.role, f"{one.hostname} ({one.role})"))
    }
    return min((_ROLES.index(role) for role in roles if role in _ROLES), default=len(_ROLES))
