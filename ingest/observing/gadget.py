"""Inspektor Gadget's test of scaling: how much of what happens on N nodes the observer sees.

The test's script writes four files for each number of nodes: `exec-N-nodes.csv` (programs that
each node started, and how many of them all the observer reported), `cpu-before-N-nodes.csv` and
`cpu-N-nodes.csv` (processor time that the observer's pod had used on each node, before and after,
in µs) and `memory-N-nodes.csv` (its memory, in bytes). A row is an iteration: a run.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ingest.importing import Imported, existing, keep, names_of, provenance
from ingest.observing import gadget_tables as files
from ingest.observing.gadget_tables import Table
from minion.errors import InvalidData
from minion.model import Host, Measurement, Role, Simulation, Validity, Verdict, now
from minion.series import Series
from minion.store import Store
from minion.validity import PROGRAM

GADGET = "gadget"

GENERATED = "exec generated"
SEEN = "exec seen"
RATIO = "exec capture ratio"
CPU_BEFORE = "cpu before"
CPU_AFTER = "cpu after"
CPU = "cpu used"
MEMORY = "memory"

_MICRO = 1e6
_MIB = 2**20
_PER_NODE = {
    files.EXEC: (GENERATED, "events", 1),
    files.CPU_BEFORE: (CPU_BEFORE, "µs", 1),
    files.CPU_AFTER: (CPU_AFTER, "µs", 1),
    files.MEMORY: (MEMORY, "MiB", _MIB),
}


def import_gadget(
    store: Store,
    folder: str | Path,
    *,
    experiment: str = GADGET,
    platform: str | None = None,
    sim: str | None = None,
) -> Imported:
    """Store a test's files: a run for each number of nodes and iteration.

    A run's parameters are `nodes` and `iteration`. Of each node it has `exec generated` (events),
    `cpu before` and `cpu after` (µs), `cpu used` (s, their difference) and `memory` (MiB); of the
    whole run `exec seen` (events) and `exec capture ratio`, which is seen / generated on the nodes
    that reported. What a failed pod did not report is missing, and makes the run doubtful. The
    same files again change nothing.

    Args:
        store: where the runs are kept.
        folder: it holds the files, or has folders that do: a test each.
        experiment: that the runs belong to.
        platform: of the runs; default: the name of the folder that holds the files.
        sim: what their sim_ids begin with, before `/N-nodes/ITERATION`; default: the platform.

    Raises:
        NotFound: there is no such folder, or no such file in it.
        InvalidData: a file is not what its name says (the message names file and line), or several
            tests would get one name.
        AlreadyExists: the experiment has a run of that sim_id that this one is not.
    """
    folders = files.folders_of(existing(folder, "folder"))
    if len(folders) > 1 and (platform or sim):
        names = ", ".join(path.name for path in folders)
        raise InvalidData(f"{folder} holds several tests ({names}); name one, or name no platform")
    empty: list[str] = []
    runs = [
        run
        for path in folders
        for run in _runs(path, empty, experiment=experiment, platform=platform, sim=sim)
    ]
    notes = [f"simulation {run.sim_id}: {text}" for run in runs for text in run.validity.reasons]
    nothing: Sequence[Series] = ()
    return keep(store, [(run, nothing) for run in runs], [*notes, *empty])


# ---------------------------------------------------------------- inside


def _runs(
    folder: Path, empty: list[str], *, experiment: str, platform: str | None, sim: str | None
) -> Iterator[Simulation]:
    """The runs of one test, by number of nodes and iteration; `empty` takes what has none."""
    for nodes, paths in files.files_of(folder).items():
        tables = files.read_tables(paths, nodes)
        source = provenance(GADGET, list(paths.values()))
        hostnames = next(iter(tables.values())).hostnames
        iterations = max(len(table.rows) for table in tables.values())
        if not iterations:
            empty.append(f"{folder.name}: no iteration of {nodes} nodes behind the nodes' names")
        for place in range(iterations):
            stem = f"{nodes}-nodes/{place + 1}"
            named, sim_id = names_of(
                next(iter(paths.values())),
                platform=platform,
                sim=sim and f"{sim}/{stem}",
                stem=stem,
            )
            found, lacking = _measured(tables, place)
            yield Simulation(
                experiment=experiment,
                sim_id=sim_id,
                platform=named,
                provenance=source,
                validity=_validity(lacking),
                parameters={"nodes": nodes, "iteration": place + 1},
                hosts=tuple(Host(hostname=name, role=Role.WORKER) for name in hostnames),
                measurements=tuple(found),
            )


def _measured(tables: Mapping[str, Table], place: int) -> tuple[list[Measurement], list[str]]:
    """What one iteration measured, and what it lacks, a sentence each."""
    found: list[Measurement] = []
    lacking: list[str] = []
    for kind in files.KINDS:
        name, unit, scale = _PER_NODE[kind]
        if kind not in tables:
            lacking.append(f"no {name}: there is no such file")
        elif place >= len(tables[kind].rows):
            lacking.append(f"no {name}: the file ends after {len(tables[kind].rows)} iterations")
        else:
            values = dict(zip(tables[kind].hostnames, tables[kind].rows[place].nodes, strict=True))
            found += [
                Measurement(name=name, value=value / scale, unit=unit, hostname=hostname)
                for hostname, value in values.items()
                if value is not None
            ]
            failed = [hostname for hostname, value in values.items() if value is None]
            if failed:
                lacking.append(
                    f"no {name} of {len(failed)} of {len(values)} nodes: {', '.join(failed)}"
                )
    observed, problems = _observed(tables, place)
    used, turned_back = _used(found)
    return [*found, *used, *observed], [*lacking, *problems, *turned_back]


def _observed(tables: Mapping[str, Table], place: int) -> tuple[list[Measurement], list[str]]:
    """What the observer saw, and its share of what the nodes that reported did."""
    rows = tables[files.EXEC].rows if files.EXEC in tables else ()
    if place >= len(rows):
        return [], []
    seen = rows[place].observer
    if seen is None:
        return [], [f"no {SEEN}: the observer gave no count"]
    found = [Measurement(name=SEEN, value=seen, unit="events")]
    generated = sum(value for value in rows[place].nodes if value is not None)
    if not generated:
        return found, [f"no {RATIO}: no node reported an event"]
    return [*found, Measurement(name=RATIO, value=seen / generated)], []


def _used(found: Sequence[Measurement]) -> tuple[list[Measurement], list[str]]:
    """Processor time between two readings of each node's counter, where there are both."""
    before = {m.hostname: m.value for m in found if m.name == CPU_BEFORE}
    after = {m.hostname: m.value for m in found if m.name == CPU_AFTER}
    both = [hostname for hostname in after if hostname in before]
    back = [str(hostname) for hostname in both if after[hostname] < before[hostname]]
    used = [
        Measurement(name=CPU, value=(after[name] - before[name]) / _MICRO, unit="s", hostname=name)
        for name in both
        if after[name] >= before[name]
    ]
    told = f"no {CPU} of {', '.join(back)}: the counter went back, so its pod began anew meanwhile"
    return used, [told] if back else []


def _validity(lacking: Sequence[str]) -> Validity:
    if not lacking:
        return Validity()
    return Validity(verdict=Verdict.DOUBTFUL, reasons=tuple(lacking), by=PROGRAM, at=now())
