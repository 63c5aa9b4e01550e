"""Trends of independent and of dependent values: against R, and by simulation."""

import math

import numpy as np
import pytest
from test_dependence import GAPS, LH, NILE, memory

from analysis.statistics.trend import dependent_trend, dependent_trends, kendall_trend
from minion.errors import InvalidData

TIMES = [1, 2, 3, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 24]
VALUES = np.array(
    [
        *(62.1, 60.3, 61.7, 63.5, 59.8, 64.2, 62.9, 63.8, 65.1, 61.2),
        *(64.7, 63.1, 66.0, 64.9, 62.4, 65.7, 66.3, 63.6, 67.2, 65.4),
    ]
)


def test_kendalls_trend_is_rs():
    found = kendall_trend(TIMES, VALUES)
    # R 4.2.2: cor.test(t, y, method = "kendall"), exact
    assert found.tau == pytest.approx(0.515789473684211, rel=1e-12)
    assert found.p == pytest.approx(0.00109952220543308, rel=1e-12)
    # R 4.2.2: ij <- combn(20, 2); s <- sort(diff(y[ij]) / diff(t[ij])), by pairs; N <- 190;
    # C <- qnorm(.975) * sqrt(20 * 19 * 45 / 18); median(s), s[round((N - C) / 2)],
    # s[round((N + C) / 2) + 1]
    expected = (0.223026315789473, 0.09, 0.311111111111112)
    assert (found.slope, found.low, found.high) == pytest.approx(expected, rel=1e-12)
    assert found.n == 20


def test_kendalls_trend_with_equal_values_is_rs():
    found = kendall_trend(TIMES, np.round(VALUES))
    # R 4.2.2: cor.test(t, round(y), method = "kendall", exact = FALSE); the interval as above with
    # ties <- table(round(y)), less sum(ties * (ties - 1) * (2 * ties + 5)) under the root
    assert found.tau == pytest.approx(0.523029991030178, rel=1e-12)
    assert found.p == pytest.approx(0.0019781778964889, rel=1e-12)
    assert (found.slope, found.low, found.high) == pytest.approx((0.2, 1 / 11, 0.3), rel=1e-12)


def test_the_trend_of_dependent_values_is_that_of_its_formula_in_r():
    # R 4.2.2, x = Nile, t = 1871:1970, v = 9: u <- (t - min(t)) / diff(range(t));
    # Q <- qr.Q(qr(cbind(1, u, sapply(1:v, \(j) cos(pi * j * u)))))[, -(1:2)]; f <- lm(x ~ t);
    # se <- sqrt(mean(crossprod(Q, resid(f))^2) / sum((t - mean(t))^2)); b <- coef(f)[[2]];
    # c(b, b - qt(.975, v) * se, b + qt(.975, v) * se, 2 * pt(-abs(b / se), v))
    found = dependent_trend(np.arange(1871, 1971), NILE)
    figures = (found.slope, found.low, found.high, found.p)
    expected = (-2.71430543054305, -4.81568090132101, -0.612929959765099, 0.0169769331400975)
    assert figures == pytest.approx(expected, rel=1e-10)


def test_the_trend_of_dependent_values_with_gaps_is_that_of_its_formula_in_r():
    # R 4.2.2: the same with t <- setdiff(1:48, c(5, 6, 20)), x <- lh[t], v = 5
    gaps = LH.copy()
    gaps[GAPS] = np.nan
    found = dependent_trend(np.arange(1, 49), gaps)
    figures = (found.slope, found.low, found.high, found.p)
    expected = (0.0112401465819514, -0.00744667869046795, 0.0299269718543708, 0.182721336511273)
    assert figures == pytest.approx(expected, rel=1e-10)
    assert found.n == 45


def test_many_trends_at_once_are_those_of_each():
    times = np.full((3, 100), np.nan)
    values = np.full((3, 100), np.nan)
    times[0], values[0] = np.arange(100), NILE
    times[1, :48], values[1, :48] = 2.0 * np.arange(48), LH
    times[2, :7], values[2, :7] = np.arange(7), LH[:7]
    found = dependent_trends(times, values)
    for row in range(3):
        one = dependent_trend(times[row], values[row])
        many = [float(getattr(found, name)[row]) for name in ("slope", "low", "high", "p", "n")]
        assert many == pytest.approx([one.slope, one.low, one.high, one.p, one.n], nan_ok=True)
    assert np.isnan(found.p).tolist() == [False, False, True]


# 8,000 to 20,000 other series gave the figures. Three standard errors of a share of 4,000 are 1.0 %
# at 5 %, 1.2 % at 7 %, 1.6 % at 13 %, 1.9 % at 20 %.
@pytest.mark.parametrize(
    ("rho", "n", "size", "within"),
    [
        (0, 60, 0.05, 0.011),
        (0.6, 60, 0.065, 0.012),
        (0.6, 300, 0.057, 0.011),
        (0.9, 60, 0.21, 0.02),
        (0.9, 300, 0.135, 0.017),
    ],
)
def test_without_a_trend_dependent_values_show_one_as_often_as_documented(rho, n, size, within):
    values = memory(rho, n, 4000)
    found = dependent_trends(np.tile(np.arange(n), (4000, 1)), values)
    assert np.mean(found.p < 0.05) == pytest.approx(size, abs=within)
    covered = (found.low <= 0) & (found.high >= 0)
    assert np.mean(covered) == pytest.approx(1 - np.mean(found.p < 0.05), abs=1e-9)


def test_noise_on_top_of_a_memory_does_not_mislead_the_test_much():
    values = memory(0.8, 60, 4000) + 0.6 * memory(0, 60, 4000, seed=2)
    found = dependent_trends(np.tile(np.arange(60), (4000, 1)), values)
    assert np.mean(found.p < 0.05) == pytest.approx(0.11, abs=0.02)


def test_the_interval_of_a_dependent_slope_covers_it_and_power_grows_with_it():
    times = np.tile(np.arange(60) / 12, (2000, 1))
    found = {
        slope: dependent_trends(times, memory(0.6, 60, 2000) + slope * times)
        for slope in (0.5, 1.0)
    }
    for slope, trends in found.items():
        assert np.mean((trends.low <= slope) & (slope <= trends.high)) > 0.925
    power = [np.mean(trends.p < 0.05) for trends in found.values()]
    assert 0.3 < power[0] < 0.8
    assert power[1] > 0.9


def test_without_a_trend_independent_values_show_one_in_twenty():
    # Three standard errors of a share of 2,000 are 1.5 %; p comes in steps of about 0.3 %.
    drawn = np.random.default_rng(7).normal(60, 4, (2000, 25))
    found = [kendall_trend(np.arange(25), row) for row in drawn]
    assert np.mean([trend.p < 0.05 for trend in found]) == pytest.approx(0.05, abs=0.015)
    covered = np.mean([trend.low <= 0 <= trend.high for trend in found])
    assert covered == pytest.approx(0.95, abs=0.015)


def test_an_outlier_does_not_move_the_slope_of_independent_values():
    values = 3.0 * np.arange(15)
    values[7] = 1e6
    assert kendall_trend(np.arange(15), values).slope == 3.0


@pytest.mark.parametrize("trend", [kendall_trend, dependent_trend])
def test_the_order_in_which_values_come_does_not_matter(trend):
    shuffled = np.random.default_rng(1).permutation(20)
    again = trend(np.array(TIMES)[shuffled], VALUES[shuffled])
    first = trend(TIMES, VALUES)
    assert (again.slope, again.low, again.p) == pytest.approx((first.slope, first.low, first.p))


def test_few_values_have_no_interval_and_one_has_no_slope():
    few = kendall_trend([0, 1, 2, 3], [1, 2, 3, 5])
    assert few.slope == pytest.approx(7 / 6)
    assert math.isnan(few.low)
    assert math.isnan(few.high)
    for times, values in (([], []), ([1], [2]), ([1, 1], [2, 3]), ([1, 2], [np.nan, 2])):
        assert math.isnan(kendall_trend(times, values).slope)
        assert math.isnan(kendall_trend(times, values).p)
    few = dependent_trend(np.arange(7), LH[:7])
    assert np.isnan([few.slope, few.low, few.high, few.p]).all()
    assert few.n == 7
    assert dependent_trend([], []).n == 0


def test_equal_values_have_a_slope_of_zero_and_no_p():
    for found in (
        kendall_trend(np.arange(60), [0.1] * 60),
        dependent_trend(np.arange(60), [0.1] * 60),
    ):
        assert found.slope == 0
        assert math.isnan(found.p)


def test_a_line_without_noise_is_certain():
    found = dependent_trend(np.arange(60), 2.0 * np.arange(60) + 5)
    assert (found.slope, found.low, found.high) == pytest.approx((2, 2, 2))
    assert found.p < 1e-12


@pytest.mark.parametrize("trend", [kendall_trend, dependent_trend])
def test_what_cannot_be_a_series_is_refused(trend):
    with pytest.raises(InvalidData, match="3 times for 2 values"):
        trend([1, 2, 3], [1, 2])
    with pytest.raises(InvalidData, match="an infinite time or value"):
        trend([1, 2], [1, np.inf])
    with pytest.raises(InvalidData, match="a confidence of 95"):
        trend([1, 2], [1, 2], confidence=95)


def test_two_samples_of_one_time_are_refused_where_order_matters():
    with pytest.raises(InvalidData, match="the time 3 does not lie after the one before it"):
        dependent_trend([1, 3, 3, 4], [1, 2, 3, 4])
