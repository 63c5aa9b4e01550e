"""What a file that is restored may hold, and what stands in its way, on real servers."""

import gzip
import shutil
import subprocess
from dataclasses import replace

import bson
import numpy as np
import pytest
from backups import EVERY, KEPT, documents, filled
from processes import Command
from runs import run
from test_archive import as_mongodump
from waiting import wait_for

from minion.archive import Namespace
from minion.backup import backup
from minion.errors import (
    AlreadyExists,
    Ambiguous,
    InvalidData,
    StoreError,
)
from minion.model import Status
from minion.restore import restore
from minion.retention import plan_prune, prune
from minion.schema import MINIONS, PROGRESS, SERIES
from minion.views import make_views

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


# ---------------------------------------------------------------- killed

RESTORE = """
import sys, minion
from minion.restore import restore
with minion.connect(sys.argv[1], database=sys.argv[2]) as store:
    print("begun", flush=True)
    restore(store, sys.argv[3])
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
