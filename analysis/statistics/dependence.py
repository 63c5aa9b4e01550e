"""Samples that depend on their neighbours: how much they are worth, and an interval of their mean.

Each function takes the samples of one series in order of time; NaN stands for one that is missing.
"""

import math
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfft, next_fast_len, rfft

from minion.errors import InvalidData

FEWEST = 8  # samples, below which nothing is said about dependence
_BLOCKS = 4  # that an interval needs at least
_ROUNDING = 1e-9  # of the values' spread

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate from one series, and a confidence interval of what it estimates.

    low, high: NaN where the series cannot bound it.
    block: samples in a block of the bootstrap.
    draws: how often it was resampled.
    """

    estimate: float
    low: float
    high: float
    block: int
    draws: int


def autocorrelation(values: ArrayLike, lags: int) -> Floats:
    """Sample autocorrelations at the lags 0 … `lags`.

    With x the values, m their mean and n their number, over the pairs where both are there:

        c(k) = sum((x(t) - m)(x(t + k) - m)) / (pairs(k) + k),   r(k) = c(k) / c(0)

    which without gaps is the usual biased estimator with the denominator n (Box, Jenkins and
    Reinsel 1994, Time Series Analysis, section 2.1.5), and with gaps R's `acf(na.action =
    na.pass)`. It is drawn towards zero: by about (1 + 4r) / n when neighbours correlate by r.

    Args:
        values: samples in order of time; of many series along the last axis, padded with NaN.
        lags: the longest lag.

    Returns:
        The autocorrelations along the last axis; NaN for values that are all equal, and at lags
        without a pair.

    Raises:
        InvalidData: lags are negative, or a value is infinite.
    """
    if lags < 0:
        raise InvalidData(f"{lags} lags; give a number that is not negative")
    x = _finite(values)
    length = x.shape[-1]
    there = ~np.isnan(x)
    n = there.sum(axis=-1, keepdims=True)
    mean = np.where(there, x, 0).sum(axis=-1, keepdims=True) / np.maximum(n, 1)
    deviations = np.where(there, x - mean, 0)
    pairs = np.maximum(length - np.arange(lags + 1), 0).astype(np.float64)
    if not there.all():
        pairs = np.rint(_products(there.astype(np.float64), lags))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = _products(deviations, lags) / (pairs + np.arange(lags + 1))
        found = np.where(pairs > 0, found / found[..., :1], np.nan)
    return np.where(_vary(x)[..., None], found, np.nan)


def effective_size(values: ArrayLike) -> float:
    """The number of independent values whose mean would be as certain as that of these.

    n / (1 + 2 sum r(k)), summed over pairs of lags r(2m) + r(2m + 1) up to the first pair that is
    not positive: the initial positive sequence of Geyer (1992, Practical Markov chain Monte
    Carlo, section 3.3). At most n: that of a series which swings back and forth may be larger,
    which is not made use of.

    It flatters short series with a long memory, since `autocorrelation` does: 60 samples whose
    neighbours correlate by 0.6 are worth 15, and yield 19 in the median; at 0.9, 3 and 7.5.

    Args:
        values: samples in order of time; NaN where one is missing.

    Returns:
        Between 0 and n; NaN for fewer than 8 samples, and for values that are all equal.

    Raises:
        InvalidData: a value is infinite.
    """
    return float(effective_sizes(np.atleast_2d(_series(values)))[0])


def effective_sizes(values: ArrayLike) -> Floats:
    """`effective_size` of many series at once.

    Args:
        values: series x samples; shorter ones are padded with NaN.
    """
    x = _finite(values)
    length = x.shape[-1]
    if length < FEWEST:
        return np.full(x.shape[:-1], np.nan)
    lags = autocorrelation(x, length - 1 - length % 2)
    pairs = lags[..., 0::2] + lags[..., 1::2]
    positive = np.logical_and.accumulate(pairs > 0, axis=-1)
    times = np.maximum(2 * np.where(positive, pairs, 0).sum(axis=-1) - 1, 1)
    n = (~np.isnan(x)).sum(axis=-1)
    return np.where((n >= FEWEST) & _vary(x), n / times, np.nan)


def block_length(values: ArrayLike) -> int:
    """Samples in a block, so that blocks keep most of the dependence and are still many.

    The length that minimizes the mean square error of the block bootstrap's variance of the mean,
    for circular or moving blocks (Politis and White 2004, Automatic block-length selection for
    the dependent bootstrap; the constant 4/3 as corrected by Patton, Politis and White 2009). It
    is rounded up, and at most the smaller of 3 √n and n / 3.

    Args:
        values: samples in order of time; NaN where one is missing.

    Returns:
        At least 1, which it is for fewer than 8 samples and for values that are all equal.

    Raises:
        InvalidData: a value is infinite.
    """
    x = _series(values)
    n = int((~np.isnan(x)).sum())
    if n < FEWEST or not _vary(x):
        return 1
    insignificant_lags = max(5, math.ceil(math.log10(n)))
    longest = math.ceil(math.sqrt(n)) + insignificant_lags
    r = np.nan_to_num(autocorrelation(x, longest))
    significant = np.abs(r[1:]) >= 2 * math.sqrt(math.log10(n) / n)
    window = min(2 * _memory(significant, insignificant_lags), longest)
    lags = np.arange(1, window + 1)
    weights = np.minimum(1, 2 * (1 - lags / window)) * r[1 : window + 1]
    spectrum = 1 + 2 * weights.sum()
    if spectrum == 0:
        return 1
    slope = 2 * (lags * weights).sum()
    length = float((1.5 * n * (slope / spectrum) ** 2) ** (1 / 3))
    return max(1, math.ceil(min(length, 3 * math.sqrt(n), n / 3)))


def bootstrap_mean(
    values: ArrayLike,
    *,
    confidence: float = 0.95,
    draws: int = 2000,
    statistic: Literal["mean"] | float = "mean",
) -> Interval:
    """The mean of one run's samples, or a quantile of them, with a confidence interval.

    A studentized bootstrap of moving blocks (Künsch 1989, The jackknife and the bootstrap for
    general stationary observations; Götze and Künsch 1996, Second-order correctness of the
    blockwise bootstrap for stationary observations):

        mean ± q · s

    s² is the variance of the means of all blocks of l samples, times l / n, times n / (n - l)
    because they are taken around the mean that they make up. q is the `confidence` quantile of
    |t|, where t is the same ratio in resamples of whole blocks, their s from these blocks. l is
    twice `block_length`, at most n / 4: the length that is best for s² leaves out a third of it
    at n = 60. Gaps are closed: samples on both sides of one become neighbours.

    For a quantile p, the interval of the share of samples at or below it is p ± q · s, and its
    ends are the sample's quantiles (type 7) at both (Woodruff 1952, Confidence intervals for
    medians and other position measures).

    Simulated at 95 %, where neighbours correlate by 0.6, it covers in 94.6 % of 60 samples and in
    94.8 % of 300; by 0.9, in 90.7 % and 95.1 %. It pays with width: 1.5 times what the known
    dependence would give at 60 samples. Percentiles of resampled means, in blocks of
    `block_length`, cover in 82 % at 0.6 and 60.

    The random generator is seeded from the samples and the options: the same samples give the
    same interval.

    Args:
        values: samples in order of time; NaN where one is missing.
        confidence: probability that the interval covers the expectation, or the quantile, of the
            process that the samples come from: what this run would show if it lasted. Nothing
            is said about other runs.
        draws: number of resamples.
        statistic: `mean`, or the quantile as a number between 0 and 1.

    Returns:
        The estimate in the values' unit with low and high. These are NaN for fewer than 8
        samples, for values that are all equal, when too many resamples show no spread, and on a
        side where a quantile lies too near to the end of the sample to be bounded.

    Raises:
        InvalidData: an option out of its range, or a value is infinite.
    """
    _check(confidence, draws, statistic)
    series = _series(values)
    x = series[~np.isnan(series)]
    if x.size == 0:
        return Interval(math.nan, math.nan, math.nan, 1, draws)
    estimate = float(x.mean() if statistic == "mean" else np.quantile(x, statistic))
    if x.size < FEWEST or not _vary(x):
        return Interval(estimate, math.nan, math.nan, 1, draws)
    block = min(2 * block_length(series), x.size // _BLOCKS)
    seed = sha256(x.astype("<f8").tobytes() + repr((confidence, draws, statistic)).encode())
    random = np.random.default_rng(int.from_bytes(seed.digest(), "big"))
    if statistic == "mean":
        half = _half_width(x, block, confidence, draws, random)
        return Interval(estimate, estimate - half, estimate + half, block, draws)
    share = float(statistic)
    half = _half_width((x <= estimate).astype(np.float64), block, confidence, draws, random)
    low, high = (_quantile(x, share + side) for side in (-half, half))
    return Interval(estimate, low, high, block, draws)


def _half_width(
    x: Floats, block: int, confidence: float, draws: int, random: np.random.Generator
) -> float:
    """Half of the interval of the mean of x; NaN where there is none."""
    n = x.size
    sums = np.cumsum(np.concatenate([[0.0], x - x.mean()]))
    means = (sums[block:] - sums[:-block]) / block
    around = float(means.mean())
    variance = float(means.var()) * block / (n - block)
    drawn = means[random.integers(0, means.size, (draws, n // block))]
    errors = np.sqrt(drawn.var(axis=1, ddof=1) / drawn.shape[1])
    # Equal blocks have no spread, but for rounding.
    spread = errors > _ROUNDING * x.std()
    off = np.abs(drawn.mean(axis=1) - around)
    ratios = np.sort(np.divide(off, errors, out=np.full(draws, np.inf), where=spread))
    ratio = float(ratios[min(math.ceil(confidence * (draws + 1)), draws) - 1])
    return ratio * math.sqrt(variance) if math.isfinite(ratio) else math.nan


def _quantile(x: Floats, share: float) -> float:
    return float(np.quantile(x, share)) if 0 <= share <= 1 else math.nan


def _memory(significant: NDArray[np.bool_], insignificant_lags: int) -> int:
    """The lag, counted from 1, at which so many insignificant ones in a row begin.

    Politis and White (2004, footnote c); where there is no such lag, the last significant one.
    """
    rows = np.lib.stride_tricks.sliding_window_view(~significant, insignificant_lags)
    begin = np.flatnonzero(rows.all(axis=1))
    if begin.size:
        return int(begin[0]) + 1
    return int(np.flatnonzero(significant)[-1]) + 1


def _products(x: Floats, lags: int) -> Floats:
    """Sums of x(t) x(t + k) along the last axis, k = 0 … lags."""
    size = next_fast_len(x.shape[-1] + lags, real=True)
    transformed = rfft(x, size)
    power = transformed.real**2 + transformed.imag**2
    products: Floats = irfft(power, size)[..., : lags + 1]
    return products


def _vary(x: Floats) -> NDArray[np.bool_]:
    """Whether there are different values along the last axis."""
    lowest = np.where(np.isnan(x), np.inf, x).min(axis=-1, initial=np.inf)
    highest = np.where(np.isnan(x), -np.inf, x).max(axis=-1, initial=-np.inf)
    return np.asarray(lowest < highest)


def _finite(values: ArrayLike) -> Floats:
    x = np.asarray(values, dtype=np.float64)
    if np.isinf(x).any():
        raise InvalidData("an infinite value among the samples; leave it out or write NaN for it")
    return x


def _series(values: ArrayLike) -> Floats:
    x = _finite(values)
    if x.ndim != 1:
        raise InvalidData(f"an array of {x.ndim} dimensions; give the samples of one series")
    return x


def _check(confidence: float, draws: int, statistic: str | float) -> None:
    if not 0 < confidence < 1:
        raise InvalidData(f"a confidence of {confidence}; give a number between 0 and 1")
    if draws < 1 / (1 - confidence):
        raise InvalidData(f"{draws} draws; {confidence:.0%} needs {1 / (1 - confidence):.0f}")
    if statistic != "mean" and not (isinstance(statistic, int | float) and 0 < statistic < 1):
        raise InvalidData(f"the statistic {statistic!r}; give mean or a quantile between 0 and 1")
