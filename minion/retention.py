"""Deleting runs that are no longer wanted: what would go, and letting it go.

A plan deletes nothing. Carrying it out deletes one run after the other, its series before itself,
so a cut-off leaves something that the next plan finds again; such a half-deleted run is excluded,
with the reason, before its first sample goes.

The space of what is deleted is not given back to the disk at once: MongoDB's storage (WiredTiger)
keeps the files as they are and fills the room in them with what is written next. `compact`, a
command of MongoDB's own, gives it back.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import pandas as pd
from bson import ObjectId

from minion.buckets import Buckets
from minion.documents import encode
from minion.errors import InvalidData, UsageError
from minion.model import Simulation, Status, Validity, Verdict, now
from minion.mongodb import translated
from minion.overview import iso
from minion.schema import MINIONS, PROGRESS, SERIES
from minion.selection import Choice, Selection
from minion.store import Store

PLAN_COLUMNS = "experiment platform sim_id status ended samples bytes".split()
BYTES_A_SAMPLE = 5.0  # what a sample of the published study takes, compressed; no two are alike
BY = "minion prune"
REASON = "its deletion has begun; the next `minion prune` that names it goes on with that"


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What would be deleted.

    frame: a row a simulation: experiment, platform, sim_id, status, ended (UTC, ISO 8601: its end,
        else its last event, else when it was registered, which counts too where its times are
        made up), samples, and bytes: about what they take on the disk.
    simulations: the same ones, in the same order.
    unfinished: how many more it would be with those that are not complete.
    """

    frame: pd.DataFrame
    simulations: tuple[Simulation, ...]
    unfinished: int

    @property
    def samples(self) -> int:
        """How many samples would go."""
        return int(self.frame["samples"].sum())

    @property
    def bytes(self) -> int:
        """About how many bytes would go."""
        return int(self.frame["bytes"].sum())


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was deleted.

    simulations, samples: how many.
    left: those of the plan that are not deleted because they changed meanwhile, a sentence each.
    """

    simulations: int
    samples: int
    left: tuple[str, ...] = ()


def plan_prune(
    store: Store,
    *,
    older_than_s: float | None = None,
    unfinished: bool = False,
    **choice: Unpack[Choice],
) -> Plan:
    """What `prune` would delete; nothing is changed.

    Args:
        store: where the minions are.
        older_than_s: only runs that ended before so many seconds; default: of any age. A run
            without an end counts from its last event, one without events, or whose times are
            made up, from its registration.
        unfinished: runs that are not complete too: registered, running, being fetched, imported.
        choice: experiment, platform, sims; see `Selection.of`. Excluded runs are always among
            them.

    Raises:
        UsageError: neither an age nor an experiment nor simulations are named.
        InvalidData: the age is none.
        NotFound: a simulation, platform or experiment that was named.
    """
    choice.setdefault("include_excluded", True)
    selection = Selection.of(**choice)
    if older_than_s is None and selection.experiment is None and not selection.sims:
        raise UsageError("prune: name what shall go: --older AGE, --experiment NAME, --sims IDS")
    if older_than_s is not None and not (math.isfinite(older_than_s) and older_than_s >= 0):
        raise InvalidData(f"an age of {older_than_s} s; it is 0 or more")
    before = math.inf if older_than_s is None else time.time() - older_than_s
    old = [s for s in store.simulations(selection) if ended(s) < before]
    chosen = [s for s in old if unfinished or s.status is Status.COMPLETE]
    samples = store.count_samples(chosen)
    rows = [
        {
            "experiment": s.experiment,
            "platform": s.platform,
            "sim_id": s.sim_id,
            "status": s.status.value,
            "ended": iso(ended(s)),
            "samples": samples[s.id],
            "bytes": round(samples[s.id] * BYTES_A_SAMPLE),
        }
        for s in chosen
    ]
    frame = pd.DataFrame(rows, columns=PLAN_COLUMNS)
    frame = frame.astype({"samples": "int64", "bytes": "int64"})
    return Plan(frame, tuple(chosen), len(old) - len(chosen))


def prune(store: Store, plan: Plan) -> Pruned:
    """Delete what a plan names. Doing it again deletes nothing more.

    A run whose status is another one than in the plan is left: somebody works with it. A run that
    is gone already counts for nothing.

    Args:
        store: where the minions are.
        plan: of `plan_prune`.

    Raises:
        StoreError: MongoDB does not do it; what was deleted until then is.
    """
    deleted: list[ObjectId] = []
    left: list[str] = []
    with translated(store.where):
        for simulation in plan.simulations:
            refusal = _mark(store, simulation)
            if refusal:
                left.append(refusal)
            elif refusal is None and _delete(store, simulation):
                deleted.append(simulation.id)
    return Pruned(len(deleted), _samples(plan, deleted), tuple(left))


def ended(simulation: Simulation) -> float:
    """When a run was over, in seconds since the epoch: its end, last event, or registration."""
    if not simulation.dated:
        return simulation.provenance.created.timestamp()
    if simulation.end is not None:
        return simulation.end
    times = (event.time for event in simulation.events)
    return max(times, default=simulation.provenance.created.timestamp())


def _mark(store: Store, simulation: Simulation) -> str | None:
    """Exclude a run that is as it was planned; else why not, empty when it is gone."""
    minions = store.database[MINIONS]
    reasons = (REASON, *(r for r in simulation.validity.reasons if r != REASON))
    mark = Validity(verdict=Verdict.EXCLUDED, reasons=reasons, by=BY, at=now())
    marked = minions.update_one(
        {"_id": simulation.id, "status": simulation.status.value},
        {"$set": {"validity": encode(mark)}},
    )
    if marked.matched_count:
        return None
    found = minions.find_one({"_id": simulation.id}, {"status": 1})
    if found is None:
        return ""
    return (
        f"simulation {simulation.sim_id} of experiment {simulation.experiment} is left: it was"
        f" {simulation.status} and is {found['status']} now"
    )


def _delete(store: Store, simulation: Simulation) -> bool:
    buckets = Buckets(store.database[SERIES])
    buckets.delete([simulation.id])
    store.database[PROGRESS].delete_many({"simulation": simulation.id})
    gone = store.database[MINIONS].delete_one({"_id": simulation.id}).deleted_count
    if simulation.status is not Status.COMPLETE:
        # Whoever fetched its samples did so until it was gone.
        buckets.delete([simulation.id])
        store.database[PROGRESS].delete_many({"simulation": simulation.id})
    return bool(gone)


def _samples(plan: Plan, deleted: Sequence[ObjectId]) -> int:
    gone = set(deleted)
    there = [simulation.id in gone for simulation in plan.simulations]
    return int(plan.frame["samples"][there].sum())
