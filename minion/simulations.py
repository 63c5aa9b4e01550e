"""The `minions` collection: runs registered, found, noted, judged."""

from collections.abc import Iterable, Mapping, Sequence

from pymongo import MongoClient, errors

from minion import lookup, schema
from minion.documents import Document, encode
from minion.errors import AlreadyExists, Ambiguous, InvalidData, NotFound
from minion.model import (
    Event,
    EventType,
    Host,
    Simulation,
    Status,
    Validity,
    Verdict,
    now,
)
from minion.mongodb import translated, translates
from minion.selection import Selection

CLAIM = "completing"  # in the document of a run: who completes it just now (`minion.claims`)


class Simulations:
    """Everything of a store that needs no series.

    where: the database's place as it may be shown, without a password.
    """

    def __init__(self, client: MongoClient[Document], database: str, *, where: str) -> None:
        self.client = client
        self.where = where
        with translated(where):  # a name that no database can have
            self.database = client[database]
        self._minions = self.database[schema.MINIONS]

    @translates
    def add(self, simulation: Simulation) -> Simulation:
        """Register a new simulation; returns it.

        Raises:
            AlreadyExists: its experiment has one of that sim_id; nothing was changed.
        """
        try:
            self._minions.insert_one(encode(simulation))
        except errors.DuplicateKeyError:
            raise already_exists(simulation) from None
        return simulation

    @translates
    def simulation(self, sim_id: str, experiment: str | None = None) -> Simulation:
        """The simulation of that sim_id.

        Args:
            sim_id: its name.
            experiment: needed only where several experiments have one of that name.

        Raises:
            NotFound: there is none.
            Ambiguous: several experiments have one; the message lists them.
        """
        return lookup.one(self._minions, sim_id, experiment)

    @translates
    def simulation_by_id(self, identity: str, experiment: str | None = None) -> Simulation:
        """The simulation of an identity: its source's, or its own.

        Args:
            identity: an ObjectId or another identity, as text.
            experiment: decides where several experiments have it.

        Raises:
            NotFound, Ambiguous: there is none; there are several.
        """
        return lookup.by_id(self._minions, identity, experiment)

    @translates
    def simulation_by_host(
        self, identity: str, experiment: str | None = None
    ) -> tuple[Simulation, Host]:
        """The simulation with the host of an identity, and the host; see `simulation_by_id`."""
        return lookup.by_host(self._minions, identity, experiment)

    @translates
    def simulations(self, selection: Selection | None = None) -> list[Simulation]:
        """The simulations of a selection (default: all but the excluded), in natural order.

        Raises:
            NotFound: a sim_id, platform or experiment that was named does not exist.
        """
        return lookup.many(self._minions, selection or Selection())

    def simulations_of_one_experiment(self, selection: Selection) -> list[Simulation]:
        """The simulations of a selection for what compares: none of another experiment among them.

        Raises:
            NotFound: there is none, or as of `simulations`.
            Ambiguous: they are of several experiments; the message lists these.
        """
        found = self.simulations(selection)
        names = list(dict.fromkeys(simulation.experiment for simulation in found))
        if not names:
            raise NotFound("there is no simulation to compare; `minion runs` lists what there is")
        if len(names) > 1:
            raise Ambiguous(
                f"the simulations are of several experiments ({', '.join(names)}), which are not"
                " compared with each other; name one with --experiment"
            )
        return found

    @translates
    def experiments(self) -> list[str]:
        """The names of all experiments, in order."""
        return sorted(self._minions.distinct("experiment"))

    @translates
    def names(self, experiment: str) -> set[str]:
        """The sim_ids of an experiment; empty when there is none."""
        return set(self._minions.distinct("sim_id", {"experiment": experiment}))

    @translates
    def note(self, simulation: Simulation, event: Event) -> Simulation:
        """Keep an event; returns the simulation as it is then.

        Raises:
            InvalidData: START_SIMULATION of a run that was started, STOP_SIMULATION of one that
                was not or has ended, or an event before the run's start.
        """
        change: Document = {"$push": {"events": encode(event)}}
        allowed = list(Status)
        if event.type is EventType.START_SIMULATION:
            allowed, change["$set"] = [Status.REGISTERED], {"status": Status.RUNNING.value}
        elif event.type is EventType.STOP_SIMULATION:
            allowed, change["$set"] = [Status.RUNNING], {"status": Status.ENDED.value}
        if simulation.start is not None and event.time < simulation.start:
            raise InvalidData(
                f"{event.type.name} would come {simulation.start - event.time:.1f} s before the"
                f" start of simulation {simulation.sim_id}; check the clocks"
            )
        document = self._minions.find_one_and_update(
            {"_id": simulation.id, "status": {"$in": [status.value for status in allowed]}},
            change,
            return_document=True,
        )
        if document is None:
            status = self.reload(simulation).status
            raise InvalidData(
                f"simulation {simulation.sim_id} is {status}: {event.type.name} cannot be noted"
            )
        return lookup.read(document)

    @translates
    def add_host(self, simulation: Simulation, host: Host) -> Simulation:
        """Add a host; returns the simulation as it is then.

        Raises:
            AlreadyExists: the simulation has a host of that name.
        """
        document = self._minions.find_one_and_update(
            {"_id": simulation.id, "hosts.hostname": {"$ne": host.hostname}},
            {"$push": {"hosts": encode(host)}},
            return_document=True,
        )
        if document is None:
            sim_id = self.reload(simulation).sim_id
            raise AlreadyExists(f"simulation {sim_id} has a host {host.hostname} already")
        return lookup.read(document)

    @translates
    def judge(
        self, simulation: Simulation, verdict: Verdict, reasons: Iterable[str], by: str
    ) -> Simulation:
        """Keep a verdict with its reasons and author; returns the simulation as it is then."""
        validity = Validity(verdict=verdict, reasons=tuple(reasons), by=by, at=now())
        return self._change(simulation, {"$set": {"validity": encode(validity)}})

    @translates
    def describe(
        self,
        simulation: Simulation,
        *,
        hosts: Sequence[Host] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Simulation:
        """Replace the hosts, add to the environment; returns the simulation as it is then."""
        changes: Document = {}
        if hosts is not None:
            changes["hosts"] = [encode(host) for host in hosts]
        if environment:
            changes["environment"] = encode({**simulation.environment, **environment})
        return self._change(simulation, {"$set": changes}) if changes else simulation

    @translates
    def describe_host(
        self, simulation: Simulation, host: Host, environment: Mapping[str, str]
    ) -> None:
        """Keep what one host turned out to be, and no other's; add to the environment."""
        mine = {"$eq": ["$$this.hostname", {"$literal": host.hostname}]}
        told = {"$mergeObjects": ["$$this", {"$literal": encode(host)}]}
        hosts = {"$map": {"input": "$hosts", "in": {"$cond": [mine, told, "$$this"]}}}
        known = {"$mergeObjects": ["$environment", {"$literal": encode(environment)}]}
        change = {"$set": {"hosts": hosts, "environment": known}}
        self._minions.update_one({"_id": simulation.id}, [change])

    @translates
    def reopen(self, simulation: Simulation) -> Simulation:
        """A complete run whose samples are fetched again is an ended one; returns it as such."""
        # Whoever completes it just now would call it so without what is to come.
        change = {"$set": {"status": Status.ENDED.value}, "$unset": {CLAIM: ""}}
        return self._change(simulation, change)

    @translates
    def reload(self, simulation: Simulation) -> Simulation:
        """The simulation as it is stored now.

        Raises:
            NotFound: it was deleted.
        """
        document = self._minions.find_one({"_id": simulation.id})
        if document is None:
            raise NotFound(f"simulation {simulation.sim_id} was deleted meanwhile")
        return lookup.read(document)

    def _change(self, simulation: Simulation, change: Document | list[Document]) -> Simulation:
        document = self._minions.find_one_and_update(
            {"_id": simulation.id}, change, return_document=True
        )
        if document is None:
            raise NotFound(f"simulation {simulation.sim_id} was deleted meanwhile")
        return lookup.read(document)


def already_exists(simulation: Simulation) -> AlreadyExists:
    """What is said of a run whose name is taken."""
    return AlreadyExists(
        f"simulation {simulation.sim_id} exists already in experiment"
        f" {simulation.experiment}; choose another sim_id, or another --experiment"
    )
