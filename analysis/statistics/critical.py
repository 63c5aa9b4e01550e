"""Critical values by degrees of freedom: of a test alone, and of the pairs of one question."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from analysis.statistics.studentized import range_critical

Critical = Callable[[float], float]


def alone(alpha: float) -> Critical:
    """The two-sided critical value of |t| for one test at level alpha.

    Args:
        alpha: level; divided by the number of tests, they all hold together (Bonferroni).
    """
    return lambda df: float(stdtrit(df, 1 - alpha / 2))


def together(
    confidence: float, size: int, method: Literal["games-howell", "baseline"] = "games-howell"
) -> Critical:
    """The critical value of |t| at which the intervals of a question's pairs hold together.

    As `analysis.statistics.means.contrasts_of` has it: Games and Howell (1976) of every group with
    every other, Šidák (1967) and Tamhane (1979, T2) of every group with one.

    Args:
        confidence: that all of them hold.
        size: how many groups there are, for `games-howell`; how many pairs, for `baseline`.
        method: `games-howell` or `baseline`.
    """
    if method == "baseline":
        level = -float(np.expm1(np.log(confidence) / size))
        return alone(level)
    return lambda df: float(range_critical(confidence, size, df)) / float(np.sqrt(2))


def larger(one: Critical, other: Critical) -> Critical:
    """What both ask for."""
    return lambda df: max(one(df), other(df))
