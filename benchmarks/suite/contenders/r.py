"""The study's way in R: read each run's samples, bind them, group_by and summarise (dplyr).

R reads what its users get: the flat documents of `system.cpu`, a file of JSON lines a run, as
mongoexport writes them; or the same columns as CSV. Both hold all ten dimensions, as the study's
own script asks for.
"""

# ruff: noqa: D102  the base class says what each method does

import csv
import json
import subprocess
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from contenders.base import Contender, Place, folder_bytes
from contenders.flat import documents
from jobs import METRICS, STATISTICS

SCRIPT = Path(__file__).with_name("pipeline.R")
CSV_COLUMNS = ("hostname", "chart_name", "units", "id", "value", "timestamp")


class R(Contender):
    """A new Rscript each time. Its clock runs inside, after R and its packages have started."""

    def __init__(self, place: Place, form: str) -> None:
        super().__init__(place)
        self.form = form

    def facts(self) -> dict[str, str]:
        say = "cat(as.character(getRversion()), as.character(packageVersion('dplyr')),"
        say += " as.character(packageVersion('jsonlite')))"
        command = ["Rscript", "--vanilla", "-e", say]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return dict(zip(("R", "dplyr", "jsonlite"), said.split(), strict=True))

    def fill(self) -> None:
        folder = self.fresh(self.stored)
        starts = [run.start for run in self.study.runs]
        context = METRICS["cpu"][0]
        mine = (d for d in documents(self.study) if d["chart_context"] == context)
        for place, rows in groupby(
            mine, key=lambda d: int(np.searchsorted(starts, d["timestamp"], side="right")) - 1
        ):
            path = folder / f"{self.study.runs[place].sim_id}.{self.form}"
            with path.open("w", newline="") as file:
                if self.form == "json":
                    file.writelines(json.dumps(row) + "\n" for row in rows)
                else:
                    writer = csv.writer(file)
                    writer.writerow(CSV_COLUMNS)
                    writer.writerows(map(itemgetter(*CSV_COLUMNS), rows))
        valid = "\n".join(run.sim_id for run in self.study.valid)
        (folder / "runs.txt").write_text(valid + "\n")

    def metric(self) -> dict[str, Any]:
        answer = self.folder / "answer.json"
        command = ["Rscript", "--vanilla", SCRIPT, self.form, self.stored, answer]
        start = perf_counter()
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        whole = perf_counter() - start
        found = json.loads(answer.read_text())
        inside = float(found["seconds"])
        self.timed.seconds, self.timed.notes = inside, {"start-up": whole - inside}
        return {name: np.array(found["table"][name], dtype=np.float64) for name in STATISTICS}

    def bytes_on_disk(self) -> dict[str, int]:
        return {"data, CPU only": folder_bytes(self.stored)}
