"""Stores with runs of every kind, and what stores and files hold, for tests of backups."""

from dataclasses import replace

import bson
import numpy as np
from runs import run

from minion.archive import Archive, Namespace
from minion.documents import encode
from minion.lookup import read as read_simulation
from minion.model import Missing, Status, Verdict
from minion.progress import Progress
from minion.schema import MINIONS, PROGRESS, SERIES
from minion.selection import Selection

KEPT = (MINIONS, SERIES)

EVERY = Selection(include_excluded=True)


def documents(store, *, names=(MINIONS, PROGRESS, SERIES)):
    """Everything that a store keeps, as the bytes that it is."""
    return {
        name: sorted(bytes(one.raw) for one in raw(store, name).find().sort("_id", 1))
        for name in names
    }


def raw(store, name):
    options = bson.codec_options.CodecOptions(document_class=bson.raw_bson.RawBSONDocument)
    return store.database[name].with_options(options)


def filled(store, *, experiment="e"):
    """Runs of every kind: complete, excluded, in progress, registered, being imported."""
    for sim_id in ("1", "2"):
        store.put(*run(sim_id, experiment=experiment))
    bad = store.simulation("2", experiment)
    store.judge(bad, Verdict.EXCLUDED, ["a cable was loose"], by="me")
    going, series = run("3", experiment=experiment)
    going = store.add(replace(going, status=Status.RUNNING, events=going.events[:-1]))
    store.write(going, series, settled=False)
    in_progress(store, going)
    store.add(replace(run("4", experiment=experiment)[0], status=Status.REGISTERED, events=()))
    coming, series = run("5", experiment=experiment)
    store.add(replace(coming, status=Status.IMPORTING))
    store.write(coming, series[:3], settled=True)
    return going


def in_progress(store, going):
    """What a collector keeps of the hosts of a run."""
    last = going.events[-1].time
    gone = Missing(hostname="node-a", chart="system.io", first=last, last=last + 5, reason="away")
    for host in going.hosts:
        one = Progress(
            simulation=going.id,
            hostname=host.hostname,
            url=f"http://{host.hostname}:19999",
            until=last,
            missing=(gone,) if host.hostname == "node-a" else (),
            owner="a collector that is not there",
        )
        store.database[PROGRESS].insert_one(encode(one))


def samples(store, simulation):
    """Every stored value of a run by host, chart, time and dimension."""
    return {
        (one.hostname, one.chart, float(time), dimension.id): float(one.values[row, column])
        for one in store.series(simulation)
        for row, time in enumerate(one.times)
        for column, dimension in enumerate(one.dimensions)
        if not np.isnan(one.values[row, column])
    }


def in_the_file(path):
    """The simulations of a file, and the time ranges of the series by host and chart."""
    (database,) = {one.namespace.database for one in Archive(path).collections}
    names = [Namespace(database, name) for name in KEPT]
    found: dict[str, list[bytes]] = {MINIONS: [], SERIES: []}
    for place, one in Archive(path).documents(names, whole=True):
        found[place.collection].append(one)
    return [read_simulation(bson.decode(one)) for one in found[MINIONS]], found[SERIES]
