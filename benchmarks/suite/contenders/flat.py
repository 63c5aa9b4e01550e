"""Flat documents, one per value, as netdata's exporter writes them, read by pymongo.

They know no simulation: it is the one that ran at their time, and the phases likewise.
"""

# ruff: noqa: D102  the base class says what each method does

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from columns import Run, Study
from contenders.base import Contender, Place
from contenders.reduced import run_values, summarized
from jobs import METRICS, STATISTICS
from pymongo import ASCENDING, MongoClient
from pymongo.collection import Collection
from pymongo.database import Database

DATABASE, METRICS_COLLECTION, TRIAL = "flat", "netdata_metrics", "trial"
INDEXES = (
    [("timestamp", ASCENDING)],
    [("chart_context", ASCENDING), ("id", ASCENDING), ("timestamp", ASCENDING)],
)
AT_ONCE = 10_000
# What of a document becomes which column of the tidy frame.
FIELDS = {
    "hostname": "hostname",
    "chart_id": "chart",
    "chart_context": "context",
    "id": "dimension",
    "units": "unit",
    "timestamp": "timestamp",
    "value": "value",
}
PROJECTION = {"_id": 0, **dict.fromkeys(FIELDS, 1)}


class Flat(Contender):
    """The collection `netdata_metrics`, with an index for runs and one for dimensions."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.client: MongoClient[dict[str, Any]] = MongoClient(self.uri)
        self.collection = self.client[DATABASE][METRICS_COLLECTION]
        self._documents: list[dict[str, Any]] = []

    def fill(self) -> None:
        fill(self.study, self.client[DATABASE])

    def before(self, job: str) -> None:
        if job == "write":
            self._documents = list(islice(documents(self.study), self.fraction))
            indexed(self.client[TRIAL][METRICS_COLLECTION])

    def after(self, job: str) -> None:
        if job == "write":
            self._documents = []
            self.client.drop_database(TRIAL)

    def write(self) -> int:
        write(self.client[TRIAL][METRICS_COLLECTION], self._documents)
        return len(self._documents)

    def one(self) -> pd.DataFrame:
        return self._run(self.study.chosen)

    def metric(self) -> pd.DataFrame:
        context, dimensions = METRICS["cpu"]
        frame = self._valid(context, dimensions)
        frame["value"] = 100 - frame["value"]
        return summarized(frame, STATISTICS)

    def everything(self) -> pd.DataFrame:
        # Run by run: 2.5 million dictionaries at once would take gigabytes.
        return as_categoricals(pd.concat([self._run(run) for run in self.study.runs]))

    def run_values(self) -> pd.DataFrame:
        frames = []
        for name, (context, dimensions) in METRICS.items():
            frame = self._valid(context, dimensions)
            phased = [labelled(frame[frame["sim_id"] == r.sim_id], r) for r in self.study.valid]
            frames.append(run_values(name, pd.concat(phased), self.study))
        return pd.concat(frames)

    def _run(self, run: Run) -> pd.DataFrame:
        query = {"timestamp": {"$gte": run.start, "$lt": run.end}}
        frame = pd.DataFrame(list(self.collection.find(query, PROJECTION)))
        return labelled(frame.rename(columns=FIELDS), run)

    def _valid(self, context: str, dimensions: tuple[str, ...]) -> pd.DataFrame:
        """The samples of a metric of the valid runs, with the run of each."""
        query = {"chart_context": context, "id": {"$in": list(dimensions)}}
        kept = {"_id": 0, "hostname": 1, "id": 1, "timestamp": 1, "value": 1}
        frame = pd.DataFrame(list(self.collection.find(query, kept)))
        return of_valid_runs(frame.rename(columns=FIELDS), self.study)

    def bytes_on_disk(self) -> dict[str, int]:
        self.client.admin.command("fsync")
        stats = self.client[DATABASE].command("collStats", METRICS_COLLECTION)
        return {"data": int(stats["storageSize"]), "indexes": int(stats["totalIndexSize"])}

    def close(self) -> None:
        self.client.close()


def documents(study: Study) -> Iterator[dict[str, Any]]:
    """Every sample as the exporter's document."""
    names = study.names
    for run in study.runs:
        for hostname, chart, wide in study.series(run):
            row = slice(run.first_row, run.first_row + run.rows)
            place = int(np.argmax(study.columns["chart"][row] == names["chart"].index(chart)))
            context, unit = (
                names[name][study.columns[name][run.first_row + place]]
                for name in ("context", "unit")
            )
            times = np.rint(wide.index.to_numpy() + run.start).astype(np.int64).tolist()
            for identity, column in wide.items():
                for timestamp, value in zip(times, column.tolist(), strict=True):
                    if value == value:  # noqa: PLR0124  NaN
                        yield {
                            "prefix": "netdata",
                            "hostname": hostname,
                            "chart_id": chart,
                            "chart_name": chart,
                            "chart_family": chart.partition(".")[2],
                            "chart_context": context,
                            "chart_type": chart.partition(".")[0],
                            "units": unit,
                            "id": identity,
                            "name": identity,
                            "value": value,
                            "timestamp": timestamp,
                        }


def fill(study: Study, database: Database[dict[str, Any]]) -> None:
    """The whole study into a database, unless it is there already."""
    collection = database[METRICS_COLLECTION]
    if collection.estimated_document_count() == study.samples:
        return
    collection.drop()
    indexed(collection)
    write(collection, documents(study))
    database.client.admin.command("fsync")


def indexed(collection: Collection[dict[str, Any]]) -> None:
    """An empty collection with its indexes."""
    for keys in INDEXES:
        collection.create_index(keys)


def write(collection: Collection[dict[str, Any]], rows: Any) -> None:
    """Insert documents, many at once."""
    coming = iter(rows)
    while block := list(islice(coming, AT_ONCE)):
        collection.insert_many(block, ordered=False)


def of_valid_runs(frame: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The rows whose timestamps lie in a valid run, with `sim_id`, `platform` and `elapsed_s`."""
    runs = sorted(study.runs, key=lambda run: run.start)
    times = frame["timestamp"].to_numpy()
    place = np.searchsorted([run.start for run in runs], times, side="right") - 1
    kept = np.array([not run.excluded for run in runs])[place]
    frame, place = frame[kept], place[kept]
    return frame.assign(
        sim_id=pd.Categorical.from_codes(place, [run.sim_id for run in runs]),
        platform=np.array([run.platform for run in runs], dtype=object)[place],
        elapsed_s=times[kept] - np.array([run.start for run in runs])[place],
    )


def labelled(frame: pd.DataFrame, run: Run) -> pd.DataFrame:
    """The rows of a run with its name, its platform and their phases."""
    elapsed = (
        frame["elapsed_s"].to_numpy()
        if "elapsed_s" in frame
        else frame.pop("timestamp").to_numpy() - run.start
    )
    return frame.assign(
        elapsed_s=elapsed,
        platform=run.platform,
        sim_id=run.sim_id,
        phase=pd.Categorical.from_codes(run.phase_of(elapsed), run.phases),
    )


def as_categoricals(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with its texts as categoricals."""
    texts = [name for name in frame if name not in ("elapsed_s", "value")]
    return frame.astype(dict.fromkeys(texts, "category"))
