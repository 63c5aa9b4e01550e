"""Latencies from a program's log: lines with how many there were (`num`) and how long it took."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ingest.profiling.pprof_text import duration_ms
from ingest.profiling.trace_lines import text_of
from minion.errors import InvalidData
from minion.model import Measurement
from minion.series import Dimension, Series

CHART = "latency"
_NEAREST_S = 1e-6  # between two lines of one moment

_NUM = re.compile(r"\bnum\b[\"']?\s*[:=]?\s*[\"']?(?P<num>\d+)\b", re.IGNORECASE)
# A text may speak of a `duration of 3s`: without a sign between, a duration has to follow.
_DURATION = re.compile(
    r"\bduration\b[\"']?(?:\s*[:=]\s*[\"']?|\s+(?=[\d.]+[a-zµμ]))"
    r"(?P<duration>[\d.]+[a-zµμ][\d.a-zµμ]*|\S+)",
    re.IGNORECASE,
)
_KLOG = re.compile(r"[IWEF](?P<date>\d{4} \d\d:\d\d:\d\d(?:\.\d+)?)")
_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?)(?P<zone>Z|[+-]\d\d:\d\d)?"
)


class Latency(NamedTuple):
    """One line: when (seconds, None without a time), of how many, and how long it took."""

    time: float | None
    num: float
    duration_ms: float


def latencies_of(path: Path) -> Iterator[Latency]:
    """The latencies of a log, in its order; lines that hold no `num` and `duration` are passed.

    Args:
        path: the log, gzipped or not. Times are those of klog (`I1129 10:12:13.5`) or ISO 8601; a
            duration is as Go writes it.

    Raises:
        InvalidData: a line's duration is none, or no line has one; the message names it.
    """
    found = False
    for number, line in enumerate(text_of(path).splitlines(), 1):
        num, duration = _NUM.search(line), _DURATION.search(line)
        if num is None or duration is None:
            continue
        found = True
        try:
            took = duration_ms(duration["duration"].rstrip(",;.)}\"'"))
            time = _time(line)
        except (InvalidData, ValueError) as error:
            raise InvalidData(f"{path}, line {number}: {error}") from None
        yield Latency(time, float(num["num"]), took)
    if not found:
        raise InvalidData(f"{path}: no line with num and duration; give the program's log")


def series_of(latencies: list[Latency], *, hostname: str, start: float) -> Series:
    """The latencies as a series `latency` of `num` and `duration_ms`, a row for each line.

    Rows stand as far apart as the log's lines; without times one second.

    Args:
        latencies: in the order of the log.
        hostname: where the program ran.
        start: time of the first.
    """
    if all(latency.time is not None for latency in latencies):
        times = np.array([latency.time for latency in latencies], dtype=np.float64)
        times = np.maximum.accumulate(times - times[0])
    else:
        times = np.arange(len(latencies), dtype=np.float64)
    # Lines of one moment are kept apart, in their order.
    steps = np.arange(len(times)) * _NEAREST_S
    times = start + np.maximum.accumulate(times - steps) + steps
    return Series(
        hostname=hostname,
        chart=CHART,
        context=CHART,
        family="",
        unit="",
        dimensions=(Dimension("num", "num"), Dimension("duration_ms", "duration")),
        times=times,
        values=np.array([[latency.num, latency.duration_ms] for latency in latencies]),
    )


def measured(latencies: list[Latency]) -> Iterator[Measurement]:
    """The mean, the median and the 99th percentile of the latencies in ms, and the largest num."""
    took = np.array([latency.duration_ms for latency in latencies])
    yield Measurement(name="mean latency", value=float(took.mean()), unit="ms")
    for percent, name in ((50, "median latency"), (99, "99th percentile of latency")):
        yield Measurement(name=name, value=float(np.percentile(took, percent)), unit="ms")
    yield Measurement(name="pods", value=max(latency.num for latency in latencies))


def _time(line: str) -> float | None:
    """Seconds since the epoch; klog has no year, so its times count from 2000, a leap year's."""
    if found := _KLOG.match(line):
        date = f"2000{found['date']}"
        form = "%Y%m%d %H:%M:%S.%f" if "." in date else "%Y%m%d %H:%M:%S"
        return datetime.strptime(date, form).replace(tzinfo=UTC).timestamp()
    if found := _ISO.search(line):
        zone = (found["zone"] or "+00:00").replace("Z", "+00:00")
        return datetime.fromisoformat(f"{found['date']}{zone}").timestamp()
    return None
