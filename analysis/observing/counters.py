"""Counters that were read before and after: what came in between."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from minion.errors import InvalidData, NotFound

_RUN_AND_PLACE = ("experiment", "platform", "sim_id", "hostname", "phase")


@dataclass(frozen=True, slots=True)
class Counted:
    """What counters counted.

    values: rows as in the frame that was given, with the new measurement, its unit and value.
    left_out: experiment, platform, sim_id, hostname, phase, reason: where it is not known.
    """

    values: pd.DataFrame
    left_out: pd.DataFrame


def counted(
    frame: pd.DataFrame,
    before: str,
    after: str,
    *,
    measurement: str,
    unit: str | None = None,
    scale: float = 1.0,
) -> Counted:
    """The difference of two readings of a counter, of each run, host and phase.

    Where a reading is missing, or the counter went back (what counts was started anew), the
    difference is not known: it has no value, never 0 and never a negative one.

    Args:
        frame: as `measurements` gives it.
        before, after: names of the two measurements.
        measurement: what the difference is called.
        unit: that it has; default: that of the readings.
        scale: a difference of this size is 1 of that unit: 1e6 for µs to s.

    Raises:
        NotFound: the frame has no such measurement.
        InvalidData: the readings have several units, or one was read twice.
    """
    keys = [name for name in _RUN_AND_PLACE if name in frame]
    readings = {}
    for name in (before, after):
        own = frame[(frame["measurement"] == name).to_numpy()]
        if own.empty:
            there = ", ".join(map(str, frame["measurement"].unique()))
            raise NotFound(f"the frame has no measurement {name}; it has: {there}")
        if own.duplicated(keys).any():
            twice = own[own.duplicated(keys)].iloc[0]
            raise InvalidData(f"{name} stands twice in simulation {twice['sim_id']}; choose one")
        readings[name] = own
    units = {str(text) for own in readings.values() for text in own["unit"].unique()}
    if len(units) > 1:
        raise InvalidData(f"{before} and {after} have several units: {', '.join(sorted(units))}")
    first = readings[before][[*keys, "value"]].astype(dict.fromkeys(keys, str))
    second = readings[after].reset_index(drop=True)
    both = (
        second[[*keys, "value"]]
        .astype(dict.fromkeys(keys, str))
        .merge(first, on=keys, how="outer", suffixes=("_after", "_before"), sort=False)
    )
    both["difference"] = (both["value_after"] - both["value_before"]) / scale
    both["reason"] = np.select(
        [both["value_after"].isna(), both["value_before"].isna(), both["difference"] < 0],
        [f"no {after}", f"no {before}", "the counter went back"],
        default="",
    )
    left_out = both.loc[both["reason"] != "", [*keys, "reason"]].reset_index(drop=True)
    known = both.loc[both["reason"] == "", [*keys, "difference"]]
    values = second.astype(dict.fromkeys(keys, str)).merge(known, on=keys, how="inner", sort=False)
    values = values.assign(value=values["difference"]).drop(columns="difference")
    for name in keys:
        values[name] = pd.Categorical(values[name], categories=list(dict.fromkeys(values[name])))
    values["measurement"] = pd.Categorical([measurement] * len(values), categories=[measurement])
    named = next(iter(units)) if unit is None else unit
    values["unit"] = pd.Categorical([named] * len(values), categories=[named])
    return Counted(values[list(frame.columns)], left_out)
