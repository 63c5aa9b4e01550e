"""Small multiples of strip charts: a panel per phase, a row per platform, a dot per run."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis import theme
from analysis.intervals import intervals, run_values
from minion.errors import InvalidData
from minion.selection import natural

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
) -> list[alt.ConcatChart]:
    """A block of panels; several, with the dimension as title, where the metric keeps those.

    Args:
        frame: experiment, platform, sim_id, phase, `value`, and what else `run_values` reduces.
        value: the column to draw.
        unit: its unit.
        platforms: rows of every panel; default: those of the frame.
        columns, width: panels side by side, and their width in pixels.
        zero: let every scale begin at 0.

    Raises:
        InvalidData: no phase has a value.
    """
    values = run_values(frame, value=value)
    if values.empty:
        raise InvalidData("there is nothing to draw: no value lies in a phase")
    names = list(platforms) or sorted(values["platform"].astype(str).unique(), key=natural)
    make = _Panels(names=names, unit=unit, width=width, zero=zero)
    means = intervals(values)
    if "dimension" not in values:
        return [alt.concat(*make.panels(values, means), columns=columns, spacing=_SPACING)]
    return [
        alt.concat(*make.panels(*own), columns=columns, spacing=_SPACING).properties(
            title=alt.TitleParams(str(dimension), fontSize=13)
        )
        for dimension in values["dimension"].unique()
        if (own := [f[(f["dimension"] == dimension).to_numpy()] for f in (values, means)])
    ]


_SPACING = {"row": 14, "column": 26}


class _Panels:
    """Draws the panels of one figure."""

    def __init__(self, *, names: Sequence[str], unit: str, width: int, zero: bool) -> None:
        self.names = list(names)
        self.unit = unit
        self.width = width
        self.zero = zero
        self.colours = theme.scale(theme.platform_colours(names))

    def panels(self, values: pd.DataFrame, means: pd.DataFrame) -> list[alt.LayerChart]:
        """One for each phase that has values, in the study's order."""
        there = set(values["phase"])
        return [
            self._panel(
                str(phase),
                values[(values["phase"] == phase).to_numpy()],
                means[(means["phase"] == phase).to_numpy()],
            )
            for phase in values["phase"].cat.categories
            if phase in there
        ]

    def _panel(self, phase: str, values: pd.DataFrame, means: pd.DataFrame) -> alt.LayerChart:
        domain = self._domain(values["value"].to_numpy(), means)
        x = alt.X(
            "value:Q",
            title=self.unit,
            scale=alt.Scale(domain=domain, nice=False, zero=False),
            axis=alt.Axis(tickCount=5, titleAnchor="end", titlePadding=2, gridOpacity=0.7),
        )
        y = alt.Y(
            "platform:N",
            title=None,
            scale=alt.Scale(domain=self.names),
            axis=alt.Axis(ticks=False, domain=False, labelPadding=6, labelLimit=110),
        )
        colour = alt.Color("platform:N", scale=self.colours, legend=None)
        dots = (
            alt.Chart(alt.InlineData(values=_dots(values)))
            .mark_circle(size=26, opacity=0.45, clip=True)
            .encode(
                x=x,
                y=y,
                yOffset=alt.YOffset("offset:Q", scale=alt.Scale(domain=[-0.25, 1.25])),
                color=colour,
                tooltip=[
                    alt.Tooltip("run:N", title="Run"),
                    alt.Tooltip("platform:N", title="Platform"),
                    alt.Tooltip("value:Q", title=self.unit, format=",.4~g"),
                ],
            )
        )
        mean = alt.Chart(alt.InlineData(values=_means(means))).encode(
            y=y,
            tooltip=[
                alt.Tooltip("platform:N", title="Platform"),
                alt.Tooltip("value:Q", title=f"Mean, {self.unit}", format=",.4~g"),
                alt.Tooltip("low:Q", title="95 % from", format=",.4~g"),
                alt.Tooltip("high:Q", title="to", format=",.4~g"),
                alt.Tooltip("n:Q", title="Runs"),
            ],
        )
        halo = mean.mark_rule(stroke="white", strokeWidth=6, opacity=0.85).encode(
            x=alt.X("low:Q", title=self.unit), x2="high:Q"
        )
        bar = mean.mark_rule(stroke=theme.INK, strokeWidth=2.5).encode(
            x=alt.X("low:Q", title=self.unit), x2="high:Q"
        )
        point = mean.mark_point(
            shape="diamond",
            size=60,
            filled=True,
            fill="white",
            stroke=theme.INK,
            strokeWidth=1.6,
            opacity=1,
        ).encode(x=x)
        return alt.layer(dots, halo, bar, point).properties(
            title=alt.TitleParams(phase, fontSize=12, offset=4),
            width=self.width,
            height=ROW * len(self.names),
        )

    def _domain(self, values: Any, means: pd.DataFrame) -> list[float]:
        """From the least to the largest of what is drawn, with some air."""
        drawn = np.concatenate([values, means["low"].to_numpy(), means["high"].to_numpy()])
        low, high = float(np.nanmin(drawn)), float(np.nanmax(drawn))
        if self.zero:
            return [min(0.0, low), high * 1.05 or 1.0]
        middle = (low + high) / 2
        span = max((high - low) * 1.1, abs(middle) * _NARROWEST) or 1.0
        return [middle - span / 2, middle + span / 2]


def _dots(values: pd.DataFrame) -> list[dict[str, Any]]:
    place = values.groupby("platform", observed=True).cumcount().to_numpy()
    return [
        {"run": str(run), "platform": str(platform), "value": _short(value), "offset": at}
        for run, platform, value, at in zip(
            values["sim_id"],
            values["platform"],
            values["value"],
            np.round(place * _GOLDEN % 1, 3).tolist(),
            strict=True,
        )
    ]


def _means(means: pd.DataFrame) -> list[dict[str, Any]]:
    """A record for each platform; without ends of an interval where there is one run only."""
    numbers = means[["mean", "low", "high"]].to_numpy(dtype=np.float64).tolist()
    return [
        {"platform": str(platform), "n": n, "value": _short(mean)}
        | ({"low": _short(low), "high": _short(high)} if n > 1 else {})
        for platform, n, (mean, low, high) in zip(
            means["platform"], means["n"].tolist(), numbers, strict=True
        )
    ]


def _short(value: float) -> float:
    """To six digits: finer than a pixel, and short in JSON."""
    return float(f"{value:.6g}")
