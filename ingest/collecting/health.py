"""A collector's health over HTTP: `/healthz` for supervisors, `/metrics` for Prometheus."""

import json
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from socketserver import ThreadingMixIn
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector as Exposed

from ingest.collecting.journal import Figures
from minion.errors import SettingsError

STALE_S = 30.0  # without a look at the list for that long, a collector is not well
ANSWERED_S = 5.0  # that a question and its answer may take
MOST_AT_ONCE = 16
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_HOST = ("experiment", "sim_id", "hostname")
_COUNTS = {
    "samples": "Samples stored that were not stored before.",
    "visits": "Pulls of one host.",
    "failures": "Pulls that did not bring everything.",
    "conflicts": "Values that differ from what was stored; what was stored stayed.",
    "completed": "Runs that became complete.",
}

Respond = Callable[[str, list[tuple[str, str]]], object]


class _Server(ThreadingMixIn, WSGIServer):
    """Answers several at once, and waits for nobody for long."""

    daemon_threads = True

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._asking: dict[socket.socket, float] = {}  # and since when
        self._lock = Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, unless too many ask just now."""
        with self._lock:
            for slow in [each for each, since in self._asking.items() if since < _ago()]:
                with suppress(OSError):
                    slow.shutdown(socket.SHUT_RDWR)  # its thread ends, and closes it
            welcome = len(self._asking) < MOST_AT_ONCE
            if welcome:
                self._asking[request] = time.monotonic()
        if welcome:
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._asking.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: who asks and does not wait for the answer is no news."""


class _Server6(_Server):
    address_family = socket.AF_INET6


def _ago() -> float:
    return time.monotonic() - ANSWERED_S


class _Quiet(WSGIRequestHandler):
    timeout = ANSWERED_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Nothing: a probe every few seconds is no news."""


class Health:
    """Serves a collector's figures until it is closed.

    Args:
        figures: they are read anew for every answer.
        listen: `HOST:PORT`; port 0 takes a free one, which `address` tells.

    Raises:
        SettingsError: nothing can listen there.
    """

    def __init__(self, figures: Figures, listen: str) -> None:
        host, colon, port = listen.rpartition(":")
        self._figures = figures
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Exposition(figures))
        try:
            if not colon:
                raise ValueError
            name = host.strip("[]")
            server = _Server6 if ":" in name else _Server
            self._server = make_server(name, int(port), self._answer, server, _Quiet)
        except (OSError, OverflowError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not of the form HOST:PORT"
            raise SettingsError(
                f"the collector cannot listen on {listen}: {why}; name another with `listen` or"
                " MINION_LISTEN, or an empty one for none"
            ) from None
        self.address = f"{host}:{self._server.server_port}"
        Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _answer(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO"), environ.get("REQUEST_METHOD")
        if method not in ("GET", "HEAD"):
            return _reply(respond, "405 Method Not Allowed", b"only GET\n")
        if path == "/healthz":
            problem = trouble(self._figures)
            state = {"status": "ok"} if problem is None else {"status": "failing", "why": problem}
            body = json.dumps({**state, "hosts": len(self._figures.hosts)}).encode() + b"\n"
            status = "200 OK" if problem is None else "503 Service Unavailable"
            return _reply(respond, status, body, "application/json")
        if path == "/metrics":
            return _reply(respond, "200 OK", generate_latest(self._registry), CONTENT_TYPE)
        return _reply(respond, "404 Not Found", b"there are /healthz and /metrics\n")


def trouble(figures: Figures) -> str | None:
    """Why a collector is not well, or None. A silent agent is the agent's trouble, not its."""
    if figures.problem is not None:
        return figures.problem
    if not figures.looked:
        return "the list of hosts was not read yet"
    age = time.time() - figures.looked
    return f"the list of hosts was last read {age:.0f} s ago" if age > STALE_S else None


def _reply(
    respond: Respond, status: str, body: bytes, kind: str = "text/plain; charset=utf-8"
) -> list[bytes]:
    respond(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


class _Exposition(Exposed):
    """The figures in the words of Prometheus."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        figures, hosts = self._figures, self._figures.hosts
        for name, text in _COUNTS.items():
            yield CounterMetricFamily(f"minion_{name}", text, value=figures.counts[name])
        up = GaugeMetricFamily("minion_store_up", "Whether MongoDB does what it should.")
        up.add_metric((), float(figures.problem is None and figures.looked > 0))
        yield up
        many = GaugeMetricFamily("minion_collectors", "Collectors that share the hosts.")
        many.add_metric((), figures.collectors)
        yield many
        behind = GaugeMetricFamily(
            "minion_lag_seconds", "From a host's newest stored sample to now.", labels=_HOST
        )
        well = GaugeMetricFamily("minion_agent_up", "Whether an agent answered.", labels=_HOST)
        stored = CounterMetricFamily("minion_host_samples", "Samples stored.", labels=_HOST)
        asked = CounterMetricFamily(
            "minion_host_retries", "Times that an agent was asked again.", labels=_HOST
        )
        gaps = GaugeMetricFamily(
            "minion_missing_windows", "Windows that nobody has the samples of.", labels=_HOST
        )
        for host in hosts:
            names = (host.experiment, host.sim_id, host.hostname)
            behind.add_metric(names, host.lag_s)
            well.add_metric(names, float(host.healthy))
            stored.add_metric(names, host.samples)
            asked.add_metric(names, host.retries)
            gaps.add_metric(names, host.gaps)
        yield from (behind, well, stored, asked, gaps)
