"""How many runs it takes, against R and by simulation."""

import numpy as np
import pytest
from scipy.stats import t as students
from statsmodels.stats.power import TTestIndPower

from analysis.statistics.critical import alone, larger, together
from analysis.statistics.means import contrasts
from analysis.statistics.power import (
    detectable,
    half_width,
    power_of_difference,
    power_of_equivalence,
    runs_for_difference,
    runs_for_equivalence,
    runs_for_width,
    upper_sd,
)
from minion.errors import InvalidData

ROUNDS = 20_000
# The share of so many rounds is exceeded by 3.5 deviations of its own once in 2,000 tests; at a
# power of 0.8 a deviation is 0.0028.
TOLERANCE = 3.5 * np.sqrt(0.8 * 0.2 / ROUNDS)


def welch(sd, n, difference, confidence):
    """Differences of simulated means, and half the widths of their intervals."""
    random = np.random.default_rng(3)
    x = random.normal(0, sd[0], (ROUNDS, n))
    y = random.normal(difference, sd[1], (ROUNDS, n))
    parts = [values.var(axis=1, ddof=1) / n for values in (x, y)]
    df = (parts[0] + parts[1]) ** 2 / ((parts[0] ** 2 + parts[1] ** 2) / (n - 1))
    width = students.ppf((1 + confidence) / 2, df) * np.sqrt(parts[0] + parts[1])
    return y.mean(axis=1) - x.mean(axis=1), width


def test_half_a_width_is_that_of_r():
    # R 4.2.2: diff(t.test(c(4.1, 5.2, 3.9, 4.8, 5.0), c(6.2, 9.9, 4.4, 8.1, 7.3))$conf.int) / 2
    sd = (0.570087712549569, 2.058397434899295)
    assert half_width(sd, (5, 5)) == pytest.approx(2.5192147552436, rel=1e-10)


def test_critical_values_are_those_of_r():
    # R 4.2.2: qt(1 - 0.05 / 3 / 2, 20), qtukey(0.95, 3, 20) / sqrt(2),
    # qt(1 - (1 - 0.95^(1/2)) / 2, 20)
    family, every, baseline = alone(0.05 / 3), together(0.95, 3), together(0.95, 2, "baseline")
    found = [limit(20) for limit in (family, every, baseline)]
    assert found == pytest.approx([2.61258542303349, 2.52998180523858, 2.41708212230924])
    assert larger(family, every)(20) == larger(every, family)(20) == found[0]


@pytest.mark.parametrize("method", ["games-howell", "baseline"])
def test_half_a_width_is_that_of_a_comparison(method):
    random = np.random.default_rng(6)
    groups = [random.normal(5, sd, n) for sd, n in ((1, 4), (2, 9), (0.5, 6))]
    pairs = [(1, 0), (2, 0)] + [(2, 1)] * (method == "games-howell")
    limit = together(0.9, 3 if method == "games-howell" else 2, method)
    for (x, y), found in zip(
        pairs, contrasts(groups, pairs, confidence=0.9, method=method), strict=True
    ):
        sd = (float(groups[x].std(ddof=1)), float(groups[y].std(ddof=1)))
        width = half_width(sd, (len(groups[x]), len(groups[y])), critical=limit)
        assert width == pytest.approx((found.high - found.low) / 2, rel=1e-9)


@pytest.mark.parametrize(
    ("n", "difference", "sd", "alpha", "power"),
    [(10, 1, 1, 0.05, 0.562006646586232), (25, 0.3, 2, 0.01, 0.0205400568866223)],
)
def test_power_is_that_of_r(n, difference, sd, alpha, power):
    # R 4.2.2: power.t.test(n, delta, sd, sig.level, strict = TRUE)$power
    found = power_of_difference(difference, (sd, sd), (n, n), alpha=alpha)
    assert found == pytest.approx(power, rel=1e-9)
    assert found == power_of_difference(-difference, (sd, sd), (n, n), alpha=alpha)


def test_power_at_several_sizes_is_that_of_statsmodels():
    for n, other in ((5, 9), (25, 24), (300, 40)):
        expected = TTestIndPower().power(0.7, n, 0.05, ratio=other / n)
        # The sizes differ and the deviations do not: Satterthwaite's df are a little fewer.
        assert power_of_difference(0.7, (1, 1), (n, other)) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("difference", "power", "alpha", "runs"),
    [(1, 0.8, 0.05, 17), (0.5, 0.9, 0.01, 121), (0.05, 0.8, 0.05, 6281)],
)
def test_runs_for_a_difference_are_those_of_r(difference, power, alpha, runs):
    # R 4.2.2: ceiling(power.t.test(delta, sd = 1, power, sig.level, strict = TRUE)$n)
    assert runs_for_difference((1, 1), difference, power=power, alpha=alpha) == runs


@pytest.mark.parametrize(("n", "smallest"), [(25, 0.808709638447962), (2, 5.65351533636489)])
def test_the_smallest_detectable_difference_is_that_of_r(n, smallest):
    # R 4.2.2: power.t.test(n, sd = 1, power = 0.8, strict = TRUE)$delta
    assert detectable((1, 1), (n, n)) == pytest.approx(smallest, rel=1e-5)
    assert detectable((2, 2), (n, n)) == pytest.approx(2 * smallest, rel=1e-5)


@pytest.mark.parametrize(
    ("n", "margin", "difference", "alpha", "power"),
    [
        (18, 1, 0, 0.05, 0.8045449773953189),
        (25, 1, 0.5, 0.05, 0.5388318323604265),
        (5, 1, 0, 0.05, 0.0687032148583754),
        (3, 2, 0.3, 0.025, 0.1946127577760502),
    ],
)
def test_power_of_equivalence_is_that_of_r(n, margin, difference, alpha, power):
    # R 4.2.2, with nu = 2 n - 2, se = sqrt(2 / n), t = qt(1 - alpha, nu):
    # integrate(function(x) { r <- t * se * sqrt(x / nu); dchisq(x, nu) * pmax(0,
    #   pnorm((margin - r - difference) / se) - pnorm((-margin + r - difference) / se)) },
    #   0, nu * (margin / (t * se))^2, rel.tol = 1e-13)
    found = power_of_equivalence(margin, (1, 1), (n, n), difference=difference, alpha=alpha)
    assert found == pytest.approx(power, rel=1e-9)


def test_the_upper_limit_of_a_deviation_is_that_of_r():
    # R 4.2.2: sd(x) * sqrt(4 / qchisq(0.2, 4)) with the five values of the first test
    assert upper_sd(0.570087712549569, 5) == pytest.approx(0.887954609768738, rel=1e-12)


def test_the_upper_limit_covers():
    random = np.random.default_rng(4)
    sds = random.normal(0, 3, (ROUNDS, 4)).std(axis=1, ddof=1)
    share = np.mean([upper_sd(sd, 4) >= 3 for sd in sds])
    assert share == pytest.approx(0.8, abs=TOLERANCE)


@pytest.mark.parametrize("sd", [(1.0, 1.0), (1.0, 2.5)])
def test_the_runs_planned_find_the_difference(sd):
    n = runs_for_difference(sd, 1.5)
    difference, width = welch(sd, n, 1.5, 0.95)
    power = power_of_difference(1.5, sd, (n, n))
    # Satterthwaite's df are an approximation; 0.01 is allowed for it.
    assert np.mean(np.abs(difference) > width) == pytest.approx(power, abs=TOLERANCE + 0.01)
    assert power >= 0.8 > power_of_difference(1.5, sd, (n - 1, n - 1))


@pytest.mark.parametrize(("sd", "true"), [((1.0, 1.0), 0.0), ((1.0, 2.5), 0.0), ((1.0, 1.0), 0.4)])
def test_the_runs_planned_show_equivalence(sd, true):
    n = runs_for_equivalence(sd, 1.2, difference=true)
    difference, width = welch(sd, n, true, 0.9)
    power = power_of_equivalence(1.2, sd, (n, n), difference=true)
    inside = np.mean(np.abs(difference) + width < 1.2)
    assert inside == pytest.approx(power, abs=TOLERANCE + 0.01)
    assert power >= 0.8 > power_of_equivalence(1.2, sd, (n - 1, n - 1), difference=true)


def test_the_runs_planned_make_half_of_the_intervals_narrow_enough():
    n = runs_for_width((1.0, 2.0), 0.8)
    _, width = welch((1.0, 2.0), n, 0, 0.95)
    assert np.median(width) == pytest.approx(0.8, rel=0.02)
    assert half_width((1, 2), (n, n)) <= 0.8 < half_width((1, 2), (n - 1, n - 1))


@pytest.mark.parametrize(
    ("planned", "enough"),
    [
        (runs_for_width, lambda amount, sd, n: half_width(sd, (n, n)) <= amount),
        (runs_for_difference, lambda amount, sd, n: power_of_difference(amount, sd, (n, n)) >= 0.8),
        (
            runs_for_equivalence,
            lambda amount, sd, n: power_of_equivalence(amount, sd, (n, n)) >= 0.8,
        ),
    ],
)
def test_the_fewest_runs_are_the_fewest(planned, enough):
    random = np.random.default_rng(5)
    for _ in range(100):
        sd = tuple(np.exp(random.normal(0, 1, 2)).tolist())
        amount = float(np.exp(random.normal(0, 1)))
        runs = planned(sd, amount)
        assert enough(amount, sd, runs)
        assert runs == 2 or not enough(amount, sd, runs - 1)


def test_power_grows_with_what_is_looked_for_at_every_size():
    amounts = np.geomspace(1e-6, 1e6, 200)
    for n in (2, 3, 30, 1_000_000):
        for sd in ((1, 1), (1, 100), (0, 1)):
            for alpha in (0.05, 0.05 / 36):
                for power in (power_of_difference, power_of_equivalence):
                    found = np.array([power(a, sd, (n, n), alpha=alpha) for a in amounts])
                    assert np.isfinite(found).all()
                    assert (np.diff(found) > -1e-9).all()
                    assert found[-1] == pytest.approx(1)


def test_without_any_variance_two_runs_are_enough():
    assert runs_for_width((0, 0), 1) == runs_for_difference((0, 0), 1) == 2
    assert runs_for_equivalence((0, 0), 1) == 2
    assert detectable((0, 0), (5, 5)) == half_width((0, 0), (5, 5)) == upper_sd(0, 5) == 0
    assert power_of_difference(0, (0, 0), (5, 5)) == 0.05
    assert power_of_equivalence(1, (0, 0), (5, 5), difference=1) == 0


def test_intervals_and_tests_that_hold_together_take_more_runs():
    limit = together(0.95, 3)
    n = runs_for_width((1, 2), 0.7, critical=limit)
    assert n is not None
    assert n > runs_for_width((1, 2), 0.7)
    widths = [half_width((1, 2), (runs, runs), critical=limit) for runs in (n, n - 1)]
    assert widths[0] <= 0.7 < widths[1]
    n = runs_for_difference((1, 2), 0.7, critical=limit)
    power = [power_of_difference(0.7, (1, 2), (runs, runs), critical=limit) for runs in (n, n - 1)]
    assert power[0] >= 0.8 > power[1]
    smallest = detectable((1, 2), (n, n), critical=limit)
    assert power_of_difference(smallest, (1, 2), (n, n), critical=limit) == pytest.approx(0.8)


def test_more_runs_than_anybody_measures_are_no_number():
    assert runs_for_width((1, 1), 1e-9) is None
    assert runs_for_difference((1, 1), 1e-9) is None
    assert runs_for_equivalence((1, 1), 1e-9) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: half_width((1, 1), (1, 5)), "1 and 5 runs; a deviation needs two"),
        (lambda: half_width((-1, 1), (5, 5)), "standard deviations of -1 and 1"),
        (lambda: half_width((np.nan, 1), (5, 5)), "standard deviations of nan and 1"),
        (lambda: half_width((1, 1), (5, 5), alpha=5), "a level of 5; give a number between"),
        (lambda: power_of_difference(np.nan, (1, 1), (5, 5)), "a difference of nan"),
        (lambda: power_of_equivalence(0, (1, 1), (5, 5)), "give a margin above 0"),
        (lambda: runs_for_width((1, 1), 0), "a wanted precision of 0"),
        (lambda: runs_for_difference((1, 1), 1, power=0.01), "a power of 0.01; give a number"),
        (lambda: runs_for_equivalence((1, 1), 1, difference=2), "is not inside a margin of 1"),
        (lambda: upper_sd(1, 1), "a deviation of 1 from 1 runs"),
    ],
)
def test_what_cannot_be_planned_is_said(call, message):
    with pytest.raises(InvalidData, match=message):
        call()
