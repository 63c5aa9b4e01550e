"""What is compared: the values of each level, for each metric, phase, dimension and role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.comparing.margins import Margin
from analysis.magnitudes import check_magnitudes

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing that is compared: a metric in a phase, of a dimension, on hosts of a role.

    groups: the values of each level, one per run.
    total: how many runs each level has, with a value here or without.
    samples: how many samples each of these values stands on; NaN where it is no mean of samples.
    quantile: of each host's samples, where the values are not of their means.
    hosts: that were chosen; none: every one.
    """

    metric: str
    unit: str
    phase: str
    dimension: str
    role: str
    groups: Mapping[str, Floats]
    total: Mapping[str, int]
    margin: Margin | None = None
    samples: Mapping[str, Floats] = field(default_factory=dict)
    quantile: float | None = None
    hosts: tuple[str, ...] = ()

    @property
    def filled(self) -> dict[str, Floats]:
        """The levels that have a value at all."""
        return {level: values for level, values in self.groups.items() if len(values)}


def questions_of(
    values: pd.DataFrame,
    levels: Mapping[str, Sequence[tuple[str, str]]],
    *,
    unit: str,
    margin: Margin | None = None,
    quantile: float | None = None,
    hosts: tuple[str, ...] = (),
) -> list[Question]:
    """A question for each metric, phase, dimension and role of a frame.

    Args:
        values: one value per run, as `analysis.values.combined` gives it, of one metric.
        levels: the runs (experiment, sim_id) of each level.
        unit: of the values.
        margin: what still counts as no difference.
        quantile, hosts: what the values are of, where not of means and of all hosts.

    Raises:
        InvalidData: a value that no mean can be taken of; the message names its run.
    """
    keys = [name for name in ("metric", "phase", "dimension", "role") if name in values]
    level_of = {run: level for level, runs in levels.items() for run in runs}
    runs = zip(values["experiment"].astype("str"), values["sim_id"].astype("str"), strict=True)
    names = np.array([level_of.get(run, "") for run in runs], dtype=object)
    total = {level: len(of) for level, of in levels.items()}
    found: list[Question] = []
    check_magnitudes(values[names != ""])
    numbers = values["value"].to_numpy(dtype=np.float64)
    # Durations and measurements stand on no samples.
    samples = np.where(values["n"] > 0, values["n"], np.nan)
    groups = values.groupby(keys, observed=True, sort=True).indices
    for key, places in groups.items():
        parts = dict(zip(keys, map(str, cast("tuple[object, ...]", key)), strict=True))
        own = names[places]
        found.append(
            Question(
                metric=parts.get("metric", ""),
                unit=unit,
                phase=parts["phase"],
                dimension=parts.get("dimension", ""),
                role=parts["role"],
                groups={level: numbers[places[own == level]] for level in levels},
                total=total,
                margin=margin,
                samples={level: samples[places[own == level]] for level in levels},
                quantile=quantile,
                hosts=hosts,
            )
        )
    return found
