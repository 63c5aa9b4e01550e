"""Verdicts on groups of run values: what is claimed, what is not, and why."""

from time import process_time

import numpy as np
import pytest
from scipy.stats import norm

from analysis.comparing.judgement import Decision, Question, judge
from analysis.comparing.margins import parse
from analysis.comparing.sentences import sentence


def normal(mean, sd=1.0, n=25):
    """The quantiles of a normal distribution, with exactly that mean and standard deviation."""
    places = norm.ppf((np.arange(n) + 0.5) / n)
    return mean + sd * places / places.std(ddof=1)


def question(margin=None, **groups):
    arrays = {level: np.asarray(values, float) for level, values in groups.items()}
    return Question(
        metric="duration",
        unit="s",
        phase="Start master",
        dimension="",
        role="all",
        groups=arrays,
        total={level: len(values) for level, values in arrays.items()},
        margin=parse(margin, "s") if margin else None,
    )


def verdict(margin=None, **groups):
    (pair,) = judge([question(margin, **groups)]).pairs
    return pair


def test_a_clear_difference_is_different():
    pair = verdict(a=normal(60), b=normal(50))
    assert pair.verdict is Decision.DIFFERENT
    assert (pair.level, pair.reference) == ("b", "a")
    assert pair.contrast.difference == pytest.approx(-10)
    assert pair.contrast.low < -10 < pair.contrast.high < 0
    assert pair.delta == -1
    assert pair.exceeds is None


def test_noise_is_undecided_never_equal_without_a_margin():
    pair = verdict(a=normal(60), b=normal(60.1))
    assert pair.verdict is Decision.UNDECIDED
    assert pair.reason == "the difference could be noise"


def test_within_a_margin_is_equivalent():
    pair = verdict("2 s", a=normal(60), b=normal(60.3))
    assert pair.verdict is Decision.EQUIVALENT
    assert pair.exceeds is False
    assert verdict("5%", a=normal(60), b=normal(60.3)).verdict is Decision.EQUIVALENT
    assert verdict("0.5 s", a=normal(60), b=normal(60.3)).verdict is Decision.UNDECIDED


@pytest.mark.parametrize(
    ("margin", "exceeds", "expected"),
    [
        ("5 s", True, Decision.DIFFERENT),
        ("10 s", None, Decision.DIFFERENT),
        ("20 s", False, Decision.EQUIVALENT),
        ("10%", True, Decision.DIFFERENT),
    ],
)
def test_a_difference_is_held_against_the_margin(margin, exceeds, expected):
    pair = verdict(margin, a=normal(60), b=normal(50))
    assert (pair.exceeds, pair.verdict) == (exceeds, expected)


def test_a_difference_exceeds_the_margin_over_the_whole_family():
    clear = [question("2 s", a=normal(60), b=normal(62.6)) for _ in range(12)]
    faint = question("1 s", a=normal(60), b=normal(61.7))
    (alone,) = judge([faint]).pairs
    assert (alone.exceeds, alone.verdict) == (True, Decision.DIFFERENT)
    assert alone.contrast.low > 1
    among = judge([*clear, *[faint] * 8]).pairs[-1]
    assert among.verdict is Decision.DIFFERENT
    assert among.contrast.low > 1
    assert among.p_exceeds < 0.05 < among.p_exceeds_corrected
    assert among.exceeds is None
    # One-sided it would be certain, and yet the interval beside it holds the margin.
    edge = verdict("1 s", a=normal(60), b=normal(61.52))
    assert edge.p_exceeds_corrected < 0.05
    assert edge.contrast.low < 1
    assert edge.exceeds is None


@pytest.mark.parametrize(
    ("values", "verdict_", "reason"),
    [
        ([0, *normal(5, 3)], Decision.UNDECIDED, "the difference could be noise; "),
        (-normal(5, 1), Decision.DIFFERENT, ""),
    ],
)
def test_a_share_of_what_is_not_above_zero_is_no_margin_and_that_is_said(values, verdict_, reason):
    pair = verdict("5%", a=normal(5, 3), b=values)
    assert pair.verdict is verdict_
    assert pair.reason == (
        f"{reason}5% has no meaning where values are 0 or below; give a margin in s"
    )
    assert pair.exceeds is None
    text = sentence(pair)
    assert text.endswith("give a margin in s.")
    assert "is open" not in text
    in_seconds = verdict("5 s", a=normal(5, 3), b=values)
    assert "no meaning" not in in_seconds.reason
    assert np.isfinite(in_seconds.p_equivalence)


def test_a_small_but_certain_difference_within_the_margin_is_equivalent():
    pair = verdict("5 s", a=normal(60, 0.1), b=normal(60.5, 0.1))
    assert pair.p_corrected < 1e-6
    assert pair.verdict is Decision.EQUIVALENT


def test_one_run_gives_figures_and_no_verdict():
    pair = verdict(a=normal(60), b=[50])
    assert pair.verdict is Decision.UNDECIDED
    assert pair.reason.startswith("a single run of b has a value here")
    assert pair.contrast.difference == pytest.approx(-10)
    assert pair.contrast.ratio == pytest.approx(50 / 60)
    assert np.isnan([pair.contrast.p, pair.contrast.low, pair.p_corrected, pair.delta]).all()


def test_values_that_do_not_vary_are_not_tested():
    assert verdict(a=[5, 5, 5], b=[5, 5, 5]).reason == "all values are equal"
    pair = verdict(a=[5, 5, 5], b=[6, 6, 6])
    assert pair.verdict is Decision.UNDECIDED
    assert pair.reason == (
        "by means no test is possible, as neither varies between runs; by ranks p 0.1"
    )
    assert np.isnan(pair.contrast.low)
    many = verdict(a=[5] * 25, b=[9] * 25)
    assert many.reason.endswith("; by ranks p 2.6e-12")
    equal = verdict("1 s", a=[5, 5, 5], b=[5, 5, 5])
    assert equal.verdict is Decision.UNDECIDED


def test_where_means_and_ranks_disagree_it_says_so():
    # Two medians far apart; one wild run hides it from the means.
    a, b = normal(60, 0.5, 25), normal(62, 0.5, 25)
    a[-1] = 200
    pair = verdict(a=a, b=b)
    assert pair.verdict is Decision.UNDECIDED
    assert pair.reason.startswith("by ranks they are different (p ")
    # And the other way round: the means differ by a few far runs that ranks hardly see.
    skewed = np.concatenate([np.linspace(0, 1, 19), np.full(6, 30.0)])
    plain = np.concatenate([np.linspace(0.01, 1.01, 24), [1.2]])
    pair = verdict(a=plain, b=skewed)
    assert pair.p_corrected < 0.05 < pair.p_rank_pairs
    assert pair.verdict is Decision.UNDECIDED
    assert pair.reason.startswith("by means they are different, by ranks not (p ")


def test_few_runs_wholly_apart_are_different_although_ranks_cannot_say_so():
    pair = verdict(a=[60, 61, 62], b=[50, 51, 52])
    assert pair.p_smallest == pair.p_rank == pytest.approx(0.1)
    assert pair.verdict is Decision.DIFFERENT
    assert pair.reason == (
        "ranks of so few runs cannot show it (p 0.1), but every run of one lies beyond every run of"
        " the other"
    )


@pytest.mark.parametrize(("n_x", "n_y"), [(2, 2), (3, 3), (3, 9), (4, 4), (25, 25)])
def test_p_by_ranks_is_never_below_what_so_few_runs_can_reach(n_x, n_y):
    pair = verdict(a=normal(60, 1, n_x), b=normal(50, 1, n_y))
    assert pair.p_rank >= pair.p_smallest


def test_a_claim_that_ranks_do_not_make_over_the_family_says_so():
    asked = [
        question(a=normal(60, 1, 5), b=normal(50, 1, 5), c=normal(40, 1, 5)) for _ in range(12)
    ]
    pairs = judge(asked).pairs
    assert {pair.verdict for pair in pairs} == {Decision.DIFFERENT}
    by_ranks = [pair for pair in pairs if pair.p_rank_pairs < 0.05 < pair.p_rank_corrected]
    assert by_ranks
    for pair in by_ranks:
        assert pair.reason == (
            f"by ranks this holds within the phase (p {pair.p_rank_pairs:.2g}), not over the whole"
            f" family (p {pair.p_rank_corrected:.2g})"
        )
    assert all(pair.reason for pair in pairs)
    # Where both hold over the family there is nothing to add.
    assert verdict(a=normal(60), b=normal(50)).reason == ""


def test_a_baseline_is_compared_with_every_other_level():
    asked = question(K3s=normal(50), K8s=normal(60), mK8s=normal(70))
    pairs = judge([asked], baseline="K8s").pairs
    assert [(p.level, p.reference) for p in pairs] == [("K3s", "K8s"), ("mK8s", "K8s")]
    every = judge([asked]).pairs
    assert [(p.level, p.reference) for p in every] == [
        ("K8s", "K3s"),
        ("mK8s", "K3s"),
        ("mK8s", "K8s"),
    ]
    # Two comparisons instead of three: narrower intervals.
    width = {p.level: p.contrast.high - p.contrast.low for p in pairs}
    wide = {p.level: p.contrast.high - p.contrast.low for p in every if p.reference == "K8s"}
    assert width["mK8s"] < wide["mK8s"]


def test_the_family_is_all_questions_of_a_call():
    clear = question(a=normal(60), b=normal(50))
    faint = [question(a=normal(60), b=normal(60.65)) for _ in range(20)]
    alone = judge([faint[0]])
    together = judge([clear, *faint])
    assert alone.pairs[0].verdict is Decision.DIFFERENT
    assert together.family.size == 21
    assert [p.verdict for p in together.pairs[1:]] == [Decision.UNDECIDED] * 20
    assert together.pairs[0].verdict is Decision.DIFFERENT
    assert together.pairs[1].p_corrected == pytest.approx(20 * together.pairs[1].contrast.p)


def test_a_level_without_values_has_no_pair():
    judged = judge([question(a=normal(60), b=[], c=normal(50))])
    assert [(p.level, p.reference) for p in judged.pairs] == [("c", "a")]
    assert judge([question(a=[], b=normal(1))], baseline="a").pairs == ()


def test_a_question_keeps_its_own_tests_of_all_levels():
    (tests,) = judge([question(a=normal(60), b=normal(50), c=normal(55))]).tests
    assert tests["welch_p"] < 1e-6
    assert tests["kruskal_p"] < 1e-6
    assert (tests["welch_df_between"], tests["kruskal_df"]) == (2, 2)


@pytest.mark.parametrize("baseline", [None, "a"])
def test_no_false_claim_in_a_family_more_often_than_said(baseline):
    """Family-wise error under the null: 4 questions of three levels, uneven and unequal."""
    random, times, wrong = np.random.default_rng(3), 400, 0
    for _ in range(times):
        asked = [
            question(
                a=random.normal(10, 1, 8), b=random.normal(10, 2, 15), c=random.normal(10, 4, 25)
            )
            for _ in range(4)
        ]
        pairs = judge(asked, baseline=baseline).pairs
        wrong += any(pair.verdict is Decision.DIFFERENT for pair in pairs)
    # 5 % of 400 is 20; 34 and more would come up once in a thousand times.
    assert wrong < 34


def test_no_false_equivalence_at_the_edge_of_the_margin():
    random, times, wrong = np.random.default_rng(4), 400, 0
    for _ in range(times):
        pair = verdict("2 s", a=random.normal(60, 1, 12), b=random.normal(62, 2, 12))
        wrong += pair.verdict is Decision.EQUIVALENT
    assert wrong < 34


def test_no_margin_is_falsely_exceeded_in_a_family_more_often_than_said():
    """Twelve phases, two pairs of each exactly at the margin and one without a difference."""
    random, times, wrong, found = np.random.default_rng(5), 400, 0, 0
    for _ in range(times):
        asked = [
            question(
                "2 s",
                a=random.normal(60, 1, 25),
                b=random.normal(62, 1, 25),
                c=random.normal(62, 1.5, 25),
            )
            for _ in range(12)
        ]
        pairs = judge(asked).pairs
        at_the_margin = [pair for pair in pairs if pair.reference == "a"]
        assert len(at_the_margin) == 24
        wrong += any(pair.exceeds for pair in pairs)
        found += any(pair.p_exceeds < 0.05 for pair in at_the_margin)
    # 5 % of 400 is 20; 34 and more would come up once in a thousand times. Each test by itself
    # is below the level in one of twenty cases, so hardly a family of 24 has none.
    assert wrong < 34
    assert found > 200


def test_a_margin_takes_little_more_time_than_none():
    random = np.random.default_rng(6)
    values = [[random.normal(60, 1, 25) for _ in range(3)] for _ in range(84)]
    taken = {"5%": [], None: []}
    # In turns, so that whatever else the machine does falls on both.
    for _ in range(7):
        for margin, times in taken.items():
            asked = [question(margin, a=a, b=b, c=c) for a, b, c in values]
            begun = process_time()
            judge(asked)
            times.append(process_time() - begun)
    # Tested one pair after the other it was four times as long.
    assert min(taken["5%"]) < 2.5 * min(taken[None])
