"""What few runs find when a claim needs both ways: by means, and by ranks that agree.

With few runs the formulas of `analysis.statistics.power` promise too much: Welch's degrees of
freedom are estimated from the same values, what ranks are worth holds for many of them, and two
tests together find less than either. So here normal values are drawn, always the same ones. For
each draw of two groups there is a difference from which on it is found, and a margin from which on
the groups are shown to be equivalent; with the power p that is found which a share p of all draws
finds.
"""

from functools import lru_cache
from math import comb, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from analysis.statistics.critical import Critical, alone
from analysis.statistics.power import Pair
from analysis.statistics.ranks import smallest_p

MOST_PAIRS = 400  # of a run with a run: 20 runs of each group; with more the formulas do
_MOST_DRAWS = 10_000
_GAPS = 1_600_000  # of all draws: so it takes 20 ms
Floats = NDArray[np.float64]
Sizes = tuple[int, int]


def found_difference(
    sd: Pair, n: Sizes, *, power: float, critical: Critical, level: float
) -> float:
    """The smallest true difference that is found with that power, by means and by ranks.

    By means: Welch's test. By ranks: those of the two groups, against the normal distribution and
    what an exact test can reach; or one group lies wholly above the other.

    Args:
        sd: standard deviation of a run in each group.
        n: runs in each group, 2 at least; n_1 n_2 is `MOST_PAIRS` at most.
        power: how likely.
        critical: that |t| must exceed; see `analysis.statistics.critical`.
        level: that the p of the ranks must stay below.
    """
    unit, (off, error, df), gaps = _draws(sd, n)
    place = _two_sided(n, level) - 1
    by_means = _critical(critical, df) * error - off
    by_ranks = np.partition(gaps, place, axis=1)[:, place]
    return unit * float(np.quantile(np.maximum(by_means, by_ranks), power, method="higher"))


def shown_margin(sd: Pair, n: Sizes, *, power: float, alpha: float, level: float) -> float:
    """The smallest margin within which equal means are shown to be, by means and by ranks.

    By means: two one-sided tests of Welch's. By ranks: two exact one-sided tests.

    Args:
        sd, n, power: see `found_difference`.
        alpha: level of each of the two tests by means.
        level: that the p of each of the two tests by ranks must stay below.

    Returns:
        The margin; infinite where so few runs reach no such p, however near their values are.
    """
    unit, (off, error, df), gaps = _draws(sd, n)
    place = _one_sided(n, level) - 1
    if place >= n[0] * n[1]:
        return np.inf
    by_means = np.abs(off) + _critical(alone(2 * alpha), df) * error
    both = np.partition(gaps, (place, -1 - place), axis=1)
    by_ranks = np.maximum(both[:, place], -both[:, -1 - place])
    return unit * float(np.quantile(np.maximum(by_means, by_ranks), power, method="higher"))


@lru_cache(maxsize=8)
def _standard(n: Sizes) -> tuple[Floats, Floats]:
    random, draws = np.random.default_rng(n), min(_MOST_DRAWS, _GAPS // (n[0] * n[1]))
    return random.normal(size=(draws, n[0])), random.normal(size=(draws, n[1]))


def _draws(sd: Pair, n: Sizes) -> tuple[float, tuple[Floats, Floats, Floats], Floats]:
    """A unit, and in it of each draw: the means' difference, its error and df; gaps of all pairs.

    A gap is what must be added to a value of the second group to reach one of the first.
    """
    unit = max(sd)
    x, y = (values * (one / unit) for values, one in zip(_standard(n), sd, strict=True))
    parts = [values.var(axis=1, ddof=1) / values.shape[1] for values in (x, y)]
    total = parts[0] + parts[1]
    df = 1 / sum((p / total) ** 2 / (size - 1) for p, size in zip(parts, n, strict=True))
    gaps = (x[:, :, None] - y[:, None, :]).reshape(len(x), -1)
    return unit, (y.mean(axis=1) - x.mean(axis=1), np.sqrt(total), df), gaps


def _critical(critical: Critical, df: Floats) -> Floats:
    """The critical value at many degrees of freedom, between those of a few."""
    inverse = np.linspace(1 / df.max(), 1 / df.min(), 12)
    known = np.log([critical(1 / one) for one in inverse])
    values: Floats = np.exp(np.interp(1 / df, inverse, known))
    return values


def _two_sided(n: Sizes, level: float) -> int:
    """How many pairs of runs must be in order for p below a level, or for groups that separate."""
    pairs = n[0] * n[1]
    spread = sqrt(pairs * (sum(n) + 1) / 12)
    ordered = np.arange(pairs + 1)
    p = np.maximum(2 * ndtr(-np.abs(ordered - pairs / 2) / spread), smallest_p(*n))
    enough = (p < level) & (ordered > pairs / 2)
    return int(np.argmax(enough)) if enough.any() else pairs


@lru_cache(maxsize=64)
def _one_sided(n: Sizes, level: float) -> int:
    """How many pairs must be in order for an exact p below a level; one too many: none suffice.

    The ways of a rank sum are counted by the shift algorithm (Streitberg and Röhmel 1986, Exact
    distributions for permutation and rank tests).
    """
    pairs, first = n[0] * n[1], n[0]
    least = first * (first + 1) // 2
    ways = np.zeros((first + 1, least + pairs + 1))
    ways[0, 0] = 1
    for rank in range(1, sum(n) + 1):
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank]
    as_large = np.cumsum(ways[first, least:][::-1])[::-1] / comb(sum(n), first)
    return int(np.argmax(np.append(as_large, 0) < level))
