"""One run as a heat map: a row per host, colour over time."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.charting import theme
from analysis.charting.labels import ELAPSED, counted, one_metric, titled
from analysis.charting.panels import rounded_up
from analysis.charting.phases import Record, name_row, without_total
from minion.errors import InvalidData
from minion.lifecycle import TOTAL
from minion.model import Role
from minion.selection import natural

Floats = NDArray[np.float64]

_MOST_CELLS = 24_000  # of one map: more makes a page slow, and no screen has more rows to see
_HEIGHT = 640  # pixels that the hosts share, as far as they need them
_ROW = (3, 22)  # pixels of a host, at least and at most
_NAMED = 9  # pixels of a host from which on it has its name beside it
_ROLES = [role.value for role in (Role.MASTER, Role.WORKER, Role.CONTROLLER)]


def heat(
    frame: pd.DataFrame,
    sim_id: str,
    *,
    phases: pd.DataFrame | None = None,
    top: float | None = None,
    cells: int = 240,
    title: str | None = None,
    simulated: bool = False,
    width: int = 760,
) -> alt.VConcatChart:
    """One run: a row per host, time from left to right, colour from 0 to the largest value.

    A cell is the mean of the samples in a stretch of time; where it has none it is left empty. A
    metric that keeps its dimensions has a map for each. Masters come first.

    Args:
        frame: one metric, as `utilization` gives it.
        sim_id: the run.
        phases: as `durations` gives it, with its gaps; their names stand above.
        top: value of the last colour; default: the largest cell, rounded up.
        cells: of a host at most; fewer where there are many hosts, and never shorter than a step.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        width: in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several metrics; the run is
            not in it, or in several experiments.
    """
    label, unit = one_metric(frame, "experiment", "sim_id", "hostname", "role", "elapsed_s")
    own = _run(frame, sim_id)
    if cells < 2:
        raise InvalidData(f"{cells} cells; give at least 2")
    hosts = _hosts(own)
    count = max(2, min(cells, _MOST_CELLS // len(hosts)))
    length, shown = _length(own, count)
    dimensions = sorted(own["dimension"].astype(str).unique(), key=natural)
    several = len(dimensions) > 1
    records = [
        record
        for dimension in dimensions
        for record in _records(own, dimension, hosts, length, shown)
    ]
    largest = max(v for r in records for v in r["v"] if v is not None)
    end = top or rounded_up(largest)
    domain = (0.0, length * shown)
    marks = _phases(own, phases)
    above = [name_row(*marks, domain, width)] if marks else []
    drawing = _Drawing(domain, width, unit, end, marks[1] if marks else [])
    maps = [
        drawing.map([r for r in records if r["dimension"] == dimension], titled=several)
        for dimension in dimensions
    ]
    chart = alt.vconcat(*above, *maps, spacing=6)
    chart.data = alt.InlineData(values=records)
    platform = str(own["platform"].iloc[0])
    note = f"{counted(len(hosts), 'host')}; a cell is the mean of {length:.3g} s"
    return theme.finished(
        chart,
        titled(title or f"{label} in run {sim_id} ({platform})", [note], simulated=simulated),
        f"{label} ({unit}) of {len(hosts)} hosts over time in run {sim_id}, as colours",
    )


# ---------------------------------------------------------------- inside


def _run(frame: pd.DataFrame, sim_id: str) -> pd.DataFrame:
    names = frame["sim_id"].astype(str)
    there = np.isfinite(frame["value"].to_numpy(dtype=np.float64))
    own: pd.DataFrame = frame[(names == sim_id).to_numpy() & there]
    if own.empty:
        runs = sorted(names.unique(), key=natural)
        some = ", ".join(runs[:12]) + (" and more" if len(runs) > 12 else "")
        raise InvalidData(f"the frame has no values of run {sim_id}; there are: {some}")
    experiments = [str(name) for name in own["experiment"].unique()]
    if len(experiments) > 1:
        raise InvalidData(f"run {sim_id} is in several experiments ({', '.join(experiments)})")
    return own


def _hosts(own: pd.DataFrame) -> list[str]:
    pairs = own[["hostname", "role"]].astype(str).drop_duplicates("hostname").to_numpy().tolist()
    place = {role: number for number, role in enumerate(_ROLES)}
    return [h for h, r in sorted(pairs, key=lambda p: (place.get(p[1], 9), natural(p[0])))]


def _length(own: pd.DataFrame, count: int) -> tuple[float, int]:
    """Seconds of a cell, and how many cells there are: never shorter than the hosts' step."""
    keys = ["hostname", "dimension"]
    number = own.groupby(keys, observed=True, sort=False).ngroup().to_numpy()
    elapsed = own["elapsed_s"].to_numpy(dtype=np.float64)
    order = np.lexsort((elapsed, number))
    steps = np.diff(elapsed[order])[np.diff(number[order]) == 0]
    steps = steps[steps > 0]
    step = float(np.median(steps)) if steps.size else 1.0
    last = max(float(elapsed.max()), 0.0) + step
    # A whole number of steps: else cells with one sample more than others make stripes.
    length = step * max(1, int(np.ceil(last / count / step)))
    return length, int(np.ceil(last / length - 1e-9))


def _records(
    own: pd.DataFrame, dimension: str, hosts: Sequence[str], length: float, count: int
) -> list[Record]:
    """A record for each host: where its filled cells begin, and their values."""
    part = own[(own["dimension"].astype(str) == dimension).to_numpy()]
    row = pd.Index(hosts).get_indexer(pd.Index(part["hostname"].astype(str)))
    column = np.clip(part["elapsed_s"].to_numpy() / length, 0, count - 1).astype(np.intp)
    place = row * count + column
    value = part["value"].to_numpy(dtype=np.float64)
    n = np.bincount(place, minlength=len(hosts) * count)
    total = np.bincount(place, weights=value, minlength=len(hosts) * count)
    filled = n.reshape(-1, count) > 0
    with np.errstate(invalid="ignore"):
        means = (total / n).reshape(-1, count)
    roles = dict(part[["hostname", "role"]].astype(str).drop_duplicates().to_numpy().tolist())
    starts = np.round(np.arange(count) * length, 3)
    return [
        {
            "dimension": dimension,
            "host": host,
            "role": roles[host],
            "from": starts[there].tolist(),
            "v": [float(f"{value:.4g}") for value in cells[there].tolist()],
            "length": round(length, 3),
        }
        for host, cells, there in zip(hosts, means, filled, strict=True)
        if host in roles
    ]


def _phases(
    own: pd.DataFrame, phases: pd.DataFrame | None
) -> tuple[list[str], list[float], list[float]] | None:
    """Names, starts and ends of the run's phases, in order of time."""
    if phases is None or (phases["phase"].astype(str) == TOTAL.name).all():
        return None
    parts = without_total(phases)
    same = (parts["experiment"].astype(str) == str(own["experiment"].iloc[0])) & (
        parts["sim_id"].astype(str) == str(own["sim_id"].iloc[0])
    )
    mine = parts[same.to_numpy()].sort_values("start_s")
    if mine.empty:
        return None
    return (
        mine["phase"].astype(str).tolist(),
        mine["start_s"].round(2).tolist(),
        mine["end_s"].round(2).tolist(),
    )


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Draws the maps of one figure.

    domain: of the time axis. top: value of the last colour. starts: of the phases.
    """

    domain: tuple[float, float]
    width: int
    unit: str
    top: float
    starts: Sequence[float]

    def map(self, records: Sequence[Record], *, titled: bool) -> alt.LayerChart:
        """The map of one dimension, whose name stands above."""
        dimension = records[0]["dimension"]
        row = min(max(_HEIGHT // len(records), _ROW[0]), _ROW[1])
        layers = [self._tiles(records, dimension, row)]
        starts = [{"at": at} for at in sorted(set(self.starts)) if at > 0]
        if starts:
            rules = alt.Chart(alt.InlineData(values=starts)).mark_rule(
                stroke="#FFFFFF", strokeWidth=0.8, opacity=0.7, clip=True
            )
            layers.append(rules.encode(x=self._x("at:Q")))
        chart: alt.LayerChart = alt.layer(  # type: ignore[assignment]  # without row and column
            *layers, width=self.width, height=row * len(records)
        )
        if titled:
            chart.title = alt.TitleParams(dimension, fontSize=12)
        return chart

    def _tiles(self, records: Sequence[Record], dimension: str, row: int) -> alt.Chart:
        # A little longer than a cell: no background shows between two.
        more = 0.6 * (self.domain[1] - self.domain[0]) / self.width
        hosts = [r["host"] for r in records]
        names = theme.row_names(hosts, row, least=_NAMED, share=0.8, letters=26)
        chart: alt.Chart = (
            alt.Chart()
            .transform_filter(alt.FieldEqualPredicate(field="dimension", equal=dimension))
            .transform_flatten(["from", "v"])
            .transform_calculate(to=f"datum.from + datum.length + {more:.4g}")
            .mark_rect(clip=True)
            .encode(
                x=self._x("from:Q"),
                x2="to:Q",
                y=alt.Y("host:N", title=None, sort=hosts, axis=names),
                fill=alt.Fill(
                    "v:Q",
                    title=self.unit,
                    scale=alt.Scale(domain=[0, self.top], scheme="cividis", clamp=True),
                    legend=alt.Legend(orient="right", gradientLength=110),
                ),
                tooltip=[
                    alt.Tooltip("host:N", title="Host"),
                    alt.Tooltip("role:N", title="Role"),
                    alt.Tooltip("from:Q", title="from, s", format=",.0f"),
                    alt.Tooltip("v:Q", title=self.unit, format=",.4~g"),
                ],
            )
        )
        return chart

    def _x(self, field: str) -> alt.X:
        return alt.X(
            field,
            title=ELAPSED,
            scale=alt.Scale(domain=list(self.domain), nice=False),
            axis=alt.Axis(grid=False, tickCount=8),
        )
