"""The lines of one run: a panel per host, from all its samples or from those that are new."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from analysis.charting import theme
from analysis.charting.heat import heat
from analysis.charting.labels import ELAPSED, titled
from analysis.charting.reduction import GAP, lines
from analysis.metrics import METRICS, metric_of, utilization_of
from analysis.timeline import durations_of
from minion.lifecycle import SEQUENCE, TOTAL, read_timeline
from minion.model import Role, Simulation
from minion.selection import Selection, natural
from minion.store import Store

POINTS = 400  # of a line: about as many as its pixels
PANEL = 84  # pixels of height
MOST_PANELS = 24
_IDLE = frozenset(p.name for p in SEQUENCE if not p.action) | {TOTAL.name}
_ROLES = [role.value for role in (Role.MASTER, Role.WORKER, Role.CONTROLLER)]

Cursor = Mapping[str, float]  # panel to the elapsed time of its last sample
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lines:
    """What is drawn of one metric of one run.

    records: panel, role, t (elapsed seconds), v (None breaks the line).
    cursor: of each panel, the elapsed time of its last sample.
    left_out: panels that are not drawn, because they are too many; `run_map` shows all.
    """

    records: list[Record]
    cursor: dict[str, float]
    left_out: int = 0


def read_lines(store: Store, simulation: Simulation, metric: str) -> Lines:
    """All samples of a metric, each line reduced to about 400 points that keep its extremes.

    Args:
        store: where they are.
        simulation: the run.
        metric: one of `METRICS`.

    Raises:
        InvalidData: the metric cannot be given: a host's memory is unknown.
    """
    frame = run_samples(store, simulation, metric)
    if frame.empty:
        return Lines([], {})
    found = lines(frame, ["hostname", "role", "dimension"], points=POINTS)
    several = _several(frame)
    named = [
        (_panel(host, dim, several), role, line)
        for line in found
        for host, role, dim in [line.keys]
    ]
    named.sort(key=lambda one: (_place(one[1]), natural(one[0])))
    records = [
        {"panel": panel, "role": role, "t": t, "v": v}
        for panel, role, line in named[:MOST_PANELS]
        for t, v in zip(line.elapsed_s, line.value, strict=True)
    ]
    cursor = {panel: line.elapsed_s[-1] for panel, _, line in named[:MOST_PANELS] if line.value}
    return Lines(records, cursor, max(0, len(named) - MOST_PANELS))


def run_samples(store: Store, simulation: Simulation, metric: str) -> pd.DataFrame:
    """All samples of a metric of one run, as `utilization` gives them."""
    return utilization_of(store, metric_of(metric), Selection(), [simulation])


def read_fresh(store: Store, simulation: Simulation, metric: str, cursor: Cursor) -> Lines:
    """The samples behind a cursor, none of them left out; only stretches that hold some are read.

    Args:
        store: where they are.
        simulation: the run as it is now.
        metric: one of `METRICS`.
        cursor: how far each panel is. A panel that it does not name gives nothing: the page that
            has a cursor draws the panels that it has.
    """
    if not cursor:
        return Lines([], {})
    after = (simulation.start or 0.0) + min(cursor.values())
    frame = utilization_of(store, metric_of(metric), Selection(), [simulation], after=after)
    keys = ["hostname", "role", "dimension"]
    several = any(", " in panel for panel in cursor) and _several(frame)
    records: list[Record] = []
    reached = dict(cursor)
    for (host, role, dimension), part in frame.groupby(keys, observed=True, sort=False):
        panel = _panel(str(host), str(dimension), several)
        if panel not in cursor:
            continue
        # What was drawn is rounded to a tenth of a second.
        behind = (part["elapsed_s"] > cursor[panel] + 0.05).to_numpy()
        new = part[behind].sort_values("elapsed_s")
        if new.empty:
            continue
        times = new["elapsed_s"].tolist()
        step = float(new["elapsed_s"].diff().median()) if len(new) > 1 else None
        if step is not None and times[0] - cursor[panel] > GAP * step:
            records.append({"panel": panel, "role": str(role), "t": cursor[panel], "v": None})
        records += [
            {"panel": panel, "role": str(role), "t": round(t, 1), "v": round(v, 4)}
            for t, v in zip(times, new["value"].tolist(), strict=True)
        ]
        reached[panel] = round(times[-1], 1)
    return Lines(records, reached)


def run_chart(
    drawn: Lines, simulation: Simulation, metric: str, *, width: int = 760
) -> alt.FacetChart:
    """Value over elapsed time: a panel per host, the phases in which something was done behind it.

    Its data set is called `samples`, so that a page can add rows to it.

    Args:
        drawn: what `read_lines` gave.
        simulation: the run.
        metric: one of `METRICS`.
        width: of a panel in pixels.
    """
    chosen = METRICS[metric]
    roles = theme.role_colours(r["role"] for r in drawn.records)
    panels = list(dict.fromkeys(r["panel"] for r in drawn.records))
    line = (
        alt.Chart()
        .mark_line(strokeWidth=1.3, strokeCap="round", strokeJoin="round", clip=True)
        .encode(
            x=alt.X(
                "t:Q",
                title=ELAPSED,
                scale=alt.Scale(nice=False, zero=True),
                axis=alt.Axis(tickCount=6, grid=False, labelFlush=24),
            ),
            y=alt.Y(
                "v:Q",
                title=chosen.unit,
                scale=alt.Scale(zero=True, nice=2),
                axis=alt.Axis(tickCount=3),
            ),
            stroke=alt.Stroke("role:N", title="Role", scale=theme.scale(roles)),
        )
    )
    phases = _phases(simulation)
    layers = [line] if not phases else [_bands(phases), line]
    header = alt.Header(
        labelOrient="top",
        labelAnchor="start",
        labelFontWeight=600,
        labelLimit=width,
        title=None,
    )
    chart = alt.layer(*layers, width=width, height=PANEL).facet(
        data=alt.InlineData(values=drawn.records, name="samples"),
        row=alt.Row("panel:N", sort=panels, header=header),
        spacing=10,
    )
    return theme.finished(
        chart,
        titled(f"{chosen.label} of each host", [], simulated=simulation.simulated),
        f"{chosen.label} ({chosen.unit}) of run {simulation.sim_id} over time, a panel per host:"
        f" {', '.join(panels)}",
    )


def run_map(
    store: Store, simulation: Simulation, metric: str, *, width: int = 760
) -> alt.VConcatChart:
    """Colour over elapsed time, a row per host: for a run of more hosts than lines can show.

    Args:
        store: where the samples are.
        simulation: the run.
        metric: one of `METRICS`.
        width: in pixels.
    """
    return heat(
        run_samples(store, simulation, metric),
        simulation.sim_id,
        phases=durations_of([simulation], include_gaps=True),
        simulated=simulation.simulated,
        width=width,
    )


# ---------------------------------------------------------------- inside


def _several(frame: pd.DataFrame) -> bool:
    """Whether a host has several lines."""
    pairs = frame[["hostname", "dimension"]].drop_duplicates()
    return bool(pairs.duplicated("hostname").any())


def _panel(host: str, dimension: str, several: bool) -> str:
    return f"{host}, {dimension}" if several else host


def _place(role: str) -> int:
    return _ROLES.index(role) if role in _ROLES else len(_ROLES)


def _phases(simulation: Simulation) -> list[Record]:
    timeline = read_timeline(simulation)
    return [
        {"phase": i.name, "from": round(i.start_s, 1), "to": round(i.end_s, 1)}
        for i in (timeline.phases if timeline else ())
        if i.name not in _IDLE
    ]


def _bands(phases: Sequence[Record]) -> alt.Chart:
    tints = theme.phase_tints(dict.fromkeys(p["phase"] for p in phases))
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=list(phases)))
        .mark_rect(clip=True)
        .encode(
            x=alt.X("from:Q", title=ELAPSED),
            x2="to:Q",
            fill=alt.Fill(
                "phase:N",
                title="Phase",
                sort=list(tints),
                scale=theme.scale(tints),
                legend=alt.Legend(columns=4),
            ),
        )
    )
    return chart
