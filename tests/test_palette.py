"""A platform has one colour everywhere, and utilization an axis from 0."""

import xml.etree.ElementTree as ET
from functools import partial
from itertools import combinations

import pandas as pd
import pytest
from chart_drawing import data, drawn
from runs import run

from analysis import compare, report
from analysis.charting.kinds import draw
from analysis.charting.light import Panel
from analysis.charting.palette import colours_of, palette
from analysis.charting.theme import PLATFORM_COLOURS, platform_colours
from analysis.networking.percentiles import chart as percentile_chart
from analysis.observing.curves import capture_curve, cost_curve, events_curve
from analysis.profiling.latency import latency_chart
from analysis.quantities import quantity
from analysis.saturating.curves import curves
from analysis.web.address import Question
from analysis.web.compare_page import answer, forest_chart, values_chart
from analysis.web.listing import Listing
from analysis.web.run_page import run as run_page
from analysis.web.runs_page import runs as runs_page
from minion.model import Verdict

_OWN = {name: platform_colours([name])[name] for name in (f"p{n}" for n in range(20))}
# The first two want one colour: the second has it only where it is drawn without the first.
CLASH = next(
    (one, other, "q")
    for one, other in combinations(_OWN, 2)
    if _OWN[one] == _OWN[other] != platform_colours(["q"])["q"]
)


@pytest.fixture
def clashing(store):
    """Three runs of each of three platforms; those of the first are excluded."""
    for number, name in enumerate(CLASH * 3):
        store.put(*run(str(number), platform=name, metrics=["cpu"]))
        if name == CLASH[0]:
            store.judge(store.simulation(str(number), "e"), Verdict.EXCLUDED, ["broken"], by="me")
    return store


def scales(spec, found=None):
    """The colour of each platform of a specification."""
    found = {} if found is None else found
    if isinstance(spec, dict):
        if spec.get("field") == "platform" and (scale := spec.get("scale", {})).get("range"):
            found |= zip(scale["domain"], scale["range"], strict=True)
        for part in spec.values():
            scales(part, found)
    elif isinstance(spec, list):
        for part in spec:
            scales(part, found)
    return found


def test_a_part_of_the_platforms_has_the_colours_of_all(clashing, tmp_path):
    whole = palette(clashing, "e")
    assert list(whole) == list(CLASH)
    alone = CLASH[1]
    assert platform_colours([alone])[alone] != whole[alone], "these names show nothing"
    choice = {"experiment": "e", "platform": alone}
    for metric, kind in (
        *(("cpu", kind) for kind in ("course", "values", "autocorrelation", "drift")),
        ("duration", "durations"),
    ):
        spec = draw(clashing, metric, kind, **choice).to_dict()
        assert scales(spec) == {alone: whole[alone]}, kind
    text = report.write(clashing, tmp_path / "r.html", **choice).path.read_text()
    assert f'style="background:{whole[alone]}"></span>{alone}<' in text
    listing = Listing(clashing)
    for page in (
        run_page(listing, "?experiment=e&sim_id=1"),
        runs_page(listing, f"?platform={alone}"),
    ):
        assert f"backgroundColor': '{whole[alone]}'" in str(page)
    told = answer(listing, Question(experiment="e", metric="cpu"))
    assert scales(values_chart(listing, told).to_dict()) == {
        n: whole[n] for n in told.levels.values()
    }


# One frame that every chart of the studies can draw.
FIGURES = pd.DataFrame(
    {
        "experiment": "e",
        "platform": "p",
        "sim_id": ["1", "2", "3", "4"],
        "hostname": "host",
        "elapsed_s": 0.0,
        "load": [1.0, 2.0, 1.0, 2.0],
        "response": "active",
        "nodes": [2, 2, 4, 4],
        "generated": 100.0,
        "seen": 90.0,
        "ratio": 0.9,
        "measurement": "memory",
        "unit": "MiB",
        "value": [1.0, 2.0, 3.0, 4.0],
        "percentile": [50.0, 99.0, 50.0, 99.0],
        "num": [1.0, 2.0, 1.0, 2.0],
        "duration_ms": [1.0, 2.0, 3.0, 4.0],
    }
)


@pytest.mark.parametrize(
    "study",
    [
        capture_curve,
        events_curve,
        cost_curve,
        partial(curves, load="containers"),
        percentile_chart,
        latency_chart,
    ],
)
def test_charts_of_the_studies_take_the_colours_of_their_experiment(study):
    own = platform_colours(["p"])["p"]
    other = next(colour for colour in PLATFORM_COLOURS if colour != own)
    assert colours_in(study(FIGURES)) == {own}
    assert colours_in(study(FIGURES, colours={"p": other, "q": own})) == {other}


def colours_in(chart):
    """Those of platforms in a drawing."""
    found = ET.tostring(drawn(chart), encoding="unicode")
    return {colour for colour in PLATFORM_COLOURS if colour in found}


def test_what_has_no_colour_gets_one_among_those_drawn():
    assert colours_of(["b", "K8s"], {"b": "#123456"}) == {
        "b": "#123456",
        "K8s": platform_colours(["K8s", "b"])["K8s"],
    }
    assert list(colours_of(["b", "a"])) == ["b", "a"]


def domains(chart):
    """Title to the domain of values of each panel."""
    found = {}
    for panel in chart.to_dict()["concat"]:
        for layer in panel["layer"]:
            for channel in layer["encoding"].values():
                if isinstance(channel, list):
                    continue
                field, scale = channel.get("field"), channel.get("scale", {})
                if field in ("mean", "value") and "domain" in scale:
                    found[panel["title"]["text"]] = scale["domain"]
    return found


def test_utilization_begins_at_0_and_holds_the_whole_run(clashing):
    choice = {"experiment": "e"}
    listing = Listing(clashing)
    told = answer(listing, Question(experiment="e", metric="cpu"))
    by_page, by_command = (
        values_chart(listing, told),
        draw(clashing, "cpu", "values", **choice),
    )
    phases = set(compare(clashing, "cpu", **choice).pairs["phase"].astype(str))
    for chart in (by_page, by_command, draw(clashing, "cpu", "drift", **choice)):
        found = domains(chart)
        assert "Total simulation time" in found
        assert set(found) == phases
        assert all(low == 0 for low, _ in found.values())
    assert data(by_page) == data(by_command)
    of = quantity(clashing, "cpu", clashing.simulations(), **choice)
    whole = of.runs.values.query("phase == 'Total simulation time' and role == 'all'")
    drawn = [r for r in data(by_command) if len(r["run"])][-len(CLASH) + 1 :]
    assert sorted(v for r in drawn for v in r["value"]) == pytest.approx(
        sorted(whole["value"]), rel=1e-5
    )


def test_a_light_copy_shares_what_it_holds(clashing):
    (panel, *_) = draw(clashing, "cpu", "values", experiment="e").concat
    assert isinstance(panel, Panel)
    copied = panel.copy()
    copied.width = 1
    assert panel.width != 1
    assert copied.title is panel.title
    assert panel.copy(deep=["layer"]).layer is not panel.layer


def test_a_quantile_is_called_so_in_both_charts(clashing):
    listing = Listing(clashing)
    told = answer(listing, Question(experiment="e", metric="cpu", quantile="0.9"))
    for chart in (forest_chart(told), values_chart(listing, told)):
        assert chart.to_dict()["title"]["text"].startswith("0.9 quantile of CPU utilization")
    told = answer(listing, Question(experiment="e", metric="cpu"))
    assert forest_chart(told).to_dict()["title"]["text"].startswith("CPU utilization")
