"""The simulated agents of the benchmarks, runs over them, and collectors as processes."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ingest.events import Recorder, register
from minion.model import Host, Role

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "fleet"))
from agents import SimulatedFleet, value
from verifying import verify

__all__ = ["CollectorProcess", "SimulatedFleet", "begin", "end", "value", "verify"]


def begin(store, fleet, sim_id="1", *, agents=None, **options):
    """A run of some agents (default: all) that has just begun."""
    places = range(len(fleet.urls)) if agents is None else agents
    hosts = [Host(hostname=fleet.hostnames[n], role=Role.WORKER, url=fleet.urls[n]) for n in places]
    run = register(store, sim_id, platform="p", hosts=hosts, experiment="e", **options)
    return Recorder(store, run).note("START_SIMULATION", at=time.time())


def end(store, run):
    """The run, ended now."""
    return Recorder(store, store.reload(run)).note("STOP_SIMULATION", at=time.time())


class CollectorProcess:
    """`minion collect` as a process of its own."""

    def __init__(self, store, uri, *options, environment=None):
        variables = {
            **os.environ,
            "MINION_MONGODB_URI": uri,
            "MINION_DATABASE": store.database.name,
            **(environment or {}),
        }
        wanted = ["--interval=1", *options]
        if not any(option.startswith("--listen") for option in options):
            wanted.append("--listen=")
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "minion", "collect", *wanted],
            env=variables,
            stderr=self._said,
        )
        self.pid = self._process.pid

    def kill(self):
        """End it at once, as a loss of power would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)

    def stop(self):
        """End it as a service manager does; its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def stop_by_itself(self):
        """Its exit status, when it ended of its own accord."""
        return self._process.wait(90)

    @property
    def errors(self):
        """What it said so far on standard error."""
        if not self._said.closed:
            self._said.seek(0)
            self._words = self._said.read()
        return self._words

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(30)
        words = self.errors
        self._said.close()
        if kind is not None:  # for whoever reads why a test failed
            sys.stderr.write(words)
