"""From one value per run to a verdict on each pair of levels, and nothing but that.

Two ways lead to every verdict, one by means and one by ranks. Where they disagree the verdict is
undecided and says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.comparing.margins import Margin
from analysis.statistics.means import Contrast, Method, contrasts_of, equivalence, welch_anova
from analysis.statistics.multiplicity import Family, holm
from analysis.statistics.ranks import (
    cliffs_delta,
    dunn,
    kruskal,
    rank_equivalence,
    separated,
    smallest_p,
)

Floats = NDArray[np.float64]
CONFIDENCE = 0.95


class Decision(StrEnum):
    """What a comparison says of two levels."""

    DIFFERENT = "different"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing that is compared: a metric in a phase, of a dimension, on hosts of a role.

    groups: the values of each level, one per run.
    total: how many runs each level has, with a value here or without.
    """

    metric: str
    unit: str
    phase: str
    dimension: str
    role: str
    groups: Mapping[str, Floats]
    total: Mapping[str, int]
    margin: Margin | None = None

    @property
    def filled(self) -> dict[str, Floats]:
        """The levels that have a value at all."""
        return {level: values for level, values in self.groups.items() if len(values)}


@dataclass(slots=True, kw_only=True)
class Pair:
    """A level against another: what was measured, and what follows.

    contrast: by means. delta, delta_low, delta_high: Cliff's delta with its interval. p_rank:
    Dunn's test. p_rank_pairs, p_rank_corrected: by Holm over the pairs of the question, and over
    the family. p_corrected: the larger of Holm's over the family and of the question's own.
    p_smallest: that an exact rank test of so many runs can reach. p_equivalence,
    p_equivalence_corrected, p_rank_equivalence: that the difference lies within the margin.
    exceeds: whether it lies outside; None where that is open, or there is no margin.
    """

    question: Question
    level: str
    reference: str
    contrast: Contrast
    delta: float = np.nan
    delta_low: float = np.nan
    delta_high: float = np.nan
    p_rank: float = np.nan
    p_rank_pairs: float = np.nan
    p_rank_corrected: float = np.nan
    p_smallest: float = np.nan
    p_corrected: float = np.nan
    p_equivalence: float = np.nan
    p_equivalence_corrected: float = np.nan
    p_rank_equivalence: float = np.nan
    exceeds: bool | None = None
    verdict: Decision = Decision.UNDECIDED
    reason: str = ""

    @property
    def x(self) -> Floats:
        """The values of the level."""
        return self.question.groups[self.level]

    @property
    def y(self) -> Floats:
        """The values of the reference."""
        return self.question.groups[self.reference]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdicts on every pair of every question, one family."""

    questions: tuple[Question, ...]
    pairs: tuple[Pair, ...]
    tests: tuple[dict[str, Any], ...]
    family: Family
    confidence: float = field(default=CONFIDENCE)


def judge(
    questions: Sequence[Question],
    *,
    baseline: str | None = None,
    confidence: float = CONFIDENCE,
    family: str = "",
) -> Judgement:
    """Compare the levels of each question, all questions together being one family.

    By means: Welch's test for each pair, its interval and p simultaneous over the pairs of a
    question (Games and Howell 1976; against a baseline Tamhane's T2 1979), and Holm 1979 over the
    family. By ranks: Dunn 1964 with Holm, Cliff's delta. A pair is different when its simultaneous
    p and Holm's over the family both fall below 1 - confidence, and the ranks agree. It is
    equivalent when two one-sided tests (Schuirmann 1987), Holm over the family, put the difference
    inside the margin, and their rank form agrees.

    Args:
        questions: with the values of each level.
        baseline: compare every other level with this one; default: all pairs.
        confidence: of the intervals; 1 - confidence is the level of the tests.
        family: its name in words.
    """
    asked = [(q, _pairs(list(q.filled), baseline)) for q in questions]
    groups = [(list(q.filled.values()), places) for q, places in asked]
    method: Method = "games-howell" if baseline is None else "baseline"
    found = contrasts_of(groups, confidence=confidence, method=method)
    pairs: list[Pair] = []
    for (question, places), contrasts in zip(asked, found, strict=True):
        names = list(question.filled)
        new = [
            Pair(question=question, level=names[i], reference=names[j], contrast=contrast)
            for (i, j), contrast in zip(places, contrasts, strict=True)
        ]
        _rank(question, new, places, confidence)
        pairs += new
    _correct(pairs)
    for pair in pairs:
        _decide(pair, 1 - confidence)
    tests = tuple(_omnibus(question) for question in questions)
    of = Family.of(family, [pair.contrast.p for pair in pairs])
    return Judgement(tuple(questions), tuple(pairs), tests, of, confidence)


def _pairs(levels: Sequence[str], baseline: str | None) -> list[tuple[int, int]]:
    if baseline is not None:
        if baseline not in levels:
            return []
        place = levels.index(baseline)
        return [(i, place) for i in range(len(levels)) if i != place]
    return [(i, j) for j in range(len(levels)) for i in range(j + 1, len(levels))]


def _rank(
    question: Question, pairs: Sequence[Pair], places: Sequence[tuple[int, int]], confidence: float
) -> None:
    """Everything by ranks, and the tests against the margin."""
    tested = [k for k, pair in enumerate(pairs) if min(len(pair.x), len(pair.y)) > 1]
    if not tested:
        return
    p_values = dunn(list(question.filled.values()), [places[k] for k in tested])
    # Several intervals hold together when each holds at Šidák's level.
    single = confidence ** (1 / len(tested))
    for k, p, adjusted in zip(tested, p_values, holm(p_values), strict=True):
        pair = pairs[k]
        pair.p_rank, pair.p_rank_pairs = float(p), float(adjusted)
        delta = cliffs_delta(pair.x, pair.y, confidence=single)
        pair.delta, pair.delta_low, pair.delta_high = delta.delta, delta.low, delta.high
        pair.p_smallest = smallest_p(len(pair.x), len(pair.y))
        if question.margin is not None:
            _against_margin(pair, question.margin)


def _against_margin(pair: Pair, margin: Margin) -> None:
    x, y, c = pair.x, pair.y, pair.contrast
    amount, relative = margin.amount, margin.relative
    if relative and not (x.min() > 0 and y.min() > 0):
        return
    pair.p_equivalence = equivalence(x, y, -amount, amount, relative=relative)
    pair.p_rank_equivalence = rank_equivalence(x, y, -amount, amount, relative=relative)
    low, high, centre = (c.ratio_low, c.ratio_high, 1.0) if relative else (c.low, c.high, 0.0)
    if low > centre + amount or high < centre - amount:
        pair.exceeds = True
    elif centre - amount < low and high < centre + amount:
        pair.exceeds = False


def _correct(pairs: Sequence[Pair]) -> None:
    """Holm's correction over all pairs of the family."""
    by_means = holm(np.array([pair.contrast.p for pair in pairs]))
    by_ranks = holm(np.array([pair.p_rank for pair in pairs]))
    within = holm(np.array([pair.p_equivalence for pair in pairs]))
    for pair, means, ranks, inside in zip(pairs, by_means, by_ranks, within, strict=True):
        # Both hold: the family's, and that of the interval which stands beside it.
        pair.p_corrected = float(np.maximum(means, pair.contrast.p_pairs))
        pair.p_rank_corrected = float(np.maximum(ranks, pair.p_rank_pairs))
        pair.p_equivalence_corrected = float(inside)


def _decide(pair: Pair, level: float) -> None:
    """The verdict and, where it is undecided, why."""
    alone = [n for n, v in ((pair.level, pair.x), (pair.reference, pair.y)) if len(v) < 2]
    if alone:
        names = " and ".join(alone)
        pair.reason = f"a single run of {names} has a value here: nothing is known of its spread"
        return
    if np.isnan(pair.contrast.p):
        same = pair.contrast.difference == 0
        pair.reason = (
            "all values are equal" if same else "neither varies between runs: no test is possible"
        )
        return
    means, ranks = pair.p_corrected < level, pair.p_rank_corrected < level
    if pair.p_equivalence_corrected < level:
        if pair.p_rank_equivalence < level:
            pair.verdict = Decision.EQUIVALENT
        else:
            pair.reason = _disagreement("within the margin", pair.p_rank_equivalence)
        return
    # A claim of the means needs no more from ranks than that these agree; where one group lies
    # wholly above the other, ranks of so few runs cannot say more than they do.
    if means and (pair.p_rank_pairs < level or separated(pair.x, pair.y)):
        pair.verdict = Decision.DIFFERENT
    elif means:
        pair.reason = _disagreement("different", pair.p_rank_pairs)
    elif ranks:
        pair.reason = (
            f"by ranks they are different (p {pair.p_rank_corrected:.2g}), by means not"
            f" (p {pair.p_corrected:.2g})"
        )
    else:
        pair.reason = "the difference could be noise"


def _disagreement(claim: str, p: float) -> str:
    return f"by means they are {claim}, by ranks not (p {p:.2g})"


def _omnibus(question: Question) -> dict[str, Any]:
    """All levels of a question at once."""
    groups = list(question.filled.values())
    means = welch_anova(groups) if len(groups) > 1 else None
    ranks = kruskal(groups) if len(groups) > 1 else None
    return {
        "welch_f": means.statistic if means else np.nan,
        "welch_df_between": means.df_between if means else np.nan,
        "welch_df_within": means.df_within if means else np.nan,
        "welch_p": means.p if means else np.nan,
        "kruskal_h": ranks.statistic if ranks else np.nan,
        "kruskal_df": ranks.freedom if ranks else np.nan,
        "kruskal_p": ranks.p if ranks else np.nan,
    }


def questions_of(
    values: pd.DataFrame,
    levels: Mapping[str, Sequence[tuple[str, str]]],
    *,
    unit: str,
    margin: Margin | None = None,
) -> list[Question]:
    """A question for each metric, phase, dimension and role of a frame.

    Args:
        values: one value per run, as `analysis.values.combined` gives it, of one metric.
        levels: the runs (experiment, sim_id) of each level.
        unit: of the values.
        margin: what still counts as no difference.
    """
    keys = [name for name in ("metric", "phase", "dimension", "role") if name in values]
    level_of = {run: level for level, runs in levels.items() for run in runs}
    runs = zip(values["experiment"].astype("str"), values["sim_id"].astype("str"), strict=True)
    names = np.array([level_of.get(run, "") for run in runs], dtype=object)
    total = {level: len(of) for level, of in levels.items()}
    found: list[Question] = []
    numbers = values["value"].to_numpy(dtype=np.float64)
    groups = values.groupby(keys, observed=True, sort=True).indices
    for key, places in groups.items():
        parts = dict(zip(keys, map(str, cast("tuple[object, ...]", key)), strict=True))
        own = names[places]
        found.append(
            Question(
                metric=parts.get("metric", ""),
                unit=unit,
                phase=parts["phase"],
                dimension=parts.get("dimension", ""),
                role=parts["role"],
                groups={level: numbers[places[own == level]] for level in levels},
                total=total,
                margin=margin,
            )
        )
    return found
