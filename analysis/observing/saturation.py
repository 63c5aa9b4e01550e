"""How much happens until an observer loses some of it: a line that breaks."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.observing.levels import CONFIDENCE
from minion.errors import InvalidData

FEWEST_RUNS = 4

_PLACES = 400
_RESAMPLES = 999
_SEED = 1

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Saturation:
    """Up to how many events everything is seen.

    events: of one run, where the line breaks; low, high: its interval.
    beyond: share of what comes on top of them that is seen.
    explained: share of the variance of what was seen that the line explains; where it is far from
        1, the line is no good description.
    runs: that it stands on.
    """

    events: float
    low: float
    high: float
    beyond: float
    explained: float
    runs: int


def saturation(
    runs: pd.DataFrame, by: str = "nodes", *, confidence: float = CONFIDENCE
) -> Saturation:
    """Where a line of what was seen, against what was generated, leaves "everything".

    seen = generated up to a break, and beyond it break + share × (generated − break): two-phase
    regression (Hinkley 1971, Inference in two-phase regression) whose first phase is known. Break
    and share are fitted by least squares over the runs, the break on a grid of 400 places between
    the smallest run and the largest. The interval is that of percentiles over 999 resamples of the
    runs, drawn inside each level (Davison and Hinkley 1997, Bootstrap methods and their
    application, section 3.2), with a fixed seed. It says how certain the break of such a line is,
    not whether the observer's losses follow one: look at `explained` and at the chart, and trust
    a break that lies between two levels far apart less than `keeping_up`, which assumes no line.

    Args:
        runs: as `capture` gives them, of one platform.
        by: the column that makes the levels.
        confidence: of the interval.

    Raises:
        InvalidData: fewer than four runs, or all of them generated the same.
    """
    known = runs[runs["ratio"].notna()]
    x = known["generated"].to_numpy(dtype=np.float64)
    y = known["seen"].to_numpy(dtype=np.float64)
    if len(x) < FEWEST_RUNS or np.ptp(x) == 0:
        raise InvalidData(
            f"{len(x)} runs of {len(np.unique(x))} sizes say nothing about where a line breaks; it"
            f" needs {FEWEST_RUNS} runs and two sizes"
        )
    grid = np.linspace(x.min(), x.max(), _PLACES)
    place, share, rest = _fitted(x, y, grid, np.ones((1, len(x))))
    levels = pd.factorize(known[by])[0]
    drawn = _fitted(x, y, grid, _resampled(levels))[0]
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    total = float(((y - y.mean()) ** 2).sum())
    explained = 1 - rest[0] / total if total else np.nan
    return Saturation(
        events=float(place[0]),
        low=float(low),
        high=float(high),
        beyond=float(share[0]),
        explained=float(explained),
        runs=len(x),
    )


def _resampled(levels: NDArray[np.intp]) -> Floats:
    """How often each run is drawn, a row for each resample; each level keeps its number of runs."""
    random = np.random.default_rng(_SEED)
    times = np.zeros((_RESAMPLES, len(levels)))
    for level in np.unique(levels):
        (own,) = np.nonzero(levels == level)
        times[:, own] = random.multinomial(len(own), np.full(len(own), 1 / len(own)), _RESAMPLES)
    return times


def _fitted(x: Floats, y: Floats, grid: Floats, times: Floats) -> tuple[Floats, Floats, Floats]:
    """Break, share beyond it and sum of squares, for each row of weights."""
    over = np.clip(x - grid[:, None], 0, None)  # place × run
    gap = y - np.minimum(x, grid[:, None])
    across = times @ (over * gap).T  # weights × place
    square = times @ (over**2).T
    whole = times @ (gap**2).T
    share = np.divide(across, square, out=np.zeros_like(across), where=square > 0)
    rest = whole - share * across
    best = rest.argmin(axis=1)
    row = np.arange(len(times))
    return grid[best], share[row, best], rest[row, best]
