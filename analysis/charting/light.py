"""Layers and panels of figures with many panels: Altair copies them once, and not ten times."""

from collections.abc import Iterable
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
