"""Percentiles that runs yield as measurements, such as `latency p99.9`: as a frame, as a chart."""

import math
import re
from collections.abc import Sequence
from typing import Any, Unpack

import altair as alt
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import has_values, one_experiment, titled
from analysis.charting.palette import Colours, colours_of
from analysis.measurements import measurements
from minion.errors import InvalidData, NotFound
from minion.selection import Choice, natural
from minion.store import Store

LATENCY = "latency"
_ENDS = {"min": 0.0, "max": 100.0}
_MEDIAN = 2.0  # one in how many is above it
_LABEL, _ANGLE = 15, -45  # pixels that a slanting label takes of the axis, and its angle


def percentiles(store: Store, quantity: str = LATENCY, **choice: Unpack[Choice]) -> pd.DataFrame:
    """The percentiles of a quantity that runs yield, a row each.

    They are measurements named `QUANTITY p99`, `QUANTITY p99.9`, …, `QUANTITY min` and
    `QUANTITY max`.

    Args:
        store: where the runs are.
        quantity: the name before the percentile.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Returns:
        experiment, platform, sim_id, hostname (empty for the whole run), phase (categoricals),
        percentile (0 the least, 100 the largest value), value, unit; ordered by run and percentile.

    Raises:
        NotFound: no run of the choice has percentiles of that name; the message lists what there
            is.
    """
    frame = measurements(store, **choice)
    names = frame["measurement"].astype(str)
    found = {name: rank for name in names.unique() if (rank := _rank(name, quantity)) is not None}
    if not found:
        there = dict.fromkeys(filter(None, map(_quantity, names.unique())))
        raise NotFound(
            f"no run of this selection has percentiles of {quantity}"
            + (f"; there are those of: {', '.join(there)}" if there else "")
        )
    chosen = frame[names.isin(list(found)).to_numpy()]
    rows = chosen.assign(percentile=chosen["measurement"].astype(str).map(found).astype(float))
    keys = ["experiment", "platform", "sim_id", "hostname", "phase"]
    return rows.sort_values([*keys, "percentile"])[
        [*keys, "percentile", "value", "unit"]
    ].reset_index(drop=True)


def chart(
    frame: pd.DataFrame,
    *,
    title: str = "Latency by percentile",
    simulated: bool = False,
    colours: Colours | None = None,
    platforms: Sequence[str] = (),
    width: int = 560,
    height: int = 260,
) -> alt.LayerChart:
    """A line for each run: how large the quantity is at each percentile, both axes logarithmic.

    From left to right each step is one in ten of what was before: half, one in 10, in 100, in
    1,000. The least and the largest value have no place on such an axis and are left out.

    Args:
        frame: as `percentiles` gives it.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        colours: of the platforms; default: those that they have among themselves.
        platforms: in the legend, in this order; default: those of the frame.
        width, height: in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several experiments or units.
    """
    has_values(frame, "value", "experiment", "platform", "sim_id", "percentile", "unit")
    one_experiment(frame)
    units = [str(unit) for unit in frame["unit"].unique()]
    if len(units) > 1:
        raise InvalidData(f"the frame holds several units ({', '.join(units)}); draw one")
    inner = (frame["percentile"] > 0) & (frame["percentile"] < 100) & (frame["value"] > 0)
    drawn = frame[inner.to_numpy()]
    if drawn.empty:
        raise InvalidData("there is nothing to draw: no percentile lies between 0 and 100")
    names = list(platforms) or sorted(drawn["platform"].astype(str).unique(), key=natural)
    records = [_record(row) for row in drawn.to_dict("records")]
    ranks: dict[float, str] = {record["slower"]: record["percentile"] for record in records}
    ticks = _apart(sorted(ranks), width)
    labels = " : ".join(f"datum.value == {at} ? '{name}'" for at, name in ranks.items())
    unit = units[0]
    base = alt.Chart(alt.InlineData(values=records)).encode(
        x=alt.X(
            "slower:Q",
            title="percentile",
            scale=alt.Scale(type="log", nice=False),
            axis=alt.Axis(
                values=ticks, labelExpr=f"{labels} : ''", labelAngle=_ANGLE, labelOverlap=False
            ),
        ),
        y=alt.Y("value:Q", title=unit, scale=alt.Scale(type="log", nice=False, padding=12)),
        color=alt.Color("platform:N", title=None, scale=theme.scale(colours_of(names, colours))),
        detail="run:N",
        tooltip=[
            alt.Tooltip("run:N", title="Run"),
            alt.Tooltip("platform:N", title="Platform"),
            alt.Tooltip("percentile:N", title="Percentile"),
            alt.Tooltip("value:Q", title=unit, format=",.6~g"),
        ],
    )
    layers: alt.LayerChart = alt.layer(  # type: ignore[assignment]  # without row and column
        base.mark_line(strokeWidth=1.6), base.mark_circle(size=36), width=width, height=height
    )
    return theme.finished(
        layers,
        titled(title, ("A line: a run. Both axes are logarithmic.",), simulated=simulated),
        f"{title}: a line for each run of {', '.join(names)}, in {unit}",
    )


def _apart(ranks: Sequence[float], width: int) -> list[float]:
    """The places of a logarithmic axis that have room for a label: the median, then the extremes.

    Args:
        ranks: one of how many is above each percentile, in order.
        width: of the axis in pixels.
    """
    whole = math.log(ranks[-1] / ranks[0]) or 1.0
    chosen: list[float] = []
    for rank in sorted(ranks, key=lambda rank: (rank != _MEDIAN, -rank)):
        gaps = (abs(math.log(rank / other)) / whole * width for other in chosen)
        if min(gaps, default=_LABEL) >= _LABEL:
            chosen.append(rank)
    return sorted(chosen)


def _record(row: dict[Any, Any]) -> dict[str, Any]:
    host = str(row.get("hostname", ""))
    return {
        "platform": str(row["platform"]),
        "run": f"{row['sim_id']} {host}".strip(),
        "percentile": f"p{row['percentile']:g}",
        "slower": float(f"{1 / (1 - row['percentile'] / 100):.6g}"),
        "value": float(row["value"]),
    }


def _rank(name: str, quantity: str) -> float | None:
    """The percentile of a measurement's name; None when it is none of this quantity."""
    if not name.startswith(f"{quantity} "):
        return None
    rest = name.removeprefix(f"{quantity} ")
    if rest in _ENDS:
        return _ENDS[rest]
    found = re.fullmatch(r"p(\d{1,2}(?:\.\d+)?)", rest)
    return float(found[1]) if found else None


def _quantity(name: str) -> str:
    """What a percentile is of, by the measurement's name; empty when it is none."""
    found = re.fullmatch(r"(.+) p\d{1,2}(?:\.\d+)?", name)
    return found[1] if found else ""
