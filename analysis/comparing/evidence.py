"""The values that a comparison stands on, what is judged of them, and what they leave open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import pandas as pd

from analysis.comparing import margins, order
from analysis.comparing.comparability import levels_of
from analysis.comparing.judgement import Judgement, Question, judge, questions_of
from analysis.comparing.sentences import difference_unit
from analysis.quantities import Quantity, quantity
from analysis.values import ALL_HOSTS
from minion.console import records
from minion.errors import InvalidData, NotFound
from minion.model import Simulation
from minion.selection import Choice, Texts, words
from minion.store import Store

Runs = Mapping[str, Sequence[Simulation]]


@dataclass(frozen=True, slots=True)
class Options:
    """What a comparison was asked for; see `compare`."""

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
    ) -> "Options":
        """Those of `compare`, looked at as far as this goes without any run."""
        if not 0.5 <= confidence < 1:
            raise InvalidData(f"a confidence of {confidence:g}; give one from 0.5 up to below 1")
        names = words(metric)
        if not names:
            raise InvalidData("no metric to compare; name one, such as cpu or duration")
        return cls(names, factor, baseline, margin, quantile, confidence)


class Evidence:
    """The values of some runs, and the verdicts on them.

    quantities: what is compared, with a value of each run.
    """

    def __init__(
        self,
        store: Store,
        options: Options,
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

    def over_time(self, levels: Runs) -> list[str]:
        """What the order of the runs may have done to the values, a sentence each."""
        level_of = {(s.experiment, s.sim_id): level for level, runs in levels.items() for s in runs}
        known = order.beginnings(s for runs in levels.values() for s in runs)
        ordered = order.in_order(known, level_of)
        notes = [order.arrangement(ordered).sentence.removesuffix(".")] if ordered else []
        if len(known) < len(level_of):
            notes.append(
                f"when {len(level_of) - len(known):,} of {len(level_of):,} runs began is not known:"
                " their order, and drift over it, could not be looked at"
            )
        if len(ordered) < len(known):
            notes.append(
                f"{len(known) - len(ordered):,} of {len(level_of):,} runs began together with one"
                " of another level: their order says nothing"
            )
        return [*notes, *self._drifts(known)]

    def _drifts(self, known: Mapping[tuple[str, str], float]) -> list[str]:
        """The values that drift over runs with a known start."""
        texts = ["metric", "phase", "role", "platform", "sim_id", "dimension"]
        values = pd.concat(
            [
                q.runs.values.astype({name: "str" for name in texts if name in q.runs.values})
                for q in self.quantities
            ],
            ignore_index=True,
        )
        if "dimension" in values:
            values["dimension"] = values["dimension"].fillna("")
        runs = pd.MultiIndex.from_frame(values[["experiment", "sim_id"]].astype("str"))
        dated = runs.isin(list(known)) & (values["role"] == ALL_HOSTS).to_numpy()
        drift = order.drift(values[dated], known)
        units = {q.name: difference_unit(q.unit) for q in self.quantities}
        notes = []
        for row in records(drift[drift["p_holm"] < 1 - self.options.confidence]):
            name = f"{row['metric']} {row.get('dimension', '')}".strip()
            notes.append(
                f"{name} in {row['phase']} drifts over the runs of {row['platform']}:"
                f" {row['change']:+.3g}{units[row['metric']]} from the first to the last"
                f" (p {row['p_holm']:.2g})"
            )
        return notes


def lacking(judgement: Judgement) -> list[str]:
    """Where a level has fewer values than runs, a sentence each."""
    return [
        f"{q.metric} in {q.phase}: {q.total[level] - len(values)} of {q.total[level]} runs of"
        f" {level} have no value"
        for q in judgement.questions
        for level, values in q.groups.items()
        if len(values) < q.total[level]
    ]


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


def _family(questions: Sequence[Question], options: Options) -> str:
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
