"""Where samples become values of hosts: on MongoDB's server, or here, all at once or in batches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bson import ObjectId

from analysis.metrics import Metric, memory_totals, metric_of
from minion.model import Simulation
from minion.store import Store

Name = Literal["local", "batches", "server"]
LOCAL: Name = "local"
BATCHES: Name = "batches"
SERVER: Name = "server"
WAYS = (LOCAL, BATCHES, SERVER)

BATCH = 2_000_000  # samples of a metric that are read at once: about 300 MB while it is reduced


@dataclass(frozen=True, slots=True)
class Way:
    """How a selection is reduced.

    name: `server` (MongoDB reduces), `batches` (samples are read, some runs at a time) or `local`
        (all at once).
    reason: why, a sentence.
    """

    name: Name
    reason: str


def choose(
    store: Store,
    simulations: Sequence[Simulation],
    metric: str,
    *,
    quantile: float | None = None,
    ram_mib: float | None = None,
) -> Way:
    """The way in which `host_values` reduces these simulations, unless it is told another.

    Measured by `benchmarks/reductions.py` on one machine with its server: means from the server
    take 0.6 to 1.2 of the time of reading the samples, quantiles 1 to 2 times that. On a cluster
    the shards share that work, so it is theirs.

    Args:
        store: where the samples are.
        simulations: the runs.
        metric: one of `analysis.metrics.METRICS`.
        quantile, ram_mib: as of `host_values`.

    Raises:
        NotFound: no such metric.
    """
    chosen = metric_of(metric)
    count = sum(count_of(store, simulations, chosen).values())
    size = f"{count:,} samples of {metric}"
    if metric == "ram" and not all(memory_totals(simulations, ram_mib).values()):
        why = f"{size}; the memory of a host is unknown, so it is added up from its samples"
    elif quantile is None:
        return Way(SERVER, f"{size}; MongoDB gives means at least as fast as it gives samples")
    elif not store.sorts_arrays:
        why = f"{size}; MongoDB {store.version} cannot sort them for a quantile"
    elif store.is_sharded:
        return Way(SERVER, f"{size}; each shard of the cluster sorts its own for a quantile")
    else:
        why = f"{size}; they are read faster than one server sorts them for a quantile"
    if count <= BATCH:
        return Way(LOCAL, f"{why}, and all are read at once")
    return Way(BATCHES, f"{why}, and no more than {BATCH:,} of them at once")


def count_of(
    store: Store, simulations: Sequence[Simulation], metric: Metric
) -> Mapping[ObjectId, int]:
    """About how many samples of a metric each simulation has, by its id."""
    return store.count_samples(
        simulations, contexts=metric.contexts, dimensions=metric.dimensions or ()
    )
