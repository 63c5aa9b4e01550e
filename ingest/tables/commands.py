"""`minion ingest csv`."""

from minion.console import DB, EXPERIMENT, Session, command

WRITES = {"experiment": EXPERIMENT}


@command(WRITES, DB)
def ingest_csv(
    session: Session,
    files: tuple[str, ...],
    *,
    map: str,  # noqa: A002  the word that the option has
    platform: str | None = None,
    sim: str | None = None,
) -> None:
    """Import tables, wide or long, or KEY=value lines, as a mapping says.

    Runs go to experiment csv, or the named one. A row that does not fit the mapping is named with
    file, line, column and value. The same files again change nothing. docs/experiments/csv.md
    describes the mapping.

    Args:
        files: Tables, which may be parts of the same runs.
        map: The mapping, a TOML file.
        platform: The system under test, where no column says it. Default: a file's folder.
        sim: The sim_id, where no column says it. Default: PLATFORM/STEM.
    """
    from ingest.tables.runs import CSV  # noqa: PLC0415
    from ingest.tables.runs import ingest_csv as ingest  # noqa: PLC0415

    imported = ingest(
        session.store,
        files,
        map,
        platform=platform,
        sim=sim,
        experiment=session.writes_to(CSV),
    )
    session.say(imported.summary, imported.notes)
