"""Small databases of the published study, written as its users' dumps are."""

import gzip
import json
from dataclasses import dataclass, field
from pathlib import Path

import bson
from bson import ObjectId, json_util

START = 1_613_401_076.25
CPU = ("user", "system", "idle")
RAM = ("free", "used", "cached", "buffers")
STEPS = {
    0.0: "START_SIMULATION",
    30.4: "START_KNS_PLATFORM",
    55.1: "FINISHED_START_KNS_PLATFORM",
    100.0: "START_KNS_JOIN_NODES",
    131.9: "FINISHED_START_KNS_JOIN_NODES",
    170.0: "START_KNS_DEPLOYMENT",
    199.2: "FINISHED_START_KNS_DEPLOYMENT",
    230.0: "STOP_KNS_DEPLOYMENT",
    251.0: "FINISHED_STOP_KNS_DEPLOYMENT",
    260.0: "START_KNS_UNJOIN_NODES",
    281.0: "FINISHED_KNS_UNJOIN_NODES",
    290.0: "STOP_KNS_PLATFORM",
    301.0: "FINISHED_STOP_KNS_PLATFORM",
    340.6: "STOP_SIMULATION",
}


@dataclass
class Study:
    """The four collections, as Python documents."""

    simulations: list = field(default_factory=list)
    hosts: list = field(default_factory=list)
    events: list = field(default_factory=list)
    netdata_metrics: list = field(default_factory=list)

    def add_run(self, sim_id, platform="K8s", *, start=START, hosts=("m1", "w1", "w2"), last=341.0):
        """A run with a controller; the first of the hosts is the master."""
        simulation = {"_id": ObjectId(), "sim_id": sim_id, "platform": platform}
        self.simulations.append(simulation)
        roles = {"c0": "controller"} | dict.fromkeys(hosts, "worker")
        if hosts:
            roles[hosts[0]] = "master"
        ids = {}
        for hostname, role in roles.items():
            ids[hostname] = ObjectId()
            key = {"_id": ids[hostname], "simulation_id": str(simulation["_id"])}
            self.hosts.append({**key, "hostname": hostname, "role": role})
        for elapsed, name in STEPS.items():
            if elapsed <= last:
                self.add_event(str(ids["c0"]), name, start + elapsed, pair_of(name))
        return simulation

    def add_event(self, host_id, name, time, correlation_id="a"):
        """An event as the study's controller writes it."""
        self.events.append(
            {
                "_id": ObjectId(),
                "host_id": host_id,
                "correlation_id": correlation_id,
                "event_type": f"EventType.{name}",
                "body": "",
                "timestamp": time,
            }
        )

    def add_samples(self, random, hosts=("m1", "w1", "w2"), first=-20, last=370, start=START):
        """Every chart of the hosts, each on a grid of its own, from before to after a run."""
        for place, hostname in enumerate(hosts):
            for time in range(int(start) + first + place, int(start) + last, 5):
                busy = [round(random.uniform(0, 9), 7) for _ in CPU[:-1]]
                used = round(random.uniform(300, 900), 4)
                cpu = zip(CPU, [*busy, round(100 - sum(busy), 7)], strict=True)
                ram = zip(RAM, [3936 - used - 1400, used, 1300.0, 100.0], strict=True)
                io = (("in", 0.0), ("out", -round(random.uniform(0, 40), 5)))
                net = (("InOctets", round(random.uniform(0, 40), 6)), ("OutOctets", -9.5))
                busy_disk = (("utilization", round(random.uniform(0, 2), 7)),)
                self.add_chart(hostname, time, cpu, "system.cpu", "cpu", "percentage")
                self.add_chart(hostname, time, ram, "system.ram", "ram", "MiB")
                self.add_chart(hostname, time, io, "system.io", "disk", "KiB/s")
                self.add_chart(hostname, time, net, "system.net", "network", "kilobits/s")
                self.add_chart(
                    hostname, time, busy_disk, "disk_util.sda", "sda", "% of time working"
                )

    def add_chart(self, hostname, time, values, chart, family, unit):
        """The documents that netdata's exporter writes for one chart at one time."""
        for dimension, value in values:
            self.netdata_metrics.append(
                {
                    "_id": ObjectId(),
                    "prefix": "netdata",
                    "hostname": hostname,
                    "host_tags": "",
                    "chart_id": chart,
                    "chart_name": chart,
                    "chart_family": family,
                    "chart_context": "disk.util" if chart.startswith("disk_util") else chart,
                    "chart_type": chart.split(".")[0],
                    "units": unit,
                    "id": dimension,
                    "name": dimension,
                    "value": value,
                    "timestamp": time,
                }
            )

    def collections(self):
        """The documents by collection."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def pair_of(name):
    """The correlation id of an event: the two of one action share it."""
    names = {"STOP_SIMULATION": "START_SIMULATION"}
    names["FINISHED_KNS_UNJOIN_NODES"] = "START_KNS_UNJOIN_NODES"
    return names.get(name, name.removeprefix("FINISHED_"))


def write(folder: Path, study, form="json", *, relaxed=True):
    """A folder with the four collections; a form is lines, array, pretty or bson, and .gz."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = form.removesuffix(".gz")
    for name, documents in study.collections().items():
        data = as_bytes(documents, kind, relaxed=relaxed)
        suffix = ".bson" if kind == "bson" else ".json"
        path = folder / f"{name}{suffix}"
        if form.endswith(".gz"):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(data))
        else:
            path.write_bytes(data)
    return folder


def as_bytes(documents, kind, *, relaxed=True):
    """A collection as mongodump (bson) or mongoexport writes it."""
    if kind == "bson":
        return b"".join(map(bson.encode, documents))
    mode = json_util.RELAXED_JSON_OPTIONS if relaxed else json_util.CANONICAL_JSON_OPTIONS
    texts = [json_util.dumps(document, json_options=mode) for document in documents]
    if kind == "pretty":
        plain = [json.loads(text) for text in texts]
        return json.dumps(plain, indent="\t").encode()
    if kind == "array":
        return b"[" + ",".join(texts).encode() + b"]\n"
    return b"".join(text.encode() + b"\n" for text in texts)
