"""Means of groups whose spreads may differ: Welch's tests, simultaneous intervals, equivalence.

Nothing here assumes equal variances. Values are taken as independent, one for each run, and not far
from normal; `docs/mathematics.md` says what happens when they are skewed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t
from statsmodels.stats.oneway import anova_generic

from analysis.statistics.studentized import range_critical, range_sf
from minion.errors import InvalidData

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Method = Literal["games-howell", "baseline"]
Question = tuple[Sequence[Floats], Sequence[tuple[int, int]]]

_LARGEST = 1e150  # its square is still a number
_ROUNDING = 16 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class Anova:
    """Welch's analysis of variance: F, its degrees of freedom, and p."""

    statistic: float
    df_between: float
    df_within: float
    p: float


@dataclass(frozen=True)
class Contrast:
    """The mean of x held against the mean of y. What could not be computed is NaN.

    `p` is of this pair alone, `p_pairs` adjusted for the pairs of its question. The intervals,
    `low` to `high` of the difference and `ratio_low` to `ratio_high` of mean_x / mean_y, hold
    together with those of the question's other pairs at the confidence that was asked for.
    """

    n_x: int
    n_y: int
    mean_x: float
    mean_y: float
    difference: float
    error: float
    freedom: float
    p: float
    p_pairs: float
    low: float
    high: float
    ratio: float
    ratio_low: float
    ratio_high: float


def welch_anova(groups: Sequence[Floats]) -> Anova | None:
    """Whether all groups have one mean (Welch 1951, On the comparison of several mean values).

    Computed by statsmodels' `anova_generic`, from means taken about their middle so that large
    values with small spreads keep their digits. With two groups it is Welch's t-test, F = t^2.

    Args:
        groups: the values of each group.

    Returns:
        The test, or None where there is none: fewer than two groups, a group with fewer than two
        values or without spread (differences that rounding explains are none).

    Raises:
        InvalidData: a group is empty, or a value is not a finite number.
    """
    if len(groups) < 2:
        return None
    of = _Moments.of(groups)
    if (of.n < 2).any() or (of.variance == 0).any():
        return None
    centred = (of.mean - of.mean.mean()) + of.rest
    found = anova_generic(centred, of.variance, of.n.astype(np.float64), use_var="unequal")
    return Anova(
        float(found.statistic), float(found.df_num), float(found.df_denom), float(found.pvalue)
    )


def contrasts(
    groups: Sequence[Floats],
    pairs: Sequence[tuple[int, int]],
    *,
    confidence: float = 0.95,
    method: Method = "games-howell",
) -> list[Contrast]:
    """The contrasts of one question; `contrasts_of` says how, and does many at once."""
    return contrasts_of([(groups, pairs)], confidence=confidence, method=method)[0]


def contrasts_of(
    questions: Sequence[Question],
    *,
    confidence: float = 0.95,
    method: Method = "games-howell",
) -> list[list[Contrast]]:
    """Pairs of means compared, many questions at once; each question is a family of its own.

    Each pair has Welch's t with the degrees of freedom of Welch (1947) and Satterthwaite (1946).
    With one pair, both methods are Welch's t-test. With more:

    - `games-howell`, every group with every other: the studentized range over the k groups that
      occur in the pairs, at |t| sqrt(2) (Games and Howell 1976, Pairwise multiple comparison
      procedures with unequal N's and/or variances).
    - `baseline`, every group with one: p_pairs = 1 - (1 - p)^m over the m pairs, and its interval
      (Šidák 1967; Tamhane's T2, 1979, A comparison of procedures for multiple comparisons of means
      with unequal variances, on these pairs only).

    The interval of the ratio is Fieller's (1954, Some problems in interval estimation) for
    independent groups, with the same critical value at Satterthwaite's degrees of freedom of
    mean_x - ratio mean_y (Tamhane and Logan 2004, Finding the maximum safe dose level for
    heteroscedastic data; Hasler, Vonk and Hothorn 2008, Assessing non-inferiority of a new
    treatment in a three-arm trial in the presence of heteroscedasticity). Its degrees of freedom
    are not those of the difference, so where one of the two intervals barely leaves out no
    difference, the other may hold it.

    Args:
        questions: for each the values of its groups, and its pairs (x, y): x is the level, y what
            it is compared with, as places in the groups.
        confidence: probability that all intervals of one question hold.
        method: `games-howell` or `baseline`.

    Returns:
        For each question its contrasts, in the order of its pairs. Where one group has a single
        value, or neither has spread (beyond rounding), only means, difference and ratio are
        numbers. A ratio is given for two positive means, its interval if the mean of y also differs
        from zero at the critical value. The interval's lower end may be negative.

    Raises:
        InvalidData: a group is empty or has a value that is not a finite number, a pair names no
            two groups, a confidence is not between 0 and 1, no such method.
    """
    if not 0 < confidence < 1:
        raise InvalidData(f"a confidence of {confidence!r}; it must lie between 0 and 1")
    if method not in ("games-howell", "baseline"):
        raise InvalidData(f"a method {method!r}; choose games-howell or baseline")
    for groups, pairs in questions:
        _check(len(groups), pairs)
    sizes = [len(pairs) for _, pairs in questions]
    if not sum(sizes):
        return [[] for _ in questions]
    starts = np.cumsum([0, *(len(groups) for groups, _ in questions)])
    place = [(s + x, s + y) for s, (_, p) in zip(starts, questions, strict=False) for x, y in p]
    of = _Moments.of([values for groups, _ in questions for values in groups])
    x, y = np.array(place, dtype=np.intp).T
    if method == "baseline":
        family = np.repeat(sizes, sizes)
    else:
        family = np.repeat([len({i for pair in p for i in pair}) for _, p in questions], sizes)
    # A mean of zero or next to it has no relative error: no interval of the ratio.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        columns = _columns(of, x, y, family, confidence, method)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [[Contrast(*row) for row in islice(rows, size)] for size in sizes]


def equivalence(x: Floats, y: Floats, low: float, high: float, *, relative: bool) -> float:
    """The p-value of mean_x and mean_y being as good as equal: two one-sided tests.

    The larger of the two one-sided Welch p-values (Schuirmann 1987, A comparison of the two
    one-sided tests procedure and the power approach). Relative margins are tested on
    mean_x - (1 + low) mean_y and mean_x - (1 + high) mean_y (Hauschke, Kieser, Diletti and Burke
    1999, Sample size determination for proving equivalence based on the ratio of two means), each
    with its own variance and Satterthwaite's degrees of freedom (Dannenberg, Dette and Munk 1994,
    An extension of Welch's approximate t-solution to comparative bioequivalence trials).

    Args:
        x: values of the level.
        y: values of what it is compared with.
        low: lower margin of mean_x - mean_y; when relative, of mean_x / mean_y - 1.
        high: upper margin.
        relative: whether the margins are shares of mean_y.

    Returns:
        A small p says that the means differ by less than the margins. NaN where a group has a
        single value, neither has spread, or a relative margin meets a mean that is not positive.

    Raises:
        InvalidData: a group is empty or has a value that is not a finite number; margins that are
            not finite, not in order, or relative and not above -1.
    """
    if not (np.isfinite([low, high]).all() and low < high):
        raise InvalidData(f"margins from {low} to {high}; give two numbers, the lower one first")
    if relative and low <= -1:
        raise InvalidData(f"a relative margin of {low}; it must be above -1, for example -0.05")
    of = _Moments.of([x, y])
    if relative and not (of.mean > 0).all():
        return float("nan")
    # Two rows: above the lower margin, below the upper one.
    first, second, side = np.array([0, 0]), np.array([1, 1]), np.array([1, -1])
    margin = np.array([low, high])
    error, freedom = of.error(first, second, 1 + margin if relative else np.ones(2))
    mean_y = of.mean[1] + of.rest[1]
    distance = of.difference(first, second) - margin * (mean_y if relative else 1.0)
    return float(np.max(t.sf(side * distance / error, freedom)))


@dataclass(frozen=True)
class _Moments:
    """Number, mean and variance of many groups. A mean is `mean` plus `rest`, what rounding left.

    Two passes (Chan, Golub and LeVeque 1983, Algorithms for computing the sample variance).
    """

    n: Indices
    mean: Floats
    rest: Floats
    variance: Floats

    @classmethod
    def of(cls, groups: Sequence[Floats]) -> "_Moments":
        arrays = [np.asarray(values, dtype=np.float64).ravel() for values in groups]
        n = np.array([len(values) for values in arrays], dtype=np.intp)
        if (n == 0).any():
            raise InvalidData("a group to compare has no values; leave it out")
        every = np.concatenate(arrays)
        if not (np.abs(every) < _LARGEST).all():
            raise InvalidData("a value to compare is not a finite number below 1e150; leave it out")
        starts = np.cumsum(n) - n
        smallest, largest = np.minimum.reduceat(every, starts), np.maximum.reduceat(every, starts)
        mean = np.clip(np.add.reduceat(every, starts) / n, smallest, largest)
        off = every - np.repeat(mean, n)
        rest = np.add.reduceat(off, starts) / n
        squares = np.add.reduceat((off - np.repeat(rest, n)) ** 2, starts)
        scale = np.maximum(np.abs(smallest), np.abs(largest))
        constant = largest - smallest <= _ROUNDING * scale
        variance = np.divide(squares, n - 1, out=np.full(len(n), np.nan), where=n > 1)
        variance[constant & (n > 1)] = 0.0
        return cls(n, mean, rest, variance)

    def difference(self, x: Indices, y: Indices) -> Floats:
        return (self.mean[x] - self.mean[y]) + (self.rest[x] - self.rest[y])

    def error(self, x: Indices, y: Indices, scale: Floats) -> tuple[Floats, Floats]:
        """Standard error of mean_x - scale mean_y, and its Satterthwaite degrees of freedom."""
        of_x = self.variance[x] / self.n[x]
        of_y = scale**2 * self.variance[y] / self.n[y]
        both = of_x + of_y
        both[both == 0] = np.nan
        # As shares, whose squares neither overflow nor vanish; a lone value has no variance.
        below_x, below_y = np.maximum(self.n[x] - 1, 1), np.maximum(self.n[y] - 1, 1)
        freedom = 1 / ((of_x / both) ** 2 / below_x + (of_y / both) ** 2 / below_y)
        return np.sqrt(both), freedom


def _columns(
    of: _Moments, x: Indices, y: Indices, family: Indices, confidence: float, method: Method
) -> tuple[NDArray[Any], ...]:
    """The fields of `Contrast`, in its order, for each pair."""
    mean = of.mean + of.rest
    difference = of.difference(x, y)
    error, freedom = of.error(x, y, np.ones(len(x)))
    positive = (mean[x] > 0) & (mean[y] > 0)
    ratio = np.divide(mean[x], mean[y], out=np.full(len(x), np.nan), where=positive)
    size = np.abs(difference) / error
    p = 2 * t.sf(size, freedom)
    # Two rows: the difference has its degrees of freedom, the ratio its own.
    freedoms = np.stack([freedom, of.error(x, y, ratio)[1]])
    if method == "baseline":
        p_pairs, critical = _sidak(p, freedoms, family, confidence)
    else:
        p_pairs, critical = _games_howell(size, freedoms, family, confidence)
    half = critical[0] * error
    return (
        *(of.n[x], of.n[y], mean[x], mean[y], difference, error, freedom, p, p_pairs),
        *(difference - half, difference + half, ratio),
        *_fieller(of, x, y, ratio, critical[1]),
    )


def _games_howell(
    size: Floats, freedom: Floats, groups: Indices, confidence: float
) -> tuple[Floats, Floats]:
    p_pairs, critical = np.empty_like(size), np.empty_like(freedom)
    for k in np.unique(groups).tolist():
        here = groups == k
        p_pairs[here] = range_sf(size[here] * np.sqrt(2), k, freedom[0, here])
        critical[:, here] = range_critical(confidence, k, freedom[:, here]) / np.sqrt(2)
    return p_pairs, critical


def _sidak(p: Floats, freedom: Floats, pairs: Indices, confidence: float) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore"):  # p = 1
        p_pairs = -np.expm1(pairs * np.log1p(-p))
    return p_pairs, t.isf(-np.expm1(np.log(confidence) / pairs) / 2, freedom)


def _fieller(
    of: _Moments, x: Indices, y: Indices, ratio: Floats, critical: Floats
) -> tuple[Floats, Floats]:
    """The ratios r with (mean_x - r mean_y)^2 <= critical^2 (var_x + r^2 var_y).

    In squared relative errors g of both means: ratio (1 ± sqrt(g_x + g_y - g_x g_y)) / (1 - g_y).
    """
    squared = critical**2
    g_x = squared * of.variance[x] / of.n[x] / of.mean[x] ** 2
    g_y = squared * of.variance[y] / of.n[y] / of.mean[y] ** 2
    g_y[~(g_y < 1)] = np.nan
    half = np.sqrt(g_x * (1 - g_y) + g_y)
    return ratio * (1 - half) / (1 - g_y), ratio * (1 + half) / (1 - g_y)


def _check(groups: int, pairs: Sequence[tuple[int, int]]) -> None:
    for x, y in pairs:
        if not (0 <= x < groups and 0 <= y < groups and x != y):
            raise InvalidData(f"a pair ({x}, {y}) of {groups} groups; name two different ones")
