"""sockperf's figures as it prints them, and whether they hold together."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from ingest.texts import text_of
from minion.errors import InvalidData

LATENCY, ROUND_TRIP = "latency", "round trip"
_ROUNDING = 0.000_501  # of what is printed with three decimals
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_NUMBER = r"(-?\d+(?:\.\d+)?)"
_MESSAGES = re.compile(
    rf"\[(Total Run|Valid Duration)\] RunTime={_NUMBER} sec;.*?"
    r"SentMessages=(\d+); ReceivedMessages=(\d+)"
)
_MEAN = re.compile(rf"====> avg-(latency|lat|rtt)= *{_NUMBER} \(std-dev= *{_NUMBER}")
_LOST = re.compile(
    r"# dropped messages = (\d+); # duplicated messages = (\d+); # out-of-order messages = (\d+)"
)
_OBSERVATIONS = re.compile(rf"Total (\d+) observations; each percentile contains {_NUMBER}")
_PERCENTILE = re.compile(rf"---> (?:<(MAX|MIN)> observation|percentile +(\d+\.\d+)) += +{_NUMBER}")
_SENT = re.compile(rf"Total of (\d+) messages sent in {_NUMBER} sec")
_SIZE = re.compile(r"using (?:average )?msg-size=(\d+)")
_RATE = re.compile(r"Summary: Message Rate is (\d+) \[msg/sec\]")
_BANDWIDTH = re.compile(rf"Summary: BandWidth is {_NUMBER} ([MG])Bps")
_PROTOCOL = re.compile(r"PORT = +\d+ # (TCP|UDP)")
_VERSION = re.compile(r"== version #(\S+)")
_MEAN_AGAIN = re.compile(
    rf"Summary: (?:Latency|Round trip)(?: of burst of \d+ messages)? is +{_NUMBER} usec"
)
_PRINTS = re.compile(
    r"====>|--->|Summary: |\[Total Run\]|\[Valid Duration\]|Total (?:of )?\d+ |# dropped"
)


@dataclass(slots=True)
class Printed:
    """What sockperf printed of one test.

    what: `latency` (half of a round trip), or `round trip`.
    percentiles: in µs; 0 is the least, 100 the largest.
    lines: where figures stand, by what they are.
    """

    path: Path
    what: str = LATENCY
    version: str = ""
    protocol: str = ""
    size: int | None = None
    seconds: float | None = None
    mean: float | None = None
    sd: float | None = None
    sent: int | None = None
    received: int | None = None
    lost: tuple[int, int, int] | None = None
    observations: int | None = None
    percentiles: dict[float, float] = field(default_factory=dict)
    rate: int | None = None
    bandwidth: float | None = None
    bandwidth_rounding: float = _ROUNDING
    lines: dict[str, int] = field(default_factory=dict)


def is_sockperf(text: str) -> bool:
    """Whether a text is one that sockperf printed."""
    return "sockperf: " in text[:4096]


def read(path: Path) -> Printed:
    """What one file holds.

    Raises:
        InvalidData: a line cannot be read, there is no result, or there are several tests; file
            and line are named.
    """
    found = Printed(path)
    for number, line in enumerate(_COLOUR.sub("", text_of(path)).splitlines(), 1):
        _read_line(found, number, line)
    if found.mean is None and found.rate is None:
        raise InvalidData(
            f"{path}: no result of sockperf (no `====> avg-` and no `Message Rate`); did the test"
            " end?"
        )
    return found


def disagreements(test: Printed) -> Iterator[str]:
    """Where figures do not fit together, a sentence each, with file and line.

    The observations are the messages received; percentiles rise; the message rate is messages over
    seconds; the bandwidth is the rate times the size of a message. Rounding explains differences.
    """
    if None not in (test.observations, test.received) and test.observations != test.received:
        yield (
            f"{_at(test, 'observations')}: {test.observations:,} observations of"
            f" {test.received:,} received messages"
        )
    ordered = sorted(test.percentiles.items())
    for (low, before), (high, value) in pairwise(ordered):
        if value < before:
            yield (
                f"{_at(test, f'percentile {high:g}')}: percentile {high:g} ({value:g} µs) is"
                f" below percentile {low:g} ({before:g} µs)"
            )
    if test.rate is not None and test.sent is not None and test.seconds:
        most = test.sent / max(test.seconds - _ROUNDING, _ROUNDING) + 1
        if not test.sent / (test.seconds + _ROUNDING) - 1 <= test.rate <= most:
            yield (
                f"{_at(test, 'rate')}: {test.rate:,} messages/s, but {test.sent:,} messages in"
                f" {test.seconds:g} s are {test.sent / test.seconds:,.0f}"
            )
    if test.bandwidth is not None and test.rate is not None and test.size is not None:
        expected = test.rate * test.size / 2**20
        if abs(expected - test.bandwidth) > test.bandwidth_rounding + test.size / 2**20:
            yield (
                f"{_at(test, 'bandwidth')}: a bandwidth of {test.bandwidth:g} MiB/s, but"
                f" {test.rate:,} messages/s of {test.size} bytes are {expected:.3f}"
            )


# ---------------------------------------------------------------- inside


def _at(test: Printed, what: str) -> str:
    return f"{test.path}:{test.lines[what]}"


def _read_line(found: Printed, number: int, line: str) -> None:
    for pattern, take in _LINES:
        match = pattern.search(line)
        if match is None:
            continue
        what = take(found, match)
        if what in found.lines:
            raise InvalidData(
                f"{found.path}:{number}: {what} for the second time (first in line"
                f" {found.lines[what]}); one file holds one test"
            )
        found.lines[what] = number
        return
    if _PRINTS.search(line):
        raise InvalidData(
            f"{found.path}:{number}: these are no figures of sockperf: {line.strip()[:80]!r}; is"
            " the file cut off there, or changed?"
        )


def _version(found: Printed, match: re.Match[str]) -> str:
    found.version = match[1]
    return "version"


def _protocol(found: Printed, match: re.Match[str]) -> str:
    found.protocol = match[1]
    return f"address {match[0]}"


def _messages(found: Printed, match: re.Match[str]) -> str:
    # What is valid of them comes after the whole run, and stays.
    if match[1] == "Total Run":
        found.seconds = float(match[2])
    found.sent, found.received = int(match[3]), int(match[4])
    return match[1]


def _mean(found: Printed, match: re.Match[str]) -> str:
    found.what = ROUND_TRIP if match[1] == "rtt" else LATENCY
    found.mean, found.sd = float(match[2]), float(match[3])
    return "the mean"


def _lost(found: Printed, match: re.Match[str]) -> str:
    found.lost = (int(match[1]), int(match[2]), int(match[3]))
    return "lost messages"


def _observations(found: Printed, match: re.Match[str]) -> str:
    found.observations = int(match[1])
    return "observations"


def _percentile(found: Printed, match: re.Match[str]) -> str:
    rank = float(match[2]) if match[2] else {"MIN": 0.0, "MAX": 100.0}[match[1]]
    found.percentiles[rank] = float(match[3])
    return f"percentile {rank:g}"


def _sent(found: Printed, match: re.Match[str]) -> str:
    found.sent, found.seconds = int(match[1]), float(match[2])
    return "messages sent"


def _rate(found: Printed, match: re.Match[str]) -> str:
    found.rate = int(match[1])
    return "rate"


def _bandwidth(found: Printed, match: re.Match[str]) -> str:
    # With --giga-size a thousandth of the other figure, in as many digits.
    scale = {"M": 1.0, "G": 1000.0}[match[2]]
    found.bandwidth = float(match[1]) * scale
    found.bandwidth_rounding = _ROUNDING * scale
    return "bandwidth"


def _size(found: Printed, match: re.Match[str]) -> str:
    found.size = int(match[1])
    return "size"


def _repeated(_found: Printed, _match: re.Match[str]) -> str:
    return "the mean in the summary"


_LINES: tuple[tuple[re.Pattern[str], Callable[[Printed, re.Match[str]], str]], ...] = (
    (_VERSION, _version),
    (_PROTOCOL, _protocol),
    (_MESSAGES, _messages),
    (_MEAN, _mean),
    (_LOST, _lost),
    (_OBSERVATIONS, _observations),
    (_PERCENTILE, _percentile),
    (_SENT, _sent),
    (_RATE, _rate),
    (_BANDWIDTH, _bandwidth),
    (_SIZE, _size),
    (_MEAN_AGAIN, _repeated),
)
