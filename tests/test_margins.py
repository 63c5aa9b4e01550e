"""Margins: a number and its unit, or a sentence about what is lacking."""

import pytest

from analysis.comparing.margins import Margin, parse
from minion.errors import InvalidData


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("5%", "s", Margin(0.05, relative=True, text="5%")),
        (" 5 % ", "%", Margin(0.05, relative=True, text="5 %")),
        ("0.5 points", "%", Margin(0.5, relative=False, text="0.5 points")),
        ("2 s", "s", Margin(2, relative=False, text="2 s")),
        ("200ms", "s", Margin(0.2, relative=False, text="200ms")),
        ("1 GiB", "MiB", Margin(1024, relative=False, text="1 GiB")),
        ("3e2 requests/s", "requests/s", Margin(300, relative=False, text="3e2 requests/s")),
        ("3", "", Margin(3, relative=False, text="3")),
    ],
)
def test_a_margin_is_read(text, unit, expected):
    assert parse(text, unit) == expected


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        ("5", "s", r"a margin of '5' has no unit; write 5% \(of the mean\) or 2 s"),
        ("5", "%", r"has no unit; write 5% \(of the mean\) or 2 points"),
        ("five", "s", "'five' is no margin"),
        ("", "s", "'' is no margin"),
        ("0 s", "s", "give a number above zero"),
        ("-1 s", "s", "give a number above zero"),
        ("3 kg", "s", "a margin in 'kg' for values in s"),
        ("3 kg", "", "a margin in 'kg' for values in no unit"),
        ("1e999 s", "s", "give a number above zero"),
    ],
)
def test_what_is_no_margin_is_refused(text, unit, message):
    with pytest.raises(InvalidData, match=message):
        parse(text, unit)


def test_a_relative_margin_is_a_share_of_the_mean_beside_it():
    assert parse("5%", "s").absolute(-40) == pytest.approx(2)
    assert parse("2 s", "s").absolute(-40) == 2
