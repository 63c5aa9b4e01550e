"""From the agents into the store, until everything up to a run's end is stored or missing.

How far each host of a simulation is stands in its document, written after its samples: whatever
happens in between, the same window is pulled again and ends in the same documents.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from threading import Event as Signal

import numpy as np

from ingest.agent import AgentInfo
from ingest.netdata import DEFAULT_CONTEXTS, Pulled, pull
from minion.buckets import Written
from minion.errors import AgentError, InvalidData, MinionError, StoreError
from minion.model import Host, Missing, Simulation, Status, Verdict
from minion.selection import Selection, words
from minion.store import Store
from minion.validity import PROGRAM, verdict_of

DEFAULT_INTERVAL_S = 60.0
FLUSH_S = 30.0  # an agent that has not shown a run's last samples by then will not
PATIENCE_S = 600.0  # how long an agent may be away after a run's end before it counts as gone
SAME = 1e-6  # seconds

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Collection:
    """What one pass over a simulation brought.

    simulation: as it is now.
    written: what was stored.
    silent: the agents that gave nothing, each with its reason.
    done: whether everything up to the run's end is stored or recorded as missing.
    """

    simulation: Simulation
    written: Written
    silent: tuple[tuple[str, str], ...]
    done: bool


def settle(store: Store, simulation: Simulation, *, again: bool = False) -> Simulation:
    """Pull an ended run until it is complete, without patience for agents that are away.

    Args:
        store: where it is kept.
        simulation: a run with both its ends.
        again: pull everything from its start, whatever was pulled before.

    Returns:
        The simulation, complete; its `missing` says what nobody has.

    Raises:
        InvalidData: the run has not ended.
        StoreError: the store cannot be written.
    """
    simulation = store.reload(simulation)
    if simulation.start is None or simulation.end is None:
        raise InvalidData(
            f"simulation {simulation.sim_id} is {simulation.status}; its samples can be settled"
            " when it has START_SIMULATION and STOP_SIMULATION"
        )
    for host in _with_agent(simulation):
        first = simulation.start if again else simulation.collected_until(host.hostname)
        simulation = _settle_host(store, simulation, host, first or simulation.start)
    return _complete(store, simulation)


def _with_agent(simulation: Simulation) -> list[Host]:
    return [host for host in simulation.hosts if host.url is not None]


def contexts_of(simulation: Simulation) -> tuple[str, ...]:
    """The patterns of the charts that are pulled for a simulation: its own, else the default."""
    return words(simulation.provenance.details.get("charts")) or DEFAULT_CONTEXTS


def collect(
    store: Store,
    *,
    experiment: str | None = None,
    interval: float = DEFAULT_INTERVAL_S,
    once: bool = False,
    stop: Signal | None = None,
    told: Told = lambda _: None,
) -> list[Simulation]:
    """Pull for every simulation that is under way, as its samples come.

    Args:
        store: where they are kept.
        experiment: only of this one.
        interval: seconds between two passes; the longest window while a run is live.
        once: settle what has ended, pull what is running up to now, and return.
        stop: set it, and the current pass ends after the host in hand.
        told: called with a sentence about everything worth knowing.

    Returns:
        The simulations that were completed.
    """
    stop = stop or Signal()
    completed: list[Simulation] = []
    while not stop.is_set():
        for simulation in _under_way(store, experiment):
            if stop.is_set():
                break
            try:
                finished = _pass(store, simulation, once=once, stop=stop, told=told)
            except StoreError:
                raise
            except MinionError as error:  # one run's trouble is not the others'
                told(f"{_label(simulation)}: {error}")
                continue
            if finished is not None:
                completed.append(finished)
                told(f"{_label(finished)}: complete, missing windows: {len(finished.missing)}")
        if once:
            break
        stop.wait(interval)
    return completed


def _pass(
    store: Store, simulation: Simulation, *, once: bool, stop: Signal, told: Told
) -> Simulation | None:
    """One pass over a simulation: it, when that completed it."""
    if once and simulation.status is Status.ENDED:
        return settle(store, simulation)
    result = advance(store, simulation, stop=stop)
    for hostname, reason in result.silent:
        told(f"{_label(simulation)}: {hostname}: {reason}")
    told(f"{_label(simulation)}: {result.written.samples} new samples")
    return _complete(store, result.simulation) if result.done else None


def advance(store: Store, simulation: Simulation, *, stop: Signal | None = None) -> Collection:
    """One pass over the hosts of a simulation: pull what came since the last one."""
    end, present = simulation.end, time.time()
    patient = end is None or present - end < PATIENCE_S
    until = present if end is None else end
    written, done = Written(), end is not None
    silent: list[tuple[str, str]] = []
    for host in _with_agent(simulation):
        if stop is not None and stop.is_set():
            return Collection(simulation, written, tuple(silent), done=False)
        first = simulation.collected_until(host.hostname)
        if first is None or first >= until - SAME:
            continue
        try:
            pulled = pull(host, first, until, contexts=contexts_of(simulation))
        except AgentError as error:
            silent.append((host.hostname, str(error)))
            pulled = None
        if pulled is None and patient:
            done = False
            continue
        if pulled is None:
            gone = Missing(hostname=host.hostname, first=first, last=until, reason=silent[-1][1])
            simulation = _settled(store, simulation, host, first, until, [gone])
            continue
        # What failed on the way is asked again by the next pass.
        reached = pulled.retry_from if patient else pulled.until
        known = [record for record in pulled.missing if record.first < reached]
        written += store.write(simulation, pulled.series)
        simulation = _settled(store, simulation, host, first, reached, known)
        simulation = _described(store, simulation, host, pulled)
        done = done and reached >= until - SAME
    return Collection(simulation, written, tuple(silent), done)


def _settle_host(store: Store, simulation: Simulation, host: Host, first: float) -> Simulation:
    """Pull one host to the run's end; what its agent does not give is missing."""
    end = simulation.end or first
    deadline = time.monotonic() + FLUSH_S
    flushed = Signal()
    while first < end - SAME:
        try:
            pulled = pull(host, first, end, contexts=contexts_of(simulation))
        except AgentError as error:
            gone = Missing(hostname=host.hostname, first=first, last=end, reason=str(error))
            return _settled(store, simulation, host, first, end, [gone])
        missing, until = list(pulled.missing), pulled.until
        if until < end - SAME and time.monotonic() > deadline:
            reason = f"the agent showed no sample within {FLUSH_S:g} s after the run's end"
            missing.append(Missing(hostname=host.hostname, first=until, last=end, reason=reason))
            until = end
        store.write(simulation, pulled.series)
        simulation = _settled(store, simulation, host, first, until, missing)
        simulation = _described(store, simulation, host, pulled)
        first = until
        if first < end - SAME:
            flushed.wait(1.0)  # an agent shows a sample about a step after its time
    return simulation


def _settled(
    store: Store,
    simulation: Simulation,
    host: Host,
    since: float,
    until: float,
    missing: Sequence[Missing],
) -> Simulation:
    """Keep how far a host is, with what was missing before `since` and what is missing now."""
    before = [m for m in simulation.missing if m.hostname == host.hostname and m.first < since]
    absent = _not_stored(store, simulation, host, [*before, *missing])
    return store.settle_host(simulation, host.hostname, until, _joined(absent))


def _described(store: Store, simulation: Simulation, host: Host, pulled: Pulled) -> Simulation:
    """Keep what an agent says of its host, the first time it is heard."""
    known, info = simulation.host(host.hostname), pulled.info
    if known is None or known.cores is not None or info.cores is None:
        return simulation
    ram = info.ram_mib if known.ram_mib is None else known.ram_mib
    told = replace(known, ram_mib=ram, cores=info.cores)
    hosts = [told if h.hostname == told.hostname else h for h in simulation.hosts]
    return store.describe(simulation, hosts=hosts, environment=versions(host, info))


def versions(host: Host, info: AgentInfo) -> dict[str, str]:
    """What a simulation's environment keeps of a host."""
    return {
        f"netdata on {host.hostname}": info.version,
        f"kernel on {host.hostname}": info.kernel,
    }


def _not_stored(
    store: Store, simulation: Simulation, host: Host, missing: Sequence[Missing]
) -> list[Missing]:
    """What of it the store has not either: an earlier pull may have been in time."""
    if not missing:
        return []
    stored = {s.chart: s for s in store.series(simulation, hosts=[host.hostname])}
    result: list[Missing] = []
    for record in missing:
        charts = [record.chart] if record.chart is not None else list(stored)
        known = [stored[chart] for chart in charts if chart in stored]
        if not known:
            result.append(record)
        for series in known:
            step = series.step or 0.0
            inside = series.window(record.first, record.last).times
            edges = np.concatenate(([record.first - step], inside, [record.last]))
            for place in np.flatnonzero(np.diff(edges) > 1.5 * step):
                begin, end = float(edges[place] + step), float(edges[place + 1])
                result.append(replace(record, chart=series.chart, first=begin, last=end))
    return result


def _joined(missing: Iterable[Missing]) -> list[Missing]:
    """Windows of one chart and reason that touch or overlap, put together."""
    result: list[Missing] = []
    for record in sorted(missing, key=lambda m: (m.hostname, m.chart or "", m.reason, m.first)):
        last = result[-1] if result else None
        same = last is not None and (last.hostname, last.chart, last.reason) == (
            record.hostname,
            record.chart,
            record.reason,
        )
        if last is not None and same and record.first <= last.last + SAME:
            result[-1] = replace(last, last=max(last.last, record.last))
        else:
            result.append(record)
    return result


def _complete(store: Store, simulation: Simulation) -> Simulation:
    """Merge the run's stretches, and judge it as far as a program may."""
    simulation = store.settle(simulation)
    if simulation.validity.verdict is not Verdict.UNCHECKED:
        return simulation
    measured = set(store.coverage(simulation)["hostname"])
    found = verdict_of(simulation, measured)
    if found.verdict is Verdict.UNCHECKED:
        return simulation
    return store.judge(simulation, found.verdict, found.reasons, by=PROGRAM)


def _under_way(store: Store, experiment: str | None) -> list[Simulation]:
    wanted = (Status.RUNNING, Status.ENDED)
    found = store.simulations(Selection(include_excluded=True))
    return [
        s
        for s in found
        if s.status in wanted and (experiment is None or s.experiment == experiment)
    ]


def _label(simulation: Simulation) -> str:
    return f"simulation {simulation.sim_id} ({simulation.experiment})"
