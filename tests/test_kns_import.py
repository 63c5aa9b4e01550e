"""Databases of the published study: every form of a dump gives the same, a server too."""

import random
import shutil
from dataclasses import replace
from uuid import uuid4

import bson
import numpy as np
import pandas as pd
import pytest
from bson import ObjectId
from kns_dumps import START, Study, write
from kns_importing import HOUR, contents, everything, small

import minion
from ingest.kns.database import import_kns
from minion.errors import NotFound
from minion.model import Status, Verdict

# ---------------------------------------------------------------- every form


FORMS = [f"{kind}{gz}" for kind in ("lines", "array", "pretty", "bson") for gz in ("", ".gz")]


def test_every_form_gives_the_same_documents(mongodb_uri, tmp_path):
    study, found = small(), {}
    for form in [*FORMS, "canonical"]:
        folder = tmp_path / form
        if form == "canonical":
            write(folder, study, "lines", relaxed=False)
        else:
            write(folder, study, form)
        with minion.connect(mongodb_uri, database=f"test_{uuid4().hex}") as store:
            imported = import_kns(store, str(folder))
            assert (imported.notes[1:], imported.errors) == ((), ()), form
            found[form] = contents(store)
            store.client.drop_database(store.database.name)
    first = found["lines"]
    assert len(first[1]) == 3 * 5
    for form, documents in found.items():
        assert documents == first, form


def test_the_order_and_the_writing_of_numbers_change_nothing(mongodb_uri, tmp_path):
    study, shuffled = small(), small()
    for name, documents in study.collections().items():
        copies = [dict(document) for document in documents]
        random.Random(2).shuffle(copies)
        setattr(shuffled, name, copies)
    for document in shuffled.netdata_metrics:
        document["value"] = repr(document["value"])
        document["timestamp"] = str(document["timestamp"])
    for event in shuffled.events:
        event["timestamp"] = repr(event["timestamp"])
        event["_id"] = ObjectId(str(event["_id"]))
    shuffled.simulations[0]["sim_id"] = 5000
    found = []
    for name, form, one in (
        ("a", "lines", study),
        ("b", "lines", shuffled),
        ("c", "bson", shuffled),
    ):
        folder = write(tmp_path / name, one, form)
        with minion.connect(mongodb_uri, database=f"test_{uuid4().hex}") as store:
            import_kns(store, str(folder))
            found.append(contents(store))
            store.client.drop_database(store.database.name)
    assert found[0] == found[1] == found[2]


def test_keys_vary_with_netdatas_version(store, tmp_path):
    study = small()
    for place, document in enumerate(study.netdata_metrics):
        if place % 2:
            del document["host_tags"]
            document["labels"] = {"_is_ephemeral": "false", "place": str(place)}
        if document["chart_id"] == "system.cpu":
            del document["chart_name"]
            del document["name"]
        if document["chart_id"] == "system.ram":
            del document["chart_id"]
        if document["chart_id" if "chart_id" in document else "chart_name"] == "system.io":
            document["timestamp"] = bson.Int64(document["timestamp"])
        document["a new key"] = {"value": 1, "timestamp": 2}
    import_kns(store, str(write(tmp_path, study, "bson")))
    names = {s.chart: s.name for s in store.series(store.simulation("5000"))}
    assert names == {name: name for name in names}
    assert set(names) == {"system.cpu", "system.ram", "system.io", "system.net", "disk_util.sda"}
    coverage = store.coverage(store.simulation("5000"))
    assert (coverage["gaps"] == 0).all()
    assert set(coverage.loc[coverage["chart"] == "disk_util.sda", "context"]) == {"disk.util"}


def test_folders_as_mongodump_lays_them_out(store, tmp_path):
    write(tmp_path / "all", small(), "bson.gz")
    for below, names in (
        ("minion", ("simulations", "hosts", "events")),
        ("nd", ("netdata_metrics",)),
    ):
        (tmp_path / "dump" / below).mkdir(parents=True)
        for name in names:
            path = tmp_path / "dump" / below / f"{name}.bson.gz"
            shutil.move(tmp_path / "all" / f"{name}.bson.gz", path)
            path.with_name(f"{name}.metadata.json").write_text("{}")
    assert import_kns(store, str(tmp_path / "dump"), netdata_db="nd").placed > 0


# ---------------------------------------------------------------- what is stored


def test_what_is_stored_is_what_stood_there(store, tmp_path):
    study = small()
    import_kns(store, str(write(tmp_path, study)), experiment="golden", ram_mib=3936)
    simulation = store.simulation("5000", "golden")
    assert (simulation.source_id, simulation.platform) == (study.simulations[0]["_id"], "mK8s")
    assert simulation.status is Status.COMPLETE
    assert simulation.validity.verdict is Verdict.UNCHECKED
    assert {(h.id, h.hostname, h.role.value, h.ram_mib) for h in simulation.hosts} == {
        (d["_id"], d["hostname"], d["role"], 3936.0) for d in study.hosts
    }
    assert [
        (e.id, f"EventType.{e.type.name}", e.time, e.body, e.correlation_id, e.hostname)
        for e in simulation.events
    ] == [
        (d["_id"], d["event_type"], d["timestamp"], "", d["correlation_id"], "c0")
        for d in study.events
    ]
    end = START + 340.6
    wanted = {
        (d["hostname"], d["chart_id"], d["id"], d["timestamp"]): d["value"]
        for d in study.netdata_metrics
        if START < d["timestamp"] < end
    }
    found = {
        (series.hostname, series.chart, dimension.id, time): series.values[row, column]
        for series in store.series(simulation)
        for row, time in enumerate(series.times)
        for column, dimension in enumerate(series.dimensions)
    }
    assert found == wanted
    assert {s.step for s in store.series(simulation)} == {5.0}


@pytest.mark.parametrize("form", ["lines", "bson"])
def test_the_window_is_strict_at_both_ends(store, tmp_path, form):
    study = Study()
    study.add_run("1", hosts=("m1",), start=1_613_401_000.0)
    study.events[-1]["timestamp"] = 1_613_401_020.0
    study.events = [study.events[0], study.events[-1]]
    for time in range(1_613_400_990, 1_613_401_040, 5):
        study.add_chart("m1", time, [("used", float(time))], "system.ram", "ram", "MiB")
    imported = import_kns(store, str(write(tmp_path, study, form)))
    (series,) = store.series(store.simulation("1"))
    assert series.times.tolist() == [1_613_401_005, 1_613_401_010, 1_613_401_015]
    assert (imported.placed, imported.documents) == (3, 10)
    assert "samples outside every simulation of their host: 7" in imported.notes


def test_overlapping_simulations_share_their_samples_and_it_is_said(store, tmp_path):
    study = small()
    study.add_run("5001", "mK8s", start=START + 100, hosts=("w1", "x1"))
    imported = import_kns(store, str(write(tmp_path, study)))
    said = "simulations that overlap on a host, whose samples there belong to both: 1"
    assert any(line.startswith(f"{said} (5000 and 5001 on w1)") for line in imported.notes)
    charts = store.coverage(store.simulation("5001"))
    assert set(charts["hostname"]) == {"w1"}
    together = np.intersect1d(
        *(store.series(store.simulation(s), hosts="w1")[0].times for s in ("5000", "5001"))
    )
    assert together.min() > START + 100
    assert together.max() < START + 340.6
    assert imported.errors == ()


def test_the_same_import_again_changes_no_byte(store, tmp_path):
    folder = str(write(tmp_path, small()))
    import_kns(store, folder)
    before = everything(store)
    again = import_kns(store, folder)
    assert everything(store) == before
    assert again.written.samples == again.written.documents == 0


def test_what_was_interrupted_ends_in_the_same_documents(store, mongodb_uri, tmp_path):
    study = small()
    study.add_run("5001", "mK8s", start=START + HOUR)
    study.add_samples(random.Random(2), start=START + HOUR)
    folder = str(write(tmp_path, study))
    import_kns(store, folder)
    with minion.connect(mongodb_uri, database=f"test_{uuid4().hex}") as other:
        first = import_kns(other, folder, sims="5000").simulations[0]
        # As a kill in the middle of the second run leaves it.
        other.add(replace(store.simulation("5001"), status=Status.IMPORTING))
        series = store.series(store.simulation("5001"))
        other.write(other.simulation("5001"), series[:2], settled=True)
        import_kns(other, folder)
        assert contents(other) == contents(store)
        assert other.simulation("5000").id == first.id
        other.client.drop_database(other.database.name)


def test_a_fuller_dump_completes_an_earlier_import_and_its_verdict(store, tmp_path):
    study, cut = small(), small()
    cut.events = [e for e in study.events if e["event_type"] != "EventType.STOP_SIMULATION"]
    cut.simulations, cut.hosts = study.simulations, study.hosts
    import_kns(store, str(write(tmp_path / "cut", cut)))
    assert store.simulation("5000").validity.verdict is Verdict.EXCLUDED
    whole = str(write(tmp_path / "whole", study))
    import_kns(store, whole)
    assert store.simulation("5000").validity.verdict is Verdict.UNCHECKED
    assert (store.coverage(store.simulation("5000"))["gaps"] == 0).all()
    before = everything(store)
    import_kns(store, whole)
    assert everything(store) == before


def test_a_verdict_that_somebody_gave_stays(store, tmp_path):
    folder = str(write(tmp_path, small()))
    import_kns(store, folder)
    store.judge(store.simulation("5000"), Verdict.EXCLUDED, ["the network"], "Ada")
    import_kns(store, folder)
    assert store.simulation("5000").validity.reasons == ("the network",)


def test_a_simulation_larger_than_memory_is_written_in_parts(store, tmp_path, monkeypatch):
    folder = str(write(tmp_path, small()))
    import_kns(store, folder, experiment="at once")
    monkeypatch.setattr("ingest.spool.MOST_SAMPLES", 400)
    monkeypatch.setattr("ingest.spool.MOST_WAITING", 10_000)
    monkeypatch.setattr("ingest.kns.dumps.BLOCK", 5000)
    import_kns(store, folder, experiment="in parts")
    at_once, in_parts = (store.simulation("5000", name) for name in ("at once", "in parts"))
    frames = [store.coverage(simulation) for simulation in (at_once, in_parts)]
    pd.testing.assert_frame_equal(*frames)
    assert in_parts.validity.verdict is Verdict.UNCHECKED


def test_sims_chooses_ranges(store, tmp_path):
    study = Study()
    for number in range(4):
        study.add_run(f"100{number}", start=START + number * HOUR)
        study.add_samples(random.Random(number), start=START + number * HOUR)
    folder = str(write(tmp_path, study))
    imported = import_kns(store, folder, sims="1000-1001,1003")
    assert [s.sim_id for s in imported.simulations] == ["1000", "1001", "1003"]
    with pytest.raises(NotFound, match="no simulation 7; it has 4, from 1000 to 1003"):
        import_kns(store, folder, sims="7")
    with pytest.raises(NotFound, match="no simulation of 7-9"):
        import_kns(store, folder, sims="7-9")


# ---------------------------------------------------------------- a server


def test_into_the_experiment_that_is_named(minion_here, store, tmp_path, monkeypatch):
    folder = write(tmp_path, small())
    monkeypatch.setenv("MINION_EXPERIMENT", "of-the-environment")
    assert minion_here("ingest", "kns", folder)[0] == 0
    assert minion_here("ingest", "kns", folder, "--experiment", "of-the-option")[0] == 0
    assert store.experiments() == ["of-the-environment", "of-the-option"]


def test_from_a_server_as_from_a_dump(minion_here, store, mongodb_uri, tmp_path):
    study, names = small(), [f"test_{uuid4().hex}" for _ in range(2)]
    for name, documents in study.collections().items():
        database = names[1] if name == "netdata_metrics" else names[0]
        store.client[database][name].insert_many(documents)
    options = ["--minion-db", names[0], "--netdata-db", names[1]]
    status, out, err = minion_here("ingest", "kns", mongodb_uri, *options)
    assert status == 0, err
    assert "imported into experiment kns: 1 simulation," in out
    served = contents(store)
    store.delete_experiment("kns")
    import_kns(store, str(write(tmp_path, study, "bson")))
    assert contents(store) == served
    store.client[names[0]]["hosts"].drop()
    status, _, err = minion_here("ingest", "kns", mongodb_uri, *options)
    assert status == 1
    assert "has no collection hosts; name another with --minion-db" in err
    for name in names:
        store.client.drop_database(name)
