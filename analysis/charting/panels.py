"""The study's figure: a row per simulation, a column per host."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import ELAPSED, RunNames, counted, one_metric, one_of, titled
from analysis.charting.names import written
from analysis.charting.phases import Record, shade_scale, shades
from analysis.charting.reduction import POINTS, SERIES, lines, reduction_error
from minion.errors import InvalidData
from minion.selection import natural

MOST_HOSTS = 24  # side by side: more make a picture that nobody can look at
_ROW_LETTERS = 34  # of the name of a simulation
_LETTER = 7  # pixels of a letter
_LOOKED_AT = 12  # runs, and hosts, whose lines are held against all of their samples


def facet(
    frame: pd.DataFrame,
    *,
    phases: pd.DataFrame | None = None,
    title: str | None = None,
    simulated: bool = False,
    points: int = POINTS,
    top: float | None = None,
    y: str = "shared",
    width: int = 220,
    height: int = 46,
) -> alt.FacetChart:
    """Value over elapsed time: a row per simulation, a column per host, colour by role.

    Each line is reduced to about `points` points that keep its extremes. It is broken where
    samples are missing for more than 1.5 times the usual step. Where a host has several dimensions
    each has a row of its own.

    Args:
        frame: one metric, as `utilization` gives it.
        phases: as `durations` gives it; the phases in which the controller acts are shaded.
        title: of the chart; default: the metric's name.
        simulated: the data are not measured; the subtitle says so.
        points: how many points a line may keep; `reduction_error` says what that costs.
        top: upper end of the value axis, which begins at 0; default: the largest value, rounded up.
        y: `shared`, one value axis for all; or `free`, each panel has its own, from 0.
        width, height: of one panel in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several metrics; `y` is
            another word, or `free` with a `top`.
    """
    one_of("y", y, ("shared", "free"))
    if y == "free" and top is not None:
        raise InvalidData("a free value axis has no common top; leave out one of y and top")
    name, unit = one_metric(frame, "experiment", "hostname", "role", "elapsed_s", "dimension")
    records = _panels(frame, shades(phases), points)
    largest = max(value for r in records for value in r["v"] if value is not None)
    end = top or rounded_up(largest)
    last = max(time for r in records for time in r["t"])
    roles = theme.role_colours(r["role"] for r in records)
    rows = list(dict.fromkeys(r["row"] for r in records))
    hosts = _hosts(records, list(roles))
    label = ELAPSED if width >= 110 else "s"
    layers = [
        _curve(
            unit,
            label=label,
            last=last or 1.0,
            domain=None if y == "free" else [0, end],
            roles=roles,
        ),
        *([_bands(records, label)] if any("phase" in r for r in records) else []),
    ]
    chart = alt.layer(*reversed(layers), width=width, height=height).facet(
        data=alt.InlineData(values=records),
        row=alt.Row(
            "row:N",
            sort=rows,
            header=alt.Header(
                labelAngle=0,
                labelAlign="left",
                title=None,
                labelPadding=6,
                labelExpr=written(rows, _ROW_LETTERS),
            ),
        ),
        column=alt.Column(
            "host:N",
            sort=hosts,
            header=alt.Header(title=None, labelExpr=written(hosts, max(8, width // _LETTER))),
        ),
        spacing=6 if y == "shared" else {"row": 10, "column": 6},
    )
    if y == "free":
        chart = chart.resolve_scale(y="independent")
    upper = end if y == "shared" else None
    thinned = _thinning(frame, records, points, width=width, height=height, top=upper)
    axis = f"value axis from 0 to {end:g} {unit}" if upper else "value axes of their own"
    chart.usermeta = {"options": f"{thinned}; {axis}"}
    if len(hosts) > MOST_HOSTS:
        chart.usermeta["remark"] = (
            f"{len(hosts)} hosts side by side make a picture of {len(hosts) * width:,} pixels; of"
            f" more than {MOST_HOSTS}, --kind heat shows a run with a row for each"
        )
    notes = [f"{unit} over the seconds since the start of each simulation"]
    return theme.finished(
        chart,
        titled(
            title or f"{name} of each simulation and host",
            [*notes, *(["Each panel has its own value axis"] if y == "free" else [])],
            simulated=simulated,
        ),
        f"{name} ({unit}) over time: {len(rows)} rows of simulations,"
        f" {len(hosts)} columns of hosts",
    )


def rounded_up(value: float) -> float:
    """The next of 1, 2, 3, 4, 5, 6, 8, 10 times a power of ten; 1 for 0."""
    if value <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    steps = (1, 2, 3, 4, 5, 6, 8, 10)
    return float(power * next(step for step in steps if step * power >= value * (1 - 1e-9)))


def _panels(
    frame: pd.DataFrame, shades: Mapping[tuple[str, str], Record], points: int
) -> list[Record]:
    """A record for each panel, holding its line and the phases behind it as arrays.

    A record for each sample would be ten times as large, and more rows than Altair takes.
    """
    names = RunNames(frame)
    drawn = lines(frame, SERIES, points=points)
    several = len({line.keys[:-1] for line in drawn}) < len(drawn)
    records = []
    for line in drawn:
        experiment, platform, sim_id, host, role, dimension = line.keys
        run = names.of(experiment, platform, sim_id)
        records.append(
            {
                "row": f"{run} {dimension}" if several else run,
                "host": host,
                "role": role,
                "t": line.elapsed_s,
                "v": line.value,
                **shades.get((experiment, sim_id), {}),
            }
        )
    if several:
        runs = {name: place for place, name in enumerate(dict.fromkeys(r["row"] for r in records))}
        records.sort(key=lambda r: runs[r["row"]])
    return records


def _thinning(
    frame: pd.DataFrame,
    records: Sequence[Record],
    points: int,
    *,
    width: int,
    height: int,
    top: float | None,
) -> str:
    """How many points are drawn, and how far the lines are off, in words."""
    samples = int(np.isfinite(frame["value"].to_numpy(dtype=np.float64)).sum())
    drawn = sum(value is not None for record in records for value in record["v"])
    if drawn >= samples:
        return f"all {samples:,} samples are drawn"
    some = np.ones(len(frame), dtype=np.bool_)
    for name in ("sim_id", "hostname"):
        there = frame[name].unique()
        places = np.linspace(0, len(there) - 1, min(len(there), _LOOKED_AT)).round().astype(int)
        if len(places) < len(there):
            some &= frame[name].isin(there[places]).to_numpy()
    off = reduction_error(frame[some], points=points, width=width, height=height, top=top)
    off = off[(off["points"] < off["samples"]).to_numpy()]
    if off.empty:
        return f"{drawn:,} of {samples:,} samples are drawn"
    return (
        f"{drawn:,} of {samples:,} samples are drawn, at most {points} a line and the ends of"
        f" gaps; off by {off['mean_px'].mean():.2g} pixels on average and"
        f" {off['largest_px'].max():.2g} at most, in panels of {width} × {height} pixels"
        f" ({counted(len(off), 'line')} looked at)"
    )


def _hosts(records: Sequence[Record], roles: Sequence[str]) -> list[str]:
    """Hostnames, masters first."""
    first: dict[str, int] = {}
    for record in records:
        place = roles.index(record["role"])
        first[record["host"]] = min(place, first.get(record["host"], place))
    return sorted(first, key=lambda host: (first[host], natural(host)))


def _curve(
    unit: str,
    *,
    label: str,
    last: float,
    domain: Sequence[float] | None,
    roles: Mapping[str, theme.Colour],
) -> alt.Chart:
    # Labels at both ends, inside the panel: those of two rows must not meet.
    inside: dict[str, Any] = {
        "labelBaseline": alt.ExprRef("datum.index == 0 ? 'bottom' : 'top'"),
        "labelOverlap": False,
        "titlePadding": 8,
    }
    if domain:
        low, high = domain
        hidden = "datum.index == 0.5 ? '' : datum.label"
        axis = alt.Axis(values=[low, (low + high) / 2, high], labelExpr=hidden, **inside)
        scale = alt.Scale(domain=list(domain), nice=False)
    else:
        hidden = "datum.index == 0 || datum.index == 1 ? datum.label : ''"
        axis = alt.Axis(tickCount=2, labelExpr=hidden, **inside)
        scale = alt.Scale(zero=True, nice=2)
    chart: alt.Chart = (
        alt.Chart()
        .transform_flatten(["t", "v"])
        .mark_line(strokeWidth=1, strokeCap="round", strokeJoin="round", clip=True)
        .encode(
            x=alt.X(
                "t:Q",
                title=label,
                scale=alt.Scale(domain=[0, last], nice=False),
                axis=alt.Axis(tickCount=5, grid=False, labelFlush=24),
            ),
            y=alt.Y("v:Q", title=unit if domain else None, scale=scale, axis=axis),
            stroke=alt.Stroke("role:N", title="Role", scale=theme.scale(roles)),
        )
    )
    return chart


def _bands(records: Sequence[Record], label: str) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart()
        .transform_filter("isValid(datum.phase)")
        .transform_flatten(["phase", "from", "to"])
        .mark_rect(clip=True)
        .encode(x=alt.X("from:Q", title=label), x2="to:Q", fill=shade_scale(records))
    )
    return chart
