"""What few runs find by means and ranks: the pieces against SciPy's tests, draw by draw."""

from math import comb

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, ttest_ind

from analysis.statistics import small_samples
from analysis.statistics.critical import alone
from analysis.statistics.ranks import dunn, separated
from analysis.statistics.small_samples import found_difference, shown_margin


def draws(n, sd):
    """Two groups of each draw: others than those of the module."""
    random = np.random.default_rng(11)
    return [random.normal(0, one, (4000, size)) for one, size in zip(sd, n, strict=True)]


# A share of 4,000 draws, and the 10,000 of the module: three deviations of both.
TOLERANCE = 3 * np.sqrt(0.8 * 0.2 * (1 / 4000 + 1 / 10_000))


@pytest.mark.parametrize(("n", "sd"), [((4, 4), (1, 1)), ((6, 6), (1, 3)), ((5, 12), (2, 1))])
def test_the_difference_is_found_with_the_power_by_scipys_tests(n, sd):
    found = found_difference(sd, n, power=0.8, critical=alone(0.05), level=0.05)
    x, y = draws(n, sd)
    y = y + found
    by_means = ttest_ind(x, y, axis=1, equal_var=False).pvalue < 0.05
    by_ranks = [
        dunn(pair, [(0, 1)])[0] < 0.05 or separated(*pair) for pair in zip(x, y, strict=True)
    ]
    assert np.mean(by_means & by_ranks) == pytest.approx(0.8, abs=TOLERANCE)


@pytest.mark.parametrize(("n", "sd"), [((4, 4), (1, 1)), ((7, 7), (1, 3)), ((5, 12), (2, 1))])
def test_the_margin_is_shown_with_the_power_by_scipys_tests(n, sd):
    margin = shown_margin(sd, n, power=0.8, alpha=0.02, level=0.05)
    x, y = draws(n, sd)
    inside = np.ones(len(x), dtype=bool)
    for higher, lower in ((x + margin, y), (y + margin, x)):
        one = ttest_ind(higher, lower, axis=1, equal_var=False, alternative="greater").pvalue
        other = mannwhitneyu(higher, lower, axis=1, alternative="greater", method="exact").pvalue
        inside &= (one < 0.02) & (other < 0.05)
    assert np.mean(inside) == pytest.approx(0.8, abs=TOLERANCE)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_no_margin_is_shown_where_an_exact_test_cannot_be_below_the_level(n):
    for level in (0.2, 0.05, 0.01):
        margin = shown_margin((1, 1), (n, n), power=0.8, alpha=0.05, level=level)
        assert np.isfinite(margin) == (1 / comb(2 * n, n) < level)


def test_units_do_not_matter():
    options = {"power": 0.8, "critical": alone(0.05), "level": 0.05}
    one = found_difference((1, 2), (5, 5), **options)
    for unit in (1e-200, 1e140):
        assert found_difference((unit, 2 * unit), (5, 5), **options) == pytest.approx(one * unit)


def test_a_group_that_does_not_vary_is_as_good_as_any():
    assert 0 < found_difference((0, 1), (4, 4), power=0.8, critical=alone(0.05), level=0.05) < 4


def test_it_is_the_same_every_time():
    options = {"power": 0.9, "alpha": 0.05, "level": 0.05}
    first = shown_margin((1, 1), (6, 6), **options)
    small_samples._standard.cache_clear()
    assert shown_margin((1, 1), (6, 6), **options) == first
