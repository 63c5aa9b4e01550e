"""A MongoDB that is away, refuses, is too old, or is no MongoDB: one line each."""

import socket
import threading
import time

import pytest

import minion
from minion import mongodb
from minion.errors import (
    InvalidData,
    SettingsError,
    StoreError,
    StoreRefused,
    StoreTooOld,
    StoreUnavailable,
)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(mongodb, "ANSWER_WITHIN_MS", 300)


def test_limits_of_time_in_a_uri_win():
    uri = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=50"
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        minion.connect(uri)
    assert time.monotonic() - began < mongodb.ANSWER_WITHIN_MS / 1000


@pytest.mark.parametrize("value", ["\udcff", 2**70, {"a\0b": 1}, object()])
def test_what_mongodb_cannot_keep(store, value):
    with (
        pytest.raises(InvalidData, match="MongoDB cannot keep a value: ") as error,
        mongodb.translated(store.where),
    ):
        store.database.things.insert_one({"value": value})
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.usefixtures("quick")
def test_away():
    with pytest.raises(StoreUnavailable, match=r"no MongoDB answers at .*start it, or name"):
        minion.connect(f"mongodb://127.0.0.1:{free_port()}/")


@pytest.mark.usefixtures("quick")
def test_something_else_answers():
    listener = socket.create_server(("127.0.0.1", 0))

    def answer():
        try:
            while True:
                connection, _ = listener.accept()
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.close()
        except OSError:
            return  # the test closed the listener

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with pytest.raises(StoreError, match="MongoDB"):
            minion.connect(f"mongodb://127.0.0.1:{listener.getsockname()[1]}/")
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    "uri", ["nonsense", "http://127.0.0.1", "mongodb://", "mongodb://a:b@c@d/", "mongodb://h:port"]
)
def test_no_uri(uri):
    with pytest.raises(SettingsError, match="MongoDB URI"):
        minion.connect(uri)


def test_too_old(mongodb_uri, monkeypatch):
    monkeypatch.setattr(mongodb, "OLDEST_SERVER", (99, 0))
    with pytest.raises(StoreTooOld, match=r"is \d+\.\d+\.\d+; Minion needs 99\.0 or newer"):
        minion.connect(mongodb_uri)


def test_refused(mongodb_with_password):
    uri, user, password = mongodb_with_password
    place = uri.removeprefix("mongodb://")
    with minion.connect(f"mongodb://{user}:{password}@{place}") as store:
        assert store.experiments() == []
        store.client.minion.command(
            "createUser", "reader", pwd="r", roles=[{"role": "read", "db": "minion"}]
        )
    with pytest.raises(StoreRefused, match="refuses the user or the password"):
        minion.connect(f"mongodb://{user}:wrong@{place}")
    with pytest.raises(StoreRefused, match="whoever has not logged in; put a user and a password"):
        minion.connect(uri)
    with (
        minion.connect(f"mongodb://reader:r@{place}/?authSource=minion") as store,
        pytest.raises(StoreRefused, match=r"refuses delete on minion\.series to this user"),
    ):
        store.delete_experiment("x")
