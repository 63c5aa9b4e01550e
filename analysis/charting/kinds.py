"""Kinds of charts by name: from a store to a chart, the way the command line asks for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Unpack

import altair as alt
import pandas as pd

from analysis import charts
from analysis.charting import theme
from analysis.charting.output import points
from analysis.charting.palette import palette_of
from analysis.charting.shares import VARYING
from analysis.comparing.comparison import compare
from analysis.comparing.order import beginnings
from analysis.metrics import METRICS, utilization
from analysis.profiling.flame import flame_title
from analysis.profiling.reading import PREFIX, stacks
from analysis.quantities import DURATION, Quantity, quantity
from analysis.timeline import durations_of
from analysis.values import ALL_HOSTS
from analysis.variation.variances import variance
from minion.errors import InvalidData, NotFound
from minion.model import Simulation
from minion.selection import Choice, Selection, natural
from minion.store import Store

Options = Mapping[str, str | None]
Chart = alt.TopLevelMixin

_LEGIBLE = 6.5  # points of the smallest text that a figure for print is laid out for
_NARROWEST = 90  # pixels of a panel beside others
_TEXT = 11  # pixels of it in a chart


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of chart.

    samples, durations, measurements, profiles: of what it can be.
    options: that it takes besides the selection.
    """

    draw: Callable[["_Request"], Chart]
    samples: bool = False
    durations: bool = False
    measurements: bool = False
    profiles: bool = False
    options: tuple[str, ...] = ()


def draw(
    store: Store,
    metric: str,
    kind: str | None = None,
    *,
    width: str | None = None,
    options: Options | None = None,
    **choice: Unpack[Choice],
) -> Chart:
    """A chart of what a store holds.

    Args:
        store: where the samples are.
        metric: of `METRICS`, `duration`, a measurement, or `profile.KIND` (time, samples, …).
        kind: of `KINDS`; default: facet for a metric, durations for the duration, differences for a
            measurement, flame for a profile.
        width: on paper, as `save` takes it: fewer panels stand side by side where it is narrow.
        options: by name, those that the kind takes: `align` (course: time or phase; timeline: time
            or the name of the phase that begins at 0), `y` (facet: shared or free), `by`
            (autocorrelation: role or hostname), `baseline`, `margin`, `factor` (differences).
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Raises:
        NotFound: no such kind, or none of that metric; the message lists those that there are.
        InvalidData: an option that the kind does not take, or nothing to draw.
    """
    name = kind or _usual(metric)
    chosen = _kind(name, metric)
    given = {option: value for option, value in (options or {}).items() if value is not None}
    for option in given:
        if option not in chosen.options:
            takers = [k for k, of in KINDS.items() if option in of.options]
            raise InvalidData(
                f"{option} is for {' and '.join(takers)}, not for {name}; leave it out"
            )
    room = points(width) * _TEXT / _LEGIBLE if width is not None else None
    request = _Request(store, metric, given, choice, room)
    if not request.simulations:
        raise NotFound("no simulation in this selection; `minion runs` lists those that there are")
    chart = chosen.draw(request)
    return chart if room is None else theme.fitted(chart, room)


# ---------------------------------------------------------------- inside


@dataclass(frozen=True)
class _Request:
    """What is to be drawn, and the room for it in pixels; None where there is enough."""

    store: Store
    metric: str
    given: Mapping[str, str]
    choice: Choice
    room: float | None
    shared: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def selection(self) -> Selection:
        return Selection.of(**self.choice)

    @cached_property
    def simulations(self) -> list[Simulation]:
        return self.store.simulations(self.selection)

    @cached_property
    def colours(self) -> dict[str, str]:
        """Those of all platforms of the experiment; of several, charts say what they think."""
        return palette_of(self.store, self.simulations)

    @cached_property
    def values(self) -> Quantity:
        """One value per run, of the whole run too."""
        return quantity(self.store, self.metric, self.simulations, **self.choice)

    @property
    def simulated(self) -> bool:
        return any(simulation.simulated for simulation in self.simulations)

    @cached_property
    def samples(self) -> pd.DataFrame:
        return utilization(self.store, self.metric, **self.choice)

    def phases(self, *, all_of_them: bool = True) -> pd.DataFrame:
        """Phases and gaps of the runs; those that were chosen, or all."""
        names = () if all_of_them else self.selection.phases
        return durations_of(self.simulations, phases=names, include_gaps=all_of_them)

    def beside(self, wide: float, around: float, most: int) -> dict[str, Any]:
        """How many panels stand side by side, and their width.

        Args:
            wide: pixels of a panel where there is room.
            around: what stands around each.
            most: how many at most.
        """
        if self.room is None:
            return {"columns": most, "width": round(wide)}
        columns = int(min(max(self.room // (_NARROWEST + around), 1), most))
        return {"columns": columns, "width": self.shared_out(wide, around * columns, columns)}

    def shared_out(self, wide: float, around: float, panels: int) -> int:
        """The width of each of so many panels that share the room."""
        if self.room is None:
            return round(wide)
        return round(min(wide, max((self.room - around) / max(panels, 1), 40)))


def _facet(request: _Request) -> Chart:
    frame = request.samples
    hosts = len(frame["hostname"].unique())
    wide = request.shared_out(220, 110, hosts)
    # Two points for each pixel: nothing is lost that could be seen.
    own: dict[str, Any] = {"points": 2 * wide, "width": wide, "y": request.given.get("y", "shared")}
    phases = request.phases(all_of_them=False)
    return charts.facet(frame, phases=phases, simulated=request.simulated, **own)


def _course(request: _Request) -> Chart:
    align = request.given.get("align", "time")
    return charts.course(
        request.samples,
        align=align,
        phases=request.phases() if align == "phase" else None,
        simulated=request.simulated,
        colours=request.colours,
        width=request.shared_out(760, 80, 1),
    )


def _utilization(request: _Request) -> Chart:
    of = request.values
    values = of.runs.values
    own = values[(values["role"].astype(str) == ALL_HOSTS).to_numpy()]
    return charts.utilization(
        own.assign(metric=of.name, unit=of.unit),
        simulated=request.simulated,
        colours=request.colours,
        **request.beside(250, 85, 3),
    )


def _durations(request: _Request) -> Chart:
    frame = request.phases(all_of_them=False)
    beside = request.beside(250, 85, 3)
    return charts.durations(frame, simulated=request.simulated, colours=request.colours, **beside)


def _timeline(request: _Request) -> Chart:
    frame = request.phases(all_of_them=not request.selection.phases)
    align = request.given.get("align", "time")
    aligned = {} if align == "time" else {"align": "phase"}
    if align not in ("time", "phase"):
        aligned["phase"] = align
    platforms = len(frame["platform"].unique())
    stacked = request.shared_out(310, 100 * platforms, platforms) < 150
    width = request.shared_out(430, 90, 1) if stacked else request.shared_out(310, 80, platforms)
    return charts.timeline(
        frame, simulated=request.simulated, stacked=stacked, width=width, **aligned
    )


def _heat(request: _Request) -> Chart:
    runs = [simulation.sim_id for simulation in request.simulations]
    if len(runs) > 1:
        some = ", ".join(sorted(runs, key=natural)[:12]) + (" and more" if len(runs) > 12 else "")
        raise InvalidData(f"a heat map shows one run; choose it with sims: there are {some}")
    wide = request.shared_out(760, 160, 1)
    return charts.heat(
        request.samples,
        runs[0],
        phases=request.phases(),
        cells=min(240, wide),
        simulated=request.simulated,
        width=wide,
    )


def _autocorrelation(request: _Request) -> Chart:
    names = request.selection.phases
    if len(names) > 1:
        raise InvalidData(f"autocorrelations are of one phase, not of {len(names)}; choose one")
    frame = request.samples
    return charts.autocorrelation(
        frame,
        phase=names[0] if names else None,
        by=request.given.get("by", "role"),
        simulated=request.simulated,
        colours=request.colours,
        width=request.shared_out(190, 130, len(frame["platform"].unique())),
    )


def _drift(request: _Request) -> Chart:
    of = request.values
    values = of.runs.values
    return charts.drift(
        values[(values["role"].astype(str) == ALL_HOSTS).to_numpy()],
        beginnings(request.simulations),
        unit=of.unit,
        simulated=request.simulated,
        colours=request.colours,
        **request.beside(230, 70, 3),
    )


def _variance(request: _Request) -> Chart:
    found = variance(request.store, request.metric, **request.choice)
    roles = len(found.components["role"].unique())
    wide = request.shared_out(230, 150, roles)
    title = f"Where the variance of {_label(request.metric)} lies"
    of = VARYING[request.metric == DURATION]
    return charts.variances(found, of=of, title=title, simulated=request.simulated, width=wide)


def _differences(request: _Request) -> Chart:
    options: dict[str, Any] = dict(request.given)
    found = compare(request.store, request.metric, **options, **request.choice)
    beside = request.beside(200, 110, 3)
    return charts.differences(found, simulated=request.simulated, **beside)


def _flame(request: _Request) -> Chart:
    kind = request.metric.removeprefix(PREFIX)
    return charts.flame_graph(
        stacks(request.store, kind, **request.choice),
        title=flame_title(kind, {s.platform for s in request.simulations}),
        simulated=request.simulated,
        width=request.shared_out(900, 20, 1),
    )


def _label(metric: str) -> str:
    if metric not in METRICS:
        return metric
    label = METRICS[metric].label
    return label if label[1].isupper() else label[0].lower() + label[1:]


KINDS: Mapping[str, Kind] = {
    "facet": Kind(_facet, samples=True, options=("y",)),
    "course": Kind(_course, samples=True, options=("align",)),
    "utilization": Kind(_utilization, samples=True),
    "heat": Kind(_heat, samples=True),
    "autocorrelation": Kind(_autocorrelation, samples=True, options=("by",)),
    "durations": Kind(_durations, durations=True),
    "timeline": Kind(_timeline, durations=True, options=("align",)),
    "drift": Kind(_drift, samples=True, durations=True, measurements=True),
    "variance": Kind(_variance, samples=True, durations=True, measurements=True),
    "differences": Kind(
        _differences,
        samples=True,
        durations=True,
        measurements=True,
        options=("baseline", "margin", "factor"),
    ),
    "flame": Kind(_flame, profiles=True),
}


def _usual(metric: str) -> str:
    if metric in METRICS:
        return "facet"
    if metric.startswith(PREFIX):
        return "flame"
    return "durations" if metric == DURATION else "differences"


def kinds_of(metric: str) -> tuple[str, ...]:
    """The kinds of charts that a metric, the duration, a measurement or a profile can have."""
    if metric in METRICS:
        return tuple(name for name, kind in KINDS.items() if kind.samples)
    if metric == DURATION:
        return tuple(name for name, kind in KINDS.items() if kind.durations)
    if metric.startswith(PREFIX):
        return tuple(name for name, kind in KINDS.items() if kind.profiles)
    return tuple(name for name, kind in KINDS.items() if kind.measurements)


def _kind(name: str, metric: str) -> Kind:
    there = kinds_of(metric)
    if name not in KINDS:
        raise NotFound(f"no kind of chart {name!r}; of {metric} there are: {', '.join(there)}")
    if name not in there:
        raise NotFound(f"no {name} of {metric}; there are: {', '.join(there)}")
    return KINDS[name]
