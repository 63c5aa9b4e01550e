"""What one netdata agent says over HTTP: who it is, which charts it has, their samples.

Works with agents 1.37 and 2.x. Nothing that an agent says is believed before it was looked at:
an answer has a limit in time and size, and another shape than netdata's is an error.
"""

import json
import math
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from socket import gaierror
from threading import Event
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
from requests.utils import get_netrc_auth
from urllib3.exceptions import HTTPError as TransportError

from minion.errors import AgentError, InvalidData, NotFound

MOST_POINTS = 86_400  # more rows than that in one answer, and an agent averages without a word
MOST_BYTES = 64 * 2**20  # of one answer: 20,000 rows of 100 dimensions are 24 MB
_READ_BYTES = 2**16
_PAUSE_S = 0.2  # before asking again; doubled each time

_MEANING = {
    HTTPStatus.UNAUTHORIZED: "wants a user and a password; give them in its address"
    " (http://user:password@host:port) or in ~/.netrc",
    HTTPStatus.FORBIDDEN: "does not talk to this machine; let it in with `allow connections from`"
    " and `allow dashboard from` in the agent's netdata.conf",
    HTTPStatus.NOT_FOUND: "has no such page; is it a netdata agent, and is the path right?",
    HTTPStatus.PRECONDITION_FAILED: "is protected by a bearer token; set"
    " `bearer token protection = no` in its netdata.conf",
    HTTPStatus.TOO_MANY_REQUESTS: "is asked too often; ask again later",
    HTTPStatus.SERVICE_UNAVAILABLE: "is busy or just starting; ask again in a moment",
}


class _Passing(AgentError):
    """A failure that may be over a moment later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentInfo:
    """What an agent says of its host; an empty text, or None, is what it does not know.

    ram_mib: memory in MiB.
    cores: number of processors.
    """

    hostname: str
    version: str
    ram_mib: float | None = None
    cores: int | None = None
    os: str = ""
    kernel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart of an agent.

    dimensions: id to name of each; hidden ones (`idle` of system.cpu) are not listed.
    step: seconds between its samples.
    first_entry, last_entry: times of its oldest and newest sample (epoch seconds), None without.
    """

    id: str
    name: str
    context: str
    family: str
    unit: str
    dimensions: Mapping[str, str]
    step: int
    first_entry: int | None = None
    last_entry: int | None = None

    def grid(self, first: float, last: float) -> tuple[int, int] | None:
        """The first and the last time of a sample with first <= time < last; None without any.

        The times of a chart's samples are multiples of its step.
        """
        start = math.ceil(first / self.step) * self.step
        end = (math.ceil(last / self.step) - 1) * self.step
        return (start, end) if start <= end else None


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Samples of one chart, oldest first.

    dimensions: (id, name) of each column, hidden ones too.
    times: seconds since the epoch, one a row.
    rows: the values as the agent wrote them; None where it has no sample.
    """

    dimensions: tuple[tuple[str, str], ...]
    times: tuple[int, ...]
    rows: tuple[Sequence[float | None], ...]


class Agent:
    """One netdata agent, asked directly.

    Args:
        url: `http://10.0.0.5:19999`, `https://…`, or `http://parent:19999/host/CHILD` for a child
            that streams to a parent. A user and a password in it are used and never shown;
            without, those that ~/.netrc has for the host.
        timeout: seconds that an answer may take.
        tries: how often a question is asked while the failure may pass: a connection that is
            refused or breaks, a status of 500 and above, an answer that is not JSON. Silence is
            not asked again; it has had its time.

    Raises:
        InvalidData: the address is none.
    """

    def __init__(self, url: str, *, timeout: float = 30.0, tries: int = 1) -> None:
        try:
            parts = urlsplit(url.strip())
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise InvalidData("an agent's address is not of the form http://10.0.0.5:19999")
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.network = f"{name}:{port}" if port else name
        self.path = parts.path.rstrip("/")
        self.scheme = parts.scheme
        self.url = f"{self.scheme}://{self.network}{self.path}"
        self.timeout = timeout
        self.credentials: tuple[str, str] | None = get_netrc_auth(self.url)
        if parts.username is not None:
            self.credentials = unquote(parts.username), unquote(parts.password or "")
        self._tries = max(1, tries)
        self._session = requests.Session()
        # Neither proxies nor certificates from elsewhere: netdata-pandas knows of none, and the
        # same agent must not answer on one way and be unreachable on the other.
        self._session.trust_env = False
        trusted = ssl.get_default_verify_paths()
        self._session.verify = trusted.cafile or trusted.capath or True
        self._session.auth = self.credentials
        self._session.headers["Connection"] = "close"

    def __repr__(self) -> str:
        return f"Agent({self.url!r})"

    def info(self) -> AgentInfo:
        """What the agent says of its host.

        Raises:
            AgentError: it does not answer, or not as netdata does.
        """
        answer = self._json("/api/v1/info")
        if not isinstance(answer, dict) or not isinstance(answer.get("version"), str):
            raise AgentError(f"{self.url}: its /api/v1/info is not netdata's; check the address")
        labels = answer.get("host_labels")
        labels = labels if isinstance(labels, dict) else {}
        ram = _number(answer.get("ram_total")) or _number(labels.get("_system_ram_total"))
        cores = _number(answer.get("cores_total")) or _number(labels.get("_system_cores"))
        system = _words(answer, "os_name", "os_version")
        return AgentInfo(
            hostname=self._hostname(answer),
            version=answer["version"],
            ram_mib=ram / 2**20 if ram else None,
            cores=int(cores) if cores else None,
            os=system or _words(answer, "container_os_name", "container_os_version"),
            kernel=_words(answer, "kernel_name", "kernel_version"),
        )

    def charts(self) -> dict[str, Chart]:
        """The agent's charts by id. An entry that is not like netdata's is left out.

        Raises:
            AgentError: it does not answer, or not as netdata does.
        """
        answer = self._json("/api/v1/charts")
        entries = answer.get("charts") if isinstance(answer, dict) else None
        if not isinstance(entries, dict):
            raise AgentError(f"{self.url}: its /api/v1/charts is not netdata's; check the address")
        charts = (_chart(identity, entry) for identity, entry in entries.items())
        return {chart.id: chart for chart in charts if chart is not None}

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
            return Table((), (), ())
        after, before = grid
        if (before - after) // chart.step + 2 > MOST_POINTS:
            raise InvalidData(
                f"{self.url}: more than {MOST_POINTS} samples of {chart.id} at once would be"
                " averaged; ask for shorter windows"
            )
        answer = self._json("/api/v1/data", absent=True, **query(chart, after, before))
        if answer is None:  # one 404 for an unknown chart and for a window without samples
            if self._json("/api/v1/chart", absent=True, chart=chart.id) is None:
                raise NotFound(f"{self.url}: knows no chart {chart.id}")
            return Table((), (), ())
        table = _table(answer)
        if table is None:
            raise AgentError(f"{self.url}: its data of {chart.id} are not netdata's")
        kept = [place for place, time_ in enumerate(table.times) if after <= time_ <= before]
        kept.sort(key=table.times.__getitem__)
        return Table(
            table.dimensions,
            tuple(table.times[place] for place in kept),
            tuple(table.rows[place] for place in kept),
        )

    def _hostname(self, answer: Mapping[str, Any]) -> str:
        """An agent lists the hosts that it mirrors; which one answered, its id tells."""
        mirrored = answer.get("mirrored_hosts_status")
        for host in mirrored if isinstance(mirrored, list) else ():
            if isinstance(host, dict) and host.get("guid") == answer.get("uid"):
                return str(host.get("hostname", ""))
        names = answer.get("mirrored_hosts")
        if "/host/" in self.path or not isinstance(names, list) or not names:
            return self.path.rpartition("/")[2]
        return str(names[0])

    def _json(self, page: str, *, absent: bool = False, **parameters: str | int) -> Any:
        """The answer to one question; None for a 404 where `absent` expects one."""
        pause = _PAUSE_S
        for left in reversed(range(self._tries)):
            try:
                return self._ask(page, absent, parameters)
            except _Passing as error:
                if not left:
                    raise AgentError(str(error)) from None
            Event().wait(pause)
            pause *= 2
        return None

    def _ask(self, page: str, absent: bool, parameters: Mapping[str, str | int]) -> Any:
        deadline = time.monotonic() + self.timeout
        try:
            # A redirect could lead anywhere, the password with it.
            with self._session.get(
                self.url + page,
                params=parameters,
                timeout=self.timeout,
                stream=True,
                allow_redirects=False,
            ) as response:
                if response.status_code == HTTPStatus.NOT_FOUND and absent:
                    return None
                self._check(response, page)
                content = self._content(response, deadline)
        except (requests.RequestException, TransportError, OSError, UnicodeError) as error:
            raise self._failure(error) from None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            start = content[:40].decode("ascii", "replace").strip()
            raise _Passing(f"{self.url}: its {page} is not JSON: {start!r}") from None

    def _check(self, response: requests.Response, page: str) -> None:
        status = response.status_code
        if status == HTTPStatus.OK:
            return
        if response.is_redirect:
            target = urlsplit(response.headers.get("Location", ""))
            target = target._replace(netloc=target.netloc.rpartition("@")[2], query="")
            place = target.geturl().removesuffix(page)
            raise AgentError(f"{self.url}: sends on to {place}; if that is right, use it instead")
        meaning = _MEANING.get(HTTPStatus(status)) if status in list(HTTPStatus) else None
        text = f"{self.url}: HTTP {status} for {page}: " + (
            meaning or "does not do what was asked; see the agent's error.log"
        )
        raise _Passing(text) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else AgentError(text)

    def _content(self, response: requests.Response, deadline: float) -> bytes:
        parts, size = [], 0
        # One read of the socket at a time: a drop now and then must not outlast the deadline.
        while part := response.raw.read1(_READ_BYTES, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise AgentError(
                    f"{self.url}: an answer of more than {MOST_BYTES // 2**20} MiB;"
                    " ask for fewer charts or shorter windows"
                )
            if time.monotonic() > deadline:
                raise TimeoutError
        return b"".join(parts)

    def _failure(self, error: BaseException) -> AgentError:
        """What went wrong on the way, in words; only a failure that may pass is `_Passing`."""
        chain = tuple(_chain(error))

        def any_is(*kinds: type[BaseException]) -> bool:
            return any(isinstance(link, kinds) for link in chain)

        if any_is(ConnectionRefusedError):
            return _Passing(
                f"{self.url}: refuses the connection; is netdata running there, on that port?"
            )
        if any_is(gaierror):
            return AgentError(f"{self.url}: no such host; check its name")
        if any_is(ssl.SSLError):
            return AgentError(
                f"{self.url}: no trusted TLS connection; is it https there? SSL_CERT_FILE names"
                " the certificates that are trusted"
            )
        if any_is(TimeoutError, requests.Timeout):
            return AgentError(
                f"{self.url}: no whole answer within {self.timeout:g} s; is the host up and not"
                " behind a firewall?"
            )
        if any_is(ConnectionError):
            return _Passing(
                f"{self.url}: breaks the connection; is this machine in its"
                " `allow connections from`?"
            )
        told = next((e.strerror for e in chain if isinstance(e, OSError) and e.strerror), None)
        return _Passing(
            f"{self.url}: {told or 'does not speak HTTP'}; check the address and the network"
        )


def query(chart: Chart, after: int, before: int) -> dict[str, str | int]:
    """The parameters of /api/v1/data for a chart's own samples, both ends on its grid.

    It begins one step early. An agent counts the rows of a window back from its end, and moves a
    window that reaches into the future into the past: either can lose the first row.
    """
    return {
        "chart": chart.id,
        "after": after - chart.step,
        "before": before,
        "points": 0,
        "format": "json",
        "group": "average",
        "dimensions": "*",  # with the hidden ones
        "options": "natural-points,jsonwrap",
        "tier": 0,  # the samples themselves, never the averages that outlive them
    }


def _table(answer: Any) -> Table | None:
    """The table in an answer of /api/v1/data; None when there is none."""
    result = answer.get("result") if isinstance(answer, dict) else None
    if not isinstance(result, dict):
        return None
    labels, data = result.get("labels"), result.get("data")
    if not isinstance(labels, list) or not isinstance(data, list) or not labels:
        return None
    names = [str(label) for label in labels[1:]]
    ids = answer.get("dimension_ids")
    if not isinstance(ids, list) or len(ids) != len(names):
        ids = names
    if len(set(map(str, ids))) < len(names):
        return None
    for row in data:
        if not isinstance(row, list) or len(row) != len(labels) or type(row[0]) is not int:
            return None
        if not all(value is None or type(value) in (int, float) for value in row[1:]):
            return None
    return Table(
        tuple(zip(map(str, ids), names, strict=True)),
        tuple(row[0] for row in data),
        tuple(row[1:] for row in data),
    )


def _chart(identity: str, entry: Any) -> Chart | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("dimensions"), dict):
        return None
    step = entry.get("update_every")
    if type(step) is not int or step < 1 or not isinstance(entry.get("context"), str):
        return None
    names = {
        key: str(value.get("name", key)) if isinstance(value, dict) else key
        for key, value in entry["dimensions"].items()
    }
    return Chart(
        id=identity,
        name=str(entry.get("name") or identity),
        context=entry["context"],
        family=str(entry.get("family") or ""),
        unit=str(entry.get("units") or ""),
        dimensions=names,
        step=step,
        first_entry=int(_number(entry.get("first_entry")) or 0) or None,
        last_entry=int(_number(entry.get("last_entry")) or 0) or None,
    )


def _number(value: Any) -> float | None:
    """A number that stands as one or as text; None for `unknown` and the like."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _words(answer: Mapping[str, Any], *keys: str) -> str:
    """The texts of some keys, one after the other, without those that are unknown."""
    found = (answer.get(key) for key in keys)
    return " ".join(text for text in found if isinstance(text, str) and text not in ("", "unknown"))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what led to it."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
