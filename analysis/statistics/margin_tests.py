"""Means held against a margin, many pairs at once: inside it, or beyond it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t

from analysis.statistics.means import ENOUGH
from analysis.statistics.moments import Moments
from minion.errors import InvalidData

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class MarginTests:
    """Two p-values of each pair; NaN where there is no test.

    inside: small where the means differ by less than the margins.
    beyond: small where they differ by more.
    """

    inside: Floats
    beyond: Floats


def against_margins(
    pairs: Sequence[tuple[Floats, Floats]],
    low: ArrayLike,
    high: ArrayLike,
    *,
    relative: ArrayLike = False,
) -> MarginTests:
    """Whether mean_x and mean_y are as good as equal, and whether they are surely not.

    Inside: the larger p of two one-sided Welch tests (Schuirmann 1987, A comparison of the two
    one-sided tests procedure and the power approach). Relative margins are tested on
    mean_x - (1 + low) mean_y and mean_x - (1 + high) mean_y (Hauschke, Kieser, Diletti and Burke
    1999, Sample size determination for proving equivalence based on the ratio of two means), each
    with its own variance and Satterthwaite's degrees of freedom (Dannenberg, Dette and Munk 1994,
    An extension of Welch's approximate t-solution to comparative bioequivalence trials).

    Beyond: the same two statistics, looked at from the other side. The one-sided p of the mean
    above the upper margin, plus what chance gives the far side: P(T > t_high) + P(T > t_low), or
    the like below the lower one; the smaller counts. With margins of nothing it is Welch's
    two-sided test, with wide ones a one-sided test at the margin (Hodges and Lehmann 1954, Testing
    the approximate validity of statistical hypotheses). Where the smaller group has fewer than
    `ENOUGH` values its own degrees of freedom count, as in the careful p-values of `contrasts_of`.

    Args:
        pairs: values of the level, and of what it is compared with.
        low: lower margin of mean_x - mean_y; when relative, of mean_x / mean_y - 1. One for all
            pairs, or one each; so are the next two.
        high: upper margin.
        relative: whether the margins are shares of mean_y.

    Returns:
        p-values in the order of the pairs. NaN where a group has a single value, neither has
        spread, or a relative margin meets a mean that is not positive.

    Raises:
        InvalidData: a group is empty or has a value that is not a finite number; margins that are
            not finite, not in order, or relative and not above -1.
    """
    size = len(pairs)
    margins = np.stack([np.broadcast_to(np.asarray(m, np.float64), size) for m in (low, high)])
    shares = np.broadcast_to(np.asarray(relative, np.bool_), size)
    _check(margins, shares)
    if not size:
        return MarginTests(np.empty(0), np.empty(0))
    of = Moments.of([values for pair in pairs for values in pair])
    x = np.arange(0, 2 * size, 2)
    y = x + 1
    means = of.mean + of.rest
    known = ~shares | ((means[x] > 0) & (means[y] > 0))
    # Two rows: at the lower margin, at the upper one.
    found = np.full((2, size), np.nan)
    freedom = np.ones((2, size))
    for side in (0, 1):
        error, freedom[side] = of.error(x, y, np.where(shares, 1 + margins[side], 1.0))
        moved = margins[side] * np.where(shares, means[y], 1.0)
        found[side] = np.where(known, (of.difference(x, y) - moved) / error, np.nan)
    smaller = np.minimum(of.n[x], of.n[y])
    careful = np.where(smaller < ENOUGH, np.maximum(smaller - 1, 1), freedom)
    # Two rows again: what is greater than each margin by chance, and what is less.
    over, under = t.sf(found, careful), t.sf(-found, careful)
    return MarginTests(
        inside=np.maximum(t.sf(found[0], freedom[0]), t.sf(-found[1], freedom[1])),
        beyond=np.minimum(np.minimum(over.sum(axis=0), under.sum(axis=0)), 1.0),
    )


def _check(margins: Floats, relative: NDArray[np.bool_]) -> None:
    low, high = margins
    wrong = ~(np.isfinite(margins).all(axis=0) & (low < high))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InvalidData(
            f"margins from {low[first]:g} to {high[first]:g}; give two numbers, the lower one first"
        )
    if (relative & (low <= -1)).any():
        raise InvalidData(
            f"a relative margin of {low[relative].min():g}; it must be above -1, for example -0.05"
        )
