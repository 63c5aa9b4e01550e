"""The published study of Kubernetes, MicroK8s and K3s, step by step.

python kns_study.py [EXPERIMENT] [FOLDER]

Reads the store of MINION_MONGODB_URI, or the embedded one. `minion ingest kns SOURCE` fills
experiment `kns` from the study's database or a dump of it; `minion demo` fills `demo`.
FOLDER gets the charts and, as CSV, the tables.
"""

from collections.abc import Mapping
from pathlib import Path

import altair as alt
import pandas as pd
from shared import start

import analysis
import minion

# The runs of each platform, and those that the study left out because of broken connectivity.
RUNS = {"K8s": "1000-1026", "mK8s": "5000-5025", "K3s": "3050-3076"}
BROKEN = {"1023", "1025", "5013", "3057", "3058"}
RAM_MIB = 3936  # of each host

Frames = Mapping[str, pd.DataFrame]


def valid_runs(store: minion.Store, experiment: str) -> list[str]:
    """The sim_ids of all platforms' runs without the broken ones."""
    # get.simulation, once for each number: a selection names all of them. An import that finds a
    # run broken has excluded it already; the study's own list is applied on top of that.
    runs = minion.Selection.of(experiment=experiment, platform=RUNS, sims=RUNS.values())
    return [run.sim_id for run in store.simulations(runs) if run.sim_id not in BROKEN]


def utilization(store: minion.Store, experiment: str, sims: list[str]) -> Frames:
    """Utilization in %, a frame for each metric, with platform and role beside each sample."""
    # get.hosts, get.events.by.hosts.oid, then get.system.metrics with the first and the last event
    # (which is get.netdata.metrics for each host and chart), bound by rbind and joined with the
    # hosts for their role. What `store.minion(sim_id)` gives is that packet of one run.
    # Utilization is 100 - idle for the processors, used / total memory, and the disk's own.
    return {
        "cpu": analysis.utilization(store, "cpu", experiment=experiment, sims=sims),
        "ram": analysis.utilization(
            store, "ram", experiment=experiment, sims=sims, ram_mib=RAM_MIB
        ),
        "disk_util": analysis.utilization(store, "disk_util", experiment=experiment, sims=sims),
    }


def facets(frames: Frames, *, simulated: bool) -> dict[tuple[str, str], alt.FacetChart]:
    """The facet plot of each metric and platform: a row per simulation, a column per host."""
    # ggplot's facet_grid(sim_id ~ hostname), colour by role. Each is drawn from the rows of its
    # own platform, chosen by the platform's name: the published memory plot of MicroK8s was drawn
    # from the frame of Kubernetes.
    return {
        (metric, platform): analysis.charts.facet(
            frame[frame["platform"] == platform],
            title=f"{metric} of each simulation and host: {platform}",
            simulated=simulated,
        )
        for metric, frame in frames.items()
        for platform in RUNS
    }


def summaries(frames: Frames) -> Frames:
    """Range, quartiles, mean and deviation of each metric by platform, host and simulation."""
    # dplyr's group_by(hostname, sim_id) and summarise(min, max, median, quantile, mean, sd).
    # These are over samples, as published; over="runs" takes the run as the unit.
    by = ["platform", "hostname", "sim_id"]
    return {metric: analysis.summary(frame, by) for metric, frame in frames.items()}


def events(store: minion.Store, experiment: str, sims: list[str]) -> pd.DataFrame:
    """The table of simulation events: start and end of the twelve phases of each run."""
    # get.events.by.hosts.oid of the controller, each timestamp less that of START_SIMULATION.
    return analysis.simulation_events(store, experiment=experiment, sims=sims)


def main(experiment: str = "kns", folder: str = ".") -> None:
    """Write nine charts and four tables, print the means of each platform."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    # db.connect; leaving the block is db.disconnect.
    with minion.connect() as store:
        sims = valid_runs(store, experiment)
        simulated = any(store.simulation(sim, experiment).simulated for sim in sims)
        print(f"{len(sims)} runs{', simulated' if simulated else ''}")
        frames = utilization(store, experiment, sims)
        table = events(store, experiment, sims)
    for (metric, platform), chart in facets(frames, simulated=simulated).items():
        analysis.charts.save(chart, out / f"{metric}-{platform}.html")
    for metric, summary in summaries(frames).items():
        summary.to_csv(out / f"{metric}.csv", index=False)
        print(f"\n{metric}: mean in % over runs")
        print(analysis.summary(frames[metric], ["platform", "role"], over="runs").to_string())
    table.to_csv(out / "events.csv", index=False)
    print(f"\nwritten: charts, summaries and events in {out}")


if __name__ == "__main__":
    start(main, __doc__, 0, 2)
