"""The values that a comparison stands on, what is judged of them, and what they leave open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.comparing import margins, order
from analysis.comparing.comparability import by_level, called
from analysis.comparing.judgement import Judgement, judge
from analysis.comparing.questions import Question, questions_of
from analysis.comparing.returned import Returned, beside, changes, together
from analysis.comparing.sentences import difference_unit, quantile_name
from analysis.quantities import Quantity, quantity
from analysis.statistics.multiplicity import level_of
from analysis.values import ALL_HOSTS
from minion.console import records
from minion.errors import InvalidData, NotFound
from minion.model import Simulation
from minion.selection import Choice, Selection, Texts, words
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
        self.quantities = self._read(simulations, *options.metric) if known is None else known

    def _read(self, simulations: Sequence[Simulation], *names: str) -> list[Quantity]:
        quantile = self.options.quantile
        return [
            quantity(self.store, name, simulations, quantile=quantile, **self.choice)
            for name in names
        ]

    @property
    def left_out(self) -> pd.DataFrame:
        """The values that runs lack, with the reason."""
        parts = [q.runs.left_out.astype("str") for q in self.quantities]
        return pd.concat(parts, ignore_index=True)

    def judgements(
        self, levels: Runs, quantities: Sequence[Quantity] | None = None
    ) -> list[Judgement]:
        """Of all hosts together, and of each role: a family each.

        Args:
            levels: the runs of each level.
            quantities: their values; default: those that are compared.
        """
        questions = self._questions(levels, self.quantities if quantities is None else quantities)
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
                margin=self._margin(q.unit),
                quantile=self.options.quantile,
                hosts=Selection.of(**self.choice).hosts,
            )
        ]

    def _margin(self, unit: str) -> margins.Margin | None:
        text = self.options.margin
        return None if text is None else margins.parse(text, unit)

    def _judged(self, questions: Sequence[Question]) -> Judgement:
        options = self.options
        return judge(
            questions,
            baseline=options.baseline,
            confidence=options.confidence,
            family=_family(questions, options),
            factor=options.factor,
        )

    def returned(
        self, judgements: Sequence[Judgement], levels: Runs, excluded: Sequence[Simulation]
    ) -> Returned:
        """What the excluded runs would change if they came back.

        Args:
            judgements: as `judgements` gives them.
            levels: the runs of each level, without the excluded ones.
            excluded: the runs of the selection that were left out. One without a level, or of a
                level that has no other run, brings nothing back.
        """
        back, _ = by_level(excluded, self.options.factor)
        both = {level: [*runs, *back.get(level, ())] for level, runs in levels.items()}
        coming = [run for level in levels for run in back.get(level, ())]
        if not coming:
            return Returned()
        values = [beside(one, self._of_excluded(one.name, coming)) for one in self.quantities]
        runs = {run for of in values for run in zip(of["experiment"], of["sim_id"], strict=True)}
        if not runs:
            return Returned()
        joined = [together(one, of) for one, of in zip(self.quantities, values, strict=True)]
        again = self.judgements(both, joined)
        factor = self.options.factor
        pairs = zip(judgements, again, strict=True)
        return Returned(
            len(runs), tuple(text for one, other in pairs for text in changes(one, other, factor))
        )

    def _of_excluded(self, name: str, runs: Sequence[Simulation]) -> list[Quantity]:
        """What excluded runs have of a quantity; nothing where they have none of it."""
        try:
            return self._read(runs, name)
        except (NotFound, InvalidData):
            # They were left out for a reason: what cannot be read of one hides no other.
            alone = [[run] for run in runs] if len(runs) > 1 else []
            return [found for one in alone for found in self._of_excluded(name, one)]

    def over_time(self, levels: Runs) -> list[str]:
        """What the order of the runs may have done to the values, a sentence each."""
        level_of = levels_by_run(levels)
        known = order.beginnings(s for runs in levels.values() for s in runs)
        ordered = order.in_order(known, level_of)
        factor = self.options.factor
        arranged = order.arrangement(ordered, factor=factor).sentence.removesuffix(".")
        notes = [arranged] if ordered else []
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
        return [*notes, *self._drifts(levels, known)]

    def _drifts(self, levels: Runs, known: Mapping[tuple[str, str], float]) -> list[str]:
        """The values that drift over runs of one level that have a known start."""
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
        groups = self._alike(levels)
        # Over runs that differ in nothing that is compared: a factor's own effect is no drift.
        of_level = [groups.get(run, "") for run in runs]
        drift = order.drift(values.assign(platform=of_level)[dated], known)
        units = {q.name: difference_unit(q.unit) for q in self.quantities}
        notes = []
        for row in records(drift[drift["p_holm"] < level_of(self.options.confidence)]):
            name = f"{row['metric']} {row.get('dimension', '')}".strip()
            notes.append(
                f"{name} in {row['phase']} drifts over the runs of {row['platform']}:"
                f" {row['change']:+.3g}{units[row['metric']]} from the first to the last"
                f" (p {row['p_holm']:.2g})"
            )
        return notes

    def _alike(self, levels: Runs) -> dict[tuple[str, str], str]:
        """The level of each run, in words; and its platform, where a level has several."""
        found = {}
        for level, runs in levels.items():
            name = called(level, self.options.factor)
            several = len({s.platform for s in runs}) > 1
            for s in runs:
                found[s.experiment, s.sim_id] = f"{name} on {s.platform}" if several else name
        return found


def levels_by_run(levels: Runs) -> dict[tuple[str, str], str]:
    """The level of each run, by (experiment, sim_id)."""
    return {(s.experiment, s.sim_id): level for level, runs in levels.items() for s in runs}


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
    if options.quantile is not None:
        what = f"{quantile_name(options.quantile)} of {what}"
    if quantities > len(options.metric):
        what += f" ({quantities} quantities)"
    parts = [what, f"{len(phases)} phases" if len(phases) > 1 else phases[0]]
    parts += [f"{roles} roles"] if roles > 1 else []
    return " × ".join([*parts, f"{pairs} pairs" if pairs > 1 else "1 pair"])
