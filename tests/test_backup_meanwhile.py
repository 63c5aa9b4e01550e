"""A backup while others write, delete or end it, on real servers: nothing half."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from backups import documents, in_the_file, samples
from processes import Command
from pymongo.errors import OperationFailure
from runs import run
from stores import fresh
from test_archive import strictly_read
from waiting import wait_for

from minion import backup as module
from minion.archive import ArchiveWriter
from minion.backup import backup
from minion.documents import encode
from minion.errors import (
    StoreError,
)
from minion.model import Status
from minion.progress import Progress
from minion.restore import restore
from minion.schema import MINIONS, PROGRESS, SERIES

# ---------------------------------------------------------------- while others work


@contextmanager
def meanwhile(monkeypatch, number, happens) -> Iterator[list[str]]:
    """Something happens once, after that many batches of series were written to a file."""
    original = ArchiveWriter.collection
    written: list[str] = []

    @contextmanager
    def collection(self, namespace):
        with original(self, namespace) as write:

            def watched(data):
                write(data)
                if namespace.collection == SERIES:
                    written.append(namespace.collection)
                    if len(written) == number:
                        happens()

            yield watched

    with monkeypatch.context() as patched:
        patched.setattr(ArchiveWriter, "collection", collection)
        patched.setattr(module, "BATCH", 2)  # so that a chart is torn in between
        yield written
    assert len(written) >= number, "it never happened"


@pytest.mark.parametrize("number", [1, 4, 8, 13])
def test_a_run_that_ends_meanwhile_loses_no_sample(store, target, tmp_path, monkeypatch, number):
    going, series = run("1")
    going = store.add(replace(going, status=Status.RUNNING))
    store.write(going, series, settled=False)
    assert store.database[SERIES].count_documents({}) == 3 * len(series)
    before = samples(store, going)
    with meanwhile(monkeypatch, number, lambda: store.settle(going)):
        backup(store, tmp_path / "file")
    assert store.simulation("1").status is Status.COMPLETE
    assert store.database[SERIES].count_documents({}) == len(series)
    restore(target, tmp_path / "file")
    copy = target.simulation("1")
    assert copy.status is Status.RUNNING  # as it was when the backup began
    assert samples(target, copy) == before
    # What came twice, in small and in large stretches, is put together when it ends.
    settled = target.settle(copy)
    assert samples(target, settled) == before
    assert target.database[SERIES].count_documents({}) == len(series)


def test_a_run_in_progress_has_at_least_what_it_is_said_to_have(store, target, tmp_path):
    going, series = run("1")
    going = store.add(replace(going, status=Status.RUNNING))
    place = encode(
        Progress(simulation=going.id, hostname="node-a", url="http://a:1", until=going.start)
    )
    store.database[PROGRESS].insert_one(place)
    stop, failed = threading.Event(), []

    def collect():
        """Samples are stored first and spoken of afterwards, as a collector does."""
        until = going.start
        try:
            while not stop.is_set() and until < going.end:
                store.write(going, [one.window(until, until + 10) for one in series])
                until += 10
                change = {"$set": {"until": until}}
                store.database[PROGRESS].update_one({"_id": place["_id"]}, change)
        except Exception as error:  # noqa: BLE001  the test's end looks at it
            failed.append(error)

    collecting = threading.Thread(target=collect)
    collecting.start()
    try:
        seen = []
        for number in range(6):
            path = tmp_path / str(number)
            further = {"until": {"$gt": going.start + 90 * number}}
            wait_for(lambda: store.database[PROGRESS].find_one(further))  # noqa: B023
            backup(store, path)
            restore(target, path)
            (progress,) = target.database[PROGRESS].find()
            found = samples(target, target.simulation("1"))
            times = going.start + 5.0 * np.arange(1000)
            said = times[times < progress["until"]]
            for one in series:
                if one.hostname == "node-a":
                    for dimension in one.dimensions:
                        keys = {(one.hostname, one.chart, float(t), dimension.id) for t in said}
                        assert keys <= found.keys()
            seen.append(progress["until"])
            target.delete_experiment("e")
            target.database[PROGRESS].delete_many({})
        assert len(set(seen)) > 1
    finally:
        stop.set()
        collecting.join()
    assert failed == []


@pytest.mark.parametrize("status", [Status.COMPLETE, Status.RUNNING])
def test_a_run_that_is_deleted_meanwhile_is_not_half_in_the_file(
    store, tmp_path, monkeypatch, status
):
    for sim_id in ("1", "2", "3"):
        simulation, series = run(sim_id, experiment=sim_id)
        store.add(replace(simulation, status=status))
        store.write(simulation, series, settled=True)
    with meanwhile(monkeypatch, 2, lambda: store.delete_experiment("2")) as written:
        backup(store, tmp_path / "file")
    simulations, found = in_the_file(tmp_path / "file")
    assert sorted(one.sim_id for one in simulations) == ["1", "3"]
    strictly_read((tmp_path / "file").read_bytes())
    assert len(found) == 2 * len(series)
    assert len(written) > len(found) / 2  # it was begun anew


def test_a_run_that_is_being_deleted_is_not_taken_for_whole(store, tmp_path, monkeypatch):
    """Its series go first, so for a while it is there without them."""
    store.put(*run("1"))
    series = store.database[SERIES]
    again: list[object] = []

    def delete_some():
        again.append(series.delete_one({"_id": series.find_one()["_id"]}))

    with meanwhile(monkeypatch, 1, delete_some):
        done = backup(store, tmp_path / "file")
    assert len(again) == 1
    _, found = in_the_file(tmp_path / "file")
    assert len(found) == len(run("1")[1]) - 1
    assert done.samples == sum(store.count_samples(store.simulations()).values())


def test_a_backup_that_is_never_left_in_peace_says_so(store, tmp_path, monkeypatch):
    store.put(*run("1"))
    series = store.database[SERIES]
    original = module._vanished

    def deleted_again(*arguments):
        series.delete_one({"_id": series.find_one()["_id"]})
        return original(*arguments)

    monkeypatch.setattr(module, "_vanished", deleted_again)
    with pytest.raises(StoreError, match="simulations were deleted again and again"):
        backup(store, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def members(replica_set):
    """The replica set, which does not wait a quarter of a minute for its clients at its end."""
    set_all(replica_set, shutdownTimeoutMillisForSignaledShutdown=100)
    return replica_set


def test_a_replica_set_is_read_as_of_one_moment(members, target, tmp_path, monkeypatch):
    for store in fresh(members.uri):
        store.put(*run("1"))
        store.put(*run("2", experiment="other"))
        before = documents(store)
        with meanwhile(monkeypatch, 2, lambda: store.delete_experiment("e")) as written:  # noqa: B023
            backup(store, tmp_path / "file")
        assert store.experiments() == ["other"]
        assert len(written) <= len(before[SERIES])  # once was enough
        _, _, found = strictly_read((tmp_path / "file").read_bytes())
        for name, stored in before.items():
            assert sorted(found[store.database.name, name]) == stored
        assert restore(target, tmp_path / "file").simulations == 2


def test_a_moment_that_the_server_no_longer_has_is_given_up(members, target, tmp_path, monkeypatch):
    """A snapshot is kept for five minutes by default, and a large backup takes longer."""
    for store in fresh(members.uri):
        going, series = run("1")
        store.put(going, series)
        set_all(members, minSnapshotHistoryWindowInSeconds=0)

        def wait_until_it_is_gone():
            with store.client.start_session(snapshot=True) as session:  # noqa: B023
                minions = store.database[MINIONS]  # noqa: B023
                minions.find_one({}, session=session)

                def gone():
                    store.database["other"].insert_one({})  # noqa: B023  time goes on with writes
                    try:
                        minions.find_one({}, session=session)
                    except OperationFailure as error:
                        return error.code in module.TOO_OLD
                    return False

                wait_for(gone, 60, "the end of a snapshot")

        try:
            with meanwhile(monkeypatch, 1, wait_until_it_is_gone) as written:
                backup(store, tmp_path / "file")
        finally:
            set_all(members, minSnapshotHistoryWindowInSeconds=300)
        assert len(written) > -(-len(series) // module.BATCH)
        restore(target, tmp_path / "file")
        assert samples(target, target.simulation("1")) == samples(store, store.simulation("1"))


def set_all(members, **parameters):
    for port in members.ports:
        with members._one(port) as client:
            client.admin.command("setParameter", 1, **parameters)


BACKUP = """
import sys, minion
from minion.backup import backup
with minion.connect(sys.argv[1], database=sys.argv[2]) as store:
    print("begun", flush=True)
    while True:
        backup(store, sys.argv[3], force=True)
"""


def test_a_backup_that_is_killed_leaves_a_whole_file_or_none(study_store, mongodb_uri, tmp_path):
    path = tmp_path / "study"
    arguments = mongodb_uri, study_store.database.name, path
    with Command(BACKUP, *arguments) as first:
        part = tmp_path / "study.part"
        wait_for(lambda: part.exists() and part.stat().st_size > 10**6, 60, "part of a file")
        first.kill()
    kept = path.exists()
    if kept:
        in_the_file(path)
    backup(study_store, path, force=kept)
    assert [one.name for one in tmp_path.iterdir()] == ["study"]
    before = path.read_bytes()
    with Command(BACKUP, *arguments) as second:
        wait_for(lambda: part.exists() and part.stat().st_size > 10**6, 60, "part of a file")
        second.kill()
    assert path.read_bytes() == before
