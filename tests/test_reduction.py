"""Fewer points with the same look."""

import numpy as np
import pandas as pd
import pytest

from analysis.reduction import breaks, lines, min_max


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
