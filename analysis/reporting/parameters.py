"""Which parameters tell the runs of one platform apart, and what is drawn against what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from minion.model import Simulation

# A parameter of such a name numbers runs that are alike otherwise.
REPETITIONS = frozenset(
    "iteration repetition repeat replicate replication round trial attempt run seed".split()
)
MOST_PANELS = 6  # levels of a parameter that a panel each can show


@dataclass(frozen=True, slots=True)
class Design:
    """The parameters in which runs of one platform differ.

    by: along the axis. panels: of which each level has a panel, if any.
    others: in which runs of equal levels still differ, so that they have no common mean.
    repetitions: that only number runs.
    """

    by: str
    panels: str | None = None
    others: tuple[str, ...] = ()
    repetitions: tuple[str, ...] = ()

    @property
    def levels(self) -> list[str]:
        """The parameters that tell levels apart."""
        return [self.by, *([self.panels] if self.panels else [])]


def design_of(simulations: Sequence[Simulation]) -> Design | None:
    """What measurements of these runs are drawn against; None where their runs are alike.

    Along the axis stands the number with the most values, else the text with the most; a panel
    each have the values of that with the fewest of what is left.

    Args:
        simulations: that have the measurement.
    """
    values = _varying(simulations)
    repetitions = tuple(name for name in values if name.lower() in REPETITIONS)
    real = [name for name in values if name not in repetitions]
    if not real:
        return None
    by = max(real, key=lambda name: (_numbers(values[name]), len(values[name])))
    rest = sorted((name for name in real if name != by), key=lambda name: len(values[name]))
    panels = rest[0] if rest and len(values[rest[0]]) <= MOST_PANELS else None
    others = tuple(name for name in rest if name != panels)
    return Design(by, panels, others, repetitions)


def with_parameters(
    values: pd.DataFrame, simulations: Sequence[Simulation], names: Mapping[str, str]
) -> pd.DataFrame:
    """The values of runs with a column for each of these parameters.

    Args:
        values: experiment, sim_id and what else it has; one row per run and phase.
        simulations: of one experiment.
        names: of parameters, and of their columns: numbers where every run has a number, else
            texts.
    """
    of = {s.sim_id: s.parameters for s in simulations}
    found = values.copy()
    runs = found["sim_id"].astype("str")
    for name, column in names.items():
        own = [of[run].get(name) for run in runs]
        numbers = _numbers({value for value in own if value is not None})
        texts = [None if value is None else str(value) for value in own]
        found[column] = pd.Series(own, found.index, dtype="float64") if numbers else texts
    return found


# ---------------------------------------------------------------- inside


def _varying(simulations: Sequence[Simulation]) -> dict[str, set[object]]:
    """The values of each parameter that differs between two runs of one platform."""
    values: dict[str, set[object]] = {}
    of: dict[tuple[str, str], set[object]] = {}
    for simulation in simulations:
        for name, value in simulation.parameters.items():
            values.setdefault(name, set()).add(value)
            of.setdefault((simulation.platform, name), set()).add(value)
    differing = {name for (_, name), own in of.items() if len(own) > 1}
    return {name: own for name, own in values.items() if name in differing}


def _numbers(values: set[object]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
