"""Measurements of single hosts: which of them a run's value is a mean of."""

import re
from dataclasses import replace

import numpy as np
import pytest
from runs import run

from analysis import compare, variance
from analysis.quantities import quantity
from minion.errors import InvalidData, NotComparable, NotFound
from minion.model import Host, Measurement, Role, Status

ROLES = {"m": Role.MASTER, "w1": Role.WORKER, "w2": Role.WORKER}
USUAL = {"m": 100.0, "w1": 10.0, "w2": 10.0}
NOISE = np.random.default_rng(4)


@pytest.fixture
def add(store):
    """Puts a run into a store that came as numbers alone, with a latency of each of its hosts."""

    def put(sim_id, platform, *, lacking=(), listed=tuple(ROLES), phase=None, **changes):
        measured = tuple(
            Measurement(name="lat", value=USUAL[h] + NOISE.normal(), hostname=h, phase=phase)
            for h in listed
            if h not in lacking
        )
        simulation = replace(
            run(sim_id, platform=platform)[0],
            events=(),
            status=Status.COMPLETE,
            hosts=tuple(Host(hostname=h, role=ROLES[h]) for h in listed),
            measurements=measured,
        )
        store.put(replace(simulation, **changes), [])

    return put


def test_a_run_that_lacks_a_host_has_no_value_and_is_named(add, store):
    """Without this the mean of a master and one worker stands beside those of three hosts."""
    for place in range(8):
        add(f"X{place}", "X")
        add(f"Y{place}", "Y", lacking=["w2"] if place < 5 else ())
    found = compare(store, "lat")
    assert "different" not in set(found.pairs["verdict"])
    whole = found.left_out[found.left_out["role"] == "all"]
    assert whole[["sim_id", "reason"]].values.tolist() == [
        [f"Y{place}", "no lat of w2"] for place in range(5)
    ]
    assert (
        "lat in Total simulation time: 5 of 8 runs of Y have no value (no lat of w2)" in found.notes
    )


def test_the_roles_stand_beside_the_whole_as_of_a_metric(add, store):
    for place in range(8):
        add(f"X{place}", "X")
        add(f"Y{place}", "Y", lacking=["w2"] if place < 5 else ())
    found = compare(store, "lat")
    rows = found.groups.set_index(["role", "level"])["n"].to_dict()
    counts = {"all": (8, 3), "master": (8, 8), "worker": (8, 3)}
    assert rows == {
        (role, level): n for role, of in counts.items() for level, n in zip("XY", of, strict=True)
    }
    assert found.groups["samples_min"].isna().all()
    assert [name.partition(",")[0] for name in found.tables()] == ["All hosts", "By role"]
    assert set(variance(store, "lat").components["role"]) == {"all", "master", "worker"}


def test_levels_of_other_hosts_are_not_comparable_unless_that_is_allowed(add, store):
    for place in range(4):
        add(f"X{place}", "X")
        add(f"Y{place}", "Y", listed=("m", "w1"))
    with pytest.raises(NotComparable, match=r"hosts \(X: m \(master\), w1 .*; Y: m \(master\), w1"):
        compare(store, "lat")
    assert [d.name for d in compare(store, "lat", allow="hosts").allowed] == ["hosts"]
    assert compare(store, "lat", hosts="m,w1").pairs["verdict"][0] == "undecided"


def test_a_level_that_lacks_a_host_in_every_run_says_which(add, store):
    for place in range(4):
        add(f"X{place}", "X")
        add(f"Y{place}", "Y", lacking=["w2"])
    with pytest.raises(NotFound) as error:
        compare(store, "lat")
    assert str(error.value) == (
        "no two levels of platform have values of lat in this selection: lat in Total simulation"
        " time: 4 of 4 runs of Y have no value (no lat of w2); `minion check` says what the runs"
        " lack"
    )
    assert compare(store, "lat", hosts="m,w1").pairs["n"].tolist() == [4, 4, 4]


def test_a_parameter_that_says_how_many_hosts_there_are_is_compared_and_that_is_said(add, store):
    """As where the number of nodes is what is studied: with one master besides them or not."""
    for place in range(4):
        add(f"1-{place}", "X", listed=("m", "w1"), parameters={"workers": 1, "size": 3})
        add(f"2-{place}", "X", parameters={"workers": 2, "size": 7})
    found = compare(store, "lat", factor="workers", allow="parameter size")
    assert len(found.pairs) == 3
    assert found.pairs["n"].tolist() == [4, 4, 4]
    assert (
        "workers says how many hosts a run has (1: 2; 2: 3): what is a mean over hosts is one over"
        " other hosts at each level"
    ) in found.notes
    with pytest.raises(NotComparable, match="hosts "):
        compare(store, "lat", factor="size", allow="parameter workers")


def test_hosts_that_a_phase_is_never_measured_on_are_not_missed_there(add, store):
    for platform in "XY":
        for place in range(3):
            only = (Measurement(name="lat", value=1.0 + place, hostname="m", phase="Load"),)
            every = tuple(
                Measurement(name="lat", value=5.0 + place, hostname=h, phase="Rest") for h in ROLES
            )
            add(f"{platform}{place}", platform, measurements=(*only, *every))
    found = quantity(store, "lat", store.simulations())
    assert found.runs.left_out.empty
    whole = found.runs.values[found.runs.values["role"] == "all"]
    assert whole.groupby("phase", observed=True)["hosts"].unique().map(list).to_dict() == {
        "Load": [1],
        "Rest": [3],
    }


def test_a_broken_value_of_a_host_leaves_its_run_out_once(add, store):
    add("X1", "X")
    broken = tuple(
        Measurement(name="lat", value=np.nan if h == "w2" else 1.0, hostname=h) for h in ROLES
    )
    add("X2", "X", measurements=broken)
    for sims in (["X1", "X2"], ["X2"]):
        runs = quantity(store, "lat", [store.simulation(name) for name in sims]).runs
        whole = runs.left_out[runs.left_out["role"] == "all"]
        assert whole[["sim_id", "reason"]].values.tolist() == [["X2", "its lat is not a number"]]
        of_all = runs.values[runs.values["role"] == "all"]
        assert list(of_all["sim_id"]) == [name for name in sims if name != "X2"]


def test_numbers_of_hosts_and_of_whole_runs_are_no_one_quantity(add, store):
    add("X1", "X")
    add("X2", "X", measurements=(Measurement(name="lat", value=40.0),))
    with pytest.raises(InvalidData, match="lat is given of single hosts and of whole runs"):
        quantity(store, "lat", store.simulations())


def test_what_is_there_but_not_in_the_choice_is_said(add, store):
    add("X1", "X")
    message = "lat is not there for these hosts and phases; it is in Total simulation time on m, w1"
    for choice in ({"phase": "Load"}, {"hosts": "w1", "phase": "Load"}):
        with pytest.raises(NotFound, match=re.escape(message)):
            quantity(store, "lat", store.simulations(), **choice)
    with pytest.raises(NotFound, match="no run of this selection has a late; there are: cpu, "):
        quantity(store, "late", store.simulations())
