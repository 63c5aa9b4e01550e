"""A measurement whose runs differ in parameters: value by value of these, in a report."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.comparing.provenance import hash_of
from analysis.observing.levels import level_intervals
from analysis.quantities import Quantity
from analysis.reporting.parameters import Design, with_parameters
from analysis.reporting.parts import Part, folded
from analysis.reporting.sections import Glance, Section, linked
from analysis.reporting.study import Study
from analysis.reporting.tables import Cell, Column, Row, Table, key
from analysis.reporting.words import between, decimals, number
from analysis.values import ALL_HOSTS

_PHASE = "phase"
_TAKEN = frozenset("experiment metric unit x panel runs mean sd min max low high".split())


def leveled_section(
    values: Quantity, design: Design, study: Study, part: Part, place: int
) -> Section:
    """One measurement against what its runs differ in: a dot per run, the mean of each level.

    Args:
        values: one per run.
        design: the parameters.
        study: the experiment; its table of measurements is given a row.
        part: of all measurements.
        place: of the measurement among the others.
    """
    whole = values.runs.values
    own = whole[(whole["role"] == ALL_HOSTS).to_numpy()]
    columns = {
        name: f"parameter {name}" if name in (*own, *_TAKEN) else name for name in design.levels
    }
    frame = with_parameters(own, study.simulations, columns)
    frame["platform"] = frame["platform"].astype("str")
    alike = not design.others
    names = list(columns.values())
    by, panels = columns[design.by], columns[design.panels] if design.panels else None
    if len(frame[_PHASE].astype("str").unique()) > 1:
        # Phases are told apart first; then runs of one panel may still differ.
        frame[_PHASE] = frame[_PHASE].astype("str")
        panels, alike = _PHASE, alike and panels is None
        names.insert(0, _PHASE)
    stem = f"measured-{place}"
    found = level_intervals(frame, ["platform", *names])
    digits = decimals(found["mean"].tolist())
    study.measured.rows.append(
        _row_at_a_glance(values, found, names, study.measured, digits, alike=alike)
    )
    unit = f" in {values.unit}" if values.unit else ""
    table = _table(
        found,
        names,
        identity=f"{part.identity}-{place}-table",
        caption=f"{values.name}{unit}, over the runs of each {' and '.join(names)}",
        colours=study.look.colours,
        digits=digits,
        alike=alike,
    )
    figure = study.make.measured_by(
        frame, values, stem, hash_of([whole]), design.by, by=by, panels=panels, means=alike
    )
    return Section(part, {"": [linked(figure, table)]}, tables=[folded(table)], stem=stem)


# ---------------------------------------------------------------- inside


def _row_at_a_glance(
    values: Quantity,
    found: pd.DataFrame,
    names: Sequence[str],
    glance: Glance,
    digits: int,
    *,
    alike: bool,
) -> Row:
    """From the least to the largest mean of each platform, and at which levels these are."""
    cells = [Cell(values.name, values.name)]
    for platform, colour in glance.colours.items():
        own = found[(found["platform"] == platform).to_numpy()].to_dict("records")
        if not own:
            cells.append(Cell("none", exact=(None, None, None)))
            continue
        low, high = ("mean", "mean") if alike else ("min", "max")
        least = min(own, key=lambda row: row[low])
        most = max(own, key=lambda row: row[high])
        text = f"{number(least[low], digits)} to {number(most[high], digits)} {values.unit}"
        note = f"at {_named(least, names)} and {_named(most, names[1:], names[:1])}"
        if not alike:
            note += ", single runs"
        cells.append(Cell(text.strip(), least[low], note, None, colour, (None, None, None)))
    return Row(tuple(cells))


def _named(
    row: Mapping[Hashable, Any], names: Sequence[str], understood: Sequence[str] = ()
) -> str:
    """The levels of a row; those of what is understood without its name come first."""
    known = [_level(row[name]) for name in understood]
    return ", ".join([*known, *(f"{name} {_level(row[name])}" for name in names)])


def _level(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _table(
    found: pd.DataFrame,
    names: Sequence[str],
    *,
    identity: str,
    caption: str,
    colours: Mapping[str, str],
    digits: int,
    alike: bool,
) -> Table:
    """A row for each platform and level; without means where runs of a level are not alike."""
    rows = []
    for row in found.to_dict("records"):
        platform, n = str(row["platform"]), int(row["runs"])
        ends = (key(row["low"]), key(row["high"]))
        span = between(row["low"], row["high"], digits)
        mean = [
            Cell(number(row["mean"], digits), key(row["mean"])),
            Cell(span, ends[0], exact=ends),
            Cell(number(row["sd"], digits), key(row["sd"])),
        ]
        cells = (
            *(_cell(row[name]) for name in names),
            Cell(platform, platform, colour=colours.get(platform, "")),
            Cell(str(n), float(n)),
            *(mean if alike else []),
            *(Cell(number(row[end], digits), key(row[end])) for end in ("min", "max")),
        )
        rows.append(Row(cells, (platform,)))
    mean_columns = [
        Column("Mean", number=True),
        Column("95 % interval of the mean", number=True, parts=("low", "high")),
        Column("SD", number=True),
    ]
    columns = [
        *(Column(name, number=found[name].dtype == np.float64) for name in names),
        Column("Platform"),
        Column("Runs", number=True),
        *(mean_columns if alike else []),
        Column("Least", number=True),
        Column("Largest", number=True),
    ]
    return Table(identity, caption, columns, rows)


def _cell(value: object) -> Cell:
    text = _level(value)
    return Cell(text, float(value) if isinstance(value, float) else text)
