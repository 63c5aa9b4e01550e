"""What a result stands on: its runs, what was left out, its input, the program, the options."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from analysis.quantities import Quantity
from minion.model import Simulation, Verdict
from minion.selection import Selection
from minion.store import Store


def provenance(
    levels: Mapping[str, Sequence[Simulation]],
    excluded: Sequence[Simulation],
    quantities: Sequence[Quantity],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Plain values that say what a result stands on.

    Args:
        levels: the runs, by platform or level of a factor.
        excluded: the runs of the selection that were left out.
        quantities: the values that went in.
        options: what was asked for.

    Returns:
        experiment, runs (ids by level), excluded (id to reasons), sha256 (of all values), version,
        reduced (where samples were reduced, by quantity), options.
    """
    first = next(iter(levels.values()))[0]
    return {
        "experiment": first.experiment,
        "runs": {level: [s.sim_id for s in runs] for level, runs in levels.items()},
        "excluded": {s.sim_id: list(s.validity.reasons) for s in excluded},
        "sha256": hash_of(q.runs.values for q in quantities),
        "version": version("minion"),
        "reduced": {q.name: q.reduced for q in quantities if q.reduced},
        "options": dict(options),
    }


def hash_of(frames: Iterable[pd.DataFrame]) -> str:
    """The SHA-256 of values of runs, one quantity after the other, as hexadecimal digits.

    Args:
        frames: a quantity each, as `analysis.values.combined` gives its values.
    """
    digest = hashlib.sha256()
    for values in frames:
        texts = values.drop(columns=["n", "hosts", "value"]).astype("str")
        digest.update(texts.to_csv(index=False).encode())
        digest.update(np.ascontiguousarray(values["value"], dtype="<f8").tobytes())
    return digest.hexdigest()


def excluded_runs(store: Store, selection: Selection) -> list[Simulation]:
    """The runs of a selection that are left out because they are excluded."""
    if selection.include_excluded:
        return []
    wide = store.simulations(replace(selection, include_excluded=True))
    return [s for s in wide if s.validity.verdict is Verdict.EXCLUDED]
