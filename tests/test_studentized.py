"""The studentized range against R, SciPy, Student's t and integrals of many digits."""

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from analysis.statistics.studentized import _log_tail, range_critical, range_sf
from minion.errors import InvalidData

# R 4.2.2: ptukey(3.5, groups, df, lower.tail = FALSE), qtukey(0.95, groups, df)
R = [
    (2, 2, 0.131711236858, 6.079637419),
    (2, 4.5, 0.0616641242795, 3.760273804),
    (2, 23.7, 0.0208837987964, 2.920749532),
    (2, 100, 0.0150104235498, 2.805759429),
    (2, 1000, 0.0134932157037, 2.775166542),
    (2, np.inf, 0.0133283287809, 2.771807649),
    (3, 2, 0.229471520694, 8.330782551),
    (3, 4.5, 0.128371599826, 4.789664856),
    (3, 23.7, 0.0526315723855, 3.534595044),
    (3, 100, 0.0394954624589, 3.364572124),
    (3, 1000, 0.0359470397794, 3.319444899),
    (3, np.inf, 0.0355570418634, 3.314493158),
    (5, 2, 0.359655729479, 10.88111414),
    (5, 4.5, 0.245641985124, 5.936382405),
    (5, 23.7, 0.1304920726, 4.17042304),
    (5, 100, 0.104670393386, 3.928937115),
    (5, 1000, 0.097177490329, 3.864706946),
    (5, np.inf, 0.0963384639793, 3.857655527),
    (10, 2, 0.525953681134, 13.99385404),
    (10, 4.5, 0.441545953822, 7.351912649),
    (10, 23.7, 0.329754973122, 4.921067032),
    (10, 100, 0.294823030547, 4.576784545),
    (10, 1000, 0.283347441612, 4.484302446),
    (10, np.inf, 0.282016437633, 4.474124471),
]

# mpmath 1.4.1, 20 digits: quad over log S of the chi density times the tail of the normal range,
# groups * quad(npdf(z) * (ncdf(z)^(groups-1) - (ncdf(z) - ncdf(z-w))^(groups-1))).
MPMATH = [
    (3, 2, 3.5, 0.22947152069398),
    (3, 2, 1e4, 3.653986551836e-8),
    (3, 24, 15, 4.5470758660722e-10),
    (3, 47.3, 3.4, 0.051810137531509),
    (10, 1, 30, 0.081676778248179),
    (5, 7.5, 60, 2.3026889246628e-9),
]


@pytest.mark.parametrize(("groups", "df", "tail", "quantile"), R)
def test_r_has_the_same_tails_and_quantiles(groups, df, tail, quantile):
    # R's quadrature is 5e-5 off at 2 degrees of freedom and 1e-7 at 4.5: for two groups
    # Student's t shows it, 2 * pt(-3.5 / sqrt(2), 2) = 0.13175686. Its quantile stops at 1e-4.
    assert range_sf(3.5, groups, df) == pytest.approx(tail, abs=1e-4 if df < 4 else 2e-7)
    assert range_critical(0.95, groups, df) == pytest.approx(quantile, rel=1e-3 if df < 4 else 5e-5)


@pytest.mark.parametrize(("groups", "df", "q", "tail"), MPMATH)
def test_small_tails_keep_their_digits(groups, df, q, tail):
    assert range_sf(q, groups, df) == pytest.approx(tail, rel=1e-10)


@pytest.mark.parametrize("groups", [3, 4, 7, 10])
@pytest.mark.parametrize("df", [2, 5.5, 24, 1000])
def test_scipy_has_the_same(groups, df):
    q = np.array([0.4, 2.0, 3.6, 9.0])
    of_scipy = stats.studentized_range(groups, df)
    assert range_sf(q, groups, df) == pytest.approx(of_scipy.sf(q), abs=1e-11)
    assert range_critical(0.99, groups, df) == pytest.approx(of_scipy.ppf(0.99), rel=1e-9)


@pytest.mark.parametrize("df", [1, 1.3, 2, 3.7, 20, 150.5, 1e4, 1e7, 1e11, np.inf])
def test_the_integrals_over_two_groups_are_students_t(df):
    """Two groups take the shortcut; the integrals must not need it, far out in the tail either."""
    q = np.concatenate([np.linspace(0.01, 36, 300), np.logspace(1.6, 7, 40)])
    expected = 2 * stats.t.sf(q / np.sqrt(2), df)
    kept = expected > 1e-100
    found = np.exp(_log_tail(q, 2, np.full(len(q), float(df)))[0])
    assert found[kept] == pytest.approx(expected[kept], rel=1e-10)
    assert range_sf(q, 2, df) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("groups", [3, 6, 20])
def test_infinite_freedom_is_the_range_of_normals(groups):
    def density(z, w):
        inside = stats.norm.cdf(z) - stats.norm.cdf(z - w)
        return groups * stats.norm.pdf(z) * inside ** (groups - 1)

    q = np.array([0.5, 2.0, 4.0, 6.0])
    expected = [1 - quad(density, -9, w + 9, (w,), epsabs=1e-13)[0] for w in q.tolist()]
    assert range_sf(q, groups, np.inf) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("groups", [2, 3, 10, 50])
def test_a_critical_value_has_the_tail_it_is_asked_for(groups):
    confidence = np.array([1e-6, 0.05, 0.5, 0.9, 0.95, 0.999, 1 - 1e-9])[:, None]
    df = np.array([1, 1.5, 2, 7.25, 30, 1e3, 1e6, np.inf])
    q = range_critical(confidence, groups, df)
    assert q.shape == (7, 8)
    assert range_sf(q, groups, df) == pytest.approx(
        np.broadcast_to(1 - confidence, q.shape), rel=1e-9
    )


def test_shapes_are_broadcast_and_blocks_leave_no_seam():
    q, df = np.linspace(0.1, 9, 5000), 11.5
    together = range_sf(q, 3, df)
    assert together.shape == (5000,)
    apart = np.array([range_sf(value, 3, df) for value in q[2000:2100]])
    assert together[2000:2100] == pytest.approx(apart, rel=1e-14)
    assert (np.diff(together) < 0).all()
    assert range_sf(np.ones((4, 1)), 3, np.array([2.0, 3.0])).shape == (4, 2)
    assert range_sf(1.0, 3, 2.0).shape == ()
    assert range_sf([], 3, 2.0).shape == range_critical([], 3, 2.0).shape == (0,)


@pytest.mark.parametrize("groups", [2, 3])
def test_the_ends_of_the_range(groups):
    found = range_sf([-1.0, 0.0, 1e300, np.inf, np.nan, 2.0, 2.0], groups, [5] * 5 + [np.nan, 0])
    assert found[:4].tolist() == [1.0, 1.0, pytest.approx(0, abs=1e-300), 0.0]
    assert np.isnan(found[4:]).all()
    assert np.isnan(range_critical([0.95, 0.95, np.nan], groups, [np.nan, -1, 5])).all()


def test_what_cannot_be_computed_is_said():
    with pytest.raises(InvalidData, match="two or more"):
        range_sf(1.0, 1, 5)
    for confidence in (0, 1, 95):
        with pytest.raises(InvalidData, match=r"between 0 and 1, for example 0\.95"):
            range_critical(confidence, 3, 5)
