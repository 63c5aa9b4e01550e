"""Which function's share of the cost grew, and which one's shrank, as bars."""

from collections.abc import Hashable, Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import has_values, titled
from analysis.profiling.tables import TOTAL, below_zero
from minion.errors import InvalidData

_TIMES = "ms"  # the unit of profiles of time
_ROW = 18  # pixels of a function
_GREW = theme.shade("#AA3377", "#E57DB5")
_SHRANK = theme.shade("#44779A", "#7FB2D6")


def changes_chart(
    changes: pd.DataFrame,
    n: int = 20,
    *,
    title: str | None = None,
    simulated: bool = False,
    width: int = 420,
) -> alt.Chart:
    """A bar for each function: by how many percentage points its share of the cost changed.

    The subtitle has the total: a share can grow while the function costs less.

    Args:
        changes: as `changes` of `analysis.profiling.tables` gives it.
        n: how many functions, those that changed most.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        width: in pixels.

    Raises:
        InvalidData: the frame lacks a column, or no share changed.
    """
    has_values(changes, "share_change", "function", "reference", "level", "ratio")
    whole = (changes["function"].astype(str) == TOTAL).to_numpy()
    own = changes[~whole & (changes["share_change"] != 0).to_numpy()]
    if own.empty:
        raise InvalidData("there is nothing to draw: no function's share changed")
    order = np.argsort(-np.abs(own["share_change"].to_numpy()), kind="stable")[:n]
    drawn = own.iloc[np.sort(order)]
    before = next(str(c) for c in changes if str(c).startswith("before_"))
    unit = before.removeprefix("before_")
    reference, level = (str(changes[c].iloc[0]) for c in ("reference", "level"))
    names = [_name(row) for row in drawn.to_dict("records")]
    records = [
        {
            "function": name,
            "change": float(f"{row['share_change']:.6g}"),
            "before": float(f"{row[before]:.6g}"),
            "after": float(f"{row[f'after_{unit}']:.6g}"),
        }
        for name, row in zip(names, drawn.to_dict("records"), strict=True)
    ]
    notes = [_whole(changes[whole], before, unit)] if whole.any() else []
    lowest = own[[before, f"after_{unit}"]].min(axis=1).sort_values()
    joined = own.loc[lowest.index[(lowest < 0).to_numpy()], "function"].astype(str)
    if unit == _TIMES and (told := below_zero(joined)):
        notes.append(told)
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=records), width=width, height=_ROW * len(records))
        .mark_bar()
        .encode(
            x=alt.X("change:Q", title="change of the share, percentage points"),
            y=alt.Y(
                "function:N",
                title=None,
                sort=names,
                axis=alt.Axis(ticks=False, domain=False, labelLimit=320),
            ),
            color=alt.condition("datum.change > 0", alt.value(_GREW), alt.value(_SHRANK)),
            tooltip=[
                alt.Tooltip("function:N", title="Function"),
                alt.Tooltip("change:Q", title="Points", format="+,.4~g"),
                alt.Tooltip("before:Q", title=f"{reference}, {unit}", format=",.4~g"),
                alt.Tooltip("after:Q", title=f"{level}, {unit}", format=",.4~g"),
            ],
        )
    )
    return theme.finished(
        chart,
        titled(
            title or f"Whose share grew: {level} against {reference}",
            notes,
            simulated=simulated,
        ),
        f"changes of the shares of {len(records)} functions",
    )


def _name(row: Mapping[Hashable, Any]) -> str:
    """The function, and its process where the frame tells them apart."""
    return ": ".join(str(row[key]) for key in ("process", "function") if key in row)


def _whole(total: pd.DataFrame, before: str, unit: str) -> str:
    row = total.iloc[0]
    amounts = f"{row[before]:,.4g} {unit} before, {row[f'after_{unit}']:,.4g} {unit} after"
    ratio = row["ratio"]
    return f"In all: {amounts}" + (f", {ratio:.3g} times as much" if np.isfinite(ratio) else "")
