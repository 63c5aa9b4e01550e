"""Charts as files: offline, whole or not at all, and as wide as paper wants them."""

import json
import re
import struct

import altair as alt
import pytest
import vl_convert
from chart_drawing import HOSTILE, samples

from analysis import charts
from analysis.charting.output import check_target, points, smallest_text
from analysis.charting.vega import runtime
from minion.errors import InvalidData, OutputError

WIDTH = 85 * 72 / 25.4  # points in 85 mm


@pytest.fixture(scope="module")
def chart():
    return charts.utilization(samples())


def test_html_needs_nothing_else(tmp_path):
    frame = samples(platform=HOSTILE, hosts=[HOSTILE])
    page = charts.save(charts.facet(frame), tmp_path / "chart.HTML").read_text()
    assert "<script>alert(" not in page
    assert page.lower().count("</script>") == 3
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "vegaEmbed" in page


@pytest.mark.parametrize("name", ["chart.jpg", "chart", "chart.png.zip"])
def test_the_formats_are_listed(tmp_path, chart, name):
    with pytest.raises(InvalidData, match=re.escape(".html, .png, .svg, .pdf, .json")):
        charts.save(chart, tmp_path / name)
    with pytest.raises(InvalidData, match="no format 'gif'; there are: html, png"):
        charts.save(chart, tmp_path / name, kind="gif")
    assert list(tmp_path.iterdir()) == []


def test_a_format_can_be_named_whatever_the_ending(tmp_path, chart):
    path = charts.save(chart, tmp_path / "chart.txt", kind="vega-lite")
    assert json.loads(path.read_text()) == charts.specification(chart)


def test_the_specification_is_a_chart_again(tmp_path, chart):
    text = charts.save(chart, tmp_path / "chart.json").read_text()
    again = alt.Chart.from_json(text)
    assert again.to_dict()["description"] == chart.to_dict()["description"]
    night = json.loads(charts.save(chart, tmp_path / "night.json", dark=True).read_text())
    assert night["params"][0]["value"] is True
    assert json.loads(text)["params"][0]["value"] is False


def size(png):
    """Width and height in pixels, and pixels per metre."""
    place = png.index(b"pHYs") + 4
    return struct.unpack(">II", png[16:24]), struct.unpack(">II", png[place : place + 8])


def test_png_has_300_pixels_per_inch_of_paper(tmp_path, chart):
    (wide, _), per_metre = size(charts.save(chart, tmp_path / "a.png", width="85mm").read_bytes())
    assert wide == pytest.approx(85 / 25.4 * 300, abs=1)
    assert per_metre == (11811, 11811)


def test_svg_has_the_width_of_paper_and_keeps_its_shape(tmp_path, chart):
    plain = charts.save(chart, tmp_path / "plain.svg").read_text()
    sized = charts.save(chart, tmp_path / "sized.svg", width="8.5 cm").read_text()
    width, height = re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', sized).groups()
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', sized).groups()
    assert float(width) == pytest.approx(WIDTH, abs=1e-3)
    assert float(height) / float(width) == pytest.approx(float(box[1]) / float(box[0]), rel=1e-4)
    inside = [re.sub(r"clip\d+", "clip", svg.split(">", 1)[1]) for svg in (plain, sized)]
    assert inside[0] == inside[1]


def test_pdf_has_the_width_of_paper_and_holds_its_fonts(tmp_path, chart):
    pdf = charts.save(chart, tmp_path / "a.pdf", width="85mm").read_bytes()
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert float(box[1]) == pytest.approx(WIDTH, abs=0.01)
    described = pdf.count(b"/Type /FontDescriptor")
    assert described >= 1
    assert len(re.findall(rb"/FontFile[23]? \d+ 0 R", pdf)) == described
    plain = charts.save(chart, tmp_path / "b.pdf").read_bytes()
    assert float(re.search(rb"/MediaBox \[0 0 ([\d.]+)", plain)[1]) > 300


def test_text_shrinks_with_the_figure(chart):
    small, large = smallest_text(chart, "85mm"), smallest_text(chart, "17cm")
    assert large == pytest.approx(2 * small)
    assert 1 < small < 11


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("25.4mm", 72), ("1in", 72), ("2.54 cm", 72), ("96px", 72), ("72pt", 72), (".5in", 36)],
)
def test_lengths(text, wanted):
    assert points(text) == pytest.approx(wanted)


@pytest.mark.parametrize(
    "text", ["85", "mm", "0mm", "-3cm", "1e3mm", "85 furlongs", "", "9999999mm"]
)
def test_no_lengths(tmp_path, chart, text):
    with pytest.raises(InvalidData, match="is no width; write a number and one of mm, cm"):
        charts.save(chart, tmp_path / "a.svg", width=text)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.html", "a.json"])
def test_a_page_has_no_width_on_paper(tmp_path, name):
    with pytest.raises(InvalidData, match=r"is for \.png, \.svg and \.pdf"):
        check_target(tmp_path / name, width="85mm")


def test_where_nothing_can_be_written(tmp_path, chart):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as caught:
        charts.save(chart, tmp_path / "file" / "chart.svg")
    assert "\n" not in str(caught.value)
    (tmp_path / "folder.svg").mkdir()
    with pytest.raises(OutputError):
        charts.save(chart, tmp_path / "folder.svg")


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


def test_any_chart_can_be_saved(tmp_path):
    plain = alt.Chart(alt.InlineData(values=[{"a": 1}])).mark_point().encode(x="a:Q")
    assert "</svg>" in charts.save(plain, tmp_path / "a.svg", dark=True).read_text()
    assert "vegaEmbed" in charts.save(plain, tmp_path / "a.html").read_text()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A folder for what can be made again; nothing is remembered from before, nor afterwards."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    runtime.cache_clear()
    yield tmp_path
    runtime.cache_clear()


def again():
    runtime.cache_clear()
    return runtime()


def test_the_drawing_script_is_kept_and_is_the_same(cache, monkeypatch):
    made = runtime()
    (kept,) = cache.rglob("*.js")
    monkeypatch.setattr(vl_convert, "javascript_bundle", None)  # nobody may ask for it again
    assert again() == made
    assert "</script" not in made
    assert kept.read_text().partition("\n")[2] == made


@pytest.mark.parametrize(
    "harm", [lambda b: b[:-9], lambda _: b"", lambda b: b.replace(b"e", b"\xff", 9)]
)
def test_a_kept_script_that_is_broken_is_made_again(cache, harm):
    made = runtime()
    (kept,) = cache.rglob("*.js")
    whole = kept.read_bytes()
    kept.write_bytes(harm(whole))
    assert again() == made
    assert kept.read_bytes() == whole


def test_where_nothing_can_be_kept_it_is_made_each_time(cache):
    (cache / "minion").write_text("a file where the folder should be")
    assert again() == again()
    assert [path.name for path in cache.iterdir()] == ["minion"]
