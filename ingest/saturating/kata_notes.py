"""What is to be said of a table of the Kata study, a sentence each."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.saturating.kata_clock import Clock, Times
from ingest.saturating.kata_table import Table, worker_of

_SHOWN = 5  # iterations that a note lists


def about_clock(table: Table, when: Times) -> list[str]:
    """What its clock counts, and where the iteration or the clock goes back."""
    name = table.path.name
    notes = []
    if when.clock is Clock.STEP:
        notes.append(f"{name}: Elapsed counts each step by itself; times are their sums")
    notes += [
        f"{table.where(row)}: the iteration goes back from {table.iteration[row - 1]:g} to"
        f" {table.iteration[row]:g}; the run was taken up again, after a pause of unknown length"
        for row in when.back
    ]
    notes += [
        f"{table.where(row)}: the clock goes back; it is taken to have begun anew"
        for row in np.setdiff1d(when.restarts, when.back)
    ]
    notes += [
        f"{table.where(row)}: the clock goes back by"
        f" {table.elapsed[row - 1] - table.elapsed[row]:g} s; time goes on from the row before"
        for row in np.setdiff1d(when.set_back, when.back)
    ]
    if when.together:
        notes.append(
            f"{name}: {when.together:,} rows in the same second as the row before; they are spread"
            " over it"
        )
    return notes


def about_memory(table: Table, repeated: Sequence[NDArray[np.bool_]]) -> list[str]:
    """Where a worker has no sample, and how often each one's readings repeat the one before."""
    name = table.path.name
    notes = []
    for place, column in enumerate(table.workers):
        absent = np.isnan(table.active[:, place]) | np.isnan(table.free[:, place])
        if absent.any():
            rows = iterations(table, absent)
            notes.append(f"{name}: no memory sample of {worker_of(column)} in {rows}")
    many = {worker_of(w): int(r.sum()) for w, r in zip(table.workers, repeated, strict=True)}
    if any(many.values()):
        listed = ", ".join(f"{worker} {count:,}" for worker, count in many.items() if count)
        notes.append(
            f"{name}: stale memory readings, to the kB those of the row before, of"
            f" {len(table.lines):,} rows: {listed}"
        )
    return notes


def iterations(table: Table, chosen: NDArray[np.bool_]) -> str:
    """The iterations of some rows, in words."""
    rows = table.iteration[chosen]
    listed = ", ".join(f"{iteration:g}" for iteration in rows[:_SHOWN])
    more = f" and {rows.size - _SHOWN:,} more" if rows.size > _SHOWN else ""
    return f"iteration{'s' if rows.size > 1 else ''} {listed}{more}"
