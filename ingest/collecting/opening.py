"""How the agent of a host on the list is reached and asked, as the configuration says."""

from ingest.agents.agent import Agent
from ingest.agents.netdata import Source, Way
from ingest.agents.nowhere import Nowhere
from ingest.collecting.advancing import Advance, contexts_of
from ingest.collecting.configuration import Configuration
from minion.errors import InvalidData
from minion.model import Simulation
from minion.progress import Progress
from minion.store import Store

SMALL_FLEET = 16  # agents; more of them are asked directly


def way_of(configuration: Configuration, agents: int) -> Way:
    """How so many agents are asked."""
    if configuration.pull != "auto":
        return Way(configuration.pull)
    return Way.NETDATA_PANDAS if agents <= SMALL_FLEET else Way.DIRECT


def advance_of(
    store: Store,
    simulation: Simulation,
    entry: Progress,
    agent: Agent,
    configuration: Configuration,
    *,
    agents: int,
    tries: int,
    patient: bool,
) -> Advance:
    """What takes a host of a run further.

    Args:
        store: where the run is kept.
        simulation: the run.
        entry: the host.
        agent: its agent.
        configuration: which charts are pulled, and how.
        agents: how many are asked.
        tries: how often a sample is asked for that is not there.
        patient: go on from what is stored, and wait for an agent that is away; else everything is
            asked for from the run's start, and an agent that is away has nothing.
    """
    shift = entry.clock_shift_s
    stored = store.newest_samples(simulation, entry.hostname) if patient else {}
    source = Source(
        agent,
        entry.hostname,
        contexts=contexts_of(simulation, configuration.charts_of(entry.hostname)),
        tries=tries,
        way=way_of(configuration, agents),
        origin=(simulation.start or 0.0) + shift,
        reached={chart: last + step + shift for chart, (last, step) in stored.items()},
    )
    return Advance(
        store,
        simulation,
        source,
        patience_s=configuration.patience if patient else 0.0,
        corrects_clock=configuration.correct_clocks,
    )


def open_agent(
    progress: Progress, configuration: Configuration, *, tries: int, keep_alive: bool = False
) -> Agent:
    """The agent of an entry; one that gives nothing where its address is none.

    Args:
        progress: the entry.
        configuration: how agents are reached.
        tries, keep_alive: see `ingest.agents.agent.Agent`.
    """
    try:
        access = configuration.access_of(progress.url)
        return Agent(progress.url, access=access, tries=tries, keep_alive=keep_alive)
    except InvalidData as error:  # one host's trouble is not the others'
        return Nowhere(f"host {progress.hostname}: {error}")
