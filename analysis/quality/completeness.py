"""What a run lacks as a whole: its end, events, hosts, charts, and its hosts to itself."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from analysis.metrics import METRICS
from analysis.quality.findings import Finding, Key, Runs, Severity, key_of, listed
from analysis.timeline import problems_of
from minion.model import Host, Role, Simulation, Status

FEWEST_OTHERS = 2  # other runs that say what is usual

CONTEXTS = tuple(context for metric in METRICS.values() for context in metric.contexts)


def with_samples(runs: Runs) -> dict[Key, set[str]]:
    """The hosts of each run that have any sample."""
    found: dict[Key, set[str]] = {key_of(simulation): set() for simulation in runs.simulations}
    charts = runs.charts
    for experiment, sim_id, hostname in zip(
        charts["experiment"], charts["sim_id"], charts["hostname"], strict=True
    ):
        found[experiment, sim_id].add(hostname)
    return found


def ends_and_events(runs: Runs) -> Iterator[Finding]:
    """Runs without an end, imports that were cut off, and what the events leave open."""
    for simulation in runs.simulations:
        key = key_of(simulation)
        if simulation.end is None and not simulation.measurements_only:
            text = f"it did not end: no STOP_SIMULATION among its {len(simulation.events)} events"
            yield Finding(run=key, kind="no end", severity=Severity.BROKEN, what=text)
        if simulation.status is Status.IMPORTING:
            text = "its import was cut off, or is under way: import it again"
            yield Finding(run=key, kind="import", severity=Severity.DOUBTFUL, what=text)
    for row in problems_of(runs.simulations).itertuples(index=False):
        yield Finding(
            run=(str(row.experiment), str(row.sim_id)),
            kind="events",
            severity=Severity.DOUBTFUL,
            what=str(row.problem),
        )


def silent_hosts(runs: Runs) -> Iterator[Finding]:
    """Measured hosts without any sample."""
    there = with_samples(runs)
    for simulation in runs.simulations:
        key = key_of(simulation)
        for host in runs.measured(simulation):
            if host.hostname in there[key]:
                continue
            reasons = {m.reason for m in simulation.missing if m.hostname == host.hostname}
            recorded = f", recorded as missing: {listed(sorted(reasons))}" if reasons else ""
            yield Finding(
                run=key,
                hostname=host.hostname,
                kind="no samples",
                severity=Severity.BROKEN,
                what=f"no samples of host {host.hostname}{recorded}",
            )


def unusual_hosts(runs: Runs) -> Iterator[Finding]:
    """Runs whose hosts are not those of the platform's other runs."""
    for (_, platform), simulations in runs.platforms().items():
        usual = [s for s in simulations if key_of(s) in runs.reference]
        for role in Role:
            counts = Counter(len(_of_role(runs, s, role)) for s in usual)
            names = Counter(name for s in usual for name in _of_role(runs, s, role))
            for simulation in simulations:
                yield from _unusual(runs, simulation, role, platform, counts, names)


def _unusual(
    runs: Runs,
    simulation: Simulation,
    role: Role,
    platform: str,
    counts: Mapping[int, int],
    names: Mapping[str, int],
) -> Iterator[Finding]:
    own = _of_role(runs, simulation, role)
    itself = key_of(simulation) in runs.reference
    others = sum(counts.values()) - itself
    if others < FEWEST_OTHERS:
        return
    times = {number: n - (itself and number == len(own)) for number, n in counts.items()}
    number = max(times, key=lambda many: times[many])
    lacking = [name for name, n in names.items() if name not in own and n > others / 2]
    differs = number != len(own) and times[number] > others / 2
    if not (differs or lacking):
        return
    text = f"{len(own)} measured hosts are {role}; {times[number]} of {others} other runs of"
    text += f" {platform} have {number}"
    if lacking:
        text += f"; it lacks {listed(lacking)}"
    yield Finding(
        run=key_of(simulation),
        hostname=lacking[0] if len(lacking) == 1 else "",
        kind="hosts",
        severity=Severity.DOUBTFUL if differs else Severity.NOTE,
        what=text,
    )


def _of_role(runs: Runs, simulation: Simulation, role: Role) -> list[str]:
    return [host.hostname for host in runs.measured(simulation) if host.role is role]


# ---------------------------------------------------------------- charts


def lacking_charts(runs: Runs) -> Iterator[Finding]:
    """Charts that a host has in most of its other runs of the platform, and not in this one.

    A host that is seen too rarely is held against the other hosts of its role, by contexts: the
    names of its charts may be its own.
    """
    charts, contexts = _charts_of_hosts(runs)
    for (_, platform), simulations in runs.platforms().items():
        usual = _Usual()
        for simulation, host in _hosts(runs, simulations):
            place = (*key_of(simulation), host.hostname)
            if key_of(simulation) in runs.reference:
                usual.add(host, charts.get(place, set()), contexts.get(place, set()))
        for simulation, host in _hosts(runs, simulations):
            place = (*key_of(simulation), host.hostname)
            if place not in charts:
                continue  # no samples at all is said elsewhere
            itself = key_of(simulation) in runs.reference
            lacking, others = usual.lacking(host, charts[place], contexts[place], itself=itself)
            if lacking:
                yield Finding(
                    run=key_of(simulation),
                    hostname=host.hostname,
                    metric=next(iter(lacking)) if len(lacking) == 1 else "",
                    kind="chart",
                    severity=Severity.DOUBTFUL,
                    what=f"host {host.hostname} has no samples of {listed(sorted(lacking))};"
                    f" {min(lacking.values())} of {others} runs of {platform} have",
                )


class _Usual:
    """How often the hosts, and the roles, of a platform have which charts and contexts."""

    def __init__(self) -> None:
        self.host_runs = Counter[str]()
        self.of_host = Counter[tuple[str, str]]()
        self.role_runs = Counter[Role]()
        self.of_role = Counter[tuple[Role, str]]()

    def add(self, host: Host, charts: set[str], contexts: set[str]) -> None:
        """Count a host in one of the runs that say what is usual."""
        self.host_runs[host.hostname] += 1
        self.of_host.update((host.hostname, chart) for chart in charts)
        self.role_runs[host.role] += 1
        self.of_role.update((host.role, context) for context in contexts)

    def lacking(
        self, host: Host, charts: set[str], contexts: set[str], *, itself: bool
    ) -> tuple[dict[str, int], str]:
        """What most others have and this host lacks, how many have it, and who they are."""
        others = self.host_runs[host.hostname] - itself
        if others >= FEWEST_OTHERS:
            lacking = {
                chart: n
                for (hostname, chart), n in self.of_host.items()
                if hostname == host.hostname and chart not in charts and n > others / 2
            }
            return lacking, f"its {others} other"
        others = self.role_runs[host.role] - itself
        if others < FEWEST_OTHERS:
            return {}, ""
        lacking = {
            context: n
            for (role, context), n in self.of_role.items()
            if role is host.role and context not in contexts and n > others / 2
        }
        return lacking, f"the {host.role} hosts' {others}"


def absent_charts(runs: Runs) -> list[str]:
    """What no run, no run of a platform, or never a host has, once for each experiment."""
    _, contexts = _charts_of_hosts(runs)
    notes = []
    for experiment, group in groupby(runs.simulations, key=lambda s: s.experiment):
        simulations = list(group)
        seen = {
            (simulation.platform, host.hostname): contexts.get(
                (*key_of(simulation), host.hostname), set()
            )
            for simulation, host in _hosts(runs, simulations)
        }
        for simulation, host in _hosts(runs, simulations):
            place = (simulation.platform, host.hostname)
            own = contexts.get((*key_of(simulation), host.hostname), set())
            seen[place] = seen[place] | own
        with_any = {place: own for place, own in seen.items() if own}
        for context in CONTEXTS:
            lacking = [place for place, own in with_any.items() if context not in own]
            if not lacking:
                continue
            where = f"on host {listed(f'{host} ({platform})' for platform, host in lacking)}"
            if len(lacking) == len(with_any):
                where = "at all"
            notes.append(f"{experiment}: no run has a chart of {context} {where}")
    return notes


_Charts = dict[tuple[str, str, str], set[str]]  # of experiment, sim_id, hostname


def _charts_of_hosts(runs: Runs) -> tuple[_Charts, _Charts]:
    """The charts and the contexts of each host of each run."""
    charts: _Charts = {}
    contexts: _Charts = {}
    names = ["experiment", "sim_id", "hostname", "chart", "context"]
    for *place, chart, context in runs.charts[names].itertuples(index=False, name=None):
        experiment, sim_id, hostname = place
        charts.setdefault((experiment, sim_id, hostname), set()).add(chart)
        contexts.setdefault((experiment, sim_id, hostname), set()).add(context)
    return charts, contexts


def _hosts(runs: Runs, simulations: Sequence[Simulation]) -> Iterator[tuple[Simulation, Host]]:
    return ((s, host) for s in simulations for host in runs.measured(s))


# ---------------------------------------------------------------- overlaps


def overlaps(runs: Runs) -> Iterator[Finding]:
    """Runs of one experiment that were measured on one host at one time; both with a date.

    Experiments are not held against each other: their hosts may share names, not machines.
    """
    for _, group in groupby(runs.simulations, key=lambda s: s.experiment):
        timed = sorted(
            ((s.began, _last(s), s) for s in group if s.began is not None),
            key=lambda item: item[:2],
        )
        for place, (start, end, simulation) in enumerate(timed):
            hosts = {host.hostname for host in runs.measured(simulation)}
            for later, last, other in timed[place + 1 :]:
                if later >= end:
                    break
                shared = [h.hostname for h in runs.measured(other) if h.hostname in hosts]
                if shared:
                    seconds = min(end, last) - max(start, later)
                    yield _overlap(simulation, other, shared, seconds)
                    yield _overlap(other, simulation, shared, seconds)


def _overlap(
    simulation: Simulation, other: Simulation, shared: Sequence[str], seconds: float
) -> Finding:
    return Finding(
        run=key_of(simulation),
        hostname=shared[0] if len(shared) == 1 else "",
        kind="overlap",
        severity=Severity.DOUBTFUL,
        what=f"simulation {other.sim_id} ran at the same time for {seconds:,.0f} s on"
        f" {listed(shared)}",
    )


def _last(simulation: Simulation) -> float:
    return simulation.end or max(event.time for event in simulation.events)
