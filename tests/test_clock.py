"""How far another machine's clock is from ours."""

import random
from email.utils import formatdate

import numpy as np
import pytest

from ingest.agents.clock import DRIFT, WINDOW_S, Clock, seconds_of


def exchange(clock, asked, skew, trip=0.01):
    """Ask at a moment, of an agent whose clock is off by `skew`."""
    there = asked + trip / 2 + skew
    clock.note(asked, asked + trip, formatdate(np.floor(there), usegmt=True))


def test_one_date_bounds_the_skew_to_a_second():
    clock = Clock()
    assert clock.skew is None
    clock.note(1000.0, 1000.2, formatdate(1003, usegmt=True))
    middle, half = clock.skew
    assert (middle - half, middle + half) == pytest.approx((1003 - 1000.2, 1004 - 1000.0))


@pytest.mark.parametrize("skew", [-3_600.4, -0.3, 0.0, 0.02, 7.77])
def test_many_dates_bound_it_tightly(skew):
    clock, moments = Clock(), random.Random(7)
    for count in range(300):
        exchange(clock, 1e9 + 2 * count + moments.random(), skew)
        middle, half = clock.skew
        assert abs(middle - skew) <= half
    assert half < 0.05  # the drift of 600 s alone would be 0.06


def test_a_clock_that_drifts_is_followed():
    clock, moments = Clock(), random.Random(8)
    for count in range(3_000):
        skew = 0.8 * DRIFT * 2 * count
        exchange(clock, 1e9 + 2 * count + moments.random(), skew)
        middle, half = clock.skew
        assert abs(middle - skew) <= half
    assert half < 0.1


@pytest.mark.parametrize("skew", [30.0, -30.0])
def test_a_clock_that_was_set_starts_anew(skew):
    clock = Clock()
    for count in range(50):
        exchange(clock, 1e9 + 1.37 * count, 0.0)
    exchange(clock, 1e9 + 100, skew)
    middle, half = clock.skew
    assert abs(middle - skew) <= half
    assert half == pytest.approx(0.505)


def test_old_dates_are_forgotten():
    clock = Clock()
    for count in range(50):
        exchange(clock, 1e9 + 1.37 * count, 0.0)
    assert clock.skew[1] < 0.1
    exchange(clock, 1e9 + 100 + WINDOW_S, 0.0)
    assert clock.skew[1] == pytest.approx(0.505)


def test_our_own_clock_set_back_starts_anew():
    clock = Clock()
    exchange(clock, 1e9, 5.0)
    exchange(clock, 1e9 - 3_600, 5.0)
    middle, half = clock.skew
    assert abs(middle - 5.0) <= half


def test_a_clock_remembers_little():
    clock = Clock()
    for count in range(100_000):
        exchange(clock, 1e9 + 0.001 * count, 0.0)
    assert len(clock._lows) + len(clock._highs) < 100


@pytest.mark.parametrize(
    "date",
    [
        None,
        "",
        "yesterday",
        "Sun, 31 Jun 2026 01:46:21 GMT",
        "Sun, 22 Nov 2026 01:46:61 GMT",
        "Sun, 22 Nov 2026 01:46:21 +0100",
        "Sun, 22 Nob 2026 01:46:21 GMT",
        "Sun, 22 Nov 0000 01:46:21 GMT",
        "\u0661" * 29,
        "Sun, 22 Nov 2026 01:46:21 GMT" * 2,
    ],
)
def test_a_date_that_is_none_is_no_bound(date):
    clock = Clock()
    clock.note(1.0, 2.0, date)
    assert clock.skew is None


def test_dates():
    assert seconds_of("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777  # RFC 9110's own example
    assert seconds_of("Thu, 01 Jan 1970 00:00:00 GMT") == 0
