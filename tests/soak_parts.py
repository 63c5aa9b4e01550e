"""What a soak is made of: nodes behind proxies, and collectors as processes."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Event, Lock
from urllib.parse import urlsplit

from cutting_proxy import CuttingProxy
from fleet import SimulatedFleet
from held_samples import Witness
from netdata_agents import NetdataAgents
from waiting import wait_for

from minion.model import Host, Role
from minion.store import Store

CONFIGURATION = 'listen = ""\nparallel = 16\n[agents]\ntimeout = 3\n'
ANSWERS_S = 60
END_S = 90


def pause(seconds: float) -> None:
    """A fault's length."""
    Event().wait(seconds)


class Node:
    """An agent behind a proxy that everything but the comparison goes through."""

    def __init__(self, hostname: str, url: str, witness: Witness) -> None:
        self.hostname, self.url, self.witness = hostname, url, witness
        parts = urlsplit(url)
        self.proxy = CuttingProxy(str(parts.hostname), parts.port or 80)
        self.busy = Lock()

    @property
    def host(self) -> Host:
        """As runs name it."""
        url = f"http://127.0.0.1:{self.proxy.port}"
        return Host(hostname=self.hostname, role=Role.WORKER, url=url)

    def seclude(self) -> None:
        """Let nobody in, then remember what it has: what it loses now, nobody else gets."""
        self.proxy.refuse()
        self.proxy.cut()
        self.witness.look(self.hostname, self.url)

    def close(self) -> None:
        """End its proxy."""
        self.proxy.close()


class RealNode(Node):
    """A netdata agent."""

    def __init__(self, name: str, every: int, agents: NetdataAgents, witness: Witness) -> None:
        self.agents, self.every = agents, every
        self.agent = agents.start(name, every)
        super().__init__(name, self.agent.url, witness)

    def end(self, how: int, away_s: float) -> None:
        """End it, and start it again after so long."""
        self.seclude()
        self.agent.stop(how)
        pause(away_s)
        self.proxy.heal()  # before it answers: collectors see it come up
        self.agent = self.agents.start(self.hostname, self.every)

    def freeze(self, seconds: float) -> None:
        """Stop the process, and let it go on."""
        self.agent.process.send_signal(signal.SIGSTOP)
        pause(seconds)
        self.agent.process.send_signal(signal.SIGCONT)


class SimulatedNode(Node):
    """One of the simulated agents."""

    def __init__(self, place: int, fleet: SimulatedFleet, witness: Witness) -> None:
        self.place, self.fleet = place, fleet
        self.spans: dict[str, list[float | None]] = {}
        super().__init__(fleet.hostnames[place], fleet.urls[place], witness)

    def end(self, away_s: float) -> None:
        """End it, and start it again after so long."""
        self.seclude()
        self.fleet.restart([self.place], seconds=away_s)
        self.proxy.heal()
        pause(away_s)

    def fail(self, seconds: float, **how: object) -> None:
        """Answer in another way for so long."""
        self.fleet.change([self.place], **how)
        pause(seconds)
        self.fleet.change([self.place], mode="up", slow_s=0.0)

    def turn(self, chart: str, soon_s: float) -> None:
        """A chart that is there ends soon; one that has ended begins again soon, from nothing."""
        self.seclude()
        moment = time.time() + soon_s
        gone = self.spans.get(chart, [None, None])[1] is not None
        self.spans[chart] = [moment, None] if gone else [self.spans.get(chart, [None])[0], moment]
        self.fleet.change([self.place], spans=self.spans)
        self.proxy.heal()


class CollectorPlace:
    """A collector as a process, started again whenever it was ended."""

    def __init__(self, name: str, folder: Path, store: Store, uri: str, *options: str) -> None:
        self.log, self.busy = folder / f"{name}.log", Lock()
        config = folder / "minion.toml"
        config.write_text(CONFIGURATION)
        self._command = [sys.executable, "-m", "minion", "collect", f"--config={config}"]
        self._command += ["--log=json", *options]
        names = {"MINION_MONGODB_URI": uri, "MINION_DATABASE": store.database.name}
        self._environment = {**os.environ, **names}
        self.unclean: list[int] = []
        self.start()

    def start(self) -> None:
        """Start it; its lines go on in the same file."""
        with self.log.open("ab") as log:
            self._begins = log.tell()
            self.process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stderr=log
            )

    def end(self, how: int, away_s: float) -> None:
        """End it, and start it again after so long."""
        self.process.send_signal(how)
        status = self.process.wait(END_S)
        if how == signal.SIGTERM:
            self._judge(status)
        pause(away_s)
        self.start()

    def freeze(self, seconds: float) -> None:
        """Stop the process, and let it go on: others may have its hosts by then."""
        self.process.send_signal(signal.SIGSTOP)
        pause(seconds)
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End it for good."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            status = self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._judge(status)

    def _judge(self, status: int) -> None:
        with self.log.open("rb") as log:
            log.seek(self._begins)
            begun = b'"started"' in log.read()
        # What is told to end before it began has nothing in flight, and no ear for it yet.
        if status and (begun or status != -signal.SIGTERM):
            self.unclean.append(status)

    def faults(self) -> list[str]:
        """What in its log is a fault of the program: tracebacks, and what calls itself one."""
        text = self.log.read_text(errors="replace")
        broken = len(re.findall("^Traceback", text, re.MULTILINE))
        found = [f"{self.log.name}: a traceback"] * broken
        for line in text.splitlines():
            if line.startswith("{") and json.loads(line)["event"] == "fault":
                found.append(f"{self.log.name}: {json.loads(line)['text']}")
        return found + [f"{self.log.name}: SIGTERM ended it with {s}" for s in self.unclean]


def healed(node: Node) -> None:
    """Wait until it answers through its proxy."""
    node.proxy.heal()
    wait_for(lambda: _answers(node), ANSWERS_S, f"an answer of {node.hostname}")


def _answers(node: Node) -> bool:
    try:
        node.witness.look(node.hostname, node.url)
    except OSError:
        return False
    return True


def proxied(proxy: CuttingProxy, how: str, chance: random.Random) -> None:
    """Spoil what goes through a proxy for some seconds, in one of its ways."""
    spoil = {
        "cut": lambda: [proxy.cut(), proxy.cut_at_connect(chance.choice(["rst", "fin"]))],
        "cut in an answer": lambda: proxy.cut_after(chance.randint(1, 20_000)),
        "delay": lambda: proxy.delay(chance.uniform(0.1, 1.5)),
        "garble": lambda: proxy.garble(chance.randint(20, 2_000)),
        "stall": proxy.stall,
        "refuse": proxy.refuse,
        "throttle": lambda: proxy.throttle(chance.randint(2_000, 50_000)),
    }
    seconds = chance.uniform(1, 12)
    spoil[how]()
    pause(seconds)
    proxy.heal()
