"""A real mongod that wants a password."""

import subprocess

import pymongo
import pytest
from pymongo.errors import PyMongoError
from waiting import wait_for

from minion.server import find_mongod


@pytest.fixture(scope="session")
def mongodb_with_password(tmp_path_factory):
    """(URI of its socket without a user, user, password) of a mongod with authentication."""
    home = tmp_path_factory.mktemp("auth")
    path = home / "m.sock"
    program = [find_mongod(), "--dbpath", home, "--bind_ip", path, "--port", "0", "--auth"]
    options = ["--logpath", home / "log", "--wiredTigerCacheSizeGB", "0.25"]
    process = subprocess.Popen([*program, *options], stdout=subprocess.DEVNULL)
    uri = "mongodb://" + str(path).replace("/", "%2F")
    try:
        with pymongo.MongoClient(uri, serverSelectionTimeoutMS=200) as client:
            make_root(client, "mongod with --auth")
        yield uri, "root", "pa55"
    finally:
        process.terminate()
        process.wait(60)


def make_root(client, what):
    """Make the first user, once the server answers."""

    def answers():
        try:
            return client.admin.command("ping")
        except PyMongoError:
            return None

    wait_for(answers, 30, what)
    # The first user may be made without one, from this machine.
    client.admin.command("createUser", "root", pwd="pa55", roles=["root"])
