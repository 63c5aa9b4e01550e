"""Collectors that share the hosts of a database: who fetches what, and who takes over."""

import socket
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest
from processes import elsewhere
from runs import run

from minion import leases
from minion.leases import Lease, alive
from minion.model import Host, Role, Status
from minion.schema import COLLECTORS
from minion.worklist import Worklist


def simulation(sim_id, status):
    return replace(run(sim_id)[0], status=status)


@pytest.fixture
def worklist(store):
    """Six hosts of one run in progress."""
    hosts = tuple(
        Host(hostname=f"h{n}", role=Role.WORKER, url=f"http://h{n}:19999") for n in range(6)
    )
    begun = store.add(replace(simulation("1", Status.RUNNING), hosts=hosts))
    listed = Worklist(store)
    listed.enter(begun, hosts)
    return listed


def names(share):
    return {entry.hostname for entry in share.mine}


def long_over(store, lease):
    """What is left of a collector on another machine that was killed a while ago."""
    store.database[COLLECTORS].update_one(
        {"_id": lease.name}, [{"$set": {"expires": {"$subtract": ["$$NOW", 1]}, "machine": "far"}}]
    )


def test_one_alone_has_them_all(store, worklist):
    share = Lease(store).share(worklist.entries())
    assert (len(share.mine), share.collectors) == (6, 1)
    assert {entry.owner for entry in worklist.entries()} == {alive(store)[0]}


def test_a_second_one_gets_its_half_and_no_host_has_two(store, worklist):
    first, second = Lease(store), Lease(store)
    assert len(first.share(worklist.entries()).mine) == 6
    assert second.share(worklist.entries()).mine == []
    kept = first.share(worklist.entries())
    had = second.share(worklist.entries())
    assert (len(kept.mine), len(had.mine)) == (3, 3)
    assert names(kept) | names(had) == {f"h{n}" for n in range(6)}


def test_an_agent_in_hand_is_not_given_away(store, worklist):
    first, second = Lease(store), Lease(store)
    first.share(worklist.entries())
    second.share(worklist.entries())
    busy = {f"http://h{n}:19999" for n in range(6)}
    assert len(first.share(worklist.entries(), busy).mine) == 6
    assert second.share(worklist.entries()).mine == []


def test_the_hosts_of_one_that_died_are_taken_over(store, worklist):
    dead, other = Lease(store), Lease(store)
    dead.share(worklist.entries())
    assert other.share(worklist.entries()).mine == []
    long_over(store, dead)
    assert len(other.share(worklist.entries()).mine) == 6


CLAIM = """
import sys, minion
from minion.leases import Lease
from minion.worklist import Worklist
store = minion.connect(sys.argv[1], database=sys.argv[2])
print(len(Lease(store).share(Worklist(store).entries()).mine), flush=True)
sys.stdin.read()
"""


@contextmanager
def another(store, mongodb_uri, prefix=()):
    """Another process, which has claimed all six hosts."""
    words = [sys.executable, "-c", CLAIM, mongodb_uri, store.database.name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*prefix, *words], text=True, **pipes) as process:
        try:
            assert process.stdout.readline() == "6\n"
            yield process
        finally:
            process.kill()


def test_one_that_was_killed_on_this_machine_is_not_waited_for(store, worklist, mongodb_uri):
    with another(store, mongodb_uri) as process:
        process.kill()
        process.wait(60)
        assert len(Lease(store).share(worklist.entries()).mine) == 6


def test_one_elsewhere_is_not_taken_for_dead(store, worklist, mongodb_uri):
    """Its number is that of a process that is not its own here, or of none."""
    with another(store, mongodb_uri):
        lease = Lease(store)
        assert lease.share(worklist.entries()).mine == []
        assert len(alive(store)) == 2


def test_one_that_was_killed_elsewhere_is_waited_for(store, worklist, mongodb_uri):
    with another(store, mongodb_uri, elsewhere()) as process:
        process.kill()
        process.wait(60)
        lease = Lease(store)
        assert lease.share(worklist.entries()).mine == []
        (dead,) = set(alive(store)) - {lease.name}
        store.database[COLLECTORS].update_one(
            {"_id": dead}, [{"$set": {"expires": {"$subtract": ["$$NOW", 1]}}}]
        )
        assert len(lease.share(worklist.entries()).mine) == 6


def test_clones_of_a_machine_do_not_bury_each_other(store, monkeypatch, tmp_path):
    """Their names are the same, and so may be the numbers of their processes."""
    first = Lease(store)
    first.renew()
    (tmp_path / "boot_id").write_text("another\n")
    monkeypatch.setattr(leases, "_BOOT", tmp_path / "boot_id")
    monkeypatch.setattr(leases, "_PROCESS", "another")
    second = Lease(store)
    second.renew()
    assert set(alive(store)) == {first.name, second.name}


def test_a_machine_without_linux_has_an_identity_as_well(monkeypatch, tmp_path):
    there = leases.machine()
    monkeypatch.setattr(leases, "_BOOT", tmp_path / "none")
    assert leases.machine() == leases.machine() != there
    assert leases.machine().startswith(socket.gethostname())


def test_one_that_leaves_gives_all_back_at_once(store, worklist):
    first, second = Lease(store), Lease(store)
    first.share(worklist.entries())
    first.leave()
    assert not first.holds
    assert len(second.share(worklist.entries()).mine) == 6
    assert alive(store) == [second.name]


def test_all_hosts_of_an_agent_belong_to_one_collector(store, worklist):
    begun = store.add(simulation("2", Status.RUNNING))
    first, second = Lease(store), Lease(store)
    for lease in (first, second, first, second):
        lease.share(worklist.entries())
    same = [Host(hostname="again", role=Role.WORKER, url=f"http://h{n}:19999") for n in (0,)]
    worklist.enter(begun, same)
    shares = [lease.share(worklist.entries()) for lease in (second, first, second, first)][-2:]
    owners = {e.owner for e in worklist.entries() if e.url == "http://h0:19999"}
    assert len(owners) == 1
    assert sum(len(share.mine) for share in shares) == 7


def test_a_lease_that_was_not_renewed_is_not_held(store, worklist, monkeypatch):
    lease = Lease(store)
    assert not lease.holds
    lease.share(worklist.entries())
    assert lease.holds
    present = leases.monotonic()
    monkeypatch.setattr(leases, "monotonic", lambda: present + leases.LEASE_S + 1)
    assert not lease.holds


def test_who_is_long_gone_is_forgotten(store, worklist):
    old, new = Lease(store), Lease(store)
    old.share(worklist.entries())
    age = leases.FORGOTTEN_MS + 1000
    store.database[COLLECTORS].update_one(
        {"_id": old.name}, [{"$set": {"expires": {"$subtract": ["$$NOW", age]}}}]
    )
    new.renew()
    assert [d["_id"] for d in store.database[COLLECTORS].find()] == [new.name]
