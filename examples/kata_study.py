"""Kata Containers against runc: from the published tables to charts, tables and a report.

python kata_study.py FOLDER FILE...

Imports the files (see docs/experiments/kata.md) into experiment `kata` of MINION_MONGODB_URI, or of
the embedded server. FOLDER gets the charts, the tables as CSV, and the report. Name files of one
variant, such as runc.csv and kata.csv: others are no fair comparison.
"""

from pathlib import Path

import altair as alt
import pandas as pd
from shared import start, told

import analysis
import minion
from analysis.charting.palette import Colours, palette
from analysis.saturating.costs import overhead, per_load
from analysis.saturating.curves import curves
from analysis.saturating.ramps import ramps
from analysis.saturating.saturation import saturation
from ingest.saturating.kata import KATA, RUNNING, import_kata, ramp
from minion.selection import Choice

STATES = ("running", "creating", "terminating", "evicted")
BASELINE = "runc"
NAMED = {"active": "active memory", "free": "free memory"}


def against(samples: pd.DataFrame, load: str, *responses: str) -> pd.DataFrame:
    """Several responses to one load, one below the other, with names for people."""
    there = set(samples["dimension"])
    parts = [ramps(samples, load=load, response=name) for name in responses if name in there]
    return pd.concat(parts, ignore_index=True).replace({"response": NAMED})


def by_worker(samples: pd.DataFrame) -> pd.DataFrame:
    """Active memory of each worker against the iteration."""
    iteration = samples[samples["dimension"] == "iteration"]
    workers = samples[samples["dimension"] == "active"]
    parts = []
    for host in sorted(workers["hostname"].astype(str).unique()):
        own = pd.concat([iteration, workers[workers["hostname"] == host]])
        parts.append(ramps(own, load="iteration", response="active").assign(response=host))
    return pd.concat(parts, ignore_index=True)


def memory_full_at(table: pd.DataFrame) -> float | None:
    """The fewest running containers at which a ramp's memory saturated; None where none did."""
    full = table[table["verdict"] == "saturated"]["begins"]
    return None if full.empty else float(full.min())


def tables_and_charts(
    samples: pd.DataFrame, colours: Colours
) -> tuple[dict[str, pd.DataFrame], dict[str, alt.ConcatChart]]:
    """The study's tables and charts, by the name of their file."""
    states = against(samples, "iteration", *STATES)
    memory = against(samples, "iteration", "active", "free")
    cost = against(samples, "running", "active")
    begins = pd.concat([saturation(states[states["response"] == "running"]), saturation(memory)])
    full = saturation(cost)
    each = per_load(cost)
    tables = {"saturation": begins, "memory-full": full, "per-container": each}
    name = "active memory for each container beyond the first"
    extra = each.assign(response=name, value=each["extra_per_load"])
    charts = {
        "containers": curves(states, load="iteration", saturation=begins, colours=colours),
        "memory": curves(memory, load="iteration", saturation=begins, colours=colours),
        "workers": curves(
            by_worker(samples),
            load="iteration",
            title="Active memory of each worker",
            colours=colours,
        ),
        "memory-full": curves(cost, load=RUNNING, saturation=full, colours=colours),
        "per-container": curves(extra, load=RUNNING, title="Memory per container", colours=colours),
    }
    platforms = set(cost["platform"])
    if BASELINE in platforms and len(platforms) > 1:
        by_load, in_all = overhead(cost, baseline=BASELINE, up_to=memory_full_at(full))
        tables |= {"overhead": in_all, "overhead-by-load": by_load}
    return tables, charts


def main(folder: str, *files: str) -> None:
    """Import the files, write charts, tables and the report, print what they come to."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    with minion.connect() as store:
        imported = import_kata(store, files)
        print("\n".join([imported.summary, *imported.notes]))
        # The experiment may have other runs by now.
        runs: Choice = {"experiment": KATA, "sims": [ramp(Path(file)).run.sim_id for file in files]}
        samples = store.samples(**runs)
        tables, charts = tables_and_charts(samples, palette(store, KATA))
        if len(samples["platform"].unique()) > 1:
            told(store, RUNNING, **runs)
        analysis.report.write(store, out / "report.html", **runs)
    for name, table in tables.items():
        table.to_csv(out / f"{name}.csv", index=False)
    for name, chart in charts.items():
        analysis.charts.save(chart, out / f"{name}.html")
    shown = ["sim_id", "response", "maximum", "at_load", "verdict"]
    shown += ["begins", "begins_low", "begins_high"]
    print(tables["saturation"][shown].to_string(index=False))
    for caveat in tables.get("overhead", pd.DataFrame({"caveat": []}))["caveat"]:
        print(f"overhead: {caveat}")
    print(f"\nwritten: charts, tables and the report in {out}")


if __name__ == "__main__":
    start(main, __doc__, 2)
