"""The demo and the example script, as a new user runs them: processes, the embedded server."""

import csv
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minion
from minion.model import EventType, Provenance, Simulation, now
from minion.selection import Selection

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(home):
    """Runs a program with an embedded server of its own."""
    environment = {**os.environ, "MINION_HOME": str(home)}
    for name in ("MINION_MONGODB_URI", "MINION_MONGODB_URI_FILE", "MINION_EXPERIMENT"):
        environment.pop(name, None)

    def call(*arguments):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return call


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_demo_from_nothing_to_a_report(run, home, tmp_path, monkeypatch):
    said = run("-m", "minion", "demo", "--out", tmp_path / "out", "--runs", "3", "--seed", "7")
    assert said.returncode == 0, said.stderr
    report = tmp_path / "out" / "report.html"
    assert str(report) in said.stdout
    assert "record 1 --platform local" in said.stdout
    assert len(re.findall(r"\d\.\d s", said.stdout)) >= 4
    page = report.read_text()
    assert "Simulated data (seed 7)" in page
    assert len(page) > 1_000_000

    found = run("-m", "minion", "durations", "--format", "csv")
    assert "note: simulated data, not measured: 9 runs of experiment demo" in found.stderr
    durations = rows(found.stdout)
    assert len(durations) == 12 * 9
    assert list(durations[0]) == (
        "experiment sim_id platform phase start_s end_s duration_s".split()
    )
    assert {row["platform"] for row in durations} == {"K8s", "mK8s", "K3s"}

    by = ("--by", "hostname,sim_id", "--format", "csv")
    summary = rows(run("-m", "minion", "summary", "cpu", *by).stdout)
    assert len(summary) == 9 * 4
    assert list(summary[0]) == (
        "experiment hostname sim_id n min max median q25 q75 mean sd".split()
    )

    # A measured run in an experiment of its own is not touched by another demo.
    monkeypatch.setenv("MINION_HOME", str(home))
    monkeypatch.delenv("MINION_MONGODB_URI", raising=False)
    with minion.connect() as store:
        store.add(
            Simulation(
                experiment="mine",
                sim_id="1000",
                platform="K8s",
                provenance=Provenance(source="netdata", version="0", created=now()),
            )
        )
    again = run("-m", "minion", "demo", "--out", tmp_path, "--runs", "1")
    assert again.returncode == 0, again.stderr
    with minion.connect() as store:
        assert store.experiments() == ["demo", "mine"]
        runs = store.simulations(Selection(experiment="demo", include_excluded=True))
        assert {s.platform for s in runs} == {"K8s", "mK8s", "K3s"}
        assert all(s.simulated for s in runs)
        types = {e.type for e in runs[0].events}
        assert EventType.START_SIMULATION in types
    refused = run("-m", "minion", "ingest", "simulated", "--experiment", "mine")
    assert refused.returncode == 1
    assert "experiment mine holds measured runs" in refused.stderr


def test_the_example_script(run, tmp_path):
    made = run("-m", "minion", "ingest", "simulated", "--runs", "2")
    assert made.returncode == 0, made.stderr
    said = run(ROOT / "examples" / "compare_platforms.py", "demo", tmp_path)
    assert said.returncode == 0, said.stderr
    assert "Start master" in said.stdout
    for name in ("durations.html", "cpu.html"):
        page = (tmp_path / name).read_text()
        assert "Simulated data" in page
        assert "vegaEmbed" in page


@pytest.mark.parametrize("name", ["cpu.png", "cpu.svg", "cpu.html"])
def test_charts_in_every_format(run, tmp_path, name):
    assert run("-m", "minion", "ingest", "simulated", "--runs", "1").returncode == 0
    said = run("-m", "minion", "chart", "cpu", "--sims", "1000,5000", "--out", tmp_path / name)
    assert said.returncode == 0, said.stderr
    content = (tmp_path / name).read_bytes()
    starts = {"cpu.png": b"\x89PNG", "cpu.svg": b"<svg", "cpu.html": b"<!DOCTYPE html>"}
    assert content.startswith(starts[name])
    assert len(content) > 10_000
