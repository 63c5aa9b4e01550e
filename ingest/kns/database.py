"""A database of the published study, or a dump of one, into the store.

Simulations, hosts and events are read whole. The flat samples pass by once, in whatever order:
each goes to the simulations in whose window it lies, waits there, and in the end each simulation
is written as a whole. So what is stored does not depend on the documents' order, memory is
bounded, and an import that was interrupted is simply run again.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

from ingest.findings import Findings
from ingest.kns import KNS
from ingest.kns.check import Chart, absent_contexts, doubts, lost
from ingest.kns.flat import FlatSamples
from ingest.kns.placement import Placement, Window, overlaps
from ingest.kns.runs import Documents, read_runs
from ingest.kns.source import Source, opened
from ingest.spool import Spool, pivot
from minion.buckets import Written
from minion.errors import AlreadyExists, InvalidData
from minion.model import EventType, Provenance, Simulation, Status, Verdict, now
from minion.selection import Selection
from minion.series import Series
from minion.store import Store
from minion.validity import PROGRAM, verdict_of

MINION_DB, NETDATA_DB = "minion", "netdata"

Progress = Callable[[int, int | None, int], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did.

    simulations: the runs, with the verdicts that they have now.
    documents: flat documents that were read.
    placed: those that belong to a simulation.
    written: what is stored now and was not before.
    seconds: how long it took.
    notes: what is merely odd, a line each.
    errors: what should be there and could not be had, a line each.
    """

    simulations: tuple[Simulation, ...]
    documents: int
    placed: int
    written: Written
    seconds: float
    notes: tuple[str, ...]
    errors: tuple[str, ...]

    @property
    def summary(self) -> str:
        """What was imported, in one line."""
        names = ", ".join({simulation.experiment for simulation in self.simulations}) or "(none)"
        number = len(self.simulations)
        rate = self.documents / self.seconds if self.seconds else 0.0
        return (
            f"imported into experiment {names}: {number} simulation{'s' * (number != 1)},"
            f" {self.placed:,} of {self.documents:,} samples, {self.written.samples:,} of them new;"
            f" {self.seconds:.1f} s, {rate:,.0f} samples/s"
        )

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The simulations that a program does not take for whole, a line each."""
        return tuple(
            f"simulation {s.sim_id} is {s.validity.verdict}: {'; '.join(s.validity.reasons)}"
            for s in self.simulations
            if s.validity.by == PROGRAM and s.validity.verdict is not Verdict.UNCHECKED
        )


def import_kns(
    store: Store,
    source: str,
    *,
    experiment: str = KNS,
    sims: str | None = None,
    ram_mib: float | None = None,
    minion_db: str = MINION_DB,
    netdata_db: str = NETDATA_DB,
    progress: Progress | None = None,
    live: bool = False,
    since: float | None = None,
    skip: Collection[str] = (),
) -> Imported:
    """Import simulations, hosts, events and netdata_metrics of the published study's form.

    A sample belongs to a simulation when its host took part and its timestamp lies strictly
    between the first and the last event. A run that did not end, misses hosts or lost samples is
    imported and judged. The same import again ends in the same documents.

    Args:
        store: where they go.
        source: a `mongodb://` URI, or a folder with the four collections as mongoexport or
            mongodump writes them.
        experiment: the name to import to.
        sims: sim_ids and ranges, such as `1000-1026,1030`; default: all.
        ram_mib: total memory of every host, in MiB.
        minion_db: database (or subfolder) of simulations, hosts and events.
        netdata_db: database (or subfolder) of netdata_metrics.
        progress: is told the bytes that were read, how many there are (None: nobody knows), and
            the flat documents so far.
        live: leave runs that are in progress `running`; see `ingest.kns.follow`.
        since: of a server only the samples that it got since then (seconds since the epoch), by
            their ObjectIds; default: all.
        skip: sim_ids of runs to leave alone.

    Raises:
        NotFound: the source lacks a collection or a simulation that was named.
        AlreadyExists: the experiment has one of the sim_ids from elsewhere.
        InvalidData: a collection stands there twice, or `ram_mib` is not a positive number.
        OutputError: there is no room to put samples aside.
    """
    if ram_mib is not None and not 0 < ram_mib < float("inf"):
        raise InvalidData(f"a total memory of {ram_mib} MiB; give a positive number")
    started = time.perf_counter()
    findings = Findings()
    databases = {"minion_db": minion_db, "netdata_db": netdata_db}
    with opened(source, **databases, since=since) as there, Spool() as spool:
        simulations = read_runs(
            Documents(
                there.simulations.documents(), there.hosts.documents(), there.events.documents()
            ),
            findings,
            experiment=experiment,
            provenance=Provenance(
                source=KNS,
                version=version("minion"),
                created=now(),
                details={"from": there.where},
            ),
            sims=sims,
            ram_mib=ram_mib,
        )
        running = in_progress(simulations) if live else set()
        simulations = [run for run in simulations if run.sim_id not in skip]
        stored = _stored(store, experiment, simulations)
        run = _Import(store, findings, spool, simulations, stored, running)
        run.read(there, progress or _silent)
        written = run.write()
        for part in there.parts:
            if part.problem:
                findings.lack(f"{part.name}: {part.problem}")
    return Imported(
        simulations=tuple(run.written),
        documents=run.documents,
        placed=run.placement.placed,
        written=written,
        seconds=time.perf_counter() - started,
        notes=findings.notes,
        errors=findings.errors,
    )


class _Import:
    """One import, from the first flat document to the last series."""

    def __init__(
        self,
        store: Store,
        findings: Findings,
        spool: Spool,
        simulations: Sequence[Simulation],
        stored: Mapping[str, Simulation],
        running: Collection[str],
    ) -> None:
        self.store, self.findings, self.spool = store, findings, spool
        self.simulations, self.stored, self.running = simulations, stored, running
        self.samples = FlatSamples()
        self.windows = [_window(simulation) for simulation in simulations]
        windows = [
            Window(*bounds, number, host.hostname)
            for number, (simulation, bounds) in enumerate(
                zip(simulations, self.windows, strict=True)
            )
            if bounds is not None
            for host in simulation.hosts
        ]
        self.placement = Placement(windows)
        self.documents = 0
        self.written: list[Simulation] = []
        self._windows = windows

    def read(self, source: Source, progress: Progress) -> None:
        """Put every sample aside for its simulations."""
        size, done = source.metrics.size, 0

        def told(read: int) -> None:
            nonlocal done
            done += read
            progress(done, size, self.documents)

        for batch in source.metrics.batches(self.samples, told):
            self.documents += len(batch.series)
            for owner, records in self.placement.place(batch, self.samples.series):
                self.spool.add(owner, records)
        self.documents += sum(self.samples.refused.values())
        progress(done, size, self.documents)
        self._note_overlaps()
        self._note_unplaced()

    def write(self) -> Written:
        """Write every simulation with its series."""
        counts = [self.spool.counts(number) for number in range(len(self.simulations))]
        charts = [{self._chart(series) for series in found} for found in counts]
        for context in absent_contexts(charts):
            self.findings.note("charts of the study that no run has", context)
        everywhere = doubts(self.simulations, charts)
        written = Written()
        for number, simulation in enumerate(self.simulations):
            written += self._write(number, simulation, counts[number], everywhere[number])
        if written.conflicts:
            self.findings.note(
                "samples that differ from what was stored, which stayed", count=written.conflicts
            )
        return written

    def _write(
        self, number: int, simulation: Simulation, counts: Mapping[int, int], found: list[str]
    ) -> Written:
        window = self.windows[number]
        old = self.stored.get(simulation.sim_id)
        if simulation.sim_id in self.running and (old is None or old.status is Status.RUNNING):
            return self._write_running(number, simulation, counts)
        if window is None:
            judged = replace(simulation, validity=verdict_of(simulation, ()))
            if old is None:
                self.store.add(judged)
            self.written.append(judged)
            return Written()
        parts, series = 0, list[Series]()
        for series in self._series(number, counts, told=True):
            parts += 1
            found += lost(series, window)
        hosts = {self.samples.series[place].hostname for place in counts}
        validity = verdict_of(simulation, hosts, doubts=found)
        judged = replace(simulation, validity=validity)
        # What does not fit into memory at once is made a second time rather than kept.
        pieces = iter([series] if parts < 2 else self._series(number, counts))
        written = self.store.put(judged, next(pieces), again=True)
        stored = self.store.simulation(simulation.sim_id, simulation.experiment)
        for piece in pieces:
            written += self.store.write(stored, piece, settled=True)
        self.written.append(stored)
        return written

    def _write_running(
        self, number: int, simulation: Simulation, counts: Mapping[int, int]
    ) -> Written:
        """Write what a run in progress has so far; nothing is said of it yet."""
        if not _started(simulation):
            self.written.append(replace(simulation, status=Status.REGISTERED))
            return Written()
        old = self.stored.get(simulation.sim_id) or self.store.add(
            replace(simulation, status=Status.RUNNING)
        )
        known = {str(event.id) for event in old.events}
        for event in simulation.events:
            if str(event.id) not in known:
                old = self.store.note(old, event)
        written = Written()
        for piece in self._series(number, counts):
            written += self.store.write(old, piece, settled=True)
        self.written.append(old)
        return written

    def _series(
        self, number: int, counts: Mapping[int, int], *, told: bool = False
    ) -> Iterator[list[Series]]:
        """The series of a simulation in pieces that fit into memory."""
        for records in self.spool.parts(number, counts, self.samples.series):
            pivoted = pivot(records, self.samples.series)
            if told:
                sim_id = self.simulations[number].sim_id
                self.findings.note("samples that came twice", sim_id, pivoted.repeated)
                self.findings.note(
                    "samples that came twice with different values, the first stayed",
                    sim_id,
                    pivoted.conflicts,
                )
            yield pivoted.series

    def _chart(self, place: int) -> Chart:
        flat = self.samples.series[place]
        return Chart(flat.hostname, flat.chart, flat.context)

    def _note_overlaps(self) -> None:
        measured = {series.hostname for series in self.samples.series}
        windows = [window for window in self._windows if window.hostname in measured]
        for (one, other), hosts in overlaps(windows).items():
            pair = f"{self.simulations[one].sim_id} and {self.simulations[other].sim_id}"
            self.findings.note(
                "simulations that overlap on a host, whose samples there belong to both",
                f"{pair} on {', '.join(sorted(hosts))}",
            )

    def _note_unplaced(self) -> None:
        placement, note = self.placement, self.findings.note
        note("samples outside every simulation of their host", count=placement.outside)
        for hostname, count in sorted(placement.strangers.items()):
            note("samples of hosts that took part in no simulation", hostname, count)
        note("samples that belong to several simulations", count=placement.shared)
        note("samples with no value", count=placement.empty)
        for reason, count in self.samples.refused.items():
            note(f"samples with {reason}", count=count)


def in_progress(simulations: Sequence[Simulation]) -> set[str]:
    """The sim_ids of runs that did not end, and whose hosts took part in no later one."""
    latest: dict[str, float] = {}
    for simulation in simulations:
        for host in simulation.hosts:
            start = simulation.start or 0.0
            latest[host.hostname] = max(start, latest.get(host.hostname, start))
    return {
        simulation.sim_id
        for simulation in simulations
        if simulation.end is None
        and (
            not _started(simulation)
            or all(latest[host.hostname] == simulation.start for host in simulation.hosts)
        )
    }


def _started(simulation: Simulation) -> bool:
    return any(event.type is EventType.START_SIMULATION for event in simulation.events)


def _window(simulation: Simulation) -> tuple[float, float] | None:
    """The times of the first and the last event, between which its samples lie."""
    times = [event.time for event in simulation.events]
    return (min(times), max(times)) if times else None


def _stored(
    store: Store, experiment: str, simulations: Sequence[Simulation]
) -> dict[str, Simulation]:
    """What an earlier import of the same source left of these simulations, by sim_id.

    Raises:
        AlreadyExists: one of them came from elsewhere.
    """
    if experiment not in store.experiments():
        return {}
    everything = store.simulations(Selection(experiment=experiment, include_excluded=True))
    found = {s.sim_id: s for s in everything if s.status is not Status.IMPORTING}
    for simulation in simulations:
        old = found.get(simulation.sim_id)
        if old is None:
            continue
        same = str(old.source_id) == str(simulation.source_id)
        if old.provenance.source != KNS or not same:
            raise AlreadyExists(
                f"experiment {experiment} has a simulation {simulation.sim_id} that is not this"
                " one; name another experiment with --experiment"
            )
    return found


def _silent(_done: int, _size: int | None, _documents: int) -> None:
    """Nobody watches."""
