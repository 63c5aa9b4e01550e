"""The study's playbooks with another program name: same options, same output."""

import ast
import re
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from bson import ObjectId
from runs import run

from ingest.kns.service import add_event, add_host, add_simulation, event_ids
from minion.errors import AlreadyExists, Ambiguous, InvalidData
from minion.model import EventType, Role, Status

PHASES = [(20, 21), (22, 23), (24, 25), (26, 27), (28, 29), (30, 31)]


def printed(said):
    """What a playbook registers: standard output as it is, nothing on standard error."""
    assert (said.returncode, said.stderr) == (0, "")
    return said.stdout


def test_a_playbook_from_its_first_line_to_its_last(minion, store):
    def call(*words):
        return printed(minion("kns", *words))

    began = time.time()
    simulation = call("simulation", "--sim_id", "3050", "--platform", "K3s")
    assert re.fullmatch("[0-9a-f]{24}", simulation)
    assert store.simulation("3050", "kns").status is Status.REGISTERED
    hosts = {
        name: call(
            "host", "--simulation_id", simulation, "--hostname", f"uniba-{name}", "--role", role
        )
        for name, role in (("linux0", "controller"), ("h12", "master"), ("h34", "worker"))
    }
    start = call("uuid")

    def event(number, correlation_id, body=("--body", "")):
        said = call(
            *("event", "--host_id", hosts["linux0"], "--correlation_id", correlation_id),
            *("--event_type", str(number), *body),
        )
        assert re.fullmatch("[0-9a-f]{24}", said)
        return said

    ids = [event(8, start)]
    assert store.simulation("3050").status is Status.RUNNING
    for first, last in PHASES:
        both = call("uuid")
        ids += [event(first, both), event(last, both, ["--body="])]
    ids.append(event(9, start))

    found = store.simulation("3050")
    assert found.status is Status.ENDED
    assert found.source_id == ObjectId(simulation)
    assert (found.experiment, found.platform, found.provenance.source) == ("kns", "K3s", "kns")
    assert {h.hostname: str(h.id) for h in found.hosts} == {
        f"uniba-{name}": identity for name, identity in hosts.items()
    }
    assert [h.role for h in found.hosts] == [Role.CONTROLLER, Role.MASTER, Role.WORKER]
    assert {h.url for h in found.hosts} == {None}
    assert [str(e.id) for e in found.events] == ids
    assert [int(e.type) for e in found.events] == [8, *range(20, 32), 9]
    assert {(e.body, e.hostname) for e in found.events} == {("", "uniba-linux0")}
    assert found.events[0].correlation_id == found.events[-1].correlation_id == start
    times = [e.time for e in found.events]
    assert began <= times[0]
    assert times == sorted(times)
    assert times[-1] <= time.time()

    listed = call("simulation-event", "--sim_id", "3050", "--event_type", "24")
    assert listed == str([ids[5]])
    assert call("simulation-event", "--sim_id", "3050", "--event_type", "0") == "[]"


def test_the_uuid_is_another_one_each_time(minion):
    first, second = (printed(minion("kns", "uuid")) for _ in range(2))
    for text in (first, second):
        assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", text)
    assert first != second


def test_the_experiment_is_the_named_one_or_the_environment_s(minion, store, monkeypatch):
    monkeypatch.setenv("MINION_EXPERIMENT", "mine")
    assert printed(minion("kns", "simulation", "--sim_id", "1", "--platform", "K8s"))
    words = ["--sim_id=1", "--platform=K8s", "--experiment=other"]
    assert printed(minion("kns", "simulation", *words))
    assert store.experiments() == ["mine", "other"]


def test_names_and_odd_bodies(minion, store):
    add_simulation(store, "1", "K8s", "kns")
    simulation = store.simulation("1")
    host = str(add_host(store, str(simulation.source_id), "c", "controller", "kns"))
    for body in ("-x", "--", "a=b", "[1, 2]", "#7", " "):
        printed(minion("kns", "event", "--host_id", host, "--event_type", "0", f"--body={body}"))
    identity = printed(minion("kns", "event", "--host_id", host, "--event_type", "0"))
    *given, without = store.simulation("1").events
    assert [e.body for e in given] == ["-x", "--", "a=b", "[1, 2]", "#7", " "]
    assert (without.body, without.correlation_id, str(without.id)) == (None, None, identity)
    assert printed(
        minion("kns", "simulation-event", "--sim_id", "1", "--event_type", "WORKER_AGENT_STARTED")
    ) == str([str(e.id) for e in (*given, without)])


def test_mistakes_are_one_line_and_leave_standard_output_empty(minion, store):
    identity = str(add_simulation(store, "1", "K8s", "kns"))
    host = str(add_host(store, identity, "c", "controller", "kns"))
    nobody = str(ObjectId())
    for words, status, message in (
        (["simulation", "--sim_id", "1", "--platform", "K8s"], 1, "1 exists already"),
        (["simulation", "--sim_id", "", "--platform", "K8s"], 1, "sim_id of a simulation is empty"),
        (["host", "--simulation_id", nobody, "--hostname", "x", "--role", "worker"], 1, nobody),
        (["host", "--simulation_id", "5", "--hostname", "x", "--role", "worker"], 1, "the id 5"),
        (
            ["host", "--simulation_id", identity, "--hostname", "c", "--role", "worker"],
            1,
            "simulation 1 has a host c already",
        ),
        (
            ["host", "--simulation_id", identity, "--hostname", "x", "--role", "boss"],
            1,
            "unknown role 'boss'",
        ),
        (["event", "--host_id", nobody, "--event_type", "8"], 1, "no host has the id"),
        (["event", "--host_id", "", "--event_type", "8"], 1, "no host has the id"),
        (["event", "--host_id", host, "--event_type", "12"], 1, "unknown event type '12'"),
        (["event", "--host_id", host, "--event_type", "9"], 1, "STOP_SIMULATION cannot be noted"),
        (["event", "--host_id", host], 2, "--event-type EVENT_TYPE is required"),
        (["simulation-event", "--sim_id", "2", "--event_type", "8"], 1, "no simulation 2"),
        (["simulation-event", "--sim_id", "1", "--event_type", "x"], 1, "unknown event type"),
    ):
        said = minion("kns", *words)
        assert (said.returncode, said.stdout) == (status, ""), words
        assert message in said.stderr
        assert said.stderr.startswith("minion: ")
        assert said.stderr.count("\n") == 1
    assert len(store.simulation("1").hosts) == 1
    assert store.simulation("1").events == ()


def test_hosts_that_are_added_at_once_are_all_there(store):
    identity = str(add_simulation(store, "1", "K8s", "kns"))
    made, refused = [], []

    def add(name):
        try:
            made.append(add_host(store, identity, name, "worker", "kns"))
        except AlreadyExists as error:
            refused.append(str(error))

    names = [f"h{number % 8}" for number in range(16)]
    threads = [threading.Thread(target=add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hosts = store.simulation("1").hosts
    assert sorted(host.hostname for host in hosts) == sorted(set(names))
    assert {host.id for host in hosts} == set(made)
    assert len(refused) == 8


def test_a_run_that_minion_registered_takes_the_study_s_commands(store):
    store.add(run("7", experiment="kns", hosts=("a", "b"))[0])
    simulation = replace(store.simulation("7"), events=())
    (only,) = [ast.literal_eval(str(event_ids(store, "7", "START_SIMULATION", "kns")))]
    assert only == [f"{simulation.id}:event:0"]
    add_host(store, str(simulation.id), "c", "controller", "kns")
    added = add_event(store, f"{simulation.id}:b", "0", "kns")
    last = store.simulation("7").events[-1]
    assert (last.id, last.hostname, last.type) == (added, "b", EventType.WORKER_AGENT_STARTED)


def test_an_identity_in_two_experiments_is_decided_by_the_experiment(store):
    add_simulation(store, "1", "K8s", "kns")
    simulation = store.simulation("1")
    host = str(add_host(store, str(simulation.source_id), "c", "controller", "kns"))
    copy = store.simulation("1")
    store.add(replace(copy, experiment="copy", id=ObjectId()))
    add_event(store, host, "8", "copy")
    assert [len(store.simulation("1", name).events) for name in ("kns", "copy")] == [0, 1]
    with pytest.raises(Ambiguous, match=r"\(copy, kns\); name an experiment"):
        add_event(store, host, "8", "elsewhere")
    with pytest.raises(InvalidData):
        add_event(store, host, "8", "copy")


@pytest.mark.system
def test_it_is_a_program_of_its_own(tmp_path):
    code = [sys.executable, "-m", "minion", "kns", "uuid"]
    found = subprocess.run(code, capture_output=True, check=True, timeout=60, cwd=tmp_path)
    assert re.fullmatch(rb"[0-9a-f-]{36}", found.stdout)
    assert found.stderr == b""
