"""Simulated agents on sockets: each listens at an address of its own, in one process.

HTTP as netdata 1.37 has it: one request after the other on a connection that stays open only when
that is asked for, gzip in chunks, `Date` by the agent's own clock.
"""

import asyncio
import contextlib
import socket
import time
import zlib
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from answers import JSON, TEXT, Answer, SimulatedAgent
from descriptions import VERSION

PER_NETWORK = 250  # addresses with the same third number
BACKLOG = 64
MOST_HEAD = 2**14  # bytes of a request; no client has so much to say
_CHUNK = 2**14
_LEVEL = 3  # of gzip
_DAY_S = 86_400
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden"} | {
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_GARBAGE = b'{"version": \xff\xfe, "charts": [[[' + bytes(range(128, 256)) * 4


def address(agent: int) -> str:
    """Where an agent of that number listens, on loopback."""
    return f"127.7.{agent // PER_NETWORK}.{agent % PER_NETWORK + 1}"


class Served:
    """One agent that listens.

    requests: how many it was asked. bytes: how many it has sent.
    """

    def __init__(self, agent: SimulatedAgent, port: int) -> None:
        self.agent = agent
        self.port = port
        self.requests = 0
        self.bytes = 0
        self.connections: set[asyncio.Transport] = set()
        self._listening: socket.socket | None = None

    def listen(self) -> None:
        """Take connections from now on. Port 0: any that is free."""
        if self._listening is None:
            place = address(self.agent.number), self.port
            self._listening = socket.create_server(place, backlog=BACKLOG)
            self._listening.setblocking(False)
            self.port = self._listening.getsockname()[1]
            asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def refuse(self) -> None:
        """Take no more, and break those that are open."""
        if self._listening is not None:
            asyncio.get_running_loop().remove_reader(self._listening)
            self._listening.close()
            self._listening = None
        for connection in tuple(self.connections):
            connection.abort()

    @property
    def listens(self) -> bool:
        """Whether it takes connections."""
        return self._listening is not None

    def _accept(self) -> None:
        # Not a server of asyncio: one that is closed drops a connection that it has just accepted,
        # and its client waits for ever.
        with contextlib.suppress(OSError):  # it has left again
            assert self._listening is not None
            accepted, _ = self._listening.accept()
            loop = asyncio.get_running_loop()
            _keep(loop.create_task(loop.connect_accepted_socket(self._connected, accepted)))

    def _connected(self) -> asyncio.Protocol:
        return _Connection(self)

    def change(self, **changes: object) -> None:
        """Change the agent, and listen or not as its mode has it."""
        self.agent.change(**changes)
        if self.agent.mode == "down":
            self.refuse()
        else:
            self.listen()

    def restart(self, seconds: float) -> None:
        """End it, and start it again after so long; of that time it has no samples."""
        now = self.agent.clock()
        gaps = [*self.agent.gaps, (now, now + seconds)]
        self.change(mode="down", gaps=gaps)
        asyncio.get_running_loop().call_later(seconds, lambda: self.change(mode="up"))


_tasks: set[asyncio.Future[Any]] = set()


def _keep(task: asyncio.Future[Any]) -> None:
    """Nothing else holds a task that runs."""
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


class _Connection(asyncio.Protocol):
    """One client: its requests in order, one answer at a time."""

    __slots__ = ("_come", "_later", "_served", "_transport")

    def __init__(self, served: Served) -> None:
        self._served = served
        self._come = b""
        self._later: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._served.connections.add(transport)
        if not self._served.listens:
            transport.abort()

    def connection_lost(self, _: Exception | None) -> None:
        self._served.connections.discard(self._transport)
        if self._later is not None:
            self._later.cancel()

    def data_received(self, data: bytes) -> None:
        self._come += data
        if self._later is None:
            self._next()

    def _next(self) -> None:
        """Answer what is there, as long as the agent takes no time for it."""
        self._later = None
        while not self._transport.is_closing():
            head, end, rest = self._come.partition(b"\r\n\r\n")
            if not end:
                if len(head) > MOST_HEAD:
                    self._transport.abort()
                return
            self._come = rest
            agent = self._served.agent
            if agent.mode == "hang":
                return
            if agent.slow_s > 0:
                loop = asyncio.get_running_loop()
                self._later = loop.call_later(agent.slow_s, self._late, head)
                return
            self._answer(head)

    def _late(self, head: bytes) -> None:
        self._answer(head)
        self._next()

    def _answer(self, head: bytes) -> None:
        served = self._served
        served.requests += 1
        line, _, fields = head.partition(b"\r\n")
        method, _, rest = line.partition(b" ")
        target, _, version = rest.rpartition(b" ")
        fields = fields.lower()
        kept = b"connection: keep-alive" in fields
        agent = served.agent
        if method != b"GET" or not version.startswith(b"HTTP/1."):
            answer, kept = (
                Answer(400, TEXT, "I don't understand you...\r\n"),
                False,
            )
        elif agent.mode == "up":
            answer = agent.answer(target.decode("ascii", "replace"))
        elif agent.mode == "garbage":
            answer = Answer(200, JSON, "")
        else:
            status = int(agent.mode)
            answer = Answer(status, TEXT, f"simulated: status {status}")
        body = answer.body.encode() if agent.mode != "garbage" else _GARBAGE
        packed = b"accept-encoding:" in fields and b"gzip" in _line(fields, b"accept-encoding:")
        sent = _message(answer, body, agent.clock(), agent.step, packed=packed, kept=kept)
        served.bytes += len(sent)
        self._transport.write(sent)
        if not kept:
            self._transport.close()


def _line(fields: bytes, name: bytes) -> bytes:
    return fields.partition(name)[2].partition(b"\r\n")[0]


def _message(
    answer: Answer, body: bytes, now: float, step: int, *, packed: bool, kept: bool
) -> bytes:
    """The whole answer as it goes over the wire."""
    length = b"Content-Length: %d\r\n" % len(body)
    if packed:
        squeeze = zlib.compressobj(_LEVEL, wbits=31)
        body = squeeze.compress(body) + squeeze.flush()
        pieces = [body[place : place + _CHUNK] for place in range(0, len(body), _CHUNK)]
        body = b"".join(b"%X\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        length = b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"
    head = _head(answer.status, answer.kind, int(now), _DAY_S if answer.kept else step, kept)
    return b"".join([head, length, b"\r\n", body])


@lru_cache(maxsize=64)
def _head(status: int, kind: str, now: int, lasts_s: int, kept: bool) -> bytes:
    reason = _REASONS.get(status, "Unknown")
    keeping = (
        "public" if lasts_s == _DAY_S else "no-cache, no-store, must-revalidate\r\nPragma: no-cache"
    )
    return (
        f"HTTP/1.1 {status} {reason}\r\n"
        f"Connection: {'keep-alive' if kept else 'close'}\r\n"
        f"Server: Netdata Embedded HTTP Server {VERSION}\r\n"
        "Access-Control-Allow-Origin: *\r\n"
        "Access-Control-Allow-Credentials: true\r\n"
        f"Content-Type: {kind}\r\n"
        f"Date: {formatdate(now, usegmt=True)}\r\n"
        f"Cache-Control: {keeping}\r\n"
        f"Expires: {formatdate(now + lasts_s, usegmt=True)}\r\n"
    ).encode()


class Fleet:
    """Many agents in this process.

    born: since when they have samples, seconds since the epoch.
    """

    def __init__(self, agents: int, *, step: int, born: float, listed: int, port: int) -> None:
        self.born = born
        self.port = port
        self.served = [
            Served(SimulatedAgent(place, step=step, born=born, listed=listed), port)
            for place in range(agents)
        ]

    def start(self) -> None:
        """All listen, on one port.

        Raises:
            OSError: the port is taken at one of their addresses.
        """
        for served in self.served:
            served.port = self.port
            served.listen()
            self.port = served.port

    def stop(self) -> None:
        """None listens."""
        for served in self.served:
            served.refuse()

    def command(self, asked: dict[str, object]) -> dict[str, object]:
        """What a line on standard input asks for, done; returns what is answered.

        Args:
            asked: `agents`, their numbers (without, all), and one of `change`, what of them to
                what; `restart`, for how many seconds; `counts`, anything.
        """
        numbers = asked.get("agents")
        chosen = self.served
        if isinstance(numbers, list):
            chosen = [self.served[place] for place in numbers]
        changes, seconds = asked.get("change"), asked.get("restart")
        if isinstance(changes, dict):
            for served in chosen:
                served.change(**changes)
        if isinstance(seconds, int | float):
            for served in chosen:
                served.restart(seconds)
        return {
            "requests": sum(served.requests for served in chosen),
            "bytes": sum(served.bytes for served in chosen),
            "connections": sum(len(served.connections) for served in chosen),
            "cpu_s": time.process_time(),
        }
