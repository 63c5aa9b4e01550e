"""A run whose hosts are all done becomes complete: a last look at what is missing, a verdict.

An agent may have later what it had not when it was asked: one that was stopped for a while fills
its rows in, one that was restarted lists its charts one after another. And a collector that was
killed between storing samples and saying so leaves rows that nobody speaks of. So what is missing
is asked for once more, and what is stored is held against its own grid.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from bson import ObjectId

from ingest.agents.accounting import SAME, joined
from ingest.agents.agent import Agent
from ingest.agents.netdata import Source, Way
from ingest.collecting.advancing import contexts_of, lacking, not_stored, shifted
from minion.claims import Claim
from minion.errors import AgentError, Superseded
from minion.model import Missing, Simulation, Status, Verdict
from minion.progress import Progress
from minion.store import Store
from minion.validity import PROGRAM, verdict_of
from minion.worklist import Worklist

MOST_WINDOWS = 100  # of a host that are asked for once more; those that lie closest are one
NEVER_HAD = "the agent has no samples of that time"

Open = Callable[[Progress], Agent]
ChartsOf = Callable[[str], Sequence[str]]


def complete(
    store: Store,
    simulation: Simulation,
    *,
    opened: Open,
    charts_of: ChartsOf = lambda _: (),
) -> Simulation:
    """Look once more for what is missing, merge the run's stretches, and judge it.

    Only one does so at a time. What is cut off is done again by the next one, and ends in the same
    documents.

    Args:
        store: where it is kept.
        simulation: a run whose hosts are all done.
        opened: gives the agent of a host.
        charts_of: gives the patterns of the charts of a host, where the run has none of its own.

    Returns:
        The simulation, complete; judged as far as a program may. It has only ended where somebody
        else completes it just now, or fetches its samples again.

    Raises:
        AgentError: an agent was abandoned while it was asked; nothing is said of the run then.
    """
    worklist = Worklist(store)
    with Claim(store, simulation) as claim:
        if claim.simulation is None:
            return store.reload(simulation)
        simulation = claim.simulation
        if simulation.status is not Status.COMPLETE:  # else it was cut off behind that
            entries = worklist.of(simulation)
            if not all(entry.done for entry in entries):
                return simulation
            try:
                simulation = _completed(store, claim, simulation, entries, opened, charts_of)
            except Superseded:
                return store.reload(simulation)
    if simulation.validity.verdict is Verdict.UNCHECKED:
        measured = set(store.coverage(simulation)["hostname"])
        judged = verdict_of(simulation, measured)
        if judged.verdict is not Verdict.UNCHECKED:
            simulation = store.judge(simulation, judged.verdict, judged.reasons, by=PROGRAM)
    # Last of all: what is cut off before is found on the list, and done again.
    worklist.leave(simulation)
    return simulation


def _completed(
    store: Store,
    claim: Claim,
    simulation: Simulation,
    entries: Sequence[Progress],
    opened: Open,
    charts_of: ChartsOf,
) -> Simulation:
    """What is missing asked for once more, the stretches merged, the run called complete."""
    absent = _absent(store, simulation, entries)
    recovered = [
        entry
        for entry in entries
        if absent[entry.id]
        and _looked_again(store, claim, simulation, entry, absent[entry.id], opened, charts_of)
    ]
    absent |= _absent(store, simulation, recovered)
    missing = [record for entry in entries for record in absent[entry.id]]
    large = [entry.hostname for entry in entries if entry.large]
    return store.settle(simulation, missing=missing if entries else None, merged=large, claim=claim)


def _absent(
    store: Store, simulation: Simulation, entries: Sequence[Progress]
) -> dict[ObjectId, list[Missing]]:
    """What is missing of each host, by its entry.

    That is what was recorded and is not stored, and what nobody spoke of.
    """
    if not entries:
        return {}
    covered = store.coverage(simulation)  # once: of all hosts it takes as long as of one
    gaps = covered[covered["gaps"] > 0].groupby("hostname")["chart"].agg(list).to_dict()
    result = {}
    for entry in entries:
        recorded = not_stored(store, simulation, tuple(_inside(simulation, entry.missing)))
        charts = gaps.get(entry.hostname, [])
        holes = _holes(store, simulation, entry.hostname, charts) if charts else ()
        result[entry.id] = joined([*recorded, *(h for one in holes for h in _apart(one, recorded))])
    return result


def _inside(simulation: Simulation, missing: Iterable[Missing]) -> Iterator[Missing]:
    """What of it lies before the run's end, which may have been noted later than it was."""
    for record in missing:
        last = record.last if simulation.end is None else min(record.last, simulation.end)
        if last > record.first:
            yield replace(record, last=last)


def _holes(
    store: Store, simulation: Simulation, hostname: str, charts: Sequence[str]
) -> Iterator[Missing]:
    """The rows between the first and the last of each of these charts that are not stored."""
    for series in store.series(simulation, hosts=[hostname], charts=charts):
        first, last = float(series.times[0]), float(series.times[-1])
        whole = Missing(
            hostname=hostname, chart=series.chart, first=first, last=last, reason=NEVER_HAD
        )
        yield from _inside(simulation, lacking(whole, series))


def _apart(hole: Missing, recorded: Sequence[Missing]) -> Iterator[Missing]:
    """What of a hole no record speaks of."""
    first = hole.first
    mine = [r for r in recorded if r.chart in (None, hole.chart)]
    for record in sorted(mine, key=lambda r: r.first):
        if record.first > first + SAME and first < hole.last - SAME:
            yield replace(hole, first=first, last=min(record.first, hole.last))
        first = max(first, record.last)
    if first < hole.last - SAME:
        yield replace(hole, first=first)


def _looked_again(
    store: Store,
    claim: Claim,
    simulation: Simulation,
    entry: Progress,
    missing: Sequence[Missing],
    opened: Open,
    charts_of: ChartsOf,
) -> bool:
    """Ask an agent for what is missing; whether it had any of it."""
    stored = set(store.newest_samples(simulation, entry.hostname))
    named = sorted(stored | {record.chart for record in missing if record.chart})
    charts = named or contexts_of(simulation, charts_of(entry.hostname))
    shift, found = entry.clock_shift_s, 0
    with opened(entry) as agent:
        source = Source(agent, entry.hostname, contexts=charts, tries=1, way=Way.DIRECT)
        for first, last in _windows(missing):
            try:
                pulled = source.pull(first + shift, last + shift)
            except AgentError:
                break
            series = [shifted(one, shift) for one in pulled.series]
            written = store.write(simulation, series, settled=entry.large, allowed=claim.held)
            found += written.samples
            source.begin_anew(None)
        if agent.abandoned:  # it may have it: whoever completes the run next asks again
            raise AgentError(f"{agent.url}: nobody waits for it any more")
    return found > 0


def _windows(missing: Sequence[Missing]) -> list[tuple[float, float]]:
    """The windows of all charts together, oldest first, and what lies between if there are many."""
    result: list[tuple[float, float]] = []
    for first, last in sorted((record.first, record.last) for record in missing):
        if result and first <= result[-1][1] + SAME:
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    if len(result) <= MOST_WINDOWS:
        return result
    pauses = [later[0] - earlier[1] for earlier, later in pairwise(result)]
    longest = sorted(range(len(pauses)), key=lambda n: pauses[n])[-(MOST_WINDOWS - 1) :]
    ends = [*sorted(longest), len(result) - 1]
    starts = [0, *(n + 1 for n in ends[:-1])]
    return [(result[a][0], result[b][1]) for a, b in zip(starts, ends, strict=True)]
