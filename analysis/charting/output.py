"""Charts and pages to files: offline, and whole or not at all."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import jinja2
import vl_convert
from markupsafe import Markup

from analysis.charting.outlines import outlined
from analysis.charting.vega import runtime
from minion.errors import InvalidData
from minion.files import check_writable, written_whole

FORMATS = (".html", ".png", ".svg", ".pdf", ".json")
KINDS = ("html", "png", "svg", "pdf", "vega-lite")
PNG_SCALE = 2  # pixels per unit: sharp on dense screens and paper
PNG_DPI = 300  # of a figure whose width on paper is given
LEGIBLE = 5.0  # points: smaller text is hard to read in print

_POINTS = {"mm": 72 / 25.4, "cm": 72 / 2.54, "in": 72.0, "pt": 1.0, "px": 0.75}
_LENGTH = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*([a-z]+)\s*")
_SIZE = re.compile(r'(<svg\b[^>]*?) width="([0-9.]+)" height="([0-9.]+)"')
_TEXT = re.compile(r'font-size="([0-9.]+)px"')

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { margin: 1rem; background: #fff }
#chart { overflow-x: auto }
@media screen and (prefers-color-scheme: dark) {
  body.either { background: #14181d; color-scheme: dark }
}
</style>
<script>{{ runtime }}</script>
</head>
<body>
<div id="chart"></div>
<script type="application/json" id="spec">{{ spec | tojson }}</script>
<script>
const spec = JSON.parse(document.getElementById("spec").textContent);
const actions = { export: true, source: true, compiled: false, editor: false };
const night = matchMedia("(prefers-color-scheme: dark)");
// A chart of Minion can be drawn on black; others are left as they are.
const either = (spec.params || []).some((param) => param.name === "dark");
document.body.classList.toggle("either", either);
vegaEmbed("#chart", spec, { actions, renderer: "svg" }).then(({ view }) => {
  if (either) {
    const paint = (dark) => view.signal("dark", dark).run();
    night.addEventListener("change", () => paint(night.matches));
    window.addEventListener("beforeprint", () => paint(false));
    window.addEventListener("afterprint", () => paint(night.matches));
    if (night.matches) paint(true);
  }
  document.body.dataset.state = "drawn";
});
</script>
</body>
</html>
"""


def check_target(
    path: str | os.PathLike[str], *, kind: str | None = None, width: str | None = None
) -> str:
    """How a chart will be written to a file, tried before the chart is drawn.

    Args:
        path: the file.
        kind: one of `KINDS`; default: what the file's ending says.
        width: of the figure on paper.

    Returns:
        One of `KINDS`.

    Raises:
        InvalidData: no chart can be written as that, or with that width.
        OutputError: the file cannot be written.
    """
    target = Path(path)
    chosen = _kind(target, kind)
    if width is not None:
        points(width)
        if chosen in ("html", "vega-lite"):
            raise InvalidData(
                f"a width of {width} on paper is for .png, .svg and .pdf, not for {target.name!r}"
            )
    check_writable(target)
    return chosen


def save(
    chart: alt.TopLevelMixin,
    path: str | os.PathLike[str],
    *,
    width: str | None = None,
    kind: str | None = None,
    dark: bool = False,
) -> Path:
    """Write a chart to a file; returns its path.

    Args:
        chart: any Altair chart.
        path: where to; its ending says how: `.html` (interactive, works without a network, light
            or dark as its reader's system is), `.png`, `.svg`, `.pdf`, or `.json` (the Vega-Lite
            specification).
        width: of the whole figure on paper: a number with mm, cm, in, pt or px (of 1/96 inch), for
            `.png` (then of 300 pixels per inch), `.svg` and `.pdf`. Everything is scaled, text
            too: `smallest_text` says what becomes of it. Default: one unit of the chart is a
            pixel, of a PDF a point, and two pixels of a PNG.
        kind: one of `KINDS`, whatever the ending says.
        dark: draw for a dark page; an `.html` page chooses by itself.

    A PDF holds its fonts. Text of an SVG is outlines, so that it looks the same without any font;
    see `analysis.charting.outlines`.

    Raises:
        InvalidData: another ending, or a width that is none.
        OutputError: the file cannot be written; what was there before is untouched.
    """
    target = Path(path)
    chosen = check_target(target, kind=kind, width=width)
    spec = specification(chart, dark=dark and chosen != "html")
    if chosen == "html":
        content = _page(spec).encode()
    elif chosen == "vega-lite":
        content = (_dumps(spec) + "\n").encode()
    elif chosen == "png":
        content = _png(spec, width)
    else:
        svg = _svg(spec)
        if chosen == "pdf":
            content = vl_convert.svg_to_pdf(_sized(svg, width, "") if width else svg)
        else:
            content = outlined(_sized(svg, width, "pt") if width else svg).encode()
    with written_whole(target) as part:
        part.write_bytes(content)
    return target


def specification(chart: alt.TopLevelMixin, *, dark: bool = False) -> dict[str, Any]:
    """The chart as Vega-Lite, its data inside.

    Args:
        chart: any Altair chart.
        dark: draw for a dark page, where the chart has Minion's parameter `dark`.
    """
    spec: dict[str, Any] = chart.to_dict()
    if dark and "params" in spec:
        spec["params"] = [
            {**param, "value": True} if param.get("name") == "dark" else param
            for param in spec["params"]
        ]
    return spec


def remark(chart: alt.TopLevelMixin) -> str:
    """What whoever drew a chart should know of it, one sentence; empty where there is nothing."""
    told = getattr(chart, "usermeta", alt.Undefined)
    return str(told.get("remark", "")) if isinstance(told, dict) else ""


def smallest_text(chart: alt.TopLevelMixin, width: str) -> float:
    """The smallest text of a figure of that width on paper, in points; print needs about 6.

    Args:
        chart: any Altair chart.
        width: as of `save`.

    Returns:
        NaN where the chart has no text.

    Raises:
        InvalidData: a width that is none.
    """
    svg = _svg(specification(chart))
    sizes = [float(size) for size in _TEXT.findall(svg)]
    return min(sizes) * points(width) / _width(svg) if sizes else float("nan")


def points(width: str) -> float:
    """A length on paper in points, 72 to the inch.

    Args:
        width: a number and its unit: `85mm`, `8.5cm`, `3.35in`, `241pt`, `321px`.

    Raises:
        InvalidData: no number above zero, no unit, or an unknown one.
    """
    match = _LENGTH.fullmatch(width)
    if match is None or match[2] not in _POINTS or not 0 < float(match[1]) < 1e5:
        units = ", ".join(_POINTS)
        raise InvalidData(f"{width!r} is no width; write a number and one of {units}, such as 85mm")
    return float(match[1]) * _POINTS[match[2]]


def _kind(target: Path, kind: str | None) -> str:
    if kind is not None:
        if kind not in KINDS:
            raise InvalidData(f"no format {kind!r}; there are: {', '.join(KINDS)}")
        return kind
    ending = target.suffix.lower()
    if ending not in FORMATS:
        raise InvalidData(
            f"a chart cannot be written as {target.name!r}; end it with one of {', '.join(FORMATS)}"
        )
    return KINDS[FORMATS.index(ending)]


def _svg(spec: Mapping[str, Any]) -> str:
    return vl_convert.vegalite_to_svg(dict(spec), vl_version=_version())


def _png(spec: Mapping[str, Any], width: str | None) -> bytes:
    options: dict[str, Any] = {"scale": PNG_SCALE}
    if width:
        # At 72 pixels per inch a unit of the chart is a point.
        options = {"scale": points(width) / _width(_svg(spec)), "ppi": PNG_DPI}
    return vl_convert.vegalite_to_png(dict(spec), vl_version=_version(), **options)


def _version() -> str:
    return "_".join(alt.SCHEMA_VERSION.split(".")[:2])


def _width(svg: str) -> float:
    match = _SIZE.search(svg)
    return float(match[2]) if match else 0.0


def _sized(svg: str, width: str, unit: str) -> str:
    """The picture with another size of its own; its view box scales what is inside."""
    wide = points(width)

    def size(match: re.Match[str]) -> str:
        high = wide * float(match[3]) / float(match[2])
        return f'{match[1]} width="{wide:.4f}{unit}" height="{high:.4f}{unit}"'

    return _SIZE.sub(size, svg, count=1)


def _page(spec: Mapping[str, Any]) -> str:
    return (
        environment()
        .from_string(_PAGE)
        .render(
            title=spec.get("description", "Chart"),
            runtime=Markup(runtime()),  # noqa: S704  a library's own script
            spec=spec,
        )
    )


def environment(**options: Any) -> jinja2.Environment:
    """Templates whose every value is text, never markup, unless it says so itself."""
    made = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, **options
    )
    # Short JSON. Its < > & ' are still escaped: a name cannot end the script that holds it.
    made.policies["json.dumps_function"] = _dumps
    made.policies["json.dumps_kwargs"] = {}
    return made


def _dumps(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
