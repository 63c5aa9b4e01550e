"""Connections to agents: kept, closed by either side, and never waited for too long."""

import contextlib
import socket
from threading import Thread

import pytest
from fronts import INFO, Front

from ingest.agents import connection
from ingest.agents.agent import Agent
from minion.errors import AgentError


def failure(agent):
    """The one line that an agent's failure is told in."""
    with pytest.raises(AgentError) as caught:
        agent.info()
    message = str(caught.value)
    assert "\n" not in message
    assert "hunter2" not in message
    return message


def test_a_connection_is_kept():
    with Front() as front:
        with Agent(front.url, keep_alive=True) as agent:
            for _ in range(5):
                agent.info()
            assert front.connections == 1
        agent.info()  # closed, and opened again
        assert front.connections == 2
        agent.close()


def test_a_connection_is_not_kept_unasked():
    with Front() as front:
        agent = Agent(front.url)
        for _ in range(3):
            agent.info()
        assert front.connections == 3
        assert {headers["Connection"] for _, headers in front.requests} == {"close"}


def test_a_refusal_keeps_the_connection():
    with Front(status=404) as front, Agent(front.url, keep_alive=True) as agent:
        for _ in range(3):
            failure(agent)
        assert front.connections == 1


def test_a_connection_that_the_agent_closed_is_opened_again():
    with Front(hangs_up=True) as front, Agent(front.url, keep_alive=True) as agent:
        for _ in range(4):
            agent.info()
        assert front.connections == 4


def test_a_connection_that_was_quiet_is_not_trusted(monkeypatch):
    monkeypatch.setattr(connection, "_IDLE_S", 0.0)
    with Front() as front, Agent(front.url, keep_alive=True) as agent:
        agent.info()
        agent.info()
        assert front.connections == 2


@pytest.mark.parametrize(
    "opening",
    [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 2"],
)
def test_a_drop_now_and_then_does_not_outlast_the_deadline(opening):
    """In the headers as little as in what follows them."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip():
            there, _ = listening.accept()
            with there, contextlib.suppress(OSError):
                there.recv(4096)
                there.sendall(opening)
                there.settimeout(0.02)
                while True:
                    with contextlib.suppress(TimeoutError):
                        if not there.recv(1):
                            return
                    there.sendall(b"0")

        thread = Thread(target=drip, daemon=True)
        thread.start()
        agent = Agent(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=0.4)
        assert "no whole answer within 0.4 s" in failure(agent)
        thread.join(5)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}", "breaks the connection"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{", "breaks the connection"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{", "breaks the connection"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, "does not speak HTTP"),
        (b"HTTP/1.1 hunter2\r\n\r\n", "does not speak HTTP"),
        (b"", "breaks the connection"),
    ],
)
def test_answers_that_are_not_whole(sent, words):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            there, _ = listening.accept()
            with there, contextlib.suppress(OSError):
                there.recv(4096)
                there.sendall(sent)
                there.shutdown(socket.SHUT_WR)
                there.recv(1)

        thread = Thread(target=answer, daemon=True)
        thread.start()
        assert words in failure(Agent(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=5))
        thread.join(5)


def test_chunks_and_an_answer_without_a_length_are_read():
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(INFO), INFO)
    for body in (chunked, b"\r\n" + INFO):
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def answer(body=body, listening=listening):
                there, _ = listening.accept()
                with there:
                    there.recv(4096)
                    there.sendall(b"HTTP/1.1 200 OK\r\n" + body)

            thread = Thread(target=answer, daemon=True)
            thread.start()
            assert Agent(f"http://127.0.0.1:{listening.getsockname()[1]}").info().hostname == "node"
            thread.join(5)
