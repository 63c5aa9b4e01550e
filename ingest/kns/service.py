"""What the published study's `minion_db_service.py` did, on minion documents.

Its playbooks register a simulation, then its hosts, and note events by the ids that came back.
"""

import time
from importlib.metadata import version

from bson import ObjectId

from minion.flat import event_rows
from minion.model import Event, EventType, Host, Provenance, Role, Simulation, now
from minion.store import Store

SOURCE = "kns"


def add_simulation(store: Store, sim_id: str, platform: str, experiment: str) -> ObjectId:
    """Register a simulation; returns its new identity.

    Args:
        store: where it is kept.
        sim_id: its name, new in the experiment.
        platform: the system under test.
        experiment: the experiment.

    Raises:
        AlreadyExists: the experiment has a simulation of that name.
        InvalidData: a name is empty.
    """
    identity = ObjectId()
    store.add(
        Simulation(
            experiment=experiment,
            sim_id=sim_id,
            platform=platform,
            source_id=identity,
            provenance=Provenance(source=SOURCE, version=version("minion"), created=now()),
        )
    )
    return identity


def add_host(
    store: Store, simulation_id: str, hostname: str, role: str, experiment: str
) -> ObjectId:
    """Add a host to a simulation; returns the host's new identity.

    Args:
        store: where the simulation is kept.
        simulation_id: what `add_simulation` returned, as text.
        hostname: the host, new in the simulation.
        role: controller, master or worker.
        experiment: decides where several experiments have a simulation of that identity.

    Raises:
        NotFound: no simulation has that identity.
        AlreadyExists: the simulation has a host of that name.
        InvalidData: an unknown role.
    """
    identity = ObjectId()
    host = Host(hostname=hostname, role=Role.parse(role), id=identity)
    store.add_host(store.simulation_by_id(simulation_id, experiment), host)
    return identity


def add_event(
    store: Store,
    host_id: str,
    event_type: str,
    experiment: str,
    *,
    correlation_id: str | None = None,
    body: str | None = None,
) -> ObjectId:
    """Note an event of now for the simulation that a host is in; returns its new identity.

    Args:
        store: where the simulation is kept.
        host_id: what `add_host` returned, as text.
        event_type: its number, or its name.
        experiment: decides where several experiments have a host of that identity.
        correlation_id: the same on the two events of one action.
        body: anything that belongs to it.

    Raises:
        NotFound: no host has that identity.
        InvalidData: an unknown event type, or one that cannot come now.
    """
    kind = EventType.parse(event_type)
    simulation, host = store.simulation_by_host(host_id, experiment)
    identity = ObjectId()
    event = Event(
        type=kind,
        time=time.time(),
        hostname=host.hostname,
        correlation_id=correlation_id,
        body=body,
        id=identity,
    )
    store.note(simulation, event)
    return identity


def event_ids(store: Store, sim_id: str, event_type: str, experiment: str) -> list[str]:
    """The identities of a simulation's events of one type, in the order that they were noted.

    Args:
        store: where the simulation is kept.
        sim_id: its name.
        event_type: number or name of the type.
        experiment: the experiment.

    Raises:
        NotFound: no such simulation in the experiment.
        InvalidData: an unknown event type.
    """
    wanted = f"EventType.{EventType.parse(event_type).name}"
    rows = event_rows(store.simulation(sim_id, experiment))
    return [str(row["_id"]) for row in rows if row["event_type"] == wanted]
