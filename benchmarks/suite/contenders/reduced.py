"""The two reductions in pandas, for contenders that end in a pandas frame."""

import pandas as pd
from columns import Study
from jobs import METRICS, STATISTICS

RUN_VALUES = ["platform", "sim_id", "phase", "dimension"]


def summarized(frame: pd.DataFrame, statistics: tuple[str, ...] = STATISTICS) -> pd.DataFrame:
    """Eight figures of `value` by host and simulation."""
    groups = frame.groupby(["hostname", "sim_id"], observed=True)["value"]
    found = groups.agg(n="size", min="min", max="max", median="median", mean="mean", sd="std")
    quartiles = groups.quantile([0.25, 0.75]).unstack()  # noqa: PD010  there is one value each
    return found.assign(q25=quartiles[0.25], q75=quartiles[0.75])[list(statistics)]


def run_values(metric: str, samples: pd.DataFrame, study: Study) -> pd.DataFrame:
    """One value per run and phase: the mean of each host's samples, then of the hosts' values.

    Args:
        metric: a name of `METRICS`.
        samples: platform, sim_id, hostname, phase, dimension, value: as netdata has them.
        study: what phases are compared, and how much memory a host has.
    """
    frame = samples[samples["phase"].isin(study.compared)]
    frame = frame.assign(value=in_its_unit(metric, frame["value"], study.ram_mib))
    hosts = frame.groupby([*RUN_VALUES, "hostname"], observed=True, sort=False)["value"]
    means = pd.DataFrame({"n": hosts.size(), "value": hosts.mean()}).reset_index()
    runs = means.groupby(RUN_VALUES, observed=True, sort=False)
    values = runs.agg(n=("n", "sum"), hosts=("value", "size"), value=("value", "mean"))
    values = values.reset_index()
    # A run that lacks one of its hosts in a phase has no value there.
    expected = means.groupby("sim_id", observed=True)["hostname"].nunique()
    return values[values["hosts"] == values["sim_id"].map(expected).astype("int64")]


def in_its_unit(metric: str, values: "pd.Series[float]", ram_mib: float) -> "pd.Series[float]":
    """What netdata measured as the analysis speaks of it."""
    if metric == "cpu":
        return 100 - values
    if metric == "ram":
        return values / ram_mib * 100
    return values if metric == "disk_util" else values.abs()


def wanted() -> list[tuple[str, list[str]]]:
    """The contexts and dimensions of all metrics."""
    return [(context, list(dimensions)) for context, dimensions in METRICS.values()]
