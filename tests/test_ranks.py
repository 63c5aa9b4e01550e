"""Rank methods against R, by their definitions, and by simulation.

A simulated share is held against its level with three standard errors of as many simulations.
"""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.multiplicity import holm
from analysis.statistics.ranks import (
    Delta,
    cliffs_delta,
    dunn,
    kruskal,
    separated,
    smallest_p,
)
from minion.errors import InvalidData

PAIRS = [(0, 1), (0, 2), (1, 2)]
TIED = (
    [10, 12, 12, 15, 19.5],
    [12, 14, 15, 15, 21, 22.5, 30],
    [18, 19.5, 25, 30, 30, 41],
)
UNTIED = ([1.1, 2.3, 3.7, 4.2], [2.9, 5.1, 6.8], [7.4, 8.8, 9.5, 3.3, 10.1])
# 25 runs with ties, in R: round(60 + 4 * sin(1:25), 1) and round(61 + 4 * cos(1.7 * (1:25)), 1)
X = np.round(60 + 4 * np.sin(np.arange(1, 26)), 1)
Y = np.round(61 + 4 * np.cos(1.7 * np.arange(1, 26)), 1)


def at_most(level, times):
    return level + 3 * np.sqrt(level * (1 - level) / times)


# ---------------------------------------------------------------- all groups at once


@pytest.mark.parametrize(
    ("groups", "statistic", "p"),
    [
        # R 4.2.2: kruskal.test(list(a, b, c))
        (TIED, 7.98756973500697, 0.0184298274922646),
        (UNTIED, 5.63076923076923, 0.059881682893928),
    ],
)
def test_kruskal_is_rs(groups, statistic, p):
    found = kruskal(groups)
    assert (found.statistic, found.freedom, found.p) == pytest.approx((statistic, 2, p))


@pytest.mark.parametrize("digits", [0, 9])
def test_kruskal_is_scipys(digits):
    random = np.random.default_rng(2)
    groups = [random.normal(5, 2, n).round(digits) for n in (25, 7, 12, 2)]
    expected = stats.kruskal(*groups)
    found = kruskal(groups)
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.freedom == 3


@pytest.mark.parametrize("groups", [[], [[1, 2]], [[1, 2], []], [[3, 3], [3, 3]], [[3], [3]]])
def test_kruskal_of_nothing_to_rank_is_none(groups):
    assert kruskal(groups) is None


def test_kruskal_of_single_values():
    assert kruskal([[1.0], [2.0]]).p == pytest.approx(stats.chi2.sf(1, 1))


def test_kruskal_finds_a_difference_where_there_is_none_one_time_in_twenty():
    random = np.random.default_rng(3)
    times = 3000
    found = np.mean([kruskal(random.lognormal(size=(3, 25))).p <= 0.05 for _ in range(times)])
    assert found == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / times))


# ---------------------------------------------------------------- pairs of groups


@pytest.mark.parametrize(
    ("groups", "p"),
    [
        # R 4.2.2, rstatix 0.7.2: dunn_test(d, v ~ g, p.adjust.method = "none"); the first also by
        # hand: 2 * pnorm(-abs(difference of mean ranks) / sqrt(s2 * (1 / n1 + 1 / n2))),
        # s2 = N * (N + 1) / 12 - sum(t^3 - t) / (12 * (N - 1)), t = table(rank)
        (TIED, [0.1866687825562217, 0.0049826502281701, 0.0955917778254884]),
        (UNTIED, [0.3639620751024774, 0.0184401239376915, 0.2242565566718593]),
    ],
)
def test_dunn_is_rs(groups, p):
    assert dunn(groups, PAIRS) == pytest.approx(p)
    assert dunn(groups, [(2, 1)]) == pytest.approx(p[2:])


def test_dunn_of_nothing_to_rank_is_nan():
    assert np.isnan(dunn([[3, 3], [3], [3, 3]], PAIRS)).all()
    assert np.isnan(dunn([[], []], [(0, 1)])).all()
    assert np.isnan(dunn([[5], []], [(0, 1)])).all()
    assert dunn(TIED, []).size == 0


def test_dunn_of_an_empty_group_leaves_the_other_pairs():
    with_empty = dunn([TIED[0], [], TIED[2]], PAIRS)
    assert np.isnan(with_empty).tolist() == [True, False, True]
    assert with_empty[1] == pytest.approx(dunn([TIED[0], TIED[2]], [(0, 1)])[0])


@pytest.mark.parametrize("n", [5, 25])
@pytest.mark.parametrize("digits", [9, 0])
def test_dunn_with_holm_keeps_the_error_of_all_pairs(n, digits):
    random = np.random.default_rng(n)
    times = 2000
    samples = np.round(random.normal(60, 2, (times, 3, n)), digits)
    found = np.mean([(holm(dunn(groups, PAIRS)) <= 0.05).any() for groups in samples])
    assert 0.02 < found <= at_most(0.05, times)


# ---------------------------------------------------------------- Cliff's delta


@pytest.mark.parametrize(
    ("x", "y", "confidence", "delta", "low", "high"),
    [
        # R 4.2.2, written from the formula: D <- sign(outer(x, y, "-")); d <- mean(D);
        # v <- ((m-1) * sum((rowMeans(D)-d)^2) / (n-1) + (n-1) * sum((colMeans(D)-d)^2) / (m-1) +
        #   sum((D-d)^2) / ((n-1) * (m-1))) / (n * m);
        # (d - d^3 -+ z * sqrt(v) * sqrt((1-d^2)^2 + z^2 * v)) / (1 - d^2 + z^2 * v).
        # effsize 0.8.0 says the same: cliff.delta(x, y, use.unbiased = FALSE, use.normal = TRUE,
        # return.dm = TRUE)
        (TIED[0], TIED[1], 0.95, -0.542857142857143, -0.881568647540100, 0.164850342808691),
        (TIED[2], TIED[0], 0.95, 0.9, 0.293662453968457, 0.989904363987886),
        (UNTIED[2], UNTIED[1], 0.99, 0.733333333333333, -0.441417663945458, 0.981822448311910),
        (TIED[1], TIED[2], 1 - 0.05 / 3, -0.619047619047619, -0.926842711850163, 0.186389562844060),
    ],
)
def test_the_interval_is_rs(x, y, confidence, delta, low, high):
    found = cliffs_delta(x, y, confidence)
    assert (found.delta, found.low, found.high) == pytest.approx((delta, low, high))
    turned = cliffs_delta(y, x, confidence)
    assert (turned.delta, turned.low, turned.high) == pytest.approx((-delta, -high, -low))


@pytest.mark.parametrize(
    ("n", "bound"),
    [
        # R 4.2.2: 2 * prop.test(n, n, correct = FALSE)$conf.int[1] - 1
        (2, -0.315239544986694),
        (3, -0.122994063510091),
        (4, 0.0202183270908056),
        (5, 0.131035070433651),
        (25, 0.733615498121903),
    ],
)
def test_separated_groups_have_an_interval(n, bound):
    low, high = np.arange(n), np.arange(2 * n) + n
    above, below = cliffs_delta(high, low), cliffs_delta(low, high)
    assert (above.delta, above.low, above.high) == pytest.approx((1, bound, 1))
    assert (below.delta, below.low, below.high) == pytest.approx((-1, -1, -bound))
    # It leaves 0 out just where an exact test of n against n can be significant.
    assert (above.low > 0) == (smallest_p(n, n) < 0.05)


def test_delta_is_the_share_of_pairs_above_less_those_below():
    x, y = np.meshgrid(TIED[1], TIED[2])
    assert cliffs_delta(TIED[1], TIED[2]).delta == pytest.approx(np.sign(x - y).mean())


def test_equal_values_are_no_certainty():
    found = cliffs_delta([7, 7, 7], [7, 7, 7])
    assert found.delta == 0
    assert -1 < found.low < -0.4
    assert found.high == -found.low


def test_one_value_says_nothing_of_the_interval():
    assert cliffs_delta([1], [2, 3, 4]) == Delta(-1, -1, 1)
    assert np.isnan(cliffs_delta([], [1, 2]).delta)


@pytest.mark.parametrize("confidence", [0, 1, 95, np.nan])
def test_a_confidence_is_a_share(confidence):
    with pytest.raises(InvalidData, match="share between 0 and 1"):
        cliffs_delta([1, 2], [3, 4], confidence)


def normal(random, delta, size):
    shift = np.sqrt(2) * stats.norm.ppf((1 + delta) / 2)
    return random.normal(shift, 1, size), random.normal(0, 1, size), delta


def lognormal(random, delta, size):
    """A shift of skewed values; the shifts are by numerical integration."""
    shift = {0: 0, 0.4: 0.6749671, 0.8: 2.4915771, 0.97: 7.5100684}[delta]
    return random.lognormal(size=size) + shift, random.lognormal(size=size), delta


def ties(random, delta, size):
    """Whole numbers, about five of them a group; delta is that of the whole numbers."""
    x, y, _ = normal(random, delta, size)
    shift = np.sqrt(2) * stats.norm.ppf((1 + delta) / 2)
    edges = np.arange(-20, 21) - 0.5
    p_x, p_y = np.diff(stats.norm.cdf(edges, shift)), np.diff(stats.norm.cdf(edges))
    true = float(np.triu(np.outer(p_y, p_x), 1).sum() - np.tril(np.outer(p_y, p_x), -1).sum())
    return np.round(x), np.round(y), true


def test_the_interval_covers_delta():
    random = np.random.default_rng(4)
    times = 2000
    covered = {}
    for case in (normal, lognormal, ties):
        for n in (5, 10, 25):
            for delta in (0, 0.4, 0.8, 0.97):
                xs, ys, true = case(random, delta, (times, n))
                found = [cliffs_delta(x, y) for x, y in zip(xs, ys, strict=True)]
                covered[case.__name__, n, delta] = np.mean([f.low <= true <= f.high for f in found])
    # The worst of the 36 covers 92 % (skewed values, n = 5, delta 0.97).
    assert min(covered.values()) > 0.92 - 3 * np.sqrt(0.92 * 0.08 / times), covered
    assert 0.95 < np.mean(list(covered.values())) < 0.97


# ---------------------------------------------------------------- what few runs can show


@pytest.mark.parametrize(("n_x", "n_y"), [(1, 1), (2, 2), (3, 3), (3, 5), (7, 4)])
def test_the_smallest_p_is_that_of_separated_groups(n_x, n_y):
    exact = stats.mannwhitneyu(np.arange(n_x), np.arange(n_y) + n_x, method="exact").pvalue
    assert smallest_p(n_x, n_y) == pytest.approx(exact)


def test_no_runs_show_nothing():
    assert smallest_p(0, 5) == smallest_p(0, 0) == 1


def test_separated_groups_have_a_delta_of_one():
    assert separated([1, 2], [3, 4])
    assert separated([3, 4], [1, 2])
    assert not separated([1, 3], [3, 4])
    assert not separated([], [1])
    for x, y in combinations(TIED + UNTIED, 2):
        assert separated(x, y) == (abs(cliffs_delta(x, y).delta) == 1)


@pytest.mark.parametrize(
    "ask",
    [
        lambda x, y: kruskal([x, y]),
        lambda x, y: dunn([x, y], [(0, 1)]),
        cliffs_delta,
        separated,
    ],
)
def test_a_missing_value_has_no_rank(ask):
    with pytest.raises(InvalidData, match="drop missing values first"):
        ask([1, np.nan], [2, 3])
