"""Function profiles of a study: files to tables, flame graphs, the path of a packet, a report.

python profile_study.py OUT FILE...

Each FILE is trace-cmd report text, a raw function_graph log, perf script text or folded stacks, a
profile of a Go program or `go tool pprof -top` text. Its folder is the platform. The store is that
of MINION_MONGODB_URI, or the embedded one; the runs go to experiment `profiles`.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import minion
from analysis import charts, report
from analysis.profiling.flame import flame_graph
from analysis.profiling.growth import changes_chart
from analysis.profiling.packets import packet_path, path_chart
from analysis.profiling.reading import folded, functions, stacks
from analysis.profiling.tables import changes, top
from ingest.importing import Imported
from ingest.profiling.perf import import_perf
from ingest.profiling.pprof import import_pprof
from ingest.profiling.trace import calls, import_traces
from minion.errors import InvalidData, MinionError, NotFound

EXPERIMENT = "profiles"
IMPORTERS: dict[str, Callable[..., Imported]] = {
    "trace": import_traces,
    "perf": import_perf,
    "pprof": import_pprof,
}


def imported(store: minion.Store, path: Path) -> str:
    """Store the profile of a file of any kind; returns the kind."""
    refused = []
    for kind, bring in IMPORTERS.items():
        try:
            done = bring(store, [path], experiment=EXPERIMENT)
        except InvalidData as error:
            refused.append(str(error))
            continue
        for note in done.notes:
            print(f"note: {note}")
        return kind
    raise InvalidData("; ".join(refused))


def flames(store: minion.Store, sim: str, out: Path) -> None:
    """A flame graph and folded stacks of one run; a table of top functions has neither."""
    name = sim.replace("/", "-")
    try:
        frame = stacks(store, experiment=EXPERIMENT, sims=[sim])
    except NotFound:
        return
    charts.save(flame_graph(frame, title=f"Where the time goes: {sim}"), out / f"{name}.html")
    (out / f"{name}.folded").write_text("".join(f"{line}\n" for line in folded(frame)))


def packet(path: Path, out: Path) -> None:
    """The first path of a trace through the functions of the network, as a table and a chart."""
    one = packet_path(calls(path, untangle=True))
    one.to_csv(out / f"{path.name}-path.csv", index=False)
    charts.save(path_chart(one), out / f"{path.name}-path.html")
    print(one[["path", "start_us", "duration_us", "self_us"]].head(10).to_string())


def main(folder: str, files: Sequence[str]) -> None:
    """Write tables and charts of all files, print what costs most and what changed."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    with minion.connect() as store:
        for file in map(Path, files):
            if imported(store, file) == "trace":
                packet(file, out)
        frame = functions(store, experiment=EXPERIMENT)
        frame.to_csv(out / "functions.csv", index=False)
        print(top(frame, 10, groups=("platform", "sim_id")).to_string())
        for sim in frame["sim_id"].astype(str).unique():
            flames(store, sim, out)
        if len(frame["platform"].unique()) == 2:
            changed = changes(frame)
            changed.to_csv(out / "changes.csv", index=False)
            print(changed.head(10).to_string())
            charts.save(changes_chart(changed), out / "changes.html")
        report.write(store, out / "report.html", experiment=EXPERIMENT)
    print(f"\nwritten: tables, flame graphs, paths and report.html in {out}")


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2:])
    except MinionError as error:
        sys.exit(str(error))
    except IndexError:
        sys.exit(__doc__)
