"""The example that goes through the published analysis, on a small simulated study."""

import numpy as np
import pandas as pd
import pytest
from example_scripts import example_script

from ingest.simulated import study
from minion.model import Verdict

PLATFORM_OF = {"1": "K8s", "5": "mK8s", "3": "K3s"}


@pytest.fixture(scope="module")
def example():
    return example_script("kns_study")


@pytest.fixture
def small(store):
    """Two runs of each platform."""
    for simulation, series in study(seed=1, runs=2, experiment="kns"):
        store.put(simulation, series)
    return store


@pytest.fixture
def frames(example, small):
    return example.utilization(small, "kns", example.valid_runs(small, "kns"))


def rows_of(chart):
    """The simulations and values that a facet plot holds."""
    (records,) = chart.to_dict()["datasets"].values()
    return records, {record["row"].split()[-1] for record in records}


def test_the_runs_are_the_study_s_without_the_broken_ones(example, study_store):
    sims = example.valid_runs(study_store, "demo")
    assert len(sims) == 75
    assert not example.BROKEN & set(sims)


def test_a_run_that_the_study_left_out_is_left_out_whatever_its_verdict(example, store):
    for simulation, series in study(seed=1, runs=9, experiment="kns"):
        if simulation.sim_id in {"3056", "3057"}:
            store.put(simulation, series[:1])
    assert "3057" not in {s.sim_id for s in store.simulations()}
    store.judge(store.simulation("3057"), Verdict.VALID, ["by hand"], by="me")
    for simulation, _ in study(seed=1, runs=1, experiment="kns"):
        if simulation.platform != "K3s":
            store.put(simulation, [])
    assert example.valid_runs(store, "kns") == ["1000", "3056", "5000"]


def test_every_plot_is_drawn_from_runs_of_its_own_platform(example, frames):
    charts = example.facets(frames, simulated=True)
    assert len(charts) == 9
    for (metric, platform), chart in charts.items():
        _, sims = rows_of(chart)
        assert {PLATFORM_OF[sim[0]] for sim in sims} == {platform}, (metric, platform)
        assert len(sims) == 2


def test_the_memory_plot_of_microk8s_shows_microk8s(example, frames):
    records, sims = rows_of(example.facets(frames, simulated=True)["ram", "mK8s"])
    assert sims == {"5000", "5001"}
    drawn = [value for record in records for value in record["v"] if value is not None]
    ram = frames["ram"]
    mine, other = (ram.loc[ram["platform"] == name, "value"] for name in ("mK8s", "K8s"))
    # A line keeps its extremes.
    assert max(drawn) == pytest.approx(mine.max(), abs=1e-3)
    assert max(drawn) != pytest.approx(other.max(), abs=1e-3)


def test_utilization_is_the_study_s(small, frames):
    packet = small.minion("5001")
    metrics = packet.system_metrics
    idle = metrics.system_cpu[metrics.system_cpu["id"] == "idle"]
    used = metrics.system_ram[metrics.system_ram["id"] == "used"]
    for metric, table, value in (
        ("cpu", idle, 100 - idle["value"]),
        ("ram", used, used["value"] / 3936 * 100),
        ("disk_util", metrics.system_disk_util, metrics.system_disk_util["value"]),
    ):
        frame = frames[metric]
        frame = frame[frame["sim_id"] == "5001"]
        assert set(frame["role"]) == {"master", "worker"}
        for hostname, part in frame.groupby("hostname", observed=True):
            expected = value[table["hostname"] == hostname].to_numpy()
            assert np.allclose(part["value"], expected, rtol=0, atol=1e-12)


def test_the_program_writes_every_chart_and_table(
    example, small, mongodb_uri, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", small.database.name)
    example.main("kns", str(tmp_path / "out"))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        *(f"{m}-{p}.html" for m in ("cpu", "ram", "disk_util") for p in example.RUNS),
        *("cpu.csv", "ram.csv", "disk_util.csv", "events.csv"),
    }
    events = pd.read_csv(tmp_path / "out" / "events.csv", dtype={"sim_id": str})
    assert len(events) == 24 * 6
    summary = pd.read_csv(tmp_path / "out" / "ram.csv", dtype={"sim_id": str})
    assert len(summary) == 4 * 6
    assert set(summary["platform"]) == set(example.RUNS)
    assert "6 runs, simulated" in capsys.readouterr().out
