"""A MongoDB time-series collection: a measurement per value, its labels in the meta field."""

# ruff: noqa: D102  the base class says what each method does

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from columns import Study
from contenders.base import Contender, Place
from contenders.flat import as_categoricals, labelled, write
from contenders.reduced import run_values, summarized
from jobs import METRICS
from pymongo import ASCENDING, MongoClient
from pymongo.collection import Collection

DATABASE, TRIAL, NAME = "timeseries", "timeseries_trial", "samples"
OPTIONS = {"timeField": "time", "metaField": "of", "granularity": "seconds"}
INDEXES = (
    [("of.sim_id", ASCENDING)],
    [("of.context", ASCENDING), ("of.dimension", ASCENDING)],
)
LABELS = ("platform", "sim_id", "hostname", "chart", "context", "dimension", "unit")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimeSeries(Contender):
    """Every label of a series in `of`, an index on the run and one on the dimension."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.client: MongoClient[dict[str, Any]] = MongoClient(self.uri, tz_aware=False)
        self.collection = self.client[DATABASE][NAME]
        self._documents: list[dict[str, Any]] = []

    def fill(self) -> None:
        if NAME not in self.client[DATABASE].list_collection_names():
            write(self._made(DATABASE), documents(self.study))
            self.client.admin.command("fsync")

    def _made(self, database: str) -> Collection[dict[str, Any]]:
        collection = self.client[database].create_collection(NAME, timeseries=OPTIONS)
        for keys in INDEXES:
            collection.create_index(keys)
        return collection

    def before(self, job: str) -> None:
        if job == "write":
            self._documents = list(islice(documents(self.study), self.fraction))
            self._made(TRIAL)

    def after(self, job: str) -> None:
        if job == "write":
            self._documents = []
            self.client.drop_database(TRIAL)

    def write(self) -> int:
        write(self.client[TRIAL][NAME], self._documents)
        return len(self._documents)

    def one(self) -> pd.DataFrame:
        run = self.study.chosen
        return self._phased(self._frame({"of.sim_id": run.sim_id}))

    def metric(self) -> pd.DataFrame:
        frame = self._valid("cpu")
        frame["value"] = 100 - frame["value"]
        return summarized(frame)

    def everything(self) -> pd.DataFrame:
        # Run by run: 2.5 million dictionaries at once would take gigabytes.
        frames = [self._frame({"of.sim_id": run.sim_id}) for run in self.study.runs]
        return as_categoricals(self._phased(pd.concat(frames)))

    def run_values(self) -> pd.DataFrame:
        frames = [run_values(name, self._phased(self._valid(name)), self.study) for name in METRICS]
        return pd.concat(frames)

    def _valid(self, metric: str) -> pd.DataFrame:
        context, dimensions = METRICS[metric]
        frame = self._frame({"of.context": context, "of.dimension": {"$in": list(dimensions)}})
        return frame[frame["sim_id"].isin([run.sim_id for run in self.study.valid])]

    def _frame(self, query: dict[str, Any]) -> pd.DataFrame:
        found = list(self.collection.find(query, {"_id": 0}))
        labels = [document["of"] for document in found]
        data: dict[str, Any] = {name: [of[name] for of in labels] for name in LABELS}
        data["time"] = [document["time"] for document in found]
        data["value"] = [document["value"] for document in found]
        return pd.DataFrame(data)

    def _phased(self, frame: pd.DataFrame) -> pd.DataFrame:
        seconds = frame["time"].to_numpy(dtype="datetime64[ms]").astype(np.int64) / 1000
        frame = frame.drop(columns="time").assign(timestamp=seconds)
        runs = {run.sim_id: run for run in self.study.runs}
        parts = frame.groupby("sim_id", sort=False)
        return pd.concat([labelled(part, runs[str(sim_id)]) for sim_id, part in parts])

    def bytes_on_disk(self) -> dict[str, int]:
        self.client.admin.command("fsync")
        stats = self.client[DATABASE].command("collStats", NAME)
        return {"data": int(stats["storageSize"]), "indexes": int(stats["totalIndexSize"])}

    def close(self) -> None:
        self.client.close()


def documents(study: Study) -> Iterator[dict[str, Any]]:
    """Every sample as a measurement."""
    columns = {name: study.columns[name] for name in LABELS}
    for run in study.runs:
        rows = run.place
        keys = np.stack([columns[name][rows] for name in LABELS], axis=1)
        starts = np.flatnonzero((np.diff(keys, axis=0, prepend=-1) != 0).any(axis=1))
        seconds = np.rint(study.columns["elapsed_s"][rows] + run.start).tolist()
        values = study.columns["value"][rows].tolist()
        for first, end in zip(starts, [*starts[1:], run.rows], strict=True):
            of = {n: study.names[n][key] for n, key in zip(LABELS, keys[first], strict=True)}
            for row in range(first, end):
                time = EPOCH + timedelta(seconds=seconds[row])
                yield {"time": time, "of": of, "value": values[row]}
