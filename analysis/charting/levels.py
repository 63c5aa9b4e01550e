"""A value of each run against a parameter of the runs: dots, and the mean of each level."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import has_values, one_experiment, one_metric, titled
from analysis.charting.palette import Colours, colours_of
from analysis.observing.levels import level_intervals
from analysis.observing.looks import Record, records_of
from minion.selection import natural

WIDTH, HEIGHT = 460, 220
PANEL, SIDE_BY_SIDE = 250, 3  # pixels of one of several panels, and how many stand beside others
_RUN = ("experiment", "sim_id")


def levels(
    frame: pd.DataFrame,
    *,
    by: str,
    panels: str | None = None,
    means: bool = True,
    title: str | None = None,
    simulated: bool = False,
    platforms: Sequence[str] = (),
    colours: Colours | None = None,
    width: int | None = None,
    height: int = HEIGHT,
) -> alt.LayerChart | alt.FacetChart:
    """One value per run against a parameter: a dot per run, each level's mean and 95 % interval.

    Runs of one platform and of equal levels stand over each other; a line joins their means. The
    interval is that of Student's t over these runs, which must differ in nothing else.

    Args:
        frame: one metric, one value per run: experiment, platform, sim_id, metric, unit, value, and
            the parameters; numbers have their places on the axis, texts follow each other.
        by: the parameter along the axis.
        panels: another parameter, of which each level has a panel.
        means: draw the means and intervals; False where the runs of a level are not alike.
        title: of the chart; default: the metric's name.
        simulated: the data are not measured; the subtitle says so.
        platforms: in the key, in this order; default: those of the frame.
        colours: of the platforms; default: those that they have among themselves.
        width, height: of one panel in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several metrics or
            experiments.
    """
    needed = [by, *([panels] if panels else [])]
    label, unit = one_metric(frame, *_RUN, *needed)
    has_values(frame, "value")
    one_experiment(frame)
    own = frame[np.isfinite(frame["value"].to_numpy()) & frame[needed].notna().all(axis=1)]
    own = own.assign(x=own[by], panel=own[panels].map(_named) if panels else "")
    names = list(platforms) or sorted(own["platform"].astype(str).unique(), key=natural)
    drawing = _Drawing(own, colours_of(names, colours), by, f"{label}, {unit}" if unit else label)
    chart = drawing.layers(own, means=means)
    size = {"width": width or (PANEL if panels else WIDTH), "height": height}
    found: alt.LayerChart | alt.FacetChart
    if panels:
        order = sorted(own["panel"].unique(), key=natural)
        header = alt.Header(labelExpr=f"{_quoted(panels)} + ' ' + datum.value", labelFontWeight=600)
        facet = alt.Facet("panel:N", sort=order, header=header, title=None)
        columns = min(SIDE_BY_SIDE, len(order))
        found = chart.properties(**size).facet(facet=facet, columns=columns, spacing=18)
    else:
        found = chart.properties(**size)
    notes = "Dot: a run. Line: mean of the runs of a level. Bar: its 95 % interval."
    return theme.finished(
        found,
        titled(
            title or f"{label} by {by}",
            [notes if means else "Dot: a run. The runs of a level differ in more than it."],
            simulated=simulated,
        ),
        f"{label} ({unit}) against {by}, one dot per run, by {', '.join(names)}",
    )


# ---------------------------------------------------------------- inside


class _Drawing:
    """Draws the layers of a panel."""

    def __init__(self, own: pd.DataFrame, platforms: Colours, by: str, label: str) -> None:
        self.label = label
        number = pd.api.types.is_numeric_dtype(own["x"])
        if number:
            there = sorted({float(value) for value in own["x"]})
            air = 0.04 * (there[-1] - there[0]) or 1.0
            bounds = [there[0] - air, there[-1] + air]
            scale = alt.Scale(domain=bounds, nice=False, zero=False)
            axis = alt.Axis(values=there, grid=False, labelOverlap=True)
            self.x = alt.X("x:Q", title=by, scale=scale, axis=axis)
        else:
            order = sorted(own["x"].astype(str).unique(), key=natural)
            axis = alt.Axis(labelAngle=0, grid=False)
            self.x = alt.X("x:N", title=by, sort=order, axis=axis)
        self.joined = number
        self.where = alt.Tooltip("x:Q" if number else "x:N", title=by)
        shared: dict[str, Any] = {
            "sort": list(platforms),
            "scale": theme.scale(platforms),
        }
        key = theme.key(platforms, symbolOpacity=1) if len(platforms) > 1 else None
        self.stroke = alt.Stroke("platform:N", title="Platform", legend=key, **shared)
        self.fill = alt.Fill("platform:N", title="Platform", legend=key, **shared)

    def layers(self, own: pd.DataFrame, *, means: bool) -> alt.LayerChart:
        """Dots; the line of the means in front of them, and the intervals."""
        chosen = own[["platform", "panel", "x", "sim_id", "value"]].rename(
            columns={"sim_id": "run"}
        )
        texts = dict.fromkeys(("platform", "panel", "run"), "str")
        records: list[Record] = records_of(chosen.astype(texts))
        layers: list[Any] = [self._dots()]
        if means:
            plain = own.astype({"platform": "str"})
            found = level_intervals(plain, ["platform", "panel", "x"])
            columns = ["platform", "panel", "x", "runs", "mean", "low", "high"]
            records += records_of(found[columns])
            layers += self._means(intervals=bool(found["low"].notna().any()))
        data = alt.InlineData(values=records)
        chart: alt.LayerChart = alt.layer(  # type: ignore[assignment]  # without row and column
            *layers, data=data
        )
        return chart

    def _dots(self) -> alt.Chart:
        chart: alt.Chart = (
            alt.Chart()
            .transform_filter("isValid(datum.value)")
            .mark_circle(size=24, opacity=alt.ExprRef("dark ? 0.7 : 0.45"))
            .encode(
                x=self.x,
                y=alt.Y("value:Q", title=self.label, scale=alt.Scale(zero=True)),
                fill=self.fill,
                tooltip=[
                    alt.Tooltip("platform:N", title="Platform"),
                    alt.Tooltip("run:N", title="Run"),
                    self.where,
                    alt.Tooltip("value:Q", title=self.label, format=",.4~g"),
                ],
            )
        )
        return chart

    def _means(self, *, intervals: bool) -> list[alt.Chart]:
        means = alt.Chart().transform_filter("isValid(datum.mean)")
        tooltip = [
            alt.Tooltip("platform:N", title="Platform"),
            self.where,
            alt.Tooltip("mean:Q", title=f"Mean, {self.label}", format=",.4~g"),
            alt.Tooltip("low:Q", title="95 % from", format=",.4~g"),
            alt.Tooltip("high:Q", title="to", format=",.4~g"),
            alt.Tooltip("runs:Q", title="Runs"),
        ]
        bars = (
            alt.Chart()
            .transform_filter("isValid(datum.low)")
            .mark_rule(stroke=theme.INK, strokeWidth=2.5)
            .encode(x=self.x, y="low:Q", y2="high:Q")
        )
        points = means.mark_point(
            shape="diamond", filled=True, size=40, opacity=1, stroke=theme.PAPER, strokeWidth=1
        ).encode(x=self.x, y="mean:Q", fill=self.fill, tooltip=tooltip)
        line = means.mark_line(strokeWidth=2).encode(x=self.x, y="mean:Q", stroke=self.stroke)
        # A mark that stands for no record has nothing to say to who hears the picture.
        return [*([line] if self.joined else []), points, *([bars] if intervals else [])]


def _named(level: object) -> str:
    return f"{level:g}" if isinstance(level, float) else str(level)


def _quoted(text: str) -> str:
    """A text inside of an expression of Vega."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
