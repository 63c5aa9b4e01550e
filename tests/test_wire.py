"""BSON bytes to stretches, natively and with NumPy: the same on every edge, and on broken bytes."""

import struct

import bson
import numpy as np
import pytest
from bson import ObjectId

from minion import wire
from minion.errors import InvalidData
from minion.series import Dimension, Series, to_document
from minion.wire import read_stretches

RUN = ObjectId("0123456789abcdef01234567")
NATIVE = wire.native
BORDERS = (0, 1, 2, 9, 10, 11, 99, 100, 101, 999, 1000, 1001, 4095, 4096, 10_000, 10_001)
SPECIAL = [0.0, -0.0, 5e-324, 1.7976931348623157e308, np.inf, -np.inf]

needs_native = pytest.mark.skipif(NATIVE is None, reason="minion._wire is not compiled here")
by_both = pytest.mark.usefixtures("decoder")


@pytest.fixture(params=[pytest.param("native", marks=needs_native), "numpy"])
def decoder(request, monkeypatch):
    """The native decoder, then NumPy."""
    monkeypatch.setattr(wire, "native", NATIVE if request.param == "native" else None)
    return request.param


def document(columns, *, step=5.0, times=None):
    """A document as it is stored, of any values: lists with None where there is no sample."""
    rows = len(columns[0])
    clock = {"t": times} if times is not None else {"step": step}
    return {
        "_id": ObjectId(RUN.binary),
        "simulation": RUN,
        "hostname": "hôte",
        "chart": "system.cpu",
        "stretch": 0.0,
        "name": "system.cpu",
        "context": "system.cpu",
        "family": "cpu",
        "unit": "percentage",
        "first": 100.25,
        "last": 100.25 + 5.0 * max(rows - 1, 0),
        **clock,
        "n": rows,
        "samples": sum(value is not None for column in columns for value in column),
        "dimensions": [
            {"id": f"d{place}", "name": f"dimension {place}", "values": list(column)}
            for place, column in enumerate(columns)
        ],
    }


def decoded(stretch):
    values = np.empty((len(stretch.dimensions), stretch.rows))
    return stretch.values(values), values


def expected(columns):
    return np.array([[np.nan if v is None else v for v in column] for column in columns])


@pytest.mark.parametrize("rows", BORDERS)
@pytest.mark.parametrize("holes", [(), (0,), (-1,), (0, 1), (8, 9, 10), "most", "all"])
@by_both
def test_values_come_back_bit_for_bit(rows, holes):
    random = np.random.default_rng(rows)
    columns = [random.normal(size=rows).tolist() for _ in range(3)]
    if holes == "all":
        columns[1] = [None] * rows
    elif holes == "most":
        columns[1] = [None if random.uniform() < 0.8 else v for v in columns[1]]
    else:
        for hole in holes:
            if -rows <= hole < rows:
                columns[1][hole] = None
    (stretch,) = read_stretches(bson.encode(document(columns)))
    nan, values = decoded(stretch)
    assert values.tobytes() == expected(columns).tobytes()
    assert nan == columns[1].count(None)
    assert stretch.times().tolist() == [100.25 + 5.0 * row for row in range(rows)]


@by_both
def test_every_field_comes_back():
    (stretch,) = read_stretches(bson.encode(document([[1.5, 2.5], [None, 3.5]])))
    assert stretch[:5] == (RUN.binary, "hôte", "system.cpu", "system.cpu", "percentage")
    assert (stretch.first, stretch.last, stretch.step, stretch.rows) == (100.25, 105.25, 5.0, 2)
    assert stretch.dimensions == ("d0", "d1")
    one = np.empty((1, 2))
    assert stretch.values(one, "d1") == 1
    assert one[0, 1] == 3.5


@by_both
def test_what_the_store_writes_is_read():
    times = 100.0 + np.array([0.0, 5.0, 11.0, 15.0])
    series = Series(
        hostname="h",
        chart="c",
        context="x",
        family="f",
        unit="u",
        dimensions=(Dimension("a", "A"), Dimension("b", "B")),
        times=times,
        values=np.arange(8.0).reshape(4, 2),
        step=5.0,
    )
    (stretch,) = read_stretches(bson.encode(to_document(RUN, 0.0, series)))
    assert stretch.times().tolist() == times.tolist()
    assert np.array_equal(decoded(stretch)[1], series.values.T)


@needs_native
@pytest.mark.parametrize("rows", [rows for rows in BORDERS if rows])
@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_the_native_encoder_writes_what_bson_writes(rows, holes):
    random = np.random.default_rng(rows)
    columns = random.normal(size=(rows, 3))
    columns[random.random(columns.shape) < holes] = np.nan
    columns[-1], columns[0, 0] = -0.0, 5e-324
    regular = 100.25 + 5.0 * np.arange(rows)
    gaps = 100.25 + 5.0 * np.cumsum(1 + (random.random(rows) < 0.2))
    irregular = 100.25 + np.cumsum(random.random(rows) + 0.1)
    for times, step in ((regular, 5.0), (gaps, 5.0), (irregular, 5.0), (irregular, None)):
        for values in (columns, np.asfortranarray(columns), columns[:, ::2]):
            names = tuple(Dimension(f"d{i}", f"größe {i}") for i in range(values.shape[1]))
            series = Series("hôte", "c", "x", "", "%", names, times, values, step).compact()
            raw, samples = wire.write_stretch(RUN, -4096.0, series)
            written = bson.decode(raw)
            again = {"_id": written["_id"], **to_document(RUN, -4096.0, series)}
            assert raw == bson.encode(again)
            assert samples == again["samples"] == series.samples


def test_without_the_native_part_bson_writes(monkeypatch):
    series = Series(
        "h", "c", "x", "", "%", (Dimension("a", "a"),), np.arange(3.0), np.ones((3, 1)), 1.0
    )
    monkeypatch.setattr(wire, "native", None)
    assert wire.write_stretch(RUN, 0.0, series) is None


@needs_native
@pytest.mark.parametrize(
    "wrong", [np.ones((2, 2)), np.ones(3, dtype=np.float32), np.arange(3), np.ones(()), b"12345678"]
)
def test_the_native_encoder_takes_a_row_of_doubles_only(wrong):
    with pytest.raises(ValueError, match="one row of doubles"):
        NATIVE.array(wrong)


@by_both
def test_special_doubles_survive():
    (stretch,) = read_stretches(bson.encode(document([SPECIAL])))
    nan, values = decoded(stretch)
    assert nan == 0
    assert values.tobytes() == np.array(SPECIAL).tobytes()


@by_both
def test_a_nan_with_a_payload_is_no_sample_and_keeps_its_bits():
    bits = 0x7FF8_0000_DEAD_BEEF
    payload = struct.unpack("<d", struct.pack("<Q", bits))[0]
    for column in ([1.0, payload, 2.0], [None, payload, 2.0]):
        (stretch,) = read_stretches(bson.encode(document([column])))
        nan, values = decoded(stretch)
        assert nan == 1 + column.count(None)
        assert values.view(np.uint64)[0, 1] == bits


@by_both
def test_a_batch_of_several_documents():
    batch = b"".join(bson.encode(document([[float(n)] * n])) for n in (3, 0, 200))
    found = read_stretches(batch)
    assert [stretch.rows for stretch in found] == [3, 0, 200]
    assert [decoded(stretch)[1].sum() for stretch in found] == [9.0, 0.0, 40_000.0]
    assert read_stretches(b"") == []


@by_both
def test_keys_of_an_array_may_be_anything_but_its_order_counts():
    # As MongoDB does: a foreign client may have numbered them otherwise.
    whole = bson.encode(document([[1.0, 2.0, 3.0, None]]))
    keys = b"\x012\x00" + struct.pack("<d", 3.0)
    assert keys in whole
    (stretch,) = read_stretches(whole.replace(keys, b"\x019\x00" + struct.pack("<d", 3.0)))
    assert decoded(stretch)[1][0, :3].tolist() == [1.0, 2.0, 3.0]
    # The same bytes again, the first key empty and the second longer by one.
    first, second = (b"\x01%d\x00" % n + struct.pack("<d", n + 1.0) for n in (0, 1))
    moved = b"\x01\x00" + struct.pack("<d", 1.0) + b"\x0111\x00" + struct.pack("<d", 2.0)
    (stretch,) = read_stretches(whole.replace(first + second, moved))
    assert decoded(stretch)[1][0, :3].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("rows", [3, 150])
@pytest.mark.parametrize("foreign", [bson.Int64(1), 1, "x", True, [1.0], bson.Decimal128("1")])
@by_both
def test_other_values_in_an_array_are_refused(rows, foreign):
    # A double and an int64 have the same size, so the stride alone would not tell.
    for place in (0, rows // 2, rows - 1):
        column = [0.5] * rows
        column[place] = foreign
        (stretch,) = read_stretches(bson.encode(document([column])))
        with pytest.raises(InvalidData, match=r"system\.cpu of hôte: has .* BSON type"):
            decoded(stretch)


@pytest.mark.parametrize("said", [0, 2, 4, 9])
@by_both
def test_another_number_of_values_than_rows_is_refused(said):
    for column in ([1.0, 2.0, 3.0], [1.0, None, 3.0]):
        (stretch,) = read_stretches(bson.encode({**document([column]), "n": said}))
        with pytest.raises(InvalidData, match="values"):
            decoded(stretch)


@by_both
def test_a_missing_timestamp_is_refused():
    (stretch,) = read_stretches(bson.encode(document([[1.0, 2.0]], times=[1.0, None])))
    with pytest.raises(InvalidData, match="timestamp"):
        stretch.times()


@pytest.mark.parametrize(
    "change",
    [
        {"t": bson.Regex("x")},
        {"extra": bson.Decimal128("1")},
        {"simulation": "text"},
        {"hostname": 5},
        {"first": 5},
        {"step": None},
        {"step": "5"},
        {"n": 2.0},
        {"n": -1},
        {"n": 2**40},
        {"t": 5.0},
        {"dimensions": {"a": 1}},
        {"dimensions": [1.0]},
        {"dimensions": [{"id": "a"}]},
        {"dimensions": [{"values": [1.0]}]},
        {"dimensions": [{"id": 5, "values": [1.0]}]},
        {"dimensions": [{"id": "a", "values": 1.0}]},
    ],
)
@by_both
def test_a_foreign_document_is_refused_not_misread(change):
    with pytest.raises(InvalidData, match=r"stored series .* not Minion's, or broken"):
        read_stretches(bson.encode({**document([[1.0, 2.0]]), **change}))


@pytest.mark.parametrize("lacking", ["simulation", "hostname", "unit", "last", "step", "n"])
@by_both
def test_a_field_that_is_missing_is_named(lacking):
    fields = document([[1.0]])
    del fields[lacking]
    with pytest.raises(InvalidData, match=f"lacks {lacking}"):
        read_stretches(bson.encode(fields))


def outcome(batch):
    """Everything that is in a batch, or None when it is refused."""
    try:
        found = read_stretches(batch)
        return [
            (repr(stretch[:-1]), stretch.times().tobytes(), decoded(stretch)[1].tobytes())
            for stretch in found
        ]
    except InvalidData:
        return None


def mutated(random, whole):
    """Bytes changed, taken away, put in, or cut off."""
    raw = bytearray(whole)
    for _ in range(random.integers(1, 4)):
        at = int(random.integers(len(raw)))
        match random.integers(6):
            case 0:
                raw[at] = random.integers(256)
            case 1:
                raw[at] ^= 1 << int(random.integers(8))
            case 2:
                raw[at] = (0x00, 0x01, 0x0A, 0x7F, 0xFF)[random.integers(5)]
            case 3:
                del raw[at : at + int(random.integers(1, 12))]
            case 4:
                raw[at:at] = random.bytes(int(random.integers(1, 12)))
            case 5:
                del raw[at:]
        if not raw:
            break
    if len(raw) >= 4 and random.uniform() < 0.5:  # let more of them be looked at inside
        raw[:4] = struct.pack("<i", len(raw))
    return bytes(raw)


@needs_native
def test_both_read_the_same_out_of_broken_bytes(monkeypatch):
    random = np.random.default_rng(20)
    sources = [
        bson.encode(document([[1.0, None, -3.5], [4.0, 5.0, 6.0]])),
        bson.encode(document([[0.5] * 12], times=[float(n) for n in range(12)])),
        bson.encode(document([np.arange(103.0).tolist(), [None, 1.0, *([None] * 101)]])),
        bson.encode(document([[1.0]])) + bson.encode(document([[2.0, 3.0]])),
    ]
    read = 0
    for turn in range(20_000):
        batch = mutated(random, sources[turn % len(sources)])
        monkeypatch.setattr(wire, "native", NATIVE)
        native = outcome(batch)
        monkeypatch.setattr(wire, "native", None)
        assert outcome(batch) == native, batch.hex()
        read += native is not None
    assert 1000 < read < 10_000  # neither all of them nor none were broken


@needs_native
def test_what_the_native_decoder_refuses_numpy_refuses_too(monkeypatch):
    # Else the fast way would be left for the slow one, and nobody would see it.
    monkeypatch.setattr(wire, "native", None)
    random = np.random.default_rng(21)
    whole = bson.encode(document([[1.0, None, -3.5], [4.0, 5.0, 6.0]]))
    for _ in range(2000):
        batch = mutated(random, whole)
        try:
            found = read_stretches(batch)
        except InvalidData:
            assert NATIVE.stretches(batch) is None
        else:
            assert repr([stretch[:-1] for stretch in found]) == repr(NATIVE.stretches(batch))


@needs_native
def test_every_cut_of_a_document_is_refused():
    whole = bson.encode(document([[1.0, None, 2.0]]))
    for end in range(1, len(whole)):
        assert NATIVE.stretches(whole[:end]) is None
        # With a size that says the document ends there.
        assert NATIVE.stretches(struct.pack("<i", end) + whole[4:end]) is None


@needs_native
@pytest.mark.parametrize(
    ("places", "out", "error"),
    [
        ((10**9,), np.empty((1, 3)), ValueError),
        ((-1,), np.empty((1, 3)), ValueError),
        ((2**80,), np.empty((1, 3)), OverflowError),
        (("x",), np.empty((1, 3)), TypeError),
        ((0,), np.empty((2, 3)), ValueError),
        ((0,), np.empty(3), ValueError),
        ((0,), np.empty((1, 3), dtype=np.int64), ValueError),
        ((0,), np.empty((1, 3), dtype=np.float32), ValueError),
        ((0,), np.empty((3, 2)).T[:1], ValueError),
        ([0], np.empty((1, 3)), TypeError),
        ((0,), b"12345678", BufferError),
    ],
)
def test_the_native_decoder_writes_only_where_it_may(places, out, error):
    with pytest.raises(error):
        NATIVE.values(bytes(100), places, out)


@needs_native
def test_it_writes_into_the_rows_of_a_larger_array_and_nothing_else():
    batch = bson.encode(document([[1.0, 2.0], [3.0, 4.0]]))
    (stretch,) = read_stretches(batch)
    larger = np.full((4, 5), -1.0)
    assert NATIVE.values(batch, stretch.values_at, larger[1:3, 2:4]) == 0
    assert larger[1:3, 2:4].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert np.count_nonzero(larger == -1.0) == 16
