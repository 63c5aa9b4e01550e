"""Profiles of Go programs: `profile.proto` files, `go tool pprof -top` text, tables as CSV.

A run is one profile, and the program's log where one is named.
"""

from collections.abc import Iterable
from pathlib import Path

from ingest.importing import Imported, distinct, keep
from ingest.profiling.latencies import latencies_of, measured, series_of
from ingest.profiling.pprof_proto import Taken, is_proto, taken
from ingest.profiling.pprof_text import REST, csv_table, top_table
from ingest.profiling.profiles import HOSTNAME, TIME, files_of, run_of
from ingest.profiling.trace_lines import text_of
from minion.errors import InvalidData
from minion.model import Measurement
from minion.model import Simulation as Run
from minion.series import Series
from minion.store import Store

PPROF = "pprof"


def import_pprof(
    store: Store,
    paths: Iterable[str | Path],
    *,
    log: str | Path | None = None,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = PPROF,
) -> Imported:
    """Store each profile as a run.

    Args:
        store: where they are kept.
        paths: `profile.proto` files, gzipped or not; `go tool pprof -top` text; tables of flat_s,
            flat_pct, cum_s and function as CSV.
        log: of the program while it was profiled, for its latencies; with one profile only.
        platform, sim: of the run; default: the file's folder, and `PLATFORM/STEM`.
        experiment: where the runs belong.

    Raises:
        NotFound: a file is not there.
        InvalidData: a file cannot be read; one sim_id or log for several files.
        AlreadyExists: the experiment has a run of that sim_id from another file.
    """
    files = files_of(paths, sim)
    if log is not None and len(files) > 1:
        raise InvalidData(f"--log {log} belongs to one profile, and there are {len(files)} files")
    beside = None if log is None else distinct([log])[0]
    runs, notes = [], []
    for path in files:
        run, series = pprof_run(path, log=beside, platform=platform, sim=sim, experiment=experiment)
        runs.append((run, series))
        if any(d.id == REST for s in series for d in s.dimensions):
            notes.append(f"{path.name}: a table; what its functions lack of the total is {REST}")
    return keep(store, runs, notes)


def pprof_run(
    path: Path,
    *,
    log: Path | None = None,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = PPROF,
) -> tuple[Run, list[Series]]:
    """The run of one profile, and its series, for `keep`.

    Args:
        path: the profile.
        log, platform, sim, experiment: as of `import_pprof`.

    Raises:
        InvalidData: a file cannot be read.
    """
    found = profile_of(path)
    start = found.start or 0.0
    end = start + (found.duration_s or 0.0)
    measurements: list[Measurement] = []
    series: list[Series] = []
    if found.duration_s:
        measurements.append(
            Measurement(name="profiled time", value=found.duration_s * 1e3, unit="ms")
        )
        share = sum(p.own for p in found.profiles if p.kind == TIME) / found.duration_s / 10
        if share:
            measurements.append(Measurement(name="share of one core", value=share, unit="%"))
    if log is not None:
        latencies = list(latencies_of(log))
        measurements += measured(latencies)
        series.append(series_of(latencies, hostname=HOSTNAME, start=start))
        end = max(end, float(series[0].times[-1]) + 1.0)
    return run_of(
        path,
        found.profiles,
        importer=PPROF,
        experiment=experiment,
        platform=platform,
        sim=sim,
        first=start,
        last=end,
        dated=found.start is not None,
        measurements=measurements,
        series=series,
        beside=[] if log is None else [log],
    )


def profile_of(path: Path) -> Taken:
    """What a profile's file holds, in whichever of the three forms it is.

    Raises:
        InvalidData: it is none of them, or broken.
    """
    raw = path.read_bytes()
    if is_proto(raw):
        return taken(path, raw)
    text = text_of(path)
    first = text.partition("\n")[0]
    return csv_table(path, text) if "flat_s" in first.split(",") else top_table(path, text)
