"""What a controller notes while a run goes on.

with minion.connect() as store:
    simulation = register(store, "5000", platform="mK8s", hosts=hosts)
    recorder = Recorder(store, simulation)
    with recorder.run():
        with recorder.phase("Start master"):
            ...
    recorder.pull()
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from uuid import uuid4

from ingest.hosts import parse_address
from minion.lifecycle import phase_of
from minion.model import Event, EventType, Host, Missing, Provenance, Simulation, now
from minion.settings import Settings
from minion.store import Store


def register(
    store: Store,
    sim_id: str,
    *,
    platform: str,
    hosts: Sequence[Host],
    experiment: str | None = None,
    parameters: Mapping[str, str | float | int | bool] | None = None,
    charts: str | None = None,
) -> Simulation:
    """Register a simulation and its hosts, without any event; returns it.

    Args:
        store: where it is kept.
        sim_id: its name, new in the experiment.
        platform: the system under test.
        hosts: the machines that take part.
        experiment: default MINION_EXPERIMENT, else `default`.
        parameters: what was varied, name to value.
        charts: patterns of the contexts or charts to pull, with commas between; default: cpu,
            memory, disks and network.

    Raises:
        InvalidData: a host's `url` is no agent's address, or holds a password.
        AlreadyExists: the experiment has a simulation of that name.
    """
    for host in hosts:
        if host.url is not None:
            parse_address(host.hostname, host.url)
    return store.add(
        Simulation(
            experiment=experiment or Settings.read().writes_to,
            sim_id=sim_id,
            platform=platform,
            hosts=tuple(hosts),
            parameters=parameters or {},
            provenance=Provenance(
                source="netdata",
                version=version("minion"),
                created=now(),
                details={"charts": charts} if charts else {},
            ),
        )
    )


class Recorder:
    """Notes the events of one simulation."""

    def __init__(self, store: Store, simulation: Simulation, hostname: str | None = None) -> None:
        """A recorder for a registered simulation.

        Args:
            store: where it is kept.
            simulation: the run.
            hostname: the controller that the events are noted for.
        """
        self.store = store
        self.simulation = simulation
        self.hostname = hostname

    def note(
        self,
        event_type: EventType | str | int,
        *,
        at: float | None = None,
        correlation_id: str | None = None,
        body: str | None = None,
    ) -> Simulation:
        """Keep one event; returns the simulation as it is then.

        Args:
            event_type: the type, its name or its number.
            at: its time, seconds since the epoch; default: now.
            correlation_id: the same on the two events of one action.
            body: anything that belongs to it; of START_PHASE and FINISHED_PHASE the phase's name.

        Raises:
            InvalidData: an unknown type, or an event that cannot come now.
        """
        kind = event_type if isinstance(event_type, EventType) else EventType.parse(event_type)
        event = Event(
            type=kind,
            time=time.time() if at is None else at,
            hostname=self.hostname,
            correlation_id=correlation_id,
            body=body,
        )
        self.simulation = self.store.note(self.simulation, event)
        return self.simulation

    @contextmanager
    def run(self) -> Iterator["Recorder"]:
        """START_SIMULATION at the beginning, STOP_SIMULATION at the end, however it ends."""
        correlation_id = str(uuid4())
        self.note(EventType.START_SIMULATION, correlation_id=correlation_id)
        try:
            yield self
        finally:
            self.note(EventType.STOP_SIMULATION, correlation_id=correlation_id)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """The two events around an action: one of the study's, or a phase of one's own name.

        When the action raises, only its start is noted: it did not finish.

        Raises:
            InvalidData: the study's phase of that name lies between two actions.
        """
        phase = phase_of(name)
        correlation_id = str(uuid4())
        body = phase.name if phase.start is EventType.START_PHASE else None
        self.note(phase.start, correlation_id=correlation_id, body=body)
        yield
        self.note(phase.end, correlation_id=correlation_id, body=body)

    def pull(self) -> tuple[Missing, ...]:
        """Fetch and store all samples of the ended run; returns what nobody has."""
        from ingest.collecting.settling import settle  # noqa: PLC0415  pandas only when samples are wanted

        self.simulation = settle(self.store, self.simulation)
        return self.simulation.missing
