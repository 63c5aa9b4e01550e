"""Locks that the kernel drops when their holder dies: flock on a file."""

import os
import sys
import time
import weakref
from pathlib import Path
from typing import Self

if sys.platform != "win32":
    import fcntl

POLL_S = 0.005


class Lock:
    """An open lock file; nothing is held until `take` says so.

    A program that the process starts does not inherit it, and a forked child closes it, so
    only the process itself keeps what it holds.

    Args:
        path: the lock file, made (mode 0600) when missing; its folder must exist.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        _open_locks.add(self)

    def take(self, *, shared: bool = False, timeout: float = 0.0) -> bool:
        """True when the lock is held now; False when others held it until the time was over.

        Args:
            shared: beside other shared holders, instead of alone.
            timeout: seconds to wait at most.
        """
        if self._descriptor is None:
            raise ValueError("the lock is closed")
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(POLL_S)  # a flock that waits knows no time limit
            else:
                return True

    def close(self) -> None:
        """Give up what is held, and close the file; a second call does nothing."""
        if self._descriptor is not None:
            # Closing alone would not do: a child forked at this moment may share the lock.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._forget()

    def _forget(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_free(path: Path, *, shared: bool = False) -> bool:
    """Whether the lock could be taken at this moment; a missing file is a free lock.

    Args:
        path: the lock file; it is not made.
        shared: whether it could be taken beside shared holders.
    """
    if not path.exists():
        return True
    with Lock(path) as lock:
        return lock.take(shared=shared)


_open_locks: weakref.WeakSet[Lock] = weakref.WeakSet()


def _close_in_forked_child() -> None:
    for lock in list(_open_locks):
        lock._forget()  # noqa: SLF001 - unlocking here would unlock the parent's


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_close_in_forked_child)
