"""A playbook of the study that moved over: its commands, netdata's own exporter, one import."""

import time

from flat_documents import flat_document

from minion.model import EventType, Status


def flat(hostname, at, idle):
    return flat_document({"host_tags": ""}, hostname=hostname, timestamp=at, value=idle)


def test_a_playbook_needs_only_another_program_name(minion, store, mongodb_uri):
    def kns(*arguments):
        said = minion("kns", *arguments)
        assert (said.returncode, said.stderr) == (0, "")
        assert not said.stdout.endswith("\n")
        return said.stdout

    simulation = kns("simulation", "--sim_id", "7000", "--platform", "K3s")
    controller = kns(
        "host", "--simulation_id", simulation, "--hostname", "ctl", "--role", "controller"
    )
    kns("host", "--simulation_id", simulation, "--hostname", "n1", "--role", "master")
    identity = kns("uuid")

    def event(number):
        ids = ("--host_id", controller, "--correlation_id", identity)
        return kns("event", *ids, "--event_type", str(number), "--body", "")

    first = event(8)
    event(20)
    event(21)
    event(9)
    assert kns("simulation-event", "--sim_id", "7000", "--event_type", "8") == f"['{first}']"
    run = store.simulation("7000")
    assert run.status is Status.ENDED
    assert [e.type for e in run.events][:2] == [EventType(8), EventType(20)]

    # Events of this test are a moment apart; the exporter's timestamps are whole seconds.
    minions = store.database["minions"]
    for place, offset in enumerate((0, 100, 130, 200)):
        path = f"events.{place}.time"
        minions.update_one({"_id": run.id}, {"$set": {path: time.time() // 1 - 500 + offset}})
    start = store.simulation("7000").start
    exported = store.client[f"{store.database.name}_netdata"]
    try:
        exported["netdata_metrics"].insert_many(
            [flat("n1", int(start) + 5 * i, 90.0 + i % 10) for i in range(-10, 60)]
        )
        assert minion("db", "views").returncode == 0
        said = minion(
            "ingest",
            "kns",
            mongodb_uri,
            "--minion-db",
            store.database.name,
            "--netdata-db",
            exported.name,
        )
        assert said.returncode == 0, said.stderr
    finally:
        store.client.drop_database(exported.name)
    settled = store.simulation("7000")
    assert settled.status is Status.COMPLETE
    assert settled.id == run.id
    cpu = store.samples(dimensions="idle")
    assert cpu["elapsed_s"].tolist() == [5.0 * i for i in range(1, 40)]
    assert cpu["phase"].value_counts()["Start master"] == 6
