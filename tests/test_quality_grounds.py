"""What a check stands on, and what the samples of its series are worth."""

import io
import json
from dataclasses import replace
from importlib.metadata import version

import pandas as pd
import pytest
from runs import run

from analysis import autocorrelation, bootstrap_mean, effective_size, steadiness, utilization
from analysis.quality.checks import check
from minion.errors import NotFound
from minion.model import Verdict

IDLE = "Cluster idle"


@pytest.fixture
def three(store):
    """Three small runs, the last excluded, and one of another experiment."""
    for number in "123":
        store.put(*run(number, hosts=("node-a", "worker-b")))
    store.judge(store.simulation("3"), Verdict.EXCLUDED, ["a cable was loose"], by="somebody")
    return store


def hash_of(store, **choice):
    (only,) = check(store, **choice).provenance
    return only["sha256"]


def test_a_check_says_what_it_stands_on(three):
    (found,) = check(three, platform="K8s", steadiness="cpu").provenance
    assert found["experiment"] == "e"
    assert found["runs"] == {"K8s": ["1", "2", "3"]}
    assert found["excluded"] == {"3": ["a cable was loose"]}
    assert found["version"] == version("minion")
    assert found["options"] == {"platform": "K8s", "steadiness": ["cpu"]}
    assert len(found["sha256"]) == 64


def test_each_experiment_of_a_check_stands_for_itself(three):
    before = hash_of(three)
    three.put(*run("1", experiment="f", platform="K3s", metrics=["cpu"]))
    found = {one["experiment"]: one for one in check(three).provenance}
    assert list(found) == ["e", "f"]
    assert found["f"]["runs"] == {"K3s": ["1"]}
    assert found["e"]["sha256"] == before == hash_of(three, experiment="e")
    assert found["f"]["sha256"] == hash_of(three, experiment="f") != before


def test_the_hash_is_of_samples_and_of_events(store):
    simulation, series = run("1", metrics=["cpu"])
    found = set()

    def hashed(simulation, series):
        store.delete_experiment("e")
        store.put(simulation, series)
        found.add(hash_of(store))

    hashed(simulation, series)
    hashed(simulation, series)
    assert len(found) == 1
    values = series[0].values.copy()
    values[7] += 1e-9
    hashed(simulation, [replace(series[0], values=values), series[1]])
    assert len(found) == 2
    events = list(simulation.events)
    events[3] = replace(events[3], time=events[3].time + 0.25)
    hashed(replace(simulation, events=tuple(events)), series)
    assert len(found) == 3


def test_a_check_says_what_the_samples_of_a_run_are_worth(study_store):
    found = check(study_store, sims="1000", steadiness="cpu,disk_io", phase=f"{IDLE},Add workers")
    table = found.steadiness
    assert table[["metric", "unit", "dimension"]].drop_duplicates().to_numpy().tolist() == [
        ["cpu", "%", ""],
        ["disk_io", "KiB/s", "in"],
        ["disk_io", "KiB/s", "out"],
    ]
    # What was named is looked at, whether it should be idle or not.
    assert set(table["phase"]) == {IDLE, "Add workers"}
    cpu = table[table["metric"] == "cpu"]
    samples = utilization(study_store, "cpu", sims="1000")
    expected = steadiness(samples, phases=[IDLE, "Add workers"])
    pd.testing.assert_frame_equal(
        cpu[["hostname", *expected.columns[6:]]].reset_index(drop=True),
        expected[["hostname", *expected.columns[6:]]],
    )
    row = cpu[(cpu["hostname"] == "node-b") & (cpu["phase"] == IDLE)].iloc[0]
    one = samples[(samples["hostname"] == "node-b") & (samples["phase"] == IDLE)]
    values = one["value"].to_numpy()
    assert row["n"] == len(values)
    assert row["n_effective"] == pytest.approx(effective_size(values))
    assert row["autocorrelation"] == pytest.approx(autocorrelation(values, 1)[1])
    interval = bootstrap_mean(values)
    assert [row["low"], row["mean"], row["high"]] == pytest.approx(
        [interval.low, interval.estimate, interval.high]
    )
    assert check(study_store, sims="1000").steadiness is None


def test_steadiness_is_of_the_idle_phases_unless_others_are_named(three):
    every = check(three, steadiness=["cpu"]).steadiness
    assert set(every["sim_id"]) == {"1", "2", "3"}
    assert every["phase"].str.contains("idle").all()
    whole = check(three, steadiness="cpu", phase="Total simulation time").steadiness
    assert len(whole) == len(every)
    with pytest.raises(NotFound, match="no metric CPU; there are: cpu, ram"):
        check(three, steadiness="CPU")


def test_the_command_shows_it(minion, three):
    document = json.loads(minion("check", "--format", "json").stdout)
    assert document["steadiness"] is None
    assert document["provenance"][0]["sha256"] == hash_of(three)
    assert document["provenance"][0]["options"] == {"steadiness": []}
    asked = ["check", "--steadiness", "ram", "--sims", "1", "--phase", IDLE]
    (first, second) = json.loads(minion(*asked, "--format", "json").stdout)["steadiness"]
    assert (first["hostname"], second["hostname"]) == ("node-a", "worker-b")
    assert first["low"] < first["mean"] < first["high"]
    assert 1 < first["n_effective"] <= first["n"] == 10
    table = pd.read_csv(io.StringIO(minion(*asked, "--format", "csv").stdout))
    assert table["mean"].tolist() == [first["mean"], second["mean"]]
    said = minion(*asked)
    assert "steadiness" in said.stdout.splitlines()
    assert "n_effective" in said.stdout


def test_few_samples_have_no_figures_in_json_either(minion, store):
    simulation, series = run("1", metrics=["cpu"])
    series = [replace(s, times=s.times[::2], values=s.values[::2], step=10.0) for s in series]
    store.put(simulation, series)
    found = minion("check", "--steadiness", "cpu", "--phase", IDLE, "--format", "json")
    for row in json.loads(found.stdout)["steadiness"]:
        assert row["n"] == 5
        assert [row[name] for name in ("n_effective", "mean", "low", "steady")] == [None] * 4
