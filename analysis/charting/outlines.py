"""Text of an SVG picture as outlines, so that it is the same wherever it is drawn.

A browser, an office program or a typesetter that lacks the fonts which an SVG names draws others,
wider or narrower ones. Outlines need no font. They are those of Liberation Sans, which is as wide
as Helvetica and Arial, and which `analysis.charting.output` draws with where these lack.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

_TEXT = re.compile(r"<text\b[^>]*?(?:/>|>.*?</text>)", re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]+")
_SIZE = re.compile(r"([0-9.]+)(?:px)?")
_SANS = ("helvetica", "arial", "liberation sans", "sans-serif")
_BOLD = 600  # the lightest weight that is drawn bold
_SHARES = {"start": 0.0, "middle": 0.5, "end": 1.0}  # of a line that stand left of its anchor
# What becomes of the outlines; everything else a text has stays.
_OWN = frozenset(
    "x y dx dy text-anchor font-family font-size font-weight font-style font-variant".split()
)


@dataclass(frozen=True, slots=True)
class Face:
    """A font's outlines.

    em: its units to the font size.
    glyphs: character to its advance and its outline, a path of relative steps.
    kerning: two characters to what is added to the advance of the first.
    """

    em: float
    glyphs: Mapping[str, tuple[float, str]]
    kerning: Mapping[str, float]

    def line(self, text: str) -> tuple[str, float]:
        """The outlines of a line from the origin on, in the font's units, and how long it is.

        Raises:
            KeyError: it has no glyph for a character.
        """
        at, parts = 0.0, []
        for place, character in enumerate(text):
            advance, outline = self.glyphs[character]
            if outline:
                parts.append(f"M{at:g} 0{outline}")
            at += advance + self.kerning.get(text[place : place + 2], 0.0)
        return "".join(parts), at


def outlined(svg: str) -> str:
    """The picture with its text as outlines, each of which says its text to who hears it.

    Text stays text where there are no outlines for it: of a character that is neither Latin, Greek,
    Cyrillic nor a common sign, and of another font family than Helvetica, Arial or sans-serif.

    Args:
        svg: a picture as Vega draws it.
    """
    return _TEXT.sub(lambda match: _outlined(match[0]), svg)


def _outlined(element: str) -> str:
    text = ET.fromstring(element)  # noqa: S314  our own drawing
    spans = list(text) or [text]
    size = _SIZE.fullmatch(text.get("font-size", ""))
    family = text.get("font-family", "sans-serif").lower()
    if (
        size is None
        or not any(name in family for name in _SANS)
        or text.get("font-style", "normal") != "normal"
        or any(len(span) or span.tag not in ("text", "tspan") or span.tail for span in spans)
    ):
        return element
    face = _faces()["bold" if _is_bold(text.get("font-weight", "")) else "regular"]
    scale = float(size[1]) / face.em
    share = _SHARES.get(text.get("text-anchor", "start"), 0.0)
    said, lines, down = [], [], 0.0
    try:
        for span in spans:
            words = _SPACE.sub(" ", span.text or "").strip(" ")
            path, length = face.line(words)
            left = float(span.get("x", 0)) - scale * length * share
            down = float(span.get("y", down)) + float(span.get("dy", 0))
            if path:
                said.append(words)
                place = f"matrix({scale:.6g},0,0,{scale:.6g},{left:.6g},{down:.6g})"
                lines.append(f'<path transform="{place}" d="{path}"/>')
    except (KeyError, ValueError):  # a character without a glyph, a place that is no number
        return element
    if not lines:
        return ""
    kept = {name: value for name, value in text.attrib.items() if name not in _OWN}
    if "aria-hidden" not in kept:
        kept |= {"role": "img", "aria-label": " ".join(said)}
    return f"<g {' '.join(f'{k}={quoteattr(v)}' for k, v in kept.items())}>{''.join(lines)}</g>"


def _is_bold(weight: str) -> bool:
    return weight == "bold" or (weight.isdecimal() and int(weight) >= _BOLD)


@lru_cache(maxsize=1)
def _faces() -> dict[str, Face]:
    text = files("analysis.charting").joinpath("glyphs", "sans.json").read_text("utf-8")
    return {
        name: Face(
            float(held["em"]),
            {character: (advance, path) for character, (advance, path) in held["glyphs"].items()},
            held["kerning"],
        )
        for name, held in json.loads(text).items()
    }
