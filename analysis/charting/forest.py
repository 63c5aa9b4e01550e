"""Forest plots: the interval of every difference, the margin behind it, and the verdict."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import counted, has_values, one_of, quantity_name, titled
from analysis.charting.light import Layer, Panel, together
from analysis.charting.names import BESIDE, NARROW, WIDEST, pairs_written
from analysis.comparing.judgement import Decision
from analysis.comparing.margins import parse
from analysis.comparing.sentences import difference_unit
from analysis.timeline import phase_order
from analysis.values import ALL_HOSTS
from minion.errors import InvalidData
from minion.lifecycle import TOTAL

if TYPE_CHECKING:  # only for its name: whoever has one has loaded it
    from analysis.comparing.comparison import Comparison

Record = dict[str, Any]

_ROW = (17, 30)  # pixels of a pair in one line, and in two
_LINE = 13  # pixels from one line to the next
_LOOKS = {
    Decision.DIFFERENT: (theme.shade("#AA3377", "#E57DB5"), "diamond"),
    Decision.EQUIVALENT: (theme.shade("#5C6B0F", "#B9C65A"), "square"),
    Decision.UNDECIDED: (theme.shade("#7B8794", "#9AA5B1"), "circle"),
}
_NEEDED = (
    *("metric", "unit", "phase", "dimension", "role", "level", "reference"),
    *("verdict", "low", "high", "ratio", "ratio_low", "ratio_high", "margin"),
)


def differences(
    comparison: "Comparison | pd.DataFrame",
    *,
    relative: bool | None = None,
    role: str = ALL_HOSTS,
    scales: str = "free",
    title: str | None = None,
    simulated: bool = False,
    columns: int = 3,
    width: int = 200,
) -> alt.ConcatChart | alt.VConcatChart:
    """Differences with their intervals: a panel per phase, a row per pair of levels.

    A line marks no difference, a band what the margin counts as none. The mark is the verdict's, in
    shape and colour. Ratios stand on a logarithmic axis, so that a half is as far from 1 as the
    double; a pair without a ratio is left out there, and counted in the subtitle.

    Args:
        comparison: as `compare` gives it, or its `pairs`.
        relative: draw ratios instead of differences; default: when every margin is relative.
        role: the hosts: `all` for the mean of all, or a role.
        scales: `free`, every phase has its own; or `shared`. Ratios share theirs unless told.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        columns: panels side by side.
        width: of one panel in pixels.

    Raises:
        InvalidData: the frame has no pairs, lacks a column, or has none of that role; `scales` is
            another word; no pair has a ratio.
    """
    one_of("scales", scales, ("free", "shared"))
    pairs = comparison if isinstance(comparison, pd.DataFrame) else comparison.pairs
    if not len(pairs):
        raise InvalidData("there is nothing to draw: the comparison has no pair")
    has_values(pairs, "difference", *_NEEDED)
    roles = [str(name) for name in pairs["role"].unique()]
    one_of("role", role, roles)
    own = pairs[(pairs["role"].astype(str) == role).to_numpy()]
    if relative is None:
        relative = bool(own["margin"].notna().all() and all(_is_relative(own)))
    names = ("ratio", "ratio_low", "ratio_high") if relative else ("difference", "low", "high")
    known = own[np.isfinite(own[names[0]].to_numpy(dtype=np.float64))]
    if relative:
        known = known[(known["ratio"] > 0).to_numpy()]
    if known.empty:
        raise InvalidData("no pair has a ratio, which needs means above zero; draw the differences")
    drawing = _Drawing(names, relative=relative, width=width, columns=columns, scales=scales)
    blocks = [
        (quantity_name(str(metric), str(dimension)), drawing.block(part))
        for (metric, dimension), part in known.groupby(["metric", "dimension"], sort=False)
    ]
    whole = together(blocks, columns, spacing=26)
    hosts = "" if role == ALL_HOSTS else f", {role}"
    kind = "ratios" if relative else "differences"
    heading = f"{kind.capitalize()} and their intervals"
    if len(blocks) == 1:
        heading = f"{blocks[0][0]}: {kind} and their intervals"
    return theme.finished(
        whole,
        titled(title or heading + hosts, _notes(own, known, relative), simulated=simulated),
        f"{kind} of {len(known)} pairs in {known['phase'].nunique()} phases, with intervals",
    )


def ratios(
    comparison: "Comparison | pd.DataFrame",
    *,
    simulated: bool = False,
    columns: int = 3,
    width: int = 200,
) -> alt.ConcatChart | alt.VConcatChart:
    """How many times as much or as long the whole run was: a panel for each quantity.

    Args:
        comparison: as `compare` gives it, or its `pairs`.
        simulated, columns, width: as of `differences`.

    Raises:
        InvalidData: as of `differences`; the comparison is not of the whole run.
    """
    pairs = comparison if isinstance(comparison, pd.DataFrame) else comparison.pairs
    return differences(
        pairs[(pairs["phase"].astype(str) == TOTAL.name).to_numpy()],
        relative=True,
        title="The whole run: how many times as much or as long",
        simulated=simulated,
        columns=columns,
        width=width,
    )


# ---------------------------------------------------------------- inside


class _Drawing:
    """Draws the panels of one figure."""

    def __init__(
        self, names: Sequence[str], *, relative: bool, width: int, columns: int, scales: str
    ) -> None:
        self.names, self.relative = names, relative
        self.width, self.columns, self.scales = width, columns, scales
        self.sign = "/" if relative else "−"

    def block(self, pairs: pd.DataFrame) -> alt.ConcatChart:
        """A panel for each phase of one quantity."""
        phases = phase_order(pairs["phase"].astype(str))
        unit = difference_unit(str(pairs["unit"].iloc[0])).strip()
        records = [r for phase in phases for r in self._records(pairs, phase)]
        shared = self._domain(records) if self.relative or self.scales == "shared" else None
        panels = [
            self._panel(phase, own, shared or self._domain(own), "ratio" if self.relative else unit)
            for phase in phases
            if (own := [r for r in records if r["phase"] == phase])
        ]
        chart = alt.concat(*panels, columns=self.columns, spacing={"row": 12, "column": 22})
        chart.data = alt.InlineData(values=records)
        return chart

    def _records(self, pairs: pd.DataFrame, phase: str) -> list[Record]:
        middle, low, high = self.names
        records: list[Record] = []
        own = pairs[(pairs["phase"].astype(str) == phase).to_numpy()]
        for keyed in own.to_dict("records"):
            row = {str(name): value for name, value in keyed.items()}
            ends = self._margin(row)
            numbers = {"middle": row[middle], "low": row[low], "high": row[high]}
            numbers |= {"inside": ends[0], "outside": ends[1]} if ends else {}
            levels = [str(row[name]) for name in ("level", "reference")]
            records.append(
                {
                    "phase": phase,
                    "pair": f" {self.sign} ".join(levels),
                    "of": levels,
                    "verdict": str(row["verdict"]),
                    "reason": str(row.get("reason") or ""),
                    **{k: float(f"{v:.6g}") for k, v in numbers.items() if np.isfinite(v)},
                }
            )
        return records

    def _margin(self, row: dict[str, Any]) -> tuple[float, float] | None:
        """Both ends of what counts as no difference, on this axis."""
        if not isinstance(row["margin"], str):
            return None
        margin = parse(row["margin"], str(row["unit"]))
        mean = row.get("mean_reference", np.nan)
        if self.relative:
            share = margin.amount if margin.relative else margin.amount / abs(mean)
            return (max(1 - share, 1e-6), 1 + share) if np.isfinite(share) else None
        amount = margin.absolute(mean)
        return (-amount, amount) if np.isfinite(amount) else None

    def _domain(self, records: Sequence[Record]) -> list[float]:
        """From the least to the largest of what is drawn, and where there is no difference."""
        none = 1.0 if self.relative else 0.0
        ends = ("middle", "low", "high", "inside", "outside")
        drawn = [none, *(r[end] for r in records for end in ends if end in r)]
        if self.relative:
            logs = np.log([value for value in drawn if value > 0])
            air = max(0.06 * float(np.ptp(logs)), 0.01)
            return [float(np.exp(logs.min() - air)), float(np.exp(logs.max() + air))]
        air = 0.06 * (max(drawn) - min(drawn)) or 1.0
        return [min(drawn) - air, max(drawn) + air]

    def _panel(
        self, phase: str, records: Sequence[Record], domain: Sequence[float], unit: str
    ) -> Panel:
        pairs = [r["pair"] for r in records]
        scale = alt.Scale(domain=list(domain), nice=False, zero=False)
        ticks: dict[str, Any] = {"tickCount": 4 if self.width >= 160 else 3, "gridOpacity": 0.7}
        if self.relative:
            scale = alt.Scale(type="log", domain=list(domain), nice=False)
            ticks = {"values": ratio_ticks(*domain), "format": "~g", "gridOpacity": 0.7}
        x = alt.X(
            "middle:Q",
            title=unit or None,
            scale=scale,
            axis=alt.Axis(titleAnchor="end", titlePadding=2, **ticks),
        )
        letters = BESIDE if self.width >= 160 else NARROW
        names, lines = pairs_written([tuple(r["of"]) for r in records], self.sign, letters)
        row = _ROW[lines - 1]
        y = alt.Y(
            "pair:N",
            title=None,
            sort=pairs,
            scale=alt.Scale(domain=list(dict.fromkeys(pairs))),
            axis=alt.Axis(
                ticks=False,
                domain=False,
                labelPadding=6,
                labelLimit=WIDEST,
                labelExpr=names,
                labelOffset=-_LINE * (lines - 1) / 2,
                labelLineHeight=_LINE,
            ),
        )
        none = Layer(alt.InlineData(values=[{"none": 1 if self.relative else 0}]))
        what = "Ratio" if self.relative else ", ".join(filter(None, ("Difference", unit)))
        # What is undecided is hollow.
        colours = [colour for colour, _ in _LOOKS.values()]
        fills = [theme.PAPER if d is Decision.UNDECIDED else c for d, (c, _) in _LOOKS.items()]
        layers: dict[str, alt.Chart] = {
            "inside": Layer()
            .transform_filter("isValid(datum.inside)")
            .mark_bar(fill=theme.IDLE, opacity=0.8, size=row, clip=True)
            .encode(x=_of(x, "inside:Q"), x2="outside:Q", y=y),
            "none": none.mark_rule(stroke=theme.INK, strokeWidth=1).encode(x=_of(x, "none:Q")),
            "low": Layer()
            .transform_filter("isValid(datum.low)")
            .mark_rule(strokeWidth=2)
            .encode(x=_of(x, "low:Q"), x2="high:Q", y=y, stroke=_verdict(alt.Stroke, colours)),
            "middle": Layer()
            .mark_point(size=62, opacity=1, strokeWidth=1.8)
            .encode(
                x=x,
                y=y,
                stroke=_verdict(alt.Stroke, colours),
                fill=_verdict(alt.Fill, fills),
                shape=_verdict(alt.Shape, [shape for _, shape in _LOOKS.values()]),
                tooltip=[
                    alt.Tooltip("pair:N", title="Pair"),
                    alt.Tooltip("middle:Q", title=what, format=",.4~g"),
                    alt.Tooltip("low:Q", title="from", format=",.4~g"),
                    alt.Tooltip("high:Q", title="to", format=",.4~g"),
                    alt.Tooltip("verdict:N", title="Verdict"),
                    alt.Tooltip("reason:N", title="because"),
                ],
            ),
        }
        # A mark that stands for no record has nothing to say to who hears the picture.
        shown = [
            layer for field, layer in layers.items() if field == "none" or _any(field, records)
        ]
        for layer in shown:
            if layer is not none and layer.data is alt.Undefined:
                equal = alt.FieldEqualPredicate(field="phase", equal=phase)
                before = [] if layer.transform is alt.Undefined else layer.transform
                layer.transform = [alt.FilterTransform(equal), *before]
        return Panel(
            layer=shown,
            title=alt.TitleParams(phase, fontSize=12, offset=4),
            width=self.width,
            height=row * len(set(pairs)),
        )


def ratio_ticks(low: float, high: float) -> list[float]:
    """Some round ratios from low to high."""
    for width in (0.01, 0.02, 0.05, 0.1):
        first, last = np.ceil(low / width - 1e-9), np.floor(high / width + 1e-9)
        if 2 <= last - first <= 5:
            return [round(float(k * width), 6) for k in np.arange(first, last + 1) if k > 0]
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,)):
        ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
        inside = [tick for tick in ticks if low <= tick <= high]
        if len(inside) <= 6:
            return inside or [1.0]
    return inside[:: -(-len(inside) // 6)]


def _of(x: alt.X, field: str) -> alt.X:
    copied = x.copy()
    copied.shorthand = field
    return copied


def _verdict(channel: Any, looks: Sequence[Any]) -> Any:
    names = [decision.value for decision in _LOOKS]
    scale = alt.Scale(domain=names, range=list(looks))
    return channel("verdict:N", title="Verdict", sort=names, scale=scale)


def _is_relative(pairs: pd.DataFrame) -> list[bool]:
    return [
        parse(str(margin), str(unit)).relative
        for margin, unit in zip(pairs["margin"], pairs["unit"], strict=True)
    ]


def _any(field: str, records: Sequence[Record]) -> bool:
    return any(field in record for record in records)


def _notes(pairs: pd.DataFrame, known: pd.DataFrame, relative: bool) -> list[str]:
    texts = list(dict.fromkeys(m for m in known["margin"] if isinstance(m, str)))
    notes = [
        "Mark: the estimate. Line: its interval, which holds for all pairs of a phase at once."
    ]
    if texts:
        notes.append(f"Grey band: counts as no difference ({', '.join(texts)})")
    lost = len(pairs) - len(known)
    if relative and lost:
        notes.append(f"Left out, because a mean is not above zero: {counted(lost, 'pair')}")
    return notes
