"""iperf3's figures as it prints them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.networking.iperf3_ends import (
    CLIENT,
    RECEIVER,
    SENDER,
    SERVER,
    End,
    Row,
    of_both_ends,
    told,
    with_totals,
)
from minion.errors import InvalidData

# iperf3 counts bytes in powers of 1,024 and bits in powers of 1,000.
_BYTES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_IN_GBIT = {"": 1e9, "K": 1e6, "M": 1e3, "G": 1.0, "T": 1e-3}
_ROW = re.compile(
    r"\[ *(?P<stream>\d+|SUM)\](?:\[(?P<way>[TR]X-[CS])\])?\s+"
    r"(?P<first>\d+\.\d+)-(?P<last>\d+\.\d+)\s+sec\s+"
    r"(?P<bytes>\d+\.?\d*) (?P<prefix>[KMGT]?)Bytes\s+"
    r"(?P<rate>\d+\.?\d*) (?P<rate_prefix>[KMGT]?)(?P<rate_unit>bits|Bytes)/sec"
    r"(?P<tail>.*)"
)
_TAIL = re.compile(
    r"\s*(?:(?P<count>\d+)(?:\s+(?P<cwnd>\d+\.?\d*) (?P<prefix>[KMGT]?)Bytes)?)?"
    r"\s*(?:(?P<jitter>\d+\.\d+) ms\s+(?P<lost>-?\d+|Unknown)/(?P<datagrams>\d+)"
    r"(?: +\([^)]*\))?)?"
    r"\s*(?P<end>sender|receiver)?\s*(?P<omitted>\(omitted\))?\s*"
)
_CONNECTED = re.compile(
    r"\[ *(\d+)\] local (\S+) port (\d+) connected (?:to|with) (\S+) port (\d+)"
)
_BEGINNING = re.compile(r"(Accepted connection from)|Connecting to host")
_HEADER = re.compile(r"\[ *ID\]")
# What may stand before it: the time, a title, `^C`.
_BRACKETS = re.compile(r"\[ *(?:\d+|SUM|ID)\](?=[ \[])")
_FIGURES = re.compile(r"\[ *(?:\d+|SUM)\](?:\[.*?\])?\s+\d(?!.*datagrams received out-of-order)")
_PROTOCOL = re.compile(r"Starting Test: protocol: (\w+)")
_FAILURE = re.compile(r"(?:^|\s)(iperf3: .*)")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
_TO_CLIENT = ("RX-C", "TX-S")


@dataclass
class _Test:
    """A test while it is read."""

    line: int
    role: str
    reverse: bool = False
    protocol: str = "TCP"
    ways: set[str] = field(default_factory=set)
    addresses: tuple[str, str] | None = None
    streams: dict[str, tuple[bool, int]] = field(default_factory=dict)
    lasts: dict[tuple[str, bool], float] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)


def read_text(path: Path, text: str) -> list[End]:
    """The tests that a file holds, as one end of each saw them.

    Args:
        path: the file, for messages.
        text: what is in it, as iperf3 printed it, with or without the shell's line.

    Raises:
        InvalidData: a line that should hold figures cannot be read, or no test is there; file and
            line are named.
    """
    tests: list[_Test] = []
    failure = ""
    for number, line in enumerate(_COLOUR.sub("", text).splitlines(), 1):
        brackets = _BRACKETS.search(line)
        own = line[brackets.start() :] if brackets else line
        if beginning := _BEGINNING.search(line):
            tests.append(_Test(number, SERVER if beginning[1] else CLIENT))
        elif failed := _FAILURE.search(line):
            failure = failure or f"{path}:{number}: {failed[1]}"
        elif tests:
            _read_line(tests[-1], path, number, own)
        elif _FIGURES.match(own):
            raise InvalidData(
                f"{path}:{number}: figures without a test; a line `Connecting to host` or"
                " `Accepted connection` must stand before them"
            )
    found = [end for end in _ends(path, tests) if end.rows]
    if not found:
        raise InvalidData(
            f"{failure or path}: no figures of an iperf3 test; give what iperf3 -c or -s printed,"
            " or iperf3 --json"
        )
    return found


def _read_line(test: _Test, path: Path, number: int, line: str) -> None:
    if "Reverse mode, remote host" in line:
        test.reverse = True
    elif protocol := _PROTOCOL.search(line):
        test.protocol = protocol[1]
    elif _HEADER.match(line) and "Datagrams" in line:
        test.protocol = "UDP"
    elif connected := _CONNECTED.match(line):
        _, local, local_port, remote, remote_port = connected.groups()
        near, far = f"{local}:{local_port}", f"{remote}:{remote_port}"
        test.addresses = test.addresses or ((near, far) if test.role == CLIENT else (far, near))
    elif _FIGURES.match(line):
        _read_row(test, path, number, line)


def _read_row(test: _Test, path: Path, number: int, line: str) -> None:
    row = _ROW.fullmatch(line.rstrip())
    tail = _TAIL.fullmatch(row["tail"]) if row else None
    if row is None or tail is None:
        raise InvalidData(
            f"{path}:{number}: these are no figures of iperf3: {line.strip()[:80]!r}; is the file"
            " cut off there, or changed?"
        )
    if tail["omitted"]:
        return
    if row["way"]:
        test.ways.add(row["way"])
    back = row["way"] in _TO_CLIENT
    key = (row["stream"], back)
    first, last = float(row["first"]), float(row["last"])
    # Old versions do not say whose a summary is: it begins before the last interval ended.
    summary = bool(tail["end"]) or first < test.lasts.get(key, 0.0) - 0.011
    if not summary:
        test.lasts[key] = last
    unit = _BYTES[row["prefix"]]
    rate = float(row["rate"])
    if row["rate_unit"] == "bits":
        gbit_s = rate / _IN_GBIT[row["rate_prefix"]]
    else:
        gbit_s = rate * _BYTES[row["rate_prefix"]] * 8 / 1e9
    test.rows.append(
        Row(
            stream=_number(test, row["stream"], back),
            back=back,
            first=first,
            last=last,
            bytes=float(row["bytes"]) * unit,
            slack=_half_digit(row["bytes"]) * unit,
            gbit_s=gbit_s,
            more=_more(test, tail),
            end=tail["end"] or ("?" if summary else ""),
            line=number,
        )
    )


def _number(test: _Test, name: str, back: bool) -> int | None:
    """The number of a stream in its direction; None for all of them together."""
    if name == "SUM":
        return None
    if name not in test.streams:
        test.streams[name] = (back, 1 + sum(other == back for other, _ in test.streams.values()))
    return test.streams[name][1]


def _half_digit(text: str) -> float:
    return 0.5 * 10.0 ** -len(text.partition(".")[2])


def _more(test: _Test, tail: re.Match[str]) -> dict[str, float]:
    found = {}
    if tail["count"]:
        found["datagrams" if test.protocol == "UDP" else "retransmits"] = float(tail["count"])
    if tail["cwnd"]:
        found["cwnd"] = float(tail["cwnd"]) * _BYTES[tail["prefix"]] / 2**20
    if tail["jitter"]:
        found["jitter"] = float(tail["jitter"])
        if tail["lost"] != "Unknown":
            found["lost datagrams"] = float(tail["lost"])
        found["datagrams"] = float(tail["datagrams"])
    return found


def _ends(path: Path, tests: list[_Test]) -> Iterator[End]:
    for number, test in enumerate(tests, 1):
        rows = told(list(_marked(test)))
        if len(test.ways) > 1:
            direction = "both"
        elif test.reverse or (test.role == SERVER and _sends(rows)):
            direction = "back"
        else:
            direction = "out"
        client, server = test.addresses or ("", "")
        end = End(
            path=path,
            number=number,
            line=test.line,
            role=test.role,
            client=client,
            server=server,
            protocol=test.protocol,
            direction=direction,
            rows=with_totals(rows),
        )
        yield replace(end, rows=tuple(_owned(end, row) for row in end.rows))


def _marked(test: _Test) -> Iterator[Row]:
    """The rows; those of old versions that hold what was sent and what was lost taken apart."""
    # An interval that is printed twice, as in an interrupted test, looks like a summary: what
    # comes last is one.
    last = {(row.stream, row.back): row for row in test.rows if row.end}
    for row in test.rows:
        if row.end != "?":
            yield row
        elif row is last[row.stream, row.back]:
            yield from of_both_ends(row) if test.protocol == "UDP" else [row]


def _sends(rows: list[Row]) -> bool:
    """Whether figures of one direction are a sender's: only it knows of retransmits, say."""
    ends = {row.end for row in rows}
    if SENDER in ends or RECEIVER in ends:
        return RECEIVER not in ends
    return any(row.more and "jitter" not in row.more for row in rows)


def _owned(end: End, row: Row) -> Row:
    """A summary that does not say whose it is, as this end's own."""
    return replace(row, end=end.counts(back=row.back)) if row.end == "?" else row
