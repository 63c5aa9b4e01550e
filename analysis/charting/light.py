"""Layers and panels of figures with many panels: Altair copies them once, and not ten times."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

import altair as alt


class _Light:
    """Gives a copy of its own names that shares what they hold.

    Altair copies every part of a figure, with all that is in it, for each figure around it and
    several times for each: most of the time that a figure of many panels takes. It changes the
    names of such a copy and nothing that they hold.
    """

    def copy(self, deep: bool | Iterable[Any] = True, ignore: list[str] | None = None) -> Self:
        """A copy; with `deep` as a list, what it lists is copied too."""
        shared = False if deep is True else deep
        copied: Self = super().copy(shared, ignore)  # type: ignore[misc]  # of Altair's classes
        return copied


class Layer(_Light, alt.Chart):
    """A chart that becomes a layer of a panel."""


class Panel(_Light, alt.LayerChart):
    """Layers that become a panel of a figure."""


def together(
    blocks: Sequence[tuple[str, alt.ConcatChart]], columns: int, spacing: int
) -> alt.ConcatChart | alt.VConcatChart:
    """Blocks of panels below each other; of one panel each, beside each other under their names.

    Args:
        blocks: name and panels, each with its own data.
        columns: panels side by side.
        spacing: pixels between two blocks.
    """
    if len(blocks) == 1:
        return blocks[0][1]
    if any(len(block.concat) > 1 for _, block in blocks):
        for name, block in blocks:
            block.title = alt.TitleParams(name, fontSize=13)
        return alt.vconcat(*(block for _, block in blocks), spacing=spacing)
    panels = []
    for name, block in blocks:
        (panel,) = block.concat
        panel.title.text = name
        panel.data = block.data
        panels.append(panel)
    return alt.concat(*panels, columns=columns, spacing={"row": 14, "column": 22})
