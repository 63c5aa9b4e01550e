"""Names that are longer than their place: cut where they are alike, so that they stay apart."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

BESIDE = 22  # letters of a name beside a panel
NARROW = 16  # of one beside a narrow panel
WIDEST = 220  # pixels that so many letters never need

_MORE = "…"
_HEAD = 3  # a part of a name this small is its begin, where the middle has to be seen


def shortened(names: Iterable[str], most: int) -> dict[str, str]:
    """Each name as it is written: with at most so many letters, and unlike all others.

    Of a long name the begin and the end are kept, or the begin and the place where it differs from
    the name that is most like it. Where names would still be alike, they are written in full.

    Args:
        names: that stand in one chart.
        most: letters, at least 8.
    """
    ordered = sorted(set(names))
    cut = {name: name for name in ordered}
    for place, name in enumerate(ordered):
        if len(name) > most:
            beside = ordered[max(place - 1, 0) : place] + ordered[place + 1 : place + 2]
            differs = max((_alike(name, other) for other in beside), default=0)
            cut[name] = _cut(name, differs, most)
    return cut if len(set(cut.values())) == len(cut) else {name: name for name in ordered}


def written(names: Iterable[str], most: int) -> Any:
    """The `labelExpr` of an axis, key or header that writes names so; none where all are short."""
    cut = shortened(names, most)
    return _chosen({name: text for name, text in cut.items() if text != name})


def pairs_written(pairs: Sequence[tuple[str, str]], sign: str, most: int) -> tuple[Any, int]:
    """The same of pairs; where one is long, all are broken before the sign. And how many lines.

    Args:
        pairs: both names of each.
        sign: between them.
        most: letters of a name.
    """
    cut = shortened((name for pair in pairs for name in pair), most)
    lines = {f"{one} {sign} {other}": [cut[one], f"{sign} {cut[other]}"] for one, other in pairs}
    if all(len(pair) <= most + 2 for pair in lines):
        return alt.Undefined, 1
    return _chosen(lines), 2


# ---------------------------------------------------------------- inside


def _alike(one: str, other: str) -> int:
    """How many letters two names have in common before they differ."""
    pairs = enumerate(zip(one, other, strict=False))
    least = min(len(one), len(other))
    return next((place for place, (mine, its) in pairs if mine != its), least)


def _cut(name: str, differs: int, most: int) -> str:
    end = (most - 1) // 2
    begin = most - 1 - end
    if differs < begin or differs >= len(name) - end:
        return f"{name[:begin]}{_MORE}{name[-end:]}"
    begin = most // _HEAD
    seen = most - begin - 2
    first = max(begin, differs - seen // 2)
    if first + seen + 1 >= len(name):
        return f"{name[:begin]}{_MORE}{name[-(seen + 1) :]}"
    return f"{name[:begin]}{_MORE}{name[first : first + seen]}{_MORE}"


def _chosen(texts: Mapping[str, str | list[str]]) -> Any:
    """An expression of Vega for what is written instead of some values."""
    if not texts:
        return alt.Undefined
    # Not an object: a name can be that of something that every object has.
    known, shown = (json.dumps(list(part), ensure_ascii=False) for part in (texts, texts.values()))
    return f"{shown}[indexof({known}, datum.value)] || datum.label"
