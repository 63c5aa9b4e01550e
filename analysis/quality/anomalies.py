"""Values that cannot be, do not move, or lie far from those of the other runs."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.quality.cells import PERCENT
from analysis.quality.findings import Finding, Runs, Severity, key_of, listed
from analysis.quality.outliers import FEWEST_RUNS, RELEVANT, held_against, is_far
from analysis.quality.sampling import FEWEST_SAMPLES
from analysis.timeline import durations_of
from minion.lifecycle import TOTAL

FALSE_ALARMS = 0.005  # normal runs that each of the three comparisons below may call doubtful
TIMER = 0.01  # of a duration: what a timer fixes is not held against its milliseconds
STUCK_SAMPLES = 12  # a minute, where a sample is taken every 5 s
STUCK_TIMES = 3  # as long as the upper quartile of the others' longest stretches
FEWEST_TIES = 1e-3  # share of ties where the others have none
QUIET_SHARE = 0.9  # of a whole series
QUIET = ("disk_util", "disk_io", "net")  # metrics that may rest at 0 for a whole phase
RELEVANT_POINTS = 0.5  # percentage points; a smaller difference in % is none
NEARLY_ALL = 0.9  # of the runs in which a host lies to one side of the others of its role

Flags = NDArray[np.bool_]
_KEY = ["experiment", "sim_id"]
_SERIES = [*_KEY, "hostname", "metric", "dimension"]


def impossible_values(table: pd.DataFrame) -> Iterator[Finding]:
    """Series with values that cannot be; see `cells`."""
    parts = table[((table["impossible"] > 0) & (table["phase"] != TOTAL.name)).to_numpy()]
    for place, rows in parts.groupby(_SERIES, sort=False):
        where = rows["phase"].tolist()
        bad, n = int(rows["impossible"].sum()), int(rows["n"].sum())
        least, largest = rows["least"].min(), rows["largest"].max()
        yield _of_series(
            place,
            "impossible value",
            where,
            f"has {bad:,} impossible values among {n:,} samples of {listed(where)}: from {least:g}"
            f" to {largest:g} {rows['unit'].iloc[0]}",
        )


def stuck_values(runs: Runs, table: pd.DataFrame) -> Iterator[Finding]:
    """Series that keep one value implausibly long, although the series of others move.

    A phase of a series, or a whole series, is held against those of the same role and dimension on
    its platform. Its longest stretch of one value is a finding when it has at least 12 samples, is
    at least three times as long as the upper quartile of the others' longest, and would come about
    by chance less than once in 200 runs: with a share p of samples that equal the one before (the
    median of the others), a series of n samples has about n p^(L - 1) stretches of L or more
    (Feller, An Introduction to Probability Theory and Its Applications, volume 1, 3rd edition 1968,
    chapter XIII.7). A disk or network that rests at 0 is a finding only where it does so in 90 % of
    the whole series. Nothing is said where fewer than six series say what is usual.

    It may be wrong where ties come in clusters, as reads of a disk do: then p understates how long
    a stretch can be, and only the comparison with the others protects.
    """
    keys = ["experiment", "platform", "role", "metric", "dimension", "phase"]
    group = _groups(table, keys)
    reference = _is_reference(runs, table)
    usual = table.assign(share=table["equal"] / np.maximum(table["n"] - 1, 1))[reference]
    by_group = usual.groupby(group[reference])
    ties = by_group["share"].median().reindex(group).to_numpy()
    longest = by_group["longest"].quantile(0.75).reindex(group).to_numpy()
    others = by_group["longest"].size().reindex(group).to_numpy(dtype=np.float64) - reference
    whole = (table["phase"] == TOTAL.name).to_numpy()
    length, n = table["longest"].to_numpy(dtype=np.float64), table["n"].to_numpy(dtype=np.float64)
    quiet = (table["metric"].isin(QUIET) & (table["held"] == 0)).to_numpy()
    quiet = quiet & (~whole | (length < QUIET_SHARE * n))
    chance = np.log(n) + (length - 1) * np.log(np.maximum(ties, FEWEST_TIES))
    stuck = (
        (others >= FEWEST_RUNS - 1)
        & ~quiet
        & (length >= STUCK_SAMPLES)
        & (length >= STUCK_TIMES * longest)
        & (chance < np.log(FALSE_ALARMS / _asked(table)))
    )
    found = table.assign(usual=longest, others=others)[stuck]
    for place, rows in found.groupby(_SERIES, sort=False):
        parts = rows[(rows["phase"] != TOTAL.name).to_numpy()]
        worst = rows.iloc[int(rows["longest"].to_numpy().argmax())]
        where = parts["phase"].tolist()
        seconds = worst["longest"] * worst["step_s"]
        yield _of_series(
            place,
            "stuck",
            where,
            f"stays at {worst['held']:g} {worst['unit']} for {worst['longest']:,} samples"
            f" ({seconds:,.0f} s){' in ' + listed(where) if where else ''}; three quarters of"
            f" {worst['others']:.0f} others do for at most {worst['usual']:g}",
        )


# ---------------------------------------------------------------- far from the others


def unusual_durations(runs: Runs) -> Iterator[Finding]:
    """Phases that took far longer or shorter than in the platform's other runs."""
    frame = durations_of(runs.simulations, phases=runs.phases)
    if frame.empty:
        return
    table = _numbered(frame.astype(dict.fromkeys([*_KEY, "platform", "phase"], "object")))
    group = _groups(table, ["experiment", "platform", "phase"])
    table = held_against(table, group, _is_reference(runs, table), "duration_s", finest=TIMER)
    far = is_far(table, "duration_s", FALSE_ALARMS / _asked(table))
    for row in table[far].to_dict("records"):
        yield Finding(
            run=(row["experiment"], row["sim_id"]),
            phase=row["phase"],
            kind="duration",
            severity=Severity.DOUBTFUL,
            what=f"{row['phase']} took {row['duration_s']:,.1f} s, the median of {row['runs']} runs"
            f" of {row['platform']} is {row['median']:,.1f} s (modified z {row['z']:.1f})",
        )


def unusual_levels(runs: Runs, table: pd.DataFrame) -> Iterator[Finding]:
    """Hosts whose mean in a phase is far from what it is in the platform's other runs.

    A host is held against itself, one that fewer than six runs have against all hosts of its role.
    Phases with fewer than five samples are left out, and differences below half a percentage point
    in metrics in %.
    """
    kept = (table["n"] >= FEWEST_SAMPLES) & (table["phase"] != TOTAL.name)
    table = _numbered(table[kept.to_numpy()])
    if table.empty:
        return
    reference = _is_reference(runs, table)
    own = _groups(table, ["experiment", "platform", "hostname", "role"])
    times = table.loc[reference, "run"].groupby(own[reference]).nunique()
    known = times.reindex(own).fillna(0).to_numpy() >= FEWEST_RUNS
    common = ["experiment", "platform", "role", "metric", "dimension", "phase"]
    for chosen, keys in ((known, [*common, "hostname"]), (~known, common)):
        # Hosts that are held against their role are so together with those that are not.
        group = _groups(table, keys)
        held = held_against(table, group, reference, "mean")
        far = is_far(held, "mean", FALSE_ALARMS / _asked(table)) & chosen
        points = (held["mean"] - held["median"]).abs().to_numpy() >= RELEVANT_POINTS
        far &= points | (held["unit"] != PERCENT).to_numpy()
        for name, rows in held[far].groupby(_SERIES, sort=False):
            worst = rows.iloc[int(rows["z"].abs().to_numpy().argmax())]
            more = f" (also in {len(rows) - 1} other phases)" if len(rows) > 1 else ""
            yield _of_series(
                name,
                "level",
                [str(worst["phase"])],
                f"({worst['role']}) is {worst['mean']:,.4g} {worst['unit']} on average in"
                f" {worst['phase']}{more}, the median of {worst['runs']} runs of"
                f" {worst['platform']} is {worst['median']:,.4g} (modified z {worst['z']:.1f},"
                f" {worst['n']} samples)",
            )


def hosts_apart(runs: Runs, table: pd.DataFrame) -> list[str]:
    """Hosts that differ from the others of their role in nearly all runs, once an experiment.

    That is: to one side of the role's median (of two hosts: of the other one) in at least 90 % of
    at least six runs, and by more than 10 % (and half a percentage point, for metrics in %) in half
    of them.
    """
    whole = (table["phase"] == TOTAL.name).to_numpy() & _is_reference(runs, table)
    keys = ["experiment", "platform", "role", "metric", "dimension", "unit"]
    told: dict[tuple[str, ...], list[str]] = {}
    for place, rows in table[whole].groupby(keys, sort=False):
        experiment, platform, role, metric, dimension, unit = map(str, place)
        wide = rows.pivot_table(index="sim_id", columns="hostname", values="mean", sort=False)
        names = [name for name in wide if wide[name].count() >= FEWEST_RUNS]
        several = len(wide.columns) > 2
        for name in names if several else names[:1]:  # of two, each is unlike the other
            others = (wide if several else wide.drop(columns=name)).median(axis=1)
            both = wide[name].notna() & others.notna()
            apart, usual = (wide[name] - others)[both], others[both].median()
            if len(apart) < FEWEST_RUNS:
                continue
            above, below = int((apart > 0).sum()), int((apart < 0).sum())
            typical = apart.median()
            least = max(RELEVANT * abs(usual), RELEVANT_POINTS if unit == PERCENT else 0.0)
            if max(above, below) >= NEARLY_ALL * len(apart) and abs(typical) > least:
                unit_of = "percentage points" if unit == PERCENT else unit
                text = f"{typical:+,.3g} {unit_of} in {max(above, below)} of {len(apart)} runs of"
                text += f" {platform}, where {usual:,.4g} is usual"
                group = (experiment, str(name), role, _name(metric, dimension))
                told.setdefault(group, []).append(text)
    return [
        f"{experiment}: host {hostname} is unlike the other {role} hosts in {name}:"
        f" {'; '.join(texts)}"
        for (experiment, hostname, role, name), texts in told.items()
    ]


def too_few(runs: Runs) -> list[str]:
    """Platforms with too few runs to compare them, once for each."""
    notes = []
    for (experiment, platform), simulations in runs.platforms().items():
        if all(simulation.measurements_only for simulation in simulations):
            continue  # they have nothing that could be compared so
        n = sum(key_of(simulation) in runs.reference for simulation in simulations)
        if n < FEWEST_RUNS:
            runs_are = "1 run is" if n == 1 else f"{n} runs are"
            notes.append(
                f"{experiment}: {runs_are} whole and not excluded on {platform}: durations and"
                f" levels were not compared, which takes {FEWEST_RUNS} runs; hosts, charts and"
                " sampling intervals take 3, stuck values 6 series of a role"
            )
    return notes


# ---------------------------------------------------------------- inside


def _of_series(place: Any, kind: str, phases: Sequence[str], what: str) -> Finding:
    """A doubt about one series.

    Args:
        place: values of `_SERIES`.
        kind: of the finding.
        phases: where it is; more than one is none in particular.
        what: the series is, has or does.
    """
    experiment, sim_id, hostname, metric, dimension = map(str, place)
    return Finding(
        run=(experiment, sim_id),
        hostname=hostname,
        metric=metric,
        phase=phases[0] if len(phases) == 1 else "",
        kind=kind,
        severity=Severity.DOUBTFUL,
        what=f"{_name(metric, dimension)} of host {hostname} {what}",
    )


def _asked(table: pd.DataFrame) -> float:
    """How many rows a run has: so often the same question is asked of it."""
    runs = len(table[_KEY].drop_duplicates())
    return max(1.0, len(table) / max(runs, 1))


def _numbered(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(run=_groups(table, _KEY))


def _groups(table: pd.DataFrame, keys: list[str]) -> NDArray[np.int64]:
    return np.asarray(table.groupby(keys, sort=False).ngroup(), dtype=np.int64)


def _is_reference(runs: Runs, table: pd.DataFrame) -> Flags:
    pairs: Sequence[tuple[str, str]] = list(zip(table["experiment"], table["sim_id"], strict=True))
    return np.fromiter((pair in runs.reference for pair in pairs), np.bool_, len(pairs))


def _name(metric: str, dimension: str) -> str:
    """A metric, with its dimension where that says more."""
    return metric if dimension in ("utilization", "used") else f"{metric} {dimension}"
