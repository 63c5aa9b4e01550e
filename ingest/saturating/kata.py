"""Kata Containers against runc: ramps of containers, from the study's tables into the store.

A file is a run. It has elapsed seconds only, so its date is made up: a day before 2000 that its
sim_id chooses, so that the same run always has the same and two do not seem to overlap.

The counts of containers are the cluster's and stand with the host `controller`; memory stands with
each worker.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from ingest.importing import (
    Imported,
    distinct,
    existing,
    from_to,
    keep,
    names_of,
    provenance,
)
from ingest.saturating.kata_clock import Clock, times
from ingest.saturating.kata_notes import about_clock, about_memory, iterations
from ingest.saturating.kata_table import Table, read, worker_of
from minion.errors import InvalidData, NotFound
from minion.model import Host, Measurement, Role, Simulation
from minion.series import Dimension, Series
from minion.store import Store
from minion.validity import verdict_of

KATA = "kata"
CONTROLLER = "controller"
RUNNING = "running containers"
_RUNTIMES = ("crun", "gvisor", "kata", "runc", "runsc", "youki")
_DAY = 86_400.0
_DAYS = 10_900  # from 1970 on: long before the study, so nobody takes one for its date
_PLAIN = "plain"  # the variant of a file that is named by its runtime alone

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ramp:
    """A file as a run, its series, and what is to be said of it."""

    run: Simulation
    series: tuple[Series, ...]
    notes: tuple[str, ...]


def import_kata(
    store: Store,
    files: Sequence[str | Path],
    *,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = KATA,
    clock: Clock | None = None,
) -> Imported:
    """Store the ramps of these files, a run each; nothing of any when one cannot be read.

    Args:
        store: where they are kept.
        files: tables of the study, and folders, of which every `.csv` is taken.
        platform, sim: of the run; default: the runtime in the file's name, and PLATFORM/STEM.
        experiment: what they belong to.
        clock: what `Elapsed` counts from; default: as each file's data say.

    Raises:
        NotFound: a file is not there, or a folder has no table.
        InvalidData: a file is no such table, or two would be one run.
        AlreadyExists: the experiment has a run of that sim_id that this one is not.
    """
    paths = distinct(path for given in files for path in _tables(existing(given)))
    if not paths:
        raise NotFound("no file was named; give the tables of the study")
    if sim is not None and len(paths) > 1:
        raise InvalidData(
            f"sim {sim} names one run, and there are {len(paths)} files; leave it out"
        )
    ramps = [
        ramp(path, platform=platform, sim=sim, experiment=experiment, clock=clock) for path in paths
    ]
    notes = [note for r in ramps for note in r.notes]
    return keep(store, [(r.run, r.series) for r in ramps], notes)


def ramp(
    path: Path,
    *,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = KATA,
    clock: Clock | None = None,
) -> Ramp:
    """One file as a run.

    Args:
        path: the file.
        platform, sim, experiment, clock: see `import_kata`.

    Returns:
        The run with its two events and its measurements: `running containers` (the most at once),
        `iteration of the maximum` (the first with as many), `evicted containers` where they were
        counted, and of each worker `repeated readings`. Its series: `containers`, `iteration` and,
        where there was work, `work`, of the controller; `memory` in KiB of each worker.

    Raises:
        InvalidData: the file is no such table, or never has a running container counted.
    """
    table = read(path)
    runtime, variant = _runtime_of(path)
    name, sim_id = names_of(path, platform=platform or runtime, sim=sim)
    notes = list(table.notes)
    if platform is None and runtime is None:
        notes.append(
            f"{path.name}: no runtime in its name; its platform is called {name} as its folder is;"
            " say --platform"
        )
    when = times(table.iteration, table.elapsed, clock)
    notes += about_clock(table, when)
    counts, uncounted = _counted(table)
    notes += uncounted
    if not np.isfinite(counts["running"]).any():
        raise InvalidData(f"{path}: no row counts running containers")
    repeated = [_repeats(table, worker) for worker in range(len(table.workers))]
    notes += about_memory(table, repeated)
    start = origin_of(sim_id)
    seconds = start + when.seconds
    series = _series(table, counts, seconds)
    source = provenance(KATA, [path], undated="the tables have elapsed seconds only")
    told = {**source.details, "clock": str(when.clock)}
    run = Simulation(
        experiment=experiment,
        sim_id=sim_id,
        platform=name,
        provenance=replace(source, details=told),
        parameters={"variant": variant},
        hosts=(
            Host(hostname=CONTROLLER, role=Role.CONTROLLER),
            *(Host(hostname=worker_of(w), role=Role.WORKER) for w in table.workers),
        ),
        events=from_to(start, float(seconds[-1])),
        measurements=_measurements(table, counts, repeated),
    )
    there = {s.hostname for s in series if s.samples}
    doubts = [
        f"the iteration goes back from {table.iteration[row - 1]:g} to {table.iteration[row]:g}"
        for row in when.back
    ]
    return Ramp(replace(run, validity=verdict_of(run, there, doubts=doubts)), series, tuple(notes))


def origin_of(sim_id: str) -> float:
    """The made-up moment at which the run of that sim_id begins: midnight of a day, in UTC."""
    return _DAY * (1 + crc32(sim_id.encode()) % _DAYS)


# ---------------------------------------------------------------- inside


def _tables(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.glob("*.csv"))
    if not found:
        raise NotFound(f"folder {path} has no .csv file; name the tables")
    return found


def _runtime_of(path: Path) -> tuple[str | None, str]:
    """The runtime that a file's name has among its words, and the other words: its variant."""
    words = re.split(r"[-_.\s]+", path.stem)
    runtime = next((word.lower() for word in words if word.lower() in _RUNTIMES), None)
    others = [word for word in words if word.lower() != runtime]
    return runtime, "-".join(others) or _PLAIN


def _counted(table: Table) -> tuple[dict[str, Floats], list[str]]:
    """Containers by state, and a note on the rows where none of any state is no sample.

    Once containers run, a row without a running, creating or terminating one, and with no more
    evicted ones than before, is a question that nobody answered.
    """
    at_work = [table.counts[s] for s in table.counts if s != "Evicted"]
    none = np.all([count == 0 for count in at_work], axis=0)
    ran = np.maximum.accumulate(np.nan_to_num(table.counts["Running"])) > 0
    evicted = np.nan_to_num(table.counts.get("Evicted", np.zeros(len(none))))
    lost = none & ran & (evicted <= np.maximum.accumulate(np.r_[0.0, evicted[:-1]]))
    counts = {s.lower(): np.where(lost, np.nan, count) for s, count in table.counts.items()}
    if not lost.any():
        return counts, []
    return counts, [
        f"{table.path.name}: containers were not counted in {iterations(table, lost)}"
        " (0 of every state)"
    ]


def _repeats(table: Table, worker: int) -> NDArray[np.bool_]:
    """The rows in which a worker's active and free memory are, to the kB, those of the row before.

    A row without a sample in between does not make a reading new.
    """
    pair = np.stack([table.active[:, worker], table.free[:, worker]], axis=1)
    rows = np.flatnonzero(~np.isnan(pair).any(axis=1))
    found = np.zeros(len(pair), dtype=np.bool_)
    found[rows[1:]] = (pair[rows[1:]] == pair[rows[:-1]]).all(axis=1)
    return found


def _series(table: Table, counts: dict[str, Floats], seconds: Floats) -> tuple[Series, ...]:
    def series(host: str, chart: str, unit: str, lines: dict[str, Floats]) -> Series:
        return Series(
            hostname=host,
            chart=chart,
            context=chart,
            family=chart,
            unit=unit,
            dimensions=tuple(Dimension(name, name) for name in lines),
            times=seconds,
            values=np.stack(list(lines.values()), axis=1),
        )

    workers = [
        series(
            worker_of(column),
            "memory",
            "KiB",
            {"active": table.active[:, place], "free": table.free[:, place]},
        )
        for place, column in enumerate(table.workers)
    ]
    found = [
        series(CONTROLLER, "containers", "containers", counts),
        series(CONTROLLER, "iteration", "iterations", {"iteration": table.iteration}),
        *workers,
    ]
    if table.work:
        work = {"units": "WorkUnits", "count": "WorkCount"}
        lines = {name: table.work[column] for name, column in work.items() if column in table.work}
        found.append(series(CONTROLLER, "work", "", lines))
    return tuple(found)


def _measurements(
    table: Table, counts: dict[str, Floats], repeated: Sequence[NDArray[np.bool_]]
) -> tuple[Measurement, ...]:
    row = int(np.nanargmax(counts["running"]))
    first = float(table.iteration[row])
    found = [
        Measurement(name=RUNNING, value=float(counts["running"][row]), unit="containers"),
        Measurement(name="iteration of the maximum", value=first, unit="iterations"),
    ]
    if "evicted" in counts and np.isfinite(counts["evicted"]).any():
        evicted = float(np.nanmax(counts["evicted"]))
        found.append(Measurement(name="evicted containers", value=evicted, unit="containers"))
    for column, rows in zip(table.workers, repeated, strict=True):
        found.append(
            Measurement(
                name="repeated readings",
                value=float(rows.sum()),
                unit="readings",
                hostname=worker_of(column),
            )
        )
    return tuple(found)
