"""The filters of the list of runs."""

from typing import Any

from dash import dcc, html
from dash.development.base_component import Component

from analysis.web.listing import ORDERS, Counts, Filter
from analysis.web.parts import labelled
from minion.model import Status, Verdict
from minion.selection import natural

CONTROLS = ("text", "experiment", "platform", "verdict", "status", "order")
_ALL = {
    "experiment": "All experiments",
    "platform": "All platforms",
    "verdict": "All verdicts",
    "status": "Every status",
}
_FIXED = {"verdict": [*Verdict], "status": [*Status]}


def filters(wanted: Filter, counts: Counts) -> list[Component]:
    """The controls, holding what a filter says.

    Args:
        wanted: the filter.
        counts: what there is to choose from.
    """
    text = dcc.Input(
        id="filter-text",
        type="search",
        value=wanted.text,
        debounce=0.35,
        placeholder="Part of a run's name",
        maxLength=200,
        autoComplete="off",
    )
    choices = [
        labelled(
            name.capitalize(),
            f"filter-{name}",
            dcc.Dropdown(
                id=f"filter-{name}",
                options=options(name, wanted, counts),
                value=getattr(wanted, name) or None,
                placeholder=_ALL[name],
            ),
        )
        for name in _ALL
    ]
    order = dcc.Dropdown(
        id="filter-order",
        options=[{"value": key, "label": label} for key, label in ORDERS.items()],
        value=wanted.order,
        clearable=False,
        searchable=False,
    )
    return [
        html.Div(
            [
                labelled("Search", "filter-text", text, "wide"),
                *choices,
                labelled("Order", "filter-order", order),
            ],
            className="filters",
            role="search",
        )
    ]


def options(name: str, wanted: Filter, counts: Counts) -> list[dict[str, Any]]:
    """What a control offers, with numbers of runs: what is chosen already among it.

    Args:
        name: of the control.
        wanted: the filter.
        counts: what there is.
    """
    only = {"experiment": wanted.experiment} if name != "experiment" else {}
    numbers = counts.by(name, **only)
    chosen = getattr(wanted, name)
    names = _FIXED.get(name) or sorted({*numbers, *([chosen] if chosen else [])}, key=natural)
    return [{"value": str(n), "label": f"{n} ({numbers.get(str(n), 0):,})"} for n in names]
