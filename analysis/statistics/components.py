"""Where variance comes from: components of one-way and crossed layouts, and of time.

All by the moments of the analysis of variance: mean squares are set equal to what they are on
average, and the equations solved. A component below zero is estimated as 0; its raw value is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as f_distribution

from analysis.statistics.moments import LARGEST
from minion.errors import InvalidData

Floats = NDArray[np.float64]
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class OneWay:
    """Values in groups: how much of their variance lies between the groups.

    groups, values: how many there are.
    size: values in a group; where groups differ in size, the n0 of the moments.
    mean_square_between, mean_square_within, df_between, df_within, f: the analysis of variance.
    between, within: variance components, in the square of the values' unit.
    between_raw: before it was kept from falling below 0.
    icc: between / (between + within), the intraclass correlation; NaN where nothing varies.
    icc_low, icc_high: its interval.
    """

    groups: int
    values: int
    size: float
    mean_square_between: float
    mean_square_within: float
    df_between: int
    df_within: int
    f: float
    between: float
    within: float
    between_raw: float
    icc: float
    icc_low: float
    icc_high: float


def one_way(values: ArrayLike, group: ArrayLike, *, confidence: float = CONFIDENCE) -> OneWay:
    """The one-way layout with random groups.

    With k groups of n_i values, N in all, and n0 = (N - sum(n_i^2) / N) / (k - 1):

        within  = MS_within
        between = (MS_between - MS_within) / n0

    (Searle, Casella and McCulloch, Variance Components, 1992, chapter 3). The interval of the
    intraclass correlation is exact for normal values in groups of one size (Searle, Linear
    Models, 1971, chapter 9; Shrout and Fleiss, Intraclass Correlations, 1979, ICC(1)). For
    groups of several sizes it is the approximation of Thomas and Hultquist (Interval Estimation
    for the Unbalanced Case of the One-Way Random Effects Model, 1978): the unweighted group
    means, and the harmonic mean of the sizes.

    Args:
        values: numbers, in any order.
        group: the group of each; of any type that can be sorted.
        confidence: of the interval.

    Raises:
        InvalidData: fewer than two groups, no group with two values, or a value that is not a
            finite number below 1e150.
    """
    numbers = _finite(values)
    names, place, sizes = np.unique(np.asarray(group), return_inverse=True, return_counts=True)
    k, n = len(names), len(numbers)
    if k < 2:
        raise InvalidData(f"{k} group: the variance between groups needs two at least")
    if n <= k:
        raise InvalidData("one value in each group: the variance within groups needs two in one")
    means = np.bincount(place, numbers) / sizes
    ms_within = float(np.sum((numbers - means[place]) ** 2) / (n - k))
    ms_between = float(np.sum(sizes * (means - numbers.mean()) ** 2) / (k - 1))
    size = float((n - np.sum(sizes.astype(float) ** 2) / n) / (k - 1))
    raw = (ms_between - ms_within) / size
    between = max(0.0, raw)
    harmonic = float(k / np.sum(1 / sizes))
    unweighted = harmonic * float(np.var(means, ddof=1))
    low, high = icc_interval(
        ratio(unweighted, ms_within), (k - 1, n - k), harmonic, confidence=confidence
    )
    return OneWay(
        groups=k,
        values=n,
        size=size,
        mean_square_between=ms_between,
        mean_square_within=ms_within,
        df_between=k - 1,
        df_within=n - k,
        f=ratio(ms_between, ms_within),
        between=between,
        within=ms_within,
        between_raw=raw,
        icc=ratio(between, between + ms_within),
        icc_low=low,
        icc_high=high,
    )


def icc_interval(
    f: float, df: tuple[float, float], size: float, *, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """The interval of an intraclass correlation from the ratio of two mean squares.

    With q1 and q2 the quantiles of F on df degrees of freedom at both ends of the confidence, and
    F1 = f / q2, F2 = f / q1:

        (F - 1) / (F + size - 1)        for F1 and F2

    (Searle 1971, chapter 9; McGraw and Wong, Forming Inferences About Some Intraclass
    Correlation Coefficients, 1996: ICC(1) and ICC(C,1)). Limits below 0 are 0.

    Args:
        f: mean square between groups / mean square within, with that expectation of both.
        df: degrees of freedom of numerator and denominator.
        size: how many values a group has. With size 1 and f in terms of group means it is the
            interval of their reliability, 1 - 1 / F.
        confidence: of the interval.

    Returns:
        low, high; NaN where f is, or a degree of freedom is lacking.
    """
    tail = _tail(confidence)
    if np.isnan(f) or min(df) <= 0:
        return np.nan, np.nan
    if np.isinf(f):
        return 1.0, 1.0
    low, high = f_distribution.ppf([tail, 1 - tail], *df)
    limits = [(f / q - 1) / (f / q + size - 1) for q in (high, low)]
    return max(0.0, float(limits[0])), max(0.0, float(limits[1]))


@dataclass(frozen=True, slots=True)
class Crossed:
    """Cells of run x host inside platforms: where their variance lies.

    runs, hosts: how many were used; hosts are counted once for each platform.
    dropped: runs that lack a host, which were left out.
    mean_square_run, mean_square_host, mean_square_rest, df_run, df_host, df_rest: the analysis
        of variance inside the platforms, added up over them.
    run, host, rest: variance components. host: lasting differences between the hosts of a
        platform. rest: what a host does in one run and not in the others; time is in it.
    run_raw, host_raw: before they were kept from falling below 0.
    icc: run / (run + rest): how far the hosts of a run agree, beyond their lasting differences.
    icc_low, icc_high: its interval.
    """

    runs: int
    hosts: int
    dropped: int
    mean_square_run: float
    mean_square_host: float
    mean_square_rest: float
    df_run: int
    df_host: int
    df_rest: int
    run: float
    host: float
    rest: float
    run_raw: float
    host_raw: float
    icc: float
    icc_low: float
    icc_high: float


def crossed(
    values: ArrayLike,
    platform: Sequence[str] | NDArray[np.str_],
    run: Sequence[str] | NDArray[np.str_],
    host: Sequence[str] | NDArray[np.str_],
    *,
    confidence: float = CONFIDENCE,
) -> Crossed:
    """Runs inside platforms, crossed with hosts; one value a cell.

        y = platform + run(platform) + host(platform) + rest

    A platform's hosts are those that at least half of its runs have. A run that lacks one of
    them is left out, and counted in `dropped`; what remains is a full table for each platform.
    With R_i runs and H_i hosts of platform i, sums of squares added over platforms, and bars for
    means over platforms weighted by the degrees of freedom:

        E(MS_run)  = rest + mean(H) run        df_run  = sum(R_i - 1)
        E(MS_host) = rest + mean(R) host       df_host = sum(H_i - 1)
        E(MS_rest) = rest                      df_rest = sum((R_i - 1) (H_i - 1))

    (Henderson, Estimation of Variance and Covariance Components, 1953, method 1; Searle, Casella
    and McCulloch 1992, chapter 4.) The interval of the correlation is ICC(C,1) of McGraw and
    Wong 1996, exact where all platforms have as many hosts.

    Args:
        values: the mean of each cell.
        platform, run, host: of each cell, as text; runs of different platforms differ even where
            they carry the same name.
        confidence: of the interval.

    Raises:
        InvalidData: no platform has two runs that share two hosts; a cell that occurs twice; a
            value that is not a finite number below 1e150.
    """
    numbers = _finite(values)
    names, places = np.unique(np.asarray(platform), return_inverse=True)
    runs, hosts = np.asarray(run), np.asarray(host)
    tables = [
        _table(numbers[own], runs[own], hosts[own])
        for own in places == np.arange(len(names))[:, None]
    ]
    full = [table[~np.isnan(table).any(axis=1)] for table in tables]
    dropped = sum(map(len, tables)) - sum(map(len, full))
    shapes = np.array([table.shape for table in full if len(table)]).reshape(-1, 2)
    full = [table for table in full if len(table)]
    r, h = shapes.T
    df = int(np.sum(r - 1)), int(np.sum(h - 1)), int(np.sum((r - 1) * (h - 1)))
    if df[2] == 0:
        raise InvalidData(
            "no platform has two runs that share two hosts; runs and hosts of one"
            " cannot be told apart"
        )
    squares = np.sum([_squares(table) for table in full], axis=0)
    ms_run, ms_host, ms_rest = (float(x) for x in squares / df)
    run_raw = (ms_run - ms_rest) / float(np.average(h, weights=r - 1))
    host_raw = (ms_host - ms_rest) / float(np.average(r, weights=h - 1))
    size = float(np.average(h, weights=r - 1))
    low, high = icc_interval(ratio(ms_run, ms_rest), (df[0], df[2]), size, confidence=confidence)
    return Crossed(
        runs=int(r.sum()),
        hosts=int(h.sum()),
        dropped=dropped,
        mean_square_run=ms_run,
        mean_square_host=ms_host,
        mean_square_rest=ms_rest,
        df_run=df[0],
        df_host=df[1],
        df_rest=df[2],
        run=max(0.0, run_raw),
        host=max(0.0, host_raw),
        rest=ms_rest,
        run_raw=run_raw,
        host_raw=host_raw,
        icc=ratio(max(0.0, run_raw), max(0.0, run_raw) + ms_rest),
        icc_low=low,
        icc_high=high,
    )


def batch_means(values: ArrayLike, size: int) -> Floats:
    """The means of batches of neighbouring values that do not overlap.

    Values at the end that fill no batch are left out.

    Args:
        values: in order of time.
        size: how many values a batch has. Batches should be much longer than the series'
            memory, or their means still depend on each other.

    Raises:
        InvalidData: a size below 1; a value that is not a finite number below 1e150.
    """
    numbers = _finite(values)
    if size < 1:
        raise InvalidData(f"batches of {size} values; give 1 or more")
    number = len(numbers) // size
    means: Floats = numbers[: number * size].reshape(number, size).mean(axis=1)
    return means


def variance_of_mean(batches: ArrayLike) -> tuple[float, float]:
    """What time contributes to the variance of a run's mean, from batches of several runs.

    Runs of one programme follow one course: what all runs do in the same batch is no chance and
    is taken off. With r_ij = y_ij - mean_i - mean_j + mean over R runs and b batches:

        sum(r_ij^2) / ((R - 1) (b - 1)) / b

    One run has no course to take off: sum((y_j - mean)^2) / (b - 1) / b, which is the method of
    batch means (Law and Kelton, Simulation Modeling and Analysis, 1991, chapter 9).

    It is too small while batches still depend on each other: with an autocorrelation of 0.6 of
    neighbouring samples by 10 % for 3 batches of 20, by 19 % for 6 of 10.

    Args:
        batches: means, a row for each run, a column for each batch; or those of one run.

    Returns:
        The variance, and its degrees of freedom; NaN and 0 for fewer than two batches.
    """
    table = np.atleast_2d(_finite(batches))
    runs, number = table.shape
    if number < 2:
        return np.nan, 0
    rest = table - table.mean(axis=1, keepdims=True)
    if runs > 1:
        rest = rest - rest.mean(axis=0)
    df = max(1, runs - 1) * (number - 1)
    return float(np.sum(rest**2) / df / number), df


def ratio(above: float, below: float) -> float:
    """One number over another; infinite over 0, and NaN where both are 0."""
    if below == 0:
        return np.nan if above == 0 else np.inf
    return above / below


def _table(values: Floats, run: NDArray[np.str_], host: NDArray[np.str_]) -> Floats:
    """A row for each run, a column for each host that at least half of the runs have."""
    runs, row = np.unique(run, return_inverse=True)
    hosts, column = np.unique(host, return_inverse=True)
    table = np.full((len(runs), len(hosts)), np.nan)
    table[row, column] = values
    if np.isfinite(table).sum() != len(values):
        raise InvalidData("a run and host occur twice; take the mean of each cell first")
    return table[:, np.isfinite(table).mean(axis=0) >= 0.5]


def _squares(table: Floats) -> tuple[float, float, float]:
    """Sums of squares of a full table: between rows, between columns, the rest."""
    rows, columns = table.shape
    by_row, by_column, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    rest = table - by_row[:, None] - by_column + mean
    return (
        columns * float(np.sum((by_row - mean) ** 2)),
        rows * float(np.sum((by_column - mean) ** 2)),
        float(np.sum(rest**2)),
    )


def _finite(values: ArrayLike) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    if not (np.abs(numbers) < LARGEST).all():
        raise InvalidData("a value is not a finite number below 1e150; leave it out")
    return numbers


def _tail(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise InvalidData(f"a confidence of {confidence:g}; give a number between 0 and 1")
    return (1 - confidence) / 2
