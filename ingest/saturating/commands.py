"""`minion ingest kata`."""

from minion.console import DB, EXPERIMENT, Session, command


@command({"experiment": EXPERIMENT}, DB)
def ingest_kata(
    session: Session,
    files: tuple[str, ...],
    *,
    platform: str | None = None,
    sim: str | None = None,
    clock: str | None = None,
) -> None:
    """Import ramps of the Kata and runc study; experiment kata, or the named one.

    A file is a run. Containers by state stand with host controller, memory with each worker. The
    tables have no date, so that of a run is made up. What they lack is noted.

    Args:
        files: Tables, or folders of .csv tables.
        platform: What ran the containers. Default: the runtime in the file's name.
        sim: The sim_id, of a single file. Default: PLATFORM/STEM.
        clock: What Elapsed counts from: step (the row before) or cumulative. Default: as each
            file's data say.
    """
    from ingest.saturating.kata import KATA, import_kata  # noqa: PLC0415
    from ingest.saturating.kata_clock import Clock  # noqa: PLC0415

    imported = import_kata(
        session.store,
        files,
        platform=platform,
        sim=sim,
        experiment=session.writes_to(KATA),
        clock=None if clock is None else Clock.parse(clock),
    )
    session.say(imported.summary, imported.notes)
