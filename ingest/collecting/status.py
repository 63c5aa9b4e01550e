"""How the hosts of the runs in progress are: what a collector's keeper looks at."""

import time
from contextlib import suppress
from typing import Any

import pandas as pd
from bson import ObjectId

from minion.errors import NotFound
from minion.leases import alive
from minion.model import Simulation
from minion.progress import Progress, lag
from minion.selection import natural
from minion.store import Store
from minion.worklist import Worklist

COLUMNS = (
    "experiment sim_id hostname state last_sample_s lag_s samples gaps retries collector problem"
).split()


def status(store: Store, experiment: str | None = None) -> pd.DataFrame:
    """A row for each host of every run in progress.

    Args:
        store: where they are kept.
        experiment: only of this one.

    Returns:
        experiment, sim_id, hostname, state (`collecting`; `silent` when its agent does not give
        what it should; `waiting` while no collector that is alive has it, whatever was wrong
        before; `done` when everything up to the run's end is stored or missing), last_sample_s
        (age of the newest stored sample in seconds; NaN before the first), lag_s (from it to the
        present, or to the run's end), samples (stored), gaps (windows that nobody has the samples
        of), retries, collector, problem. Ordered by experiment, simulation and hostname.
    """
    worklist = Worklist(store)
    runs: dict[ObjectId, Simulation] = {}
    for brief in worklist.runs(experiment):
        with suppress(NotFound):  # deleted just now
            runs[brief.id] = store.simulation_by_id(str(brief.id))
    collectors = alive(store)
    rows: list[dict[str, Any]] = [
        {
            "experiment": run.experiment,
            "sim_id": run.sim_id,
            "hostname": entry.hostname,
            "state": _state(entry, collectors),
            "last_sample_s": _age(entry.last_sample),
            "lag_s": lag(entry, run.end),
            "samples": entry.samples,
            "gaps": entry.gaps,
            "retries": entry.retries,
            "collector": (entry.owner or "").rpartition(":")[0],
            "problem": entry.problem or "",
        }
        for entry in worklist.entries(brief=True)
        if (run := runs.get(entry.simulation)) is not None
    ]
    rows.sort(key=lambda row: (row["experiment"], natural(row["sim_id"]), row["hostname"]))
    return pd.DataFrame(rows, columns=COLUMNS)


def _age(moment: float | None) -> float:
    return float("nan") if moment is None else time.time() - moment


def _state(entry: Progress, collectors: list[str]) -> str:
    if entry.done:
        return "done"
    if entry.owner not in collectors:
        return "waiting"
    return "collecting" if entry.problem is None else "silent"
