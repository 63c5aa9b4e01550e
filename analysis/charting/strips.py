"""Small multiples of strip charts: a panel per phase, a row per platform, a dot per run."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.light import Layer, Panel
from analysis.charting.names import BESIDE, NARROW, WIDEST, written
from analysis.charting.palette import Colours, colours_of
from analysis.intervals import intervals
from analysis.values import run_values
from minion.errors import InvalidData
from minion.selection import natural

Record = dict[str, Any]

ROW = 30  # pixels of a platform
_GOLDEN = 0.618034  # multiples of it, modulo 1, are spread evenly however many there are
_NARROWEST = 0.1  # of the mean: what a scale spans at least


def strips(
    frame: pd.DataFrame,
    *,
    value: str,
    unit: str,
    platforms: Sequence[str] = (),
    columns: int = 3,
    width: int = 250,
    zero: bool = False,
    colours: Colours | None = None,
) -> list[alt.ConcatChart]:
    """A block of panels; several, with the dimension as title, where the metric keeps those.

    Args:
        frame: experiment, platform, sim_id, phase, `value`, and what else `run_values` reduces.
        value: the column to draw.
        unit: its unit.
        platforms: rows of every panel; default: those of the frame.
        columns, width: panels side by side, and their width in pixels.
        zero: let every scale begin at 0.
        colours: of the platforms; default: those that they have among themselves.

    Raises:
        InvalidData: no phase has a value.
    """
    values = run_values(frame, value=value)
    if values.empty:
        raise InvalidData("there is nothing to draw: no value lies in a phase")
    names = list(platforms) or sorted(values["platform"].astype(str).unique(), key=natural)
    drawing = _Drawing(
        colours_of(names, colours), unit=unit, width=width, columns=columns, zero=zero
    )
    means = intervals(values)
    if "dimension" not in values:
        return [drawing.block(values, means)]
    return [
        drawing.block(*own).properties(title=alt.TitleParams(str(dimension), fontSize=13))
        for dimension in values["dimension"].unique()
        if (own := [f[(f["dimension"] == dimension).to_numpy()] for f in (values, means)])
    ]


class _Drawing:
    """Draws the panels of one figure.

    The records of all panels stand together, outside of them: Altair copies what lies inside of a
    panel once for every step of its making.
    """

    def __init__(
        self, colours: Colours, *, unit: str, width: int, columns: int, zero: bool
    ) -> None:
        self.names, self.colours = list(colours), colours
        self.unit = unit
        self.width = width
        self.columns = columns
        self.zero = zero
        self.dots, self.interval, self.mean = self._marks()

    def block(self, values: pd.DataFrame, means: pd.DataFrame) -> alt.ConcatChart:
        """A panel for each phase that has values, in the study's order."""
        there = set(values["phase"])
        phases = [str(name) for name in values["phase"].cat.categories if name in there]
        panels, records = [], []
        for number, phase in enumerate(phases):
            own = _records(
                values[(values["phase"] == phase).to_numpy()],
                means[(means["phase"] == phase).to_numpy()],
            )
            records += [{"panel": number, **record} for record in own]
            panels.append(self._panel(number, phase, own))
        chart = alt.concat(*panels, columns=self.columns, spacing={"row": 14, "column": 26})
        chart.data = alt.InlineData(values=records)
        return chart

    def _panel(self, number: int, phase: str, records: Sequence[Record]) -> Panel:
        x = alt.X(
            "mean:Q",
            title=self.unit,
            scale=alt.Scale(domain=self._domain(records), nice=False, zero=False),
            axis=alt.Axis(
                tickCount=5 if self.width >= 200 else 3,
                titleAnchor="end",
                titlePadding=2,
                gridOpacity=0.7,
            ),
        )
        # A mark that stands for no record has nothing to say to who hears the picture.
        known = any("low" in record for record in records)
        return Panel(
            layer=[self.dots, *([self.interval] if known else []), self.mean.encode(x=x)],
            title=alt.TitleParams(phase, fontSize=12, offset=4),
            transform=[alt.FilterTransform(alt.FieldEqualPredicate(field="panel", equal=number))],
            width=self.width,
            height=ROW * len(self.names),
        )

    def _marks(self) -> tuple[alt.Chart, alt.Chart, alt.Chart]:
        y = alt.Y(
            "platform:N",
            title=None,
            scale=alt.Scale(domain=self.names),
            axis=alt.Axis(
                ticks=False,
                domain=False,
                labelPadding=6,
                labelLimit=WIDEST,
                labelExpr=written(self.names, BESIDE if self.width >= 160 else NARROW),
            ),
        )
        platform = alt.Tooltip("platform:N", title="Platform")
        dots = (
            Layer()
            .transform_flatten(["run", "value", "offset"])
            .mark_circle(size=26, opacity=alt.ExprRef("dark ? 0.8 : 0.45"), clip=True)
            .encode(
                x=alt.X("value:Q", title=self.unit),
                y=y,
                yOffset=alt.YOffset("offset:Q", scale=alt.Scale(domain=[-0.25, 1.25])),
                color=alt.Color(
                    "platform:N",
                    scale=theme.scale(self.colours),
                    legend=None,
                ),
                tooltip=[
                    alt.Tooltip("run:N", title="Run"),
                    platform,
                    alt.Tooltip("value:Q", title=self.unit, format=",.4~g"),
                ],
            )
        )
        interval = (
            Layer()
            .transform_filter("isValid(datum.low)")
            .mark_rule(stroke=theme.INK, strokeWidth=2.5)
            .encode(x=alt.X("low:Q", title=self.unit), x2="high:Q", y=y)
        )
        mean = (
            Layer()
            .mark_point(
                shape="diamond",
                size=60,
                filled=True,
                fill=theme.PAPER,
                stroke=theme.INK,
                strokeWidth=1.6,
                opacity=1,
            )
            .encode(
                y=y,
                tooltip=[
                    platform,
                    alt.Tooltip("mean:Q", title=f"Mean, {self.unit}", format=",.4~g"),
                    alt.Tooltip("low:Q", title="95 % from", format=",.4~g"),
                    alt.Tooltip("high:Q", title="to", format=",.4~g"),
                    alt.Tooltip("n:Q", title="Runs"),
                ],
            )
        )
        return dots, interval, mean

    def _domain(self, records: Sequence[Record]) -> list[float]:
        """From the least to the largest of what is drawn, with some air."""
        drawn = [value for record in records for value in record["value"]]
        drawn += [record[end] for record in records for end in ("low", "high") if end in record]
        low, high = min(drawn), max(drawn)
        if self.zero:
            return [min(0.0, low * 1.05), high * 1.05 or 1.0]
        middle = (low + high) / 2
        span = max((high - low) * 1.1, abs(middle) * _NARROWEST) or 1.0
        return [middle - span / 2, middle + span / 2]


def _records(values: pd.DataFrame, means: pd.DataFrame) -> list[Record]:
    """A record for each platform: its mean, and its runs as arrays."""
    records = []
    for row in means.to_dict("records"):
        own = values[(values["platform"] == row["platform"]).to_numpy()]
        numbers = {name: float(row[name]) for name in ("mean", "low", "high")}
        records.append(
            {
                "platform": str(row["platform"]),
                "n": int(row["n"]),
                # A single run has no interval.
                **{name: _short(v) for name, v in numbers.items() if np.isfinite(v)},
                "run": own["sim_id"].astype(str).tolist(),
                "value": [_short(value) for value in own["value"].tolist()],
                "offset": np.round((0.5 + np.arange(len(own)) * _GOLDEN) % 1, 3).tolist(),
            }
        )
    return records


def _short(value: float) -> float:
    """To six digits: finer than a pixel, and short in JSON."""
    return float(f"{value:.6g}")
