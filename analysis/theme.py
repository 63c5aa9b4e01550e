"""How every chart looks: one theme, and colours that stay with their names."""

from collections.abc import Iterable
from typing import Any, TypeVar
from zlib import crc32

import altair as alt

from minion.model import Role
from minion.selection import natural

# Okabe and Ito (2008): told apart with every common colour blindness. The darker ones come first,
# because dots and lines stand on white; grey is for what comes after the seventh.
PLATFORM_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#F0E442",
    "#7F7F7F",
)
_STUDY = {"K8s": "#0072B2", "mK8s": "#D55E00", "K3s": "#009E73"}

# Of Paul Tol's muted scheme, which shares no colour with the platforms'.
ROLE_COLOURS = {Role.MASTER: "#882255", Role.WORKER: "#44779A", Role.CONTROLLER: "#8A8A6A"}
OTHER_ROLE = "#777777"

# Paul Tol's pale scheme, made for backgrounds of black text.
PHASE_TINTS = ("#BBCCEE", "#CCEEFF", "#CCDDAA", "#EEEEBB", "#DDDDDD", "#FFCCCC")

INK = "#1F2933"
QUIET = "#52606D"
HAIRLINE = "#E4E7EB"
FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"

_CONFIG: dict[str, Any] = {
    "background": "#FFFFFF",
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
        "domainColor": "#9AA5B1",
        "gridColor": HAIRLINE,
        "labelColor": QUIET,
        "labelFontSize": 11,
        "labelLimit": 160,
        "tickColor": "#9AA5B1",
        "titleColor": QUIET,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
    "header": {
        "labelColor": INK,
        "labelFontSize": 11,
        "labelLimit": 220,
        "title": None,
    },
    "legend": {
        "labelColor": INK,
        "labelFontSize": 11,
        "labelLimit": 220,
        "orient": "top",
        "titleColor": QUIET,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
}

Chart = TypeVar("Chart", bound=alt.TopLevelMixin)


def finished(chart: Chart, title: alt.TitleParams, description: str) -> Chart:
    """The chart itself, with a title, a text for those who do not see it, and Minion's theme.

    It is changed in place: Altair's own methods would copy all its data each time.
    """
    chart.title = title  # type: ignore[attr-defined]  # every top-level chart has these three
    chart.description = description  # type: ignore[attr-defined]
    chart.config = alt.Config(**_CONFIG)  # type: ignore[attr-defined]
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


def role_colours(roles: Iterable[str]) -> dict[str, str]:
    """A colour for each role, master first."""
    order = [Role.MASTER, Role.WORKER, Role.CONTROLLER]
    there = set(roles)
    known = {role.value: ROLE_COLOURS[role] for role in order if role.value in there}
    return known | dict.fromkeys(sorted(there - known.keys()), OTHER_ROLE)


def scale(colours: dict[str, str]) -> alt.Scale:
    """A colour scale that gives each name its colour."""
    return alt.Scale(domain=list(colours), range=list(colours.values()))
