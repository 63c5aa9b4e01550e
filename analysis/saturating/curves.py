"""Ramps as charts: a panel per response, a line per run, in the colour of its platform."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import has_values, one_experiment, titled
from analysis.charting.palette import Colours, colours_of
from analysis.saturating.ramps import RUN
from minion.selection import natural

Record = dict[str, Any]

_MIB = 1024.0  # KiB, as memory is drawn
_POINTS = 600  # of a line: more than it has pixels


def curves(
    ramps: pd.DataFrame,
    *,
    load: str,
    saturation: pd.DataFrame | None = None,
    title: str | None = None,
    simulated: bool = False,
    colours: Colours | None = None,
    platforms: Sequence[str] = (),
    columns: int = 2,
    width: int = 380,
    height: int = 190,
) -> alt.ConcatChart:
    """Responses to load, the runs of all platforms on one panel.

    Points of one load are drawn as their mean, and a long ramp is thinned to 600 loads. Values in
    KiB are drawn in MiB.

    Args:
        ramps: as `ramps` gives them, those of several responses one below the other; each response
            is a panel.
        load: what the load is, for the axis.
        saturation: as `saturation` gives it: where its verdict is `saturated`, a vertical line
            stands where that begins, in a band as wide as its interval.
        title: of the chart; default: what is drawn.
        simulated: the data are not measured; the subtitle says so.
        colours: of the platforms; default: those that they have among themselves.
        platforms: in the key, in this order; default: those of the frame.
        columns, width, height: panels side by side, and their size in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several experiments.
    """
    has_values(ramps, "value", *RUN, "load", "response", "unit")
    one_experiment(ramps)
    names = list(platforms) or sorted(ramps["platform"].astype(str).unique(), key=natural)
    responses = list(dict.fromkeys(ramps["response"].astype(str)))
    drawing = _Drawing(colours_of(names, colours), load, width, height)
    panels = []
    for response in responses:
        own = ramps[(ramps["response"] == response).to_numpy()]
        begins = _begins(saturation, own, response)
        panels.append(drawing.panel(response, own, begins))
    notes = [f"A line is a run: {_counted(ramps)}"]
    if any(panel.bands for panel in panels):
        notes.append("Where a vertical line stands saturation begins; the band is its interval")
    text = title or f"{', '.join(responses)} against {load}"
    chart = alt.concat(
        *(panel.chart for panel in panels), columns=columns, spacing={"row": 18, "column": 30}
    )
    return theme.finished(
        chart,
        titled(text[:1].upper() + text[1:], notes, simulated=simulated),
        f"{text}: {', '.join(names)}",
    )


class _Panel:
    """A panel, and whether it has bands."""

    def __init__(self, chart: alt.LayerChart, *, bands: bool) -> None:
        self.chart = chart
        self.bands = bands


class _Drawing:
    """Draws the panels of one figure."""

    def __init__(self, colours: Colours, load: str, width: int, height: int) -> None:
        self.load, self.width, self.height = load, width, height
        key = alt.Legend(title="Platform", symbolOpacity=1)
        shared: dict[str, Any] = {
            "scale": theme.scale(colours),
            "sort": list(colours),
            "legend": key,
        }
        self.stroke = alt.Stroke("platform:N", **shared)
        self.fill = alt.Fill("platform:N", **shared)

    def panel(self, response: str, own: pd.DataFrame, begins: Sequence[Record]) -> _Panel:
        """The lines of one response, over the bands where it saturates."""
        unit = str(own["unit"].iloc[0])
        factor = 1 / _MIB if unit == "KiB" else 1.0
        x = alt.X("load:Q", title=self.load, scale=alt.Scale(nice=False))
        y = alt.Y(
            "value:Q",
            title="MiB" if unit == "KiB" else unit,
            scale=alt.Scale(zero=True),
            axis=alt.Axis(tickCount=5),
        )
        lines = (
            alt.Chart(alt.InlineData(values=_records(own, factor)))
            .transform_flatten(["load", "value"])
            .mark_line(strokeWidth=1.6)
            .encode(x=x, y=y, stroke=self.stroke, detail="run:N")
        )
        layers: list[Any] = [lines]
        if begins:
            marks = alt.Chart(alt.InlineData(values=list(begins)))
            band = marks.mark_rect(opacity=alt.ExprRef("dark ? 0.3 : 0.18"), clip=True)
            rule = marks.mark_rule(strokeWidth=1.4, strokeDash=[4, 3])
            tooltip = [
                alt.Tooltip("run:N", title="Run"),
                alt.Tooltip("at:Q", title="Saturation begins", format=",.4~g"),
                alt.Tooltip("low:Q", title="from", format=",.4~g"),
                alt.Tooltip("high:Q", title="to", format=",.4~g"),
            ]
            layers = [
                band.encode(x=alt.X("low:Q", title=self.load), x2="high:Q", fill=self.fill),
                rule.encode(x=alt.X("at:Q", title=self.load), stroke=self.stroke, tooltip=tooltip),
                lines,
            ]
        chart: alt.LayerChart = alt.layer(*layers).properties(  # type: ignore[assignment]  # no facet
            title=alt.TitleParams(response, fontSize=12, offset=4),
            width=self.width,
            height=self.height,
        )
        return _Panel(chart, bands=bool(begins))


def _records(own: pd.DataFrame, factor: float) -> list[Record]:
    """A record per run: its loads in order, and the mean of the values at each."""
    records = []
    for (_, platform, run), points in own.groupby(RUN, observed=True, sort=False):
        line = points.groupby("load")["value"].mean().dropna()
        if len(line) > _POINTS:
            line = line.iloc[np.unique(np.linspace(0, len(line) - 1, _POINTS).astype(int))]
        records.append(
            {
                "platform": str(platform),
                "run": str(run),
                "load": line.index.to_numpy().round(3).tolist(),
                "value": [float(f"{value * factor:.6g}") for value in line.tolist()],
            }
        )
    return records


def _begins(saturation: pd.DataFrame | None, own: pd.DataFrame, response: str) -> list[Record]:
    """Where saturation begins in the runs of a panel, its interval as far as there are loads."""
    if saturation is None:
        return []
    runs = set(own["sim_id"].astype(str))
    lowest, highest = float(own["load"].min()), float(own["load"].max())
    found = saturation[
        ((saturation["response"] == response) & (saturation["verdict"] == "saturated")).to_numpy()
    ]
    return [
        {
            "platform": str(row["platform"]),
            "run": str(row["sim_id"]),
            "at": float(row["begins"]),
            "low": max(float(row["begins_low"]), lowest),
            "high": min(float(row["begins_high"]), highest),
        }
        for row in found.to_dict("records")
        if str(row["sim_id"]) in runs and np.isfinite([row["begins_low"], row["begins_high"]]).all()
    ]


def _counted(ramps: pd.DataFrame) -> str:
    runs = ramps[RUN].drop_duplicates()
    counts = runs["platform"].astype(str).value_counts(sort=False)
    return ", ".join(f"{name} {counts[name]}" for name in sorted(counts.index, key=natural))
