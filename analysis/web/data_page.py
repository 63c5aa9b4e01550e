"""Files to take away: samples, durations, lists and the report of chosen runs."""

from dash import Dash, html
from dash.development.base_component import Component

from analysis.web.address import Question, question_of, question_query
from analysis.web.keeper import Keeper
from analysis.web.listing import Listing
from analysis.web.live import Region
from analysis.web.parts import Node, section
from analysis.web.questions import EVERYTHING, MOST_RUNS, RUNS, Form
from minion import schema
from minion.selection import Selection

PATH = "/data"
FORM = Form(
    "data",
    PATH,
    ("experiment", "platform", "metric", "phase", "sims", "excluded"),
    whats={EVERYTHING: "Every chart, as netdata has it", RUNS: "List of runs"},
)


def page(keeper: Keeper, search: str) -> Component:
    """The whole page."""
    return html.Div([html.H1("Data"), FORM.place(keeper, search), REGIONS[0].place(keeper, search)])


def files(listing: Listing, search: str) -> Node:
    """How many runs are chosen, and their files."""
    question = question_of(search)
    number = _count(listing, question)
    if not number:
        return html.P("No run fits this choice.", className="empty")
    runs = f"{number:,} {'run' if number == 1 else 'runs'}"
    asked = question_query(question)
    name = question.metric
    large = number > MOST_RUNS and name not in (EVERYTHING, RUNS)
    data = (
        html.P(f"More than {MOST_RUNS:,} runs: choose fewer, or take every chart.")
        if large
        else _buttons(
            {
                "CSV": f"/download/{name}.csv{asked}",
                "Parquet": f"/download/{name}.parquet{asked}",
            }
        )
    )
    report = (
        html.P(f"A report takes {MOST_RUNS:,} runs at most here; `minion report` takes all.")
        if number > MOST_RUNS
        else _buttons({"Report (HTML)": f"/download/report.html{asked}"})
    )
    return [
        section("files", "Table", html.P(f"{runs} chosen. Numbers are exact."), data),
        section(
            "report",
            "Report",
            html.P("One file with durations, utilization and every run; it needs no network."),
            report,
        ),
    ]


def _count(listing: Listing, question: Question) -> int:
    query = Selection.of(**question.choice).query()
    return listing.store.database[schema.MINIONS].count_documents(query)


def _buttons(targets: dict[str, str]) -> Component:
    return html.P(
        [
            html.A(text, href=address, download="", className="button")
            for text, address in targets.items()
        ],
        className="buttons",
    )


REGIONS = (
    Region(
        name="files",
        path=PATH,
        stand=lambda listing, s: _count(listing, question_of(s)),
        body=files,
    ),
)


def register(app: Dash, keeper: Keeper) -> None:
    """The callbacks of the page."""
    FORM.register(app, keeper)
    for region in REGIONS:
        region.register(app, keeper)
