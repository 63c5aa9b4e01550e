"""Percentiles of parts as bars, with lines for those of the whole."""

import altair as alt
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import has_values
from analysis.observing.looks import Look, Record, short
from analysis.observing.percentiles import EACH, NESTED, POOLED
from minion.errors import InvalidData
from minion.selection import natural

_LINES = (NESTED, POOLED)


def bars(
    table: pd.DataFrame,
    *,
    within: str = "hostname",
    unit: str = "",
    title: str = "Percentile of each node",
    simulated: bool = False,
    width: int = 640,
    height: int = 200,
) -> alt.LayerChart:
    """A bar for each part, and lines for the percentile of these and for the pooled one.

    Args:
        table: one group of what `percentile_table` gives.
        within: the column with the names of the parts.
        unit: of the values.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        width, height: in pixels.

    Raises:
        InvalidData: the table has no values, lacks a column, or holds several groups.
    """
    has_values(table, "value", within, "kind", "percent")
    whole = {kind: table[(table["kind"] == kind).to_numpy()] for kind in _LINES}
    if any(len(rows) > 1 for rows in whole.values()):
        raise InvalidData("the table holds several groups; draw one")
    each = table[(table["kind"] == EACH).to_numpy()]
    names = sorted(each[within].astype(str), key=natural)
    y = alt.Y("value:Q", title=unit or None)
    records: list[Record] = [
        {"name": str(name), "kind": EACH, "n": int(n), "value": short(value)}
        for name, n, value in zip(each[within], each["n"], each["value"], strict=True)
    ]
    records += [
        {"kind": kind, "n": int(rows["n"].iloc[0]), "value": short(rows["value"].iloc[0])}
        for kind, rows in whole.items()
        if len(rows)
    ]
    tip = [alt.Tooltip("value:Q", title=unit or "value", format=",.4~g"), alt.Tooltip("n:Q")]
    columns = (
        alt.Chart()
        .transform_filter(alt.FieldEqualPredicate(field="kind", equal=EACH))
        .mark_bar(color=theme.PLATFORM_COLOURS[0])
        .encode(
            x=alt.X(
                "name:N",
                title=None,
                sort=names,
                axis=alt.Axis(labelAngle=-90, labelFontSize=9, ticks=False),
            ),
            y=y,
            tooltip=[alt.Tooltip("name:N", title=within), *tip],
        )
    )
    lines = (
        alt.Chart()
        .transform_filter(alt.FieldOneOfPredicate(field="kind", oneOf=list(_LINES)))
        .mark_rule(stroke=theme.INK, strokeWidth=1.6)
        .encode(
            y=y,
            strokeDash=alt.StrokeDash(
                "kind:N", title=None, scale=alt.Scale(domain=list(_LINES), range=[[1, 0], [5, 4]])
            ),
            tooltip=[alt.Tooltip("kind:N", title="Line"), *tip],
        )
    )
    percent = f"{table['percent'].iloc[0]:g}th percentile"
    return Look(title, simulated, width, height).finished(
        [columns, lines],
        records,
        [f"Bar: {percent} over the runs. Solid: of these bars. Dashed: of all values"],
        f"{percent} of each of {len(names)} {within}s, of these, and of all values",
    )
