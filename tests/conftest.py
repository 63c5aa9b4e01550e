import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import wait_for

from minion import server

pytest_plugins = [
    "browsers",
    "checked_runs",
    "flat_study",
    "kns_importing",
    "mapped_tables",
    "mongod_with_password",
    "netdata_agents",
    "program",
    "pulling",
    "replica_set",
    "mongod_with_tls",
    "shared_data",
    "stores",
    "served_pages",  # behind those that it imports
]


@pytest.fixture(scope="session", autouse=True)
def interrupts() -> None:
    """Ctrl-C works in the tests and their children, also where a shell put them behind."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def home() -> Iterator[Path]:
    """A fresh folder with a short path; a server in it must have no users after the test."""
    folder = Path(tempfile.mkdtemp(prefix="minion-"))
    yield folder
    server.stop(folder)
    wait_for(lambda: not server.status(folder).running, 20, "the end of the test's server")
    shutil.rmtree(folder)
