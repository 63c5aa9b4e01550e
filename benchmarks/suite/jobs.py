"""What every contender does, and how the answers of two of them are held against each other."""

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

import numpy as np
import pandas as pd

JOBS: Mapping[str, str] = {
    "write": "everything written",
    "one": "one simulation, all metrics, into a tidy frame",
    "metric": "CPU utilization of every valid run, summarized by host and simulation",
    "everything": "everything into a tidy frame",
    "run_values": "one value per run and phase of all five metrics, out of the samples",
    "report": "the whole report",
}
STATISTICS = ("n", "min", "max", "median", "q25", "q75", "mean", "sd")
LABELS = ("platform", "sim_id", "hostname", "phase", "context", "dimension")

# What each metric is made of: netdata's context, its dimensions.
METRICS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "cpu": ("system.cpu", ("idle",)),
    "ram": ("system.ram", ("used",)),
    "disk_util": ("disk.util", ("utilization",)),
    "disk_io": ("system.io", ("in", "out")),
    "net": ("system.net", ("InOctets", "OutOctets")),
}

Totals = dict[str, float]


def totals(job: str, result: Any) -> Totals:
    """Numbers that tell two answers to a job apart.

    Args:
        job: a name of `JOBS`.
        result: a number of samples for `write` and `report`; else anything with columns by name.
    """
    if job in ("write", "report"):
        return {"samples": float(result)}
    if job == "metric":
        return {name: _sum(result[name]) for name in STATISTICS} | {"rows": _rows(result, "n")}
    found = {"rows": _rows(result, "value"), "value": _sum(result["value"])}
    if job == "run_values":
        squares = np.square(np.asarray(result["value"], dtype=np.float64))
        return found | {
            "squares": float(squares.sum()),
            "n": _sum(result["n"]),
            "hosts": _sum(result["hosts"]),
        }
    return found | {"elapsed_s": _sum(result["elapsed_s"])}


def labels(result: Any) -> Totals:
    """How many rows of a tidy frame have each label."""
    found: Totals = {}
    for name in LABELS:
        column = pd.Series(np.asarray(result[name], dtype=object))
        counts = column[column != ""].value_counts()
        found |= {f"{name} {text}": float(count) for text, count in counts.items()}
    return found


def differences(mine: Totals, theirs: Totals) -> Sequence[str]:
    """Where two answers differ, in words; empty when they are the same to nine digits."""
    return [
        f"{name}: {mine.get(name)} and {theirs.get(name)}"
        for name in sorted(mine.keys() | theirs.keys())
        if not isclose(mine.get(name, np.nan), theirs.get(name, np.nan), rel_tol=1e-9, abs_tol=1e-6)
    ]


def _rows(result: Any, column: str) -> float:
    return float(len(np.asarray(result[column])))


def _sum(column: Any) -> float:
    return float(np.asarray(column, dtype=np.float64).sum())
