"""What simulated agents measure: the study's five charts, 19 dimensions, and every value of them.

A value is a function of agent, chart, dimension and time, so a checker can compute each again. A
chart has a table of a few thousand rows whose text is made once; a sample is one of its rows,
chosen by a hash of agent, chart and time. So an answer costs a lookup a row, and a sample that
lands under another host or at another time is nearly always another one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROWS = 4096  # of a table: a power of two
NULL = -1  # the row of a table that has no value: its last
RAM_MIB = 4096
_SHIFT = np.uint64(64 - ROWS.bit_length() + 1)
_HALF = np.uint64(32)
_ODD = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: spreads consecutive numbers
_ODD_TOO = np.uint64(0xD6E8FEB86659FD93)
_MASK = 2**64 - 1

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class ChartKind:
    """One chart as netdata 1.37 describes it.

    dimensions: id to name of each, hidden ones too.
    hidden: ids of those that no list of charts has, and that `dimensions=*` brings.
    kind: of the table that its samples are rows of.
    """

    id: str
    context: str
    family: str
    title: str
    unit: str
    drawn: str
    priority: int
    module: str
    dimensions: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    kind: str = "further"


def _plain(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in text.split())


STUDY = (
    ChartKind(
        "system.cpu",
        "system.cpu",
        "cpu",
        "Total CPU utilization",
        "percentage",
        "stacked",
        100,
        "/proc/stat",
        _plain("guest_nice guest steal softirq irq user system nice iowait idle"),
        hidden=("idle",),
        kind="cpu",
    ),
    ChartKind(
        "system.ram",
        "system.ram",
        "ram",
        "System RAM",
        "MiB",
        "stacked",
        200,
        "/proc/meminfo",
        _plain("free used cached buffers"),
        kind="ram",
    ),
    ChartKind(
        "system.io",
        "system.io",
        "disk",
        "Disk I/O",
        "KiB/s",
        "area",
        150,
        "/proc/diskstats",
        _plain("in out"),
        kind="flow",
    ),
    ChartKind(
        "disk_util.vda",
        "disk.util",
        "/",
        "Disk Utilization Time",
        "% of time working",
        "area",
        2040,
        "/proc/diskstats",
        _plain("utilization"),
        labels=(("device", "vda"), ("mount_point", "/"), ("device_type", "physical")),
        kind="share",
    ),
    ChartKind(
        "system.net",
        "system.net",
        "network",
        "Physical Network Interfaces Aggregated Bandwidth",
        "kilobits/s",
        "area",
        500,
        "/proc/net/dev",
        (("InOctets", "received"), ("OutOctets", "sent")),
        kind="flow",
    ),
)


def further(count: int) -> tuple[ChartKind, ...]:
    """So many more charts, that nobody of the study asks for: a real agent lists some 220."""
    return tuple(
        ChartKind(
            f"simulated.chart_{number:03d}",
            "simulated.chart",
            "simulated",
            "A chart that stands in for one of the many that an agent has",
            "events/s",
            "line",
            90_000 + number,
            "/proc/simulated",
            _plain("alpha beta gamma delta"),
        )
        for number in range(count)
    )


def value(agent: int, chart: str, dimension: str, time: ArrayLike) -> Floats:
    """What that agent measured; an array of the shape of `time` (a number: of no dimension).

    Args:
        agent: its number, from 0.
        chart: id of one of the study's charts.
        dimension: an id of it.
        time: seconds since the epoch by the agent's clock, on the grid of its step.

    Raises:
        KeyError: there is no such chart or dimension.
    """
    ids = [identity for identity, _ in _STUDY[chart].dimensions]
    if dimension not in ids:
        raise KeyError(dimension)
    return values(agent, chart, time)[..., ids.index(dimension)]


def values(agent: int, chart: str, times: ArrayLike) -> Floats:
    """All dimensions of a chart, in its order: the shape of `times`, and a column for each."""
    table: Floats = view(_STUDY[chart]).values
    return table[places(key(agent, chart), np.asarray(times))]


def key(agent: int, chart: str) -> np.uint64:
    """Where the samples of an agent's chart begin in their table."""
    mixed = (agent * 2**32 + crc32(chart.encode())) * _ODD & _MASK
    return np.uint64(mixed ^ mixed >> 29)


def places(start: np.uint64, times: NDArray[np.generic]) -> Places:
    """The row of the table at each time."""
    mixed = np.atleast_1d(times).astype(np.uint64)
    mixed *= np.uint64(_ODD)
    mixed += start
    mixed ^= mixed >> _HALF
    mixed *= _ODD_TOO
    return (mixed >> _SHIFT).astype(np.intp).reshape(np.shape(times))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Some dimensions of a chart's table.

    dimensions: (id, name) of each column.
    values: ROWS rows and a column per dimension; one more row is all NaN.
    texts: each row as JSON has it, without brackets; the last is all null.
    lowest, highest: of each row; those of the last change no minimum and no maximum.
    """

    dimensions: tuple[tuple[str, str], ...]
    values: Floats
    texts: tuple[str, ...]
    lowest: Floats
    highest: Floats


@lru_cache(maxsize=256)
def view(chart: ChartKind, wanted: tuple[int, ...] | None = None) -> View:
    """The table of a chart, or those of its columns that are wanted."""
    whole = _table(chart.kind)
    columns = tuple(range(len(chart.dimensions))) if wanted is None else wanted
    kept = whole[:, columns]
    texts = [",".join(map(number, row)) for row in kept.tolist()]
    nothing = np.full((1, len(columns)), np.nan)
    return View(
        tuple(chart.dimensions[column] for column in columns),
        np.concatenate([kept, nothing]),
        (*texts, ",".join(["null"] * len(columns))),
        np.append(kept.min(axis=1), np.inf),
        np.append(kept.max(axis=1), -np.inf),
    )


def number(amount: float) -> str:
    """A value as netdata writes it: no exponent, no `.0`."""
    return str(int(amount)) if amount == int(amount) else repr(amount)


# ---------------------------------------------------------------- tables

Drawn = Callable[[np.random.Generator], list[NDArray[np.int64]]]


def _cpu(random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Shares of time in 100,000ths of a per cent; together 100 %."""
    nothing = np.zeros(ROWS, dtype=np.int64)
    steal, softirq, nice = (_sometimes(random, 90_000) for _ in range(3))
    user, system = random.integers(200_000, [[4_000_000], [2_000_000]], (2, ROWS))
    iowait = _sometimes(random, 500_000)
    busy = [nothing, nothing, steal, softirq, nothing, user, system, nice, iowait]
    return [*busy, 10_000_000 - np.sum(busy, axis=0)]


def _ram(random: np.random.Generator) -> list[NDArray[np.int64]]:
    """Thousandths of a MiB; together RAM_MIB."""
    most = [[1_500_000], [900_000], [90_000]]
    used, cached, buffers = random.integers(20_000, most, (3, ROWS))
    return [RAM_MIB * 1000 - used - cached - buffers, used, cached, buffers]


def _flow(random: np.random.Generator) -> list[NDArray[np.int64]]:
    """In and out in thousandths; what goes out is negative."""
    return [_sometimes(random, 9_999_999), -_sometimes(random, 9_999_999)]


def _share(random: np.random.Generator) -> list[NDArray[np.int64]]:
    """One share in 100,000ths of a per cent."""
    return [_sometimes(random, 9_999_999)]


def _further(random: np.random.Generator) -> list[NDArray[np.int64]]:
    return [_sometimes(random, 999_999) for _ in range(4)]


def _sometimes(random: np.random.Generator, most: int) -> NDArray[np.int64]:
    """Numbers up to `most`, and now and then nothing, as a disk that rests."""
    amounts = random.integers(1000, most, ROWS)
    return np.where(random.integers(8, size=ROWS) > 0, amounts, 0)


# How a table is drawn, and what its whole numbers are divided by: seven digits at most stay.
_KINDS: dict[str, tuple[Drawn, float]] = {
    "cpu": (_cpu, 1e5),
    "ram": (_ram, 1e3),
    "flow": (_flow, 1e3),
    "share": (_share, 1e5),
    "further": (_further, 1e3),
}
_STUDY = {chart.id: chart for chart in STUDY}


@cache
def _table(kind: str) -> Floats:
    draw, unit = _KINDS[kind]
    columns: Sequence[NDArray[np.int64]] = draw(np.random.default_rng(list(kind.encode())))
    return np.column_stack(columns) / unit
