"""As fast from MongoDB as from a file: one command, one table.

    python benchmarks/suite                       the published study's size, 5 repetitions
    python benchmarks/suite --quick               two runs of each platform, one repetition
    python benchmarks/suite --only minion,polars-one --repetitions 9

Needs nothing that runs already: each database gets a mongod of its own in a temporary folder.
The table goes to standard output, and to the file that `--out` names.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from columns import Study
from environments import python_for
from jobs import JOBS
from machine import machine
from making import make_study
from measuring import Measured, check, fill, measure, measure_memory
from process import Lacking, Worker
from registry import CONTENDERS, OURS
from results import document

from minion.server import Server, stop

READ_PATH = Path(__file__).resolve().parents[1] / "read_path.py"
FEWEST_REPETITIONS = 5
LEAST_S = 0.2  # of a job in each repetition
WHOLE = {"runs": 25, "repetitions": FEWEST_REPETITIONS, "fraction": 200_000}
QUICK = {"runs": 2, "repetitions": 1, "fraction": 20_000}


def main() -> None:
    """Measure, print, and write what was asked for."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="minion-") as folder:
        study = make_study(Path(folder) / "study", arguments.runs)
        measured = _measured(study, Path(folder), arguments)
    profile = _profile(arguments.runs, arguments.repetitions)
    text = document(
        measured,
        machine=machine(),
        samples=study.samples,
        runs=len(study.runs),
        valid=len(study.valid),
        repetitions=arguments.repetitions,
        fraction=min(arguments.fraction, study.samples),
        profile=profile,
        command=shlex.join(["python", "benchmarks/suite", *sys.argv[1:]]),
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text)
    if arguments.json:
        raw = {name: asdict(one) for name, one in measured.items()}
        arguments.json.write_text(json.dumps(raw, indent=1))


def _profile(runs: int, repetitions: int) -> str:
    """Where the time of reading everything goes, as another program of this folder measures it."""
    options = ["--runs", str(runs), "--repeat", str(repetitions)]
    call = [sys.executable, str(READ_PATH), *options]
    environment = {k: v for k, v in os.environ.items() if k != "MINION_MONGODB_URI"}
    return subprocess.run(
        call, env=environment, check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()


def _measured(study: Study, folder: Path, arguments: argparse.Namespace) -> dict[str, Measured]:
    measured = {name: Measured(name) for name in arguments.only}
    with ExitStack() as stack:
        uris: dict[str, str] = {"": ""}
        workers: dict[str, Worker] = {}

        def start(name: str, where: str) -> Worker:
            entry = CONTENDERS[name]
            server = entry.server or ""
            if server not in uris:
                home = folder / "mongod" / server
                stack.callback(stop, home)  # it has written its last file when this comes back
                uris[server] = stack.enter_context(Server.use(home)).uri
            settings = {
                "study": str(study.folder),
                "folder": str(folder / where / name),
                "uri": uris[server],
                "fraction": arguments.fraction,
            }
            python = python_for(name, entry, install=arguments.install)
            return Worker(name, python, settings, entry)

        for name in arguments.only:
            try:
                workers[name] = stack.enter_context(start(name, "contenders"))
                measured[name].versions = workers[name].versions
            except Lacking as lacking:
                measured[name].lacking = str(lacking)
        fill(workers, measured)
        check(workers, arguments.jobs, study.samples)
        if "everything" in arguments.jobs:
            for name in workers:
                if "everything" in CONTENDERS[name].jobs and (name == OURS or not arguments.quick):
                    # The same folder, so that what was stored is there; another process.
                    with start(name, "contenders") as fresh:
                        measure_memory(fresh, measured[name])
        measure(
            workers,
            measured,
            arguments.jobs,
            repetitions=arguments.repetitions,
            samples=study.samples,
            least_s=0.0 if arguments.quick else LEAST_S,
        )
    return measured


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--runs", type=int, help="valid runs of each platform; default: 25")
    add("--repetitions", type=int, help=f"of each job; default: {FEWEST_REPETITIONS}")
    add("--only", type=_names(CONTENDERS), default=list(CONTENDERS), help="contenders, with commas")
    add("--jobs", type=_names(JOBS), default=list(JOBS), help="with commas between")
    add("--fraction", type=int, help="samples that the slow ones write; default: 200,000")
    add("--install", action="store_true", help="make environments for what ours cannot have")
    add("--quick", action="store_true", help="two runs of each platform, one repetition")
    add("--out", type=Path, help="a file for the table")
    add("--json", type=Path, help="a file for every single time")
    arguments = parser.parse_args()
    usual = QUICK if arguments.quick else WHOLE
    for name, value in usual.items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)
    if arguments.repetitions < FEWEST_REPETITIONS and not arguments.quick:
        parser.error(f"fewer than {FEWEST_REPETITIONS} repetitions make no median; or --quick")
    return arguments


def _names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Reads names with commas between."""

    def read(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        unknown = ", ".join(name for name in names if name not in known)
        if unknown:
            raise argparse.ArgumentTypeError(f"no {unknown}; there are: {', '.join(known)}")
        return names

    return read


if __name__ == "__main__":
    os.environ.pop("MINION_MONGODB_URI", None)
    main()
