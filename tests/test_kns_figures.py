"""The published figures of simulation 5000, out of the public functions and a real MongoDB.

The published files give the first samples of each host, and the start of some series.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

from analysis import durations, simulation_events, summary, utilization
from analysis.timeline import simulation_events_of
from minion.model import Event, EventType, Host, Provenance, Role, Simulation, now
from minion.series import Dimension, Series
from minion.store import Store

CONTEXTS = {"disk_util.sda": "disk.util"}  # every other chart is called as its context


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Path:
    return shared_data / "kns"


def simulation_5000(published: Path) -> Simulation:
    about = pd.read_csv(published / "simulation.csv", dtype=str).iloc[0]
    hosts = pd.read_csv(published / "hosts.csv", dtype=str, index_col="_id")
    events = pd.read_csv(published / "events.csv", dtype={"body": "str"}).itertuples()
    return Simulation(
        experiment="kns",
        sim_id=about["sim_id"],
        platform=about["platform"],
        provenance=Provenance(source="kns", version="0", created=now()),
        hosts=tuple(
            Host(hostname=host.hostname, role=Role.parse(host.role)) for host in hosts.itertuples()
        ),
        events=tuple(
            Event(
                type=EventType.parse(event.event_type),
                time=event.timestamp,
                hostname=hosts["hostname"][event.host_id],
                correlation_id=event.correlation_id,
            )
            for event in events
        ),
    )


def series(published: Path, pattern: str) -> list[Series]:
    """The series in the files of samples whose names match."""
    rows = pd.concat([pd.read_csv(path) for path in sorted(published.glob(pattern))])
    found = []
    for (hostname, chart, unit), part in rows.groupby(["hostname", "chart_name", "units"]):
        wide = part.pivot_table(index="timestamp", columns="id", values="value")
        found.append(
            Series(
                hostname=hostname,
                chart=chart,
                context=CONTEXTS.get(chart, chart),
                family="",
                unit=unit,
                dimensions=tuple(Dimension(name, name) for name in wide.columns),
                times=wide.index.to_numpy(dtype=float),
                values=wide.to_numpy(dtype=float),
                step=5.0,
            )
        )
    return found


@pytest.fixture
def kns(store: Store, published: Path) -> Store:
    """A store with what is published of simulation 5000."""
    simulation = simulation_5000(published)
    store.put(simulation, series(published, "published_first_sample_*.csv"))
    store.write(simulation, series(published, "metrics_head_*.csv"))
    return store


def derived(published: Path, quantity: str) -> dict[str, float]:
    """The published utilization of each host's first sample."""
    table = pd.read_csv(published / "published_derived_utilization.csv")
    table = table[table["quantity"] == quantity]
    return dict(zip(table["hostname"], table["value"], strict=True))


def test_cpu_and_ram_of_the_first_sample(kns: Store, published: Path) -> None:
    cpu = utilization(kns, "cpu")
    assert cpu["hostname"].tolist() == ["uniba-dsg-h54"]
    assert cpu["value"].item() == pytest.approx(100 - 99.397488, abs=1e-12)
    of_host = derived(published, "cpu_utilization_percent")["uniba-dsg-h54"]
    assert round(cpu["value"].item(), 4) == of_host == 0.6025
    ram = utilization(kns, "ram", ram_mib=3936)
    first = ram[ram["elapsed_s"] == -1.0]  # printed as whole seconds, it ends before the start
    assert first["value"].item() == 311.7664 / 3936 * 100
    of_host = derived(published, "ram_utilization_percent_of_3936MiB")["uniba-dsg-h54"]
    assert round(first["value"].item(), 4) == of_host == 7.9209
    assert ram["unit"].unique().tolist() == ["%"]


def test_the_memory_that_the_sum_gives_is_the_host_s(kns: Store) -> None:
    by_sum = utilization(kns, "ram")["value"].iloc[0]
    assert by_sum == pytest.approx(311.7664 / (2147.9366 + 311.7664 + 1311.4782 + 165.0063) * 100)
    assert by_sum == pytest.approx(7.9209, abs=0.0005)


def test_disk_utilization_of_the_first_samples(kns: Store, published: Path) -> None:
    first = utilization(kns, "disk_util")
    first = first[first["elapsed_s"] == -1.0]
    table = pd.read_csv(published / "published_first_sample_system_disk_util.csv")
    expected = dict(zip(table["hostname"], table["value"], strict=True))
    assert len(expected) == 4
    assert dict(zip(first["hostname"], first["value"], strict=True)) == expected
    assert first["dimension"].unique().tolist() == ["sda"]
    assert set(first["role"]) == {"master", "worker"}


@pytest.mark.parametrize(("metric", "table"), [("disk_io", "disk"), ("net", "net")])
def test_throughput_is_the_magnitude_of_what_was_measured(
    kns: Store, published: Path, metric: str, table: str
) -> None:
    frame = utilization(kns, metric)
    rows = pd.read_csv(published / f"metrics_head_system_{table}.csv")
    assert len(frame) == len(rows) == 6
    start = kns.simulation("5000").start
    for row in rows.itertuples():
        one = frame[(frame["dimension"] == row.id) & (frame["elapsed_s"] == row.timestamp - start)]
        assert one["value"].item() == abs(row.value)
    assert summary(frame, ["hostname"])["dimension"].tolist() == sorted(set(rows["id"]))


def test_the_twelve_durations(kns: Store, published: Path) -> None:
    table = pd.read_csv(published / "sim5000_phase_durations_from_rounded_timestamps.csv")
    frame = durations(kns)
    assert frame["phase"].tolist() == table["event"].tolist()
    assert frame["start_s"].tolist() == table["start_offset_s"].tolist()
    assert frame["end_s"].tolist() == table["end_offset_s"].tolist()
    assert frame["duration_s"].tolist() == table["duration_s"].tolist()
    assert len(table) == 12


def test_the_table_of_simulation_events(kns: Store, published: Path) -> None:
    table = pd.read_csv(published / "sim5000_phase_durations_from_rounded_timestamps.csv")
    frame = simulation_events(kns)
    assert len(frame) == 24
    for kind, column in (("Start", "start_offset_s"), ("End", "end_offset_s")):
        rows = frame[frame["type"] == kind]
        assert rows["event"].tolist() == table["event"].tolist()
        assert rows["duration"].tolist() == table[column].tolist()
    assert frame["platform"].unique().tolist() == ["mK8s"]


def test_durations_of_events_are_offsets_from_the_start(published: Path) -> None:
    facts = json.loads((published / "facts.json").read_text())
    offsets = facts["sim1000_START_SIMULATION_to_START_KNS_PLATFORM_offsets_s"]
    kinds = (EventType.START_SIMULATION, EventType.START_KNS_PLATFORM)
    events = [
        Event(type=kind, time=1_613_000_000 + at) for kind, at in zip(kinds, offsets, strict=True)
    ]
    run = Simulation(
        experiment="kns",
        sim_id="1000",
        platform="K8s",
        provenance=Provenance(source="kns", version="0", created=now()),
        events=tuple(events),
    )
    frame = simulation_events_of([run], phases=["System idle 1"])
    assert frame["type"].tolist() == ["Start", "End"]
    assert frame["duration"].tolist() == pytest.approx(offsets, abs=1e-6)
