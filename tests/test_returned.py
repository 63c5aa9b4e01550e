"""Excluded runs that come back: what they bring, and what is said where they bring nothing."""

from dataclasses import replace

import pytest
from runs import run

from analysis import compare
from analysis.comparing.returned import Returned
from minion.model import Measurement, Verdict


@pytest.fixture
def add(store):
    """Puts small runs with a latency into a store, excluded where that is said."""

    def put(sim_id, value=None, *, platform="K8s", unit="ms", excluded=False, **changes):
        simulation, series = run(sim_id, platform=platform, hosts=changes.pop("hosts", HOSTS))
        if value is not None:
            changes["measurements"] = (Measurement(name="latency", value=value, unit=unit),)
        store.put(replace(simulation, **changes), series)
        if excluded:
            store.judge(store.simulation(sim_id), Verdict.EXCLUDED, ["wild"], by="me")

    for platform, level in (("K8s", 60.0), ("K3s", 50.0)):
        for place in range(6):
            put(f"{platform}-{place}", level + 0.1 * place, platform=platform)
    return put


HOSTS = ("node-a", "node-b")
NONE = "The excluded run has no value here that could change a verdict."


def remarks(found):
    return [text for text in found.remarks if "exclude" in text]


def test_an_excluded_run_without_a_value_is_no_proof_of_anything(add, store):
    add("lost", excluded=True)
    found = compare(store, "latency")
    assert remarks(found) == [NONE]
    assert found.document()["excluded_with_values"] == 0
    add("lost too", excluded=True)
    assert remarks(compare(store, "latency")) == [
        "None of the 2 excluded runs has a value here that could change a verdict."
    ]


def test_those_that_have_one_are_counted(add, store):
    add("lost", excluded=True)
    add("good", 60.3, excluded=True)
    found = compare(store, "latency")
    assert remarks(found) == [
        "1 of 2 excluded runs has a value here; with it back no verdict changes."
    ]
    assert found.document()["excluded_with_values"] == 1


def test_an_excluded_run_hides_no_other_quantity(add, store):
    """None has a latency, but they have CPU."""
    add("lost", excluded=True)
    assert compare(store, "latency,cpu").returned.runs == 1


@pytest.mark.parametrize(
    "wild",
    [
        {"value": 1e200},
        {"value": float("nan")},
        {"value": 60.0, "unit": "s"},
        {"value": 60.0, "platform": "mK8s"},
    ],
)
def test_what_cannot_stand_beside_the_others_brings_nothing_back(add, store, wild):
    add("wild", excluded=True, **wild)
    found = compare(store, "latency")
    assert found.returned == Returned()
    assert remarks(found) == [NONE]
    add("good", 60.3, excluded=True)
    assert compare(store, "latency").returned.runs == 1


def test_an_excluded_run_without_the_parameter_brings_nothing_back(store):
    for nodes in (2, 12):
        for place in range(3):
            simulation, series = run(f"{nodes}-{place}")
            store.put(replace(simulation, parameters={"nodes": nodes}), series)
    store.put(*run("lost"))
    store.judge(store.simulation("lost"), Verdict.EXCLUDED, ["lost"], by="me")
    found = compare(store, "cpu", factor="nodes", phase="Cluster idle")
    assert remarks(found) == [NONE]
    simulation, series = run("7-1")  # looks like a range that runs backwards
    store.put(replace(simulation, parameters={"nodes": 2}), series)
    store.judge(store.simulation("7-1"), Verdict.EXCLUDED, ["slow"], by="me")
    found = compare(store, "cpu", factor="nodes", phase="Cluster idle")
    assert remarks(found)[0].startswith("1 of 2 excluded runs has a value here; with it back")


def test_verdicts_by_role_are_looked_at_too(store):
    """Most of the excluded runs have only a master's CPU, and it is far from that of others."""
    for platform, idle in (("K8s", 0.0), ("K3s", 20.0)):
        for place in range(6):
            simulation, series = run(f"{platform}-{place}", platform=platform)
            store.put(simulation, [_lower(one, idle) for one in series])
    for place in range(6):
        simulation, series = run(f"bad-{place}", platform="K3s")
        kept = [one for one in series if one.hostname == "node-a"]
        store.put(simulation, [_lower(one, -8.0 * place) for one in kept])
        store.judge(store.simulation(f"bad-{place}"), Verdict.EXCLUDED, ["wild"], by="me")
    found = compare(store, "cpu", phase="Cluster idle")
    assert set(found.pairs["verdict"]) == {"different"}
    assert remarks(found) == [
        "6 of 6 excluded runs have a value here; with them back one verdict changes.",
        "The verdict would change: cpu Cluster idle (master), K8s against K3s: different as it"
        " stands, undecided with the excluded runs.",
    ]


def _lower(series, by):
    if series.context != "system.cpu":
        return series
    return replace(series, values=series.values * 0.01 + 80.0 - by)


def test_several_changes_are_counted():
    texts = Returned(2, ("a", "b")).remarks(3)
    assert texts == (
        "2 of 3 excluded runs have a value here; with them back 2 verdicts change.",
        "The verdict would change: a.",
        "The verdict would change: b.",
    )
    assert Returned().remarks(0) == ()


def test_a_difference_that_turns_round_is_a_change(store, add):
    """Different both times, and the other way round."""
    for place in range(40):
        add(f"slow-{place}", 80 + 0.1 * place, platform="K3s", excluded=True)
    found = compare(store, "latency", margin="1 ms")
    assert set(found.pairs["verdict"]) == {"different"}
    assert remarks(found) == [
        "40 of 40 excluded runs have a value here; with them back one verdict changes.",
        "The verdict would change: latency Total simulation time, K8s against K3s: higher as it"
        " stands, lower with the excluded runs.",
    ]
    again = compare(store, "latency", include_excluded=True).pairs
    assert (again["verdict"][0], again["difference"][0] < 0) == ("different", True)


def test_whether_the_margin_is_exceeded_is_a_change_too(add, store):
    for place in range(6):
        add(f"near-{place}", 54 + 0.1 * place, platform="K3s", excluded=True)
    found = compare(store, "latency", margin="7 ms")
    assert found.pairs["exceeds_margin"].tolist() == [True]
    assert remarks(found)[1:] == [
        "The verdict would change: latency Total simulation time, K8s against K3s: surely beyond"
        " the margin as it stands, not surely beyond the margin with the excluded runs."
    ]
    assert len(remarks(compare(store, "latency"))) == 1
