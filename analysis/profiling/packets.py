"""The path of one packet: an outermost call, and every call inside it, over time."""

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.charting import theme
from analysis.charting.labels import counted, has_values, titled
from minion.errors import InvalidData, NotFound

_ROW = 16  # pixels of a level
_MOVED = 0.001  # microseconds: what less than a clock's nanosecond does is rounding
_NEEDED = ("tree", "depth", "process", "cpu", "function", "start_us", "duration_us", "self_us")


def paths(calls: pd.DataFrame) -> pd.DataFrame:
    """The paths that a trace holds: a row for each outermost call, in their order.

    Args:
        calls: a row per call: tree, depth, process, cpu, function, start_us, duration_us, self_us.

    Returns:
        tree, function, process, cpu, calls (inside it, itself too), levels, duration_us.

    Raises:
        InvalidData: the frame lacks a column, or holds no call.
    """
    has_values(calls, "duration_us", *_NEEDED)
    sizes = calls.groupby("tree").agg(calls=("depth", "size"), levels=("depth", "max"))
    roots = calls[(calls["depth"] == 0).to_numpy()].set_index("tree")
    table = roots[["function", "process", "cpu", "duration_us"]].join(sizes).reset_index()
    table["levels"] += 1
    columns = ["tree", "function", "process", "cpu", "calls", "levels", "duration_us"]
    return table.reindex(columns=columns)


def packet_path(calls: pd.DataFrame, function: str | None = None, number: int = 1) -> pd.DataFrame:
    """One path: an outermost call and what it called, in the order of the entries.

    Args:
        calls: as of `paths`.
        function: the outermost function; default: that of the most paths.
        number: which of its paths, from 1.

    Returns:
        The rows of `calls` that belong to it, and path: the function, indented by its depth.

    Raises:
        InvalidData: as of `paths`.
        NotFound: there is no such path; the message lists the outermost functions.
    """
    there = paths(calls)
    names = there["function"].astype(str)
    counts = names.value_counts()
    wanted = function or str(counts.index[0])
    own = there[(names == wanted).to_numpy()]
    if not 1 <= number <= len(own):
        listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
        raise NotFound(f"no path {number} of {wanted}; outermost functions: {listed}")
    tree = own["tree"].iloc[number - 1]
    path: pd.DataFrame = calls[(calls["tree"] == tree).to_numpy()].reset_index(drop=True)
    indented = [
        "  " * depth + name
        for depth, name in zip(path["depth"], path["function"].astype(str), strict=True)
    ]
    return path.assign(path=indented)


def path_chart(
    path: pd.DataFrame,
    *,
    title: str | None = None,
    simulated: bool = False,
    width: int = 900,
) -> alt.LayerChart:
    """The calls of one path over time: a bar from entry to exit, under the bar that called it.

    A clock of whole microseconds gives calls that follow each other one start, and others one
    before their caller's. Each stands as near to its own start as it can inside its caller, in the
    order of the entries and behind the call before; the subtitle says so where any was moved.

    Args:
        path: as `packet_path` gives it.
        title: of the chart; default: the outermost function.
        simulated: the data are not measured; the subtitle says so.
        width: in pixels.

    Raises:
        InvalidData: the frame lacks a column, holds no call, or several paths.
    """
    has_values(path, "duration_us", *_NEEDED)
    if (path["tree"] != path["tree"].iloc[0]).any():
        raise InvalidData("the frame holds several paths; draw one (packet_path gives it)")
    first = path.iloc[0]
    starts = _laid_out(path)
    ends = starts + path["duration_us"].to_numpy(dtype=np.float64)
    span = float(np.max(ends))
    deepest = int(path["depth"].max())
    records = [
        {
            "function": str(row["function"]),
            "level": int(row["depth"]),
            "start": float(f"{start:.6g}"),
            "end": float(f"{end:.6g}"),
            "took": float(f"{row['duration_us']:.6g}"),
            "own": float(f"{row['self_us']:.6g}"),
        }
        for row, start, end in zip(path.to_dict("records"), starts, ends, strict=True)
    ]
    base = alt.Chart().transform_calculate(below="datum.level + 0.94", middle="datum.level + 0.47")
    levels = alt.Scale(domain=[0, deepest + 1], nice=False, reverse=True)
    x = alt.X(
        "start:Q",
        title="time in µs",
        scale=alt.Scale(domain=[0, span or 1.0], nice=False),
        axis=alt.Axis(orient="top"),
    )
    tooltip = [
        alt.Tooltip("function:N", title="Function"),
        alt.Tooltip("took:Q", title="Duration, µs", format=",.4~g"),
        alt.Tooltip("own:Q", title="Self, µs", format=",.4~g"),
        alt.Tooltip("start:Q", title="From, µs", format=",.4~g"),
    ]
    bars = base.mark_rect(
        fill=theme.shade("#BBD7EA", "#2D506B"), stroke=theme.PAPER, strokeWidth=0.6
    ).encode(
        x=x,
        x2="end:Q",
        y=alt.Y("level:Q", scale=levels, axis=None),
        y2="below:Q",
        tooltip=tooltip,
    )
    room = f"datum.took * {width / (span or 1.0):.6g}"
    names = base.mark_text(
        align="left",
        baseline="middle",
        dx=2,
        fontSize=10,
        color=theme.INK,
        limit=alt.ExprRef(f"max(1, {room} - 4)"),
        opacity=alt.ExprRef(f"{room} > 28 ? 1 : 0"),
    ).encode(x=x, y=alt.Y("middle:Q", scale=levels, axis=None), text="function:N", tooltip=tooltip)
    chart: alt.LayerChart = alt.layer(  # type: ignore[assignment]  # without row and column
        bars,
        names,
        data=alt.InlineData(values=records),
        width=width,
        height=_ROW * (deepest + 1),
    )
    notes = [
        f"{counted(len(path), 'call')} on CPU {first.cpu}, process {first.process},"
        f" {span:,.4g} µs; called functions stand below their caller"
    ]
    if not np.allclose(starts, path["start_us"], rtol=0, atol=_MOVED):
        notes.append(
            "The clock is too coarse for the order of the calls: each stands as near to its start"
            " as it can behind the one before"
        )
    return theme.finished(
        chart,
        titled(title or f"The path through {first.function}", notes, simulated=simulated),
        f"{len(path)} nested calls of {first.function} over {span:.4g} µs",
    )


def _laid_out(path: pd.DataFrame) -> NDArray[np.float64]:
    """Starts in microseconds at which no call overlaps the one before or leaves its caller."""
    clock = path["start_us"].to_numpy(dtype=np.float64)
    took = path["duration_us"].to_numpy(dtype=np.float64)
    called: dict[int, list[int]] = {}
    callers: list[tuple[int, int]] = []  # depth and place of the calls that are open
    for place, depth in enumerate(path["depth"].tolist()):
        while callers and callers[-1][0] >= depth:
            callers.pop()
        if callers:
            called.setdefault(callers[-1][1], []).append(place)
        callers.append((depth, place))
    starts = clock.copy()
    for caller, inside in sorted(called.items()):
        free = starts[caller]
        left = took[inside].sum()
        for place in inside:
            latest = starts[caller] + took[caller] - left
            starts[place] = max(free, min(clock[place], latest))
            free = starts[place] + took[place]
            left -= took[place]
    return starts
