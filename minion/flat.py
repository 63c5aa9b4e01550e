"""The flat documents of the published study: one simulation, host or event each.

Netdata's exporter adds one document a sample. Whoever knows these four collections finds them
again as views, as copies, in files and in a data packet; this is what they hold.
"""

from collections.abc import Sequence
from typing import Any

from minion.errors import Ambiguous, NotFound
from minion.model import Host, Role, Simulation

SIMULATIONS, HOSTS, EVENTS, METRICS = "simulations", "hosts", "events", "netdata_metrics"
COLLECTIONS = (SIMULATIONS, HOSTS, EVENTS, METRICS)
SIMULATION_KEYS = ("_id", "sim_id", "platform")
HOST_KEYS = ("_id", "simulation_id", "hostname", "role")
EVENT_KEYS = ("_id", "host_id", "correlation_id", "event_type", "body", "timestamp")
PREFIX = "netdata"  # what the exporter calls itself, unless it is told another

Row = dict[str, Any]


def simulation_row(simulation: Simulation) -> Row:
    """The document of `simulations`: _id (its source's, else Minion's own), sim_id, platform."""
    return {
        "_id": simulation.source_id or simulation.id,
        "sim_id": simulation.sim_id,
        "platform": simulation.platform,
    }


def host_rows(simulation: Simulation) -> list[Row]:
    """The documents of `hosts`: _id, simulation_id (text), hostname, role."""
    return [
        {
            "_id": host.id or made_host_id(simulation, host.hostname),
            "simulation_id": str(simulation.source_id or simulation.id),
            "hostname": host.hostname,
            "role": host.role.value,
        }
        for host in simulation.hosts
    ]


def event_rows(simulation: Simulation) -> list[Row]:
    """The documents of `events`: _id, host_id (text), correlation_id, event_type, body, timestamp.

    An event that names no host is the controller's, or the first host's.
    """
    ids = {row["hostname"]: str(row["_id"]) for row in host_rows(simulation)}
    controller = _controller(simulation)
    noted_by = controller.hostname if controller else None
    rows = []
    for place, event in enumerate(simulation.events):
        hostname = event.hostname or noted_by
        made = made_host_id(simulation, hostname) if hostname else None
        rows.append(
            {
                "_id": event.id or made_event_id(simulation, place),
                "host_id": ids.get(hostname or "", made),
                "correlation_id": event.correlation_id,
                "event_type": f"EventType.{event.type.name}",
                "body": event.body,
                "timestamp": float(event.time),
            }
        )
    return rows


def check_distinct(simulations: Sequence[Simulation]) -> None:
    """Whether these can stand together in one set of flat collections.

    Raises:
        NotFound: there are none.
        Ambiguous: two have the same identity, as the same study imported twice has.
    """
    if not simulations:
        raise NotFound("no simulations to copy; `minion runs` lists what there is")
    seen: dict[Any, Simulation] = {}
    for simulation in simulations:
        other = seen.setdefault(simulation.source_id or simulation.id, simulation)
        if other is not simulation:
            raise Ambiguous(
                f"simulation {simulation.sim_id} of experiment {simulation.experiment} and"
                f" {other.sim_id} of {other.experiment} have one identity; name an experiment"
                " with --experiment"
            )


def made_host_id(simulation: Simulation, hostname: str) -> str:
    """The identity of a host that its source gave none."""
    return f"{simulation.id}:{hostname}"


def made_event_id(simulation: Simulation, place: int) -> str:
    """The identity of a simulation's event number `place`, from 0, that its source gave none."""
    return f"{simulation.id}:event:{place}"


def _controller(simulation: Simulation) -> Host | None:
    ordered = sorted(simulation.hosts, key=lambda host: host.role is not Role.CONTROLLER)
    return next(iter(ordered), None)
