"""The single numbers that runs yield besides series, as a tidy frame: a row each."""

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd

from minion.errors import NotFound
from minion.lifecycle import TOTAL
from minion.model import Simulation
from minion.selection import Choice, Selection, Texts, words, written
from minion.store import Store

RUN = ("experiment", "platform", "sim_id")
MEASURED = ("hostname", "phase", "measurement", "unit", "value")
WHOLE_RUN = ""


def measurements(
    store: Store, *, measurement: Texts = None, **choice: Unpack[Choice]
) -> pd.DataFrame:
    """The measurements of runs, a row each; what a run does not have has no row.

    Args:
        store: where the runs are.
        measurement: names of measurements, as text with commas between or as a list; default: all.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.
            Measurements of a whole run belong to every choice of hosts.

    Returns:
        experiment, platform, sim_id (categoricals); a column for each parameter of the runs,
        by its name: numbers, NaN where a run does not have it, or a categorical, for texts, for
        switches, and for numbers beside texts; then hostname (empty for a measurement of the whole
        run), phase (`Total simulation time` for one that belongs to none), measurement, unit
        (categoricals), value (in `unit`). A parameter that is named like another column has
        `parameter ` before its name. Ordered by run; inside it as they were stored.

    Raises:
        NotFound: a simulation, platform, experiment or host that was named; a measurement that
            none of the runs has; the message lists what there is.
    """
    selection = Selection.of(**choice)
    return measurements_of(
        store.simulations(selection),
        measurement=measurement,
        hosts=selection.hosts,
        phases=selection.phases,
    )


def measurements_of(
    simulations: Sequence[Simulation],
    *,
    measurement: Texts = None,
    hosts: Sequence[str] = (),
    phases: Sequence[str] = (),
) -> pd.DataFrame:
    """`measurements` of simulations that are at hand.

    Args:
        simulations: the runs, in the order that their rows shall have.
        measurement: names of measurements; default: all.
        hosts, phases: names; default: all.

    Raises:
        NotFound: a measurement that none of the runs has.
    """
    names = words(measurement)
    there = dict.fromkeys(m.name for s in simulations for m in s.measurements)
    unknown = [name for name in names if name not in there]
    if unknown:
        listed = f"there are: {written(there, ', ')}" if there else "they have no measurements"
        raise NotFound(f"no run of this selection has a {unknown[0]}; {listed}")
    rows = [
        (number, m.hostname or WHOLE_RUN, m.phase or TOTAL.name, m.name, m.unit, m.value)
        for number, simulation in enumerate(simulations)
        for m in simulation.measurements
        if (not names or m.name in names)
        and (not hosts or m.hostname is None or m.hostname in hosts)
        and (not phases or (m.phase or TOTAL.name) in phases)
    ]
    run = np.fromiter((row[0] for row in rows), dtype=np.intp, count=len(rows))
    columns: dict[str, Any] = {
        name: _texts([getattr(s, name) for s in simulations]).take(run) for name in RUN
    }
    parameters = dict.fromkeys(name for s in simulations for name in s.parameters)
    for parameter in parameters:
        column = f"parameter {parameter}" if parameter in (*RUN, *MEASURED) else parameter
        columns[column] = _parameter([s.parameters.get(parameter) for s in simulations]).take(run)
    hostname, phase, name, unit = (_texts([str(row[k]) for row in rows]) for k in (1, 2, 3, 4))
    value = np.array([row[5] for row in rows], dtype=np.float64)
    columns |= dict(zip(MEASURED, (hostname, phase, name, unit, value), strict=True))
    return pd.DataFrame(columns)


def _texts(values: Sequence[str]) -> pd.Categorical:
    """A categorical whose categories stand in the order of their first occurrence."""
    return pd.Categorical(list(values), pd.Index(list(dict.fromkeys(values)), dtype="str"))


def _parameter(values: Sequence[str | float | bool | None]) -> pd.Categorical | np.ndarray:
    """What each run has of a parameter: numbers when all of them are, else a categorical."""
    there = [value for value in values if value is not None]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in there):
        whole = len(there) == len(values) and all(isinstance(value, int) for value in there)
        return np.array(
            [np.nan if value is None else value for value in values],
            dtype=np.int64 if whole else np.float64,
        )
    order = list(dict.fromkeys(str(value) for value in there))
    texts = [None if value is None else str(value) for value in values]
    return pd.Categorical(texts, categories=pd.Index(order, dtype="str"))
