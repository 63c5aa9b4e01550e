"""Text of pictures as outlines: the same picture, whatever fonts there are."""

import re
import shutil
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import vl_convert
from chart_drawing import samples

from analysis import charts
from analysis.charting.outlines import outlined

SANS = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"


def picture(text, **attributes):
    """An SVG of one text."""
    given = {"font-family": SANS, "font-size": "20px", "transform": "translate(150,40)"}
    given |= {name.replace("_", "-"): value for name, value in attributes.items()}
    words = " ".join(f'{name}="{value}"' for name, value in given.items())
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="60">'
        f'<rect width="300" height="60" fill="#fff"/><text {words}>{text}</text></svg>'
    )


def pixels(svg):
    """The picture as vl-convert draws it, which has Liberation Sans in itself: rows of greys."""
    png = vl_convert.svg_to_png(svg, scale=2)
    width, height = struct.unpack(">II", png[16:24])
    at, parts = 8, []
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        parts += [png[at + 8 : at + 8 + size]] if kind == b"IDAT" else []
        at += size + 12
    rows = np.frombuffer(zlib.decompress(b"".join(parts)), np.uint8).reshape(height, -1)
    found = np.zeros((height, width * 4), np.uint8)
    last = np.zeros(width * 4, np.int64)
    for number, row in enumerate(rows.astype(np.int64)):
        last = _unfiltered(int(row[0]), row[1:], last)
        found[number] = last
    return found.reshape(height, width, 4)[..., :3].mean(axis=2)


def _unfiltered(kind, row, above):
    """A row of a PNG (ISO/IEC 15948, 9.2) with its filter taken off."""
    if kind == 2:
        return (row + above) & 255
    made = np.zeros_like(row)
    for k, value in enumerate(row):
        a = made[k - 4] if k >= 4 else 0
        b, c = above[k], above[k - 4] if k >= 4 else 0
        near = min((a, b, c), key=lambda n: abs(a + b - c - n))
        made[k] = (value + {0: 0, 1: a, 3: (a + b) // 2, 4: near}[kind]) & 255
    return made


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("Cluster idle, 12.5 %", {}),
        ("AVATAR To. 11", {"text_anchor": "end", "font_weight": "bold"}),
        ("mK8s − K8s ± 3 µs", {"text_anchor": "middle", "font_weight": "600"}),
        ("a &lt;b&gt; &amp; “ß” Ω Ж", {"text_anchor": "middle", "fill": "#882255"}),
        ("  two   spaces ", {"font_weight": "normal", "opacity": "0.5"}),
    ],
)
def test_outlines_look_as_text_does(text, attributes):
    plain = picture(text, **attributes)
    drawn = outlined(plain)
    assert "<text" not in drawn
    one, other = pixels(plain), pixels(drawn)
    ink = (one < 250).mean()
    assert ink > 0.005
    # Edges may be smoothed another way; a glyph that is another, or elsewhere, is far more.
    assert np.abs(one - other).mean() < 0.05 * np.abs(255 - one).mean()
    assert np.abs(one - pixels(picture(text, **{**attributes, "dx": "2"}))).mean() > 0.2 * (
        np.abs(255 - one).mean()
    )


def test_lines_stand_below_each_other():
    lines = '<tspan x="0">First</tspan><tspan x="0" dy="20">second</tspan>'
    plain = picture(lines, transform="translate(150,20)", text_anchor="middle")
    drawn = outlined(plain)
    assert np.abs(pixels(plain) - pixels(drawn)).mean() < 0.05 * (255 - pixels(plain)).mean()
    assert 'aria-label="First second"' in drawn


@pytest.mark.parametrize(
    "svg",
    [
        picture("节点"),
        picture("a\u0301"),
        picture("🙂"),
        picture("code", font_family="monospace"),
        picture("slanted", font_style="italic"),
        picture("relative", font_size="2em"),
        picture("<a>link</a>"),
        picture("one <tspan>two</tspan> three"),
    ],
)
def test_what_has_no_outline_stays_text(svg):
    assert outlined(svg) == svg


def test_names_stay_text_for_those_who_hear_it():
    drawn = ET.fromstring(outlined(picture("&quot;a&quot; &lt;script&gt;alert(1)&lt;/script&gt;")))
    assert [e.get("aria-label") for e in drawn.iter() if e.get("role") == "img"] == [
        '"a" <script>alert(1)</script>'
    ]
    assert not drawn.findall(".//{*}script")


def test_a_saved_chart_needs_no_font(tmp_path):
    svg = charts.save(charts.facet(samples()), tmp_path / "chart.svg").read_text()
    assert "<text" not in svg
    assert "font" not in svg
    assert 'aria-label="CPU utilization of each simulation and host"' in svg
    assert b"/FontFile" in charts.save(charts.facet(samples()), tmp_path / "a.pdf").read_bytes()
    assert re.search(r'<path transform="matrix\(', svg)


@pytest.mark.system
def test_a_browser_without_fonts_draws_the_same(tmp_path, launch):
    # Fonts of this system, and none but one that charts do not name.
    other = next(iter(sorted(_fonts("DejaVuSerif.ttf"))), None)
    if other is None:
        pytest.skip("no other font: install the package fonts-dejavu-core")
    (tmp_path / "fonts").mkdir()
    shutil.copy(other, tmp_path / "fonts")
    (tmp_path / "fonts.conf").write_text(
        f"<fontconfig><dir>{tmp_path}/fonts</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>"
    )
    chart = charts.facet(samples())
    saved = charts.save(chart, tmp_path / "saved.svg")
    plain = tmp_path / "plain.svg"
    plain.write_text(vl_convert.vegalite_to_svg(chart.to_dict()))
    shots = {}
    for name, environment in (("usual", {}), ("bare", {"FONTCONFIG_FILE": "fonts.conf"})):
        files = {key: str(tmp_path / value) for key, value in environment.items()}
        with launch(env={**files, "HOME": str(tmp_path)}) as started:
            page = started.new_page(viewport={"width": 560, "height": 300})
            for path in (saved, plain):
                page.goto(path.as_uri())
                shots[name, path.stem] = page.screenshot()
    assert shots["bare", "saved"] == shots["usual", "saved"]
    assert shots["bare", "plain"] != shots["usual", "plain"]


def _fonts(name):
    return Path("/usr/share/fonts").rglob(name)
