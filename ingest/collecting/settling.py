"""A run that has ended: everything up to its end is stored or missing, and then it is complete."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event as Signal
from time import monotonic

from ingest.agents.accounting import joined
from ingest.agents.agent import Agent
from ingest.collecting.advancing import Advance
from ingest.collecting.completing import complete
from ingest.collecting.configuration import Configuration, read_configuration
from ingest.collecting.opening import advance_of, open_agent
from minion.errors import AgentError, Incomplete, InvalidData
from minion.model import Missing, Simulation, Status
from minion.progress import Progress
from minion.store import Store
from minion.worklist import Worklist

FLUSH_S = 30.0  # an agent that has not shown a run's last samples by then will not
LATEST_S = 120.0  # a run's end that is still so far off is not waited for
HOSTS_AT_ONCE = 8
PAUSE_S = 1.0  # between two looks at a run that somebody else completes

TRIES = 3

Open = Callable[[Progress], Agent]


def settle(
    store: Store,
    simulation: Simulation,
    *,
    again: bool = False,
    configuration: Configuration | None = None,
    opened: Open | None = None,
    leaving: Signal | None = None,
) -> Simulation:
    """Pull an ended run until it is complete, without patience for agents that are away.

    Args:
        store: where it is kept.
        simulation: a run with both its ends.
        again: pull everything from its start, whatever was pulled before.
        configuration: which charts are pulled, and how; default: that of MINION_CONFIG.
        opened: gives the agent of a host; default: as the configuration says.
        leaving: when it is set, what is in hand is stored, and no more is asked for.

    Returns:
        The simulation, complete; its `missing` says what nobody has. It has only ended where it
        was left before: the next one goes on from there.

    Raises:
        InvalidData: the run has not ended.
        Incomplete: the run's end is still to come, or an agent's clock is far behind it. What is
            there is stored, and the run has only ended.
        SettingsError: the configuration cannot be read.
        StoreError: the store cannot be written.
    """
    leaving = leaving or Signal()
    how = read_configuration() if configuration is None else configuration
    opened = opened or partial(open_agent, configuration=how, tries=TRIES)
    simulation = store.reload(simulation)
    if simulation.start is None or simulation.end is None:
        raise InvalidData(
            f"simulation {simulation.sim_id} is {simulation.status}; its samples can be settled"
            " when it has START_SIMULATION and STOP_SIMULATION"
        )
    if again:
        simulation = store.reopen(simulation)
    worklist = Worklist(store)
    if simulation.status is not Status.COMPLETE:
        worklist.enter(simulation, simulation.hosts, again=again)
    while True:
        done = _settle(store, simulation, how, opened, leaving)
        # Somebody else may complete it just now, or be killed while he does.
        if done.status is Status.COMPLETE or leaving.wait(PAUSE_S):
            return done


def _settle(
    store: Store, simulation: Simulation, how: Configuration, opened: Open, leaving: Signal
) -> Simulation:
    """Pull what is still to come of each host, and complete the run, if nobody else does so."""
    entries = Worklist(store).of(simulation)
    asked = {"agents": len({entry.url for entry in entries}), "tries": TRIES}
    advances = [
        advance_of(store, simulation, entry, opened(entry), how, **asked, patient=False)
        for entry in entries
    ]
    with ThreadPoolExecutor(HOSTS_AT_ONCE) as pool:
        tasks = [
            pool.submit(_settle_host, advance, entry, leaving)
            for advance, entry in zip(advances, entries, strict=True)
        ]
    late = [words for task in tasks if (words := task.result())]
    if leaving.is_set():
        return store.reload(simulation)
    if late:
        raise Incomplete(
            f"simulation {simulation.sim_id}: {first_of(late)}; what there is is stored, and"
            " `minion collect --once` then goes on from there"
        )
    try:
        return complete(store, simulation, opened=opened, charts_of=how.charts_of)
    except AgentError:
        if not leaving.is_set():
            raise
        return store.reload(simulation)  # abandoned, and still on the list


def first_of(texts: Sequence[str]) -> str:
    """The first of several sentences about hosts, and how many more there are."""
    more = len(texts) - 1
    return texts[0] + (f" (and {more:,} more host{'s' * (more > 1)})" if more else "")


def _settle_host(advance: Advance, progress: Progress, leaving: Signal) -> str | None:
    """Pull one host to the run's end; what its agent does not give is missing.

    Returns:
        What there is to say where the run's end is too far off to be waited for.
    """
    worklist, simulation = Worklist(advance.store), advance.simulation
    end = simulation.end or 0.0
    began, late = monotonic(), None
    now: Progress | None = progress
    while now is not None and not now.done and not leaving.is_set():
        before = now.until
        step = advance.step(now)
        now = step.progress
        if now is None:  # a collector has the same host in hand
            now = next((e for e in worklist.of(simulation) if e.id == progress.id), None)
        elif not (now.done or now.until != before or step.learned or leaving.is_set()):
            overdue, behind = advance.overdue(now), advance.behind(now)
            clock = f" by the agent's clock, which is {behind:,.0f} s behind" if behind else ""
            if overdue < -LATEST_S:
                late = f"host {now.hostname}: the run's end comes in {-overdue:,.0f} s{clock}"
                break
            if min(overdue, monotonic() - began) > FLUSH_S:
                reason = (
                    f"the agent showed no sample within {FLUSH_S:g} s after the run's end{clock}"
                )
                gone = Missing(hostname=now.hostname, first=now.until, last=end, reason=reason)
                missing = tuple(joined([*now.missing, gone]))
                now = worklist.advance(now, replace(now, until=end, missing=missing, done=True))
            else:
                leaving.wait(1.0)  # an agent shows a sample about a step after its time
    advance.source.agent.close()
    return late
