"""Documents in, frames out: the store.

`connect()` opens it, on the embedded mongod or on a server that is named.
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import pandas as pd
from bson import ObjectId
from pymongo import MongoClient

from minion import lookup, pieces, schema
from minion.buckets import Allowed, Buckets, Written
from minion.cells import Grid
from minion.claims import Claim
from minion.documents import Document, encode
from minion.errors import InvalidData, Superseded
from minion.inventory import Inventory
from minion.model import Missing, Simulation, Status
from minion.mongodb import open_client, translated, translates
from minion.packet import CONTEXTS, Packet, packet
from minion.reading import Reading
from minion.selection import Texts, words
from minion.series import LIVE_ROWS, SETTLED_ROWS, Series
from minion.settings import Settings
from minion.sharding import is_mongos
from minion.simulations import already_exists
from minion.stretches import Stretches
from minion.uris import masked
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
        client = open_client(uri, where)
        try:
            return Store(client, database or settings.database, where=where, server=server)
        except BaseException:
            client.close()
            raise
    except BaseException:
        if server is not None:
            server.close()
        raise


class Store(Reading):
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
        super().__init__(client, database, where=where)
        self.server = server
        collection = self.database[schema.SERIES]
        self._buckets, self._stretches = Buckets(collection), Stretches(collection)
        self._inventory = Inventory(collection)
        with translated(where):
            schema.initialize(self.database)

    @property
    def version(self) -> str:
        """The version of the MongoDB server."""
        with translated(self.where):
            return str(self.client.server_info()["version"])

    @property
    def sorts_arrays(self) -> bool:
        """Whether the server can give quantiles: MongoDB 5.2 or newer."""
        with translated(self.where):
            return tuple(self.client.server_info()["versionArray"][:2]) >= pieces.SORTS_ARRAYS

    @property
    def is_sharded(self) -> bool:
        """Whether the server is the router of a sharded cluster."""
        with translated(self.where):
            return is_mongos(self.client)

    def close(self) -> None:
        """Leave the store; an embedded server stops with its last user."""
        self.client.close()
        if self.server is not None:
            self.server.close()
            self.server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------ whole experiments

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
        self,
        simulation: Simulation,
        series: Iterable[Series],
        *,
        settled: bool | None = None,
        allowed: Allowed | None = None,
    ) -> Written:
        """Store samples. The same samples again change nothing; what is stored stays.

        Args:
            simulation: their run; it must have an event, whose time is the grid's origin.
            series: any pieces of it.
            settled: into large stretches; default: when the simulation is complete.
            allowed: says whether they may be stored, and is asked just before; needed where the
                run may be completed meanwhile (`minion.claims`).

        Raises:
            InvalidData: the simulation has no start.
            Superseded: they may not be stored any more.
        """
        if settled is None or simulation.start is None:
            simulation = self.reload(simulation)
            settled = simulation.status is Status.COMPLETE
        if simulation.start is None:
            if not list(series):
                return Written()
            raise InvalidData(
                f"simulation {simulation.sim_id} has no START_SIMULATION yet; note it first"
            )
        rows = SETTLED_ROWS if settled else LIVE_ROWS
        return self._buckets.write(simulation, Grid(simulation.start, rows), series, allowed)

    @translates
    def settle(
        self,
        simulation: Simulation,
        *,
        missing: Iterable[Missing] | None = None,
        merged: Sequence[str] = (),
        claim: Claim | None = None,
    ) -> Simulation:
        """Merge the small stretches of an ended run into large ones and call it complete.

        Args:
            simulation: the run.
            missing: all that nobody has of it, in place of what was recorded before; default:
                that stays.
            merged: hosts whose stretches are large already.
            claim: the caller's on the run; default: one is taken.

        Returns:
            The simulation as it is then.

        Raises:
            Superseded: somebody else completes it.
        """
        changes: Document = {"status": Status.COMPLETE.value}
        if missing is not None:
            changes["missing"] = [encode(record) for record in missing]
        with Claim(self, simulation) if claim is None else nullcontext(claim) as mine:
            run = mine.simulation
            if run is not None and run.start is not None:
                self._buckets.merge(run, run.start, merged, mine.held)
            # Only who still has the claim has seen everything that is stored.
            document = self._minions.find_one_and_update(
                mine.query, {"$set": changes, **mine.release}, return_document=True
            )
        if document is None:
            raise Superseded(f"somebody else completes simulation {simulation.sim_id}")
        return lookup.read(document)

    @translates
    def newest_samples(
        self, simulation: Simulation, hostname: str
    ) -> dict[str, tuple[float, float]]:
        """Of each chart of a host the time of its newest sample, and its step (0 without one)."""
        return self._inventory.newest(simulation.id, hostname)

    @translates
    def put(
        self,
        simulation: Simulation,
        series: Iterable[Series],
        *,
        again: bool = False,
        anew: bool = False,
    ) -> Written:
        """Store a whole run at once; it is `importing` meanwhile, and `complete` in the end.

        A run that was cut off in an earlier import is replaced.

        Args:
            simulation: the run, with its events.
            series: all of its series.
            again: bring a run from the same source up to date instead of refusing it: its
                events, hosts and measurements are replaced, its samples added to, and a verdict
                that somebody gave stays.
            anew: and these series hold all that is stored of it: they take its place, on the grid
                of its start, which may be another now.

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
            return self._put_again(old, simulation, series, anew=anew)
        else:
            raise already_exists(simulation)
        written = self.write(simulation, series, settled=True)
        self._change(simulation, {"$set": {"status": Status.COMPLETE.value}})
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
        return self._stretches.series(simulation.id, query)

    @translates
    def coverage(self, simulation: Simulation) -> pd.DataFrame:
        """What is stored of one simulation, a row per host and chart.

        Returns:
            hostname, chart, context, unit, dimensions, step_s, first_s and last_s (elapsed time
            of the first and last sample), samples, and gaps: samples that the grid has between
            the run's start and end, and the store has not (0 where there is no regular step).
        """
        return self._inventory.coverage(simulation)

    @translates
    def count_samples(
        self,
        simulations: Sequence[Simulation],
        *,
        contexts: Sequence[str] = (),
        dimensions: Sequence[str] = (),
    ) -> dict[ObjectId, int]:
        """How many samples each simulation has, by its id; answered by an index alone.

        Args:
            simulations: the runs.
            contexts: netdata's contexts; default: all.
            dimensions: ids of dimensions of these contexts, which are named then; default: all.
                What they have is estimated from their share in one chart of each context.
        """
        ids = [simulation.id for simulation in simulations]
        return self._inventory.count(ids, contexts, dimensions)

    @translates
    def contexts(self, simulations: Sequence[Simulation]) -> list[str]:
        """The contexts that any of these simulations has samples of, in alphabetical order."""
        return self._inventory.contexts([simulation.id for simulation in simulations])

    @translates
    def sampling_intervals(
        self, simulations: Sequence[Simulation]
    ) -> dict[ObjectId, tuple[float, ...]]:
        """The distinct sampling intervals of each simulation in seconds, by its id.

        Charts without a regular step count for nothing; answered by an index alone.
        """
        return self._inventory.steps([simulation.id for simulation in simulations])

    # ------------------------------------------------------------ frames

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
        self, old: Simulation, simulation: Simulation, series: Iterable[Series], *, anew: bool
    ) -> Written:
        same = old.provenance.details == simulation.provenance.details
        new = replace(
            simulation,
            id=old.id,
            status=Status.IMPORTING if anew else Status.COMPLETE,
            provenance=old.provenance if same else simulation.provenance,
            validity=renewed(old.validity, simulation.validity),
        )
        if new != old:
            self._minions.replace_one({"_id": old.id}, encode(new))
        if not anew:
            return self.write(new, series, settled=True)
        before = self._inventory.count([old.id], (), ())[old.id]
        self._buckets.delete([old.id])
        written = self.write(new, series, settled=True)
        self._change(new, {"$set": {"status": Status.COMPLETE.value}})
        return replace(written, samples=written.samples - before)
