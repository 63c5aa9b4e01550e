"""A profile as a run: what functions, and stacks of functions, cost.

Each process has three charts of one row, whose dimensions are its functions, and charts whose
dimensions are its stacks (`a;b;c`, the outermost first):

    profile.KIND.self    what the function cost itself
    profile.KIND.total   with all that it called; of recursive calls the outermost
    profile.KIND.calls   how often it was called, or was on top in a sample
    profile.KIND.stacks  what the last function of the stack cost itself when called like that

A chart is called CONTEXT/PROCESS. KIND says what is counted: `time` (ms), `samples`, `alloc_space`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ingest.findings import Findings
from ingest.importing import Imported, distinct, from_to, keep, names_of, provenance
from minion.errors import InvalidData
from minion.model import Host, Measurement, Role
from minion.model import Simulation as Run
from minion.series import Dimension, Series
from minion.store import Store

TIME = "time"
MS = "ms"
HOSTNAME = "host"  # where nothing says which machine was profiled
SEPARATOR = ";"
_CHART_BYTES = 4_000_000  # of the names of a chart's dimensions; MongoDB stops at 16 MiB

Stack = tuple[str, ...]


@dataclass(slots=True)
class Cost:
    """What one function, or one stack, cost: itself, with what it called, and how often."""

    own: float = 0.0
    total: float = 0.0
    calls: float = 0.0


@dataclass(slots=True)
class Profile:
    """What was counted of one kind.

    functions: by process and function; stacks: by process and stack, the outermost first. A
    profile that is a table has functions only.
    """

    kind: str
    unit: str
    functions: dict[tuple[str, str], Cost] = field(default_factory=lambda: defaultdict(Cost))
    stacks: dict[tuple[str, Stack], float] = field(default_factory=lambda: defaultdict(float))

    def add(self, process: str, stack: Stack, own: float, calls: float = 1.0) -> None:
        """Count what the last function of a stack cost; its callers' totals grow by as much."""
        self.stacks[process, stack] += own
        leaf = self.functions[process, stack[-1]]
        leaf.own += own
        leaf.calls += calls
        for function in set(stack):
            self.functions[process, function].total += own

    @property
    def own(self) -> float:
        """What all functions cost themselves together."""
        return sum(cost.own for cost in self.functions.values())

    @property
    def calls(self) -> float:
        """How many calls, or samples, there are."""
        return sum(cost.calls for cost in self.functions.values())


def import_each(
    store: Store,
    paths: Iterable[str | Path],
    made: Callable[[Path, Findings], tuple[Run, Sequence[Series]]],
    *,
    sim: str | None,
) -> Imported:
    """Store the run that each file becomes.

    Args:
        store: where they are kept.
        paths: the files.
        made: the run of one file with its series; what else it meets it counts.
        sim: the sim_id that was named, for a single file.

    Raises:
        NotFound, InvalidData, AlreadyExists: as of `files_of`, `made` and `keep`.
    """
    findings = Findings()
    runs = [made(path, findings) for path in files_of(paths, sim)]
    return keep(store, runs, findings.notes)


def files_of(paths: Iterable[str | Path], sim: str | None) -> list[Path]:
    """Files that exist, none of them twice, and one sim_id only for one of them.

    Raises:
        NotFound: a file is not there, or is a folder.
        InvalidData: there is no file, or one sim_id for several.
    """
    files = distinct(paths)
    if not files:
        raise InvalidData("no file was named; name one or more")
    if sim is not None and len(files) > 1:
        raise InvalidData(f"--sim {sim} names one run, and there are {len(files)} files")
    return files


def run_of(
    path: Path,
    profiles: Iterable[Profile],
    *,
    importer: str,
    experiment: str,
    platform: str | None = None,
    sim: str | None = None,
    hostname: str = HOSTNAME,
    first: float = 0.0,
    last: float | None = None,
    measurements: Iterable[Measurement] = (),
    series: Iterable[Series] = (),
    beside: Iterable[Path] = (),
    details: Mapping[str, str] | None = None,
    dated: bool = False,
) -> tuple[Run, list[Series]]:
    """A run that profiles were taken of, and its series, for `keep`.

    Args:
        path: the file that the profiles are of.
        profiles: one of each kind.
        importer: what the run's provenance says.
        experiment, platform, sim: its names; see `names_of`.
        hostname: the machine.
        first, last: the run's first and last moment; default of the last: the first.
        measurements, series: what is known besides the profiles.
        beside: other files that the run is made of.
        details: how the file was read, where that could be done in several ways.
        dated: whether first and last are dates, and not of a clock of the machine's own.

    Raises:
        InvalidData: there is nothing in the profiles, or the file's folder has no name.
    """
    every = list(profiles)
    named, sim_id = names_of(path, platform=platform, sim=sim)
    if not any(profile.functions for profile in every):
        raise InvalidData(f"{path}: the profile holds no function")
    undated = None if dated else "the file does not say when the profile was taken"
    origin = provenance(importer, [path, *beside], undated=undated)
    run = Run(
        experiment=experiment,
        sim_id=sim_id,
        platform=named,
        provenance=replace(origin, details={**origin.details, **(details or {})}),
        hosts=(Host(hostname=hostname, role=Role.WORKER),),
        events=from_to(first, first if last is None else max(first, last)),
        measurements=(*_measured(every), *measurements),
    )
    return run, [*(s for p in every for s in _series(p, hostname, first)), *series]


def _measured(profiles: Iterable[Profile]) -> Iterator[Measurement]:
    for profile in profiles:
        name = "self time" if profile.kind == TIME else profile.kind
        yield Measurement(name=name, value=profile.own, unit=profile.unit)
        if profile.kind == TIME and profile.calls:
            yield Measurement(name="calls", value=profile.calls)
            yield Measurement(name="functions", value=float(len(profile.functions)))


def _series(profile: Profile, hostname: str, time: float) -> Iterator[Series]:
    context, counted = f"profile.{profile.kind}", profile.calls > 0
    tables: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for (process, function), cost in profile.functions.items():
        tables["self", profile.unit, process][function] = cost.own
        tables["total", profile.unit, process][function] = cost.total
        if counted:
            tables["calls", "calls", process][function] = cost.calls
    for (process, stack), own in profile.stacks.items():
        tables["stacks", profile.unit, process][SEPARATOR.join(stack)] = own
    for (what, unit, process), row in tables.items():
        for number, part in enumerate(_parts(row), 1):
            yield Series(
                hostname=hostname,
                chart=f"{context}.{what}{f'.{number}' if number > 1 else ''}/{process}",
                context=f"{context}.{what}",
                family=process,
                unit=unit,
                dimensions=tuple(Dimension(id=n, name=n.rsplit(SEPARATOR, 1)[-1]) for n in part),
                times=np.array([time]),
                values=np.array([list(part.values())]),
            )


def _parts(row: Mapping[str, float]) -> Iterator[dict[str, float]]:
    """A row in as many as MongoDB's documents need."""
    part: dict[str, float] = {}
    size = 0
    for name, value in row.items():
        part[name] = value
        size += len(name.encode()) + 100
        if size > _CHART_BYTES:
            yield part
            part, size = {}, 0
    if part:
        yield part
