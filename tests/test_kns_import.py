"""Databases of the published study: every form of a dump, every thing that can be broken."""

import io
import json
import random
import shutil
import signal
import subprocess
import threading
from dataclasses import replace
from uuid import uuid4

import bson
import numpy as np
import pandas as pd
import pytest
from bson import ObjectId
from kns_dumps import START, Study, write

import minion
from ingest.kns import import_kns
from ingest.kns_follow import follow_kns
from minion.__main__ import main
from minion.errors import AlreadyExists, InvalidData, NotFound
from minion.model import EventType, Role, Status, Verdict
from minion.selection import Selection

HOUR = 3600


def small(**changes):
    study = Study()
    study.add_run("5000", "mK8s")
    study.add_samples(random.Random(1), **changes)
    return study


def contents(store):
    """Everything that is stored; the ids of series documents and dates of writing left out."""
    minions = list(store.database["minions"].find({}, {"provenance": 0, "validity.at": 0}))
    order = [("simulation", 1), ("hostname", 1), ("chart", 1), ("stretch", 1)]
    series = list(store.database["series"].find({}, {"_id": 0}).sort(order))
    return minions, series


def everything(store):
    """All documents, byte for byte."""
    return [
        raw.raw
        for name in ("minions", "series")
        for raw in store.database[name]
        .with_options(bson.CodecOptions(document_class=bson.raw_bson.RawBSONDocument))
        .find({})
        .sort("_id", 1)
    ]


@pytest.fixture
def run(store, mongodb_uri, monkeypatch, capfd):
    """Runs the program on the test's store, in this process: status, output, errors."""
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    monkeypatch.setenv("MINION_EXPERIMENT", "not-for-importers")

    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.getsignal(number) for number in numbers]

    def call(*words):
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        return end.value.code, out, err

    yield call
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


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
    monkeypatch.setattr("ingest.dumps.BLOCK", 5000)
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


# ---------------------------------------------------------------- broken runs


def verdicts(store, folder, **options):
    imported = import_kns(store, str(folder), **options)
    return {s.sim_id: (s.validity.verdict.value, s.validity.reasons) for s in imported.simulations}


def test_a_run_that_ended_early_has_its_samples_up_to_its_last_event(store, tmp_path):
    study = Study()
    study.add_run("1025", last=101.0)
    study.add_samples(random.Random(1))
    found = verdicts(store, write(tmp_path, study))
    assert found["1025"] == ("excluded", ("it did not end: no STOP_SIMULATION",))
    last = max(s.times[-1] for s in store.series(store.simulation("1025")))
    assert START + 90 < last < START + 100.0


def test_runs_that_lack_something_are_judged(store, tmp_path):
    study = Study()
    everyone = ("m1", "w1", "w2")
    for number, hosts in enumerate([everyone] * 5 + [("m1", "w1")]):
        study.add_run(f"{number}", start=START + number * HOUR, hosts=hosts)
        study.add_samples(random.Random(number), start=START + number * HOUR, hosts=hosts)
    metrics = study.netdata_metrics

    def of(number, hostname):
        return lambda d: (
            d["hostname"] == hostname
            and int(START) + number * HOUR < d["timestamp"] < START + (number + 0.5) * HOUR
        )

    gone = of(1, "w2")
    metrics = [d for d in metrics if not gone(d)]
    some = of(2, "w1")
    lost = [d for d in metrics if some(d) and d["chart_id"] == "system.cpu"][60:90]
    metrics = [d for d in metrics if d not in lost]
    lacking = of(3, "m1")
    metrics = [d for d in metrics if not (lacking(d) and d["chart_id"] == "disk_util.sda")]
    study.netdata_metrics = metrics
    found = verdicts(store, write(tmp_path, study))
    assert found["0"] == found["4"] == ("unchecked", ())
    assert found["1"] == ("excluded", ("no samples of host w2",))
    assert found["2"] == ("doubtful", ("host w1 lost samples: system.cpu 30 of 204",))
    assert found["3"] == ("doubtful", ("host m1 has no samples of disk_util.sda",))
    assert found["5"] == ("doubtful", ("2 measured hosts; other runs of K8s have 3",))


def test_a_run_without_events_or_hosts_is_there_and_excluded(store, tmp_path):
    study = small()
    study.simulations.append({"_id": ObjectId(), "sim_id": "7", "platform": "K8s"})
    folder = write(tmp_path, study)
    for _ in range(2):
        assert verdicts(store, folder)["7"] == ("excluded", ("it did not end: no STOP_SIMULATION",))
    assert len(store.simulations(Selection(include_excluded=True))) == 2


def test_a_chart_that_no_run_has_is_noted_once(store, tmp_path):
    study = small()
    study.netdata_metrics = [d for d in study.netdata_metrics if d["chart_id"] != "system.net"]
    imported = import_kns(store, str(write(tmp_path, study)))
    assert "charts of the study that no run has: 1 (system.net)" in imported.notes
    assert imported.simulations[0].validity.verdict is Verdict.UNCHECKED


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("lacking", ["simulations", "hosts", "events", "netdata_metrics"])
def test_a_collection_that_is_missing_ends_it_before_anything_is_written(
    run, store, tmp_path, lacking
):
    folder = write(tmp_path / "d", small(), "bson.gz")
    (folder / f"{lacking}.bson.gz").unlink()
    status, out, err = run("ingest", "kns", folder)
    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith(f"minion: {folder} has no {lacking}: each is NAME.json")
    assert store.experiments() == []


def test_a_collection_in_two_forms_is_refused(tmp_path, store):
    folder = write(tmp_path, small(), "bson")
    write(tmp_path, small(), "lines.gz")
    with pytest.raises(
        InvalidData, match=r"events\.bson and events\.json\.gz|simulations\.bson and"
    ):
        import_kns(store, str(folder))
    with pytest.raises(NotFound, match="no folder"):
        import_kns(store, str(tmp_path / "nowhere"))


def broken(folder, change):
    """The folder, with the bytes of its metrics changed."""
    (path,) = folder.glob("netdata_metrics.*")
    path.write_bytes(change(path.read_bytes()))
    return folder


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("lines", "is cut off in the middle of a document"),
        ("array", "is cut off in the middle of a document"),
        ("pretty", "is cut off in the middle of a document"),
        ("bson", "is cut off in the middle of a document"),
        ("lines.gz", "its gzip is cut off"),
        ("array.gz", "its gzip is cut off"),
        ("bson.gz", "its gzip is cut off"),
    ],
)
def test_what_stands_before_the_cut_is_kept(run, store, tmp_path, form, message):
    whole = len(small().netdata_metrics)
    folder = broken(
        write(tmp_path / "d", small(), form), lambda data: data[: len(data) * 3 // 4 - 3]
    )
    status, out, err = run("ingest", "kns", folder)
    assert status == 3
    assert message in err.splitlines()[-1]
    assert str(folder) in err.splitlines()[-1]
    assert "1 simulation," in out
    (simulation,) = store.simulations(Selection(include_excluded=True))
    stored = store.count_samples([simulation])[simulation.id]
    assert 0.5 * whole < stored < whole
    assert simulation.validity.verdict in (Verdict.DOUBTFUL, Verdict.EXCLUDED)


def test_a_gzip_whose_middle_is_broken(run, tmp_path):
    folder = write(tmp_path / "d", small(), "bson.gz")
    broken(folder, lambda d: d[: len(d) // 2] + b"\xff" * 64 + d[len(d) // 2 + 64 :])
    status, _, err = run("ingest", "kns", folder)
    assert status == 3
    assert "its gzip is broken" in err or "not readable" in err or "no BSON" in err


def test_a_truncated_collection_of_events_is_told(run, tmp_path):
    folder = write(tmp_path / "d", small(), "lines")
    path = folder / "events.json"
    path.write_bytes(path.read_bytes()[:-20])
    status, _, err = run("ingest", "kns", folder)
    assert status == 3
    assert "events.json: is cut off" in err
    assert "excluded: it did not end" in err


@pytest.mark.parametrize("form", ["lines", "array", "pretty", "bson"])
def test_garbage_between_documents_is_counted(run, store, tmp_path, form):
    garbage = bson.encode({"a": "b"}).replace(b"b\x00", b"\xff\x00") if form == "bson" else b""
    folder = write(tmp_path / "d", small(), form)
    whole = len(small().netdata_metrics)

    def change(data):
        if form == "bson":
            return garbage + data + garbage
        middle = data.index(b'"_id"', len(data) // 2)
        place = data.rindex(b"{", 0, middle)
        return data[:place] + (b"??\n" if form == "lines" else b"??,") + data[place:]

    status, _, err = run("ingest", "kns", broken(folder, change))
    assert status == 3
    assert "documents are not readable" in err
    imported = import_kns(store, str(folder))
    assert imported.documents >= whole


def test_bytes_that_are_no_bson_from_somewhere_on(run, tmp_path):
    folder = write(tmp_path / "d", small(), "bson")
    broken(folder, lambda data: data + b"\xff" * 400)
    status, _, err = run("ingest", "kns", folder)
    assert status == 3
    assert "it is no BSON from byte" in err


@pytest.mark.parametrize("form", ["lines", "bson"])
def test_metrics_that_lack_something_are_counted_by_reason(run, store, tmp_path, form):
    study = small()
    whole = len(study.netdata_metrics)
    sample = study.netdata_metrics[100]
    for key in ("timestamp", "value", "hostname", "chart_id", "id"):
        lacking = {k: v for k, v in sample.items() if k != key and k not in ("chart_name", "name")}
        study.netdata_metrics.append({**lacking, "_id": ObjectId()})
    study.netdata_metrics.append({**sample, "value": float("nan")})
    study.netdata_metrics.append({**sample, "hostname": "elsewhere"})
    study.netdata_metrics.append(sample)
    study.netdata_metrics.append({**sample, "value": sample["value"] + 1})
    status, out, err = run("ingest", "kns", write(tmp_path / "d", study, form))
    assert status == 0, err
    for line in (
        "samples with no timestamp: 1",
        "samples with no value: 2",
        "samples with no hostname: 1",
        "samples with no chart: 1",
        "samples with no dimension: 1",
        "samples of hosts that took part in no simulation: 1 (elsewhere)",
        "samples that came twice: 1 (5000)",
        "samples that came twice with different values, the first stayed: 1 (5000)",
    ):
        assert f"note: {line}\n" in err
    assert f"of {whole + 9:,} samples" in out
    assert (store.coverage(store.simulation("5000"))["gaps"] == 0).all()


def test_two_simulations_of_one_name_are_both_left_out(run, store, tmp_path):
    study = small()
    study.add_run("7", start=START + HOUR)
    study.add_run("7", "K3s", start=START + 2 * HOUR)
    folder = write(tmp_path / "d", study)
    status, _, err = run("ingest", "kns", folder)
    assert status == 3
    assert "sim_ids that several simulations have, none of them imported: 1 (7)" in err
    assert [s.sim_id for s in store.simulations()] == ["5000"]
    assert run("ingest", "kns", folder, "--sims", "5000")[0] == 0


def test_what_belongs_to_nothing_is_counted(run, store, tmp_path):
    study = small()
    study.add_event("ffffffffffffffffffffffff", "STOP_SIMULATION", START + 9999)
    study.hosts.append({"_id": ObjectId(), "simulation_id": "x", "hostname": "h", "role": "worker"})
    status, _, err = run("ingest", "kns", write(tmp_path / "d", study))
    assert status == 0
    assert "events of an unknown host: 1" in err
    assert "hosts of an unknown simulation: 1 (h)" in err
    assert len(store.simulation("5000").hosts) == 4


def test_what_cannot_be_read_of_a_run_is_an_error_and_the_rest_is_kept(run, store, tmp_path):
    study = small()
    study.hosts[0]["role"] = "boss"
    study.add_event(str(study.hosts[1]["_id"]), "DANCE", START + 9)
    study.add_event(str(study.hosts[1]["_id"]), "START_KNS_PLATFORM", "soon")
    study.simulations += [{"_id": ObjectId(), "sim_id": "8"}, {"_id": ObjectId()}]
    status, _, err = run("ingest", "kns", write(tmp_path / "d", study))
    assert status == 3
    for what in (
        "hosts whose role is none: 1 (c0: 'boss')",
        "events whose type is none: 1 ('EventType.DANCE')",
        "events without a timestamp: 1",
        "simulations without a platform, not imported: 1 (8)",
        "simulations without a sim_id: 1",
    ):
        assert what in err.splitlines()[-1]
    assert len(store.simulation("5000").events) == 14


def test_a_simulation_from_elsewhere_is_not_mixed_with(store, tmp_path):
    import_kns(store, str(write(tmp_path / "a", small())), experiment="e")
    with pytest.raises(AlreadyExists, match="has a simulation 5000 that is not this one"):
        import_kns(store, str(write(tmp_path / "b", small())), experiment="e")


def test_the_event_type_may_be_a_name_or_a_number(store, tmp_path):
    study = small()
    for place, event in enumerate(study.events):
        name = event["event_type"].removeprefix("EventType.")
        number = EventType[name].value
        event["event_type"] = [name, number, str(number), f"EventType.{name}"][place % 4]
    import_kns(store, str(write(tmp_path, study, "bson")))
    assert store.simulation("5000").validity.verdict is Verdict.UNCHECKED


# ---------------------------------------------------------------- a server


def test_from_a_server_as_from_a_dump(run, store, mongodb_uri, tmp_path):
    study, names = small(), [f"test_{uuid4().hex}" for _ in range(2)]
    for name, documents in study.collections().items():
        database = names[1] if name == "netdata_metrics" else names[0]
        store.client[database][name].insert_many(documents)
    options = ["--minion-db", names[0], "--netdata-db", names[1]]
    status, out, err = run("ingest", "kns", mongodb_uri, *options)
    assert status == 0, err
    assert "imported into experiment kns: 1 simulation," in out
    served = contents(store)
    store.delete_experiment("kns")
    import_kns(store, str(write(tmp_path, study, "bson")))
    assert contents(store) == served
    store.client[names[0]]["hosts"].drop()
    status, _, err = run("ingest", "kns", mongodb_uri, *options)
    assert status == 1
    assert "has no collection hosts; name another with --minion-db" in err
    for name in names:
        store.client.drop_database(name)


# ---------------------------------------------------------------- R, and the study itself

ORACLE = """
suppressPackageStartupMessages({library(dplyr); library(jsonlite)})
read <- function(name) stream_in(file(file.path(commandArgs(TRUE)[1], name)), verbose = FALSE)
simulations <- read("simulations.json"); hosts <- read("hosts.json")
events <- read("events.json"); metrics <- read("netdata_metrics.json")
decimals <- as.numeric(commandArgs(TRUE)[2])
take <- function(context, dimension) {
  bind_rows(lapply(seq_len(nrow(simulations)), function(i) {
    own <- hosts[hosts$simulation_id == simulations$`_id`$`$oid`[i], ]
    times <- events$timestamp[events$host_id %in% own$`_id`$`$oid`]
    metrics %>%
      filter(hostname %in% own$hostname, chart_context == context, id == dimension,
             timestamp > min(times), timestamp < max(times)) %>%
      transmute(sim_id = simulations$sim_id[i], hostname, value)
  }))
}
summarized <- function(frame) {
  frame %>% mutate(value = round(value, decimals)) %>% group_by(sim_id, hostname) %>%
    summarise(n = n(), min = min(value), max = max(value), median = median(value),
              q25 = quantile(value, 0.25, names = FALSE),
              q75 = quantile(value, 0.75, names = FALSE),
              mean = mean(value), sd = sd(value), .groups = "drop")
}
cpu <- take("system.cpu", "idle") %>% mutate(value = 100 - value)
ram <- take("system.ram", "used") %>% mutate(value = value / 3936 * 100)
disk_util <- take("disk.util", "utilization")
found <- lapply(list(cpu = cpu, ram = ram, disk_util = disk_util), summarized)
cat(toJSON(bind_rows(found, .id = "metric"), digits = NA))
"""
STATISTICS = ["min", "max", "median", "q25", "q75", "mean", "sd"]


@pytest.fixture(scope="module")
def in_r(tmp_path_factory):
    """What R's dplyr makes of a folder, with utilizations rounded to so many decimals."""
    if shutil.which("Rscript") is None:
        pytest.skip("no R: Rscript is not on the PATH")
    check = "quit(status = !all(sapply(c('dplyr', 'jsonlite'), requireNamespace, quietly = TRUE)))"
    if subprocess.run(["Rscript", "-e", check], capture_output=True, check=False).returncode:
        pytest.skip("R lacks dplyr or jsonlite")
    script = tmp_path_factory.mktemp("r") / "oracle.R"
    script.write_text(ORACLE)

    def call(folder, decimals):
        found = subprocess.run(
            ["Rscript", "--vanilla", script, folder, str(decimals)],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return pd.DataFrame(json.loads(found.stdout)).sort_values(
            ["metric", "sim_id", "hostname"], ignore_index=True
        )

    return call


def test_summaries_are_those_of_r(run, in_r, tmp_path):
    study = Study()
    everyone = ("m1", "w1", "w2")
    for number, (sim_id, last) in enumerate([("1000", 341), ("1001", 140), ("5000", 341)]):
        study.add_run(sim_id, start=START + number * HOUR, last=last)
        study.add_samples(random.Random(number), everyone, start=START + number * HOUR)
    random.Random(9).shuffle(study.netdata_metrics)
    folder = write(tmp_path / "d", study)
    status, _, err = run("ingest", "kns", folder, "--experiment", "golden", "--ram", "3936")
    assert status == 0, err
    frames = []
    for metric in ("cpu", "disk_util", "ram"):
        options = "--by sim_id,hostname --experiment golden --include-excluded --format csv"
        status, out, err = run("summary", metric, *options.split())
        assert status == 0, err
        frames.append(pd.read_csv(io.StringIO(out), dtype={"sim_id": str}).assign(metric=metric))
    ours = pd.concat(frames, ignore_index=True)
    assert len(ours) == 3 * 3 * 3
    keys = ["metric", "sim_id", "hostname", "n"]
    exact, rounded = in_r(folder, 12), in_r(folder, 4)
    pd.testing.assert_frame_equal(ours[keys], exact[keys])
    np.testing.assert_allclose(ours[STATISTICS], exact[STATISTICS], rtol=1e-9, atol=1e-11)
    # The study rounds each utilization before it summarizes; that may move the last decimal.
    distance = np.abs(ours[STATISTICS].round(4) - rounded[STATISTICS].round(4)).to_numpy()
    assert distance.max() < 1.01e-4
    assert (distance[:, :2] < 1e-9).all()


def test_the_published_rows_of_simulation_5000(run, store, tmp_path, shared_data):
    kns = shared_data / "kns"
    study = Study()
    read = {name: pd.read_csv(kns / f"{name}.csv", dtype=str) for name in ("simulation", "hosts")}
    events = pd.read_csv(kns / "events.csv", keep_default_na=False)
    study.simulations = read["simulation"].to_dict("records")
    study.hosts = read["hosts"].to_dict("records")
    study.events = events.to_dict("records")
    published = pd.concat([pd.read_csv(path) for path in kns.glob("*first_sample*.csv")])
    families = {"system.cpu": "cpu", "system.ram": "ram", "disk_util.sda": "sda"}
    for row in published.itertuples():
        # The events are printed as whole seconds, one second after the first samples.
        study.add_chart(
            row.hostname,
            row.timestamp + 5,
            [(row.id, row.value)],
            row.chart_name,
            families[row.chart_name],
            row.units,
        )
    status, out, err = run("ingest", "kns", write(tmp_path / "d", study), "--ram", "3936")
    assert status == 0, err
    assert "1 simulation, 18 of 18 samples" in out
    simulation = store.simulation("5000")
    assert simulation.source_id == "602a8bec3497ec051e827085"
    assert [h.role for h in simulation.hosts].count(Role.WORKER) == 3
    derived = pd.read_csv(kns / "published_derived_utilization.csv")
    for metric, quantity in (("cpu", "cpu_utilization_percent"), ("ram", "ram_utilization")):
        status, out, err = run("utilization", metric, "--include-excluded", "--format", "csv")
        assert status == 0, err
        ours = pd.read_csv(io.StringIO(out)).set_index("hostname")["value"].round(4)
        theirs = derived[derived["quantity"].str.startswith(quantity)].set_index("hostname")
        assert list(ours.index) == ["uniba-dsg-h54"]
        assert ours.to_dict() == theirs["value"][ours.index].to_dict()


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
        run = store.simulation("5000")
        seen.append((run.status, len(run.events), store.count_samples([run])[run.id]))
        assert run.id in {simulation.id for simulation in imported.simulations}
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


def test_following_needs_a_server_and_ends_when_nothing_goes_on(run, store, mongodb_uri, tmp_path):
    study, name = small(), f"test_{uuid4().hex}"
    folder = write(tmp_path / "d", study)
    status, _, err = run("ingest", "kns", folder, "--follow")
    assert (status, err.splitlines()[-1].split(" ", 2)[2][:13]) == (1, "does not grow")
    assert run("ingest", "kns", mongodb_uri, "--follow", "--interval", "0")[0] == 1
    for collection, documents in study.collections().items():
        store.client[name][collection].insert_many(documents)
    status, out, err = run(
        "ingest", "kns", mongodb_uri, "--follow", "--minion-db", name, "--netdata-db", name
    )
    assert status == 0, err
    assert "1 simulation," in out
    assert store.simulation("5000").status is Status.COMPLETE
    store.client.drop_database(name)
