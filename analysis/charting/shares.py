"""Where the variance of a metric lies, as bars of shares."""

from typing import TYPE_CHECKING, Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import one_experiment, titled
from analysis.timeline import phase_order
from analysis.values import ALL_HOSTS
from analysis.variation.layers import COMPONENTS, SHARES
from minion.errors import InvalidData

if TYPE_CHECKING:  # only for its name: whoever has one has loaded it
    from analysis.variation.variances import Variances

Record = dict[str, Any]

_ALL = "all hosts"

# Of Paul Tol's muted scheme, in an order in which neighbours differ in lightness too.
_COLOURS: dict[str, theme.Colour] = {
    "between_platforms": theme.shade("#332288", "#8C7FE0"),
    "between_runs": "#88CCEE",
    "between_hosts": "#DDCC77",
    "hosts_in_run": "#CC6677",
    "over_time": theme.shade("#BBBBBB", "#77818C"),
}
_WORDS = {
    "between_platforms": "between platforms",
    "between_runs": "between runs",
    "between_hosts": "between hosts",
    "hosts_in_run": "hosts in one run",
    "over_time": "over time",
}
_ROW = 20  # pixels of a phase

# What varies: whether it is a duration, and in words. A duration is of a run, not of its hosts.
VARYING = {
    False: "a host's mean in a phase of a run",
    True: "the duration of a phase of a run",
}


def variances(
    components: "Variances | pd.DataFrame",
    *,
    of: str = VARYING[False],
    title: str = "Where the variance lies",
    simulated: bool = False,
    width: int = 230,
) -> alt.FacetChart:
    """Shares of a variance: a bar per phase, a column per role.

    The shares of a bar add up to 100 %; a component that cannot be told has none. A bar says
    nothing about how large the variance is; its tooltip does.

    Args:
        components: as `variance` gives it, or its `components`.
        of: what varies, for the subtitle; one of `VARYING`.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        width: of one role's bars in pixels.

    Raises:
        InvalidData: the frame lacks a column, has no row, or holds several experiments.
    """
    table = components if isinstance(components, pd.DataFrame) else components.components
    for name in ("experiment", "phase", "role", "total", *COMPONENTS, *SHARES):
        if name not in table:
            there = ", ".join(map(str, table.columns))
            raise InvalidData(f"the frame has no column {name!r}; it has: {there}")
    one_experiment(table)
    records = _records(table)
    if not records:
        raise InvalidData("there is nothing to draw: no component of the variance is known")
    phases = phase_order(table["phase"].astype(str))
    roles = list(dict.fromkeys(record["role"] for record in records))
    heads = _header("top")
    if roles == [_ALL] and of == VARYING[True]:
        heads.labels = False
    colours = {
        _WORDS[n]: c for n, c in _COLOURS.items() if any(_WORDS[n] in r["part"] for r in records)
    }
    rows = [name for name in phases if any(record["phase"] == name for record in records)]
    several = any(record["dimension"] for record in records)
    chart: alt.FacetChart = (
        alt.Chart(alt.InlineData(values=records))
        .transform_flatten(["part", "from", "to", "variance"])
        .transform_calculate(share="datum.to - datum.from")
        .mark_bar()
        .encode(
            x=alt.X(
                "from:Q",
                title="share of the variance, %" if width >= 150 else "share, %",
                scale=alt.Scale(domain=[0, 100]),
                axis=alt.Axis(tickCount=5),
            ),
            x2="to:Q",
            y=alt.Y(
                "phase:N",
                title=None,
                sort=rows,
                axis=alt.Axis(ticks=False, domain=False, labelPadding=6),
                scale=alt.Scale(paddingInner=0.22),
            ),
            fill=alt.Fill(
                "part:N",
                title="Variance",
                sort=list(colours),
                scale=theme.scale(colours),
            ),
            tooltip=[
                alt.Tooltip("phase:N", title="Phase"),
                alt.Tooltip("part:N", title="Variance"),
                alt.Tooltip("share:Q", title="share, %", format=".1f"),
                alt.Tooltip("variance:Q", title="in squares of the unit", format=".3~g"),
                alt.Tooltip("total:Q", title="of all", format=".3~g"),
            ],
        )
        .properties(width=width, height=_ROW * len(rows))
        .facet(
            column=alt.Column("role:N", sort=roles, header=heads),
            **({"row": alt.Row("dimension:N", header=_header("left"))} if several else {}),
            spacing=14,
        )
    )
    notes = [f"Of {of}"]
    still = sorted({r["phase"] for r in records if not r["part"]}, key=phases.index)
    if still:
        notes.append(f"Without a bar, since nothing varies or nothing is known: {', '.join(still)}")
    return theme.finished(
        chart,
        titled(title, notes, simulated=simulated),
        f"Shares of the variance in {len(rows)} phases: {', '.join(colours)}",
    )


# ---------------------------------------------------------------- inside


def _records(table: pd.DataFrame) -> list[Record]:
    """A record for each bar, its shares as arrays."""
    records = []
    for row in table.to_dict("records"):
        known = [n for n in COMPONENTS if np.isfinite(row[f"{n}_share"]) and row[f"{n}_share"] > 0]
        ends = np.cumsum([0.0, *(row[f"{name}_share"] for name in known)]).round(3).tolist()
        role = str(row["role"])
        records.append(
            {
                "phase": str(row["phase"]),
                "role": _ALL if role == ALL_HOSTS else role,
                "dimension": str(row.get("dimension", "") or ""),
                "total": float(f"{row['total']:.6g}") if np.isfinite(row["total"]) else None,
                "part": [_WORDS[name] for name in known],
                "from": ends[:-1],
                "to": ends[1:],
                "variance": [float(f"{row[name]:.6g}") for name in known],
            }
        )
    return records if any(record["part"] for record in records) else []


def _header(orient: Literal["top", "left"]) -> alt.Header:
    anchor: Literal["start", "middle"] = "start" if orient == "top" else "middle"
    return alt.Header(title=None, labelFontWeight=600, labelOrient=orient, labelAnchor=anchor)
