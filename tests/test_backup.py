"""A store as one file and back, on real servers: nothing lost, nothing doubled, nothing half."""

import gzip
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import bson
import numpy as np
import pytest
from processes import Command
from pymongo.errors import OperationFailure
from runs import run
from stores import fresh
from test_archive import as_mongodump, strictly_read
from waiting import wait_for

from minion import backup as module
from minion.archive import Archive, ArchiveWriter, Namespace
from minion.backup import backup, restore
from minion.documents import encode
from minion.errors import (
    AlreadyExists,
    Ambiguous,
    InvalidData,
    NotFound,
    OutputError,
    StoreError,
)
from minion.lookup import read as read_simulation
from minion.model import Missing, Status, Verdict
from minion.progress import Progress
from minion.retention import plan_prune, prune
from minion.schema import MINIONS, PROGRESS, SERIES
from minion.selection import Selection
from minion.views import make_views

KEPT = (MINIONS, SERIES)
EVERY = Selection(include_excluded=True)


@pytest.fixture
def target(mongodb_uri):
    """Another empty store."""
    yield from fresh(mongodb_uri)


def documents(store, *, names=(MINIONS, PROGRESS, SERIES)):
    """Everything that a store keeps, as the bytes that it is."""
    return {
        name: sorted(bytes(one.raw) for one in raw(store, name).find().sort("_id", 1))
        for name in names
    }


def raw(store, name):
    options = bson.codec_options.CodecOptions(document_class=bson.raw_bson.RawBSONDocument)
    return store.database[name].with_options(options)


def filled(store, *, experiment="e"):
    """Runs of every kind: complete, excluded, in progress, registered, being imported."""
    for sim_id in ("1", "2"):
        store.put(*run(sim_id, experiment=experiment))
    bad = store.simulation("2", experiment)
    store.judge(bad, Verdict.EXCLUDED, ["a cable was loose"], by="me")
    going, series = run("3", experiment=experiment)
    going = store.add(replace(going, status=Status.RUNNING, events=going.events[:-1]))
    store.write(going, series, settled=False)
    in_progress(store, going)
    store.add(replace(run("4", experiment=experiment)[0], status=Status.REGISTERED, events=()))
    coming, series = run("5", experiment=experiment)
    store.add(replace(coming, status=Status.IMPORTING))
    store.write(coming, series[:3], settled=True)
    return going


def in_progress(store, going):
    """What a collector keeps of the hosts of a run."""
    last = going.events[-1].time
    gone = Missing(hostname="node-a", chart="system.io", first=last, last=last + 5, reason="away")
    for host in going.hosts:
        one = Progress(
            simulation=going.id,
            hostname=host.hostname,
            url=f"http://{host.hostname}:19999",
            until=last,
            missing=(gone,) if host.hostname == "node-a" else (),
            owner="a collector that is not there",
        )
        store.database[PROGRESS].insert_one(encode(one))


def samples(store, simulation):
    """Every stored value of a run by host, chart, time and dimension."""
    return {
        (one.hostname, one.chart, float(time), dimension.id): float(one.values[row, column])
        for one in store.series(simulation)
        for row, time in enumerate(one.times)
        for column, dimension in enumerate(one.dimensions)
        if not np.isnan(one.values[row, column])
    }


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("name", ["all.archive", "all.archive.gz"])
def test_everything_comes_back_as_it_was(store, target, tmp_path, name):
    filled(store)
    path = tmp_path / name
    done = backup(store, path)
    sizes = store.count_samples(store.simulations(EVERY))
    assert (done.path, done.simulations, done.samples) == (path, 5, sum(sizes.values()))
    assert done.bytes == path.stat().st_size
    back = restore(target, path)
    assert (back.simulations, back.samples, back.skipped, back.strays) == (5, done.samples, 0, 0)
    assert documents(store, names=KEPT) == documents(target, names=KEPT)
    store.database[PROGRESS].update_many({}, {"$unset": {"owner": ""}})
    assert documents(store) == documents(target)


def test_the_file_is_what_mongorestore_is_said_to_read(store, tmp_path):
    filled(store)
    backup(store, tmp_path / "plain")
    backup(store, tmp_path / "zipped.gz")
    data = (tmp_path / "plain").read_bytes()
    assert gzip.decompress((tmp_path / "zipped.gz").read_bytes()) == data
    header, described, found = strictly_read(data)
    assert header["server_version"] == store.version
    assert header["tool_version"].startswith("minion ")
    assert [about["collection"] for about in described] == [MINIONS, PROGRESS, SERIES]
    for name, stored in documents(store).items():
        assert sorted(found[store.database.name, name]) == stored


def test_restoring_twice_changes_nothing(store, target, tmp_path):
    filled(store)
    backup(store, tmp_path / "file")
    restore(target, tmp_path / "file")
    once = documents(target)
    again = restore(target, tmp_path / "file")
    # The one that was being imported is still that, so it is looked at again.
    assert (again.simulations, again.skipped) == (1, 4)
    assert documents(target) == once
    # Into the store where it came from it changes nothing either.
    before = documents(store)
    assert restore(store, tmp_path / "file").skipped == 4
    assert documents(store) == before


def test_a_run_that_is_there_stays_as_it_is_there(store, target, tmp_path):
    store.put(*run("1"))
    backup(store, tmp_path / "file")
    restore(target, tmp_path / "file")
    target.judge(target.simulation("1"), Verdict.EXCLUDED, ["seen later"], by="me")
    changed = documents(target)
    assert restore(target, tmp_path / "file").skipped == 1
    assert documents(target) == changed


def test_the_whole_study_takes_seconds(study_store, target, tmp_path):
    path = tmp_path / "study.archive"
    done = backup(study_store, path)
    assert done.samples > 2_500_000
    back = restore(target, path)
    assert (back.simulations, back.samples) == (done.simulations, done.samples)
    assert documents(target) == documents(study_store)
    check_sizes = study_store.count_samples(study_store.simulations(EVERY))
    assert target.count_samples(target.simulations(EVERY)) == check_sizes


def test_nothing_to_back_up_is_no_backup(store, tmp_path):
    with pytest.raises(NotFound, match="there is no simulation to back up at"):
        backup(store, tmp_path / "file")
    store.put(*run("1"))
    with pytest.raises(NotFound, match="no experiment x; there are: e"):
        backup(store, tmp_path / "file", experiment="x")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- parts of it


def test_an_experiment_is_backed_up_and_restored_by_name(store, target, tmp_path):
    filled(store, experiment="one")
    filled(store, experiment="two")
    backup(store, tmp_path / "one", experiment="one")
    backup(store, tmp_path / "both")
    restore(target, tmp_path / "one")
    assert target.experiments() == ["one"]
    with pytest.raises(NotFound, match=r"no experiment three in .*; there are: one, two"):
        restore(target, tmp_path / "both", experiment="three")
    assert restore(target, tmp_path / "both", experiment="two").simulations == 5
    assert documents(store, names=KEPT) == documents(target, names=KEPT)


def test_simulations_are_backed_up_by_name(store, target, tmp_path):
    filled(store)
    assert backup(store, tmp_path / "file", sims="1-2", platform="K8s").simulations == 2
    restore(target, tmp_path / "file")
    assert [one.sim_id for one in target.simulations(EVERY)] == ["1", "2"]


def test_copies_stand_beside_their_originals(store, tmp_path):
    filled(store)
    before = documents(store)
    backup(store, tmp_path / "file")
    assert restore(store, tmp_path / "file", into="copy").simulations == 5
    once = documents(store)
    for name, stored in before.items():
        assert set(stored) < set(once[name])
        assert len(once[name]) == 2 * len(stored)
    for original in store.simulations(replace(EVERY, experiment="e")):
        copy = store.simulation(original.sim_id, "copy")
        assert replace(copy, id=original.id, experiment="e") == original
        assert samples(store, copy) == samples(store, original)
    restore(store, tmp_path / "file", into="copy")
    assert documents(store) == once
    restore(store, tmp_path / "file", into="another")
    assert store.experiments() == ["another", "copy", "e"]


def test_copies_need_one_experiment_and_a_name(store, tmp_path):
    store.put(*run("1", experiment="one"))
    store.put(*run("1", experiment="two"))
    backup(store, tmp_path / "file")
    with pytest.raises(Ambiguous, match=r"has several experiments \(one, two\); name one with"):
        restore(store, tmp_path / "file", into="copy")
    with pytest.raises(InvalidData, match="has an empty name"):
        restore(store, tmp_path / "file", experiment="one", into=" ")
    assert restore(store, tmp_path / "file", experiment="one", into="copy").simulations == 1


# ---------------------------------------------------------------- what stands in the way


def test_other_runs_of_the_same_names_are_listed_and_nothing_is_written(store, target, tmp_path):
    for number in range(1, 16):
        store.add(run(str(number))[0])
    backup(store, tmp_path / "file")
    for number in range(2, 15):
        target.add(run(str(number))[0])
    before = documents(target)
    with pytest.raises(AlreadyExists) as refused:
        restore(target, tmp_path / "file")
    names = ", ".join(f"{number} of e" for number in range(2, 12))
    assert f"have their names here: {names} and 3 more; nothing was written" in str(refused.value)
    assert documents(target) == before


def test_a_run_that_has_another_name_by_now_is_not_made_a_second_time(store, target, tmp_path):
    store.put(*run("1"))
    backup(store, tmp_path / "file")
    restore(target, tmp_path / "file")
    target.database[MINIONS].update_one({}, {"$set": {"experiment": "other"}})
    with pytest.raises(AlreadyExists, match="1 of e is here as 1 of other"):
        restore(target, tmp_path / "file")


def test_a_newer_schema_is_refused_before_anything_is_written(store, target, tmp_path):
    store.put(*run("1"))
    store.put(*run("2"))
    store.database[MINIONS].update_one({"sim_id": "2"}, {"$set": {"schema_version": 99}})
    # Minion itself does not read such a store any more; mongodump does.
    places = [Namespace("study", name) for name in KEPT]
    blocks = [(place, documents(store)[place.collection]) for place in places]
    (tmp_path / "file").write_bytes(as_mongodump(places, blocks))
    with pytest.raises(InvalidData, match=r"simulation 2 has schema version 99.*upgrade Minion"):
        restore(target, tmp_path / "file")
    assert not any(documents(target).values())


def test_documents_of_an_older_form_are_brought_up_to_date(store, target, tmp_path):
    store.put(*run("1"))
    (document,) = store.database[MINIONS].find()
    del document["schema_version"]
    document["collected"] = [{"hostname": "node-a", "until": 1.0}]
    minions, series = (Namespace("study", name) for name in KEPT)
    blocks = [(minions, [bson.encode(document)]), (series, documents(store)[SERIES])]
    (tmp_path / "file").write_bytes(as_mongodump([minions, series], blocks))
    restore(target, tmp_path / "file")
    assert target.simulation("1") == store.simulation("1")
    assert target.database[MINIONS].find_one()["schema_version"] == 1


def test_a_damaged_file_leaves_the_store_as_it_was(store, target, tmp_path):
    filled(store)
    path = tmp_path / "file"
    backup(store, path)
    data = path.read_bytes()
    random = np.random.default_rng(1)
    cuts = [len(data) - 1, *random.integers(100, len(data), 6).tolist()]
    wrong = random.integers(len(data) // 4, len(data), 6).tolist()
    broken = [data[:cut] for cut in cuts]
    broken += [data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :] for at in wrong]
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(InvalidData, match="is damaged at byte") as refused:
            restore(target, path)
        assert "\n" not in str(refused.value)
        assert not any(documents(target).values())


@pytest.mark.parametrize(
    ("collections", "blocks", "message"),
    [
        ([("db", "people")], [], r"is no backup of a Minion database: it holds db\.people"),
        ([("db", MINIONS)], [], r"is no backup of a Minion database: it holds db\.minions"),
        ([], [], "it holds nothing"),
        (
            [("a", MINIONS), ("a", SERIES), ("b", MINIONS), ("b", SERIES)],
            [],
            r"has the minions of several databases \(a, b\)",
        ),
        (
            [("a", MINIONS), ("a", SERIES)],
            [(("a", MINIONS), [bson.encode({"_id": 1, "title": "Despicable Me"})])],
            r"has a document in a\.minions that is not Minion's",
        ),
        (
            [("a", MINIONS), ("a", SERIES)],
            [(("a", SERIES), [bson.encode({"_id": 1, "simulation": {}, "samples": 1})])],
            r"has a document in a\.series that is not Minion's",
        ),
    ],
)
def test_somebody_elses_file_is_said_to_be_that(target, tmp_path, collections, blocks, message):
    (tmp_path / "file").write_bytes(as_mongodump(collections, blocks))
    with pytest.raises((InvalidData, Ambiguous), match=message) as refused:
        restore(target, tmp_path / "file")
    assert "\n" not in str(refused.value)


def test_what_the_store_refuses_never_looks_complete(store, target, tmp_path):
    store.put(*run("1"))
    good = documents(store)
    first = bson.decode(good[SERIES][0])
    first["dimensions"] = "none"
    series = [bson.encode(first), *good[SERIES][1:]]
    places = [Namespace("study", name) for name in KEPT]
    blocks = [(places[0], good[MINIONS]), (places[1], series)]
    (tmp_path / "file").write_bytes(as_mongodump(places, blocks))
    with pytest.raises(InvalidData, match="refuses a document"):
        restore(target, tmp_path / "file")
    assert target.simulation("1").status is Status.IMPORTING


def test_a_run_that_did_not_arrive_as_it_was_stays_open(store, target, tmp_path):
    store.put(*run("1"))
    store.put(*run("2"))
    backup(store, tmp_path / "file")
    # Somebody has begun the same run here, with less of a stretch than the file has.
    begun = store.simulation("2")
    target.add(replace(begun, status=Status.IMPORTING))
    (series, *_) = store.series(begun)
    target.write(begun, [series.window(0, series.times[3])], settled=True)
    with pytest.raises(StoreError, match=r"1 simulations of .* \(the first: 2 of e\) have not the"):
        restore(target, tmp_path / "file")
    assert {one.status for one in target.simulations()} == {Status.IMPORTING}
    prune(target, plan_prune(target, sims="2", unfinished=True))
    assert restore(target, tmp_path / "file").simulations == 2
    assert documents(target) == documents(store)


# ---------------------------------------------------------------- mongodump's own


@pytest.mark.parametrize("zipped", [False, True])
def test_an_archive_of_mongodump_is_read(store, target, tmp_path, zipped):
    filled(store)
    stored = documents(store)
    names = {name: Namespace("elsewhere", name) for name in stored}
    view, other = Namespace("elsewhere", "events"), Namespace("admin", "system.version")
    series, minions = stored[SERIES], stored[MINIONS]
    blocks = [
        (names[SERIES], series[:7]),
        (other, [bson.encode({"_id": "featureCompatibilityVersion"})]),
        (names[MINIONS], minions[:2]),
        (names[SERIES], series[7:]),
        (names[PROGRESS], stored[PROGRESS]),
        (names[MINIONS], minions[2:]),
    ]
    collections = [view, names[SERIES], other, names[MINIONS], names[PROGRESS]]
    data = as_mongodump(collections, blocks, kinds={view: "view"}, ended=collections[1:])
    path = tmp_path / "dump"
    path.write_bytes(gzip.compress(data) if zipped else data)
    assert restore(target, path).simulations == 5
    assert documents(target, names=KEPT) == {MINIONS: minions, SERIES: series}
    assert target.database[PROGRESS].count_documents({}) == 2


@pytest.fixture(scope="module")
def tools():
    """Whether MongoDB's own tools are there."""
    for name in ("mongodump", "mongorestore"):
        if shutil.which(name) is None:
            pytest.skip(f"{name}, of the MongoDB Database Tools, is not installed")


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("options", [[], ["--gzip"]])
def test_mongorestore_makes_the_same_of_it(store, target, mongodb_uri, tmp_path, options):
    filled(store)
    path = tmp_path / ("file.gz" if options else "file")
    backup(store, path)
    renamed = ["--nsFrom", f"{store.database.name}.*", "--nsTo", f"{target.database.name}.*"]
    program = ["mongorestore", f"--uri={mongodb_uri}", "--drop", f"--archive={path}"]
    subprocess.run([*program, *options, *renamed], check=True, timeout=60)
    assert documents(target) == documents(store)
    for name in (MINIONS, PROGRESS, SERIES):
        made, original = target.database[name], store.database[name]
        assert made.options() == original.options()
        assert made.index_information() == original.index_information()


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("options", [[], ["--gzip"]])
def test_what_mongodump_makes_comes_back(store, target, mongodb_uri, tmp_path, options):
    filled(store)
    make_views(store)
    path = tmp_path / "dump"
    program = ["mongodump", f"--uri={mongodb_uri}", "--db", store.database.name]
    subprocess.run([*program, f"--archive={path}", *options], check=True, timeout=60)
    assert restore(target, path).simulations == 5
    assert documents(target, names=KEPT) == documents(store, names=KEPT)


def test_series_without_a_simulation_are_left_and_counted(store, target, tmp_path):
    store.put(*run("1"))
    store.put(*run("2"))
    stored = documents(store)
    places = [Namespace("study", name) for name in KEPT]
    only = [one for one in stored[MINIONS] if bson.decode(one)["sim_id"] == "2"]
    blocks = [(places[0], only), (places[1], stored[SERIES])]
    (tmp_path / "file").write_bytes(as_mongodump(places, blocks))
    done = restore(target, tmp_path / "file")
    assert (done.simulations, done.strays) == (1, len(stored[SERIES]) // 2)
    assert target.database[SERIES].distinct("simulation") == [target.simulation("2").id]


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


def in_the_file(path):
    """The simulations of a file, and the time ranges of the series by host and chart."""
    (database,) = {one.namespace.database for one in Archive(path).collections}
    names = [Namespace(database, name) for name in KEPT]
    found: dict[str, list[bytes]] = {MINIONS: [], SERIES: []}
    for place, one in Archive(path).documents(names, whole=True):
        found[place.collection].append(one)
    return [read_simulation(bson.decode(one)) for one in found[MINIONS]], found[SERIES]


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


# ---------------------------------------------------------------- killed

RESTORE = """
import sys, minion
from minion.backup import restore
with minion.connect(sys.argv[1], database=sys.argv[2]) as store:
    print("begun", flush=True)
    restore(store, sys.argv[3])
"""
BACKUP = """
import sys, minion
from minion.backup import backup
with minion.connect(sys.argv[1], database=sys.argv[2]) as store:
    print("begun", flush=True)
    while True:
        backup(store, sys.argv[3], force=True)
"""


def test_a_restore_that_is_killed_is_finished_by_the_next(
    study_store, mongodb_uri, target, tmp_path
):
    path = tmp_path / "study"
    done = backup(study_store, path)
    sent = study_store.database[SERIES].count_documents({})
    series = target.database[SERIES]
    for share in (0.0, 0.2, 0.4):
        with Command(RESTORE, mongodb_uri, target.database.name, path) as restoring:
            restoring.line()
            wait_for(lambda: series.count_documents({}) > share * sent, 60, "some series")  # noqa: B023
            restoring.kill()
        assert series.count_documents({}) < sent, "it was over before it was killed"
        # Nobody takes any of them for whole.
        found = target.simulations(EVERY)
        assert len(found) == done.simulations
        assert {one.status for one in found} == {Status.IMPORTING}
    back = restore(target, path)
    assert (back.simulations, back.samples) == (done.simulations, done.samples)
    assert documents(target) == documents(study_store)


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


# ---------------------------------------------------------------- a full disk


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 1 MB; skipped where one may not be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    tried = subprocess.run(mount, capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"cannot mount a small disk: {tried.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("name", ["study", "study.gz"])
def test_a_full_disk_is_one_line_and_leaves_nothing(study_store, small_disk, name):
    path = small_disk / name
    path.write_bytes(b"the one of yesterday")
    with pytest.raises(OutputError) as refused:
        backup(study_store, path, force=True)
    assert str(refused.value) == f"{path} cannot be written: No space left on device"
    assert [one.name for one in small_disk.iterdir()] == [name]
    assert path.read_bytes() == b"the one of yesterday"


# ---------------------------------------------------------------- the commands


def test_the_commands_say_what_they_did(minion, store, tmp_path):
    filled(store)
    count = sum(store.count_samples(store.simulations(EVERY)).values())
    path = tmp_path / "file.gz"
    said = minion("backup", str(path))
    size = path.stat().st_size / 1e6
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == f"written: 5 simulations with {count:,} samples, {size:.1f} MB, {path}\n"
    again = minion("backup", str(path))
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == (f"minion: {path} exists already; name another file, or add --force\n")
    assert minion("backup", str(path), "--force", "--experiment", "e").returncode == 0
    said = minion("restore", str(path), "--experiment", "e", "--into", "f")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == (f"restored: 5 simulations with {count:,} samples; there already: 0\n")
    said = minion("restore", str(path), "--into", "f")
    assert "there already: 4" in said.stdout


def test_a_mistake_is_one_line(minion, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"something else")
    for arguments, status, message in (
        (["backup"], 2, "backup: FILE missing"),
        (["backup", str(tmp_path / "new")], 1, "there is no simulation to back up"),
        (["backup", "/proc/backup"], 1, "cannot be written"),
        (["restore"], 2, "restore: FILE missing"),
        (["restore", str(tmp_path / "none")], 1, "there is no file"),
        (["restore", str(path)], 1, "is no archive"),
        (["restore", str(path), "--force"], 2, "unknown option --force"),
    ):
        said = minion(*arguments)
        assert said.returncode == status
        assert said.stdout == ""
        (line,) = said.stderr.splitlines()
        assert line.startswith("minion: ")
        assert message in line
