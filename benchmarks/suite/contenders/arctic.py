"""ArcticDB on LMDB: a wide frame for each run and host, a column per dimension of each chart."""

# ruff: noqa: D102  the base class says what each method does

from typing import Any

import numpy as np
import pandas as pd
from arcticdb import Arctic, ReadRequest, WritePayload
from columns import Run, Study
from contenders.base import Contender, Place, folder_bytes
from contenders.reduced import in_its_unit, summarized
from jobs import METRICS
from numpy.typing import NDArray

LIBRARY = "samples"
PHASE = "phase"  # a column with the place of the phase in the study's list
BETWEEN = "|"  # chart and dimension in a column's name
ABOUT_HOST = ("platform", "sim_id", "hostname", "role")
ABOUT_COLUMN = ("chart", "context", "dimension", "unit")


class ArcticOnLmdb(Contender):
    """Symbols are read in batches; a tidy frame is made of their arrays."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._payloads: list[WritePayload] = []
        self._trials = 0
        self._trial: Any = None
        self.stored.mkdir(parents=True, exist_ok=True)
        self.library = Arctic(f"lmdb://{self.stored}").get_library(LIBRARY, create_if_missing=True)
        # What there is its user knows: looking for it is no part of a job.
        self._symbols = {run.sim_id: _symbols(self.study, run) for run in self.study.runs}
        self._platforms = {run.sim_id: run.platform for run in self.study.runs}
        self._columns = _columns(self.study)

    def fill(self) -> None:
        self.library.write_batch(payloads(self.study))

    def before(self, job: str) -> None:
        if job == "write":
            self._payloads = payloads(self.study)
            self._trials += 1  # a process opens a folder of LMDB only once
            place = self.fresh(self.folder / f"trial{self._trials}")
            self._trial = Arctic(f"lmdb://{place}").create_library(LIBRARY)

    def after(self, job: str) -> None:
        if job == "write":
            self._payloads, self._trial = [], None
            self.fresh(self.folder / f"trial{self._trials}")

    def write(self) -> int:
        self._trial.write_batch(self._payloads)
        return self.study.samples

    def one(self) -> pd.DataFrame:
        return self._tidy(self._symbols[self.study.chosen.sim_id])

    def metric(self) -> pd.DataFrame:
        parts = self._read("cpu")
        texts = {"sim_id": [p.sim_id for p in parts], "hostname": [p.hostname for p in parts]}
        frame = _categoricals(texts, [len(part.values) for part in parts])
        frame["value"] = 100 - np.concatenate([part.values for part in parts])
        return summarized(frame)

    def everything(self) -> pd.DataFrame:
        return self._tidy([symbol for of_run in self._symbols.values() for symbol in of_run])

    def run_values(self) -> pd.DataFrame:
        """Sums by phase in each column, then means over the hosts of a run."""
        compared = np.array([name in self.study.compared for name in self.study.names["phase"]])
        found = []
        for metric in METRICS:
            runs: dict[tuple[str, str], list[tuple[NDArray[Any], NDArray[Any]]]] = {}
            for part in self._read(metric):
                inside = part.phases >= 0
                phases, values = part.phases[inside], pd.Series(part.values[inside])
                values = in_its_unit(metric, values, self.study.ram_mib)
                n = np.bincount(phases, minlength=len(compared))
                sums = np.bincount(phases, values.to_numpy(), minlength=len(compared))
                runs.setdefault((part.sim_id, part.dimension), []).append((n, sums))
            for hosts in runs.values():
                n, sums = (np.stack(columns) for columns in zip(*hosts, strict=True))
                whole = (n > 0).all(axis=0) & compared
                means = (sums[:, whole] / n[:, whole]).mean(axis=0)
                counts = n[:, whole].sum(axis=0)
                found.append(pd.DataFrame({"n": counts, "hosts": len(n), "value": means}))
        return pd.concat(found)

    def _read(self, metric: str) -> list["_Column"]:
        """The columns of a metric of the valid runs."""
        context, dimensions = METRICS[metric]
        names = [n for n, of in self._columns.items() if of["context"] == context]
        chosen = [name for name in names if self._columns[name]["dimension"] in dimensions]
        symbols = [s for run in self.study.valid for s in self._symbols[run.sim_id]]
        requests = [ReadRequest(symbol, columns=[PHASE, *chosen]) for symbol in symbols]
        return [
            _Column.of(item.symbol, name, item.data)
            for item in self.library.read_batch(requests)
            for name in chosen
        ]

    def _tidy(self, symbols: list[str]) -> pd.DataFrame:
        values, elapsed, phases, lengths = [], [], [], []
        texts: dict[str, list[str]] = {name: [] for name in (*ABOUT_HOST, *ABOUT_COLUMN)}
        for item in self.library.read_batch(symbols):
            sim_id, hostname = item.symbol.split("/")
            about = {
                "platform": self._platforms[sim_id],
                "sim_id": sim_id,
                "hostname": hostname,
                "role": self.study.roles[hostname],
            }
            times, codes = item.data.index.to_numpy(), item.data[PHASE].to_numpy()
            for name in item.data.columns[1:]:
                column = item.data[name].to_numpy()
                there = slice(None) if (missing := np.isnan(column)).sum() == 0 else ~missing
                values.append(column[there])
                elapsed.append(times[there])
                phases.append(codes[there])
                lengths.append(len(values[-1]))
                for key, text in {**about, **self._columns[name]}.items():
                    texts[key].append(text)
        frame = _categoricals(texts, lengths)
        codes = np.concatenate(phases)
        frame["phase"] = pd.Categorical.from_codes(codes, self.study.names["phase"])
        return frame.assign(elapsed_s=np.concatenate(elapsed), value=np.concatenate(values))

    def bytes_on_disk(self) -> dict[str, int]:
        return {"data": folder_bytes(self.stored)}


class _Column:
    """The values of one dimension of a host in a run, and the phase of each."""

    def __init__(
        self, symbol: str, name: str, values: NDArray[np.float64], phases: NDArray[np.int16]
    ) -> None:
        self.sim_id, self.hostname = symbol.split("/")
        self.dimension = name.split(BETWEEN)[1]
        self.values, self.phases = values, phases

    @classmethod
    def of(cls, symbol: str, name: str, data: pd.DataFrame) -> "_Column":
        values, phases = data[name].to_numpy(), data[PHASE].to_numpy()
        there = ~np.isnan(values)
        return cls(symbol, name, values[there], phases[there])


def payloads(study: Study) -> list[WritePayload]:
    """Every symbol with its frame."""
    places = {name: code for code, name in enumerate(study.names["phase"])}
    found = []
    for run in study.runs:
        codes = np.array([*(places[name] for name in run.phases), -1], dtype=np.int16)
        hosts: dict[str, list[pd.DataFrame]] = {}
        for hostname, chart, wide in study.series(run):
            hosts.setdefault(hostname, []).append(wide.add_prefix(f"{chart}{BETWEEN}"))
        for hostname, parts in hosts.items():
            frame = pd.concat(parts, axis=1).sort_index()
            frame.insert(0, PHASE, codes[run.phase_of(frame.index.to_numpy())])
            found.append(WritePayload(f"{run.sim_id}/{hostname}", frame))
    return found


def _symbols(study: Study, run: Run) -> list[str]:
    codes = np.unique(study.columns["hostname"][run.place])
    return [f"{run.sim_id}/{study.names['hostname'][code]}" for code in codes]


def _columns(study: Study) -> dict[str, dict[str, str]]:
    """What each column of the wide frames is, by its name."""
    codes = np.stack([study.columns[name] for name in ABOUT_COLUMN], axis=1)
    found = {}
    for row in np.unique(codes, axis=0):
        about = {name: study.names[name][c] for name, c in zip(ABOUT_COLUMN, row, strict=True)}
        found[f"{about['chart']}{BETWEEN}{about['dimension']}"] = about
    return found


def _categoricals(texts: dict[str, list[str]], lengths: list[int]) -> pd.DataFrame:
    """A frame of texts that each stand for so many rows."""
    data = {}
    for name, column in texts.items():
        codes, names = pd.factorize(np.array(column, dtype=object))
        data[name] = pd.Categorical.from_codes(np.repeat(codes.astype(np.int16), lengths), names)
    return pd.DataFrame(data, copy=False)
