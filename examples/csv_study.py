"""Tables of one's own: made files to runs, a comparison and a report.

python csv_study.py [OUT]

Makes three runs of two platforms, as a script of one's own might leave them behind: for each a
table of processor use and what was noted as KEY=value lines, and one table with a row a run.
Imports them by the mapping below into experiment csv, compares, and writes a report to OUT. The
numbers are made.
"""

from pathlib import Path

import numpy as np
from shared import start, told

import analysis
import minion
from ingest.tables.runs import CSV, ingest_csv
from minion.selection import Choice

MAPPING = """
# Each file says in its name which run it is of; here its rows do.
[[table]]
files = "cpu-*.csv"
simulation = "run"
platform = "platform"
host = "node"
time = { column = "seconds" }
charts."system.cpu" = { unit = "percentage", columns = ["user", "idle"] }

[[table]]
files = "*.log"
layout = "lines"
simulation = "RUN"
platform = "PLATFORM"
time = {}
events.types = { BEGIN = "START_SIMULATION", END = "STOP_SIMULATION" }
events.phases = { "Apply deployment" = ["APPLY", "APPLIED"] }

[[table]]
files = "runs.csv"
simulation = "run"
platform = "platform"
measurements = { "time to ready" = { column = "ready_s", unit = "s" } }
parameters = { nodes = "nodes" }
"""
START = 1_700_000_000
STEP_S, SECONDS = 5, 300


def make(folder: Path, *, runs: int = 3, seed: int = 1) -> list[Path]:
    """Write the tables, logs and the mapping; returns the paths of the data."""
    random = np.random.default_rng(seed)
    rows = ["run,platform,nodes,ready_s"]
    paths = [folder / "runs.csv"]
    for number in range(runs):
        for place, (platform, level) in enumerate({"K8s": 45.0, "K3s": 25.0}.items()):
            run = f"{platform}-{number}"
            start = START + 1000 * (2 * number + place)
            rows.append(f"{run},{platform},2,{random.normal(level, 1):.2f}")
            table = ["seconds,run,platform,node,user,idle"]
            for second in range(0, SECONDS, STEP_S):
                for node in ("node-a", "node-b"):
                    user = random.normal(level / 5, 0.5)
                    cells = (
                        start + second,
                        run,
                        platform,
                        node,
                        f"{user:.2f}",
                        f"{100 - user:.2f}",
                    )
                    table.append(",".join(map(str, cells)))
            log = [f"RUN={run}", f"PLATFORM={platform}", f"BEGIN={start}"]
            log += [
                f"APPLY={start + 60}",
                f"APPLIED={start + 60 + random.normal(level, 1):.3f}",
                f"END={start + SECONDS}",
            ]
            for name, lines in ((f"cpu-{run}.csv", table), (f"{run}.log", log)):
                paths.append(folder / name)
                paths[-1].write_text("\n".join(lines) + "\n")
    paths[0].write_text("\n".join(rows) + "\n")
    (folder / "mapping.toml").write_text(MAPPING)
    return paths


def main(out: str = ".") -> None:
    """Make the files, import, compare, and write a report."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    paths = make(folder)
    with minion.connect() as store:
        imported = ingest_csv(store, paths, folder / "mapping.toml")
        print(imported.summary)
        for note in imported.notes:
            print(f"note: {note}")
        # The experiment may have other runs by now.
        own: Choice = {"experiment": CSV, "sims": [path.stem for path in folder.glob("K*.log")]}
        for quantity in ("cpu", "duration", "time to ready"):
            print(f"\n{quantity}")
            told(store, quantity, **own)
        report = analysis.report.write(store, folder / "report.html", facets="cpu", **own)
    print(f"\nwritten: {report.path}")


if __name__ == "__main__":
    start(main, __doc__, 0, 1)
