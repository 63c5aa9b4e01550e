"""The network between two nodes, on GKE and on Compute Engine: files to charts and reports.

python network_study.py FOLDER [OUT]

FOLDER has a folder for each platform, with what iperf3 and sockperf printed in it. Writes to the
store of MINION_MONGODB_URI, or the embedded one (experiments iperf3 and sockperf); OUT gets the
charts, the tables and a report of each experiment.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import altair as alt
import pandas as pd
from shared import sims_of, start, told

import analysis
import minion
from analysis.charting.palette import palette
from analysis.measurements import measurements
from analysis.networking.percentiles import chart, percentiles
from ingest.importing import Imported, existing
from ingest.networking.iperf3 import IPERF3, ingest_iperf3, is_iperf3
from ingest.networking.sockperf import SOCKPERF, ingest_sockperf
from ingest.networking.sockperf_text import is_sockperf
from ingest.texts import files_of
from minion.errors import NotFound
from minion.selection import Choice

# Which files are of a tool, and what brings them in.
TOOLS: dict[str, tuple[Callable[[str], bool], Callable[..., Imported]]] = {
    IPERF3: (is_iperf3, ingest_iperf3),
    SOCKPERF: (is_sockperf, ingest_sockperf),
}
COMPARED = {
    IPERF3: ("bitrate", "retransmits"),
    SOCKPERF: ("latency", "latency p99", "message rate"),
}


def gathered(store: minion.Store, folder: Path) -> dict[str, Choice]:
    """Store the tests of every platform's folder, and say what its files lack.

    Returns the runs of each experiment that has some.
    """
    platforms = sorted(path for path in existing(folder, "folder").glob("*") if path.is_dir())
    brought: dict[str, list[Path]] = {IPERF3: [], SOCKPERF: []}
    for platform in platforms:
        for experiment, (known, bring) in TOOLS.items():
            try:
                files = files_of([platform], known, f"of {experiment}")
            except NotFound:
                print(f"{platform.name}: nothing of {experiment}")
                continue
            imported = bring(store, files)
            brought[experiment] += files
            print(f"{platform.name}: {imported.summary}")
            for note in imported.notes:
                print(f"  note: {note}")
    if not any(brought.values()):
        raise NotFound(
            f"{folder}: no folder in it has a file of iperf3 or sockperf; there should be one for"
            " each platform"
        )
    return {
        experiment: {"experiment": experiment, "sims": sims_of(store, experiment, files)}
        for experiment, files in brought.items()
        if files
    }


def told_of(store: minion.Store, own: Choice, quantities: Sequence[str]) -> pd.DataFrame:
    """Print the figures of runs and their comparisons; returns all of their measurements."""
    table = measurements(store, **own)
    for quantity in quantities:
        print(f"\n{quantity}")
        for row in table[table["measurement"] == quantity].itertuples(index=False):
            print(f"  {row.platform}: {row.value:,.10g} {row.unit}")
        told(store, quantity, **own)
    return table


def bitrates(store: minion.Store, own: Choice) -> pd.DataFrame:
    """The bitrate of each interval as its sender counted it, as a chart takes it."""
    chosen: Choice = {**own, "hosts": "client"}
    samples = store.samples(contexts="iperf3.bitrate", dimensions="total", **chosen)
    return samples.assign(metric="bitrate")


def drawn(store: minion.Store, own: Mapping[str, Choice]) -> dict[str, alt.TopLevelMixin]:
    """The charts that the runs are enough for, by the name of their file."""
    charts: dict[str, alt.TopLevelMixin] = {}
    if IPERF3 in own:
        charts["bitrate"] = analysis.charts.course(
            bitrates(store, own[IPERF3]),
            title="Bitrate over time",
            colours=palette(store, IPERF3),
        )
    if SOCKPERF in own:
        try:
            latency = percentiles(store, **own[SOCKPERF])
            charts["latency"] = chart(latency, colours=palette(store, SOCKPERF))
        except NotFound as error:  # tests of throughput alone
            print(f"no chart of latency: {error}")
    return charts


def main(folder: str, out: str = ".") -> None:
    """Import, print the figures and comparisons, write charts, tables and reports."""
    target = Path(out)
    target.mkdir(parents=True, exist_ok=True)
    with minion.connect() as store:
        own = gathered(store, Path(folder))
        for experiment, choice in own.items():
            table = told_of(store, choice, COMPARED[experiment])
            table.to_csv(target / f"{experiment}.csv", index=False)
            analysis.report.write(store, target / f"{experiment}.html", **choice)
        charts = drawn(store, own)
    for name, picture in charts.items():
        analysis.charts.save(picture, target / f"{name}.html")
    print(f"\nwritten: charts ({', '.join(charts)}), tables and reports in {target}")


if __name__ == "__main__":
    start(main, __doc__, 1, 2)
