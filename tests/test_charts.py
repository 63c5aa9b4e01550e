"""Charts as their users see them: what a real renderer makes of them."""

import json
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from chart_drawing import HOSTILE, data, drawn, marks, phases, samples, texts

from analysis import charts, durations, utilization
from analysis.charting.strips import ROW
from analysis.charting.theme import PLATFORM_COLOURS, phase_colours, phase_tints, platform_colours
from minion.errors import InvalidData
from minion.selection import natural

# ---------------------------------------------------------------- facet


def test_facet_has_a_line_for_each_run_and_host():
    svg = drawn(charts.facet(samples()))
    lines = [path for path in marks(svg, "line") if path.get("d").count("L") > 10]
    assert len(lines) == 4
    assert {path.get("stroke") for path in lines} == {"#882255", "#44779A"}
    words = texts(svg)
    for word in ("1", "2", "m", "w", "master", "worker", "%", "elapsed time in s"):
        assert word in words, word
    assert "CPU utilization of each simulation and host" in words


def test_facet_breaks_the_line_where_samples_are_missing():
    frame = samples(runs=["1"], hosts=["m"])
    frame = frame[(frame["elapsed_s"] < 60) | (frame["elapsed_s"] > 120)]
    svg = drawn(charts.facet(frame))
    (path,) = (p for p in marks(svg, "line") if p.get("d").count("L") > 10)
    assert path.get("d").count("M") == 2


def test_facet_begins_at_zero_and_ends_where_it_is_told():
    def domain(chart):
        return chart.to_dict()["spec"]["layer"][0]["encoding"]["y"]["scale"]["domain"]

    assert domain(charts.facet(samples())) == [0, 20]
    assert domain(charts.facet(samples(), top=100)) == [0, 100]
    assert domain(charts.facet(samples(value=0.0))) == [0, 1]


def test_facet_has_a_value_axis_for_each_panel_where_it_is_told():
    frame = pd.concat([samples(hosts=["m"], value=4.0), samples(hosts=["w"], value=400.0)])
    svg = drawn(charts.facet(frame, y="free"))
    heights = [path.get("d").split(",")[1].split("L")[0] for path in marks(svg, "line")]
    assert {float(height) for height in heights} == {0.0}  # each at the top of its own axis
    assert {"4", "400"} <= set(texts(svg))
    with pytest.raises(InvalidData, match="y 'own'; there are: shared, free"):
        charts.facet(frame, y="own")
    with pytest.raises(InvalidData, match="no common top"):
        charts.facet(frame, y="free", top=10)


def test_facet_shades_the_phases_in_which_something_is_done():
    done = phases(
        {"Start master": (0, 100), "Master idle": (100, 195), "Total simulation time": (0, 195)}
    )
    other = phases({"Own phase": (20, 60), "Wait after drain": (60, 80)}, sim_id=["2"])
    svg = drawn(charts.facet(samples(), phases=pd.concat([done, other])))
    assert len(marks(svg, "rect")) == 4
    assert {"Start master", "Own phase"} <= set(texts(svg))
    assert not {"Master idle", "Wait after drain"} & set(texts(svg))
    assert len([p for p in marks(svg, "line") if p.get("d").count("L") > 10]) == 4


def test_facet_gives_each_dimension_a_row_where_a_host_has_several():
    svg = drawn(charts.facet(samples(dimensions=["in", "out"], metric="disk_io")))
    assert {"1 in", "1 out", "2 in", "2 out"} <= set(texts(svg))
    one_disk_each = samples(hosts=["m"], dimensions=["sda"], metric="disk_util")
    other = samples(hosts=["w"], dimensions=["vda"], metric="disk_util")
    svg = drawn(charts.facet(pd.concat([one_disk_each, other])))
    assert {"1", "2"} <= set(texts(svg))


def test_facet_names_runs_as_fully_as_is_needed():
    both = pd.concat([samples(), samples(platform="K3s", experiment="f")])
    assert "e / 1 (K8s)" in texts(drawn(charts.facet(both)))


def test_facet_orders_runs_naturally_and_masters_first():
    chart = charts.facet(samples(runs=["9", "10"], hosts=["a10", "a9", "m"]))
    facet = chart.to_dict()["facet"]
    assert facet["row"]["sort"] == ["9", "10"]
    assert facet["column"]["sort"] == ["m", "a9", "a10"]


def test_the_whole_study_is_small_and_keeps_every_maximum(study_store):
    frame = utilization(study_store, "cpu")
    chart = charts.facet(frame, phases=durations(study_store), simulated=True)
    spec = chart.to_dict()
    assert len(json.dumps(spec)) < 1_200_000
    largest = frame.groupby(["sim_id", "hostname"], observed=True)["value"].max()
    records = {(r["row"].split()[0], r["host"]): r for r in data(chart)}
    assert len(records) == 300
    for key, value in largest.items():
        assert max(v for v in records[key]["v"] if v is not None) == pytest.approx(value, rel=1e-4)
    svg = drawn(chart)
    lines = [p for p in marks(svg, "line") if p.get("d").count("L") > 10]
    assert len(lines) == 300
    assert "Simulated data" in texts(svg)


# ---------------------------------------------------------------- durations, utilization, course


def test_durations_have_a_panel_for_each_phase_and_a_dot_for_each_run(study_store):
    frame = durations(study_store)
    chart = charts.durations(frame, simulated=True)
    svg = drawn(chart)
    dots = [p for p in marks(svg, "symbol") if p.get("fill") != "#FFFFFF"]
    means = [p for p in marks(svg, "symbol") if p.get("fill") == "#FFFFFF"]
    assert len(dots) == 75 * 12
    assert len(means) == 3 * 12
    assert {p.get("fill") for p in dots} == {"#0072B2", "#D55E00", "#009E73"}
    assert set(frame["phase"].unique()) <= set(texts(svg))
    for panel in chart.to_dict()["concat"]:
        low, high = panel["layer"][2]["encoding"]["x"]["scale"]["domain"]
        assert high - low >= 0.09 * high
        assert panel["height"] == 3 * ROW


def test_utilization_begins_at_zero_and_separates_dimensions():
    frame = samples(dimensions=["in", "out"], metric="disk_io", unit="KiB/s")
    chart = charts.utilization(frame)
    spec = chart.to_dict()
    assert [block["title"]["text"] for block in spec["vconcat"]] == ["in", "out"]
    for block in spec["vconcat"]:
        for panel in block["concat"]:
            assert panel["layer"][2]["encoding"]["x"]["scale"]["domain"][0] == 0
    svg = drawn(chart)
    assert len([p for p in marks(svg, "symbol") if p.get("fill") != "#FFFFFF"]) == 2 * 2 * 2
    assert "Disk throughput in each phase" in texts(svg)


def test_one_run_is_drawn_without_an_interval():
    svg = drawn(charts.utilization(samples(runs=["1"])))
    assert len(marks(svg, "symbol")) == 2 * 2
    assert marks(svg, "rule") == []


def test_course_has_a_line_and_a_band_for_each_platform_and_role():
    frame = pd.concat([samples(), samples(platform="K3s", runs=["7", "8", "9"])])
    svg = drawn(charts.course(frame))
    assert len([p for p in marks(svg, "line") if p.get("d").count("L") > 10]) == 4
    assert len([p for p in marks(svg, "area") if p.get("d").count("L") > 10]) == 4
    assert {"master", "worker", "K3s", "K8s"} <= set(texts(svg))


def test_course_is_the_mean_of_the_runs():
    frame = pd.concat([samples(value=1.0), samples(runs=["3"], value=4.0)])
    records = data(charts.course(frame))
    assert {value for record in records for value in record["mean"]} == {2.0}


@pytest.mark.parametrize("draw", [charts.facet, charts.utilization, charts.course])
def test_what_cannot_be_drawn_is_said(draw):
    frame = samples()
    with pytest.raises(InvalidData, match="nothing to draw"):
        draw(frame.iloc[:0])
    with pytest.raises(InvalidData, match="no column 'value'"):
        draw(frame.drop(columns="value"))
    with pytest.raises(InvalidData, match=r"several metrics \(cpu, ram\)"):
        draw(pd.concat([frame, samples(metric="ram")]))


@pytest.mark.parametrize("draw", [charts.utilization, charts.course])
def test_runs_are_only_compared_inside_one_experiment(draw):
    with pytest.raises(InvalidData, match=r"several experiments \(e, f\)"):
        draw(pd.concat([samples(), samples(experiment="f")]))


def test_durations_of_nothing():
    frame = pd.DataFrame(columns=["experiment", "sim_id", "platform", "phase", "duration_s"])
    with pytest.raises(InvalidData, match="nothing to draw"):
        charts.durations(frame.astype({"duration_s": float}))


@pytest.mark.parametrize("draw", [charts.facet, charts.utilization, charts.course])
def test_a_script_can_change_a_chart(draw):
    chart = draw(samples()).properties(title="Mine").configure_axis(labelColor="#ff0000")
    svg = drawn(chart)
    assert "Mine" in texts(svg)
    assert "#ff0000" in ET.tostring(svg, encoding="unicode")
    assert chart.to_dict()["description"]


# ---------------------------------------------------------------- colours


def test_a_platform_keeps_its_colour():
    study = {"K8s": "#0072B2", "mK8s": "#D55E00", "K3s": "#009E73"}
    assert platform_colours(["mK8s", "K3s", "K8s"]) == study
    other = platform_colours(["k0s"])["k0s"]
    assert platform_colours(["K8s", "k0s", "mK8s"])["k0s"] == other
    many = platform_colours([f"p{n}" for n in range(20)])
    assert list(many) == sorted(many, key=natural)
    assert set(list(many.values())[:8]) == set(PLATFORM_COLOURS)


def test_a_phase_keeps_its_colour_and_neighbours_differ():
    everything = phase_colours(["Start master", "Add workers", "Drain workers", "Mine"])
    assert phase_colours(["Drain workers"])["Drain workers"] == everything["Drain workers"]
    assert len(set(everything.values())) == 4
    assert len({tint.expr for tint in phase_tints(list(everything)).values()}) == 4
    assert len(phase_colours([f"p{n}" for n in range(20)])) == 20


def test_a_dark_page_has_light_ink_and_the_same_platforms():
    chart = charts.durations(phases({"Start master": (0, 60)}, sim_id=["1", "2"]))
    spec = charts.specification(chart, dark=True)
    assert spec["params"] == [{"name": "dark", "value": True}]
    chart.params[0].value = True
    night = drawn(chart)
    assert night[0].get("fill") == "#14181D"
    assert "#1F2933" not in ET.tostring(night, encoding="unicode")
    assert {p.get("fill") for p in marks(night, "symbol")} == {"#0072B2", "#14181D"}


@pytest.mark.parametrize("draw", [charts.facet, charts.utilization, charts.course])
def test_names_are_text_and_nothing_else(draw):
    frame = samples(
        hosts=[HOSTILE], runs=[HOSTILE, "it's"], dimension="d'\"\\", platform=HOSTILE, unit="'%\""
    )
    words = " ".join(texts(drawn(draw(frame))))
    assert "</script><s" in words  # a longer name is cut
    assert "'%\"" in words


def test_runs_that_are_too_low_for_every_name_show_some(study_store):
    frame = durations(study_store, include_gaps=True)
    svg = drawn(charts.timeline(frame, stacked=True, width=300))
    runs = {str(run) for run in frame["sim_id"].unique()}
    shown = runs & set(texts(svg))
    assert 30 < len(shown) < 45
    assert {"1000", "3050", "5000"} <= shown
    every = drawn(charts.timeline(frame))
    assert runs <= set(texts(every))
