"""A live fleet with a fault every few seconds, and then every sample held against its agent.

    python tests/soak.py --minutes 30

Real netdata agents and simulated ones, each behind a proxy that cuts, delays and garbles; three
collectors; a replica set of three members; runs that begin and end meanwhile. Prints what was done
and what was found, and ends with 1 when anything is wrong: a sample that an agent still has and
the store has not, one that is stored twice, that is another one, or that nobody measured; a row
that is neither stored nor recorded as missing, or both; a collector that failed by its own fault.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Self

from fleet import SimulatedFleet
from held_samples import NAMED, Compared, Witness
from netdata_agents import NetdataAgents
from replica_set import ReplicaSet
from soak_parts import CollectorPlace, Node, RealNode, SimulatedNode, healed, pause, proxied
from waiting import wait_for

import minion
from ingest.events import Recorder, register
from minion.model import Simulation, Status
from minion.store import Store

EXPERIMENT = "soak"
PATTERNS = "system.cpu,system.load,system.p*,disk_util.*"
SETTLING_S = 180
STUDY = ("system.cpu", "system.ram", "system.io", "disk_util.vda", "system.net")
INTERVAL_S = 3
PROXIES = ("cut", "cut in an answer", "delay", "garble", "stall", "refuse", "throttle")
ANSWERS = ("down", "hang", "garbage", "401", "404", "503")
# What happens, and how often beside the others.
FAULTS = {
    **{f"proxy: {how}": 2 for how in PROXIES},
    **{f"answers: {how}": 1 for how in ANSWERS},
    "answers: slow": 1,
    "agent restarts": 3,
    "chart ends or begins": 3,
    "netdata SIGTERM": 4,
    "netdata SIGKILL": 3,
    "netdata stopped": 4,
    "primary killed": 3,
    "collector SIGKILL": 4,
    "collector SIGTERM": 3,
    "collector stopped": 2,
}


@dataclass(slots=True)
class Outcome:
    """What a soak came to.

    faults: how many of each kind. runs: that are complete. problems: anything else that is wrong.
    """

    seconds: float
    faults: Counter[str]
    runs: int
    samples: int
    collected: Compared
    problems: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def faultless(self) -> bool:
        """Whether nothing was lost, doubled, changed or invented, and nothing broke."""
        return self.collected.faultless and not self.problems and self.collected.held > 0

    def told(self) -> str:
        """The figures, a line each."""
        lines = [f"{self.seconds / 60:.1f} minutes, {self.faults.total()} faults"]
        lines += [f"  {count:5}  {name}" for name, count in sorted(self.faults.items())]
        lines += [f"{self.runs} runs, {self.samples:,} samples stored"]
        lines += [f"  {count:9,}  {name}" for name, count in self.collected.figures().items()]
        lines += [f"  {count:9,}  missing: {name}" for name, count in self.reasons.most_common()]
        words = [text for texts in self.collected.told.values() for text in texts]
        lines += [f"wrong: {one}" for one in (*words, *self.problems)]
        return "\n".join([*lines, "faultless" if self.faultless else "NOT faultless"])


class Soak:
    """Everything that runs, from the block's begin to its end.

    Args:
        folder: for databases, agents and logs.
        seed: what happens, and how long it takes.
        real, simulated, collectors: how many of each.
    """

    def __init__(self, folder: Path, seed: int, real: int, simulated: int, collectors: int) -> None:
        self.chance = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []
        self.runs: list[Simulation] = []
        self._deck: list[str] = []
        self._dealer = random.Random(seed)  # its own: what is drawn does not hang on what is hit
        self._living: dict[str, float] = {}
        self._mongodb = Lock()
        self._stack = stack = ExitStack()
        with ExitStack() as building:
            self.witness = Witness((*NAMED, *PATTERNS.split(",")))
            (folder / "members").mkdir()
            self.members = ReplicaSet(folder / "members")
            building.callback(self.members.stop)
            self.store: Store = building.enter_context(
                minion.connect(self.members.uri, database="soak")
            )
            agents = NetdataAgents(folder)
            building.callback(agents.stop)
            fleet = building.enter_context(SimulatedFleet(simulated, step=1, history_s=60))
            self.real = [
                RealNode(f"netdata-{n}", 2 if n == 1 else 1, agents, self.witness)
                for n in range(real)
            ]
            self.simulated = [SimulatedNode(n, fleet, self.witness) for n in range(simulated)]
            self.nodes: list[Node] = [*self.real, *self.simulated]
            for node in self.nodes:
                building.callback(node.close)
            self.collectors = [
                CollectorPlace(
                    f"collector-{n}",
                    folder,
                    self.store,
                    self.members.uri,
                    f"--interval={INTERVAL_S}",
                )
                for n in range(collectors)
            ]
            for collector in self.collectors:
                building.callback(collector.close)
            stack.push(building.pop_all())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # ------------------------------------------------------------ what happens

    def go_on(self, seconds: float, every_s: float) -> float:
        """Faults and runs for so long; returns how long it took."""
        began = time.monotonic()
        self.begin_run(self.nodes, seconds)
        tasks: list[Future[None]] = []
        with ThreadPoolExecutor(len(self.nodes) + len(self.collectors)) as pool:
            while (past := time.monotonic() - began) < seconds:
                pause(self.chance.uniform(0.5, 1.5) * every_s)
                self.turn_over(past, seconds)
                tasks += self.strike(pool)
        for task in tasks:
            if (error := task.exception()) is not None:
                self.problems.append(f"the soak itself: {type(error).__name__}: {error}")
        return time.monotonic() - began

    def turn_over(self, past: float, seconds: float) -> None:
        """End the runs whose time is over; begin one when there are few."""
        for run in [run for run in self.runs if self._living.get(run.sim_id, 1e9) < past]:
            self.end_run(run)
        if len(self._living) < 3 and past < seconds - 30:
            some = self.chance.sample(self.real, 1) + self.chance.sample(self.simulated, 3)
            length = self.chance.uniform(20, min(180, seconds / 2))
            charts = PATTERNS if len(self.runs) % 2 else None
            self.begin_run(some, past + length, charts=charts)

    def begin_run(self, nodes: list[Any], until: float, charts: str | None = None) -> None:
        """A run of these nodes begins."""
        with self._mongodb:
            name = str(len(self.runs) + 1)
            hosts = [node.host for node in nodes]
            run = register(
                self.store, name, platform="p", hosts=hosts, experiment=EXPERIMENT, charts=charts
            )
            self.runs.append(Recorder(self.store, run).note("START_SIMULATION"))
            self._living[name] = until

    def end_run(self, run: Simulation) -> None:
        """It ends."""
        with self._mongodb:
            Recorder(self.store, self.store.reload(run)).note("STOP_SIMULATION")
            del self._living[run.sim_id]

    def strike(self, pool: ThreadPoolExecutor) -> list[Future[None]]:
        """Begin one fault, in a thread of its own; none where all that it could hit are hit."""
        kind = self._drawn()
        own = random.Random(self.chance.random())
        if kind == "primary killed":
            return [pool.submit(self._primary, own)]
        targets: list[Any] = list(self.nodes)
        if kind.startswith("netdata"):
            targets = list(self.real)
        elif kind.startswith(("agent", "answers", "chart")):
            targets = list(self.simulated)
        elif kind.startswith("collector"):
            targets = list(self.collectors)
        self.chance.shuffle(targets)
        for target in targets:
            if target.busy.acquire(blocking=False):
                return [pool.submit(self._hit, kind, target, own)]
        return []

    def _drawn(self) -> str:
        """The next kind of fault; none comes again before all others had their turns."""
        if not self._deck:
            self._deck = [kind for kind, count in FAULTS.items() for _ in range(count)]
            self._dealer.shuffle(self._deck)
        return self._deck.pop()

    def _primary(self, chance: random.Random) -> None:
        with self._mongodb:
            port = self.members.kill_primary()
            self.counts["primary killed"] += 1
            pause(chance.uniform(1, 8))
            self.members.revive(port)
            wait_for(self.members.primary, 60, "a primary")

    def _hit(self, kind: str, target: Any, chance: random.Random) -> None:
        try:
            self.counts[kind] += 1
            self._deed(kind, target, chance)()
        finally:
            target.busy.release()

    @staticmethod
    def _deed(kind: str, target: Any, chance: random.Random) -> Callable[[], None]:
        what, _, how = kind.partition(": ")
        seconds = chance.uniform(0.5, 8)
        deeds: dict[str, Callable[[], None]] = {
            "proxy": lambda: proxied(target.proxy, how, chance),
            "answers": lambda: (
                target.fail(2 * seconds, slow_s=chance.uniform(0.5, 5))
                if how == "slow"
                else target.fail(2 * seconds, mode=how)
            ),
            "agent restarts": lambda: target.end(seconds),
            "chart ends or begins": lambda: target.turn(chance.choice(STUDY), seconds / 2),
            "netdata SIGTERM": lambda: target.end(signal.SIGTERM, seconds),
            "netdata SIGKILL": lambda: target.end(signal.SIGKILL, seconds),
            "netdata stopped": lambda: target.freeze(seconds),
            "collector SIGKILL": lambda: target.end(signal.SIGKILL, seconds),
            "collector SIGTERM": lambda: target.end(signal.SIGTERM, seconds),
            "collector stopped": lambda: target.freeze(3 * seconds),  # longer than a lease, too
        }
        return deeds[what]

    # ------------------------------------------------------------ in the end

    def settled(self, seconds: float) -> Outcome:
        """End every run, wait until all are complete, and compare each with its agents."""
        for node in self.nodes:
            healed(node)
        for run in [run for run in self.runs if run.sim_id in self._living]:
            self.end_run(run)
        wait_for(self._complete, SETTLING_S, "all runs complete")
        for collector in self.collectors:
            collector.close()
            self.problems += collector.faults()
        compared, reasons = Compared(), Counter[str]()
        urls = {node.hostname: node.url for node in self.nodes}
        runs = [self.store.reload(run) for run in self.runs]
        for run in runs:
            compared += self.witness.compare(self.store, run, urls)
            # Addresses change from soak to soak, and each host has its own.
            reasons.update(m.reason.rpartition(f"{m.hostname}: ")[2] for m in run.missing)
        samples = sum(self.store.count_samples(runs).values())
        return Outcome(seconds, self.counts, len(runs), samples, compared, self.problems, reasons)

    def _complete(self) -> bool:
        done = all(self.store.reload(run).status is Status.COMPLETE for run in self.runs)
        if not done:
            pause(0.5)
        return done


def soak(
    folder: Path,
    seconds: float,
    *,
    seed: int = 7,
    real: int = 4,
    simulated: int = 12,
    collectors: int = 3,
    every_s: float = 3.0,
) -> Outcome:
    """A whole soak.

    Args:
        folder: for databases, agents and logs.
        seconds: how long faults happen.
        seed: of what happens.
        real, simulated, collectors: how many of each.
        every_s: seconds between two faults, about.
    """
    with Soak(folder, seed, real, simulated, collectors) as running:
        return running.settled(running.go_on(seconds, every_s))


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--minutes", type=float, default=30.0, help="how long faults happen")
    add("--seed", type=int, default=7, help="of what happens")
    add("--real", type=int, default=4, help="netdata agents")
    add("--simulated", type=int, default=12, help="simulated agents")
    add("--collectors", type=int, default=3, help="collectors")
    add("--every", type=float, default=3.0, help="seconds between two faults, about")
    add("--folder", type=Path, help="for databases and logs, kept; default: one that goes")
    asked = parser.parse_args()
    if NetdataAgents.program() is None:
        sys.exit("netdata is not installed (apt-get install netdata)")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="soak-") as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        outcome = soak(
            folder,
            60 * asked.minutes,
            seed=asked.seed,
            real=asked.real,
            simulated=asked.simulated,
            collectors=asked.collectors,
            every_s=asked.every,
        )
        sys.stdout.write(outcome.told() + "\n")
    sys.exit(not outcome.faultless)


if __name__ == "__main__":
    main()
