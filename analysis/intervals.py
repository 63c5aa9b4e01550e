"""What a handful of runs says about their mean."""

import numpy as np
import pandas as pd
from scipy.stats import t

from analysis.summaries import summary

CONFIDENCE = 0.95


def intervals(values: pd.DataFrame, *, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """The mean of the runs of each phase and platform, with its t-interval.

    mean ± t(n - 1) · sd / √n (Student 1908). It holds when runs are independent and their values
    not far from normal; it says nothing about a single run, nor about samples.

    Args:
        values: one value per run, as `run_values` gives it.
        confidence: probability that the interval covers the mean.

    Returns:
        experiment, phase, platform, dimension where the frame has it (categoricals), n (runs), min,
        max, median, q25, q75, mean, sd, low, high; sd, low and high are NaN for a single run.
    """
    if "dimension" in values:
        names = values["dimension"].unique().tolist()
        parts = [
            _summary(values[(values["dimension"] == name).to_numpy()]).assign(dimension=name)
            for name in names
        ]
        table = pd.concat(parts, ignore_index=True) if parts else _summary(values)
        table["dimension"] = pd.Categorical(table["dimension"], categories=names)
    else:
        table = _summary(values)
    half = _half(table["sd"].to_numpy(), table["n"].to_numpy(), confidence)
    return table.assign(low=table["mean"] - half, high=table["mean"] + half)


def _summary(values: pd.DataFrame) -> pd.DataFrame:
    return summary(values, ("phase", "platform"), over="samples")


def _half(sd: np.ndarray, n: np.ndarray, confidence: float) -> np.ndarray:
    freedom = np.where(n > 1, n - 1, np.nan)
    half: np.ndarray = t.ppf((1 + confidence) / 2, freedom) * sd / np.sqrt(n)
    return half
