"""Phases in charts: what is done in them, and a row of their names above a time axis."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.charting import theme
from analysis.timeline import phase_order
from analysis.values import is_gap
from minion.errors import InvalidData
from minion.lifecycle import SEQUENCE, TOTAL

Record = dict[str, Any]
Floats = NDArray[np.float64]

_IDLE = frozenset(phase.name for phase in SEQUENCE if not phase.action)
_COLUMNS = ("experiment", "sim_id", "phase", "start_s", "end_s")
_BETWEEN = 18  # pixels between two slanted names
_RISE = 3.6  # pixels that a letter of a slanted name adds to its height
_BAR = 8  # pixels of the bar
_ANGLE = -40


def is_action(phase: str) -> bool:
    """Whether something is done in a phase: it is neither idle, nor a wait, nor the whole run."""
    return phase not in _IDLE and phase != TOTAL.name and not is_gap(phase)


def without_total(phases: pd.DataFrame) -> pd.DataFrame:
    """The phases of a frame that follow each other, as `durations` gives it.

    Raises:
        InvalidData: a column is missing, or there is no phase.
    """
    for name in _COLUMNS:
        if name not in phases:
            there = ", ".join(map(str, phases.columns))
            raise InvalidData(f"the frame of phases has no column {name!r}; it has: {there}")
    parts = phases[(phases["phase"].astype(str) != TOTAL.name).to_numpy()]
    if parts.empty:
        raise InvalidData("there is nothing to draw: no run of the selection has a phase")
    return parts


def shades(phases: pd.DataFrame | None) -> dict[tuple[str, str], Record]:
    """For each run (experiment, sim_id) the phases in which something is done, as arrays."""
    if phases is None:
        return {}
    acting = phases[phases["phase"].astype(str).map(is_action).astype(bool)]
    return {
        (str(experiment), str(sim_id)): {
            "phase": part["phase"].astype(str).tolist(),
            "from": part["start_s"].round(1).tolist(),
            "to": part["end_s"].round(1).tolist(),
        }
        for (experiment, sim_id), part in acting.groupby(["experiment", "sim_id"], observed=True)
    }


def shade_scale(records: Sequence[Mapping[str, Any]]) -> alt.Fill:
    """The fill of the phases that records hold, with a key."""
    names = phase_order(name for record in records for name in record.get("phase", ()))
    tints = theme.scale(theme.phase_tints(names))
    return alt.Fill("phase:N", title="Phase", sort=names, scale=tints)


def name_row(
    names: Sequence[str],
    starts: Sequence[float],
    ends: Sequence[float],
    domain: tuple[float, float],
    width: int,
) -> alt.LayerChart:
    """A row to stand above charts that share a time axis: bars of phases, and their names.

    Args:
        names, starts, ends: of the phases, in order of time.
        domain: of the time axis.
        width: of the row in pixels.
    """
    low, high = domain
    height = _BAR + 14 + _RISE * max(map(len, names))
    pixel = width / (high - low)
    middles = (np.asarray(starts) + np.asarray(ends)) / 2
    places = spread((middles - low) * pixel, _BETWEEN, 0, width)
    tints = theme.phase_tints(name for name in names if is_action(name))
    colours: dict[str, theme.Colour] = {
        name: tints.get(name, theme.WAIT if is_gap(name) else theme.IDLE) for name in names
    }
    records = [
        {"name": name, "from": start, "to": end, "middle": middle, "place": place / pixel + low}
        for name, start, end, middle, place in zip(
            names, starts, ends, middles.tolist(), places.tolist(), strict=True
        )
    ]
    scale = alt.Scale(domain=list(domain), nice=False)
    base = alt.Chart(alt.InlineData(values=records))
    bars = base.mark_rect(clip=True).encode(
        x=alt.X("from:Q", scale=scale, axis=None),
        x2="to:Q",
        y=alt.value(height - _BAR),
        y2=alt.value(height),
        # Not fill: the charts below have a scale of that channel.
        color=alt.Color("name:N", legend=None, scale=theme.scale(colours)),
        tooltip=[
            alt.Tooltip("name:N", title="Phase"),
            alt.Tooltip("from:Q", title="from, s", format=".1f"),
            alt.Tooltip("to:Q", title="to, s", format=".1f"),
        ],
    )
    links = base.mark_rule(stroke=theme.AXIS, strokeWidth=0.7).encode(
        x=alt.X("place:Q", scale=scale, axis=None),
        x2="middle:Q",
        y=alt.value(height - _BAR - 7),
        y2=alt.value(height - _BAR),
    )
    texts = base.mark_text(
        angle=360 + _ANGLE, align="left", baseline="middle", fontSize=10, fill=theme.QUIET, dx=3
    ).encode(
        x=alt.X("place:Q", scale=scale, axis=None), y=alt.value(height - _BAR - 9), text="name:N"
    )
    row: alt.LayerChart = alt.layer(  # type: ignore[assignment]  # without row and column
        bars, links, texts, width=width, height=height, view=alt.ViewConfig(stroke=None)
    )
    return row


def spread(places: Floats, least: float, low: float, high: float) -> Floats:
    """Rising places moved apart to a distance of `least`, each as little as may be, in low … high.

    Least squares under an order: with the distances taken off, an isotonic regression. Where there
    is no room for `least`, they stand evenly.
    """
    count = len(places)
    if count < 2:
        return places
    least = min(least, (high - low) / (count - 1))
    offsets = least * np.arange(count)
    blocks: list[tuple[float, int]] = []
    for target in places - offsets:
        mean, size = float(target), 1
        while blocks and blocks[-1][0] > mean:
            before, members = blocks.pop()
            mean, size = (before * members + mean * size) / (members + size), members + size
        blocks.append((mean, size))
    moved = np.repeat([mean for mean, _ in blocks], [size for _, size in blocks])
    apart: Floats = np.clip(moved, low, high - offsets[-1]) + offsets
    return apart
