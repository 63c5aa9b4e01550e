"""Charts that come late, and what must not be forgotten between a pull and its being stored."""

import time
from contextlib import contextmanager
from itertools import pairwise

import pytest
from faulty_agent import FaultyAgent, as_it_is, status
from fleet import (
    CHARTS,
    WITHIN_S,
    CollectorProcess,
    SimulatedFleet,
    begin,
    completed,
    end,
    faultless,
    more,
    run_at,
)
from held_samples import Witness
from own_mongod import OwnMongod
from waiting import wait_for

import minion
from ingest.agents import netdata
from ingest.agents.agent import Agent
from ingest.agents.netdata import NO_SUCH_CHART, Source, Way

pytestmark = pytest.mark.system

LATE = "system.ram"
DISK_FULL = 14031  # MongoDB's OutOfDiskSpace
TESTABLE = ("--setParameter", "enableTestCommands=1")


@pytest.fixture
def fleet():
    with SimulatedFleet(1, step=1, history_s=60, listed=220) as running:
        yield running


@contextmanager
def refusing(store, collection, *commands):
    """MongoDB answers those commands on a collection as with a full disk; all others as ever."""
    namespace = f"{store.database.name}.{collection}"
    data = {"failCommands": commands, "errorCode": DISK_FULL, "namespace": namespace}
    point = {"configureFailPoint": "failCommand"}
    store.client.admin.command({**point, "mode": "alwaysOn", "data": data})
    try:
        yield
    finally:
        store.client.admin.command({**point, "mode": "off"})


@pytest.mark.parametrize(
    "refused", [("series", "insert", "update"), ("progress", "findAndModify")], ids=lambda r: r[0]
)
def test_mongodb_refuses_between_a_pull_and_its_progress(tmp_path, fleet, refused):
    (tmp_path / "data").mkdir()
    with (
        OwnMongod(tmp_path / "data", *TESTABLE) as mongod,
        minion.connect(mongod.uri, database="d") as store,
    ):
        fleet.change(spans={LATE: [time.time() + 1000, None]})
        with CollectorProcess(store, mongod.uri, "--log=json") as collector:
            run = begin(store, fleet, charts="system.*,disk_util.*")
            more(store, run)
            with refusing(store, *refused):
                # The chart comes with all its history, in a pull of which nothing can be kept.
                fleet.change(spans={})
                before = fleet.counts()["requests"]
                visits = 2 * (2 + len(CHARTS))
                wait_for(lambda: fleet.counts()["requests"] > before + visits, WITHIN_S, "visits")
            more(store, run)
            # As soon as it can be stored it is, and not only in the run's last look at its gaps.
            first = store.coverage(run).set_index("chart")["first_s"][LATE]
            assert first < 1.1
            run = completed(store, end(store, run))
            assert collector.stop() == 0
        faultless(store, run, fleet)
        found = {line["event"] for line in collector.told}
        assert {"store", "store answers"} <= found
        assert "fault" not in found


@pytest.mark.parametrize("way", Way)
def test_a_chart_that_comes_late_and_fails_at_first(fleet, monkeypatch, way):
    monkeypatch.setattr(netdata, "LOOKED_S", 0.0)  # its list of charts is read in each pull
    first = int(time.time()) - 40
    fleet.change(absent=[LATE])
    with FaultyAgent(fleet.urls[0]) as agent:
        wanted = ("system.cpu", LATE)
        source = Source(Agent(agent.url), "a", contexts=wanted, tries=1, way=way, origin=first)
        assert [m.reason for m in source.pull(first, first + 10).missing] == [NO_SUCH_CHART]
        fleet.change(absent=[])
        agent.on(f"chart={LATE}", status(500))
        failed = source.pull(first + 10, first + 20)
        assert failed.retry_from == first
        agent.on(f"chart={LATE}", as_it_is)
        pulled = source.pull(first + 20, first + 30)
    times = {one.chart: one.times for one in pulled.series}
    assert list(times[LATE]) == list(range(first, first + 30))
    assert pulled.missing == ()


def test_a_named_chart_that_is_gone_costs_no_list_in_each_pull(fleet, monkeypatch):
    monkeypatch.setattr(netdata, "LOOKED_S", 1.0)
    first = int(time.time()) - 40
    with FaultyAgent(fleet.urls[0]) as agent:
        wanted = ("system.cpu", LATE)
        source = Source(Agent(agent.url), "a", contexts=wanted, way=Way.DIRECT, origin=first)
        assert source.pull(first, first + 2).missing == ()
        fleet.change(absent=[LATE])
        lists, asked = [], []
        for second in range(2, 30):
            pulled = source.pull(first + second, first + second + 1)
            lists.append(len(agent.asked("/api/v1/charts")))
            asked.append(len(agent.asked("")))
            time.sleep(0.1)  # the pace of the pulls is what is tried
        # One when it was gone; for LOOKED_S in each pull, and from then on one in LOOKED_S.
        assert 3 <= lists[-1] <= 1 + 11 + 3
        assert lists[-1] - lists[14] <= 3
        alone = [now - before for before, now in pairwise(asked)]
        assert alone.count(1) > 10  # a question for the chart that is there, and no other
        fleet.change(absent=[])
        wait_for(
            lambda: LATE in {one.chart for one in source.pull(first + 30, first + 31).series},
            10,
            "the chart, which is back",
        )
    assert pulled.missing[0].reason == NO_SUCH_CHART


@pytest.mark.parametrize("pull", ["netdata-pandas", "direct"])
def test_a_container_that_starts_shortly_before_a_runs_end(store, mongodb_uri, fleet, pull):
    late = time.time() + 8
    fleet.change(spans={"simulated.chart_000": [late, None]})
    run = run_at(store, fleet.urls[0], fleet.hostnames[0], charts="simulated.chart_00*,system.cpu")
    with CollectorProcess(store, mongodb_uri, environment={"MINION_PULL": pull}) as collector:
        more(store, run, 20)
        wait_for(lambda: time.time() > late + 3, 30, "its first samples")
        run = completed(store, end(store, run))
        assert collector.stop() == 0
    patterns = ("simulated.chart_00*", "system.cpu")
    found = Witness(patterns).compare(store, run, {fleet.hostnames[0]: fleet.urls[0]})
    assert found.faultless, found
    assert "simulated.chart_000" in set(store.coverage(run)["chart"])
