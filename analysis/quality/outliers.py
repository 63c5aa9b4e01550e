"""Robust outliers: values that lie far from the others of their group."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, t

FEWEST_RUNS = 6  # fewer say too little of the usual spread
LEAST_CUT_OFF = 3.5
RELEVANT = 0.10  # of the group's median: a smaller difference is no reason to doubt a run
FREEDOM = 0.4  # of the number of runs

Floats = NDArray[np.float64]


def cut_off(runs: ArrayLike, probability: float) -> Floats:
    """The modified z that a normal value exceeds with about that probability, at least 3.5.

    3.5 is the cut-off of Iglewicz and Hoaglin (How to Detect and Handle Outliers, 1993, section
    3.3). It does not depend on how many values there are nor on how often it is asked. The median
    absolute deviation of n values is itself uncertain, so z has heavy tails; the quantile of
    Student's t with 0.4 n degrees of freedom is on the safe side of them for 5 to 100 values
    (found by simulation, see the tests).

    Args:
        runs: how many values the median and the deviation come from.
        probability: of one alarm for one normal value, either side.
    """
    quantile = t.isf(probability / 2, FREEDOM * np.asarray(runs, dtype=np.float64))
    return np.asarray(np.maximum(LEAST_CUT_OFF, quantile), dtype=np.float64)


def held_against(
    table: pd.DataFrame,
    group: NDArray[np.int64],
    reference: NDArray[np.bool_],
    value: str,
    *,
    finest: float = 0.0,
) -> pd.DataFrame:
    """Each row's place among the reference rows of its group.

    z = Phi^-1(3/4) (x - median) / MAD, the modified z of Iglewicz and Hoaglin (1993, section
    3.3).

    Args:
        table: has `run`, a number for each run, and the column `value`.
        group: of each row.
        reference: which rows say what is usual.
        value: the column.
        finest: share of the median below which a spread, MAD / Phi^-1(3/4), is taken for it.

    Returns:
        `table` with runs (how many the reference has), median, and z (NaN where the reference is
        empty, or more than half of it the same and there is no `finest`).
    """
    kept = table.loc[reference, [value, "run"]]
    of = group[reference]
    centre = kept[value].groupby(of).median()
    deviation = (kept[value] - centre.reindex(of).to_numpy()).abs().groupby(of).median()
    runs = kept["run"].groupby(of).nunique()
    median = centre.reindex(group).to_numpy(dtype=np.float64)
    spread = deviation.reindex(group).to_numpy(dtype=np.float64) / norm.ppf(0.75)
    scale = np.maximum(spread, finest * np.abs(median))
    scale[scale == 0] = np.nan
    z = (table[value].to_numpy(dtype=np.float64) - median) / scale
    counted = runs.reindex(group).fillna(0).to_numpy(dtype=np.int64)
    return table.assign(runs=counted, median=median, z=z)


def is_far(table: pd.DataFrame, value: str, probability: float) -> NDArray[np.bool_]:
    """Which rows of `held_against` are outliers that matter: improbable, and more than 10 % off."""
    runs = table["runs"].to_numpy()
    enough = runs >= FEWEST_RUNS
    limit = cut_off(np.maximum(runs, 1), probability)
    median = table["median"].to_numpy()
    off = np.abs(table[value].to_numpy(dtype=np.float64) - median)
    matters = off > RELEVANT * np.abs(median)
    far: NDArray[np.bool_] = enough & matters & (np.abs(table["z"].to_numpy()) > limit)
    return far
