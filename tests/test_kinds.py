"""Kinds of charts by name, as the command line asks for them."""

import pytest
from chart_drawing import data, drawn, texts

from analysis import charts
from analysis.charting.kinds import KINDS, draw, kinds_of
from ingest.profiling.perf import import_perf
from minion.errors import InvalidData, NotFound

SOME = {"experiment": "kns", "sims": "1000-1002,5000-5002"}


@pytest.fixture
def some(study_store):
    """Where the study is, and a choice of six of its runs."""
    experiment = study_store.simulations()[0].experiment
    return study_store, SOME | {"experiment": experiment}


@pytest.mark.parametrize(
    ("metric", "kind", "options", "more"),
    [
        ("cpu", "facet", {"y": "free"}, {}),
        ("cpu", "course", {}, {}),
        ("net", "course", {"align": "phase"}, {}),
        ("ram", "values", {}, {}),
        ("disk_io", "heat", {}, {"sims": "5000"}),
        ("cpu", "autocorrelation", {"by": "hostname"}, {"phase": "Master idle"}),
        ("cpu", "drift", {}, {"phase": "Master idle,Cluster idle"}),
        ("cpu", "variance", {}, {"phase": "Master idle"}),
        ("cpu", "differences", {"margin": "5%", "baseline": "K8s"}, {}),
        ("duration", "durations", {}, {}),
        ("duration", "timeline", {}, {}),
        ("duration", "timeline", {"align": "Add workers"}, {}),
        ("duration", "drift", {}, {"phase": "Start master"}),
        ("duration", "variance", {}, {}),
        ("duration", "differences", {"margin": "2 s"}, {}),
    ],
)
@pytest.mark.parametrize("width", [None, "85mm"])
def test_every_kind_is_drawn_wide_and_narrow(some, metric, kind, options, more, width):
    store, choice = some
    chart = draw(store, metric, kind, width=width, options=options, **choice | more)
    svg = drawn(chart)
    assert "Simulated data" in texts(svg)
    if width is not None:
        # Laid out for paper: text that stays legible is the point of it.
        assert charts.smallest_text(chart, width) > 5


def test_a_profile_is_a_flame_graph(store, tmp_path):
    path = tmp_path / "p" / "a.txt"
    path.parent.mkdir()
    path.write_text("main;read 30\nmain;list 10\n")
    import_perf(store, [path])
    chart = draw(store, "profile.samples")
    assert chart.to_dict()["title"]["text"] == "Where samples come from on p"
    assert {"read", "list"} <= set(texts(drawn(chart)))
    with pytest.raises(NotFound, match=r"such a profile of time; there are: samples \(calls\)"):
        draw(store, "profile.time", "flame")
    with pytest.raises(NotFound, match="no flame of cpu; there are: facet"):
        draw(store, "cpu", "flame")


def test_each_metric_has_its_usual_kind(some):
    store, choice = some
    assert "row" in draw(store, "cpu", **choice).to_dict()["facet"]
    title = draw(store, "duration", **choice).to_dict()["title"]["text"]
    assert title == "How long each phase took"


def test_a_timeline_holds_the_waits_unless_phases_are_chosen(some):
    store, choice = some
    (record, *_) = data(draw(store, "duration", "timeline", **choice))
    assert "Wait after drain" in record["phase"]
    (record, *_) = data(draw(store, "duration", "timeline", phase="Add workers", **choice))
    assert record["phase"] == ["Add workers"]


def test_what_cannot_be_drawn_is_said_with_what_can(some):
    store, choice = some
    with pytest.raises(NotFound, match="no kind of chart 'pie'; of cpu there are: facet, course"):
        draw(store, "cpu", "pie", **choice)
    with pytest.raises(NotFound, match="no timeline of cpu; there are: facet"):
        draw(store, "cpu", "timeline", **choice)
    with pytest.raises(NotFound, match="no facet of duration; there are: durations, timeline"):
        draw(store, "duration", "facet", **choice)
    with pytest.raises(NotFound, match="no run of this selection has a latency"):
        draw(store, "latency", **choice)
    with pytest.raises(InvalidData, match="margin is for differences and ratios, not for facet"):
        draw(store, "cpu", options={"margin": "5%"}, **choice)
    with pytest.raises(InvalidData, match="align is for course and timeline, not for heat"):
        draw(store, "cpu", "heat", options={"align": "phase"}, **choice)
    with pytest.raises(InvalidData, match="shows one run; choose it with sims: there are 1000"):
        draw(store, "cpu", "heat", **choice)
    with pytest.raises(InvalidData, match="of one phase, not of 2"):
        draw(store, "cpu", "autocorrelation", **choice | {"phase": "Master idle,Cluster idle"})
    with pytest.raises(NotFound, match="Lunch"):
        draw(store, "duration", "durations", **choice | {"phase": "Lunch"})
    with pytest.raises(InvalidData, match="is no width"):
        draw(store, "cpu", width="85", **choice)


def test_an_empty_store_has_nothing_to_draw(store):
    with pytest.raises(NotFound, match="no simulation in this selection"):
        draw(store, "cpu")


def test_every_kind_has_something_to_draw():
    assert set(kinds_of("cpu")) | set(kinds_of("duration")) == set(KINDS) - {"flame"}
    assert kinds_of("profile.time") == ("flame",)
    assert kinds_of("latency") == ("values", "drift", "variance", "differences", "ratios")
    assert kinds_of("cpu,latency") == ("drift", "ratios")
