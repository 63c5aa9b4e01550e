"""A real replica set of three members on loopback."""

import signal
import socket
import subprocess

import pymongo
import pytest
from pymongo.errors import PyMongoError
from waiting import wait_for

from minion.server import find_mongod


class ReplicaSet:
    """Three mongods; `uri` names them all."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = [free_port() for _ in range(3)]
        self.processes = [self._start(port) for port in self.ports]
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        self.uri = f"mongodb://{hosts}/?replicaSet=minion"
        members = [
            {"_id": place, "host": f"127.0.0.1:{port}"} for place, port in enumerate(self.ports)
        ]
        quick = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200}
        wait_for(lambda: all(map(self._answers, self.ports)), 60, "three members")
        with self._one(self.ports[0]) as client:
            config = {"_id": "minion", "members": members, "settings": quick}
            client.admin.command("replSetInitiate", config)
        wait_for(self.primary, 60, "a primary")

    def primary(self):
        """The port of the member that takes writes; None during an election."""
        for port in self.ports:
            try:
                with self._one(port) as client:
                    if client.admin.command("hello").get("isWritablePrimary"):
                        return port
            except PyMongoError:
                continue
        return None

    def kill_primary(self):
        """Kill the primary at once, as a loss of power would; returns its port."""
        port = wait_for(self.primary, 60, "a primary to kill")
        process = self.processes[self.ports.index(port)]
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        return port

    def revive(self, port):
        """Start the member of that port again."""
        self.processes[self.ports.index(port)] = self._start(port)
        wait_for(lambda: self._answers(port), 60, "the member that was killed")

    def stop(self):
        """End all members."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(60)

    def _start(self, port):
        folder = self.folder / str(port)
        folder.mkdir(exist_ok=True)
        program = [find_mongod(), "--dbpath", folder, "--port", str(port), "--replSet", "minion"]
        options = ["--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64"]
        log = ["--logpath", folder / "log", "--logappend"]
        return subprocess.Popen([*program, *options, *log], stdout=subprocess.DEVNULL)

    def _answers(self, port):
        try:
            with self._one(port) as client:
                return bool(client.admin.command("ping"))
        except PyMongoError:
            return False

    @staticmethod
    def _one(port):
        return pymongo.MongoClient(
            "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500
        )


def free_port():
    """A port of loopback that nobody uses now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def replica_set(tmp_path_factory):
    """Three members; a test that kills one revives it."""
    members = ReplicaSet(tmp_path_factory.mktemp("members"))
    yield members
    members.stop()
