"""The store on a real mongod: what goes in comes out once, and nothing else goes in."""

import threading
from dataclasses import replace

import bson
import numpy as np
import pytest
from pymongo.errors import WriteError

import minion
from minion import schema, wire
from minion.documents import decode, encode
from minion.errors import AlreadyExists, Ambiguous, InvalidData, NotFound
from minion.model import (
    Event,
    EventType,
    Host,
    Measurement,
    Missing,
    Provenance,
    Role,
    Simulation,
    Status,
    Validity,
    Verdict,
    now,
)
from minion.selection import Selection
from minion.series import Dimension, Series

START = 1_700_000_000.5


def simulation(sim_id="1", *, experiment="e", platform="K8s", status=Status.ENDED, length=2000.0):
    correlation = {"correlation_id": "a"}
    return Simulation(
        experiment=experiment,
        sim_id=sim_id,
        platform=platform,
        status=status,
        provenance=Provenance(source="test", version="0", created=now()),
        hosts=(
            Host(hostname="c0", role=Role.CONTROLLER),
            Host(hostname="h1", role=Role.MASTER, url="http://h1:19999", ram_mib=3936.0, cores=4),
            Host(hostname="h2", role=Role.WORKER, url="http://h2:19999"),
        ),
        events=(
            Event(type=EventType.START_SIMULATION, time=START, **correlation),
            Event(type=EventType.STOP_SIMULATION, time=START + length, **correlation),
        ),
    )


def cpu(hostname="h1", rows=400, *, seed=1, chart="system.cpu", columns=("user", "idle")):
    random = np.random.default_rng(seed)
    return Series(
        hostname=hostname,
        chart=chart,
        context=chart,
        family="cpu",
        unit="percentage",
        dimensions=tuple(Dimension(name, name) for name in columns),
        times=START + 2.5 + 5.0 * np.arange(rows),
        values=np.round(random.uniform(0, 100, size=(rows, len(columns))), 6),
        step=5.0,
    )


def stored(store, run):
    """The series documents without their ids, in order."""
    found = store.database[schema.SERIES].find({"simulation": run.id}, {"_id": 0})
    return sorted(found, key=lambda d: (d["hostname"], d["chart"], d["stretch"]))


def test_everything_of_a_simulation_comes_back(store):
    full = replace(
        simulation(),
        validity=Validity(verdict=Verdict.DOUBTFUL, reasons=("odd",), by="me", at=now()),
        parameters={"nodes": 3, "share": 0.5, "warm": True, "note": "a.b$c"},
        environment={"k3s.version": "v1.2.3"},
        measurements=(Measurement(name="rate", value=1.5, unit="1/s", hostname="h1"),),
        missing=(Missing(hostname="h2", first=START, last=START + 5, reason="gone"),),
    )
    store.add(full)
    assert store.simulation("1") == full


def test_a_document_obeys_the_validator_made_of_the_same_classes(store):
    document = encode(simulation())
    assert decode(Simulation, document) == decode(Simulation, encode(decode(Simulation, document)))
    minions = store.database[schema.MINIONS]
    for broken in (
        {**document, "platform": 5},
        {**document, "status": "asleep"},
        {**document, "events": [{"type": 77, "time": 1.0}]},
        {**document, "hosts": [{"hostname": "x"}]},
        {key: value for key, value in document.items() if key != "sim_id"},
    ):
        with pytest.raises(WriteError, match="failed validation"):
            minions.insert_one(broken)
    minions.insert_one(document)


def test_the_validator_of_series_takes_doubles_and_null_only(store):
    run = store.add(simulation())
    store.write(run, [cpu()])
    series = store.database[schema.SERIES]
    with pytest.raises(WriteError, match="failed validation"):
        series.update_many({}, {"$set": {"dimensions.0.values.0": "much"}})
    with pytest.raises(WriteError, match="failed validation"):
        series.update_many({}, {"$set": {"dimensions.0.values.0": 1}})
    series.update_many({}, {"$set": {"dimensions.0.values.0": None}})


def test_a_run_is_stored_the_same_with_and_without_the_native_part(store, monkeypatch):
    holes = cpu(rows=120, seed=3)
    holes.values[5:9, 0] = np.nan
    pieces = [holes, cpu("h2", rows=11), replace(cpu("h2", chart="own"), step=None)]
    for sim_id, native in (("1", wire.native), ("2", None)):
        monkeypatch.setattr(wire, "native", native)
        written = store.put(simulation(sim_id), pieces)
        assert written.samples == sum(piece.samples for piece in pieces)
        assert written.documents == len(pieces)
    first, second = (
        [
            bson.encode({key: d[key] for key in d if key not in ("_id", "simulation")})
            for d in store.database["series"].find({"simulation": store.simulation(sim_id).id})
        ]
        for sim_id in ("1", "2")
    )
    assert len(first) == len(pieces)
    assert sorted(first) == sorted(second)


def test_a_first_write_that_meets_stored_cells_looks_again(store):
    run = store.add(simulation(status=Status.IMPORTING))
    assert store.write(run, [cpu(rows=100)], settled=True).samples == 200
    again = store.write(run, [cpu(rows=100), cpu("h2", rows=100)], settled=True)
    assert again.conflicts == 0
    assert store.count_samples([run]) == {run.id: 400}


def test_the_same_samples_again_change_nothing(store):
    run = store.add(simulation())
    pieces = [cpu("h1"), cpu("h2", seed=2)]
    first = store.write(run, pieces)
    before = stored(store, run)
    again = store.write(run, pieces)
    assert first.samples == 1600
    assert (again.samples, again.documents, again.conflicts) == (0, 0, 0)
    assert stored(store, run) == before


@pytest.mark.parametrize("window", [30.0, 61.0, 640.0])
def test_live_windows_and_one_write_end_in_the_same_documents(store, window):
    whole = store.add(simulation("whole"))
    store.write(whole, [cpu()], settled=True)
    live = store.add(simulation("live", status=Status.RUNNING))
    samples, at = cpu(), START
    while at < START + 2000:
        store.write(live, [samples.window(at - 5, at + window)])  # windows overlap
        at += window
    assert len(stored(store, live)) > 1
    store.settle(live)
    expected = [{**d, "simulation": live.id} for d in stored(store, whole)]
    assert stored(store, live) == expected
    assert store.simulation("live").status is Status.COMPLETE


def test_a_merge_cut_off_in_the_middle_is_read_once_and_finished_later(store):
    run = store.add(simulation())
    store.write(run, [cpu()])
    small = list(store.database[schema.SERIES].find({"simulation": run.id}))
    expected = store.samples()
    store.settle(run)
    # As a kill between writing the large stretch and deleting the small ones leaves it.
    survivors = [d for d in small if d["stretch"] > 0]
    store.database[schema.SERIES].insert_many(survivors)
    found = store.samples()
    assert found["value"].tolist() == expected["value"].tolist()
    assert found["elapsed_s"].tolist() == expected["elapsed_s"].tolist()
    store.settle(run)
    assert len(stored(store, run)) == 1


def test_writers_at_once_lose_nothing(store):
    run = store.add(simulation(status=Status.RUNNING))
    samples = cpu(rows=300)
    failures = []

    def work(part):
        try:
            for row in part:
                store.write(run, [samples.window(samples.times[row], samples.times[row] + 1)])
        except Exception as error:  # noqa: BLE001  shown by the assertion below
            failures.append(error)

    parts = [range(start, 60, 4) for start in range(4)]
    threads = [threading.Thread(target=work, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    (series,) = store.series(run)
    assert np.array_equal(series.values, samples.values[:60])


def test_what_is_stored_stays_and_a_difference_is_counted(store):
    run = store.add(simulation())
    store.write(run, [cpu(seed=1)])
    written = store.write(run, [cpu(seed=2)])
    assert (written.samples, written.conflicts) == (0, 800)
    assert np.array_equal(store.series(run)[0].values, cpu(seed=1).values)


def test_samples_are_tidy_labelled_and_without_what_is_missing(store):
    run = simulation()
    run = replace(
        run,
        events=(
            *run.events,
            Event(type=EventType.START_KNS_PLATFORM, time=START + 100, correlation_id="p"),
            Event(type=EventType.FINISHED_START_KNS_PLATFORM, time=START + 130, correlation_id="p"),
        ),
    )
    series = cpu()
    series.values[7, 1] = np.nan
    store.put(run, [series, cpu("h2", seed=3)])
    frame = store.samples()
    assert list(frame.columns) == (
        "experiment platform sim_id hostname role phase chart context dimension unit"
        " elapsed_s value".split()
    )
    assert len(frame) == 1599
    h1 = frame[(frame["hostname"] == "h1") & (frame["dimension"] == "idle")]
    assert 37.5 not in h1["elapsed_s"].tolist()
    assert h1["role"].unique().tolist() == ["master"]
    phases = h1.groupby("phase", observed=True)["elapsed_s"].agg(["min", "max", "size"])
    assert phases.loc["System idle 1"].tolist() == [2.5, 97.5, 19]
    assert phases.loc["Start master"].tolist() == [102.5, 127.5, 6]
    rest = "FINISHED_START_KNS_PLATFORM to STOP_SIMULATION"
    assert phases.loc[rest].tolist() == [132.5, 1997.5, 374]
    one = store.samples(hosts="h2", phase="Start master", dimensions="user", contexts="system.cpu")
    assert one["dimension"].unique().tolist() == ["user"]
    assert len(one) == 6
    assert len(store.samples(phase="Total simulation time")) == 1599


def test_an_import_that_was_cut_off_is_replaced(store):
    run = simulation()

    def cut_off():
        yield cpu("h1")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.put(run, cut_off())
    assert store.simulation("1").status is Status.IMPORTING
    again = simulation()
    store.put(again, [cpu("h2", rows=7)])
    assert store.simulation("1") == replace(again, status=Status.COMPLETE)
    assert store.samples()["hostname"].unique().tolist() == ["h2"]
    assert store.database[schema.SERIES].count_documents({}) == 1
    with pytest.raises(AlreadyExists):
        store.put(simulation(), [])


def test_selection(store):
    for number in ("1000", "1001", "1010"):
        store.put(simulation(number), [cpu(rows=3)])
    store.put(simulation("5000", platform="mK8s"), [cpu(rows=3)])
    excluded = store.simulation("1001")
    store.judge(excluded, Verdict.EXCLUDED, ["broken network"], by="me")

    def ids(**options):
        return [s.sim_id for s in store.simulations(Selection.of(**options))]

    assert ids() == ["1000", "1010", "5000"]
    assert ids(sims="1000-1005") == ["1000"]
    assert ids(sims="1000-1005,5000", include_excluded=True) == ["1000", "1001", "5000"]
    assert ids(platform="mK8s") == ["5000"]
    assert ids(hosts="h1,c0", platform="mK8s") == ["5000"]
    for options, message in (
        ({"sims": "1000,999"}, "no simulation 999"),
        ({"sims": "2000-2010"}, "no simulation of that range"),
        ({"sims": "1001"}, r"excluded \(broken network\)"),
        ({"platform": "k3s"}, "no platform k3s; there are: K8s, mK8s"),
        ({"experiment": "x"}, "no experiment x; there are: e"),
        ({"hosts": "h1,h9"}, "no host h9; there are: c0, h1, h2"),
    ):
        with pytest.raises(NotFound, match=message):
            ids(**options)
    with pytest.raises(NotFound, match="no host h9; there are: c0, h1, h2"):
        store.samples(hosts="h9")


def test_a_verdict_keeps_its_reason_author_and_time(store):
    store.add(simulation())
    judged = store.judge(store.simulation("1"), Verdict.EXCLUDED, ["no network"], by="ada")
    assert judged == store.simulation("1")
    assert judged.validity.reasons == ("no network",)
    assert judged.validity.by == "ada"
    assert abs((judged.validity.at - now()).total_seconds()) < 60


def test_names(store):
    store.add(simulation("1", experiment="a"))
    store.add(simulation("1", experiment="b"))
    with pytest.raises(AlreadyExists, match="exists already in experiment a"):
        store.add(simulation("1", experiment="a"))
    with pytest.raises(Ambiguous, match=r"several experiments \(a, b\)"):
        store.simulation("1")
    assert store.simulation("1", "b").experiment == "b"
    with pytest.raises(NotFound, match="no simulation 9"):
        store.simulation("9")
    assert store.delete_experiment("a") == 1
    assert store.experiments() == ["b"]


def test_events_in_an_order_that_cannot_be_are_refused(store):
    run = store.add(replace(simulation(status=Status.REGISTERED), events=()))

    def note(kind, at):
        return store.note(store.reload(run), Event(type=kind, time=at))

    with pytest.raises(InvalidData, match="is registered: STOP_SIMULATION cannot be noted"):
        note(EventType.STOP_SIMULATION, START)
    assert note(EventType.START_SIMULATION, START).status is Status.RUNNING
    with pytest.raises(InvalidData, match="is running: START_SIMULATION cannot be noted"):
        note(EventType.START_SIMULATION, START + 1)
    with pytest.raises(InvalidData, match=r"10\.0 s before the start"):
        note(EventType.START_KNS_PLATFORM, START - 10)
    assert note(EventType.STOP_SIMULATION, START + 9).status is Status.ENDED
    with pytest.raises(InvalidData, match="is ended: STOP_SIMULATION cannot be noted"):
        note(EventType.STOP_SIMULATION, START + 10)


def test_samples_before_the_start_is_known_are_refused(store):
    run = store.add(replace(simulation(status=Status.REGISTERED), events=()))
    with pytest.raises(InvalidData, match="no START_SIMULATION yet"):
        store.write(run, [cpu()])


def test_a_host_is_described_without_touching_the_others(store):
    run = store.add(simulation(status=Status.RUNNING))
    first, *others = run.hosts
    told = replace(first, cores=4, ram_mib=3936.0)
    store.describe_host(run, told, {"kernel on $a.b": "6.1", "netdata": "$$NOW"})
    run = store.reload(run)
    assert run.hosts == (told, *others)
    assert run.environment["kernel on $a.b"] == "6.1"
    assert run.environment["netdata"] == "$$NOW"


def test_coverage_counts_gaps_against_the_grid(store):
    run = store.add(simulation(length=2000.0))
    samples = cpu()
    samples.values[10:20, 0] = np.nan
    store.write(run, [samples, cpu("h2", rows=390)])
    found = store.coverage(run).set_index("hostname")
    assert found.loc["h1", ["samples", "gaps", "dimensions"]].tolist() == [790, 10, 2]
    assert found.loc["h2", ["samples", "gaps"]].tolist() == [780, 20]
    assert store.count_samples([run]) == {run.id: 1570}


def test_counting_reads_the_index_only(store):
    run = store.add(simulation())
    store.write(run, [cpu()])
    pipeline = [
        {"$match": {"simulation": {"$in": [run.id]}}},
        {"$group": {"_id": "$simulation", "samples": {"$sum": "$samples"}}},
    ]
    plan = store.database.command(
        "explain",
        {"aggregate": schema.SERIES, "pipeline": pipeline, "cursor": {}, "hint": "context"},
    )
    assert "'FETCH'" not in str(plan)
    assert "'IXSCAN'" in str(plan)


def test_a_newer_schema_version_is_refused(store):
    store.add(replace(simulation(), schema_version=99))
    with pytest.raises(InvalidData, match="schema version 99"):
        store.simulation("1")


def test_opening_again_changes_nothing(store, mongodb_uri):
    before = store.database[schema.SERIES].index_information()
    with minion.connect(mongodb_uri, database=store.database.name) as again:
        assert again.database[schema.SERIES].index_information() == before
