"""Locks that die with their holder."""

import os
import time
from pathlib import Path

import pytest
from processes import Command
from waiting import wait_for

from minion.locks import Lock, is_free

HOLDER = """
import sys
from pathlib import Path
from minion.locks import Lock
lock = Lock(Path(sys.argv[1]))
print(lock.take(shared=sys.argv[2] == "shared"), flush=True)
sys.stdin.read()
"""


def test_alone_and_shared(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with Lock(path) as one, Lock(path) as other:
        assert one.take(shared=True)
        assert other.take(shared=True)
        assert not other.take()
        one.close()
        assert other.take()
        assert not is_free(path, shared=True)
    assert is_free(path)


def test_it_waits_no_longer_than_it_should(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with Lock(path) as one, Lock(path) as other:
        assert one.take()
        before = time.monotonic()
        assert not other.take(timeout=0.1)
        assert 0.1 <= time.monotonic() - before < 5


@pytest.mark.parametrize("kind", ["shared", "alone"])
def test_killed_holder_gives_it_up(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "lock"
    with Command(HOLDER, path, kind) as holder:
        assert holder.line() == "True"
        assert is_free(path, shared=True) == (kind == "shared")
        assert not is_free(path)
        holder.kill()
        wait_for(lambda: is_free(path), 5, "the lock")


def test_a_waiter_gets_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with Command(HOLDER, path, "alone") as holder, Lock(path) as lock:
        assert holder.line() == "True"
        holder.process.stdin.close()
        assert lock.take(timeout=20)
        holder.process.wait()


def test_looking_makes_no_file(tmp_path: Path) -> None:
    assert is_free(tmp_path / "lock")
    assert not list(tmp_path.iterdir())


def test_closed_is_closed(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    lock.close()
    lock.close()
    with pytest.raises(ValueError, match="closed"):
        lock.take()


def test_only_its_owner_can_open_the_file(tmp_path: Path) -> None:
    Lock(tmp_path / "lock").close()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_program_that_is_started_does_not_inherit_it(tmp_path: Path) -> None:
    with Lock(tmp_path / "lock") as lock:
        assert lock._descriptor is not None
        assert not os.get_inheritable(lock._descriptor)
