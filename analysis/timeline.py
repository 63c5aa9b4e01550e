"""What a run's events say: how long each phase took, and what they leave open."""

from collections.abc import Iterable, Sequence
from typing import Unpack

import pandas as pd

from minion.lifecycle import SEQUENCE, TOTAL, Interval, Timeline, check_phases, read_timeline
from minion.model import Simulation
from minion.selection import Choice, Selection
from minion.store import Store

_STUDY = {phase.name: place for place, phase in enumerate(SEQUENCE)}


def phase_order(names: Iterable[str]) -> list[str]:
    """Names of phases and gaps, each once, in the study's order.

    Those that the study does not know follow in the order given; the total comes last.
    """
    unique = list(dict.fromkeys(names))
    return sorted(unique, key=lambda name: (name == TOTAL.name, _STUDY.get(name, len(_STUDY))))


def durations(
    store: Store,
    *,
    include_gaps: bool = False,
    **choice: Unpack[Choice],
) -> pd.DataFrame:
    """How long each phase of each run took.

    Args:
        store: where the simulations are.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.
        include_gaps: also the stretches between phases, by name; one that `phase` names is there
            anyway.

    Returns:
        experiment, sim_id, platform, phase (categoricals), start_s and end_s (seconds since the
        run's START_SIMULATION), duration_s. A phase that did not happen, or whose events do not
        say when, has no row: see `problems`. Ordered by run and the study's order of phases.

    Raises:
        NotFound: a simulation, platform, experiment or phase that was named.
    """
    selection = Selection.of(**choice)
    found = store.simulations(selection)
    return durations_of(found, phases=selection.phases, include_gaps=include_gaps)


def durations_of(
    simulations: Sequence[Simulation],
    *,
    phases: Sequence[str] = (),
    include_gaps: bool = False,
) -> pd.DataFrame:
    """`durations` of simulations that are at hand.

    Args:
        simulations: the runs, in the order that their rows shall have.
        phases: names of phases and gaps; default: all phases.
        include_gaps: also the gaps.

    Raises:
        NotFound: a phase that neither the study nor one of the runs has.
    """
    check_phases(phases, simulations)
    timelines = [(simulation, read_timeline(simulation)) for simulation in simulations]
    order = phase_order(
        [*_STUDY, TOTAL.name, *(i.name for _, t in timelines for i in _intervals(t))]
    )
    ranks = {name: rank for rank, name in enumerate(order)}
    rows = [
        (s.experiment, s.sim_id, s.platform, i.name, i.start_s, i.end_s, i.duration_s)
        for s, timeline in timelines
        for i in sorted(_intervals(timeline), key=lambda interval: ranks[interval.name])
        if (i.name in phases if phases else include_gaps or not i.gap)
    ]
    columns = ["experiment", "sim_id", "platform", "phase", "start_s", "end_s", "duration_s"]
    frame = _frame(rows, columns, numbers=3)
    return frame.assign(phase=frame["phase"].cat.set_categories(_present(order, frame["phase"])))


def problems(
    store: Store,
    **choice: Unpack[Choice],
) -> pd.DataFrame:
    """What the events of each run leave open: a missing end, a repeated start, a wrong order.

    Args:
        store: where the simulations are.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Returns:
        experiment, sim_id, platform (categoricals), problem (one sentence); no row for a run
        whose events are in order.

    Raises:
        NotFound: a simulation, platform or experiment that was named.
    """
    return problems_of(store.simulations(Selection.of(**choice)))


def problems_of(simulations: Sequence[Simulation]) -> pd.DataFrame:
    """`problems` of simulations that are at hand, in their order."""
    rows = [
        (simulation.experiment, simulation.sim_id, simulation.platform, problem)
        for simulation in simulations
        if (timeline := read_timeline(simulation)) is not None
        for problem in timeline.problems
    ]
    frame = _frame(rows, ["experiment", "sim_id", "platform", "problem"], numbers=0)
    return frame.astype({"problem": "str"})


def simulation_events(
    store: Store,
    **choice: Unpack[Choice],
) -> pd.DataFrame:
    """The study's table of simulation events: when each phase starts and ends.

    Args:
        store: where the simulations are.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Returns:
        experiment, event (name of the phase), type (`Start` or `End`), duration (seconds from the
        run's START_SIMULATION to that event), sim_id, platform. 24 rows for a run in which all
        twelve phases happened. Ordered by run and the study's order of phases.

    Raises:
        NotFound: a simulation, platform, experiment or phase that was named.
    """
    selection = Selection.of(**choice)
    return simulation_events_of(store.simulations(selection), phases=selection.phases)


def simulation_events_of(
    simulations: Sequence[Simulation], *, phases: Sequence[str] = ()
) -> pd.DataFrame:
    """`simulation_events` of simulations that are at hand.

    Args:
        simulations: the runs, in the order that their rows shall have.
        phases: names of phases; default: all.

    Raises:
        NotFound: a phase that neither the study nor one of the runs has.
    """
    wide = durations_of(simulations, phases=phases)
    wide = wide.rename(columns={"phase": "event", "start_s": "Start", "end_s": "End"})
    long = wide.melt(
        id_vars=["experiment", "event", "sim_id", "platform"],
        value_vars=["Start", "End"],
        var_name="type",
        value_name="duration",
        ignore_index=False,
    )
    long["type"] = pd.Categorical(long["type"], categories=["Start", "End"])
    # Both rows of a phase still carry its place, the start's comes first.
    long = long.sort_index(kind="stable").reset_index(drop=True)
    return long[["experiment", "event", "type", "duration", "sim_id", "platform"]]


def _intervals(timeline: Timeline | None) -> Sequence[Interval]:
    return () if timeline is None else (*timeline.phases, *timeline.gaps)


def _present(order: Sequence[str], phases: "pd.Series[str]") -> list[str]:
    there = set(phases.cat.categories)
    return [name for name in order if name in there]


def _frame(rows: Sequence[tuple[object, ...]], columns: list[str], *, numbers: int) -> pd.DataFrame:
    """Rows as a frame: all columns but the last `numbers` are categoricals in order of rows."""
    data = list(zip(*rows, strict=True)) or [()] * len(columns)
    texts = len(columns) - numbers
    frame = pd.DataFrame(index=range(len(rows)))
    for place, (name, values) in enumerate(zip(columns, data, strict=True)):
        if place < texts:
            categories = pd.Index(list(dict.fromkeys(values)), dtype="str")
            frame[name] = pd.Categorical(values, categories=categories)
        else:
            frame[name] = pd.Series(values, dtype="float64")
    return frame
