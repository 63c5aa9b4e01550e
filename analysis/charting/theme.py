"""How every chart looks, on white and on black; colours that stay with their names.

A chart has one parameter, `dark`: where it is true, ink, tints and background are those for a dark
page. A program that shows it can switch while it is seen (`view.signal("dark", true)` in Vega).
"""

from collections.abc import Iterable, Mapping
from textwrap import wrap
from typing import Any, TypeVar
from zlib import crc32

import altair as alt

from analysis.charting.names import WIDEST, written
from minion.lifecycle import SEQUENCE
from minion.model import Role
from minion.selection import natural

# Blue, vermilion and green of Okabe and Ito (2008). The others were searched for beside them, on a
# grid of sRGB: each has the 3:1 on white and on the dark paper that WCAG 2.2 (1.4.11) asks of what
# a picture says, and every two differ by at least 12 (CIEDE2000), for all cones and without red,
# green or blue ones (Machado, Oliveira and Fernandes 2009). The search found none that keep the
# three and differ by 13.
PLATFORM_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#D278A2",
    "#8478FC",
    "#6C6642",
    "#C0008A",
    "#845A66",
)
_STUDY = {"K8s": "#0072B2", "mK8s": "#D55E00", "K3s": "#009E73"}

Colour = str | alt.ExprRef


def shade(light: str, dark: str) -> alt.ExprRef:
    """A colour that is another on a dark page."""
    return alt.ExprRef(f"dark ? '{dark}' : '{light}'")


# Of Paul Tol's muted scheme, which shares no colour with the platforms'.
ROLE_COLOURS = {
    Role.MASTER: shade("#882255", "#E07BA8"),
    Role.WORKER: shade("#44779A", "#7FB2D6"),
    Role.CONTROLLER: shade("#8A8A6A", "#C2C29B"),
}
OTHER_ROLE = shade("#777777", "#AAAAAA")

INK = shade("#1F2933", "#E4E8EE")
QUIET = shade("#52606D", "#A9B4C0")
HAIRLINE = shade("#E4E7EB", "#2F3843")
AXIS = shade("#9AA5B1", "#66727F")
PAPER = shade("#FFFFFF", "#14181D")
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"

# For each action of the study, in its order, a tint that lies behind lines and a colour of bars:
# Paul Tol's pale and light schemes, with a lilac instead of the pale grey.
_TINTS = (
    shade("#BBCCEE", "#2B3A5E"),
    shade("#CCEEFF", "#1F4654"),
    shade("#CCDDAA", "#35462A"),
    shade("#EEEEBB", "#4A4722"),
    shade("#E3D3EE", "#45335A"),
    shade("#FFCCCC", "#582F2F"),
)
_BARS = ("#77AADD", "#99DDFF", "#44BB99", "#EEDD88", "#B7A0D6", "#EE8866")
_ACTIONS = tuple(phase.name for phase in SEQUENCE if phase.action)
IDLE = shade("#DDE2E8", "#38424D")
WAIT = shade("#AEB8C2", "#66727F")

_CONFIG: dict[str, Any] = {
    "background": PAPER,
    "font": FONT,
    "padding": 8,
    "view": {"stroke": HAIRLINE},
    "title": {
        "anchor": "start",
        "color": INK,
        "fontSize": 15,
        "fontWeight": 600,
        "offset": 12,
        "subtitleColor": QUIET,
        "subtitleFontSize": 12,
        "subtitlePadding": 4,
    },
    "axis": {
        "domainColor": AXIS,
        "gridColor": HAIRLINE,
        "labelColor": QUIET,
        "labelFontSize": 11,
        "labelLimit": WIDEST,
        "tickColor": AXIS,
        "titleColor": QUIET,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
    "header": {
        "labelColor": INK,
        "labelFontSize": 11,
        "labelLimit": 300,
        "title": None,
    },
    "legend": {
        "labelColor": INK,
        "labelFontSize": 11,
        "labelLimit": 300,
        "orient": "top",
        "titleColor": QUIET,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
}

_LETTER = 6.0  # pixels of a subtitle's letter, on average
_KEY = 150  # pixels of a name in the key
_KEY_LETTERS = 34  # of one that stands there in full

Chart = TypeVar("Chart", bound=alt.TopLevelMixin)


def finished(chart: Chart, title: alt.TitleParams, description: str) -> Chart:
    """The chart itself, with a title, a text for those who do not see it, and Minion's theme.

    It is changed in place: Altair's own methods would copy all its data each time.
    """
    chart.title = title  # type: ignore[attr-defined]  # every top-level chart has these four
    chart.description = description  # type: ignore[attr-defined]
    chart.config = alt.Config(**_CONFIG)  # type: ignore[attr-defined]
    chart.params = [alt.VariableParameter(name="dark", value=False)]  # type: ignore[attr-defined]
    return chart


def platform_colours(platforms: Iterable[str]) -> dict[str, str]:
    """A colour for each platform, the same in every chart.

    The study's three have theirs. Another's comes from its name, so it does not depend on which
    platforms are drawn, unless two names meet on one colour: then the later in natural order takes
    the next that is free. From the ninth platform on colours repeat; every chart names its
    platforms in text as well.
    """
    names = sorted(set(platforms), key=natural)
    colours = {name: _STUDY[name] for name in names if name in _STUDY}
    own = [colour for colour in PLATFORM_COLOURS if colour not in _STUDY.values()]
    for name in names:
        if name not in colours:
            first = crc32(name.encode()) % len(own)
            wished = [*own[first:], *own[:first], *_STUDY.values()]
            free = [colour for colour in wished if colour not in colours.values()]
            colours[name] = (free or wished)[0]
    return {name: colours[name] for name in names}


def role_colours(roles: Iterable[str]) -> dict[str, alt.ExprRef]:
    """A colour for each role, master first."""
    order = [Role.MASTER, Role.WORKER, Role.CONTROLLER]
    there = set(roles)
    known = {role.value: ROLE_COLOURS[role] for role in order if role.value in there}
    return known | dict.fromkeys(sorted(there - known.keys()), OTHER_ROLE)


def phase_tints(phases: Iterable[str]) -> dict[str, Colour]:
    """A tint for each phase in which something is done: what lies behind a line."""
    return _by_phase(phases, _TINTS)


def phase_colours(phases: Iterable[str]) -> dict[str, Colour]:
    """A colour for each phase in which something is done: of a bar."""
    return _by_phase(phases, _BARS)


def _by_phase(phases: Iterable[str], colours: tuple[Colour, ...]) -> dict[str, Colour]:
    """The study's phases have theirs; others take what is left, then again from the first."""
    names = list(phases)
    free = [c for name, c in zip(_ACTIONS, colours, strict=True) if name not in names]
    others = iter([*free, *colours * len(names)])
    known = dict(zip(_ACTIONS, colours, strict=True))
    return {name: known[name] if name in known else next(others) for name in names}


def scale(colours: Mapping[str, Colour]) -> alt.Scale:
    """A colour scale that gives each name its colour."""
    return alt.Scale(domain=list(colours), range=list(colours.values()))


def key(names: Iterable[str], **options: Any) -> alt.Legend:
    """The key of some colours; names that are too long for it are cut.

    Args:
        names: that it holds.
        options: what else an `alt.Legend` takes.
    """
    return alt.Legend(labelExpr=written(names, _KEY_LETTERS), **options)


def row_names(
    names: Iterable[str], row: float, *, least: float, share: float, letters: int
) -> alt.Axis:
    """The axis of rows that lie close: names without ticks or line, as large as the rows let them.

    Args:
        names: of the rows.
        row: its height in pixels.
        least: the height from which on rows have names.
        share: of the height that the letters take, between 7 and 11 pixels.
        letters: of the longest name; longer ones are cut.
    """
    return alt.Axis(
        labels=row >= least,
        ticks=False,
        domain=False,
        labelFontSize=min(11, max(7, round(row * share))),
        labelLimit=WIDEST,
        labelExpr=written(names, letters),
    )


def fitted(chart: Chart, room: float) -> Chart:
    """The chart itself, its key and titles in lines that are not longer than the room.

    Args:
        chart: as `finished` gave it.
        room: in pixels.
    """
    title = chart.title  # type: ignore[attr-defined]
    letters = max(20, int(room / _LETTER))
    title.text = wrap(title.text, int(letters * 0.75))
    title.subtitle = [line for text in title.subtitle for line in wrap(text, letters)]
    columns = max(1, int(room // _KEY))
    legend = {**_CONFIG["legend"], "columns": columns}
    chart.config = alt.Config(**{**_CONFIG, "legend": legend})  # type: ignore[attr-defined]
    return chart
