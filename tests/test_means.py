"""Welch's tests and simultaneous intervals, against R, SciPy and by simulation."""

from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from analysis.statistics.means import contrasts, contrasts_of, welch_anova
from minion.errors import InvalidData

X = np.array([61.2, 58.4, 63.1, 60.7, 59.9, 62.2, 57.8, 60.1])
Y = np.array([66.0, 64.1, 71.3, 68.8, 60.2, 75.4, 63.3])
Z = np.array([59.1, 59.4, 58.8, 59.6, 59.0, 59.3])
THREE = [(0, 1), (0, 2), (1, 2)]
NAN = pytest.approx(np.nan, nan_ok=True)

# R 4.2.2, per pair.
# welch, interval: parameter, p.value, stderr and conf.int of t.test(x, y).
# games: p is ptukey(|t| sqrt(2), 3, df, lower.tail = FALSE); the interval is the negative of
#   rstatix 0.7.2's, games_howell_test(d, v ~ g, detailed = TRUE), which takes y minus x.
# sidak: for two pairs, 1 - (1 - p)^2 and t.test(x, y, conf.level = sqrt(0.95)).
# ratio: by uniroot(tol = 1e-14), the roots r of (mean(x) - r mean(y))^2 =
#   c^2 (var(x) / n_x + r^2 var(y) / n_y), with Satterthwaite's df at mean(x) / mean(y) and c =
#   qt(.975, df); qtukey(.95, 3, df) / sqrt(2); qt((1 + sqrt(.95)) / 2, df).
PAIRS = {
    (0, 1): {
        "welch": (7.24256125178074, 0.0144480757677952, 2.06094535305993),
        "interval": (-11.4297550104915, -1.74881641807994),
        "games": (0.0341620837397, -12.609700649468, -0.568870779104),
        "sidak": (0.0286874046422, -12.3764535519, -0.802117876706),
        "ratio": (0.901673417182, 0.840253396228, 0.971534000514),
        "ratio games": (0.826482527351, 0.989916204636),
        "ratio sidak": (0.829224549563, 0.986163378274),
    },
    (0, 2): {
        "welch": (7.48670447162997, 0.0956562179994302, 0.642803569196243),
        "interval": (-0.275185220572722, 2.72518522057271),
        "games": (0.202714402113, -0.638483968357, 3.088483968357),
        "sidak": (0.182162323957, -0.565484603678, 3.01548460368),
        "ratio": (1.02069256757, 0.995368313726, 1.04606119404),
        "ratio games": (0.989245252097, 1.05220833613),
        "ratio sidak": (0.990476965541, 1.05097136003),
    },
    (1, 2): {
        "welch": (6.04363907300643, 0.00720834601934522, 1.96527334478639),
        "interval": (3.01383951391623, 12.6147319146552),
        "games": (0.016961852373, 1.796884550481, 13.831686878091),
        "sidak": (0.0143647317864, 2.01233178344, 13.6162396451),
        "ratio": (1.1319980695, 1.05093359585, 1.21311645259),
        "ratio games": (1.03040059734, 1.23368023372),
        "ratio sidak": (1.03404085729, 1.23003401107),
    },
}


# ---------------------------------------------------------------- oracles


def test_welchs_anova_is_rs():
    found = welch_anova([X, Y, Z])
    # R 4.2.2: oneway.test(v ~ g, d)
    expected = (8.96743884987151, 2, 8.91407796710869, 0.00734078596969454)
    assert tuple(asdict(found).values()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("method", ["games-howell", "baseline"])
@pytest.mark.parametrize("pair", PAIRS)
def test_one_pair_is_welchs_t_in_either_method(pair, method):
    (found,) = contrasts([X, Y, Z], [pair], method=method)
    r = PAIRS[pair]
    assert (found.freedom, found.p, found.error) == pytest.approx(r["welch"], rel=1e-11)
    assert found.p_pairs == pytest.approx(found.p, rel=1e-12)
    assert (found.low, found.high) == pytest.approx(r["interval"], rel=1e-11)
    assert (found.ratio, found.ratio_low, found.ratio_high) == pytest.approx(r["ratio"], rel=1e-10)
    assert found.difference == pytest.approx(found.mean_x - found.mean_y, rel=1e-13)


def test_games_howell_is_rs():
    found = contrasts([X, Y, Z], THREE)
    for pair, one in zip(THREE, found, strict=True):
        r = PAIRS[pair]
        # R's quantile stops at 1e-4.
        assert one.p_pairs == pytest.approx(r["games"][0], rel=1e-6)
        assert (one.low, one.high) == pytest.approx(r["games"][1:], abs=2e-4)
        assert (one.ratio_low, one.ratio_high) == pytest.approx(r["ratio games"], abs=1e-5)


def test_games_howell_is_scipys():
    expected = stats.tukey_hsd(X, Y, Z, equal_var=False)
    interval = expected.confidence_interval(0.9)
    for (i, j), one in zip(THREE, contrasts([X, Y, Z], THREE, confidence=0.9), strict=True):
        assert one.p_pairs == pytest.approx(expected.pvalue[i, j], rel=1e-8)
        assert (one.low, one.high) == pytest.approx((interval.low[i, j], interval.high[i, j]))


def test_the_adjustment_for_a_baseline_is_sidaks():
    for base in (1, 2):
        pairs = [pair for pair in THREE if base in pair]
        for pair, one in zip(pairs, contrasts([X, Y, Z], pairs, method="baseline"), strict=True):
            r = PAIRS[pair]
            assert (one.p_pairs, one.low, one.high) == pytest.approx(r["sidak"], rel=1e-10)
            assert (one.ratio_low, one.ratio_high) == pytest.approx(r["ratio sidak"], rel=1e-10)


def test_two_groups_are_scipys_welch_test_and_its_square():
    expected = stats.ttest_ind(X, Z, equal_var=False)
    (one,) = contrasts([X, Z], [(0, 1)])
    assert (one.p, one.freedom) == pytest.approx((expected.pvalue, expected.df))
    assert (one.low, one.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    both = welch_anova([X, Z])
    assert both.statistic == pytest.approx(expected.statistic**2)
    assert (both.p, both.df_within) == pytest.approx((expected.pvalue, expected.df))


# ---------------------------------------------------------------- what data do


def test_questions_do_not_disturb_each_other():
    random = np.random.default_rng(4)
    questions = [([X, Y, Z], THREE), ([Z, X], [(1, 0)]), ([X, Y, Z, X + 1], [(3, 1), (0, 2)])]
    questions += [([random.normal(9, 2, 5) for _ in range(3)], THREE), ([X, Y], [])]
    for method in ("games-howell", "baseline"):
        together = contrasts_of(questions, method=method)
        assert together == [contrasts(*question, method=method) for question in questions]
    assert contrasts_of([]) == []
    assert [(c.n_x, c.n_y) for c in together[0]] == [(8, 7), (8, 6), (7, 6)]


def test_groups_that_no_pair_names_are_not_adjusted_for():
    with_more, alone = contrasts([X, Y, Z, X + 1], THREE), contrasts([X, Y, Z], THREE)
    assert with_more == alone


def test_large_values_with_a_small_spread_keep_their_digits():
    # Whole numbers of 2^-10 and a shift by 2^30: every value is exact in both places.
    random = np.random.default_rng(5)
    groups = [np.round(random.normal(m, 1, 9) * 1024) / 1024 for m in (0, 1, 1.5)]
    moved = [values + 2.0**30 for values in groups]
    for one, other in zip(contrasts(groups, THREE), contrasts(moved, THREE), strict=True):
        for field in ("difference", "error", "freedom", "p", "p_pairs", "low", "high"):
            assert getattr(one, field) == pytest.approx(getattr(other, field), rel=1e-11)
    assert welch_anova(groups).statistic == pytest.approx(welch_anova(moved).statistic, rel=1e-11)


@pytest.mark.parametrize("factor", [1e-60, 1e60])
def test_the_unit_does_not_matter(factor):
    scaled = [values * factor for values in (X, Y, Z)]
    for one, other in zip(contrasts([X, Y, Z], THREE), contrasts(scaled, THREE), strict=True):
        for field in ("freedom", "p_pairs", "ratio", "ratio_low", "ratio_high"):
            assert getattr(one, field) == pytest.approx(getattr(other, field), rel=1e-10)
        assert other.low == pytest.approx(one.low * factor, rel=1e-10)
    assert welch_anova(scaled).p == pytest.approx(welch_anova([X, Y, Z]).p, rel=1e-10)


NOTHING = dict.fromkeys(
    (
        *("error", "freedom", "p", "p_pairs", "p_careful", "p_careful_pairs"),
        *("low", "high", "ratio_low", "ratio_high"),
    ),
    NAN,
)


@pytest.mark.parametrize("method", ["games-howell", "baseline"])
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
def test_where_no_test_is_possible_means_difference_and_ratio_are_left(x, y, method):
    (one,) = contrasts([np.array(x), np.array(y)], [(0, 1)], method=method)
    left = {"mean_x": 4.0, "mean_y": 2.0, "difference": 2.0, "ratio": 2.0}
    assert asdict(one) == {"n_x": len(x), "n_y": len(y), **left, **NOTHING}
    assert welch_anova([X, np.array(x), np.array(y)]) is None


def test_a_group_without_a_test_leaves_the_other_pairs_alone():
    lone = contrasts([X, Y, np.array([59.0])], THREE)
    assert lone[0].p_pairs == contrasts([X, Y, Z], THREE)[0].p_pairs
    assert np.isnan([lone[1].p_pairs, lone[2].low]).all()


def test_one_constant_group_leaves_the_freedom_of_the_other():
    constant = np.full(4, 59.1)
    (one,) = contrasts([X, constant], [(0, 1)])
    expected = stats.ttest_1samp(X, 59.1)
    assert (one.p, one.freedom) == pytest.approx((expected.pvalue, 7))
    assert (one.low + 59.1, one.high + 59.1) == pytest.approx(
        tuple(expected.confidence_interval(0.95))
    )
    assert (one.ratio_low, one.ratio_high) == pytest.approx(
        (1 + one.low / 59.1, 1 + one.high / 59.1)
    )
    assert welch_anova([X, Y, constant]) is None


def test_spread_that_rounding_made_is_none():
    a, b = np.array([0.1 + 0.2, 0.3, 0.3]), np.array([0.3, 0.3, 0.6 / 2])
    (one,) = contrasts([a, b], [(0, 1)])
    assert a.std() > 0
    assert np.isnan([one.p, one.low]).all()
    assert welch_anova([a, b]) is None
    # The mean of equal values is that value.
    assert contrasts([np.full(3, 0.1), np.full(7, 0.1)], [(0, 1)])[0].difference == 0


@pytest.mark.parametrize(
    ("x", "y"),
    [([-1.0, -2.0], [1.0, 2.0]), ([1, 2], [-3, 1]), ([0, 0.1], [0, 0]), ([0, 0], [1, 2])],
)
def test_a_ratio_is_for_positive_means(x, y):
    (one,) = contrasts([np.array(x), np.array(y)], [(0, 1)])
    assert np.isnan([one.ratio, one.ratio_low, one.ratio_high]).all()
    assert np.isfinite([one.p, one.low]).all()


def test_a_mean_that_may_be_zero_gives_a_ratio_without_an_interval():
    vague = np.array([-1.0, 4.0, 1.0, 0.5])
    (one,) = contrasts([X, vague], [(0, 1)])
    assert one.ratio == pytest.approx(X.mean() / vague.mean())
    assert np.isnan([one.ratio_low, one.ratio_high]).all()
    (other,) = contrasts([vague, X], [(0, 1)])
    assert other.ratio_low < 0 < other.ratio < other.ratio_high


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
def test_a_value_that_is_no_number_is_an_error(value):
    bad = np.array([1.0, value, 2.0])
    for call in (
        lambda: contrasts([X, bad], [(0, 1)]),
        lambda: welch_anova([X, bad]),
    ):
        with pytest.raises(InvalidData, match="not a finite number"):
            call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: contrasts([X, np.array([])], [(0, 1)]), "no values"),
        (lambda: contrasts([X, Y], [(0, 2)]), r"\(0, 2\) of 2 groups"),
        (lambda: contrasts([X, Y], [(1, 1)]), "two different ones"),
        (lambda: contrasts([X, Y], [(-1, 0)]), "two different ones"),
        (lambda: contrasts([X, Y], [(0, 1)], confidence=95), "between 0 and 1"),
        (lambda: contrasts([X, Y], [(0, 1)], method="tukey"), "choose games-howell or baseline"),
    ],
)
def test_what_cannot_be_asked_is_said(call, words):
    with pytest.raises(InvalidData, match=words):
        call()


def test_one_group_has_no_anova():
    assert welch_anova([X]) is None
    assert welch_anova([]) is None


def test_many_questions_are_answered_at_once_as_one_by_one():
    random = np.random.default_rng(6)
    questions = [([random.normal(50, 3, 25) for _ in range(3)], THREE) for _ in range(84)]
    answers = contrasts_of(questions)
    assert sum(map(len, answers)) == 84 * 3
    for question, found in zip(questions[:5], answers[:5], strict=True):
        assert contrasts(*question) == found
    assert all(np.isfinite(list(asdict(one).values())).all() for found in answers for one in found)


# ---------------------------------------------------------------- how often it is right

NORMAL = [(8, 10.0, 1.0), (15, 11.0, 2.0), (25, 13.0, 4.0)]  # n, mean, sd
TIMES = 8000


def within_chance(share, times=TIMES):
    """Four standard errors of a simulated share: one seed in 16,000 is that unlucky."""
    return pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / times))


def normal(random, n, mean, sd):
    return random.normal(mean, sd, n)


def lognormal(random, n, mean, sd):
    sigma = np.sqrt(np.log1p((sd / mean) ** 2))
    return random.lognormal(np.log(mean) - sigma**2 / 2, sigma, n)


def drawn(groups, draw=normal, times=TIMES):
    random = np.random.default_rng(7)
    return [[draw(random, *group) for group in groups] for _ in range(times)]


def covered(groups, pairs, method, draw=normal):
    """How often all intervals of a question hold together: of differences, of ratios."""
    mean = [group[1] for group in groups]
    answers = contrasts_of([(one, pairs) for one in drawn(groups, draw)], method=method)
    difference = [
        all(c.low <= mean[x] - mean[y] <= c.high for c, (x, y) in zip(found, pairs, strict=True))
        for found in answers
    ]
    ratio = [
        all(
            c.ratio_low <= mean[x] / mean[y] <= c.ratio_high
            for c, (x, y) in zip(found, pairs, strict=True)
        )
        for found in answers
    ]
    return np.mean(difference), np.mean(ratio)


def test_games_howell_intervals_hold_together_as_often_as_they_say():
    difference, ratio = covered(NORMAL, THREE, "games-howell")
    assert difference == within_chance(0.95)
    assert ratio == within_chance(0.95)


def test_baseline_intervals_hold_together_at_least_as_often_as_they_say():
    # Both contrasts share the noise of one group, which the adjustment does not use.
    for share in covered(NORMAL, [(0, 2), (1, 2)], "baseline"):
        assert within_chance(0.957) == share
    # Nearly independent contrasts: the baseline is much better known than the others.
    precise = [(8, 10.0, 1.0), (15, 11.0, 2.0), (25, 13.0, 0.1)]
    for share in covered(precise, [(0, 2), (1, 2)], "baseline"):
        assert share == within_chance(0.95)


@pytest.mark.parametrize(
    "pair", [[(8, 10.0, 1.0), (25, 13.0, 4.0)], [(5, 20.0, 5.0), (12, 10.0, 0.5)]]
)
def test_intervals_of_one_pair_cover_as_often_as_they_say(pair):
    difference, ratio = covered(pair, [(0, 1)], "games-howell")
    assert difference == within_chance(0.95)
    assert ratio == within_chance(0.95)


def test_equal_means_are_called_different_as_often_as_allowed():
    equal = [(n, 10.0, sd) for n, _, sd in NORMAL]
    samples = drawn(equal)
    found = contrasts_of([(one, THREE) for one in samples])
    pairwise = np.mean([min(c.p_pairs for c in one) < 0.05 for one in found])
    assert pairwise == within_chance(0.05)
    alone = np.mean([one[1].p < 0.05 for one in found])
    assert alone == within_chance(0.05)
    overall = np.mean([welch_anova(one).p < 0.05 for one in samples[:4000]])
    assert overall == within_chance(0.05, 4000)


@pytest.mark.parametrize(
    ("spreads", "difference", "ratio"),
    [
        # Skewness of a lognormal of mean 10: 0.30 at sd 1, 1.62 at sd 5, 4 at sd 10.
        ((1.0, 1.0, 1.0), 0.95, 0.95),
        ((5.0, 5.0, 5.0), 0.955, 0.955),
        ((1.0, 5.0, 10.0), 0.903, 0.90),
    ],
)
def test_skewed_values_cost_coverage_where_groups_are_skewed_differently(
    spreads, difference, ratio
):
    groups = [(25, 10.0, sd) for sd in spreads]
    found = covered(groups, THREE, "games-howell", lognormal)
    assert found == (within_chance(difference), within_chance(ratio))
