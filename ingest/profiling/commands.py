"""Commands for profiles: function_graph traces, sampled stacks, Go's pprof."""

from minion.console import DB, EXPERIMENT, Session, command

WRITES = {"experiment": EXPERIMENT}


@command(WRITES, DB)
def ingest_trace(
    session: Session,
    files: tuple[str, ...],
    *,
    platform: str | None = None,
    sim: str | None = None,
    untangle: bool = False,
) -> None:
    """Import function_graph traces as function profiles into experiment trace.

    Args:
        files: trace-cmd report text or raw function_graph logs, gzipped or not.
        platform: The system under test. Default: the name of the file's folder.
        sim: A sim_id for the only file. Default: PLATFORM/STEM.
        untangle: Take idle calls apart that trace-cmd report joined over two CPUs.
    """
    from ingest.profiling.trace import TRACE, import_traces  # noqa: PLC0415

    imported = import_traces(
        session.store,
        files,
        platform=platform,
        sim=sim,
        experiment=session.writes_to(TRACE),
        untangle=untangle,
    )
    session.say(imported.summary, imported.notes)


@command(WRITES, DB)
def ingest_perf(
    session: Session,
    files: tuple[str, ...],
    *,
    platform: str | None = None,
    sim: str | None = None,
    event: str | None = None,
) -> None:
    """Import sampled stacks as function profiles into experiment perf.

    Args:
        files: perf script text or folded stacks, gzipped or not.
        platform: The system under test. Default: the name of the file's folder.
        sim: A sim_id for the only file. Default: PLATFORM/STEM.
        event: The event to count, where a file holds several. Default: its first.
    """
    from ingest.profiling.perf import PERF, import_perf  # noqa: PLC0415

    imported = import_perf(
        session.store,
        files,
        platform=platform,
        sim=sim,
        experiment=session.writes_to(PERF),
        event=event,
    )
    session.say(imported.summary, imported.notes)


@command(WRITES, DB)
def ingest_pprof(
    session: Session,
    files: tuple[str, ...],
    *,
    platform: str | None = None,
    sim: str | None = None,
    log: str | None = None,
) -> None:
    """Import profiles of a Go program into experiment pprof.

    Args:
        files: profile.proto files, gzipped or not, go tool pprof -top text, or such a table as
            CSV.
        platform: The system under test. Default: the name of the file's folder.
        sim: A sim_id for the only file. Default: PLATFORM/STEM.
        log: The program's log, for its latencies (lines with num and duration).
    """
    from ingest.profiling.pprof import PPROF, import_pprof  # noqa: PLC0415

    imported = import_pprof(
        session.store,
        files,
        log=log,
        platform=platform,
        sim=sim,
        experiment=session.writes_to(PPROF),
    )
    session.say(imported.summary, imported.notes)
