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

from analysis.comparing import margins, order, verdicts
from analysis.comparing.comparability import PLATFORM, Difference, gate, levels_of
from analysis.comparing.judgement import CONFIDENCE, Judgement, Question, judge, questions_of
from analysis.comparing.provenance import excluded_runs, provenance
from analysis.comparing.sentences import difference_unit, overall, sentence
from analysis.quantities import Quantity, quantity
from analysis.values import ALL_HOSTS
from minion.console import records
from minion.errors import InvalidData, NotFound
from minion.model import Simulation
from minion.selection import Choice, Selection, Texts, words
from minion.store import Store

_TOGETHER = (
    "Intervals hold together within one phase and quantity; p and verdict count all of them."
)
Runs = Mapping[str, Sequence[Simulation]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that a comparison found, and what it stands on.

    headline: how the verdicts divide, one sentence.
    sentences: one for each pair, of all hosts together.
    pairs: a row for each pair of levels, of all hosts and of each role: see `verdicts.pair_frame`.
    groups: a row for each level: n (runs with a value), runs (of the level), mean, sd, median,
        min, max.
    tests: a row for each question: Welch's analysis of variance and Kruskal and Wallis' test.
    families: the tests whose errors are counted together, name to number.
    notes: what else a reader must know: order of runs, drift, what is unknown.
    allowed: known differences between the levels that were allowed.
    left_out: values that runs do not have, with the reason.
    sensitive: pairs whose verdict changes when the excluded runs come back.
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
    sensitive: tuple[str, ...]
    provenance: Mapping[str, Any]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader must know besides the verdicts, a sentence each."""
        excluded = self.provenance["excluded"]
        back = "No verdict changes when the excluded runs come back."
        return (
            *(f"Allowed although it differs: {difference}." for difference in self.allowed),
            *(f"{note}." for note in self.notes),
            *(f"With the excluded runs it would be different: {text}." for text in self.sensitive),
            *([back] if excluded and not self.sensitive else []),
            *([_TOGETHER] if len(self.tests) > 1 else []),
            f"Run ids, options and the hash of the values ({self.provenance['sha256'][:12]}) are in"
            " --format json.",
        )

    def tables(self) -> dict[str, pd.DataFrame]:
        """The pairs as tables for people, by title: all hosts, and beside it each role."""
        whole = self.pairs["role"] == ALL_HOSTS
        parts = {"All hosts": self.pairs[whole], "By role": self.pairs[~whole]}
        return {title: verdicts.readable(rows) for title, rows in parts.items() if len(rows)}

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
            "sensitive_to_excluded": list(self.sensitive),
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
        confidence: of the intervals; 1 - confidence is the chance of any false claim.
        allow: names of known differences between the levels that may be.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Raises:
        NotFound: what was named does not exist.
        Ambiguous: the runs are of several experiments.
        NotComparable: the levels differ in more than the factor; the message lists in what.
        InvalidData: fewer than two levels, a margin without a unit, a confidence that is none.
    """
    options = _Options.of(metric, factor, baseline, margin, quantile, confidence)
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
    options = _Options.of(names, PLATFORM, baseline, margin, None, CONFIDENCE)
    return _compare(store, options, choice, simulations, allow=allow, known=quantities)


# ---------------------------------------------------------------- inside


@dataclass(frozen=True, slots=True)
class _Options:
    """What was asked for."""

    metric: tuple[str, ...]
    factor: str
    baseline: str | None
    margin: str | None
    quantile: float | None
    confidence: float

    @classmethod
    def of(
        cls,
        metric: Texts,
        factor: str,
        baseline: str | None,
        margin: str | None,
        quantile: float | None,
        confidence: float,
    ) -> "_Options":
        """Those of `compare`, looked at as far as this goes without any run."""
        if not 0.5 <= confidence < 1:
            raise InvalidData(f"a confidence of {confidence:g}; give one from 0.5 up to below 1")
        names = words(metric)
        if not names:
            raise InvalidData("no metric to compare; name one, such as cpu or duration")
        return cls(names, factor, baseline, margin, quantile, confidence)


def _compare(
    store: Store,
    options: _Options,
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
    _check_levels(levels, factor, options.baseline)
    intervals = store.sampling_intervals(simulations)
    found = gate(levels, factor=factor, intervals=intervals, hosts=selection.hosts)
    allowed = found.check(words(allow))
    study = _Study(store, options, choice, simulations, known)
    judgements = study.judgements(levels)
    excluded = excluded_runs(store, selection)
    changed = study.changed(judgements[0], levels, excluded)
    if not judgements[0].pairs:
        raise NotFound(
            f"no two levels of {factor} have values of {', '.join(options.metric)} in this"
            " selection; `minion check` says what the runs lack"
        )
    notes = [f"simulation {s.sim_id} has no {factor} and is left out" for s in without]
    notes += [*found.notes, *_lacking(judgements[0]), *_order(study, levels)]
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
        left_out=study.left_out,
        sensitive=changed,
        provenance=provenance(
            levels,
            excluded,
            study.quantities,
            {**asdict(options), **{name: value for name, value in choice.items() if value}},
        ),
    )


class _Study:
    """The values of some runs, and the verdicts on them."""

    def __init__(
        self,
        store: Store,
        options: _Options,
        choice: Choice,
        simulations: Sequence[Simulation],
        known: Sequence[Quantity] | None,
    ) -> None:
        self.store, self.options, self.choice = store, options, choice
        self.quantities = self._read(simulations) if known is None else known

    def _read(self, simulations: Sequence[Simulation], **other: Unpack[Choice]) -> list[Quantity]:
        choice: Choice = {**self.choice, **other}
        return [
            quantity(self.store, name, simulations, quantile=self.options.quantile, **choice)
            for name in self.options.metric
        ]

    @property
    def left_out(self) -> pd.DataFrame:
        """The values that runs lack, with the reason."""
        parts = [q.runs.left_out.astype("str") for q in self.quantities]
        return pd.concat(parts, ignore_index=True)

    def judgements(self, levels: Runs) -> list[Judgement]:
        """Of all hosts together, and of each role: a family each."""
        questions = self._questions(levels, self.quantities)
        whole = [q for q in questions if q.role == ALL_HOSTS]
        by_role = [q for q in questions if q.role != ALL_HOSTS]
        return [self._judged(whole), self._judged(by_role)]

    def _questions(self, levels: Runs, quantities: Sequence[Quantity]) -> list[Question]:
        runs = {level: [(s.experiment, s.sim_id) for s in of] for level, of in levels.items()}
        return [
            question
            for q in quantities
            for question in questions_of(
                q.runs.values,
                runs,
                unit=q.unit,
                margin=margins.parse(self.options.margin, q.unit) if self.options.margin else None,
            )
        ]

    def _judged(self, questions: Sequence[Question]) -> Judgement:
        options = self.options
        return judge(
            questions,
            baseline=options.baseline,
            confidence=options.confidence,
            family=_family(questions, options),
        )

    def changed(
        self, judgement: Judgement, levels: Runs, excluded: Sequence[Simulation]
    ) -> tuple[str, ...]:
        """The verdicts that are others when the excluded runs come back; a sentence each."""
        if not excluded:
            return ()
        back, _ = levels_of(excluded, self.options.factor)
        both = {level: [*runs, *back.get(level, ())] for level, runs in levels.items()}
        sims = [s.sim_id for s in excluded]
        try:
            more = self._read(excluded, sims=sims, include_excluded=True)
        except NotFound:  # the excluded runs have nothing to bring back
            return ()
        joined = [_together(one, other) for one, other in zip(self.quantities, more, strict=True)]
        whole = [q for q in self._questions(both, joined) if q.role == ALL_HOSTS]
        verdicts_with = {_key(p): p.verdict for p in self._judged(whole).pairs}
        return tuple(
            f"{' '.join(filter(None, _key(pair)[:3]))}, {pair.level} against {pair.reference}:"
            f" {pair.verdict} as it stands, {verdicts_with[_key(pair)]} with the excluded runs"
            for pair in judgement.pairs
            if verdicts_with.get(_key(pair), pair.verdict) is not pair.verdict
        )


def _by_question(frame: pd.DataFrame, keys: Sequence[str]) -> dict[tuple[Any, ...], list[Any]]:
    """The rows of a frame as plain values without the keys, gathered by these."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    for row in records(frame):
        found.setdefault(tuple(row.pop(name) for name in keys), []).append(row)
    return found


def _together(one: Quantity, other: Quantity) -> Quantity:
    """The values of two sets of runs as one."""
    frames = [q.runs.values for q in (one, other)]
    same = [name for name in frames[0] if name in frames[1]]
    if frames[1].empty or len(same) < len(frames[0].columns):
        return one  # of other dimensions: nothing of it stands beside these values
    values = pd.concat([f[same] for f in frames], ignore_index=True)
    for name in same:
        if name in ("n", "hosts", "value"):
            continue
        known = dict.fromkeys(text for f in frames for text in f[name].cat.categories)
        values[name] = pd.Categorical(values[name], categories=pd.Index(list(known), dtype="str"))
    return replace(one, runs=replace(one.runs, values=values))


def _key(pair: Any) -> tuple[str, ...]:
    q = pair.question
    return (q.metric, q.dimension, q.phase, pair.level, pair.reference)


def _check_levels(levels: Runs, factor: str, baseline: str | None) -> None:
    there = ", ".join(f"{level} ({len(runs)} runs)" for level, runs in levels.items())
    if baseline is not None and baseline not in levels:
        raise NotFound(f"no {factor} {baseline} among the runs to compare with; there are: {there}")
    if len(levels) < 2:
        raise InvalidData(
            f"only one {factor} in this selection: {there}; a comparison needs two, choose more"
            " runs or another --factor"
        )


def _family(questions: Sequence[Question], options: _Options) -> str:
    """The tests of a family in words: "cpu × 12 phases × 3 pairs"."""
    if not questions:
        return ""
    quantities = len({(q.metric, q.dimension) for q in questions})
    phases = list(dict.fromkeys(q.phase for q in questions))
    roles = len({q.role for q in questions})
    levels = max(len(q.filled) for q in questions)
    pairs = levels - 1 if options.baseline is not None else levels * (levels - 1) // 2
    what = ", ".join(options.metric)
    if quantities > len(options.metric):
        what += f" ({quantities} quantities)"
    parts = [what, f"{len(phases)} phases" if len(phases) > 1 else phases[0]]
    parts += [f"{roles} roles"] if roles > 1 else []
    return " × ".join([*parts, f"{pairs} pairs" if pairs > 1 else "1 pair"])


def _order(study: _Study, levels: Runs) -> list[str]:
    """What the order of the runs may have done to the values."""
    starts = {(s.experiment, s.sim_id): s.start for runs in levels.values() for s in runs}
    known = {run: start for run, start in starts.items() if start is not None}
    level_of = {(s.experiment, s.sim_id): level for level, runs in levels.items() for s in runs}
    arranged = order.arrangement([level_of[run] for run in sorted(known, key=known.__getitem__)])
    notes = [arranged.sentence.removesuffix(".")] if known else []
    if len(known) < len(starts):
        notes.append(
            f"when {len(starts) - len(known):,} of {len(starts):,} runs began is not known: their"
            " order, and drift over it, could not be looked at"
        )
    units = {q.name: q.unit for q in study.quantities}
    texts = ["metric", "phase", "role", "platform", "sim_id", "dimension"]
    values = pd.concat(
        [
            q.runs.values.astype({name: "str" for name in texts if name in q.runs.values})
            for q in study.quantities
        ],
        ignore_index=True,
    )
    if "dimension" in values:
        values["dimension"] = values["dimension"].fillna("")
    runs = pd.MultiIndex.from_frame(values[["experiment", "sim_id"]].astype("str"))
    dated = runs.isin(list(known)) & (values["role"] == ALL_HOSTS).to_numpy()
    drift = order.drift(values[dated], known)
    found = drift[drift["p_holm"] < 1 - study.options.confidence]
    for row in records(found):
        name = f"{row['metric']} {row.get('dimension', '')}".strip()
        notes.append(
            f"{name} in {row['phase']} drifts over the runs of {row['platform']}:"
            f" {row['change']:+.3g}{difference_unit(units[row['metric']])} from the first to the"
            f" last (p {row['p_holm']:.2g})"
        )
    return notes


def _lacking(judgement: Judgement) -> list[str]:
    """Where a level has fewer values than runs."""
    return [
        f"{q.metric} in {q.phase}: {q.total[level] - len(values)} of {q.total[level]} runs of"
        f" {level} have no value"
        for q in judgement.questions
        for level, values in q.groups.items()
        if len(values) < q.total[level]
    ]
