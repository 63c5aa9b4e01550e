"""What one simulated agent answers: the pages of netdata 1.37 that a collector asks for.

`tests/test_fleet_agents.py` asks the same of a real agent and of this one. What is not here: other
formats than json, other groupings than average, virtual points (rows between an agent's own
samples), parents with children, and every other page. And one quirk: a real agent that measures
every second answers null for its very first sample when the window ends there.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from typing import NamedTuple
from urllib.parse import unquote_plus
from uuid import NAMESPACE_URL, uuid5

import numpy as np
from descriptions import INFO, entry, listing
from samples import NULL, STUDY, ChartKind, further, key, number, places, view
from windows import Span, Window, ends, is_absolute, is_natural, whole, window

LATE_S = 0.3  # after its time a sample can be had
MODES = "up down hang garbage".split()
NO_METRICS = "No metrics where matched to query."
OPTIONS = "flip jsonwrap selected-tier natural-points".split()  # in netdata's order
JSON, TEXT = "application/json; charset=utf-8", "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
_API = "/api/v1/"


class Answer(NamedTuple):
    """A status, what kind of text follows, the text, and whether a cache may keep it for a day."""

    status: int
    kind: str
    body: str
    kept: bool = False


class SimulatedAgent:
    """One agent: who it is, what it has, and what it says.

    What can be changed while it answers:
    mode: `up`; `down` (refuses); `hang` (takes a connection and says nothing); `garbage` (200, and
        no JSON); or a status, such as `503`.
    slow_s: seconds before each answer.
    skew_s: how far its clock is ahead: of its samples' times and of its headers.
    born: since when it has samples, by its clock.
    retention_s: how long it keeps them; None for ever.
    gaps: [first, last) windows without samples.
    spans: [first, last) of charts that come late or end early, by id; None where there is no limit.
        One that has not begun is unknown, one that has ended stays on the list.
    absent: ids of charts that it does not know at all.
    """

    def __init__(self, place: int, *, step: int, born: float, listed: int = len(STUDY)) -> None:
        self.number = place
        self.hostname = hostname(place)
        self.step = step
        self.mode = "up"
        self.slow_s = 0.0
        self.skew_s = 0.0
        self.born = born
        self.retention_s: float | None = None
        self.gaps: Sequence[Sequence[float]] = ()
        self.spans: Mapping[str, Sequence[float | None]] = {}
        self.absent: Sequence[str] = ()
        self._kinds = _kinds(listed)

    def change(self, **changes: object) -> None:
        """Set what can be changed.

        Raises:
            ValueError: there is no such thing to change.
        """
        for name, wanted in changes.items():
            if name not in CHANGEABLE:
                raise ValueError(
                    f"an agent has no {name} to change; it has {', '.join(CHANGEABLE)}"
                )
            if name == "mode" and wanted not in MODES and not str(wanted).isdigit():
                raise ValueError(f"an agent has no mode {wanted}; it is a status, or {MODES}")
            setattr(self, name, wanted)

    def clock(self) -> float:
        """The time by its clock, in seconds since the epoch."""
        return time.time() + self.skew_s

    def span(self, kind: ChartKind) -> Span | None:
        """Where the chart's samples lie; None when there are none."""
        first, last = self.born, self.clock() - LATE_S
        if self.retention_s is not None:
            first = max(first, last - self.retention_s)
        since, until = self.spans.get(kind.id, (None, None))
        first = first if since is None else max(first, since)
        last = last if until is None else min(last, until - 1e-6)
        found = Span(-int(-first // self.step) * self.step, int(last // self.step) * self.step)
        return found if found.first <= found.last else None

    def answer(self, target: str) -> Answer:
        """The answer to a request.

        Args:
            target: its path with its query.
        """
        path, _, query = target.partition("?")
        page = _PAGES.get(path)
        if page is None and path.startswith(_API):
            return Answer(404, TEXT, f"Unsupported v1 API command: {path.removeprefix(_API)}")
        if page is None:
            return Answer(404, HTML, f"File does not exist, or is not accessible: {escape(path)}")
        return page(self, _parameters(query))

    # ------------------------------------------------------------ pages

    def info(self, _: Mapping[str, str]) -> Answer:
        """Who it is."""
        guid = str(uuid5(NAMESPACE_URL, self.hostname))
        return Answer(200, JSON, INFO.replace("@guid@", guid).replace("@host@", self.hostname))

    def charts(self, _: Mapping[str, str]) -> Answer:
        """All its charts."""
        entries = [text for kind in self._kinds.values() if (text := self._entry(kind)) is not None]
        before, after = listing(self.step, len(entries))
        parts = [before.replace("@host@", self.hostname), ",\n".join(entries), after]
        return Answer(200, JSON, "".join(parts).replace("@host@", self.hostname), kept=True)

    def chart(self, asked: Mapping[str, str]) -> Answer:
        """One of its charts."""
        name = asked.get("chart", "")
        if not name:
            return Answer(400, TEXT, "No chart id is given at the request.")
        kind = self._kinds.get(name)
        told = None if kind is None else self._entry(kind)
        if told is None:
            return Answer(404, TEXT, f"Chart is not found: {name}")
        return Answer(200, JSON, told.partition(": ")[2], kept=True)

    def data(self, asked: Mapping[str, str]) -> Answer:
        """Samples of one chart."""
        if not asked.get("chart"):
            return Answer(400, TEXT, "No chart or context is given.")
        kind = self._kinds.get(asked.get("chart", ""))
        span = None if kind is None or kind.id in self.absent else self.span(kind)
        columns = None if kind is None else _columns(kind, asked.get("dimensions", ""))
        if kind is None or span is None or columns == ():
            return Answer(404, TEXT, NO_METRICS)
        after, before = ends(asked, span, int(self.clock()) - 1)
        margin = 2 * self.step
        if before < span.first - margin or after > span.last + margin:
            return Answer(404, TEXT, NO_METRICS)
        rows = window(after, before, whole(asked.get("points")), self.step)
        table = self._table(kind, columns, rows, span, asked)
        return Answer(200, JSON, table, kept=is_absolute(asked))

    # ------------------------------------------------------------ inside

    def _entry(self, kind: ChartKind) -> str | None:
        """A chart as the lists have it; None for one that it does not know."""
        span = self.span(kind)
        if kind.id in self.absent or (span is None and kind.id in self.spans):
            return None
        first, last = span or (0, 0)
        head, middle, end, rest = entry(kind, self.step)
        duration = last - first + self.step if span else self.step
        return f"{head}{duration}{middle}{first}{end}{last}{rest}"

    def _table(
        self,
        kind: ChartKind,
        columns: tuple[int, ...] | None,
        wanted: Window,
        span: Span,
        asked: Mapping[str, str],
    ) -> str:
        """The rows of a window as JSON, wrapped where that is asked for."""
        found, step = view(kind, columns), self.step
        times = np.arange(wanted.first, wanted.last + 1, step)
        start = key(self.number, kind.id)
        rows = places(start, times)
        rows[: max(0, -(-(span.first - wanted.first) // step))] = NULL
        if span.last < wanted.last:
            rows[times > span.last] = NULL
        for first, last in self.gaps:
            rows[(times >= first) & (times < last)] = NULL
        texts = [found.texts[row] for row in rows.tolist()]
        if wanted.group > 1:
            times = times[wanted.group - 1 :: wanted.group]
            texts = _averaged(found.values[rows], wanted.group)
        options = [one for one in asked.get("options", "").replace("|", ",").split(",") if one]
        lines = [f" [ {t},{text}]" for t, text in zip(times.tolist(), texts, strict=True)]
        if "flip" not in options:
            lines.reverse()
        names = json.dumps([name for _, name in found.dimensions])
        body = ",\n".join(lines)
        labels = names.replace(", ", ",")
        table = f'{{\n "labels": ["time",{labels[1:]},\n    "data":\n [\n{body}\n]\n}}'
        if "jsonwrap" not in options:
            return table
        latest = found.texts[int(places(start, np.array(span.last)))]
        lowest, highest = float(found.lowest[rows].min()), float(found.highest[rows].max())
        if lowest > highest:
            lowest = highest = 0.0
        said = _options(options, asked)
        where = _words(self.hostname, kind, asked, said)
        return f"""{{
   "api": 1,
   "id": {where},
   "name": {where},
   "view_update_every": {step * wanted.group},
   "update_every": {step},
   "first_entry": {span.first},
   "last_entry": {span.last},
   "before": {wanted.last},
   "after": {wanted.first},
   "group": "average",
   "options": "{said}",
   "dimension_names": {names},
   "dimension_ids": {json.dumps([identity for identity, _ in found.dimensions])},
   "functions": [],
   "latest_values": [{latest.replace(",", ", ")}],
   "view_latest_values": [{texts[-1].replace(",", ", ")}],
   "dimensions": {len(found.dimensions)},
   "points": {len(lines)},
   "format": "json",
   "db_points_per_tier": [ {len(rows) * len(found.dimensions)}, 0, 0 ],
   "result": {table},
 "min": {number(lowest)},
 "max": {number(highest)}
}}"""


CHANGEABLE = "mode slow_s skew_s born retention_s gaps spans absent".split()
_PAGES: Mapping[str, Callable[[SimulatedAgent, Mapping[str, str]], Answer]] = {
    "/api/v1/info": SimulatedAgent.info,
    "/api/v1/charts": SimulatedAgent.charts,
    "/api/v1/chart": SimulatedAgent.chart,
    "/api/v1/data": SimulatedAgent.data,
}


def hostname(agent: int) -> str:
    """The host name of an agent of that number."""
    return f"host-{agent:04d}"


def _averaged(amounts: np.ndarray, group: int) -> list[str]:
    """Rows of means of so many rows each, leaving out what is not there."""
    grouped = amounts.reshape(-1, group, amounts.shape[1])
    there = ~np.isnan(grouped)
    with np.errstate(invalid="ignore"):
        means = np.where(there, grouped, 0.0).sum(axis=1) / there.sum(axis=1)
    rows = np.round(means, 7).tolist()
    return [",".join("null" if v != v else number(v) for v in row) for row in rows]  # noqa: PLR0124


def _columns(kind: ChartKind, wanted: str) -> tuple[int, ...] | None:
    """The places of the dimensions that are wanted; None for all."""
    names = [name for name in wanted.replace("|", ",").split(",") if name]
    if "*" in names:
        return None
    return tuple(
        column
        for column, both in enumerate(kind.dimensions)
        if (set(names) & set(both) if names else both[0] not in kind.hidden)
    )


def _parameters(query: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in query.split("&") if part)
    if "%" not in query and "+" not in query:
        return {name: text for name, _, text in pairs}
    return {unquote_plus(name): unquote_plus(text) for name, _, text in pairs}


def _options(given: Sequence[str], asked: Mapping[str, str]) -> str:
    """The options as an answer repeats them."""
    natural = ["natural-points"] if is_natural(asked) else []
    there = {*given, *natural, *(["selected-tier"] if "tier" in asked else [])}
    return ",".join(name for name in OPTIONS if name in there)


def _words(host: str, kind: ChartKind, asked: Mapping[str, str], said: str) -> str:
    ends = "/".join(f"{name}:{asked.get(name) or 0}" for name in ("after", "before", "points"))
    dimensions = f"|{asked['dimensions']}" if asked.get("dimensions") else "*"
    tier = f"/tier:{asked['tier']}" if "tier" in asked else ""
    return json.dumps(
        f"chart://host:{host}/instance:{kind.id}/dimensions:{dimensions}/{ends}/group:average"
        f"/options:{said}{tier}"
    )


@cache
def _kinds(listed: int) -> dict[str, ChartKind]:
    return {kind.id: kind for kind in (*STUDY, *further(max(0, listed - len(STUDY))))}
