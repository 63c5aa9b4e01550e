"""The study's four flat collections as files."""

import gzip
import json
import tracemalloc
from dataclasses import replace

import bson
import numpy as np
import pytest
from bson import json_util
from flat_study import as_set, flat_documents, made
from runs import run

from minion import flat, flat_files
from minion.errors import AlreadyExists, Ambiguous, InvalidData, NotFound, OutputError
from minion.flat_files import write_flat_files
from minion.model import Verdict
from minion.views import make_views


def read(folder, form):
    """The documents of each collection, by programs that are not under test."""
    found = {}
    for name in flat.COLLECTIONS:
        path = folder / f"{name}.{form}"
        data = (
            path.read_bytes()
            if path.exists()
            else gzip.decompress((folder / f"{name}.{form}.gz").read_bytes())
        )
        if form == "bson":
            found[name] = bson.decode_all(data)
        else:
            found[name] = [json_util.loads(line) for line in data.decode().splitlines()]
    return found


@pytest.mark.parametrize("form", ["json", "bson"])
def test_the_files_hold_what_the_original_holds(kns, study, tmp_path, form):
    written = write_flat_files(kns, tmp_path / "a" / "b", form=form)
    found, expected = read(tmp_path / "a" / "b", form), flat_documents(study)
    for name in flat.COLLECTIONS:
        assert as_set(found[name]) == as_set(expected[name]), name
        assert [list(one) for one in found[name][:1]] == [
            ["_id", *(key for key in expected[name][0] if key != "_id")]
        ]
    assert [one.path.name for one in written] == [
        f"simulations.{form}",
        f"hosts.{form}",
        f"events.{form}",
        f"netdata_metrics.{form}.gz",
    ]
    assert [one.documents for one in written] == [len(expected[n]) for n in flat.COLLECTIONS]
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == sorted(
        one.path.name for one in written
    )
    ids = {one["_id"] for one in found["netdata_metrics"]}
    assert len(ids) == len(found["netdata_metrics"])
    assert {type(one["timestamp"]) for one in found["netdata_metrics"]} == {int}
    assert {type(one["timestamp"]) for one in found["events"]} == {float}


@pytest.mark.parametrize("form", ["json", "bson"])
def test_they_are_what_the_views_show(store, tmp_path, form):
    store.put(*run("1"))
    store.put(*run("2", platform="mK8s", hosts=("h", "ü\"'$.")))
    make_views(store)
    write_flat_files(store, tmp_path, form=form)
    found = read(tmp_path, form)
    for name in flat.COLLECTIONS:
        assert as_set(found[name]) == as_set(store.database[name].find()), name


def test_every_double_survives_in_both_forms(store, tmp_path):
    simulation, (series,) = run("1", hosts=("h",), metrics=("cpu",))
    odd = [5e-324, -0.0, 1e300, 0.1, 1 / 3, 1e16, 123456789.123456789, -1e-7]
    series.values[: len(odd), 0] = odd
    store.put(simulation, [series])
    for form in flat_files.FORMS:
        write_flat_files(store, tmp_path / form, form=form)
        values = [one["value"] for one in read(tmp_path / form, form)["netdata_metrics"]]
        assert np.array(values).tobytes() == series.values[:, 0].tobytes()


def test_timestamps_after_2038(store, tmp_path):
    simulation, (series,) = run("1", hosts=("h",), metrics=("cpu",))
    later = 2**31 - series.times[3]
    events = tuple(replace(event, time=event.time + later) for event in simulation.events)
    times = series.times + later
    store.put(replace(simulation, events=events), [replace(series, times=times)])
    make_views(store)
    write_flat_files(store, tmp_path, form="bson")
    for rows in (
        read(tmp_path, "bson")["netdata_metrics"],
        list(store.database["netdata_metrics"].find()),
    ):
        assert [row["timestamp"] for row in rows] == times.tolist()


def test_a_selection_is_written(kns, tmp_path):
    kns.judge(kns.simulation("1000"), Verdict.EXCLUDED, ["broken"], by="me")
    write_flat_files(kns, tmp_path / "default")
    write_flat_files(kns, tmp_path / "all", include_excluded=True)
    write_flat_files(kns, tmp_path / "one", platform="K3s")
    ids = [
        [one["sim_id"] for one in read(tmp_path / folder, "json")["simulations"]]
        for folder in ("default", "all", "one")
    ]
    assert ids == [["3050", "5000"], ["1000", "3050", "5000"], ["3050"]]


def test_nothing_is_written_over(kns, tmp_path):
    for name in ("events.json", "netdata_metrics.bson.gz", "hosts.json.gz"):
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        (folder / name).write_text("precious")
        with pytest.raises(AlreadyExists, match=f"{name} exists already; name another folder"):
            write_flat_files(kns, folder)
        assert [path.name for path in folder.iterdir()] == [name]
        assert (folder / name).read_text() == "precious"


def test_an_export_that_is_cut_off_leaves_no_file(kns, tmp_path, monkeypatch):
    whole = flat_files._series

    def cut_off(store, simulation):
        yield from whole(store, simulation)
        if simulation.sim_id == "3050":
            raise ZeroDivisionError

    monkeypatch.setattr(flat_files, "_series", cut_off)
    with pytest.raises(ZeroDivisionError):
        write_flat_files(kns, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_simulations(store, tmp_path):
    peaks = []
    for part, count in enumerate((2, 10)):
        for number in range(count):
            store.put(*made("kns", str(10 * part + number + 1), "K8s", 0))
        tracemalloc.start()
        write_flat_files(store, tmp_path / str(part))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0] + 500_000


def test_mistakes(kns, study, tmp_path):
    with pytest.raises(InvalidData, match="--form csv: there are json, bson"):
        write_flat_files(kns, tmp_path, form="csv")
    with pytest.raises(NotFound, match="no experiment x; there are: kns"):
        write_flat_files(kns, tmp_path, experiment="x")
    with pytest.raises(OutputError, match="cannot be written"):
        write_flat_files(kns, "/dev/null/x")
    kns.put(replace(study[0][0], id=bson.ObjectId(), experiment="twin"), [])
    with pytest.raises(Ambiguous, match="1000 of experiment twin and 1000 of kns have one"):
        write_flat_files(kns, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("kns")
def test_the_command(minion, tmp_path):
    said = minion("export", "kns", str(tmp_path), "--sims", "1000", "--form", "bson")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.splitlines()[:2] == [
        f"written: 1 documents, {tmp_path}/simulations.bson",
        f"written: 3 documents, {tmp_path}/hosts.bson",
    ]
    (simulation,) = read(tmp_path, "bson")["simulations"]
    assert simulation["sim_id"] == "1000"
    assert minion("export", "kns", str(tmp_path)).returncode == 1
    assert minion("export", "kns").returncode == 2
    minion("export", "kns", str(tmp_path / "json"))
    line = (tmp_path / "json" / "hosts.json").read_text().splitlines()[0]
    assert json.loads(line)["_id"].keys() == {"$oid"}
