"""Many tests at once: p-values that hold for a whole family of them."""

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minion.errors import InvalidData

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Family:
    """The tests that one error rate stands for, in words that a result can carry.

    name: what was tested, such as "cpu, 12 phases, 3 pairs".
    size: how many tests were made; p-values are multiplied by it at most.
    method: how they were adjusted.
    """

    name: str
    size: int
    method: str = "Holm (1979)"

    @classmethod
    def of(cls, name: str, p: ArrayLike) -> "Family":
        """The family of the p-values that `holm` is given: NaN is no test that was made."""
        return cls(name, int(np.count_nonzero(~np.isnan(np.asarray(p, dtype=np.float64)))))


def level_of(confidence: float) -> float:
    """1 - confidence, the level of the tests, as it is written: 0.05 of 0.95, and 0.1 of 0.9.

    Doubles give 0.05000000000000004 and 0.09999999999999998, and an exact test of few runs can
    yield exactly 0.05, which is not below the level.
    """
    return float(1 - Decimal(str(confidence)))


def holm(p: ArrayLike) -> Floats:
    """Adjusted p-values: each is the error rate of the family at which its test still rejects.

    The chance of one or more false findings stays below the level, however the tests depend on
    each other (Holm 1979, A simple sequentially rejective multiple test procedure). It is right
    only if p holds every test that somebody looked at.

    Args:
        p: p-values of a whole family, any shape. NaN stands for a test that could not be made: it
            stays NaN and does not count.

    Returns:
        Adjusted p-values in the shape of p, at most 1.

    Raises:
        InvalidData: a p-value lies outside 0 … 1.
    """
    given = np.asarray(p, dtype=np.float64)
    made = ~np.isnan(given)
    tests = given[made]
    wrong = tests[(tests < 0) | (tests > 1)]
    if wrong.size:
        raise InvalidData(f"{wrong[0]} is no p-value; give values from 0 to 1, or NaN")
    order = np.argsort(tests, kind="stable")
    steps = np.maximum.accumulate(np.arange(tests.size, 0, -1) * tests[order])
    holding = np.empty_like(tests)
    holding[order] = np.minimum(steps, 1)
    adjusted = np.full(given.shape, np.nan)
    adjusted[made] = holding
    return adjusted
