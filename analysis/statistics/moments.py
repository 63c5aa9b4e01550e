"""Number, mean and variance of many groups at once, with the digits that means of them need."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minion.errors import InvalidData

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]

LARGEST = 1e150  # its square is still a number
_ROUNDING = 16 * np.finfo(np.float64).eps


@dataclass(frozen=True)
class Moments:
    """Number, mean and variance of many groups. A mean is `mean` plus `rest`, what rounding left.

    Two passes (Chan, Golub and LeVeque 1983, Algorithms for computing the sample variance).
    Differences that rounding explains are no variance; that of a single value is NaN.
    """

    n: Indices
    mean: Floats
    rest: Floats
    variance: Floats

    @classmethod
    def of(cls, groups: Sequence[Floats]) -> "Moments":
        """Those of each group.

        Raises:
            InvalidData: a group is empty, or has a value that is not a finite number below 1e150.
        """
        arrays = [np.asarray(values, dtype=np.float64).ravel() for values in groups]
        n = np.array([len(values) for values in arrays], dtype=np.intp)
        if (n == 0).any():
            raise InvalidData("a group to compare has no values; leave it out")
        every = np.concatenate(arrays)
        if not (np.abs(every) < LARGEST).all():
            raise InvalidData("a value to compare is not a finite number below 1e150; leave it out")
        starts = np.cumsum(n) - n
        smallest, largest = np.minimum.reduceat(every, starts), np.maximum.reduceat(every, starts)
        mean = np.clip(np.add.reduceat(every, starts) / n, smallest, largest)
        off = every - np.repeat(mean, n)
        rest = np.add.reduceat(off, starts) / n
        squares = np.add.reduceat((off - np.repeat(rest, n)) ** 2, starts)
        scale = np.maximum(np.abs(smallest), np.abs(largest))
        constant = largest - smallest <= _ROUNDING * scale
        variance = np.divide(squares, n - 1, out=np.full(len(n), np.nan), where=n > 1)
        variance[constant & (n > 1)] = 0.0
        return cls(n, mean, rest, variance)

    def difference(self, x: Indices, y: Indices) -> Floats:
        """mean_x - mean_y, groups named by their places."""
        return (self.mean[x] - self.mean[y]) + (self.rest[x] - self.rest[y])

    def error(self, x: Indices, y: Indices, scale: Floats) -> tuple[Floats, Floats]:
        """Standard error of mean_x - scale mean_y, and its Satterthwaite degrees of freedom."""
        of_x = self.variance[x] / self.n[x]
        of_y = scale**2 * self.variance[y] / self.n[y]
        both = of_x + of_y
        both[both == 0] = np.nan
        # As shares, whose squares neither overflow nor vanish; a lone value has no variance.
        below_x, below_y = np.maximum(self.n[x] - 1, 1), np.maximum(self.n[y] - 1, 1)
        freedom = 1 / ((of_x / both) ** 2 / below_x + (of_y / both) ** 2 / below_y)
        return np.sqrt(both), freedom
