"""The embedded server: a private mongod, shared by all who use the same home.

The first user starts it, and the last one ends it. Users need not say good-bye: a lock tells
that they live, and the kernel drops it with them.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from minion.errors import ServerError
from minion.home import LEAST_FREE, START_TIMEOUT_S, Home, Mongod
from minion.locks import POLL_S, Lock
from minion.mongod import advice, command_line, find_mongod, reason_of_end

__all__ = ["Server", "Status", "find_mongod", "start", "status", "stop"]

END_TIMEOUT_S = 90.0  # more than the supervisor gives mongod
LARGEST_LOG = 10 * 2**20
SUPERVISOR = Path(__file__).with_name("supervisor.py")


@dataclass(frozen=True, slots=True)
class Status:
    """What the embedded server of a home does.

    running: whether it runs (also while it starts or ends).
    pid: mongod's process id, or None.
    uri: the MongoDB URI of its socket, or None.
    version: mongod's version, or None when it does not answer.
    in_use: whether somebody uses it.
    kept: whether it runs without users, too, until `stop`.
    data: its data folder.
    log: its log.
    """

    running: bool
    pid: int | None
    uri: str | None
    version: str | None
    in_use: bool
    kept: bool
    data: Path
    log: Path


class Server:
    """A running mongod that this process uses, and keeps running by that.

    uri: the MongoDB URI of its socket.
    pid: mongod's process id.
    """

    def __init__(self, home: Home, users: Lock, mongod: Mongod) -> None:
        self.uri = mongod.uri
        self.pid = mongod.pid
        self._home = home
        self._users: Lock | None = users

    @classmethod
    def use(cls, home: Path) -> Self:
        """The server of a home: started when it does not run yet, shared when it does.

        Args:
            home: folder of the embedded database; made when missing.

        Raises:
            ServerError: it cannot be started; the message quotes mongod's reason.
        """
        place = Home.of(home)
        with place.explained():
            place.make()
            users = Lock(place.users)
            try:
                # The supervisor holds it alone while it ends mongod.
                if not users.take(shared=True, timeout=END_TIMEOUT_S):
                    raise _endless(place)
                with place.starting():
                    return cls(place, users, _ensure(place))
            except BaseException:
                users.close()
                raise

    def close(self) -> None:
        """Leave the server; it ends when nobody else uses it. A second call does nothing."""
        if self._users is None:
            return
        self._users.close()
        self._users = None
        with self._home.explained():
            if self._home.is_orphaned():
                with self._home.starting():
                    _adopt_orphan(self._home)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def disk_is_full(self) -> bool:
        """Whether mongod has no room to write, which it answers by ending."""
        return self._home.free_bytes() < LEAST_FREE


def start(home: Path) -> Status:
    """Start the server of a home, and keep it running without users until `stop`.

    Args:
        home: folder of the embedded database; made when missing.

    Raises:
        ServerError: it cannot be started; the message quotes mongod's reason.
    """
    place = Home.of(home)
    with Server.use(home), place.explained():
        place.keep.touch(mode=0o600)
    return status(home)


def stop(home: Path) -> Status:
    """Keep the server of a home no longer: it ends now, or when its last user leaves.

    Args:
        home: folder of the embedded database.

    Raises:
        ServerError: nobody uses the server, and it does not end.
    """
    place = Home.of(home)
    with place.explained():
        if place.run.is_dir():
            with place.starting():
                place.keep.unlink(missing_ok=True)
                _adopt_orphan(place)
                place.wake_supervisor()
            deadline = time.monotonic() + END_TIMEOUT_S
            while place.is_running() and not place.is_used():
                if time.monotonic() > deadline:
                    raise _endless(place)
                # What ends is the child of another process, which nothing here can wait for.
                time.sleep(POLL_S)
    return status(home)


def status(home: Path) -> Status:
    """What the server of a home does at this moment; nothing is started or made.

    Args:
        home: folder of the embedded database; it need not exist.

    Raises:
        ServerError: the home cannot be read.
    """
    place = Home.of(home)
    with place.explained():
        mongod = place.mongod()
        return Status(
            running=mongod is not None or place.is_running(),
            pid=mongod.pid if mongod else None,
            uri=mongod.uri if mongod else None,
            version=_version(mongod.uri) if mongod and mongod.answers() else None,
            in_use=place.is_used(),
            kept=place.keep.exists(),
            data=place.data,
            log=place.log,
        )


def _ensure(home: Home) -> Mongod:
    """The mongod of a home, answering and supervised; to be called alone (`home.starting`)."""
    deadline = time.monotonic() + START_TIMEOUT_S
    log_before: int | None = None
    while time.monotonic() < deadline:
        mongod = home.mongod()
        if mongod is not None and mongod.answers():
            _adopt_orphan(home)
            return mongod
        if not home.is_running():
            if log_before is not None:
                raise _failed(home, log_before)
            log_before = _start_mongod(home)
        time.sleep(POLL_S)  # a mongod tells nobody when it begins to answer
    raise ServerError(
        f"the mongod of {home.root} has not answered for {START_TIMEOUT_S:.0f} s "
        f"(log: {home.log}); is the folder used from another computer?"
    )


def _start_mongod(home: Home) -> int:
    """Start mongod under a supervisor; what comes back is the log's size before."""
    if home.free_bytes() < LEAST_FREE:
        raise home.full_disk()
    log_before = home.log.stat().st_size if home.log.exists() else 0
    if log_before > LARGEST_LOG:
        home.log.replace(home.log.with_name("mongod.log.1"))
        log_before = 0
    program = find_mongod()
    socket = home.socket_folder() / "mongod.sock"
    command = command_line(program, data=home.data, socket=socket)
    _run_supervisor(home, "start", str(socket), *command)
    return log_before


def _adopt_orphan(home: Home) -> None:
    """Give a mongod whose supervisor was killed another; to be called alone."""
    mongod = home.mongod()
    if mongod is not None and home.is_orphaned():
        _run_supervisor(home, "adopt", str(mongod.pid), str(mongod.socket))


def _run_supervisor(home: Home, *arguments: str) -> None:
    log = os.open(home.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        # It returns at once; what it leaves behind is out of the terminal's reach.
        subprocess.run(  # noqa: S603 - a file of this package
            [sys.executable, "-I", "-S", SUPERVISOR, home.run, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.root,
            start_new_session=True,
            check=False,
        )
    finally:
        os.close(log)


def _failed(home: Home, log_before: int) -> ServerError:
    with home.log.open("rb") as file:
        file.seek(log_before)
        reason = reason_of_end(file.read(LARGEST_LOG).decode(errors="replace"))
    # A full disk may have cut the log off, too.
    if "No space left on device" in reason or home.free_bytes() < 2**20:
        return home.full_disk()
    return ServerError(
        f"mongod cannot start on {home.data}: {reason} (log: {home.log}); {advice(reason)}"
    )


def _endless(home: Home) -> ServerError:
    return ServerError(f"the mongod of {home.root} does not end; see {home.log}")


def _version(uri: str) -> str | None:
    # It takes longer to load than all the rest here.
    import pymongo  # noqa: PLC0415
    from pymongo.errors import PyMongoError  # noqa: PLC0415

    client: pymongo.MongoClient[dict[str, object]]
    try:
        with pymongo.MongoClient(uri, serverSelectionTimeoutMS=1000) as client:
            return str(client.admin.command("buildInfo")["version"])
    except PyMongoError:
        return None
