"""Samples of one host, from its netdata agent; nothing is trusted.

Small fleets are asked through netdata-pandas, which fetches the charts of one interval in one call;
large ones directly, which costs a fraction of the processor's time. Either way what comes is held
against what was asked, sample by sample (`ingest.agents.accounting`): what is not there is asked
again from the agent itself, and what the agent does not give either is recorded as missing.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from urllib.parse import quote

from ingest.agents.access import ANSWER_S
from ingest.agents.accounting import Patience, Task, joined
from ingest.agents.agent import Agent
from ingest.agents.answers import AgentInfo, Chart
from minion.errors import AgentError, InvalidData
from minion.model import Host, Missing
from minion.series import Series

DEFAULT_CONTEXTS = ("system.cpu", "system.ram", "system.io", "disk.util", "system.net")
NO_SUCH_CHART = "chart unknown: the agent has none of that context or id"
NOT_NETDATAS = "the agent's list has this chart, but not as netdata writes it"
MOST_LEFT_OUT = 100  # charts of an agent that this is said of
WINDOW_ROWS = 20_000  # in one request: far from the 86,400 where an agent averages
CHARTS_PER_CALL = 16  # netdata-pandas asks for all of a call at once
LISTED_S = 600.0  # how long a list of charts holds where all that are wanted were on it
LOOKED_S = 60.0  # and where others may appear at any time
LATE_S = 2.0  # after its first sample's time a chart is on the list


class Way(StrEnum):
    """How an agent is asked."""

    NETDATA_PANDAS = "netdata-pandas"
    DIRECT = "direct"


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
    retries: how often the agent was asked again for what it had not given.
    """

    series: tuple[Series, ...]
    missing: tuple[Missing, ...]
    until: float
    retry_from: float
    info: AgentInfo
    charts: tuple[Chart, ...]
    retries: int


def pull(
    host: Host,
    first: float,
    last: float,
    *,
    contexts: Sequence[str] = DEFAULT_CONTEXTS,
    timeout: float = ANSWER_S,
    tries: int = 3,
    way: Way = Way.NETDATA_PANDAS,
) -> Pulled:
    """The samples of one host with first <= time < last.

    Args:
        host: its `url` is the agent's address.
        first, last: the window, seconds since the epoch.
        contexts: patterns (`*`, `?`, `[…]`) of the contexts or ids of the charts that are wanted.
        timeout: seconds that one answer may take.
        tries: how often a sample is asked for that is not there.
        way: how the agent is asked.

    The values are the agent's. One that was restarted with a shorter interval interpolates its
    older samples to the new one, and no answer says so.

    Raises:
        AgentError: nothing could be had: the agent is down, refuses, or stays silent.
        InvalidData: the host has no agent, or the window is none.
    """
    if host.url is None:
        raise InvalidData(f"host {host.hostname} has no netdata agent; give it an address")
    agent = Agent(host.url, timeout=timeout, tries=tries)
    return Source(agent, host.hostname, contexts=contexts, tries=tries, way=way).pull(first, last)


@dataclass(slots=True)
class Source:
    """One host of a run, whose agent is asked window after window.

    agent: may serve several sources, one at a time.
    hostname: of the host, as the run calls it.
    contexts: patterns of the contexts or ids of the charts that are wanted.
    tries: how often a sample is asked for that is not there.
    way: how the agent is asked.
    origin: the run's start by the agent's clock. A chart that turns up late is pulled from here;
        without it, from where the window begins that first saw it.
    reached: of each chart from where it is asked next, for one that goes on what another began.
    """

    agent: Agent
    hostname: str
    contexts: Sequence[str] = DEFAULT_CONTEXTS
    tries: int = 3
    way: Way = Way.NETDATA_PANDAS
    origin: float | None = None
    reached: dict[str, float] = field(default_factory=dict)
    _info: AgentInfo | None = None
    _charts: list[tuple[Chart, bool]] = field(default_factory=list)
    _unknown: tuple[str, ...] = ()
    _left_out: tuple[str, ...] = ()
    _listed: float = -math.inf
    _listed_at: float = -math.inf
    _gone: tuple[frozenset[str], float] = (frozenset(), 0.0)
    _since: dict[str, float] = field(init=False)
    _known: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self._since, self._known = dict(self.reached), set(self.reached)

    @property
    def ahead(self) -> float:
        """By how many seconds the agent's clock is ahead of ours; 0 where that is not certain."""
        skew = self.agent.clock.skew
        if skew is None:
            return 0.0
        middle, half_width = skew
        return middle if abs(middle) > half_width + 1 else 0.0

    def lists(self, moment: float) -> bool:
        """Whether the charts that it knows are those of this moment by the agent's clock."""
        return self._listed_at >= moment - self.ahead + LATE_S

    def begin_anew(self, origin: float | None) -> None:
        """Forget what was pulled, which nobody keeps; the run's start is another by this clock."""
        self.origin = origin
        self.reached.clear()
        self._since.clear()

    def pull(self, first: float, last: float, *, ended: bool = False) -> Pulled:
        """The samples with first <= time < last, by the agent's clock; see the function `pull`.

        Args:
            first, last: the window.
            ended: nothing is asked behind `last` any more. A chart that came shortly before is not
                overlooked: the list of charts is not older than that.
        """
        if not (math.isfinite(first) and math.isfinite(last) and first < last):
            raise InvalidData(f"host {self.hostname}: no time lies between {first} and {last}")
        info = self._look(last - self.ahead + LATE_S if ended else -math.inf)
        ahead = self.ahead
        tasks = [self._task(chart, first, promised, ahead) for chart, promised in self._charts]
        alike: defaultdict[tuple[int, float], list[Task]] = defaultdict(list)
        for task in tasks:
            alike[task.chart.step, task.first].append(task)
        for (step, begin), group in alike.items():
            for window in _windows(begin, last, step):
                if window[0] > max(begin, time.time() + ahead):
                    break
                for start in range(0, len(group), CHARTS_PER_CALL):
                    self._fetch(group[start : start + CHARTS_PER_CALL], *window)
        failures = [task.failure for task in tasks if task.failure]
        if failures:  # it may have been restarted, and have other charts than before
            self._listed = -math.inf
        if failures and not any(task.parts for task in tasks):
            raise AgentError(failures[0][1])
        present = min(last, max(first, time.time() + ahead))
        until = min((task.settled for task in tasks), default=present)
        self._keep(tasks, until)
        said = [(pattern, NO_SUCH_CHART) for pattern in self._unknown]
        said += [(identity, NOT_NETDATAS) for identity in self._left_out]
        absent = (
            Missing(hostname=self.hostname, first=first, last=until, reason=reason, chart=name)
            for name, reason in said
            if first < until
        )
        return Pulled(
            series=tuple(task.series() for task in tasks if task.parts),
            missing=(*(m for task in tasks for m in joined(task.missing)), *absent),
            until=until,
            retry_from=min([until, *(start for start, _ in failures)]),
            info=info,
            charts=tuple(task.chart for task in tasks),
            retries=sum(task.retries for task in tasks),
        )

    def _look(self, needed: float) -> AgentInfo:
        """Who the agent is, and which of its charts are wanted: asked again now and then.

        Args:
            needed: a list that is older (epoch seconds, by our clock) does not do.
        """
        age = time.monotonic() - self._listed
        others = self._unknown or self._left_out or any(map(_is_pattern, self.contexts))
        holds = LOOKED_S if others else LISTED_S
        gone = frozenset(self._known.intersection(self._unknown))
        if gone != self._gone[0]:
            self._gone = gone, time.monotonic()
        if gone and time.monotonic() - self._gone[1] < LOOKED_S:
            holds = 0.0  # an agent that was restarted lists its charts one after the other
        current = age < holds and self._listed_at >= needed
        if self._info is not None and self.way is Way.DIRECT and current:
            return self._info
        asked = time.time()
        info = self.agent.info()
        self._charts, unknown = _chosen(self.agent.charts(), self.contexts)
        left_out = self.agent.left_out.items()
        matched = {p: [i for i, c in left_out if _matches(i, c, p)] for p in self.contexts}
        self._unknown = tuple(name for name in unknown if not matched[name])
        ids = dict.fromkeys(identity for found in matched.values() for identity in found)
        self._left_out = tuple(ids)[:MOST_LEFT_OUT]
        self._known |= {name for chart, _ in self._charts for name in (chart.id, chart.context)}
        self._info, self._listed, self._listed_at = info, time.monotonic(), asked
        return info

    def _task(self, chart: Chart, first: float, promised: bool, ahead: float) -> Task:
        """A chart's way through this pull, from where its samples were last had."""
        known = chart.id in self.reached
        begin = first if self.origin is None else min(first, self.origin)
        if known:  # what was not on the list for a while is asked from where it was
            begin = min(first, self.reached[chart.id])
        elif not promised:
            oldest = chart.first_entry
            begin = first if oldest is None else max(begin, min(first, oldest))
        return Task(
            hostname=self.hostname,
            agent=self.agent,
            chart=chart,
            first=begin,
            tries=self.tries,
            ahead=ahead,
            promised=promised,
            since=self._since.get(chart.id),
        )

    def _keep(self, tasks: Sequence[Task], until: float) -> None:
        """Remember where each chart is, and what its agent said of it meanwhile."""
        before = [chart for chart, _ in self._charts]
        self._charts = [(task.chart, task.promised) for task in tasks]
        for task, listed in zip(tasks, before, strict=True):
            if task.parts:
                first = float(task.parts[0].times[0])
                self._since[task.chart.id] = min(first, self._since.get(task.chart.id, first))
            # What has ended is not asked for ever; an agent's list forgets it as well.
            reached = max(task.reached, min(until, task.settled) - LISTED_S)
            # What failed on the way is asked again, also where it is older than all others have.
            failed = math.inf if task.failure is None else task.failure[0]
            self.reached[task.chart.id] = min(reached, failed)
            if task.chart.first_entry is None and listed.first_entry is not None:
                self._listed = -math.inf

    def _fetch(self, tasks: Sequence[Task], first: float, last: float) -> None:
        """One window of charts of one interval."""
        found: Mapping[str, Series] = {}
        printed: Sequence[str] = ()
        if self.way is Way.NETDATA_PANDAS and not self.agent.abandoned:
            # Its libraries take a second to load.
            from ingest.agents.through_pandas import fetched  # noqa: PLC0415

            found, printed = fetched([task for task in tasks if not task.silent], first, last)
        patience = Patience()
        # Those that came first: what they lack is not to wait for those that are silent.
        for task in sorted(tasks, key=lambda task: task.chart.id not in found):
            agent, identity = task.agent, task.chart.id
            unread = (
                f"{agent.url}: its data of {identity} could not be read"
                if any(f"chart={quote(identity, safe='')}&" in line for line in printed)
                else f"{agent.url}: no data of {identity} within {agent.timeout:g} s"
            )
            task.complete(found.get(identity), first, last, patience, unread)


def _is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _matches(identity: str, context: str, pattern: str) -> bool:
    return fnmatchcase(context, pattern) or fnmatchcase(identity, pattern)


def _chosen(
    listed: Mapping[str, Chart], patterns: Iterable[str]
) -> tuple[list[tuple[Chart, bool]], tuple[str, ...]]:
    """The charts that match, each with whether its name was given, and the names that none has.

    A pattern that matches nothing promised nothing: cgroup charts come and go with containers.
    """
    charts: dict[str, tuple[Chart, bool]] = {}
    unknown = []
    for pattern in dict.fromkeys(patterns):
        named = not _is_pattern(pattern)
        found = [c for c in listed.values() if _matches(c.id, c.context, pattern)]
        for chart in found:
            charts[chart.id] = chart, named or charts.get(chart.id, (chart, False))[1]
        if named and not found:
            unknown.append(pattern)
    return list(charts.values()), tuple(unknown)


def _windows(first: float, last: float, step: int) -> Iterator[tuple[float, float]]:
    """The window in parts of at most WINDOW_ROWS samples, cut where a sample's time may be."""
    length = WINDOW_ROWS * step
    start = math.floor(first / step) * step
    while start < last:
        yield max(first, start), min(last, start + length)
        start += length
