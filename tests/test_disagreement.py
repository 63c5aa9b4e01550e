"""Where two ways to a verdict do not say the same: means and ranks, one phase and the family."""

import numpy as np
import pytest
from scipy.stats import norm
from test_judgement import normal, question, verdict

from analysis.comparing.judgement import Decision, judge


def two_heaps(n=25):
    """Most values a little below 10, the others at 20: the mean is high, the ranks are low."""
    noise = norm.ppf((np.arange(n) + 0.5) / n) / 100
    return np.r_[9.9 + noise[:17], 20 + noise[17:]], 10 + noise


def test_a_difference_whose_ranks_point_the_other_way_is_no_verdict():
    heaps, plain = two_heaps()
    pair = verdict(plain=plain, heaps=heaps)
    assert max(pair.p_corrected, pair.p_rank_corrected) < 0.05
    assert pair.contrast.difference > 0 > pair.delta
    assert pair.verdict is Decision.UNDECIDED
    assert pair.reason == (
        f"by means heaps is higher (p {pair.p_corrected:.2g}), by ranks lower"
        f" (p {pair.p_rank_corrected:.2g})"
    )
    other = verdict(heaps=heaps, plain=plain)
    assert other.reason.startswith("by means plain is lower (p ")
    assert ", by ranks higher (p " in other.reason


def test_nor_is_one_whose_ranks_do_so_in_its_phase_alone():
    heaps, plain = two_heaps()
    asked = question(plain=plain, heaps=heaps)
    noise = [question(plain=plain, heaps=plain[::-1]) for _ in range(4)]
    pair = judge([asked, *noise]).pairs[0]
    assert pair.p_corrected < 0.05
    assert pair.p_rank_pairs < 0.05 < pair.p_rank_corrected
    assert pair.verdict is Decision.UNDECIDED
    assert pair.reason.endswith(f"by ranks lower (p {pair.p_rank_pairs:.2g})")


def test_ranks_among_all_levels_count_too():
    """Dunn's test ranks all levels together, and may point elsewhere than the pair alone does."""
    noise = np.arange(10) / 100
    x, y = np.r_[np.full(6, 0.0), np.full(4, 9.5)] + noise, 9 + noise
    pairs = judge([question(between=np.linspace(9.2, 9.4, 60), x=x, y=y)]).pairs
    (pair,) = [p for p in pairs if (p.level, p.reference) == ("y", "x")]
    assert pair.rank_difference < 0 < min(pair.delta, pair.contrast.difference)
    assert pair.opposed


@pytest.mark.parametrize("baseline", [None, "a"])
def test_the_verdicts_of_one_question_are_what_its_intervals_say(baseline):
    """Eight levels, of whose 28 pairs Holm would call none different, and the intervals do."""
    levels = {name: normal(60, 1, 12) for name in "abcdefg"}
    pairs = judge([question(**levels, h=normal(61.4, 1, 12))], baseline=baseline).pairs
    for pair in pairs:
        c = pair.contrast
        assert pair.p_corrected == c.p_pairs
        assert ("could be noise" in pair.reason) == (c.low < 0 < c.high)
    if baseline is None:
        assert (
            28 * min(pair.contrast.p for pair in pairs) > 0.05 > min(p.p_corrected for p in pairs)
        )


def test_of_several_questions_what_holds_in_a_phase_alone_says_so():
    """A difference of one deviation, once with ranks that see it and once with one far run."""
    near, far = question(a=normal(60), b=normal(60.7)), normal(60.7)
    asked = [near, *(question(a=normal(60), b=normal(60)) for _ in range(9))]
    pair = judge(asked).pairs[0]
    assert pair.contrast.low > 0
    assert pair.verdict is Decision.UNDECIDED
    assert pair.reason == (
        f"by means this holds within the phase (p {pair.contrast.p_pairs:.2g}), not over the whole"
        f" family (p {pair.p_corrected:.2g})"
    )
    # Ranks may be certain of what means find in the phase alone.
    far = np.r_[far[:-1] + 0.2, 69]
    pair = judge([question(a=normal(60), b=far), *asked[1:]]).pairs[0]
    assert pair.p_rank_corrected < 0.05 < pair.p_corrected
    assert pair.contrast.p_pairs < 0.05
    assert pair.reason.startswith("by ranks they are different (p ")
    assert ", by means only within the phase (p " in pair.reason
