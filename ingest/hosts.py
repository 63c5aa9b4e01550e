"""Hosts as a user writes them: NAME=ROLE@URL."""

import re
from urllib.parse import urlsplit

from minion.errors import InvalidData
from minion.model import Host, Role


def parse_hosts(text: str) -> tuple[Host, ...]:
    """The hosts of `NAME=ROLE@URL,NAME=ROLE@URL`.

    Args:
        text: a controller may stand without `@URL`: nothing is measured on it then. A URL without
            a scheme is http, one without a port means netdata's 19999.

    Raises:
        InvalidData: a part cannot be read, or a host stands twice; the message names it.
    """
    hosts = tuple(_parse(part.strip()) for part in text.split(",") if part.strip())
    if not hosts:
        raise InvalidData("no hosts; name them: --hosts NAME=ROLE@URL,NAME=ROLE@URL")
    if all(host.url is None for host in hosts):
        raise InvalidData("no host has a netdata agent; add its address: NAME=ROLE@URL")
    names = [host.hostname for host in hosts]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidData(f"host {', '.join(twice)} stands twice in --hosts")
    return hosts


def parse_address(hostname: str, text: str) -> str:
    """An agent's address in full: scheme, host, port, path.

    Args:
        hostname: whose it is, for the message.
        text: without a scheme it is http, without a port netdata's 19999.

    Raises:
        InvalidData: it is none, or holds a password; the message never does.
    """
    wrong = f"host {hostname}: {_masked(text)!r}"
    try:
        url = urlsplit(text if "://" in text else f"http://{text}")
    except ValueError:
        raise InvalidData(f"{wrong} is no address like http://10.0.0.5:19999") from None
    try:
        port = url.port
    except ValueError:
        raise InvalidData(f"{wrong} has no port that could be one") from None
    if url.username is not None or url.password is not None:
        raise InvalidData(
            f"host {hostname}: a password in an address would be stored; give the address without"
            " it, and the password in the configuration"
        )
    # Names with letters of any script, underscores as in Compose, IPv6 with its zone.
    name = url.hostname or ""
    good = url.scheme in ("http", "https") and re.fullmatch(r"[\w.:%-]+", name)
    if not good or url.query or url.fragment:
        raise InvalidData(f"{wrong} is no address like http://10.0.0.5:19999")
    network = f"[{name}]" if ":" in name else name
    return f"{url.scheme}://{network}:{port or 19999}{url.path.rstrip('/')}"


def _parse(part: str) -> Host:
    name, equals, rest = part.partition("=")
    role_name, at, url = rest.partition("@")
    if not equals or not name.strip():
        raise InvalidData(f"host {_masked(part)!r} is not of the form NAME=ROLE@URL")
    if ":" in role_name:  # a user and a password, most likely: nothing to repeat
        raise InvalidData(f"host {name}: write its role, then @ and the address: {name}=ROLE@URL")
    role = Role.parse(role_name)
    if not at and role is not Role.CONTROLLER:
        raise InvalidData(f"host {name} is a {role} and has no address; write {name}={role}@URL")
    return Host(hostname=name.strip(), role=role, url=parse_address(name, url) if at else None)


def _masked(text: str) -> str:
    """The text without what may be a user and a password."""
    before, at, after = text.rpartition("@")
    return f"***@{after}" if at and before else text
