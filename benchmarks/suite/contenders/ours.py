"""Our store: array buckets in MongoDB."""

# ruff: noqa: D102  the base class says what each method does

from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd
from contenders.base import Contender, Place

import analysis
import minion
from analysis.metrics import METRICS, utilization
from analysis.values import combined, host_values
from ingest.simulated import study
from minion import wire
from minion.model import Simulation
from minion.series import Series
from minion.store import Store

STORED = "bench"
COLLECTIONS = ("minions", "series")


class Ours(Contender):
    """`minion.connect()` and the functions of `analysis`, as a script calls them."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.store = minion.connect(self.uri, database=STORED)
        self.trial_store: Store | None = None
        self._runs: list[tuple[Simulation, list[Series]]] = []

    def facts(self) -> dict[str, str]:
        return {
            "MongoDB": self.store.version,
            "native decoder": "no" if wire.native is None else "yes",
        }

    def fill(self) -> None:
        if not self.store.simulations():
            for simulation, series in self.runs:
                self.store.put(simulation, series)
            self.store.client.admin.command("fsync")  # a checkpoint: all of it is in the files

    @property
    def runs(self) -> list[tuple[Simulation, list[Series]]]:
        """The study as it comes from the machines."""
        if not self._runs:
            self._runs = list(study(seed=self.study.seed, runs=self.study.per_platform))
        return self._runs

    def before(self, job: str) -> None:
        if job == "write":
            self.runs  # noqa: B018  made before the clock runs
            name = f"trial_{uuid4().hex}"
            self.trial_store = minion.connect(self.uri, database=name)

    def after(self, job: str) -> None:
        if job == "write" and self.trial_store is not None:
            self.trial_store.client.drop_database(self.trial_store.database.name)
            self.trial_store.close()
        if job == "report":
            (self.folder / "report.html").unlink()

    def write(self) -> int:
        if self.trial_store is None:
            raise SystemExit("nothing to write to")
        put = self.trial_store.put
        return sum(put(simulation, series).samples for simulation, series in self._runs)

    def one(self) -> pd.DataFrame:
        return self.store.samples(sims=self.study.chosen.sim_id)

    def metric(self) -> pd.DataFrame:
        return analysis.summary(utilization(self.store, "cpu"))

    def everything(self) -> pd.DataFrame:
        return self.store.samples(include_excluded=True)

    def run_values(self) -> dict[str, Any]:
        frames = [combined(host_values(utilization(self.store, name))).values for name in METRICS]
        # Frames of different columns are not put together: a comparison takes them one by one.
        columns = ("value", "n", "hosts")
        return {name: np.concatenate([frame[name] for frame in frames]) for name in columns}

    def report(self) -> int:
        analysis.report.write(self.store, self.folder / "report.html")
        return self.study.samples

    def bytes_on_disk(self) -> dict[str, int]:
        self.store.client.admin.command("fsync")
        database = self.store.database
        found = [database.command("collStats", name) for name in COLLECTIONS]
        return {
            "data": sum(int(stats["storageSize"]) for stats in found),
            "indexes": sum(int(stats["totalIndexSize"]) for stats in found),
        }

    def close(self) -> None:
        self.store.close()


class WithoutNative(Ours):
    """The same where `minion/_wire.c` could not be compiled."""

    def __init__(self, place: Place) -> None:
        wire.native = None
        super().__init__(place)

    def bytes_on_disk(self) -> dict[str, int]:
        return {}
