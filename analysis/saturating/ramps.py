"""Samples to ramps: a response and the load that it was given to, point by point."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.charting.labels import has_values
from minion.errors import InvalidData, NotFound
from minion.model import Simulation
from minion.selection import natural
from minion.store import Store

RUN = ["experiment", "platform", "sim_id"]
COLUMNS = [*RUN, "elapsed_s", "load", "value", "response", "unit"]
_MOST_NAMED = 40  # dimensions of a message
_NEEDED = [*RUN, "hostname", "context", "dimension", "unit", "elapsed_s"]


def ramps(samples: pd.DataFrame, *, load: str, response: str) -> pd.DataFrame:
    """The response of each run at each load.

    What several hosts have of a dimension is added up, at the times when each host that ever has
    it has a sample: a sum that lacks a host is none. A response stands with the load of the same
    time, or with the last one before.

    Args:
        samples: as `Store.samples` gives them.
        load: the dimension that says how much was asked of the system: `iteration`, `running`.
        response: the dimension that answers to it: `running`, `active`.

    Returns:
        A row per run and time: experiment, platform, sim_id, elapsed_s, load, value, response (its
        name), unit (of the value). Runs that lack one of the two have no row.

    Raises:
        NotFound: no run has one of the dimensions, or both; the message lists those there are.
        InvalidData: a dimension is of several contexts or units, or a column lacks.
    """
    has_values(samples, "value", *_NEEDED)
    loads, answers = _line(samples, load), _line(samples, response)
    parts = []
    for run, answer in answers.groupby(RUN, observed=True, sort=False):
        own = loads
        for column, name in zip(RUN, run, strict=True):
            own = own[(own[column] == name).to_numpy()]
        if len(own):
            asked = own[["elapsed_s", "value"]].rename(columns={"value": "load"})
            parts.append(pd.merge_asof(answer, asked, on="elapsed_s"))
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["load"])
    whole = whole[whole["load"].notna().to_numpy()]
    if whole.empty:
        raise NotFound(f"no run has both {load} and {response} at one time; choose others")
    return whole.assign(response=response)[COLUMNS].reset_index(drop=True)


def repeats(samples: pd.DataFrame) -> pd.DataFrame:
    """The samples of which no value of their chart differs from the sample before.

    A chart that is measured anew does not come out the same in every dimension, to the last digit;
    where it does, an old reading was passed on. It says nothing of charts that may stand still,
    such as counts: ask about those that may not.

    Args:
        samples: as `Store.samples` gives them.

    Returns:
        A row per run, host and chart: experiment, platform, sim_id, hostname, chart, readings
        (times with a sample), repeated (those that repeat the one before), share (of all), longest
        (how many one after the other, at most).
    """
    keys = [*RUN, "hostname", "chart"]
    marked = _marked(samples)
    if marked.empty:
        return pd.DataFrame(columns=[*keys, "readings", "repeated", "share", "longest"])
    grouped = marked.groupby(keys, observed=True, sort=False)["repeated"]
    table = grouped.agg(readings="size", repeated="sum", longest=_longest).reset_index()
    table["share"] = table["repeated"] / table["readings"]
    return table[[*keys, "readings", "repeated", "share", "longest"]]


def without_repeats(samples: pd.DataFrame) -> pd.DataFrame:
    """The samples without those that `repeats` counts.

    Args:
        samples: as `Store.samples` gives them, of charts that do not stand still.
    """
    keys = [*RUN, "hostname", "chart", "elapsed_s"]
    marked = _marked(samples)
    stale = pd.MultiIndex.from_frame(marked.loc[marked["repeated"].to_numpy(), keys])
    return samples[~pd.MultiIndex.from_frame(samples[keys]).isin(stale)]


def check_dimension(
    name: str, samples: pd.DataFrame, store: Store, simulations: Sequence[Simulation]
) -> None:
    """Nothing, where samples that were chosen by their dimensions have this one.

    Args:
        name: of the dimension.
        samples: as `Store.samples` gives them.
        store: where they are from: it is asked what the runs have instead.
        simulations: the runs.

    Raises:
        NotFound: they do not have it; the message lists what the first run of each platform has.
    """
    if (samples["dimension"] == name).any():
        return
    first = {simulation.platform: simulation for simulation in reversed(simulations)}
    there = dict.fromkeys(
        dimension.id
        for simulation in first.values()
        for series in store.series(simulation)
        for dimension in series.dimensions
    )
    listed = ", ".join(sorted(there, key=natural)[:_MOST_NAMED]) or "none"
    raise NotFound(f"no run has a dimension {name}; there are: {listed}")


# ---------------------------------------------------------------- inside


def _line(samples: pd.DataFrame, dimension: str) -> pd.DataFrame:
    """experiment, platform, sim_id, elapsed_s, value, unit: hosts together, by time."""
    own = samples[(samples["dimension"] == dimension).to_numpy()]
    if own.empty:
        there = ", ".join(dict.fromkeys(samples["dimension"].astype(str)))
        raise NotFound(f"no run has a dimension {dimension}; there are: {there}")
    for column in ("context", "unit"):
        names = own[column].astype(str).unique()
        if len(names) > 1:
            raise InvalidData(
                f"{dimension} stands for several {column}s ({', '.join(names)}); choose the samples"
            )
    hosts = own.groupby(RUN, observed=True)["hostname"].nunique()
    grouped = own.groupby([*RUN, "elapsed_s"], observed=True)["value"]
    line = grouped.agg(value="sum", there="size").reset_index()
    wanted = hosts.reindex(pd.MultiIndex.from_frame(line[RUN])).to_numpy()
    line = line[line["there"].to_numpy() == wanted].drop(columns="there")
    line = line.assign(unit=str(own["unit"].iloc[0]))
    ordered: pd.DataFrame = line.sort_values("elapsed_s", kind="stable")
    return ordered


def _marked(samples: pd.DataFrame) -> pd.DataFrame:
    """A row per reading: run, hostname, chart, elapsed_s, repeated."""
    keys = [*RUN, "hostname", "chart"]
    plain = samples.astype(dict.fromkeys([*keys, "dimension"], "object"))
    parts = []
    for key, part in plain.groupby(keys, sort=False):
        wide = part.pivot_table(index="elapsed_s", columns="dimension", values="value")
        values = wide.to_numpy()
        same = (values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1]))
        repeated = np.r_[False, same.all(axis=1)]
        named = dict(zip(keys, key, strict=True))
        parts.append(pd.DataFrame({**named, "elapsed_s": wide.index, "repeated": repeated}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _longest(repeated: "pd.Series[bool]") -> int:
    """The most that follow each other."""
    edges = np.flatnonzero(~np.r_[False, repeated.to_numpy(), False])
    return int(np.diff(edges).max()) - 1
