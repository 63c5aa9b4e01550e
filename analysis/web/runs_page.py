"""The first page: experiments, runs in progress, and every run, a page at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from bson import ObjectId
from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from analysis.charting.theme import platform_colours
from analysis.web.address import filter_of, list_query, query, run_address
from analysis.web.keeper import Keeper
from analysis.web.listing import Counts, Filter, Listing, Page
from analysis.web.live import Region
from analysis.web.parts import (
    STATUSES,
    Node,
    aria,
    badge,
    lasting,
    moment,
    platform_mark,
    section,
    table,
)
from analysis.web.runs_filters import CONTROLS, filters, options
from minion.errors import MinionError
from minion.lifecycle import read_timeline
from minion.model import Simulation, Verdict
from minion.selection import natural

PATH = "/"
MOST_EXPERIMENTS = 100
_NOTHING = "There is no run yet. `minion demo` makes some, `minion record` measures one."
_COLUMNS = (
    ("Run", False),
    ("Experiment", False),
    ("Platform", False),
    ("Status", False),
    ("Verdict", False),
    ("Hosts", True),
    ("Samples", True),
    ("Start (UTC)", False),
    ("Length", True),
)
_SORTS = {"Run": ("name", "-name")}


def page(keeper: Keeper, search: str) -> Component:
    """The whole page."""
    wanted, _ = filter_of(search)
    overview_place, list_place = (region.place(keeper, search) for region in REGIONS)
    return html.Div(
        [
            html.H1("Runs"),
            overview_place,
            section(
                "runs",
                "Every run",
                html.Div(filters(wanted, _counts(keeper)), id="filters"),
                list_place,
            ),
        ]
    )


def overview(listing: Listing, _: str) -> Node:
    """The runs in progress, and the experiments."""
    going = listing.in_progress()
    samples = listing.store.count_samples(going) if going else {}
    shown = [_in_progress(going, samples, listing.reached())] if going else []
    return [*shown, _experiments(listing.counts())]


def overview_stands(listing: Listing, _: str) -> Any:
    """How many runs there are of what kind, and how far those in progress are."""
    going = listing.in_progress()
    samples = listing.store.count_samples(going) if going else {}
    far = [[str(s.id), samples[s.id], len(s.events)] for s in going]
    return [sorted([*key, n] for key, n in listing.counts().groups.items()), far]


def runs(listing: Listing, search: str) -> Node:
    """A page of the list, with the way to the others."""
    wanted, number = filter_of(search)
    found = listing.page(wanted, number)
    if not found.total:
        some = wanted != Filter(order=wanted.order)
        return html.P("No run fits these filters." if some else _NOTHING, className="empty")
    return [_table(found, wanted, listing.counts()), _turning(found, wanted)]


def runs_stand(listing: Listing, search: str) -> Any:
    """The rows of the page, and what they say."""
    found = listing.page(*filter_of(search))
    rows = [
        [str(s.id), s.status.value, s.validity.verdict.value, found.samples[s.id]]
        for s in found.simulations
    ]
    return [found.total, rows]


REGIONS = (
    Region(name="overview", path=PATH, stand=overview_stands, body=overview),
    Region(name="list", path=PATH, stand=runs_stand, body=runs),
)


def register(app: Dash, keeper: Keeper) -> None:
    """The callbacks of the page."""
    for region in REGIONS:
        region.register(app, keeper)
    held = [f"filter-{name}" for name in CONTROLS]

    @app.callback(
        Output("filters", "children"),
        Input("url", "search"),
        *(State(control, "value") for control in held),
        State("url", "pathname"),
        prevent_initial_call=True,
    )
    def follow(search: str | None, *values: Any) -> Any:
        """The filters of an address that somebody else wrote: a link, the way back."""
        *chosen, path = values
        wanted, _ = filter_of(search)
        if path != PATH or wanted == _chosen(chosen):
            return no_update
        return filters(wanted, _counts(keeper))

    @app.callback(
        Output("url", "search", allow_duplicate=True),
        *(Input(control, "value") for control in held),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def choose(*values: Any) -> Any:
        """The address of the filters that somebody chose; it begins at the first page."""
        *chosen, search = values
        wanted = _chosen(chosen)
        return no_update if wanted == filter_of(search)[0] else list_query(wanted)

    @app.callback(
        Output("filter-experiment", "options"),
        Output("filter-platform", "options"),
        Input("overview-stand", "data"),
        State("filter-experiment", "value"),
        State("filter-platform", "value"),
        prevent_initial_call=True,
    )
    def refresh(_: Any, experiment: str | None, platform: str | None) -> Any:
        """What there is to choose from, when there is more."""
        counts = _counts(keeper)
        wanted = Filter(experiment=str(experiment or ""), platform=str(platform or ""))
        return options("experiment", wanted, counts), options("platform", wanted, counts)


# ---------------------------------------------------------------- inside


def _counts(keeper: Keeper) -> Counts:
    """What there is; nothing while the store is away, which the regions say."""
    try:
        with keeper.listing() as listing:
            return listing.counts()
    except MinionError:
        return Counts()


def _chosen(values: Sequence[Any]) -> Filter:
    given = {name: str(v) for name, v in zip(CONTROLS, values, strict=True) if v}
    return filter_of(query(**given))[0]


def _in_progress(
    going: Sequence[Simulation], samples: Mapping[ObjectId, int], reached: Mapping[ObjectId, float]
) -> Component:
    cards = []
    for s in going:
        timeline = read_timeline(s)
        last = max(s.events, key=lambda e: e.time).type.name if s.events else "nothing noted yet"
        until = "no samples collected yet"
        if timeline and s.id in reached:
            until = f"{reached[s.id] - timeline.origin:,.0f} s collected"
        cards.append(
            html.Li(
                [
                    dcc.Link(s.sim_id, href=run_address(s.experiment, s.sim_id)),
                    html.P([badge(s.status.value, STATUSES), f" {s.platform}, {s.experiment}"]),
                    html.P(f"{samples.get(s.id, 0):,} samples, {until}"),
                    html.P(f"last event: {last}", className="quiet"),
                ]
            )
        )
    return section("progress", "In progress", html.Ul(cards, className="cards"))


def _experiments(counts: Counts) -> Node:
    names = sorted(counts.by("experiment"), key=natural)
    if not names:
        return None
    columns = [("Experiment", False), ("Runs", True), ("Platforms", False)]
    columns += [(verdict.value.capitalize(), True) for verdict in Verdict]
    columns.append(("Actions", False))
    rows: list[list[Node]] = []
    for name in names[:MOST_EXPERIMENTS]:
        platforms = counts.by("platform", experiment=name)
        verdicts = counts.by("verdict", experiment=name)
        colours = platform_colours(platforms)
        shown = [html.Span([platform_mark(p, colours), " "]) for p in list(colours)[:8]]
        more = len(platforms) - 8
        rows.append(
            [
                dcc.Link(name, href="/" + query(experiment=name)),
                f"{sum(platforms.values()):,}",
                [*shown, *([f"and {more} more"] if more > 0 else [])],
                *(f"{verdicts.get(verdict.value, 0):,}" for verdict in Verdict),
                html.Span(
                    [
                        dcc.Link("Compare", href="/compare" + query(experiment=name)),
                        dcc.Link("Data", href="/data" + query(experiment=name)),
                    ],
                    className="actions",
                ),
            ]
        )
    caption = "Experiments"
    if len(names) > MOST_EXPERIMENTS:
        caption = f"The first {MOST_EXPERIMENTS} of {len(names):,} experiments"
    return section("experiments", caption, table(caption, columns, rows, kind="cards"))


def _table(found: Page, wanted: Filter, counts: Counts) -> Component:
    there = {s.experiment for s in found.simulations}
    colours = {e: platform_colours(counts.by("platform", experiment=e)) for e in there}
    rows: list[list[Node]] = [
        [
            dcc.Link(s.sim_id, href=run_address(s.experiment, s.sim_id)),
            s.experiment,
            platform_mark(s.platform, colours[s.experiment]),
            badge(s.status.value, STATUSES),
            badge(s.validity.verdict.value),
            f"{len(s.hosts):,}",
            f"{found.samples.get(s.id, 0):,}",
            moment(s.began),
            lasting(None if s.start is None or s.end is None else s.end - s.start),
        ]
        for s in found.simulations
    ]
    return table(
        "Runs", _COLUMNS, rows, kind="cards", heads=[_head(name, wanted) for name, _ in _COLUMNS]
    )


def _head(name: str, wanted: Filter) -> Node:
    """A column's name; one that can be sorted by is a link that turns the order round."""
    if name not in _SORTS:
        return name
    up, down = _SORTS[name]
    now = {up: "\u2191", down: "\u2193"}.get(wanted.order, "\u2195")
    then = down if wanted.order == up else up
    arrow = html.Span(now, className="arrow", **aria(hidden="true"))
    return dcc.Link([name, arrow], href="/" + list_query(wanted, order=then), className="sort")


def _turning(found: Page, wanted: Filter) -> Component:
    first = (found.number - 1) * found.rows + 1
    last = first + len(found.simulations) - 1
    steps: list[Node] = []
    if found.number > 1:
        steps.append(dcc.Link("Previous", href="/" + list_query(wanted, found.number - 1)))
    steps.append(f"{first:,} to {last:,} of {found.total:,}")
    if found.number < found.pages:
        steps.append(dcc.Link("Next", href="/" + list_query(wanted, found.number + 1)))
    return html.Nav(
        [html.Span(step) for step in steps], className="turning", **aria(label="Pages of the list")
    )
