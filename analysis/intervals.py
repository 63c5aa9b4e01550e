"""One value per run, and what a handful of runs says about their mean."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import t

from analysis.summaries import summary
from minion.lifecycle import GAPS, TOTAL
from minion.model import EventType

CONFIDENCE = 0.95
_GAPS = frozenset(gap.name for gap in GAPS)


def run_values(
    frame: pd.DataFrame,
    *,
    value: str = "value",
    phases: Sequence[str] = (),
    whole_run: bool = False,
) -> pd.DataFrame:
    """One value for each run and phase: the mean of each host, then the mean of the hosts.

    Args:
        frame: as `utilization` or `durations` gives it, or what this function gave.
        value: the column to reduce; `duration_s` for durations.
        phases: keep these; default: all but the gaps between phases.
        whole_run: add one more value for each run over every sample of the frame, gaps included,
            as the phase "Total simulation time". Give it a frame of all phases.

    Returns:
        experiment, phase, platform, sim_id, dimension where the frame's metric keeps it
        (categoricals), value. Ordered by these columns.

    Raises:
        InvalidData: the frame lacks a column, or holds several metrics.
    """
    by_phase = summary(frame, ("phase", "platform", "sim_id"), over="runs", value=value)
    names = [str(name) for name in by_phase["phase"].cat.categories]
    wanted = [n for n in names if (n in phases if phases else not is_gap(n))]
    parts = [by_phase[by_phase["phase"].isin(wanted).to_numpy()]]
    if whole_run:
        whole = summary(frame, ("platform", "sim_id"), over="runs", value=value)
        parts.append(whole.assign(phase=TOTAL.name))
        wanted.append(TOTAL.name)
    values = pd.concat([part.astype({"phase": "object"}) for part in parts], ignore_index=True)
    values["phase"] = pd.Categorical(values["phase"], categories=pd.Index(wanted, dtype="str"))
    keys = ["experiment", "phase", "platform", "sim_id", "dimension"]
    kept = [key for key in keys if key in values]
    return values.rename(columns={"mean": "value"})[[*kept, "value"]]


def is_gap(phase: str) -> bool:
    """Whether a name stands for a stretch between phases: the study's waits, "EVENT to EVENT"."""
    first, _, last = phase.partition(" to ")
    return phase in _GAPS or {first, last} <= EventType.__members__.keys()


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
