"""Properties that vary within levels: other shares are found, and chance is not taken for it."""

import itertools

import numpy as np
import pytest

from analysis.comparing.mixtures import LEVEL, alike, counted, shown, unlike


def levels(**counts):
    """Runs by level and value, from `A="9 1"`: as many of the values 1.0, 2.0, …"""
    return {
        level: {f"{place}.0": int(n) for place, n in enumerate(text.split(), 1) if int(n)}
        for level, text in counts.items()
    }


@pytest.mark.parametrize(
    ("counts", "apart"),
    [
        ({"A": "9 1", "B": "1 9"}, True),  # most runs of A have no counterpart in B
        ({"A": "4 1", "B": "1 4"}, True),  # so few that no test could show it
        ({"A": "10 0", "B": "9 1"}, True),  # a value that one level lacks
        ({"A": "2 0", "B": "1 1"}, True),
        ({"A": "70 30", "B": "45 55"}, True),  # by no random allocation
        ({"A": "9 1", "B": "5 5", "C": "1 9"}, True),
        ({"A": "5 5 5 5 80", "B": "5 5 5 25 60"}, True),
        ({"A": "5 5", "B": "5 5"}, False),
        ({"A": "2 2", "B": "20 20"}, False),
        ({"A": "6 4", "B": "4 6"}, False),
        ({"A": "7 3", "B": "3 7"}, False),
        ({"A": "1 1 1 1 1", "B": "1 1 1 1 1"}, False),
        ({"A": "10 0", "B": "10 0"}, False),
        ({"A": "9 1"}, False),
    ],
)
def test_what_tells_levels_apart(counts, apart):
    assert unlike(levels(**counts)) is apart


def test_a_random_allocation_is_hardly_ever_taken_for_another():
    """Of the exact test alone: no two levels here have less than half of their runs in common."""
    random, wrong, times = np.random.default_rng(3), 0, 2000
    values = np.repeat(["1.0", "2.0", "3.0"], [40, 30, 20])
    for _ in range(times):
        a, b, c = np.split(random.permutation(values), 3)
        wrong += unlike(counted({"A": a.tolist(), "B": b.tolist(), "C": c.tolist()}))
    # Three standard errors of 2,000 are 0.7 %; an exact test stays below its level.
    assert wrong / times < LEVEL + 0.007


def test_the_order_of_levels_and_values_is_of_no_account():
    counts = {"A": "8 5 2", "B": "2 5 8", "C": "6 5 4"}
    found = {unlike(dict(ordered)) for ordered in itertools.permutations(levels(**counts).items())}
    assert len(found) == 1


def test_alike_is_only_what_has_the_same_shares():
    assert alike(levels(A="2 4", B="1 2", C="10 20"))
    assert not alike(levels(A="5 5", B="5 6"))
    assert not alike(levels(A="5 5", B="5 0"))


def test_counts_in_words():
    assert shown(levels(A="9 1", B="0 10")) == {"A": "1.0 in 9 runs, 2.0 in 1", "B": "2.0"}
    assert shown(levels(A="1 9"))["A"] == "1.0 in 1 run, 2.0 in 9"
    assert shown(levels(A="1 1"))["A"] == "1.0, 2.0"
    # Those first that differ most.
    many = shown(levels(A="2 2 2 2 9", B="2 2 2 9 2"))
    assert many["A"] == "4.0 in 2 runs, 5.0 in 9, 1.0 in 2 and 2 more"


def test_what_is_not_known_is_not_counted():
    assert counted({"A": ["1.0", None, "1.0"], "B": [None]}) == {"A": {"1.0": 2}}
