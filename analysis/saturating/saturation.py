"""How far each ramp went, and where it began to saturate: a table."""

import math

import numpy as np
import pandas as pd

from analysis.saturating.onset import SHARE, Bounded, onset
from analysis.saturating.ramps import RUN
from minion.errors import InvalidData

_BOUNDED = ("begins", "before", "after")
COLUMNS = [
    *RUN,
    "response",
    "unit",
    "points",
    "maximum",
    "at_load",
    "at_s",
    "verdict",
    *(f"{name}{end}" for name in _BOUNDED for end in ("", "_low", "_high")),
    "note",
]
_NOWHERE = Bounded(math.nan, math.nan, math.nan)


def saturation(
    ramps: pd.DataFrame,
    *,
    confidence: float = 0.95,
    draws: int = 1000,
    share: float = SHARE,
) -> pd.DataFrame:
    """Maximum and begin of saturation of each run.

    Args:
        ramps: as `ramps` gives them; several responses may stand in one frame.
        confidence, draws, share: see `onset`.

    Returns:
        A row per run and response: experiment, platform, sim_id, response, unit, points, maximum,
        at_load and at_s (the load and the elapsed time of the first point as high), verdict
        (`saturated`, `growing`, `undecided`), begins (the load of the break), before and after
        (growth per unit of load on both sides of it), each with _low and _high; note: why there is
        no break, where there is none.

    Raises:
        InvalidData: an option out of its range.
    """
    rows = []
    keys = [*RUN, "response", "unit"]
    for key, points in ramps.groupby(keys, observed=True, sort=False):
        there = points[points["value"].notna().to_numpy()].sort_values("elapsed_s", kind="stable")
        row = dict(zip(keys, key, strict=True))
        if there.empty:
            continue
        highest = there.iloc[int(np.argmax(there["value"].to_numpy()))]
        row |= {
            "points": len(there),
            "maximum": highest["value"],
            "at_load": highest["load"],
            "at_s": highest["elapsed_s"],
        }
        found = dict.fromkeys(_BOUNDED, _NOWHERE)
        row |= {"verdict": "undecided", "note": ""}
        try:
            begin = onset(
                there["load"], there["value"], confidence=confidence, draws=draws, share=share
            )
        except InvalidData as error:
            row["note"] = str(error)
        else:
            found = {"begins": begin.at, "before": begin.before, "after": begin.after}
            row["verdict"] = begin.verdict.value
        for name, bounded in found.items():
            row |= {
                name: bounded.estimate,
                f"{name}_low": bounded.low,
                f"{name}_high": bounded.high,
            }
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)
