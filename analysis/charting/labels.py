"""What a frame holds, in words for a chart: its metric and unit, its runs, its title."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from analysis.metrics import METRICS
from analysis.quantities import DURATION
from minion.errors import InvalidData

ELAPSED = "elapsed time in s"

# netdata's dimensions in words.
_DIMENSIONS = {
    ("disk_io", "in"): "read (in)",
    ("disk_io", "out"): "written (out)",
    ("net", "InOctets"): "received (InOctets)",
    ("net", "OutOctets"): "sent (OutOctets)",
}


def one_metric(frame: pd.DataFrame, *needed: str) -> tuple[str, str]:
    """The label and the unit of the frame's only metric.

    Raises:
        InvalidData: the frame lacks one of the columns `needed`, has no value, or several metrics.
    """
    has_values(frame, "value", *needed, "platform", "metric", "unit")
    names = [str(name) for name in frame["metric"].unique()]
    if len(names) > 1:
        raise InvalidData(f"the frame holds several metrics ({', '.join(names)}); draw one")
    label = METRICS[names[0]].label if names[0] in METRICS else names[0]
    return label, str(frame["unit"].iloc[0])


def has_values(frame: pd.DataFrame, value: str, *needed: str) -> None:
    """Nothing, for a frame that can be drawn.

    Raises:
        InvalidData: the frame lacks a column, or has no value.
    """
    for column in (value, *needed):
        if column not in frame:
            there = ", ".join(map(str, frame.columns))
            raise InvalidData(f"the frame has no column {column!r}; it has: {there}")
    if not np.isfinite(frame[value].to_numpy(dtype=np.float64)).any():
        raise InvalidData("there is nothing to draw: no run of the selection has such values")


def one_experiment(frame: pd.DataFrame) -> None:
    """Nothing, for a frame of one experiment: runs are only compared inside one.

    Raises:
        InvalidData: it holds several.
    """
    names = [str(name) for name in frame["experiment"].unique()]
    if len(names) > 1:
        raise InvalidData(f"the frame holds several experiments ({', '.join(names)}); draw one")


def one_of(option: str, value: str, there: Sequence[str]) -> None:
    """Nothing, for a word that an option knows.

    Raises:
        InvalidData: it does not; the message lists those that it knows.
    """
    if value not in there:
        raise InvalidData(f"{option} {value!r}; there are: {', '.join(there)}")


def quantity_name(metric: str, dimension: str = "") -> str:
    """What is measured: "CPU utilization", "Disk throughput, read (in)", "Duration"."""
    if metric == DURATION:
        return "Duration"
    name = METRICS[metric].label if metric in METRICS else metric
    return f"{name}, {_DIMENSIONS.get((metric, dimension), dimension)}" if dimension else name


def in_a_sentence(metric: str) -> str:
    """The same inside of a sentence: "CPU utilization", "disk throughput", "duration"."""
    name = quantity_name(metric)
    if metric in METRICS or metric == DURATION:
        return name if name[1].isupper() else f"{name[0].lower()}{name[1:]}"
    return name


def counted(number: int, name: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {name}{'s' * (number != 1)}"


class RunNames:
    """The name of a run: its sim_id, with what else tells it from the others of the frame."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.experiments = len(frame["experiment"].unique()) > 1
        self.platforms = len(frame["platform"].unique()) > 1

    def of(self, experiment: str, platform: str, sim_id: str) -> str:
        """The name of this run."""
        name = f"{experiment} / {sim_id}" if self.experiments else sim_id
        return f"{name} ({platform})" if self.platforms else name


def titled(text: str, notes: Sequence[str], *, simulated: bool) -> alt.TitleParams:
    """A title over notes; simulated data are called so first."""
    return alt.TitleParams(text, subtitle=[*(["Simulated data"] if simulated else []), *notes])
