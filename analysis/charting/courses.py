"""The course of a metric: the runs of a platform as one line with a band, over time or phases."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import ELAPSED, one_experiment, one_metric, one_of, titled
from analysis.charting.palette import Colours, colours_of
from analysis.charting.phases import name_row
from analysis.charting.stretching import Stretched, stretched
from analysis.metrics import average
from minion.errors import InvalidData
from minion.model import Role
from minion.selection import natural

Record = dict[str, Any]

ROLE, HOST = "role", "hostname"  # what a panel stands for
_MOST_NAMED = 4  # hosts of a subtitle

_ROLES = [role.value for role in (Role.MASTER, Role.WORKER, Role.CONTROLLER)]


def course(
    frame: pd.DataFrame,
    *,
    align: str = "time",
    phases: pd.DataFrame | None = None,
    band: float = 0.5,
    panel: str = ROLE,
    title: str | None = None,
    simulated: bool = False,
    platforms: Sequence[str] = (),
    colours: Colours | None = None,
    width: int = 760,
    height: int = 130,
) -> alt.FacetChart | alt.VConcatChart:
    """A metric over the course of a run: a line and a band per platform, a panel per role or host.

    Where a role has several hosts in a run, their mean stands for it; the subtitle says so. Over
    time the line is the mean of the platform's runs; a time step is drawn while at least half of
    them have samples in it. Over phases, each phase of each run is stretched to one length, the
    median of that phase in all runs, and the line is the median of the runs: phases that begin at
    different times are compared with each other. How long they took is lost; `timeline` and
    `durations` show it.

    Args:
        frame: one metric, as `utilization` gives it.
        align: `time` or `phase`.
        phases: for `phase`: as `durations` gives it with `include_gaps=True`; samples outside of
            them are left out.
        band: the share of the runs, in the middle, that the band holds.
        panel: what a panel stands for: `role` or `hostname`.
        title: of the chart; default: the metric's name.
        simulated: the data are not measured; the subtitle says so.
        platforms: in the legend, in this order; default: those of the frame.
        colours: of the platforms; default: those that they have among themselves.
        width, height: of one panel in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several metrics or
            experiments; `align` or `panel` is another word, or phases lack.
    """
    one_of("align", align, ("time", "phase"))
    one_of("panel", panel, (ROLE, HOST))
    if not 0 < band <= 1:
        raise InvalidData(f"a band of {band:g}; give the share of the runs in it, above 0, up to 1")
    label, unit = one_metric(
        frame, "experiment", "sim_id", "hostname", "role", "phase", "dimension", "elapsed_s"
    )
    one_experiment(frame)
    names = list(platforms) or sorted(frame["platform"].astype(str).unique(), key=natural)
    held = "the middle half of the runs" if band == 0.5 else f"{band * 100:.3g} % of the runs"
    hosts = _hosts(frame) if panel == ROLE else ""
    runs = frame[["platform", "sim_id"]].drop_duplicates()
    several = runs.duplicated("platform").any()
    of_runs = f" of the runs{' and ' * bool(hosts)}{hosts}; the band holds {held}"
    of_one = "One run of each platform" + (f", the mean {hosts}" if hosts else "")
    drawing = _Drawing(colours_of(names, colours), unit, width, height)
    chart: alt.FacetChart | alt.VConcatChart
    if align == "time":
        records = _records(frame, panel, lambda part: _over_time(average(part), band))
        x = alt.X("t:Q", title=ELAPSED, axis=alt.Axis(grid=False), scale=alt.Scale(nice=False))
        chart = drawing.panels(records, x)
        notes = [f"Mean{of_runs}" if several else of_one]
        told = f"aligned by time; {_steps(records)}"
    else:
        if phases is None:
            raise InvalidData("align='phase' needs phases=durations(store, include_gaps=True)")
        whole = stretched(frame, phases)
        records = _records(
            frame, panel, lambda part: _over_phases(whole.values(average(part)), band)
        )
        if not records:
            raise InvalidData("there is nothing to draw: no sample lies in a phase")
        chart = drawing.aligned(records, whole)
        notes = [
            f"Median{of_runs}" if several else of_one,
            "Every phase is as long as its median in all runs",
        ]
        told = f"aligned by phase; {_steps(records)}"
    chart.usermeta = {"options": f"{told}; band: {held}"}
    over = "over time" if align == "time" else "phase by phase"
    return theme.finished(
        chart,
        titled(title or f"{label} {over}", notes, simulated=simulated),
        f"{label} ({unit}) {over}, middle of the runs of {', '.join(names)}",
    )


# ---------------------------------------------------------------- inside


class _Drawing:
    """Draws the panels of one figure."""

    def __init__(self, platforms: Colours, unit: str, width: int, height: int) -> None:
        self.unit, self.width, self.height = unit, width, height
        key = theme.key(platforms, title="Platform", symbolOpacity=1)
        colours = theme.scale(platforms)
        shared: dict[str, Any] = {"scale": colours, "sort": list(platforms), "legend": key}
        self.fill = alt.Fill("platform:N", **shared)
        self.stroke = alt.Stroke("platform:N", **shared)

    def panels(self, records: Sequence[Record], x: alt.X) -> alt.FacetChart:
        """A panel for each role or host, below each other."""
        panels = sorted({r["panel"] for r in records}, key=lambda p: (_place(p), natural(p)))
        of_y: dict[str, Any] = {
            "title": self.unit,
            "scale": alt.Scale(zero=True),
            "axis": alt.Axis(tickCount=4),
        }
        bands = any(record["low"] for record in records)
        band = alt.Chart().mark_area(opacity=alt.ExprRef("dark ? 0.3 : 0.18"))
        line = alt.Chart().mark_line(strokeWidth=1.6)
        chart: alt.FacetChart = (
            alt.layer(
                *(
                    [band.encode(x=x, y=alt.Y("low:Q", **of_y), y2="high:Q", fill=self.fill)]
                    * bands
                ),
                line.encode(x=x, y=alt.Y("mean:Q", **of_y), stroke=self.stroke),
                data=alt.InlineData(values=list(records)),
            )
            .properties(width=self.width, height=self.height)
            .facet(
                row=alt.Row(
                    "panel:N",
                    sort=panels,
                    header=alt.Header(
                        labelOrient="top",
                        labelAnchor="start",
                        labelFontWeight=600,
                        labelLimit=self.width,
                    ),
                ),
                spacing=14,
            )
            # Not in the layers: Vega-Lite 6.4 loses a data set that two layers flatten alike.
            .transform_flatten(["t", "mean", "low", "high"])
        )
        return chart

    def aligned(self, records: Sequence[Record], whole: Stretched) -> alt.VConcatChart:
        """The names of the phases, and the panels below."""
        edges = [*whole.starts.values(), whole.length]
        x = alt.X(
            "t:Q",
            title=f"seconds of the phases' median lengths, {whole.length:.0f} in all",
            scale=alt.Scale(domain=[0, whole.length], nice=False),
            axis=alt.Axis(values=edges, grid=True, labels=False, ticks=False),
        )
        row = name_row(list(whole.starts), edges[:-1], edges[1:], (0, whole.length), self.width)
        return alt.vconcat(row, self.panels(records, x), spacing=4)


def together(frame: pd.DataFrame) -> list[str]:
    """The hosts that share their role with another one of their run, in natural order.

    Args:
        frame: experiment, sim_id, role, hostname.
    """
    hosts = frame[["experiment", "sim_id", ROLE, HOST]].drop_duplicates()
    several = hosts.duplicated(["experiment", "sim_id", ROLE], keep=False).to_numpy()
    return sorted({str(name) for name in hosts.loc[several, HOST]}, key=natural)


def _hosts(frame: pd.DataFrame) -> str:
    """What a panel of a role is the mean of besides the runs; empty where a role is one host."""
    hosts = together(frame)
    if not hosts:
        return ""
    named = ", ".join(hosts) if len(hosts) <= _MOST_NAMED else f"{len(hosts)} in all"
    return f"of the hosts of a role ({named})"


def _records(frame: pd.DataFrame, panel: str, reduce: Any) -> list[Record]:
    """A record for each panel, dimension and platform, its line and band as arrays."""
    several = len(frame["dimension"].unique()) > 1
    records: list[Record] = []
    for name, of_panel in frame.groupby(panel, observed=True):
        middle = reduce(of_panel)
        for (platform, dimension), part in middle.groupby(["platform", "dimension"], observed=True):
            band = part["n"].max() > 1
            records.append(
                {
                    "panel": f"{name}, {dimension}" if several else str(name),
                    "platform": str(platform),
                    "t": _short(part["elapsed_s"], 1),
                    "mean": _short(part["mean"], 4),
                    # A single run has no band, and need not be written three times.
                    **{q: _short(part[q], 4) if band else [] for q in ("low", "high")},
                }
            )
    return records


def _steps(records: Sequence[Record]) -> str:
    """The distance between the points of the lines, in words."""
    steps = [float(np.median(np.diff(r["t"]))) for r in records if len(r["t"]) > 1]
    if not steps:
        return "one point a line"
    low, high = min(steps), max(steps)
    return f"steps of {low:.3g} s" if low == high else f"steps of {low:.3g} to {high:.3g} s"


def _short(values: "pd.Series[float]", digits: int) -> list[float]:
    """Rounded, and without a point where they are whole: short in JSON."""
    return [int(v) if v.is_integer() else v for v in values.round(digits).tolist()]


def _over_time(averages: pd.DataFrame, band: float) -> pd.DataFrame:
    """platform, dimension, elapsed_s, n, mean, low, high: over the runs of each platform."""
    keys = ["platform", "dimension", "elapsed_s"]
    # A step in which one phase ends and another begins has two rows.
    per_run = averages.groupby(["experiment", "sim_id", *keys], observed=True)["value"].mean()
    over = per_run.groupby(keys, observed=True)
    table = _spread(over, over.mean(), band).reset_index()
    most = table.groupby(["platform", "dimension"], observed=True)["n"].transform("max")
    return table[table["n"] >= most / 2]


def _over_phases(values: pd.DataFrame, band: float) -> pd.DataFrame:
    over = values.groupby(["platform", "dimension", "elapsed_s"], observed=True)["value"]
    return _spread(over, over.median(), band).reset_index()


def _spread(over: Any, middle: "pd.Series[float]", band: float) -> pd.DataFrame:
    low, high = over.quantile(0.5 - band / 2), over.quantile(0.5 + band / 2)
    return pd.DataFrame({"n": over.size(), "mean": middle, "low": low, "high": high})


def _place(panel: str) -> int:
    role = panel.partition(",")[0]
    return _ROLES.index(role) if role in _ROLES else len(_ROLES)
