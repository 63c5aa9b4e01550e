"""A real HTTP server that answers as a broken netdata agent does, in front of a real one or alone.

with FaultyAgent(real.url) as agent:
    agent.on("/api/v1/data", status(500), times=2)   # then it answers as the real one does
    agent.on("chart=system.cpu", hang)
    ...                                              # ask agent.url
assert len(agent.asked("/api/v1/data")) == 3
"""

import json
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Self

import requests


@dataclass(slots=True)
class Exchange:
    """One request, and the ways to answer it."""

    handler: BaseHTTPRequestHandler
    upstream: str | None
    closing: Event

    @property
    def path(self) -> str:
        return self.handler.path

    def real(self) -> tuple[int, bytes]:
        """What the agent behind says: (status, body)."""
        if self.upstream is None:
            return 404, b"No metrics where matched to query."
        answer = requests.get(
            self.upstream + self.path, headers={"Connection": "close"}, timeout=20
        )
        return answer.status_code, answer.content

    def reply(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.handler.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **(headers or {}),
        }.items():
            self.handler.send_header(name, value)
        self.handler.end_headers()
        self.handler.wfile.write(body)


Fault = Callable[[Exchange], None]


def as_it_is(exchange: Exchange) -> None:
    exchange.reply(*exchange.real())


def status(code: int, body: bytes = b"no") -> Fault:
    return lambda exchange: exchange.reply(code, body)


def answer(document: object) -> Fault:
    """200 with that document as JSON, or as it is when it is bytes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return lambda exchange: exchange.reply(200, body)


def redirect(target: str) -> Fault:
    return lambda exchange: exchange.reply(302, b"", {"Location": target + exchange.path})


def hang(exchange: Exchange) -> None:
    """No byte until the server is closed."""
    exchange.closing.wait(60)


def drip(exchange: Exchange) -> None:
    """A byte now and then: never silent, never done."""
    exchange.handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not exchange.closing.wait(0.05):
        exchange.handler.wfile.write(b" ")
        exchange.handler.wfile.flush()


def reset(exchange: Exchange) -> None:
    """Half of the real answer, then a reset of the connection."""
    code, body = exchange.real()
    exchange.handler.send_response(code)
    exchange.handler.send_header("Content-Length", str(len(body)))
    exchange.handler.end_headers()
    exchange.handler.wfile.write(body[: len(body) // 2])
    exchange.handler.wfile.flush()
    connection = exchange.handler.connection
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def not_http(exchange: Exchange) -> None:
    exchange.handler.wfile.write(b"220 mail.example.org ESMTP\r\n")


def endless(exchange: Exchange) -> None:
    """More than anybody can want."""
    exchange.handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")
    while not exchange.closing.is_set():
        exchange.handler.wfile.write(b"0," * 2**19)


def changed(change: Callable[[dict[str, Any]], None]) -> Fault:
    """The real table of /api/v1/data after `change` had its way with {"labels", "data"}."""

    def fault(exchange: Exchange) -> None:
        code, body = exchange.real()
        if code == requests.codes.ok:
            document = json.loads(body)
            change(document.get("result", document))
            body = json.dumps(document).encode()
        exchange.reply(code, body)

    return fault


@dataclass(slots=True)
class _Rule:
    part: str
    fault: Fault
    left: int | None


@dataclass
class FaultyAgent:
    """A server on loopback; what no rule is for is answered by the agent behind it.

    upstream: address of a real agent; without, everything that no rule is for is a 404.
    requests: the paths that were asked for, in order.
    """

    upstream: str | None = None
    requests: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = Lock()
        self._closing = Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.close_connection = True
                outer._answer(self)

            def log_message(self, *_: object) -> None:
                """Nothing: a test's output is its own."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def on(self, part: str, fault: Fault, *, times: int | None = None) -> None:
        """Answer requests whose path has `part` in it with the fault; the newest rule wins.

        Args:
            times: only so many of them; without, all.
        """
        with self._lock:
            self._rules.insert(0, _Rule(part, fault, times))

    def asked(self, part: str) -> list[str]:
        """The requests so far whose path has `part` in it."""
        return [path for path in self.requests if part in path]

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.requests.append(handler.path)
            self.authorizations.append(handler.headers.get("Authorization"))
            fault = as_it_is
            for rule in self._rules:
                if rule.part in handler.path and rule.left != 0:
                    rule.left = None if rule.left is None else rule.left - 1
                    fault = rule.fault
                    break
        try:
            fault(Exchange(handler, self.upstream, self._closing))
        except (ConnectionError, OSError):
            handler.close_connection = True  # the client left, which is its right


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A connection that a fault broke is no news."""
