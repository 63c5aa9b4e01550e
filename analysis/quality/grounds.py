"""What a check stands on: the runs and values that it looked at, and what its series are worth."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.comparing.comparability import PLATFORM, levels_of
from analysis.comparing.provenance import provenance
from analysis.metrics import METRICS
from analysis.quality.findings import Runs
from analysis.quality.idle import steadiness
from minion.errors import NotFound
from minion.lifecycle import TOTAL
from minion.model import Simulation, Verdict
from minion.selection import Texts, words

_RUN = ["experiment", "sim_id"]


def grounds(
    runs: Runs, table: pd.DataFrame, options: Mapping[str, Any]
) -> tuple[dict[str, Any], ...]:
    """What the check of each experiment stands on.

    Args:
        runs: of the check.
        table: the cells of every metric, as `analysis.quality.cells.cells` gives them.
        options: what was asked for.

    Returns:
        For each experiment the plain values of `analysis.comparing.provenance.provenance`. Its runs
        are all that were looked at, `excluded` those of them that are excluded; `sha256` is of the
        hosts, events and missing windows, of what is stored and of the cells.
    """
    by_experiment: dict[str, list[Simulation]] = {}
    for simulation in runs.simulations:
        by_experiment.setdefault(simulation.experiment, []).append(simulation)
    return tuple(
        {
            **provenance(
                levels_of(simulations, PLATFORM)[0],
                [s for s in simulations if s.validity.verdict is Verdict.EXCLUDED],
                [],
                options,
            ),
            "sha256": _hash(simulations, [_of(runs.charts, name), _of(table, name)]),
        }
        for name, simulations in by_experiment.items()
    )


def metrics_of(names: Texts) -> tuple[str, ...]:
    """The names of metrics that were given.

    Raises:
        NotFound: no metric has such a name.
    """
    given = words(names)
    for name in given:
        if name not in METRICS:
            raise NotFound(f"no metric {name}; there are: {', '.join(METRICS)}")
    return given


def steady(frame: pd.DataFrame, phases: Sequence[str]) -> pd.DataFrame:
    """How steady the series of a metric are, and what their samples are worth.

    Args:
        frame: as `utilization` gives it.
        phases: those that were named; without any, all that have "idle" in their name.

    Returns:
        metric, unit, dimension (empty where the metric keeps none), and the columns of
        `analysis.quality.idle.steadiness`.
    """
    there = set(frame["phase"].dropna().astype(str))
    named = [name for name in phases if name != TOTAL.name]
    found = steadiness(frame, phases=[name for name in named if name in there] if named else None)
    if "dimension" not in found:
        found["dimension"] = ""
    texts = {name: frame[name].iloc[0] if len(frame) else "" for name in ("metric", "unit")}
    keys = [*_RUN, "platform", "hostname", "role", "phase", "dimension"]
    rest = [name for name in found if name not in keys]
    return found.assign(**texts)[[*keys[:5], "metric", "unit", *keys[5:], *rest]]


def _of(frame: pd.DataFrame, experiment: str) -> pd.DataFrame:
    return frame[(frame["experiment"] == experiment).to_numpy()]


def _hash(simulations: Sequence[Simulation], frames: Sequence[pd.DataFrame]) -> str:
    """The SHA-256 of runs and of frames about them, as hexadecimal digits."""
    digest = hashlib.sha256()
    for run in simulations:
        digest.update(repr((run.sim_id, run.platform, run.hosts, run.events, run.missing)).encode())
    for frame in frames:
        # What is unknown of another experiment's charts makes objects of these numbers.
        inferred = frame.infer_objects()
        numbers = inferred.select_dtypes("number")
        digest.update(
            inferred.drop(columns=numbers.columns).astype("str").to_csv(index=False).encode()
        )
        digest.update(numbers.to_numpy(dtype="<f8").tobytes())
    return digest.hexdigest()
