"""Curves of an observer: what it saw, and at which cost per node, against what was varied."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import has_values, one_experiment
from analysis.charting.palette import Colours, colours_of
from analysis.observing.levels import CONFIDENCE, level_intervals
from analysis.observing.looks import Look, Record, records_of
from analysis.observing.percentiles import percentiles
from minion.errors import InvalidData
from minion.selection import natural

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
    colours: Colours | None = None,
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
        colours: of the platforms; default: those that they have among themselves.
        confidence: of the t-interval of each mean.
        width, height: in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several experiments.
    """
    own = _drawable(runs, "ratio", by)
    levels = level_intervals(own, ["platform", by], value="ratio", confidence=confidence)
    whole = alt.Chart(alt.InlineData(values=[{"all": 1}])).mark_rule(
        stroke=theme.QUIET, strokeDash=[4, 3]
    )
    layers = _layers(own, by, "seen / generated", colours, zero=True)
    return Look(title, simulated, width, height).finished(
        [whole.encode(y="all:Q"), *layers],
        _shown(own, levels, by, "ratio"),
        [f"Dot: a run. {_line_and_bar(confidence)}"],
        f"Events seen divided by events generated, one dot per run, against {by}",
    )


def events_curve(
    runs: pd.DataFrame,
    *,
    by: str = "nodes",
    percent: float = 99.0,
    title: str = "Events generated and seen",
    simulated: bool = False,
    colours: Colours | None = None,
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
        colours: of the platforms; default: those that they have among themselves.
        width, height: in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several experiments.
    """
    own = _drawable(runs, _SEEN, _GENERATED, by)
    records = [
        {**record, "what": what}
        for what in (_GENERATED, _SEEN)
        for record in records_of(
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
        color=_colour(own, colours),
        tooltip=[
            alt.Tooltip("what:N", title="Events"),
            alt.Tooltip(f"{by}:Q", title=by),
            alt.Tooltip("value:Q", title="events", format=",.2f"),
            alt.Tooltip("n:Q", title="Runs"),
        ],
    )
    return Look(title, simulated, width, height).finished(
        [
            base.mark_line(strokeWidth=2).encode(strokeDash=what),
            base.mark_point(filled=True, size=40, opacity=1).encode(detail="what:N"),
        ],
        records,
        [f"{percent:g}th percentile of the runs. Dashed: generated. Solid: seen"],
        f"{percent:g}th percentile of the events generated and seen in a run, against {by}",
    )


def cost_curve(
    values: pd.DataFrame,
    *,
    by: str = "nodes",
    title: str | None = None,
    simulated: bool = False,
    colours: Colours | None = None,
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
        colours: of the platforms; default: those that they have among themselves.
        confidence: of the t-interval of each mean.
        width, height: in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several measurements or
            experiments.
    """
    own = _drawable(values, "value", "measurement", "unit", by)
    name, unit = _only(own, "measurement"), _only(own, "unit")
    levels = level_intervals(own, ["platform", by], confidence=confidence)
    return Look(title or f"{name} per node", simulated, width, height).finished(
        _layers(own, by, f"{unit} per node".strip(), colours),
        _shown(own, levels, by, "value"),
        [f"Dot: a run, the mean of its nodes. {_line_and_bar(confidence)}"],
        f"{name} ({unit}) per node, one dot per run, against {by}",
    )


# ---------------------------------------------------------------- inside


def _line_and_bar(confidence: float) -> str:
    return f"Line: mean of the runs. Bar: its {confidence * 100:g} % interval"


def _shown(own: pd.DataFrame, levels: pd.DataFrame, by: str, value: str) -> list[Record]:
    """The records of `_layers`: runs, and the means of levels with their intervals."""
    runs = own.assign(run=own["sim_id"], value=own[value])
    return [
        *records_of(runs[["platform", by, "run", "value"]]),
        *records_of(levels[["platform", by, "runs", "mean", "low", "high"]]),
    ]


def _layers(
    own: pd.DataFrame, by: str, axis: str, colours: Colours | None, *, zero: bool = False
) -> Sequence[alt.Chart]:
    """Dots of runs, the line of their means, its intervals."""
    x, colour = _x(own, by), _colour(own, colours)
    y = alt.Y("value:Q", title=axis, scale=alt.Scale(zero=zero))
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
    return [dots, line, interval]


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


def _colour(own: pd.DataFrame, colours: Colours | None) -> alt.Color:
    names = sorted({str(name) for name in own["platform"]}, key=natural)
    return alt.Color(
        "platform:N",
        title=None,
        scale=theme.scale(colours_of(names, colours)),
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
