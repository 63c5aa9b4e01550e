"""Samples of one host, from its netdata agent, through netdata-pandas; nothing is trusted.

netdata-pandas fetches the charts of one interval in one call. It drops what fails without an
error, so whatever it brings is held against what was asked, sample by sample. What is not there is
asked again from the agent itself, and what the agent does not give either is recorded as missing.
"""

import contextvars
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from threading import Event
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
import trio

from ingest.agent import Agent, AgentInfo, Chart, query
from minion.errors import AgentError, InvalidData, NotFound
from minion.model import Host, Missing
from minion.series import Dimension, Floats, Series

# netdata-pandas fetches with asks 3.0.0, which pins anyio 3.7.1, whose trio side cannot be loaded
# without a name that trio dropped in 0.24. It is only ever a base class and in an `except`; trio
# raises Python's own exception groups since, so an exception that nobody raises can stand in.
vars(trio).setdefault("MultiError", type("MultiError", (Exception,), {}))

import netdata_pandas.data as netdata_pandas  # noqa: E402  needs the name above

DEFAULT_CONTEXTS = ("system.cpu", "system.ram", "system.io", "disk.util", "system.net")
NO_SUCH_CHART = "chart unknown: the agent has none of that context or id"
WINDOW_ROWS = 20_000  # in one request: far from the 86,400 where an agent averages
CHARTS_PER_CALL = 16  # netdata-pandas asks for all of a call at once
FLUSH_STEPS = 2  # a sample may be that many of its steps late before it counts as missing
_FLUSH_S = 1.0  # and a second for the agent, which only answers up to the second before its own
MOST_SILENCES = 2  # in a row, each as long as the timeout; after that the others are not asked
_PAUSE_S = 0.25  # before asking again; doubled each time


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What one agent gave.

    series: the samples, one series a chart that has any. A row has at least one value; a dimension
        that the agent lists and gives no value of is a column of NaN.
    missing: the windows of a chart that could not be had, and why. Without a chart of that name,
        `chart` is the pattern that was asked for.
    until: every sample before it is in `series` or in `missing`. Later ones may not be there yet:
        ask again from here. What the agent had of them is in `series` already.
    retry_from: equals `until`, or is earlier, where the first window begins that is missing for a
        failure on the way (silence, a broken connection, a status 500) and not because the agent
        lacks it: asking again from here may bring more.
    info: what the agent says of its host.
    charts: the charts that were pulled.
    """

    series: tuple[Series, ...]
    missing: tuple[Missing, ...]
    until: float
    retry_from: float
    info: AgentInfo
    charts: tuple[Chart, ...]


def pull(
    host: Host,
    first: float,
    last: float,
    *,
    contexts: Sequence[str] = DEFAULT_CONTEXTS,
    timeout: float = 30.0,
    tries: int = 3,
) -> Pulled:
    """The samples of one host with first <= time < last.

    Args:
        host: its `url` is the agent's address.
        first, last: the window, seconds since the epoch.
        contexts: patterns (`*`, `?`, `[…]`) of the contexts or ids of the charts that are wanted.
        timeout: seconds that one answer may take.
        tries: how often a sample is asked for that is not there.

    The values are the agent's. One that was restarted with a shorter interval interpolates its
    older samples to the new one, and no answer says so.

    Raises:
        AgentError: nothing could be had: the agent is down, refuses, or stays silent.
        InvalidData: the host has no agent, or the window is none.
    """
    if host.url is None:
        raise InvalidData(f"host {host.hostname} has no netdata agent; give it an address")
    if not (math.isfinite(first) and math.isfinite(last) and first < last):
        raise InvalidData(f"host {host.hostname}: no time lies between {first} and {last}")
    agent = Agent(host.url, timeout=timeout, tries=tries)
    info, listed = agent.info(), agent.charts()
    charts, unknown = _chosen(listed, contexts)
    tasks = [_Task(host.hostname, agent, chart, first, tries) for chart in charts]
    alike: defaultdict[int, list[_Task]] = defaultdict(list)
    for task in tasks:
        alike[task.chart.step].append(task)
    for step, group in alike.items():
        for window in _windows(first, last, step):
            if window[0] > max(first, time.time()):
                break
            for start in range(0, len(group), CHARTS_PER_CALL):
                _fetch(group[start : start + CHARTS_PER_CALL], *window)
    failures = [task.failure for task in tasks if task.failure]
    if failures and not any(task.parts for task in tasks):
        raise AgentError(failures[0][1])
    until = min((t.settled for t in tasks), default=min(last, max(first, time.time())))
    absent = (
        Missing(
            hostname=host.hostname,
            first=first,
            last=until,
            reason=NO_SUCH_CHART,
            chart=pattern,
        )
        for pattern in unknown
        if first < until
    )
    return Pulled(
        series=tuple(task.series() for task in tasks if task.parts),
        missing=(*(m for task in tasks for m in _joined(task.missing)), *absent),
        until=until,
        retry_from=min([until, *(start for start, _ in failures)]),
        info=info,
        charts=tuple(charts),
    )


def _chosen(
    listed: Mapping[str, Chart], patterns: Iterable[str]
) -> tuple[list[Chart], tuple[str, ...]]:
    """The charts that match, and the plain names that no chart has.

    A pattern that matches nothing promised nothing: cgroup charts come and go with containers.
    """
    charts: dict[str, Chart] = {}
    unknown = []
    for pattern in dict.fromkeys(patterns):
        found = {
            chart.id: chart
            for chart in listed.values()
            if fnmatchcase(chart.context, pattern) or fnmatchcase(chart.id, pattern)
        }
        charts |= found
        if not found and not any(sign in pattern for sign in "*?["):
            unknown.append(pattern)
    return list(charts.values()), tuple(unknown)


def _windows(first: float, last: float, step: int) -> Iterator[tuple[float, float]]:
    """The window in parts of at most WINDOW_ROWS samples, cut where a sample's time may be."""
    length = WINDOW_ROWS * step
    start = math.floor(first / step) * step
    while start < last:
        yield max(first, start), min(last, start + length)
        start += length


@dataclass(slots=True)
class _Patience:
    """How many silences in a row are borne before an agent is taken to be silent altogether."""

    left: int = MOST_SILENCES


@dataclass(slots=True)
class _Task:
    """One chart's way through the windows of a pull.

    settled: every sample before it is in `parts` or `missing`.
    failure: where the first window begins that a failure on the way took, and its words.
    silent: why the chart is asked no more.
    """

    hostname: str
    agent: Agent
    chart: Chart
    settled: float
    tries: int
    parts: list[Series] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    failure: tuple[float, str] | None = None
    silent: str | None = None

    def series(self) -> Series:
        """All its parts as one."""
        ids = list(dict.fromkeys(d for part in self.parts for d in part.dimensions))
        values = [
            np.column_stack([_column(part, dimension) for dimension in ids]) for part in self.parts
        ]
        return replace(
            self.parts[0],
            dimensions=tuple(ids),
            times=np.concatenate([part.times for part in self.parts]),
            values=np.concatenate(values),
        )

    def complete(
        self, brought: Series | None, first: float, last: float, patience: _Patience, unread: str
    ) -> None:
        """Keep what came of a window, ask again for what did not, and record what nobody has.

        Args:
            brought: what netdata-pandas brought; None when it brought nothing.
            first, last: the window.
            patience: shared by the charts of one window.
            unread: what to say of the chart where there is no patience left to ask.
        """
        present, failure = time.time(), self.silent
        part = brought or _series(self.hostname, self.chart, *_NOTHING)
        if failure is None:
            wanted = [(first, last)] if brought is None else []
            if patience.left:
                part, failure = self._ask_again(part, wanted, first, last, present, patience)
            else:
                failure = self.silent = unread
        due = self._due(part, first, last, present)
        gaps = self._gaps(part.times, first, due)
        if failure and gaps and self.failure is None:
            self.failure = gaps[0][0], failure
        self.missing.extend(
            Missing(
                hostname=self.hostname,
                first=start,
                last=end,
                reason=failure or self._reason(start),
                chart=self.chart.id,
            )
            for start, end in gaps
        )
        if self.settled == first:  # and not behind, where an earlier window ended in the present
            self.settled = due if self.chart.grid(due, last) else last
        if len(part.times):
            self.parts.append(part)

    def _ask_again(
        self,
        part: Series,
        wanted: list[tuple[float, float]],
        first: float,
        last: float,
        present: float,
        patience: _Patience,
    ) -> tuple[Series, str | None]:
        """The window with what the agent itself gave of the gaps, and what failed on the way."""
        for attempt in range(self.tries):
            gaps = wanted or self._gaps(part.times, first, self._due(part, first, last, present))
            if not gaps:
                break
            if attempt:
                Event().wait(_PAUSE_S * 2**attempt)
            began = time.monotonic()
            try:
                table = self.agent.data(self.chart, gaps[0][0], gaps[-1][1])
            except NotFound:  # it went away since the charts were listed
                self.chart = replace(self.chart, first_entry=None, last_entry=None)
                break
            except AgentError as error:
                if time.monotonic() - began >= self.agent.timeout:
                    self.silent = str(error)
                    patience.left -= 1
                return part, str(error)
            patience.left, wanted = MOST_SILENCES, []
            rows = np.array(table.rows, dtype=np.float64).reshape(
                len(table.times), len(table.dimensions)
            )
            times = np.array(table.times, dtype=np.float64)
            ids = [identity for identity, _ in table.dimensions]
            part = part.merge(_series(self.hostname, self.chart, times, ids, rows))[0]
            gaps = self._gaps(part.times, first, self._due(part, first, last, present))
            if not self._unanswered(part, times, gaps):
                break
        return part, None

    def _due(self, part: Series, first: float, last: float, present: float) -> float:
        """Up to where samples must be there by now."""
        step = self.chart.step
        limit = math.floor((present - _FLUSH_S) / step - FLUSH_STEPS) * step
        newest = float(part.times[-1]) + step if len(part.times) else first
        return min(last, max(newest, limit, first))

    def _gaps(self, times: Floats, first: float, last: float) -> list[tuple[float, float]]:
        """The windows in which samples are missing from `times`."""
        grid = self.chart.grid(first, last)
        if grid is None:
            return []
        step = self.chart.step
        wanted = np.arange(grid[0], grid[1] + step, step, dtype=np.float64)
        absent = wanted[~np.isin(wanted, times)]
        if not len(absent):
            return []
        runs = np.split(absent, np.flatnonzero(np.diff(absent) > step) + 1)
        return [(float(run[0]), min(float(run[-1]) + step, last)) for run in runs]

    def _unanswered(
        self, part: Series, answered: Floats, gaps: Sequence[tuple[float, float]]
    ) -> bool:
        """Whether a sample that the agent says it has was neither given nor answered with null."""
        oldest, newest = self.chart.first_entry, self.chart.last_entry
        if oldest is None or newest is None or not gaps:
            return False
        first, last = max(gaps[0][0], oldest), min(gaps[-1][1], newest + 1)
        return bool(self._gaps(np.union1d(part.times, answered), first, last))

    def _reason(self, time_: float) -> str:
        if self.chart.first_entry is None:
            return "the agent has no samples of this chart"
        if time_ < self.chart.first_entry:
            return "older than what the agent has of this chart"
        if self.chart.last_entry is not None and time_ > self.chart.last_entry:
            return "newer than what the agent has of this chart"
        return "the agent has no samples of that time"


_NOTHING: tuple[Floats, Sequence[str], Floats] = (np.empty(0), (), np.empty((0, 0)))


def _column(part: Series, dimension: Dimension) -> Floats:
    if dimension not in part.dimensions:
        return np.full(len(part.times), np.nan)
    column: Floats = part.values[:, part.dimensions.index(dimension)]
    return column


def _joined(missing: Iterable[Missing]) -> list[Missing]:
    """Windows of one reason that follow one another, put together."""
    result: list[Missing] = []
    for record in missing:
        before = result[-1] if result else None
        if before and before.reason == record.reason and before.last >= record.first:
            result[-1] = replace(before, last=record.last)
        else:
            result.append(record)
    return result


def _series(
    hostname: str, chart: Chart, times: Floats, ids: Sequence[str], values: Floats
) -> Series:
    """A chart's samples as a series: its listed dimensions first, rows without a value left out."""
    every = list(dict.fromkeys([*chart.dimensions, *ids]))
    full = np.full((len(times), len(every)), np.nan)
    full[:, [every.index(identity) for identity in ids]] = values
    full[np.isinf(full)] = np.nan
    # A row between two of the agent's own samples was interpolated, by whomever.
    kept = ~np.isnan(full).all(axis=1) & (times % chart.step == 0)
    order = np.unique(times[kept], return_index=True)[1]
    return Series(
        hostname=hostname,
        chart=chart.id,
        name=chart.name,
        context=chart.context,
        family=chart.family,
        unit=chart.unit,
        dimensions=tuple(Dimension(i, chart.dimensions.get(i, i)) for i in every),
        times=times[kept][order],
        values=full[kept][order],
        step=float(chart.step),
    )


# ---------------------------------------------------------------- netdata-pandas

_printed: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar(
    "_printed", default=None
)


def _print(*words: object, **options: Any) -> None:
    """What netdata-pandas calls instead of `print`: during a pull, its words are kept."""
    kept = _printed.get()
    if kept is None:
        print(*words, **options)  # noqa: T201  somebody else's call of it
    else:
        kept.append(" ".join(map(str, words)))


# It reports failures with `print`. Turning sys.stdout away would catch every other thread's output
# as well; a global of that name in its own module is looked up before the builtin.
netdata_pandas.print = _print


def _fetch(tasks: Sequence[_Task], first: float, last: float) -> None:
    """One window of charts of one interval."""
    asked = [task for task in tasks if task.silent is None]
    found, printed = _from_netdata_pandas(asked, first, last)
    patience = _Patience()
    # Those that came first: what they lack is not to wait for those that are silent.
    for task in sorted(tasks, key=lambda task: task.chart.id not in found):
        agent, identity = task.agent, task.chart.id
        unread = (
            f"{agent.url}: its data of {identity} could not be read"
            if any(f"chart={quote(identity, safe='')}&" in line for line in printed)
            else f"{agent.url}: no data of {identity} within {agent.timeout:g} s"
        )
        task.complete(found.get(identity), first, last, patience, unread)


def _from_netdata_pandas(
    tasks: Sequence[_Task], first: float, last: float
) -> tuple[dict[str, Series], list[str]]:
    """What netdata-pandas brings of a window, by chart, and what it printed.

    It has no way to a parent's child, to a user without a password, or to dimensions of one name.
    """
    tasks = [task for task in tasks if len(set(d := task.chart.dimensions.values())) == len(d)]
    grid = tasks[0].chart.grid(first, last) if tasks else None
    if grid is None:
        return {}, []
    agent = tasks[0].agent
    user, password = agent.credentials or (None, None)
    if agent.path or bool(user) != bool(password):
        return {}, []
    printed: list[str] = []
    token = _printed.set(printed)
    asked = query(tasks[0].chart, *grid)
    try:
        frame = netdata_pandas.get_data(
            hosts=[agent.network],
            charts=[quote(task.chart.id, safe="") for task in tasks],
            after=asked["after"],
            before=asked["before"],
            points=asked["points"],
            group=asked["group"],
            dimensions=asked["dimensions"],
            options=f"natural-points&tier={asked['tier']}",  # it has no parameter for the tier
            numeric_only=False,  # else dimensions that are null throughout vanish
            ffill=False,
            timeout=agent.timeout,
            user=user,
            pwd=password,
            protocol=agent.scheme,
        )
        found = ((task, _of_frame(task, frame, first, last)) for task in tasks)
        return {task.chart.id: part for task, part in found if part is not None}, printed
    except Exception as error:  # noqa: BLE001  its libraries raise anything; the agent is asked
        printed.append(repr(error))
    except BaseExceptionGroup as group:  # trio's way to hand on an interrupt
        raise (KeyboardInterrupt if group.subgroup(KeyboardInterrupt) else group) from None
    finally:
        _printed.reset(token)
    return {}, printed


def _of_frame(task: _Task, frame: pd.DataFrame, first: float, last: float) -> Series | None:
    """One chart's columns of what netdata-pandas gives for one host; None without any."""
    prefix = quote(task.chart.id, safe="") + "|"
    columns = [column for column in frame.columns if str(column).startswith(prefix)]
    if not columns:
        return None
    ids = {name: identity for identity, name in task.chart.dimensions.items()}
    names = [column.removeprefix(prefix) for column in columns]
    times = pd.to_numeric(frame.index.to_series(), errors="coerce").to_numpy(np.float64)
    values = frame[columns].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    inside = (times >= first) & (times < last)
    return _series(
        task.hostname, task.chart, times[inside], [ids.get(n, n) for n in names], values[inside]
    )
