"""The commands of the published study: `minion ingest kns`, and what its playbooks call."""

from typing import Any

from ingest.kns import KNS
from minion.console import DB, EXPERIMENT, SELECTION, Session, command
from minion.errors import Incomplete, InvalidData

WRITES = {"experiment": EXPERIMENT}


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
    from ingest.kns.database import import_kns  # noqa: PLC0415
    from ingest.kns.follow import follow_kns  # noqa: PLC0415
    from ingest.progress import bar  # noqa: PLC0415

    if ram is not None and not ram > 0:
        raise InvalidData(f"--ram {ram:g}: MiB, more than 0")
    options: dict[str, Any] = {
        "experiment": session.writes_to(KNS),
        "sims": session.selection["sims"],
        "ram_mib": ram,
        "minion_db": minion_db,
        "netdata_db": netdata_db,
    }
    if follow:
        from ingest.stopping import Stopping  # noqa: PLC0415

        with Stopping() as stopping:
            looks = follow_kns(
                session.store, source, interval=interval, stop=stopping.told, **options
            )
            for imported in looks:
                if imported.written.samples:
                    session.note(imported.summary)
    else:
        with bar("reading netdata_metrics") as progress:
            imported = import_kns(session.store, source, progress=progress, **options)
    session.say(imported.summary, (*imported.notes, *imported.verdicts))
    if imported.errors:
        raise Incomplete(f"not everything could be imported: {'; '.join(imported.errors)}")


@command(WRITES, DB)
def kns_simulation(session: Session, *, sim_id: str, platform: str) -> None:
    """Register a simulation as the study's playbooks do; prints its id.

    Args:
        sim_id: A new sim_id.
        platform: The system under test.
    """
    from ingest.kns.service import add_simulation  # noqa: PLC0415

    _print(add_simulation(session.store, sim_id, platform, session.writes_to(KNS)))


@command(WRITES, DB)
def kns_host(session: Session, *, simulation_id: str, hostname: str, role: str) -> None:
    """Add a host to a simulation as the study's playbooks do; prints its id.

    Args:
        simulation_id: What `minion kns simulation` printed.
        hostname: The host.
        role: controller, master or worker.
    """
    from ingest.kns.service import add_host  # noqa: PLC0415

    _print(add_host(session.store, simulation_id, hostname, role, session.writes_to(KNS)))


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
    from ingest.kns.service import add_event  # noqa: PLC0415

    identity = add_event(
        session.store,
        host_id,
        event_type,
        session.writes_to(KNS),
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
    from ingest.kns.service import event_ids  # noqa: PLC0415

    _print(event_ids(session.store, sim_id, event_type, session.writes_to(KNS)))


@command()
def kns_uuid(session: Session) -> None:  # noqa: ARG001  a command is given its session
    """Print a random UUID, for the correlation id of two events."""
    from uuid import uuid4  # noqa: PLC0415

    _print(uuid4())


def _print(value: object) -> None:
    """What a playbook registers: nothing but the value, and no newline."""
    import sys  # noqa: PLC0415

    sys.stdout.write(str(value))
    sys.stdout.flush()
