"""Comparisons that use only the order of values: no shape of their distribution is assumed.

One value per run goes in; values must be independent. Missing values are dropped by the caller.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, ndtr, ndtri
from scipy.stats import rankdata

from minion.errors import InvalidData

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankAnova:
    """A Kruskal-Wallis test: H corrected for ties, degrees of freedom, p of the chi² distribution.

    statistic: H.
    freedom: groups - 1.
    p: of the null hypothesis that all groups come from one distribution.
    """

    statistic: float
    freedom: int
    p: float


@dataclass(frozen=True, slots=True)
class Delta:
    """Cliff's delta, P(X > Y) - P(X < Y), from -1 to 1, and its confidence interval."""

    delta: float
    low: float
    high: float


def kruskal(groups: Sequence[ArrayLike]) -> RankAnova | None:
    """Whether any group tends to higher values than another (Kruskal and Wallis 1952).

    H is corrected for ties. Its distribution is taken for chi², which below five values a group
    gives p-values that are too large in the tail. SciPy's takes several times as long.

    Args:
        groups: the values of each group.

    Returns:
        None where there is nothing to rank: all values are equal, fewer than two groups, or a
        group without values.

    Raises:
        InvalidData: a value is NaN.
    """
    samples = [numbers(group) for group in groups]
    if len(samples) < 2 or not all(sample.size for sample in samples):
        return None
    if _all_equal(np.concatenate(samples)):
        return None
    sizes, sums, variance = _rank_sums(samples)
    off = sums / sizes - (sizes.sum() + 1) / 2
    statistic = float((sizes * off**2).sum() / variance)
    freedom = len(samples) - 1
    return RankAnova(statistic, freedom, float(chdtrc(freedom, statistic)))


def dunn(groups: Sequence[ArrayLike], pairs: Sequence[tuple[int, int]]) -> Floats:
    """Two-sided p-values of pairs of groups after `kruskal`, not adjusted for their number.

    The mean ranks of two groups are compared on the ranks of all groups together; the variance is
    corrected for ties (Dunn 1964, Multiple comparisons using rank sums). p comes from the normal
    distribution and can fall below `smallest_p`: with a handful of runs take the larger of both. A
    p-value of a pair depends on the other groups.

    Args:
        groups: the values of each group.
        pairs: the places of two groups each.

    Returns:
        A p-value for each pair; NaN where all values are equal or a group of the pair is empty.

    Raises:
        InvalidData: a value is NaN.
    """
    samples = [numbers(group) for group in groups]
    pooled = np.concatenate([np.empty(0), *samples])
    if not pairs or _all_equal(pooled):
        return np.full(len(pairs), np.nan)
    sizes, sums, variance = _rank_sums(samples)
    first, second = np.asarray(pairs, dtype=np.intp).T
    with np.errstate(divide="ignore", invalid="ignore"):
        means = sums / sizes
        scale = np.sqrt(variance * (1 / sizes[first] + 1 / sizes[second]))
        p: Floats = 2 * ndtr(-np.abs(means[first] - means[second]) / scale)
    return p


def cliffs_delta(x: ArrayLike, y: ArrayLike, confidence: float = 0.95) -> Delta:
    """How often a value of x exceeds one of y, less how often it falls below one.

    1: every x exceeds every y; 0: neither does more often; ties count for neither (Cliff 1993,
    Dominance statistics: Ordinal analyses to answer ordinal questions).

    The interval is the asymmetric one on the consistent variance with the normal quantile (Feng
    and Cliff 2004, Monte Carlo evaluation of ordinal d with improved confidence interval). The
    variance is taken as no less than (1 - delta²) / (n_x n_y - 1), so that ties do not pass for
    certainty. Separated groups say nothing of it; their interval is Wilson's (1927) for as many
    pairs as the smaller group has values, which is the largest variance that can be (Birnbaum and
    Klose 1957). It is therefore wider than that of groups that just touch. Where sizes and spreads
    both differ (5 values against 25, the five three times as wide) 95 % may turn out as 89 %.

    Args:
        x, y: the values of two groups.
        confidence: probability that the interval covers delta. For several intervals that shall
            hold together give more, such as 1 - 0.05 / 3.

    Returns:
        delta and its interval, low to high; -1 to 1 where a group has a single value, all NaN
        where one has none.

    Raises:
        InvalidData: a value is NaN, or confidence is not between 0 and 1.
    """
    xs, ys = np.sort(numbers(x)), np.sort(numbers(y))
    if not 0 < confidence < 1:
        raise InvalidData(f"confidence is {confidence}; give a share between 0 and 1, such as 0.95")
    if not (xs.size and ys.size):
        return Delta(np.nan, np.nan, np.nan)
    below, not_above = np.searchsorted(ys, xs, "left"), np.searchsorted(ys, xs, "right")
    over_y = (below + not_above - ys.size) / ys.size
    over_x = (np.searchsorted(xs, ys, "left") + np.searchsorted(xs, ys, "right") - xs.size) / (
        xs.size
    )
    pairs = xs.size * ys.size
    delta = float((below.sum() + not_above.sum() - pairs) / pairs)
    smaller = min(xs.size, ys.size)
    if smaller == 1:
        return Delta(delta, -1, 1)
    squared = float(ndtri((1 - confidence) / 2)) ** 2
    if abs(delta) == 1:
        inner = (smaller - squared) / (smaller + squared)
        return Delta(delta, inner, 1) if delta > 0 else Delta(delta, -1, -inner)
    differing = pairs - int((not_above - below).sum())
    variance = (
        (ys.size - 1) * float(over_y.var(ddof=1))
        + (xs.size - 1) * float(over_x.var(ddof=1))
        + (differing - pairs * delta**2) / ((xs.size - 1) * (ys.size - 1))
    ) / pairs
    room = 1 - delta**2
    spread = squared * max(variance, room / (pairs - 1))
    half = sqrt(spread * (room**2 + spread))
    low, high = (delta * room - half) / (room + spread), (delta * room + half) / (room + spread)
    return Delta(delta, low, high)


def rank_differences(groups: Sequence[ArrayLike], pairs: Sequence[tuple[int, int]]) -> Floats:
    """Mean rank of the first group less that of the second, for each pair: what `dunn` tests.

    Ranks are among all groups together, so with more than two its sign may be another than that
    of `cliffs_delta`.

    Args:
        groups: the values of each group, one or more.
        pairs: the places of two groups each.

    Raises:
        InvalidData: a value is NaN.
    """
    sizes, sums, _ = _rank_sums([numbers(group) for group in groups])
    first, second = np.asarray(pairs, dtype=np.intp).T
    means = sums / sizes
    found: Floats = means[first] - means[second]
    return found


def smallest_p(n_x: int, n_y: int) -> float:
    """The smallest two-sided p that an exact rank test of two groups of these sizes can reach.

    2 of the C(n_x + n_y, n_x) ways to deal the ranks separate the groups. Above 0.05 (3 against 3:
    0.1) no difference, however large, is significant.
    """
    return min(1.0, 2 / comb(n_x + n_y, n_x))


def numbers(values: ArrayLike) -> Floats:
    """Values as a flat array.

    Raises:
        InvalidData: a value is NaN.
    """
    flat = np.asarray(values, dtype=np.float64).ravel()
    if np.isnan(flat).any():
        raise InvalidData("a value is NaN and has no rank; drop missing values first")
    return flat


def separated(x: ArrayLike, y: ArrayLike) -> bool:
    """Whether all values of one group lie above all of the other: Cliff's delta is 1 or -1."""
    xs, ys = numbers(x), numbers(y)
    if not (xs.size and ys.size):
        return False
    return bool(xs.max() < ys.min() or ys.max() < xs.min())


def _rank_sums(samples: Sequence[Floats]) -> tuple[NDArray[np.intp], Floats, float]:
    """Size and rank sum of each sample among all of them, and the variance of one rank."""
    sizes = np.array([sample.size for sample in samples], dtype=np.intp)
    total = int(sizes.sum())
    ranks = rankdata(np.concatenate(samples))
    group = np.repeat(np.arange(len(sizes)), sizes)
    sums: Floats = np.bincount(group, ranks, len(sizes)).astype(np.float64)
    tied = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    variance = total * (total + 1) / 12 - float((tied**3 - tied).sum()) / (12 * (total - 1))
    return sizes, sums, variance


def _all_equal(values: Floats) -> bool:
    return values.size == 0 or bool((values == values[0]).all())
