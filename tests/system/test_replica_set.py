"""On a replica set of three: the same store, and nothing acknowledged is lost with its primary."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from pymongo import MongoClient
from runs import run
from waiting import wait_for

import analysis
import minion
from ingest.simulated import study
from minion.buckets import Written
from minion.errors import StoreRefused, StoreUnavailable
from minion.model import Status
from minion.sharding import shard
from minion.store import Store

pytestmark = pytest.mark.system


@pytest.fixture
def replicated(replica_set):
    with minion.connect(replica_set.uri, database="test") as store:
        yield store
        store.client.drop_database("test")


def test_a_study_is_compared_as_on_a_single_server(replicated, mongodb_uri):
    runs = list(study(runs=3))
    with minion.connect(mongodb_uri, database="test_single") as single:
        for simulation, series in runs:
            replicated.put(simulation, series)
            single.put(simulation, series)
        there, here = (analysis.compare(s, "cpu").document() for s in (replicated, single))
        single.client.drop_database("test_single")
    assert there == here


def test_no_acknowledged_run_is_lost_when_the_primary_is_killed(replicated, replica_set):
    acknowledged, failed = [], []
    half_way = threading.Event()

    def write():
        for place, (simulation, series) in enumerate(study(runs=10)):
            try:
                replicated.put(simulation, series)
                acknowledged.append(
                    (simulation, sum(int(np.isfinite(s.values).sum()) for s in series))
                )
            except StoreUnavailable as error:
                failed.append((simulation.sim_id, error))
            if place == 4:
                half_way.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert half_way.wait(60)
    killed = replica_set.kill_primary()
    writer.join(120)
    assert not writer.is_alive()
    wait_for(replica_set.primary, 60, "a new primary")
    assert len(acknowledged) + len(failed) >= 30
    assert len(acknowledged) >= 25
    counts = replicated.count_samples([simulation for simulation, _ in acknowledged])
    assert counts == {simulation.id: samples for simulation, samples in acknowledged}
    replica_set.revive(killed)


def test_only_a_mongos_can_shard(replicated):
    with pytest.raises(StoreRefused, match="is no sharded cluster: --shard needs the address of"):
        shard(replicated.database, replicated.where)


def test_a_query_for_runs_names_the_shard_key_and_uses_an_index(replicated):
    for simulation, series in study(runs=1):
        replicated.put(simulation, series)
    ids = [simulation.id for simulation in replicated.simulations()][:2]
    plan = replicated.database["series"].find({"simulation": {"$in": ids}}).explain()
    stage = plan["queryPlanner"]["winningPlan"]["inputStage"]
    assert stage["stage"] == "IXSCAN"
    assert next(iter(stage["keyPattern"])) == "simulation"


def test_what_no_majority_has_yet_is_not_taken_for_stored(replicated, replica_set):
    """It may be rolled back: whoever finds it there may not say that it is stored."""
    simulation, series = run("majority")
    simulation = replicated.add(replace(simulation, status=Status.RUNNING))
    # Members that are locked confirm nothing, and are there all the same.
    secondaries = [port for port in replica_set.ports if port != replica_set.primary()]
    clients = [MongoClient("127.0.0.1", port, directConnection=True) for port in secondaries]
    for client in clients:
        client.admin.command("fsync", lock=True)
    try:
        unconfirmed = MongoClient(replica_set.uri, w=1)
        with Store(unconfirmed, "test", where="one member") as hasty:
            assert hasty.write(simulation, series).samples > 0
        written = []
        writer = threading.Thread(
            target=lambda: written.append(replicated.write(simulation, series))
        )
        writer.start()
        writer.join(3)
        assert writer.is_alive()
    finally:
        for client in clients:
            client.admin.command("fsyncUnlock")
            client.close()
    writer.join(60)
    assert written == [Written()]
    assert replicated.count_samples([simulation])[simulation.id] == sum(s.samples for s in series)
