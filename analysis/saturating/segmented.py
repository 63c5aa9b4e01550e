"""Two straight lines that meet: segmented regression with one break, exactly and for many at once.

The model is that of Muggeo (2003, Estimating regression models with unknown break-points),

    y = intercept + before · x + (after - before) · max(x - at, 0) + error

He finds the break by iteration, which may end in a local optimum. Here it is the least-squares
solution among all breaks (Hudson 1966, Fitting segmented curves whose join points have to be
estimated): for each way to split the points, the two lines of least squares meet between the two
parts, or the best break of that split lies on a point.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minion.errors import InvalidData

FEWEST = 12  # points, below which no break is looked for
EDGE = 4  # points on each side of a break, at least
_EDGE_SHARE = 0.04  # and this share of all points
_TINY = 1e-12  # of a unit variance: a split that leaves no line

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Broken:
    """The fits of m series of responses to the same n loads; an array of m each.

    at: the break, in units of the load.
    intercept: of the first line, at load 0.
    before, after: slopes of the two lines.
    """

    at: Floats
    intercept: Floats
    before: Floats
    after: Floats

    def line(self, loads: Floats) -> Floats:
        """What the fits say at each load: m x n."""
        beyond = np.maximum(loads - self.at[:, None], 0)
        change = (self.after - self.before)[:, None]
        return self.intercept[:, None] + self.before[:, None] * loads + change * beyond


class Split:
    """Loads, ready for fits of any responses to them.

    Args:
        loads: n values in any order, repeated ones too.

    Raises:
        InvalidData: there are fewer than 12 of them, they leave no place for a break, or one is
            not finite.
    """

    def __init__(self, loads: Floats) -> None:
        n = len(loads)
        if n < FEWEST:
            raise InvalidData(f"{n} points; a break is looked for among {FEWEST} or more")
        if not np.isfinite(loads).all():
            raise InvalidData("a load is not a number; leave its point out")
        self._n = n
        self._middle = float(loads.mean())
        self._scale = float(np.ptp(loads)) or 1.0
        scaled = (loads - self._middle) / self._scale
        self._order = np.argsort(scaled, kind="stable")
        self._x = x = scaled[self._order]
        self._xx = float((x**2).sum())
        edge = max(EDGE, int(_EDGE_SHARE * n))
        left = np.arange(edge, n - edge + 1)
        left = left[x[left - 1] < x[left]]
        ends = np.cumsum(x)[left - 1], np.cumsum(x**2)[left - 1]
        varies = (ends[1] - ends[0] ** 2 / left > _TINY) & (
            self._xx - ends[1] - ends[0] ** 2 / (n - left) > _TINY
        )
        self._left = left = left[varies]
        if not left.size:
            raise InvalidData("the loads take too few values for a break among them")
        self._x_left, self._xx_left = ends[0][varies], ends[1][varies]
        self._n_right = (n - left).astype(np.float64)
        self._x_right, self._xx_right = -self._x_left, self._xx - self._xx_left

    def fit(self, responses: Floats) -> Broken:
        """The least-squares fit of each of m series of responses.

        Args:
            responses: m x n, in the order of the loads.
        """
        y = responses[:, self._order]
        y_end, xy_end = np.cumsum(y, axis=1), np.cumsum(y * self._x, axis=1)
        y_left, xy_left = y_end[:, self._left - 1], xy_end[:, self._left - 1]
        y_all, xy_all = y_end[:, -1:], xy_end[:, -1:]
        y_right, xy_right = y_all - y_left, xy_all - xy_left
        meet = self._meeting(y_left, xy_left, y_right, xy_right)
        low, high = self._x[self._left - 1], self._x[self._left]
        meet = np.where((meet > low) & (meet < high), meet, low)
        breaks = np.concatenate([meet, np.broadcast_to(high, meet.shape)], axis=1)
        twice = np.concatenate([np.arange(self._left.size)] * 2)
        right = (y_right[:, twice], xy_right[:, twice])
        change, spread = self._change(breaks, twice, *right, y_all, xy_all)
        best = np.argmax(np.where(spread > _TINY, change**2 * spread, -np.inf), axis=1)
        row = np.arange(len(y))
        at, delta, split = breaks[row, best], change[row, best], twice[best]
        beyond = self._x_right[split] - at * self._n_right[split]
        x_beyond = self._xx_right[split] - at * self._x_right[split]
        slope = (xy_all[:, 0] - delta * x_beyond) / self._xx
        level = (y_all[:, 0] - delta * beyond) / self._n
        before, after = slope / self._scale, (slope + delta) / self._scale
        return Broken(
            at=at * self._scale + self._middle,
            intercept=level - before * self._middle,
            before=before,
            after=after,
        )

    def _meeting(
        self, y_left: Floats, xy_left: Floats, y_right: Floats, xy_right: Floats
    ) -> Floats:
        """Where the lines on both sides of each split meet; NaN for parallel ones."""
        slopes, levels = [], []
        for n, x, xx, y, xy in (
            (self._left, self._x_left, self._xx_left, y_left, xy_left),
            (self._n_right, self._x_right, self._xx_right, y_right, xy_right),
        ):
            slope = (xy - x * y / n) / (xx - x**2 / n)
            slopes.append(slope)
            levels.append((y - slope * x) / n)
        turn = slopes[0] - slopes[1]
        gap = levels[1] - levels[0]
        meet: Floats = np.divide(gap, turn, out=np.full(gap.shape, np.nan), where=turn != 0)
        return meet

    def _change(
        self,
        breaks: Floats,
        split: NDArray[np.intp],
        y_right: Floats,
        xy_right: Floats,
        y_all: Floats,
        xy_all: Floats,
    ) -> tuple[Floats, Floats]:
        """The change of slope at each break, and what of max(x - at, 0) no line explains.

        By partial regression (Frisch and Waugh 1933): the change squared times that spread is
        what the break takes off the sum of squares.
        """
        n_right, x_right = self._n_right[split], self._x_right[split]
        xx_right = self._xx_right[split]
        beyond = x_right - breaks * n_right
        x_beyond = xx_right - breaks * x_right
        squares = xx_right - 2 * breaks * x_right + breaks**2 * n_right
        spread = squares - beyond**2 / self._n - x_beyond**2 / self._xx
        product = xy_right - breaks * y_right
        product = product - beyond * y_all / self._n - x_beyond * xy_all / self._xx
        fine = spread > _TINY
        return np.divide(product, spread, out=np.zeros(spread.shape), where=fine), spread
