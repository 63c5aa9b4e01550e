"""How an agent is reached: who asks it, which certificates are trusted, through which proxy."""

import os
import re
import ssl
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from netrc import NetrcParseError, netrc
from pathlib import Path
from urllib.parse import unquote, urlsplit

from minion.errors import InvalidData, SettingsError

ANSWER_S = 60.0  # an agent that is busy may take half a minute, and its samples count all the same
LONGEST_S = 3600.0  # nobody waits longer for one answer
_SECRETS = ("user", "password", "token")
_SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Access:
    """How an agent is reached. Its text never shows a secret.

    user, password: for basic authentication; without a user and without a token, those that
        ~/.netrc has for the host.
    token: a bearer token.
    ca_file: PEM file of the certificates that an agent's is trusted by, instead of the system's.
    certificate_file, key_file: PEM files of a certificate of our own; the key may stand in the
        certificate's file.
    proxy: address of an HTTP proxy, `http://user:password@10.0.0.1:3128`. The environment's
        proxies are not for agents.
    timeout_s: seconds that a whole answer may take.

    Raises:
        InvalidData: they do not go together, or cannot be sent.
    """

    user: str | None = None
    password: str | None = None
    token: str | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    proxy: str | None = None
    timeout_s: float = ANSWER_S

    def __post_init__(self) -> None:
        if self.token is not None and self.user is not None:
            raise InvalidData("an agent is asked with a token, or with a user; name one of them")
        if self.password is not None and self.user is None:
            raise InvalidData("a password needs its user")
        if self.key_file is not None and self.certificate_file is None:
            raise InvalidData("key_file needs the certificate that it belongs to: certificate_file")
        if self.user is not None and (":" in self.user or not self.user.isprintable()):
            raise InvalidData("a user's name has no colon and no character that cannot be printed")
        if self.password is not None and not self.password.isprintable():
            raise InvalidData("the password has a character that cannot be printed")
        if self.token is not None and not re.fullmatch(r"[!-~]+", self.token):
            raise InvalidData("the token is one word of ASCII characters; this one is not")
        if not 0 < self.timeout_s <= LONGEST_S:
            raise InvalidData(
                f"a timeout is a number of seconds above 0 and at most {LONGEST_S:g}, not"
                f" {self.timeout_s}"
            )
        if self.proxy is not None:
            _proxy(self.proxy)

    def __repr__(self) -> str:
        told = []
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if name == "proxy" and value is not None:
                value = _proxy(value).shown
            if value is not None:
                told.append(f"{name}={'***' if name in _SECRETS else repr(str(value))}")
        return f"Access({', '.join(told)})"

    def without_secrets(self) -> "Access":
        """The same for an agent that must not learn who asks."""
        return replace(
            self, user=None, password=None, token=None, certificate_file=None, key_file=None
        )

    @property
    def proxy_server(self) -> "Proxy | None":
        """The proxy, taken apart."""
        return None if self.proxy is None else _proxy(self.proxy)

    def tls(self) -> ssl.SSLContext:
        """What an https connection is made with; files that changed since are read again.

        Raises:
            SettingsError: a file cannot be read, or is not what it should be.
        """
        paths = {name: getattr(self, name) for name in ("certificate_file", "key_file")}
        if self.ca_file is not None:
            paths["ca_file"] = self.ca_file
        elif (trusted := ssl.get_default_verify_paths().cafile) is not None:
            paths[_SYSTEM] = Path(trusted)
        try:
            read = tuple(
                (name, str(path), path.stat().st_mtime_ns)
                for name, path in paths.items()
                if path is not None
            )
        except OSError as error:
            raise SettingsError(f"{error.filename} cannot be read: {error.strerror}") from None
        return _context(read)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy's address as it may be shown, where it is, and what it is told of who asks."""

    shown: str
    host: str
    port: int
    headers: Mapping[str, str] = field(repr=False)


ANONYMOUS = Access()


def basic(user: str, password: str) -> str:
    """The value of an Authorization header for a user (RFC 7617)."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode("ascii")


def netrc_login(host: str) -> tuple[tuple[str, str] | None, str]:
    """(user, password) that ~/.netrc, or the file of NETRC, has for a host, and what ails the file.

    The second is empty, or says why the file cannot be used: another agent may do without it.
    """
    named = os.environ.get("NETRC")
    paths = [Path(named)] if named else [Path.home() / name for name in (".netrc", "_netrc")]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return None, ""
    try:
        found = netrc(path).authenticators(host)
    except NetrcParseError as error:  # its own words may hold a password
        return None, f"{path}, line {error.lineno}, is not of netrc's form"
    except (OSError, UnicodeDecodeError):
        return None, f"{path} cannot be read"
    if found is None:
        return None, ""
    login, account, password = found
    return (login or account or "", password or ""), ""


@lru_cache(maxsize=64)
def _proxy(address: str) -> Proxy:
    """A proxy's address, taken apart.

    Raises:
        InvalidData: it is none; the message does not hold it.
    """
    try:
        parts = urlsplit(address.strip())
        port = parts.port or 80
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise InvalidData(
            "the proxy is not of the form http://10.0.0.1:3128, or"
            " http://user:password@10.0.0.1:3128"
        )
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    told = {}
    if parts.username is not None:
        login = unquote(parts.username), unquote(parts.password or "")
        told["Proxy-Authorization"] = basic(*login)
    return Proxy(f"http://{name}:{port}", parts.hostname, port, told)


@lru_cache(maxsize=64)
def _context(files: tuple[tuple[str, str, int], ...]) -> ssl.SSLContext:
    """One for all agents of the same files: each holds hundreds of certificates."""
    paths = {name: path for name, path, _ in files}
    ca_file, certificate, key = map(paths.get, ("ca_file", "certificate_file", "key_file"))
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError:
        raise SettingsError(f"ca_file {ca_file} holds no certificate in PEM form") from None
    except OSError as error:
        raise SettingsError(f"ca_file {ca_file} cannot be read: {error.strerror}") from None
    if certificate is None:
        return context
    try:
        # Without a password of its own, OpenSSL would ask for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError:
        raise SettingsError(
            f"certificate_file {certificate} and key_file {key or certificate} are no certificate"
            " and its key, both in PEM form, the key without a passphrase"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"certificate_file {certificate} or key_file {key or certificate} cannot be read:"
            f" {error.strerror}"
        ) from None
    return context
