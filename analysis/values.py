"""Samples to one value per run: the unit of every comparison.

The order is fixed: samples of a host in a phase, to one value of that host; values of the hosts,
to one value of the run. What a run cannot give honestly it does not give: a run that lacks one of
its hosts in a phase has no value there, since the hosts differ and their mean would be another
quantity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.metrics import keeps_dimensions
from analysis.timeline import phase_order
from minion.errors import InvalidData
from minion.lifecycle import GAPS, TOTAL
from minion.model import EventType, Role

ALL_HOSTS = "all"
_GAPS = frozenset(gap.name for gap in GAPS)
_RUN = ["experiment", "platform", "sim_id"]


@dataclass(frozen=True, slots=True)
class RunValues:
    """One value per run.

    values: experiment, metric where the frame has it, phase, dimension where the metric keeps it,
        role (`all` for the mean of the run's hosts, else the mean of its hosts of that role),
        platform, sim_id (categoricals), n (samples), hosts (how many), value. Ordered so. Both
        numbers are 0 where a value stands on none.
    left_out: the runs that have no value where others have one: the same columns without n, hosts
        and value, and `reason`, a sentence.
    """

    values: pd.DataFrame
    left_out: pd.DataFrame


def is_gap(phase: str) -> bool:
    """Whether a name stands for a stretch between phases: the study's waits, "EVENT to EVENT"."""
    first, _, last = phase.partition(" to ")
    return phase in _GAPS or {first, last} <= EventType.__members__.keys()


def run_values(
    frame: pd.DataFrame,
    *,
    value: str = "value",
    phases: Sequence[str] = (),
    whole_run: bool = False,
    quantile: float | None = None,
) -> pd.DataFrame:
    """One value for each run and phase: the mean of each host, then the mean of the hosts.

    A run that lacks one of its hosts in a phase has no value there; `combined` says which.

    Args:
        frame: as `utilization` or `durations` gives it, or what this function gave.
        value, phases, whole_run, quantile: see `host_values`.

    Returns:
        experiment, phase, platform, sim_id, dimension where the frame's metric keeps it
        (categoricals), value. Ordered by these columns.

    Raises:
        InvalidData: the frame lacks a column, holds several metrics, or as of `host_values`.
    """
    if "metric" in frame and len(frame["metric"].unique()) > 1:
        names = ", ".join(sorted(frame["metric"].unique()))
        raise InvalidData(f"the frame holds several metrics ({names}); reduce one at a time")
    hosts = host_values(frame, value=value, phases=phases, whole_run=whole_run, quantile=quantile)
    values = combined(hosts).values
    keys = ["experiment", "phase", "platform", "sim_id", "dimension"]
    kept = [key for key in keys if key in values]
    return values.sort_values(kept, kind="stable", ignore_index=True)[[*kept, "value"]]


def host_values(
    frame: pd.DataFrame,
    *,
    value: str = "value",
    phases: Sequence[str] = (),
    whole_run: bool = False,
    quantile: float | None = None,
) -> pd.DataFrame:
    """One value for each run, host and phase.

    Args:
        frame: as `utilization` or `durations` gives it.
        value: the column to reduce; `duration_s` for durations.
        phases: keep these; default: all but the gaps between phases.
        whole_run: add one more value over every sample of the frame, gaps included, as the phase
            "Total simulation time". Give it a frame of all phases.
        quantile: between 0 and 1, linear between neighbours (Hyndman and Fan 1996, type 7);
            default: the mean.

    Returns:
        experiment, platform, sim_id, hostname and role where the frame has them, metric, dimension
        where the metric keeps it, phase (categoricals), n (samples), value.

    Raises:
        InvalidData: the frame lacks a column, or a quantile that is not between 0 and 1.
    """
    lacking = [name for name in (*_RUN, "phase", value) if name not in frame]
    if lacking:
        raise InvalidData(
            f"the frame has no column {lacking[0]!r}; it has: {', '.join(map(str, frame.columns))}"
        )
    if quantile is not None and not 0 <= quantile <= 1:
        raise InvalidData(f"a quantile of {quantile:g}; give a number between 0 and 1")
    keys = [k for k in (*_RUN, "hostname", "role", "metric") if k in frame]
    if keeps_dimensions(frame):
        keys.append("dimension")
    rows = frame[frame[value].notna().to_numpy()]
    names = phase_order(str(name) for name in rows["phase"].dropna().unique())
    wanted = [n for n in names if (n in phases if phases else not is_gap(n))]
    inside = rows[rows["phase"].isin(wanted).to_numpy()]
    parts = [_reduced(inside, [*keys, "phase"], value, quantile).astype({"phase": "object"})]
    if whole_run:
        parts.append(_reduced(rows, keys, value, quantile).assign(phase=TOTAL.name))
        wanted.append(TOTAL.name)
    values = pd.concat(parts, ignore_index=True)
    values["phase"] = pd.Categorical(values["phase"], categories=pd.Index(wanted, dtype="str"))
    return values[[*keys, "phase", "n", "value"]]


def _reduced(
    frame: pd.DataFrame, keys: list[str], value: str, quantile: float | None
) -> pd.DataFrame:
    groups = frame.groupby(keys, observed=True, sort=False)[value]
    reduced = groups.mean() if quantile is None else groups.quantile(quantile)
    return pd.DataFrame({"n": groups.size(), "value": reduced}).reset_index()


def combined(
    hosts: pd.DataFrame,
    *,
    expected: Mapping[tuple[str, str], Mapping[str, str]] | None = None,
    roles: bool = False,
    what: str = "samples",
) -> RunValues:
    """One value for each run and phase: the mean of its hosts' values.

    Args:
        hosts: as `host_values` gives it.
        expected: hostname to role of the hosts that each run (experiment, sim_id) must have;
            default: the hosts that it has in any phase.
        roles: beside the mean of all hosts, the mean of those of each role.
        what: a host without a value lacks, in words.
    """
    keys = [k for k in (*_RUN, "metric", "dimension", "phase") if k in hosts]
    if "hostname" not in hosts:
        values = hosts.assign(role=ALL_HOSTS, n=0, hosts=0)
        return RunValues(_ordered(values), _ordered(values.iloc[:0].assign(reason="")))
    scopes = [hosts.assign(role=ALL_HOSTS)]
    if roles and len(_roles(hosts, expected)) > 1:
        scopes.append(hosts)
    parts = []
    for scope in scopes:
        groups = scope.groupby([*keys, "role"], observed=True, sort=False)
        parts.append(
            groups.agg(n=("n", "sum"), hosts=("value", "size"), value=("value", "mean"))
            .reset_index()
            .astype({"role": "object"})
        )
    values = pd.concat(parts, ignore_index=True)
    lacking = _lacking(hosts, values, keys, expected, what)
    there = lacking.isna().to_numpy()
    left_out = values[~there].assign(reason=lacking[~there])
    return RunValues(_ordered(values[there]), _ordered(left_out))


def _roles(
    hosts: pd.DataFrame, expected: Mapping[tuple[str, str], Mapping[str, str]] | None
) -> set[str]:
    """The roles of the hosts that the runs must have, whether or not one has a value."""
    if expected is None:
        return set(hosts["role"])
    return {role for of_run in expected.values() for role in of_run.values()}


def _lacking(
    hosts: pd.DataFrame,
    values: pd.DataFrame,
    keys: list[str],
    expected: Mapping[tuple[str, str], Mapping[str, str]] | None,
    what: str,
) -> "pd.Series[str]":
    """For each row of values, which expected hosts it lacks, as a sentence; else None."""
    if expected is None:
        found: dict[tuple[str, str], dict[str, str]] = {}
        seen = hosts[["experiment", "sim_id", "hostname"]].drop_duplicates()
        of_role = hosts["role"] if "role" in hosts else pd.Series("", index=hosts.index)
        for (experiment, sim_id, hostname), role in zip(
            seen.itertuples(index=False, name=None), of_role[seen.index], strict=True
        ):
            found.setdefault((experiment, sim_id), {})[hostname] = role
        expected = found
    counts: dict[tuple[str, str, str], int] = {}
    for run, of_run in expected.items():
        for role in (ALL_HOSTS, *Role):
            counts[*run, role] = sum(role in (ALL_HOSTS, own) for own in of_run.values())
    wanted = [
        counts.get(key, 0)
        for key in zip(values["experiment"], values["sim_id"], values["role"], strict=True)
    ]
    short = np.flatnonzero(values["hosts"].to_numpy() < np.array(wanted, dtype=np.int64))
    sentences: list[str | None] = [None] * len(values)
    for place in map(int, short):
        row = values.iloc[place]
        same = np.logical_and.reduce([(hosts[key] == row[key]).to_numpy() for key in keys])
        there = set(hosts["hostname"][same])
        of_run = expected[row["experiment"], row["sim_id"]]
        names = [n for n, r in of_run.items() if n not in there and row["role"] in (ALL_HOSTS, r)]
        sentences[place] = f"no {what} of {', '.join(names)}"
    return pd.Series(sentences, index=values.index, dtype="object")


def stacked(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Frames of the same columns one below the other; categoricals stay such."""
    together = pd.concat(frames, ignore_index=True)
    for name in together:
        if all(isinstance(f[name].dtype, pd.CategoricalDtype) for f in frames):
            known = dict.fromkeys(text for f in frames for text in f[name].cat.categories)
            together[name] = pd.Categorical(
                together[name], categories=pd.Index(list(known), dtype="str")
            )
    return together


def _ordered(values: pd.DataFrame) -> pd.DataFrame:
    """Rows and columns in their order; texts as categoricals."""
    first = ["experiment", "metric", "phase", "dimension", "role", "platform", "sim_id"]
    names = [name for name in first if name in values]
    typed = values.assign(
        role=pd.Categorical(values["role"], categories=pd.Index([ALL_HOSTS, *Role], dtype="str"))
    )
    for name in names:
        if not isinstance(typed[name].dtype, pd.CategoricalDtype):
            known = pd.Index(typed[name].unique(), dtype="str")
            typed[name] = pd.Categorical(typed[name], categories=known)
    rest = [name for name in ("n", "hosts", "value", "reason") if name in values]
    if "reason" in rest:
        rest = ["reason"]
    return typed.sort_values(names, kind="stable")[[*names, *rest]].reset_index(drop=True)
