"""What a run may say of its hosts, and what else a collector finds on its list."""

import json
import time
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from threading import Event, Thread

import pytest
from faulty_agent import FaultyAgent
from fleet import WITHIN_S, SimulatedFleet, begin, completed, end, faultless, run_at, samples
from waiting import wait_for

from ingest.agents.agent import Agent
from ingest.agents.netdata import NOT_NETDATAS, Source
from ingest.collecting.advancing import Advance
from ingest.collecting.collector import Collector
from ingest.collecting.completing import MOST_WINDOWS, complete
from ingest.collecting.configuration import Configuration
from ingest.collecting.journal import Journal
from ingest.collecting.settling import settle
from ingest.collecting.status import status
from ingest.events import Recorder, register
from minion.errors import InvalidData
from minion.model import Host, Missing, Role, Status
from minion.schema import MINIONS
from minion.worklist import Brief, Worklist

pytestmark = pytest.mark.system

NONE = "http://[bad"


@contextmanager
def collecting(store, **configuration):
    """A collector at work in this process; what it says."""
    said, stop = StringIO(), Event()
    wanted = Configuration(**{"interval": 1.0, "listen": "", **configuration})
    running = Thread(target=Collector(store, wanted, Journal(out=said)).run, args=(stop,))
    running.start()
    try:
        yield said
        assert running.is_alive(), said.getvalue()
    finally:
        stop.set()
        running.join(60)


@pytest.fixture
def fleet():
    with SimulatedFleet(1, step=1, history_s=60) as running:
        yield running


def added(store, urls, *, sim_id="1"):
    """A run as another program put it into the store, which looks at no address."""
    hosts = [Host(hostname=name, role=Role.WORKER, url="http://127.0.0.1:19999") for name in urls]
    run = register(store, sim_id, platform="p", hosts=hosts, experiment="e")
    change = {f"hosts.{place}.url": url for place, url in enumerate(urls.values())}
    store.database[MINIONS].update_one({"_id": run.id}, {"$set": change})
    return Recorder(store, store.reload(run)).note("START_SIMULATION", at=time.time() - 20)


@pytest.mark.parametrize("pull", ["netdata-pandas", "direct"])
def test_two_hosts_of_one_address_are_both_stored(store, fleet, pull):
    hosts = [Host(hostname=n, role=Role.WORKER, url=fleet.urls[0]) for n in ("a", "b")]
    run = register(store, "1", platform="p", hosts=hosts, experiment="e")
    run = Recorder(store, run).note("START_SIMULATION", at=time.time() - 20)
    with collecting(store, pull=pull):
        wait_for(lambda: samples(store, run) > 700, WITHIN_S, "samples")
        run = completed(store, end(store, run))
    assert run.missing == ()
    coverage = store.coverage(run)
    seconds = int(run.end) - int(run.start)
    for name in ("a", "b"):
        mine = coverage[coverage["hostname"] == name]
        assert len(mine) == 5
        assert (mine["samples"] >= seconds - 1).all()


def test_an_address_that_is_none_is_an_agent_that_is_gone(store, fleet):
    run = added(store, {"good": fleet.urls[0], "bad": NONE})
    with collecting(store, trusted=("10.0.0.0/8",), patience=3.0) as said:
        wait_for(lambda: samples(store, run) > 300, WITHIN_S, "samples of the other host")
        wait_for(lambda: "silent" in set(status(store)["state"]), WITHIN_S, "it to be silent")
        run = completed(store, end(store, run))
    assert "host bad: an agent's address is not of the form" in said.getvalue()
    assert {(m.hostname, m.first, m.last) for m in run.missing} == {("bad", run.start, run.end)}


def test_once_says_that_nobody_can_be_asked_at_an_address_that_is_none(store):
    end(store, added(store, {"bad": NONE}))
    (done,) = Collector(store, Configuration(), Journal(out=StringIO())).once()
    assert [m.hostname for m in done.missing] == ["bad"]


def test_a_run_that_cannot_be_read_keeps_no_other_from_being_collected(store, fleet):
    later = added(store, {"h": fleet.urls[0]}, sim_id="2")
    store.database[MINIONS].update_one(
        {"_id": later.id}, {"$set": {"schema_version": 99}}, bypass_document_validation=True
    )
    with collecting(store) as said:
        run = begin(store, fleet)
        wait_for(lambda: samples(store, run) > 200, WITHIN_S, "samples of the other run")
        store.database[MINIONS].delete_one({"_id": later.id})
        run = completed(store, end(store, run))
    faultless(store, run, fleet)
    assert "upgrade Minion to read it" in said.getvalue()


def test_a_run_that_is_deleted_after_the_list_was_read(store, fleet, monkeypatch):
    gone = added(store, {"h": fleet.urls[0]}, sim_id="2")
    store.database[MINIONS].delete_one({"_id": gone.id})
    listed = Worklist.runs
    before = [Brief(gone.id, Status.RUNNING, 1)]
    monkeypatch.setattr(Worklist, "runs", lambda *asked: before + listed(*asked))
    with collecting(store) as said:
        run = begin(store, fleet)
        wait_for(lambda: samples(store, run) > 200, WITHIN_S, "samples of the other run")
        run = completed(store, end(store, run))
    faultless(store, run, fleet)
    assert str(gone.id) in said.getvalue()


@pytest.mark.parametrize("url", [NONE, "node-1:port", "ftp://node-1", "http://ada:secret@node-1"])
def test_an_address_that_is_none_is_not_registered(store, url):
    hosts = [Host(hostname="h", role=Role.WORKER, url=url)]
    with pytest.raises(InvalidData, match="host h") as refused:
        register(store, "1", platform="p", hosts=hosts)
    assert "secret" not in str(refused.value)
    assert store.experiments() == []


def run_of_the_past(store, fleet, **options):
    """A run that began 40 s ago and ended 10 s ago."""
    run = run_at(store, fleet.urls[0], "a", start=time.time() - 40, **options)
    return Recorder(store, run).note("STOP_SIMULATION", at=time.time() - 10)


def stored(store, run):
    return set(store.coverage(run)["chart"])


def test_once_pulls_the_charts_that_are_configured(store, fleet):
    run = run_of_the_past(store, fleet)
    said = Journal(out=StringIO())
    (done,) = Collector(store, Configuration(charts=("system.ram",), pull="direct"), said).once()
    assert stored(store, done) == {"system.ram"}
    assert (done.id, done.missing) == (run.id, ())


@pytest.mark.parametrize("charts", [None, "system.io"])
def test_whoever_settles_a_run_pulls_the_charts_that_are_configured(
    store, fleet, charts, tmp_path, monkeypatch
):
    """As `minion record` and `minion ingest netdata` do."""
    file = tmp_path / "minion.toml"
    file.write_text(
        'charts = ["system.cpu"]\n[hosts.a]\nrole="worker"\ncharts=["system.net"]\n'
        f'url="{fleet.urls[0]}"\n'
    )
    monkeypatch.setenv("MINION_CONFIG", str(file))
    done = settle(store, run_of_the_past(store, fleet, charts=charts))
    assert stored(store, done) == {charts or "system.net"}
    assert done.missing == ()


def test_what_a_service_followed_is_settled_to_its_end(store, fleet):
    """Also where its agent gives nothing any more."""
    configuration = {"charts": ("system.net",), "pull": "direct"}
    run = run_at(store, fleet.urls[0], "a", start=time.time() - 20)
    with collecting(store, **configuration):
        wait_for(lambda: samples(store, run) > 30, WITHIN_S, "samples")
    fleet.change(mode="down")
    run = end(store, run)
    (done,) = Collector(store, Configuration(**configuration), Journal(out=StringIO())).once()
    (record,) = done.missing
    newest = run.start + store.coverage(done)["last_s"].max()
    assert (round(record.first - newest), record.last) == (1, run.end)
    assert stored(store, done) == {"system.net"}


@pytest.mark.parametrize("pull", ["netdata-pandas", "direct"])
def test_once_asks_in_the_way_that_is_configured(store, fleet, pull, monkeypatch):
    asked = []
    task = Source._fetch
    monkeypatch.setattr(
        Source, "_fetch", lambda own, *more: (asked.append(own.way), task(own, *more))
    )
    run_of_the_past(store, fleet)
    Collector(store, Configuration(pull=pull), Journal(out=StringIO())).once()
    assert set(asked) == {pull}


def broken(change):
    """The real list of charts, in which system.ram is as `change` makes it."""

    def fault(exchange):
        code, body = exchange.real()
        document = json.loads(body)
        change(document["charts"]["system.ram"])
        exchange.reply(code, json.dumps(document).encode())

    return fault


BROKEN = {
    "a text that is none": {"units": "\ud800"},
    "an absurd interval": {"update_every": 10**400},
    "a dimension without end": {"dimensions": {"d": {"name": "x" * 10**6}}},
}


@pytest.mark.parametrize("change", BROKEN)
@pytest.mark.parametrize("charts", [None, "system.*"])
def test_one_chart_that_is_none_keeps_no_other_from_being_stored(store, fleet, change, charts):
    with FaultyAgent(fleet.urls[0]) as agent:
        agent.on("/api/v1/charts", broken(lambda entry: entry.update(BROKEN[change])))
        run = run_at(store, agent.url, "a", start=time.time() - 20, charts=charts)
        with collecting(store):
            wait_for(lambda: samples(store, run) > 100, WITHIN_S, "samples of the others")
            run = completed(store, end(store, run))
    assert len(stored(store, run)) == (4 if charts is None else 3)
    (record,) = run.missing
    assert (record.chart, record.reason) == ("system.ram", NOT_NETDATAS)
    assert (record.first, record.last) == (run.start, run.end)


def test_what_cannot_be_kept_is_the_hosts_problem(store, fleet, monkeypatch):
    """And is asked for again."""
    steps = Advance.step
    refused = Event()

    def step(advance, progress):
        if not refused.is_set():
            raise InvalidData("MongoDB cannot keep a value")
        return steps(advance, progress)

    monkeypatch.setattr(Advance, "step", step)
    run = run_at(store, fleet.urls[0], fleet.hostnames[0], start=time.time() - 20)
    with collecting(store):
        wait_for(lambda: "silent" in set(status(store)["state"]), WITHIN_S, "a problem")
        assert list(status(store)["problem"]) == ["MongoDB cannot keep a value"]
        refused.set()
        run = completed(store, end(store, run))
    faultless(store, run, fleet)


def test_once_that_cannot_collect_a_run_says_so(store, fleet, minion):
    later = added(store, {"h": fleet.urls[0]}, sim_id="2")
    store.database.command("collMod", MINIONS, validationLevel="off")
    store.database[MINIONS].update_one({"_id": later.id}, {"$set": {"schema_version": 99}})
    run = run_of_the_past(store, fleet)
    said = minion("collect", "--once")
    assert said.returncode == 3
    assert "not every run could be collected: " in said.stderr
    assert store.reload(run).status is Status.COMPLETE


def test_many_windows_that_are_missing_are_all_asked_for_again(store, fleet):
    """More than are asked for one by one, of an agent that has them by now."""
    fleet.change(born=time.time() - 2000)
    start = float(int(time.time()) - 1000)
    run = run_at(store, fleet.urls[0], "a", start=start, charts="system.ram")
    run = Recorder(store, run).note("STOP_SIMULATION", at=start + 900)
    worklist = Worklist(store)
    worklist.enter(run, run.hosts)
    (entry,) = worklist.of(run)
    windows = range(0, 900, 3)
    assert len(windows) > 2 * MOST_WINDOWS
    absent = [
        Missing(hostname="a", chart="system.ram", first=start + n, last=start + n + 1, reason="?")
        for n in windows
    ]
    worklist.advance(entry, replace(entry, until=run.end, done=True, missing=tuple(absent)))
    done = complete(store, run, opened=lambda entry: Agent(entry.url))
    assert "?" not in {record.reason for record in done.missing}
    (series,) = store.series(done)
    assert set(series.times) >= {start + n for n in windows}
