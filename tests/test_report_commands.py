"""The command below a figure of the report makes that very figure."""

import json
import re
import shlex
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from program import minion
from runs import run

from analysis import report
from analysis.reporting.overview import tiles
from minion.model import Measurement

__all__ = ["minion"]

FIGURE = re.compile(r'<figure id="([^"]+)-figure">(.*?)(?=<figure id="|</body>)', re.DOTALL)
COMMAND = re.compile(r"<code data-command>(.*?)</code>", re.DOTALL)
SPEC = re.compile(r'<script type="application/json" id="[^"]+-spec">(.*?)</script>', re.DOTALL)


def figures(store, tmp_path, **options):
    """Identity of each figure to its specification, and to the charts that its commands draw."""
    text = report.write(store, tmp_path / "report.html", **options).path.read_text()
    found = {}
    for identity, plate in FIGURE.findall(text):
        commands = [shlex.split(unescape(line)) for line in COMMAND.findall(plate)]
        charts = [words for words in commands if words[1] == "chart"]
        found[identity] = (json.loads(SPEC.search(plate)[1]), charts)
    return found


def drawn_again(minion, words):
    """The specification that a command line draws, without its file."""
    own = [word for word in words[1:] if not word.startswith("--out=")]
    said = minion(*own, "--format=vega-lite")
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def verdicts(spec):
    """The verdict of every interval of a specification."""
    records = [r for records in spec["datasets"].values() for r in records]
    return {(r["phase"], r["pair"]): r["verdict"] for r in records if "verdict" in r}


def put(store, metrics=(), measured=(), runs=8):
    """Runs of two platforms that take turns, an hour apart; a little faster on one of them."""
    rng = np.random.default_rng(4)
    for n in range(runs):
        platform = "K3s" if n % 2 else "K8s"
        simulation, series = run(str(n + 1), platform=platform, metrics=list(metrics))
        later = 3600.0 * n
        events = tuple(
            replace(e, time=e.time + later + place * (n % 2) * 0.5 + rng.uniform(0, 3))
            for place, e in enumerate(simulation.events)
        )
        values = [
            # Enough for a verdict on it alone, and too little among many.
            Measurement(name=name, value=10 + n // 2 * 0.5 + n % 2 * 1.7, unit=unit)
            for name, unit in measured
        ]
        moved = [
            replace(s, times=s.times + later, values=s.values + rng.uniform(0, 0.2 * (1 + n % 2)))
            for s in series
        ]
        store.put(replace(simulation, events=events, measurements=tuple(values)), moved)


@pytest.fixture
def measured(store):
    put(store, metrics=["cpu"], measured=[("time to ready", "s"), ("requests/s", "1/s")])
    return store


def test_a_measured_experiment_is_drawn_again(measured, tmp_path, minion):
    found = figures(measured, tmp_path)
    assert {"e0-ratios", "e0-measured-0", "e0-measured-0-differences-0", "e0-order"} <= set(found)
    for identity, (spec, commands) in found.items():
        (words,) = commands
        assert drawn_again(minion, words) == spec, identity


def test_margin_and_baseline_are_drawn_again(measured, tmp_path, minion):
    found = figures(measured, tmp_path, margin="5%", baseline="K8s")
    for identity in ("e0-ratios", "e0-cpu-differences-0", "e0-measured-1-differences-0"):
        spec, (words,) = found[identity]
        assert drawn_again(minion, words) == spec, identity


def test_the_study_is_drawn_again(store, tmp_path, minion):
    put(store, metrics=["net"])  # of two dimensions
    for identity, (spec, commands) in figures(store, tmp_path).items():
        (words,) = commands
        assert drawn_again(minion, words) == spec, identity


def test_alone_a_quantity_would_be_judged_otherwise(measured, tmp_path, minion):
    spec, ((*words,),) = figures(measured, tmp_path)["e0-measured-0-differences-0"]
    alone = [word for word in words if not word.startswith("--among=")]
    assert len(alone) == len(words) - 1
    assert verdicts(drawn_again(minion, words)) == verdicts(spec)
    assert verdicts(drawn_again(minion, alone)) != verdicts(spec), "these runs show nothing"


def test_no_command_writes_the_file_of_another(measured, tmp_path):
    found = figures(measured, tmp_path)
    files = [
        word.removeprefix("--out=")
        for _, commands in found.values()
        for words in commands
        for word in words
        if word.startswith("--out=")
    ]
    assert len(files) == len(set(files)) == len(found)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+\.(svg|html)", name) for name in files)


def test_a_platform_with_a_comma_is_named_whole(store, tmp_path, minion):
    for n in range(4):
        store.put(*run(str(n), platform=f"K{3 + 5 * (n % 2)}s, 1.29", metrics=["cpu"]))
    found = figures(store, tmp_path)
    spec, (words,) = found["e0-cpu-runs-0"]
    assert drawn_again(minion, words) == spec


def test_a_phase_that_has_no_measurement_is_reported_without(measured, tmp_path):
    found = figures(measured, tmp_path, phase="Start master")
    assert "e0-cpu-0" in found
    assert not any("measured" in identity for identity in found)
    assert "e0-measured-0" in figures(measured, tmp_path, phase="Total simulation time")


def test_how_long_was_simulated_is_said_in_a_unit_that_fits():
    simulation, _ = run()
    lasted = [tiles([simulation] * n, {}, ())[-1] for n in (1, 10)]
    assert lasted == [("10.8\u00a0min", "of simulation time"), ("1.8\u00a0h", "of simulation time")]
    assert tiles([replace(simulation, events=())], {}, ())[-1][1] == "samples"
