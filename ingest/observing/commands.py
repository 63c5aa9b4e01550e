"""minion ingest gadget."""

from minion.console import DB, EXPERIMENT, Session, command


@command({"experiment": EXPERIMENT}, DB)
def ingest_gadget(
    session: Session, folder: str, *, platform: str | None = None, sim: str | None = None
) -> None:
    """Import a test of Inspektor Gadget's scaling into experiment gadget.

    A run for each number of nodes and iteration, with parameters nodes and iteration. The same
    files again change nothing. What a failed pod did not report is missing, and noted.

    Args:
        folder: With exec-N-nodes.csv, cpu-before-N-nodes.csv, cpu-N-nodes.csv, memory-N-nodes.csv,
            or with folders that have them.
        platform: Of the runs. Default: the name of the folder with the files.
        sim: What sim_ids begin with, before /N-nodes/ITERATION. Default: the platform.
    """
    from ingest.observing.gadget import GADGET, import_gadget  # noqa: PLC0415

    experiment = session.writes_to(GADGET)
    imported = import_gadget(
        session.store, folder, experiment=experiment, platform=platform, sim=sim
    )
    session.say(imported.summary, imported.notes)
