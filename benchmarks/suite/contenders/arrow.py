"""The same flat documents, read by pymongoarrow."""

# ruff: noqa: D102  the base class says what each method does

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from contenders.base import Contender, Place
from contenders.flat import (
    DATABASE,
    FIELDS,
    METRICS_COLLECTION,
    PROJECTION,
    as_categoricals,
    fill,
    labelled,
    of_valid_runs,
)
from contenders.reduced import run_values, summarized
from jobs import METRICS
from pymongo import MongoClient
from pymongoarrow.api import Schema, find_arrow_all

TYPES = {"timestamp": pa.int64(), "value": pa.float64()}


class FlatByArrow(Contender):
    """`find_arrow_all` with a schema, then pandas."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.client: MongoClient[dict[str, Any]] = MongoClient(self.uri)
        self.collection = self.client[DATABASE][METRICS_COLLECTION]

    def fill(self) -> None:
        fill(self.study, self.client[DATABASE])

    def one(self) -> pd.DataFrame:
        run = self.study.chosen
        query = {"timestamp": {"$gte": run.start, "$lt": run.end}}
        return labelled(self._frame(query, list(FIELDS)), run)

    def metric(self) -> pd.DataFrame:
        context, dimensions = METRICS["cpu"]
        frame = self._valid(context, dimensions)
        frame["value"] = 100 - frame["value"]
        return summarized(frame)

    def everything(self) -> pd.DataFrame:
        frame = self._frame({}, list(FIELDS)).sort_values("timestamp", kind="stable")
        starts = np.array([run.start for run in self.study.runs])
        place = np.searchsorted(np.sort(starts), frame["timestamp"], side="right") - 1
        bounds = np.searchsorted(place, range(len(starts) + 1))
        runs = sorted(self.study.runs, key=lambda run: run.start)
        parts = [
            labelled(frame.iloc[bounds[number] : bounds[number + 1]].copy(), run)
            for number, run in enumerate(runs)
        ]
        return as_categoricals(pd.concat(parts))

    def run_values(self) -> pd.DataFrame:
        frames = []
        for name, (context, dimensions) in METRICS.items():
            frame = self._valid(context, dimensions)
            phased = [labelled(frame[frame["sim_id"] == r.sim_id], r) for r in self.study.valid]
            frames.append(run_values(name, pd.concat(phased), self.study))
        return pd.concat(frames)

    def _valid(self, context: str, dimensions: tuple[str, ...]) -> pd.DataFrame:
        query = {"chart_context": context, "id": {"$in": list(dimensions)}}
        return of_valid_runs(
            self._frame(query, ["hostname", "id", "timestamp", "value"]), self.study
        )

    def _frame(self, query: dict[str, Any], fields: list[str]) -> pd.DataFrame:
        schema = Schema({name: TYPES.get(name, pa.string()) for name in fields})
        projection = {key: 1 for key in PROJECTION if key in fields} | {"_id": 0}
        table = find_arrow_all(self.collection, query, schema=schema, projection=projection)
        frame = table.to_pandas(strings_to_categorical=True)
        return frame.rename(columns=FIELDS)

    def close(self) -> None:
        self.client.close()
