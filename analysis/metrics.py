"""What the analysis speaks of: cpu, ram, disk_util, disk_io, net, out of netdata's charts.

A metric is defined once, in `METRICS`; `utilization` reads it from a store, `average` takes the
mean over the hosts of each run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from minion.errors import InvalidData, NotFound
from minion.model import Simulation
from minion.selection import Choice, Selection
from minion.store import Store

COLUMNS = (
    "experiment",
    "platform",
    "sim_id",
    "hostname",
    "role",
    "phase",
    "metric",
    "dimension",
    "unit",
    "elapsed_s",
    "value",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A quantity of a host and how netdata measures it.

    contexts: netdata's contexts that hold it.
    dimensions: ids of the dimensions that it needs; None for all.
    unit: of the metric's values, which need not be the chart's.
    label: for the axis of a chart.
    by_dimension: its dimensions are different quantities, never put together.
    """

    name: str
    contexts: tuple[str, ...]
    dimensions: tuple[str, ...] | None
    unit: str
    label: str
    by_dimension: bool = False


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            name="cpu",
            contexts=("system.cpu",),
            dimensions=("idle",),
            unit="%",
            label="CPU utilization",
        ),
        Metric(
            name="ram",
            contexts=("system.ram",),
            dimensions=("used",),
            unit="%",
            label="RAM utilization",
        ),
        Metric(
            name="disk_util",
            contexts=("disk.util",),
            dimensions=("utilization",),
            unit="%",
            label="Disk utilization",
        ),
        Metric(
            name="disk_io",
            contexts=("system.io",),
            dimensions=("in", "out"),
            unit="KiB/s",
            label="Disk throughput",
            by_dimension=True,
        ),
        Metric(
            name="net",
            contexts=("system.net",),
            dimensions=("InOctets", "OutOctets"),
            unit="kilobits/s",
            label="Network throughput",
            by_dimension=True,
        ),
    )
}
MEMORY_DIMENSIONS = ("free", "used", "cached", "buffers")  # together the whole memory
_DISK_CHART = "disk_util."


def metric_of(name: str) -> Metric:
    """The metric of that name.

    Raises:
        NotFound: there is none; the message lists what there is.
    """
    try:
        return METRICS[name]
    except KeyError:
        raise NotFound(f"no metric {name}; there are: {', '.join(METRICS)}") from None


def utilization(
    store: Store,
    metric: str,
    *,
    ram_mib: float | None = None,
    **choice: Unpack[Choice],
) -> pd.DataFrame:
    """The samples of one metric, a row each; what is missing has no row.

    cpu is 100 - idle; ram is used / total x 100; disk_util is as measured; disk_io and net are
    magnitudes (netdata writes what leaves the host as negative numbers).

    Args:
        store: where the samples are.
        metric: one of `METRICS`.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.
        ram_mib: total memory of every host in MiB; default: what the simulation says of the host,
            else free + used + cached + buffers at each time step.

    Returns:
        experiment, platform, sim_id, hostname, role, phase, metric, dimension, unit
        (categoricals), elapsed_s (seconds since the run's START_SIMULATION), value (in `unit`).
        `dimension` is `utilization` for cpu, `used` for ram, the disk's name for disk_util, and
        netdata's dimension for disk_io and net. Ordered by run, host, chart, dimension and time;
        empty when no selected run has the metric.

    Raises:
        NotFound: a metric, simulation, platform, experiment, host or phase that was named.
        InvalidData: `ram_mib` is not a positive number, or a host's total memory is unknown.
    """
    chosen = metric_of(metric)
    check_memory(ram_mib)
    selection = Selection.of(**choice)
    return utilization_of(store, chosen, selection, store.simulations(selection), ram_mib=ram_mib)


def utilization_of(
    store: Store,
    metric: Metric,
    selection: Selection,
    simulations: Sequence[Simulation],
    *,
    ram_mib: float | None = None,
    after: float | None = None,
) -> pd.DataFrame:
    """`utilization` of simulations that were read already.

    Args:
        store: where the samples are.
        metric: of `METRICS`.
        selection: its hosts and phases are looked at.
        simulations: the runs.
        ram_mib: as of `utilization`.
        after: seconds since the epoch; only stretches that reach behind it are read, whole.
    """
    totals = memory_totals(simulations, ram_mib) if metric.name == "ram" else {}
    summed = metric.name == "ram" and not all(totals.values())
    samples = store.read_samples(
        selection,
        simulations,
        contexts=metric.contexts,
        dimensions=MEMORY_DIMENSIONS if summed else metric.dimensions,
        after=after,
    )
    if metric.name == "ram":
        samples = _share_of_memory(samples, totals)
    return in_own_words(samples, metric)


def check_memory(ram_mib: float | None) -> None:
    """Refuses a total memory that is no positive number."""
    if ram_mib is not None and not (np.isfinite(ram_mib) and ram_mib > 0):
        raise InvalidData(f"a total memory of {ram_mib} MiB; give a positive number")


_HostOfRun = tuple[str, str, str]  # experiment, sim_id, hostname


def memory_totals(
    simulations: Sequence[Simulation], ram_mib: float | None
) -> dict[_HostOfRun, float | None]:
    """Total memory in MiB of each host of each run; None where nobody said it.

    Args:
        simulations: the runs.
        ram_mib: of every host instead.
    """
    return {
        (simulation.experiment, simulation.sim_id, host.hostname): ram_mib or host.ram_mib
        for simulation in simulations
        for host in simulation.measured_hosts
    }


def _share_of_memory(
    samples: pd.DataFrame, totals: Mapping[_HostOfRun, float | None]
) -> pd.DataFrame:
    """The rows of `used`, their values as percentages of the host's memory."""
    keys = ["experiment", "sim_id", "hostname"]
    number = _number(samples, keys)
    _, firsts = np.unique(number, return_index=True)
    hosts = list(samples[keys].iloc[firsts].itertuples(index=False, name=None))
    known = np.array([totals.get(host) or np.nan for host in hosts], dtype=np.float64)
    total = known[number] if len(known) else np.empty(0)
    used = (samples["dimension"] == "used").to_numpy()
    if np.isnan(known).any():
        summed = samples.groupby([number, "elapsed_s"], sort=False)["value"]
        whole = summed.transform("count").to_numpy() == len(MEMORY_DIMENSIONS)
        total = np.where(np.isnan(total) & whole, summed.transform("sum"), total)
        _check_known(hosts, number[used & ~np.isnan(total)])
    kept = used & ~np.isnan(total)
    shares = samples["value"].to_numpy()[kept] / total[kept] * 100
    return samples[kept].assign(value=shares).reset_index(drop=True)


def _check_known(hosts: Sequence[_HostOfRun], found: NDArray[np.int64]) -> None:
    lacking = set(range(len(hosts))) - set(found.tolist())
    if lacking:
        _, sim_id, hostname = hosts[min(lacking)]
        raise InvalidData(
            f"the memory of host {hostname} in simulation {sim_id} is unknown: nobody gave it, and"
            f" its samples lack one of {', '.join(MEMORY_DIMENSIONS)}; give it as ram_mib"
        )


def in_own_words(samples: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Samples of a metric's charts in the metric's own words and unit; see `utilization`."""
    values = samples["value"].to_numpy()
    dimension = samples["dimension"].array
    if metric.name == "cpu":
        values = 100 - values
        dimension = _constant("utilization", len(samples))
    elif metric.name == "disk_util":
        dimension = samples["chart"].cat.rename_categories(_disk).array
    elif metric.by_dimension:
        values = np.abs(values)
    elif metric.name == "ram":
        dimension = _constant("used", len(samples))
    columns = {
        "metric": _constant(metric.name, len(samples)),
        "dimension": dimension,
        "unit": _constant(metric.unit, len(samples)),
        "value": values,
    }
    # Arrays and not columns: these would be held against each other's index.
    kept = {name: samples[name].array for name in COLUMNS if name in samples}
    every = kept | columns
    data = {name: every[name] for name in COLUMNS if name in every}
    return pd.DataFrame(data, index=samples.index, copy=False)


def _constant(text: str, rows: int) -> pd.Categorical:
    categories = pd.Index([text], dtype="str")
    return pd.Categorical.from_codes(np.zeros(rows, dtype=np.int8), categories=categories)


def _disk(chart: str) -> str:
    return chart.removeprefix(_DISK_CHART)


def keeps_dimensions(frame: pd.DataFrame) -> bool:
    """Whether figures of a frame, as `utilization` gives it, must be kept apart by dimension.

    Those of disk_io and net always; those of disk_util when a host has several disks.
    """
    if "metric" not in frame or "dimension" not in frame or frame.empty:
        return False
    name = frame["metric"].iloc[0]
    if name in METRICS and METRICS[name].by_dimension:
        return True
    host = [key for key in ("experiment", "sim_id", "hostname") if key in frame]
    keys = [*host, "dimension"]
    starts = starts_of_equal([as_categorical(frame[key]).codes for key in keys])
    pairs = frame[keys].iloc[starts].drop_duplicates()
    return bool(pairs.duplicated(host).any())


def as_categorical(column: "pd.Series[Any]") -> "pd.Categorical[Any]":
    """A column of names as a categorical, whether it is one or not."""
    array: Any = column.array
    return array if isinstance(array, pd.Categorical) else pd.Categorical(column.astype("str"))


def names_in(column: "pd.Series[Any]") -> list[str]:
    """The names that occur in a column, in order."""
    array = as_categorical(column)
    counts = np.bincount(array.codes[array.codes >= 0], minlength=len(array.categories))
    return sorted(array.categories[counts > 0])


def starts_of_equal(columns: Sequence[NDArray[Any]]) -> NDArray[np.intp]:
    """The first row of each stretch of rows that are equal in all columns.

    Samples of a series stand together: what is asked of names need not be asked of each row.
    """
    rows = len(columns[0])
    starts = np.ones(rows, dtype=np.bool_)
    starts[1:] = False
    for column in columns:
        starts[1:] |= column[1:] != column[:-1]
    return np.flatnonzero(starts)


def average(frame: pd.DataFrame) -> pd.DataFrame:
    """The mean over a run's hosts at each time step.

    The hosts of one run are sampled on grids of their own, so their times are aligned: each is
    moved down to a multiple of the run's step, counted from START_SIMULATION. The step is the
    median distance between a host's samples; of several hosts the largest, so that a host has
    at most a few samples in a step, and counts once with their mean. A step that two phases share
    gives a row for each, with the hosts that are already, or still, in it: averaging a selection of
    phases and selecting from the average are the same. Where no host has several disks, the disks
    of all are averaged whatever their names; `dimension` is `utilization` then.

    Args:
        frame: as `utilization` gives it.

    Returns:
        experiment, platform, sim_id, phase, metric, dimension, unit (categoricals), elapsed_s (the
        start of the step), value (mean of the hosts that have a sample there), hosts (how many
        these are). Ordered by run, dimension and time.
    """
    run = _number(frame, ["experiment", "sim_id"])
    elapsed = frame["elapsed_s"].to_numpy()
    series = _number(frame, ["experiment", "sim_id", "hostname", "dimension"])
    step = _steps(series, run, elapsed)[run]
    # A microsecond is far above what a double of the epoch loses, far below any step.
    start = np.where(np.isnan(step), elapsed, np.floor((elapsed + 1e-6) / step) * step)
    order = np.argsort(elapsed, kind="stable")
    aligned = frame.assign(elapsed_s=start).iloc[order]
    if len(frame["dimension"].unique()) > 1 and not keeps_dimensions(frame):
        aligned["dimension"] = _constant("utilization", len(frame))
    keys = [name for name in COLUMNS if name not in ("hostname", "role", "value")]
    by_host = _mean(aligned, [*keys, "hostname"])
    result = _mean(by_host, keys).rename(columns={"rows": "hosts"})
    result = result.sort_values(["experiment", "sim_id", "dimension", "elapsed_s"], kind="stable")
    return result[[*keys, "value", "hosts"]].reset_index(drop=True)


def _number(frame: pd.DataFrame, keys: list[str]) -> NDArray[np.int64]:
    numbers = frame.groupby(keys, observed=True, sort=False).ngroup()
    return np.asarray(numbers, dtype=np.int64)


def _mean(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The mean `value` of each group and its `rows`, in the order in which groups appear."""
    values = frame.groupby(keys, observed=True, sort=False, dropna=False)["value"]
    return pd.DataFrame({"value": values.mean(), "rows": values.size()}).reset_index()


def _steps(
    series: NDArray[np.int64], run: NDArray[np.int64], elapsed_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The step of each run in seconds; NaN for a run whose hosts have one sample each."""
    order = np.lexsort((elapsed_s, series))
    distance = np.diff(elapsed_s[order])
    inside = (np.diff(series[order]) == 0) & (distance > 0)
    distances = pd.Series(distance[inside]).groupby(series[order][1:][inside]).median()
    _, firsts = np.unique(series, return_index=True)
    largest = distances.round(6).groupby(run[firsts][distances.index]).max()
    return largest.reindex(range(run.max(initial=-1) + 1)).to_numpy(dtype=np.float64)
