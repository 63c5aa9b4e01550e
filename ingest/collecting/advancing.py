"""One host of a run, a window further: pulled, stored, and only then said to be there.

How far a host is, is written after its samples. Whatever happens in between, the same window is
pulled again and ends in the same documents.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ingest.agents.accounting import SAME, joined
from ingest.agents.answers import AgentInfo
from ingest.agents.netdata import DEFAULT_CONTEXTS, WINDOW_ROWS, Pulled, Source
from minion.buckets import Written
from minion.claims import Openness
from minion.errors import AgentError, Superseded
from minion.model import Host, Missing, Simulation
from minion.progress import Progress
from minion.selection import words
from minion.series import Series
from minion.store import Store
from minion.worklist import Worklist

GLANCE_S = 1.0  # of the run's end, for a list of charts that is as young
WINDOW_S = float(WINDOW_ROWS)  # of one pull: what is stored is not lost again


@dataclass(frozen=True, slots=True)
class Step:
    """What one pull of a host brought.

    progress: how far the host is now; None where another collector was faster, or the run is
        complete: look again.
    written: what was stored.
    problem: why its agent gave nothing, or not everything.
    learned: it only found what the agent's clock is ahead; the next one pulls.
    """

    progress: Progress | None
    written: Written = field(default_factory=Written)
    problem: str | None = None
    learned: bool = False


class Advance:
    """Takes one host of one run further, pull by pull.

    Args:
        store: where it is kept.
        simulation: the run.
        source: the host's agent.
        patience_s: how long after the run's end an agent may be away before it counts as gone; 0:
            what it does not give at once is missing.
        corrects_clock: what the agent's clock is ahead, as it is when first heard, is subtracted
            from the times of its samples.
    """

    def __init__(
        self,
        store: Store,
        simulation: Simulation,
        source: Source,
        *,
        patience_s: float,
        corrects_clock: bool = False,
    ) -> None:
        self.store, self.simulation, self.source = store, simulation, source
        self.patience_s, self.corrects_clock = patience_s, corrects_clock
        self._worklist, self._openness = Worklist(store), Openness(store, simulation.id)
        self._described: Host | None = None

    def behind(self, progress: Progress) -> float:
        """By how many seconds the agent comes to the run's end later than we do.

        That is what its clock is behind and is not corrected.
        """
        return max(0.0, progress.clock_shift_s - self.source.ahead)

    def overdue(self, progress: Progress) -> float:
        """For how many seconds the agent's clock is past the run's end; negative before that."""
        end = self.simulation.end
        return -math.inf if end is None else time.time() - self.behind(progress) - end

    def step(self, progress: Progress) -> Step:
        """Pull what came since the last time, at most WINDOW_S of it."""
        end, first = self.simulation.end, progress.until
        shift = progress.clock_shift_s
        # By the agent's clock, whose present is another where that one is wrong.
        present = time.time() + self.source.ahead - shift
        until = min(present if end is None else end, first + WINDOW_S)
        if first >= until - SAME:
            if end is None or self.source.lists(end + shift):
                return self._ended(progress)
            # The last pull went past an end that was not noted yet. What came before it counts.
            first = end - GLANCE_S
        try:
            pulled = self.source.pull(first + shift, until + shift, ended=end is not None)
        except AgentError as error:
            if self.source.agent.abandoned:  # which is no fault of the agent
                return Step(progress, problem=progress.problem)
            if end is not None and progress.until >= end - SAME and not self._is_patient(progress):
                return self._ended(progress)
            return self._silent(progress, until, str(error))
        if self._is_to_learn(progress):
            # Learned with the first answer, and the same for the whole run from then on.
            shift = round(self.source.ahead, 1)
            noted = replace(progress, clock_shift_s=shift, heard=time.time())
            start = self.simulation.start
            self.source.begin_anew(None if start is None else start + shift)
            return Step(self._worklist.advance(progress, noted), learned=True)
        return self._stored(progress, pulled, until, shift)

    def _stored(self, progress: Progress, pulled: Pulled, until: float, shift: float) -> Step:
        """Keep what was pulled, then how far that is."""
        patient = self._is_patient(progress)
        # What failed on the way is asked again the next time.
        reached = (pulled.retry_from if patient else pulled.until) - shift
        series = [shifted(one, shift) for one in pulled.series]
        missing = [_earlier(m, shift) for m in pulled.missing if m.first - shift < reached]
        known = [m for m in missing if m.last > m.first]
        try:
            written = self.store.write(
                self.simulation, series, settled=progress.large, allowed=self._openness
            )
        except Superseded:  # stored or missing it is already, by whoever completes the run
            return Step(None)
        failed = pulled.retry_from < pulled.until
        problem = next((m.reason for m in pulled.missing if m.first >= pulled.retry_from), None)
        if self.source.agent.abandoned:
            problem = progress.problem
        newest = [float(one.times[-1]) for one in series if len(one.times)]
        absent = self._absent(progress, known)
        new = replace(
            progress,
            until=max(progress.until, min(reached, until)),
            missing=absent,
            gaps=len(absent),
            last_sample=max([*newest, progress.last_sample or 0.0]) or None,
            samples=progress.samples + written.samples,
            retries=progress.retries + pulled.retries,
            heard=time.time(),
            problem=problem if failed else None,
            done=self.simulation.end is not None and reached >= self.simulation.end - SAME,
        )
        self._describe(pulled.info, shift)
        return Step(self._worklist.advance(progress, new), written, new.problem)

    def _silent(self, progress: Progress, until: float, problem: str) -> Step:
        """An agent gave nothing: it is asked again, until that is of no use any more."""
        if self._is_patient(progress):
            kept = self._worklist.advance(progress, replace(progress, problem=problem))
            return Step(kept, problem=problem)
        end = self.simulation.end
        last = until if end is None else end
        gone = Missing(hostname=progress.hostname, first=progress.until, last=last, reason=problem)
        absent = self._absent(progress, [gone])
        new = replace(
            progress,
            until=last,
            missing=absent,
            gaps=len(absent),
            done=end is not None,
            problem=problem,
        )
        return Step(self._worklist.advance(progress, new), problem=problem)

    def _ended(self, progress: Progress) -> Step:
        end = self.simulation.end
        if end is None or progress.done or progress.until < end - SAME:
            return Step(progress)
        return Step(self._worklist.advance(progress, replace(progress, done=True)))

    def _is_patient(self, progress: Progress) -> bool:
        return self.source.agent.abandoned or self.overdue(progress) < self.patience_s

    def _is_to_learn(self, progress: Progress) -> bool:
        """Whether the agent's clock is to be corrected, and by how much shows only now."""
        if not self.corrects_clock or progress.heard is not None or not self.source.ahead:
            return False
        # What is stored of a host stays, with the times that it was stored with.
        return not self.store.newest_samples(self.simulation, self.source.hostname)

    def _absent(self, progress: Progress, new: Sequence[Missing]) -> tuple[Missing, ...]:
        """All that is missing of the host: what was, and of the new what the store has not."""
        if not new:
            return progress.missing
        return tuple(joined([*progress.missing, *not_stored(self.store, self.simulation, new)]))

    def _describe(self, info: AgentInfo, shift: float) -> None:
        """Keep what an agent says of its host, as soon as it is known; what is kept stays."""
        known = self._described or self.simulation.host(self.source.hostname)
        if known is None:
            return
        told = replace(
            known,
            ram_mib=info.ram_mib if known.ram_mib is None else known.ram_mib,
            cores=info.cores if known.cores is None else known.cores,
            clock_ahead_s=known.clock_ahead_s or round(self.source.ahead, 1) or None,
            clock_shift_s=shift or None,
        )
        if told != known:
            self.store.describe_host(self.simulation, told, versions(known, info))
        self._described = told


def not_stored(store: Store, simulation: Simulation, missing: Sequence[Missing]) -> list[Missing]:
    """What of it the store has not either: an earlier pull, or a later one, may have had it.

    Args:
        store: where the run is.
        simulation: the run.
        missing: of one host; of all charts, or of one by its id or context.
    """
    if not missing:
        return []
    hosts = [missing[0].hostname]
    names = None if any(m.chart is None for m in missing) else {m.chart or "" for m in missing}
    found = store.series(simulation, hosts=hosts, charts=names)
    if names is not None and names - {series.chart for series in found}:
        found += store.series(simulation, hosts=hosts, contexts=names)
    stored = {series.chart: series for series in found}
    result: list[Missing] = []
    for record in missing:
        known = [
            series
            for series in stored.values()
            if record.chart in (None, series.chart, series.context)
        ]
        if not known:
            result.append(record)
        for series in known:
            result += lacking(record, series)
    return result


def contexts_of(simulation: Simulation, otherwise: Sequence[str] = ()) -> tuple[str, ...]:
    """The patterns of the charts that are pulled for a run: its own, else others, else ours."""
    own = words(simulation.provenance.details.get("charts"))
    return own or tuple(otherwise) or DEFAULT_CONTEXTS


def versions(host: Host, info: AgentInfo) -> dict[str, str]:
    """What a simulation's environment keeps of a host."""
    return {
        f"netdata on {host.hostname}": info.version,
        f"kernel on {host.hostname}": info.kernel,
    }


def lacking(record: Missing, series: Series) -> Iterator[Missing]:
    """The rows of a window that a stored chart has not, those that follow each other together."""
    if not series.step:
        yield replace(record, chart=series.chart)
        return
    base, step = float(series.times[0]), series.step

    def row(moment: float) -> int:
        return math.ceil((moment - base) / step - SAME)

    there = np.rint((series.times - base) / step).astype(np.int64)
    absent = np.setdiff1d(np.arange(row(record.first), row(record.last)), there)
    for run in np.split(absent, np.flatnonzero(np.diff(absent) > 1) + 1):
        if len(run):
            first = max(record.first, base + float(run[0]) * step)
            last = min(record.last, base + float(run[-1] + 1) * step)
            yield replace(record, chart=series.chart, first=first, last=last)


def shifted(series: Series, shift: float) -> Series:
    """A series whose times are so many seconds earlier."""
    return replace(series, times=series.times - shift) if shift else series


def _earlier(record: Missing, shift: float) -> Missing:
    return replace(record, first=record.first - shift, last=record.last - shift)
