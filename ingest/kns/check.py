"""What an imported run lacks, held against the other runs of its import."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from minion.model import Simulation
from minion.series import Series

LOST = 0.01  # share of a chart's grid
SHOWN = 5
CONTEXTS = ("system.cpu", "system.ram", "system.io", "disk.util", "system.net")


@dataclass(frozen=True, slots=True, order=True)
class Chart:
    """A chart of a host."""

    hostname: str
    chart: str
    context: str


def doubts(simulations: Sequence[Simulation], charts: Sequence[set[Chart]]) -> list[list[str]]:
    """For each simulation what it lacks and others have, a sentence each.

    Args:
        simulations: the runs of one import.
        charts: of each of them, what it has samples of.
    """
    usual = _usual_hosts(simulations)
    runs = Counter(host for found in charts for host in {chart.hostname for chart in found})
    having = Counter(chart for found in charts for chart in found)
    named: dict[str, list[Chart]] = {}
    for chart in having:
        named.setdefault(chart.hostname, []).append(chart)
    found = []
    for simulation, own in zip(simulations, charts, strict=True):
        sentences = []
        hosts, others = len(simulation.measured_hosts), usual[simulation.platform]
        if hosts < others:
            sentences.append(
                f"{hosts} measured hosts; other runs of {simulation.platform} have {others}"
            )
        for hostname in sorted({chart.hostname for chart in own}):
            # Most of the host's other runs have it: a chart that comes and goes is no lack.
            lacks = [
                chart
                for chart in named[hostname]
                if chart not in own and having[chart] > (runs[hostname] - 1) / 2
            ]
            contexts = _beside(own, hostname) - {chart.context for chart in lacks}
            names = sorted({chart.chart for chart in lacks} | contexts)
            if names:
                sentences.append(f"host {hostname} has no samples of {_listed(names)}")
        found.append(sentences)
    return found


def lost(series: Iterable[Series], window: tuple[float, float]) -> list[str]:
    """The hosts of one simulation that lost samples, a sentence each.

    Args:
        series: its series.
        window: samples lie strictly between these times (seconds since the epoch).
    """
    charts: dict[str, list[str]] = {}
    every = list(series)
    steps = Counter(one.step for one in every if one.step is not None)
    usual = steps.most_common(1)[0][0] if steps else None
    for one in every:
        expected = _expected(one, one.step or usual, window)
        lacking = expected - one.samples
        if lacking > LOST * expected:
            text = f"{one.chart} {lacking:,} of {expected:,}"
            charts.setdefault(one.hostname, []).append(text)
    return [f"host {host} lost samples: {_listed(found)}" for host, found in charts.items()]


def absent_contexts(charts: Sequence[set[Chart]]) -> list[str]:
    """Which of the study's five contexts no run has."""
    there = {chart.context for found in charts for chart in found}
    return [context for context in CONTEXTS if context not in there]


def _usual_hosts(simulations: Sequence[Simulation]) -> Mapping[str, int]:
    """How many measured hosts the runs of each platform mostly have."""
    counts: dict[str, Counter[int]] = {}
    for simulation in simulations:
        counts.setdefault(simulation.platform, Counter())[len(simulation.measured_hosts)] += 1
    return {
        platform: max(found, key=lambda hosts: (found[hosts], hosts))
        for platform, found in counts.items()
    }


def _beside(own: set[Chart], hostname: str) -> set[str]:
    """The contexts that all the other hosts of the run have, and this one not."""
    contexts: dict[str, set[str]] = {}
    for chart in own:
        contexts.setdefault(chart.hostname, set()).add(chart.context)
    others = [found for name, found in contexts.items() if name != hostname]
    if len(others) < 2:
        return set()
    return set.intersection(*others) - contexts[hostname]


def _expected(series: Series, step: float | None, window: tuple[float, float]) -> int:
    """How many values the series has on its grid inside the window."""
    if step is None:
        return series.samples
    first, last = window
    start = float(series.times[0])
    before = ceil((start - first) / step - 1e-9) - 1
    after = ceil((last - start) / step - 1e-9)
    return (max(0, before) + after) * len(series.dimensions)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
