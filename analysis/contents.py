"""The parts of a report: frames to charts, tables and sentences about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt
import pandas as pd

from analysis import charts
from analysis.facts import counted, listed
from analysis.intervals import intervals
from analysis.metrics import Metric
from analysis.panels import rounded_up
from analysis.strips import LABEL_LIMIT, ROW
from analysis.tables import Cell, Table, between, decimals, number, statistics_table
from analysis.values import run_values
from minion.lifecycle import SEQUENCE, TOTAL
from minion.selection import natural

# netdata's dimensions in words.
_WORDS = {
    ("disk_io", "in"): "read (in)",
    ("disk_io", "out"): "written (out)",
    ("net", "InOctets"): "received (InOctets)",
    ("net", "OutOctets"): "sent (OutOctets)",
}
RUNS_A_CHART = 40  # a longer one is slow to draw and to scroll through


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart in the page.

    identity: of its element. label: for those who do not see it. fit: how it takes the room that
    there is: "strips:PIXELS OF LABELS", "course" or "grid:COLUMNS". height: about, in pixels,
    before it is drawn.
    """

    identity: str
    label: str
    fit: str
    height: int
    spec: Mapping[str, Any]


@dataclass(slots=True)
class Part:
    """A section: sentences, tables that are open, charts, and what is folded."""

    identity: str
    title: str
    sentences: list[str] = field(default_factory=list)
    open_tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    folded_figures: list[tuple[str, Figure]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Look:
    """What all charts of an experiment share."""

    prefix: str
    colours: Mapping[str, str]
    simulated: bool

    @property
    def platforms(self) -> list[str]:
        """In the order of every chart and table."""
        return list(self.colours)


@dataclass(slots=True)
class Glance:
    """A table of what matters most, a column per platform, gathered part by part."""

    caption: str
    rows_are: str
    colours: Mapping[str, str]
    rows: list[tuple[Cell, ...]] = field(default_factory=list)

    def add(self, name: str, means: pd.DataFrame, unit: str, digits: int) -> None:
        """A row: the mean of each platform, its interval, and a bar."""
        of = {str(row["platform"]): row for row in means.to_dict("records")}
        largest = max((row["mean"] for row in of.values()), default=0.0)
        cells = [Cell(name)]
        for platform, colour in self.colours.items():
            row = of.get(platform)
            if row is None:
                cells.append(Cell("none"))
                continue
            share = row["mean"] / largest if largest > 0 else 0.0
            note = between(row["low"], row["high"], digits) if row["n"] > 1 else "one run"
            text = f"{number(row['mean'], digits)} {unit}"
            cells.append(Cell(text, note=note, bar=max(0.0, share), colour=colour))
        self.rows.append(tuple(cells))

    @property
    def tables(self) -> list[Table]:
        """The table, when it has a row."""
        columns = ((self.rows_are, False), *((name, False) for name in self.colours))
        return [Table(self.caption, columns, tuple(self.rows))] if self.rows else []


def durations_part(frame: pd.DataFrame, look: Look, glance: Glance) -> tuple[Part, list[str]]:
    """How long each phase took, and the sentences that tell the most of it."""
    part = Part(f"{look.prefix}-durations", "Durations")
    if frame.empty:
        part.sentences.append("No phase of these runs has both a start and an end.")
        return part, []
    means = intervals(run_values(frame, value="duration_s"))
    told = []
    for phase in _told(means):
        own = means[(means["phase"] == phase).to_numpy()]
        what = "The whole run" if phase == TOTAL.name else phase
        told.append(f"{what} took {_on_each(own, 's', 1)}.")
    for phase in _acting(means):
        glance.add(phase, means[(means["phase"] == phase).to_numpy()], "s", 1)
    drawn = charts.durations(frame, simulated=look.simulated, platforms=look.platforms)
    part.figures.append(_strips(f"{part.identity}-chart", drawn, means, look))
    part.tables.append(
        statistics_table(
            means, caption="Durations in seconds, over runs", colours=look.colours, digits=1
        )
    )
    return part, told


def metric_part(  # what it shows of one metric
    frame: pd.DataFrame,
    metric: Metric,
    look: Look,
    glance: Glance,
    *,
    phases: Sequence[str],
    whole_run: bool,
) -> Part:
    """One metric by phase and platform."""
    part = Part(f"{look.prefix}-{metric.name}", metric.label)
    values = run_values(frame, phases=phases, whole_run=whole_run)
    if values.empty:
        part.sentences.append(f"No sample of {metric.label} lies in a phase of these runs.")
        return part
    means = intervals(values)
    digits = decimals(means["mean"].tolist())
    several = "dimension" in means
    for dimension in means["dimension"].unique() if several else [None]:
        own = means if dimension is None else means[(means["dimension"] == dimension).to_numpy()]
        name = metric.label
        if dimension is not None:
            name += f", {_WORDS.get((metric.name, dimension), dimension)}"
        whole = own[(own["phase"] == TOTAL.name).to_numpy()]
        if len(whole):
            glance.add(name, whole, metric.unit, digits)
            part.sentences.append(
                f"Over the whole run and all its hosts, {name} was"
                f" {_on_each(whole, metric.unit, digits)}."
            )
        drawn_values = (
            values
            if dimension is None
            else values[(values["dimension"] == dimension).to_numpy()].drop(columns="dimension")
        )
        drawn = charts.utilization(
            drawn_values.assign(metric=metric.name, unit=metric.unit),
            title=f"{name} in each phase",
            simulated=look.simulated,
            platforms=look.platforms,
        )
        identity = f"{part.identity}-chart-{len(part.figures)}"
        part.figures.append(_strips(identity, drawn, own, look))
    part.tables.append(
        statistics_table(
            means,
            caption=f"{metric.label} in {metric.unit}, over runs",
            colours=look.colours,
            digits=digits,
        )
    )
    return part


def course_figure(frame: pd.DataFrame, metric: Metric, look: Look) -> Figure:
    """The mean of the runs over time, a line per platform."""
    drawn = charts.course(frame, simulated=look.simulated, platforms=look.platforms)
    spec = drawn.to_dict(validate=False)
    rows = len(spec["facet"]["row"]["sort"])
    return Figure(
        f"{look.prefix}-{metric.name}-course",
        spec["description"],
        "course",
        150 + rows * 165,
        spec,
    )


def facet_figures(
    frame: pd.DataFrame, metric: Metric, look: Look, phases: pd.DataFrame
) -> list[tuple[str, Figure]]:
    """Every run and host: a chart for each platform, and for each 40 runs of it."""
    figures: list[tuple[str, Figure]] = []
    top = rounded_up(float(frame["value"].max()))
    for platform in look.platforms:
        own = frame[(frame["platform"] == platform).to_numpy()]
        runs = sorted({str(run) for run in own["sim_id"].unique()}, key=natural)
        for first in range(0, len(runs), RUNS_A_CHART):
            some = runs[first : first + RUNS_A_CHART]
            part = own if len(some) == len(runs) else own[own["sim_id"].isin(some).to_numpy()]
            title = f"{metric.label} on {platform}, each run and host"
            drawn = charts.facet(
                part, phases=phases, title=title, simulated=look.simulated, top=top
            )
            spec = drawn.to_dict(validate=False)
            facet = spec["facet"]
            figure = Figure(
                f"{look.prefix}-{metric.name}-runs-{len(figures)}",
                spec["description"],
                f"grid:{len(facet['column']['sort'])}",
                130 + 52 * len(facet["row"]["sort"]),
                spec,
            )
            ids = some[0] if len(some) == 1 else f"{some[0]} to {some[-1]}"
            text = f"{metric.label} on {platform}: {counted(len(some), 'run')}, {ids}"
            figures.append((text, figure))
    return figures


# ---------------------------------------------------------------- inside


def _strips(identity: str, drawn: alt.TopLevelMixin, means: pd.DataFrame, look: Look) -> Figure:
    spec = drawn.to_dict(validate=False)
    rows = -(-len(set(means["phase"])) // 3)
    height = 90 + rows * (62 + ROW * len(look.platforms))
    labels = min(LABEL_LIMIT, 6 * max(map(len, look.platforms)))
    return Figure(identity, spec["description"], f"strips:{labels}", height, spec)


def _on_each(means: pd.DataFrame, unit: str, digits: int) -> str:
    """The mean of each platform: "20.1 s on K3s and 60.3 s on K8s (means of 25 runs each)"."""
    rows = means.to_dict("records")
    runs = {int(row["n"]) for row in rows}
    some = [
        f"{number(row['mean'], digits)}\u00a0{unit} on {row['platform']}"
        + ("" if len(runs) == 1 else f" ({counted(int(row['n']), 'run')})")
        for row in rows
    ]
    if len(runs) > 1:
        return f"on average {listed(some)}"
    if runs == {1}:
        return f"{listed(some)} (one run{' each' if len(some) > 1 else ''})"
    each = " each" if len(some) > 1 else ""
    return f"{listed(some)} (mean of {counted(runs.pop(), 'run')}{each})"


def _acting(means: pd.DataFrame) -> list[str]:
    """The phases that there are in which something was done, and the total."""
    idle = {phase.name for phase in SEQUENCE if not phase.action}
    there = set(means["phase"])
    return [str(p) for p in means["phase"].cat.categories if p in there and p not in idle]


def _told(means: pd.DataFrame) -> list[str]:
    """The phases worth a sentence: the first in which something was done, and the total."""
    acting = _acting(means)
    return list(dict.fromkeys([*acting[:1], *(p for p in acting if p == TOTAL.name)]))
