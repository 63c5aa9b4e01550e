"""The runs in the order in which they were made: what drifts."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import (
    has_values,
    one_experiment,
    one_of,
    quantity_name,
    titled,
)
from analysis.charting.light import Layer, Panel, together
from analysis.charting.palette import Colours, colours_of
from analysis.comparing import order
from analysis.timeline import phase_order
from analysis.values import ALL_HOSTS
from minion.lifecycle import TOTAL
from minion.selection import natural

Record = dict[str, Any]
PER_CENT = "%"
_KEYS = ("metric", "dimension")
Starts = Mapping[tuple[str, str], float]


def drift(
    values: pd.DataFrame,
    starts: Starts,
    *,
    role: str = ALL_HOSTS,
    unit: str = "",
    title: str | None = None,
    simulated: bool = False,
    platforms: Sequence[str] = (),
    colours: Colours | None = None,
    columns: int = 3,
    width: int = 230,
    height: int = 110,
) -> alt.ConcatChart | alt.VConcatChart:
    """Values of runs in the order of their starts: a panel per phase, a dot per run.

    The line of a platform has the median slope between all pairs of its runs (Theil 1950, A
    rank-invariant method of linear and polynomial regression analysis), over their places among
    themselves, as `analysis.comparing.order.drift` gives it. It is drawn through where its runs lie
    among all. Solid: the trend is certain, its p below 5 % after Holm's correction over the chart;
    dashed: it could be chance.

    Args:
        values: one value per run, as `run_values` gives it.
        starts: when each run began, in seconds since the epoch, by (experiment, sim_id).
        role: the hosts, where the frame has several roles: `all` or a role.
        unit: of the values, where the frame has no such column.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        platforms: in the key, in this order; default: those of the frame.
        colours: of the platforms; default: those that they have among themselves.
        columns: panels side by side.
        width, height: of one panel in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, holds several experiments, or a run
            whose start is not known.
    """
    has_values(values, "value", "experiment", "platform", "sim_id", "phase")
    one_experiment(values)
    own = values[np.isfinite(values["value"].to_numpy(dtype=np.float64))]
    if "role" in own:
        one_of("role", role, [str(name) for name in own["role"].unique()])
        own = own[(own["role"].astype(str) == role).to_numpy()]
    keys = [key for key in _KEYS if key in own]
    trends = order.drift(own, starts)
    own, trends = (
        frame.assign(block=pd.Series(_blocks(frame, keys), index=frame.index, dtype=object))
        for frame in (own, trends)
    )
    names = list(platforms) or sorted(own["platform"].astype(str).unique(), key=natural)
    drawing = _Drawing(
        own, trends, starts, colours_of(names, colours), unit, columns, width, height
    )
    blocks = [(quantity_name(*name), drawing.block(name)) for name in dict.fromkeys(own["block"])]
    whole = together(blocks, columns, spacing=26)
    phases = {str(phase) for phase in own["phase"].unique()}
    of_all = " of the whole run," if phases == {TOTAL.name} else ""
    heading = f"Values{of_all} in the order of the runs"
    if keys and len(blocks) == 1:
        heading = f"{blocks[0][0]} in the order of the runs"
    lines = int(np.isfinite(trends["slope"]).sum())
    certain = int((trends["p_holm"] < order.LEVEL).sum())
    return theme.finished(
        whole,
        titled(
            title or heading,
            [
                "Dot: a run. Line: the median slope between its platform's runs",
                f"Solid where it is certain ({certain} of {lines}), else dashed",
            ]
            if lines
            else ["Dot: a run; too few for a line"],
            simulated=simulated,
        ),
        f"Values of {len(drawing.places)} runs in order of their starts, by {', '.join(names)}",
    )


# ---------------------------------------------------------------- inside


class _Drawing:
    """Draws the panels of one figure."""

    def __init__(
        self,
        values: pd.DataFrame,
        trends: pd.DataFrame,
        starts: Starts,
        colours: Colours,
        unit: str,
        columns: int,
        width: int,
        height: int,
    ) -> None:
        self.values, self.trends, self.unit = values, trends, unit
        self.columns, self.width, self.height = columns, width, height
        runs = dict.fromkeys(
            zip(values["experiment"].astype(str), values["sim_id"].astype(str), strict=True)
        )
        ordered = sorted(runs, key=lambda run: (starts[run], natural(run[1])))
        self.places = {run: place for place, run in enumerate(ordered, start=1)}
        self.colour = alt.Color(
            "platform:N",
            title="Platform",
            sort=list(colours),
            scale=theme.scale(colours),
            legend=theme.key(colours),
        )

    def block(self, name: tuple[str, str]) -> alt.ConcatChart:
        """A panel for each phase of one quantity."""
        own, trends = (
            frame[[block == name for block in frame["block"]]]
            for frame in (self.values, self.trends)
        )
        phases = phase_order(own["phase"].astype(str))
        unit = str(own["unit"].iloc[0]) if "unit" in own else self.unit
        records = [r for phase in phases for r in self._records(own, trends, phase)]
        chart = alt.concat(
            *(
                self._panel(phase, [r for r in records if r["phase"] == phase], unit)
                for phase in phases
            ),
            columns=self.columns,
            spacing={"row": 14, "column": 22},
        )
        chart.data = alt.InlineData(values=records)
        return chart

    def _records(self, values: pd.DataFrame, trends: pd.DataFrame, phase: str) -> list[Record]:
        """A record for each platform: its runs as arrays, and both ends of its line."""
        records = []
        own = values[(values["phase"].astype(str) == phase).to_numpy()]
        for platform, part in own.groupby("platform", observed=True, sort=False):
            runs = list(
                zip(part["experiment"].astype(str), part["sim_id"].astype(str), strict=True)
            )
            at = np.array([self.places[run] for run in runs])
            sequence = np.argsort(at)
            value = part["value"].to_numpy(dtype=np.float64)[sequence]
            same = (trends["phase"].astype(str) == phase) & (trends["platform"] == platform)
            trend = trends[same.to_numpy()].iloc[0]
            record: Record = {
                "phase": phase,
                "platform": str(platform),
                "run": [runs[k][1] for k in sequence],
                "place": at[sequence].tolist(),
                "value": [float(f"{v:.6g}") for v in value],
            }
            if np.isfinite(trend["slope"]):
                rank = np.arange(1, len(value) + 1)
                middle = float(np.median(value - trend["slope"] * rank))
                ends = middle + trend["slope"] * rank[[0, -1]]
                record |= {
                    "first": int(at.min()),
                    "last": int(at.max()),
                    "begin": float(f"{ends[0]:.6g}"),
                    "end": float(f"{ends[1]:.6g}"),
                    "slope": float(f"{trend['slope']:.4g}"),
                    "certain": bool(trend["p_holm"] < order.LEVEL),
                }
                if np.isfinite(trend["p_holm"]):
                    record["p"] = float(f"{trend['p_holm']:.3g}")
            records.append(record)
        return records

    def _panel(self, phase: str, records: Sequence[Record], unit: str) -> Panel:
        x = alt.X(
            "place:Q",
            title="order of the runs",
            scale=alt.Scale(domain=[0, len(self.places) + 1], nice=False),
            axis=alt.Axis(grid=False, tickCount=5, tickMinStep=1),
        )
        y = alt.Y(
            "value:Q",
            title=unit or None,
            scale=alt.Scale(domain=_domain(records, unit), nice=False, zero=False),
            axis=alt.Axis(tickCount=4, minExtent=34),
        )
        equal = alt.FieldEqualPredicate(field="phase", equal=phase)
        dots = (
            Layer()
            .transform_flatten(["run", "place", "value"])
            .mark_circle(size=22, opacity=alt.ExprRef("dark ? 0.8 : 0.55"))
            .encode(
                x=x,
                y=y,
                color=self.colour,
                tooltip=[
                    alt.Tooltip("run:N", title="Run"),
                    alt.Tooltip("platform:N", title="Platform"),
                    alt.Tooltip(
                        "value:Q", title=", ".join(filter(None, ("Value", unit))), format=",.4~g"
                    ),
                ],
            )
        )
        line = (
            Layer()
            .transform_filter("isValid(datum.begin)")
            .mark_rule(strokeWidth=2)
            .encode(
                x=alt.X("first:Q", title="order of the runs"),
                x2="last:Q",
                y=alt.Y("begin:Q", title=unit or None),
                y2="end:Q",
                color=self.colour,
                strokeDash=alt.condition("datum.certain", alt.value([1, 0]), alt.value([4, 3])),
                tooltip=[
                    alt.Tooltip("platform:N", title="Platform"),
                    alt.Tooltip("slope:Q", title=f"{unit} per run".strip(), format=",.3~g"),
                    alt.Tooltip("p:Q", title="p, corrected", format=".2~g"),
                ],
            )
        )
        return Panel(
            # A mark that stands for no record has nothing to say to who hears the picture.
            layer=[dots, *([line] if any("begin" in record for record in records) else [])],
            title=alt.TitleParams(phase, fontSize=12, offset=4, frame="group"),
            transform=[alt.FilterTransform(equal)],
            width=self.width,
            height=self.height,
        )


def _domain(records: Sequence[Record], unit: str) -> list[float]:
    """From the least to the largest of what is drawn, with some air; a share of a whole from 0."""
    drawn = [value for record in records for value in record["value"]]
    drawn += [record[end] for record in records for end in ("begin", "end") if end in record]
    low, high = min(drawn), max(drawn)
    air = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    low -= air
    return [min(0.0, low) if unit == PER_CENT else low, high + air]


def _blocks(frame: pd.DataFrame, keys: Sequence[str]) -> list[tuple[str, str]]:
    """Of each row the metric and the dimension, as far as the frame has them."""
    parts = [frame[key].astype(str) if key in keys else [""] * len(frame) for key in _KEYS]
    return list(zip(*parts, strict=True))
