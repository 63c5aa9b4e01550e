"""Runs stretched onto the same phases: each phase gets one length in all of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.charting.phases import without_total
from analysis.charting.reduction import GAP
from analysis.timeline import phase_order
from minion.errors import InvalidData

Floats = NDArray[np.float64]
_RUN = ["experiment", "sim_id"]


@dataclass(frozen=True, slots=True)
class Stretched:
    """The common phases, and where each run's own lie.

    starts: of each phase, in order, in seconds from the first one's.
    lengths: of each phase in seconds, the median of its durations.
    step: seconds between two places of the common axis.
    bounds: experiment, sim_id, phase, start_s, end_s of each run.
    """

    starts: Mapping[str, float]
    lengths: Mapping[str, float]
    step: float
    bounds: pd.DataFrame

    @property
    def length(self) -> float:
        """Seconds of all phases together."""
        return float(sum(self.lengths.values()))

    def values(self, averages: pd.DataFrame) -> pd.DataFrame:
        """Samples moved onto the common axis.

        A place lies at the same share of its phase in every run; its value is linear between the
        samples on both sides. Where these are further apart than 1.5 steps it has none.

        Args:
            averages: as `average` of `analysis.metrics` gives it.

        Returns:
            platform, dimension, experiment, sim_id, elapsed_s (on the common axis), value.
        """
        keys = ["platform", "dimension", *_RUN, "phase"]
        texts = averages.astype(dict.fromkeys((*_RUN, "phase"), "str"))
        rows = texts.merge(self.bounds, on=[*_RUN, "phase"])
        if rows.empty:
            return rows[[*keys[:-1], "elapsed_s", "value"]]
        number = rows.groupby(keys, observed=True, sort=False).ngroup().to_numpy()
        elapsed = rows["elapsed_s"].to_numpy(dtype=np.float64)
        order = np.lexsort((elapsed, number))
        first = np.flatnonzero(np.diff(number[order], prepend=-1))
        value = rows["value"].to_numpy(dtype=np.float64)[order]
        heads = rows.iloc[order[first]]
        found = [
            self._places(phase, (start, end), t, v)
            for phase, start, end, t, v in zip(
                heads["phase"],
                heads["start_s"],
                heads["end_s"],
                np.split(elapsed[order], first[1:]),
                np.split(value, first[1:]),
                strict=True,
            )
        ]
        whole = heads[keys[:-1]].iloc[np.repeat(np.arange(len(heads)), [len(t) for t, _ in found])]
        return whole.assign(
            elapsed_s=np.concatenate([t for t, _ in found]),
            value=np.concatenate([v for _, v in found]),
        ).reset_index(drop=True)

    def _places(
        self, phase: str, bounds: tuple[float, float], at: Floats, value: Floats
    ) -> tuple[Floats, Floats]:
        """A phase's places on the common axis that have a value, and these."""
        length = self.lengths[phase]
        # In the middles of equal parts: a place on a border would belong to two phases.
        count = max(1, round(length / self.step))
        share = (np.arange(count) + 0.5) / count
        start, end = bounds
        wanted = start + share * (end - start)
        after = np.clip(np.searchsorted(at, wanted), 0, len(at) - 1)
        before = np.maximum(after - 1, 0)
        nearest = np.minimum(np.abs(at[after] - wanted), np.abs(at[before] - wanted))
        there = nearest <= GAP * self.step
        values = np.interp(wanted, at, value)[there]
        return self.starts[phase] + share[there] * length, values


def stretched(frame: pd.DataFrame, phases: pd.DataFrame) -> Stretched:
    """The phases that the runs of a frame have in common, each with its median length.

    Args:
        frame: as `utilization` gives it.
        phases: as `durations` gives it, best with its gaps.

    Raises:
        InvalidData: a column is missing, or no run of the frame has a phase.
    """
    parts = without_total(phases)
    runs = frame[_RUN].drop_duplicates().astype("str")
    own = parts.astype(dict.fromkeys((*_RUN, "phase"), "str")).merge(runs, on=_RUN)
    if own.empty:
        raise InvalidData("there is nothing to draw: no run of the frame is among the phases")
    length = (own["end_s"] - own["start_s"]).groupby(own["phase"]).median()
    names = phase_order(own.sort_values("start_s", kind="stable")["phase"])
    lengths = {name: float(length[name]) for name in names if length[name] > 0}
    ends = np.cumsum([0.0, *lengths.values()])
    starts = dict(zip(lengths, ends[:-1].tolist(), strict=True))
    bounds = own[own["phase"].isin(list(lengths))][[*_RUN, "phase", "start_s", "end_s"]]
    return Stretched(starts, lengths, _step(frame), bounds)


def _step(frame: pd.DataFrame) -> float:
    """The median distance between a host's samples; 1 where each has one."""
    keys = ["experiment", "sim_id", "hostname", "dimension"]
    number = frame.groupby(keys, observed=True, sort=False).ngroup().to_numpy()
    elapsed = frame["elapsed_s"].to_numpy()
    order = np.lexsort((elapsed, number))
    steps = np.diff(elapsed[order])[np.diff(number[order]) == 0]
    steps = steps[steps > 0]
    return float(np.median(steps)) if steps.size else 1.0
