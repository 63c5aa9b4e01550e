"""Measurements in a report: the single numbers that runs yield, by platform."""

from collections.abc import Mapping, Sequence

from analysis.comparing.provenance import hash_of
from analysis.intervals import intervals
from analysis.metrics import METRICS
from analysis.quantities import DURATION, Quantity, quantity
from analysis.reporting.figures import Figures
from analysis.reporting.numbers import statistics_table
from analysis.reporting.parts import Figure, Part, folded
from analysis.reporting.sections import Glance, Section, linked
from analysis.reporting.words import counted, decimals, listed
from analysis.values import ALL_HOSTS
from minion.errors import InvalidData
from minion.lifecycle import TOTAL
from minion.model import Simulation
from minion.selection import Choice
from minion.store import Store

MOST = 12  # measurements of an experiment: what is not shown can still be compared by its name


def names_of(simulations: Sequence[Simulation]) -> list[str]:
    """The measurements of some runs, those of whole runs first, then in the order of the runs."""
    whole: dict[str, bool] = {}
    for simulation in simulations:
        for one in simulation.measurements:
            whole[one.name] = whole.get(one.name, False) or one.hostname is None
    known = [name for name in whole if name not in METRICS and name != DURATION]
    return sorted(known, key=lambda name: not whole[name])


def measured_quantities(
    store: Store, simulations: Sequence[Simulation], choice: Choice, part: Part
) -> list[Quantity]:
    """One value per run of the first measurements; what is left out is said in the part."""
    names = names_of(simulations)
    if len(names) > MOST:
        more = counted(len(names) - MOST, "measurement")
        part.say(f"{more} more can be compared by name: {listed(names[MOST:])}.")
    found = []
    for name in names[:MOST]:
        try:
            values = quantity(store, name, simulations, **choice)
        except InvalidData as error:
            part.say(f"{name} cannot be given: {error}.")
            continue
        if len(values.runs.values):
            found.append(values)
    return found


def mixed(simulations: Sequence[Simulation]) -> list[str]:
    """Which parameters differ between runs of one platform, in a sentence; nothing for none."""
    found: dict[str, set[str]] = {}
    platforms: dict[tuple[str, str], str] = {}
    for simulation in simulations:
        for name, value in simulation.parameters.items():
            first = platforms.setdefault((simulation.platform, name), str(value))
            if first != str(value):
                found.setdefault(name, set()).add(simulation.platform)
    if not found:
        return []
    return [
        f"Runs of one platform differ in {listed(found)}: a mean over them is of all of these"
        " together. `minion compare MEASUREMENT --factor PARAMETER` tells them apart."
    ]


def measured_section(
    values: Quantity,
    part: Part,
    colours: Mapping[str, str],
    glance: Glance,
    make: Figures,
    place: int,
) -> Section:
    """One measurement by platform.

    Args:
        values: one per run.
        part: of all measurements.
        colours: of the platforms.
        glance: is given a row for each of its phases.
        make: of the figure.
        place: of the measurement among the others.
    """
    whole = values.runs.values
    whole = whole[(whole["role"] == ALL_HOSTS).to_numpy()]
    means = intervals(whole)
    digits = decimals(means["mean"].tolist())
    for phase in dict.fromkeys(means["phase"].astype("str")):
        name = values.name if phase == TOTAL.name else f"{values.name}, {phase}"
        own = means[(means["phase"].astype("str") == phase).to_numpy()]
        glance.add(name, own, values.unit, digits, phase)
    unit = f" in {values.unit}" if values.unit else ""
    table = statistics_table(
        means,
        identity=f"{part.identity}-{place}-table",
        caption=f"{values.name}{unit}, over runs",
        colours=colours,
        digits=digits,
    )
    stem = f"measured-{place}"
    figure: Figure = make.measured(
        whole, values, f"measured-{place}", hash_of([values.runs.values])
    )
    return Section(part, {"": [linked(figure, table)]}, tables=[folded(table)], stem=stem)
