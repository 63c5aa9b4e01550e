"""Compare platforms: durations, what the hosts did, and which claims that supports.

python compare_platforms.py [EXPERIMENT] [FOLDER]

Reads the store of MINION_MONGODB_URI, or the embedded one; `minion demo` fills experiment `demo`.
"""

from pathlib import Path

from shared import start

import analysis
import minion


def main(experiment: str = "demo", folder: str = ".") -> None:
    """Print two tables and write two charts."""
    out = Path(folder)
    with minion.connect() as store:
        # One value per run: the run is the unit, its samples are not independent of each other.
        durations = analysis.durations(store, experiment=experiment)
        print("Seconds a phase, over runs:")
        print(
            analysis.summary(durations, by=["phase", "platform"], value="duration_s", over="runs")
        )

        cpu = analysis.utilization(store, "cpu", experiment=experiment)
        print("\nCPU utilization in %, over runs:")
        print(analysis.summary(cpu, by=["phase", "platform"], over="runs"))
        print("\nHow much of it lies between runs, how much within them:")
        print(analysis.within_between(cpu))

        for metric, margin in (("duration", "5%"), ("cpu", "0.5 points")):
            comparison = analysis.compare(store, metric, margin=margin, experiment=experiment)
            print(f"\n{comparison.headline}")
            print(*comparison.sentences, *comparison.remarks, sep="\n")

        simulated = all(run.simulated for run in store.simulations())
        first = cpu[cpu["sim_id"].isin(cpu["sim_id"].unique()[:3])]
        for name, chart in (
            ("durations.html", analysis.charts.durations(durations, simulated=simulated)),
            ("cpu.html", analysis.charts.facet(first, simulated=simulated)),
        ):
            analysis.charts.save(chart, out / name)
            print(f"\nwritten: {out / name}")


if __name__ == "__main__":
    start(main, __doc__, 0, 2)
