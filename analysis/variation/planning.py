"""How many runs the next experiment needs, from the spread of those that are there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Unpack

import numpy as np
import pandas as pd

from analysis.comparing.comparability import PLATFORM, levels_of
from analysis.comparing.provenance import excluded_runs, provenance
from analysis.quantities import quantity
from analysis.statistics.power import MOST_RUNS
from analysis.timeline import durations_of
from analysis.values import ALL_HOSTS
from analysis.variation.aims import CAREFUL, Aim, Comparison, Group
from minion.console import records
from minion.errors import InvalidData, NotFound
from minion.lifecycle import TOTAL
from minion.model import Simulation
from minion.selection import Choice, Selection, natural
from minion.store import Store

CONFIDENCE = 0.95
POWER = 0.8
_KEYS = ("experiment", "phase", "dimension")


@dataclass(frozen=True, slots=True)
class Plan:
    """How many runs are needed.

    table: experiment, phase, dimension where the metric keeps it, baseline, platform, runs_baseline
        and runs_platform (so far), mean_baseline, mean_platform, sd_baseline, sd_platform (of runs,
        in the metric's unit), then for each thing that is wanted, a row each: wanted (`width`,
        `difference` or `margin`), amount (in the metric's unit), runs (needed of each platform, by
        the deviations as estimated), careful_runs (by their upper limits of 80 % confidence), hours
        and careful_hours (to measure that many runs of both platforms from nothing). When nothing
        is wanted, a row for each pair: detectable (smallest true difference that is found with the
        power), detectable_share (in per cent of the baseline's mean), careful_detectable, and
        half_width (of the interval of the difference), all with the runs that there are. What
        cannot be told is NaN.
    sentences: the result in words.
    notes: what it rests on, a sentence each.
    provenance: what it stands on; see `analysis.comparing.provenance.provenance`.
    """

    table: pd.DataFrame
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    provenance: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Everything as plain values, unrounded."""
        return {
            "sentences": list(self.sentences),
            "notes": list(self.notes),
            "table": records(self.table),
            "provenance": dict(self.provenance),
        }


def plan(
    store: Store,
    metric: str,
    *,
    width: str | None = None,
    difference: str | None = None,
    margin: str | None = None,
    power: float = POWER,
    confidence: float = CONFIDENCE,
    baseline: str | None = None,
    tests: int = 1,
    **choice: Unpack[Choice],
) -> Plan:
    """How many runs of each platform are needed; without anything wanted, what the runs can find.

    The unit is the run: a run's value is the mean of its hosts' means. Runs are counted by Welch's
    t with the deviations of the runs that there are; see `analysis.statistics.power`.

    Amounts are texts: `5%` is five per cent of the baseline's mean in that phase, also of a metric
    in per cent; `0.5 points` are percentage points; `2 s`, `100 KiB/s` are in the metric's unit.

    Args:
        store: where the samples are.
        metric: one of `analysis.metrics.METRICS`, `duration`, or a measurement.
        width: half the width that the interval of the difference may have.
        difference: a true difference that the test shall find.
        margin: a difference that counts as none; two platforms that are the same shall be shown to
            be equivalent by two one-sided tests at 1 - confidence each.
        power: how likely the difference is found, or equivalence shown.
        confidence: of the interval; 1 - confidence is the level of a test.
        baseline: the platform that the others are compared with; default: every pair of platforms,
            the first in natural order as baseline.
        tests: how many tests shall hold together; the level is divided by it (Bonferroni).
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Raises:
        NotFound: a metric, simulation, platform, experiment, host or phase that was named; or the
            selection holds nothing of the metric.
        InvalidData: an amount, power, confidence or number of tests that cannot be one; or fewer
            than two platforms.
        Ambiguous: the selection holds several experiments.
    """
    selection = Selection.of(**choice)
    simulations = store.simulations_of_one_experiment(selection)
    found = quantity(store, metric, simulations, **choice)
    aim = Aim.of(
        {"width": width, "difference": difference, "margin": margin},
        found.unit,
        power=power,
        confidence=confidence,
        tests=tests,
    )
    pairs = _pairs(simulations, baseline)
    values = found.runs.values[(found.runs.values["role"] == ALL_HOSTS).to_numpy()]
    if values.empty:
        raise NotFound(f"nothing of {metric} in this selection; `minion check` says what it lacks")
    took = durations_of(simulations, phases=[TOTAL.name])
    medians = took.groupby("platform", observed=True)["duration_s"].median()
    run_s = {str(name): float(seconds) for name, seconds in medians.items()}
    rows = [row for pair in _comparisons(values, pairs) for row in aim.rows(pair, run_s)]
    table = pd.DataFrame(rows)
    categories = values["phase"].cat.remove_unused_categories().cat.categories
    table["phase"] = pd.Categorical(table["phase"], categories=categories)
    options = {
        "metric": metric,
        "width": width,
        "difference": difference,
        "margin": margin,
        "power": power,
        "confidence": confidence,
        "baseline": baseline,
        "tests": tests,
        **{name: value for name, value in choice.items() if value},
    }
    return Plan(
        table,
        tuple(_sentences(table, aim, metric)),
        tuple(_notes(table, aim)),
        provenance(
            levels_of(simulations, PLATFORM)[0],
            excluded_runs(store, selection),
            [found],
            options,
        ),
    )


def _pairs(simulations: Sequence[Simulation], baseline: str | None) -> list[tuple[str, str]]:
    names = sorted({simulation.platform for simulation in simulations}, key=natural)
    if baseline is not None and baseline not in names:
        raise NotFound(f"no platform {baseline}; there are: {', '.join(names)}")
    if len(names) < 2:
        raise InvalidData(
            f"a plan compares two platforms, and there is {' and '.join(names) or 'none'}; choose"
            " runs of another, too"
        )
    if baseline is None:
        return list(combinations(names, 2))
    return [(baseline, name) for name in names if name != baseline]


def _comparisons(values: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> Iterator[Comparison]:
    keys = [key for key in _KEYS if key in values]
    for group, part in values.groupby(keys, observed=True):
        names = dict(zip(keys, map(str, group), strict=True))
        groups = {
            name: Group.of(name, part.loc[(part["platform"] == name).to_numpy(), "value"])
            for name in dict.fromkeys(name for pair in pairs for name in pair)
        }
        for baseline, platform in pairs:
            yield Comparison(names, groups[baseline], groups[platform])


# ---------------------------------------------------------------- in words


def _sentences(table: pd.DataFrame, aim: Aim, metric: str) -> Iterator[str]:
    """The largest demand of each thing that is wanted, or what the runs can find."""
    if not aim.wanted:
        yield _detected(table, aim, metric)
    for name, margin in aim.wanted.items():
        rows = table[(table["wanted"] == name).to_numpy() & table["runs"].notna().to_numpy()]
        purpose = _purpose(name, margin.text, aim.power)
        if rows.empty:
            yield f"How many runs are needed {purpose} cannot be said; see the notes."
            continue
        careful = rows["careful_runs"].to_numpy(dtype=np.float64)
        most = rows.iloc[int(np.argmax(np.nan_to_num(careful, nan=np.inf)))]
        there = rows[["runs_baseline", "runs_platform"]].min(axis=1).to_numpy()
        limit = most["careful_runs"]
        upper = f" ({limit:,.0f} to be careful)" if np.isfinite(limit) else ""
        yield (
            f"{purpose[0].upper()}{purpose[1:]}, {most['runs']:,.0f} runs of each platform{upper}"
            f" are needed where it takes the most: {_place(most)}, {most['platform']} and"
            f" {most['baseline']}. The {int(there.min()):,} that there are suffice, carefully, in"
            f" {int((careful <= there).sum())} of {len(rows)} comparisons."
        )


def _purpose(name: str, text: str, power: float) -> str:
    if name == "width":
        return f"for intervals of the difference of at most {text} to each side"
    if name == "difference":
        return f"to find a difference of {text} with a power of {power:.0%}"
    return f"to show equivalence within {text} with a power of {power:.0%}"


def _detected(table: pd.DataFrame, aim: Aim, metric: str) -> str:
    rows = table[table["detectable_share"].notna().to_numpy()]
    if rows.empty:
        return f"What the runs can find in {metric} cannot be said; see the notes."
    ordered = rows.sort_values("detectable_share", kind="stable")
    least, most = ordered.iloc[0], ordered.iloc[-1]
    text = (
        f"With the runs there are, a difference of {metric} is found with a power of"
        f" {aim.power:.0%} when it is {least['detectable_share']:.2g} % of the baseline's mean"
        f" ({_place(least)}, {least['platform']} and {least['baseline']})"
    )
    if len(rows) == 1:
        return f"{text}."
    return (
        f"{text} to {most['detectable_share']:.2g} % ({_place(most)}, {most['platform']} and"
        f" {most['baseline']}) or more; the median is {rows['detectable_share'].median():.2g} %."
    )


def _notes(table: pd.DataFrame, aim: Aim) -> Iterator[str]:
    """What the plan rests on."""
    yield (
        "A deviation of few runs is itself uncertain: careful figures take the limit that it is"
        f" below with {CAREFUL:.0%} confidence."
    )
    if any(margin.relative for margin in aim.wanted.values()):
        yield (
            "Per cent are of the baseline's mean in the phase, taken as known; `amount` is in the"
            " metric's unit."
        )
    if "width" in aim.wanted:
        yield "About half of all intervals come out wider than planned."
    if aim.tests > 1:
        yield (
            f"Each of {aim.tests} tests is held to a level of {aim.alpha:.2g} (Bonferroni), so that"
            f" all hold together with {aim.confidence:.0%}."
        )
    if aim.wanted:
        yield "Hours are for all runs needed of both platforms, at the median time of a run."
    few = (table[["runs_baseline", "runs_platform"]].min(axis=1) < 2).to_numpy()
    if few.any():
        names = {
            str(row[side])
            for _, row in table[few].iterrows()
            for side in ("baseline", "platform")
            if row[f"runs_{side}"] < 2
        }
        yield (
            f"Fewer than two runs of {', '.join(sorted(names, key=natural))}: no deviation, so no"
            " plan there; measure two or more."
        )
    if not aim.wanted:
        return
    amount = table["amount"].to_numpy(dtype=np.float64)
    if (amount == 0).any():
        yield "Where the baseline's mean is 0, per cent of it are 0 too; give an amount in a unit."
    if (table["careful_runs"].isna().to_numpy() & ~few & (amount > 0)).any():
        yield f"No figure stands where more than {MOST_RUNS:,} runs would be needed."


def _place(row: "pd.Series[float]") -> str:
    return f"{row['phase']} ({row['dimension']})" if "dimension" in row else str(row["phase"])
