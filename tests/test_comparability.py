"""The gate before a comparison: known differences refuse, what is unknown is a note."""

from dataclasses import replace

import pytest
from runs import run

from analysis.comparing.comparability import gate, level_text, levels_of
from minion.errors import InvalidData, NotComparable
from minion.model import Host, Role


def runs(platform, number=2, **changes):
    return [
        replace(run(f"{platform}{place}", platform=platform)[0], **changes)
        for place in range(number)
    ]


def of(*groups, factor="platform", steps=None):
    simulations = [s for group in groups for s in group]
    levels, _ = levels_of(simulations, factor)
    intervals = {s.id: (5.0,) for s in simulations} | (steps or {})
    return gate(levels, factor=factor, intervals=intervals)


def names(found):
    return [difference.name for difference in found.differences]


def test_runs_that_are_alike_may_be_compared():
    found = of(runs("K8s"), runs("K3s"))
    assert not found.differences
    assert found.check(()) == ()


def hosts(ram_mib=1000.0, cores=None, name="node-b"):
    return (
        Host(hostname="node-a", role=Role.MASTER, ram_mib=ram_mib, cores=cores),
        Host(hostname=name, role=Role.WORKER, ram_mib=ram_mib, cores=cores),
    )


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("ram", {"hosts": hosts(ram_mib=2000.0)}, r"ram \(K3s: 2000; K8s: 1000\)"),
        ("hosts", {"hosts": hosts(name="node-z")}, "hosts .*node-z"),
        ("netdata", {"environment": {"netdata": "2.0"}}, r"netdata \(K3s: 2.0; K8s: 1.37.1\)"),
        ("parameter nodes", {"parameters": {"nodes": 3}}, None),
    ],
)
def test_a_known_difference_refuses_and_may_be_allowed(name, change, message):
    other = {"parameters": {"nodes": 2}} if name == "parameter nodes" else {}
    found = of(runs("K8s", **other), runs("K3s", **change))
    assert names(found) == [name]
    option = f'"{name}"' if " " in name else name
    with pytest.raises(NotComparable, match=message or name) as error:
        found.check(())
    assert f"--allow {option}" in str(error.value)
    assert [d.name for d in found.check([name])] == [name]


def test_another_sampling_interval_refuses():
    slow = runs("K3s")
    found = of(runs("K8s"), slow, steps={s.id: (1.0,) for s in slow})
    assert str(found.differences[0]) == "sampling interval (K3s: 1 s; K8s: 5 s)"


def test_what_is_unknown_is_a_note():
    found = of(runs("K8s"), runs("K3s", hosts=hosts(ram_mib=None), environment={}))
    assert not found.differences
    assert "ram is unknown of 2 of 4 runs" in found.notes
    assert "netdata is unknown of 2 of 4 runs" in found.notes


def test_what_varies_within_each_level_alike_is_a_note():
    groups = [
        [replace(s, parameters={"iteration": i}) for i, s in enumerate(runs(platform))]
        for platform in ("K8s", "K3s")
    ]
    found = of(*groups)
    assert not found.differences
    assert "parameter iteration varies within each level alike: 0, 1" in found.notes


def mixed(platform, old, new):
    """Runs of a platform, some measured by one netdata and some by another."""
    made = runs(platform, old + new, hosts=hosts(cores=2))
    versions = ["1.0"] * old + ["2.0"] * new
    return [
        replace(s, environment={"netdata": version})
        for s, version in zip(made, versions, strict=True)
    ]


def test_what_varies_in_other_shares_refuses_with_the_counts():
    found = of(mixed("A", 9, 1), mixed("B", 1, 9))
    assert [str(d) for d in found.differences] == [
        "netdata (A: 1.0 in 9 runs, 2.0 in 1; B: 1.0 in 1 run, 2.0 in 9)"
    ]
    assert not found.notes


def test_what_varies_as_by_chance_is_a_note_that_does_not_say_alike():
    found = of(mixed("A", 6, 4), mixed("B", 4, 6))
    assert not found.differences
    assert found.notes == (
        "netdata varies within each level, in shares as chance may give them:"
        " A: 1.0 in 6 runs, 2.0 in 4; B: 1.0 in 4 runs, 2.0 in 6",
    )
    (note,) = of(mixed("A", 2, 4), mixed("B", 3, 6)).notes
    assert note.startswith("netdata varies within each level alike: 1.0 in 2 runs, 2.0 in 4")


def test_what_is_known_of_one_level_alone_is_alike_to_nothing():
    unknown = [replace(s, environment={}) for s in mixed("B", 3, 0)]
    assert of(mixed("A", 2, 1), unknown).notes == (
        "netdata is unknown of 3 of 6 runs",
        "netdata varies within A: 1.0 in 2 runs, 2.0 in 1",
    )


def uneven(*ram_mib):
    return {
        "hosts": tuple(
            Host(hostname=f"node-{place}", role=Role.WORKER, ram_mib=ram, cores=2)
            for place, ram in enumerate(ram_mib)
        )
    }


def test_hosts_that_are_known_are_compared_though_another_is_not():
    found = of(runs("A", 5, **uneven(4000.0, None)), runs("B", 5, **uneven(8000.0, None)))
    assert [str(d) for d in found.differences] == ["ram (A: node-0 4000; B: node-0 8000)"]
    assert found.notes == ("ram is unknown of some hosts in 10 of 10 runs: node-1",)


def test_hosts_that_are_known_in_one_level_alone_are_no_difference():
    found = of(runs("A", **uneven(4000.0, 4000.0)), runs("B", **uneven(4000.0, None)))
    assert not found.differences
    assert found.notes == ("ram is unknown of some hosts in 2 of 4 runs: node-1",)
    assert names(of(runs("A", **uneven(4000.0, 4000.0)), runs("B", **uneven(None, 2000.0)))) == [
        "ram"
    ]


def test_numbers_are_told_apart_to_the_last_digit():
    found = of(runs("A", **uneven(16384001.0)), runs("B", **uneven(16384002.0)))
    assert [str(d) for d in found.differences] == ["ram (A: 16384001; B: 16384002)"]
    levels, _ = levels_of(
        [s for value in (1000001.0, 1000002.0) for s in runs("A", parameters={"rate": value})],
        "rate",
    )
    assert {level: len(of_level) for level, of_level in levels.items()} == {
        "1000001": 2,
        "1000002": 2,
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (3.0, "3"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1 / 3, "0.3333333333333333"),
        (1e16, "10000000000000000"),
        (10**16, "10000000000000000"),
        (1e300, "1e+300"),
        (1e-5, "1e-05"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (True, "True"),
        ("on", "on"),
    ],
)
def test_a_level_is_called_by_every_digit(value, text):
    assert level_text(value) == text


def test_a_platform_has_a_version_of_its_own_and_only_one():
    new, old = {"platform": "1.2"}, {"platform": "1.1"}
    assert not of(runs("K8s", environment=new), runs("K3s", environment=old)).differences
    mixed = [*runs("K8s", 1, environment=new), *runs("K8s", 1, environment=old)]
    found = of(mixed, runs("K3s", environment=new))
    assert names(found) == ["platform version"]


def test_versions_of_single_hosts_count_together():
    here = {"netdata on node-a": "1.37.1", "netdata on node-b": "1.37.1"}
    there = {"netdata on node-a": "1.37.1", "netdata on node-b": "2.0"}
    assert names(of(runs("K8s", environment=here), runs("K3s", environment=there))) == ["netdata"]


def test_levels_of_a_parameter_must_be_of_one_platform():
    few, many = runs("K8s", parameters={"nodes": 2}), runs("K3s", parameters={"nodes": 12})
    assert names(of(few, many, factor="nodes")) == ["platform"]
    levels, without = levels_of([*few, *many, *runs("K8s")], "nodes")
    assert list(levels) == ["2", "12"]
    assert len(without) == 2


def test_simulated_and_measured_data_are_not_compared():
    made = [replace(s, provenance=replace(s.provenance, source="simulated")) for s in runs("K3s")]
    assert names(of(runs("K8s"), made)) == ["data"]


def test_a_parameter_that_no_run_has():
    with pytest.raises(InvalidData, match="no run has a parameter 'nodes'; compare by platform"):
        levels_of(runs("K8s"), "nodes")


def test_allowing_what_no_run_has_is_a_mistake():
    with pytest.raises(InvalidData, match="--allow rma: the runs have no such property; they have"):
        of(runs("K8s"), runs("K3s")).check(["rma"])
