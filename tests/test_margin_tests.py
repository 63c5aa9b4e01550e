"""Means held against a margin: inside it and beyond it, against R, SciPy and by simulation."""

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.margin_tests import against_margins
from analysis.statistics.means import contrasts
from minion.errors import InvalidData

X = np.array([61.2, 58.4, 63.1, 60.7, 59.9, 62.2, 57.8, 60.1])
Y = np.array([66.0, 64.1, 71.3, 68.8, 60.2, 75.4, 63.3])
Z = np.array([59.1, 59.4, 58.8, 59.6, 59.0, 59.3])


def inside(x, y, low, high, *, relative=False):
    (p,) = against_margins([(x, y)], low, high, relative=relative).inside
    return p


def beyond(x, y, low, high, *, relative=False):
    (p,) = against_margins([(x, y)], low, high, relative=relative).beyond
    return p


# ---------------------------------------------------------------- oracles


def test_inside_is_rs():
    # R 4.2.2: t.test(x, z, mu = -1, alternative = "greater"), t.test(x, z, mu = 4, "less")
    assert inside(X, Z, -1, 4) == pytest.approx(0.004737906027219)
    assert inside(X, Z, -5, 4) == pytest.approx(0.0014925738039421)
    # t.test(x, 0.95 * z, alternative = "greater"), t.test(x, 1.05 * z, alternative = "less")
    assert inside(X, Z, -0.05, 0.05, relative=True) == pytest.approx(0.014417478894095)
    assert inside(X, Z, -0.05, 0.50, relative=True) == pytest.approx(0.00012618771871667)
    # t.test(y, 0.9 * x, alternative = "greater"), t.test(y, 1.2 * x, alternative = "less")
    assert inside(Y, X, -0.1, 0.2, relative=True) == pytest.approx(0.015863160513467)


def test_beyond_is_rs():
    # R 4.2.2: t.test(y, x, mu = 1, alternative = "greater")$p.value +
    #   t.test(y, x, mu = -1, alternative = "greater")$p.value
    assert beyond(Y, X, -1, 1) == pytest.approx(0.0182646767176224)
    # t.test(x, y, mu = -2, alternative = "less")$p.value + the same with mu = 2
    assert beyond(X, Y, -2, 2) == pytest.approx(0.0319500884710415)
    # t.test(y, 1.05 * x, alternative = "greater")$p.value + the same with 0.95 * x
    assert beyond(Y, X, -0.05, 0.05, relative=True) == pytest.approx(0.064280447051891)
    # t.test(x, 0.95 * y, alternative = "less")$p.value + the same with 1.05 * y
    assert beyond(X, Y, -0.05, 0.05, relative=True) == pytest.approx(0.0719777826715039)


def test_beyond_a_margin_of_nothing_is_welchs_test():
    expected = stats.ttest_ind(Y, X, equal_var=False).pvalue
    assert beyond(Y, X, -1e-9, 1e-9) == pytest.approx(expected)
    assert beyond(X, Y, -1e-9, 1e-9, relative=True) == pytest.approx(expected)
    # And a margin takes of it, never gives.
    assert (np.diff([beyond(Y, X, -m, m) for m in (1e-9, 0.5, 1, 3, 6, 20)]) > 0).all()
    assert beyond(Y, X, -20, 20) > 0.999


def test_a_tost_at_5_percent_is_a_90_percent_interval_inside_the_margins():
    (one,) = contrasts([X, Z], [(0, 1)], confidence=0.9)
    assert inside(X, Z, one.low, 9) == pytest.approx(0.05)
    assert inside(X, Z, -9, one.high) == pytest.approx(0.05)


# ---------------------------------------------------------------- what data do


def test_many_pairs_at_once_are_as_one_by_one():
    pairs = [(X, Z), (Y, X), (np.full(3, 4.0), np.full(3, 4.0)), (Y, np.array([1.0])), (X, Y)]
    high = np.array([2.0, 0.2, 1.0, 1.0, 0.01])
    relative = np.array([False, True, False, False, True])
    together = against_margins(pairs, -high, high, relative=relative)
    for k, (x, y) in enumerate(pairs):
        asked = (x, y, -high[k], high[k])
        assert together.inside[k] == pytest.approx(
            inside(*asked, relative=relative[k]), nan_ok=True
        )
        assert together.beyond[k] == pytest.approx(
            beyond(*asked, relative=relative[k]), nan_ok=True
        )
    assert np.isnan(together.inside).tolist() == [False, False, True, True, False]
    assert against_margins([], [], []).inside.size == 0


def test_large_values_with_a_small_spread_keep_their_digits():
    # Whole numbers of 2^-10 and a shift by 2^30: every value is exact in both places.
    random = np.random.default_rng(5)
    x, y = (np.round(random.normal(m, 1, 9) * 1024) / 1024 for m in (0, 1))
    moved = (x + 2.0**30, y + 2.0**30, -2, 2)
    assert inside(x, y, -2, 2) == pytest.approx(inside(*moved), rel=1e-11)
    assert beyond(x, y, -2, 2) == pytest.approx(beyond(*moved), rel=1e-11)


@pytest.mark.parametrize("test", [inside, beyond])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([4.0] * 5, [2.0] * 3),
        ([4.0], [1.0, 3.0, 2.0]),
        ([3.0, 5.0], [2.0]),
        ([4.0], [2.0]),
        ([4.0], [2.0, 2.0]),
    ],
    ids=["both constant", "one x", "one y", "one each", "one and constant"],
)
def test_where_no_test_is_possible_there_is_no_p(test, x, y):
    assert np.isnan(test(np.array(x), np.array(y), -1, 1))
    assert np.isnan(test(np.array(x), np.array(y), -0.1, 0.1, relative=True))


def test_one_constant_group_leaves_the_freedom_of_the_other():
    one_sided = stats.ttest_1samp(X, 59.1 + 3, alternative="less").pvalue
    assert inside(X, np.full(4, 59.1), -9, 3) == pytest.approx(one_sided)


@pytest.mark.parametrize(
    ("x", "y"),
    [([-1.0, -2.0], [1.0, 2.0]), ([1, 2], [-3, 1]), ([0, 0.1], [0, 0]), ([0, 0], [1, 2])],
)
def test_a_share_is_one_of_a_positive_mean(x, y):
    assert np.isnan(inside(np.array(x), np.array(y), -0.5, 0.5, relative=True))
    assert np.isnan(beyond(np.array(x), np.array(y), -0.5, 0.5, relative=True))


@pytest.mark.parametrize(
    ("arguments", "relative", "words"),
    [
        ((X, Y, 1, -1), False, "the lower one first"),
        ((X, Y, np.nan, 1), False, "two numbers"),
        ((X, Y, -5, 5), True, "above -1"),
        ((np.array([1.0, np.inf]), Y, -1, 1), False, "not a finite number"),
        ((np.array([]), Y, -1, 1), False, "no values"),
    ],
)
def test_what_cannot_be_asked_is_said(arguments, relative, words):
    with pytest.raises(InvalidData, match=words):
        inside(*arguments, relative=relative)


# ---------------------------------------------------------------- how often it is right

TIMES = 4000
EDGES = [(2.0, False), (-2.0, False), (0.2, True), (-0.2, True)]


def within_chance(share, times=TIMES):
    """Four standard errors of a simulated share: one seed in 16,000 is that unlucky."""
    return pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / times))


def at_the_edge(edge, relative, spreads=(1.5, 0.7)):
    """p-values of means whose true difference is the margin."""
    random = np.random.default_rng(7)
    mean = 10 * (1 + edge) if relative else 10 + edge
    xs, ys = (
        random.normal(mean, spreads[0], (TIMES, 12)),
        random.normal(10, spreads[1], (TIMES, 25)),
    )
    width = abs(edge)
    return against_margins(list(zip(xs, ys, strict=True)), -width, width, relative=relative)


@pytest.mark.parametrize(("edge", "relative"), EDGES)
def test_at_the_edge_of_the_margins_equivalence_is_found_as_often_as_allowed(edge, relative):
    assert np.mean(at_the_edge(edge, relative).inside < 0.05) == within_chance(0.05)


@pytest.mark.parametrize(("edge", "relative"), EDGES)
def test_at_the_edge_of_the_margins_more_is_claimed_as_often_as_allowed(edge, relative):
    assert np.mean(at_the_edge(edge, relative).beyond < 0.05) == within_chance(0.05)


@pytest.mark.parametrize("edge", [0.01, 0.3, 1.0])
def test_a_margin_that_is_small_beside_the_noise_is_exceeded_no_more_often(edge):
    # Half of a standard error and less: both sides of the margin are within reach of chance.
    assert np.mean(at_the_edge(edge, False, (3, 3)).beyond < 0.05) <= 0.05 + 4 * np.sqrt(
        0.05 * 0.95 / TIMES
    )


def test_with_few_noisy_runs_equivalence_is_hardly_ever_found():
    random = np.random.default_rng(7)
    xs, ys = random.normal(11, 2, (2000, 5)), random.normal(10, 2, (2000, 5))
    found = against_margins(list(zip(xs, ys, strict=True)), -1, 1)
    assert np.mean(found.inside < 0.05) < 0.01
