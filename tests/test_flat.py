"""Flat documents: the fast ways must say what a plain decoder says."""

import json
import random
import tracemalloc

import bson
import numpy as np
import pytest
from bson import Decimal128, Int64, json_util
from flat_documents import NOW, flat_document

from ingest.kns import flat
from ingest.kns.dumps import Dump
from ingest.kns.flat import FlatSamples, FlatSeries
from ingest.kns.placement import RECORD, Placement, Window, overlaps
from ingest.spool import Spool, pivot, usual_step


def document(**changes):
    return flat_document({"labels": {"_is_ephemeral": "false"}}, **changes)


def said(samples, *batches):
    """(hostname, chart, dimension, time, value) of every sample, in order of all of these."""
    return sorted(
        (s.hostname, s.chart, s.dimension, float(time), float(value))
        for batch in batches
        for s, time, value in zip(
            (samples.series[place] for place in batch.series),
            batch.times,
            batch.values,
            strict=True,
        )
    )


def plainly(documents):
    return sorted(
        (d["hostname"], d["chart_id"], d["id"], float(d["timestamp"]), float(str(d["value"])))
        for d in documents
    )


TIMES = {
    "int32": NOW,
    "int64": Int64(NOW),
    "double": NOW + 0.25,
    "text": str(NOW),
    "decimal": Decimal128(str(NOW)),
}


def many(kind):
    random.seed(kind)
    return [
        document(
            hostname=f"h{random.randrange(3)}",
            id=random.choice(["idle", "user", 'a "quoted" {name}', "ü"]),
            value=random.choice([random.uniform(-1e4, 1e4), 0.0, 1e-7, 12, "1.5", "-3e2"]),
            timestamp=TIMES[kind] if kind != "mixed" else random.choice(list(TIMES.values())),
        )
        for _ in range(400)
    ]


@pytest.mark.parametrize("kind", [*TIMES, "mixed"])
def test_bson_is_read_as_a_plain_decoder_reads_it(kind):
    documents, samples = many(kind), FlatSamples()
    data = b"".join(map(bson.encode, documents))
    batch, used = samples.from_bson(data + b"\xff\x00")
    assert used == len(data)
    wanted = plainly([{**d, "timestamp": str(d["timestamp"])} for d in documents])
    assert said(samples, batch) == wanted
    assert samples.refused == {}


@pytest.mark.parametrize("mode", ["relaxed", "canonical", "legacy spaces"])
@pytest.mark.parametrize("kind", [*TIMES, "mixed"])
def test_lines_are_read_as_a_plain_decoder_reads_them(kind, mode):
    documents, samples = many(kind), FlatSamples()
    options = json_util.RELAXED_JSON_OPTIONS
    if mode == "canonical":
        options = json_util.CANONICAL_JSON_OPTIONS
    separators = (" , ", " : ") if mode == "legacy spaces" else (",", ":")
    lines = [
        json_util.dumps(d, json_options=options, separators=separators).encode() for d in documents
    ]
    wanted = plainly([{**d, "timestamp": str(d["timestamp"])} for d in documents])
    assert said(samples, samples.from_lines([b"[", *lines, b"]"])) == wanted
    assert samples.refused == {}


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_what_is_cut_off_comes_again(cut):
    documents, samples = many("int32"), FlatSamples()
    data = b"".join(map(bson.encode, documents))
    half = len(data) // 2 + cut
    first, used = samples.from_bson(data[:half])
    second, rest = samples.from_bson(data[used:])
    assert used + rest == len(data)
    assert said(samples, first, second) == plainly(documents)


def test_the_fast_way_is_taken(monkeypatch):
    """After the first document of a series none is decoded."""
    documents, samples = many("int64"), FlatSamples()
    documents = [d for d in documents if isinstance(d["value"], float)]
    decode, decoded = bson.decode, []
    monkeypatch.setattr(flat.bson, "decode", lambda data: decoded.append(1) or decode(data))
    samples.from_bson(b"".join(map(bson.encode, documents)))
    assert len(decoded) == len(samples.series) < len(documents) / 10


@pytest.mark.parametrize(
    "odd",
    [
        {"_id": "text"},
        {"_id": 5},
        {"labels": {"value": 1, "timestamp": 2}},
        {"units": "value", "name": '"value":5,"timestamp":6'},
        {"after": 1},
        {"after": {"value": 7.0, "timestamp": 8}},
    ],
)
def test_documents_that_are_laid_out_otherwise(odd):
    usual, other = document(), document(**odd, value=1.25, timestamp=NOW + 5)
    for documents in ([usual, other, other], [other, usual, other]):
        for read in ("from_bson", "from_lines"):
            samples = FlatSamples()
            if read == "from_bson":
                batch = samples.from_bson(b"".join(map(bson.encode, documents)))[0]
            else:
                batch = samples.from_lines([json_util.dumps(d).encode() for d in documents])
            assert said(samples, batch) == plainly(documents), (read, odd)


def test_keys_in_another_order_are_another_head_of_the_same_series():
    usual = document()
    turned = dict(reversed(list(document(value=2.0).items())))
    samples = FlatSamples()
    batch, _ = samples.from_bson(bson.encode(usual) + bson.encode(turned))
    assert said(samples, batch) == plainly([usual, turned])
    assert samples.series == [
        FlatSeries(
            "h1", "system.cpu", "idle", "system.cpu", "cpu", "system.cpu", "percentage", "idle"
        )
    ]


def test_what_can_be_no_sample_is_counted_by_reason():
    documents = [
        document(timestamp=None),
        document(timestamp="soon"),
        document(timestamp=True),
        document(hostname=""),
        document(chart_id=None, chart_name=None),
        {k: v for k, v in document().items() if k not in ("id", "name")},
    ]
    reasons = {"no timestamp": 3, "no hostname": 1, "no chart": 1, "no dimension": 1}
    for read in ("from_bson", "from_lines", "from_documents"):
        samples = FlatSamples()
        if read == "from_bson":
            batch = samples.from_bson(b"".join(map(bson.encode, documents)))[0]
        elif read == "from_lines":
            lines = [json_util.dumps(d).encode() for d in documents]
            batch = samples.from_lines([*lines, b"{", b"5"])
            assert samples.refused.pop(flat.NOT_READABLE) == 2
        else:
            batch = samples.from_documents(documents)
        assert len(batch.series) == 0
        assert samples.refused == reasons, read


def test_values_that_are_no_numbers_are_nan():
    values = [float("nan"), float("inf"), -float("inf"), None, "", "NaN", [1]]
    samples = FlatSamples()
    data = b"".join(bson.encode(document(value=value)) for value in values)
    batch, _ = samples.from_bson(bson.encode(document()) + data)
    assert np.isnan(batch.values).sum() == len(values)
    assert samples.refused == {}


def test_documents_that_have_nothing_in_common_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(flat, "MOST_HEADS", 50)
    samples = FlatSamples()
    data = b"".join(bson.encode(document(note=str(place))) for place in range(5))
    moved = [{"note": str(n), **document()} for n in range(500)]
    moved = [{"_id": d.pop("_id"), **d} for d in moved]
    samples.from_bson(data + b"".join(map(bson.encode, moved)))
    assert len(samples._heads) <= 50


def test_what_a_real_exporter_wrote(shared_data):
    path = shared_data / "netdata" / "mongodb_exporter_docs.json"
    samples = FlatSamples()
    batches = list(Dump(path).batches(samples, lambda _: None))
    assert said(samples, *batches) == plainly(json.loads(path.read_text()))
    assert samples.refused == {}


@pytest.mark.parametrize("form", ["lines", "array", "pretty", "one to a line"])
@pytest.mark.parametrize("block", [50, 777, 10_000])
def test_blocks_may_end_anywhere(tmp_path, monkeypatch, form, block):
    monkeypatch.setattr("ingest.kns.dumps.BLOCK", block)
    documents = many("int32")[:120]
    texts = [json_util.dumps(d, ensure_ascii=False) for d in documents]
    path = tmp_path / "m.json"
    path.write_text(
        {
            "lines": "\ufeff" + "\r\n".join(texts),
            "array": f" [{','.join(texts)}]",
            "pretty": json.dumps([json.loads(t) for t in texts], indent=2, ensure_ascii=False),
            "one to a line": "[\n" + ",\n".join(texts) + "\n]\n",
        }[form],
        encoding="utf-8",
    )
    samples, dump = FlatSamples(), Dump(path)
    assert said(samples, *dump.batches(samples, lambda _: None)) == plainly(documents)
    assert dump.problem is None
    small = Dump(path).documents()
    assert small == [json_util.loads(text) for text in texts]


def test_an_array_that_does_not_end(tmp_path):
    path = tmp_path / "m.json"
    path.write_text(json.dumps([{"a": 1}, {"a": 2}], indent=1)[:-1])
    dump = Dump(path)
    assert dump.documents() == [{"a": 1}, {"a": 2}]
    assert dump.problem == "its array does not end"


# ---------------------------------------------------------------- placing and pivoting


def records(*rows):
    return np.array(list(rows), dtype=RECORD)


def series_of(hostname="h", chart="c", dimension="d"):
    return FlatSeries(hostname, chart, dimension, chart, "f", chart, "u", dimension)


def test_placing_agrees_with_looking_at_every_window():
    chosen = np.random.default_rng(3)
    windows = [
        Window(float(first), float(first + length), owner, f"h{owner % 3}")
        for owner, (first, length) in enumerate(chosen.integers(1, 60, (40, 2)))
    ]
    table = [series_of(f"h{n}") for n in range(4)]
    batch = flat.Batch(
        chosen.integers(0, 4, 3000).astype(np.int32),
        chosen.integers(0, 130, 3000).astype(float),
        np.where(chosen.random(3000) < 0.1, np.nan, 1.0),
    )
    placement = Placement(windows)
    found = {}
    for owner, some in placement.place(batch, table):
        found.setdefault(owner, []).extend(some[["series", "time"]].tolist())
    wanted, owners = {}, []
    there = ~np.isnan(batch.values)
    for series, time in zip(batch.series[there].tolist(), batch.times[there].tolist(), strict=True):
        inside = [
            w.owner for w in windows if w.hostname == f"h{series}" and w.first < time < w.last
        ]
        owners.append(len(inside))
        for owner in inside:
            wanted.setdefault(owner, []).append((series, time))
    assert {k: sorted(v) for k, v in found.items()} == {k: sorted(v) for k, v in wanted.items()}
    known = batch.series[there] != 3
    assert placement.strangers == {"h3": int((~known).sum())}
    assert placement.empty == int((~there).sum())
    assert placement.placed == sum(n > 0 for n in owners)
    assert placement.shared == sum(n > 1 for n in owners)
    assert placement.placed + placement.outside == int(known.sum())


def test_overlaps_names_each_pair_once():
    windows = [
        Window(0, 10, 0, "a"),
        Window(10, 20, 1, "a"),
        Window(5, 12, 2, "a"),
        Window(5, 12, 2, "b"),
        Window(0, 6, 0, "b"),
    ]
    assert overlaps(windows) == {(0, 2): ["a", "b"], (2, 1): ["a"]}


def test_pivot_keeps_the_first_of_two_and_leaves_holes():
    table = [series_of(dimension="y"), series_of(dimension="x"), series_of("a", "c", "x")]
    found = pivot(
        records((0, 5, 1.0), (1, 0, 2.0), (0, 0, 3.0), (0, 5, 4.0), (0, 10, 5.0), (1, 0, 2.0)),
        table,
    )
    (series,) = found.series
    assert [d.id for d in series.dimensions] == ["x", "y"]
    assert series.times.tolist() == [0, 5, 10]
    np.testing.assert_array_equal(series.values, [[2, 3], [np.nan, 1], [np.nan, 5]])
    assert (found.repeated, found.conflicts, series.step) == (1, 1, 5.0)
    assert pivot(records(), table).series == []


def test_the_step_is_the_most_frequent_distance():
    assert usual_step(np.array([0.0, 5, 10, 40, 45, 46])) == 5.0
    assert usual_step(np.array([0.0])) is None


def test_the_spool_is_on_disk_and_memory_bounded(monkeypatch):
    monkeypatch.setattr("ingest.spool.MOST_WAITING", 100_000)
    table = [series_of(chart=f"c{n}") for n in range(10)]
    row = np.zeros(1000, dtype=RECORD)
    row["series"] = np.arange(1000) % 10
    with Spool() as spool:
        tracemalloc.start()
        for turn in range(500):
            row["time"] = np.arange(1000) // 10 + 100 * (turn // 5)
            spool.add(turn % 5, row.copy())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 500_000
        for owner in range(5):
            counts = spool.counts(owner)
            assert counts == dict.fromkeys(range(10), 10_000)
            (part,) = spool.parts(owner, counts, table)
            assert len(part) == 100_000
            assert (np.diff(part["time"]) >= 0).all()
            monkeypatch.setattr("ingest.spool.MOST_SAMPLES", 35_000)
            sizes = [len(part) for part in spool.parts(owner, counts, table)]
            assert sizes == [30_000] * 3 + [10_000]
            monkeypatch.setattr("ingest.spool.MOST_SAMPLES", 1_500_000)
