"""One value per run, and what the runs of each level say about their mean."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import bootstrap, t

from minion.errors import InvalidData

CONFIDENCE = 0.95
STUDENT = "t"
BCA = "BCa"
METHODS = (STUDENT, BCA)
RUN = ("experiment", "platform", "sim_id")

_RESAMPLES = 9_999
_SEED = 1

Floats = NDArray[np.float64]


def run_means(frame: pd.DataFrame, by: Sequence[str], *, value: str = "value") -> pd.DataFrame:
    """One value per run and group: the mean over the run's hosts.

    Args:
        frame: experiment, platform, sim_id, the columns of `by`, and `value`, one row for each
            host; NaN is no value.
        by: columns beside the run, such as `nodes`, `measurement` and `unit`.
        value: the column.

    Returns:
        experiment, platform, sim_id, the columns of `by`, hosts (that have a value), value.
    """
    keys = [*RUN, *(name for name in by if name not in RUN)]
    there = frame[np.isfinite(frame[value].to_numpy(dtype=np.float64))]
    grouped = there.groupby(keys, observed=True, sort=False)[value]
    means: pd.DataFrame = grouped.agg(hosts="size", value="mean").reset_index()
    return means


def level_intervals(
    values: pd.DataFrame,
    by: Sequence[str],
    *,
    value: str = "value",
    confidence: float = CONFIDENCE,
    method: str = STUDENT,
) -> pd.DataFrame:
    """The mean of the runs of each level, with its interval.

    The run is the unit. `t`: mean ± t(n - 1) · sd / √n (Student 1908, The probable error of a
    mean). `BCa`: the bias-corrected and accelerated bootstrap of the mean (Efron 1987, Better
    bootstrap confidence intervals), 9,999 resamples with a fixed seed, for values that are far from
    normal; of fewer than about ten runs it is too narrow.

    Args:
        values: one value per run.
        by: columns that make the levels.
        value: the column; NaN is no value.
        confidence: probability that one interval covers its mean.
        method: `t` or `BCa`.

    Returns:
        the columns of `by`, runs, mean, sd, min, max, low, high, ordered by level; sd, low and high
        are NaN for a single run.

    Raises:
        InvalidData: a method or a confidence that is none.
    """
    if method not in METHODS:
        raise InvalidData(f"method {method!r}; there are: {', '.join(METHODS)}")
    if not 0.5 <= confidence < 1:
        raise InvalidData(f"a confidence of {confidence:g}; give one from 0.5 up to below 1")
    there = values[np.isfinite(values[value].to_numpy(dtype=np.float64))]
    rows: list[tuple[Any, ...]] = []
    for key, part in there.groupby(list(by), observed=True, sort=True):
        found = part[value].to_numpy(dtype=np.float64)
        sd = float(found.std(ddof=1)) if len(found) > 1 else np.nan
        low, high = _interval(found, sd, confidence, method)
        rows.append((*key, len(found), found.mean(), sd, found.min(), found.max(), low, high))
    figures = ["runs", "mean", "sd", "min", "max", "low", "high"]
    table = pd.DataFrame(rows, columns=[*by, *figures])
    return table.astype({"runs": np.int64, **dict.fromkeys(figures[1:], np.float64)})


def _interval(found: Floats, sd: float, confidence: float, method: str) -> tuple[float, float]:
    mean = float(found.mean())
    if len(found) < 2:
        return np.nan, np.nan
    if np.ptp(found) == 0:
        return mean, mean
    if method == BCA:
        ends = bootstrap(
            (found,),
            np.mean,
            confidence_level=confidence,
            n_resamples=_RESAMPLES,
            method="BCa",
            rng=np.random.default_rng(_SEED),
        ).confidence_interval
        return float(ends.low), float(ends.high)
    half = float(t.ppf((1 + confidence) / 2, len(found) - 1)) * sd / np.sqrt(len(found))
    return mean - half, mean + half
