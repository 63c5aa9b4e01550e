"""Variance components, against R and by simulation."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import chi2

from analysis.statistics.components import (
    batch_means,
    crossed,
    icc_interval,
    one_way,
    variance_of_mean,
)
from minion.errors import InvalidData

# Shrout and Fleiss 1979, table 2: a row for each target, a column for each judge.
JUDGED = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]],
    dtype=float,
)
# Groups of 3, 4, 4, 3 and 3 values.
UNEQUAL = [9.1, 2.3, 8.4, 6.2, 1.9, 8.8, 7.7, 6.0, 3.2, 9.0, 5.5, 7.1, 1.3, 6.6, 10.2, 5.6, 9.3]
GROUPS = list("aaabbbbccccdddeee")
# Two platforms with 3 and 4 runs of 3 hosts.
CELLS = [
    *(5.1, 7.2, 6.3, 4.4, 6.9, 5.2, 5.9, 7.7, 7.0),
    *(2.2, 4.9, 3.1, 3.0, 5.8, 3.3, 1.9, 4.1, 3.5, 2.8, 5.5, 3.7),
]
PLATFORM = ["P"] * 9 + ["Q"] * 12
RUN = [str(number) for number in range(7) for _ in range(3)]
HOST = ["a", "b", "c"] * 7


def coverage_of(covered):
    """The share of intervals that cover, and how far it may be from the truth by chance.

    With n intervals the share's standard deviation is sqrt(0.95 x 0.05 / n). Three and a half of
    them are exceeded by chance once in 2,000 tests.
    """
    return np.mean(covered), 3.5 * np.sqrt(0.95 * 0.05 / len(covered))


def test_one_way_is_the_analysis_of_variance_of_r():
    # R 4.2.2: summary(aov(v ~ g))
    found = one_way(UNEQUAL, GROUPS)
    assert found.mean_square_between == pytest.approx(4.683664215686, rel=1e-12)
    assert found.mean_square_within == pytest.approx(8.757013888889, rel=1e-12)
    assert (found.df_between, found.df_within) == (4, 12)
    assert found.size == pytest.approx((17 - 59 / 17) / 4)
    assert found.between_raw == pytest.approx((4.683664215686 - 8.757013888889) / found.size)
    assert found.between == 0
    assert found.icc == found.icc_low == 0


def test_the_intraclass_correlation_is_that_of_r():
    # R 4.2.2, psych 2.2.9: ICC(table, lmer = FALSE), Single_raters_absolute; its lower bound is
    # -0.133, which is no share.
    found = one_way(JUDGED.ravel(), np.repeat(np.arange(6), 4))
    assert found.f == pytest.approx(1.79467849223947, rel=1e-12)
    assert found.icc == pytest.approx(0.165741768405476, rel=1e-12)
    assert found.icc_low == 0
    assert found.icc_high == pytest.approx(0.722560062328121, rel=1e-9)


def test_crossed_is_the_analysis_of_variance_of_r():
    # R 4.2.2: anova(aov(y ~ platform + platform:run + platform:host))
    found = crossed(CELLS, PLATFORM, RUN, HOST)
    squares = found.mean_square_run, found.mean_square_host, found.mean_square_rest
    assert squares == pytest.approx((0.89977777778, 5.18097222222, 0.12761111111), rel=1e-9)
    assert (found.df_run, found.df_host, found.df_rest) == (5, 4, 10)
    assert (found.runs, found.hosts, found.dropped) == (7, 6, 0)
    assert found.host == pytest.approx((squares[1] - squares[2]) / 3.5)
    # R 4.2.2, lme4 1.1.31: lmer(y ~ platform + (1 | run) + (1 | host:platform)), REML, which is
    # the same where all platforms have as many runs, and here nearly.
    assert found.run == pytest.approx(0.257403386623359, rel=1e-3)
    assert found.rest == pytest.approx(0.127572142841735, rel=1e-3)
    assert found.host == pytest.approx(1.402518298849303, rel=0.03)


def test_the_agreement_of_hosts_is_that_of_r():
    # R 4.2.2, psych 2.2.9: ICC(table, lmer = FALSE), Single_fixed_raters
    runs, hosts = np.indices(JUDGED.shape).reshape(2, -1).astype(str)
    found = crossed(JUDGED.ravel(), ["P"] * 24, runs, hosts)
    assert found.icc == pytest.approx(0.714840714840715, rel=1e-12)
    limits = found.icc_low, found.icc_high
    assert limits == pytest.approx((0.3424647650339254, 0.945858259955360), rel=1e-8)


def test_the_reliability_of_means_is_that_of_r():
    # R 4.2.2, psych 2.2.9: ICC(table, lmer = FALSE), Average_fixed_raters
    limits = icc_interval(11.02724795640327, (5, 15), 1)
    assert limits == pytest.approx((0.6756747138163047, 0.985891678169062), rel=1e-8)


def test_a_run_that_lacks_a_host_is_left_out_and_counted():
    full = crossed(CELLS, PLATFORM, RUN, HOST)
    short = crossed([*CELLS, 4.0], [*PLATFORM, "Q"], [*RUN, "7"], [*HOST, "a"])
    assert short.dropped == 1
    assert (short.run, short.host, short.rest) == (full.run, full.host, full.rest)


def test_runs_of_two_platforms_may_carry_one_name():
    same = [str(number) for number in (0, 1, 2, 0, 1, 2, 3) for _ in range(3)]
    assert crossed(CELLS, PLATFORM, same, HOST) == crossed(CELLS, PLATFORM, RUN, HOST)


@pytest.mark.parametrize("sizes", [[5] * 8, [3, 3, 4, 5, 6, 8, 10, 12]], ids=["equal", "unequal"])
@pytest.mark.parametrize("true", [0.1, 0.6])
def test_the_interval_of_the_correlation_covers(sizes, true):
    random = np.random.default_rng(5)
    group = np.repeat(np.arange(len(sizes)), sizes)
    covered, between = [], []
    for _ in range(1500):
        effect = random.normal(0, np.sqrt(true), len(sizes))
        values = effect[group] + random.normal(0, np.sqrt(1 - true), len(group))
        found = one_way(values, group)
        covered.append(found.icc_low <= true <= found.icc_high)
        between.append(found.between_raw)
    share, tolerance = coverage_of(covered)
    assert share == pytest.approx(0.95, abs=tolerance)
    error = np.std(between) / np.sqrt(len(between))
    assert np.mean(between) == pytest.approx(true, abs=3.5 * error)


def test_crossed_components_are_unbiased_and_their_interval_covers():
    random = np.random.default_rng(6)
    platform = np.repeat(["P", "Q"], [24, 32])
    run, host = np.repeat(np.arange(14), 4), np.tile(np.arange(4), 14)
    raw, covered = [], []
    for _ in range(1500):
        values = 3 * (platform == "P") + random.normal(0, 1, 14)[run] + random.normal(0, 1.5, 56)
        values += random.normal(0, 2, (2, 4))[(platform == "P").astype(int), host]
        found = crossed(values, platform, run.astype(str), host.astype(str))
        raw.append((found.run_raw, found.host_raw, found.rest))
        covered.append(found.icc_low <= 1 / (1 + 1.5**2) <= found.icc_high)
    error = np.std(raw, axis=0) / np.sqrt(len(raw))
    assert np.all(np.abs(np.mean(raw, axis=0) - [1, 4, 1.5**2]) < 3.5 * error)
    share, tolerance = coverage_of(covered)
    assert share == pytest.approx(0.95, abs=tolerance)


def test_batches_do_not_overlap():
    assert batch_means([1, 3, 5, 7, 100], 2).tolist() == [2, 6]
    assert batch_means([1.0], 2).tolist() == []


def test_what_all_runs_do_is_no_chance():
    course = np.array([1.0, 5.0, 2.0])
    runs = course + np.array([[0.0], [10.0], [-3.0]])
    assert variance_of_mean(runs) == (pytest.approx(0, abs=1e-28), 4)
    assert variance_of_mean(course) == (pytest.approx(np.var(course, ddof=1) / 3), 2)
    assert variance_of_mean([[1.0], [2.0]]) == (pytest.approx(np.nan, nan_ok=True), 0)


def test_the_variance_of_independent_batches_is_unbiased():
    random = np.random.default_rng(7)
    found = [
        variance_of_mean(np.array([5.0, 9.0, 4.0]) + random.normal(0, 2, (6, 3)))
        for _ in range(2000)
    ]
    variances = np.array([variance for variance, _ in found])
    assert {freedom for _, freedom in found} == {10}
    error = np.std(variances) / np.sqrt(len(variances))
    assert variances.mean() == pytest.approx(4 / 3, abs=3.5 * error)
    # Scaled to their freedom they are chi-square, so a tenth lies below its first decile.
    low = np.mean(variances * 10 / (4 / 3) < chi2.ppf(0.1, 10))
    assert low == pytest.approx(0.1, abs=3.5 * np.sqrt(0.1 * 0.9 / 2000))


@pytest.mark.parametrize(("batches", "lack"), [(3, 0.10), (6, 0.19)])
def test_batches_that_remember_say_too_little_by_what_is_documented(batches, lack):
    # 60 samples with an autocorrelation of 0.6; the mean's variance is known.
    random, memory, n = np.random.default_rng(8), 0.6, 60
    lags = np.arange(1, n)
    true = (1 + 2 * np.sum((1 - lags / n) * memory**lags)) / n
    noise = random.normal(0, np.sqrt(1 - memory**2), (4000, n))
    noise[:, 0] /= np.sqrt(1 - memory**2)
    series = lfilter([1], [1, -memory], noise, axis=1)
    means = series.reshape(4000, batches, -1).mean(axis=2)
    variance, _ = variance_of_mean(means)
    assert variance / true == pytest.approx(1 - lack, abs=0.03)


def test_without_any_variance_there_is_no_correlation_and_no_warning():
    found = one_way([2.0] * 6, list("aabbcc"))
    assert found.between == found.within == 0
    assert np.isnan([found.f, found.icc, found.icc_low]).all()
    apart = one_way([1.0, 1.0, 2.0, 2.0], list("aabb"))
    assert (apart.f, apart.icc, apart.icc_low, apart.icc_high) == (np.inf, 1, 1, 1)
    cells = crossed([1.0] * 21, PLATFORM, RUN, HOST)
    assert cells.run == cells.rest == 0
    assert np.isnan(cells.icc)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: one_way([1.0, 2.0], ["a", "a"]), "1 group: the variance between groups needs two"),
        (lambda: one_way([1.0, 2.0], ["a", "b"]), "one value in each group"),
        (lambda: one_way([1.0, np.nan, 3.0], ["a", "a", "b"]), "not a finite number below 1e150"),
        (lambda: one_way(UNEQUAL, GROUPS, confidence=95), "a confidence of 95"),
        (lambda: crossed([1.0, 2.0], ["P"] * 2, ["1", "2"], ["a"] * 2), "two runs that share two"),
        (lambda: crossed([1.0, 2.0], ["P"] * 2, ["1", "1"], ["a"] * 2), "occur twice"),
        (lambda: batch_means([1.0], 0), "batches of 0 values"),
    ],
)
def test_what_cannot_be_taken_apart_is_said(call, message):
    with pytest.raises(InvalidData, match=message):
        call()
