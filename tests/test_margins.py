"""Margins: a number and its unit, or a sentence about what is lacking."""

import pytest

from analysis.comparing.margins import Margin, amount_of, parse
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
        ("99%", "s", Margin(0.99, relative=True, text="99%")),
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
        (
            "3 kg",
            "s",
            r"a margin in 'kg' for values in s: write 5% \(of the mean\) or 2 s; ms, us, ns, min, h"
            " are known, too$",
        ),
        ("3 kg", "", r"a margin in 'kg' for values in no unit: write 5% \(of the mean\) or 2$"),
        ("3 kg", "%", r"for values in %: write 5% \(of the mean\) or 2 points$"),
        ("3 s", "MiB", "for values in MiB: .* GB, KiB, GiB, TiB, .* are known, too$"),
        ("3 MiB", "MiB/s", "for values in MiB/s: .* Mbit/s, Gbit/s are known, too$"),
        ("100%", "s", "a margin of 100%: even 0 would count as no different .* less than 100 %"),
        ("150 %", "%", "a margin of 150 %: .* such as 5% .* or 2 points$"),
        ("1e999 s", "s", "give a number above zero"),
    ],
)
def test_what_is_no_margin_is_refused(text, unit, message):
    with pytest.raises(InvalidData, match=message):
        parse(text, unit)


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("0.1 s", "ms", 100),
        ("100 us", "ms", 0.1),
        ("100 µs", "ms", 0.1),
        ("1 ns", "s", 1e-9),
        ("1 us", "s", 1e-6),
        ("1 minute", "s", 60),
        ("2 secs", "s", 2),
        ("2 s", "seconds", 2),
        ("1 MB", "MiB", 1e6 / 2**20),
        ("1 GB", "MiB", 1e9 / 2**20),
        ("1 MiB/s", "KiB/s", 1024),
        ("1 Mbit/s", "kilobits/s", 1000),
        ("1 kB/s", "kilobits/s", 8),
        ("3 pp", "%", 3),
    ],
)
def test_a_margin_may_be_in_another_unit_of_the_same_kind(text, unit, amount):
    margin = parse(text, unit)
    assert margin.amount == pytest.approx(amount, rel=1e-12)
    assert not margin.relative


def test_a_difference_may_be_more_than_the_mean():
    assert amount_of("150%", "s").absolute(10) == pytest.approx(15)


def test_a_relative_margin_is_a_share_of_the_mean_beside_it():
    assert parse("5%", "s").absolute(-40) == pytest.approx(2)
    assert parse("2 s", "s").absolute(-40) == 2
