"""Documents in, frames out: the store.

`connect()` opens it, on the embedded mongod or on a server that is named.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

import numpy as np
import pandas as pd
from bson import ObjectId
from pymongo import InsertOne, MongoClient, ReplaceOne, errors
from pymongo.collection import Collection

from minion import schema
from minion.documents import Document, decode, encode
from minion.errors import (
    AlreadyExists,
    Ambiguous,
    InvalidData,
    MinionError,
    NotFound,
    SettingsError,
    StoreError,
    StoreFull,
    StoreRefused,
    StoreTooOld,
    StoreUnavailable,
)
from minion.frames import tidy
from minion.model import (
    Event,
    EventType,
    Missing,
    Simulation,
    Status,
    Validity,
    Verdict,
    now,
)
from minion.selection import Selection, Texts, words
from minion.series import (
    LIVE_ROWS,
    SETTLED_ROWS,
    Series,
    Stretch,
    from_documents,
    read_stretch,
    to_document,
)
from minion.settings import Settings

if TYPE_CHECKING:
    from minion.server import Server

OLDEST_SERVER = (5, 0)  # $filter in a projection, dots in the keys of parameters
ANSWER_WITHIN_MS = 5000
WRITE_TRIES = 20

P = ParamSpec("P")
R = TypeVar("R")


def masked(uri: str) -> str:
    """A MongoDB URI that may be shown: its password is `***`."""
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", uri)


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """What the driver raises, as Minion's errors."""
    try:
        yield
    except errors.ServerSelectionTimeoutError as error:
        raise StoreUnavailable(
            f"no MongoDB answers at {where}; start it, or name another with --db"
        ) from error
    except (errors.AutoReconnect, errors.WaitQueueTimeoutError, errors.InvalidOperation) as error:
        raise StoreUnavailable(
            f"the connection to MongoDB at {where} was lost; what was acknowledged is stored:"
            f" run the command again ({_first_line(error)})"
        ) from error
    except errors.ConfigurationError as error:
        if "wire version" in str(error):
            raise StoreTooOld(_too_old(where, "too old for the driver")) from error
        raise SettingsError(f"the MongoDB URI {where} cannot be used: {error}") from error
    except errors.BulkWriteError as error:
        first = (error.details.get("writeErrors") or [{}])[0]
        raise _refusal(where, first.get("code"), first.get("errmsg", str(error))) from error
    except errors.OperationFailure as error:
        raise _refusal(where, error.code, _first_line(error)) from error
    except errors.DocumentTooLarge as error:
        raise InvalidData(f"a document is larger than MongoDB takes: {error}") from error
    except errors.PyMongoError as error:
        raise StoreError(f"MongoDB at {where}: {_first_line(error)}") from error


def _refusal(where: str, code: int | None, message: str) -> MinionError:
    if code == 18:  # noqa: PLR2004  AuthenticationFailed
        return StoreRefused(f"MongoDB at {where} refuses the user or the password; check the URI")
    if code in (13, 8000):
        return StoreRefused(
            f"MongoDB at {where} refuses: {message}; log in as a user with that right"
        )
    if code == 14031 or "No space left" in message:  # noqa: PLR2004  OutOfDiskSpace
        return StoreFull(f"the disk of MongoDB at {where} is full; nothing more was stored")
    if code == 121:  # noqa: PLR2004  DocumentValidationFailure
        return InvalidData(f"MongoDB at {where} refuses a document: {message}")
    return StoreError(f"MongoDB at {where}: {message}")


def _first_line(error: Exception) -> str:
    return str(error).split(", full error", maxsplit=1)[0].splitlines()[0]


def _too_old(where: str, what: str) -> str:
    oldest = ".".join(map(str, OLDEST_SERVER))
    return f"MongoDB at {where} is {what}; Minion needs {oldest} or newer"


def _translates(method: Callable[P, R]) -> Callable[P, R]:
    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with _translated(args[0].where):  # type: ignore[attr-defined]  the store
            return method(*args, **kwargs)

    return call


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
        with _translated(where):
            client: MongoClient[Document] = MongoClient(
                uri,
                appname="minion",
                tz_aware=True,
                w="majority",
                journal=True,
                retryWrites=True,
                serverSelectionTimeoutMS=ANSWER_WITHIN_MS,
                connectTimeoutMS=ANSWER_WITHIN_MS,
            )
        name = database or settings.database
        return Store(client, name, where=where, server=server)
    except (errors.InvalidURI, ValueError) as error:
        raise SettingsError(f"the MongoDB URI {where} cannot be read: {error}") from error
    except BaseException:
        if server is not None:
            server.close()
        raise


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did.

    samples: values that are stored now and were not before.
    conflicts: values that differ from what was stored; what was stored stayed.
    documents: how many documents were written.
    """

    samples: int = 0
    conflicts: int = 0
    documents: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.samples + other.samples,
            self.conflicts + other.conflicts,
            self.documents + other.documents,
        )


class Store:
    """The minions of one database.

    where: the database's place as it may be shown, without a password.
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
        self._server = server
        self.database = client[database]
        self.minions: Collection[Document] = self.database[schema.MINIONS]
        self.series_documents: Collection[Document] = self.database[schema.SERIES]
        try:
            with _translated(where):
                version = client.server_info()["versionArray"]
                if tuple(version[:2]) < OLDEST_SERVER:
                    raise StoreTooOld(_too_old(where, ".".join(map(str, version[:3]))))
                schema.initialize(self.database)
        except BaseException:
            client.close()
            raise

    def close(self) -> None:
        """Leave the store; an embedded server stops with its last user."""
        self.client.close()
        if self._server is not None:
            self._server.close()
            self._server = None

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

    @_translates
    def add(self, simulation: Simulation) -> Simulation:
        """Register a new simulation; returns it.

        Raises:
            AlreadyExists: its experiment has one of that sim_id; nothing was changed.
        """
        try:
            self.minions.insert_one(encode(simulation))
        except errors.DuplicateKeyError:
            raise AlreadyExists(
                f"simulation {simulation.sim_id} exists already in experiment"
                f" {simulation.experiment}; choose another sim_id, or another --experiment"
            ) from None
        return simulation

    @_translates
    def simulation(self, sim_id: str, experiment: str | None = None) -> Simulation:
        """The simulation of that sim_id.

        Args:
            sim_id: its name.
            experiment: needed only where several experiments have one of that name.

        Raises:
            NotFound: there is none.
            Ambiguous: several experiments have one; the message lists them.
        """
        query = {"sim_id": sim_id} | ({"experiment": experiment} if experiment else {})
        found = [_simulation(document) for document in self.minions.find(query)]
        if not found:
            inside = f" in experiment {experiment}" if experiment else ""
            raise NotFound(f"no simulation {sim_id}{inside}; `minion runs` lists what there is")
        if len(found) > 1:
            names = ", ".join(sorted(simulation.experiment for simulation in found))
            raise Ambiguous(
                f"simulation {sim_id} is in several experiments ({names}); name one with"
                " --experiment"
            )
        return found[0]

    @_translates
    def simulations(self, selection: Selection | None = None) -> list[Simulation]:
        """The simulations of a selection (default: all but the excluded), in natural order.

        Raises:
            NotFound: a sim_id, platform or experiment that was named does not exist.
        """
        selection = selection or Selection()
        found = [_simulation(document) for document in self.minions.find(selection.query())]
        self._check_named(selection, found)
        return sorted(found, key=lambda s: (s.experiment, natural(s.sim_id)))

    @_translates
    def experiments(self) -> list[str]:
        """The names of all experiments, in order."""
        return sorted(self.minions.distinct("experiment"))

    @_translates
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
        document = self.minions.find_one_and_update(
            {"_id": simulation.id, "status": {"$in": [status.value for status in allowed]}},
            change,
            return_document=True,
        )
        if document is None:
            status = self.reload(simulation).status
            raise InvalidData(
                f"simulation {simulation.sim_id} is {status}: {event.type.name} cannot be noted"
            )
        return _simulation(document)

    @_translates
    def judge(
        self, simulation: Simulation, verdict: Verdict, reasons: Iterable[str], by: str
    ) -> Simulation:
        """Keep a verdict with its reasons and author; returns the simulation as it is then."""
        validity = Validity(verdict=verdict, reasons=tuple(reasons), by=by, at=now())
        return self._update(simulation, {"$set": {"validity": encode(validity)}})

    @_translates
    def describe(
        self,
        simulation: Simulation,
        *,
        hosts: Sequence[Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> Simulation:
        """Replace the hosts, add to the environment; returns the simulation as it is then."""
        changes: Document = {}
        if hosts is not None:
            changes["hosts"] = [encode(host) for host in hosts]
        if environment:
            changes["environment"] = encode({**simulation.environment, **environment})
        return self._update(simulation, {"$set": changes}) if changes else simulation

    @_translates
    def record_missing(self, simulation: Simulation, missing: Iterable[Missing]) -> Simulation:
        """Replace what is recorded as missing; returns the simulation as it is then."""
        records = [encode(record) for record in missing]
        return self._update(simulation, {"$set": {"missing": records}})

    @_translates
    def reload(self, simulation: Simulation) -> Simulation:
        """The simulation as it is stored now.

        Raises:
            NotFound: it was deleted.
        """
        document = self.minions.find_one({"_id": simulation.id})
        if document is None:
            raise NotFound(f"simulation {simulation.sim_id} was deleted meanwhile")
        return _simulation(document)

    @_translates
    def delete_experiment(self, experiment: str) -> int:
        """Delete an experiment with everything in it; returns how many simulations it had."""
        ids = [d["_id"] for d in self.minions.find({"experiment": experiment}, {"_id": 1})]
        # Series first: cut off in the middle, the simulations are still there to try again.
        self.series_documents.delete_many({"simulation": {"$in": ids}})
        return self.minions.delete_many({"_id": {"$in": ids}}).deleted_count

    # ------------------------------------------------------------ series

    @_translates
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
                f"simulation {simulation.sim_id} has no START_SIMULATION yet; note it before samples"
            )
        if settled is None:
            settled = simulation.status is Status.COMPLETE
        rows = SETTLED_ROWS if settled else LIVE_ROWS
        cells = {
            (part.hostname, part.chart, stretch): part
            for piece in series
            for stretch, part in piece.cut(simulation.start, rows)
        }
        written = Written()
        for _ in range(WRITE_TRIES):
            done, cells = self._write_cells(simulation, cells)
            written += done
            if not cells:
                return written
        raise StoreError(
            f"others keep writing the same samples of simulation {simulation.sim_id}; is one"
            " collector enough?"
        )

    @_translates
    def settle(self, simulation: Simulation) -> Simulation:
        """Merge the small stretches of an ended run into large ones and call it complete."""
        if simulation.start is not None:
            self._merge_stretches(simulation)
        return self._update(simulation, {"$set": {"status": Status.COMPLETE.value}})

    @_translates
    def put(self, simulation: Simulation, series: Iterable[Series]) -> Written:
        """Store a whole run at once: a simulation that ended, and all its series.

        Raises:
            AlreadyExists: its experiment has one of that sim_id.
        """
        self.add(replace(simulation, status=Status.ENDED))
        written = self.write(simulation, series, settled=True)
        self._update(simulation, {"$set": {"status": Status.COMPLETE.value}})
        return written

    @_translates
    def series(
        self, simulation: Simulation, *, hosts: Texts = None, charts: Texts = None
    ) -> list[Series]:
        """The stored series of one simulation, by hostname and chart."""
        query: Document = {"simulation": simulation.id}
        if hosts is not None:
            query["hostname"] = {"$in": list(words(hosts))}
        if charts is not None:
            query["chart"] = {"$in": list(words(charts))}
        return from_documents(list(self.series_documents.find(query)))

    @_translates
    def coverage(self, simulation: Simulation) -> pd.DataFrame:
        """What is stored of one simulation, a row per host and chart.

        Returns:
            hostname, chart, context, unit, dimensions, step_s, first_s and last_s (elapsed time
            of the first and last sample), samples, and gaps: samples that the grid has between
            the run's start and end, and the store has not (0 where there is no regular step).
        """
        group = {
            "_id": {"hostname": "$hostname", "chart": "$chart"},
            **{key: {"$first": f"${key}"} for key in ("context", "unit", "step")},
            "first": {"$min": "$first"},
            "last": {"$max": "$last"},
            "samples": {"$sum": "$samples"},
            "dimensions": {"$max": {"$size": "$dimensions.id"}},
        }
        pipeline = [{"$match": {"simulation": simulation.id}}, {"$group": group}]
        origin, end = simulation.start or 0.0, simulation.end
        rows = []
        for found in self.series_documents.aggregate(pipeline):
            step, first = found.get("step"), found["first"]
            gaps = 0
            if step:
                stop = end if end is not None else found["last"] + step
                before = np.ceil((first - origin) / step - 1)
                expected = before + np.ceil((stop - first) / step)
                gaps = max(0, round(expected * found["dimensions"] - found["samples"]))
            rows.append(
                {
                    "hostname": found["_id"]["hostname"],
                    "chart": found["_id"]["chart"],
                    "context": found["context"],
                    "unit": found["unit"],
                    "dimensions": found["dimensions"],
                    "step_s": step,
                    "first_s": first - origin,
                    "last_s": found["last"] - origin,
                    "samples": found["samples"],
                    "gaps": gaps,
                }
            )
        columns = "hostname chart context unit dimensions step_s first_s last_s samples gaps"
        frame = pd.DataFrame(rows, columns=columns.split())
        return frame.sort_values(["hostname", "chart"], ignore_index=True)

    @_translates
    def count_samples(self, simulations: Sequence[Simulation]) -> dict[ObjectId, int]:
        """How many samples each simulation has, by its id; answered by an index alone."""
        ids = [simulation.id for simulation in simulations]
        pipeline = [
            {"$match": {"simulation": {"$in": ids}}},
            {"$group": {"_id": "$simulation", "samples": {"$sum": "$samples"}}},
        ]
        counted = {
            found["_id"]: int(found["samples"])
            for found in self.series_documents.aggregate(pipeline, hint="context")
        }
        return {identity: counted.get(identity, 0) for identity in ids}

    # ------------------------------------------------------------ frames

    def samples(
        self,
        *,
        experiment: str | None = None,
        platform: Texts = None,
        sims: Texts = None,
        hosts: Texts = None,
        phase: Texts = None,
        include_excluded: bool = False,
        contexts: Texts = None,
        dimensions: Texts = None,
    ) -> pd.DataFrame:
        """The raw samples, a row each; what is missing has no row.

        Args:
            experiment, platform, sims, hosts, phase, include_excluded: see `Selection.of`.
            contexts: netdata's contexts (`system.cpu`, `disk.util`); default: all.
            dimensions: ids of dimensions (`idle`); default: all.

        Returns:
            experiment, platform, sim_id, hostname, role, phase, chart, context, dimension, unit
            (categoricals), elapsed_s (seconds since the run's START_SIMULATION), value.

        Raises:
            NotFound: a simulation, platform, experiment, host or phase that was named.
        """
        selection = Selection.of(
            experiment=experiment,
            platform=platform,
            sims=sims,
            hosts=hosts,
            phase=phase,
            include_excluded=include_excluded,
        )
        return self.read_samples(
            selection, self.simulations(selection), contexts=contexts, dimensions=dimensions
        )

    @_translates
    def read_samples(
        self,
        selection: Selection,
        simulations: Sequence[Simulation],
        *,
        contexts: Texts = None,
        dimensions: Texts = None,
    ) -> pd.DataFrame:
        """`samples` for simulations that were read already."""
        query: Document = {"simulation": {"$in": [s.id for s in simulations]}}
        if selection.hosts:
            known = {host.hostname for s in simulations for host in s.hosts}
            _must_exist("host", selection.hosts, known)
            query["hostname"] = {"$in": list(selection.hosts)}
        if contexts is not None:
            query["context"] = {"$in": list(words(contexts))}
        stretches = self._stretches(query, words(dimensions))
        return tidy(simulations, stretches, selection.phases)

    # ------------------------------------------------------------ inside

    def _stretches(self, query: Document, dimensions: Sequence[str]) -> Iterator[Stretch]:
        arrays: Any = 1
        if dimensions:
            arrays = {
                "$filter": {
                    "input": "$dimensions",
                    "cond": {"$in": ["$$this.id", list(dimensions)]},
                }
            }
        names = "simulation hostname chart context unit first last step n t".split()
        projection = {"_id": 0, **dict.fromkeys(names, 1), "dimensions": arrays}
        for batch in self.series_documents.find_raw_batches(query, projection):
            view, at = memoryview(batch), 0
            while at < len(view):
                size = int.from_bytes(view[at : at + 4], "little")
                stretch = read_stretch(view[at : at + size])
                if stretch.columns:
                    yield stretch
                at += size

    def _update(self, simulation: Simulation, change: Document) -> Simulation:
        document = self.minions.find_one_and_update(
            {"_id": simulation.id}, change, return_document=True
        )
        if document is None:
            raise NotFound(f"simulation {simulation.sim_id} was deleted meanwhile")
        return _simulation(document)

    def _check_named(self, selection: Selection, found: Sequence[Simulation]) -> None:
        """Whoever names what does not exist is told, instead of getting less."""
        if selection.experiment is not None and not found:
            _must_exist("experiment", [selection.experiment], self.experiments())
        inside: Document = {"experiment": selection.experiment} if selection.experiment else {}
        known_platforms = {simulation.platform for simulation in found}
        if not set(selection.platforms) <= known_platforms:
            all_platforms = self.minions.distinct("platform", inside)
            _must_exist("platform", selection.platforms, all_platforms)
        lacking = [s for s in selection.named if s not in {f.sim_id for f in found}]
        if not lacking and (found or not selection.sims):
            return
        everything = {
            d["sim_id"]: d
            for d in self.minions.find(
                {**inside, "sim_id": {"$in": lacking or list(selection.sims)}},
                {"sim_id": 1, "validity": 1, "platform": 1},
            )
        }
        if not everything.keys() >= set(lacking) or not everything:
            names = ", ".join(s for s in lacking if s not in everything) or "of that range"
            raise NotFound(f"no simulation {names}; `minion runs` lists what there is")
        if not selection.include_excluded:
            for sim_id, document in everything.items():
                if document["validity"]["verdict"] == Verdict.EXCLUDED.value:
                    reasons = "; ".join(document["validity"]["reasons"])
                    raise NotFound(
                        f"simulation {sim_id} is excluded ({reasons}); take it with"
                        " --include-excluded"
                    )

    def _write_cells(
        self, simulation: Simulation, cells: dict[tuple[str, str, float], Series]
    ) -> tuple[Written, dict[tuple[str, str, float], Series]]:
        """Write what can be; what another writer changed meanwhile comes back to be tried again."""
        stored = {_cell(d): d for d in self._stored(simulation, cells)}
        operations: list[InsertOne[Document] | ReplaceOne[Document]] = []
        pending: list[tuple[str, str, float]] = []
        samples = conflicts = 0
        for cell, part in cells.items():
            old = stored.get(cell)
            if old is None:
                document = to_document(simulation.id, cell[2], part)
                operations.append(InsertOne({"_id": ObjectId(), **document}))
            else:
                merged, differing = from_documents([old])[0].merge(part)
                document = to_document(simulation.id, cell[2], merged.compact())
                conflicts += differing
                if document == {key: value for key, value in old.items() if key != "_id"}:
                    continue
                # Samples are only ever added, so their number tells whether this is still
                # the document that was read.
                same = {"_id": old["_id"], "samples": old["samples"]}
                operations.append(ReplaceOne(same, document))
            samples += document["samples"] - (old["samples"] if old else 0)
            pending.append(cell)
        if not operations:
            return Written(conflicts=conflicts), {}
        lost: set[int] = set()
        matched = 0
        try:
            result = self.series_documents.bulk_write(operations, ordered=False)
            matched = result.matched_count + result.inserted_count
        except errors.BulkWriteError as error:
            lost = {e["index"] for e in error.details["writeErrors"] if e.get("code") == 11000}  # noqa: PLR2004  duplicate key
            if len(lost) < len(error.details["writeErrors"]):
                raise
            matched = error.details["nMatched"] + error.details["nInserted"]
        if matched == len(operations):
            return Written(samples, conflicts, matched), {}
        # Somebody else wrote: try them all again, those that are stored fall out by themselves.
        return Written(documents=matched), {cell: cells[cell] for cell in pending}

    def _stored(
        self, simulation: Simulation, cells: Iterable[tuple[str, str, float]]
    ) -> Iterator[Document]:
        keys = list(cells)
        return iter(
            self.series_documents.find(
                {
                    "simulation": simulation.id,
                    "hostname": {"$in": sorted({host for host, _, _ in keys})},
                    "chart": {"$in": sorted({chart for _, chart, _ in keys})},
                    "stretch": {"$in": sorted({stretch for _, _, stretch in keys})},
                }
            )
        )

    def _merge_stretches(self, simulation: Simulation) -> None:
        origin = simulation.start or 0.0
        pairs = self.series_documents.aggregate(
            [
                {"$match": {"simulation": simulation.id}},
                {"$group": {"_id": {"hostname": "$hostname", "chart": "$chart"}}},
            ]
        )
        for pair in list(pairs):
            query = {"simulation": simulation.id, **pair["_id"]}
            documents = list(self.series_documents.find(query))
            whole = from_documents(documents)[0]
            old = {document["stretch"]: document for document in documents}
            wanted = {
                stretch: to_document(simulation.id, stretch, part)
                for stretch, part in whole.cut(origin, SETTLED_ROWS)
            }
            for stretch, document in wanted.items():
                before = old.get(stretch)
                if before is None or {**document, "_id": before["_id"]} != before:
                    self.series_documents.replace_one(
                        {**query, "stretch": stretch}, document, upsert=True
                    )
            # Only now that all is in the large ones may the small ones go.
            surplus = [d["_id"] for stretch, d in old.items() if stretch not in wanted]
            if surplus:
                self.series_documents.delete_many({"_id": {"$in": surplus}})


def natural(text: str) -> list[tuple[bool, int, str]]:
    """A key that sorts names as people do: `run 9` before `run 10`."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(not p.isdigit(), int(p) if p.isdigit() else 0, p) for p in parts]


def _simulation(document: Document) -> Simulation:
    return decode(Simulation, schema.upgrade(document))


def _cell(document: Document) -> tuple[str, str, float]:
    return document["hostname"], document["chart"], document["stretch"]


def _must_exist(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    there = set(known)
    for name in names:
        if name not in there:
            listed = ", ".join(sorted(there, key=natural)) or "none"
            raise NotFound(f"no {what} {name}; there are: {listed}")
