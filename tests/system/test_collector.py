"""The collector as a service: killed, shared, and in front of agents and a MongoDB that fail."""

import json
import math
import random
import re
import time
import urllib.error
import urllib.request

import pytest
from fleet import (
    WITHIN_S,
    CollectorProcess,
    SimulatedFleet,
    begin,
    completed,
    end,
    faultless,
    samples,
    states,
    verify,
)
from netdata_agents import free_port
from processes import elsewhere
from waiting import wait_for

from ingest.collecting.collector import LOOK_S
from ingest.collecting.status import status
from minion.leases import LEASE_S
from minion.model import Status, Verdict
from minion.schema import COLLECTORS, PROGRESS
from minion.worklist import Worklist

pytestmark = pytest.mark.system

PATIENT = {"MINION_PATIENCE": "15"}  # seconds, for an agent that is away


@pytest.fixture
def fleet():
    with SimulatedFleet(4, step=1, history_s=60) as running:
        yield running


def test_a_run_is_followed_to_its_end(store, mongodb_uri, fleet):
    with CollectorProcess(store, mongodb_uri) as collector:
        run = begin(store, fleet)
        wait_for(lambda: samples(store, run) > 500, WITHIN_S, "samples of a run in progress")
        assert store.reload(run).status is Status.RUNNING
        run = completed(store, end(store, run))
        assert collector.stop() == 0
    faultless(store, run, fleet)
    assert "complete, missing windows: 0" in collector.errors
    assert {h.cores is not None for h in run.hosts} == {True}
    for name in (PROGRESS, COLLECTORS):
        assert store.database[name].count_documents({}) == 0


def test_killed_twenty_times_nothing_is_lost_or_doubled(store, mongodb_uri, fleet):
    random_ = random.Random(20)
    run = begin(store, fleet)

    def more_than(before):
        return lambda: samples(store, run) > before

    for kill in range(20):
        before = samples(store, run)
        with CollectorProcess(store, mongodb_uri) as collector:
            if kill % 2 or run.end:  # at any instant, before it stored anything as well
                time.sleep(random_.uniform(0.3, 1.5))  # the instant is what is tried
            else:
                wait_for(more_than(before), WITHIN_S, "more samples")
            if kill == 15:
                run = end(store, run)
            collector.kill()
    with CollectorProcess(store, mongodb_uri):
        run = completed(store, run)
    faultless(store, run, fleet)


@pytest.mark.parametrize("place", ["on this machine", "elsewhere"])
def test_the_hosts_of_a_killed_collector_have_another_within_a_minute(
    store, mongodb_uri, fleet, place
):
    prefix = elsewhere() if place == "elsewhere" else ()
    with (
        CollectorProcess(store, mongodb_uri, prefix=prefix) as first,
        CollectorProcess(store, mongodb_uri) as second,
    ):
        run = begin(store, fleet)

        def owners():
            return sorted(status(store)["collector"])

        def halves():
            return {name.rpartition(":")[2]: owners().count(name) for name in owners()}

        shared = {"1" if prefix else str(first.pid): 2, str(second.pid): 2}
        wait_for(lambda: halves() == shared, WITHIN_S, "two hosts for each collector")
        killed = time.monotonic()
        first.kill()
        wait_for(lambda: halves() == {str(second.pid): 4}, 60, "all hosts at the second one")
        took = time.monotonic() - killed
        # Whether it is dead shows on its own machine; all others wait for its lease to run out.
        assert (took > LEASE_S - 2 * LOOK_S) == bool(prefix)
        run = completed(store, end(store, run))
    faultless(store, run, fleet)


FAULTS = {
    "down": {"mode": "down"},
    "silent": {"mode": "hang"},
    "garbage": {"mode": "garbage"},
    **{code: {"mode": code} for code in ("401", "404", "503")},
    "slow": {"slow_s": 1.0},
}
REASONS = {
    "down": "refuses the connection",
    "silent": "no whole answer within 2 s",
    "garbage": "is not JSON: '",
    "401": "HTTP 401 for .*: wants a user and a password",
    "404": "HTTP 404 for .*: has no such page",
    "503": "HTTP 503 for .*: is busy or just starting",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_agent_that_fails_for_a_while_is_caught_up_with(
    store, mongodb_uri, fleet, fault, tmp_path
):
    config = tmp_path / "minion.toml"
    config.write_text("[agents]\ntimeout = 2\n")
    with CollectorProcess(store, mongodb_uri, f"--config={config}") as collector:
        run = begin(store, fleet)
        wait_for(lambda: samples(store, run) > 200, WITHIN_S, "the first samples")
        fleet.change([2], **FAULTS[fault])
        if fault != "slow":
            wait_for(lambda: "silent" in states(store), WITHIN_S, "an agent that fails")
            told = status(store).set_index("hostname")["problem"][fleet.hostnames[2]]
            assert re.search(REASONS[fault], told), told
            wait_for(lambda: told in collector.errors, WITHIN_S, f"a line that says: {told}")
        else:
            began = fleet.counts([2])["requests"]
            wait_for(lambda: fleet.counts([2])["requests"] > began + 4, WITHIN_S, "slow answers")
        others = samples(store, run)
        wait_for(lambda: samples(store, run) > others + 100, WITHIN_S, "samples of the others")
        fleet.change([2], mode="up", slow_s=0.0)
        run = completed(store, end(store, run))
        collector.stop()
    faultless(store, run, fleet)


def test_what_no_agent_has_is_missing_with_its_window_and_reason(store, mongodb_uri, fleet):
    with CollectorProcess(store, mongodb_uri):
        run = begin(store, fleet)
        wait_for(lambda: samples(store, run) > 200, WITHIN_S, "the first samples")
        fleet.restart([1], seconds=5)
        wait_for(lambda: "silent" in states(store), WITHIN_S, "an agent away")
        wait_for(lambda: "silent" not in states(store), WITHIN_S, "it back")
        wait_for(
            lambda: status(store).set_index("hostname")["gaps"][fleet.hostnames[1]] == 5,
            WITHIN_S,
            "a gap of each of its charts",
        )
        before = samples(store, run)
        wait_for(lambda: samples(store, run) > before + 300, WITHIN_S, "samples behind the gap")
        run = completed(store, end(store, run))
    assert {m.hostname for m in run.missing} == {fleet.hostnames[1]}
    assert len(run.missing) == 5, run.missing
    for record in run.missing:
        assert record.chart
        assert 4 <= record.last - record.first <= 7
        assert record.reason == "the agent has no samples of that time"
    found = verify(store, [run], fleet.step)
    rows = sum(math.ceil(m.last) - math.ceil(m.first) for m in run.missing)
    assert (found.doubled, found.changed, found.invented) == (0, 0, 0)
    assert found.missing == rows / 5 * 19  # what is not there is said to be missing


@pytest.mark.parametrize("gives_up", ["by itself", "when told"])
def test_an_agent_that_is_gone_for_good_is_given_up_in_the_end(store, mongodb_uri, fleet, gives_up):
    environment = PATIENT if gives_up == "by itself" else {}
    with CollectorProcess(store, mongodb_uri, environment=environment):
        run = begin(store, fleet)
        wait_for(lambda: samples(store, run) > 200, WITHIN_S, "the first samples")
        fleet.change([3], mode="down")
        wait_for(lambda: "silent" in states(store), WITHIN_S, "an agent away")
        run = end(store, run)
        done = lambda: list(status(store)["state"]).count("done") == 3  # noqa: E731
        wait_for(done, WITHIN_S, "the others done")
        assert store.reload(run).status is Status.ENDED  # it may come back
        if gives_up == "by itself":
            run = completed(store, run)
            assert time.time() - run.end >= float(PATIENT["MINION_PATIENCE"])
    if gives_up == "when told":
        with CollectorProcess(store, mongodb_uri, "--once") as once:
            assert once.stop_by_itself() == 3
    run = store.reload(run)
    assert run.status is Status.COMPLETE
    assert len(run.missing) == 5  # of each chart, from its newest sample on
    for record in run.missing:
        assert record.hostname == fleet.hostnames[3]
        assert record.last == run.end
        assert "refuses the connection" in record.reason
    assert run.validity.verdict is Verdict.UNCHECKED


def test_a_chart_that_comes_late_and_one_that_goes(store, mongodb_uri, fleet):
    late, early = "system.io", "disk_util.vda"
    present = time.time()
    spans = {late: [present + 12, None], early: [None, present + 8]}
    fleet.change([0], spans=spans)
    run = begin(store, fleet, agents=[0], charts="system.*,disk_util.*")
    with CollectorProcess(store, mongodb_uri):
        wait_for(lambda: time.time() > present + 20, 60, "both borders passed")
        run = completed(store, end(store, run))
    coverage = store.coverage(run).set_index("chart")
    assert run.start is not None
    assert abs(coverage["first_s"][late] - (present + 12 - run.start)) <= 1.1
    assert abs(coverage["last_s"][early] - (present + 8 - run.start)) <= 1.1
    assert run.missing == ()
    found = verify(store, [run], fleet.step)
    assert (found.doubled, found.changed, found.invented) == (0, 0, 0)


def test_a_wrong_clock_is_measured_and_corrected_only_when_asked(store, mongodb_uri, fleet):
    fleet.change(born=time.time() - 2000)
    fleet.change([0], skew_s=500.0)
    fleet.change([1], skew_s=-500.0)
    correct = {"MINION_CORRECT_CLOCKS": "true"}
    with CollectorProcess(store, mongodb_uri, environment=correct):
        run = begin(store, fleet)
        wait_for(lambda: samples(store, run) > 1000, WITHIN_S, "samples")
        run = completed(store, end(store, run))
    ahead = [host.clock_ahead_s for host in run.hosts]
    assert ahead[0] == pytest.approx(500, abs=1)
    assert ahead[1] == pytest.approx(-500, abs=1)
    assert ahead[2:] == [None, None]
    assert run.missing == ()
    coverage = store.coverage(run)
    assert run.end is not None
    assert run.start is not None
    length = run.end - run.start
    assert coverage["first_s"].between(0, 1.6).all()
    assert coverage["last_s"].between(length - 2.6, length).all()


def test_mongodb_away_for_a_while(replica_set, fleet):
    import minion  # noqa: PLC0415

    with minion.connect(replica_set.uri, database="away") as store:
        with CollectorProcess(store, replica_set.uri) as collector:
            run = begin(store, fleet)
            for _ in range(3):
                before = samples(store, run)
                wait_for(lambda seen=before: samples(store, run) > seen, WITHIN_S, "samples")
                replica_set.revive(replica_set.kill_primary())
                wait_for(replica_set.primary, 60, "a primary")
            run = completed(store, end(store, run))
            assert collector.stop() == 0
        faultless(store, run, fleet)


def test_sigterm_stores_what_is_in_flight(store, mongodb_uri, fleet):
    fleet.change(slow_s=1.0)
    run = begin(store, fleet)
    with CollectorProcess(store, mongodb_uri) as collector:
        wait_for(lambda: fleet.counts()["requests"] > 8, WITHIN_S, "requests in flight")
        assert collector.stop() == 0
        stored = samples(store, run)
    assert stored > 0
    entries = Worklist(store).of(run)
    assert sum(entry.samples for entry in entries) == stored
    assert {entry.owner for entry in entries} == {None}


def test_its_health_is_told_to_supervisors_and_prometheus(store, mongodb_uri, fleet):
    port = free_port()
    address = f"http://127.0.0.1:{port}"

    def page(name):
        with urllib.request.urlopen(f"{address}/{name}", timeout=5) as answer:
            return answer.read().decode()

    def healthy():
        try:
            return json.loads(page("healthz"))["status"] == "ok"
        except OSError:
            return False

    with CollectorProcess(store, mongodb_uri, f"--listen=127.0.0.1:{port}", "--log=json") as one:
        wait_for(healthy, WITHIN_S, "a healthy collector")
        run = begin(store, fleet)
        wait_for(lambda: samples(store, run) > 300, WITHIN_S, "samples")
        fleet.change([0], mode="503")
        up = f'minion_agent_up{{experiment="e",hostname="{fleet.hostnames[0]}",sim_id="1"}} 0.0'
        wait_for(lambda: up in page("metrics"), WITHIN_S, "the agent that is down")
        text = page("metrics")
        assert "# TYPE minion_lag_seconds gauge" in text
        assert "minion_samples_total" in text
        assert healthy()  # a silent agent is not its trouble
        with pytest.raises(urllib.error.HTTPError, match="404"):
            page("else")
        assert one.stop() == 0
    lines = [json.loads(line) for line in one.errors.splitlines()]
    assert {"started", "share", "agent", "stopped"} <= {line["event"] for line in lines}
    assert all({"time", "level", "text"} <= line.keys() for line in lines)


def test_the_table_of_hosts(store, mongodb_uri, fleet):
    assert status(store).empty
    run = begin(store, fleet)
    with CollectorProcess(store, mongodb_uri) as collector:
        wait_for(lambda: samples(store, run) > 300, WITHIN_S, "samples")
        found = status(store)
        assert list(found["hostname"]) == sorted(fleet.hostnames)
        assert set(found["state"]) == {"collecting"}
        assert (found["lag_s"] < 30).all()
        assert {name.rpartition(":")[2] for name in found["collector"]} == {str(collector.pid)}
        collector.kill()
    store.database[COLLECTORS].delete_many({})
    assert states(store) == {"waiting"}
