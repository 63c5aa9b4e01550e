"""What came of a window of samples, held against what was asked, chart by chart.

A sample is brought, or the agent is asked for it again, or it is recorded as missing with the
reason; nothing in between.
"""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from threading import Event

import numpy as np

from ingest.agents.agent import Agent
from ingest.agents.answers import Chart, Table
from minion.errors import AgentError, NotFound
from minion.model import Missing
from minion.series import Dimension, Floats, Series

FLUSH_STEPS = 2  # a sample may be that many of its steps late before it counts as missing
_FLUSH_S = 1.0  # and a second for the agent, which only answers up to the second before its own
MOST_SILENCES = 2  # in a row, each as long as the timeout; after that the others are not asked
SAME = 1e-6  # seconds
_PAUSE_S = 0.25  # before asking again; doubled each time


@dataclass(slots=True)
class Patience:
    """How many silences in a row are borne before an agent is taken to be silent altogether."""

    left: int = MOST_SILENCES


@dataclass(slots=True)
class Task:
    """One chart's way through the windows of a pull.

    first: where the pull begins for this chart.
    settled: every sample before it is in `parts` or `missing`.
    tries: how often a sample is asked for that is not there; retries: how often that was needed.
    ahead: how far the agent's clock is ahead of ours, in seconds.
    promised: the chart was asked for by its name. What a pattern brought may have begun late and
        ended early, as containers do: nothing is missing before its first sample and after its
        last.
    since: time of the first sample of it that was ever had; None before there is one.
    failure: where the first window begins that a failure on the way took, and its words.
    silent: why the chart is asked no more.
    """

    hostname: str
    agent: Agent
    chart: Chart
    first: float
    tries: int
    ahead: float = 0.0
    promised: bool = True
    since: float | None = None
    retries: int = 0
    settled: float = field(init=False)
    parts: list[Series] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    failure: tuple[float, str] | None = None
    silent: str | None = None

    def __post_init__(self) -> None:
        self.settled = self.first

    @property
    def reached(self) -> float:
        """From where the next pull must ask: of what nobody promised, after its newest sample."""
        if self.promised:
            return self.settled
        if not self.parts:
            return self.first
        return min(self.settled, float(self.parts[-1].times[-1]) + self.chart.step)

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
        self, brought: Series | None, first: float, last: float, patience: Patience, unread: str
    ) -> None:
        """Keep what came of a window, ask again for what did not, and record what nobody has.

        Args:
            brought: what netdata-pandas brought; None when it brought nothing.
            first, last: the window.
            patience: shared by the charts of one window.
            unread: what to say of the chart where there is no patience left to ask.
        """
        present, failure = time.time() + self.ahead, self.silent
        part = brought or series_of(self.hostname, self.chart, *NOTHING)
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
            if self.promised or self._inside(part, start)
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
        patience: Patience,
    ) -> tuple[Series, str | None]:
        """The window with what the agent itself gave of the gaps, and what failed on the way."""
        for attempt in range(self.tries):
            gaps = wanted or self._gaps(part.times, first, self._due(part, first, last, present))
            if not gaps:
                break
            if attempt or not wanted:
                self.retries += 1
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
            self.chart = _renewed(self.chart, table)
            rows, times = table.values, table.times.astype(np.float64)
            ids = [identity for identity, _ in table.dimensions]
            part = part.merge(series_of(self.hostname, self.chart, times, ids, rows))[0]
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

    def _inside(self, part: Series, start: float) -> bool:
        """Whether a gap lies between two samples of the chart, and not before or after its life."""
        newest = part.times[-1] if len(part.times) else -math.inf
        if self.since is not None:
            # Not as its agent says: one that was killed has lost what is stored.
            begun = start >= self.since
        else:
            oldest = self.chart.first_entry
            begun = bool(self.parts) or (self.first < start and (oldest is None or start >= oldest))
        return begun and start < newest

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


NOTHING: tuple[Floats, Sequence[str], Floats] = (np.empty(0), (), np.empty((0, 0)))


def _renewed(chart: Chart, table: Table) -> Chart:
    """The chart with what an answer says of the oldest and the newest sample."""
    if table.first_entry is None or table.last_entry is None:
        return chart
    return replace(chart, first_entry=table.first_entry, last_entry=table.last_entry)


def _column(part: Series, dimension: Dimension) -> Floats:
    if dimension not in part.dimensions:
        return np.full(len(part.times), np.nan)
    column: Floats = part.values[:, part.dimensions.index(dimension)]
    return column


def joined(missing: Iterable[Missing]) -> list[Missing]:
    """Windows of one chart and reason that touch or overlap, put together."""
    result: list[Missing] = []
    for record in sorted(missing, key=lambda m: (m.hostname, m.chart or "", m.reason, m.first)):
        last = result[-1] if result else None
        same = last is not None and (last.hostname, last.chart, last.reason) == (
            record.hostname,
            record.chart,
            record.reason,
        )
        if last is not None and same and record.first <= last.last + SAME:
            result[-1] = replace(last, last=max(last.last, record.last))
        else:
            result.append(record)
    return result


def series_of(
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
