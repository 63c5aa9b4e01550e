"""Compare levels of a factor: platforms, or what a parameter was set to.

    comparison = compare(store, "cpu", phase="Cluster idle", baseline="K8s", margin="5%")
    print(*comparison.sentences, sep=" ")

`docs/mathematics.md` says what is computed, from which source, and when it may be wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Unpack

import pandas as pd

from analysis.comparing import verdicts
from analysis.comparing.absences import lacking
from analysis.comparing.comparability import PLATFORM, Difference, gate, level_text, levels_of
from analysis.comparing.evidence import Evidence, Options, Runs, levels_by_run
from analysis.comparing.judgement import CONFIDENCE
from analysis.comparing.provenance import excluded_runs, provenance
from analysis.comparing.returned import Returned
from analysis.comparing.sentences import overall, sentence
from analysis.quantities import Quantity
from minion.console import records
from minion.errors import InvalidData, NotFound
from minion.model import Simulation
from minion.selection import Choice, Selection, Texts, words
from minion.store import Store

_MOST = 3  # runs, or things that these lack, in one sentence
_TOGETHER = (
    "Intervals hold together within one phase and quantity; p and verdict count all of them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that a comparison found, and what it stands on.

    headline: how the verdicts divide, one sentence.
    sentences: one for each pair, of all hosts together.
    pairs: a row for each pair of levels, of all hosts and of each role: see `verdicts.pair_frame`.
    groups: a row for each level: n (runs with a value), runs (of the level), mean, sd, median, min,
        max; samples_min, samples_median: behind the value of a run.
    tests: a row for each question: Welch's analysis of variance and Kruskal and Wallis' test.
    families: the tests whose errors are counted together, name to number.
    notes: what else a reader must know: order of runs, drift, what is unknown.
    allowed: known differences between the levels that were allowed.
    left_out: values that runs do not have, with the reason.
    returned: what the excluded runs would change if they came back.
    provenance: run ids by level, excluded ones, a hash of the values, version, options.
    """

    headline: str
    sentences: tuple[str, ...]
    pairs: pd.DataFrame
    groups: pd.DataFrame
    tests: pd.DataFrame
    families: Mapping[str, int]
    notes: tuple[str, ...]
    allowed: tuple[Difference, ...]
    left_out: pd.DataFrame
    returned: Returned
    provenance: Mapping[str, Any]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader must know besides the verdicts, a sentence each."""
        return (
            *(f"Allowed although it differs: {difference}." for difference in self.allowed),
            *(f"{note}." for note in self.notes),
            *self.returned.remarks(len(self.provenance["excluded"])),
            *([_TOGETHER] if len(self.tests) > 1 else []),
            f"Run ids, options and the hash of the values ({self.provenance['sha256'][:12]}) are in"
            " --format json.",
        )

    def tables(self) -> dict[str, pd.DataFrame]:
        """The pairs as tables for people, by title: all hosts, and beside it each role."""
        return verdicts.tables_of(self.pairs)

    def document(self) -> dict[str, Any]:
        """Everything as plain values, unrounded: the same data give the same bytes as JSON.

        `questions` holds, for each metric, phase, dimension and role, its groups, tests and pairs.
        """
        keys = ["metric", "unit", "phase", "dimension", "role"]
        groups, pairs = (_by_question(frame, keys) for frame in (self.groups, self.pairs))
        questions: list[dict[str, Any]] = []
        for row in records(self.tests):
            question = {name: row.pop(name) for name in keys}
            key = tuple(question.values())
            own = {"groups": groups.get(key, []), "pairs": pairs.get(key, [])}
            questions.append({**question, "tests": row, **own})
        return {
            "headline": self.headline,
            "sentences": list(self.sentences),
            "notes": list(self.notes),
            "excluded_with_values": self.returned.runs,
            "sensitive_to_excluded": list(self.returned.changed),
            "families": [{"name": n, "tests": size} for n, size in self.families.items()],
            "questions": questions,
            "allowed": [{"name": d.name, "found": dict(d.found)} for d in self.allowed],
            "left_out": records(self.left_out),
            "provenance": dict(self.provenance),
        }


def compare(
    store: Store,
    metric: Texts,
    *,
    factor: str = PLATFORM,
    baseline: str | None = None,
    margin: str | None = None,
    quantile: float | None = None,
    confidence: float = CONFIDENCE,
    allow: Texts = None,
    **choice: Unpack[Choice],
) -> Comparison:
    """Compare the levels of a factor, one value per run, with verdicts that can be defended.

    Args:
        store: where the runs are.
        metric: names of metrics, `duration`, or of measurements; all of them are one family.
        factor: `platform`, or the name of a parameter.
        baseline: compare every other level with this one; default: all pairs.
        margin: how much of a difference still counts as none, set beforehand: `5%` of the mean
            that is compared with, or a number with the metric's unit. Without it no verdict is
            "equivalent".
        quantile: of a host's samples in a phase, instead of their mean.
        confidence: of the intervals; 1 - confidence is the chance of any false claim of each
            kind.
        allow: names of known differences between the levels that may be.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Raises:
        NotFound: what was named does not exist.
        Ambiguous: the runs are of several experiments.
        NotComparable: the levels differ in more than the factor; the message lists in what.
        InvalidData: fewer than two levels, a margin without a unit, a confidence that is none.
    """
    options = Options.of(metric, factor, baseline, margin, quantile, confidence)
    simulations = store.simulations_of_one_experiment(Selection.of(**choice))
    return _compare(store, options, choice, simulations, allow=allow)


def compare_of(
    store: Store,
    quantities: Sequence[Quantity],
    simulations: Sequence[Simulation],
    *,
    baseline: str | None = None,
    margin: str | None = None,
    allow: Texts = None,
    **choice: Unpack[Choice],
) -> Comparison:
    """`compare` of the platforms of runs whose values were read already.

    Args:
        store: where the runs are; it is asked for the excluded ones.
        quantities: what is compared: of these runs, without a quantile.
        simulations: the runs of the choice; all of one experiment.
        baseline, margin, allow, choice: as of `compare`.

    Raises:
        NotFound, NotComparable, InvalidData: as of `compare`.
    """
    names = [quantity.name for quantity in quantities]
    options = Options.of(names, PLATFORM, baseline, margin, None, CONFIDENCE)
    return _compare(store, options, choice, simulations, allow=allow, known=quantities)


# ---------------------------------------------------------------- inside


def _compare(
    store: Store,
    options: Options,
    choice: Choice,
    simulations: Sequence[Simulation],
    *,
    allow: Texts,
    known: Sequence[Quantity] | None = None,
) -> Comparison:
    """The comparison of some runs; known: their values, where they were read already."""
    factor = options.factor
    selection = Selection.of(**choice)
    levels, without = levels_of(simulations, factor)
    options = replace(options, baseline=_named(options.baseline, levels))
    _check_levels(levels, factor, options.baseline)
    intervals = store.sampling_intervals(simulations)
    found = gate(levels, factor=factor, intervals=intervals, hosts=selection.hosts)
    allowed = found.check(words(allow))
    evidence = Evidence(store, options, choice, simulations, known)
    judgements = evidence.judgements(levels)
    excluded = excluded_runs(store, selection)
    absent = lacking(judgements[0], evidence.left_out, levels_by_run(levels), factor=options.factor)
    if not judgements[0].pairs:
        why = f": {'; '.join(absent[:_MOST])}" if absent else ""
        raise NotFound(
            f"no two levels of {factor} have values of {', '.join(options.metric)} in this"
            f" selection{why}; `minion check` says what the runs lack"
        )
    notes = _without(without, factor)
    notes += [*found.notes, *absent, *evidence.over_time(levels)]
    spoken = partial(sentence, factor=factor, confidence=options.confidence)
    return Comparison(
        headline=overall(judgements[0]),
        sentences=tuple(map(spoken, judgements[0].pairs)),
        pairs=verdicts.pair_frame(judgements),
        groups=verdicts.group_frame(judgements),
        tests=verdicts.test_frame(judgements),
        families={j.family.name: j.family.size for j in judgements if j.pairs},
        notes=tuple(notes),
        allowed=allowed,
        left_out=evidence.left_out,
        returned=evidence.returned(judgements, levels, excluded),
        provenance=provenance(
            levels,
            excluded,
            evidence.quantities,
            {**asdict(options), **{name: value for name, value in choice.items() if value}},
        ),
    )


def _by_question(frame: pd.DataFrame, keys: Sequence[str]) -> dict[tuple[Any, ...], list[Any]]:
    """The rows of a frame as plain values without the keys, gathered by these."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in records(frame):
        found.setdefault(tuple(row.pop(name) for name in keys), []).append(row)
    return found


def _named(baseline: str | None, levels: Runs) -> str | None:
    """The level that a number stands for, however it is written: 3.0 is the level 3."""
    if baseline is None or baseline in levels:
        return baseline
    try:
        written = level_text(float(baseline))
    except ValueError:
        return baseline
    return written if written in levels else baseline


def _without(runs: Sequence[Simulation], factor: str) -> list[str]:
    """What to say of the runs that have no level."""
    if len(runs) < 2:
        return [f"simulation {s.sim_id} has no {factor} and is left out" for s in runs]
    named = ", ".join(s.sim_id for s in runs[:_MOST])
    more = f" and {len(runs) - _MOST:,} more" if len(runs) > _MOST else ""
    return [f"{len(runs):,} simulations have no {factor} and are left out: {named}{more}"]


def _check_levels(levels: Runs, factor: str, baseline: str | None) -> None:
    there = ", ".join(
        f"{level} ({len(runs):,} {'run' if len(runs) == 1 else 'runs'})"
        for level, runs in levels.items()
    )
    if baseline is not None and baseline not in levels:
        raise NotFound(f"no {factor} {baseline} among the runs to compare with; there are: {there}")
    if len(levels) < 2:
        raise InvalidData(
            f"only one {factor} in this selection: {there}; a comparison needs two, choose more"
            " runs, or another factor"
        )
