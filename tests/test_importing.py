"""What importers share: names of runs, and keeping them."""

from hashlib import sha256
from pathlib import Path

import pytest
from runs import START, run

from ingest.importing import (
    Imported,
    distinct,
    existing,
    from_to,
    keep,
    names_of,
    provenance,
    stem_of,
)
from minion.errors import AlreadyExists, NotFound
from minion.model import Measurement, Simulation


def counted(path, value=1.0):
    """A run that is one number."""
    return Simulation(
        experiment="e",
        sim_id="p/x",
        platform="p",
        provenance=provenance("test", [path]),
        measurements=(Measurement(name="count", value=value),),
    )


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({}, ("gke", "gke/run1")),
        ({"platform": "k8s"}, ("k8s", "k8s/run1")),
        ({"sim": "7"}, ("gke", "7")),
        ({"stem": "a"}, ("gke", "gke/a")),
        ({"platform": "k8s", "sim": "7"}, ("k8s", "7")),
    ],
)
def test_a_run_is_called_by_its_folder_and_file_unless_it_is_named(given, names):
    assert names_of(Path("/data/gke/run1.txt"), **given) == names


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(NotFound, match="there is no folder /no/where; check the path"):
        existing("/no/where", "folder")


@pytest.mark.parametrize("way", ["../gke/run1.txt", "./run1.txt", "../../data/gke/run1.txt"])
def test_the_folder_has_its_name_by_whatever_way_one_gets_there(monkeypatch, tmp_path, way):
    folder = tmp_path / "data" / "gke"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert names_of(Path(way)) == ("gke", "gke/run1")
    link = folder.parent / "linked"
    link.symlink_to(folder)
    assert names_of(link / "run1.txt") == ("linked", "linked/run1")


@pytest.mark.parametrize("name", ["run.1.txt", "run.1.txt.gz", "run.1.csv"])
def test_a_gzipped_file_is_called_like_the_plain_one(name):
    assert stem_of(Path(name)) == "run.1"
    assert names_of(Path("/data/gke") / name) == ("gke", "gke/run.1")


def test_files_by_whatever_way_they_are_named_are_one_and_folders_none(monkeypatch, tmp_path):
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_text("1")
    other.write_text("1")
    (tmp_path / "link").symlink_to(one)
    monkeypatch.chdir(tmp_path)
    assert distinct([one, "a", other, tmp_path / "link", "./b"]) == [one, other]
    with pytest.raises(NotFound, match=r" is a folder; name the files in it"):
        distinct([one, tmp_path])
    with pytest.raises(NotFound, match="there is no file c; check the path"):
        distinct(["c"])


def test_the_same_file_again_changes_nothing_and_another_one_is_refused(store, tmp_path):
    path = tmp_path / "x"
    path.write_text("1")
    assert keep(store, [(counted(path), [])], ["a note"]) == Imported(1, 1, 0, 1, ("a note",))
    before = store.simulation("p/x")
    again = keep(store, [(counted(path), [])])
    assert (again.runs, again.new) == (1, 0)
    assert store.simulation("p/x") == before
    path.write_text("2")
    with pytest.raises(AlreadyExists, match=r"is stored from x, and its count is 1\.0 there"):
        keep(store, [(counted(path, 2.0), [])])
    assert store.simulation("p/x") == before


def test_a_run_from_elsewhere_is_not_overwritten(store, tmp_path):
    store.put(*run("p/x", source="elsewhere"))
    path = tmp_path / "x"
    path.write_text("1")
    with pytest.raises(AlreadyExists):
        keep(store, [(counted(path), [])])


def test_provenance_tells_files_by_what_they_hold(tmp_path):
    one, other = tmp_path / "a", tmp_path / "b"
    one.write_text("1")
    other.write_text("2")
    both = provenance("test", [other, one])
    assert both.details["files"] == "a, b"
    assert both.details["sha256"] == provenance("test", [one, other]).details["sha256"]
    assert both.details["sha256"] != provenance("test", [one]).details["sha256"]
    assert both.details["sha256"] == sha256(b"12").hexdigest()  # as stored runs have it


def test_the_two_events_of_a_run():
    first, last = from_to(START, START + 9)
    assert (first.time, last.time) == (START, START + 9)
