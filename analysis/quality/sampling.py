"""Samples held against the grid that they should lie on: steps, gaps, phases that are too short."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.metrics import METRICS
from analysis.quality.findings import Finding, Key, Runs, Severity, key_of, listed
from analysis.timeline import phase_order
from minion.lifecycle import TOTAL, Timeline, read_timeline
from minion.model import Missing, Simulation

FEWEST_SAMPLES = 5  # of a host in a phase, on average
UNEXPLAINED = 0.05  # share of a phase's samples that may lack for no known reason
UNEXPLAINED_OF_RUN = 0.01  # and of a run's, as an import judges it
RECORDED = 0.25  # share of a phase's samples that may lack for a recorded reason
SINGLE = 1  # one sample that lacks is no share
FEWEST_RUNS = 3  # that say which step is usual
_EDGE = 1e-6  # seconds: far above what a double of the epoch loses

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sampled:
    """One series, and the grid that it should lie on.

    step_s: between its samples; NaN when nobody knows.
    regular: whether the step is stored with the series; else it is the median distance.
    expected, recorded, there: of each phase in `Grids.phases`, how many samples the grid has, how
        many of these are recorded as missing, and how many are stored.
    reasons: why, as it was recorded.
    """

    simulation: Simulation
    hostname: str
    chart: str
    metric: str
    step_s: float
    regular: bool
    expected: Counts
    recorded: Counts
    there: Counts
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grids:
    """The series of a check.

    phases: what their counts are of, the gaps between phases too.
    happened: the phases of each run, without the gaps.
    """

    phases: tuple[str, ...]
    happened: Mapping[Key, frozenset[str]]
    series: tuple[Sampled, ...]


def grids(runs: Runs, table: pd.DataFrame) -> Grids:
    """Every series of `table` held against its grid.

    A grid begins with the series' first sample and goes on, both ways, in the step that is stored
    with the series; without one, in the median distance between its samples.

    Args:
        runs: the runs that the cells are of.
        table: as `cells` gives it.
    """
    timelines = {key_of(s): t for s in runs.simulations if (t := read_timeline(s)) is not None}
    intervals = [i for timeline in timelines.values() for i in timeline.intervals]
    names = tuple(n for n in phase_order(i.name for i in intervals) if runs.looks_at(n))
    places = {name: place for place, name in enumerate(names)}
    simulations = {key_of(simulation): simulation for simulation in runs.simulations}
    charts = _charts(runs)
    whole = (table["phase"] == TOTAL.name).to_numpy()
    keys = ["experiment", "sim_id", "hostname", "metric", "dimension"]
    number = table.groupby(keys, sort=False).ngroup().to_numpy()
    there = np.zeros((number.max(initial=-1) + 1, len(names)), dtype=np.int64)
    parts = table[~whole]
    there[number[~whole], parts["phase"].map(places).to_numpy(dtype=np.intp)] = parts["n"]
    ruler = _Ruler(timelines, places)
    found = []
    totals = table[whole]
    rows = totals[[*keys, "first_s", "step_s"]].itertuples(index=False, name=None)
    for at, row in zip(number[whole], rows, strict=True):
        experiment, sim_id, hostname, metric, dimension, first_s, distance = row
        simulation = simulations[experiment, sim_id]
        chart, declared = charts(experiment, sim_id, hostname, metric, dimension)
        regular = bool(np.isfinite(declared))
        step_s = declared if regular else distance
        records = [
            record
            for record in simulation.missing
            if record.hostname == hostname and record.chart in (None, chart)
        ]
        expected, recorded = ruler.measure(simulation, first_s, step_s, records)
        found.append(
            Sampled(
                simulation=simulation,
                hostname=hostname,
                chart=chart,
                metric=metric,
                step_s=step_s,
                regular=regular,
                expected=expected,
                recorded=recorded,
                there=there[at],
                reasons=tuple(sorted({record.reason for record in records})),
            )
        )
    happened = {key: frozenset(i.name for i in t.phases) for key, t in timelines.items()}
    return Grids(names, happened, tuple(found))


class _Ruler:
    """Counts the points of grids in phases; the series of one host mostly share theirs."""

    def __init__(self, timelines: Mapping[Key, Timeline], places: Mapping[str, int]) -> None:
        self.timelines = timelines
        self.places = places
        self._known: dict[tuple[object, ...], tuple[Counts, Counts]] = {}

    def measure(
        self, simulation: Simulation, first_s: float, step_s: float, records: Sequence[Missing]
    ) -> tuple[Counts, Counts]:
        """How many points the grid has in each phase, and how many are recorded as missing."""
        timeline = self.timelines.get(key_of(simulation))
        if timeline is None or not timeline.intervals or not step_s > 0:
            nothing = np.zeros(len(self.places), dtype=np.int64)
            return nothing, nothing
        offset = round(first_s % step_s, 6)
        key = (key_of(simulation), offset, step_s, tuple(records))
        if key not in self._known:
            self._known[key] = self._counted(timeline, first_s, step_s, records)
        return self._known[key]

    def _counted(
        self, timeline: Timeline, first_s: float, step_s: float, records: Sequence[Missing]
    ) -> tuple[Counts, Counts]:
        stop = timeline.intervals[-1].end_s
        before = np.ceil((timeline.intervals[0].start_s - first_s - _EDGE) / step_s)
        after = np.ceil((stop - first_s - _EDGE) / step_s)
        grid = first_s + step_s * np.arange(before, after, dtype=np.float64)
        # The last place is for what is not looked at.
        names = [self.places.get(i.name, len(self.places)) for i in timeline.intervals]
        phase = np.array([*names, len(self.places)])[timeline.labels(grid)]
        lost = np.zeros(len(grid), dtype=np.bool_)
        for record in records:
            first, last = record.first - timeline.origin, record.last - timeline.origin
            lost |= (grid >= first - _EDGE) & (grid < last - _EDGE)
        size = len(self.places)
        return (
            np.bincount(phase, minlength=size)[:size],
            np.bincount(phase[lost], minlength=size)[:size],
        )


def _charts(runs: Runs) -> Callable[[str, str, str, str, str], tuple[str, float]]:
    """What finds the chart, and its stored step, that a metric's dimension comes from."""
    names = ["experiment", "sim_id", "hostname", "context", "chart", "step_s"]
    known: dict[tuple[str, ...], list[tuple[str, float]]] = defaultdict(list)
    for *place, chart, step_s in runs.charts[names].itertuples(index=False, name=None):
        step = np.nan if step_s is None else float(step_s)
        known[tuple(place)].append((chart, step))

    def chart_of(
        experiment: str, sim_id: str, hostname: str, metric: str, dimension: str
    ) -> tuple[str, float]:
        contexts = METRICS[metric].contexts
        found = [
            one for context in contexts for one in known[experiment, sim_id, hostname, context]
        ]
        own = [one for one in found if len(found) > 1 and one[0].endswith(f".{dimension}")]
        return (own or found or [(contexts[0], np.nan)])[0]

    return chart_of


# ---------------------------------------------------------------- gaps


def gaps(runs: Runs, found: Grids) -> Iterator[Finding]:
    """Samples that the grid has and the store has not, by host and phase.

    Doubtful where a phase has no sample at all; where more than 5 % of a phase's samples, or 1 %
    of a run's, lack for no known reason; and where more than a quarter of a phase's lack for a
    recorded reason. One sample that lacks in a phase is a note, however short the phase. Of a
    series without a regular step only phases without any sample are said.
    """
    alike: dict[tuple[Key, str, str, int, int, bool], list[Sampled]] = {}
    for one in found.series:
        key = key_of(one.simulation)
        lacking = np.maximum(one.expected - one.there, 0)
        if not one.regular:
            lacking[(one.there > 0) | (one.expected <= SINGLE)] = 0
        explained = np.minimum(one.recorded, lacking)
        unknown = lacking - explained
        for why, lost in ((True, explained), (False, unknown)):
            for place in np.flatnonzero(lost):
                sized = (int(lost[place]), int(one.expected[place]))
                group = (key, one.hostname, found.phases[place], *sized, why)
                alike.setdefault(group, []).append(one)
        total, whole = int(unknown.sum()), int(one.expected.sum())
        in_phases = unknown > np.maximum(SINGLE, UNEXPLAINED * one.expected)
        if not runs.phases and total > UNEXPLAINED_OF_RUN * whole and not in_phases.any():
            group = (key, one.hostname, TOTAL.name, total, whole, False)
            alike.setdefault(group, []).append(one)
    every = Counter((key_of(one.simulation), one.hostname) for one in found.series)
    for (key, hostname, phase, lost, expected, why), series in alike.items():
        charts = listed(one.chart for one in series)
        charts = "every chart" if len(series) == every[key, hostname] else charts
        reason = f"recorded as missing: {listed(series[0].reasons)}" if why else "unexplained"
        allowed = RECORDED if why else UNEXPLAINED
        empty = lost == expected
        limit = 0 if phase == TOTAL.name else max(SINGLE, allowed * expected)
        lacks = "all" if empty else f"{lost:,} of"
        share = "" if empty else f" ({lost / expected:.0%})"
        yield Finding(
            run=key,
            hostname=hostname,
            metric=series[0].metric if len({one.metric for one in series}) == 1 else "",
            phase=phase,
            kind="no samples in phase" if empty else "gap",
            severity=Severity.DOUBTFUL if empty or lost > limit else Severity.NOTE,
            what=f"host {hostname} lacks {lacks} {expected:,} samples{share} of {charts} in"
            f" {phase}, {reason}",
        )


def irregular(found: Grids) -> list[str]:
    """How many series have no regular step, once for each experiment."""
    counts = Counter(one.simulation.experiment for one in found.series if not one.regular)
    return [
        f"{experiment}: {n:,} series have no regular step: only phases without any sample count as"
        " gaps of these"
        for experiment, n in counts.items()
    ]


def short_phases(runs: Runs, found: Grids) -> list[str]:
    """Phases with fewer than five samples a host on average, once for each experiment."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for one in found.series:
        simulation = one.simulation
        if key_of(simulation) not in runs.reference:
            continue
        happened = found.happened[key_of(simulation)]
        for phase, there in zip(found.phases, one.there.tolist(), strict=True):
            if phase in happened:
                group = (simulation.experiment, phase, simulation.platform)
                sums.setdefault(group, []).append(there)
    short: dict[tuple[str, str], list[str]] = {}
    for (experiment, phase, platform), counts in sums.items():
        mean = sum(counts) / len(counts)
        if mean < FEWEST_SAMPLES:
            short.setdefault((experiment, phase), []).append(f"{mean:.1f} on {platform}")
    return [
        f"{experiment}: {phase} is short for its sampling interval, samples a host and run:"
        f" {', '.join(short[experiment, phase])}; its levels rest on few values"
        for experiment, phase in sorted(short, key=lambda k: (k[0], found.phases.index(k[1])))
    ]


# ---------------------------------------------------------------- steps


def unusual_steps(found: Grids) -> Iterator[Finding]:
    """Hosts that were sampled in another interval than in most of the platform's runs."""
    steps = _steps(found)
    odd: dict[tuple[Key, str, float, float], list[str]] = {}
    for (experiment, platform, hostname, chart), of_runs in steps.items():
        usual, times = Counter(of_runs.values()).most_common(1)[0]
        if len(of_runs) < FEWEST_RUNS or times * 2 <= len(of_runs):
            continue
        for sim_id, step in of_runs.items():
            if step != usual:
                group = ((experiment, sim_id), hostname, step, usual)
                text = f"{chart} ({times} of {len(of_runs)} runs of {platform})"
                odd.setdefault(group, []).append(text)
    for (key, hostname, step, usual), charts in odd.items():
        yield Finding(
            run=key,
            hostname=hostname,
            kind="step",
            severity=Severity.DOUBTFUL,
            what=f"host {hostname} was sampled every {step:g} s, mostly it is every {usual:g} s:"
            f" {listed(charts)}",
        )


def differing_steps(found: Grids) -> list[str]:
    """Sampling intervals that differ between platforms or hosts, once for each experiment."""
    common: dict[str, dict[float, list[str]]] = {}
    for (experiment, platform, hostname, _), of_runs in _steps(found).items():
        step = Counter(of_runs.values()).most_common(1)[0][0]
        where = f"{hostname} ({platform})"
        common.setdefault(experiment, {}).setdefault(step, []).append(where)
    return [
        f"{experiment}: sampling intervals differ: "
        + "; ".join(f"{step:g} s on {listed(where)}" for step, where in sorted(of.items()))
        for experiment, of in common.items()
        if len(of) > 1
    ]


def _steps(found: Grids) -> dict[tuple[str, str, str, str], dict[str, float]]:
    """The step of each run, by experiment, platform, hostname and chart."""
    steps: dict[tuple[str, str, str, str], dict[str, float]] = {}
    for one in found.series:
        run = one.simulation
        if one.step_s > 0:
            place = (run.experiment, run.platform, one.hostname, one.chart)
            steps.setdefault(place, {})[run.sim_id] = round(one.step_s, 3)
    return steps
