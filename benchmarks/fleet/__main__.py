"""How many hosts one collector can follow: `minion collect` on one core, beside simulated agents.

    python benchmarks/fleet --out benchmarks/fleet.md     everything; half an hour
    python benchmarks/fleet --jobs live --agents 40 --seconds 20 --warm-up 10 --interval 5

Jobs: `live`, runs in progress, as 250 runs of 4 hosts and as one run of 1,000; `ceiling`, the same
with ever more agents, then samples, until the store falls behind; `backfill`, a finished day of 4
hosts at 1 s, fetched at once.

Needs nothing that runs already: mongod and agents live in a temporary folder and on loopback. The
table goes to standard output, and to the file that `--out` names.
"""

import argparse
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from collecting import DAY_S, Place, backfill, live
from scenarios import Outcome, Scenario
from tables import document

from minion.server import stop

JOBS = ("live", "ceiling", "backfill")
HOSTS = 4  # of a run, as in the study
CEILING_S, CEILING_WARM_UP_S = 120.0, 60.0


def main() -> None:
    """Measure, print, and write what was asked for."""
    asked = _arguments()
    _own_surroundings()
    core = _apart()
    folder = Path(tempfile.mkdtemp(prefix="minion-"))
    place = Place(folder, core)
    outcomes: list[Outcome] = []
    ceiling: list[Outcome] = []
    day = None
    try:
        if "live" in asked.jobs:
            outcomes = [
                live(place, _scenario(asked, asked.agents, hosts), _told)
                for hosts in (HOSTS, asked.agents)
            ]
        if "ceiling" in asked.jobs:
            ceiling = _ceiling(place, asked, _told)
        if "backfill" in asked.jobs:
            day = backfill(place, _told, seconds=asked.backfill_s)
    finally:
        stop(folder / "home")  # it has written its last file when this comes back
        shutil.rmtree(folder)
    command = shlex.join(["python", "benchmarks/fleet", *sys.argv[1:]])
    text = document(_machine(), command, outcomes, ceiling, day)
    print(text)
    if asked.out:
        asked.out.write_text(text)


def _ceiling(place: Place, asked: argparse.Namespace, told: Callable[[str], None]) -> list[Outcome]:
    """Twice as many agents each time, then half the step, until one collector falls behind."""
    seconds, warm_up = min(asked.seconds, CEILING_S), min(asked.warm_up, CEILING_WARM_UP_S)
    agents, step = asked.agents, asked.step
    found: list[Outcome] = []
    while True:
        scenario = Scenario(agents, HOSTS, step, asked.interval, warm_up, seconds)
        found.append(live(place, scenario, told))
        if not (found[-1].keeps_up and found[-1].faultless) or (agents >= asked.most and step == 1):
            return found
        if agents < asked.most:
            agents = min(2 * agents, asked.most)
        else:
            step //= 2


def _scenario(asked: argparse.Namespace, agents: int, hosts: int) -> Scenario:
    return Scenario(agents, hosts, asked.step, asked.interval, asked.warm_up, asked.seconds)


def _machine() -> dict[str, str]:
    """What it was measured on, as the neighbouring suite says it."""
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    from suite.machine import machine  # noqa: PLC0415  it is found only from here on

    return machine()


def _apart() -> int:
    """Leave the last core to the collector, and keep this process and its children off it."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise SystemExit("one core is not enough: the collector needs one, mongod another")
    os.sched_setaffinity(0, cores[:-1])
    return cores[-1]


def _own_surroundings() -> None:
    """The user's own settings are not what is measured."""
    for name in [name for name in os.environ if name.startswith("MINION_")]:
        del os.environ[name]


def _told(sentence: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{sentence}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--jobs", type=_jobs, default=JOBS, help="with commas between")
    add("--agents", type=int, default=1000, help="of `live`; `ceiling` begins with them")
    add("--most", type=int, default=8000, help="agents of `ceiling`; then their step is shortened")
    add("--step", type=int, default=5, help="seconds between an agent's samples")
    add("--interval", type=float, default=60.0, help="the collector's longest window, seconds")
    add("--warm-up", type=float, default=60.0, help="seconds before anything is counted")
    add("--seconds", type=float, default=300.0, help="that are measured; a multiple of --interval")
    add("--backfill-s", type=int, default=DAY_S, help="seconds that the finished run took")
    add("--out", type=Path, help="a file for the tables")
    return parser.parse_args()


def _jobs(text: str) -> tuple[str, ...]:
    jobs = tuple(text.split(","))
    odd = [job for job in jobs if job not in JOBS]
    if odd:
        raise argparse.ArgumentTypeError(f"no {odd[0]}; there are: {', '.join(JOBS)}")
    return jobs


if __name__ == "__main__":
    main()
