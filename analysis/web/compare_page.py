"""The comparison: sentences, charts and tables of what the address asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd
from dash import Dash, html
from dash.development.base_component import Component

from analysis.charting.labels import counted
from analysis.charting.palette import palette
from analysis.comparing.comparability import PLATFORM, levels_of
from analysis.metrics import METRICS
from analysis.quantities import quantity
from analysis.timeline import durations
from analysis.values import ALL_HOSTS
from analysis.web.address import DURATION, Question, question_of, question_query, share_of
from analysis.web.keeper import Keeper
from analysis.web.listing import Listing
from analysis.web.live import Region
from analysis.web.parts import (
    Node,
    chart,
    folded,
    frame_table,
    links,
    notes,
    section,
)
from analysis.web.questions import Form, check_size, only_experiment
from minion.errors import InvalidData
from minion.model import Simulation
from minion.selection import Selection, natural

if TYPE_CHECKING:
    from analysis.comparing.comparison import Comparison

PATH = "/compare"
MOST_SENTENCES = 12
FORM = Form(
    "compare",
    PATH,
    ("experiment", "metric", "phase", "factor", "baseline", "margin"),
    ("platform", "sims", "quantile", "confidence", "allow", "excluded"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question about platforms, or levels of a parameter, is answered with.

    question: with its experiment. found: the comparison.
    levels: sim_id to the level that the run belongs to.
    quantile: of a host's samples that is compared; None for their mean.
    runs: of the selection.
    colours: of the platforms of the experiment, or none where levels stand in their place.
    """

    question: Question
    found: "Comparison"
    levels: Mapping[str, str]
    quantile: float | None
    runs: Sequence[Simulation]
    colours: Mapping[str, str]

    @property
    def simulated(self) -> bool:
        """Whether a run of it was made by a random generator."""
        return any(run.simulated for run in self.runs)


def page(keeper: Keeper, search: str) -> Component:
    """The whole page, before anything was compared."""
    return html.Div(
        [html.H1("Compare"), FORM.place(keeper, search), REGIONS[0].place(keeper, search)]
    )


def answer(listing: Listing, question: Question) -> Answer:
    """The comparison that a question asks for.

    Raises:
        InvalidData: it names no experiment, too many runs, a quantile or a confidence that is no
            number, or as of `compare`.
        NotFound, NotComparable: as of `compare`.
    """
    from analysis.comparing.comparison import compare  # noqa: PLC0415  heavy, and not for the first page
    from analysis.comparing.judgement import CONFIDENCE  # noqa: PLC0415  likewise

    question = only_experiment(listing, question)
    quantile = share_of(question.quantile, "quantile") if question.quantile else None
    confidence = CONFIDENCE
    if question.confidence:
        confidence = share_of(question.confidence, "confidence")
    check_size(listing, question)
    runs = listing.store.simulations(Selection.of(**question.choice))
    by_level, _ = levels_of(runs, question.by)
    _check_levels(by_level, question.by)
    found = compare(
        listing.store,
        [question.metric],
        factor=question.by,
        baseline=question.baseline or None,
        margin=question.margin or None,
        quantile=quantile,
        confidence=confidence,
        allow=question.allow or None,
        **question.choice,
    )
    levels = {s.sim_id: level for level, of in by_level.items() for s in of}
    own = question.by == PLATFORM
    colours = palette(listing.store, question.experiment) if own else {}
    return Answer(question, found, levels, quantile, runs, colours)


def _check_levels(levels: Mapping[str, Sequence[Simulation]], factor: str) -> None:
    """Says in the page's words that a comparison needs two; nothing of no run at all."""
    if len(levels) == 1:
        ((level, runs),) = levels.items()
        raise InvalidData(
            f"only one {factor} in this selection: {level} ({counted(len(runs), 'run')}); a"
            " comparison needs two: choose more runs, or something else under “Compared by”"
        )


def values_chart(listing: Listing, told: Answer) -> alt.TopLevelMixin | None:
    """The values that are compared, a dot per run; None for what is no series and no duration."""
    from analysis import charts  # noqa: PLC0415  likewise

    question = told.question
    if question.metric == DURATION:
        frame = _by_level(durations(listing.store, **question.choice), told)
        title = f"How long each phase took{_beside(told)}"
        return charts.durations(frame, title=title, simulated=told.simulated, colours=told.colours)
    if question.metric not in METRICS:
        return None
    metric = METRICS[question.metric]
    of = quantity(listing.store, metric.name, told.runs, quantile=told.quantile, **question.choice)
    values = of.runs.values
    whole = _by_level(values[(values["role"].astype("str") == ALL_HOSTS).to_numpy()], told)
    return charts.utilization(
        whole.assign(metric=metric.name, unit=of.unit),
        title=f"{_of_quantile(told)}{metric.label} in each phase{_beside(told)}",
        simulated=told.simulated,
        colours=told.colours,
    )


def _by_level(frame: pd.DataFrame, told: Answer) -> pd.DataFrame:
    """The rows of the runs that are compared, each under its level where platforms stand else."""
    if told.question.by == PLATFORM:
        return frame
    ids = frame["sim_id"].astype("str")
    own = frame[ids.isin(list(told.levels)).to_numpy()]
    levels = own["sim_id"].astype("str").map(dict(told.levels))
    names = pd.Index(sorted(set(told.levels.values()), key=natural), dtype="str")
    return own.assign(platform=pd.Categorical(levels, categories=names))


def _beside(told: Answer) -> str:
    """What the rows of a chart are, where they are no platforms."""
    return "" if told.question.by == PLATFORM else f", by {told.question.by}"


def _of_quantile(told: Answer) -> str:
    """What is compared, before its name, where it is not the mean."""
    return "" if told.quantile is None else f"{told.quantile:g} quantile of "


def forest_chart(told: Answer) -> alt.TopLevelMixin:
    """The interval of every difference."""
    from analysis import charts  # noqa: PLC0415  likewise

    drawn = charts.differences(told.found, simulated=told.simulated)
    drawn.title.text = f"{_of_quantile(told)}{drawn.title.text}"
    return drawn


def comparison(listing: Listing, search: str) -> Node:
    """Everything that the page says of a question."""
    told = answer(listing, question_of(search))
    question, found = told.question, told.found
    sentences = list(found.sentences)
    more = sentences[MOST_SENTENCES:]
    drawn = values_chart(listing, told)
    rows = len(found.pairs) // max(1, found.pairs["role"].nunique())
    asked = question_query(question)
    kinds = ("svg", "png", "json")
    return [
        section(
            "verdicts",
            "What can be said",
            *([html.P(_SIMULATED, className="simulated")] if told.simulated else []),
            html.P(found.headline, className="lead"),
            notes(sentences[:MOST_SENTENCES], "sentences"),
            *([folded("More sentences", len(more), notes(more, "sentences"))] if more else []),
            notes(_remarks(found), "remarks"),
        ),
        section(
            "differences",
            "Differences",
            chart("differences", forest_chart(told), fit="columns", height=90 + 24 * rows),
            links(
                "Chart",
                {k.upper(): f"/download/differences.{k}{asked}" for k in kinds},
            ),
        ),
        *(
            [
                section(
                    "values",
                    "The runs behind them",
                    chart("values", drawn, fit="columns", height=420),
                    links("Chart", {k.upper(): f"/download/values.{k}{asked}" for k in kinds}),
                )
            ]
            if drawn is not None
            else []
        ),
        section(
            "tables",
            "Figures",
            *(
                folded(title, len(frame), _figures(title, frame), opened=not place)
                for place, (title, frame) in enumerate(found.tables().items())
            ),
            links(
                "Comparison",
                {
                    "CSV": f"/download/comparison.csv{asked}",
                    "JSON": f"/download/comparison.json{asked}",
                },
            ),
        ),
    ]


def _figures(title: str, frame: pd.DataFrame) -> Component:
    """Pairs as a table: numbers to the right, with a minus and units in words."""
    numbers = [str(name) for name in frame if name not in _TEXTS]
    texts: dict[str, Any] = {
        n: frame[n].astype("str").str.replace(r"-(?=\d)", "−", regex=True) for n in numbers
    }
    texts = {n: column.mask(column == "-", "–") for n, column in texts.items()}
    if "unit" in frame:
        texts["unit"] = frame["unit"].replace("points", "percentage points")
    return frame_table(title, frame.assign(**texts), kind="figures", numbers=numbers)


def _remarks(found: "Comparison") -> list[str]:
    """What a reader must know; where the program points to its own option, to the page's file."""
    own = f"Run ids, options and the hash of the values ({found.provenance['sha256'][:12]}) are in"
    kept = [text for text in found.remarks if "--format" not in text]
    return [*kept, f"{own} the JSON file below."]


REGIONS = (
    Region(
        name="comparison", path=PATH, stand=lambda _, search: search, body=comparison, heavy=True
    ),
)
_TEXTS = (
    *("metric", "dimension", "phase", "role", "level", "reference", "unit", "verdict", "reason"),
)
_SIMULATED = "Simulated data: it shows what the tools do, and says nothing about the platforms."


def register(app: Dash, keeper: Keeper) -> None:
    """The callbacks of the page."""
    FORM.register(app, keeper)
    for region in REGIONS:
        region.register(app, keeper)
