"""`minion ingest iperf3` and `minion ingest sockperf`."""

from minion.console import DB, EXPERIMENT, Session, command

WRITES = {"experiment": EXPERIMENT}


@command(WRITES, DB)
def ingest_iperf3(
    session: Session,
    files: tuple[str, ...],
    *,
    platform: str | None = None,
    sim: str | None = None,
) -> None:
    """Import bitrates between two hosts from what iperf3 printed, --json too.

    Client and server of one test are one run of experiment iperf3, or the named one. Where the
    intervals do not add up to the summary, file and line are noted. The same files again change
    nothing.

    Args:
        files: Files, or folders of them.
        platform: The system under test. Default: the name of a file's folder.
        sim: The sim_id, of a single test. Default: PLATFORM/STEM.
    """
    from ingest.networking.iperf3 import IPERF3, is_iperf3  # noqa: PLC0415
    from ingest.networking.iperf3 import ingest_iperf3 as ingest  # noqa: PLC0415
    from ingest.texts import files_of  # noqa: PLC0415

    paths = files_of(files, is_iperf3, "of iperf3")
    imported = ingest(
        session.store, paths, platform=platform, sim=sim, experiment=session.writes_to(IPERF3)
    )
    session.say(imported.summary, imported.notes)


@command(WRITES, DB)
def ingest_sockperf(
    session: Session,
    files: tuple[str, ...],
    *,
    platform: str | None = None,
    sim: str | None = None,
) -> None:
    """Import latencies between two hosts, and message rates, from sockperf's text.

    A file is a run of experiment sockperf, or the named one. Where figures do not fit together,
    file and line are noted. The same files again change nothing.

    Args:
        files: Files, or folders of them.
        platform: The system under test. Default: the name of a file's folder.
        sim: The sim_id, of a single file. Default: PLATFORM/STEM.
    """
    from ingest.networking.sockperf import SOCKPERF  # noqa: PLC0415
    from ingest.networking.sockperf import ingest_sockperf as ingest  # noqa: PLC0415
    from ingest.networking.sockperf_text import is_sockperf  # noqa: PLC0415
    from ingest.texts import files_of  # noqa: PLC0415

    paths = files_of(files, is_sockperf, "of sockperf")
    imported = ingest(
        session.store, paths, platform=platform, sim=sim, experiment=session.writes_to(SOCKPERF)
    )
    session.say(imported.summary, imported.notes)
