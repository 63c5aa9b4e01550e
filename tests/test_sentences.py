"""What is said of verdicts: the headline's error, shares, tables and their titles."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_judgement import normal, question, verdict

from analysis.comparing import verdicts
from analysis.comparing.judgement import judge
from analysis.comparing.questions import questions_of
from analysis.comparing.sentences import overall, rounded, sentence
from analysis.reporting.claims import verdict_table
from analysis.values import combined
from minion.errors import InvalidData


def test_without_a_margin_the_headline_speaks_of_false_differences_alone():
    judged = judge([question(a=normal(60), b=normal(50))], family="duration × 1 pair")
    assert overall(judged) == (
        "1 comparison (duration × 1 pair): 1 different and 0 undecided; the chance of any false"
        ' "different" among them is kept below 5 %.'
    )


def test_with_a_margin_each_kind_of_claim_has_its_own_error():
    judged = judge([question("5 s", a=normal(60), b=normal(50))], family="x", confidence=0.9)
    assert overall(judged) == (
        "1 comparison (x): 1 different, 0 equivalent and 0 undecided; the chance of any false"
        ' "different" among them is kept below 10 %; so is, each by itself, that of any false'
        ' "equivalent" and that of any false "exceeds the margin".'
    )


@pytest.mark.parametrize(
    ("of", "by", "share"),
    [
        (300, 0.05, "(0.02 %)"),
        (300, -0.05, "(-0.02 %)"),
        (300, 0.0004, "(0.0001 %)"),
        (300, 0.3, "(0.1 %)"),
        (300, 0, "(0.0 %)"),
        (3e9, 1, "(3e-08 %)"),
        (300, 60, "(20 %)"),
    ],
)
def test_a_share_that_is_not_zero_is_not_shown_as_zero(of, by, share):
    # Values that neither vary have no verdict, and their means are exact.
    said = sentence(verdict(a=[of] * 3, b=[of + by] * 3))
    assert f"{share};" in said, said


@pytest.mark.parametrize(
    ("a", "b", "shown"),
    [
        # An interval that is wide beside the estimate does not round it away.
        ([9, 19, 29], [9.4, 19.5, 29.5], "b minus a is 0.47 s (2.5 %); 95 % interval -22 to 23 s"),
        ([1, 2, 3], [1, 2, 3], "b minus a is 0.0 s (0.0 %); 95 % interval -2.3 to 2.3 s"),
        # Beyond nine decimals there is an exponent, and the last digit is the same.
        (
            [3.5e-9, 3.6e-9, 3.7e-9],
            [3.6e-9, 3.5e-9, 3.9e-9],
            "b minus a is 6.7e-11 s (1.9 %); 95 % interval -3.7e-10 to 5.0e-10 s",
        ),
    ],
)
def test_what_is_not_zero_is_not_shown_as_zero(a, b, shown):
    pair = verdict(a=a, b=b)
    assert shown in sentence(pair)
    row = verdicts.readable(verdicts.pair_frame([judge([question(a=a, b=b)])])).iloc[0]
    assert f"is {row['difference']} s" in shown
    assert shown.endswith(f"{row['interval']} s")


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (4e-10, 11, "4.0e-10"),
        (-4e-10, 10, "-4e-10"),
        (4e-13, 11, "0"),
        (0.0, 12, "0"),
        (12.5, 10, "1.25000000000e+01"),
        (0.0000125, 9, "0.000012500"),
    ],
)
def test_many_decimals_are_an_exponent(value, digits, text):
    assert rounded(value, digits) == text


@pytest.mark.parametrize(
    ("confidence", "interval", "error"),
    [(0.95, "95", "5"), (0.9, "90", "10"), (0.999999999999, "99.9999999999", "0.0000000001")],
)
def test_a_confidence_is_shown_with_every_digit(confidence, interval, error):
    judged = judge([question(a=normal(60), b=normal(50))], confidence=confidence)
    assert f"; {interval} % interval " in sentence(judged.pairs[0], confidence=confidence)
    assert f" is kept below {error} %." in overall(judged)


def test_levels_without_a_spread_have_the_name_of_their_factor():
    asked = question(**{"2": [60, 61], "12": [50]})
    (pair,) = judge([asked], factor="nodes").pairs
    assert pair.reason.startswith("a single run of nodes 12 has a value here")


def groups(sd=1.0):
    return {name: normal(mean, sd, 6) for name, mean in (("K3s", 50), ("K8s", 60))}


def test_the_verdicts_by_role_name_their_own_family():
    whole = question(**groups())
    master, worker = (replace(whole, role=role) for role in ("master", "worker"))
    pairs = verdicts.pair_frame(
        [
            judge([whole], family="duration × Start master × 1 pair"),
            judge([master, worker], family="duration × Start master × 2 roles × 1 pair"),
        ]
    )
    tables = verdicts.tables_of(pairs)
    assert list(tables) == [
        "All hosts",
        "By role, a family of its own (duration × Start master × 2 roles × 1 pair)",
    ]
    assert [len(table) for table in tables.values()] == [1, 2]
    assert list(verdicts.tables_of(pairs[:1])) == ["All hosts"]
    asked = {"identity": "x", "caption": "Verdicts", "figure": ""}
    assert verdict_table(pairs[:1], **asked).caption == "Verdicts"
    assert verdict_table(pairs[1:], **asked, by_role=True).caption == (
        "Verdicts, a family of its own (duration × Start master × 2 roles × 1 pair)"
    )


def test_the_smallest_p_is_named_in_full():
    table = verdicts.readable(verdicts.pair_frame([judge([question(**groups())])]))
    assert table["smallest rank p"].tolist() == ["0.0022"]
    assert "p by ranks" in table


LEVELS = {"K3s": [("e", "1"), ("e", "2"), ("e", "3")], "K8s": [("e", "4"), ("e", "5")]}


def values(numbers=(1, 2, 3, 4, 5), samples=(300, 300, 20, 310, 308), **columns):
    frame = pd.DataFrame(
        {
            "experiment": "e",
            "platform": ["K3s"] * 3 + ["K8s"] * 2,
            "sim_id": list("12345"),
            "metric": "cpu",
            "phase": "Cluster idle",
            "n": samples,
            "value": np.array(numbers, float),
            **columns,
        }
    )
    return combined(frame).values


def test_groups_say_how_many_samples_stand_behind_a_value():
    asked = questions_of(values(hostname="m", role="master"), LEVELS, unit="%")
    frame = verdicts.group_frame([judge(asked)]).set_index("level")
    assert frame.loc["K3s", ["n", "samples_min", "samples_median"]].tolist() == [3, 20, 300]
    assert frame.loc["K8s", ["n", "samples_min", "samples_median"]].tolist() == [2, 308, 309]


def test_what_is_one_value_of_a_run_has_no_samples():
    frame = verdicts.group_frame([judge(questions_of(values(), LEVELS, unit="s"))])
    assert frame[["samples_min", "samples_median"]].isna().all(axis=None)


@pytest.mark.parametrize(("value", "text"), [(1e200, "1e+200"), (-np.inf, "-inf")])
def test_a_value_too_large_is_named_with_its_run(value, text):
    wrong = values(numbers=(1, 2, 3, value, 5))
    with pytest.raises(InvalidData) as error:
        questions_of(wrong, LEVELS, unit="%")
    assert str(error.value) == (
        f"simulation 4: cpu in Cluster idle is {text}, not a finite number below 1e150; exclude the"
        " run, or leave this out"
    )
    # That of a run which is not compared is nobody's business.
    assert questions_of(wrong, {"K3s": LEVELS["K3s"]}, unit="%")
