"""An agent whose answer nobody waits for any more."""

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from mongod_with_tls import authority, signed

from ingest.agents.access import Access
from ingest.agents.agent import Agent
from ingest.collecting import leaving
from ingest.collecting.leaving import Leaving
from minion.errors import AgentError

SOON_S = 5.0  # on a busy machine; the answer itself would be waited for a minute


class Silent:
    """A server that takes one question and never answers. `asked` is set when it has it."""

    def __init__(self, context):
        self.asked = Event()
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._pool = ThreadPoolExecutor(1)
        self._serving = self._pool.submit(self._serve)

    def _serve(self):
        taken, _ = self._listening.accept()
        connection = taken if self._context is None else self._wrapped(taken)
        with connection:
            assert connection.recv(4096)
            self.asked.set()
            try:
                return connection.recv(4096)  # nothing: the client has left
            except OSError:
                return b""

    def _wrapped(self, taken):
        return self._context.wrap_socket(taken, server_side=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listening.close()
        assert self._serving.result(SOON_S) == b""
        self._pool.shutdown()


@pytest.fixture(params=["http", "https"])
def silent(request, tmp_path):
    """A silent server, and an agent at its address."""
    if request.param == "http":
        with Silent(None) as server:
            yield server, Agent(f"http://127.0.0.1:{server.port}", tries=3)
        return
    ca = authority(tmp_path, "ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed(tmp_path, "ca", "agent", "/CN=agent", "IP:127.0.0.1"))
    with Silent(context) as server:
        yield server, Agent(f"https://127.0.0.1:{server.port}", access=Access(ca_file=ca))


def test_whoever_waits_is_let_go_and_nothing_more_is_asked(silent):
    server, agent = silent
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(agent.info)
        assert server.asked.wait(SOON_S)
        assert not agent.abandoned
        agent.abandon()
        with pytest.raises(AgentError):
            waiting.result(SOON_S)
    assert agent.abandoned
    began = time.monotonic()
    with pytest.raises(AgentError):
        agent.charts()
    assert time.monotonic() - began < SOON_S


def test_it_is_waited_for_until_the_grace_is_over(silent, monkeypatch):
    monkeypatch.setattr(leaving, "GRACE_S", 0.5)
    server, agent = silent
    told = Event()
    with Leaving(told) as going, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(going.watched(agent).info)
        assert server.asked.wait(SOON_S)
        assert not going.now.is_set()
        began = time.monotonic()
        told.set()
        with pytest.raises(AgentError):
            waiting.result(SOON_S)
        assert time.monotonic() - began >= 0.5
        assert going.now.is_set()
        late = going.watched(Agent("http://127.0.0.1:1"))  # opened by a visit that goes on
        assert late.abandoned


def test_what_comes_to_its_end_in_time_abandons_nobody():
    agent = Agent("http://127.0.0.1:1")
    with Leaving() as going:
        going.watched(agent)
        going.now.set()
    assert not agent.abandoned
