"""Charts and pages to files: offline, and whole or not at all."""

import io
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import altair as alt
import jinja2
import vl_convert
from markupsafe import Markup

from minion.errors import InvalidData
from minion.files import check_writable, written_whole

FORMATS = (".html", ".png", ".svg")
PNG_SCALE = 2  # pixels per unit: sharp on dense screens and paper

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>body { margin: 1rem; background: #fff } #chart { overflow-x: auto }</style>
<script>{{ runtime }}</script>
</head>
<body>
<div id="chart"></div>
<script type="application/json" id="spec">{{ spec | tojson }}</script>
<script>
const spec = JSON.parse(document.getElementById("spec").textContent);
const actions = { export: true, source: true, compiled: false, editor: false };
vegaEmbed("#chart", spec, { actions, renderer: "svg" });
</script>
</body>
</html>
"""


def check_target(path: str | os.PathLike[str]) -> str:
    """The ending of a chart's file, tried before the chart is drawn.

    Raises:
        InvalidData: no chart can be written as that.
        OutputError: the file cannot be written.
    """
    target = Path(path)
    kind = target.suffix.lower()
    if kind not in FORMATS:
        raise InvalidData(
            f"a chart cannot be written as {target.name!r}; end it with one of {', '.join(FORMATS)}"
        )
    check_writable(target)
    return kind


def save(chart: alt.TopLevelMixin, path: str | os.PathLike[str]) -> Path:
    """Write a chart to a file; returns its path.

    Args:
        chart: any Altair chart.
        path: where to; its ending says how: `.html` (interactive, works without a network),
            `.png` or `.svg`.

    Raises:
        InvalidData: another ending.
        OutputError: the file cannot be written; what was there before is untouched.
    """
    target = Path(path)
    kind = check_target(target)
    if kind == ".html":
        content = _page(chart).encode()
    elif kind == ".png":
        buffer = io.BytesIO()
        chart.save(buffer, format="png", scale_factor=PNG_SCALE)
        content = buffer.getvalue()
    else:
        text = io.StringIO()
        chart.save(text, format="svg")
        content = text.getvalue().encode()
    with written_whole(target) as part:
        part.write_bytes(content)
    return target


def _page(chart: alt.TopLevelMixin) -> str:
    spec: dict[str, Any] = chart.to_dict()
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


@lru_cache(maxsize=1)
def runtime() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script (0.9 MB), safe inside a script element."""
    script: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub forgets the default
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")
