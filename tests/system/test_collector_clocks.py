"""Runs that are settled while an agent's clock is wrong, or their end is still to come."""

import json
import time

import pytest
from fleet import CollectorProcess, SimulatedFleet, begin, faultless, run_at, states
from waiting import wait_for

from analysis.quality.checks import check
from ingest.collecting import settling
from ingest.collecting.settling import settle
from ingest.events import Recorder
from ingest.record import record
from minion.errors import Incomplete
from minion.model import Host, Role, Status, Verdict
from minion.overview import describe
from minion.schema import SERIES

pytestmark = pytest.mark.system

FLUSH_S = 2.0  # for tests that do not wait for half a minute


@pytest.fixture
def fleet():
    with SimulatedFleet(1, step=1, history_s=3000) as running:
        yield running


def ended(store, fleet, *, ends_in=0.0):
    """A run of 20 s up to now, whose end is now or still to come."""
    present = time.time()
    run = run_at(store, fleet.urls[0], fleet.hostnames[0], start=present - 20)
    return Recorder(store, run).note("STOP_SIMULATION", at=present + ends_in)


@pytest.mark.parametrize(("skew_s", "ends_in"), [(-8, 0), (0, 8)], ids=["behind", "to come"])
def test_the_runs_end_is_waited_for(store, fleet, monkeypatch, skew_s, ends_in):
    monkeypatch.setattr(settling, "FLUSH_S", FLUSH_S)
    fleet.change(skew_s=skew_s)
    run = settle(store, ended(store, fleet, ends_in=ends_in))
    assert run.status is Status.COMPLETE
    faultless(store, run, fleet)


def test_the_reason_names_a_clock_that_is_behind(store, fleet, monkeypatch):
    monkeypatch.setattr(settling, "FLUSH_S", 0.5)
    fleet.change(skew_s=-6, spans={"system.cpu": [None, time.time() - 15]})
    run = settle(store, ended(store, fleet))
    reasons = {record.reason for record in run.missing}
    words = "after the run's end by the agent's clock, which is 6 s behind"
    assert any(reason.endswith(words) for reason in reasons), reasons


def test_an_end_that_is_far_off_is_left_to_the_next_one(store, mongodb_uri, fleet):
    fleet.change(skew_s=-500)
    run = ended(store, fleet)
    with CollectorProcess(store, mongodb_uri, "--once") as once:
        assert once.stop_by_itself() == 3
        assert "which is 500 s behind" in once.errors
        assert "`minion collect --once` then goes on from there" in once.errors
    assert (store.reload(run).status, store.reload(run).missing) == (Status.ENDED, ())
    fleet.change(skew_s=0)  # as if so long had passed
    with CollectorProcess(store, mongodb_uri, "--once") as once:
        assert once.stop_by_itself() == 0
    faultless(store, store.reload(run), fleet)


def recorded(store, fleet, sim_id, *command, told=lambda _: None):
    host = Host(hostname=fleet.hostnames[0], role=Role.WORKER, url=fleet.urls[0])
    return record(
        store, sim_id, command, platform="p", hosts=[host], experiment="e", told=told
    ).simulation


def test_a_command_that_failed_is_noted_where_samples_are_still_to_come(store, fleet):
    fleet.change(skew_s=-500)
    with pytest.raises(Incomplete, match="which is 500 s behind"):
        recorded(store, fleet, "1", "sh", "-c", "sleep 2; exit 1")
    assert store.simulation("1").validity.verdict is Verdict.DOUBTFUL


@pytest.mark.parametrize("corrects", [False, True])
def test_a_recorded_run_says_how_wrong_a_clock_was(store, fleet, monkeypatch, corrects):
    monkeypatch.setenv("MINION_CORRECT_CLOCKS", "yes" if corrects else "no")
    fleet.change(skew_s=500)
    told = []
    run = recorded(store, fleet, "1", "sleep", "4", told=told.append)
    (host,) = run.hosts
    assert host.clock_ahead_s == pytest.approx(500, abs=1)
    assert host.clock_shift_s == (pytest.approx(500, abs=1) if corrects else None)
    word = "corrected" if corrects else "not corrected"
    assert told[-1].endswith(f"s ahead, which is {word} in the times of its samples")
    shown = describe(store, run).hosts.iloc[0]
    assert shown["clock_ahead_s"] == host.clock_ahead_s
    found = check(store).findings
    assert ("clock" in set(found["kind"])) is not corrects
    # What is stored keeps its times, whatever is wanted of clocks when it is pulled again.
    monkeypatch.setenv("MINION_CORRECT_CLOCKS", "no" if corrects else "yes")
    before = list(store.database[SERIES].find({}, {"_id": 0}).sort("chart"))
    again = settle(store, run, again=True)
    assert list(store.database[SERIES].find({}, {"_id": 0}).sort("chart")) == before
    assert again.hosts == run.hosts


def test_once_fails_where_the_agent_of_a_running_run_is_silent(store, mongodb_uri, fleet):
    run = begin(store, fleet)
    fleet.change(mode="down")
    with CollectorProcess(store, mongodb_uri, "--once", "--log=json") as once:
        assert once.stop_by_itself() == 3
        (line,) = (line for line in once.told if line["event"] == "agent")
    assert (line["experiment"], line["sim_id"]) == (run.experiment, run.sim_id)
    assert f"simulation 1 (e): {fleet.hostnames[0]}: " in json.dumps(line)
    assert f"simulation 1: {fleet.hostnames[0]}: " in once.errors.splitlines()[-1]
    fleet.change(mode="up")
    wait_for(lambda: time.time() > run.start + 4, 20, "samples to pull")
    with CollectorProcess(store, mongodb_uri, "--once") as once:
        assert once.stop_by_itself() == 0
    assert states(store) != {"silent"}
