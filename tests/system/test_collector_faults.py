"""More of what may fail before a collector: its MongoDB in every way, and agents that lose much."""

import json
import os
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import numpy as np
import pymongo
import pytest
from faulty_agent import FaultyAgent
from fleet import (
    WITHIN_S,
    CollectorProcess,
    SimulatedFleet,
    begin,
    completed,
    end,
    faultless,
    more,
    run_at,
    samples,
    states,
    verify,
)
from fronts import Front
from held_samples import Witness
from mongod_with_tls import authority, signed
from netdata_agents import free_port
from own_mongod import OwnMongod
from waiting import wait_for

import minion
from ingest.collecting.status import status
from minion.refusals import ANALYST, COLLECTOR
from minion.roles import create_roles
from minion.worklist import Worklist

pytestmark = pytest.mark.system


@pytest.fixture
def fleet():
    with SimulatedFleet(2, step=1, history_s=60) as running:
        yield running


# MongoDB


def health(port):
    """What its /healthz says; nothing before it answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return json.load(answer)["status"]
    except urllib.error.HTTPError as error:
        with error:
            return json.load(error)["status"]
    except OSError:
        return None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_single_mongodb_is_restarted(tmp_path, fleet, how):
    (tmp_path / "data").mkdir()
    port = free_port()
    options = ("--log=json", f"--listen=127.0.0.1:{port}")
    with (
        OwnMongod(tmp_path / "data") as mongod,
        minion.connect(mongod.uri, database="d") as store,
    ):
        with CollectorProcess(store, mongod.uri, *options) as collector:
            run = begin(store, fleet)
            more(store, run)
            assert health(port) == "ok"
            mongod.end(how)
            wait_for(lambda: health(port) == "failing", WITHIN_S, "a collector without a store")
            mongod.start()
            wait_for(lambda: health(port) == "ok", WITHIN_S, "a collector that has it again")
            more(store, run)
            run = completed(store, end(store, run))
            assert collector.stop() == 0
        faultless(store, run, fleet)
    told = [line["event"] for line in collector.told]
    assert told.index("store") < told.index("store answers")
    assert "fault" not in told


@contextmanager
def small_disk(folder, megabytes):
    """A disk of that size."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
    tried = subprocess.run(mount, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"cannot mount a small disk: {tried.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_mongodb_whose_disk_is_full(tmp_path, fleet):
    port = free_port()
    options = ("--log=json", f"--listen=127.0.0.1:{port}")
    with (
        small_disk(tmp_path / "disk", 96) as disk,
        OwnMongod(disk) as mongod,
        minion.connect(mongod.uri, database="d") as store,
    ):
        with CollectorProcess(store, mongod.uri, *options) as collector:
            run = begin(store, fleet)
            more(store, run)
            ballast = disk / "ballast"
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            ballast.write_bytes(bytes(free))
            wait_for(lambda: mongod.ended, WITHIN_S, "mongod, which gives up on a full disk")
            wait_for(lambda: health(port) == "failing", WITHIN_S, "a collector without a store")
            ballast.unlink()
            mongod.start()
            more(store, run)
            run = completed(store, end(store, run))
            assert collector.stop() == 0
        faultless(store, run, fleet)
    assert {"store", "store answers"} <= {line["event"] for line in collector.told}


@pytest.fixture
def guarded(tmp_path):
    """A mongod with a login; gives it, and a client of its administrator."""
    (tmp_path / "data").mkdir()
    with OwnMongod(tmp_path / "data", "--auth") as mongod:
        with pymongo.MongoClient(mongod.uri) as first:
            first.admin.command("createUser", "root", pwd="pa55", roles=["root"])
        root = mongod.uri.replace("//", "//root:pa55@")
        with minion.connect(f"{root}?authSource=admin", database="d") as store:
            create_roles(store)
            yield mongod, store


@pytest.mark.parametrize("taken", ["rights", "user"])
def test_mongodb_that_refuses_for_a_while(guarded, fleet, taken):
    mongod, store = guarded
    made = {"pwd": "s3cret-pa55", "roles": [COLLECTOR]}
    store.database.command("createUser", "collector", **made)
    uri = mongod.uri.replace("//", "//collector:s3cret-pa55@") + "?authSource=d"
    port = free_port()
    options = ("--log=json", f"--listen=127.0.0.1:{port}")
    with CollectorProcess(store, uri, *options) as collector:
        run = begin(store, fleet)
        more(store, run)
        if taken == "rights":  # what is left is a user who reads only
            store.database.command("updateUser", "collector", roles=[ANALYST])
        else:
            store.database.command("dropUser", "collector")
        wait_for(lambda: health(port) == "failing", WITHIN_S, "a collector that is refused")
        if taken == "rights":
            store.database.command("updateUser", "collector", roles=[COLLECTOR])
        else:
            store.database.command("createUser", "collector", **made)
        more(store, run)
        run = completed(store, end(store, run))
        assert collector.stop() == 0
    faultless(store, run, fleet)
    found = collector.told
    refused = [line["text"] for line in found if line["event"] == "store"]
    assert refused
    assert all("role" in text or "password" in text for text in refused), refused
    assert "s3cret" not in collector.errors
    assert "fault" not in {line["event"] for line in found}


def stored_until(store, run):
    """What a store acknowledged: every sample before where its host's progress stands."""
    until = {entry.hostname: entry.until for entry in Worklist(store).of(run)}
    return {
        (series.hostname, series.chart, float(time), dimension.id): value
        for series in store.series(run)
        for time, row in zip(series.times, series.values, strict=True)
        if time < until[series.hostname]
        for dimension, value in zip(series.dimensions, row, strict=True)
        if not np.isnan(value)
    }


def test_the_primary_killed_ten_times_loses_nothing_that_was_acknowledged(replica_set, fleet):
    with minion.connect(replica_set.uri, database="ten") as store:
        with CollectorProcess(store, replica_set.uri) as collector:
            run = begin(store, fleet)
            more(store, run)
            for _ in range(10):
                acknowledged = stored_until(store, run)
                assert acknowledged
                killed = replica_set.kill_primary()
                wait_for(replica_set.primary, 60, "another primary")
                there = stored_until(store, run)
                assert acknowledged.items() <= there.items()
                replica_set.revive(killed)
                more(store, run, 20)
            run = completed(store, end(store, run))
            assert collector.stop() == 0
        faultless(store, run, fleet)


# Agents


def without(first, last, columns):
    """Answers whose rows of a window have null in those columns; in all where none is named."""

    def fault(exchange):
        code, body = exchange.real()
        table = json.loads(body)
        for row in table["result"]["data"]:
            if first <= row[0] < last:
                for column in columns or range(1, len(row)):
                    row[column] = None
        exchange.reply(code, json.dumps(table).encode())

    return fault


def test_answers_with_nulls(store, mongodb_uri, fleet):
    with FaultyAgent(fleet.urls[0]) as agent, CollectorProcess(store, mongodb_uri):
        first = int(time.time()) + 4
        agent.on("chart=system.ram", without(first, first + 3, ()))
        agent.on("chart=system.net", without(first, first + 3, (1,)))
        run = run_at(store, agent.url, fleet.hostnames[0])
        wait_for(lambda: time.time() > first + 8, 30, "the nulls behind")
        run = completed(store, end(store, run))
    (record,) = run.missing
    assert (record.chart, record.first, record.last) == ("system.ram", first, first + 3)
    assert record.reason == "the agent has no samples of that time"
    found = verify(store, [run], fleet.step)
    # Three rows of four dimensions, and three values of a row whose others are there.
    assert (found.missing, found.doubled, found.changed, found.invented) == (12 + 3, 0, 0, 0)


def test_an_agent_with_tls_and_a_token_from_the_configuration(store, mongodb_uri, fleet, tmp_path):
    ca = authority(tmp_path, "ca")
    certificate = signed(tmp_path, "ca", "agent", "/CN=agent", "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    (tmp_path / "token").write_text("s3cret-t0ken\n")
    config = tmp_path / "minion.toml"
    config.write_text(f'listen = ""\n[agents]\ntoken_file = "token"\nca_file = "{ca.name}"\n')
    with (
        Front(wants="Bearer s3cret-t0ken", upstream=fleet.urls[1], tls=context) as front,
        CollectorProcess(store, mongodb_uri, f"--config={config}") as collector,
    ):
        run = run_at(store, front.url, fleet.hostnames[1])
        more(store, run)
        (tmp_path / "token").write_text("not read again before a restart")
        run = completed(store, end(store, run))
        assert collector.stop() == 0
    faultless(store, run, fleet)
    assert "s3cret" not in collector.errors


def test_an_hour_of_silence_is_fetched_at_once(store, mongodb_uri):
    with SimulatedFleet(1, step=1, history_s=4000) as fleet:
        fleet.change(mode="down")
        run = run_at(store, fleet.urls[0], fleet.hostnames[0], start=time.time() - 3600)
        with CollectorProcess(store, mongodb_uri):
            wait_for(lambda: states(store) == {"silent"}, WITHIN_S, "an agent away")
            fleet.change(mode="up")
            back = time.monotonic()
            wait_for(lambda: samples(store, run) > 3590 * 19, WITHIN_S, "the whole hour")
            assert time.monotonic() - back < 60
            run = completed(store, end(store, run))
        faultless(store, run, fleet)


def test_an_agent_that_comes_back_with_less_than_it_had(store, mongodb_uri, fleet):
    run = begin(store, fleet, agents=[0])
    with CollectorProcess(store, mongodb_uri):
        more(store, run)
        fleet.change([0], mode="down")
        wait_for(lambda: states(store) == {"silent"}, WITHIN_S, "an agent away")
        stored = store.coverage(run)["last_s"].max()
        away = time.time() + 8
        wait_for(lambda: time.time() > away, 20, "time that it will have lost")
        born = time.time() - 3
        fleet.change([0], mode="up", born=born)
        run = completed(store, end(store, run))
    assert len(run.missing) == 5
    for record in run.missing:
        assert record.reason == "older than what the agent has of this chart"
        assert record.first - run.start == pytest.approx(stored, abs=1.5)
        assert record.last == int(np.ceil(born))
    found = verify(store, [run], fleet.step)
    rows = sum(record.last - record.first for record in run.missing) / 5
    assert (found.missing, found.changed, found.doubled, found.invented) == (rows * 19, 0, 0, 0)


@pytest.mark.parametrize("seconds", [12, -8])
def test_a_clock_that_is_set_while_a_run_goes_on(store, mongodb_uri, fleet, seconds):
    run = begin(store, fleet)
    with CollectorProcess(store, mongodb_uri, "--log=json") as collector:
        more(store, run)
        fleet.change([0], skew_s=seconds)
        more(store, run)
        run = completed(store, end(store, run))
        assert collector.stop() == 0
    faultless(store, run, fleet)
    assert "fault" not in {line["event"] for line in collector.told}


@pytest.mark.parametrize("named", [True, False])
def test_a_disk_that_is_replaced(store, mongodb_uri, named):
    old, new = "simulated.chart_000", "simulated.chart_001"
    with SimulatedFleet(1, step=1, history_s=60, listed=7) as fleet:
        change = int(time.time()) + 6
        fleet.change(spans={old: [None, change], new: [change + 3, None]})
        charts = "simulated.chart" if named else "simulated.chart_*"
        run = run_at(store, fleet.urls[0], fleet.hostnames[0], charts=charts)
        with CollectorProcess(store, mongodb_uri):
            wait_for(lambda: time.time() > change + 8, 30, "the other disk")
            run = completed(store, end(store, run))
        found = Witness((charts,)).compare(store, run, {fleet.hostnames[0]: fleet.urls[0]})
        assert found.faultless, found
    coverage = store.coverage(run).set_index("chart")
    assert coverage["last_s"][old] == pytest.approx(change - run.start, abs=1.1)
    assert coverage["first_s"][new] == pytest.approx(change + 3 - run.start, abs=1.1)
    # What was named is missing where the disk was not; what a pattern finds may come and go.
    assert {record.chart for record in run.missing} == ({old, new} if named else set())


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_a_gap_of_a_chart_that_a_pattern_found(store, mongodb_uri, how):
    witness = Witness(("simulated.*",))
    with SimulatedFleet(1, step=1, history_s=60, listed=6) as fleet:
        name, url = fleet.hostnames[0], fleet.urls[0]
        run = run_at(store, url, name, charts="simulated.chart_*")
        with CollectorProcess(store, mongodb_uri):
            more(store, run, 20)
            witness.look(name, url)
            fleet.restart([0], seconds=4)
            wait_for(lambda: states(store) == {"silent"}, WITHIN_S, "an agent away")
            if how == "killed":  # it loses what it had, too
                fleet.change(born=time.time())
            more(store, run, 20)
            run = completed(store, end(store, run))
        found = witness.compare(store, run, {name: url})
    # What came between the look and the restart is stored, and nobody saw it: at most two rows.
    assert found.invented <= (8 if how == "killed" else 0), found
    wrong = found.lost, found.changed, found.doubled, found.unexplained, found.contradicted
    assert wrong == (0,) * 5, found
    (record,) = run.missing
    assert record.chart == "simulated.chart_000"
    assert 3 <= record.last - record.first <= 6


def test_a_chart_that_a_restarted_agent_lists_late(store, mongodb_uri, fleet):
    name = fleet.hostnames[0]

    def heard():
        return status(store).set_index("hostname")["samples"][name]

    with CollectorProcess(store, mongodb_uri) as collector:
        run = begin(store, fleet, agents=[0])
        more(store, run)
        fleet.change([0], mode="down")
        wait_for(lambda: states(store) == {"silent"}, WITHIN_S, "an agent away")
        # It is back, and does not know one of its charts yet; then it does, with all its history.
        before = heard()
        fleet.change([0], mode="up", spans={"system.ram": [time.time() + 1000, None]})
        wait_for(lambda: heard() > before, WITHIN_S, "the other charts")
        fleet.change([0], spans={})
        more(store, run)
        run = completed(store, end(store, run))
        assert collector.stop() == 0
    faultless(store, run, fleet)
