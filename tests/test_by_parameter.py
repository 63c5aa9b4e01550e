"""Comparisons by a parameter: its own effect is no drift, and its levels are no platforms."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from runs import run

from analysis import compare
from minion.errors import NotFound
from minion.model import Measurement


@pytest.fixture
def hourly(store):
    """Puts runs with a latency into a store, one an hour in the order of the calls."""
    begun = itertools.count()

    def add(value, nodes, platform="K8s"):
        place = next(begun)
        simulation, _ = run(f"run {place}", platform=platform)
        later = tuple(replace(e, time=e.time + 3600.0 * place) for e in simulation.events)
        measured = (Measurement(name="latency", value=value, unit="ms"),)
        store.put(
            replace(simulation, events=later, measurements=measured, parameters={"nodes": nodes}),
            [],
        )

    return add


NOISE = np.random.default_rng(2).permutation(10) / 10


def test_the_effect_of_a_parameter_is_no_drift(hourly, store):
    for nodes, level in ((2, 60.0), (12, 70.0)):
        for noise in NOISE:
            hourly(level + noise, nodes)
    found = compare(store, "latency", factor="nodes")
    assert found.pairs["verdict"].tolist() == ["different"]
    assert not [note for note in found.notes if "drifts" in note]
    assert (
        "All runs of nodes 2 were made before those of nodes 12: what changed on the machines"
        " meanwhile cannot be told from the level of nodes"
    ) in found.notes


def test_a_drift_within_a_level_is_found_though_levels_take_turns(hourly, store):
    for place, noise in enumerate(NOISE):
        hourly(60.0 + noise, 2)
        hourly(70.0 + place, 12)
    notes = compare(store, "latency", factor="nodes").notes
    (note,) = [note for note in notes if "drifts" in note]
    assert note.startswith(
        "latency in Total simulation time drifts over the runs of nodes 12: +9 ms from the first"
    )
    assert "Levels of nodes took turns (19 switches in 20 runs)" in notes


def test_platforms_one_after_the_other_in_a_level_are_no_drift(hourly, store):
    for platform, level in (("K8s", 60.0), ("K3s", 70.0)):
        for noise in NOISE:
            hourly(level + noise, 2, platform)
            hourly(level + noise, 12, platform)
    notes = compare(store, "latency", factor="nodes").notes
    assert not [note for note in notes if "drifts" in note]


def test_a_baseline_is_found_however_its_number_is_written(hourly, store):
    for place in range(3):
        hourly(60.0 + place, 3.0)
        hourly(70.0 + place, 1000000)
    for written, level in (("3.0", "3"), ("3", "3"), ("1e6", "1000000")):
        found = compare(store, "latency", factor="nodes", baseline=written)
        assert found.pairs["reference"].tolist() == [level]
        assert found.provenance["options"]["baseline"] == level
    with pytest.raises(NotFound, match=r"no nodes 4\.0 among the runs"):
        compare(store, "latency", factor="nodes", baseline="4.0")


def test_runs_without_the_factor_are_one_sentence(hourly, store):
    for place in range(3):
        hourly(60.0 + place, 3)
        hourly(70.0 + place, 4)
    store.put(*run("none 0"))
    notes = compare(store, "latency", factor="nodes").notes
    assert "simulation none 0 has no nodes and is left out" in notes
    for place in range(1, 5):
        store.put(*run(f"none {place}"))
    notes = compare(store, "latency", factor="nodes").notes
    assert [note for note in notes if "no nodes" in note] == [
        "5 simulations have no nodes and are left out: none 0, none 1, none 2 and 2 more"
    ]


def test_a_reason_names_a_level_in_full(hourly, store):
    hourly(60.0, 2)
    hourly(61.0, 2)
    hourly(70.0, 12)
    (pair,) = compare(store, "latency", factor="nodes").pairs.itertuples()
    assert pair.reason.startswith("a single run of nodes 12 has a value here")
