"""Profiles in a report: a flame graph for each platform, and the functions that cost most."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

from analysis.profiling.reading import TIME, cost_column, functions, kinds, stacks
from analysis.profiling.tables import below_zero, top
from analysis.reporting.parts import Block, Figure, Fold, Part, folded
from analysis.reporting.study import Study
from analysis.reporting.tables import Cell, Column, Row, Table, key
from analysis.reporting.words import counted, decimals, number
from minion.errors import InvalidData, NotFound
from minion.selection import Choice, natural
from minion.store import Store

MOST_RUNS = 20  # of a platform that a flame graph adds up, and a mean is taken of
MOST_KINDS = 6  # of profiles: a Go program has five
MOST_FLAMES = 12  # of an experiment
MOST_OPEN = 4  # of them that need not be unfolded
TOP = 15  # functions of a platform

Runs = Mapping[str, Sequence[str]]


def profiles_part(store: Store, study: Study) -> Part | None:
    """The profiles of an experiment, kind by kind; None where it has none.

    Args:
        store: where they are.
        study: the experiment.
    """
    there = sorted(kinds(store, study.simulations), key=lambda kind: (kind != TIME, kind))
    if not there:
        return None
    part = Part(f"{study.look.prefix}-profiles", "Profiles")
    runs = _first_runs(study)
    left_out = len(study.simulations) - sum(map(len, runs.values()))
    if left_out:
        part.say(
            f"Of each platform the first {MOST_RUNS} runs are taken, which leaves"
            f" {counted(left_out, 'run')} out."
        )
    if len(there) > MOST_KINDS:
        part.say(f"Of {len(there)} kinds the first {MOST_KINDS} are shown: {', '.join(there)}.")
    drawn = set(kinds(store, study.simulations, "stacks"))
    flames: list[Figure] = []
    for place, kind in enumerate(there[:MOST_KINDS]):
        stem = f"flame-{place}"
        try:
            table = _table(store, study, kind, runs, part)
            table.identity = f"{part.identity}-{place}"
        except (InvalidData, NotFound) as error:
            part.say(f"The profiles of {kind} cannot be shown: {error}.")
            continue
        own = list(_flames(store, study, kind, runs, stem)) if kind in drawn else []
        for platform, figure in own[: MOST_FLAMES - len(flames)]:
            figure.table = table.identity
            table.figure = table.figure or figure.identity
            part.blocks.append(_placed(figure, platform, kind, len(flames)))
            flames.append(figure)
        if not own:
            part.say(f"The profiles of {kind} have no stacks, so there is no flame graph of them.")
        part.blocks.append(folded(table))
    return part


# ---------------------------------------------------------------- inside


def _first_runs(study: Study) -> dict[str, list[str]]:
    """The runs of each platform that are taken."""
    return {
        platform: sorted(
            (s.sim_id for s in study.simulations if s.platform == platform), key=natural
        )[:MOST_RUNS]
        for platform in study.look.platforms
    }


def _of(study: Study, sims: Sequence[str]) -> Choice:
    """The study's choice, of these runs only."""
    choice: Choice = {**study.choice, "sims": list(sims)}
    return choice


def _flames(
    store: Store, study: Study, kind: str, runs: Runs, stem: str
) -> Iterator[tuple[str, Figure]]:
    """A flame graph for each platform that has such stacks."""
    for place, (platform, sims) in enumerate(runs.items()):
        try:
            frame = stacks(store, kind, **_of(study, sims))
        except NotFound:
            continue
        yield platform, study.make.flame(frame, kind, platform, sims, f"{stem}-{place}")


def _placed(figure: Figure, platform: str, kind: str, place: int) -> Block:
    """The first flame graphs are seen at once, more of them on request."""
    if place < MOST_OPEN:
        return figure
    return Fold(f"Flame graph of {kind} on {platform}", [figure], platforms=(platform,))


def _table(store: Store, study: Study, kind: str, runs: Runs, part: Part) -> Table:
    """The functions that cost most on each platform, and a sentence on the first of each."""
    chosen = [sim for sims in runs.values() for sim in sims]
    frame = functions(store, kind, **_of(study, chosen))
    own = cost_column(frame)
    unit = own.removeprefix("self_")
    joined = frame.loc[(frame[own] < 0).to_numpy()].sort_values(own)["function"].astype(str)
    if kind == TIME and (told := below_zero(joined)):
        part.say(f"{told}.")
    found = top(frame, TOP)
    digits = 0 if (found[own] % 1 == 0).all() else decimals(found[own])
    rows = []
    for platform in study.look.platforms:
        some = found[(found["platform"].astype("str") == platform).to_numpy()]
        for place, row in enumerate(some.to_dict("records")):
            rows.append(_row(row, own, unit, digits, study.look.colours[platform]))
            if not place:
                part.say(_sentence(row, own, unit, digits, kind))
    what = "time" if kind == TIME else kind
    mean = "means of the runs" if (found["runs"] > 1).any() else "one run each"
    columns = [
        Column("Function"),
        Column("Process"),
        Column("Platform"),
        *(
            Column(name, number=True)
            for name in ("Calls", f"Self, {unit}", f"Total, {unit}", "Share, %", "Sum, %")
        ),
    ]
    caption = f"Functions with the largest {what} of their own, {mean}"
    return Table("", caption, columns, rows)


def _row(row: Mapping[Hashable, Any], own: str, unit: str, digits: int, colour: str) -> Row:
    platform, function, process = (str(row[n]) for n in ("platform", "function", "process"))
    figures = (
        (row["calls"], 0),
        (row[own], digits),
        (row[f"total_{unit}"], digits),
        (row["share_pct"], 1),
        (row["sum_pct"], 1),
    )
    cells = (
        Cell(function, function),
        Cell(process, process),
        Cell(platform, platform, colour=colour),
        *(Cell(number(value, places), key(value)) for value, places in figures),
    )
    return Row(cells, (platform,))


def _sentence(row: Mapping[Hashable, Any], own: str, unit: str, digits: int, kind: str) -> str:
    what = "time" if kind == TIME else kind
    mean = "one run" if row["runs"] == 1 else f"mean of {row['runs']} runs"
    return (
        f"On {row['platform']} most {what} went to {row['function']} ({row['process']}) itself:"
        f" {number(row[own], digits)}\u00a0{unit},"
        f" {number(row['share_pct'], 1)}\u00a0% of all ({mean})."
    )
