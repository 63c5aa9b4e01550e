"""Altair charts of tidy frames.

Each function takes a frame as `utilization` or `durations` gives it and returns an Altair chart
with its data inside, which a script can change, combine or save: `chart.to_dict()` and
`chart.save()` work as ever, whatever the number of samples.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from analysis import theme
from analysis.labels import ELAPSED, has_values, one_experiment, one_metric, titled
from analysis.metrics import average
from analysis.output import save
from analysis.panels import facet
from analysis.strips import strips
from minion.model import Role
from minion.selection import natural

__all__ = ["course", "durations", "facet", "save", "utilization"]


def durations(
    frame: pd.DataFrame,
    *,
    title: str = "How long each phase took",
    simulated: bool = False,
    platforms: Sequence[str] = (),
    columns: int = 3,
    width: int = 250,
) -> alt.ConcatChart:
    """A panel per phase: a dot per run, the mean of each platform, and its 95 % interval.

    Every panel has its own time scale, which does not begin at 0, so that a difference can be
    seen in a short phase and in a long one; it spans at least a tenth of the mean.

    Args:
        frame: as `durations` of `analysis.timeline` gives it.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        platforms: rows of every panel, in this order; default: those of the frame.
        columns: panels side by side.
        width: of one panel in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several experiments.
    """
    has_values(frame, "duration_s", "experiment", "platform", "phase", "sim_id")
    one_experiment(frame)
    blocks = strips(
        frame, value="duration_s", unit="s", platforms=platforms, columns=columns, width=width
    )
    return theme.finished(
        blocks[0],
        titled(title, _KEY, simulated=simulated),
        f"Duration in seconds of each phase, one dot per run, by {_names(frame)}",
    )


def utilization(
    frame: pd.DataFrame,
    *,
    title: str | None = None,
    simulated: bool = False,
    platforms: Sequence[str] = (),
    columns: int = 3,
    width: int = 250,
    zero: bool = True,
) -> alt.ConcatChart | alt.VConcatChart:
    """A panel per phase: a dot per run (mean of its hosts), each platform's mean and 95 % interval.

    Panels have scales of their own. A metric that keeps its dimensions has a block of panels for
    each.

    Args:
        frame: one metric, as `utilization` of `analysis.metrics` gives it, or reduced by
            `analysis.values.run_values` with the columns metric and unit beside.
        title: of the chart; default: the metric's name.
        simulated: the data are not measured; the subtitle says so.
        platforms: rows of every panel, in this order; default: those of the frame.
        columns: panels side by side.
        width: of one panel in pixels.
        zero: let every scale begin at 0.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several metrics or
            experiments.
    """
    label, unit = one_metric(frame, "experiment", "phase", "sim_id")
    one_experiment(frame)
    blocks = strips(
        frame,
        value="value",
        unit=unit,
        platforms=platforms,
        columns=columns,
        width=width,
        zero=zero,
    )
    whole = blocks[0] if len(blocks) == 1 else alt.vconcat(*blocks, spacing=28)
    return theme.finished(
        whole,
        titled(title or f"{label} in each phase", _KEY, simulated=simulated),
        f"{label} ({unit}) in each phase, one dot per run, by {_names(frame)}",
    )


def course(
    frame: pd.DataFrame,
    *,
    title: str | None = None,
    simulated: bool = False,
    platforms: Sequence[str] = (),
    width: int = 760,
    height: int = 130,
) -> alt.FacetChart:
    """Value over elapsed time: a line per platform, the mean of its runs, a panel per role.

    Around the line lies the band that holds the middle half of the runs. A time step is drawn
    while at least half of a platform's runs have samples in it.

    Args:
        frame: one metric, as `utilization` gives it.
        title: of the chart; default: the metric's name.
        simulated: the data are not measured; the subtitle says so.
        platforms: in the legend, in this order; default: those of the frame.
        width, height: of one panel in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several metrics or
            experiments.
    """
    label, unit = one_metric(frame, "experiment", "hostname", "role", "elapsed_s")
    one_experiment(frame)
    names = list(platforms) or _platforms(frame)
    several = len(frame["dimension"].unique()) > 1
    records: list[dict[str, Any]] = []
    for role, of_role in frame.groupby("role", observed=True):
        middle = _over_runs(average(of_role))
        for (platform, dimension), part in middle.groupby(["platform", "dimension"], observed=True):
            records.append(
                {
                    "panel": f"{role}, {dimension}" if several else str(role),
                    "platform": str(platform),
                    "t": part["elapsed_s"].round(1).tolist(),
                    **{q: part[q].round(4).tolist() for q in ("mean", "low", "high")},
                }
            )
    panels = sorted({r["panel"] for r in records}, key=lambda p: (_place(p), natural(p)))
    x = alt.X("t:Q", title=ELAPSED, axis=alt.Axis(grid=False), scale=alt.Scale(nice=False))
    y = alt.Y("low:Q", title=unit, scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=4))
    colours = theme.scale(theme.platform_colours(names))
    key = alt.Legend(title="Platform", symbolOpacity=1)
    colour: dict[str, Any] = {"scale": colours, "sort": names, "legend": key}
    band = alt.Chart().mark_area(opacity=0.18)
    line = alt.Chart().mark_line(strokeWidth=1.6)
    chart = (
        alt.layer(
            band.encode(x=x, y=y, y2="high:Q", fill=alt.Fill("platform:N", **colour)),
            line.encode(x=x, y="mean:Q", stroke=alt.Stroke("platform:N", **colour)),
            data=alt.InlineData(values=records),
        )
        .properties(width=width, height=height)
        .facet(
            row=alt.Row(
                "panel:N",
                sort=panels,
                header=alt.Header(labelOrient="top", labelAnchor="start", labelFontWeight=600),
            ),
            spacing=14,
        )
        # Out here, not in the layers: Vega-Lite 6.4 loses a data set that two layers flatten alike.
        .transform_flatten(["t", "mean", "low", "high"])
    )
    return theme.finished(
        chart,
        titled(
            title or f"{label} over time",
            ["Mean of the runs; the band holds the middle half of them"],
            simulated=simulated,
        ),
        f"{label} ({unit}) over time, mean of the runs of {', '.join(names)}",
    )


# ---------------------------------------------------------------- inside

_KEY = ("Dot: a run. Diamond: mean of the runs. Bar: its 95 % interval.",)
_ROLES = [role.value for role in (Role.MASTER, Role.WORKER, Role.CONTROLLER)]


def _platforms(frame: pd.DataFrame) -> list[str]:
    return sorted({str(name) for name in frame["platform"].unique()}, key=natural)


def _names(frame: pd.DataFrame) -> str:
    return ", ".join(_platforms(frame))


def _over_runs(averages: pd.DataFrame) -> pd.DataFrame:
    """platform, dimension, elapsed_s, mean, low, high: over the runs of each platform."""
    keys = ["platform", "dimension", "elapsed_s"]
    # A step in which one phase ends and another begins has two rows.
    per_run = averages.groupby(["experiment", "sim_id", *keys], observed=True)["value"].mean()
    over = per_run.groupby(keys, observed=True)
    table = pd.DataFrame(
        {
            "n": over.size(),
            "mean": over.mean(),
            "low": over.quantile(0.25),
            "high": over.quantile(0.75),
        }
    ).reset_index()
    most = table.groupby(["platform", "dimension"], observed=True)["n"].transform("max")
    return table[table["n"] >= most / 2]


def _place(panel: str) -> int:
    role = panel.partition(",")[0]
    return _ROLES.index(role) if role in _ROLES else len(_ROLES)
