"""Samples to documents and back."""

import bson
import numpy as np
import pytest
from bson import ObjectId

from minion.errors import InvalidData
from minion.series import (
    LIVE_ROWS,
    MOST_BYTES,
    SETTLED_ROWS,
    Dimension,
    Series,
    from_documents,
    to_document,
)

ORIGIN = 1_613_401_077.25
RUN = ObjectId()


def make(rows, columns=2, *, step=5.0, seed=1, start=ORIGIN + 3.75, times=None):
    random = np.random.default_rng(seed)
    times = start + step * np.arange(rows) if times is None else np.asarray(times, dtype=float)
    return Series(
        hostname="h12",
        chart="system.cpu",
        context="system.cpu",
        family="cpu",
        unit="percentage",
        dimensions=tuple(Dimension(f"d{i}", f"dimension {i}") for i in range(columns)),
        times=times,
        values=random.normal(size=(len(times), columns)),
        step=step,
    )


def documents(series, rows=SETTLED_ROWS):
    return [to_document(RUN, stretch, part) for stretch, part in series.cut(ORIGIN, rows)]


def same(a, b):
    return (
        a.dimensions == b.dimensions
        and np.array_equal(a.times, b.times)
        and np.array_equal(a.values, b.values, equal_nan=True)
    )


# The digits of an array's index change its stride at 10, 100 and 1000.
@pytest.mark.parametrize("rows", [1, 2, 9, 10, 11, 99, 100, 101, 999, 1000, 1001, 4096])
@pytest.mark.parametrize("hole", [None, 0, -1])
def test_values_come_back_bit_for_bit(rows, hole):
    series = make(rows)
    if hole is not None and rows > 1:
        series.values[hole, 0] = np.nan
    found = documents(series)
    assert same(from_documents(found)[0], series.compact())
    assert all(bson.decode(bson.encode(document)) == document for document in found)


def test_a_regular_series_has_no_timestamps():
    (document,) = documents(make(440))
    assert "t" not in document
    assert (document["step"], document["n"]) == (5.0, 440)


def test_a_missing_row_is_null_not_zero_and_not_its_neighbour():
    series = make(10, 1)
    holes = series.values.copy()
    holes[4] = np.nan
    (document,) = documents(
        Series(**{**{s: getattr(series, s) for s in Series.__slots__}, "values": holes})
    )
    assert document["dimensions"][0]["values"][4] is None
    assert document["samples"] == 9
    assert document["n"] == 10


def test_off_the_grid_timestamps_are_kept():
    times = ORIGIN + np.array([1.0, 6.0, 11.5, 16.0])
    series = make(4, times=times)
    (document,) = documents(series)
    assert document["t"] == times.tolist()
    assert same(from_documents([document])[0], series)


def test_more_gap_than_samples_keeps_timestamps_instead_of_nulls():
    series = make(4, times=ORIGIN + np.array([0.0, 5.0, 500.0, 1000.0]))
    (document,) = documents(series)
    assert "t" in document
    assert same(from_documents([document])[0], series)


@pytest.mark.parametrize("rows", [LIVE_ROWS, SETTLED_ROWS])
@pytest.mark.parametrize("pieces", [1, 2, 7, 50])
def test_pieces_end_in_the_same_documents_as_the_whole(rows, pieces):
    series = make(700)
    series.values[100:130, 1] = np.nan
    series.values[300:310] = np.nan
    whole = {d["stretch"]: d for d in documents(series, rows)}
    cells: dict[float, Series] = {}
    for part in np.array_split(np.arange(700), pieces):
        window = series.window(series.times[part[0]], series.times[part[-1]] + 1e-3)
        for stretch, cell in window.cut(ORIGIN, rows):
            cells[stretch] = cells[stretch].merge(cell)[0] if stretch in cells else cell
    assert {k: to_document(RUN, k, cell.compact()) for k, cell in cells.items()} == whole


def test_what_is_stored_stays_and_differences_are_counted():
    old, new = make(10, seed=1), make(20, seed=2)
    old.values[3, 0] = np.nan
    merged, conflicts = old.merge(new)
    assert len(merged.times) == 20
    assert merged.values[2, 0] == old.values[2, 0]
    assert merged.values[3, 0] == new.values[3, 0]
    assert conflicts == 10 * 2 - 1
    again, none = merged.merge(merged)
    assert none == 0
    assert same(again, merged)


def test_a_dimension_that_appears_late_is_null_before():
    early, late = make(10, 1), make(20, 2)
    merged, _ = early.merge(late.window(late.times[10], late.times[-1] + 1))
    assert np.isnan(merged.values[:10, 1]).all()
    assert not np.isnan(merged.values[10:]).any()


def test_a_wide_chart_is_cut_below_the_limit():
    found = documents(make(4096, 40))
    assert len(found) > 1
    assert all(len(bson.encode(d)) < 1.2 * MOST_BYTES for d in found)
    assert sum(d["samples"] for d in found) == 4096 * 40


def test_a_row_or_dimension_of_nothing_is_not_stored():
    series = make(10, 3)
    series.values[:, 1] = np.nan
    series.values[0] = np.nan
    (document,) = documents(series)
    assert [d["id"] for d in document["dimensions"]] == ["d0", "d2"]
    assert document["n"] == 9


def test_nothing_gives_no_document():
    series = make(10)
    series.values[:] = np.nan
    assert documents(series) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.zeros((3, 2))}, "shape"),
        ({"times": np.array([1.0, 1.0])}, "do not increase"),
        ({"times": np.array([2.0, 1.0])}, "do not increase"),
        ({"times": np.array([1.0, np.nan])}, "do not increase"),
        ({"values": np.array([[1.0, np.inf], [0, 0]])}, "infinite"),
        ({"step": 0.0}, "step"),
        ({"dimensions": (Dimension("a", "a"), Dimension("a", "b"))}, "two dimensions"),
    ],
)
def test_what_cannot_be_is_refused_with_host_and_chart(change, message):
    good = make(2)
    fields = {name: getattr(good, name) for name in Series.__slots__}
    with pytest.raises(InvalidData, match=rf"system\.cpu of h12.*{message}"):
        Series(**{**fields, **change})
