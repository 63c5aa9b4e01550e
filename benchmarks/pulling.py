"""What a pull costs through netdata-pandas and directly, and where the time goes.

    python benchmarks/pulling.py --out benchmarks/pulling.md

Simulated agents on loopback (`benchmarks/fleet`), the study's five charts. Each way in turn; the
processor time of this process alone, the agents have another. Then a profile of each way.
"""

import argparse
import cProfile
import pstats
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ingest.agents.agent import Agent
from ingest.agents.netdata import Pulled, Source, Way

sys.path.insert(0, str(Path(__file__).parent / "fleet"))
sys.path.insert(0, str(Path(__file__).parent / "suite"))
from agents import SimulatedFleet
from machine import machine

STEP_S = 5
WINDOWS = {"a minute": 60, "an hour": 3600, "a day": 86_400}
SHOWN = 6  # rows of a profile


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=9, help="turns")
    parser.add_argument("--out", type=Path, help="file for the table")
    asked = parser.parse_args()
    history = max(WINDOWS.values()) + 600
    with SimulatedFleet(1, step=STEP_S, history_s=history) as fleet:
        rows = [_row(fleet, name, seconds, asked.repeat) for name, seconds in WINDOWS.items()]
        profiles = {way: _profile(fleet, way) for way in Way}
    text = _document(rows, profiles)
    print(text)
    if asked.out:
        asked.out.write_text(text)


def _pull(fleet: SimulatedFleet, way: Way, seconds: int) -> Callable[[], Pulled]:
    """A pull of the newest so many seconds; the agent's charts are known as in a live collector."""
    agent = Agent(fleet.urls[0], keep_alive=True)
    source = Source(agent, fleet.hostnames[0], way=way)
    last = time.time() // STEP_S * STEP_S - 4 * STEP_S

    def pull() -> Pulled:
        return source.pull(last - seconds, last)

    return pull


def _row(fleet: SimulatedFleet, name: str, seconds: int, repeat: int) -> list[str]:
    pulls = {way: _pull(fleet, way, seconds) for way in Way}
    found: dict[Way, list[float]] = {way: [] for way in Way}
    samples = {way: sum(one.samples for one in pull().series) for way, pull in pulls.items()}
    if len(set(samples.values())) > 1:
        raise SystemExit(f"the two ways brought different samples: {samples}")
    for _ in range(repeat):
        for way, pull in pulls.items():
            began = time.process_time()
            pull()
            found[way].append((time.process_time() - began) * 1e3)
    pandas, direct = (float(np.median(found[way])) for way in (Way.NETDATA_PANDAS, Way.DIRECT))
    return [
        name,
        f"{samples[Way.DIRECT]:,}",
        f"{pandas:.1f} ms",
        f"{direct:.1f} ms",
        f"{pandas / direct:.1f} x",
    ]


def _profile(fleet: SimulatedFleet, way: Way) -> list[tuple[str, float]]:
    """The shares of the packages in the processor time of pulls of a minute."""
    pull = _pull(fleet, way, WINDOWS["a minute"])
    pull()
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(20):
        pull()
    profile.disable()
    sums: dict[str, float] = {}
    # What a function of the interpreter took is counted for whoever called it.
    for (file, _, _), (_, _, own, _, callers) in pstats.Stats(profile).stats.items():
        spent = {file: own} if file != "~" else {c[0]: cost[2] for c, cost in callers.items()}
        for place, seconds in spent.items():
            sums[_package(place)] = sums.get(_package(place), 0.0) + seconds
    whole = sum(sums.values())
    shares = [(name, spent / whole) for name, spent in sums.items()]
    return sorted(shares, key=lambda share: -share[1])[:SHOWN]


def _package(file: str) -> str:
    """The package that a file belongs to."""
    parts = Path(file).parts
    if "site-packages" in parts:
        return parts[parts.index("site-packages") + 1].removesuffix(".py")
    return next((part for part in parts if part in ("ingest", "minion")), "Python itself")


def _document(rows: list[list[str]], profiles: dict[Way, list[tuple[str, float]]]) -> str:
    heads = ["window", "samples", "netdata-pandas", "directly", "ratio"]
    parts = [
        "# What a pull costs",
        "Five charts, nineteen dimensions, a sample every 5 s, one agent; medians of the processor"
        " time of the collector's side, measured in turns.",
        "\n".join(f"- {name}: {value}" for name, value in machine().items()),
        _table(heads, rows),
        "Where the time of a pull of a minute goes (under a profiler, by package):",
        _table(
            ["", *(way.value for way in profiles)],
            [
                [str(place + 1), *(f"{name} {share:.0%}" for name, share in pair)]
                for place, pair in enumerate(zip(*profiles.values(), strict=False))
            ],
        ),
        "With 1,000 agents pulled once a minute, a core has 60 ms for each: netdata-pandas alone"
        " would take the larger part of it, so `minion collect` asks more than 16 agents directly.",
    ]
    return "\n\n".join(parts) + "\n"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    main()
