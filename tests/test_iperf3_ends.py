"""The two ends of an iperf3 test: one run, also where they come one after the other."""

import json
from dataclasses import replace

import pytest
from iperf3_files import CLIENT, SERVER, document, shown, writer

from ingest.networking.iperf3 import ingest_iperf3
from minion.errors import AlreadyExists, InvalidData
from minion.model import Provenance, now

SOURCE = Provenance(source="", version="", created=now())


@pytest.fixture
def folder(tmp_path):
    return writer(tmp_path)


def whole(run):
    """A run but for its name, and what was noted of it."""
    plain = {"sim_id": "x", "id": None, "validity": None}
    details = {k: v for k, v in run.provenance.details.items() if k != "sha256"}
    figures = sorted(run.measurements, key=lambda m: (m.name, m.hostname or ""))
    changes = {"measurements": tuple(figures), "provenance": replace(SOURCE, details=details)}
    return replace(run, **plain, **changes)


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize(
    "texts",
    [
        (SERVER, CLIENT),
        (json.dumps(document("server", start=1_700_000_003)), json.dumps(document())),
    ],
)
def test_a_run_is_completed_where_its_other_end_comes_later(store, target, folder, texts, first):
    paths = folder(a_txt=texts[0], b_txt=texts[1])
    ingest_iperf3(target, paths)
    one, other = paths[first], paths[1 - first]
    name, sim_id = other.name, f"gke/{one.stem}"
    ingest_iperf3(store, [one])
    done = ingest_iperf3(store, [other])
    assert (done.runs, done.new) == (1, 0)
    assert f"{name}: the other end of {sim_id}, which has both now" in done.notes
    (found,), (wanted,) = store.simulations(), target.simulations()
    assert found.sim_id == sim_id
    assert whole(found) == whole(wanted)
    assert shown(store.series(found)) == shown(target.series(wanted))
    # And then nothing changes any more, whatever of it comes.
    again = ingest_iperf3(store, [other])
    assert (again.runs, again.samples) == (0, 0)
    assert f"{name} left out: {sim_id} has both ends of this test" in again.notes
    assert store.simulations() == [found]
    assert ingest_iperf3(store, [one]).runs == 0
    again = ingest_iperf3(store, paths)
    assert (again.runs, again.new, again.samples) == (1, 0, 0)
    (last,) = store.simulations()
    assert whole(last) == whole(found)


def test_both_ends_complete_the_run_of_one(store, folder):
    server, client = folder(a_txt=SERVER, b_txt=CLIENT)
    ingest_iperf3(store, [server])
    done = ingest_iperf3(store, [server, client])
    assert "a.txt, b.txt: this test is simulation gke/a" in done.notes
    (run,) = store.simulations()
    assert (run.sim_id, len(run.hosts), done.samples) == ("gke/a", 2, 6)


def test_a_test_is_stored_twice_only_under_a_name_of_its_own(store, folder):
    (path,) = folder(a_txt=CLIENT)
    (path.parent / "copy.txt").write_text(CLIENT)
    ingest_iperf3(store, [path])
    assert ingest_iperf3(store, [path.parent / "copy.txt"]).new == 0
    assert ingest_iperf3(store, [path], sim="mine").new == 1
    assert store.names("iperf3") == {"gke/a", "mine"}
    # Alike by their ports and bitrate, as tests on a busy link are, and two.
    (path.parent / "other.txt").write_text(CLIENT.replace("8.59", "8.58"))
    assert ingest_iperf3(store, [path.parent / "other.txt"]).new == 1


def test_files_of_one_name_are_not_mixed(store, folder, tmp_path):
    (path,) = folder(a_txt=CLIENT)
    other = tmp_path / "day2" / "gke" / "a.txt"
    other.parent.mkdir(parents=True)
    other.write_text(CLIENT.replace("6.40", "6.30").replace("40001", "40002"))
    with pytest.raises(InvalidData, match="two files would be simulation gke/a"):
        ingest_iperf3(store, [path, other])
    assert ingest_iperf3(store, [path, path]).runs == 1
    before = store.simulation("gke/a")
    with pytest.raises(AlreadyExists, match=r"from a.txt, and its bitrate is 6\.4 Gbit/s"):
        ingest_iperf3(store, [other])
    assert store.simulation("gke/a") == before
