"""Ranks of pairs held against a margin, many pairs at once. Values must be independent."""

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import mannwhitneyu, rankdata

from analysis.statistics.ranks import numbers
from minion.errors import InvalidData

Floats = NDArray[np.float64]
Pairs = Sequence[tuple[ArrayLike, ArrayLike]]

# The exact distribution of a rank sum is counted up to these sizes; it takes 1 ms there.
_EXACT_SMALLER = 10
_EXACT_TOTAL = 100


def rank_equivalence(
    pairs: Pairs, low: ArrayLike, high: ArrayLike, *, relative: ArrayLike = False
) -> Floats:
    """The p-values of "x and y differ by more than the margin": small means equivalent.

    The rank form of two one-sided tests (Schuirmann 1987; Wellek 2010, Testing Statistical
    Hypotheses of Equivalence and Noninferiority): x against y + low must be greater and x against
    y + high less, each by a Wilcoxon-Mann-Whitney test; the larger p counts. Exact, with ties too,
    where the smaller group has at most 10 values and both together 100; else from the normal
    distribution with corrections for ties and continuity. It speaks of a shift: where the two
    differ in spread or shape, "within the margin" is not a matter of their medians alone.

    Args:
        pairs: the values of two groups, x and y, each.
        low, high: the margin within which x - y does not matter, such as -2 and 2; as shares of y
            if relative, such as -0.05 and 0.05. One for all pairs, or one each; so is the next.
        relative: x is held against y * (1 + low) and y * (1 + high); values must be positive.

    Returns:
        p-values in the order of the pairs; NaN where a group has no values.

    Raises:
        InvalidData: a value is NaN, low is not below high, or, if relative, a value is not
            positive or low not above -1.
    """
    size = len(pairs)
    lows, highs = (np.broadcast_to(np.asarray(m, np.float64), size).tolist() for m in (low, high))
    shares = np.broadcast_to(np.asarray(relative, np.bool_), size).tolist()
    tests: list[tuple[Floats, Floats]] = []
    there: list[int] = []
    for place, ((x, y), one, other, share) in enumerate(
        zip(pairs, lows, highs, shares, strict=True)
    ):
        xs, ys = numbers(x), numbers(y)
        if not one < other:
            raise InvalidData(f"the margin {one:g} to {other:g} is empty; give the lower end first")
        if not (xs.size and ys.size):
            continue
        if share:
            _check_relative(xs, ys, one)
        there.append(place)
        tests.append((xs, ys * (1 + one) if share else ys + one))
        tests.append((ys * (1 + other) if share else ys + other, xs))
    p = np.full(size, np.nan)
    p[there] = _p_greater(tests).reshape(-1, 2).max(axis=1)
    return p


def _check_relative(x: Floats, y: Floats, low: float) -> None:
    if low <= -1:
        raise InvalidData(f"the lower margin {low:g} leaves nothing of y; give one above -1")
    least = float(min(x.min(), y.min()))
    if least <= 0:
        raise InvalidData(f"a relative margin needs positive values, and one is {least:g}")


def _p_greater(tests: Sequence[tuple[Floats, Floats]]) -> Floats:
    """One-sided p-values of Wilcoxon-Mann-Whitney tests that the first tends to be greater."""
    places: dict[tuple[int, int], list[int]] = {}
    for place, (x, y) in enumerate(tests):
        places.setdefault((x.size, y.size), []).append(place)
    p = np.empty(len(tests))
    # Tests of one size go through NumPy together.
    for (n_x, n_y), own in places.items():
        pooled = _rounded(np.stack([np.concatenate(tests[place]) for place in own]))
        if min(n_x, n_y) <= _EXACT_SMALLER and n_x + n_y <= _EXACT_TOTAL:
            p[own] = [_exact_p_greater(ranks, n_x) for ranks in rankdata(pooled, axis=1)]
        else:
            p[own] = _normal_p_greater(pooled, n_x)
    return p


def _rounded(pooled: Floats) -> Floats:
    """To 12 digits of the row's largest: 20 * 1.1 is not 22 in binary, and shall tie with it."""
    largest = np.abs(pooled).max(axis=1, keepdims=True)
    unit = np.where((largest > 0) & (largest < np.inf), largest, 1.0)
    return np.where(unit == largest, np.round(pooled / unit, 12), pooled)


def _normal_p_greater(pooled: Floats, n_x: int) -> Floats:
    p = np.ones(len(pooled))
    some = (pooled != pooled[:, :1]).any(axis=1)
    if some.any():
        x, y = pooled[some, :n_x], pooled[some, n_x:]
        p[some] = mannwhitneyu(x, y, alternative="greater", method="asymptotic", axis=1).pvalue
    return p


def _exact_p_greater(midranks: Floats, n_x: int) -> float:
    """The share of all ways to deal the ranks that give x a rank sum as large or larger.

    The shift algorithm (Streitberg and Röhmel 1986, Exact distributions for permutation and rank
    tests); SciPy's exact test knows no ties. Ranks are doubled, so that midranks are whole.
    """
    ranks = np.rint(2 * midranks).astype(np.int64)
    total, smaller = ranks.size, min(n_x, ranks.size - n_x)
    # Ranked from the top, a large sum of x is a small one: always the lower tail of one group.
    if n_x == smaller:
        ranks = 2 * (total + 1) - ranks
        sum_of_smaller = int(ranks[:n_x].sum())
    else:
        sum_of_smaller = int(ranks[n_x:].sum())
    ways = np.zeros((smaller + 1, sum_of_smaller + 1))
    ways[0, 0] = 1
    for rank in ranks[ranks <= sum_of_smaller].tolist():
        ways[1:, rank:] += ways[:-1, : sum_of_smaller + 1 - rank]
    return float(ways[smaller].sum() / comb(total, smaller))
