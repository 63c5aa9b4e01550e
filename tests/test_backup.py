"""A store as one file and back, on real servers: nothing lost, and nothing doubled."""

import gzip
import subprocess
from dataclasses import replace

import pytest
from backups import EVERY, KEPT, documents, filled, samples
from runs import run
from test_archive import strictly_read

from minion.backup import backup
from minion.errors import (
    Ambiguous,
    InvalidData,
    NotFound,
    OutputError,
)
from minion.model import Verdict
from minion.restore import restore
from minion.schema import MINIONS, PROGRESS, SERIES

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
