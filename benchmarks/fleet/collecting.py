"""A fleet, a mongod and `minion collect` between them, each on the core that it is given."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Event as Signal
from typing import Self

from agents import SimulatedFleet
from scenarios import Backfill, Outcome, Scenario
from verifying import verify
from watching import Usage, usage

import minion
from ingest.events import Recorder, register
from minion.model import EventType, Host, Role, Simulation, Status
from minion.server import Server
from minion.store import Store

EXPERIMENT = "fleet"
LOOK_S = 1.0  # between two looks at the collector
LAG_S = 10.0  # and at how far the store is behind
SETTLE_S = 600.0  # a collector has that long after the runs' end
END_S = 60.0
DAY_S = 86_400
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything runs.

    folder: for the database and the collector's log. core: the collector's alone.
    """

    folder: Path
    core: int


class Collector:
    """`minion collect` in a process on a core of its own, from the block's begin to its end."""

    def __init__(self, place: Place, store: Store, uri: str, *options: str) -> None:
        self.log = place.folder / "collector.log"
        environment = os.environ | {"MINION_DATABASE": store.database.name}
        health = f"--listen=127.0.0.1:{_free_port()}"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "minion", "collect", "--db", uri, health, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        # It has one thread yet; those that it starts stay on its core.
        os.sched_setaffinity(self._process.pid, {place.core})

    def usage(self) -> Usage:
        """What it and its children have used so far."""
        return usage(self._process.pid)

    @property
    def ended(self) -> int | None:
        """The status that it ended with; None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """End the benchmark if the collector ended by itself.

        Raises:
            SystemExit: it did; the message has its last words.
        """
        if self.ended is not None:
            words = self.log.read_text(errors="replace").strip().splitlines()[-1:]
            raise SystemExit(f"minion collect ended with status {self.ended}: {' '.join(words)}")

    def stop(self) -> int:
        """Ask it to end, as a service manager does; its status."""
        if self.ended is None:
            self._process.terminate()
        try:
            return self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def live(place: Place, scenario: Scenario, told: Callable[[str], None]) -> Outcome:
    """Runs in progress, followed by one collector; then every sample verified.

    Args:
        place: where.
        scenario: what.
        told: called with what is going on.
    """
    outcome = Outcome(scenario)
    with (
        _store(place, f"live_{scenario.agents}_{scenario.hosts}") as (server, store),
        SimulatedFleet(scenario.agents, step=scenario.step) as fleet,
    ):
        runs = _registered(store, fleet, scenario.hosts)
        began = time.time()
        runs = [_noted(store, run, EventType.START_SIMULATION, began) for run in runs]
        interval = f"--interval={scenario.interval:g}"
        with Collector(place, store, server.uri, interval) as collector:
            _pass_by(scenario.warm_up_s, collector)
            told(f"{scenario.agents:,} agents, {scenario.runs:,} runs: warm; measuring")
            _watch(outcome, collector, store, fleet, server, began)
            ended = time.time()
            runs = [_noted(store, run, EventType.STOP_SIMULATION, ended) for run in runs]
            told(f"{scenario.agents:,} agents: the runs have ended; settling")
            outcome.settled_s = _settled(store, runs, collector)
            outcome.peak = max(outcome.peak, collector.usage().peak)
            outcome.status = collector.stop()
        told(f"{scenario.agents:,} agents: verifying")
        runs = [store.reload(run) for run in runs]
        outcome.windows = sum(len(run.missing) for run in runs)
        outcome.verified = verify(store, runs, scenario.step)
        store.client.drop_database(store.database.name)
    return outcome


def backfill(
    place: Place, told: Callable[[str], None], *, hosts: int = 4, seconds: int = DAY_S
) -> Backfill:
    """A finished run of some hosts at 1 s, fetched by `minion collect --once`, and verified."""
    with (
        _store(place, "backfill") as (server, store),
        SimulatedFleet(hosts, step=1, history_s=seconds + 600) as fleet,
    ):
        began = int(time.time()) - seconds - 300
        (run,) = _registered(store, fleet, hosts)
        run = _noted(store, run, EventType.START_SIMULATION, began)
        run = _noted(store, run, EventType.STOP_SIMULATION, began + seconds)
        told(f"{seconds / 3600:g} h of {hosts} hosts at 1 s")
        started, last = time.perf_counter(), Usage()
        with Collector(place, store, server.uri, "--once") as collector:
            while collector.ended is None:
                last = max(last, collector.usage(), key=lambda one: one.peak + one.cpu_s)
                Signal().wait(POLL_S)
            took, status = time.perf_counter() - started, collector.stop()
        told("verifying")
        run = store.reload(run)
        found = verify(store, [run], 1)
        store.client.drop_database(store.database.name)
        return Backfill(
            hosts, seconds / 3600, took, last.cpu_s, last.peak, status, len(run.missing), found
        )


# ---------------------------------------------------------------- inside


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


@contextmanager
def _store(place: Place, database: str) -> Iterator[tuple[Server, Store]]:
    with (
        Server.use(place.folder / "home") as server,
        minion.connect(server.uri, database=database) as store,
    ):
        yield server, store


def _registered(store: Store, fleet: SimulatedFleet, hosts: int) -> list[Simulation]:
    """Runs of so many hosts each, until every agent is in one."""
    machines = [
        Host(hostname=name, role=Role.WORKER if place % hosts else Role.MASTER, url=url)
        for place, (name, url) in enumerate(zip(fleet.hostnames, fleet.urls, strict=True))
    ]
    return [
        register(
            store,
            str(1000 + first // hosts),
            platform="K8s",
            hosts=machines[first : first + hosts],
            experiment=EXPERIMENT,
        )
        for first in range(0, len(machines), hosts)
    ]


def _noted(store: Store, run: Simulation, event: EventType, at: float) -> Simulation:
    return Recorder(store, run).note(event, at=at)


def _pass_by(seconds: float, collector: Collector) -> None:
    over = time.monotonic() + seconds
    while (left := over - time.monotonic()) > 0:
        Signal().wait(min(left, LOOK_S))
        collector.check()


def _watch(
    outcome: Outcome,
    collector: Collector,
    store: Store,
    fleet: SimulatedFleet,
    server: Server,
    began: float,
) -> None:
    """Measure for as long as the scenario says."""

    def looked() -> tuple[float, float, float, float, float, int]:
        counts = fleet.counts()
        cpu = collector.usage().cpu_s, counts["cpu_s"], usage(server.pid).cpu_s
        return time.monotonic(), *cpu, counts["requests"], _stored(store)

    before = looked()
    over, next_lag = time.monotonic() + outcome.scenario.seconds, 0.0
    while (now := time.monotonic()) < over:
        if now >= next_lag:
            lags = _lags(store, fleet.hostnames, began)
            outcome.lags.append((median(lags), max(lags)))
            next_lag = now + LAG_S
        _pass_by(min(LOOK_S, over - now), collector)
        outcome.peak = max(outcome.peak, collector.usage().peak)
    spent = [after - at for after, at in zip(looked(), before, strict=True)]
    outcome.seconds, outcome.cpu_s, outcome.agents_cpu_s, outcome.mongod_cpu_s = spent[:4]
    outcome.requests, outcome.stored = spent[4], int(spent[5])


def _stored(store: Store) -> int:
    """How many samples the database has."""
    pipeline = [{"$group": {"_id": None, "samples": {"$sum": "$samples"}}}]
    found = list(store.database["series"].aggregate(pipeline))
    return int(found[0]["samples"]) if found else 0


def _lags(store: Store, hostnames: Iterable[str], began: float) -> list[float]:
    """How many seconds the store is behind, of each host: its chart that is furthest behind."""
    newest = {"_id": {"host": "$hostname", "chart": "$chart"}, "last": {"$max": "$last"}}
    oldest = {"_id": "$_id.host", "last": {"$min": "$last"}}
    found = store.database["series"].aggregate([{"$group": newest}, {"$group": oldest}])
    last = {one["_id"]: one["last"] for one in found}
    now = time.time()
    return [now - last.get(name, began) for name in hostnames]


def _settled(store: Store, runs: Sequence[Simulation], collector: Collector) -> float | None:
    """Seconds until all are complete."""
    started = time.monotonic()
    wanted = {"experiment": EXPERIMENT, "status": {"$ne": Status.COMPLETE.value}}
    while store.database["minions"].count_documents(wanted, limit=1):
        collector.check()
        if time.monotonic() - started > SETTLE_S:
            return None
        Signal().wait(LOOK_S / 4)
    return time.monotonic() - started if runs else None
