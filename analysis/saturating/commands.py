"""`minion saturation`: what a ramp reached, and where it began to saturate."""

from minion.console import DB, FORMAT, SELECTION, Session, command


@command(SELECTION, FORMAT, DB)
def saturation(
    session: Session, response: str, *, load: str = "iteration", output: str | None = None
) -> None:
    """Show what each ramp reached, and where saturation begins, with an interval.

    Segmented regression of the response on the load, with a block bootstrap. An interval is of
    one run; it says nothing of the next. A choice of hosts must hold those that have the load.

    Args:
        response: The dimension that answers to the load, such as running or active.
        load: The dimension that says how much was asked.
        output: Draw the ramps to this file too: .html, .png, .svg, .pdf or .json.
    """
    from analysis.charting.output import check_target, save  # noqa: PLC0415
    from analysis.charting.palette import palette_of  # noqa: PLC0415
    from analysis.saturating.curves import curves  # noqa: PLC0415
    from analysis.saturating.ramps import check_dimension, ramps  # noqa: PLC0415
    from analysis.saturating.saturation import saturation as found  # noqa: PLC0415
    from minion.selection import Selection  # noqa: PLC0415

    if output is not None:
        check_target(output)
    samples = session.store.samples(dimensions=[load, response], **session.selection)
    runs = session.store.simulations(Selection.of(**session.selection))
    for name in (response, load):
        check_dimension(name, samples, session.store, runs)
    points = ramps(samples, load=load, response=response)
    table = found(points)
    session.note_simulated(runs)
    session.show(table)
    if output is not None:
        simulated = any(run.simulated for run in runs)
        colours = palette_of(session.store, runs)
        save(
            curves(points, load=load, saturation=table, simulated=simulated, colours=colours),
            output,
        )
        session.note(f"written: {output}")
