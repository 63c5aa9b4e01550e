"""What charts of this room share: how a chart is to look, and records that are short in JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import titled

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """How a chart is to look.

    title: above it.
    simulated: the data are not measured; the subtitle says so.
    width, height: in pixels.
    """

    title: str
    simulated: bool
    width: int
    height: int

    def finished(
        self,
        layers: Sequence[alt.Chart],
        records: Sequence[Record],
        notes: Sequence[str],
        description: str,
    ) -> alt.LayerChart:
        """The chart of layers over the same records.

        Args:
            layers: the last one is in front.
            records: the data of all layers without data of their own.
            notes: below the title, a sentence each.
            description: for those who do not see the chart.
        """
        chart: alt.LayerChart = alt.layer(  # type: ignore[assignment]  # without row and column
            *layers, width=self.width, height=self.height
        )
        chart.data = alt.InlineData(values=list(records))
        return theme.finished(
            chart, titled(self.title, notes, simulated=self.simulated), description
        )


def records_of(frame: pd.DataFrame) -> list[Record]:
    """Rows as plain values; what is not known is left out."""
    return [
        {
            str(name): short(value) if isinstance(value, float) else value
            for name, value in row.items()
            if not (isinstance(value, float) and not np.isfinite(value))
        }
        for row in frame.to_dict("records")
    ]


def short(value: float) -> float:
    """To eight digits: finer than a pixel, and short in JSON."""
    return float(f"{value:.8g}")
