"""A run that has ended: everything up to its end is stored or missing, and then it is complete."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event as Signal
from time import monotonic

from ingest.agents.accounting import joined
from ingest.agents.agent import Agent
from ingest.agents.netdata import Source
from ingest.collecting.advancing import Advance, contexts_of
from ingest.collecting.completing import complete
from ingest.collecting.configuration import read_configuration
from minion.errors import AgentError, InvalidData
from minion.model import Missing, Simulation
from minion.progress import Progress
from minion.store import Store
from minion.worklist import Worklist

FLUSH_S = 30.0  # an agent that has not shown a run's last samples by then will not
HOSTS_AT_ONCE = 8

Open = Callable[[Progress], Agent]


def open_agent(progress: Progress) -> Agent:
    """The agent of an entry, reached as the configuration of MINION_CONFIG says."""
    return Agent(progress.url, access=read_configuration().access_of(progress.url), tries=3)


def settle(
    store: Store,
    simulation: Simulation,
    *,
    again: bool = False,
    opened: Open = open_agent,
    corrects_clock: bool = False,
    leaving: Signal | None = None,
) -> Simulation:
    """Pull an ended run until it is complete, without patience for agents that are away.

    Args:
        store: where it is kept.
        simulation: a run with both its ends.
        again: pull everything from its start, whatever was pulled before.
        opened: gives the agent of a host.
        corrects_clock: see `ingest.collecting.advancing.Advance`.
        leaving: when it is set, what is in hand is stored, and no more is asked for.

    Returns:
        The simulation, complete; its `missing` says what nobody has. It has only ended where it
        was left before: the next one goes on from there.

    Raises:
        InvalidData: the run has not ended.
        StoreError: the store cannot be written.
    """
    leaving = leaving or Signal()
    simulation = store.reload(simulation)
    if simulation.start is None or simulation.end is None:
        raise InvalidData(
            f"simulation {simulation.sim_id} is {simulation.status}; its samples can be settled"
            " when it has START_SIMULATION and STOP_SIMULATION"
        )
    if again:
        simulation = store.reopen(simulation)
    worklist = Worklist(store)
    worklist.enter(simulation, simulation.hosts, again=again)
    entries = worklist.of(simulation)
    with ThreadPoolExecutor(HOSTS_AT_ONCE) as pool:
        tasks = [
            pool.submit(
                _settle_host, store, simulation, entry, opened(entry), corrects_clock, leaving
            )
            for entry in entries
        ]
    for task in tasks:
        task.result()
    if leaving.is_set():
        return store.reload(simulation)
    try:
        return complete(store, simulation, opened=opened)
    except AgentError:
        if not leaving.is_set():
            raise
        return store.reload(simulation)  # abandoned, and still on the list


def _settle_host(
    store: Store,
    simulation: Simulation,
    progress: Progress,
    agent: Agent,
    corrects_clock: bool,
    leaving: Signal,
) -> None:
    """Pull one host to the run's end; what its agent does not give is missing."""
    origin = (simulation.start or 0.0) + progress.clock_shift_s
    source = Source(agent, progress.hostname, contexts=contexts_of(simulation), origin=origin)
    advance = Advance(store, simulation, source, patience_s=0, corrects_clock=corrects_clock)
    worklist, end = Worklist(store), simulation.end or 0.0
    deadline = monotonic() + FLUSH_S
    now: Progress | None = progress
    while now is not None and not now.done and not leaving.is_set():
        before = now.until
        now = advance.step(now).progress
        if now is None:  # a collector has the same host in hand
            now = next((e for e in worklist.of(simulation) if e.id == progress.id), None)
        elif not now.done and now.until == before and not leaving.is_set():
            if monotonic() > deadline:
                reason = f"the agent showed no sample within {FLUSH_S:g} s after the run's end"
                gone = Missing(hostname=now.hostname, first=now.until, last=end, reason=reason)
                missing = tuple(joined([*now.missing, gone]))
                now = worklist.advance(now, replace(now, until=end, missing=missing, done=True))
            else:
                leaving.wait(1.0)  # an agent shows a sample about a step after its time
    agent.close()
