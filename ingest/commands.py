"""The commands that bring data in."""

from typing import TYPE_CHECKING

from minion.console import DB, EXPERIMENT, Session, command
from minion.errors import AlreadyExists, Incomplete, InvalidData

if TYPE_CHECKING:
    from minion.model import Simulation

WRITES = {"experiment": EXPERIMENT}
DEMO = "demo"
SHOWN_MISSING = 5


@command(WRITES, DB, takes_program=True)
def record(
    session: Session,
    sim: str,
    *,
    platform: str,
    hosts: str | None = None,
    charts: str | None = None,
) -> int | None:
    """Record one run: minion record SIM --platform P --hosts ... -- COMMAND.

    Registers the simulation, notes its start, runs COMMAND, notes its end, then pulls and
    stores every host's charts from the netdata agents. COMMAND can note events of its own with
    `minion event "$MINION_SIM" TYPE`.

    Args:
        sim: A new sim_id.
        platform: The system under test.
        hosts: NAME=ROLE@URL, with commas between; ROLE is controller, master or worker.
            Default: the hosts of MINION_CONFIG.
        charts: Patterns of contexts or charts to pull, with commas between.
    """
    from ingest.collecting.configuration import hosts_of  # noqa: PLC0415
    from ingest.record import record as record_run  # noqa: PLC0415

    recording = record_run(
        session.store,
        sim,
        session.program,
        platform=platform,
        hosts=hosts_of(hosts),
        experiment=session.writes_to(),
        charts=charts,
        told=session.note,
    )
    _stored(session, recording.simulation)
    return 1 if recording.exit_status else None


@command(WRITES, DB)
def sim_start(
    session: Session,
    sim: str,
    *,
    platform: str,
    hosts: str | None = None,
    charts: str | None = None,
) -> None:
    """Register a simulation and its hosts; notes no event.

    `minion event SIM START_SIMULATION` begins the run, STOP_SIMULATION ends it.

    Args:
        sim: A new sim_id.
        platform: The system under test.
        hosts: NAME=ROLE@URL, with commas between; ROLE is controller, master or worker.
            Default: the hosts of MINION_CONFIG.
        charts: Patterns of contexts or charts to pull, with commas between.
    """
    from ingest.collecting.configuration import hosts_of  # noqa: PLC0415
    from ingest.events import register  # noqa: PLC0415

    simulation = register(
        session.store,
        sim,
        platform=platform,
        hosts=hosts_of(hosts),
        experiment=session.writes_to(),
        charts=charts,
    )
    session.say(f"registered simulation {sim} in experiment {simulation.experiment}")


@command({"experiment": EXPERIMENT}, DB)
def event(
    session: Session,
    sim: str,
    type: str,  # noqa: A002  the word that the study has for it
    *,
    hostname: str | None = None,
    correlation_id: str | None = None,
    body: str | None = None,
    time: float | None = None,
) -> None:
    """Note an event of a simulation.

    Args:
        sim: Its sim_id.
        type: Name or number, such as START_KNS_PLATFORM or 20.
        hostname: The controller that it is noted for.
        correlation_id: The same on the two events of one action.
        body: Anything that belongs to it; of START_PHASE and FINISHED_PHASE the phase's name.
        time: When, in seconds since the epoch. Default: now.
    """
    from ingest.events import Recorder  # noqa: PLC0415
    from minion.model import EventType  # noqa: PLC0415
    from minion.settings import Settings  # noqa: PLC0415

    kind = EventType.parse(type)
    # `record` sets the variable for the command that it runs.
    experiment = session.experiment or Settings.read().experiment
    simulation = session.store.simulation(sim, experiment)
    Recorder(session.store, simulation, hostname).note(
        kind, at=time, correlation_id=correlation_id, body=body
    )
    session.say(f"noted {kind.name} of simulation {sim}")


@command({"experiment": EXPERIMENT}, DB)
def ingest_netdata(session: Session, sim: str) -> None:
    """Pull the samples of a run whose events exist, again or for the first time.

    What the store has stays as it is; the same window twice gives the same documents.

    Args:
        sim: Its sim_id.
    """
    from ingest.collecting.settling import settle  # noqa: PLC0415

    simulation = session.store.simulation(sim, session.experiment)
    _stored(session, settle(session.store, simulation, again=True))


@command(WRITES, DB)
def ingest_simulated(session: Session, *, seed: int = 1, runs: int = 25) -> None:
    """Simulate the published study; replaces experiment demo, or the named one.

    Args:
        seed: Of the random numbers.
        runs: Valid runs of each platform.
    """
    import time  # noqa: PLC0415
    from dataclasses import replace  # noqa: PLC0415

    from ingest.simulated import study  # noqa: PLC0415
    from minion.buckets import Written  # noqa: PLC0415
    from minion.selection import Selection  # noqa: PLC0415

    if runs < 1:
        raise InvalidData(f"--runs {runs}: at least one run of each platform")
    experiment = session.experiment or DEMO
    if experiment in session.store.experiments():
        everything = Selection(experiment=experiment, include_excluded=True)
        if not all(run.simulated for run in session.store.simulations(everything)):
            raise AlreadyExists(f"experiment {experiment} holds measured runs; name another one")
    started = time.perf_counter()
    session.store.delete_experiment(experiment)
    written, count = Written(), 0
    for simulation, series in study(seed=seed, runs=runs):
        written += session.store.put(replace(simulation, experiment=experiment), series)
        count += 1
    seconds = time.perf_counter() - started
    session.say(
        f"simulated and stored: {count} runs, {written.samples:,} samples in"
        f" {written.documents:,} documents, {seconds:.1f} s"
    )


def _stored(session: Session, simulation: "Simulation") -> None:
    """Say what a run has now; exit status 3 when something is missing."""
    samples = session.store.count_samples([simulation])[simulation.id]
    hosts = len(simulation.measured_hosts)
    session.say(
        f"simulation {simulation.sim_id} of experiment {simulation.experiment}:"
        f" {samples:,} samples of {hosts} hosts stored"
    )
    raise_missing(session, [simulation])


def raise_missing(session: Session, simulations: "list[Simulation]") -> None:
    """A chart that a host does not have is noted; samples that should be there are an error."""
    from ingest.agents.netdata import NO_SUCH_CHART  # noqa: PLC0415

    lacking = []
    for simulation in simulations:
        for record in simulation.missing:
            what = f"{record.hostname} {record.chart or '(every chart)'}"
            if record.reason == NO_SUCH_CHART:
                session.note(f"simulation {simulation.sim_id}: {what}: {record.reason}")
            else:
                seconds = record.last - record.first
                lacking.append(
                    f"simulation {simulation.sim_id}: {what}, {seconds:.0f} s: {record.reason}"
                )
    if lacking:
        more = f"; and {len(lacking) - SHOWN_MISSING} more" if len(lacking) > SHOWN_MISSING else ""
        shown = "; ".join(lacking[:SHOWN_MISSING])
        raise Incomplete(f"missing, and recorded as missing: {shown}{more} (`minion show` has all)")
