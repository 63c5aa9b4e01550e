"""Ranks held against a margin, against R and by simulation, one pair and many."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.rank_margins import rank_equivalence
from minion.errors import InvalidData

TIED = ([10, 12, 12, 15, 19.5], [12, 14, 15, 15, 21, 22.5, 30])
# 25 runs with ties, in R: round(60 + 4 * sin(1:25), 1) and round(61 + 4 * cos(1.7 * (1:25)), 1)
X = np.round(60 + 4 * np.sin(np.arange(1, 26)), 1)
Y = np.round(61 + 4 * np.cos(1.7 * np.arange(1, 26)), 1)


SMALL_X = [5.1, 6.2, 4.9, 5.7, 6.6]
SMALL_Y = [5.35, 6.05, 5.52, 4.81, 6.91, 5.93]


def p_of(x, y, low, high, *, relative=False):
    (p,) = rank_equivalence([(x, y)], low, high, relative=relative)
    return p


@pytest.mark.parametrize(
    ("x", "y", "low", "high", "p"),
    [
        # R 4.2.2: max(wilcox.test(x, y + low, alternative = "greater", exact = TRUE)$p.value,
        #              wilcox.test(x, y + high, alternative = "less", exact = TRUE)$p.value)
        (SMALL_X, SMALL_Y, -1.5, 1.5, 0.00865800865800866),
        (SMALL_X, SMALL_Y, -1, 1.52, 0.0411255411255411),
        # the same with exactRankTests 0.8-35: wilcox.exact, which knows ties
        (TIED[0], TIED[1], -15, 10, 0.0113636363636364),
        (TIED[1], TIED[0], -10, 15, 0.0113636363636364),
        (TIED[0], TIED[1], -5, 5, 0.303030303030303),
        ([5, 5, 5], [5, 5, 5], -1, 1, 0.05),
        ([5, 5, 5, 5], [5, 6, 5, 5, 7], -2, 1, 0.0396825396825397),
        # wilcox.test with exact = FALSE, correct = TRUE
        (X, Y, -4, 4, 0.00072959700408652),
        (X, Y, -3, 3, 0.00723565600514539),
        (X[:12], Y[:11], -5, 5, 0.00752742407136117),
    ],
)
def test_equivalence_is_rs(x, y, low, high, p):
    assert p_of(x, y, low, high) == pytest.approx(p)


def test_relative_equivalence_is_rs():
    # R 4.2.2: max(wilcox.test(x, y * .8, alternative = "greater", exact = TRUE)$p.value,
    #              wilcox.test(x, y * 1.2, alternative = "less", exact = TRUE)$p.value)
    found = p_of(SMALL_X, SMALL_Y, -0.2, 0.2, relative=True)
    assert found == pytest.approx(0.0151515151515152)


@pytest.mark.parametrize("n", [4, 10, 40])
def test_equal_values(n):
    same = np.full(n, 5.0)
    inside, edge = p_of(same, same, -1, 1), p_of(same, same, 0, 1)
    assert inside < 0.05
    assert edge == 1


def test_a_margin_moved_onto_a_value_ties_with_it():
    # In binary 20 * 1.1 exceeds 22 by a rounding error, which is no evidence of anything.
    assert p_of([22] * 4, [20] * 4, -0.1, 0.1, relative=True) == 1


def test_exact_and_normal_p_values_meet():
    # With 10 values in the smaller group the exact distribution still counts.
    random = np.random.default_rng(6)
    x, y = random.normal(0, 1, 10), random.normal(0.2, 1, 30)
    exact = p_of(x, y, -1, 1)
    rough = stats.mannwhitneyu(x, y - 1, alternative="greater", method="asymptotic").pvalue
    other = stats.mannwhitneyu(x, y + 1, alternative="less", method="asymptotic").pvalue
    assert exact != pytest.approx(max(rough, other), rel=1e-6)
    assert exact == pytest.approx(max(rough, other), rel=0.1)


@pytest.mark.parametrize("n", [5, 10, 25])
@pytest.mark.parametrize("relative", [False, True])
def test_at_the_edge_of_the_margin_one_in_twenty_is_called_equivalent(n, relative):
    random = np.random.default_rng(7)
    times = 1500
    xs, ys = random.normal(60, 3, (2, times, n))
    if relative:
        p = rank_equivalence(list(zip(xs * 1.1, ys, strict=True)), -0.1, 0.1, relative=True)
    else:
        p = rank_equivalence(list(zip(xs + 6, ys, strict=True)), -6, 6)
    # At most 5 %, and three standard errors of so many simulations.
    assert 0.03 < np.mean(p <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1, 2], [1, 2], 1, -1), {}, "is empty; give the lower end first"),
        (([1, 2], [1, 2], 0, 0), {}, "is empty"),
        (([1, 2], [1, 2], np.nan, 1), {}, "is empty"),
        (([1, 0], [1, 2], -0.1, 0.1), {"relative": True}, "needs positive values, and one is 0"),
        (([1, 2], [1, 2], -1, 0.1), {"relative": True}, "leaves nothing of y"),
        (([1, np.nan], [1, 2], -1, 1), {}, "drop missing values first"),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments, options, message):
    with pytest.raises(InvalidData, match=message):
        p_of(*arguments, **options)


def test_equivalence_to_nothing_is_nan():
    assert np.isnan(p_of([], [1, 2], -1, 1))


def test_many_pairs_at_once_are_as_one_by_one():
    random = np.random.default_rng(8)
    pairs = [
        (random.normal(60, 3, n).round(digits), random.normal(61, 3, m).round(digits))
        for n, m in [(3, 3), (5, 8), (8, 5), (25, 25), (25, 24), (25, 25), (2, 60), (11, 90)]
        for digits in (0, 9)
    ]
    pairs += [([5.0] * 12, [5.0] * 12), ([], [1.0])]
    size = len(pairs)
    highs = random.uniform(0.05, 0.2, size)
    relative = np.arange(size) % 3 == 0
    highs[~relative] *= 60
    together = rank_equivalence(pairs, -highs, highs, relative=relative)
    alone = [
        p_of(x, y, -high, high, relative=share)
        for (x, y), high, share in zip(pairs, highs, relative, strict=True)
    ]
    assert together.tolist() == pytest.approx(alone, nan_ok=True, rel=1e-14)
    assert len(set(together.tolist())) > 12
    assert rank_equivalence([], [], []).size == 0
