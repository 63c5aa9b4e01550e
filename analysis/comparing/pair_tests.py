"""What pairs are tested for besides their means: by ranks, against the margin, as a family."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.statistics.margin_tests import against_margins
from analysis.statistics.multiplicity import holm
from analysis.statistics.rank_margins import rank_equivalence
from analysis.statistics.ranks import cliffs_delta, dunn, rank_differences, smallest_p

if TYPE_CHECKING:  # only for its name
    from analysis.comparing.judgement import Pair

Floats = NDArray[np.float64]


def by_ranks(
    groups: Sequence[Floats],
    pairs: "Sequence[Pair]",
    places: Sequence[tuple[int, int]],
    confidence: float,
) -> None:
    """Give the pairs of one question what ranks say of them.

    Args:
        groups: the values of its levels.
        pairs: of these levels.
        places: the groups of each pair.
        confidence: of all intervals together.
    """
    tested = [k for k, pair in enumerate(pairs) if min(len(pair.x), len(pair.y)) > 1]
    if not tested:
        return
    smallest = np.array([smallest_p(len(pairs[k].x), len(pairs[k].y)) for k in tested])
    # Where the normal approximation says more than any exact test of so many runs could.
    own = [places[k] for k in tested]
    p_values = np.maximum(dunn(groups, own), smallest)
    differences = rank_differences(groups, own)
    # Several intervals hold together when each holds at Šidák's level.
    single = confidence ** (1 / len(tested))
    found = zip(tested, p_values, holm(p_values), smallest, differences, strict=True)
    for k, p, adjusted, least, difference in found:
        pair = pairs[k]
        pair.p_rank, pair.p_rank_pairs, pair.p_smallest = float(p), float(adjusted), float(least)
        pair.rank_difference = float(difference)
        delta = cliffs_delta(pair.x, pair.y, confidence=single)
        pair.delta, pair.delta_low, pair.delta_high = delta.delta, delta.low, delta.high


def against_margin(pairs: "Sequence[Pair]") -> None:
    """Give the pairs whose margin has a meaning their tests against it."""
    held = [
        (pair, margin)
        for pair in pairs
        if min(len(pair.x), len(pair.y)) > 1 and (margin := pair.margin) is not None
    ]
    values = [(pair.x, pair.y) for pair, _ in held]
    amounts = np.array([margin.amount for _, margin in held])
    relative = np.array([margin.relative for _, margin in held], dtype=np.bool_)
    means = against_margins(values, -amounts, amounts, relative=relative)
    ranks = rank_equivalence(values, -amounts, amounts, relative=relative)
    found = zip(held, means.inside, means.beyond, ranks, strict=True)
    for (pair, _), inside, beyond, by_rank in found:
        pair.p_equivalence, pair.p_exceeds = float(inside), float(beyond)
        pair.p_rank_equivalence = float(by_rank)


def correct(pairs: "Sequence[Pair]") -> None:
    """Holm's correction over all pairs of the family.

    Of means only where there are several questions: those of one hold together by themselves.
    """
    several = len({id(pair.question) for pair in pairs}) > 1
    by_means = holm(np.array([pair.contrast.p for pair in pairs]))
    careful = holm(np.array([pair.contrast.p_careful for pair in pairs]))
    ranks = holm(np.array([pair.p_rank for pair in pairs]))
    inside = holm(np.array([pair.p_equivalence for pair in pairs]))
    beyond = holm(np.array([pair.p_exceeds for pair in pairs]))
    for k, pair in enumerate(pairs):
        # Both hold: the family's, and that of the interval which stands beside it.
        c = pair.contrast
        pair.p_corrected = float(np.maximum(by_means[k], c.p_pairs)) if several else c.p_pairs
        pair.p_careful_corrected = (
            float(np.maximum(careful[k], c.p_careful_pairs)) if several else c.p_careful_pairs
        )
        pair.p_rank_corrected = float(np.maximum(ranks[k], pair.p_rank_pairs))
        pair.p_equivalence_corrected = float(inside[k])
        pair.p_exceeds_corrected = float(beyond[k])
