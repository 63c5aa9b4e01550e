"""Charts as their users see them: what a real renderer makes of them."""

import json
import re
from xml.etree import ElementTree as ET

import altair as alt
import numpy as np
import pandas as pd
import pytest

from analysis import charts, durations, utilization
from analysis.strips import ROW
from analysis.theme import PLATFORM_COLOURS, platform_colours
from minion.errors import InvalidData, OutputError
from minion.selection import natural

HOSTILE = "</script><script>alert(1)</script>"


def samples(runs=("1", "2"), hosts=("m", "w"), dimensions=("utilization",), **columns):
    """A tidy frame: a sine over 40 samples of each run, host and dimension."""
    times = np.arange(40) * 5.0
    parts = [
        pd.DataFrame(
            {
                "experiment": "e",
                "platform": "K8s",
                "sim_id": run,
                "hostname": host,
                "role": "master" if host == "m" else "worker",
                "phase": np.where(times < 100, "Start master", "Master idle"),
                "metric": "cpu",
                "dimension": dimension,
                "unit": "%",
                "elapsed_s": times,
                "value": 10 + 9 * np.sin(times + len(run) + place),
            }
        )
        for run in runs
        for host in hosts
        for place, dimension in enumerate(dimensions)
    ]
    return pd.concat(parts, ignore_index=True).assign(**columns)


def drawn(chart, tmp_path):
    """The chart as SVG, parsed."""
    path = charts.save(chart, tmp_path / "chart.svg")
    return ET.parse(path).getroot()


def marks(svg, kind):
    """The paths of a kind of mark: line, rect, symbol, rule, area."""
    groups = [g for g in svg.iter() if f"mark-{kind}" in (g.get("class") or "")]
    here = [g for g in groups if "role-mark" in g.get("class")]
    return [item for g in here for item in g if item.get("d") or item.tag.endswith("line")]


def data(spec):
    return spec["datasets"][spec["data"]["name"]]


def texts(svg):
    return [e.text for e in svg.iter() if e.tag.endswith(("text", "tspan")) and e.text]


# ---------------------------------------------------------------- facet


def test_facet_has_a_line_for_each_run_and_host(tmp_path):
    svg = drawn(charts.facet(samples()), tmp_path)
    lines = [path for path in marks(svg, "line") if path.get("d").count("L") > 10]
    assert len(lines) == 4
    assert {path.get("stroke") for path in lines} == {"#882255", "#44779A"}
    words = texts(svg)
    for word in ("1", "2", "m", "w", "master", "worker", "%", "elapsed time in s"):
        assert word in words, word
    assert "CPU utilization of each simulation and host" in words


def test_facet_breaks_the_line_where_samples_are_missing(tmp_path):
    frame = samples(runs=["1"], hosts=["m"])
    frame = frame[(frame["elapsed_s"] < 60) | (frame["elapsed_s"] > 120)]
    svg = drawn(charts.facet(frame), tmp_path)
    (path,) = (p for p in marks(svg, "line") if p.get("d").count("L") > 10)
    assert path.get("d").count("M") == 2


def test_facet_begins_at_zero_and_ends_where_it_is_told():
    def domain(chart):
        return chart.to_dict()["spec"]["layer"][0]["encoding"]["y"]["scale"]["domain"]

    assert domain(charts.facet(samples())) == [0, 20]
    assert domain(charts.facet(samples(), top=100)) == [0, 100]
    assert domain(charts.facet(samples(value=0.0))) == [0, 1]


def test_facet_shades_the_phases_in_which_something_is_done(tmp_path):
    phases = pd.DataFrame(
        {
            "experiment": "e",
            "sim_id": ["1", "1", "1", "2"],
            "platform": "K8s",
            "phase": ["Start master", "Master idle", "Total simulation time", "Own phase"],
            "start_s": [0.0, 100.0, 0.0, 20.0],
            "end_s": [100.0, 195.0, 195.0, 60.0],
            "duration_s": [100.0, 95.0, 195.0, 40.0],
        }
    )
    svg = drawn(charts.facet(samples(), phases=phases), tmp_path)
    assert len(marks(svg, "rect")) == 4
    assert {"Start master", "Own phase"} <= set(texts(svg))
    assert "Master idle" not in texts(svg)
    assert len([p for p in marks(svg, "line") if p.get("d").count("L") > 10]) == 4


def test_facet_gives_each_dimension_a_row_where_a_host_has_several(tmp_path):
    svg = drawn(charts.facet(samples(dimensions=["in", "out"], metric="disk_io")), tmp_path)
    assert {"1 in", "1 out", "2 in", "2 out"} <= set(texts(svg))
    one_disk_each = samples(hosts=["m"], dimensions=["sda"], metric="disk_util")
    other = samples(hosts=["w"], dimensions=["vda"], metric="disk_util")
    svg = drawn(charts.facet(pd.concat([one_disk_each, other])), tmp_path)
    assert {"1", "2"} <= set(texts(svg))


def test_facet_names_runs_as_fully_as_is_needed(tmp_path):
    both = pd.concat([samples(), samples(platform="K3s", experiment="f")])
    assert "e / 1 (K8s)" in texts(drawn(charts.facet(both), tmp_path))


def test_facet_orders_runs_naturally_and_masters_first():
    chart = charts.facet(samples(runs=["9", "10"], hosts=["a10", "a9", "m"]))
    facet = chart.to_dict()["facet"]
    assert facet["row"]["sort"] == ["9", "10"]
    assert facet["column"]["sort"] == ["m", "a9", "a10"]


def test_the_whole_study_is_small_and_keeps_every_maximum(study_store, tmp_path):
    frame = utilization(study_store, "cpu")
    chart = charts.facet(frame, phases=durations(study_store), simulated=True)
    spec = chart.to_dict()
    assert len(json.dumps(spec)) < 1_200_000
    largest = frame.groupby(["sim_id", "hostname"], observed=True)["value"].max()
    records = {(r["row"].split()[0], r["host"]): r for r in data(spec)}
    assert len(records) == 300
    for key, value in largest.items():
        assert max(v for v in records[key]["v"] if v is not None) == pytest.approx(value, rel=1e-4)
    png = charts.save(chart, tmp_path / "study.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    svg = drawn(chart, tmp_path)
    lines = [p for p in marks(svg, "line") if p.get("d").count("L") > 10]
    assert len(lines) == 300
    assert "Simulated data" in texts(svg)


# ---------------------------------------------------------------- durations, utilization, course


def test_durations_have_a_panel_for_each_phase_and_a_dot_for_each_run(study_store, tmp_path):
    frame = durations(study_store)
    chart = charts.durations(frame, simulated=True)
    svg = drawn(chart, tmp_path)
    dots = [p for p in marks(svg, "symbol") if p.get("fill") != "white"]
    means = [p for p in marks(svg, "symbol") if p.get("fill") == "white"]
    assert len(dots) == 75 * 12
    assert len(means) == 3 * 12
    assert {p.get("fill") for p in dots} == {"#0072B2", "#D55E00", "#009E73"}
    assert set(frame["phase"].unique()) <= set(texts(svg))
    for panel in chart.to_dict()["concat"]:
        low, high = panel["layer"][2]["encoding"]["x"]["scale"]["domain"]
        assert high - low >= 0.09 * high
        assert panel["height"] == 3 * ROW


def test_utilization_begins_at_zero_and_separates_dimensions(tmp_path):
    frame = samples(dimensions=["in", "out"], metric="disk_io", unit="KiB/s")
    chart = charts.utilization(frame)
    spec = chart.to_dict()
    assert [block["title"]["text"] for block in spec["vconcat"]] == ["in", "out"]
    for block in spec["vconcat"]:
        for panel in block["concat"]:
            assert panel["layer"][2]["encoding"]["x"]["scale"]["domain"][0] == 0
    svg = drawn(chart, tmp_path)
    assert len([p for p in marks(svg, "symbol") if p.get("fill") != "white"]) == 2 * 2 * 2
    assert "Disk throughput in each phase" in texts(svg)


def test_one_run_is_drawn_without_an_interval(tmp_path):
    svg = drawn(charts.utilization(samples(runs=["1"])), tmp_path)
    assert len(marks(svg, "symbol")) == 2 * 2
    assert marks(svg, "rule") == []


def test_course_has_a_line_and_a_band_for_each_platform_and_role(tmp_path):
    frame = pd.concat([samples(), samples(platform="K3s", runs=["7", "8", "9"])])
    svg = drawn(charts.course(frame), tmp_path)
    assert len([p for p in marks(svg, "line") if p.get("d").count("L") > 10]) == 4
    assert len([p for p in marks(svg, "area") if p.get("d").count("L") > 10]) == 4
    assert {"master", "worker", "K3s", "K8s"} <= set(texts(svg))


def test_course_is_the_mean_of_the_runs():
    frame = pd.concat([samples(value=1.0), samples(runs=["3"], value=4.0)])
    records = data(charts.course(frame).to_dict())
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
def test_a_script_can_change_a_chart(draw, tmp_path):
    chart = draw(samples()).properties(title="Mine").configure_axis(labelColor="#ff0000")
    svg = drawn(chart, tmp_path)
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


# ---------------------------------------------------------------- save


def test_save_writes_html_that_needs_nothing_else(tmp_path):
    frame = samples(platform=HOSTILE, hosts=[HOSTILE])
    page = charts.save(charts.facet(frame), tmp_path / "chart.HTML").read_text()
    assert "<script>alert(1)" not in page
    assert page.lower().count("</script>") == 3
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "vegaEmbed" in page


@pytest.mark.parametrize("name", ["chart.pdf", "chart", "chart.png.zip"])
def test_save_lists_the_formats(tmp_path, name):
    with pytest.raises(InvalidData, match=re.escape(".html, .png, .svg")):
        charts.save(charts.facet(samples()), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_save_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as caught:
        charts.save(charts.facet(samples()), tmp_path / "file" / "chart.svg")
    assert "\n" not in str(caught.value)
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(OutputError):
        charts.save(charts.facet(samples()), tmp_path / "folder.svg")


def test_a_failed_save_leaves_what_was_there(tmp_path):
    path = tmp_path / "chart.svg"
    path.write_text("old")
    broken = alt.Chart().mark_line().encode(x="t:Q")
    broken.data = alt.InlineData(values=[{"t": float("nan")}])
    broken.mark = "no such mark"
    with pytest.raises(Exception, match="no such mark"):
        charts.save(broken, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
