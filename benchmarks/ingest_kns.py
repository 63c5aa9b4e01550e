"""How fast `minion ingest kns` is: documents of the published study's form, into a real mongod.

Makes the dump of a database of the simulated study in a temporary folder, in each form, imports
each into an embedded server of its own, and prints what it took. One process, one core:

    python benchmarks/ingest_kns.py                  three runs of each platform
    python benchmarks/ingest_kns.py --runs 25        the study's size, 2.5 million samples
"""

import argparse
import gzip
import json
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bson
from bson import ObjectId

import minion
from ingest.kns.database import import_kns
from ingest.simulated import study
from minion.model import Simulation
from minion.series import Series
from minion.server import Server

FORMS = ("bson", "bson.gz", "json", "json.gz")


def main() -> None:
    """Make the dumps, import them, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="valid runs of each platform")
    parser.add_argument("--forms", default=",".join(FORMS), help="with commas between")
    parser.add_argument("--repeat", type=int, default=3, help="imports of each form")
    parser.add_argument("--copies", type=int, default=1, help="how often the samples stand there")
    arguments = parser.parse_args()
    forms = arguments.forms.split(",")
    folder = Path(tempfile.mkdtemp(prefix="minion-"))
    try:
        for form in forms:
            write(folder / form, form, arguments.runs, arguments.copies)
        with Server.use(folder / "home") as server:
            print("form        samples   median s   samples/s   MB on disk   peak MiB so far")
            for form in forms:
                measure(folder / form, form, server.uri, arguments.repeat)
    finally:
        shutil.rmtree(folder)


def measure(folder: Path, form: str, uri: str, repeat: int) -> None:
    """Import a dump some times, each into an empty database; print the median."""
    seconds = []
    for attempt in range(repeat):
        with minion.connect(uri, database=f"bench_{form.replace('.', '_')}_{attempt}") as store:
            started = time.perf_counter()
            imported = import_kns(store, str(folder))
            seconds.append(time.perf_counter() - started)
            store.client.drop_database(store.database.name)
    median = sorted(seconds)[len(seconds) // 2]
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = imported.documents / median
    what = f"{form:8} {imported.documents:10,} {median:10.2f} {rate:11,.0f}"
    print(f"{what} {size:12,.0f} {peak:17,.0f}")


def write(folder: Path, form: str, runs: int, copies: int) -> None:
    """The four collections of the simulated study in one form."""
    folder.mkdir()
    small: dict[str, list[dict[str, Any]]] = {"simulations": [], "hosts": [], "events": []}
    with (folder / f"netdata_metrics.{form}").open("wb") as file:
        for simulation, series in study(seed=1, runs=runs):
            hosts = {host.hostname: ObjectId() for host in simulation.hosts}
            small["simulations"].append(
                {"_id": simulation.id, "sim_id": simulation.sim_id, "platform": simulation.platform}
            )
            small["hosts"] += [
                {
                    "_id": hosts[host.hostname],
                    "simulation_id": str(simulation.id),
                    "hostname": host.hostname,
                    "role": host.role.value,
                }
                for host in simulation.hosts
            ]
            small["events"] += list(events(simulation, hosts))
            whole = b"".join(as_bytes(document, form) for document in flat(series))
            packed = gzip.compress(whole, 6) if form.endswith(".gz") else whole
            for _ in range(copies):
                file.write(packed)
    for name, documents in small.items():
        whole = b"".join(as_bytes(document, form) for document in documents)
        packed = gzip.compress(whole) if form.endswith(".gz") else whole
        (folder / f"{name}.{form}").write_bytes(packed)


def events(simulation: Simulation, hosts: dict[str, ObjectId]) -> Iterator[dict[str, Any]]:
    """The events of a run, as the study's controller writes them."""
    for event in simulation.events:
        yield {
            "_id": ObjectId(),
            "host_id": str(hosts[event.hostname or ""]),
            "correlation_id": event.correlation_id,
            "event_type": f"EventType.{event.type.name}",
            "body": "",
            "timestamp": event.time,
        }


def flat(series: list[Series]) -> Iterator[dict[str, Any]]:
    """The samples of a run as netdata's exporter writes them, host by host, in order of time."""
    for one in series:
        for row, timestamp in enumerate(one.times):
            for column, dimension in enumerate(one.dimensions):
                value = float(one.values[row, column])
                if value == value:  # noqa: PLR0124  NaN
                    yield {
                        "_id": ObjectId(),
                        "prefix": "netdata",
                        "hostname": one.hostname,
                        "labels": {"_is_ephemeral": "false", "_has_unstable_connection": "false"},
                        "chart_id": one.chart,
                        "chart_name": one.chart,
                        "chart_family": one.family,
                        "chart_context": one.context,
                        "chart_type": one.chart.split(".")[0],
                        "units": one.unit,
                        "id": dimension.id,
                        "name": dimension.name,
                        "value": value,
                        "timestamp": int(timestamp),
                    }


def as_bytes(document: dict[str, Any], form: str) -> bytes:
    """A document as mongodump or mongoexport writes it."""
    if form.startswith("bson"):
        return bson.encode(document)
    identity = {"$oid": str(document["_id"])}
    text = json.dumps({**document, "_id": identity}, separators=(",", ":"))
    return text.encode() + b"\n"


if __name__ == "__main__":
    os.nice(5)
    main()
