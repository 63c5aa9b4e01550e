"""The benchmarks run from end to end on little data; how long anything takes is not looked at."""

import importlib
import json
import runpy
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
JOBS = ["(1) write", "(2) one", "(3) metric", "(4) everything", "(5) run values", "(6) report"]
# Those whose packages come with the project, so they take part everywhere.
ALWAYS = {
    "Minion",
    "Minion, without its native decoder",
    "flat documents, pymongo",
    "MongoDB time-series collection",
    "Parquet, pandas, a file a run",
    "Parquet, pandas, one file by metric",
    "limit: numpy.load of the columns",
    "limit: a copy in memory",
}
WHERE_INSTALLED = {
    "flat documents, pymongoarrow",
    "Parquet, polars, a file a run",
    "Parquet, polars, one file by metric",
    "Parquet, duckdb, a file a run",
    "Parquet, duckdb, one file by metric",
    "Parquet, polars, a file a run, to pandas",
    "Parquet, duckdb, a file a run, to pandas",
    "ArcticDB on LMDB",
    "R, dplyr, flat documents",
    "R, dplyr, CSV",
}


def run(script, *arguments):
    command = [sys.executable, BENCHMARKS / script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def table(text, title):
    """The rows of the table under a heading, cells by column, rows by their first cell."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.split(f"## {title}", 1)[1].split("\n##", 1)[0].splitlines()
        if line.startswith("|")
    ]
    heads, _, *rows = lines
    return heads[1:], {row[0]: dict(zip(heads[1:], row[1:], strict=True)) for row in rows}


@pytest.mark.system
def test_the_suite_has_a_row_for_each_contender(tmp_path):
    out, raw = tmp_path / "results.md", tmp_path / "times.json"
    ended = run("suite", "--quick", "--runs", "1", "--out", out, "--json", raw)
    assert ended.returncode == 0, ended.stderr
    assert out.read_text().strip() == ended.stdout.strip()

    jobs, rows = table(ended.stdout, "Seconds")
    assert jobs == JOBS
    assert set(rows) == ALWAYS | WHERE_INSTALLED
    for name, row in rows.items():
        lacking = "not installed" in row["(1) write"]
        assert not (lacking and name in ALWAYS), row
        assert lacking or row["(3) metric"] or row["(4) everything"], name
    assert all(rows["Minion"].values())

    _, ratios = table(ended.stdout, "Times as long")
    assert set(ratios["Minion"].values()) == {"1 x"}
    _, aims = table(ended.stdout, "Aims")
    assert {row[""] for row in aims.values()} <= {"met", "missed", "not measured"}
    times = json.loads(raw.read_text())
    assert len(times["minion"]["seconds"]["everything"]) == 1


def test_contenders_of_another_answer_are_told_apart():
    jobs = runpy.run_path(str(BENCHMARKS / "suite" / "jobs.py"))
    frame = pd.DataFrame({"value": [1.0, 2.0, 4.0], "elapsed_s": [0.0, 5.0, 10.0]})
    for name in jobs["LABELS"]:
        frame[name] = pd.Categorical(["a", "b", "b"])

    def differences(other):
        found = jobs["differences"](*(jobs["totals"]("everything", f) for f in (frame, other)))
        return found or jobs["differences"](*(jobs["labels"](f) for f in (frame, other)))

    assert differences(frame.iloc[::-1]) == []
    assert differences(frame.assign(value=[1.0, 2.0, 4.0001]))
    assert differences(frame.iloc[1:])
    assert differences(frame.assign(phase=["b", "b", "a"])) == []
    assert differences(frame.assign(phase=["b", None, "a"])) == ["phase b: 2.0 and 1.0"]


@pytest.mark.system
def test_an_unknown_contender_is_a_usage_error():
    ended = run("suite", "--quick", "--only", "minion,nobody")
    assert ended.returncode == 2
    assert "no nobody; there are: minion, " in ended.stderr


@pytest.mark.system
def test_growth_has_a_column_for_each_size(tmp_path):
    ended = run("growth.py", "--sizes", "9,12", "--repetitions", "1", "--out", tmp_path)
    assert ended.returncode == 0, ended.stderr
    text = (tmp_path / "growth.md").read_text()
    assert "|  | 9 runs | 12 runs |" in text
    for job in ("write", "one", "metric", "run values, samples read", "run values", "compare"):
        row = next(line for line in text.splitlines() if line.startswith(f"| {job} |"))
        assert row.count(" MiB (+") == 2
    assert (tmp_path / "growth.svg").read_text().startswith("<svg")


def test_more_runs_than_a_study_has_come_from_further_seeds(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    jobs = importlib.import_module("growth_jobs")
    monkeypatch.setattr(jobs, "MOST_RUNS", 2)
    runs = [run for run, _ in jobs.simulated(15)]
    valid = [run for run in runs if run.validity.verdict != "excluded"]
    assert Counter(run.platform for run in valid) == {"K8s": 5, "mK8s": 5, "K3s": 5}
    assert [run.parameters["seed"] for run in valid] == [1] * 6 + [2] * 6 + [3] * 3
    assert len({run.sim_id for run in runs}) == len({run.id for run in runs}) == len(runs)
    assert all(earlier.end < later.start for earlier, later in pairwise(runs))
    for run, series in jobs.simulated(15):
        assert all(one.times[0] >= run.start and one.times[-1] < run.end for one in series)
