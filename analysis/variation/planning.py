"""How many runs the next experiment needs, from the spread of those that are there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.comparing.comparability import PLATFORM, levels_of
from analysis.comparing.provenance import excluded_runs, provenance
from analysis.quantities import quantity
from analysis.statistics.critical import together
from analysis.statistics.means import Method, contrasts_of
from analysis.statistics.multiplicity import Family
from analysis.timeline import durations_of
from analysis.values import ALL_HOSTS
from analysis.variation.aims import Aim, Comparison, Group
from analysis.variation.wording import notes, sentences
from minion.console import records
from minion.errors import InvalidData, NotFound
from minion.lifecycle import TOTAL
from minion.model import Simulation
from minion.selection import Choice, Selection, natural
from minion.store import Store

CONFIDENCE = 0.95
POWER = 0.8
_KEYS = ("experiment", "phase", "dimension")
Floats = NDArray[np.float64]


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
        half_width (of the interval of the difference, as `compare` gives it), all with the runs
        that there are. What cannot be told is NaN.
    sentences: the result in words.
    notes: what it rests on, a sentence each.
    family: the tests that hold together: what they are, and how many.
    provenance: what it stands on; see `analysis.comparing.provenance.provenance`.
    """

    table: pd.DataFrame
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    family: Family
    provenance: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Everything as plain values, unrounded."""
        return {
            "sentences": list(self.sentences),
            "notes": list(self.notes),
            "family": asdict(self.family),
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
    tests: int | None = None,
    **choice: Unpack[Choice],
) -> Plan:
    """How many runs of each platform are needed; without anything wanted, what the runs can find.

    The unit is the run: a run's value is the mean of its hosts' means. With so many runs `compare`
    gives its verdict with that power: Welch's t with the deviations of the runs that there are, at
    the level of its family, and ranks that agree; see `analysis.statistics.power`.

    Amounts are texts: `5%` is five per cent of the baseline's mean in that phase, also of a metric
    in per cent; `0.5 points` are percentage points; `2 s`, `100 KiB/s` are in the metric's unit.

    Args:
        store: where the samples are.
        metric: one of `analysis.metrics.METRICS`, `duration`, or a measurement.
        width: half the width that the interval of the difference may have, which holds together
            with those of the other pairs in its phase, as in `compare`.
        difference: a true difference that the test shall find.
        margin: a difference that counts as none; two platforms that are the same shall be shown to
            be equivalent by two one-sided tests at 1 - confidence each.
        power: how likely the difference is found, or equivalence shown.
        confidence: of the interval; 1 - confidence is the level of a test.
        baseline: the platform that the others are compared with; default: every pair of platforms,
            the first in natural order as baseline.
        tests: how many tests shall hold together; the level is divided by it (Bonferroni). Default:
            those that `compare` of this selection and baseline holds together. The pairs of one
            question always do.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Raises:
        NotFound: a metric, simulation, platform, experiment, host or phase that was named; or the
            selection holds nothing of the metric.
        InvalidData: an amount, power, confidence or number of tests that cannot be one; or fewer
            than two platforms.
        Ambiguous: the selection holds several experiments.
    """
    wanted = {"width": width, "difference": difference, "margin": margin}
    selection = Selection.of(**choice)
    simulations = store.simulations_of_one_experiment(selection)
    found = quantity(store, metric, simulations, **choice)
    aim = Aim.of(
        wanted, found.unit, power=power, confidence=confidence, tests=1 if tests is None else tests
    )
    pairs = _pairs(simulations, baseline)
    values = found.runs.values[(found.runs.values["role"] == ALL_HOSTS).to_numpy()]
    if values.empty:
        raise NotFound(f"nothing of {metric} in this selection; `minion check` says what it lacks")
    method: Method = "games-howell" if baseline is None else "baseline"
    questions = list(_questions(values, pairs))
    family = _family(questions, metric, confidence, method)
    if tests is None:
        aim = replace(aim, tests=max(1, family.size))
    took = durations_of(simulations, phases=[TOTAL.name])
    medians = took.groupby("platform", observed=True)["duration_s"].median()
    run_s = {str(name): float(seconds) for name, seconds in medians.items()}
    rows = [
        row
        for question in questions
        for pair in question.comparisons(confidence, method)
        for row in aim.rows(pair, run_s)
    ]
    table = pd.DataFrame(rows)
    categories = values["phase"].cat.remove_unused_categories().cat.categories
    table["phase"] = pd.Categorical(table["phase"], categories=categories)
    options = {
        "metric": metric,
        **wanted,
        "power": power,
        "confidence": confidence,
        "baseline": baseline,
        "tests": tests,
        **{name: value for name, value in choice.items() if value},
    }
    return Plan(
        table,
        tuple(sentences(table, aim, metric)),
        tuple(notes(table, aim, family, given=tests is not None)),
        family if tests is None else Family("as asked for", tests, family.method),
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


@dataclass(frozen=True, slots=True)
class _Question:
    """The run values of each platform in one phase and dimension, and the pairs to compare."""

    names: dict[str, str]
    runs: Mapping[str, Floats]
    pairs: Sequence[tuple[str, str]]

    @property
    def filled(self) -> list[tuple[str, str]]:
        """The pairs of which both platforms have a value."""
        return [
            (one, other) for one, other in self.pairs if len(self.runs[one]) * len(self.runs[other])
        ]

    def comparisons(self, confidence: float, method: Method) -> Iterator[Comparison]:
        """A comparison for each pair."""
        groups = {name for pair in self.filled for name in pair}
        pairs = max(1, len(self.filled))
        limit = together(confidence, pairs if method == "baseline" else max(2, len(groups)), method)
        for baseline, platform in self.pairs:
            both = [Group.of(name, self.runs[name]) for name in (baseline, platform)]
            yield Comparison(self.names, both[0], both[1], pairs, limit)


def _questions(values: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> Iterator[_Question]:
    keys = [key for key in _KEYS if key in values]
    platforms = list(dict.fromkeys(name for pair in pairs for name in pair))
    for group, part in values.groupby(keys, observed=True):
        own = part["platform"].to_numpy(dtype=str)
        numbers = part["value"].to_numpy(dtype=np.float64)
        yield _Question(
            dict(zip(keys, map(str, group), strict=True)),
            {name: numbers[own == name] for name in platforms},
            pairs,
        )


def _family(
    questions: Sequence[_Question], metric: str, confidence: float, method: Method
) -> Family:
    """The tests that `compare` holds together, of the same runs and pairs."""
    asked = []
    for question in questions:
        names = [name for name, values in question.runs.items() if len(values)]
        places = [(names.index(x), names.index(y)) for y, x in question.filled]
        asked.append(([question.runs[name] for name in names], places))
    found = contrasts_of(asked, confidence=confidence, method=method)
    phases, pairs = len({q.names["phase"] for q in questions}), max(len(q.pairs) for q in questions)
    dimensions = len(questions) // phases
    parts = [
        metric if dimensions == 1 else f"{metric} ({dimensions} quantities)",
        questions[0].names["phase"] if phases == 1 else f"{phases} phases",
        "1 pair" if pairs == 1 else f"{pairs} pairs",
    ]
    p = [contrast.p for contrasts in found for contrast in contrasts]
    return replace(Family.of(" × ".join(parts), p), method="Bonferroni")
