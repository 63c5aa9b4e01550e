"""The commands that bring data in."""

from typing import TYPE_CHECKING, Any

from minion.console import DB, EXPERIMENT, SELECTION, Session, command
from minion.errors import AlreadyExists, Incomplete, InvalidData

if TYPE_CHECKING:
    import threading

    from minion.model import Simulation

WRITES = {"experiment": EXPERIMENT}
DEMO = "demo"
KNS = "kns"
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
    from ingest.configuration import hosts_of  # noqa: PLC0415
    from ingest.record import record as record_run  # noqa: PLC0415

    recording = record_run(
        session.store,
        sim,
        session.program,
        platform=platform,
        hosts=hosts_of(hosts),
        experiment=session.writes_to,
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
    from ingest.configuration import hosts_of  # noqa: PLC0415
    from ingest.events import register  # noqa: PLC0415

    simulation = register(
        session.store,
        sim,
        platform=platform,
        hosts=hosts_of(hosts),
        experiment=session.writes_to,
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
    from ingest.settling import settle  # noqa: PLC0415

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


@command(WRITES, DB)
def kns_simulation(session: Session, *, sim_id: str, platform: str) -> None:
    """Register a simulation as the study's playbooks do; prints its id.

    Args:
        sim_id: A new sim_id.
        platform: The system under test.
    """
    from ingest.kns_service import add_simulation  # noqa: PLC0415

    _print(add_simulation(session.store, sim_id, platform, _kns(session)))


@command(WRITES, DB)
def kns_host(session: Session, *, simulation_id: str, hostname: str, role: str) -> None:
    """Add a host to a simulation as the study's playbooks do; prints its id.

    Args:
        simulation_id: What `minion kns simulation` printed.
        hostname: The host.
        role: controller, master or worker.
    """
    from ingest.kns_service import add_host  # noqa: PLC0415

    _print(add_host(session.store, simulation_id, hostname, role, _kns(session)))


@command(WRITES, DB)
def kns_event(
    session: Session,
    *,
    host_id: str,
    event_type: str,
    correlation_id: str | None = None,
    body: str | None = None,
) -> None:
    """Note an event as the study's playbooks do; prints its id.

    Args:
        host_id: What `minion kns host` printed.
        event_type: Its number, such as 20, or its name.
        correlation_id: The same on the two events of one action.
        body: Anything that belongs to it; may be empty.
    """
    from ingest.kns_service import add_event  # noqa: PLC0415

    identity = add_event(
        session.store,
        host_id,
        event_type,
        _kns(session),
        correlation_id=correlation_id,
        body=body,
    )
    _print(identity)


@command(WRITES, DB)
def kns_simulation_event(session: Session, *, sim_id: str, event_type: str) -> None:
    """Print the ids of a simulation's events of one type, as a Python list.

    Args:
        sim_id: The simulation.
        event_type: Number of the type, such as 8, or its name.
    """
    from ingest.kns_service import event_ids  # noqa: PLC0415

    _print(event_ids(session.store, sim_id, event_type, _kns(session)))


@command()
def kns_uuid(session: Session) -> None:  # noqa: ARG001  a command is given its session
    """Print a random UUID, for the correlation id of two events."""
    from uuid import uuid4  # noqa: PLC0415

    _print(uuid4())


def _kns(session: Session) -> str:
    """The experiment of the study's playbooks: named, else MINION_EXPERIMENT, else `kns`."""
    from minion.settings import Settings  # noqa: PLC0415

    return session.experiment or Settings.read().experiment or KNS


def _print(value: object) -> None:
    """What a playbook registers: nothing but the value, and no newline."""
    import sys  # noqa: PLC0415

    sys.stdout.write(str(value))
    sys.stdout.flush()


@command(WRITES, {"sims": SELECTION["sims"]}, DB)
def ingest_kns(
    session: Session,
    source: str,
    *,
    ram: float | None = None,
    minion_db: str = "minion",
    netdata_db: str = "netdata",
    follow: bool = False,
    interval: float = 10.0,
) -> None:
    """Import a database of the published study, or its dump, into experiment kns.

    The same import again changes nothing, and finishes what was interrupted.

    Args:
        source: A mongodb:// URI, or a folder with simulations, hosts, events and
            netdata_metrics, each as .json or .bson, gzipped or not.
        ram: Total memory of every host in MiB (the study: 3936).
        minion_db: Database, or subfolder, of simulations, hosts and events.
        netdata_db: Database, or subfolder, of netdata_metrics.
        follow: Keep taking what a server gets, until every run in progress has ended.
        interval: Seconds between two looks while following.
    """
    from ingest.kns import KNS, import_kns  # noqa: PLC0415
    from ingest.kns_follow import follow_kns  # noqa: PLC0415
    from ingest.progress import bar  # noqa: PLC0415

    if ram is not None and not ram > 0:
        raise InvalidData(f"--ram {ram:g}: MiB, more than 0")
    options: dict[str, Any] = {
        "experiment": session.experiment or KNS,
        "sims": session.selection["sims"],
        "ram_mib": ram,
        "minion_db": minion_db,
        "netdata_db": netdata_db,
    }
    if follow:
        looks = follow_kns(session.store, source, interval=interval, stop=stopped(), **options)
        for imported in looks:
            if imported.written.samples:
                session.note(imported.summary)
    else:
        with bar("reading netdata_metrics") as progress:
            imported = import_kns(session.store, source, progress=progress, **options)
    for line in (*imported.notes, *imported.verdicts):
        session.note(line)
    session.say(imported.summary)
    if imported.errors:
        raise Incomplete(f"not everything could be imported: {'; '.join(imported.errors)}")


def stopped() -> "threading.Event":
    """What SIGTERM and Ctrl-C set."""
    import signal  # noqa: PLC0415
    import threading  # noqa: PLC0415

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


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
    from ingest.netdata import NO_SUCH_CHART  # noqa: PLC0415

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
