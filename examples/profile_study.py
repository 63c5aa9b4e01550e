"""Function profiles of a study: files to tables, flame graphs, the path of a packet, a report.

python profile_study.py OUT FILE...

Each FILE is trace-cmd report text, a raw function_graph log, perf script text or folded stacks, a
profile of a Go program or `go tool pprof -top` text. Its folder is the platform. The store is that
of MINION_MONGODB_URI, or the embedded one; the runs go to experiment `profiles`.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
from shared import sims_of, start

import minion
from analysis import charts, report
from analysis.profiling.flame import flame_graph, flame_title
from analysis.profiling.growth import changes_chart
from analysis.profiling.packets import packet_path, path_chart
from analysis.profiling.reading import TIME, folded, functions, kinds, stacks
from analysis.profiling.tables import changes, top
from ingest.importing import Imported
from ingest.profiling.perf import import_perf
from ingest.profiling.pprof import import_pprof
from ingest.profiling.trace import calls, import_traces
from minion.errors import InvalidData, NotFound
from minion.selection import Choice, Selection

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


def stem(sim: str) -> str:
    """Of the files of a run: two folders may have files of one name."""
    return sim.replace("/", "-")


def flames(store: minion.Store, kind: str, sim: str, out: Path) -> None:
    """A flame graph and folded stacks of one run; a table of top functions has neither."""
    name = stem(sim) if kind == TIME else f"{stem(sim)}-{kind}"
    try:
        frame = stacks(store, kind, experiment=EXPERIMENT, sims=[sim])
    except NotFound:
        return
    charts.save(flame_graph(frame, title=f"{flame_title(kind, ())}: {sim}"), out / f"{name}.html")
    (out / f"{name}.folded").write_text("".join(f"{line}\n" for line in folded(frame)))


def packet(path: Path, sim: str, out: Path) -> None:
    """The first path of a trace through the functions of the network, as a table and a chart."""
    one = packet_path(calls(path, untangle=True))
    one.to_csv(out / f"{stem(sim)}-path.csv", index=False)
    charts.save(path_chart(one), out / f"{stem(sim)}-path.html")
    print(one[["path", "start_us", "duration_us", "self_us"]].head(10).to_string())


def changed(frame: pd.DataFrame, name: str, out: Path) -> None:
    """What changed between two platforms, as a table and a chart."""
    platforms = sorted(map(str, frame["platform"].unique()))
    if len(platforms) != 2:
        there = ", ".join(platforms)
        print(f"Nothing is compared: changes are between two platforms; there are: {there}")
        return
    found = changes(frame)
    found.to_csv(out / f"{name}.csv", index=False)
    print(found.head(10).to_string())
    try:
        charts.save(changes_chart(found), out / f"{name}.html")
    except InvalidData as error:  # no share changed
        print(f"no chart of {name}: {error}")


def main(folder: str, *files: str) -> None:
    """Write tables and charts of all files, print what costs most and what changed."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    paths = [Path(file) for file in files]
    with minion.connect() as store:
        for path in paths:
            if imported(store, path) == "trace":
                packet(path, sims_of(store, EXPERIMENT, [path])[0], out)
        own: Choice = {"experiment": EXPERIMENT, "sims": sims_of(store, EXPERIMENT, paths)}
        for kind in kinds(store, store.simulations(Selection.of(**own))):
            of = "" if kind == TIME else f"-{kind}"
            frame = functions(store, kind, **own)
            frame.to_csv(out / f"functions{of}.csv", index=False)
            print(f"\n{kind}\n{top(frame, 10, groups=('platform', 'sim_id')).to_string()}")
            for sim in frame["sim_id"].astype(str).unique():
                flames(store, kind, sim, out)
            changed(frame, f"changes{of}", out)
        report.write(store, out / "report.html", **own)
    print(f"\nwritten: tables, flame graphs, paths and report.html in {out}")


if __name__ == "__main__":
    start(main, __doc__, 2)
