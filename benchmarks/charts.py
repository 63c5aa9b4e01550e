"""How long charts of the simulated study take, how large they are, and what thinning costs.

    python benchmarks/charts.py [--runs 25] [--ggplot]

The facet of one metric (each run and host) is drawn with several numbers of points a line; beside
them stands R's ggplot2 with every sample, where it is installed and `--ggplot` is given. Sizes are
those of the specification and of the files; the error is that of `reduction_error`, in pixels of a
panel 46 high.
"""

import argparse
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import altair as alt
import pandas as pd

import minion
from analysis import charts, compare, durations, utilization, variance
from analysis.values import run_values
from ingest.simulated import study
from minion.server import Server

POINTS = (80, 160, 320, 440)
TOP = 60.0  # per cent: the upper end of the value axis

_GGPLOT = """
suppressMessages(library(ggplot2))
read <- system.time(d <- read.csv("samples.csv"))[["elapsed"]]
draw <- system.time({
  p <- ggplot(d, aes(elapsed_s, value, colour = role)) + geom_line(linewidth = 0.3) +
    facet_grid(sim_id ~ hostname) + ylim(0, 60)
  ggsave(out, p, width = 11, height = 0.5 * length(unique(d$sim_id)), limitsize = FALSE, dpi = 150)
})[["elapsed"]]
cat(read, draw)
"""


def main() -> None:
    """Print tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=25, help="valid runs of each platform")
    parser.add_argument("--ggplot", action="store_true", help="R's ggplot2 beside")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Server.use(Path(folder, "home")) as server,
        minion.connect(server.uri) as store,
    ):
        for simulation, series in study(runs=options.runs):
            store.put(simulation, series)
        took = durations(store, include_gaps=True)
        frame = utilization(store, "cpu")
        starts = {(s.experiment, s.sim_id): s.start or 0.0 for s in store.simulations()}
        _facets(frame, took, Path(folder))
        _others(store, frame, took, starts)
        if options.ggplot:
            _ggplot(frame, Path(folder))


def _facets(frame: pd.DataFrame, took: pd.DataFrame, folder: Path) -> None:
    lines = frame.groupby(["sim_id", "hostname"], observed=True).ngroups
    print(f"facet of {len(frame):,} samples, {lines} lines")
    print("points   spec s   spec MB   svg s   svg MB   off, mean px   of the worst line   95 % of")
    for points in POINTS:
        begin = perf_counter()
        chart = charts.facet(frame, phases=took, points=points, top=TOP)
        spec = json.dumps(chart.to_dict(), separators=(",", ":"))
        made = perf_counter()
        svg = charts.save(chart, folder / "facet.svg")
        seconds = perf_counter() - made
        error = charts.reduction_error(frame, points=points, top=TOP)["mean_px"]
        print(
            f"{points:6} {made - begin:8.2f} {len(spec) / 1e6:9.2f} {seconds:7.1f}"
            f" {svg.stat().st_size / 1e6:8.1f} {error.mean():14.2f} {error.max():19.2f}"
            f" {error.quantile(0.95):9.2f}"
        )


def _others(
    store: minion.Store,
    frame: pd.DataFrame,
    took: pd.DataFrame,
    starts: dict[tuple[str, str], float],
) -> None:
    values = run_values(frame, whole_run=True).assign(metric="cpu")
    first = str(frame["sim_id"].iloc[0])
    found, shares = compare(store, "cpu"), variance(store, "cpu")
    jobs: dict[str, Callable[[], alt.TopLevelMixin]] = {
        "durations": lambda: charts.durations(took),
        "timeline": lambda: charts.timeline(took),
        "utilization": lambda: charts.utilization(frame),
        "course over time": lambda: charts.course(frame),
        "course over phases": lambda: charts.course(frame, align="phase", phases=took),
        "heat": lambda: charts.heat(frame, first, phases=took),
        "autocorrelation": lambda: charts.autocorrelation(frame),
        "drift": lambda: charts.drift(values, starts),
        "differences": lambda: charts.differences(found),
        "variances": lambda: charts.variances(shares),
    }
    print("\nchart                  made s   spec kB")
    for name, job in jobs.items():
        begin = perf_counter()
        spec = json.dumps(job().to_dict(), separators=(",", ":"))
        print(f"{name:<22} {perf_counter() - begin:6.2f} {len(spec) / 1e3:9.0f}")


def _ggplot(frame: pd.DataFrame, folder: Path) -> None:
    if shutil.which("Rscript") is None:
        print("\nno Rscript on the PATH: nothing beside")
        return
    frame[["sim_id", "hostname", "role", "elapsed_s", "value"]].to_csv(
        folder / "samples.csv", index=False
    )
    print("\nggplot2: facet_grid of the same samples, without thinning")
    for name in ("facet.pdf", "facet.png"):
        script = f'out <- "{name}"\n{_GGPLOT}'
        begin = perf_counter()
        done = subprocess.run(
            ["Rscript", "-e", script], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"R failed: {done.stderr.strip().splitlines()[-1]}")
            return
        read, draw = map(float, done.stdout.split()[-2:])
        size = (folder / name).stat().st_size / 1e6
        print(
            f"{name.rpartition('.')[2]}: {perf_counter() - begin:.1f} s in all, read {read:.1f},"
            f" drawn {draw:.1f}; {size:.1f} MB"
        )


if __name__ == "__main__":
    main()
