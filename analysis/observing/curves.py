"""Curves of an observer: what it saw, and at which cost per node, against what was varied."""

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import has_values, one_experiment, titled
from analysis.observing.levels import CONFIDENCE, level_intervals
from analysis.observing.percentiles import percentiles
from minion.errors import InvalidData
from minion.selection import natural

Record = dict[str, Any]

WIDTH = 420
HEIGHT = 260

_GENERATED = "generated"
_SEEN = "seen"


def capture_curve(
    runs: pd.DataFrame,
    *,
    by: str = "nodes",
    title: str = "Share of the events that the observer saw",
    simulated: bool = False,
    confidence: float = CONFIDENCE,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> alt.LayerChart:
    """The capture ratio against what was varied: a dot per run, the mean of each level's runs.

    Args:
        runs: as `capture` gives them.
        by: the column along x; numbers.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        confidence: of the t-interval of each mean.
        width, height: in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several experiments.
    """
    own = _drawable(runs, "ratio", by)
    levels = level_intervals(own, ["platform", by], value="ratio", confidence=confidence)
    chart = _curve(own, levels, by, "ratio", "seen / generated", width, height, whole=True)
    notes = [f"Dot: a run. Line: mean of the runs. Bar: its {confidence * 100:g} % interval"]
    return theme.finished(
        chart,
        titled(title, notes, simulated=simulated),
        f"Events seen divided by events generated, one dot per run, against {by}",
    )


def events_curve(
    runs: pd.DataFrame,
    *,
    by: str = "nodes",
    percent: float = 99.0,
    title: str = "Events generated and seen",
    simulated: bool = False,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> alt.LayerChart:
    """What was generated and what was seen, each as a percentile of the runs of a level.

    Args:
        runs: as `capture` gives them.
        by: the column along x; numbers.
        percent: of the runs of each level.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        width, height: in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several experiments.
    """
    own = _drawable(runs, _SEEN, _GENERATED, by)
    records = [
        {**record, "what": what}
        for what in (_GENERATED, _SEEN)
        for record in _records(
            percentiles(own, ["platform", by], percent=percent, value=what)[
                ["platform", by, "n", "value"]
            ]
        )
    ]
    what = alt.StrokeDash(
        "what:N",
        title=None,
        scale=alt.Scale(domain=[_GENERATED, _SEEN], range=[[5, 4], [1, 0]]),
    )
    base = alt.Chart().encode(
        x=_x(own, by),
        y=alt.Y("value:Q", title="events of a run", axis=alt.Axis(format=",.0f")),
        color=_colour(own),
        tooltip=[
            alt.Tooltip("what:N", title="Events"),
            alt.Tooltip(f"{by}:Q", title=by),
            alt.Tooltip("value:Q", title="events", format=",.2f"),
            alt.Tooltip("n:Q", title="Runs"),
        ],
    )
    chart: alt.LayerChart = alt.layer(  # type: ignore[assignment]  # without row and column
        base.mark_line(strokeWidth=2).encode(strokeDash=what),
        base.mark_point(filled=True, size=40, opacity=1).encode(detail="what:N"),
        width=width,
        height=height,
    )
    chart.data = alt.InlineData(values=records)
    notes = [f"{percent:g}th percentile of the runs. Dashed: generated. Solid: seen"]
    return theme.finished(
        chart,
        titled(title, notes, simulated=simulated),
        f"{percent:g}th percentile of the events generated and seen in a run, against {by}",
    )


def cost_curve(
    values: pd.DataFrame,
    *,
    by: str = "nodes",
    title: str | None = None,
    simulated: bool = False,
    confidence: float = CONFIDENCE,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> alt.LayerChart:
    """One measurement per node against what was varied: a dot per run, the mean of the runs.

    Args:
        values: one value per run of one measurement, as `run_means` gives it.
        by: the column along x; numbers.
        title: of the chart; default: the measurement's name.
        simulated: the data are not measured; the subtitle says so.
        confidence: of the t-interval of each mean.
        width, height: in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several measurements or
            experiments.
    """
    own = _drawable(values, "value", "measurement", "unit", by)
    name, unit = _only(own, "measurement"), _only(own, "unit")
    levels = level_intervals(own, ["platform", by], confidence=confidence)
    chart = _curve(own, levels, by, "value", f"{unit} per node".strip(), width, height)
    notes = [
        "Dot: a run, the mean of its nodes. Line: mean of the runs."
        f" Bar: its {confidence * 100:g} % interval"
    ]
    return theme.finished(
        chart,
        titled(title or f"{name} per node", notes, simulated=simulated),
        f"{name} ({unit}) per node, one dot per run, against {by}",
    )


# ---------------------------------------------------------------- inside


def _curve(
    own: pd.DataFrame,
    levels: pd.DataFrame,
    by: str,
    value: str,
    axis: str,
    width: int,
    height: int,
    *,
    whole: bool = False,
) -> alt.LayerChart:
    """Dots of runs, the line of their means, its intervals; where `whole`, a line at 1."""
    shown = _records(
        own.assign(run=own["sim_id"], value=own[value])[["platform", by, "run", "value"]]
    )
    shown += _records(levels[["platform", by, "runs", "mean", "low", "high"]])
    x, colour = _x(own, by), _colour(own)
    y = alt.Y("value:Q", title=axis, scale=alt.Scale(zero=whole))
    dots = (
        alt.Chart()
        .transform_filter("isValid(datum.value)")
        .mark_circle(size=22, opacity=alt.ExprRef("dark ? 0.7 : 0.35"))
        .encode(
            x=x,
            y=y,
            color=colour,
            tooltip=[
                alt.Tooltip("run:N", title="Run"),
                alt.Tooltip(f"{by}:Q", title=by),
                alt.Tooltip("value:Q", title=axis, format=",.4~g"),
            ],
        )
    )
    means = alt.Chart().transform_filter("isValid(datum.mean)")
    tip = [
        alt.Tooltip(f"{by}:Q", title=by),
        alt.Tooltip("mean:Q", title="Mean", format=",.4~g"),
        alt.Tooltip("low:Q", title="from", format=",.4~g"),
        alt.Tooltip("high:Q", title="to", format=",.4~g"),
        alt.Tooltip("runs:Q", title="Runs"),
    ]
    line = means.mark_line(strokeWidth=2).encode(x=x, y="mean:Q", color=colour)
    interval = (
        alt.Chart()
        .transform_filter("isValid(datum.low)")
        .mark_rule(stroke=theme.INK, strokeWidth=2.5)
        .encode(x=x, y="low:Q", y2="high:Q", tooltip=tip)
    )
    layers = [dots, line, interval]
    if whole:
        rule = alt.Chart(alt.InlineData(values=[{"all": 1}])).mark_rule(
            stroke=theme.QUIET, strokeDash=[4, 3]
        )
        layers.insert(0, rule.encode(y="all:Q"))
    chart: alt.LayerChart = alt.layer(  # type: ignore[assignment]  # without row and column
        *layers, width=width, height=height
    )
    chart.data = alt.InlineData(values=shown)
    return chart


def _x(own: pd.DataFrame, by: str) -> alt.X:
    """An axis with a tick at each level, and air beside the outermost."""
    levels = sorted({float(value) for value in own[by]})
    air = 0.04 * (levels[-1] - levels[0]) or 1.0
    return alt.X(
        f"{by}:Q",
        title=by,
        scale=alt.Scale(domain=[levels[0] - air, levels[-1] + air], nice=False, zero=False),
        axis=alt.Axis(values=levels, grid=False),
    )


def _colour(own: pd.DataFrame) -> alt.Color:
    names = sorted({str(name) for name in own["platform"]}, key=natural)
    return alt.Color(
        "platform:N",
        title=None,
        scale=theme.scale(theme.platform_colours(names)),
        legend=alt.Legend() if len(names) > 1 else None,
    )


def _drawable(frame: pd.DataFrame, value: str, *columns: str) -> pd.DataFrame:
    """The rows that have a value."""
    has_values(frame, value, *columns, "experiment", "platform", "sim_id")
    one_experiment(frame)
    by = columns[-1]
    if not pd.api.types.is_numeric_dtype(frame[by]):
        raise InvalidData(f"{by} is no number in every run; choose runs where it is")
    finite = np.isfinite(frame[value].to_numpy(dtype=np.float64))
    known: pd.DataFrame = frame[finite & np.isfinite(frame[by].to_numpy(dtype=np.float64))]
    return known


def _only(frame: pd.DataFrame, column: str) -> str:
    names = [str(name) for name in frame[column].unique()]
    if len(names) > 1:
        raise InvalidData(f"the frame holds several of {column} ({', '.join(names)}); draw one")
    return names[0]


def _records(frame: pd.DataFrame) -> list[Record]:
    """Rows as plain values; what is not known is left out."""
    return [
        {
            str(name): _short(value) if isinstance(value, float) else value
            for name, value in row.items()
            if not (isinstance(value, float) and not np.isfinite(value))
        }
        for row in frame.to_dict("records")
    ]


def _short(value: float) -> float:
    """To eight digits: finer than a pixel, and short in JSON."""
    return float(f"{value:.8g}")
