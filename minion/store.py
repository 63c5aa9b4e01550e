"""Documents in, frames out: the store.

`connect()` opens it, on the embedded mongod or on a server that is named.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

import pandas as pd
from bson import ObjectId
from pymongo import MongoClient, errors

from minion import lookup, schema
from minion.buckets import Buckets, Written
from minion.documents import Document, encode
from minion.errors import AlreadyExists, InvalidData, NotFound
from minion.frames import tidy
from minion.lifecycle import check_phases
from minion.model import (
    Collected,
    Event,
    EventType,
    Host,
    Missing,
    Simulation,
    Status,
    Validity,
    Verdict,
    now,
)
from minion.mongodb import masked, open_client, translated, translates
from minion.packet import CONTEXTS, Packet, packet
from minion.selection import Choice, Selection, Texts, words
from minion.series import LIVE_ROWS, SETTLED_ROWS, Series
from minion.settings import Settings
from minion.validity import renewed

if TYPE_CHECKING:
    from minion.server import Server


def connect(uri: str | None = None, *, database: str | None = None) -> "Store":
    """The store, ready for use. Close it, or use it in a `with` statement.

    Args:
        uri: a MongoDB URI; without one MINION_MONGODB_URI, and without that the embedded server
            under MINION_HOME, which is started when nobody runs it yet.
        database: its name; default MINION_DATABASE, else the one in the URI, else `minion`.

    Raises:
        StoreUnavailable, StoreRefused, StoreTooOld: of a server that was named.
        ServerError: the embedded server cannot run here.
        SettingsError: the URI cannot be read.
    """
    settings = Settings.read()
    uri = uri or settings.uri
    server: Server | None = None
    if uri is None:
        from minion.server import Server as EmbeddedServer  # noqa: PLC0415  only when it is used

        server = EmbeddedServer.use(settings.home)
        uri = server.uri
        where = f"{settings.home} (embedded)"
    else:
        where = masked(uri)
    try:
        return Store(
            open_client(uri, where), database or settings.database, where=where, server=server
        )
    except BaseException:
        if server is not None:
            server.close()
        raise


class Store:
    """The minions of one database.

    where: the database's place as it may be shown, without a password.
    server: the embedded server, or None for one that was named.
    """

    def __init__(
        self,
        client: MongoClient[Document],
        database: str,
        *,
        where: str,
        server: "Server | None" = None,
    ) -> None:
        self.client = client
        self.where = where
        self.server = server
        self.database = client[database]
        self._minions = self.database[schema.MINIONS]
        self._buckets = Buckets(self.database[schema.SERIES])
        try:
            with translated(where):
                schema.initialize(self.database)
        except BaseException:
            client.close()
            raise

    @property
    def version(self) -> str:
        """The version of the MongoDB server."""
        with translated(self.where):
            return str(self.client.server_info()["version"])

    def close(self) -> None:
        """Leave the store; an embedded server stops with its last user."""
        self.client.close()
        if self.server is not None:
            self.server.close()
            self.server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # ------------------------------------------------------------ simulations

    @translates
    def add(self, simulation: Simulation) -> Simulation:
        """Register a new simulation; returns it.

        Raises:
            AlreadyExists: its experiment has one of that sim_id; nothing was changed.
        """
        try:
            self._minions.insert_one(encode(simulation))
        except errors.DuplicateKeyError:
            raise _exists(simulation) from None
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

    @translates
    def experiments(self) -> list[str]:
        """The names of all experiments, in order."""
        return sorted(self._minions.distinct("experiment"))

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
        return self._update(simulation, {"$set": {"validity": encode(validity)}})

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
        return self._update(simulation, {"$set": changes}) if changes else simulation

    @translates
    def settle_host(
        self, simulation: Simulation, hostname: str, until: float, missing: Iterable[Missing]
    ) -> Simulation:
        """Keep how far a host is, and which of its samples nobody has.

        Args:
            simulation: the run.
            hostname: the host.
            until: everything before it is stored, or in `missing` (seconds since the epoch).
            missing: all that is missing of this host; it replaces what was recorded before.

        Returns:
            The simulation as it is then.
        """
        # One pipeline, so that a kill leaves either both or neither.
        mine = {"$eq": ["$$this.hostname", {"$literal": hostname}]}

        def others(field: str) -> Document:
            kept = {"$filter": {"input": f"${field}", "cond": {"$not": [mine]}}}
            return {"$ifNull": [kept, []]}

        now_missing = [encode(record) for record in missing]
        reached = [encode(Collected(hostname=hostname, until=until))]
        change = {
            "missing": {"$concatArrays": [others("missing"), {"$literal": now_missing}]},
            "collected": {"$concatArrays": [others("collected"), {"$literal": reached}]},
        }
        return self._update(simulation, [{"$set": change}])

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

    @translates
    def delete_experiment(self, experiment: str) -> int:
        """Delete an experiment with everything in it; returns how many simulations it had."""
        ids = [d["_id"] for d in self._minions.find({"experiment": experiment}, {"_id": 1})]
        # Series first: cut off in the middle, the simulations are still there to try again.
        self._buckets.delete(ids)
        return self._minions.delete_many({"_id": {"$in": ids}}).deleted_count

    # ------------------------------------------------------------ series

    @translates
    def write(
        self, simulation: Simulation, series: Iterable[Series], *, settled: bool | None = None
    ) -> Written:
        """Store samples. The same samples again change nothing; what is stored stays.

        Args:
            simulation: their run; it must have an event, whose time is the grid's origin.
            series: any pieces of it.
            settled: into large stretches; default: when the simulation is complete.

        Raises:
            InvalidData: the simulation has no start.
        """
        simulation = self.reload(simulation)
        if simulation.start is None:
            raise InvalidData(
                f"simulation {simulation.sim_id} has no START_SIMULATION yet; note it first"
            )
        if settled is None:
            settled = simulation.status is Status.COMPLETE
        rows = SETTLED_ROWS if settled else LIVE_ROWS
        return self._buckets.write(simulation, simulation.start, series, rows)

    @translates
    def settle(self, simulation: Simulation) -> Simulation:
        """Merge the small stretches of an ended run into large ones and call it complete."""
        if simulation.start is not None:
            self._buckets.merge(simulation, simulation.start)
        return self._update(simulation, {"$set": {"status": Status.COMPLETE.value}})

    @translates
    def put(
        self, simulation: Simulation, series: Iterable[Series], *, again: bool = False
    ) -> Written:
        """Store a whole run at once; it is `importing` meanwhile, and `complete` in the end.

        A run that was cut off in an earlier import is replaced.

        Args:
            simulation: the run, with its events.
            series: all of its series.
            again: bring a run from the same source up to date instead of refusing it: its
                events, hosts and measurements are replaced, its samples added to, and a verdict
                that somebody gave stays.

        Raises:
            AlreadyExists: its experiment has one of that sim_id, from elsewhere or not `again`.
        """
        key = {"experiment": simulation.experiment, "sim_id": simulation.sim_id}
        found = self._minions.find_one(key)
        old = lookup.read(found) if found else None
        if old is not None and old.status is Status.IMPORTING:
            self._buckets.delete([old.id])
            self._minions.delete_one({"_id": old.id})
            old = None
        if old is None:
            self.add(replace(simulation, status=Status.IMPORTING))
        elif again and old.provenance.source == simulation.provenance.source:
            return self._put_again(old, simulation, series)
        else:
            raise _exists(simulation)
        written = self.write(simulation, series, settled=True)
        self._update(simulation, {"$set": {"status": Status.COMPLETE.value}})
        return written

    @translates
    def series(
        self,
        simulation: Simulation,
        *,
        hosts: Texts = None,
        charts: Texts = None,
        contexts: Texts = None,
    ) -> list[Series]:
        """The stored series of one simulation, by hostname and chart."""
        chosen = {"hostname": hosts, "chart": charts, "context": contexts}
        query = {key: {"$in": list(words(t))} for key, t in chosen.items() if t is not None}
        return self._buckets.series(simulation.id, query)

    @translates
    def coverage(self, simulation: Simulation) -> pd.DataFrame:
        """What is stored of one simulation, a row per host and chart.

        Returns:
            hostname, chart, context, unit, dimensions, step_s, first_s and last_s (elapsed time
            of the first and last sample), samples, and gaps: samples that the grid has between
            the run's start and end, and the store has not (0 where there is no regular step).
        """
        return self._buckets.coverage(simulation)

    @translates
    def count_samples(self, simulations: Sequence[Simulation]) -> dict[ObjectId, int]:
        """How many samples each simulation has, by its id; answered by an index alone."""
        return self._buckets.count([simulation.id for simulation in simulations])

    # ------------------------------------------------------------ frames

    def samples(
        self,
        *,
        contexts: Texts = None,
        dimensions: Texts = None,
        **choice: Unpack[Choice],
    ) -> pd.DataFrame:
        """The raw samples, a row each; what is missing has no row.

        Args:
            choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.
            contexts: netdata's contexts (`system.cpu`, `disk.util`); default: all.
            dimensions: ids of dimensions (`idle`); default: all.

        Returns:
            experiment, platform, sim_id, hostname, role, phase, chart, context, dimension, unit
            (categoricals), elapsed_s (seconds since the run's START_SIMULATION), value.

        Raises:
            NotFound: a simulation, platform, experiment, host or phase that was named.
        """
        selection = Selection.of(**choice)
        return self.read_samples(
            selection, self.simulations(selection), contexts=contexts, dimensions=dimensions
        )

    @translates
    def read_samples(
        self,
        selection: Selection,
        simulations: Sequence[Simulation],
        *,
        contexts: Texts = None,
        dimensions: Texts = None,
    ) -> pd.DataFrame:
        """`samples` for simulations that were read already."""
        check_phases(selection.phases, simulations)
        stretches = self._buckets.stretches(
            [simulation.id for simulation in simulations],
            hosts=selection.hosts,
            contexts=words(contexts),
            dimensions=words(dimensions),
        )
        return tidy(simulations, stretches, selection.phases)

    def minion(self, sim_id: str, experiment: str | None = None) -> Packet:
        """The study's nested data packet of a simulation; see `simulation`.

        Returns:
            `simulation_data` with the frames `simulation`, `hosts` and `events`, `system_metrics`
            with `system_cpu`, `system_ram`, `system_disk`, `system_disk_util` and `system_net`.
        """
        simulation = self.simulation(sim_id, experiment)
        return packet(simulation, self.series(simulation, contexts=CONTEXTS.values()))

    # ------------------------------------------------------------ inside

    def _put_again(
        self, old: Simulation, simulation: Simulation, series: Iterable[Series]
    ) -> Written:
        new = replace(
            simulation,
            id=old.id,
            status=Status.COMPLETE,
            provenance=old.provenance,
            validity=renewed(old.validity, simulation.validity),
        )
        if new != old:
            self._minions.replace_one({"_id": old.id}, encode(new))
        return self.write(new, series, settled=True)

    def _update(self, simulation: Simulation, change: Document | list[Document]) -> Simulation:
        document = self._minions.find_one_and_update(
            {"_id": simulation.id}, change, return_document=True
        )
        if document is None:
            raise NotFound(f"simulation {simulation.sim_id} was deleted meanwhile")
        return lookup.read(document)


def _exists(simulation: Simulation) -> AlreadyExists:
    return AlreadyExists(
        f"simulation {simulation.sim_id} exists already in experiment"
        f" {simulation.experiment}; choose another sim_id, or another --experiment"
    )
