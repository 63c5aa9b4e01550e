"""The sections of a report: durations, and one for each metric."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from analysis.charting.labels import quantity_name
from analysis.comparing.provenance import hash_of
from analysis.intervals import intervals
from analysis.metrics import Metric
from analysis.quantities import DURATION, SECONDS, Quantity
from analysis.reporting.figures import Figures
from analysis.reporting.numbers import statistics_table
from analysis.reporting.parts import Figure, Fold, Look, Part, folded
from analysis.reporting.tables import Cell, Column, Row, Table
from analysis.reporting.words import between, counted, decimals, listed, number
from analysis.values import ALL_HOSTS, is_gap
from minion.lifecycle import SEQUENCE, TOTAL

_MOST_NAMED = 12


@dataclass(slots=True)
class Glance:
    """A table of what matters most, a column per platform, gathered part by part."""

    identity: str
    caption: str
    rows_are: str
    colours: Mapping[str, str]
    rows: list[Row] = field(default_factory=list)

    def add(self, name: str, means: pd.DataFrame, unit: str, digits: int, phase: str = "") -> None:
        """A row: the mean of each platform, its interval, and a bar."""
        of = {str(row["platform"]): row for row in means.to_dict("records")}
        largest = max((row["mean"] for row in of.values()), default=0.0)
        cells = [Cell(name, name, exact=(name, unit))]
        for platform, colour in self.colours.items():
            row = of.get(platform)
            if row is None:
                cells.append(Cell("none", exact=(None, None, None)))
                continue
            share = row["mean"] / largest if largest > 0 else 0.0
            several = row["n"] > 1
            note = between(row["low"], row["high"], digits) if several else "one run"
            ends = (float(row["low"]), float(row["high"])) if several else (None, None)
            text = f"{number(row['mean'], digits)} {unit}"
            exact = (float(row["mean"]), *ends)
            cells.append(Cell(text, row["mean"], note, max(0.0, share), colour, exact))
        self.rows.append(Row(tuple(cells), phase=phase))

    @property
    def tables(self) -> list[Table]:
        """The table, when it has a row."""
        columns = [Column(self.rows_are, parts=("name", "unit"))]
        parts = ("mean", "low", "high")
        columns += [Column(name, platform=name, parts=parts) for name in self.colours]
        table = Table(self.identity, self.caption, columns, self.rows)
        return [table] if self.rows else []


@dataclass(slots=True)
class Section:
    """What a report shows of one metric, or of the durations.

    figures: of each of its quantities (dimension to figures); more: those of all of them.
    tables: what holds the numbers.
    stem: of identities, where its name may hold what an identity must not.
    """

    part: Part
    figures: dict[str, list[Figure]] = field(default_factory=dict)
    more: list[Figure] = field(default_factory=list)
    tables: list[Fold] = field(default_factory=list)
    stem: str = ""


def durations_section(
    frame: pd.DataFrame,
    whole: pd.DataFrame,
    took: Quantity,
    look: Look,
    glance: Glance,
    make: Figures,
) -> Section:
    """How long each phase took.

    Args:
        frame: the durations to show. whole: all, with the gaps between phases.
        took: the same, one value per run.
        look: of the charts.
        glance: is given a row for each phase in which something is done.
        make: of the figures.
    """
    part = Part(f"{look.prefix}-{DURATION}", "Durations")
    section = Section(part)
    if frame.empty:
        part.say("No phase of these runs has both a start and an end.")
        return section
    means = intervals(took.runs.values)
    for phase in _told(means):
        own = means[(means["phase"] == phase).to_numpy()]
        what = "The whole run" if phase == TOTAL.name else phase
        part.say(f"{what} took {_on_each(own, SECONDS, 1)}.")
    for phase in _acting(means):
        glance.add(phase, means[(means["phase"] == phase).to_numpy()], SECONDS, 1, phase)
    table = statistics_table(
        means,
        identity=f"{part.identity}-table",
        caption="Durations in seconds, over runs",
        colours=look.colours,
        digits=1,
    )
    sha256 = hash_of([took.runs.values])
    section.figures[""] = [linked(make.durations(frame, sha256), table)]
    if any(name != TOTAL.name and not is_gap(name) for name in set(whole["phase"].astype("str"))):
        section.more.append(linked(make.timeline(whole), table))
    section.tables.append(folded(table))
    return section


def metric_section(
    quantity: Quantity,
    frame: pd.DataFrame,
    metric: Metric,
    look: Look,
    glance: Glance,
    make: Figures,
    phases: pd.DataFrame,
    sha256: str,
) -> Section:
    """One metric by phase and platform, and over time.

    Args:
        quantity: one value per run.
        frame: the samples.
        metric: of both.
        look: of the charts.
        glance: is given a row for each quantity, of the whole run.
        make: of the figures.
        phases: of the runs, with the gaps between them.
        sha256: of the samples.
    """
    part = Part(f"{look.prefix}-{metric.name}", metric.label)
    section = Section(part)
    values = quantity.runs.values
    whole = values[(values["role"] == ALL_HOSTS).to_numpy()]
    if whole.empty:
        part.say(f"No sample of {metric.label} lies in a phase of these runs.")
        return section
    means = intervals(whole)
    digits = decimals(means["mean"].tolist())
    compared = hash_of([values])
    names = [str(d) for d in means["dimension"].unique()] if "dimension" in means else [""]
    table = statistics_table(
        means,
        identity=f"{part.identity}-table",
        caption=f"{metric.label} in {metric.unit}, over runs",
        colours=look.colours,
        digits=digits,
        dimensions={d: quantity_name(metric.name, d) for d in names if d},
    )
    for place, dimension in enumerate(names):
        own, drawn = (_of(f, dimension) for f in (means, whole))
        name = quantity_name(metric.name, dimension)
        total = own[(own["phase"] == TOTAL.name).to_numpy()]
        if len(total):
            glance.add(name, total, metric.unit, digits, TOTAL.name)
            part.say(
                f"Over the whole run and all its hosts, {name} was"
                f" {_on_each(total, metric.unit, digits)}."
            )
        identity = f"{metric.name}-{place}"
        figure = make.levels(drawn, metric, dimension, identity, compared)
        section.figures[dimension] = [linked(figure, table)]
    courses = make.courses(frame, metric, phases, sha256)
    section.more += [linked(figure, table) for figure in courses]
    section.tables.append(folded(table))
    return section


def lacking(quantity: Quantity, simulations: Sequence[Any], shown: Sequence[str]) -> list[str]:
    """The runs that have no value at all, or none in some phases, in sentences."""
    there = set(quantity.runs.values["sim_id"].astype("str"))
    without = [s.sim_id for s in simulations if s.sim_id not in there]
    told = []
    if without:
        ids = ", ".join(without[:_MOST_NAMED])
        ids += " and more" if len(without) > _MOST_NAMED else ""
        told.append(f"Without any sample of it: {counted(len(without), 'run')} ({ids}).")
    left_out = quantity.runs.left_out
    some = left_out[(left_out["role"] == ALL_HOSTS).to_numpy()]
    some = some[some["phase"].astype("str").isin(shown).to_numpy()]
    if len(some):
        runs = {str(i) for i in some["sim_id"]}
        told.append(
            f"{counted(len(runs), 'run')} {'has' if len(runs) == 1 else 'have'} no value in some"
            " phase, because samples of a host are missing there."
        )
    return told


def linked(figure: Figure, table: Table) -> Figure:
    """A figure and the table that holds its numbers, each naming the other."""
    figure.table = table.identity
    table.figure = table.figure or figure.identity
    return figure


# ---------------------------------------------------------------- inside


def _of(frame: pd.DataFrame, dimension: str) -> pd.DataFrame:
    if not dimension:
        return frame
    own = frame[(frame["dimension"].astype("str") == dimension).to_numpy()]
    return own.drop(columns="dimension")


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
    there = set(means["phase"].astype("str"))
    return [str(p) for p in means["phase"].cat.categories if p in there and p not in idle]


def _told(means: pd.DataFrame) -> list[str]:
    """The phases worth a sentence: the first in which something was done, and the total."""
    acting = _acting(means)
    return list(dict.fromkeys([*acting[:1], *(p for p in acting if p == TOTAL.name)]))
