"""The commands that read and compare."""

from typing import TYPE_CHECKING, Any

from minion.console import DB, FORMAT, SELECTION, Session, command

if TYPE_CHECKING:
    import pandas as pd


@command(SELECTION, FORMAT, DB)
def utilization(session: Session, metric: str) -> None:
    """The samples of a metric, a row each.

    Args:
        metric: cpu, ram, disk_util, disk_io or net.
    """
    session.show(_samples(session, metric)[0])


@command(SELECTION, FORMAT, DB)
def durations(session: Session) -> None:
    """How long each phase of each run took.

    A phase that did not happen has no row; what the events leave open is noted.
    """
    from analysis.timeline import durations as phase_durations  # noqa: PLC0415
    from analysis.timeline import problems  # noqa: PLC0415

    chosen = session.selection
    _note_simulated(session)
    for row in problems(session.store, **chosen).itertuples(index=False):
        session.note(f"simulation {row.sim_id} ({row.experiment}): {row.problem}")
    session.show(phase_durations(session.store, **chosen))


@command(SELECTION, FORMAT, DB)
def summary(
    session: Session, metric: str, *, by: str = "hostname,sim_id", over: str = "samples"
) -> None:
    """Summarize a metric: n, min, max, median, quartiles, mean and deviation.

    Args:
        metric: cpu, ram, disk_util, disk_io or net.
        by: Any of hostname, sim_id, platform, role, phase, with commas between.
        over: samples, or runs: then one value per run, the mean of its hosts' means.
    """
    from analysis.summaries import summary as summarize  # noqa: PLC0415
    from minion.selection import words  # noqa: PLC0415

    frame, _ = _samples(session, metric)
    session.show(summarize(frame, by=words(by), over=over))


@command(SELECTION, DB)
def chart(session: Session, metric: str, *, out: str) -> None:
    """Draw a metric: a row per simulation, a column per host, colour by role.

    Args:
        metric: cpu, ram, disk_util, disk_io or net.
        out: The file: .html, .png or .svg.
    """
    from analysis.charts import facet, save  # noqa: PLC0415
    from analysis.output import check_target  # noqa: PLC0415
    from analysis.timeline import durations as phase_durations  # noqa: PLC0415

    check_target(out)
    frame, simulated = _samples(session, metric)
    phases = phase_durations(session.store, **session.selection)
    save(facet(frame, phases=phases, simulated=simulated), out)
    session.say(out)


@command(SELECTION, DB)
def report(session: Session, *, out: str = "report.html") -> None:
    """Write the report: one HTML file that needs no network.

    Args:
        out: The file.
    """
    import shlex  # noqa: PLC0415

    from analysis.report import write  # noqa: PLC0415
    from minion.files import check_writable  # noqa: PLC0415

    check_writable(out)
    line = shlex.join(["minion", "report", *session.options_of(SELECTION), f"--out={out}"])
    written = write(session.store, out, command=line, **session.selection)
    for step, seconds in written.seconds.items():
        session.say(f"{step}: {seconds:.1f} s")
    session.say(f"report: {written.path} ({written.bytes / 1e6:.1f} MB)")


def _samples(session: Session, metric: str) -> "tuple[pd.DataFrame, bool]":
    """The samples of a metric, and whether they are simulated; notes that."""
    from analysis.metrics import utilization as samples_of  # noqa: PLC0415

    chosen: dict[str, Any] = session.selection
    frame = samples_of(session.store, metric, **chosen)
    if frame.empty:
        session.note(f"no samples of {metric} in this selection")
    return frame, _note_simulated(session)


def _note_simulated(session: Session) -> bool:
    """Whether the chosen runs are simulated; says so."""
    from minion.selection import Selection  # noqa: PLC0415

    simulations = session.store.simulations(Selection.of(**session.selection))
    session.note_simulated(simulations)
    return any(simulation.simulated for simulation in simulations)
