"""Where saturation begins: held against R, against a search by hand, and by simulation."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom

from analysis.saturating.onset import Verdict, onset
from analysis.saturating.segmented import Split
from minion.errors import InvalidData

X = np.arange(1, 31.0)
NOISE = np.tile([0.3, -0.2, 0.5, -0.6, 0.1, 0.4, -0.3, 0.2, -0.5, 0.6], 3)


def noise(random, n, phi):
    """Normal values of variance 1 whose neighbours correlate by phi."""
    drawn = lfilter([1], [1, -phi], random.standard_normal(n + 200))
    return drawn[200:] * np.sqrt(1 - phi**2)


def fitted(loads, responses):
    """One fit, and its sum of squares."""
    fit = Split(loads).fit(responses[None, :])
    squares = float(((responses - fit.line(loads)[0]) ** 2).sum())
    return float(fit.at[0]), float(fit.before[0]), float(fit.after[0]), squares


def ramp(n=200, at=80.0, after=0.05):
    loads = np.arange(1.0, n + 1)
    return loads, np.minimum(loads, at) + after * np.maximum(loads - at, 0)


# ---------------------------------------------------------------- the fit


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        # segmented 1.6-2 with R 4.2.2: s <- segmented(lm(y ~ x), seg.Z = ~x, psi = 15), then
        # s$psi[1, "Est."], slope(s)$x[, 1], deviance(s); x <- 1:30.
        (
            np.minimum(X, 18) + NOISE,
            (18.0000009963, 0.9986600000, 0.0027579000, 4.8727342725),
        ),
        # y <- sqrt(x) * 5 + sin(x), psi = 10. R's iteration ends a little before the optimum.
        (np.sqrt(X) * 5 + np.sin(X), (8.4277606475, 1.2504, 0.57934, 16.0720275318)),
    ],
)
def test_the_fit_is_r_s_or_better(responses, expected):
    found = fitted(X, responses)
    assert found[:3] == pytest.approx(expected[:3], abs=3e-5)
    # R's figures have ten decimals.
    assert expected[3] - 1e-6 < found[3] <= expected[3] + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_no_break_of_a_fine_grid_fits_better(seed):
    random = np.random.default_rng(seed)
    loads = np.sort(random.uniform(0, 10, 40))
    responses = np.minimum(loads, 6) + random.normal(0, 1, 40)
    at, *_, squares = fitted(loads, responses)
    least = np.inf
    for place in np.linspace(loads[3], loads[-4], 4001):
        design = np.stack([np.ones(40), loads, np.maximum(loads - place, 0)], axis=1)
        least = min(least, np.linalg.lstsq(design, responses, rcond=None)[1][0])
    assert squares <= least + 1e-9
    assert loads[3] <= at <= loads[-4]


def test_many_series_are_fitted_as_each_one():
    random = np.random.default_rng(3)
    loads = np.r_[np.arange(40.0), np.arange(20.0)]
    many = np.minimum(loads, 25) + random.normal(0, 2, (6, 60))
    fits = Split(loads).fit(many)
    alone = [fitted(loads, one)[:3] for one in many]
    assert np.stack([fits.at, fits.before, fits.after], axis=1) == pytest.approx(np.array(alone))


def test_the_unit_of_load_and_response_does_not_matter():
    at, before, after, _ = fitted(X, np.minimum(X, 18) + NOISE)
    far = fitted(1e6 + 1000 * X, 5e7 + 1e4 * (np.minimum(X, 18) + NOISE))
    assert far[:3] == pytest.approx((1e6 + 1000 * at, 10 * before, 10 * after), rel=1e-6)
    loads, truth = ramp(60, 30)
    responses = truth + noise(np.random.default_rng(2), 60, 0.3)
    mine, other = onset(loads, responses).at, onset(1000 * loads, 1e4 * responses).at
    assert other.estimate == pytest.approx(1000 * mine.estimate)
    # Other numbers, so other draws: the intervals agree as far as 1,000 draws do.
    assert other.high - other.low == pytest.approx(1000 * (mine.high - mine.low), rel=0.2)


# ---------------------------------------------------------------- the interval


@pytest.mark.parametrize(
    ("phi", "louder", "promised"),
    [(0.0, False, 0.94), (0.6, False, 0.92), (0.6, True, 0.92), (0.9, False, 0.90)],
)
def test_the_interval_covers_as_often_as_it_says(phi, louder, promised):
    """Of 120 ramps as many cover as 120 tosses of the documented probability would, but for 1 %."""
    random = np.random.default_rng(7)
    loads, truth = ramp()
    spread = np.where(loads < 80, 0.5, 2) if louder else 1.0
    covered = 0
    for _ in range(120):
        found = onset(loads, truth + 4 * spread * noise(random, 200, phi), draws=150)
        covered += found.at.low <= 80 <= found.at.high
    assert covered >= binom.ppf(0.01, 120, promised)


def test_a_straight_line_is_rarely_called_saturated():
    """At most as often as chance lets a verdict at 95 % be wrong on that side: 1 in 40."""
    random = np.random.default_rng(9)
    loads, _ = ramp()
    found = [
        onset(loads, loads + 6 * noise(random, 200, 0.6), draws=150).verdict for _ in range(60)
    ]
    assert found.count(Verdict.SATURATED) <= binom.ppf(0.99, 60, 0.025)


def test_the_verdict_is_about_what_is_left_of_the_growth():
    random = np.random.default_rng(1)
    loads, flat = ramp(after=0)
    _, slower = ramp(after=0.8)
    errors = noise(random, 200, 0.3)
    assert onset(loads, flat + errors).verdict is Verdict.SATURATED
    assert onset(loads, slower + errors).verdict is Verdict.GROWING
    assert onset(loads, slower + errors, share=0.9).verdict is not Verdict.GROWING
    assert onset(loads, 300 - flat + errors).verdict is Verdict.SATURATED
    assert onset(loads, 10 * errors).verdict is Verdict.UNDECIDED


def test_the_same_points_give_the_same_interval():
    loads, truth = ramp(60, 30)
    responses = truth + noise(np.random.default_rng(2), 60, 0.3)
    assert onset(loads, responses) == onset(loads, responses)
    wide, narrow = (onset(loads, responses, confidence=c).at for c in (0.99, 0.8))
    assert wide.low < narrow.low < narrow.estimate == wide.estimate < narrow.high < wide.high


def test_points_without_a_value_are_left_out():
    loads, truth = ramp(60, 30)
    responses = truth + noise(np.random.default_rng(2), 60, 0.3)
    holes = responses.copy()
    holes[[3, 40]] = np.nan
    there = ~np.isnan(holes)
    assert onset(loads, holes) == onset(loads[there], holes[there])
    assert onset(loads, holes).n == 58


def test_lines_without_noise_are_what_they_are():
    loads, truth = ramp(60, 30, after=0)
    found = onset(loads, truth)
    assert (found.at.estimate, found.at.low, found.at.high) == pytest.approx((30, 30, 30))
    assert (found.before.estimate, found.after.estimate) == pytest.approx((1, 0), abs=1e-9)
    assert found.verdict is Verdict.SATURATED


def test_a_side_without_noise_does_no_harm():
    loads, truth = ramp(60, 30, after=0)
    responses = truth + np.where(loads > 30, noise(np.random.default_rng(5), 60, 0), 0)
    found = onset(loads, responses)
    assert found.at.low < 30.5
    assert found.at.high > 29.5
    assert found.verdict is Verdict.SATURATED


@pytest.mark.parametrize(
    ("loads", "responses", "message"),
    [
        (range(5), range(5), "5 points on the ramp; a break needs 12 or more"),
        ([1] * 20, range(20), "the loads take too few values for a break"),
        ([1] * 10 + [2] * 10, range(20), "the loads take too few values for a break"),
        (range(20), [3] * 20, "the response is the same at every load"),
        (range(20), [np.inf, *range(19)], "an infinite value on the ramp"),
        (range(20), [np.nan] * 20, "0 points on the ramp"),
        (range(20), range(19), r"loads of shape \(20,\), responses of \(19,\)"),
    ],
)
def test_what_has_no_break_is_said(loads, responses, message):
    with pytest.raises(InvalidData, match=message):
        onset(list(loads), list(responses))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"confidence": 1}, "a confidence of 1; give a number between 0 and 1"),
        ({"draws": 5}, "5 draws; 95% needs 20"),
        ({"share": 0}, "a share of 0; give a number between 0 and 1"),
    ],
)
def test_an_option_out_of_its_range_is_named(option, message):
    with pytest.raises(InvalidData, match=message):
        onset(*ramp(60, 30), **option)


def test_points_for_a_split_are_checked_there_too():
    with pytest.raises(InvalidData, match="3 points; a break is looked for among 12 or more"):
        Split(np.arange(3.0))
    with pytest.raises(InvalidData, match="a load is not a number"):
        Split(np.r_[np.nan, np.arange(20.0)])
