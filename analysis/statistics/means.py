"""Means of groups whose spreads may differ: Welch's tests and simultaneous intervals.

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

from analysis.statistics.moments import Moments
from analysis.statistics.studentized import range_critical, range_sf
from minion.errors import InvalidData

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Method = Literal["games-howell", "baseline"]
Question = tuple[Sequence[Floats], Sequence[tuple[int, int]]]
ENOUGH = 4  # values; Satterthwaite's degrees of freedom hold from there on, whatever the spreads


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
    `p_careful` and `p_careful_pairs` are the like of `p` and `p_pairs` where the smaller group has
    fewer than `ENOUGH` values, n: of the same statistic with n - 1 degrees of freedom. Else they
    are the same.
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
    p_careful: float
    p_careful_pairs: float
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
    of = Moments.of(groups)
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
    Whatever the variances, the statistic's tails are no heavier than Student's with the degrees of
    freedom of the smaller group alone (Mickey and Brown 1966, Bounds on the distribution functions
    of the Behrens-Fisher statistic): the careful p-values take these.
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
    of = Moments.of([values for groups, _ in questions for values in groups])
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


def _columns(
    of: Moments, x: Indices, y: Indices, family: Indices, confidence: float, method: Method
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
    smaller = np.minimum(of.n[x], of.n[y])
    careful = np.where(smaller < ENOUGH, smaller - 1, freedom)
    p_careful = 2 * t.sf(size, careful)
    if method == "baseline":
        p_pairs, critical = _sidak(p, freedoms, family, confidence)
        p_careful_pairs = _sidak_p(p_careful, family)
    else:
        p_pairs, critical = _games_howell(size, freedoms, family, confidence)
        p_careful_pairs = _games_howell_p(size, careful, family)
    half = critical[0] * error
    return (
        *(of.n[x], of.n[y], mean[x], mean[y], difference, error, freedom),
        *(p, p_pairs, p_careful, p_careful_pairs),
        *(difference - half, difference + half, ratio),
        *_fieller(of, x, y, ratio, critical[1]),
    )


def _games_howell(
    size: Floats, freedom: Floats, groups: Indices, confidence: float
) -> tuple[Floats, Floats]:
    critical = np.empty_like(freedom)
    for k in np.unique(groups).tolist():
        here = groups == k
        critical[:, here] = range_critical(confidence, k, freedom[:, here]) / np.sqrt(2)
    return _games_howell_p(size, freedom[0], groups), critical


def _games_howell_p(size: Floats, freedom: Floats, groups: Indices) -> Floats:
    p_pairs = np.empty_like(size)
    for k in np.unique(groups).tolist():
        here = groups == k
        p_pairs[here] = range_sf(size[here] * np.sqrt(2), k, freedom[here])
    return p_pairs


def _sidak(p: Floats, freedom: Floats, pairs: Indices, confidence: float) -> tuple[Floats, Floats]:
    return _sidak_p(p, pairs), t.isf(-np.expm1(np.log(confidence) / pairs) / 2, freedom)


def _sidak_p(p: Floats, pairs: Indices) -> Floats:
    with np.errstate(divide="ignore"):  # p = 1
        adjusted: Floats = -np.expm1(pairs * np.log1p(-p))
    return adjusted


def _fieller(
    of: Moments, x: Indices, y: Indices, ratio: Floats, critical: Floats
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
