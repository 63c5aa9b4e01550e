"""A collector that is told to stop, at any time of its life: as a process, by a real signal."""

import re
import socket
import time
from pathlib import Path

import pytest
from fleet import CollectorProcess, SimulatedFleet, completed, faultless, samples
from waiting import wait_for

from ingest.collecting.leaving import GRACE_S
from ingest.events import Recorder, register
from minion.model import Host, Role, Status
from minion.worklist import Worklist

pytestmark = pytest.mark.system

SIGTERM_BIT = 1 << 14
LEFT = 3  # of --once, which has not done what it was to do


def hears(collector):
    """Whether a process has a handler of its own for SIGTERM."""
    status = Path(f"/proc/{collector.pid}/status").read_text()
    return int(re.findall(r"SigCgt:\s*(\w+)", status)[0], 16) & SIGTERM_BIT


def quiet_end(collector, status):
    assert collector.stop() == status
    words = collector.errors
    assert "Traceback" not in words, words
    if status == LEFT:
        assert "told to stop" in words
        assert len(words.splitlines()) == 1


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--once",), LEFT)])
def test_in_its_first_moment(store, mongodb_uri, options, status):
    with CollectorProcess(store, mongodb_uri, *options) as collector:
        wait_for(lambda: hears(collector), 30, "its handler")
        quiet_end(collector, status)
        assert "collecting into" not in collector.errors


@pytest.mark.parametrize("server", ["silent", "gone"])
@pytest.mark.parametrize(("options", "status"), [((), 0), (("--once",), LEFT)])
def test_while_it_waits_for_mongodb(store, options, status, server):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        uri = f"mongodb://127.0.0.1:{listening.getsockname()[1]}/?serverSelectionTimeoutMS=60000"
        with CollectorProcess(store, uri, *options) as collector:
            taken, _ = listening.accept()  # it has begun to look for its server
            with taken:
                if server == "gone":  # from here on it is refused
                    taken.close()
                    listening.close()
                began = time.monotonic()
                quiet_end(collector, status)
                assert time.monotonic() - began < 10


def begun(store, fleet, *, start, stop):
    """A run of all agents that was over before it was collected."""
    pairs = zip(fleet.hostnames, fleet.urls, strict=True)
    hosts = [Host(hostname=name, role=Role.WORKER, url=url) for name, url in pairs]
    run = register(store, "1", platform="p", hosts=hosts, experiment="e")
    Recorder(store, run).note("START_SIMULATION", at=start)
    return Recorder(store, store.reload(run)).note("STOP_SIMULATION", at=stop)


def test_once_amid_a_pull(store, mongodb_uri):
    with SimulatedFleet(12, step=1, history_s=60) as fleet:
        fleet.change(slow_s=1.0)
        run = begun(store, fleet, start=time.time() - 30, stop=time.time() - 5)
        with CollectorProcess(store, mongodb_uri, "--once") as once:
            wait_for(lambda: fleet.counts()["requests"] >= 8, 60, "the first answers")
            quiet_end(once, LEFT)
        stored = samples(store, run)
        entries = Worklist(store).of(run)
        assert 0 < sum(entry.done for entry in entries) < 12  # those that were in hand
        assert sum(entry.samples for entry in entries) == stored > 0
        assert store.reload(run).status is Status.ENDED
        fleet.change(slow_s=0.0)
        with CollectorProcess(store, mongodb_uri, "--once") as once:
            assert once.stop_by_itself() == 0
        faultless(store, completed(store, run), fleet)


@pytest.mark.parametrize("options", [(), ("--once",)])
def test_while_an_agent_says_nothing(store, mongodb_uri, options):
    with SimulatedFleet(2, step=1, history_s=900) as fleet:
        # So long over that nobody has patience with its agents any more.
        run = begun(store, fleet, start=time.time() - 800, stop=time.time() - 700)
        fleet.change([0], mode="hang")
        with CollectorProcess(store, mongodb_uri, *options) as collector:
            wait_for(lambda: fleet.counts([0])["connections"] > 0, 60, "a question")
            done = lambda: [entry.done for entry in Worklist(store).of(run)]  # noqa: E731
            wait_for(lambda: done() == [False, True], 60, "the other agent's samples")
            began = time.monotonic()
            quiet_end(collector, LEFT if options else 0)
            assert time.monotonic() - began < GRACE_S + 10
        (silent, _) = Worklist(store).of(run)
        # Nobody waited for its answer: that is no reason to call anything missing.
        assert (silent.missing, silent.done, silent.problem) == ((), False, None)
        fleet.change([0], mode="up")
        with CollectorProcess(store, mongodb_uri, "--once") as once:
            assert once.stop_by_itself() == 0
        faultless(store, completed(store, run), fleet)
