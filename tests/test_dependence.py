"""Dependence between samples: against R and arch, and by simulation."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from analysis.statistics.dependence import (
    autocorrelation,
    block_length,
    bootstrap_mean,
    effective_size,
    effective_sizes,
)
from minion.errors import InvalidData

# R 4.2.2: cat(lh, sep = ", "), luteinizing hormone every 10 minutes
LH = np.array(
    [
        *(2.4, 2.4, 2.4, 2.2, 2.1, 1.5, 2.3, 2.3, 2.5, 2.0, 1.9, 1.7, 2.2, 1.8, 3.2, 3.2),
        *(2.7, 2.2, 2.2, 1.9, 1.9, 1.8, 2.7, 3.0, 2.3, 2.0, 2.0, 2.9, 2.9, 2.7, 2.7, 2.3),
        *(2.6, 2.4, 1.8, 1.7, 1.5, 1.4, 2.1, 3.3, 3.5, 3.5, 3.1, 2.6, 2.1, 3.4, 3.0, 2.9),
    ]
)
# R 4.2.2: cat(Nile, sep = ", "), its flow at Aswan in each year from 1871 to 1970
NILE = np.array(
    [
        *(1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020),
        *(960, 1180, 799, 958, 1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840),
        *(874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969, 831, 726, 456, 824, 702, 1120),
        *(1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759, 781, 865),
        *(845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874),
        *(848, 890, 744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170),
        *(912, 746, 919, 718, 714, 740),
    ],
    dtype=float,
)
GAPS = [4, 5, 19]


def memory(rho, n, series, seed=1):
    """Series x samples of variance 1 whose neighbours correlate by rho, of order one."""
    drawn = np.random.default_rng(seed).standard_normal((series, n))
    drawn[:, 1:] *= math.sqrt(1 - rho**2)
    for at in range(1, n):
        drawn[:, at] += rho * drawn[:, at - 1]
    return drawn


def with_gaps(values):
    gaps = values.copy()
    gaps[GAPS] = np.nan
    return gaps


def test_autocorrelations_are_rs():
    # R 4.2.2: acf(lh, lag.max = 4, plot = FALSE)$acf
    expected = [1, 0.575524475524475, 0.181818181818182, -0.144755244755245, -0.174825174825175]
    assert autocorrelation(LH, 4) == pytest.approx(expected, abs=1e-14)
    # R 4.2.2: x <- lh; x[c(5, 6, 20)] <- NA; acf(x, 4, plot = FALSE, na.action = na.pass)$acf
    expected = [1, 0.589611065606465, 0.149415011733729, -0.13761820660744, -0.172123538135833]
    assert autocorrelation(with_gaps(LH), 4) == pytest.approx(expected, abs=1e-14)


def test_autocorrelations_of_many_series_are_those_of_each():
    padded = np.full((2, 100), np.nan)
    padded[0, :48], padded[1] = with_gaps(LH), NILE
    assert autocorrelation(padded, 60)[0, :48] == pytest.approx(autocorrelation(with_gaps(LH), 47))
    assert np.isnan(autocorrelation(padded, 60)[0, 48:]).all()
    assert effective_sizes(padded).tolist() == pytest.approx(
        [effective_size(with_gaps(LH)), effective_size(NILE)]
    )


def test_effective_sizes_are_those_of_geyers_own_program():
    # R 4.2.2, mcmc 0.9-7: i <- initseq(lh); 48 * i$gamma0 / i$var.pos, and so for Nile
    assert effective_size(LH) == pytest.approx(21.5713387806411, rel=1e-13)
    assert effective_size(NILE) == pytest.approx(9.64483058770132, rel=1e-13)


@pytest.mark.parametrize(
    ("rho", "n", "bias"), [(0.6, 60, 1.26), (0.6, 300, 1.02), (0.9, 300, 1.27)]
)
def test_effective_sizes_are_near_to_the_true_one_and_flatter_short_series(rho, n, bias):
    # The median of 2,000 is known to some 3 %.
    found = np.median(effective_sizes(memory(rho, n, 2000)))
    assert found / (n * (1 - rho) / (1 + rho)) == pytest.approx(bias, rel=0.08)


def test_what_swings_back_is_worth_no_more_than_its_number():
    assert effective_size(memory(-0.6, 60, 1)[0]) == 60


def test_block_lengths_are_those_of_two_programs():
    # arch 8.0.0 (Python): optimal_block_length(x).circular = 2.990, 14.118;
    # R 4.2.2, np 0.70-6: b.star(x, c = 2)[, "BstarCB"] gives the same.
    assert block_length(LH) == 3
    assert block_length(NILE) == 15


def test_blocks_are_longer_where_the_memory_is():
    lengths = [np.median([block_length(x) for x in memory(rho, 300, 100)]) for rho in (0, 0.6, 0.9)]
    assert lengths == sorted(set(lengths))
    assert max(block_length(x) for x in memory(0.99, 60, 100)) <= 20


# 5,000 to 20,000 other series gave the figures. Three standard errors of a share of 1,500 are 1.7 %
# at 95 %, 2.3 % at 90 %.
@pytest.mark.parametrize(
    ("rho", "n", "coverage"),
    [(0, 60, 0.960), (0.6, 60, 0.946), (0.6, 300, 0.948), (0.9, 60, 0.907), (0.9, 300, 0.951)],
)
def test_the_interval_of_a_mean_covers_it_as_often_as_documented(rho, n, coverage):
    found = [bootstrap_mean(x, draws=600) for x in memory(rho, n, 1500)]
    covered = np.mean([i.low <= 0 <= i.high for i in found])
    assert covered == pytest.approx(coverage, abs=0.023 if coverage < 0.93 else 0.017)


def test_the_interval_covers_the_mean_of_what_a_processor_shows():
    # As in the simulated study: lognormal with a memory of 0.6, counted in ticks.
    random = np.random.default_rng(4)
    level = 6 * np.exp(0.2 * memory(0.6, 60, 1500) - 0.02)
    found = [bootstrap_mean(x / 10, draws=600) for x in random.poisson(level)]
    assert np.mean([i.low <= 0.6 <= i.high for i in found]) == pytest.approx(0.932, abs=0.02)


@pytest.mark.parametrize(("share", "n"), [(0.5, 60), (0.5, 300), (0.9, 300)])
def test_the_interval_of_a_quantile_covers_it(share, n):
    found = [bootstrap_mean(x, draws=600, statistic=share) for x in memory(0.6, n, 1000)]
    true = norm.ppf(share)
    missed = np.mean([i.low > true or i.high < true for i in found])
    assert missed == pytest.approx(0.04, abs=0.025)


def test_a_quantile_that_a_short_run_cannot_bound_has_no_bound():
    found = bootstrap_mean(memory(0, 60, 1)[0], statistic=0.95)
    assert math.isnan(found.high)
    assert found.low < found.estimate


def test_the_same_samples_give_the_same_interval():
    x = memory(0.6, 60, 1)[0]
    first = bootstrap_mean(x)
    assert bootstrap_mean(list(x)) == first
    assert bootstrap_mean(np.append(x, np.nan)) == first
    assert first.draws == 2000
    assert first.low < first.estimate == x.mean() < first.high
    wider = bootstrap_mean(x, confidence=0.99)
    assert wider.high - wider.low > first.high - first.low
    median = bootstrap_mean(x, statistic=0.5)
    assert median.low < median.estimate == np.median(x) < median.high


@pytest.mark.parametrize("x", [[], [np.nan] * 9, [3.0], LH[:7], [0.1] * 60])
def test_too_few_or_equal_samples_have_no_figures(x):
    assert math.isnan(effective_size(x))
    assert block_length(x) == 1
    for statistic in ("mean", 0.5):
        found = bootstrap_mean(x, statistic=statistic)
        assert math.isnan(found.low)
        assert math.isnan(found.high)
        there = np.asarray(x)[~np.isnan(x)]
        assert math.isnan(found.estimate) != bool(len(there))


def test_equal_values_have_no_autocorrelation_even_where_their_mean_is_rounded():
    assert np.isnan(autocorrelation([0.1] * 60, 3)).all()


def test_resamples_without_spread_give_no_interval():
    lone = np.zeros(60)
    lone[30] = 7.0
    found = bootstrap_mean(lone)
    assert found.estimate == pytest.approx(7 / 60)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 1.0}, "a confidence of 1.0; give a number between 0 and 1"),
        ({"draws": 5}, "5 draws; 95% needs 20"),
        ({"statistic": "median"}, "the statistic 'median'; give mean or a quantile"),
        ({"statistic": 1.0}, "the statistic 1.0; give mean or a quantile"),
    ],
)
def test_options_out_of_range_are_named(options, message):
    with pytest.raises(InvalidData, match=message):
        bootstrap_mean(LH, **options)


def test_values_that_are_no_samples_of_one_series_are_refused():
    for function in (effective_size, block_length, bootstrap_mean):
        with pytest.raises(InvalidData, match="an infinite value among the samples"):
            function([1.0, np.inf] * 5)
        with pytest.raises(InvalidData, match="an array of 2 dimensions"):
            function(np.ones((10, 2)))
    with pytest.raises(InvalidData, match="-1 lags"):
        autocorrelation(LH, -1)
