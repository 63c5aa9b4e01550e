"""Which agents are sent the secrets that are meant for all."""

import re
from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit


def is_trusted(url: str, trusted: Iterable[str]) -> bool:
    """Whether the host of an address is one of those.

    Args:
        url: the address; one that is none is nobody's.
        trusted: networks (10.0.0.0/24), and names label by label (`*.lab`).
    """
    with suppress(ValueError):
        host = urlsplit(url).hostname or ""
        return any(_matches(host, pattern) for pattern in trusted)
    return False


def is_place(pattern: str) -> bool:
    """Whether a pattern can ever match: what looks like a network is one."""
    if not set("/:") & set(pattern) and not re.fullmatch(r"[\d.]+", pattern):
        return True
    with suppress(ValueError):
        return bool(ip_network(pattern, strict=False))
    return False


def _matches(host: str, pattern: str) -> bool:
    with suppress(ValueError):
        return ip_address(host) in ip_network(pattern, strict=False)
    with suppress(ValueError):
        ip_address(host)
        return False
    # A star stands for one label: what somebody registers below another name is not meant.
    labels, wanted = host.split("."), pattern.lower().split(".")
    return len(labels) == len(wanted) and all(map(fnmatchcase, labels, wanted))
