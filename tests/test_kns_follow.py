"""A database of the published study that is imported while it grows."""

import random
import threading
from uuid import uuid4

from kns_dumps import START, Study, write
from kns_importing import HOUR, small

from ingest.kns.database import import_kns
from ingest.kns.follow import follow_kns
from minion.model import Status, Verdict
from minion.selection import Selection

# ---------------------------------------------------------------- runs in progress


def test_following_takes_what_comes_and_ends_as_an_import_in_one_go(store, mongodb_uri):
    """A look after each event; the exporter is late, so samples come after the next event."""
    study, name = Study(), f"test_{uuid4().hex}"
    study.add_run("old", start=START - HOUR, last=120)  # did not end, and its hosts went on
    study.add_samples(random.Random(1), start=START - HOUR)
    study.add_run("5000", "mK8s")
    study.add_samples(random.Random(2))
    events = [e for e in study.events if e["timestamp"] >= START]
    coming = [d for d in study.netdata_metrics if d["timestamp"] >= START]
    database, stop = store.client[name], threading.Event()
    database["simulations"].insert_many(study.simulations)
    database["hosts"].insert_many(study.hosts)
    database["events"].insert_many([e for e in study.events if e["timestamp"] < START])
    database["netdata_metrics"].insert_many([d for d in study.netdata_metrics if d not in coming])
    options = {"minion_db": name, "netdata_db": name}
    seen = []
    looks = follow_kns(store, mongodb_uri, interval=1e-6, stop=stop, late=1e12, **options)
    for imported in looks:
        if len(events) == 14:  # registered, not started: waited for, and not stored
            assert [s.sim_id for s in store.simulations(Selection(include_excluded=True))] == [
                "old"
            ]
            database["events"].insert_one(events.pop(0))
            continue
        minion_here = store.simulation("5000")
        seen.append(
            (
                minion_here.status,
                len(minion_here.events),
                store.count_samples([minion_here])[minion_here.id],
            )
        )
        assert minion_here.id in {simulation.id for simulation in imported.simulations}
        if events:
            event = events.pop(0)
            now = [d for d in coming if d["timestamp"] < event["timestamp"] - 30]
            coming = [d for d in coming if d not in now]
            database["events"].insert_one(event)
        else:
            now, coming = coming, []
        if now:
            database["netdata_metrics"].insert_many(now)
        elif not coming:
            stop.set()
    assert [status for status, _, _ in seen[:13]] == [Status.RUNNING] * 13
    assert [number for _, number, _ in seen[:14]] == list(range(1, 15))
    assert {status for status, _, _ in seen[13:]} == {Status.COMPLETE}
    samples = [number for _, _, number in seen]
    assert samples == sorted(samples)
    assert samples[0] == 0 < samples[5] < samples[13] < samples[-1]

    import_kns(store, mongodb_uri, experiment="in one go", **options)
    followed, at_once = (store.simulation("5000", e) for e in ("kns", "in one go"))
    assert (followed.events, followed.hosts) == (at_once.events, at_once.hosts)
    found = [store.database["series"].find({"simulation": s.id}) for s in (followed, at_once)]
    first, second = (
        sorted(
            ({k: v for k, v in d.items() if k not in ("_id", "simulation")} for d in documents),
            key=lambda d: (d["hostname"], d["chart"]),
        )
        for documents in found
    )
    assert first == second
    assert store.simulation("old", "kns").validity.verdict is Verdict.EXCLUDED
    store.client.drop_database(name)


def test_following_needs_a_server_and_ends_when_nothing_goes_on(
    minion_here, store, mongodb_uri, tmp_path
):
    study, name = small(), f"test_{uuid4().hex}"
    folder = write(tmp_path / "d", study)
    status, _, err = minion_here("ingest", "kns", folder, "--follow")
    assert (status, err.splitlines()[-1].split(" ", 2)[2][:13]) == (1, "does not grow")
    assert minion_here("ingest", "kns", mongodb_uri, "--follow", "--interval", "0")[0] == 1
    for collection, documents in study.collections().items():
        store.client[name][collection].insert_many(documents)
    status, out, err = minion_here(
        "ingest", "kns", mongodb_uri, "--follow", "--minion-db", name, "--netdata-db", name
    )
    assert status == 0, err
    assert "1 simulation," in out
    assert store.simulation("5000").status is Status.COMPLETE
    store.client.drop_database(name)
