"""Samples to one value per run: complete ones only, each host counting the same."""

import numpy as np
import pandas as pd
import pytest

from analysis import durations, utilization
from analysis.values import combined, host_values, is_gap, run_values
from minion.errors import InvalidData


def test_a_run_has_one_value_the_mean_of_its_hosts_means():
    frame = pd.DataFrame(
        {
            "experiment": "e",
            "platform": "K8s",
            "sim_id": "1",
            "hostname": ["a", "a", "a", "b"],
            "phase": ["Load", "Load", "Wait after drain", "Load"],
            "value": [1.0, 3.0, 100.0, 10.0],
        }
    )
    assert run_values(frame).to_dict("records") == [
        {"experiment": "e", "phase": "Load", "platform": "K8s", "sim_id": "1", "value": 6.0}
    ]
    whole = run_values(frame, whole_run=True)
    assert whole["phase"].tolist() == ["Load", "Total simulation time"]
    assert whole["value"].tolist() == [6.0, pytest.approx((104 / 3 + 10) / 2)]
    assert run_values(frame, phases=["Wait after drain"])["value"].tolist() == [100.0]
    again = run_values(whole)
    assert again["value"].tolist() == whole["value"].tolist()


def test_gaps_are_known_by_their_names():
    assert is_gap("Wait after delete")
    assert is_gap("FINISHED_PHASE to STOP_SIMULATION")
    assert not is_gap("Start master")
    assert not is_gap("From here to there")


def test_run_values_of_the_study(study_store):
    took = run_values(durations(study_store), value="duration_s")
    assert len(took) == 75 * 12
    used = run_values(utilization(study_store, "net"), whole_run=True)
    assert len(used) == 75 * 12 * 2
    assert used["dimension"].unique().tolist() == ["InOctets", "OutOctets"]


def samples(rows):
    """A tidy frame of (run, host, role, phase, value)."""
    frame = pd.DataFrame(rows, columns=["sim_id", "hostname", "role", "phase", "value"])
    return frame.assign(experiment="e", platform="K8s", metric="cpu", dimension="utilization")


TWO_HOSTS = [
    ("1", "a", "master", "Load", 1.0),
    ("1", "a", "master", "Load", 3.0),
    ("1", "b", "worker", "Load", 10.0),
    ("1", "a", "master", "Rest", 5.0),
    ("2", "a", "master", "Load", 4.0),
    ("2", "b", "worker", "Load", 8.0),
]


def test_each_host_then_the_run_and_beside_it_each_role():
    found = combined(host_values(samples(TWO_HOSTS)), roles=True)
    values = found.values.set_index(["phase", "role", "sim_id"])["value"].to_dict()
    assert values == {
        ("Load", "all", "1"): 6.0,
        ("Load", "all", "2"): 6.0,
        ("Load", "master", "1"): 2.0,
        ("Load", "master", "2"): 4.0,
        ("Load", "worker", "1"): 10.0,
        ("Load", "worker", "2"): 8.0,
        ("Rest", "master", "1"): 5.0,
    }


def test_a_run_without_one_of_its_hosts_has_no_value_and_is_named():
    found = combined(host_values(samples(TWO_HOSTS)), roles=True)
    left = found.left_out[["phase", "role", "sim_id", "reason"]].values.tolist()
    assert left == [["Rest", "all", "1", "no samples of b"]]
    expected = {
        ("e", "1"): {"a": "master", "b": "worker"},
        ("e", "2"): {"a": "master", "c": "worker", "b": "worker"},
    }
    strict = combined(host_values(samples(TWO_HOSTS)), expected=expected)
    assert strict.left_out["reason"].tolist() == ["no samples of c", "no samples of b"]


def test_a_quantile_of_the_samples_instead_of_their_mean():
    hosts = host_values(samples(TWO_HOSTS[:2]), quantile=0.75)
    assert hosts["value"].tolist() == [2.5]
    assert hosts["n"].tolist() == [2]
    with pytest.raises(InvalidData, match="a quantile of 75"):
        host_values(samples(TWO_HOSTS), quantile=75)


def test_missing_values_are_no_samples():
    rows = [*TWO_HOSTS[:3], ("1", "b", "worker", "Rest", np.nan)]
    assert host_values(samples(rows))["n"].tolist() == [2, 1]


def test_several_metrics_are_not_reduced_together():
    both = pd.concat([samples(TWO_HOSTS), samples(TWO_HOSTS).assign(metric="ram")])
    with pytest.raises(InvalidData, match="several metrics"):
        run_values(both)


def test_the_whole_run_counts_every_sample_gaps_included(study_store):
    cpu = utilization(study_store, "cpu", sims="1000")
    whole = host_values(cpu, whole_run=True)
    total = whole[whole["phase"] == "Total simulation time"]
    by_hand = cpu.groupby("hostname", observed=True)["value"].agg(["size", "mean"])
    assert total["n"].tolist() == by_hand["size"].tolist()
    assert total["value"].tolist() == pytest.approx(by_hand["mean"].tolist())
