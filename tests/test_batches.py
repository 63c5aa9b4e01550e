"""Reading: one frame, frames one after the other, Arrow; the same rows however they are cut."""

import tracemalloc
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bson import ObjectId
from runs import PHASE_S, START, STEP_S, run
from stores import fresh

from minion import schema, stretches, wire
from minion.batches import SCHEMA
from minion.errors import InvalidData, NotFound
from minion.frames import COLUMNS, TEXTS
from minion.lifecycle import SEQUENCE
from minion.series import LIVE_ROWS, Dimension, Series

FIXED = ["experiment", "platform", "sim_id", "hostname", "role", "phase"]


def irregular(host, seed):
    """A series off the grid, with holes, and a dimension that appears late: several stretches."""
    random = np.random.default_rng(seed)
    times = START + np.sort(random.uniform(-30, 700, size=300))
    values = random.normal(size=(300, 3))
    values[random.uniform(size=values.shape) < 0.2] = np.nan
    values[:150, 2] = np.nan
    return Series(
        hostname=host,
        chart="apps.cpu",
        context="apps.cpu",
        family="apps",
        unit="%",
        dimensions=tuple(Dimension(name, name) for name in ("b", "a", "late")),
        times=times,
        values=values,
        step=1.0,
    )


@pytest.fixture(scope="module")
def mixed(mongodb_uri):
    """Runs of several kinds, to be read only; natural order is not the order of writing."""
    for store in fresh(mongodb_uri):
        for number, sim_id in enumerate(("10", "9", "2")):
            simulation, series = run(sim_id, platform=("K8s", "K3s")[number % 2])
            series[0].values[3:9] = np.nan
            series[1].values[::7, 0] = np.nan
            store.put(simulation, [*series, irregular("node-a", number)])
        # In small stretches, one of which another merge left behind: they overlap.
        simulation, series = run("3", experiment="f", hosts=("solo",), metrics=("cpu", "net"))
        store.add(simulation)
        store.write(simulation, [*series, irregular("solo", 7)], settled=False)
        small = list(store.database[schema.SERIES].find({"simulation": simulation.id}))
        store.settle(simulation)
        left = [d for d in small if d["chart"] == "system.cpu" and d["stretch"] > 0]
        assert left
        store.database[schema.SERIES].insert_many(left)
        store.add(replace(run("4")[0], id=ObjectId()))  # without samples
        yield store


def values_of(store):
    """The samples as the documents hold them, decoded by the driver: an oracle for the frame."""
    for simulation in store.simulations():
        for series in sorted(store.series(simulation), key=lambda s: (s.hostname, s.chart)):
            for column, dimension in enumerate(series.dimensions):
                for time, value in zip(series.times, series.values[:, column], strict=True):
                    if not np.isnan(value):
                        yield (
                            simulation.experiment,
                            simulation.platform,
                            simulation.sim_id,
                            series.hostname,
                            series.chart,
                            series.context,
                            dimension.id,
                            series.unit,
                            time - simulation.start,
                            value,
                        )


def plain(frame):
    """A frame without categories."""
    return frame.astype(dict.fromkeys(TEXTS, object)).reset_index(drop=True)


def same(found, expected):
    pd.testing.assert_frame_equal(plain(found), plain(expected), check_exact=True)


@pytest.fixture(params=["native", "numpy"])
def decoder(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(wire, "native", None)
    elif wire.native is None:
        pytest.skip("minion._wire is not compiled here")


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("asked", [1, 300, 4000, stretches.ASKED_SAMPLES])
def test_the_frame_holds_what_the_documents_hold_however_it_is_asked(mixed, monkeypatch, asked):
    monkeypatch.setattr(stretches, "ASKED_SAMPLES", asked)
    frame = mixed.samples()
    assert tuple(frame.columns) == COLUMNS
    shown = frame[[name for name in COLUMNS if name not in ("role", "phase")]]
    assert list(shown.itertuples(index=False, name=None)) == list(values_of(mixed))


def test_phases_are_those_of_the_times(mixed):
    frame = mixed.samples(experiment="e")
    for place, phase in enumerate(SEQUENCE):
        inside = frame["elapsed_s"].between(PHASE_S * place, PHASE_S * (place + 1), "left")
        assert (frame.loc[inside, "phase"] == phase.name).all()
    outside = (frame["elapsed_s"] < 0) | (frame["elapsed_s"] >= PHASE_S * len(SEQUENCE))
    assert outside.any()
    assert frame.loc[outside, "phase"].isna().all()


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"hosts": "node-b"},
        {"contexts": "apps.cpu,system.cpu"},
        {"dimensions": "idle,late"},
        {"phase": "Add workers,System idle 2"},
        {"phase": "Total simulation time"},
        {"sims": "2-9", "contexts": "apps.cpu", "dimensions": "b", "phase": "Start master"},
        {"contexts": "none"},
        {"dimensions": "none"},
    ],
)
def test_a_choice_is_a_part_of_the_whole(mixed, choice):
    whole = mixed.samples()
    kept = pd.Series(data=True, index=whole.index)
    for name, column in (("contexts", "context"), ("dimensions", "dimension"), ("phase", "phase")):
        if name in choice and choice[name] != "Total simulation time":
            kept &= whole[column].isin(choice[name].split(","))
    if "hosts" in choice:
        kept &= whole["hostname"] == choice["hosts"]
    if "sims" in choice:
        kept &= whole["sim_id"].isin(["2", "3", "9"])
    found = mixed.samples(**choice)
    same(found, whole[kept])
    for rows in (50, 10_000):
        parts = list(mixed.samples_in_batches(rows=rows, **choice))
        same(pd.concat([found.head(0), *parts]), found)


@pytest.mark.parametrize("rows", [1, 37, 1000, 2400, 10**6])
def test_frames_one_after_the_other_are_the_whole(mixed, rows):
    # 260 frames of one row are enough.
    choice = {"sims": "9", "contexts": "system.ram"} if rows == 1 else {}
    whole = mixed.samples(**choice)
    parts = list(mixed.samples_in_batches(rows=rows, **choice))
    assert all(0 < len(part) <= rows for part in parts)
    same(pd.concat(parts), whole)
    sizes = whole.groupby("sim_id", observed=True).size()
    for part in parts:
        inside = part.groupby("sim_id", observed=True).size()
        if len(inside) > 1:  # then all of them are whole
            assert inside.to_dict() == sizes[inside.index].to_dict()
    for one, other in pairwise(parts):  # and none could have been put to the one before
        first = other["sim_id"].iloc[0]
        assert sizes[first] > rows or len(one) + sizes[first] > rows or first in set(one["sim_id"])


def test_a_code_means_the_same_in_all_frames(mixed):
    parts = list(mixed.samples_in_batches(rows=500))
    assert len(parts) > 5
    for one, other in pairwise(parts):
        for name in TEXTS:
            before, after = (list(part[name].cat.categories) for part in (one, other))
            assert after[: len(before)] == before
            assert name not in FIXED or after == before
    assert list(parts[0]["sim_id"].cat.categories) == ["2", "4", "9", "10", "3"]
    assert sorted(parts[0]["hostname"].cat.categories) == ["node-a", "node-b", "solo"]
    together = pd.concat(parts)
    assert all(isinstance(together[name].dtype, pd.CategoricalDtype) for name in FIXED)


def test_what_is_wrong_is_said_at_once(mixed):
    with pytest.raises(NotFound, match="no simulation 77"):
        mixed.samples_in_batches(sims="77")
    with pytest.raises(NotFound, match="no phase"):
        mixed.samples_in_batches(phase="lunch")
    with pytest.raises(InvalidData, match="frames of 0 rows"):
        mixed.record_batches(rows=0)


@pytest.mark.usefixtures("decoder")
def test_a_broken_array_is_named(store):
    simulation, series = run(metrics=("cpu",))
    store.put(simulation, series)
    store.database.command("collMod", schema.SERIES, validationLevel="off")
    change = {"$set": {"dimensions.0.values.5": 1}}
    store.database[schema.SERIES].update_one({"hostname": "node-b"}, change)
    for read in (store.samples, lambda: list(store.samples_in_batches())):
        with pytest.raises(InvalidData, match=r"system\.cpu of node-b: .* BSON type 0x10"):
            read()


def test_leaving_early_ends_the_cursor(mixed, monkeypatch):
    monkeypatch.setattr(stretches, "ASKED_SAMPLES", 50)

    def cursors():
        place = f"{mixed.database.name}.{schema.SERIES}"
        listed = [{"$currentOp": {"idleCursors": True}}, {"$match": {"ns": place}}]
        return [op for op in mixed.client.admin.aggregate(listed) if op["type"] == "idleCursor"]

    parts = mixed.samples_in_batches(rows=10)
    assert len(next(parts)) == 10
    assert len(cursors()) == 1
    parts.close()
    assert cursors() == []


def test_arrow_has_the_same_rows_and_one_schema(mixed, tmp_path):
    whole = mixed.samples()
    reader = mixed.record_batches(rows=700)
    assert reader.schema == SCHEMA
    with pq.ParquetWriter(tmp_path / "samples.parquet", SCHEMA) as writer:
        for batch in reader:
            assert batch.schema == SCHEMA
            assert 0 < batch.num_rows <= 700
            batch.validate(full=True)
            writer.write_batch(batch)
    same(pd.read_parquet(tmp_path / "samples.parquet"), whole)
    table = mixed.record_batches(rows=700).read_all()
    assert table.num_rows == len(whole)
    assert table.unify_dictionaries().column("phase").null_count == whole["phase"].isna().sum()
    nothing = mixed.record_batches(contexts="none").read_all()
    assert (nothing.num_rows, nothing.schema) == (0, SCHEMA)


def test_arrow_streams_through_its_own_format(mixed):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA) as stream:
        for batch in mixed.record_batches(rows=700):
            stream.write_batch(batch)
    found = pa.ipc.open_stream(sink.getvalue()).read_all()
    same(found.to_pandas(), mixed.samples())


def test_a_wide_choice_of_names_gets_wider_codes(store):
    for number in range(140):
        store.put(*run(f"s{number}", hosts=("h",), metrics=("disk_util",)))
    whole = store.samples()
    assert whole["sim_id"].cat.codes.dtype == np.int16
    assert whole["hostname"].cat.codes.dtype == np.int8
    assert whole["sim_id"].unique().tolist() == [f"s{number}" for number in range(140)]
    assert set(whole.groupby("sim_id", observed=True).size()) == {len(whole) // 140}
    same(pd.concat(store.samples_in_batches(rows=999)), whole)


def test_stretches_of_a_run_in_progress_are_read_in_order(store):
    simulation, series = run(hosts=("h",), metrics=("cpu",))
    store.add(simulation)
    store.write(simulation, series, settled=False)
    assert len(series[0].times) > 2 * LIVE_ROWS
    frame = store.samples()
    assert frame["elapsed_s"].tolist() == (STEP_S * np.arange(len(frame))).tolist()
    assert frame["value"].tolist() == series[0].values[:, 0].tolist()


def test_memory_is_bounded_however_many_runs_there_are(store):
    rows = 4000
    for number in range(300):
        simulation, _ = run(str(number), hosts=("h",), phases=False, metrics=())
        series = Series(
            hostname="h",
            chart="system.cpu",
            context="system.cpu",
            family="",
            unit="percentage",
            dimensions=(Dimension("idle", "idle"),),
            times=START + np.arange(rows),
            values=np.random.default_rng(number).normal(size=(rows, 1)),
            step=1.0,
        )
        store.put(simulation, [series])

    def peak(read):
        """(rows, most bytes that Python and NumPy held at once)."""
        tracemalloc.start()
        try:
            found = read()
            return found, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def through(sims):
        return lambda: sum(map(len, store.samples_in_batches(rows=20_000, sims=sims)))

    store.samples(sims="0-9")  # what is made once
    few, few_bytes = peak(through("0-99"))
    all_rows, all_bytes = peak(through("0-299"))
    frame, frame_bytes = peak(store.samples)
    assert (few, all_rows, len(frame)) == (400_000, 1_200_000, 1_200_000)
    size = frame.memory_usage().sum()
    # A reply of the server stands in memory twice while the driver takes it apart. Each run more
    # costs its description, some kilobytes, but no samples.
    assert all_bytes < few_bytes + 200 * 5_000
    assert all_bytes < size / 2
    assert frame_bytes < 1.5 * size
