"""Regions of a page that follow their store: asked again every few seconds, drawn when it changed.

A region is a part of one page with two functions: a cheap one that says how the store stands, and
one that makes what is seen. Nothing of it is kept on the server: how the store stood when a page
was made lies in that page, so many pages do not know of each other.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from analysis.web.keeper import Keeper
from analysis.web.listing import Listing
from analysis.web.parts import Node, alert, aria
from minion.errors import MinionError, StoreError

EVERY_MS = 3_000
AWAY = "away"  # how the store stands when it did not answer
FAILED = "failed"  # and for an address that has no answer
_BROKEN = "This part could not be made: an error of the program, which its log describes."
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of a page that follows its store.

    name: of its elements. path: of the page that it is in.
    stand: how the store stands for an address' query: anything that JSON holds and that is
        another when the region must be made again.
    body: what is seen.
    heavy: it takes long, so only a few are made at once, and only when the address changes.
    """

    name: str
    path: str
    stand: Callable[[Listing, str], Any]
    body: Callable[[Listing, str], Node]
    heavy: bool = False

    def place(self, keeper: Keeper, search: str) -> Component:
        """Where it stands in its page, made already unless it is heavy.

        Args:
            keeper: of the store.
            search: the query of the address.
        """
        told, seen, stand = (None, None, None) if self.heavy else self._made(keeper, search)
        body = html.Div(seen, id=f"{self.name}-body")
        return html.Div(
            [
                html.Div(told, id=f"{self.name}-alert", **aria(live="polite")),
                dcc.Loading(body, delay_show=400, type="dot") if self.heavy else body,
                dcc.Store(id=f"{self.name}-stand", data=stand),
                dcc.Store(id=f"{self.name}-again"),
            ]
        )

    def register(self, app: Dash, keeper: Keeper) -> None:
        """Let the page ask for it.

        Looking and making are two questions: a browser that asks again drops the answer to what it
        asked before, so what is made slowly would never be seen if every look asked for it.
        """

        @app.callback(
            Output(f"{self.name}-again", "data"),
            Input("tick", "n_intervals"),
            State(f"{self.name}-again", "data"),
            State(f"{self.name}-stand", "data"),
            State("url", "search"),
            State("url", "pathname"),
            prevent_initial_call=True,
        )
        def look(_: int, seen: Any, made: Any, search: str | None, path: str) -> Any:
            if path != self.path or made is None or made == FAILED:
                raise PreventUpdate
            if self.heavy and made != AWAY:
                raise PreventUpdate
            search = search or ""
            last = seen["stand"] if seen and seen["search"] == search else made
            now = self._look(keeper, search)
            if now == last:
                raise PreventUpdate
            return {"search": search, "stand": now}

        @app.callback(
            Output(f"{self.name}-alert", "children"),
            Output(f"{self.name}-body", "children"),
            Output(f"{self.name}-stand", "data"),
            Input("url", "search"),
            Input(f"{self.name}-again", "data"),
            State("url", "pathname"),
            prevent_initial_call=not self.heavy,
        )
        def make(search: str | None, _: Any, path: str) -> tuple[Any, Any, Any]:
            if path != self.path:
                raise PreventUpdate
            again = ctx.triggered_id == f"{self.name}-again"
            return self._made(keeper, search or "", again=again)

    def _made(self, keeper: Keeper, search: str, *, again: bool = False) -> tuple[Any, Any, Any]:
        """What is said of it, what is seen of it, and how the store stood."""
        try:
            with keeper.heavy() if self.heavy else keeper.listing() as listing:
                stand = self.stand(listing, search)
                return None, self.body(listing, search), stand
        except MinionError as error:
            return _failed(error, again=again)
        except Exception:  # noqa: BLE001  what was not foreseen
            # One part that is broken leaves the others alone, and whoever looks is told.
            _log.exception("the part %s of %s could not be made", self.name, self.path)
            return alert(_BROKEN), None, FAILED

    def _look(self, keeper: Keeper, search: str) -> Any:
        try:
            with keeper.listing() as listing:
                return self.stand(listing, search)
        except StoreError:
            return AWAY
        except MinionError:
            return FAILED


def _failed(error: MinionError, *, again: bool) -> tuple[Any, Any, Any]:
    away = isinstance(error, StoreError)
    text = f"{error}." + (" This page goes on by itself when it is back." if away else "")
    # What was seen stays while the store is away; another address shows nothing of the last.
    return alert(text), no_update if away and again else None, AWAY if away else FAILED
