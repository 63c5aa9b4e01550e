"""Runs as bars of their phases, one below the other."""

import math
from collections.abc import Sequence

import altair as alt
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import ELAPSED, counted, has_values, one_experiment, one_of, titled
from analysis.charting.names import shortened
from analysis.charting.phases import Record, is_action, without_total
from analysis.timeline import phase_order
from analysis.values import is_gap
from minion.errors import InvalidData
from minion.selection import natural

_IDLE, _WAIT = "idle", "wait, no phase"
_HEIGHT = 560  # pixels that runs below each other share, as far as they need them
_ROW = (3, 15)  # pixels of a run, at least and at most
_NAMED = 8  # pixels of a run from which on each has its name beside it
_LETTERS = 18  # of the name of a run
_TITLE = 36  # of that of a platform
_NAME = 13  # pixels of a name, and the space to the next, where rows are lower


def timeline(
    frame: pd.DataFrame,
    *,
    align: str = "time",
    phase: str | None = None,
    title: str | None = None,
    simulated: bool = False,
    platforms: Sequence[str] = (),
    stacked: bool = False,
    width: int = 310,
) -> alt.HConcatChart | alt.VConcatChart:
    """Every run as a bar of its phases; runs below each other, platforms side by side.

    Phases in which something is done have colours; what is idle or belongs to no phase is grey. A
    stretch of which the events say nothing is left white.

    Args:
        frame: as `durations` gives it, best with `include_gaps=True`.
        align: `time`, every run begins at 0; or `phase`, one phase of all begins at 0.
        phase: which, for `phase`; default: the first in which something is done.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        platforms: from left to right; default: those of the frame.
        stacked: platforms below each other, for a narrow page.
        width: of one platform's bars in pixels.

    Raises:
        InvalidData: the frame has no phases, lacks a column, or holds several experiments; no run
            has the phase; `align` is another word.
    """
    one_of("align", align, ("time", "phase"))
    if phase is not None and align == "time":
        raise InvalidData("a phase to begin with needs align='phase'")
    has_values(frame, "duration_s", "platform")
    one_experiment(frame)
    parts = without_total(frame)
    names = phase_order(parts["phase"].astype(str))
    first = _first(names, phase) if align == "phase" else None
    records = _records(parts, first)
    if not records:
        raise InvalidData(f"no run of the frame has the phase {phase!r}")
    columns = list(platforms) or sorted({r["platform"] for r in records}, key=natural)
    counts = [sum(r["platform"] == name for r in records) for name in columns]
    below = sum(counts) if stacked else max(counts)
    row = min(max(_HEIGHT / max(below, 1), _ROW[0]), _ROW[1])
    low = min(start for r in records for start in r["from"])
    high = max(end for r in records for end in r["to"])
    titles = shortened(columns, _TITLE)
    drawn = [
        _column(
            name,
            titles[name],
            sorted((r["run"] for r in records if r["platform"] == name), key=natural),
            row,
            scale=alt.Scale(domain=[low, high], nice=False),
            label=ELAPSED if first is None else f"seconds since {first} began",
        ).properties(width=width)
        for name in columns
    ]
    _colour(drawn, names)
    chart: alt.HConcatChart | alt.VConcatChart
    chart = alt.vconcat(*drawn, spacing=10) if stacked else alt.hconcat(*drawn, spacing=16)
    chart.data = alt.InlineData(values=records)
    chart.resolve = alt.Resolve(scale=alt.ScaleResolveMap(y="independent"))
    left_out = len(parts.drop_duplicates(["sim_id"])) - len(records)
    notes = ["A bar is a run, from its start to its end"]
    if first is not None:
        notes = [f"A bar is a run; {first} begins at 0 in all"]
        if left_out:
            notes.append(f"Without that phase, and left out: {counted(left_out, 'run')}")
    return theme.finished(
        chart,
        titled(title or "Phases of each run", notes, simulated=simulated),
        f"Phases of {len(records)} runs of {', '.join(columns)} as bars over time",
    )


# ---------------------------------------------------------------- inside


def _first(names: Sequence[str], phase: str | None) -> str:
    if phase is None:
        return next((name for name in names if is_action(name)), names[0])
    if phase not in names:
        raise InvalidData(f"no run has the phase {phase!r}; there are: {', '.join(names)}")
    return phase


def _records(parts: pd.DataFrame, first: str | None) -> list[Record]:
    """A record for each run: its phases as arrays, their times from the run's 0."""
    records = []
    keys = ["platform", "sim_id"]
    ordered = parts.sort_values("start_s", kind="stable")
    groups = dict(iter(ordered.groupby(keys, observed=True, sort=False)))
    for platform, sim_id in dict.fromkeys(zip(parts["platform"], parts["sim_id"], strict=True)):
        own = groups[platform, sim_id]
        names = own["phase"].astype(str).tolist()
        if first is not None and first not in names:
            continue
        zero = 0.0 if first is None else float(own["start_s"].iloc[names.index(first)])
        records.append(
            {
                "platform": str(platform),
                "run": str(sim_id),
                "phase": names,
                "what": [_what(name) for name in names],
                "from": (own["start_s"] - zero).round(1).tolist(),
                "to": (own["end_s"] - zero).round(1).tolist(),
            }
        )
    return records


def _what(phase: str) -> str:
    if is_action(phase):
        return phase
    return _WAIT if is_gap(phase) else _IDLE


def _names(runs: Sequence[str], row: float) -> alt.Axis:
    """The names of the runs; where rows are too low for all, those of some, evenly spread."""
    axis = theme.row_names(runs, row, least=0, share=0.72, letters=_LETTERS)
    if row < _NAMED:
        axis.values = list(runs[:: math.ceil(_NAME / row)])
        axis.labelFontSize = _NAME - 2
    return axis


def _column(
    platform: str, title: str, runs: Sequence[str], row: float, *, scale: alt.Scale, label: str
) -> alt.Chart:
    """The bars of one platform."""
    chart: alt.Chart = (
        alt.Chart()
        .transform_filter(alt.FieldEqualPredicate(field="platform", equal=platform))
        .transform_flatten(["phase", "what", "from", "to"])
        .transform_calculate(duration="datum.to - datum.from")
        .mark_bar()
        .encode(
            x=alt.X("from:Q", title=label, scale=scale, axis=alt.Axis(tickCount=5)),
            x2="to:Q",
            y=alt.Y(
                "run:N",
                title=None,
                sort=list(runs),
                scale=alt.Scale(domain=list(runs), paddingInner=0.15, paddingOuter=0.1),
                axis=_names(runs, row),
            ),
            fill=alt.Fill("what:N"),
            tooltip=[
                alt.Tooltip("run:N", title="Run"),
                alt.Tooltip("phase:N", title="Phase"),
                alt.Tooltip("from:Q", title="from, s", format=",.1f"),
                alt.Tooltip("duration:Q", title="takes, s", format=",.1f"),
            ],
        )
        .properties(
            title=alt.TitleParams(f"{title}, {counted(len(runs), 'run')}", fontSize=12, offset=6),
            height=max(row * len(runs), row),
        )
    )
    return chart


def _colour(drawn: Sequence[alt.Chart], names: Sequence[str]) -> None:
    """Give the bars the colours of their phases, and one key to them."""
    colours = theme.phase_colours(name for name in names if is_action(name))
    greys = {_IDLE: theme.IDLE, _WAIT: theme.WAIT}
    colours |= {grey: greys[grey] for grey in greys if grey in {_what(name) for name in names}}
    legend = alt.Legend(symbolType="square")
    for platform in drawn:
        platform.encoding.fill = alt.Fill(
            "what:N", title="Phase", sort=list(colours), scale=theme.scale(colours), legend=legend
        )
