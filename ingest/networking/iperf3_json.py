"""What `iperf3 --json` writes."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

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

_REVERSED = "_bidir_reverse"
# What it says besides, before and between documents.
_REMARKS = re.compile(r"(?:\s+|(?:iperf3|warning): [^\n]*)*")
# Key in the file: name, and what its unit is divided by.
_MORE = {
    "retransmits": ("retransmits", 1.0),
    "snd_cwnd": ("cwnd", 2.0**20),
    "rtt": ("rtt", 1000.0),
    "jitter_ms": ("jitter", 1.0),
    "lost_packets": ("lost datagrams", 1.0),
    "packets": ("datagrams", 1.0),
}


def is_json(text: str) -> bool:
    """Whether a text is JSON, after what iperf3 had to remark."""
    return text.startswith("{", _after_remarks(text, 0))


def read_json(path: Path, text: str) -> list[End]:
    """The tests that a file holds, as one end of each saw them.

    Args:
        path: the file, for messages.
        text: one document, or one after the other, as a server writes them; or the events of
            `--json-stream`.

    Raises:
        InvalidData: it is no JSON (the line is named), not iperf3's, or the test failed.
    """
    ends = []
    for number, document in enumerate(_put_together(_documents(path, text)), 1):
        if not isinstance(document, dict) or "start" not in document or "end" not in document:
            raise InvalidData(f"{path}: this JSON is not what iperf3 --json writes")
        if not document.get("intervals"):
            why = document.get("error", "it has no interval")
            raise InvalidData(f"{path}: the test failed: {why}; measure it again")
        ends.append(_end(path, number, document))
    return ends


@contextmanager
def _reading(path: Path, number: int, part: str) -> Iterator[None]:
    """What is wrong with a part of a test is said in words."""
    try:
        yield
    except KeyError as error:
        why = f"it lacks {error.args[0]!r}"
    except IndexError:
        why = "it lacks an entry in a list"
    except (TypeError, ValueError, AttributeError):
        why = "a value is of another kind than there"
    else:
        return
    raise InvalidData(
        f"{path}: test {number}: {part} is not as iperf3 --json writes it: {why}; was it changed?"
    )


def _documents(path: Path, text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(object_pairs_hook=_named_apart)
    place = 0
    while (place := _after_remarks(text, place)) < len(text):
        try:
            document, place = decoder.raw_decode(text, place)
        except ValueError as error:
            line = text.count("\n", 0, getattr(error, "pos", place)) + 1
            raise InvalidData(
                f"{path}:{line}: this is no JSON: {getattr(error, 'msg', error)}; is the file cut"
                " off?"
            ) from error
        yield document


def _after_remarks(text: str, place: int) -> int:
    found = _REMARKS.match(text, place)
    return found.end() if found else place


def _named_apart(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; up to 3.10 both directions have one name, and the way back comes second."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name + _REVERSED if name in found else name] = value
    return found


def _put_together(documents: Iterable[Any]) -> Iterator[Any]:
    """Documents; events of `--json-stream` as the document that `--json` writes."""
    streamed: dict[str, Any] | None = None
    for document in documents:
        if not isinstance(document, dict):
            yield document
            continue
        if not {"event", "data"} <= document.keys():
            # It may be all of the events once more.
            if streamed is None or document.get("start") != streamed["start"]:
                yield document
            continue
        event, data = document["event"], document["data"]
        if event == "start":
            if streamed is not None:
                yield streamed
            streamed = {"start": data, "intervals": [], "end": {}}
        elif streamed is None:
            yield document
        elif event == "interval":
            streamed["intervals"].append(data)
        else:
            streamed[event] = data
    if streamed is not None:
        yield streamed


def _end(path: Path, number: int, document: Mapping[str, Any]) -> End:
    start, last = document["start"], document["end"]
    reading = partial(_reading, path, number)
    with reading("its start"):
        role = SERVER if "accepted_connection" in start else CLIENT
        connected = start["connected"][0]
        near = f"{connected['local_host']}:{connected['local_port']}"
        far = f"{connected['remote_host']}:{connected['remote_port']}"
        test = start["test_start"]
        reverse = bool(test.get("reverse"))
        both = bool(test.get("bidirectional", test.get("bidir")))
        protocol = str(test["protocol"])
        origin = float(start["timestamp"]["timesecs"])
        version = str(start["version"]).removeprefix("iperf ")
        cookie = str(start.get("cookie", ""))
    with reading("its end"):
        both = both or any(name.endswith(_REVERSED) for name in last)
        cpu = last.get("cpu_utilization_percent", {}).get("host_total")
        cpu = None if cpu is None else float(cpu)
        summaries = list(_summaries(last))
    streams = _Streams(role, both=both)
    rows: list[Row] = []
    with reading("the list of its intervals"):
        intervals = list(document["intervals"])
    for place, interval in enumerate(intervals, 1):
        # An interrupted end writes its last interval twice.
        if interval in intervals[place - 2 : place - 1]:
            continue
        with reading(f"its interval {place}"):
            rows += streams.rows(interval)
    client, server = (near, far) if role == CLIENT else (far, near)
    return End(
        path=path,
        number=number,
        line=0,
        role=role,
        client=client,
        server=server,
        protocol=protocol,
        direction="both" if both else "back" if reverse else "out",
        rows=with_totals(told([*rows, *summaries])),
        origin=origin,
        version=version,
        cookie=cookie,
        cpu=cpu,
    )


class _Streams:
    """Intervals of one end of a test; streams are numbered in each direction as they come."""

    def __init__(self, role: str, *, both: bool) -> None:
        self.role, self.both = role, both
        self._numbers: dict[bool, dict[int, int]] = {False: {}, True: {}}

    def rows(self, interval: Mapping[str, Any]) -> Iterator[Row]:
        """What one interval says of each stream, and of all where there are several."""
        # Streams are looked at one after the other; the sum's times are the interval's.
        times = {name: interval["sum"][name] for name in ("start", "end")}
        for stream in interval["streams"]:
            # In both directions at once, what the client receives goes back.
            back = self.both and bool(stream["sender"]) == (self.role == SERVER)
            own = self._numbers[back]
            place = own.setdefault(stream["socket"], len(own) + 1)
            yield from _row({**stream, **times}, place, back)
        if len(interval["streams"]) > 1:
            for key in ("sum", "sum" + _REVERSED):
                if key in interval and (not self.both or _several(interval, key)):
                    yield from _row({**interval[key], **times}, None, key != "sum")


def _several(interval: Mapping[str, Any], key: str) -> bool:
    """Whether a sum is of more than one stream."""
    sender = interval[key]["sender"]
    return sum(bool(s["sender"]) == bool(sender) for s in interval["streams"]) > 1


def _summaries(last: Mapping[str, Any]) -> Iterator[Row]:
    for suffix in ("", _REVERSED):
        for key, end in (("sum_sent", SENDER), ("sum_received", RECEIVER)):
            if found := last.get(key + suffix):
                yield from _row(found, None, bool(suffix), end)
        # Up to 3.10 datagrams have only this, which is what was sent and what was lost.
        if "sum_received" + suffix not in last and (both := last.get("sum" + suffix)):
            for row in _row(both, None, bool(suffix), RECEIVER):
                yield from of_both_ends(row)


def _row(found: Mapping[str, Any], stream: int | None, back: bool, end: str = "") -> Iterator[Row]:
    if found.get("omitted"):
        return
    yield Row(
        stream=stream,
        back=back,
        first=float(found["start"]),
        last=float(found["end"]),
        bytes=float(found["bytes"]),
        slack=0.0,
        gbit_s=float(found["bits_per_second"]) / 1e9,
        more={
            name: float(found[key]) / unit
            for key, (name, unit) in _MORE.items()
            if key in found and found[key] >= 0
        },
        end=end,
    )
