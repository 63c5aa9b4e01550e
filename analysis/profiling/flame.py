"""Flame graphs: stacks as bars over each other, as wide as what they cost (Gregg, 2016)."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, cast
from zlib import crc32

import altair as alt
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import counted, has_values, titled
from analysis.profiling.reading import RUN, SEPARATOR, TIME, one_unit
from minion.errors import InvalidData

_ROW = 18  # pixels of a bar
_LETTER = 6.2  # pixels of a name's letter, on average
_NARROWEST = 0.0005  # of the whole: a bar of less than a pixel
_ALL = "all"
_GROUND = theme.shade("#DDE2E8", "#38424D")
# Five neighbours between yellow and red, on which both inks can be read.
_FLAMES = (
    theme.shade("#F6C89F", "#7A4A22"),
    theme.shade("#F4B183", "#86421F"),
    theme.shade("#F7D794", "#70551C"),
    theme.shade("#F2A88E", "#83392A"),
    theme.shade("#F9E2AE", "#665A2A"),
)


@dataclass(slots=True)
class _Node:
    """A function in its place: its own cost, and what it called."""

    own: float = 0.0
    called: dict[str, "_Node"] = field(default_factory=dict)
    total: float = 0.0

    def add_up(self) -> float:
        # What is below zero (a trace that lost an exit) has no width.
        self.total = max(self.own, 0.0) + sum(node.add_up() for node in self.called.values())
        return self.total


def flame_graph(
    frame: pd.DataFrame,
    *,
    title: str = "Where the time goes",
    simulated: bool = False,
    width: int = 900,
    narrowest: float = _NARROWEST,
    most: int | None = None,
) -> alt.LayerChart:
    """A bar for each function in its place: what it called stands on top of it.

    A bar's width is the share of what the function cost with all that it called; neighbours stand
    in alphabetical order, and the colour only tells functions apart. The lowest bar is everything,
    those on it are the processes. A click makes a bar as wide as the chart, a click on a lower one
    or a double click goes back.

    Args:
        frame: as `stacks` of `analysis.profiling.reading` gives it; runs are added up.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        width: of the chart in pixels.
        narrowest: share of the whole below which a bar is not drawn.
        most: how many bars are drawn at most: the widest; default: all that are wide enough.

    Raises:
        InvalidData: the frame lacks a column, has no cost, or several units.
    """
    has_values(frame, "value", *RUN, "process", "stack", "unit")
    unit = one_unit(frame)
    root = _tree(frame)
    if not root.add_up() > 0:
        raise InvalidData("there is nothing to draw: the stacks cost nothing")
    bars, under = list(_bars(root, narrowest)), "less than"
    if most is not None and len(bars) > most:
        widest_left_out = sorted((bar["total"] for bar in bars), reverse=True)[most]
        narrowest = widest_left_out / root.total
        # A bar is no wider than the one it stands on: none of those that stay loses its ground.
        bars = [bar for bar in bars if bar["total"] > widest_left_out] or bars[:1]
        under = "up to"
    depth = max(bar["depth"] for bar in bars)
    chart = _drawing(bars, depth, unit, width)
    zoom = chart.params
    runs = len(frame[RUN].drop_duplicates())
    left_out = _count(root) - len(bars)
    notes = [
        f"{root.total:,.4g} {unit} in {counted(runs, 'run')};"
        " width: the function with what it called. Click: closer; double click: everything"
    ]
    below = float(frame["value"].clip(upper=0).sum())
    if f"{below:.4g}" != "0":
        notes.append(f"Own costs below zero, which have no width: {below:,.4g} {unit}")
    if left_out:
        places = counted(left_out, "place")
        notes.append(f"Too narrow to draw ({under} {100 * narrowest:.2g} %): {places}")
    named = theme.finished(
        chart,
        titled(title, notes, simulated=simulated),
        f"flame graph of {len(bars)} functions in their places, {depth + 1} levels",
    )
    added: list[Any] = [*cast("Any", named.params), *cast("Any", zoom)]
    named.params = added
    return named


def flame_title(kind: str, platforms: Collection[str]) -> str:
    """What a flame graph of a kind of profile is called, with the platform where there is one."""
    where = f" on {next(iter(platforms))}" if len(platforms) == 1 else ""
    return f"Where the time goes{where}" if kind == TIME else f"Where {kind} come from{where}"


def _tree(frame: pd.DataFrame) -> _Node:
    root = _Node()
    summed = frame.groupby(["process", "stack"], observed=True)["value"].sum()
    for process, stack, value in summed.reset_index().itertuples(index=False, name=None):
        node = root
        for name in [str(process), *str(stack).split(SEPARATOR)]:
            node = node.called.setdefault(name, _Node())
        node.own += float(value)
    return root


def _bars(root: _Node, narrowest: float) -> Iterator[dict[str, Any]]:
    """The bars that are wide enough, each with its place: `low` to `high` of 0 to 1."""
    waiting = [(_ALL, root, 0.0, 0)]
    while waiting:
        name, node, low, depth = waiting.pop()
        share = node.total / root.total
        if share < narrowest:
            continue
        yield {
            "function": name,
            "low": float(f"{low:.7g}"),
            "high": float(f"{low + share:.7g}"),
            "depth": depth,
            "own": float(f"{node.own:.6g}"),
            "total": float(f"{node.total:.6g}"),
            "tint": str(0 if depth < 2 else 1 + crc32(name.encode()) % len(_FLAMES)),
        }
        at = low
        for called in sorted(node.called):
            waiting.append((called, node.called[called], at, depth + 1))
            at += node.called[called].total / root.total


def _count(node: _Node) -> int:
    return 1 + sum(_count(called) for called in node.called.values())


def _drawing(bars: list[dict[str, Any]], depth: int, unit: str, width: int) -> alt.LayerChart:
    """The bars with their names; what is clicked becomes as wide as the chart."""
    zoom = alt.selection_point(
        name="zoom", fields=["low", "high"], on="click", clear="dblclick", toggle=False
    )
    low, high = "(zoom.low ? zoom.low[0] : 0)", "(zoom.high ? zoom.high[0] : 1)"
    # Transforms do not run again when a selection changes; scales and marks do.
    seen = alt.Scale(domain=[alt.ExprRef(low), alt.ExprRef(high)], nice=False, zero=False)
    levels = alt.Scale(domain=[0, depth + 1], nice=False)
    colours = {str(n): c for n, c in enumerate((_GROUND, *_FLAMES))}
    x = alt.X("low:Q", scale=seen, axis=None)
    bars_and_names = alt.Chart().transform_calculate(
        top="datum.depth + 1", middle="datum.depth + 0.5", share="datum.high - datum.low"
    )
    tooltip = [
        alt.Tooltip("function:N", title="Function"),
        alt.Tooltip("share:Q", title="Share", format=".2%"),
        alt.Tooltip("total:Q", title=f"Total, {unit}", format=",.4~g"),
        alt.Tooltip("own:Q", title=f"Self, {unit}", format=",.4~g"),
    ]
    rectangles = (
        bars_and_names.mark_rect(stroke=theme.PAPER, strokeWidth=0.6, cursor="pointer", clip=True)
        .encode(
            x=x,
            x2="high:Q",
            y=alt.Y("depth:Q", scale=levels, axis=None),
            y2="top:Q",
            fill=alt.Fill("tint:N", scale=theme.scale(colours), legend=None),
            tooltip=tooltip,
        )
        .add_params(zoom)
    )
    scaled = f"width / ({high} - {low})"  # the signal, which follows a page that fits the chart
    room = f"(min(datum.high, {high}) - max(datum.low, {low})) * {scaled}"
    names = bars_and_names.mark_text(
        align="left",
        baseline="middle",
        clip=True,
        fontSize=11,
        color=theme.INK,
        # A bar that begins left of what is seen has its name where it comes into view.
        dx=alt.ExprRef(f"3 + max(0, {low} - datum.low) * {scaled}"),
        limit=alt.ExprRef(f"max(1, {room} - 5)"),
        opacity=alt.ExprRef(f"{room} > {5 * _LETTER:g} ? 1 : 0"),
    ).encode(
        x=x,
        y=alt.Y("middle:Q", scale=levels, axis=None),
        text="function:N",
        tooltip=tooltip,
    )
    layered: alt.LayerChart = alt.layer(  # type: ignore[assignment]  # without row and column
        rectangles,
        names,
        data=alt.InlineData(values=bars),
        width=width,
        height=_ROW * (depth + 1),
    )
    return layered
