"""What is exported as the study's flat collections and imported again is the same."""

from dataclasses import replace

import numpy as np
import pytest
from bson import ObjectId
from flat_study import as_set
from stores import fresh
from test_export_kns import read

from ingest.kns.database import import_kns
from minion import flat
from minion.flat_files import FORMS, write_flat_files
from minion.model import Event, EventType, Host, Provenance, Role, Simulation, now
from minion.selection import Selection
from minion.series import Dimension, Series

CHARTS = {
    "system.cpu": ("system.cpu", "cpu", "percentage", ["user", "idle"]),
    "system.ram": ("system.ram", "ram", "MiB", ["free", "used"]),
    "disk_util.sda": ("disk.util", "sda", "% of time working", ["utilization"]),
    'odd."chart"': ("odd", "ü\\", "%", ["a.b", "$c", "idle"]),
}


@pytest.fixture
def other(mongodb_uri):
    """Another empty store."""
    yield from fresh(mongodb_uri)


def random_runs(seed):
    """Runs one after the other, of any size and shape that the flat form can hold."""
    random = np.random.default_rng(seed)
    begin = 1_613_401_077.0
    for number in range(int(random.integers(1, 5))):
        rows = int(random.integers(2, 300))
        step = float(random.choice([1.0, 5.0, 10.0]))
        end = begin + rows * step + 1 + float(random.random())
        hosts = [f"host-{place}" for place in range(int(random.integers(1, 4)))]
        own = bool(random.random() < 0.3)  # recorded by Minion: no identities
        yield (
            Simulation(
                experiment="kns",
                sim_id=f"{1000 + number}",
                platform=str(random.choice(["K8s", "mK8s", "a b"])),
                source_id=None if own else ObjectId(random.bytes(12)),
                provenance=Provenance(source="kns", version="0", created=now()),
                hosts=tuple(
                    Host(
                        hostname=name,
                        role=list(Role)[place % 3],
                        id=None if own else ObjectId(random.bytes(12)),
                    )
                    for place, name in enumerate(hosts)
                ),
                events=tuple(_events(random, begin, end, hosts, own=own)),
            ),
            [
                one
                for host in hosts
                for chart in CHARTS
                if random.random() < 0.8
                for one in [_series(random, host, chart, begin, rows, step)]
                if one.samples
            ],
        )
        begin = end + float(random.integers(1, 100))


def _events(random, begin, end, hosts, *, own):
    kinds = [EventType.START_SIMULATION, *random.choice(list(EventType)[:8], 5)]
    times = [begin, *np.sort(random.uniform(begin, end, 5)), end]
    for kind, time in zip([*kinds, EventType.STOP_SIMULATION], times, strict=True):
        yield Event(
            type=EventType(int(kind)),
            time=float(time),
            hostname=str(random.choice(hosts)),
            correlation_id=random.choice([None, "", "both", str(ObjectId())]),
            body=random.choice([None, "", 'text, with "all" of it\n', "0"]),
            id=None if own else ObjectId(random.bytes(12)),
        )


def _series(random, host, chart, begin, rows, step):
    context, family, unit, ids = CHARTS[chart]
    times = np.ceil(begin) + 1 + step * np.arange(rows - 1)
    if random.random() < 0.3:
        times = times[random.random(len(times)) < 0.4]
    values = random.normal(0, 10.0 ** random.integers(-6, 7), (len(times), len(ids)))
    values[random.random(values.shape) < random.choice([0, 0.1])] = np.nan
    series = Series(
        hostname=host,
        chart=chart,
        name=chart,
        context=context,
        family=family,
        unit=unit,
        dimensions=tuple(Dimension(i, i.upper()) for i in ids),
        times=times,
        values=values,
        step=step,
    )
    return series.compact()


def contents(store):
    """All that the flat form holds of a store, and the series to the bit."""
    found = {}
    for simulation in store.simulations(Selection(include_excluded=True)):
        told = replace(
            simulation,
            id=simulation.source_id,
            provenance=None,
            environment={},
            parameters={},
            validity=replace(simulation.validity, at=None),
        )
        samples = {
            (s.hostname, s.chart, s.name, s.context, s.family, s.unit, d, float(time)): float(v)
            for s in store.series(simulation)
            for d, column in zip(s.dimensions, s.values.T, strict=True)
            for time, v in zip(s.times, column, strict=True)
            if not np.isnan(v)
        }
        found[simulation.sim_id] = (told, samples)
    return found


@pytest.mark.parametrize("seed", range(12))
def test_import_of_export_is_the_same(store, other, tmp_path, seed):
    for simulation, series in random_runs(seed):
        store.put(simulation, series)
    once, twice = tmp_path / "once", tmp_path / "twice"
    form = FORMS[seed % 2]
    everything = {"include_excluded": True}
    write_flat_files(store, once, form=form, **everything)
    imported = import_kns(other, str(once))
    assert imported.errors == ()
    assert imported.placed == imported.documents

    write_flat_files(other, twice, form=FORMS[1 - seed % 2], **everything)
    first, second = read(once, form), read(twice, FORMS[1 - seed % 2])
    for name in flat.COLLECTIONS:
        assert as_set(first[name]) == as_set(second[name]), name

    before, after = contents(store), contents(other)
    assert before.keys() == after.keys()
    for sim_id, (simulation, samples) in before.items():
        same, same_samples = after[sim_id]
        assert samples == same_samples
        keys = "sim_id platform".split()
        assert [getattr(simulation, k) for k in keys] == [getattr(same, k) for k in keys]
        if simulation.source_id is not None:
            assert (same.source_id, same.events) == (simulation.source_id, simulation.events)
            # Flat documents have no order; the importer gives the hosts that of their identities.
            assert set(same.hosts) == set(simulation.hosts)

    again = import_kns(other, str(twice))
    assert (again.written.samples, again.written.documents) == (0, 0)
    assert contents(other) == after
