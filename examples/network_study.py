"""The network between two nodes, on GKE and on Compute Engine: files to charts and reports.

python network_study.py FOLDER [OUT]

FOLDER has a folder for each platform, with what iperf3 and sockperf printed in it. Writes to the
store of MINION_MONGODB_URI, or the embedded one (experiments iperf3 and sockperf); OUT gets the
charts, the tables and a report of each experiment.
"""

import sys
from pathlib import Path

import pandas as pd

import analysis
import minion
from analysis.measurements import measurements
from analysis.networking.percentiles import chart, percentiles
from ingest.networking.iperf3 import IPERF3, ingest_iperf3, is_iperf3
from ingest.networking.sockperf import SOCKPERF, ingest_sockperf
from ingest.networking.sockperf_text import is_sockperf
from ingest.texts import files_of

COMPARED = {
    IPERF3: ("bitrate", "retransmits"),
    SOCKPERF: ("latency", "latency p99", "message rate"),
}


def gathered(store: minion.Store, folder: Path) -> None:
    """Store the tests of every platform's folder, and say what its files lack."""
    for platform in sorted(path for path in folder.iterdir() if path.is_dir()):
        tests = files_of([platform], is_iperf3, "of iperf3")
        pings = files_of([platform], is_sockperf, "of sockperf")
        for imported in (ingest_iperf3(store, tests), ingest_sockperf(store, pings)):
            print(f"{platform.name}: {imported.summary}")
            for note in imported.notes:
                print(f"  note: {note}")


def bitrates(store: minion.Store) -> pd.DataFrame:
    """The bitrate of each interval as its sender counted it, as a chart takes it."""
    samples = store.samples(
        experiment=IPERF3, hosts="client", contexts="iperf3.bitrate", dimensions="total"
    )
    return samples.assign(metric="bitrate")


def main(folder: str, out: str = ".") -> None:
    """Import, print the figures and comparisons, write charts, tables and reports."""
    target = Path(out)
    target.mkdir(parents=True, exist_ok=True)
    with minion.connect() as store:
        gathered(store, Path(folder))
        for experiment, quantities in COMPARED.items():
            table = measurements(store, experiment=experiment)
            table.to_csv(target / f"{experiment}.csv", index=False)
            for quantity in quantities:
                own = table[table["measurement"] == quantity]
                print(f"\n{quantity}")
                for row in own.itertuples(index=False):
                    print(f"  {row.platform}: {row.value:,.10g} {row.unit}")
                found = analysis.compare(store, quantity, experiment=experiment)
                print(*found.sentences, sep="\n")
            analysis.report.write(store, target / f"{experiment}.html", experiment=experiment)
        latencies = percentiles(store, experiment=SOCKPERF)
        courses = analysis.charts.course(bitrates(store), title="Bitrate over time")
    analysis.charts.save(chart(latencies), target / "latency.html")
    analysis.charts.save(courses, target / "bitrate.html")
    print(f"\nwritten: charts (latency, bitrate), tables and reports in {target}")


if __name__ == "__main__":
    main(*sys.argv[1:])
