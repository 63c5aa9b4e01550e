"""Simulated netdata agents: as many as wanted, in one process on loopback, each at its own address.

    python benchmarks/fleet/agents.py --agents 1000 --step 5 --port 19990

Prints one line with the pattern of their addresses when all answer, and ends on SIGTERM. In a test
or a benchmark:

    with SimulatedFleet(8, step=1, history_s=600) as fleet:
        fleet.urls                                       # one a agent
        fleet.change([3], mode="503")                    # see SimulatedAgent for what there is
        fleet.change([3], mode="up", skew_s=90)
        fleet.restart([4], seconds=11)                   # gone, and back with a gap
        value(3, "system.cpu", "user", times)            # what that agent measured

They answer like netdata 1.37 (`answers.py`) for the charts of the study (`samples.py`).
"""

import argparse
import asyncio
import json
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Self

from answers import hostname
from samples import STUDY, value, values
from serving import PER_NETWORK, Fleet, address

__all__ = ["STUDY", "SimulatedFleet", "hostname", "value", "values"]

SCRIPT = Path(__file__).resolve()
LISTED = 220  # charts of a real agent on a small machine
HISTORY_S = 3600.0
END_S = 20.0


class SimulatedFleet:
    """Agents in a process of their own, from the block's begin to its end.

    born: since when they have samples, seconds since the epoch.
    port: of all their addresses.
    pid: of their process.
    """

    def __init__(
        self,
        agents: int,
        *,
        step: int = 5,
        history_s: float = HISTORY_S,
        listed: int = LISTED,
        port: int = 0,
    ) -> None:
        """A fleet that is ready when this comes back.

        Args:
            agents: how many.
            step: seconds between their samples.
            history_s: how old their oldest samples are when they start.
            listed: how many charts they say they have, the study's five among them.
            port: that they listen on; 0 for any that is free.

        Raises:
            OSError: they cannot start: too many open files, or the port is taken.
        """
        self.step = step
        self.born = time.time() - history_s
        options = {"agents": agents, "step": step, "born": self.born, "listed": listed}
        given = [f"--{name}={option}" for name, option in {**options, "port": port}.items()]
        self._lock = Lock()
        self._process = subprocess.Popen(
            [sys.executable, SCRIPT, *given, "--control"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # an interrupt is its user's to hear
        )
        self.pid = self._process.pid
        try:
            ready = self._line()
            self.port = int(re.findall(r":(\d+),", ready)[0])
        except BaseException:
            self.close()
            raise
        self.urls = [f"http://{address(place)}:{self.port}" for place in range(agents)]
        self.hostnames = [hostname(place) for place in range(agents)]

    def change(self, agents: Iterable[int] | None = None, **changes: object) -> None:
        """Change agents while they answer.

        Args:
            agents: their numbers; without, all.
            changes: what of a `SimulatedAgent` to what.
        """
        self._ask(agents, change=changes)

    def restart(self, agents: Iterable[int] | None = None, *, seconds: float) -> None:
        """End agents; they answer again after so long, and have no samples of that time."""
        self._ask(agents, restart=seconds)

    def counts(self, agents: Iterable[int] | None = None) -> dict[str, float]:
        """What they did since their start.

        Returns:
            requests, bytes that were sent, connections that are open, and cpu_s: seconds of
            processor time of the whole process.
        """
        return self._ask(agents)

    def close(self) -> None:
        """End their process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, agents: Iterable[int] | None, **asked: object) -> dict[str, Any]:
        numbers = None if agents is None else list(agents)
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"agents": numbers, **asked}) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._line())
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise OSError(f"the simulated agents ended with status {self._process.wait(END_S)}")
        return line


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--agents", type=int, default=4, help="how many")
    add("--step", type=int, default=5, help="seconds between samples")
    add("--port", type=int, default=0, help="of all addresses; 0 takes a free one")
    add("--born", type=float, help=f"epoch of the oldest sample; default: {HISTORY_S:g} s ago")
    add("--listed", type=int, default=LISTED, help="charts that each says it has")
    add("--control", action="store_true", help="read commands on standard input; end with it")
    asked = parser.parse_args(arguments)
    if asked.agents < 1 or asked.step < 1:
        parser.error("--agents and --step: at least 1")
    _many_files()
    try:
        asyncio.run(_serve(asked))
    except OSError as error:
        raise SystemExit(f"agents.py: {error}; take fewer agents, or another --port") from None


async def _serve(asked: argparse.Namespace) -> None:
    born = time.time() - HISTORY_S if asked.born is None else asked.born
    fleet = Fleet(asked.agents, step=asked.step, born=born, listed=asked.listed, port=asked.port)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    fleet.start()
    pattern = f"127.7.{{i // {PER_NETWORK}}}.{{i % {PER_NETWORK} + 1}}:{fleet.port}"
    print(f"{asked.agents} agents at http://{pattern}, step {asked.step} s", flush=True)
    commands = asyncio.ensure_future(_obey(fleet, over)) if asked.control else None
    await over.wait()
    if commands is not None:
        commands.cancel()
    fleet.stop()


async def _obey(fleet: Fleet, over: asyncio.Event) -> None:
    """Do what the lines of standard input say; its end is theirs."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            answer = fleet.command(json.loads(line))
        except (ValueError, IndexError, OSError) as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)
    over.set()


def _many_files() -> None:
    """Each agent needs a socket to listen on, and one for each client."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
