"""The study's figure: a row per simulation, a column per host."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis import theme
from analysis.labels import ELAPSED, RunNames, one_metric, titled
from analysis.reduction import lines
from analysis.timeline import phase_order
from minion.lifecycle import SEQUENCE, TOTAL
from minion.selection import natural

_IDLE = frozenset(phase.name for phase in SEQUENCE if not phase.action) | {TOTAL.name}
Record = dict[str, Any]


def facet(
    frame: pd.DataFrame,
    *,
    phases: pd.DataFrame | None = None,
    title: str | None = None,
    simulated: bool = False,
    points: int = 160,
    top: float | None = None,
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
        points: how many points a line may keep.
        top: upper end of the value axis, which begins at 0; default: the largest value, rounded up.
        width, height: of one panel in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several metrics.
    """
    label, unit = one_metric(frame, "experiment", "hostname", "role", "elapsed_s", "dimension")
    records = _panels(frame, _shades(phases), points)
    largest = max(value for r in records for value in r["v"] if value is not None)
    last = max(time for r in records for time in r["t"])
    roles = theme.role_colours(r["role"] for r in records)
    rows = list(dict.fromkeys(r["row"] for r in records))
    hosts = _hosts(records, list(roles))
    layers = [
        _curve(unit, last=last or 1.0, top=top or rounded_up(largest), roles=roles),
        *([_bands(records)] if any("phase" in r for r in records) else []),
    ]
    chart = alt.layer(*reversed(layers), width=width, height=height).facet(
        data=alt.InlineData(values=records),
        row=alt.Row(
            "row:N",
            sort=rows,
            header=alt.Header(labelAngle=0, labelAlign="left", title=None, labelPadding=6),
        ),
        column=alt.Column("host:N", sort=hosts, header=alt.Header(title=None)),
        spacing=6,
    )
    return theme.finished(
        chart,
        titled(
            title or f"{label} of each simulation and host",
            [f"{unit} over the seconds since the start of each simulation"],
            simulated=simulated,
        ),
        f"{label} ({unit}) over time: {len(rows)} rows of simulations,"
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
    drawn = lines(
        frame,
        ["experiment", "platform", "sim_id", "hostname", "role", "dimension"],
        points=points,
    )
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


def _shades(phases: pd.DataFrame | None) -> dict[tuple[str, str], Record]:
    """For each run the phases in which the controller acts."""
    if phases is None:
        return {}
    acting = phases[~phases["phase"].astype(str).isin(_IDLE)]
    return {
        (str(experiment), str(sim_id)): {
            "phase": part["phase"].astype(str).tolist(),
            "from": part["start_s"].round(1).tolist(),
            "to": part["end_s"].round(1).tolist(),
        }
        for (experiment, sim_id), part in acting.groupby(["experiment", "sim_id"], observed=True)
    }


def _hosts(records: Sequence[Record], roles: Sequence[str]) -> list[str]:
    """Hostnames, masters first."""
    first: dict[str, int] = {}
    for record in records:
        place = roles.index(record["role"])
        first[record["host"]] = min(place, first.get(record["host"], place))
    return sorted(first, key=lambda host: (first[host], natural(host)))


def _curve(unit: str, *, last: float, top: float, roles: dict[str, str]) -> alt.Chart:
    # Labels at both ends, inside the panel: those of two rows must not meet.
    ends = alt.Axis(
        values=[0, top / 2, top],
        labelExpr="datum.index == 0.5 ? '' : datum.label",
        labelBaseline=alt.ExprRef("datum.index == 0 ? 'bottom' : 'top'"),
        labelOverlap=False,
        titlePadding=8,
    )
    chart: alt.Chart = (
        alt.Chart()
        .transform_flatten(["t", "v"])
        .mark_line(strokeWidth=1, strokeCap="round", strokeJoin="round", clip=True)
        .encode(
            x=alt.X(
                "t:Q",
                title=ELAPSED,
                scale=alt.Scale(domain=[0, last], nice=False),
                axis=alt.Axis(tickCount=5, grid=False, labelFlush=24),
            ),
            y=alt.Y("v:Q", title=unit, scale=alt.Scale(domain=[0, top], nice=False), axis=ends),
            stroke=alt.Stroke("role:N", title="Role", scale=theme.scale(roles)),
        )
    )
    return chart


def _bands(records: Sequence[Record]) -> alt.Chart:
    names = phase_order(name for record in records for name in record.get("phase", ()))
    tints = [theme.PHASE_TINTS[place % len(theme.PHASE_TINTS)] for place in range(len(names))]
    chart: alt.Chart = (
        alt.Chart()
        .transform_filter("isValid(datum.phase)")
        .transform_flatten(["phase", "from", "to"])
        .mark_rect(clip=True)
        .encode(
            x=alt.X("from:Q", title=ELAPSED),
            x2="to:Q",
            fill=alt.Fill(
                "phase:N",
                title="Phase",
                sort=names,
                scale=theme.scale(dict(zip(names, tints, strict=True))),
            ),
        )
    )
    return chart
