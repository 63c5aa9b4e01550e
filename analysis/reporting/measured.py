"""Measurements in a report: the single numbers that runs yield, by platform and parameter."""

from collections.abc import Sequence

from analysis.comparing.provenance import hash_of
from analysis.intervals import intervals
from analysis.metrics import METRICS
from analysis.quantities import DURATION, Quantity, quantity
from analysis.reporting.measured_levels import leveled_section
from analysis.reporting.numbers import statistics_table
from analysis.reporting.parameters import Design, design_of
from analysis.reporting.parts import Part, folded
from analysis.reporting.sections import Section, linked
from analysis.reporting.study import Study
from analysis.reporting.words import counted, decimals, listed
from analysis.values import ALL_HOSTS
from minion.errors import InvalidData
from minion.lifecycle import TOTAL
from minion.model import Measurement, Simulation
from minion.selection import Selection
from minion.store import Store

MOST = 16  # measurements of an experiment: what is not shown can still be compared by its name


def measurements_part(store: Store, study: Study) -> tuple[Part, list[tuple[Quantity, Section]]]:
    """The measurements of an experiment: each with its section, one value per run.

    What is left out is said in the part.

    Args:
        store: where the runs are.
        study: the experiment; its table of measurements is given their rows.
    """
    part = Part(f"{study.look.prefix}-measurements", "Measurements")
    found = []
    designs = []
    for place, values in enumerate(_quantities(store, study, part)):
        design = design_of([s for s in study.simulations if _has(s, values.name)])
        if design is None:
            section = _section(values, study, part, place)
        else:
            section = leveled_section(values, design, study, part, place)
            designs.append(design)
        found.append((values, section))
    part.say(*_told(designs))
    if designs:
        study.measured.caption += (
            "; where runs differ in a parameter, the least and the largest mean of a level"
        )
    return part, found


def chosen_of(simulations: Sequence[Simulation], selection: Selection) -> list[Measurement]:
    """The measurements of some runs, of the hosts and phases that were chosen."""
    return [
        one
        for simulation in simulations
        for one in simulation.measurements
        if (not selection.hosts or one.hostname is None or one.hostname in selection.hosts)
        and (not selection.phases or (one.phase or TOTAL.name) in selection.phases)
    ]


def names_of(measurements: Sequence[Measurement]) -> list[str]:
    """The names of measurements, those of whole runs first, then in the order of the runs."""
    whole: dict[str, bool] = {}
    for one in measurements:
        whole[one.name] = whole.get(one.name, False) or one.hostname is None
    known = [name for name in whole if name not in METRICS and name != DURATION]
    return sorted(known, key=lambda name: not whole[name])


def shown_of(measurements: Sequence[Measurement], most: int = MOST) -> list[str]:
    """The measurements that are shown, in the order of `names_of`.

    Where there are more, each unit has its turn: many percentiles of one latency do not leave the
    only throughput out.

    Args:
        measurements: of the runs.
        most: how many.
    """
    names = names_of(measurements)
    units = {one.name: one.unit for one in measurements}
    turns: dict[str, int] = {}
    of = {}
    for name in names:
        of[name] = turns[units[name]] = turns.get(units[name], -1) + 1
    chosen = set(sorted(names, key=lambda name: of[name])[:most])
    return [name for name in names if name in chosen]


# ---------------------------------------------------------------- inside


def _quantities(store: Store, study: Study, part: Part) -> list[Quantity]:
    """One value per run of what is shown; what is left out is said in the part."""
    there = chosen_of(study.simulations, Selection.of(**study.choice))
    shown = shown_of(there)
    others = [name for name in names_of(there) if name not in shown]
    if others:
        more = counted(len(others), "measurement")
        part.say(f"{more} more can be compared by name: {listed(others)}.")
    found = []
    for name in shown:
        try:
            values = quantity(store, name, study.simulations, **study.choice)
        except InvalidData as error:
            part.say(f"{name} cannot be given: {error}.")
            continue
        if len(values.runs.values):
            found.append(values)
    return found


def _has(simulation: Simulation, name: str) -> bool:
    return any(one.name == name for one in simulation.measurements)


def _told(designs: Sequence[Design]) -> list[str]:
    """In what the runs of one platform differ, and what that means for means."""
    if not designs:
        return []
    levels = list(dict.fromkeys(name for design in designs for name in design.levels))
    others = list(dict.fromkeys(name for design in designs for name in design.others))
    repetitions = list(dict.fromkeys(name for design in designs for name in design.repetitions))
    each = "each value of it" if len(levels) == 1 else "each value of these"
    told = (
        f"Runs of one platform differ in {listed([*levels, *others])}: means are of the runs of"
        f" {each}, none is of all runs together."
        f" `minion compare MEASUREMENT --factor {levels[0]}` compares them."
    )
    if repetitions:
        one = len(repetitions) == 1
        verb = "parameter {} numbers" if one else "parameters {} number"
        told += f" The {verb.format(listed(repetitions))} repetitions."
    return [told]


def _section(values: Quantity, study: Study, part: Part, place: int) -> Section:
    """One measurement by platform."""
    whole = values.runs.values
    whole = whole[(whole["role"] == ALL_HOSTS).to_numpy()]
    means = intervals(whole)
    digits = decimals(means["mean"].tolist())
    for phase in dict.fromkeys(means["phase"].astype("str")):
        name = values.name if phase == TOTAL.name else f"{values.name}, {phase}"
        own = means[(means["phase"].astype("str") == phase).to_numpy()]
        study.measured.add(name, own, values.unit, digits, phase)
    unit = f" in {values.unit}" if values.unit else ""
    table = statistics_table(
        means,
        identity=f"{part.identity}-{place}-table",
        caption=f"{values.name}{unit}, over runs",
        colours=study.look.colours,
        digits=digits,
    )
    stem = f"measured-{place}"
    figure = study.make.measured(whole, values, stem, hash_of([values.runs.values]))
    return Section(part, {"": [linked(figure, table)]}, tables=[folded(table)], stem=stem)
