"""Fewer points with the same look."""

import numpy as np
import pandas as pd
import pytest

from analysis.charting.reduction import breaks, lines, min_max, reduction_error
from minion.errors import InvalidData


def frame(elapsed_s, value, host="a"):
    return pd.DataFrame(
        {"hostname": host, "elapsed_s": np.asarray(elapsed_s, float), "value": value}
    )


@pytest.mark.parametrize("n", [0, 1, 2, 7, 99, 100, 101, 439, 5000])
def test_extremes_survive_in_order_and_number(n):
    value = np.random.default_rng(n).normal(size=n)
    kept = min_max(value, 100)
    assert len(kept) <= 100
    assert (np.diff(kept) > 0).all()
    if n:
        assert {value.min(), value.max()} <= set(value[kept])
    if n <= 100:
        assert len(kept) == n


def test_every_part_keeps_its_extremes():
    value = np.random.default_rng(4).normal(size=1000)
    kept = set(value[min_max(value, 100)])
    for part in value.reshape(50, 20):
        assert {part.min(), part.max()} <= kept


def test_a_gap_is_longer_than_one_and_a_half_steps():
    assert breaks(np.array([0, 5, 10, 17.5, 22.5, 30.1, 35])).tolist() == [5]
    assert breaks(np.array([3.0])).tolist() == []


def test_lines_are_lifted_at_gaps_and_keep_both_ends():
    times = np.r_[np.arange(0, 1000, 5), np.arange(1200, 2000, 5)]
    value = np.random.default_rng(1).normal(size=len(times))
    (line,) = lines(frame(times, value), ["hostname"], points=40)
    lifted = line.value.index(None)
    assert line.value.count(None) == 1
    assert line.elapsed_s[lifted - 1] == 995
    assert line.elapsed_s[lifted + 1] == 1200
    assert (line.elapsed_s[0], line.elapsed_s[-1]) == (0, 1995)
    assert len(line.elapsed_s) == len(line.value) <= 40 + 4 + 1


def test_two_gaps_around_one_sample():
    (line,) = lines(frame([0, 5, 10, 50, 90, 95, 100], np.arange(7.0)), ["hostname"])
    assert line.value == [0, 1, 2, None, 3, None, 4, 5, 6]
    assert line.elapsed_s == [0, 5, 10, 10, 50, 50, 90, 95, 100]


def test_samples_in_any_order_and_values_to_five_digits():
    (line,) = lines(frame([10, 0, 5], [1234.5678, 0.1234567, 2.0]), ["hostname"])
    assert line.elapsed_s == [0, 5, 10]
    assert line.value == [0.1, 2.0, 1234.6]


def test_each_series_has_its_line():
    both = pd.concat([frame([0, 5], [1, 2], "b"), frame([0, 5], [3, 4], "a")])
    assert [(line.keys, line.value) for line in lines(both, ["hostname"])] == [
        (("b",), [1, 2]),
        (("a",), [3, 4]),
    ]


# ---------------------------------------------------------------- what it costs


def test_a_line_that_keeps_every_sample_is_no_other():
    times = np.arange(300.0)
    error = reduction_error(frame(times, np.sin(times)), ["hostname"], points=300, top=1.0)
    assert error[["mean", "largest", "mean_px", "largest_px"]].to_numpy().tolist() == [[0.0] * 4]
    assert error[["samples", "points"]].to_numpy().tolist() == [[300, 300]]


def test_the_error_is_the_distance_from_the_drawn_line():
    # Of each four samples the first and the second are kept, and the last of all.
    value = np.tile([0.0, 4.0, 2.0, 2.0], 50)
    error = reduction_error(frame(np.arange(200.0), value), ["hostname"], points=100, top=4.0)
    (row,) = error.to_dict("records")
    # From 4 at the second to 0 at the fifth: 8/3 and 4/3 instead of 2; at the end 3 instead of 2.
    assert row["largest"] == 1
    assert row["mean"] == pytest.approx((49 * 4 / 3 + 1) / 200)


def test_two_points_a_pixel_look_the_same():
    """With a part for each column of pixels only what lies between two columns is lost."""
    value = np.random.default_rng(2).normal(10, 1, 20_000)
    long = frame(np.arange(20_000.0), value)
    few, many = (
        reduction_error(long, ["hostname"], points=points, width=200, height=50)
        for points in (100, 400)
    )
    assert many["mean_px"].item() < 1 < few["mean_px"].item()
    assert many["largest_px"].item() < few["largest_px"].item()


def test_the_error_of_what_is_not_there():
    with pytest.raises(InvalidData, match="nothing to draw"):
        reduction_error(frame([0.0], [np.nan]), ["hostname"])
    with pytest.raises(InvalidData, match="no column 'role'"):
        reduction_error(frame([0.0], [1.0]), ["role"])
    both = pd.concat([frame([0, 5], [1.0, 2.0]), frame([0, 5], [np.nan, np.nan], "b")])
    assert reduction_error(both, ["hostname"])["samples"].tolist() == [2, 0]
    one = reduction_error(frame([3.0], [2.0]), ["hostname"])
    assert one["largest"].tolist() == [0]
