"""Real netdata agents for tests: own folders, own host names, own ports, on loopback.

Load it as a plugin (`pytest_plugins = ["netdata_agents"]`) for its fixtures, or use the class:

    agents = NetdataAgents(folder)
    agent = agents.start("node-a", every=1)     # answers from here on
    agent.stop()                                # its samples stay; start it again by its name
    agents.stop()                               # ends all that run
"""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest
import requests
from waiting import wait_for

START_S = 30.0
SETTLING_S = 2
STREAM_KEY = "6d696e69-6f6e-4000-8000-000000000000"
Settings = Mapping[str, Mapping[str, str]]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass(frozen=True, slots=True)
class RunningAgent:
    """An agent that answers at `url`.

    every: seconds between its samples.
    process: the agent itself, a child of this process.
    certificate: what its https is trusted by.
    """

    name: str
    url: str
    every: int
    folder: Path
    process: subprocess.Popen[bytes]
    certificate: Path | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def get(self, page: str, **parameters: object) -> requests.Response:
        """The agent's own answer, as any client gets it."""
        return requests.get(
            f"{self.url}/api/v1/{page}",
            params=parameters,  # type: ignore[arg-type]  requests turns numbers into text
            headers={"Connection": "close"},
            timeout=10,
            verify=str(self.certificate) if self.certificate else True,
        )

    def rows(
        self, chart: str, first: float, last: float, **more: object
    ) -> dict[int, dict[str, float | None]]:
        """{time: {dimension's name: value}} of /api/v1/data, both ends included."""
        wanted = {"chart": chart, "after": int(first), "before": int(last), "dimensions": "*"}
        answer = self.get("data", **{**wanted, "format": "json", **more})
        if answer.status_code != requests.codes.ok:
            return {}
        table = answer.json()
        return {
            row[0]: dict(zip(table["labels"][1:], row[1:], strict=True)) for row in table["data"]
        }

    def history(self, seconds: int, chart: str = "system.cpu") -> tuple[int, int]:
        """A window (first, last) of at least that many seconds, once all its samples are there.

        Its ends are times of samples of the chart.
        """
        window = (0, 0)

        def there() -> bool:
            nonlocal window
            answer = self.get("chart", chart=chart)
            if not answer.ok:  # a young agent does not know all its charts yet
                return Event().wait(0.2)
            entry = answer.json()
            step = entry["update_every"]
            # The charts of a young agent do not all begin in the same second.
            first = -(-(entry["first_entry"] + SETTLING_S) // step) * step
            window = first, first + -(-seconds // step) * step
            # An agent shows its newest sample late; a pull must not take it for granted.
            return window[1] + 1 + 2 * step <= entry["last_entry"] or Event().wait(0.2)

        wait_for(there, seconds + START_S, f"{seconds} s of {chart} on {self.name}")
        return window

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it and wait until it has ended; its folder stays."""
        # An agent that only just starts does not hear its first signal.
        for signal_, patience in ((how, 3), (how, 10), (signal.SIGKILL, 10)):
            if self.process.poll() is not None:
                return
            self.process.send_signal(signal_)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)


class NetdataAgents:
    """Starts agents under a folder, and ends those that it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports: dict[str, int] = {}
        self._running: list[RunningAgent] = []

    @staticmethod
    def program() -> str | None:
        """The netdata that is installed, if any."""
        return shutil.which("netdata") or shutil.which("netdata", path="/usr/sbin:/opt/netdata/bin")

    def start(
        self,
        name: str,
        every: int = 1,
        *,
        settings: Settings | None = None,
        parent: RunningAgent | None = None,
        certificate: Path | None = None,
        wait: bool = True,
    ) -> RunningAgent:
        """An agent with that host name; one that ran before keeps its port and its samples.

        Args:
            name: host name, and name of its folder.
            every: seconds between samples.
            settings: more of netdata.conf: section to option to value.
            parent: the agent that it streams to, where it is at `/host/NAME` then.
            certificate: a file with its key and certificate; it answers on https only then.
            wait: until it gives the first samples; else only until it answers at all.
        """
        program = self.program()
        if program is None:
            pytest.skip("netdata is not installed (apt-get install netdata)")
        port = self._ports.setdefault(name, free_port())
        folder = self.folder / name
        for part in ("etc", "lib", "cache", "log"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "etc" / ".opt-out-from-anonymous-statistics").touch()
        configuration = folder / "etc" / "netdata.conf"
        secure = _https(port, certificate) if certificate else {}
        configuration.write_text(
            _text(_settings(folder, name, port, every), secure, settings or {})
        )
        (folder / "etc" / "stream.conf").write_text(_text(_streaming(parent)))
        with (folder / "log" / "output").open("ab") as log:
            process = subprocess.Popen(
                [program, "-D", "-c", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # an interrupt of the tests is not its own
                env={**os.environ, "NETDATA_DISABLE_CLOUD": "1"},
            )
        url = f"{'https' if certificate else 'http'}://127.0.0.1:{port}"
        agent = RunningAgent(name, url, every, folder, process, certificate)
        self._running.append(agent)
        wait_for(lambda: _answers(agent, wait), START_S, f"an answer of {name}; see {folder}/log")
        return agent

    def stop(self) -> None:
        """End all that still run."""
        for agent in self._running:
            agent.stop()
        self._running.clear()


def _answers(agent: RunningAgent, samples: bool) -> bool:
    if agent.process.poll() is not None:
        pytest.fail(f"netdata {agent.name} ended at once; see {agent.folder}/log")
    try:
        answer = agent.get("data", chart="system.cpu", after=-2, dimensions="user")
    except requests.RequestException:
        return False
    return not samples or (answer.ok and bool(answer.json()["data"]))


def _settings(folder: Path, name: str, port: int, every: int) -> Settings:
    places = {part: str(folder / part) for part in ("lib", "cache", "log")}
    return {
        "global": {"run as user": getpass.getuser(), "hostname": name},
        "directories": {
            **places,
            "config": str(folder / "etc"),
            "home": str(folder),
            "lock": str(folder / "lib" / "lock"),
            "registry": str(folder / "lib" / "registry"),
        },
        "db": {
            "mode": "dbengine",
            "update every": str(every),
            "dbengine page cache size MB": "32",
            "dbengine multihost disk space MB": "128",
        },
        "web": {"bind to": f"127.0.0.1:{port} [::1]:{port}"},
        # Only the kernel's own numbers: less to start, less to disturb.
        "plugins": dict.fromkeys(("enable running new plugins", "tc", "apps", "python.d"), "no")
        | dict.fromkeys(("charts.d", "cgroups", "diskspace", "idlejitter"), "no"),
        **{part: {"enabled": "no"} for part in ("statsd", "health", "registry", "cloud")},
    }


def _https(port: int, certificate: Path) -> Settings:
    return {
        "web": {
            "bind to": f"127.0.0.1:{port}=dashboard^SSL=force",
            "ssl key": str(certificate),
            "ssl certificate": str(certificate),
        }
    }


def _streaming(parent: RunningAgent | None) -> Settings:
    """Every agent takes children; one with a parent is one."""
    taken = {STREAM_KEY: {"enabled": "yes"}}
    if parent is None:
        return taken
    destination = f"127.0.0.1:{parent.port}"
    child = {"enabled": "yes", "destination": destination, "api key": STREAM_KEY}
    return {**taken, "stream": child}


def _text(*parts: Settings) -> str:
    merged: dict[str, dict[str, str]] = {}
    for part in parts:
        for section, options in part.items():
            merged.setdefault(section, {}).update(options)
    lines = []
    for section, options in merged.items():
        lines += [f"[{section}]", *(f"    {key} = {value}" for key, value in options.items())]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def agents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetdataAgents]:
    """Starts real agents; they end with the tests."""
    if NetdataAgents.program() is None:
        pytest.skip("netdata is not installed (apt-get install netdata)")
    running = NetdataAgents(tmp_path_factory.mktemp("netdata"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def two_agents(agents: NetdataAgents) -> tuple[RunningAgent, RunningAgent]:
    """`node-a` measures every second, `node-b` every two; only `node-a` has system.uptime."""
    return (
        agents.start("node-a", every=1),
        agents.start("node-b", every=2, settings={"plugin:proc": {"/proc/uptime": "no"}}),
    )
