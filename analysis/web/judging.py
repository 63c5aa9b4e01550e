"""Excluding a run and taking it in again, for those who have the token."""

from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from analysis.web.address import run_of
from analysis.web.keeper import Keeper
from analysis.web.parts import alert, aria, labelled
from analysis.web.tokens import check_token
from minion.errors import InvalidData, MinionError
from minion.model import Verdict

LONGEST = 500  # characters of a reason


def form() -> Component:
    """The form; what it says is checked by the server."""

    def text(name: str, **more: Any) -> dcc.Input:
        return dcc.Input(id=f"judge-{name}", maxLength=LONGEST, autoComplete="off", **more)

    return html.Details(
        [
            html.Summary("Exclude this run, or take it in again"),
            html.Form(
                [
                    labelled("Reason", "judge-reason", text("reason", type="text"), "wide"),
                    labelled("Your name", "judge-author", text("author", type="text")),
                    labelled("Token", "judge-token", text("token", type="password")),
                    html.Div(
                        [
                            html.Button("Exclude", id="judge-exclude", type="button"),
                            html.Button("Take in again", id="judge-include", type="button"),
                        ],
                        className="buttons",
                    ),
                ],
                className="filters",
            ),
            html.Div(id="judge-answer", **aria(live="polite")),
        ],
        className="fold",
        id="judge",
    )


def register(app: Dash, keeper: Keeper, token: str | None) -> None:
    """The callback of the form.

    Args:
        app: the pages.
        keeper: of the store.
        token: that a verdict takes; None: nobody judges here, and the callback is not there.
    """
    if token is None:
        return

    @app.callback(
        Output("judge-answer", "children"),
        Output("judge-reason", "value"),
        Input("judge-exclude", "n_clicks"),
        Input("judge-include", "n_clicks"),
        State("judge-reason", "value"),
        State("judge-author", "value"),
        State("judge-token", "value"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def judge(
        excluded: int | None,
        included: int | None,
        reason: Any,
        author: Any,
        given: Any,
        search: str | None,
    ) -> Any:
        from dash import ctx  # noqa: PLC0415  of this call

        if not excluded and not included:
            return no_update, no_update
        verdict = Verdict.EXCLUDED if ctx.triggered_id == "judge-exclude" else Verdict.VALID
        try:
            check_token(token, str(given or ""))
            said = change(keeper, search or "", verdict, str(reason or ""), str(author or ""))
        except MinionError as error:
            return alert(f"{error}."), no_update
        return html.P(said, role="status"), ""


def change(keeper: Keeper, search: str, verdict: Verdict, reason: str, author: str) -> str:
    """Keep a verdict on the run of an address; returns what was done, a sentence.

    Raises:
        InvalidData: there is no reason, or no name.
        NotFound: there is no such run.
    """
    reason, author = (" ".join(text.split())[:LONGEST] for text in (reason, author))
    if not author:
        raise InvalidData("a verdict needs your name; it is kept with it")
    if not reason:
        raise InvalidData("a verdict needs a reason; it is kept with it")
    experiment, sim_id, _ = run_of(search)
    with keeper.store() as store:
        store.judge(store.simulation(sim_id, experiment), verdict, [reason], by=author)
    return f"Run {sim_id} is {verdict} now: {reason}"
