"""One minion in depth, alive while its run is in progress."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from analysis.charting.palette import palette
from analysis.metrics import METRICS
from analysis.web import soundness
from analysis.web.address import LABELS, query, run_address, run_of
from analysis.web.judging import form
from analysis.web.keeper import Keeper
from analysis.web.lines import PANEL, Lines, read_fresh, read_lines, run_chart, run_map
from analysis.web.listing import Listing
from analysis.web.live import Region
from analysis.web.parts import (
    STATUSES,
    Node,
    aria,
    badge,
    chart,
    facts,
    folded,
    frame_table,
    lasting,
    links,
    moment,
    notes,
    platform_mark,
    section,
    tiles,
)
from minion.errors import InvalidData, MinionError, StoreError
from minion.model import Simulation, Status
from minion.overview import Overview, describe

PATH = "/run"
MAP = 200  # pixels of what stands around a map
MOST_NEW = 20_000  # samples that are added to a chart at once
DRAWN_AGAIN = 50_000  # new samples of a run after which its chart is reduced again


def page(keeper: Keeper, search: str, *, judges: bool) -> Component:
    """The whole page.

    Args:
        keeper: of the store.
        search: the query of the address.
        judges: with the form that excludes it.
    """
    stores = [dcc.Store(id="fresh"), dcc.Store(id="cursor"), soundness.kept()]
    judged = judges and _is_there(keeper, search)
    return html.Div([REGIONS[0].place(keeper, search), *([form()] if judged else []), *stores])


def run(listing: Listing, search: str) -> Node:
    """Everything of one run."""
    experiment, sim_id, metric = run_of(search)
    store = listing.store
    simulation = store.simulation(sim_id, experiment)
    view = describe(store, simulation)
    # What a run that goes on has not said yet is no problem.
    problems = () if simulation.status is Status.RUNNING else view.problems
    return [
        _head(listing, simulation, int(view.charts["samples"].sum())),
        *([notes(problems, "doubts")] if problems else []),
        section(
            "lines",
            "What its hosts did",
            _metrics(simulation, metric),
            *_lines(listing, simulation, metric),
        ),
        *soundness.place(simulation),
        *_tables(view),
    ]


def run_stands(listing: Listing, search: str) -> Any:
    """The status of the run, its verdict and how many events it has.

    Samples come on their own; now and then the chart is drawn again, so that it does not grow.
    """
    experiment, sim_id, metric = run_of(search)
    simulation = listing.store.simulation(sim_id, experiment)
    samples = 0
    if simulation.status is not Status.COMPLETE:
        samples = listing.store.count_samples([simulation])[simulation.id]
    return [
        str(simulation.id),
        simulation.status.value,
        simulation.validity.verdict.value,
        str(simulation.validity.at),
        len(simulation.events),
        len(simulation.missing),
        -(-samples // DRAWN_AGAIN),
        metric,
    ]


REGIONS = (Region(name="run", path=PATH, stand=run_stands, body=run),)


def register(app: Dash, keeper: Keeper) -> None:
    """The callbacks of the page."""
    for region in REGIONS:
        region.register(app, keeper)
    soundness.register(app, keeper)

    @app.callback(
        Output("fresh", "data"),
        Output("cursor", "data"),
        Input("tick", "n_intervals"),
        Input({"type": "reached", "of": ALL}, "data"),
        State("cursor", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def follow(_: int, drawn: list[Any], cursor: Any, search: str | None) -> Any:
        """The samples that came since; the first call of a new chart only keeps how far it is."""
        reached = drawn[0] if drawn else None
        if not isinstance(reached, dict) or not reached.get("live"):
            return no_update, no_update
        if not isinstance(cursor, dict) or cursor.get("made") != reached["made"]:
            return no_update, reached
        try:
            experiment, sim_id, metric = run_of(search)
            with keeper.store() as store:
                simulation = store.simulation(sim_id, experiment)
                found = read_fresh(store, simulation, metric, _cursor(cursor))
        except MinionError:
            return no_update, no_update  # the page's region says it
        if not found.records:
            return no_update, no_update
        return (
            {"of": "lines", "rows": found.records[-MOST_NEW:]},
            {**cursor, "panels": found.cursor},
        )


# ---------------------------------------------------------------- inside


def _is_there(keeper: Keeper, search: str) -> bool:
    """Whether there is such a run, as far as can be known now."""
    try:
        experiment, sim_id, _ = run_of(search)
        with keeper.store() as store:
            store.simulation(sim_id, experiment)
    except StoreError:
        return True
    except MinionError:
        return False
    return True


def _cursor(kept: Any) -> dict[str, float]:
    """How far each panel is, as the page says; what is no number is left out."""
    panels = kept.get("panels")
    if not isinstance(panels, dict):
        return {}
    return {str(k): float(v) for k, v in panels.items() if isinstance(v, int | float)}


def _head(listing: Listing, simulation: Simulation, samples: int) -> Component:
    s = simulation
    length = None if s.start is None or s.end is None else s.end - s.start
    validity = s.validity
    colours = palette(listing.store, s.experiment)
    said = f" by {validity.by}" if validity.by else ""
    when = f" on {validity.at:%Y-%m-%d %H:%M} UTC" if validity.at else ""
    reasons = "; ".join(validity.reasons)
    return html.Div(
        [
            html.P(
                [
                    dcc.Link("Runs", href="/"),
                    " / ",
                    dcc.Link(s.experiment, href="/" + query(experiment=s.experiment)),
                ],
                className="crumbs",
            ),
            html.H1(f"Run {s.sim_id}"),
            html.P(
                [
                    platform_mark(s.platform, colours),
                    " ",
                    badge(s.status.value, STATUSES),
                    " ",
                    badge(validity.verdict.value),
                    html.Span(f" {said}{when}" if said or when else "", className="quiet"),
                ],
                className="states",
            ),
            *([html.P(f"Reason: {reasons}", className="reason")] if reasons else []),
            *([html.P(_SIMULATED, className="simulated")] if s.simulated else []),
            tiles(
                [
                    (moment(s.began), "start (UTC)"),
                    (lasting(length), "length"),
                    (f"{len(s.hosts):,}", "hosts"),
                    (f"{samples:,}", "samples"),
                ]
            ),
        ]
    )


def _metrics(simulation: Simulation, metric: str) -> Component:
    """A link for each metric: the one that is shown is no link."""
    items: list[Node] = []
    for name in METRICS:
        if name == metric:
            items.append(html.Span(LABELS[name], **aria(current="true")))
        else:
            address = run_address(simulation.experiment, simulation.sim_id, name)
            items.append(dcc.Link(LABELS[name], href=address))
    return html.Nav(items, className="choices", **aria(label="Metrics"))


def _lines(listing: Listing, simulation: Simulation, metric: str) -> list[Node]:
    live = simulation.status in (Status.RUNNING, Status.ENDED)
    try:
        drawn = read_lines(listing.store, simulation, metric)
    except InvalidData as error:
        return [html.P(f"{LABELS[metric]} cannot be given: {error}.", className="empty")]
    if not drawn.records:
        waiting = " They appear here as they are collected." if live else ""
        return [
            html.P(f"There are no samples of {LABELS[metric]} yet.{waiting}", className="empty")
        ]
    panels = len(drawn.cursor)
    address = query(experiment=simulation.experiment, sim_id=simulation.sim_id, metric=metric)
    files = {
        kind.upper(): f"/download/run.{kind}{address}" for kind in ("svg", "png", "json", "csv")
    }
    if drawn.left_out:
        more = f" It is drawn again when {DRAWN_AGAIN:,} samples are new." if live else ""
        rows = panels + drawn.left_out
        return [
            html.P(f"{rows} lines are too many to be told apart: each is a row of colours.{more}"),
            chart(
                "map",
                run_map(listing.store, simulation, metric),
                fit="maps",
                height=MAP + 22 * min(rows, 30),
            ),
            links("Download", files),
        ]
    return [
        *([html.P("Live: new samples are drawn as they come.", className="live-note")] * live),
        chart(
            "lines",
            run_chart(drawn, simulation, metric),
            fit="wide",
            height=130 + panels * (PANEL + 32),
        ),
        dcc.Store(
            id={"type": "reached", "of": "lines"},
            data=_reached(drawn, simulation, metric, live=live),
        ),
        links("Download", files),
    ]


def _reached(drawn: Lines, simulation: Simulation, metric: str, *, live: bool) -> dict[str, Any]:
    made = f"{simulation.id} {metric} {len(simulation.events)} {simulation.status}"
    return {"live": live, "made": made, "panels": drawn.cursor}


def _tables(view: Overview) -> list[Node]:
    tables = {
        "Phases": view.phases,
        "Hosts": view.hosts,
        "Measurements": view.measurements,
        "Events": view.events,
        "Charts stored": view.charts,
        "Missing samples": view.missing,
    }
    shown = [
        folded(name, len(frame), frame_table(name, frame), opened=name in ("Phases", "Hosts"))
        for name, frame in tables.items()
        if not frame.empty
    ]
    gaps = int(view.charts["gaps"].sum())
    expected = int(view.charts["samples"].sum()) + gaps
    said = "No sample is missing on the grids of its charts."
    if gaps:
        said = f"{gaps:,} of {expected:,} samples that the grids of its charts have are missing."
    known = {name: str(text) for name, text in view.simulation.items() if name not in _SHOWN}
    return [
        section("inside", "What is stored", html.P(said), *shown),
        section("facts", "How it came about", facts(known)),
    ]


_SHOWN = ("sim_id", "status", "verdict", "reasons", "verdict by", "start", "length")
_SIMULATED = "Simulated data: made by a random generator, not measured."
