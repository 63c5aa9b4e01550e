"""The home: the folder of an embedded database, what is in it, and who holds its locks.

home/
├── data/         mongod's data folder
├── mongod.log    its log, in JSON lines; mongod.log.1 is the one before
└── run/          locks, and the socket: see minion/supervisor.py
"""

import errno
import hashlib
import os
import socket as sockets
import stat
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote

from minion.errors import ServerError
from minion.locks import Lock, is_free
from minion.mongod import WAY_OUT

START_TIMEOUT_S = 300.0  # a large journal may have to be recovered
LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107
LEAST_FREE = 32 * 2**20

# {hello: 1, $db: "admin"} as an OP_MSG of MongoDB's wire protocol.
_COMMAND = b"\x10hello\0" + struct.pack("<i", 1) + b"\x02$db\0" + struct.pack("<i", 6) + b"admin\0"
_BODY = struct.pack("<ib", 0, 0) + struct.pack("<i", len(_COMMAND) + 5) + _COMMAND + b"\0"
_HELLO = struct.pack("<iiii", len(_BODY) + 16, 1, 0, 2013) + _BODY


@dataclass(frozen=True, slots=True)
class Mongod:
    """A mongod that lives.

    pid: its process id.
    socket: the path of its Unix socket.
    """

    pid: int
    socket: Path

    @property
    def uri(self) -> str:
        """The MongoDB URI of its socket; a single server knows no retryable writes."""
        return f"mongodb://{quote(str(self.socket), safe='')}/?retryWrites=false"

    def answers(self) -> bool:
        """Whether it answers a `hello`; one that is dying may still accept connections."""
        with sockets.socket(sockets.AF_UNIX) as connection:
            connection.settimeout(5.0)
            try:
                connection.connect(str(self.socket))
                connection.sendall(_HELLO)
                return bool(connection.recv(16))
            except OSError:
                return False


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of an embedded database."""

    root: Path

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The home in a folder, which need not exist.

        Raises:
            ServerError: on Windows, which has no such locks.
        """
        if sys.platform == "win32":
            raise ServerError(f"there is no embedded server on Windows; {WAY_OUT}")
        return cls(folder.absolute())

    @property
    def data(self) -> Path:
        """Mongod's data folder."""
        return self.root / "data"

    @property
    def log(self) -> Path:
        """Mongod's log."""
        return self.root / "mongod.log"

    @property
    def run(self) -> Path:
        """The folder of the locks."""
        return self.root / "run"

    @property
    def users(self) -> Path:
        """The lock that every user shares."""
        return self.run / "users"

    @property
    def keep(self) -> Path:
        """The file that keeps mongod running without users."""
        return self.run / "keep"

    def make(self) -> None:
        """Make what is missing.

        Raises:
            ServerError: the folders belong to another user.
            OSError: the system refuses.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_private(self.run)
        _make_private(self.data)
        with suppress(FileExistsError):
            os.mkfifo(self.run / "wake", 0o600)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Alone in starting, adopting and stopping.

        Raises:
            ServerError: another process has been doing so for too long.
        """
        with Lock(self.run / "start") as lock:
            if not lock.take(timeout=START_TIMEOUT_S):
                raise ServerError(
                    f"another process has been starting the mongod of {self.root} for "
                    f"{START_TIMEOUT_S:.0f} s; see {self.log}"
                )
            yield

    def mongod(self) -> Mongod | None:
        """The mongod that lives, or None."""
        lock = self.run / "mongod"
        if is_free(lock):
            return None
        # One that is just being started has not written yet.
        pid, separator, socket = lock.read_bytes().partition(b"\n")
        return Mongod(int(pid), Path(os.fsdecode(socket))) if separator else None

    def is_running(self) -> bool:
        """Whether mongod or its supervisor lives."""
        return not (is_free(self.run / "mongod") and is_free(self.run / "supervisor"))

    def is_orphaned(self) -> bool:
        """Whether mongod lives, and its supervisor does not."""
        return not is_free(self.run / "mongod") and is_free(self.run / "supervisor")

    def is_used(self) -> bool:
        """Whether somebody uses mongod."""
        # A lock that cannot even be shared is the supervisor's, which is ending mongod.
        return not is_free(self.users) and is_free(self.users, shared=True)

    def wake_supervisor(self) -> None:
        """Have the supervisor look again whether mongod is kept."""
        try:
            pipe = os.open(self.run / "wake", os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.ENOENT):
                return  # there is none
            raise
        try:
            with suppress(BrokenPipeError):  # it ended between the two calls
                os.write(pipe, b"\n")
        finally:
            os.close(pipe)

    def socket_folder(self) -> Path:
        """The folder for a new mongod's socket, made if need be: `run`, or a short one.

        Raises:
            ServerError: the short one belongs to another user.
        """
        folder = self.run
        if not _holds_socket(folder):
            name = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
            bases = (Path(tempfile.gettempdir()), Path("/tmp"))  # noqa: S108 - it will be private
            folders = [base.absolute() / f"minion-{os.geteuid()}-{name}" for base in bases]
            folder = next(filter(_holds_socket, folders))
            _make_private(folder)
        return folder

    def free_bytes(self) -> int:
        """How much can still be written."""
        disk = os.statvfs(self.root)
        return disk.f_bavail * disk.f_frsize

    def full_disk(self) -> ServerError:
        """The error that says so."""
        free = self.free_bytes() / 2**20
        return ServerError(
            f"mongod cannot start: the disk of {self.root} is full ({free:.1f} MB free, at least "
            f"{LEAST_FREE / 2**20:.0f} MB needed); free some space (log: {self.log})"
        )

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn what the system refuses into a ServerError."""
        try:
            yield
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise self.full_disk() from error
            raise ServerError(
                f"cannot use {error.filename or self.root}: {error.strerror or error}; make "
                f"{self.root} a folder that you can write, or name another one in MINION_HOME"
            ) from error


def _holds_socket(folder: Path) -> bool:
    """Whether mongod can have its socket there: the path is short, and mongod splits at commas."""
    path = os.fsencode(folder / "mongod.sock")
    return len(path) <= LONGEST_SOCKET and b"," not in path


def _make_private(folder: Path) -> None:
    """Make a folder that is this user's alone, or see that it is."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ServerError(f"{folder} is not a folder; remove it, or name another MINION_HOME")
    if found.st_uid != os.geteuid():
        raise ServerError(f"{folder} belongs to another user; name another MINION_HOME")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
