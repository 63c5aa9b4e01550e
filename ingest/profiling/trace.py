"""Function profiles from function_graph traces: `trace-cmd report` text, and raw logs.

A run is one trace. Its profile is of the time that functions took, by process and function; what
it was, call by call, is the frame of `calls`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from ingest.findings import Findings
from ingest.importing import Imported, distinct
from ingest.profiling.nesting import Call, nested
from ingest.profiling.profiles import MS, SEPARATOR, TIME, Profile, import_each, run_of
from ingest.profiling.trace_lines import lines_of
from minion.model import Simulation as Run
from minion.series import Series
from minion.store import Store

TRACE = "trace"
_US = 1e-3  # of a millisecond


def import_traces(
    store: Store,
    paths: Iterable[str | Path],
    *,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = TRACE,
    untangle: bool = False,
) -> Imported:
    """Store the function profile of each trace as a run.

    Args:
        store: where they are kept.
        paths: `trace-cmd report` text or raw function_graph logs, gzipped or not.
        platform, sim: of the run; default: the file's folder, and `PLATFORM/STEM`.
        experiment: where the runs belong.
        untangle: take idle calls apart that `trace-cmd report` joined over two CPUs.

    Raises:
        NotFound: a file is not there.
        InvalidData: a line cannot be read; one sim_id for several files.
        AlreadyExists: the experiment has a run of that sim_id from elsewhere.
    """
    made = partial(trace_run, platform=platform, sim=sim, experiment=experiment, untangle=untangle)
    return import_each(store, paths, made, sim=sim)


def trace_run(
    path: Path,
    findings: Findings,
    *,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = TRACE,
    untangle: bool = False,
) -> tuple[Run, list[Series]]:
    """The run of one trace, and its series, for `import_each`.

    Args:
        path: the trace.
        findings: counts what it holds besides whole calls.
        platform, sim, experiment, untangle: as of `import_traces`.

    Raises:
        InvalidData: a line cannot be read.
    """
    every = nested(lines_of(path, findings), findings, name=path.name, untangle=untangle)
    clocked = [call.line.time for call in every if call.line.time is not None]
    first, last = (clocked[0], clocked[-1]) if clocked else (0.0, 0.0)
    return run_of(
        path,
        [profile_of(every)],
        importer=TRACE,
        experiment=experiment,
        platform=platform,
        sim=sim,
        first=first,
        last=last,
        details={"untangled": "yes"} if untangle else {},
    )


def profile_of(calls: Iterable[Call]) -> Profile:
    """What functions took, by process, in milliseconds, of the calls that have an exit.

    A total is the sum of durations; of a function that calls itself only the outermost count.
    """
    profile = Profile(TIME, MS)
    # Calls come in the order of their entries: a caller's stack is known before its own.
    stacks: dict[int, tuple[str, ...]] = {}
    for call in calls:
        function, process = call.line.function, call.line.process
        above = stacks[id(call.caller)] if call.caller is not None else ()
        stacks[id(call)] = (*above, function)
        if call.us is None:
            continue
        own = call.self_us * _US
        cost = profile.functions[process, function]
        cost.own += own
        cost.calls += 1
        if function not in above:
            cost.total += call.us * _US
        profile.stacks[process, stacks[id(call)]] += own
    return profile


@dataclass(slots=True)
class _Place:
    """Where a call stands: next_us is when a call inside it would start, without a clock."""

    tree: int
    depth: int
    stack: str
    origin: float
    start_us: float = 0.0
    next_us: float = 0.0


def calls(path: str | Path, *, untangle: bool = False) -> pd.DataFrame:
    """Every call of a trace that has an exit, in the order of the entries.

    Args:
        path: `trace-cmd report` text or a raw function_graph log, gzipped or not.
        untangle: take idle calls apart that `trace-cmd report` joined over two CPUs.

    Returns:
        tree (number of the outermost call that it belongs to, from 1), depth (0 for an outermost
        call), process, cpu, function, start_us, duration_us, self_us, stack (`a;b;c`). start_us
        counts from the beginning of the tree: by the trace's clock, to its microsecond; a raw log
        without one has the sum of what went before inside the same caller, so own time of the
        caller seems to come last.

    Raises:
        NotFound: the file is not there.
        InvalidData: a line cannot be read.
    """
    [file], findings = distinct([path]), Findings()
    every = nested(lines_of(file, findings), findings, name=file.name, untangle=untangle)
    places: dict[int, _Place] = {}
    rows, trees = [], 0
    for call in every:
        line = call.line
        above = None if call.caller is None else places[id(call.caller)]
        if above is None:
            trees += 1
            place = _Place(trees, 0, line.function, line.time or 0.0)
        else:
            stack = f"{above.stack}{SEPARATOR}{line.function}"
            start = above.next_us
            if line.time is None:
                above.next_us += call.us or 0.0
            else:
                start = round((line.time - above.origin) * 1e6, 3)
            place = _Place(above.tree, above.depth + 1, stack, above.origin, start, start)
        places[id(call)] = place
        if call.us is not None:
            who = (line.process, line.cpu, line.function)
            times = (place.start_us, call.us, call.self_us)
            rows.append((place.tree, place.depth, *who, *times, place.stack))
    columns = ["tree", "depth", "process", "cpu", "function", "start_us"]
    frame = pd.DataFrame(rows, columns=[*columns, "duration_us", "self_us", "stack"])
    return frame.astype({"process": "category", "function": "category"})
