"""What pages are made of: tables, facts, charts, notes. Every text in them stays text."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from dash import dcc, html
from dash.development.base_component import Component

MOST_ROWS = 500  # of a table in a page
Node = Any  # what Dash takes for children: a component, a text, none, or a list of them

_UNITS = {"s": "s", "mib": "MiB"}
_WORDS = {"ram": "RAM", "url": "URL", "correlation_id": "correlation"}
VERDICTS = {
    "valid": "good",
    "unchecked": "plain",
    "doubtful": "doubt",
    "excluded": "bad",
    "broken": "bad",
}
STATUSES = {"running": "live", "ended": "live", "importing": "live"}


def aria(**attributes: str) -> dict[str, Any]:
    """Attributes for those who hear a page: `label="Pages"` is `aria-label`."""
    return {f"aria-{name}": value for name, value in attributes.items()}


def badge(text: str, kinds: Mapping[str, str] = VERDICTS) -> Component:
    """A word with a colour that says it again."""
    return html.Span(text, className=f"badge {kinds.get(text, 'plain')}")


def platform_mark(name: str, colours: Mapping[str, str]) -> Component:
    """A platform with its colour."""
    square = html.Span(
        className="mark", style={"backgroundColor": colours.get(name, "transparent")}
    )
    return html.Span([square, html.Span(name)], className="marked")


def section(identity: str, title: str, *children: Node) -> Component:
    """A part of a page under a heading."""
    return html.Section(
        [html.H2(title, id=f"{identity}-title"), *children],
        id=identity,
        **aria(labelledby=f"{identity}-title"),
    )


def facts(values: Mapping[str, Node]) -> Component:
    """Names and values, side by side."""
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value)]) for name, value in values.items()],
        className="facts",
    )


def tiles(values: Sequence[tuple[str, str]]) -> Component:
    """Numbers, each over its noun."""
    return html.Dl(
        [html.Div([html.Dd(number), html.Dt(noun)]) for number, noun in values], className="tiles"
    )


def notes(texts: Iterable[Node], kind: str = "") -> Component:
    """Sentences, one below the other."""
    return html.Ul([html.Li(text) for text in texts], className=f"notes {kind}".strip())


def alert(text: str) -> Component:
    """One line that says what is wrong."""
    return html.P(text, role="alert", className="alert")


def links(name: str, targets: Mapping[str, str]) -> Component:
    """Files to download."""
    items: list[Any] = [html.Span(name, className="quiet")]
    items += [html.A(text, href=address, download="") for text, address in targets.items()]
    return html.P(items, className="downloads")


def table(
    caption: str,
    columns: Sequence[tuple[str, bool]],
    rows: Sequence[Sequence[Node]],
    *,
    kind: str = "",
    hidden: bool = True,
    heads: Sequence[Component] | None = None,
) -> Component:
    """A table; on a phone it scrolls in itself, or with the kind `cards` becomes a list.

    Args:
        caption: what it holds.
        columns: name of each, and whether it holds numbers.
        rows: of cells, the first names the row.
        kind: class of the table.
        hidden: show the caption only to those who hear the page.
        heads: what stands in the head instead of the names.
    """
    head = [
        html.Th(
            heads[place] if heads else name,
            scope="col",
            className="number" if numeric else "",
        )
        for place, (name, numeric) in enumerate(columns)
    ]
    # Roles say it again: a table that is laid out as a list would not be one to some readers.
    body = [
        html.Tr(
            [
                (html.Td if place else html.Th)(
                    cell,
                    className="number" if columns[place][1] else "",
                    role="cell" if place else "rowheader",
                    **_cell(columns[place][0] if place else None),
                )
                for place, cell in enumerate(row)
            ],
            role="row",
        )
        for row in rows
    ]
    made = html.Table(
        [
            html.Caption(caption, className="hidden" if hidden else ""),
            html.Thead(html.Tr(head, role="row"), role="rowgroup"),
            html.Tbody(body, role="rowgroup"),
        ],
        role="table",
        className=kind,
    )
    return html.Div(made, className="scroll", role="region", tabIndex="0", **aria(label=caption))


def _cell(name: str | None) -> dict[str, Any]:
    """What a cell says of itself: its column, or that it names its row."""
    return {"scope": "row"} if name is None else {"data-label": name}


def frame_table(
    caption: str,
    frame: pd.DataFrame,
    *,
    most: int = MOST_ROWS,
    hidden: bool = True,
    kind: str = "",
    numbers: Collection[str] = (),
) -> Component:
    """A frame as a table; the first rows of one that is too long.

    Args:
        caption: what it holds.
        frame: a row for each row.
        most: rows that are shown.
        hidden, kind: as of `table`.
        numbers: columns whose texts are numbers.
    """
    columns = [
        (_heading(str(name)), frame[name].dtype.kind in "iuf" or name in numbers) for name in frame
    ]
    shown_rows = frame.head(most).astype(object).itertuples(index=False, name=None)
    rows = [[shown(value) for value in row] for row in shown_rows]
    if len(frame) > most:
        caption = f"{caption}: the first {most:,} of {len(frame):,}"
        hidden = False
    return table(caption, columns, rows, hidden=hidden, kind=kind)


def _heading(name: str) -> str:
    """A column's name for people: `start_s` is "start (s)"."""
    word, _, unit = name.rpartition("_")
    if word and unit in _UNITS:
        return f"{_WORDS.get(word, word.replace('_', ' '))} ({_UNITS[unit]})"
    return _WORDS.get(name, name.replace("_", " "))


def shown(value: Any) -> str:
    """A value of a frame in a cell: at most three decimals, a minus, a dash for what is missing."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "–"
    if isinstance(value, float | np.floating):
        number = float(value)
        text = f"{number:,.3f}".rstrip("0").rstrip(".") if abs(number) < 1e15 else f"{number:g}"
        return "0" if text == "-0" else text.replace("-", "−")
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return f"{value:,}".replace("-", "−")
    return str(value)


def moment(seconds: float | None) -> str:
    """A time (seconds since the epoch) in UTC, to the second; a dash for none."""
    if seconds is None:
        return "–"
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, OSError, ValueError):  # no calendar has it
        return f"{seconds:g} s"


def lasting(seconds: float | None) -> str:
    """A length of time in seconds; a dash for none."""
    return "–" if seconds is None else f"{seconds:,.1f} s"


def folded(title: str, count: int, child: Component, *, opened: bool = False) -> Component:
    """A part that is opened by a click."""
    number = html.Span(f"{count:,}", className="quiet")
    return html.Details(
        [html.Summary([title, " ", number]), child], open=opened or None, className="fold"
    )


def chart(identity: str, drawn: alt.TopLevelMixin, *, fit: str, height: int) -> Component:
    """An Altair chart as it is; the page's script draws it, and gives it the room that there is.

    Args:
        identity: of its element; one of a page.
        drawn: the chart.
        fit: `wide` for facets, `columns` for panels side by side, `maps` for maps below each other.
        height: about, in pixels, before it is drawn.
    """
    spec = drawn.to_dict(validate=False)
    return html.Figure(
        [
            html.Div(
                id={"type": "chart", "of": identity},
                className="chart",
                role="group",
                tabIndex="0",
                style={"minHeight": f"{height}px"},
                **aria(label=spec.get("description", "Chart")),
            ),
            dcc.Store(id={"type": "spec", "of": identity}, data={"spec": spec, "fit": fit}),
        ]
    )


def labelled(label: str, identity: str, control: Component, kind: str = "") -> Component:
    """A control under its label."""
    name = f"{identity}-label"
    return html.Div(
        [html.Span(label, id=name, className="label"), control],
        className=f"field {kind}".strip(),
        role="group",
        **aria(labelledby=name),
    )
