"""The way to one agent: one question at a time, and no answer outlasts its deadline.

The standard library's client, and not one of those that build on it: a small question costs a
third of their time, and a fleet asks thousands a minute.
"""

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from threading import Lock
from typing import Any, cast
from weakref import WeakSet

from ingest.agents.access import Access, Proxy

_READ_BYTES = 2**18
_SHORT_BYTES = 2**16  # what is read of a refusal, so that its connection can be used again
# A firewall forgets a connection that was quiet for longer, and tells neither end.
_IDLE_S = 120.0


class ProxyError(Exception):
    """The proxy, and not the agent, does not do what is asked; its text says what."""


class TooLongError(Exception):
    """An answer has more bytes than are wanted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    location, date: these headers; None where they are not.
    content: empty where the status is not 200.
    asked, answered: when the question left and when the headers had come (epoch seconds).
    """

    status: int
    location: str | None
    date: str | None
    content: bytes
    asked: float
    answered: float


class Connection:
    """The way to one server, opened when it is needed. It has no lock: one thread at a time.

    Args:
        scheme, host, port: of the server.
        access: which certificates and which proxy; who asks is a matter of the headers.
        headers: sent with every question.
        keep_alive: leave the connection open for the next question, where the server does too.
    """

    def __init__(
        self,
        scheme: str,
        host: str,
        port: int | None,
        access: Access,
        *,
        headers: Mapping[str, str],
        keep_alive: bool,
    ) -> None:
        self._secure = scheme == "https"
        self._host, self._port = host, port or (443 if self._secure else 80)
        self._access, self._keep_alive = access, keep_alive
        self._http: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._used = 0.0
        self.abandoned = False
        self._lock, self._others = Lock(), WeakSet[Connection]()
        self._alike = partial(
            Connection, scheme, host, port, access, headers=headers, keep_alive=False
        )
        self._headers = {
            "User-Agent": "minion",
            "Connection": "keep-alive" if keep_alive else "close",
            **headers,
        }
        self._prefix = ""
        proxy = access.proxy_server
        if proxy is not None and not self._secure:
            name = f"[{host}]" if ":" in host else host
            self._prefix = f"http://{name}:{self._port}"
            self._headers |= proxy.headers

    def get(self, target: str, *, timeout: float, most_bytes: int) -> Answer:
        """The answer to one GET. No redirect is followed, and nothing compressed is asked for.

        Args:
            target: path and query.
            timeout: seconds for all of it.
            most_bytes: how long an answer may be.

        Raises:
            OSError, http.client.HTTPException: the connection fails; TimeoutError: in time.
            ProxyError: the proxy does.
            SettingsError: a file of certificates cannot be used.
            TooLongError: the answer is longer.
        """
        deadline = time.monotonic() + timeout
        if time.monotonic() - self._used > _IDLE_S:
            self.close()
        kept = self._http is not None
        try:
            asked, response = self._ask(target, deadline)
        except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            if not kept:
                raise
            # The server closed it meanwhile, which is its right; a GET may be asked twice.
            asked, response = self._ask(target, deadline)
        answered = time.time()
        try:
            content = self._content(response, most_bytes)
        except BaseException:
            self.close()
            raise
        finally:
            whole = response.isclosed()
            response.close()
        if response.will_close or not whole or not self._keep_alive:
            self.close()
        self._used = time.monotonic()
        location, date = response.getheader("Location"), response.getheader("Date")
        return Answer(response.status, location, date, content, asked, answered)

    def another(self) -> "Connection":
        """A connection to the same server, for another thread; abandoned with this one."""
        other = self._alike()
        with self._lock:
            self._others.add(other)
        if self.abandoned:  # before the other one was there to be told
            other.abandon()
        return other

    def close(self) -> None:
        """Close it; the next question opens another one."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def abandon(self) -> None:
        """From any thread: no answer is waited for any more, and no question is asked."""
        self.abandoned = True
        with self._lock:
            others = list(self._others)
        for other in others:
            other.abandon()
        opened = self._socket
        if opened is not None:
            with suppress(OSError):  # not as TLS does it: another thread reads from it
                socket.socket.shutdown(opened, socket.SHUT_RDWR)

    def _ask(self, target: str, deadline: float) -> tuple[float, http.client.HTTPResponse]:
        try:
            if self._http is None and not self.abandoned:
                self._http = self._open(deadline)
            self._socket = None if self._http is None else self._http.sock
            # Only now that a socket is there which can be shut down; it may have come meanwhile.
            if self.abandoned or self._http is None:
                raise ConnectionAbortedError
            _bound(self._http, deadline)
            self._http.sock.settimeout(_left(deadline))
            asked = time.time()
            self._http.request("GET", self._prefix + target, headers=self._headers)
            return asked, self._http.getresponse()
        except BaseException:
            self.close()
            raise

    def _open(self, deadline: float) -> http.client.HTTPConnection:
        proxy = self._access.proxy_server
        host, port = (proxy.host, proxy.port) if proxy else (self._host, self._port)
        left = _left(deadline)
        opened = (
            http.client.HTTPSConnection(host, port, timeout=left, context=self._access.tls())
            if self._secure
            else http.client.HTTPConnection(host, port, timeout=left)
        )
        _bound(opened, deadline)
        if proxy is not None and self._secure:
            opened.set_tunnel(self._host, self._port, proxy.headers)
        try:
            opened.connect()
            opened.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        except ssl.SSLError:  # it reached the agent
            opened.close()
            raise
        except (OSError, http.client.HTTPException) as error:
            opened.close()
            if proxy is None:
                raise
            raise ProxyError(_fault_of(proxy, error)) from error
        return opened

    def _content(self, response: http.client.HTTPResponse, most_bytes: int) -> bytes:
        if response.status != HTTPStatus.OK:
            if self._keep_alive and response.length is not None:
                with suppress(OSError, http.client.HTTPException):
                    response.read(_SHORT_BYTES)
            return b""
        parts, room = [], most_bytes + 1
        while part := response.read(min(room, _READ_BYTES)):
            parts.append(part)
            room -= len(part)
            if room <= 0:
                raise TooLongError
        if response.length:
            raise ConnectionResetError("the answer is not whole")
        return b"".join(parts)


def proxy_refuses(proxy: Proxy) -> str:
    """What to do about a proxy that wants a password."""
    return (
        f"the proxy {proxy.shown} wants a user and a password; put its address with them into the"
        " file that proxy_file names, or into MINION_AGENT_PROXY"
    )


def _fault_of(proxy: Proxy, error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"the proxy {proxy.shown} does not answer in time; is it up?"
    if isinstance(error, socket.gaierror):
        return f"there is no such host as the proxy {proxy.shown}; check its name"
    refusal = re.match(r"Tunnel connection failed: (\d{3})", str(error))
    if refusal and int(refusal[1]) == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return proxy_refuses(proxy)
    if refusal:
        return (
            f"the proxy {proxy.shown} makes no connection to it: HTTP {refusal[1]}; check the"
            " address, and what the proxy allows"
        )
    return f"the proxy {proxy.shown} cannot be used; is it an HTTP proxy, and on that port?"


class _Bounded(io.RawIOBase):
    """What a socket gives, until a moment of time.monotonic(). A drop now and then is no excuse."""

    def __init__(self, raw: io.RawIOBase, connection: socket.socket, deadline: float) -> None:
        super().__init__()
        self._raw, self._connection, self._deadline = raw, connection, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(_left(self._deadline))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response whose every byte, of its headers too, comes before the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Bounded(cast("Any", self.fp).detach(), sock, deadline))


def _bound(connection: http.client.HTTPConnection, deadline: float) -> None:
    cast("Any", connection).response_class = partial(_Response, deadline=deadline)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
