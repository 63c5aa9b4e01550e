"""Fixtures for stores on a real mongod."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

import minion
from ingest.simulated import study
from minion.server import Server
from minion.store import Store


@pytest.fixture(scope="session")
def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A mongod for the whole session: the embedded one, or MINION_TEST_MONGODB_URI."""
    named = os.environ.get("MINION_TEST_MONGODB_URI")
    if named:
        yield named
        return
    with Server.use(tmp_path_factory.mktemp("home")) as server:
        yield server.uri


def fresh(uri: str) -> Iterator[Store]:
    """A store on an empty database, which is dropped in the end."""
    with minion.connect(uri, database=f"test_{uuid4().hex}") as store:
        yield store
        store.client.drop_database(store.database.name)


@pytest.fixture
def store(mongodb_uri: str) -> Iterator[Store]:
    """An empty store."""
    yield from fresh(mongodb_uri)


@pytest.fixture
def target(mongodb_uri: str) -> Iterator[Store]:
    """Another empty store, for what is brought from one to the other."""
    yield from fresh(mongodb_uri)


@pytest.fixture(scope="session")
def study_store(mongodb_uri: str) -> Iterator[Store]:
    """The whole simulated study, seed 1; to be read only."""
    for store in fresh(mongodb_uri):
        for simulation, series in study(seed=1):
            store.put(simulation, series)
        yield store
