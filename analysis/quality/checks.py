"""The quality check of stored runs: what is broken, what is doubtful, what is worth knowing."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import pandas as pd

from analysis.metrics import METRICS, utilization
from analysis.quality.anomalies import (
    hosts_apart,
    impossible_values,
    stuck_values,
    too_few,
    unusual_durations,
    unusual_levels,
)
from analysis.quality.cells import cells
from analysis.quality.clocks import wrong_clocks
from analysis.quality.completeness import (
    absent_charts,
    ends_and_events,
    lacking_charts,
    overlaps,
    silent_hosts,
    unusual_hosts,
    with_samples,
)
from analysis.quality.findings import Finding, Key, Runs, Severity, findings_table, key_of
from analysis.quality.grounds import grounds, metrics_of, steady
from analysis.quality.idle import restless
from analysis.quality.sampling import (
    differing_steps,
    gaps,
    grids,
    irregular,
    short_phases,
    unusual_steps,
)
from minion.console import records
from minion.errors import InvalidData, NotFound
from minion.lifecycle import check_phases
from minion.model import Simulation, Status, Validity, Verdict
from minion.selection import Choice, Selection, Texts
from minion.store import Store
from minion.validity import PROGRAM, renewed, verdict_of

IN_PROGRESS_S = 3600.0  # since a run's last event, while it may still go on

RUN_COLUMNS = "experiment sim_id platform verdict by found findings".split()


@dataclass(frozen=True, slots=True)
class Judged:
    """A run and the verdict that the findings support; None for one that is in progress."""

    simulation: Simulation
    validity: Validity | None


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found.

    runs: a row per run: experiment, sim_id, platform, verdict and by (as stored; by is empty where
        nobody said anything), found (the verdict that the findings support: `excluded`,
        `doubtful`, or `unchecked` where nothing is against the run, because a program calls no run
        valid; `in progress` for one that is not judged yet), findings (how many, notes too).
    findings: a row per finding: experiment, sim_id, platform, hostname, metric, phase, kind,
        severity (`broken`, `doubtful`, `note`), what (one sentence). All text; hostname, metric
        and phase are empty for what concerns more than one. Ordered by run and severity.
    notes: what concerns a whole experiment, a sentence each.
    judged: the runs with their verdicts, for `keep`.
    provenance: what it stands on, for each experiment; see `analysis.quality.grounds.grounds`.
    narrowed: the options that left out parts of what a run is judged by.
    steadiness: a row per series of the metrics that this was asked of; see
        `analysis.quality.grounds.steady`. None where it was not asked for.
    """

    runs: pd.DataFrame
    findings: pd.DataFrame
    notes: tuple[str, ...]
    judged: tuple[Judged, ...]
    provenance: tuple[Mapping[str, Any], ...]
    narrowed: tuple[str, ...] = ()
    steadiness: pd.DataFrame | None = None

    def document(self) -> dict[str, Any]:
        """Everything as plain values, unrounded."""
        asked = self.steadiness
        return {
            "runs": records(self.runs),
            "findings": records(self.findings),
            "notes": list(self.notes),
            "steadiness": None if asked is None else records(asked),
            "provenance": [dict(of) for of in self.provenance],
        }

    @property
    def broken(self) -> tuple[str, ...]:
        """The sim_ids of the runs that are broken and not excluded yet."""
        return tuple(
            one.simulation.sim_id
            for one in self.judged
            if one.validity is not None
            and one.validity.verdict is Verdict.EXCLUDED
            and one.simulation.validity.verdict is not Verdict.EXCLUDED
        )

    @property
    def sentence(self) -> str:
        """The check in one sentence."""
        counts = Counter(_standing(one) for one in self.judged)
        total = len(self.judged)
        parts = [
            f"{counts[name]:,} {'is' if counts[name] == 1 else 'are'} {name}"
            for name in (_EXCLUDED, _BROKEN, _DOUBTFUL, _IN_PROGRESS)
            if counts[name]
        ]
        sound = counts[_SOUND]
        of = f"of {total:,} {'run' if total == 1 else 'runs'}"
        opening = f"{sound:,} {of} {'has' if sound == 1 else 'have'} nothing against"
        return "; ".join([f"{opening} {'it' if sound == 1 else 'them'}", *parts]) + "."


_SOUND, _EXCLUDED, _DOUBTFUL = "sound", "excluded", "doubtful"
_BROKEN, _IN_PROGRESS = "broken and not excluded", "in progress"


def check(store: Store, *, steadiness: Texts = None, **choice: Unpack[Choice]) -> Check:
    """The quality of stored runs.

    Every run of the selection is looked at, the excluded ones too, whatever `include_excluded`
    says. What is usual comes from the runs that are whole and not excluded. Values are checked in
    the five metrics; other charts only for being there. What each check does, when it may be wrong
    and how often it raises a false alarm stands in docs/mathematics.md.

    Args:
        store: where the runs are.
        steadiness: metrics of which also the autocorrelation, the effective size, the mean with its
            interval and the trend of each series are wanted, in the phases named or in the idle
            ones. 1,500 series take about a second.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`. A
            run is only held against runs of the selection.

    Raises:
        NotFound: there is no run, or a simulation, platform, experiment, host, phase or metric that
            was named.
    """
    asked = metrics_of(steadiness)
    narrowed = tuple(name for name in ("sims", "hosts", "phase") if choice.get(name))
    chosen = choice | {"include_excluded": True}
    selection = Selection.of(**chosen)
    simulations = store.simulations(selection)
    if not simulations:
        raise NotFound(
            "there is no run to check; `minion demo` makes some, `minion record` measures one"
        )
    check_phases(selection.phases, simulations)
    runs = _runs(store, simulations, selection)
    notes: list[str] = []
    series: list[pd.DataFrame] = []
    table = _cells(store, chosen, simulations, notes, asked, series)
    grid = grids(runs, table)
    found: list[Finding] = [
        *ends_and_events(runs),
        *silent_hosts(runs),
        *unusual_hosts(runs),
        *lacking_charts(runs),
        *overlaps(runs),
        *gaps(runs, grid),
        *unusual_steps(grid),
        *wrong_clocks(runs, grid),
        *impossible_values(table),
        *stuck_values(runs, table),
        *unusual_durations(runs),
        *unusual_levels(runs, table),
    ]
    notes += [
        *absent_charts(runs),
        *differing_steps(grid),
        *irregular(grid),
        *short_phases(runs, grid),
        *hosts_apart(runs, table),
        *too_few(runs),
    ]
    there = with_samples(runs)
    judged = tuple(_judged(runs, simulation, there, found) for simulation in simulations)
    open_ended = {key_of(one.simulation) for one in judged if one.validity is None}
    found = [one for one in found if one.run not in open_ended]
    return Check(
        runs=_run_table(judged, found),
        findings=findings_table(found, simulations),
        notes=tuple(notes),
        judged=judged,
        provenance=grounds(runs, table, {"steadiness": list(asked), **_given(choice)}),
        narrowed=narrowed,
        steadiness=pd.concat(series, ignore_index=True) if series else None,
    )


def keep(store: Store, checked: Check) -> list[str]:
    """Store the verdicts that a check found, as the program's; returns the sim_ids that changed.

    A person's verdict stays, and so does one that is the same already. A run in progress is not
    judged.

    Raises:
        InvalidData: the check did not look at whole runs beside the others of their experiment.
    """
    if checked.narrowed:
        names = ", ".join(f"--{name}" for name in checked.narrowed)
        raise InvalidData(
            f"a verdict is on whole runs beside the others; check without {names} to keep it"
        )
    changed = []
    for one in checked.judged:
        if one.validity is None:
            continue
        simulation = store.reload(one.simulation)
        new = renewed(simulation.validity, one.validity)
        if new != simulation.validity:
            store.judge(simulation, new.verdict, new.reasons, by=PROGRAM)
            changed.append(simulation.sim_id)
    return changed


# ---------------------------------------------------------------- inside


def _runs(store: Store, simulations: Sequence[Simulation], selection: Selection) -> Runs:
    charts = [
        store.coverage(s).assign(experiment=s.experiment, sim_id=s.sim_id) for s in simulations
    ]
    there = [frame for frame in charts if not frame.empty]
    stored = pd.concat(there, ignore_index=True) if there else charts[0]
    if selection.hosts:
        stored = stored[stored["hostname"].isin(selection.hosts).to_numpy()]
    hosts, phases = selection.hosts, selection.phases
    everything = Runs(tuple(simulations), stored, frozenset(), hosts, phases)
    samples = with_samples(everything)
    reference = frozenset(
        key_of(s)
        for s in simulations
        if s.end is not None
        and s.validity.verdict is not Verdict.EXCLUDED
        and all(h.hostname in samples[key_of(s)] for h in everything.measured(s))
    )
    return Runs(tuple(simulations), stored, reference, hosts, phases)


def _given(choice: Choice) -> dict[str, object]:
    return {name: value for name, value in choice.items() if value}


def _cells(
    store: Store,
    chosen: Choice,
    simulations: Sequence[Simulation],
    notes: list[str],
    asked: Sequence[str],
    series: list[pd.DataFrame],
) -> pd.DataFrame:
    """The cells of every metric, and into `series` how steady those are that this was asked of.

    Notes what cannot be read, and idle phases that are not idle.
    """
    excluded = {s.sim_id for s in simulations if s.validity.verdict is Verdict.EXCLUDED}
    parts = []
    for metric in METRICS:
        try:
            samples = utilization(store, metric, **chosen)
        except InvalidData as error:
            notes.append(f"{metric} was not checked: {error}")
            continue
        parts.append(cells(samples))
        if metric in asked:
            series.append(steady(samples, Selection.of(**chosen).phases))
        notes += restless(samples[~samples["sim_id"].isin(excluded).to_numpy()])
    filled = [part for part in parts if not part.empty]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def _judged(
    runs: Runs, simulation: Simulation, there: Mapping[Key, set[str]], findings: Sequence[Finding]
) -> Judged:
    if _in_progress(simulation):
        return Judged(simulation, None)
    key = key_of(simulation)
    # What the events leave open `verdict_of` says itself.
    doubts = [
        one.what
        for one in findings
        if one.run == key and one.severity is Severity.DOUBTFUL and one.kind != "events"
    ]
    looked_at = {host.hostname for host in runs.measured(simulation)}
    elsewhere = {host.hostname for host in simulation.measured_hosts} - looked_at
    return Judged(simulation, verdict_of(simulation, there[key] | elsewhere, doubts=doubts))


def _in_progress(simulation: Simulation) -> bool:
    """Whether a run may still go on, or its samples still be fetched."""
    if simulation.status in (Status.COMPLETE, Status.IMPORTING):
        return False
    if not simulation.events:
        return simulation.status is Status.REGISTERED
    return max(event.time for event in simulation.events) > time.time() - IN_PROGRESS_S


def _standing(one: Judged) -> str:
    stored = one.simulation.validity.verdict
    if stored is Verdict.EXCLUDED:
        return _EXCLUDED
    if one.validity is None:
        return _IN_PROGRESS
    if one.validity.verdict is Verdict.EXCLUDED:
        return _BROKEN
    doubtful = Verdict.DOUBTFUL in (stored, one.validity.verdict)
    return _DOUBTFUL if doubtful else _SOUND


def _run_table(judged: Sequence[Judged], findings: Sequence[Finding]) -> pd.DataFrame:
    counts = Counter(one.run for one in findings)
    rows = [
        (
            *key_of(one.simulation),
            one.simulation.platform,
            one.simulation.validity.verdict.value,
            one.simulation.validity.by or "",
            one.validity.verdict.value if one.validity else _IN_PROGRESS,
            counts[key_of(one.simulation)],
        )
        for one in judged
    ]
    return pd.DataFrame(rows, columns=RUN_COLUMNS)
