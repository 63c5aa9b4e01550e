"""Levels of two or three runs beside large ones: what is claimed of them, and how often wrongly."""

import numpy as np
import pytest
from scipy.stats import binom
from test_judgement import normal, question, verdict

from analysis.comparing.judgement import Decision, judge
from analysis.statistics.margin_tests import against_margins
from analysis.statistics.means import ENOUGH, contrasts
from analysis.statistics.multiplicity import level_of

MANY = normal(10, 1, 25)


@pytest.mark.parametrize("method", ["games-howell", "baseline"])
@pytest.mark.parametrize("n", [2, 3])
def test_a_small_group_is_also_judged_by_its_own_degrees_of_freedom(method, n):
    # R 4.2.2: x is n values 11 and 13 (and 12), y is MANY: s = abs(mean(x) - mean(y)) /
    # sqrt(var(x) / n + var(y) / 25); 2 * pt(-s, n - 1); for three groups
    # ptukey(s * sqrt(2), 3, n - 1, lower.tail = FALSE), and 1 - (1 - p)^2 against a baseline.
    few = np.array([11.0, 13.0, 12.0][:n])
    groups = [few, MANY, normal(10, 1, 8)]
    pairs = [(0, 1), (2, 1)] if method == "baseline" else [(0, 1), (0, 2), (1, 2)]
    one, *_, other = contrasts(groups, pairs, method=method)
    size = abs(one.difference) / one.error
    expected = {2: np.arctan(1 / size) * 2 / np.pi, 3: 1 - size / np.sqrt(2 + size**2)}[n]
    assert one.p_careful == pytest.approx(expected)
    assert one.p < one.p_careful
    if method == "baseline":
        assert one.p_careful_pairs == pytest.approx(1 - (1 - expected) ** 2)
    else:
        assert one.p_careful < one.p_careful_pairs < 3 * one.p_careful
    assert (other.p_careful, other.p_careful_pairs) == (other.p, other.p_pairs)


def test_what_only_the_spread_of_two_runs_bears_is_undecided_and_says_why():
    pair = verdict(few=[11.9, 12.1], many=MANY)
    assert pair.p_corrected < 0.05 < pair.p_careful_corrected
    assert pair.contrast.high < 0
    assert pair.verdict is Decision.UNDECIDED
    assert pair.reason == (
        "2 runs of few say too little of how much they vary: the difference could be noise"
        f" (p {pair.p_corrected:.2g}; {pair.p_careful_corrected:.2g} if no spread but theirs"
        " counts)"
    )
    asked = question(**{"2": MANY, "12": [11.9, 12.1]})
    (named,) = judge([asked], factor="nodes").pairs
    assert named.reason.startswith("2 runs of nodes 12 say too little")
    far = verdict(few=[49.9, 50.1], many=MANY)
    assert far.p_careful_corrected < 0.05
    assert far.verdict is Decision.DIFFERENT
    enough = verdict(few=normal(12, 0.1, ENOUGH), many=MANY)
    assert enough.p_careful_corrected == enough.p_corrected
    assert enough.verdict is Decision.DIFFERENT


def test_over_a_family_the_careful_p_is_corrected_like_the_other():
    faint = [question(a=MANY, b=normal(10, 1, 25)) for _ in range(3)]
    pair = judge([question(a=MANY, b=[11.9, 12.0, 12.1]), *faint]).pairs[0]
    assert pair.p_careful_corrected == pytest.approx(4 * pair.contrast.p_careful)


# A true error of 5 % gives that many once in a thousand times.
def too_many(times):
    return binom.isf(0.001, times, 0.05)


@pytest.mark.parametrize(
    ("runs", "deviations", "times"),
    [
        ((2, 25), (4, 1), 1500),
        ((2, 2, 25), (3, 3, 1), 800),
        ((2, 2, 2, 3, 3, 25, 25), (3, 3, 3, 3, 3, 1, 1), 300),
        ((4, 25), (3, 1), 500),
    ],
)
def test_levels_of_few_noisy_runs_are_no_more_often_called_different(runs, deviations, times):
    """Equal means. By Satterthwaite's degrees of freedom alone it was 8, 8, 12 and 5 %."""
    random = np.random.default_rng(7)
    wrong = 0
    for _ in range(times):
        groups = {
            f"level {k}": random.normal(10, sd, n)
            for k, (n, sd) in enumerate(zip(runs, deviations, strict=True))
        }
        wrong += any(p.verdict is Decision.DIFFERENT for p in judge([question(**groups)]).pairs)
    assert wrong < too_many(times)


def test_nor_are_they_more_often_said_to_exceed_a_margin():
    """Means at its very edge, which Satterthwaite's degrees of freedom exceed in 8 %."""
    random, times = np.random.default_rng(8), 4000
    pairs = [(random.normal(12, 1, 2), random.normal(10, 1, 25)) for _ in range(times)]
    p = against_margins(pairs, -2, 2).beyond
    assert np.count_nonzero(p < 0.05) < too_many(times)


def test_nor_to_lie_within_one():
    """Means at its very edge: by means alone it is 8 %, but ranks must agree."""
    random, times = np.random.default_rng(9), 1000
    wrong = 0
    for _ in range(times):
        pair = verdict("2 s", few=random.normal(12, 1, 2), many=random.normal(10, 0.5, 25))
        wrong += pair.verdict is Decision.EQUIVALENT
    assert wrong < too_many(times)


def test_the_level_is_as_it_is_written():
    assert [level_of(c) for c in (0.95, 0.9, 0.99, 0.999999999999)] == [0.05, 0.1, 0.01, 1e-12]
    assert 1 - 0.95 > 0.05


def test_an_exact_p_at_the_level_is_not_below_it():
    """By ranks 3 runs against 3 reach 1/20 at the most: within a margin never at 5 %."""
    three = question("50 s", a=[10, 11, 12], b=[10, 11, 12])
    (pair,) = judge([three]).pairs
    assert pair.p_rank_equivalence == 0.05
    assert pair.verdict is Decision.UNDECIDED
    assert judge([three], confidence=0.9).pairs[0].verdict is Decision.EQUIVALENT
    four = question("50 s", a=[10, 11, 12, 13], b=[10, 11, 12, 13])
    assert judge([four]).pairs[0].verdict is Decision.EQUIVALENT
