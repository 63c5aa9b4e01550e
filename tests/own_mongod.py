"""A mongod of a test's own, which may be killed, started again, and filled up."""

import signal
import subprocess
from pathlib import Path
from typing import Self

import pymongo
from pymongo.errors import OperationFailure, PyMongoError
from replica_set import free_port
from waiting import wait_for

from minion.server import find_mongod


class OwnMongod:
    """A single mongod on loopback, from the block's begin to its end.

    Args:
        folder: for its data; its log stands beside it.
        options: further ones of mongod.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.options, self.port = folder, options, free_port()
        self.uri = f"mongodb://127.0.0.1:{self.port}/"
        self.start()

    def start(self) -> None:
        """Start it; it answers from here on."""
        program = [find_mongod(), "--dbpath", self.folder, "--port", str(self.port)]
        small = ["--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.25"]
        journal = ["--wiredTigerEngineConfigString", "log=(file_max=4MB,prealloc=false)"]
        log = ["--logpath", self.folder.parent / f"{self.port}.log", "--logappend"]
        self.process = subprocess.Popen(
            [*program, *small, *journal, *log, "--nounixsocket", *self.options],
            stdout=subprocess.DEVNULL,
        )
        wait_for(self._answers, 60, "mongod")

    def end(self, how: int = signal.SIGKILL) -> None:
        """End it, without a warning unless told otherwise."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        self.process.wait(60)

    @property
    def ended(self) -> bool:
        """Whether it has ended, by itself or not."""
        return self.process.poll() is not None

    def _answers(self) -> bool:
        try:
            with pymongo.MongoClient(self.uri, serverSelectionTimeoutMS=300) as client:
                return bool(client.admin.command("ping"))
        except OperationFailure:
            return True
        except PyMongoError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
