"""One netdata agent, asked directly: who it is, which charts it has, their samples.

Works with agents 1.37 and 2.x. Nothing that an agent says is believed before it was looked at: an
answer has a limit in time and size, another shape than netdata's is an error, and of what it wrote
a message holds 40 characters at most, and none of the secrets that it was asked with.
"""

import http.client
import json
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from socket import gaierror
from threading import Event
from typing import Any, Self
from urllib.parse import quote, unquote, urlencode, urlsplit

from ingest.agents.access import ANONYMOUS, Access, basic, netrc_login
from ingest.agents.answers import (
    AgentInfo,
    Chart,
    Table,
    chart_of,
    info_of,
    is_id,
    no_rows,
    query,
    table_of,
)
from ingest.agents.bounds import OF_A_HOST, OF_CHARTS, bytes_of_data, holds_too_much
from ingest.agents.clock import Clock
from ingest.agents.connection import Answer, Connection, ProxyError, TooLongError, proxy_refuses
from ingest.agents.wording import CONFIGURED, MEANING, REDIRECTS, Quoting
from minion.errors import AgentError, InvalidData, NotFound, SettingsError

__all__ = ["MOST_POINTS", "Agent", "AgentInfo", "Chart", "Table", "query"]

MOST_POINTS = 86_400  # more rows than that in one answer, and an agent averages without a word

_PAUSE_S = 0.2  # before asking again; doubled each time


class _Passing(AgentError):
    """A failure that may be over a moment later."""


class Agent:
    """One netdata agent, asked directly. It has no lock: one thread at a time.

    Args:
        url: `http://10.0.0.5:19999`, `https://…`, or `http://parent:19999/host/CHILD` for a child
            that streams to a parent. A user and a password in it are used and never shown.
        access: who asks, which certificates, which proxy. Without a user and a token, in it and in
            the address, those of ~/.netrc are used.
        timeout: seconds that an answer may take, instead of the access'.
        tries: how often a question is asked while the failure may pass: a connection that is
            refused or breaks, a status of 500 and above, an answer that is not JSON. Silence is
            not asked again; it has had its time.
        keep_alive: keep the connection for the next question. `close` it, or use `with`.

    `clock` is how far the agent's clock is from ours, from the Date of all its answers;
    `credentials` the (user, password) that are sent, or None; `left_out` those of the last list of
    charts that are not like netdata's, id to context.

    Raises:
        InvalidData: the address is none.
    """

    def __init__(
        self,
        url: str,
        *,
        access: Access = ANONYMOUS,
        timeout: float | None = None,
        tries: int = 1,
        keep_alive: bool = False,
    ) -> None:
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise InvalidData("an agent's address is not of the form http://10.0.0.5:19999")
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.network = f"{name}:{port}" if port else name
        self.path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~")
        self.scheme = parts.scheme
        self.url = f"{self.scheme}://{self.network}{self.path}"
        self.access = access
        self.timeout = access.timeout_s if timeout is None else timeout
        self.credentials: tuple[str, str] | None = None
        self.clock = Clock()
        self.left_out: dict[str, str] = {}
        self._tries = max(1, tries)
        self._netrc_fault = ""
        token = access.token
        if parts.username is not None:
            self.credentials, token = (unquote(parts.username), unquote(parts.password or "")), None
        elif access.user is not None:
            self.credentials = access.user, access.password or ""
        elif token is None:
            self.credentials, self._netrc_fault = netrc_login(parts.hostname)
        headers = {}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        elif self.credentials is not None:
            headers["Authorization"] = basic(*self.credentials)
        self._token = token is not None
        proxy = access.proxy_server
        sent = [*headers.values(), *(proxy.headers.values() if proxy else ())]
        password = self.credentials[1] if self.credentials else ""
        self._quote = Quoting([password, *(value.partition(" ")[2] for value in sent)])
        self._connection = Connection(
            parts.scheme, parts.hostname, port, access, headers=headers, keep_alive=keep_alive
        )

    def __repr__(self) -> str:
        return f"Agent({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection that was kept. The next question opens another one."""
        self._connection.close()

    def abandon(self) -> None:
        """From any thread: whoever waits for an answer waits no more, and nothing is asked.

        What fails from then on says nothing of the agent.
        """
        self._connection.abandon()

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for its answers any more."""
        return self._connection.abandoned

    def info(self) -> AgentInfo:
        """What the agent says of its host.

        Raises:
            AgentError: it does not answer, or not as netdata does.
        """
        info = info_of(self._json("/api/v1/info", OF_A_HOST), unquote(self.path))
        if info is None:
            raise AgentError(f"{self.url}: its /api/v1/info is not netdata's; check the address")
        return info

    def charts(self) -> dict[str, Chart]:
        """The agent's charts by id. An entry that is not like netdata's is left out.

        Raises:
            AgentError: it does not answer, or not as netdata does.
        """
        answer = self._json("/api/v1/charts", OF_CHARTS)
        entries = answer.get("charts") if isinstance(answer, dict) else None
        if not isinstance(entries, dict):
            raise AgentError(f"{self.url}: its /api/v1/charts is not netdata's; check the address")
        charts = {identity: chart_of(identity, entry) for identity, entry in entries.items()}
        self.left_out = {
            identity: str(entries[identity].get("context"))
            for identity, chart in charts.items()
            if chart is None and is_id(identity) and isinstance(entries[identity], dict)
        }
        return {chart.id: chart for chart in charts.values() if chart is not None}

    def chart(self, identity: str) -> Chart | None:
        """The chart of that id as it is now; None when the agent does not know it.

        Raises:
            AgentError: it does not answer, or not as netdata does.
        """
        answer = self._json("/api/v1/chart", OF_A_HOST, absent=True, chart=identity)
        if answer is None:
            return None
        chart = chart_of(identity, answer)
        if chart is None:
            raise AgentError(f"{self.url}: its chart {self._quote.text(identity)} is not netdata's")
        return chart

    def data(self, chart: Chart, first: float, last: float) -> Table:
        """The chart's samples with first <= time < last (epoch seconds), at its own step.

        A table without rows: the agent knows the chart, and has nothing of that window.

        Raises:
            AgentError: it does not answer, or not as netdata does.
            InvalidData: the window has more than 86,400 samples.
            NotFound: the agent does not know the chart.
        """
        grid = chart.grid(first, last)
        if grid is None:
            return no_rows()
        after, before = grid
        if (before - after) // chart.step + 2 > MOST_POINTS:
            raise InvalidData(
                f"{self.url}: more than {MOST_POINTS} samples of {self._quote.text(chart.id)} at"
                " once would be averaged; ask for shorter windows"
            )
        room = bytes_of_data(chart, after, before)
        answer = self._json("/api/v1/data", room, absent=True, **query(chart, after, before))
        if answer is None:  # one 404 for an unknown chart and for a window without samples
            known = self.chart(chart.id)
            if known is None:
                raise NotFound(f"{self.url}: knows no chart {self._quote.text(chart.id)}")
            return no_rows(known)
        table = table_of(answer, after, before)
        if table is None:
            name = self._quote.text(chart.id)
            raise AgentError(f"{self.url}: its data of {name} are not netdata's")
        return table

    def content(self, target: str, *, most_bytes: int) -> bytes:
        """What is at a target (path and query), over a connection of its own; empty for a refusal.

        From any thread, several at once.

        Raises:
            OSError, http.client.HTTPException: the connection fails; TimeoutError: in time.
            ProxyError, SettingsError, TooLongError: see `ingest.agents.connection`.
        """
        connection = self._connection.another()
        try:
            return connection.get(target, timeout=self.timeout, most_bytes=most_bytes).content
        finally:
            connection.close()

    def _json(
        self, page: str, most_bytes: int, *, absent: bool = False, **parameters: str | int
    ) -> Any:
        """The answer to one question; None for a 404 where `absent` expects one."""
        pause = _PAUSE_S
        for left in reversed(range(self._tries)):
            try:
                return self._ask(page, most_bytes, absent, parameters)
            except _Passing as error:
                if not left:
                    raise AgentError(str(error)) from None
            Event().wait(pause)
            pause *= 2
        return None

    def _ask(
        self, page: str, most_bytes: int, absent: bool, parameters: Mapping[str, str | int]
    ) -> Any:
        target = self.path + page + ("?" + urlencode(parameters) if parameters else "")
        try:
            answer = self._connection.get(target, timeout=self.timeout, most_bytes=most_bytes)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise self._failure(error) from None
        except ProxyError as error:
            raise _Passing(f"{self.url}: {error}") from None
        except SettingsError as error:  # one agent's trouble is not the others'
            raise AgentError(f"{self.url}: {error}") from None
        except TooLongError:
            raise AgentError(
                f"{self.url}: its {page} is longer than the {most_bytes / 2**20:.0f} MiB that it"
                " may be; is it netdata's?"
            ) from None
        self.clock.note(answer.asked, answer.answered, answer.date)
        if answer.status == HTTPStatus.NOT_FOUND and absent:
            return None
        if answer.status != HTTPStatus.OK:
            raise self._refusal(answer, page)
        if holds_too_much(answer.content):
            raise AgentError(f"{self.url}: its {page} holds more than it may; is it netdata's?")
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError):
            start = self._quote.content(answer.content)
            raise _Passing(f"{self.url}: its {page} is not JSON: '{start}'") from None

    def _refusal(self, answer: Answer, page: str) -> AgentError:
        """What a status means, and what to do about it."""
        status = answer.status
        if status in REDIRECTS and answer.location is not None:
            place = self._quote.location(answer.location.partition(page)[0])
            return AgentError(f"{self.url}: sends on to {place}; if that is right, use it instead")
        proxy = self.access.proxy_server
        if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and proxy is not None:
            return AgentError(f"{self.url}: {proxy_refuses(proxy)}")
        if status == HTTPStatus.UNAUTHORIZED:
            meaning = self._unauthorized()
        else:
            known = MEANING.get(HTTPStatus(status)) if status in list(HTTPStatus) else None
            meaning = known or "does not do what was asked; see the agent's error.log"
        text = f"{self.url}: HTTP {status} for {page}: {meaning}"
        return _Passing(text) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else AgentError(text)

    def _unauthorized(self) -> str:
        if self._token:
            return f"does not accept the token; check token_file or token_env {CONFIGURED}"
        if self.credentials is not None:
            return (
                "does not accept the user and the password; check user and password_file or"
                f" password_env {CONFIGURED}, or ~/.netrc"
            )
        return (
            "wants a user and a password, or a token; set user and password_file, or token_file,"
            f" {CONFIGURED}, or put a login into ~/.netrc"
            + (f" ({self._netrc_fault})" if self._netrc_fault else "")
        )

    def _failure(self, error: BaseException) -> AgentError:
        """What went wrong on the way, in words; only a failure that may pass is `_Passing`."""
        if isinstance(error, ConnectionRefusedError):
            return _Passing(
                f"{self.url}: refuses the connection; is netdata running there, on that port?"
            )
        if isinstance(error, gaierror):
            return AgentError(f"{self.url}: no such host; check its name")
        if isinstance(error, UnicodeError):
            return AgentError(f"{self.url}: no name that a host can have; check it")
        if isinstance(error, TimeoutError):
            return AgentError(
                f"{self.url}: no whole answer within {self.timeout:g} s; is the host up and not"
                " behind a firewall?"
            )
        if isinstance(error, ssl.SSLError):
            return AgentError(f"{self.url}: no trusted TLS connection{self._distrust(error)}")
        if isinstance(error, ConnectionError | http.client.IncompleteRead):
            wanted = ", or does it want a certificate (certificate_file)"
            return _Passing(
                f"{self.url}: breaks the connection; is this machine in its"
                f" `allow connections from`{wanted if self.scheme == 'https' else ''}?"
            )
        told = error.strerror if isinstance(error, OSError) else None
        return _Passing(
            f"{self.url}: {told or 'does not speak HTTP'}; check the address and the network"
        )

    def _distrust(self, error: ssl.SSLError) -> str:
        """OpenSSL's reason and what to do; its words hold nothing that the agent wrote."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return (
                f": its certificate is not trusted ({error.verify_message}); name the one that"
                f" signed it in ca_file {CONFIGURED}, or in SSL_CERT_FILE"
            )
        reason = (error.reason or "").replace("_", " ").lower()
        if "alert" in reason:
            return (
                f" ({reason}); does it want a certificate? Set certificate_file and key_file"
                f" {CONFIGURED}"
            )
        return f"{f' ({reason})' if reason else ''}; is it https there?"
