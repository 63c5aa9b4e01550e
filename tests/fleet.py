"""The simulated agents of the benchmarks, runs over them, and collectors as processes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from waiting import wait_for

from ingest.collecting.status import status
from ingest.events import Recorder, register
from minion.model import Host, Role, Status

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks" / "fleet"))
from agents import STUDY, SimulatedFleet, hostname, value, values
from verifying import Verified, verify

__all__ = [
    "CHARTS",
    "FLEET",
    "STUDY",
    "WITHIN_S",
    "CollectorProcess",
    "SimulatedFleet",
    "Verified",
    "begin",
    "completed",
    "end",
    "faultless",
    "hostname",
    "more",
    "run_at",
    "samples",
    "states",
    "value",
    "values",
    "verify",
]

FLEET = Path(__file__).parents[1] / "benchmarks" / "fleet"
CHARTS = [chart.id for chart in STUDY]
WITHIN_S = 90  # what a collector does, it does within that, on a busy machine as well


def begin(store, fleet, sim_id="1", *, agents=None, **options):
    """A run of some agents (default: all) that has just begun."""
    places = range(len(fleet.urls)) if agents is None else agents
    return _begun(store, [(fleet.hostnames[n], fleet.urls[n]) for n in places], sim_id, options)


def run_at(store, url, hostname, *, start=None, sim_id="1", **options):
    """A run of one host at any address, begun now or when it is said."""
    return _begun(store, [(hostname, url)], sim_id, options, start)


def _begun(store, agents, sim_id, options, start=None):
    hosts = [Host(hostname=name, role=Role.WORKER, url=url) for name, url in agents]
    run = register(store, sim_id, platform="p", hosts=hosts, experiment="e", **options)
    return Recorder(store, run).note("START_SIMULATION", at=start)


def end(store, run):
    """The run, ended now."""
    return Recorder(store, store.reload(run)).note("STOP_SIMULATION", at=time.time())


def samples(store, run):
    """How many samples of a run are stored."""
    return store.count_samples([run])[run.id]


def more(store, run, many=200):
    """Wait until more than so many samples came to those that are stored."""
    before = samples(store, run)
    wait_for(lambda: samples(store, run) > before + many, WITHIN_S, f"{many} more samples")


def states(store):
    """The states that hosts of runs in progress are in."""
    return set(status(store)["state"])


def completed(store, run):
    """The run, as soon as it is complete."""
    wait_for(lambda: store.reload(run).status is Status.COMPLETE, WITHIN_S, "the run complete")
    return store.reload(run)


def faultless(store, run, fleet):
    """Assert that everything is stored, once and as the agents told it, and nothing is missing."""
    found = verify(store, [run], fleet.step)
    assert found.faultless, found
    assert found.samples > 0
    assert run.missing == ()


class CollectorProcess:
    """`minion collect` as a process of its own."""

    def __init__(self, store, uri, *options, environment=None, prefix=()):
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
            [*prefix, sys.executable, "-m", "minion", "collect", *wanted],
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

    @property
    def told(self):
        """The lines of its log so far, where they are JSON."""
        return [json.loads(line) for line in self.errors.splitlines() if line.startswith("{")]

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
