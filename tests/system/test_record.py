"""A run recorded for real: real netdata agents, a real load, a real MongoDB."""

import os
import signal
import subprocess
import sys
import time
from io import StringIO

import numpy as np
import pytest
import requests
from stores import fresh
from waiting import wait_for

import analysis
from ingest.collecting.collector import Collector
from ingest.collecting.configuration import Configuration
from ingest.collecting.journal import Journal
from ingest.collecting.settling import settle
from ingest.events import Recorder, register
from ingest.record import record
from minion import schema
from minion.errors import AgentError, AlreadyExists, InvalidData, UsageError
from minion.model import EventType, Host, Role, Status, Verdict
from minion.worklist import Worklist

pytestmark = pytest.mark.system

LOAD = "import time; end = time.time() + 4\nwhile time.time() < end: sum(range(1000))"


def host(agent, role=Role.MASTER):
    return Host(hostname=agent.name, role=role, url=agent.url)


def collecting(store):
    return Collector(store, Configuration(), Journal(out=StringIO()))


def pulled(collector):
    """How many samples one look brought."""
    before = collector.journal.figures.counts["samples"]
    collector.once()
    return collector.journal.figures.counts["samples"] - before


def hosts(agents):
    first, second = agents
    controller = Host(hostname="controller", role=Role.CONTROLLER)
    return [controller, host(first), host(second, Role.WORKER)]


def documents(store):
    found = store.database[schema.SERIES].find({}, {"_id": 0})
    return sorted(found, key=lambda d: (d["hostname"], d["chart"], d["stretch"]))


def from_api(agent, chart, first, last):
    """time -> name -> value, as the agent itself answers."""
    answer = requests.get(
        f"{agent.url}/api/v1/data",
        params={
            "chart": chart,
            "after": int(first),
            "before": int(last) + 1,
            "dimensions": "*",
            "format": "json",
            "options": "flip",
        },
        timeout=10,
    ).json()
    rows = [row for row in answer["data"] if first <= row[0] < last]
    return {row[0]: dict(zip(answer["labels"][1:], row[1:], strict=True)) for row in rows}


@pytest.fixture(scope="module")
def recorded(mongodb_uri, two_agents):
    """(store, recording): a run of two hosts under load."""
    command = [sys.executable, "-c", LOAD]
    for store in fresh(mongodb_uri):
        yield store, record(store, "1", command, platform="local", hosts=hosts(two_agents))


def test_what_is_stored_is_what_the_agents_say(two_agents, recorded):
    store, recording = recorded
    run = recording.simulation
    assert recording.exit_status == 0
    assert run.status is Status.COMPLETE
    assert run.missing == ()
    assert [e.type for e in run.events] == [EventType.START_SIMULATION, EventType.STOP_SIMULATION]
    assert len({e.correlation_id for e in run.events}) == 1
    compared = 0
    for agent in two_agents:
        found = store.series(run, hosts=[agent.name])
        assert {"system.cpu", "system.ram", "system.io"} <= {s.context for s in found}
        for series in found:
            answer = from_api(agent, series.chart, run.start, run.end)
            assert series.times.tolist() == sorted(answer)
            for row, at in enumerate(series.times):
                for column, dimension in enumerate(series.dimensions):
                    value = series.values[row, column]
                    expected = answer[at][dimension.name]
                    assert value == expected or (np.isnan(value) and expected is None)
                    compared += 1
    assert compared > 100


def test_hosts_learn_from_their_agents(two_agents, recorded):
    run = recorded[1].simulation
    known = run.host(two_agents[0].name)
    assert known.cores == os.cpu_count()
    assert known.ram_mib > 100
    assert run.environment[f"netdata on {known.hostname}"].lstrip("v")[0].isdigit()
    assert run.host("controller").cores is None


def test_the_load_is_seen(recorded):
    store, recording = recorded
    cpu = analysis.utilization(store, "cpu")
    assert cpu["value"].between(0, 100).all()
    assert cpu["value"].max() > 10
    summary = analysis.summary(cpu, by=["hostname", "sim_id"])
    expected = (recording.simulation.end - recording.simulation.start) / 1.0
    fast = summary[summary["hostname"] == recording.simulation.hosts[1].hostname]
    assert abs(fast["n"].item() - expected) <= 1.5


def test_pulled_again_the_documents_stay_the_same(recorded):
    store, recording = recorded
    before = documents(store)
    again = settle(store, recording.simulation, again=True)
    assert documents(store) == before
    assert again.missing == ()


def test_live_windows_end_in_the_same_documents(store, two_agents):
    """Two simulations over one stretch of time: one pulled as it goes, one in the end."""
    ids = ("live", "late")
    for sim_id in ids:
        register(store, sim_id, platform="local", hosts=hosts(two_agents))
    start = time.time()
    for sim_id in ids:
        Recorder(store, store.simulation(sim_id)).note(EventType.START_SIMULATION, at=start)

    collector = collecting(store)

    def window():
        return pulled(collector)

    for _ in range(3):
        wait_for(window, 20, "new samples")
    end = time.time()
    for sim_id in ids:
        Recorder(store, store.simulation(sim_id)).note(EventType.STOP_SIMULATION, at=end)
        assert settle(store, store.simulation(sim_id)).missing == ()
    live, late = (
        [
            {**d, "simulation": 0}
            for d in documents(store)
            if d["simulation"] == store.simulation(sim_id).id
        ]
        for sim_id in ids
    )
    assert live == late
    assert len(live) >= 8


def test_an_agent_that_is_gone_is_recorded_as_missing(store, agents, two_agents):
    mortal = agents.start("mortal")
    register(store, "1", platform="local", hosts=[host(two_agents[0]), host(mortal, Role.WORKER)])
    recorder = Recorder(store, store.simulation("1"))
    with recorder.run():
        collector = collecting(store)
        wait_for(
            lambda: pulled(collector) and store.newest_samples(recorder.simulation, "mortal"),
            20,
            "samples of the agent that goes",
        )
        mortal.stop(signal.SIGTERM)
        before = store.count_samples([recorder.simulation])
        pulled(collector)
        silent = [e for e in Worklist(store).of(recorder.simulation) if e.problem]
        assert [entry.hostname for entry in silent] == ["mortal"]
    missing = recorder.pull()
    assert {m.hostname for m in missing} == {"mortal"}
    assert all(m.reason and m.last > m.first for m in missing)
    run = store.simulation("1")
    assert run.status is Status.COMPLETE
    assert run.validity.verdict is Verdict.UNCHECKED
    assert store.count_samples([run])[run.id] >= before[run.id]


def test_a_host_without_any_sample_excludes_the_run(store, agents, two_agents):
    mortal = agents.start("early")
    register(store, "1", platform="local", hosts=[host(two_agents[0]), host(mortal, Role.WORKER)])
    mortal.stop(signal.SIGKILL)
    recorder = Recorder(store, store.simulation("1"))
    with recorder.run():
        collector = collecting(store)
        wait_for(lambda: pulled(collector), 20, "samples")
    recorder.pull()
    validity = store.simulation("1").validity
    assert validity.verdict is Verdict.EXCLUDED
    assert validity.reasons == ("no samples of host early",)
    assert validity.by == "minion"


def test_nothing_is_registered_when_the_start_is_wrong(store, two_agents):
    away = Host(hostname="away", role=Role.WORKER, url="http://127.0.0.1:9")
    with pytest.raises(AgentError, match=r"127\.0\.0\.1:9"):
        record(store, "1", ["true"], platform="p", hosts=[host(two_agents[0]), away])
    with pytest.raises(UsageError, match="no program no-such-program"):
        record(store, "1", ["no-such-program"], platform="p", hosts=hosts(two_agents))
    with pytest.raises(UsageError, match="no command to record"):
        record(store, "1", [], platform="p", hosts=hosts(two_agents))
    assert store.experiments() == []


def test_a_command_that_fails_makes_the_run_doubtful(store, two_agents):
    failed = record(store, "1", ["false"], platform="p", hosts=hosts(two_agents))
    assert failed.exit_status == 1
    assert failed.simulation.validity.verdict in (Verdict.DOUBTFUL, Verdict.EXCLUDED)
    with pytest.raises(AlreadyExists):
        record(store, "1", ["true"], platform="p", hosts=hosts(two_agents))


def test_an_action_that_raises_has_not_finished(store, two_agents):
    register(store, "1", platform="local", hosts=hosts(two_agents))
    recorder = Recorder(store, store.simulation("1"))
    with pytest.raises(ZeroDivisionError), recorder.run():
        with recorder.phase("Warm up"):
            pass
        with recorder.phase("Start master"):
            raise ZeroDivisionError
    durations = analysis.durations(store)
    phases = ["System idle 1", "Warm up", "Total simulation time"]
    assert durations["phase"].tolist() == phases
    problems = analysis.problems(store)["problem"].tolist()
    assert any("START_KNS_PLATFORM at" in p and "has no FINISHED_START_KNS" in p for p in problems)
    with (
        pytest.raises(InvalidData, match="lies between two actions"),
        recorder.phase("Master idle"),
    ):
        pass


def test_the_command_line_records_and_takes_events(store, mongodb_uri, two_agents):
    environment = {
        **os.environ,
        "MINION_MONGODB_URI": mongodb_uri,
        "MINION_DATABASE": store.database.name,
    }
    program = f"{sys.executable} -m minion"
    script = (
        f'{program} event "$MINION_SIM" START_KNS_PLATFORM --correlation-id x; sleep 3;'
        f' {program} event "$MINION_SIM" 21 --correlation-id x'
    )
    first, second = two_agents
    found = subprocess.run(
        [
            *program.split(),
            "record",
            "1000",
            "--platform=local",
            "--experiment",
            "other",
            "--hosts",
            f"{first.name}=master@{first.url},{second.name}=worker@{second.url}",
            "--",
            "sh",
            "-c",
            script,
        ],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert "samples of 2 hosts stored" in found.stdout
    durations = analysis.durations(store, experiment="other").set_index("phase")["duration_s"]
    assert 3 <= durations["Start master"] < 8
    again = subprocess.run(
        [*program.split(), "ingest", "netdata", "1000"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert again.returncode == 0, again.stderr
