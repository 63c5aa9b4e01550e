"""Names that are longer than their place."""

import pandas as pd
import pytest
from chart_drawing import data, drawn, phases, texts

from analysis import charts
from analysis.charting.names import pairs_written, shortened, written

LONG = [f"A platform with a rather long name, version 1.29.{n}-alpha+build.2026" for n in (0, 1)]


def test_what_is_short_stays_as_it_is():
    assert shortened(["K8s", "K3s"], 8) == {"K8s": "K8s", "K3s": "K3s"}


@pytest.mark.parametrize(
    "names",
    [
        LONG,
        [*LONG, "K8s"],
        [f"{'x' * 60}{n}" for n in range(40)],
        [f"{n}{'x' * 60}" for n in range(40)],
        [f"{'x' * 30}{n}{'y' * 30}" for n in range(10)],
        [f"{'x' * 60}", f"{'x' * 70}"],
        ["one name alone that is much too long for its place"],
        [f"{a}{'-' * 30}{b}{'-' * 30}{c}" for a in "ab" for b in "cd" for c in "ef"],
    ],
)
@pytest.mark.parametrize("most", [16, 22])
def test_names_stay_apart(names, most):
    cut = shortened(names, most)
    assert list(cut) == sorted(names)
    assert len(set(cut.values())) == len(names)
    fit = all(len(text) <= most for text in cut.values())
    assert fit or cut == {name: name for name in cut}


def test_the_place_is_seen_where_a_name_differs():
    assert list(shortened(LONG, 22).values()) == [
        "A platf… 1.29.0-alpha…",
        "A platf… 1.29.1-alpha…",
    ]


def test_a_name_that_every_object_has_is_a_name():
    axis = written([*LONG, "constructor", "__proto__"], 22)
    # An object of Vega has something under these names; a list has not.
    assert "constructor" not in axis
    assert "{" not in axis


def test_pairs_are_broken_before_their_sign():
    assert pairs_written([("K8s", "K3s")], "−", 22)[1] == 1
    expression, lines = pairs_written([(LONG[0], LONG[1]), ("a", "b")], "−", 22)
    assert lines == 2
    assert '["A platf… 1.29.0-alpha…", "− A platf… 1.29.1-alpha…"]' in expression
    assert '["a", "− b"]' in expression


def pairs(**columns):
    """A frame of one pair of long names, as `compare` gives it."""
    return pd.DataFrame(
        {
            **dict.fromkeys(("metric", "dimension", "reason"), ""),
            "unit": "s",
            "phase": "Total simulation time",
            "role": "all",
            "level": LONG[0],
            "reference": LONG[1],
            "verdict": "undecided",
            "margin": None,
            "difference": 1.0,
            "low": -1.0,
            "high": 3.0,
            "ratio": 1.1,
            "ratio_low": 0.9,
            "ratio_high": 1.3,
            **columns,
        },
        index=[0],
    )


@pytest.mark.parametrize("width", [200, 100])
def test_a_forest_says_what_is_taken_from_what(width):
    words = texts(drawn(charts.differences(pairs(), width=width)))
    (first,) = [text for text in words if ".29.0" in text]
    (second,) = [text for text in words if ".29.1" in text]
    assert second.startswith("− ")
    assert not first.startswith("− ")


def test_a_mark_that_stands_for_nothing_is_not_drawn():
    # An element without a record has no text, which is a fault for who hears the picture.
    alone = pairs(low=float("nan"), high=float("nan"), ratio_low=float("nan"))
    frame = phases({"Start master": (0, 60)}, sim_id=["1", "2"], platform=["K3s", "K8s"])
    for chart in (charts.differences(alone), charts.durations(frame)):
        (panel,) = chart.to_dict()["concat"]
        channels = [layer["encoding"].get("x", {}).get("field") for layer in panel["layer"]]
        assert "low" not in channels
        assert not any("low" in record for record in data(chart))
        for element in drawn(chart).iter():
            if element.get("role") == "graphics-symbol":
                assert element.get("aria-label"), element.attrib
