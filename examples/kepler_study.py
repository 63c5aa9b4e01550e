"""A Go program before and after a change (Kepler): from its profiles to tables, charts, a report.

python kepler_study.py OUT FOLDER...

Each FOLDER is a version, the one before the change first: profiles (`profile.proto`, text of
`go tool pprof -top`, or such a table as CSV) and, where there is one, the log with the latencies.
The store is that of MINION_MONGODB_URI, or the embedded one; the runs go to experiment `kepler`.
"""

from pathlib import Path

from shared import sims_of, start, told

import analysis
import minion
from analysis.charting.palette import palette
from analysis.profiling.growth import changes_chart
from analysis.profiling.latency import by_number, latencies, latency_chart
from analysis.profiling.reading import functions, kinds
from analysis.profiling.tables import changes, top
from ingest.importing import existing, names_of
from ingest.profiling.pprof import import_pprof
from minion.errors import InvalidData, NotFound
from minion.selection import Choice, Selection

EXPERIMENT = "kepler"
PROFILES = (".gz", ".pb", ".pprof", ".prof", ".txt", ".csv")
COMPARED = ("self time", "alloc_space", "mean latency")


def gathered(store: minion.Store, folder: Path) -> list[Path]:
    """Store a version's profiles, with its log beside the first of them; returns the profiles."""
    inside = existing(folder, "folder").glob("*")
    profiles = sorted(path for path in inside if path.suffix in PROFILES)
    if not profiles:
        raise NotFound(f"{folder} has no profile; there should be a file {', '.join(PROFILES)}")
    log = next(iter(sorted(folder.glob("*.log"))), None)
    for profile in profiles:
        done = import_pprof(store, [profile], log=log, experiment=EXPERIMENT)
        print(f"{folder.name}/{profile.name}: {done.summary}")
        log = None
    return profiles


def profiled(store: minion.Store, kind: str, before: str, own: Choice, out: Path) -> None:
    """What functions cost of one kind, and whose share grew since the first version."""
    frame = functions(store, kind, **own)
    top(frame, 10).to_csv(out / f"top-{kind}.csv", index=False)
    print(f"\n{kind}\n{top(frame, 10).to_string()}")
    versions = list(map(str, frame["platform"].unique()))
    if len(versions) != 2 or before not in versions:
        print(f"{kind}: nothing is compared; changes are between {before} and one other version")
        return
    changed = changes(frame, before)
    changed.to_csv(out / f"changes-{kind}.csv", index=False)
    print(changed.head(10).to_string())
    try:
        analysis.charts.save(changes_chart(changed), out / f"changes-{kind}.html")
    except InvalidData as error:  # no share changed
        print(f"no chart of {kind}: {error}")


def timed(store: minion.Store, own: Choice, out: Path) -> None:
    """Latencies against the number of pods, where a log has them."""
    try:
        frame = latencies(store, **own)
    except NotFound:
        return
    by_number(frame).to_csv(out / "latency.csv", index=False)
    print(f"\nlatency\n{by_number(frame).to_string()}")
    drawn = latency_chart(frame, colours=palette(store, EXPERIMENT))
    analysis.charts.save(drawn, out / "latency.html")


def main(folder: str, *versions: str) -> None:
    """Import every version, write tables, charts and the report, print what changed."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    with minion.connect() as store:
        profiles = [path for version in versions for path in gathered(store, Path(version))]
        own: Choice = {"experiment": EXPERIMENT, "sims": sims_of(store, EXPERIMENT, profiles)}
        before = names_of(profiles[0])[0]
        for kind in kinds(store, store.simulations(Selection.of(**own))):
            profiled(store, kind, before, own, out)
        timed(store, own, out)
        for name in COMPARED:
            print(f"\n{name}")
            told(store, name, baseline=before, **own)
        analysis.report.write(store, out / "report.html", **own)
    print(f"\nwritten: tables, charts and report.html in {out}")


if __name__ == "__main__":
    start(main, __doc__, 2)
