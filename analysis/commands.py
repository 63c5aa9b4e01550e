"""The commands that read and compare."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from minion.console import DB, FORMAT, SELECTION, Session, command, print_table
from minion.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

CHECKED = {name: option for name, option in SELECTION.items() if name != "include_excluded"}


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


@command(SELECTION, FORMAT, DB, formats=("table", "csv", "json"))
def compare(
    session: Session,
    metric: str,
    *,
    factor: str = "platform",
    baseline: str | None = None,
    margin: str | None = None,
    quantile: float | None = None,
    confidence: float = 0.95,
    allow: str | None = None,
) -> None:
    """Compare platforms or levels of a parameter: different, equivalent, undecided.

    The run is the unit: one value per run, phase and metric. What is computed, from which source,
    and when it may be wrong stands in docs/mathematics.md.

    Args:
        metric: cpu, ram, disk_util, disk_io, net, duration, or a measurement; several with commas.
        factor: platform, or the name of a parameter.
        baseline: Compare every other level with this one; else all pairs.
        margin: What still counts as no difference, set beforehand: 5% of the mean, or "2 s".
        quantile: Of the samples of a host in a phase, instead of their mean: 0.95.
        confidence: Of the intervals; the rest is the chance of any false claim of each kind.
        allow: Known differences that may be, by name, with commas between.
    """
    from analysis.comparing.comparison import compare as compare_levels  # noqa: PLC0415

    _note_simulated(session)
    found = compare_levels(
        session.store,
        metric,
        factor=factor,
        baseline=baseline,
        margin=margin,
        quantile=quantile,
        confidence=confidence,
        allow=allow,
        **session.selection,
    )
    sentences = (found.headline, *found.sentences)
    _show_found(session, found, found.pairs, sentences, found.tables(), found.remarks)


@command(CHECKED, FORMAT, DB, formats=("table", "csv", "json"))
def check(session: Session, *, keep: bool = False, steadiness: str | None = None) -> int | None:
    """Check the quality of stored runs, the excluded ones too.

    Ends with status 3 where a run is broken and not excluded: it did not end, or a measured host
    has no samples. csv gives the findings, or the steadiness where it is asked for; json all.

    Args:
        keep: Store the verdicts found as the program's; a person's stay.
        steadiness: Metrics, with commas between: also what each series is worth in the idle phases
            (or those named): autocorrelation, effective size, mean with interval, trend.
    """
    from analysis.quality.checks import check as check_runs  # noqa: PLC0415
    from analysis.quality.checks import keep as keep_verdicts  # noqa: PLC0415

    checked = check_runs(session.store, steadiness=steadiness, **session.selection)
    session.note_simulated(one.simulation for one in checked.judged)
    changed = keep_verdicts(session.store, checked) if keep else []
    series = checked.steadiness
    if session.format == "csv":
        session.show(checked.findings if series is None else series)
    elif session.format == "json":
        session.show_json(checked.document())
    else:
        session.say(checked.sentence)
        told = checked.findings[["experiment", "sim_id", "severity", "kind", "what"]]
        met = checked.runs[checked.runs["findings"] > 0]
        tables = {"runs with findings": met, "findings": told, "steadiness": series}
        for title, frame in tables.items():
            if frame is not None and not frame.empty:
                session.say("")
                print_table(frame, title=title)
    for note in checked.notes:
        session.note(note)
    if keep:
        session.note(f"verdicts kept: {', '.join(changed) or 'none, all stand as they were'}")
    if checked.broken:
        session.note(f"broken and not excluded before: {', '.join(checked.broken)}")
        return 3
    return None


@command(SELECTION, FORMAT, DB, formats=("table", "csv", "json"))
def variance(
    session: Session, metric: str, *, roles: str | None = None, model: bool = False
) -> None:
    """Where the variance lies: between platforms, runs, hosts, or in time.

    And where the next hour of measuring buys the most. What is computed, from which source, and
    when it may be wrong stands in docs/mathematics.md.

    Args:
        metric: cpu, ram, disk_util, disk_io, net, duration, or a measurement.
        roles: Roles with rows of their own, with commas between; else all that there are.
        model: Fit the mixed model of each phase too, which takes seconds.
    """
    from analysis.variation.variances import variance as take_apart  # noqa: PLC0415

    _note_simulated(session)
    found = take_apart(session.store, metric, roles=roles, model=model, **session.selection)
    _show_found(session, found, found.components, found.sentences, found.tables(), found.notes)


@command(SELECTION, FORMAT, DB, formats=("table", "csv", "json"))
def plan(
    session: Session,
    metric: str,
    *,
    width: str | None = None,
    difference: str | None = None,
    margin: str | None = None,
    power: float = 0.8,
    confidence: float = 0.95,
    baseline: str | None = None,
    tests: int | None = None,
) -> None:
    """How many runs the next experiment needs; or what these runs can find.

    Amounts are 5% (of the baseline's mean), "2 s", or "0.5 points" of a metric in per cent.

    Args:
        metric: cpu, ram, disk_util, disk_io, net, duration, or a measurement.
        width: Half the width that the interval of a difference may have.
        difference: A difference that the test shall find.
        margin: What counts as no difference; equivalence within it shall be shown.
        power: How likely the difference is found, or equivalence shown.
        confidence: Of the intervals; the rest is the level of a test.
        baseline: Compare every other platform with this one; else all pairs.
        tests: How many tests shall hold together; else those that compare holds.
    """
    from analysis.variation.planning import plan as plan_runs  # noqa: PLC0415

    _note_simulated(session)
    found = plan_runs(
        session.store,
        metric,
        width=width,
        difference=difference,
        margin=margin,
        power=power,
        confidence=confidence,
        baseline=baseline,
        tests=tests,
        **session.selection,
    )
    tables = {"": found.table.drop(columns="experiment")}
    _show_found(session, found, found.table, found.sentences, tables, found.notes)


@command(SELECTION, DB)
def chart(
    session: Session,
    metric: str,
    *,
    kind: str | None = None,
    out: str | None = None,
    format: str | None = None,  # noqa: A002  the option's name
    width: str | None = None,
    align: str | None = None,
    y: str | None = None,
    by: str | None = None,
    dimension: str | None = None,
    factor: str | None = None,
    baseline: str | None = None,
    margin: str | None = None,
    allow: str | None = None,
    among: str | None = None,
    relative: bool = False,
    dark: bool = False,
) -> None:
    """Draw a metric, the durations, or what was computed of them.

    Of a metric: facet (a row per simulation, a column per host), course, values, heat,
    autocorrelation, drift, variance, differences, ratios. Of duration: durations, timeline, drift,
    variance, differences, ratios. Of a measurement: values, drift, variance, differences, ratios.
    Of a profile: flame.

    Args:
        metric: cpu, ram, disk_util, disk_io, net, duration, a measurement, or a profile such as
            profile.time; of ratios and drift several with commas.
        kind: What to draw; default: facet, durations for duration, differences for a measurement,
            flame for a profile.
        out: The file: .html, .png, .svg, .pdf, or .json for the Vega-Lite specification.
        format: html, png, svg, pdf or vega-lite, whatever the file's ending says; vega-lite goes
            to standard output where no file is named.
        width: Of the figure on paper: 85mm, 8.5cm or 3.35in. For .png, .svg and .pdf.
        align: Of a course: time or phase. Of a timeline: time, or the phase that begins at 0.
        y: Of a facet: shared or free value axes.
        by: Of an autocorrelation: role or hostname.
        dimension: Of values or differences: only this one, such as in or out.
        factor: Of differences or ratios: platform, or the name of a parameter.
        baseline: Of differences or ratios: compare every other level with this one.
        margin: Of differences or ratios: what still counts as none: 5% of the mean, or "2 s".
        allow: Of differences or ratios: known differences that may be, with commas between.
        among: Of differences: what is compared together with it and corrected for, with commas
            between.
        relative: Of differences: how many times as much instead of how much more.
        dark: Draw for a dark page; .html follows its reader's system by itself.
    """
    from analysis.charting.kinds import draw  # noqa: PLC0415
    from analysis.charting.output import LEGIBLE, check_target, remark  # noqa: PLC0415
    from analysis.charts import save, smallest_text, specification  # noqa: PLC0415

    if out is not None:
        check_target(out, kind=format, width=width)
    elif format != "vega-lite":
        raise UsageError("--out FILE is missing; only --format vega-lite goes without it")
    options = {
        "align": align,
        "y": y,
        "by": by,
        "dimension": dimension,
        "factor": factor,
        "baseline": baseline,
        "margin": margin,
        "allow": allow,
        "among": among,
        "relative": relative,
    }
    drawn = draw(session.store, metric, kind, width=width, options=options, **session.selection)
    _note_simulated(session)
    if told := remark(drawn):
        session.note(told)
    if out is None:
        session.show_json(specification(drawn, dark=dark))
        return
    save(drawn, out, width=width, kind=format, dark=dark)
    if width is not None and (points := smallest_text(drawn, width)) < LEGIBLE:
        session.note(f"at {width} the smallest text has {points:.1f} points: hard to read in print")
    session.say(out)


@command(SELECTION, DB)
def report(
    session: Session,
    *,
    out: str = "report.html",
    baseline: str | None = None,
    margin: str | None = None,
    allow: str | None = None,
) -> None:
    """Write the report: one HTML file that needs no network.

    Args:
        out: The file.
        baseline: Compare every other platform with this one; else all pairs.
        margin: What still counts as no difference, in per cent of the mean: 5%.
        allow: Known differences that may be, by name, with commas between.
    """
    import shlex  # noqa: PLC0415

    from analysis.report import write  # noqa: PLC0415

    judged = {"baseline": baseline, "margin": margin, "allow": allow}
    given = [f"--{name}={value}" for name, value in judged.items() if value is not None]
    chosen = session.options_of(SELECTION)
    line = shlex.join(["minion", "report", *chosen, *given, f"--out={out}"])
    written = write(
        session.store,
        out,
        baseline=baseline,
        margin=margin,
        allow=allow,
        command=line,
        **session.selection,
    )
    for step, seconds in written.seconds.items():
        session.say(f"{step}: {seconds:.1f} s")
    session.say(f"report: {written.path} ({written.bytes / 1e6:.1f} MB)")


@command(DB)
def serve(
    session: Session,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    allow_exclude: bool = False,
    token_file: str | None = None,
) -> None:
    """Show experiments, runs and comparisons on a page that is alive, until Ctrl-C.

    Args:
        host: Address to listen on; another than loopback lets its whole network read.
        port: Port to listen on; 0 for any that is free.
        allow_exclude: Let whoever has the token exclude runs and take them in again.
        token_file: File with that token. Default: what MINION_SERVE_TOKEN says.
    """
    from analysis.web.serving import serve_store  # noqa: PLC0415

    serve_store(
        session.uri,
        host=host,
        port=port,
        allow_exclude=allow_exclude,
        token_file=token_file,
        note=session.note,
    )


class _Found(Protocol):
    """A result that gives itself as plain values."""

    def document(self) -> dict[str, Any]: ...


def _show_found(
    session: Session,
    found: _Found,
    frame: "pd.DataFrame",
    sentences: Sequence[str],
    tables: "Mapping[str, pd.DataFrame]",
    notes: Sequence[str],
) -> None:
    """Show a result: its document as json, its frame as csv, else sentences, tables and notes."""
    if session.format == "json":
        session.show_json(found.document())
        return
    if session.format == "csv":
        session.show(frame)
        return
    for line in sentences:
        session.say(line)
    for title, table in tables.items():
        session.say("")
        print_table(table, title=title or None)
    session.say("")
    for line in notes:
        session.say(line)


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
