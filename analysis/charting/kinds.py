"""Kinds of charts by name: from a store to a chart, the way the command line asks for them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import altair as alt
import pandas as pd

from analysis import charts
from analysis.charting import theme
from analysis.charting.labels import in_a_sentence, quantity_name
from analysis.charting.output import points
from analysis.charting.request import Request
from analysis.charting.shares import VARYING
from analysis.comparing.comparison import compare
from analysis.comparing.order import beginnings
from analysis.metrics import METRICS
from analysis.profiling.flame import flame_title
from analysis.profiling.reading import PREFIX, stacks
from analysis.quantities import DURATION
from analysis.values import ALL_HOSTS
from analysis.variation.variances import variance
from minion.errors import InvalidData, NotFound
from minion.selection import Choice, natural, words
from minion.store import Store

Options = Mapping[str, str | bool | None]
Chart = alt.TopLevelMixin

_LEGIBLE = 6.5  # points of the smallest text that a figure for print is laid out for
_TEXT = 11  # pixels of it in a chart
_COMPARED = ("baseline", "margin", "factor", "allow")  # options of every comparison
_TEXTS = ("experiment", "metric", "dimension", "phase", "platform", "sim_id")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of chart.

    samples, durations, measurements, profiles: of what it can be.
    several: it can be of several of these together.
    options: that it takes besides the selection.
    """

    draw: Callable[["Request"], Chart]
    samples: bool = False
    durations: bool = False
    measurements: bool = False
    profiles: bool = False
    several: bool = False
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
        metric: of `METRICS`, `duration`, a measurement, or `profile.KIND` (time, samples, …). Of
            ratios and drift several, with commas between.
        kind: of `KINDS`; default: facet for a metric, durations for the duration, differences for a
            measurement, flame for a profile.
        width: on paper, as `save` takes it: fewer panels stand side by side where it is narrow.
        options: by name, those that the kind takes: `align` (course: time or phase; timeline: time
            or the name of the phase that begins at 0), `y` (facet: shared or free), `by`
            (autocorrelation: role or hostname), `dimension` (values, differences), `baseline`,
            `margin`, `factor`, `allow` (differences, ratios), `among`, `relative` (differences).
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Raises:
        NotFound: no such kind, or none of that metric; the message lists those that there are.
        InvalidData: an option that the kind does not take, or nothing to draw.
    """
    name = kind or _usual(metric)
    chosen = _kind(name, metric)
    given = {
        option: value for option, value in (options or {}).items() if value not in (None, False)
    }
    for option in given:
        if option not in chosen.options:
            takers = [k for k, of in KINDS.items() if option in of.options]
            raise InvalidData(
                f"{option} is for {' and '.join(takers)}, not for {name}; leave it out"
            )
    room = points(width) * _TEXT / _LEGIBLE if width is not None else None
    request = Request(store, metric, given, choice, room)
    if not request.simulations:
        raise NotFound("no simulation in this selection; `minion runs` lists those that there are")
    chart = chosen.draw(request)
    return chart if room is None else theme.fitted(chart, room)


# ---------------------------------------------------------------- inside


def _facet(request: Request) -> Chart:
    frame = request.samples
    hosts = len(frame["hostname"].unique())
    wide = request.shared_out(220, 110, hosts)
    # Two points for each pixel: nothing is lost that could be seen.
    own: dict[str, Any] = {"points": 2 * wide, "width": wide, "y": request.given.get("y", "shared")}
    phases = request.phases(all_of_them=False)
    platforms = request.by_platform["platforms"]
    if len(platforms) == 1:
        own["title"] = f"{quantity_name(request.metric)} on {platforms[0]}, each run and host"
    return charts.facet(frame, phases=phases, simulated=request.simulated, **own)


def _course(request: Request) -> Chart:
    align = request.given.get("align", "time")
    return charts.course(
        request.samples,
        align=align,
        phases=request.phases() if align == "phase" else None,
        **request.by_platform,
        width=request.shared_out(760, 80, 1),
    )


def _values(request: Request) -> Chart:
    of = request.values(request.metric)
    values = of.runs.values
    own = request.of_dimension(values[(values["role"].astype(str) == ALL_HOSTS).to_numpy()])
    dimension = request.given.get("dimension", "")
    name = quantity_name(of.name, dimension)
    if dimension:
        own = own.drop(columns="dimension")
    return charts.utilization(
        own.assign(metric=of.name, unit=of.unit),
        title=f"{name} in each phase" if of.name in METRICS else name,
        **request.by_platform,
        **request.beside(250, 85, 3),
    )


def _durations(request: Request) -> Chart:
    frame = request.phases(all_of_them=False)
    beside = request.beside(250, 85, 3)
    return charts.durations(frame, **request.by_platform, **beside)


def _timeline(request: Request) -> Chart:
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


def _heat(request: Request) -> Chart:
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


def _autocorrelation(request: Request) -> Chart:
    names = request.selection.phases
    if len(names) > 1:
        raise InvalidData(f"autocorrelations are of one phase, not of {len(names)}; choose one")
    frame = request.samples
    return charts.autocorrelation(
        frame,
        phase=names[0] if names else None,
        by=request.given.get("by", "role"),
        **request.by_platform,
        width=request.shared_out(190, 130, len(frame["platform"].unique())),
    )


def _drift(request: Request) -> Chart:
    known = beginnings(request.simulations)
    parts = []
    for name in request.names(request.metric):
        of = request.values(name)
        values = of.runs.values
        own = values[(values["role"].astype(str) == ALL_HOSTS).to_numpy()]
        texts = {key: own[key].astype(str) if key in own else "" for key in _TEXTS}
        parts.append(own.assign(**texts, unit=of.unit))
    together = pd.concat(parts, ignore_index=True)
    runs = zip(together["experiment"], together["sim_id"], strict=True)
    begun = together[[run in known for run in runs]]
    if begun.empty:
        raise InvalidData("there is nothing to draw: of no such run it is known when it began")
    return charts.drift(begun, known, **request.by_platform, **request.beside(230, 70, 3))


def _variance(request: Request) -> Chart:
    found = variance(request.store, request.metric, **request.choice)
    roles = len(found.components["role"].unique())
    wide = request.shared_out(230, 150, roles)
    title = f"Where the variance of {in_a_sentence(request.metric)} lies"
    of = VARYING[request.metric == DURATION]
    return charts.variances(found, of=of, title=title, simulated=request.simulated, width=wide)


def _differences(request: Request) -> Chart:
    among = request.names(request.given.get("among", ""))
    pairs = _pairs(request, [*among, request.metric])
    own = pairs[(pairs["metric"].astype(str) == request.metric).to_numpy()]
    return charts.differences(
        request.of_dimension(own),
        relative="relative" in request.given,
        simulated=request.simulated,
        **request.beside(200, 110, 3),
    )


def _ratios(request: Request) -> Chart:
    pairs = _pairs(request, request.names(request.metric))
    return charts.ratios(pairs, simulated=request.simulated, **request.beside(200, 110, 3))


def _pairs(request: Request, metrics: Sequence[str]) -> pd.DataFrame:
    """The pairs of a comparison of all these metrics, one family."""
    options = {name: request.given[name] for name in _COMPARED if name in request.given}
    names = list(dict.fromkeys(metrics))
    return compare(request.store, names, **options, **request.choice).pairs


def _flame(request: Request) -> Chart:
    kind = request.metric.removeprefix(PREFIX)
    return charts.flame_graph(
        stacks(request.store, kind, **request.choice),
        title=flame_title(kind, {s.platform for s in request.simulations}),
        simulated=request.simulated,
        width=request.shared_out(900, 20, 1),
    )


KINDS: Mapping[str, Kind] = {
    "facet": Kind(_facet, samples=True, options=("y",)),
    "course": Kind(_course, samples=True, options=("align",)),
    "values": Kind(_values, samples=True, measurements=True, options=("dimension",)),
    "heat": Kind(_heat, samples=True),
    "autocorrelation": Kind(_autocorrelation, samples=True, options=("by",)),
    "durations": Kind(_durations, durations=True),
    "timeline": Kind(_timeline, durations=True, options=("align",)),
    "drift": Kind(_drift, samples=True, durations=True, measurements=True, several=True),
    "variance": Kind(_variance, samples=True, durations=True, measurements=True),
    "differences": Kind(
        _differences,
        samples=True,
        durations=True,
        measurements=True,
        options=(*_COMPARED, "among", "dimension", "relative"),
    ),
    "ratios": Kind(
        _ratios,
        samples=True,
        durations=True,
        measurements=True,
        several=True,
        options=_COMPARED,
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
    names = words(metric)
    if len(names) > 1 and any(name in METRICS or name == DURATION for name in names):
        return tuple(name for name, kind in KINDS.items() if kind.several)
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
