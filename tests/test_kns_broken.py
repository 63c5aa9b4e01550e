"""Databases of the published study in which something is broken or lacks."""

import random

import bson
import pytest
from bson import ObjectId
from kns_dumps import START, Study, write
from kns_importing import HOUR, small

from ingest.kns.database import import_kns
from minion.errors import AlreadyExists, InvalidData, NotFound
from minion.model import EventType, Verdict
from minion.selection import Selection

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
    minion_here, store, tmp_path, lacking
):
    folder = write(tmp_path / "d", small(), "bson.gz")
    (folder / f"{lacking}.bson.gz").unlink()
    status, out, err = minion_here("ingest", "kns", folder)
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
def test_what_stands_before_the_cut_is_kept(minion_here, store, tmp_path, form, message):
    whole = len(small().netdata_metrics)
    folder = broken(
        write(tmp_path / "d", small(), form), lambda data: data[: len(data) * 3 // 4 - 3]
    )
    status, out, err = minion_here("ingest", "kns", folder)
    assert status == 3
    assert message in err.splitlines()[-1]
    assert str(folder) in err.splitlines()[-1]
    assert "1 simulation," in out
    (simulation,) = store.simulations(Selection(include_excluded=True))
    stored = store.count_samples([simulation])[simulation.id]
    assert 0.5 * whole < stored < whole
    assert simulation.validity.verdict in (Verdict.DOUBTFUL, Verdict.EXCLUDED)


def test_a_gzip_whose_middle_is_broken(minion_here, tmp_path):
    folder = write(tmp_path / "d", small(), "bson.gz")
    broken(folder, lambda d: d[: len(d) // 2] + b"\xff" * 64 + d[len(d) // 2 + 64 :])
    status, _, err = minion_here("ingest", "kns", folder)
    assert status == 3
    assert "its gzip is broken" in err or "not readable" in err or "no BSON" in err


def test_a_truncated_collection_of_events_is_told(minion_here, tmp_path):
    folder = write(tmp_path / "d", small(), "lines")
    path = folder / "events.json"
    path.write_bytes(path.read_bytes()[:-20])
    status, _, err = minion_here("ingest", "kns", folder)
    assert status == 3
    assert "events.json: is cut off" in err
    assert "excluded: it did not end" in err


@pytest.mark.parametrize("form", ["lines", "array", "pretty", "bson"])
def test_garbage_between_documents_is_counted(minion_here, store, tmp_path, form):
    garbage = bson.encode({"a": "b"}).replace(b"b\x00", b"\xff\x00") if form == "bson" else b""
    folder = write(tmp_path / "d", small(), form)
    whole = len(small().netdata_metrics)

    def change(data):
        if form == "bson":
            return garbage + data + garbage
        middle = data.index(b'"_id"', len(data) // 2)
        place = data.rindex(b"{", 0, middle)
        return data[:place] + (b"??\n" if form == "lines" else b"??,") + data[place:]

    status, _, err = minion_here("ingest", "kns", broken(folder, change))
    assert status == 3
    assert "documents are not readable" in err
    imported = import_kns(store, str(folder))
    assert imported.documents >= whole


def test_bytes_that_are_no_bson_from_somewhere_on(minion_here, tmp_path):
    folder = write(tmp_path / "d", small(), "bson")
    broken(folder, lambda data: data + b"\xff" * 400)
    status, _, err = minion_here("ingest", "kns", folder)
    assert status == 3
    assert "it is no BSON from byte" in err


@pytest.mark.parametrize("form", ["lines", "bson"])
def test_metrics_that_lack_something_are_counted_by_reason(minion_here, store, tmp_path, form):
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
    status, out, err = minion_here("ingest", "kns", write(tmp_path / "d", study, form))
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


def test_two_simulations_of_one_name_are_both_left_out(minion_here, store, tmp_path):
    study = small()
    study.add_run("7", start=START + HOUR)
    study.add_run("7", "K3s", start=START + 2 * HOUR)
    folder = write(tmp_path / "d", study)
    status, _, err = minion_here("ingest", "kns", folder)
    assert status == 3
    assert "sim_ids that several simulations have, none of them imported: 1 (7)" in err
    assert [s.sim_id for s in store.simulations()] == ["5000"]
    assert minion_here("ingest", "kns", folder, "--sims", "5000")[0] == 0


def test_what_belongs_to_nothing_is_counted(minion_here, store, tmp_path):
    study = small()
    study.add_event("ffffffffffffffffffffffff", "STOP_SIMULATION", START + 9999)
    study.hosts.append({"_id": ObjectId(), "simulation_id": "x", "hostname": "h", "role": "worker"})
    status, _, err = minion_here("ingest", "kns", write(tmp_path / "d", study))
    assert status == 0
    assert "events of an unknown host: 1" in err
    assert "hosts of an unknown simulation: 1 (h)" in err
    assert len(store.simulation("5000").hosts) == 4


def test_what_cannot_be_read_of_a_run_is_an_error_and_the_rest_is_kept(
    minion_here, store, tmp_path
):
    study = small()
    study.hosts[0]["role"] = "boss"
    study.add_event(str(study.hosts[1]["_id"]), "DANCE", START + 9)
    study.add_event(str(study.hosts[1]["_id"]), "START_KNS_PLATFORM", "soon")
    study.simulations += [{"_id": ObjectId(), "sim_id": "8"}, {"_id": ObjectId()}]
    status, _, err = minion_here("ingest", "kns", write(tmp_path / "d", study))
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
