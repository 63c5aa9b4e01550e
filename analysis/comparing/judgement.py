"""From one value per run to a verdict on each pair of levels, and nothing but that.

Two ways lead to every verdict, one by means and one by ranks. Where they disagree the verdict is
undecided and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.comparing.comparability import PLATFORM, called
from analysis.comparing.margins import Margin
from analysis.comparing.pair_tests import against_margin, by_ranks, correct
from analysis.comparing.questions import Question
from analysis.statistics.means import Contrast, Method, contrasts_of, welch_anova
from analysis.statistics.multiplicity import Family, level_of
from analysis.statistics.ranks import kruskal, separated

Floats = NDArray[np.float64]
CONFIDENCE = 0.95


class Decision(StrEnum):
    """What a comparison says of two levels."""

    DIFFERENT = "different"
    EQUIVALENT = "equivalent"
    UNDECIDED = "undecided"


@dataclass(slots=True, kw_only=True)
class Pair:
    """A level against another: what was measured, and what follows.

    contrast: by means. delta, delta_low, delta_high: Cliff's delta with its interval. p_smallest:
    that an exact rank test of so many runs can reach. p_rank: Dunn's test, never below p_smallest.
    p_rank_pairs, p_rank_corrected: by Holm over the pairs of the question, and over the family.
    rank_difference: of the mean ranks of both. p_corrected: the question's own, and with several
    questions the larger of it and of Holm's over the family. p_careful_corrected: the same of the
    contrast's careful p-values. p_equivalence, p_equivalence_corrected, p_rank_equivalence: that
    the difference lies within the margin.
    p_exceeds, p_exceeds_corrected: that it lies outside. exceeds: whether it does; None where that
    is open, or there is no margin. reason: why it is undecided, or what a claim lacks.
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
    rank_difference: float = np.nan
    p_corrected: float = np.nan
    p_careful_corrected: float = np.nan
    p_equivalence: float = np.nan
    p_equivalence_corrected: float = np.nan
    p_rank_equivalence: float = np.nan
    p_exceeds: float = np.nan
    p_exceeds_corrected: float = np.nan
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

    @property
    def margin(self) -> Margin | None:
        """The margin, where it has a meaning beside these values."""
        margin = self.question.margin
        return margin if margin is not None and margin.has_meaning(self.x, self.y) else None

    @property
    def opposed(self) -> bool:
        """Whether ranks point the other way than means."""
        by_means = self.contrast.difference
        return by_means * self.rank_difference < 0 or by_means * self.delta < 0


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
    factor: str = PLATFORM,
) -> Judgement:
    """Compare the levels of each question, all questions together being one family.

    By means: Welch's test for each pair, its interval and p simultaneous over the pairs of a
    question (Games and Howell 1976; against a baseline Tamhane's T2 1979), and with several
    questions Holm 1979 over the family. By ranks: Dunn 1964 with Holm, Cliff's delta. A pair is
    different when its simultaneous p and Holm's over the family both fall below 1 - confidence,
    where the smaller level has few runs its careful p too, and the ranks agree. It is equivalent
    when two one-sided tests (Schuirmann 1987), Holm over the family, put the difference inside the
    margin, and their rank form agrees. A difference exceeds the margin when Welch's test against
    the margin (Hodges and Lehmann 1954), Holm over the family, says so, and its interval lies
    outside.

    Args:
        questions: with the values of each level.
        baseline: compare every other level with this one; default: all pairs.
        confidence: of the intervals; 1 - confidence is the level of the tests.
        family: its name in words.
        factor: what the levels are levels of.
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
        by_ranks(list(question.filled.values()), new, places, confidence)
        pairs += new
    against_margin(pairs)
    correct(pairs)
    for pair in pairs:
        _decide(pair, level_of(confidence), factor)
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


def _decide(pair: Pair, level: float, factor: str) -> None:
    """The verdict and, where it is undecided or lacks something, why."""
    sides = ((pair.level, pair.x), (pair.reference, pair.y))
    alone = [called(name, factor) for name, values in sides if len(values) < 2]
    if alone:
        names = " and ".join(alone)
        pair.reason = f"a single run of {names} has a value here: nothing is known of its spread"
        return
    if np.isnan(pair.contrast.p):
        pair.reason = (
            "all values are equal"
            if pair.contrast.difference == 0
            else "by means no test is possible, as neither varies between runs; by ranks"
            f" p {pair.p_rank_corrected:.2g}"
        )
        return
    pair.verdict, reason = _verdict(pair, level, factor)
    if pair.verdict is Decision.EQUIVALENT:
        pair.exceeds = False
    elif pair.verdict is Decision.DIFFERENT and pair.p_exceeds_corrected < level:
        pair.exceeds = _lies_beyond(pair) or None
    given = pair.question.margin
    if given is not None and pair.margin is None:
        reason = "; ".join(filter(None, [reason, given.without_meaning(pair.question.unit)]))
    pair.reason = reason


def _verdict(pair: Pair, level: float, factor: str) -> tuple[Decision, str]:
    """Of a pair with tests, and what must be said of it."""
    if pair.p_equivalence_corrected < level:
        if pair.p_rank_equivalence < level:
            return Decision.EQUIVALENT, ""
        return Decision.UNDECIDED, _disagreement("within the margin", pair.p_rank_equivalence)
    means, ranks = pair.p_corrected < level, pair.p_rank_corrected < level
    if not means:
        return Decision.UNDECIDED, _without_means(pair, level)
    if pair.p_careful_corrected >= level:
        return Decision.UNDECIDED, _too_few(pair, factor)
    by_rank = pair.p_rank_corrected if ranks else pair.p_rank_pairs
    if by_rank < level and pair.opposed:
        sides = ("higher", "lower") if pair.contrast.difference > 0 else ("lower", "higher")
        return Decision.UNDECIDED, (
            f"by means {called(pair.level, factor)} is {sides[0]} (p {pair.p_corrected:.2g}), by"
            f" ranks {sides[1]} (p {by_rank:.2g})"
        )
    if ranks:
        return Decision.DIFFERENT, ""
    # A claim of the means needs no more from ranks than that these agree; where one group lies
    # wholly above the other, ranks of so few runs cannot say more than they do.
    if by_rank < level:
        return Decision.DIFFERENT, (
            f"by ranks this holds within the phase (p {by_rank:.2g}), not over the whole"
            f" family (p {pair.p_rank_corrected:.2g})"
        )
    if separated(pair.x, pair.y):
        return Decision.DIFFERENT, (
            f"ranks of so few runs cannot show it (p {by_rank:.2g}), but every run of one"
            " lies beyond every run of the other"
        )
    return Decision.UNDECIDED, _disagreement("different", by_rank)


def _without_means(pair: Pair, level: float) -> str:
    """Why there is no verdict where means, over the whole family, show no difference."""
    of_family, of_ranks = f"(p {pair.p_corrected:.2g})", f"(p {pair.p_rank_corrected:.2g})"
    within = pair.contrast.p_pairs < level
    held = f"within the phase (p {pair.contrast.p_pairs:.2g}), not over the whole family"
    if pair.p_rank_corrected < level:
        no = f"only {held} {of_family}" if within else f"not {of_family}"
        return f"by ranks they are different {of_ranks}, by means {no}"
    return f"by means this holds {held} {of_family}" if within else "the difference could be noise"


def _too_few(pair: Pair, factor: str) -> str:
    """What a difference lacks that holds only if the spread of a few runs is believed."""
    n, name = min((len(pair.y), pair.reference), (len(pair.x), pair.level))
    return (
        f"{n} runs of {called(name, factor)} say too little of how much they vary: the difference"
        f" could be noise (p {pair.p_corrected:.2g}; {pair.p_careful_corrected:.2g} if no spread"
        " but theirs counts)"
    )


def _lies_beyond(pair: Pair) -> bool:
    """Whether the interval of a pair lies wholly outside its margin."""
    c, margin = pair.contrast, pair.margin
    if margin is None:
        return False
    low, high, centre = (c.ratio_low, c.ratio_high, 1) if margin.relative else (c.low, c.high, 0)
    return bool(low > centre + margin.amount or high < centre - margin.amount)


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
