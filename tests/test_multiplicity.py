"""Adjusted p-values against R and statsmodels, and what they promise by simulation."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from analysis.statistics.multiplicity import Family, holm
from minion.errors import InvalidData


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        # R 4.2.2: p.adjust(c(.01, .04, .03, .005), "holm")
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        # R 4.2.2: p.adjust(c(.01, NA, .04, .2, .0004, .04, NA, .9), "holm")
        (
            [0.01, np.nan, 0.04, 0.2, 0.0004, 0.04, np.nan, 0.9],
            [0.05, np.nan, 0.16, 0.4, 0.0024, 0.16, np.nan, 0.9],
        ),
    ],
)
def test_holm_is_rs(p, adjusted):
    assert holm(p) == pytest.approx(adjusted, nan_ok=True)


def test_holm_is_statsmodels():
    p = np.random.default_rng(1).uniform(size=250) ** 4
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_the_shape_stays_and_all_its_values_are_one_family():
    p = np.array([[0.01, 0.02, np.nan], [0.03, 0.5, 0.6]])
    assert holm(p).ravel() == pytest.approx(holm(p.ravel()), nan_ok=True)
    assert holm(p).shape == (2, 3)
    assert holm(p)[0, 0] == pytest.approx(0.05)


def test_no_tests_have_no_p_values():
    assert holm([]).size == 0
    assert np.isnan(holm([np.nan, np.nan])).all()


def test_the_values_that_are_given_stay():
    p = np.array([0.04, 0.01])
    holm(p)
    assert p.tolist() == [0.04, 0.01]


@pytest.mark.parametrize("p", [[0.2, 1.5], [-0.1]])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(InvalidData, match="is no p-value"):
        holm(p)


def test_a_family_counts_the_tests_that_were_made():
    p = [0.1, np.nan, 0.3]
    family = Family.of("cpu, 1 phase, 3 pairs", p)
    assert family == Family("cpu, 1 phase, 3 pairs", 2, "Holm (1979)")
    assert holm(p)[0] == pytest.approx(family.size * 0.1)


def test_one_false_finding_or_more_in_one_family_of_twenty():
    random = np.random.default_rng(2)
    times = 4000
    # Twelve tests of true nulls that depend on each other, beside three true effects.
    common = random.normal(size=(times, 1))
    z = (common + random.normal(size=(times, 12))) / np.sqrt(2)
    p = np.hstack([2 * stats.norm.sf(np.abs(z)), np.full((times, 3), 1e-9)])
    false = np.mean([(holm(row)[:12] <= 0.05).any() for row in p])
    plain = np.mean((p[:, :12] <= 0.05).any(axis=1))
    # At most 5 %, and three standard errors of 4000 simulations.
    assert false <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)
    assert plain > 0.25
