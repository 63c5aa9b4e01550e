"""Write analysis/charting/glyphs/sans.json, the outlines that text in an SVG file is drawn with.

python docs/glyphs.py REGULAR.ttf BOLD.ttf

The fonts are Liberation Sans 2.1.5, which charts are drawn with wherever Helvetica and Arial lack,
and which is as wide as both; they need fonttools. Their licence stands beside the file.
"""

import json
import sys
from pathlib import Path
from typing import Any

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

Point = tuple[float, float]
TARGET = Path(__file__).parents[1] / "analysis" / "charting" / "glyphs" / "sans.json"
# Latin, Greek, Cyrillic; spaces, dashes, quotes, super- and subscripts, currencies, units,
# arrows and operators.
CHARACTERS = [
    *range(0x20, 0x7F),
    *range(0xA0, 0x180),
    *range(0x386, 0x3CF),
    *range(0x400, 0x460),
    *range(0x2010, 0x2030),
    *range(0x2030, 0x2040),
    *range(0x2070, 0x20C0),
    *range(0x2100, 0x2150),
    *range(0x2190, 0x21A0),
    *range(0x2200, 0x2270),
    *range(0x25A0, 0x2600),
]


class RelativePen(BasePen):
    """Writes outlines as an SVG path whose every number is relative to the last point."""

    def __init__(self, glyphs: object) -> None:
        super().__init__(glyphs)
        self.parts: list[str] = []
        self.at = self.begun = (0, 0)

    def _step(self, letter: str, *points: Point) -> None:
        x, y = self.at
        # An SVG's y grows downwards.
        numbers = [n for px, py in points for n in (round(px) - x, y - round(py))]
        self.parts.append(letter + " ".join(map(str, numbers)).replace(" -", "-"))
        self.at = round(points[-1][0]), round(points[-1][1])

    def _moveTo(self, point: Point) -> None:  # noqa: N802  as fontTools calls it
        self._step("m", point)
        self.begun = self.at

    def _lineTo(self, point: Point) -> None:  # noqa: N802  as fontTools calls it
        self._step("l", point)

    def _qCurveToOne(self, control: Point, point: Point) -> None:  # noqa: N802  likewise
        self._step("q", control, point)

    def _closePath(self) -> None:  # noqa: N802  likewise
        self.parts.append("z")
        self.at = self.begun


def face(path: str) -> dict[str, Any]:
    """One font: its advances and outlines by character, and the kerning of pairs."""
    font = TTFont(path)
    names, glyphs = font.getBestCmap(), font.getGlyphSet()
    shown = {chr(code): names[code] for code in CHARACTERS if code in names}
    outlines = {}
    for character, name in shown.items():
        pen = RelativePen(glyphs)
        glyphs[name].draw(pen)
        outlines[character] = [font["hmtx"][name][0], "".join(pen.parts)]
    pairs = font["kern"].kernTables[0].kernTable
    kerning = {
        first + second: pairs[left, right]
        for first, left in shown.items()
        for second, right in shown.items()
        # Digits are all as wide: numbers stand below each other.
        if (left, right) in pairs and not (first.isdigit() and second.isdigit())
    }
    return {"em": font["head"].unitsPerEm, "glyphs": outlines, "kerning": kerning}


def main(regular: str, bold: str) -> None:
    """Write the file."""
    faces = {"regular": face(regular), "bold": face(bold)}
    text = json.dumps(faces, ensure_ascii=False, indent=0, separators=(",", ":"))
    # A line for each glyph and pair.
    text = (
        text.replace("[\n", "[").replace(',\n"m', ',"m').replace("\n]", "]").replace(',\n""', ',""')
    )
    TARGET.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
