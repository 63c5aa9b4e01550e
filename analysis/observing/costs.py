"""What an observer costs each node, and how that grows with what is varied."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import linregress, t

from analysis.observing.levels import CONFIDENCE, STUDENT, level_intervals, run_means
from minion.errors import InvalidData, NotFound

_TREND = ("n", "intercept", "slope", "low", "high", "explained")


def cost_per_node(
    frame: pd.DataFrame,
    measurements: Sequence[str],
    *,
    by: Sequence[str] = ("nodes",),
    confidence: float = CONFIDENCE,
    method: str = STUDENT,
) -> pd.DataFrame:
    """The mean of each measurement per node, over the runs of each level, with its interval.

    A run's value is the mean of the nodes that reported; the run is the unit.

    Args:
        frame: as `analysis.measurements.measurements` gives it.
        measurements: names of those that hosts have.
        by: columns that make the levels.
        confidence, method: see `level_intervals`.

    Returns:
        measurement, unit, the columns of `by`, and what `level_intervals` gives.

    Raises:
        NotFound: the frame has no such measurement of hosts.
    """
    means = _of_hosts(frame, measurements, by)
    return level_intervals(
        means, ["measurement", "unit", *by], confidence=confidence, method=method
    )


def cost_trend(
    frame: pd.DataFrame,
    measurements: Sequence[str],
    *,
    by: str = "nodes",
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """By how much each measurement per node grows with what is varied: a straight line.

    Least squares over the runs, one value each; the interval of the slope is slope ± t(n - 2) times
    its standard error (as in Draper and Smith 1998, Applied regression analysis, section 1.4). It
    supposes a straight line and the same spread everywhere; look at the curve.

    Args:
        frame, measurements: see `cost_per_node`.
        by: the column that was varied; numbers.
        confidence: of the interval of the slope.

    Returns:
        measurement, unit, n (runs), intercept, slope (per 1 of `by`), low, high, explained (R²);
        NaN where fewer than three runs, or only one level, have it.

    Raises:
        NotFound: the frame has no such measurement of hosts.
        InvalidData: `by` is no number in every run.
    """
    means = _of_hosts(frame, measurements, (by,))
    if not pd.api.types.is_numeric_dtype(means[by]):
        raise InvalidData(f"{by} is no number in every run; choose runs where it is")
    rows: list[tuple[Any, ...]] = []
    for (name, unit), part in means.groupby(["measurement", "unit"], observed=True, sort=False):
        x = part[by].to_numpy(dtype=np.float64)
        figures = [np.nan] * (len(_TREND) - 1)
        if len(x) > 2 and np.ptp(x) > 0:
            line = linregress(x, part["value"].to_numpy(dtype=np.float64))
            half = float(t.ppf((1 + confidence) / 2, len(x) - 2)) * line.stderr
            slope = line.slope
            figures = [line.intercept, slope, slope - half, slope + half, line.rvalue**2]
        rows.append((str(name), str(unit), len(x), *figures))
    return pd.DataFrame(rows, columns=["measurement", "unit", *_TREND])


def _of_hosts(frame: pd.DataFrame, measurements: Sequence[str], by: Sequence[str]) -> pd.DataFrame:
    """One value per run of each measurement, in the order in which they were named."""
    hosts = frame[(frame["hostname"].astype(str) != "").to_numpy()]
    there = list(dict.fromkeys(hosts["measurement"].astype(str)))
    for name in measurements:
        if name not in there:
            raise NotFound(f"no host has a measurement {name}; there are: {', '.join(there)}")
    own = hosts[hosts["measurement"].isin(list(measurements)).to_numpy()]
    means = run_means(own, ["measurement", "unit", *by])
    means["measurement"] = pd.Categorical(
        means["measurement"].astype("str"), categories=pd.Index(list(measurements), dtype="str")
    )
    return means.sort_values("measurement", kind="stable", ignore_index=True)
