"""Two at one run: whoever stood still meanwhile, nothing is lost, doubled or forgotten."""

import os
import signal
import time
from itertools import count
from multiprocessing import get_context

import numpy as np
import pytest
from fleet import (
    WITHIN_S,
    CollectorProcess,
    SimulatedFleet,
    begin,
    end,
    more,
    run_at,
    samples,
    verify,
)
from netdata_agents import free_port
from pymongo import monitoring
from standing_still import COLLECT, SETTLE, StandingStill
from waiting import wait_for

import minion
from ingest.collecting.collector import Collector
from ingest.collecting.configuration import Configuration
from ingest.collecting.journal import Journal
from ingest.collecting.settling import settle
from ingest.events import Recorder, register
from minion.model import Host, Role, Status
from minion.schema import COLLECTORS, VALIDATORS
from minion.series import LIVE_ROWS, SETTLED_ROWS, Dimension, Series
from minion.worklist import Worklist

pytestmark = pytest.mark.system

ROWS = 110 * LIVE_ROWS  # a cursor's first batch ends after 101 stretches
START = 1_700_000_000.0


@pytest.fixture
def fleet():
    with SimulatedFleet(1, step=1, history_s=200) as running:
        yield running


def long_run(store, sim_id, charts=1):
    """A run that has ended, with many small stretches."""
    hosts = [Host(hostname="a", role=Role.WORKER)]
    run = register(store, sim_id, platform="p", hosts=hosts, experiment="e")
    run = Recorder(store, run).note("START_SIMULATION", at=START)
    run = Recorder(store, run).note("STOP_SIMULATION", at=START + ROWS)
    values = np.random.default_rng(charts).random((ROWS, 2))
    for chart in range(charts):
        series = Series(
            hostname="a",
            chart=f"chart{chart}",
            context="context",
            family="",
            unit="",
            dimensions=(Dimension("x", "x"), Dimension("y", "y")),
            times=START + np.arange(ROWS),
            values=values,
            step=1.0,
        )
        store.write(run, [series], settled=False)
    return run, values


def assert_whole(store, run, values, charts=1):
    found = store.series(run)
    assert [one.values.tolist() for one in found] == [values.tolist()] * charts
    assert samples(store, run) == charts * values.size
    large = -(-ROWS // SETTLED_ROWS) * charts
    assert store.database["series"].count_documents({"simulation": run.id}) == large


class Deletions(monitoring.CommandListener):
    """How many commands that delete there were."""

    number = 0

    def started(self, event):
        self.number += event.command_name == "delete" and event.command["delete"] == "series"

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


def _settle(uri, database, identity, barrier, deletions):
    seen = Deletions()
    monitoring.register(seen)
    with minion.connect(uri, database=database) as store:
        run = store.simulation_by_id(identity)
        barrier.wait(WITHIN_S)
        assert settle(store, run).status is Status.COMPLETE
    deletions.put(seen.number)


def test_several_complete_a_long_run_at_once(store, mongodb_uri):
    charts, several = 6, 4
    run, values = long_run(store, "1", charts)
    context = get_context("spawn")
    barrier, deletions = context.Barrier(several), context.Queue()
    told = (mongodb_uri, store.database.name, str(run.id), barrier, deletions)
    processes = [context.Process(target=_settle, args=told) for _ in range(several)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(WITHIN_S)
    assert [process.exitcode for process in processes] == [0] * several
    # One does it, and the others wait for it.
    assert sorted(deletions.get() for _ in processes) == [0] * (several - 1) + [charts]
    assert_whole(store, run, values, charts)


def test_one_stands_still_while_it_completes_and_another_does_it(store, mongodb_uri):
    for after in count(1):
        run, values = long_run(store, str(after))
        with StandingStill(store, mongodb_uri, SETTLE, run.id, after=after) as late:
            if not late.stands():
                assert late.ended() == 0
                break
            assert settle(store, run).status is Status.COMPLETE
            assert_whole(store, run, values)
            assert late.goes_on() == 0
        assert_whole(store, run, values)
        assert "completing" not in store.database["minions"].find_one({"_id": run.id})
    assert after > 8  # it stood still at each of its commands


@pytest.mark.parametrize("killed", [False, True], ids=["goes on", "killed"])
def test_one_stands_still_in_a_visit_and_another_completes_the_run(
    store, mongodb_uri, fleet, killed
):
    """Killed: after one command more, so between what it writes and whatever comes next."""
    for after in count(1):
        run = run_at(
            store, fleet.urls[0], fleet.hostnames[0], start=time.time() - 150, sim_id=str(after)
        )
        with StandingStill(store, mongodb_uri, COLLECT, run.id, after=after, killed=killed) as late:
            if not late.stands():
                assert late.ended() == 0
                break
            run = settle(store, end(store, run))
            assert run.status is Status.COMPLETE
            before = samples(store, run)
            status = late.goes_on()
            assert status == 0 or (killed and status == -signal.SIGKILL)
        assert samples(store, run) == before
        found = verify(store, [run], fleet.step)
        assert found.faultless, (after, found)
        if killed:  # between entering its host and seeing that it is too late
            Collector(store, Configuration(), Journal()).once()
        assert Worklist(store).of(run) == []
        assert store.reload(run).missing == run.missing == ()
        store.delete_experiment(run.experiment)
    assert after > 8


def test_a_collector_that_stands_still_in_a_visit_beside_settle(store, mongodb_uri, fleet):
    direct = {"MINION_PULL": "direct"}
    with CollectorProcess(store, mongodb_uri, environment=direct) as collector:
        # So long ago that what comes next is no part of the first stretch, which is large later.
        start = time.time() - 100
        run = run_at(store, fleet.urls[0], fleet.hostnames[0], start=start)
        wait_for(lambda: samples(store, run) > 1000, WITHIN_S, "samples")
        fleet.change([0], slow_s=2.0)
        asked = fleet.counts([0])["requests"]
        wait_for(lambda: fleet.counts([0])["requests"] > asked + 2, WITHIN_S, "a slow visit")
        os.kill(collector.pid, signal.SIGSTOP)
        fleet.change([0], slow_s=0.0)
        run = settle(store, end(store, run))
        assert run.status is Status.COMPLETE
        os.kill(collector.pid, signal.SIGCONT)
        other = begin(store, fleet, "2")
        wait_for(lambda: samples(store, other) > 100, WITHIN_S, "the collector at work again")
        assert collector.stop() == 0
    assert verify(store, [run], fleet.step).faultless
    assert store.reload(run).missing == run.missing


def test_what_is_missing_of_a_complete_run_is_not_forgotten(store, mongodb_uri):
    """`--once` has its list of runs, and somebody else completes a later one of them."""
    url = f"http://127.0.0.1:{free_port()}"
    present = time.time()
    first, second = (
        Recorder(store, run_at(store, url, "a", start=present - 300, sim_id=sim_id)).note(
            "STOP_SIMULATION", at=present - 200
        )
        for sim_id in "12"
    )
    with StandingStill(store, mongodb_uri, COLLECT, first.id, after=3) as late:
        assert late.stands()
        done = settle(store, second)
        assert [(m.first, m.last) for m in done.missing] == [(done.start, done.end)]
        assert late.goes_on() == 0
    assert Worklist(store).of(second) == []
    # Put on the list all the same, as by one that was killed there.
    Worklist(store).enter(store.reopen(done), done.hosts)
    store.settle(done)
    with CollectorProcess(store, mongodb_uri):
        wait_for(lambda: Worklist(store).entries() == [], WITHIN_S, "an empty list")
    assert store.reload(second).missing == done.missing
    assert store.reload(second).status is Status.COMPLETE
    assert Collector(store, Configuration(), Journal()).once() == []


def test_one_stands_still_in_a_visit_and_another_asks_the_same_host(store, mongodb_uri, fleet):
    """Both have the same stretches in hand, and the run goes on."""

    def pull():
        Collector(store, Configuration(pull="direct"), Journal()).once()

    for after in count(1):
        begun = time.time() - 190
        run = run_at(store, fleet.urls[0], fleet.hostnames[0], start=begun, sim_id=str(after))
        pull()
        with StandingStill(store, mongodb_uri, COLLECT, run.id, after=after) as late:
            if not late.stands():
                assert late.ended() == 0
                break
            wait_for(lambda: time.time() > late.stood + 2, 10, "newer samples")
            pull()
            before = samples(store, run)
            assert late.goes_on() == 0
            assert samples(store, run) >= before
        assert sum(one.samples for one in store.series(run)) == samples(store, run) > 1000
        run = settle(store, end(store, run))
        assert verify(store, [run], fleet.step).faultless
        assert run.missing == ()
        store.delete_experiment(run.experiment)
    assert after > 8


def test_one_that_cannot_renew_its_lease_asks_no_agent(store, mongodb_uri, fleet):
    """MongoDB answers all the while, and takes everything but leases."""
    with CollectorProcess(store, mongodb_uri, environment={"MINION_PULL": "direct"}) as collector:
        run = begin(store, fleet)
        more(store, run)
        store.database.command("collMod", COLLECTORS, validator={"never": {"$exists": True}})
        asked = [(time.monotonic(), fleet.counts([0])["requests"])]

        def silent():
            """No question in five seconds; else there is one every second."""
            moment, requests = time.monotonic(), fleet.counts([0])["requests"]
            if requests != asked[0][1]:
                asked[0] = moment, requests
            return moment - asked[0][0] > 5

        wait_for(silent, WITHIN_S, "a collector that asks nobody")
        store.database.command("collMod", COLLECTORS, validator=VALIDATORS[COLLECTORS])
        more(store, run)
        assert collector.stop() == 0
    assert "traceback" not in collector.errors.lower()
