"""The list of hosts whose samples are still to come."""

from dataclasses import replace
from threading import Thread

import pytest
from runs import run

from ingest.collecting.status import status
from minion.leases import Lease
from minion.model import Host, Missing, Role, Status
from minion.schema import PROGRESS
from minion.worklist import Worklist

HOSTS = (
    Host(hostname="c", role=Role.CONTROLLER),
    Host(hostname="b", role=Role.WORKER, url="http://b:19999"),
    Host(hostname="a", role=Role.WORKER, url="http://a:19999"),
)


def simulation(sim_id, status):
    return replace(run(sim_id)[0], status=status)


@pytest.fixture
def begun(store):
    return store.add(replace(simulation("1", Status.RUNNING), hosts=HOSTS))


def test_hosts_with_an_agent_begin_at_the_runs_start(store, begun):
    worklist = Worklist(store)
    worklist.enter(begun, HOSTS)
    entries = worklist.of(begun)
    assert [(e.hostname, e.url, e.until) for e in entries] == [
        ("a", "http://a:19999", begun.start),
        ("b", "http://b:19999", begun.start),
    ]
    assert not any(entry.large or entry.done for entry in entries)


def test_entering_twice_and_at_once_changes_nothing(store, begun):
    worklist = Worklist(store)
    threads = [Thread(target=worklist.enter, args=(begun, HOSTS)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (entry, _) = worklist.of(begun)
    worklist.advance(entry, replace(entry, until=entry.until + 5, samples=3))
    worklist.enter(begun, HOSTS)
    assert [e.samples for e in worklist.of(begun)] == [3, 0]
    worklist.enter(begun, HOSTS, again=True)
    assert [e.samples for e in worklist.of(begun)] == [0, 0]


@pytest.mark.parametrize("gone", [False, True], ids=["complete", "deleted"])
def test_a_run_that_is_over_by_now_is_not_entered(store, begun, gone):
    worklist = Worklist(store)
    worklist.enter(begun, HOSTS[1:2])
    if gone:
        store.delete_experiment(begun.experiment)
    else:
        store.settle(begun)
    worklist.enter(begun, HOSTS)
    # What stood there is whoever completes it to take away.
    assert [entry.hostname for entry in worklist.of(begun)] == ["b"]


def test_only_who_knows_how_it_is_may_move_it(store, begun):
    worklist = Worklist(store)
    worklist.enter(begun, HOSTS)
    entry = worklist.of(begun)[0]
    gone = Missing(hostname="a", first=1.0, last=2.0, reason="$no")
    moved = worklist.advance(entry, replace(entry, until=entry.until + 60, missing=(gone,)))
    assert moved is not None
    assert moved.missing == (gone,)
    assert worklist.advance(entry, replace(entry, until=entry.until + 30)) is None
    assert worklist.of(begun)[0] == moved
    assert worklist.entries(brief=True)[1].missing == ()


def test_a_problem_comes_and_goes(store, begun):
    worklist = Worklist(store)
    worklist.enter(begun, HOSTS)
    entry = worklist.of(begun)[0]
    silent = worklist.advance(entry, replace(entry, problem="no answer"))
    assert silent is not None
    assert silent.problem == "no answer"
    heard = worklist.advance(silent, replace(silent, problem=None, samples=1))
    assert heard is not None
    assert heard.problem is None


def test_whom_an_entry_belongs_to_is_not_moved_with_it(store, begun):
    worklist = Worklist(store)
    worklist.enter(begun, HOSTS)
    entry = worklist.of(begun)[0]
    store.database[PROGRESS].update_one({"_id": entry.id}, {"$set": {"owner": "somebody"}})
    moved = worklist.advance(entry, replace(entry, until=entry.until + 1))
    assert moved is not None
    assert moved.owner == "somebody"


def test_runs_in_progress_and_what_is_left_of_others(store, begun):
    worklist = Worklist(store)
    store.add(simulation("2", Status.REGISTERED))
    complete = store.add(simulation("3", Status.ENDED))
    elsewhere = store.add(replace(simulation("4", Status.ENDED), experiment="other"))
    for one in (begun, complete, elsewhere):
        worklist.enter(one, HOSTS)
    store.settle(complete)
    assert {brief.id for brief in worklist.runs()} == {begun.id, elsewhere.id}
    assert [brief.id for brief in worklist.runs("other")] == [elsewhere.id]
    assert [entry.large for entry in worklist.of(elsewhere)] == [True, True]
    store.delete_experiment("other")
    assert worklist.sweep() == [complete.id]
    assert {entry.simulation for entry in worklist.entries()} == {begun.id, complete.id}
    worklist.leave(complete)
    assert worklist.sweep() == []


def test_a_host_that_no_collector_has_is_waiting_whatever_was_wrong_before(store, begun):
    worklist = Worklist(store)
    worklist.enter(begun, HOSTS)
    for entry in worklist.of(begun):
        worklist.advance(entry, replace(entry, problem="no answer"))
    with_problem = status(store)
    assert set(with_problem["state"]) == {"waiting"}
    assert set(with_problem["problem"]) == {"no answer"}
    lease = Lease(store)
    lease.share(worklist.entries())
    assert set(status(store)["state"]) == {"silent"}
    lease.leave()
    assert set(status(store)["state"]) == {"waiting"}


def test_the_status_leaves_out_a_run_that_is_deleted_just_then(store, begun, monkeypatch):
    """Between the list of runs and the reading of each."""
    Worklist(store).enter(begun, HOSTS)
    kept = store.add(replace(simulation("2", Status.RUNNING), experiment="other", hosts=HOSTS))
    Worklist(store).enter(kept, HOSTS)
    assert set(status(store)["sim_id"]) == {"1", "2"}
    listed = Worklist.runs

    def deleted_behind(self, experiment=None):
        briefs = listed(self, experiment)
        store.delete_experiment(begun.experiment)
        return briefs

    monkeypatch.setattr(Worklist, "runs", deleted_behind)
    assert set(status(store)["sim_id"]) == {"2"}
