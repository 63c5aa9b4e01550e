"""Which ends are of one test: their keys, held against each other."""

from collections.abc import Iterable

from ingest.networking.iperf3_ends import GIB, RECEIVER, SENDER, End

_UNKNOWN = " ?"  # a key's end where nobody told what was counted


def key(end: End) -> str:
    """What both ends of a test say alike: their cookie, else addresses and what the server counted.

    The server's count is told to the client; what the client counted is not told to the server.
    """
    counted = end.summary(SENDER if end.direction == "back" else RECEIVER)
    # Not its bitrate: up to 3.1 each end divides by the seconds that passed on its side.
    amount = f" {counted.bytes / GIB:.6g} GiB" if counted and counted.told else _UNKNOWN
    return end.cookie or f"{end.client} {end.server}{amount}"


def alike(one: str, other: str) -> bool:
    """Whether two keys may be of one test: the same, or their addresses where a count is unknown.

    The client of a test that was interrupted does not know what the server counted.
    """
    if one == other:
        return True
    if not (one.endswith(_UNKNOWN) or other.endswith(_UNKNOWN)):
        return False
    return one.split()[:2] == other.split()[:2]


def known(*keys: str) -> str:
    """Of keys of one test the one that says the most."""
    return min(keys, key=lambda key: key.endswith(_UNKNOWN))


def paired(ends: Iterable[End]) -> list[tuple[End, ...]]:
    """The two ends of each test together, the client first, and those whose other end is not here.

    Two ends belong together when one is the client's and one the server's, and their keys are
    alike.
    """
    tests: list[list[End]] = []
    for end in ends:
        others = [m for m in tests if len(m) == 1 and _together(m[0], end)]
        if others:
            # Where several may be it, one that counted the same.
            max(others, key=lambda members: key(members[0]) == key(end)).append(end)
        else:
            tests.append([end])
    return [tuple(sorted(members, key=lambda end: end.role)) for members in tests]


def _together(one: End, other: End) -> bool:
    return bool(one.client) and one.role != other.role and alike(key(one), key(other))
