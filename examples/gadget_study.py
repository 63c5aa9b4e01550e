"""Inspektor Gadget's test of scaling, from its files to tables, charts and a report.

python gadget_study.py FOLDER [OUT]

FOLDER has the test's files: exec-N-nodes.csv, cpu-before-N-nodes.csv, cpu-N-nodes.csv and
memory-N-nodes.csv. They go to experiment `gadget` in the store of MINION_MONGODB_URI, or the
embedded one. OUT gets the tables as CSV, the charts and the report.
"""

from collections.abc import Mapping
from pathlib import Path

import altair as alt
import pandas as pd
from shared import sims_of, start

import analysis
import minion
from analysis.charting.palette import Colours, palette
from analysis.measurements import measurements
from analysis.observing import curves
from analysis.observing.bars import bars
from analysis.observing.capture import capture, capture_intervals, keeping_up
from analysis.observing.costs import cost_per_node, cost_trend
from analysis.observing.levels import run_means
from analysis.observing.percentiles import NESTED, POOLED, percentile_table, percentiles
from analysis.observing.saturation import FEWEST_RUNS, saturation
from ingest.observing.gadget import CPU, GADGET, GENERATED, MEMORY, SEEN, import_gadget
from minion.selection import Choice

COSTS = (CPU, MEMORY)


def captured(frame: pd.DataFrame) -> pd.DataFrame:
    """What each run generated and the observer saw."""
    return capture(frame, seen=SEEN, generated=GENERATED)


def node_percentiles(frame: pd.DataFrame, percent: float = 99) -> pd.DataFrame:
    """Percentiles of both costs over the runs, of each node; of those; and of all values."""
    own = frame[frame["measurement"].isin(COSTS)]
    return percentile_table(
        own, by=["nodes", "measurement", "unit"], within="hostname", percent=percent
    )


def published_table(nodes: pd.DataFrame, number: int) -> pd.DataFrame:
    """The study's own table: a row for each node of one cluster, the last one for all of them."""
    # The last row is the percentile of the nodes' percentiles, which the study gives; what is
    # pooled over nodes and runs is another figure, and stands in nodes.csv only.
    own = nodes[(nodes["nodes"] == number) & (nodes["kind"] != POOLED)]
    names = own["hostname"].where(own["kind"] != NESTED, "all nodes")
    wide = own.assign(hostname=names).pivot_table(
        index="hostname", columns="measurement", values="value", sort=False, observed=True
    )
    wide.columns = [f"{CPU} in s", f"{MEMORY} in MiB"]
    return wide.reset_index()


def event_percentiles(runs: pd.DataFrame, percent: float = 99) -> pd.DataFrame:
    """Percentile of the events of a run, generated and seen, for each number of nodes."""
    generated, seen = (
        percentiles(runs, ["nodes"], percent=percent, value=what) for what in ("generated", "seen")
    )
    return generated.rename(columns={"value": "generated"}).assign(seen=seen["value"])


def tables(frame: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """Every table, by the name of its file."""
    runs, nodes = captured(frame), node_percentiles(frame)
    largest = int(nodes["nodes"].max())
    return {
        "nodes": nodes,
        f"published-{largest}-nodes": published_table(nodes, largest),
        "events": event_percentiles(runs),
        "capture": capture_intervals(runs),
        "keeping-up": keeping_up(runs).levels,
        "cost": cost_per_node(frame, COSTS),
        "cost-trend": cost_trend(frame, COSTS),
    }


def charts(frame: pd.DataFrame, colours: Colours) -> Mapping[str, alt.TopLevelMixin]:
    """Every chart, by the name of its file: curves over the nodes, and bars of each node."""
    runs, nodes = captured(frame), node_percentiles(frame)
    largest = nodes[nodes["nodes"] == nodes["nodes"].max()]
    drawn: dict[str, alt.TopLevelMixin] = {
        "capture": curves.capture_curve(runs, colours=colours),
        "events": curves.events_curve(runs, colours=colours),
    }
    for name in COSTS:
        means = run_means(frame[frame["measurement"] == name], ["measurement", "unit", "nodes"])
        drawn[name.replace(" ", "-")] = curves.cost_curve(means, colours=colours)
        own = largest[largest["measurement"] == name]
        drawn[f"{name.replace(' ', '-')}-by-node"] = bars(
            own,
            unit=own["unit"].iloc[0],
            title=f"{name} of each of {largest['nodes'].iloc[0]} nodes",
        )
    return drawn


def told(runs: pd.DataFrame) -> list[str]:
    """What the events say about keeping up, a sentence each."""
    sentences = [keeping_up(runs).sentence]
    if len(runs) >= FEWEST_RUNS:
        found = saturation(runs)
        sentences.append(
            f"A line that breaks does so at {found.events:,.0f} events a run (95 % interval"
            f" {found.low:,.0f} to {found.high:,.0f}); it explains {found.explained:.0%} of the"
            " variance."
        )
    return sentences


def main(files: str, folder: str = ".") -> None:
    """Import the files, write tables, charts and the report, and print what they say."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    with minion.connect() as store:
        imported = import_gadget(store, files, platform=GADGET)
        print(imported.summary, *imported.notes, sep="\n")
        paths = Path(files).rglob("*.csv")
        own: Choice = {"experiment": GADGET, "sims": sims_of(store, GADGET, paths, GADGET)}
        frame = measurements(store, **own)
        drawn = charts(frame, palette(store, GADGET))
        analysis.report.write(store, out / "report.html", **own)
    for name, table in tables(frame).items():
        table.to_csv(out / f"{name}.csv", index=False)
    for name, chart in drawn.items():
        analysis.charts.save(chart, out / f"{name}.html")
    print(*told(captured(frame)), sep="\n")
    print(event_percentiles(captured(frame)).to_string(index=False))


if __name__ == "__main__":
    start(main, __doc__, 1, 2)
