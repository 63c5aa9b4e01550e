"""What is left out of a report or doubtful in it: the check's findings, order of runs, drift."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from analysis.comparing.comparison import Comparison
from analysis.comparing.order import arrangement, beginnings, in_order
from analysis.quality.checks import Check
from analysis.quality.findings import Severity
from analysis.reporting.parts import Block, Part, folded
from analysis.reporting.tables import Cell, Column, Row, Table
from analysis.reporting.words import counted, listed
from minion.model import Missing, Simulation

MOST_ROWS = 500  # of a list of findings: more say no more
_MOST_NAMED = 12


def doubts_part(
    identity: str,
    simulations: Sequence[Simulation],
    excluded: Sequence[Simulation],
    checked: Check,
    comparison: Comparison | None,
    figures: Sequence[Block],
) -> Part:
    """What a reader must know before believing a figure.

    Args:
        identity: of the part.
        simulations, excluded: the runs that are counted, and those that are not.
        checked: the check of all of them.
        comparison: what it notes is said here.
        figures: that show it, and what belongs to them.
    """
    part = Part(identity, "What is left out or doubtful")
    part.say(f"Quality check: {checked.sentence}", *_sentences(simulations, excluded))
    notes = _notes(simulations, checked, comparison)
    part.say(*notes, kind="notes")
    part.blocks += figures
    for table in (
        _findings(f"{identity}-findings", checked.findings),
        _left_out(f"{identity}-excluded", excluded),
        _holes(f"{identity}-missing", simulations),
    ):
        if len(table):
            part.blocks.append(folded(table))
    return part


# ---------------------------------------------------------------- inside


def _sentences(simulations: Sequence[Simulation], excluded: Sequence[Simulation]) -> list[str]:
    told = ["No run of the selection was excluded."]
    if excluded:
        was = "was" if len(excluded) == 1 else "were"
        ids = [s.sim_id for s in excluded]
        more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
        told = [
            f"{counted(len(ids), 'run')} of the selection {was} excluded and counted nowhere in"
            f" this report: {', '.join(ids[:_MOST_NAMED])}{more}."
        ]
    holes = [(s.id, record) for s in simulations for record in s.missing]
    if holes:
        stretches = counted(len(holes), "stretch", "stretches")
        runs = counted(len({key for key, _ in holes}), "run")
        told.append(f"Samples are recorded as missing: {stretches}, in {runs}.")
    else:
        told.append("No samples are recorded as missing.")
    judged = Counter(s.validity.verdict.value for s in simulations)
    told.append(f"Verdicts: {listed(f'{n:,} {name}' for name, n in sorted(judged.items()))}.")
    return told


def _notes(
    simulations: Sequence[Simulation], checked: Check, comparison: Comparison | None
) -> list[str]:
    """Order of runs, drift, what changes with excluded runs, and what the check notes."""
    if comparison is not None:
        # Where the hash and the ids are, the report says itself.
        notes = [note for note in comparison.remarks if "--format json" not in note]
    else:
        platforms = {(s.experiment, s.sim_id): s.platform for s in simulations}
        ordered = in_order(beginnings(simulations), platforms)
        notes = [f"{arrangement(ordered).sentence.removesuffix('.')}."] if ordered else []
    # A check may be of several experiments; this one is of one, which the page names.
    opening = f"{simulations[0].experiment}: "
    checks = [note.removeprefix(opening).removesuffix(".") for note in checked.notes]
    return [*notes, *(f"{note}." for note in checks)]


def _findings(identity: str, findings: pd.DataFrame) -> Table:
    """A row per finding of the check, the worst first."""
    severities = [severity.value for severity in Severity]
    order = findings["severity"].map(severities.index).sort_values(kind="stable").index
    rows = [
        Row(
            (
                Cell(row["sim_id"], row["sim_id"]),
                Cell(row["platform"], row["platform"]),
                Cell(
                    row["severity"],
                    float(severities.index(row["severity"])),
                    exact=(row["severity"],),
                ),
                Cell(row["kind"], row["kind"]),
                Cell(row["what"], row["what"]),
            ),
            (row["platform"],),
            row["phase"],
        )
        for row in findings.loc[order].to_dict("records")
    ]
    names = ("Simulation", "Platform", "Severity", "Kind", "What")
    return _table(identity, "What the check found", names, rows)


def _left_out(identity: str, excluded: Sequence[Simulation]) -> Table:
    rows = []
    for s in excluded:
        reason = "; ".join(s.validity.reasons) or "no reason given"
        texts = (s.sim_id, s.platform, reason, _who(s))
        rows.append(Row(tuple(Cell(text, text) for text in texts), (s.platform,)))
    return _table(identity, "Excluded runs", ("Simulation", "Platform", "Reason", "By"), rows)


def _holes(identity: str, simulations: Sequence[Simulation]) -> Table:
    rows = []
    for s in simulations:
        for record in s.missing:
            cells = (
                Cell(s.sim_id, s.sim_id),
                Cell(record.hostname, record.hostname),
                Cell(record.chart or "every chart", record.chart or ""),
                _window(s, record),
                Cell(record.reason, record.reason),
            )
            rows.append(Row(cells, (s.platform,)))
    names = ("Simulation", "Host", "Chart", "Elapsed time", "Reason")
    return _table(identity, "Missing samples", names, rows)


def _window(simulation: Simulation, record: Missing) -> Cell:
    first, last = (time - (simulation.start or 0.0) for time in (record.first, record.last))
    text = f"{first:,.0f} to {last:,.0f} s"
    return Cell(text, first, exact=(text,))


def _who(simulation: Simulation) -> str:
    validity = simulation.validity
    when = f", {validity.at.day} {validity.at:%B %Y}" if validity.at else ""
    return f"{validity.by or 'unknown'}{when}"


def _table(identity: str, caption: str, names: Sequence[str], rows: Sequence[Row]) -> Table:
    if len(rows) > MOST_ROWS:
        caption = f"{caption}, the first {MOST_ROWS} of {len(rows):,}"
    return Table(identity, caption, [Column(name) for name in names], rows[:MOST_ROWS])
