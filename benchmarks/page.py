"""How long a page of `minion serve` takes to open, on a database with many runs.

    python benchmarks/page.py --out benchmarks         10,000 runs; writes page.md
    python benchmarks/page.py --runs 200 --opens 2     less

The runs are small (4 measured hosts, every event, a minute of one chart) and stand in a mongod in a
temporary folder. `minion serve` runs in a process of its own; headless Chromium opens each page in
a new profile, so nothing is cached. The clock runs from the address until what it names is drawn.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
from playwright.sync_api import Browser, sync_playwright
from suite.machine import machine

import minion
from minion.lifecycle import SEQUENCE
from minion.model import Event, Host, Provenance, Role, Simulation, now
from minion.series import Dimension, Series
from minion.server import Server, stop

PLATFORMS = ("K8s", "mK8s", "K3s")
HOSTS = ("node-a", "node-b", "node-c", "node-d")
START, PHASE_S, STEP_S = 1_612_771_200.0, 180.0, 5.0
GOAL_S = 1.0
PAGES = {
    "every run": ("/", "#runs tbody th"),
    "every run, the last page": ("/?page=400", "#runs tbody th"),
    "one platform, by name": ("/?experiment=study-1&platform=K3s&order=name", "#runs tbody th"),
    "a part of the names": ("/?text=77", "#runs tbody th"),
    "one run, its lines": ("/run?experiment=study-1&sim_id=100", ".chart svg"),
}


def main() -> None:
    """Store, open, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--opens", type=int, default=5, help="of each page")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for page.md")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="minion-"))
    try:
        with Server.use(folder) as server:
            begin = perf_counter()
            with minion.connect(server.uri) as store:
                for number in range(options.runs):
                    store.put(*_run(number))
            print(f"{options.runs:,} runs stored, {perf_counter() - begin:.0f} s", file=sys.stderr)
            with _served(server.uri) as address:
                opened = _opened(address, options.opens)
    finally:
        stop(folder)  # it has written its last file when this comes back
        shutil.rmtree(folder)
    text = document(options.runs, options.opens, opened)
    print(text)
    if options.out:
        (options.out / "page.md").write_text(text)


def document(runs: int, opens: int, opened: dict[str, list[float]]) -> str:
    """The result as Markdown."""
    parts = [
        "# How long a page takes to open",
        "",
        f"`minion serve` on a database with {runs:,} small runs in two experiments, opened by"
        f" headless Chromium, {opens} times each in turns, every time in a new profile; seconds"
        f" from the address until what it names is drawn. The aim is a median under {GOAL_S:g} s."
        " Made by `python benchmarks/page.py --out benchmarks`.",
        "",
        *(f"- {name}: {value}" for name, value in machine().items()),
        f"- others' work on the machine: {os.getloadavg()[0]:.1f} programs ready to run, on the"
        " average of the last minute",
        "",
        "| page | median s | fastest | slowest |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, times in opened.items():
        parts.append(
            f"| {name} | {statistics.median(times):.2f} | {min(times):.2f} | {max(times):.2f} |"
        )
    return "\n".join(parts) + "\n"


def _run(number: int) -> tuple[Simulation, list[Series]]:
    """One small run; the second half of them is another experiment's."""
    begin = START + number * 3_600.0
    kinds = [SEQUENCE[0].start, *(phase.end for phase in SEQUENCE)]
    simulation = Simulation(
        experiment=f"study-{1 + number % 2}",
        sim_id=str(number),
        platform=PLATFORMS[number % len(PLATFORMS)],
        provenance=Provenance(source="benchmark", version="1", created=now()),
        environment={"netdata": "1.37.1"},
        hosts=(
            Host(hostname="ctl", role=Role.CONTROLLER),
            *(Host(hostname=h, role=Role.WORKER, ram_mib=3936.0) for h in HOSTS),
        ),
        events=tuple(
            Event(type=kind, time=begin + place * PHASE_S) for place, kind in enumerate(kinds)
        ),
    )
    times = begin + STEP_S * np.arange(12)
    values = np.random.default_rng(number).uniform(80, 100, (len(HOSTS), 12, 1))
    return simulation, [
        Series(
            hostname=host,
            chart="system.cpu",
            context="system.cpu",
            family="cpu",
            unit="percentage",
            dimensions=(Dimension("idle", "idle"),),
            times=times,
            values=of_host,
            step=STEP_S,
        )
        for host, of_host in zip(HOSTS, values, strict=True)
    ]


@contextmanager
def _served(uri: str) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "minion", "serve", "--port=0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MINION_MONGODB_URI": uri},
    ) as process:
        try:
            yield (process.stdout.readline() if process.stdout else "").split()[0].rstrip("/")
        finally:
            process.terminate()


def _opened(address: str, opens: int) -> dict[str, list[float]]:
    """Seconds of every opening of every page; the first one of each is not counted."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("no Chromium on the PATH: install the package chromium")
    found: dict[str, list[float]] = {name: [] for name in PAGES}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for turn in range(opens + 1):
            for name, (path, awaited) in PAGES.items():
                seconds = _once(browser, address + path, awaited)
                if turn:
                    found[name].append(seconds)
        browser.close()
    return found


def _once(browser: Browser, address: str, awaited: str) -> float:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    begin = perf_counter()
    page.goto(address, wait_until="commit")
    page.wait_for_selector(awaited, timeout=120_000)
    seconds = perf_counter() - begin
    context.close()
    return seconds


if __name__ == "__main__":
    main()
