"""Names that hold commas: each can be chosen, on the command line and in Python."""

import json
from dataclasses import replace

import pytest
from runs import run

from analysis import compare
from analysis.measurements import measurements
from minion.errors import NotFound
from minion.model import Event, EventType, Measurement

LATENCY, LOAD = "latency, p99", "load, rps"
CHOICE = {"platform": "K3s, ha", "sims": "7,8", "hosts": "node, a", "phase": "warm, up"}


def written(name):
    return name.replace(",", "\\,")


@pytest.fixture
def named(store):
    """Three runs of each of two platforms, whose names have commas wherever they may."""
    for place, platform in enumerate((CHOICE["platform"], "K8s")):
        for number, value in enumerate((5.0, 5.2, 5.4)):
            sim_id = f"1{number}" if place else ("7,8", "01", "02")[number]
            simulation, series = run(
                sim_id, platform=platform, hosts=(CHOICE["hosts"], "b"), phases=False
            )
            first, last = simulation.events
            begin, end = (
                Event(type=kind, time=first.time + after, body=CHOICE["phase"])
                for kind, after in ((EventType.START_PHASE, 10), (EventType.FINISHED_PHASE, 90))
            )
            measured = Measurement(name=LATENCY, value=value + place, unit="ms")
            changed = replace(
                simulation,
                parameters={LOAD: 100 * (1 + place)},
                measurements=(measured,),
                events=(first, begin, end, last),
            )
            store.put(changed, series)
    return store


@pytest.mark.parametrize("option", CHOICE)
def test_each_option_takes_them(named, minion, option):
    name = CHOICE[option]
    found = minion("utilization", "cpu", f"--{option}", written(name), "--format", "csv")
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) - 1 == len(
        named.samples(contexts=["system.cpu"], **{option: [name]})
    )
    with pytest.raises(NotFound):
        named.samples(**{option: name})


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(("option", "wrong"), [("platform", "K3s"), ("hosts", "a"), ("phase", "x")])
def test_what_there_is_is_listed_as_it_can_be_typed(minion, option, wrong):
    found = minion("durations", f"--{option}", wrong)
    assert found.returncode != 0
    assert written(CHOICE[option]) in found.stderr


@pytest.mark.usefixtures("named")
def test_ranges_and_ids_stand_beside_them(minion):
    found = minion("runs", "--sims", "01-02,10,7\\,8", "--format", "json")
    ids = {row["sim_id"] for row in json.loads(found.stdout)}
    assert ids == {"01", "02", "10", "7,8"}


def test_a_measurement_and_an_allowed_difference(named, minion):
    allowed = f"parameter {LOAD}"
    found = minion(
        "compare", f"{written(LATENCY)},duration", "--allow", written(allowed), "--format", "json"
    )
    assert found.returncode == 0, found.stderr
    options = json.loads(found.stdout)["provenance"]["options"]
    assert options["metric"] == [LATENCY, "duration"]
    compared = compare(named, [LATENCY], allow=[allowed])
    assert compared.pairs["metric"].tolist() == [LATENCY]
    assert len(measurements(named, measurement=[LATENCY])) == 6
    assert len(measurements(named, measurement=written(LATENCY))) == 6


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("command", ["plan", "variance"])
def test_a_command_of_one_metric_takes_its_name_as_it_is(minion, command):
    assert minion(command, LATENCY).returncode == 0
