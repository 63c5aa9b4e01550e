"""How long charts and the report of the simulated study take, and what drawing fewer points costs.

    python benchmarks/charts.py --out benchmarks         the whole study; writes charts.md
    python benchmarks/charts.py --runs 3 --times 1       less

The facet of one metric (each run and host) is drawn with several numbers of points a line; beside
them stands R's ggplot2 with every sample, where it is installed. Sizes are those of the
specification and of the files; the error is that of `reduction_error`, in pixels of a panel 46
high. The report is written by the program in a process of its own and opened in headless Chromium.
What is timed takes turns, so that other work on the machine meets all of it alike.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import altair as alt
import pandas as pd
from playwright.sync_api import sync_playwright
from suite.machine import machine

import minion
from analysis import charts, compare, durations, utilization, variance
from analysis.values import run_values
from ingest.simulated import study
from minion.server import Server, stop

POINTS = (80, 160, 320, 440)
TOP = 60.0  # per cent: the upper end of the value axis
MEGABYTE = 1e6

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
_SEEN = """[...document.querySelectorAll('[data-chart]')].every((box) => {
    const { top, bottom } = box.getBoundingClientRect();
    return bottom < 0 || top > innerHeight || !box.checkVisibility() || box.dataset.state;
})"""
_ALL = """[...document.querySelectorAll('[data-chart]')].every(
    (box) => !box.checkVisibility() || box.dataset.state
)"""

Row = list[str]


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=25, help="valid runs of each platform")
    parser.add_argument("--times", type=int, default=5, help="that everything is repeated")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for charts.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            with Server.use(folder / "home") as server:
                parts = _parts(server.uri, folder, options.runs, options.times)
        finally:
            stop(folder / "home")  # it has written its last file when this comes back
    text = "\n".join(parts)
    print(text)
    if options.out:
        (options.out / "charts.md").write_text(text)


def _parts(uri: str, folder: Path, runs: int, times: int) -> list[str]:
    with minion.connect(uri) as store:
        for simulation, series in study(runs=runs):
            store.put(simulation, series)
        took = durations(store, include_gaps=True)
        frame = utilization(store, "cpu")
        own = frame[(frame["platform"] == frame["platform"].iloc[0]).to_numpy()]
        return [
            _opening(len(frame), times),
            _facets(own, took, folder, times),
            _others(store, frame, took, times),
            _report(uri, folder, times),
        ]


def _opening(samples: int, times: int) -> str:
    facts = "\n".join(f"- {name}: {value}" for name, value in machine().items())
    load = f"{os.getloadavg()[0]:.1f}"
    return f"""# Charts and the report

The simulated study, {samples:,} samples of CPU utilization. Seconds are medians of {times}, taken
in turns. Made by `python benchmarks/charts.py --out benchmarks`.

{facts}
- others' work on the machine: {load} programs ready to run, on the average of the last minute
"""


def _table(heads: Row, rows: list[Row]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _turns(jobs: dict[str, Callable[[], object]], times: int) -> dict[str, list[float]]:
    """Seconds of each job; they take turns."""
    found: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(times):
        for name, job in jobs.items():
            begin = perf_counter()
            job()
            found[name].append(perf_counter() - begin)
    return found


def _facets(frame: pd.DataFrame, took: pd.DataFrame, folder: Path, times: int) -> str:
    def drawn(points: int) -> alt.TopLevelMixin:
        return charts.facet(frame, phases=took, points=points, top=TOP)

    ours = [f"{kind}, {points}" for points in POINTS for kind in ("spec", "svg", "png")]
    jobs: dict[str, Callable[[], object]] = {
        "ggplot2, pdf": lambda: _ggplot(folder, "pdf"),
        "ggplot2, png": lambda: _ggplot(folder, "png"),
    }
    if lacking := _lacking_ggplot():
        jobs = {}
    else:
        columns = ["sim_id", "hostname", "role", "elapsed_s", "value"]
        frame[columns].to_csv(folder / "samples.csv", index=False)
    for name in ours:
        kind, points = name.split(", ")
        if kind == "spec":
            jobs[name] = lambda points=int(points): json.dumps(drawn(points).to_dict())
        else:
            jobs[name] = lambda points=int(points), kind=kind: charts.save(
                drawn(points), folder / f"{points}.{kind}"
            )
    seconds = {name: statistics.median(of) for name, of in _turns(jobs, times).items()}
    rows = []
    for points in POINTS:
        error = charts.reduction_error(frame, points=points, top=TOP)["mean_px"]
        spec = json.dumps(drawn(points).to_dict(), separators=(",", ":"))
        rows.append(
            [
                f"{points} points a line",
                f"{seconds[f'spec, {points}']:.2f}",
                f"{len(spec) / MEGABYTE:.2f}",
                *(
                    f"{seconds[f'{kind}, {points}']:.1f} s, {_megabytes(path)}"
                    for kind in ("svg", "png")
                    for path in [folder / f"{points}.{kind}"]
                ),
                f"{error.mean():.2f}",
                f"{error.quantile(0.95):.2f}",
                f"{error.max():.2f}",
            ]
        )
    beside = [f"Nothing beside: {lacking}."] if lacking else []
    beside += [
        f"R's ggplot2, `facet_grid` with every sample, as {kind.upper()}:"
        f" {seconds[f'ggplot2, {kind}']:.1f} s with its start and reading"
        f" ({_drawing(folder, kind):.1f} s drawing alone),"
        f" {_megabytes(folder / f'facet.{kind}')}."
        for kind in (() if lacking else ("pdf", "png"))
    ]
    lines = frame.groupby(["sim_id", "hostname"], observed=True).ngroups
    heads = ["facet", "made, s", "MB", "SVG", "PNG", "off, mean px", "95 % below", "worst line"]
    return f"""## Each run and host

The runs of one platform: {len(frame):,} samples, {lines} lines. How far a line is off is
its distance from the line of all samples, in pixels of a panel 46 high, on the average of its
width.

{_table(heads, rows)}
{chr(10).join(beside)}
"""


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / MEGABYTE:.1f} MB"


def _others(store: minion.Store, frame: pd.DataFrame, took: pd.DataFrame, times: int) -> str:
    starts = {(s.experiment, s.sim_id): s.start or 0.0 for s in store.simulations()}
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
    sizes = {name: len(json.dumps(job().to_dict())) for name, job in jobs.items()}
    made = {name: lambda job=job: json.dumps(job().to_dict()) for name, job in jobs.items()}
    rows = [
        [name, f"{statistics.median(seconds):.2f}", f"{sizes[name] / 1e3:.0f}"]
        for name, seconds in _turns(dict(made), times).items()
    ]
    return f"## Other charts\n\n{_table(['chart', 'made, s', 'kB'], rows)}"


def _report(uri: str, folder: Path, times: int) -> str:
    path = folder / "report.html"
    command = [sys.executable, "-m", "minion", "report", f"--out={path}"]
    environment = {**os.environ, "MINION_MONGODB_URI": uri}
    found: dict[str, list[float]] = {"written": [], "first screen": [], "all charts": []}
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    for _ in range(times):
        begin = perf_counter()
        subprocess.run(command, env=environment, capture_output=True, check=True)
        found["written"].append(perf_counter() - begin)
        if chromium is not None:
            first, all_of = _shown(path, chromium)
            found["first screen"].append(first)
            found["all charts"].append(all_of)
    aims = {"written": 10.0, "first screen": 3.0}
    rows = [
        [
            name,
            f"{statistics.median(seconds):.1f}" if seconds else "no Chromium here",
            f"{aims[name]:g}" if name in aims else "",
        ]
        for name, seconds in found.items()
    ]
    return f"""## The report

{_megabytes(path)}, of at most 8. Written: the program from its start to its end. First screen:
from the address until everything that is seen of it is drawn. All charts: until those further
down are drawn too, with nobody scrolling; what is folded waits until it is unfolded.

{_table(["report", "s", "at most"], rows)}"""


def _shown(path: Path, chromium: str) -> tuple[float, float]:
    """Seconds until the first screen of a report is drawn, and until all its charts are."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(300_000)
        begin = perf_counter()
        page.goto(path.as_uri())
        page.wait_for_function(_SEEN)
        first = perf_counter() - begin
        page.wait_for_function(_ALL)
        seconds = perf_counter() - begin
        browser.close()
    return first, seconds


def _lacking_ggplot() -> str:
    """What lacks for R's ggplot2; empty where it is there."""
    if shutil.which("Rscript") is None:
        return "no Rscript on the PATH"
    asked = ["Rscript", "-e", "library(ggplot2)"]
    done = subprocess.run(asked, capture_output=True, check=False)
    return "R has no ggplot2" if done.returncode else ""


def _ggplot(folder: Path, kind: str) -> None:
    script = f'out <- "facet.{kind}"\n{_GGPLOT}'
    done = subprocess.run(
        ["Rscript", "-e", script], cwd=folder, capture_output=True, text=True, check=True
    )
    with folder.joinpath(f"drawn-{kind}").open("a") as file:
        file.write(f"{done.stdout.split()[-1]}\n")


def _drawing(folder: Path, kind: str) -> float:
    """Seconds of drawing alone, as R took them; the median."""
    return statistics.median(map(float, folder.joinpath(f"drawn-{kind}").read_text().split()))


if __name__ == "__main__":
    main()
