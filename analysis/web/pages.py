"""The pages together: what stands around them, which address shows which."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from threading import Thread
from typing import Any

import dash
from dash import ClientsideFunction, Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from flask import Response, request

from analysis.charting.vega import runtime
from analysis.web import compare_page, data_page, downloads, judging, run_page, runs_page
from analysis.web.address import run_of, words_of
from analysis.web.guard import protect
from analysis.web.keeper import Keeper
from analysis.web.live import EVERY_MS
from analysis.web.parts import aria
from minion.errors import MinionError

_PAGES = {
    runs_page.PATH: ("Runs", "Runs"),
    compare_page.PATH: ("Compare", "Compare"),
    data_page.PATH: ("Data", "Data"),
}
_ANY = "/<path:path>"  # where Dash serves every address that nothing else has
_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<meta name="vega" content="VEGA">
<title>Minion</title>
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<script src="/assets/theme.js"></script>
{%css%}
</head>
<body>
{%app_entry%}
<noscript>This page needs JavaScript. The commands of Minion say the same.</noscript>
{%config%}
{%scripts%}
{%renderer%}
</body>
</html>
"""


def application(keeper: Keeper, *, host: str, token: str | None = None) -> Dash:
    """The application; its `server` is a WSGI application.

    Args:
        keeper: of the store.
        host: that it will listen on.
        token: that a verdict takes; None: nobody judges here.
    """
    vega = f"/vega-{version('vl-convert-python')}.js"
    app = Dash(
        __name__,
        title="Minion",
        update_title="",
        serve_locally=True,
        suppress_callback_exceptions=True,
        index_string=_INDEX.replace("VEGA", vega),
        assets_ignore="theme.js",
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
        add_log_handler=False,
    )
    app.layout = _frame(keeper)
    _register(app, keeper, token)
    server = app.server
    downloads.register(server, keeper)

    server.add_url_rule(vega, view_func=_drawing, endpoint="vega")
    server.after_request(_told)
    protect(server, host, app.csp_hashes())
    # Only pages with charts and comparisons wait for these, and the first page does not.
    Thread(target=_warm, name="warm", daemon=True).start()
    return app


def _told(answer: Response) -> Response:
    """An answer that also tells programs when there is no such page; Dash's own are all alike."""
    if request.endpoint == _ANY and request.path not in {*_PAGES, run_page.PATH}:
        answer.status_code = 404
    return answer


def _warm() -> None:
    """Load what takes a second or two each."""
    runtime()
    import_module("analysis.comparing.comparison")


def _drawing() -> Response:
    """What draws charts, the same script as in a report."""
    answer = Response(runtime(), mimetype="text/javascript")
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


def _frame(keeper: Keeper) -> Component:
    """What stands around every page."""
    ways = [dcc.Link(text, href=path, id=f"to{path}") for path, (text, _) in _PAGES.items()]
    return html.Div(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Interval(id="tick", interval=EVERY_MS),
            dcc.Store(id="title"),
            html.A("Skip to content", href="#page", className="skip"),
            html.Header(
                [
                    dcc.Link("Minion", href="/", className="brand"),
                    html.Nav(ways, **aria(label="Pages")),
                    html.Button("Dark", id="theme", type="button", title="Switch the colours"),
                ]
            ),
            html.Main(id="page", tabIndex="-1"),
            html.Footer(keeper.where, className="where"),
        ],
        className="frame",
    )


def _register(app: Dash, keeper: Keeper, token: str | None) -> None:
    @app.callback(
        Output("page", "children"),
        *(Output(f"to{path}", "className") for path in _PAGES),
        Input("url", "pathname"),
        State("url", "search"),
    )
    def show(path: str | None, search: str | None) -> Any:
        shown = _page(keeper, path or "/", search or "", judges=token is not None)
        return [shown, *("here" if own == path else "" for own in _PAGES)]

    @app.callback(Output("title", "data"), Input("url", "pathname"), Input("url", "search"))
    def title(path: str | None, search: str | None) -> str:
        return _title(path or "/", search or "")

    for module in (runs_page, run_page, compare_page, data_page):
        module.register(app, keeper)
    judging.register(app, keeper, token)
    _draw(app)


def _draw(app: Dash) -> None:
    """What the page's script does: draw charts, add samples, switch colours."""
    match = dash.MATCH
    chart = {"type": "chart", "of": match}
    spec = {"type": "spec", "of": match}
    add: Callable[..., None] = app.clientside_callback
    add(
        ClientsideFunction("minion", "draw"),
        Output(chart, "className"),
        Input(spec, "data"),
        State(spec, "id"),
    )
    add(
        ClientsideFunction("minion", "add"),
        Output("fresh", "modified_timestamp"),
        Input("fresh", "data"),
        prevent_initial_call=True,
    )
    add(
        ClientsideFunction("minion", "title"),
        Output("title", "modified_timestamp"),
        Input("title", "data"),
    )
    add(
        ClientsideFunction("minion", "theme"),
        Output("theme", "children"),
        Input("theme", "n_clicks"),
    )


def _page(keeper: Keeper, path: str, search: str, *, judges: bool) -> Component:
    if path == run_page.PATH:
        return run_page.page(keeper, search, judges=judges)
    pages = {
        runs_page.PATH: runs_page.page,
        compare_page.PATH: compare_page.page,
        data_page.PATH: data_page.page,
    }
    if path in pages:
        return pages[path](keeper, search)
    return html.Div([html.H1("There is no such page"), dcc.Link("To the runs", href="/")])


def _title(path: str, search: str) -> str:
    if path == run_page.PATH:
        try:
            return f"Run {run_of(search)[1]}"
        except MinionError:
            return "Run"
    experiment = words_of(search).get("experiment", "")
    name = _PAGES.get(path, ("", ""))[1]
    return f"{name}: {experiment}" if experiment else name
