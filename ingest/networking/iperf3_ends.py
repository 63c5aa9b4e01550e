"""What one end of an iperf3 test says, and whether its figures hold together."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

TOTAL = "total"  # of all streams
BACK = " back"  # after a name: from the server to the client, in a test of both directions
SENDER, RECEIVER = "sender", "receiver"
CLIENT, SERVER = "client", "server"
# Of a sum, besides what rounding explains: what is still under way when an interval ends.
_TOLERANCE = 0.002
_HUNDREDTH = 0.011  # of a second: printed times have two decimals
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Figures of one stream, or of all, over one interval or the whole test.

    stream: its number in the order in which the streams stand there; None: all of them together.
    back: from the server to the client, in a test of both directions.
    first, last: seconds since the test began.
    bytes: transferred, give or take `slack`, which is what rounding hides; NaN where not told.
    gbit_s: the bitrate in Gbit/s; NaN where not told.
    more: other figures, by their names in `MORE` of `ingest.networking.iperf3`.
    end: of a summary: whose count this is, `sender` or `receiver`; empty for an interval.
    line: of the file; 0 where it has none.
    """

    stream: int | None
    back: bool
    first: float
    last: float
    bytes: float
    slack: float
    gbit_s: float
    more: dict[str, float] = field(default_factory=dict)
    end: str = ""
    line: int = 0

    @property
    def told(self) -> bool:
        """Whether it is known what was transferred."""
        return not math.isnan(self.bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end's view of a test.

    path, number: the file, and which of its tests it is, from 1 on; line: where that begins.
    role: `client` or `server`.
    client, server: their addresses, `10.0.0.1:5201`.
    protocol: TCP or UDP. direction: `out`, `back` or `both`, as seen from the client.
    rows: intervals and summaries.
    origin: when the test began, in seconds since the epoch; None where the file does not say.
    version: of iperf3, where the file says it.
    cookie: what both ends call the test; empty where the file does not say it.
    cpu: of this end, in %.
    """

    path: Path
    number: int
    line: int
    role: str
    client: str
    server: str
    protocol: str
    direction: str
    rows: tuple[Row, ...]
    origin: float | None = None
    version: str | None = None
    cookie: str = ""
    cpu: float | None = None

    @property
    def where(self) -> str:
        """The file, and the line where the test begins."""
        return f"{self.path}:{self.line}" if self.line else str(self.path)

    @property
    def streams(self) -> int:
        """How many streams there are in each direction."""
        backs = {False: 0, True: 0}
        for row in self.rows:
            if row.stream is not None:
                backs[row.back] = max(backs[row.back], row.stream)
        return max(backs.values())

    def counts(self, *, back: bool) -> str:
        """Whether this end sends or receives what goes one way in a test of both directions."""
        towards_client = back or self.direction == "back"
        return SENDER if (self.role == SERVER) == towards_client else RECEIVER

    def intervals(self, stream: int | None, *, back: bool = False) -> list[Row]:
        """The intervals of a stream, or of all together (None)."""
        return [r for r in self.rows if (r.end, r.stream, r.back) == ("", stream, back)]

    def summary(self, end: str, *, back: bool = False) -> Row | None:
        """What the whole test gave as the sender or the receiver counted it, all streams."""
        found = [r for r in self.rows if (r.end, r.stream, r.back) == (end, None, back)]
        return found[0] if found else None

    @property
    def duration(self) -> float:
        """Seconds from the first interval to the end of the last one."""
        return max((row.last for row in self.rows), default=0.0)


def of_both_ends(row: Row) -> list[Row]:
    """A summary of old versions, of datagrams: what was sent, and the losses of the receiver.

    A jitter of 0 is one that the receiver did not tell, and so are the losses.
    """
    sent = replace(row, more={}, end=SENDER)
    if not row.more.get("jitter"):
        return [sent]
    return [sent, replace(row, bytes=math.nan, gbit_s=math.nan, end=RECEIVER)]


def told(rows: Sequence[Row]) -> list[Row]:
    """The rows without summaries that only stand for what the other end did not tell.

    They say 0 bytes, although something was transferred.
    """
    active = {row.back for row in rows if not row.end and row.bytes}
    return [row for row in rows if not row.end or row.bytes or row.back not in active]


def with_totals(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows, and those of a stream that is alone once more as rows of all streams."""
    made = list(rows)
    for back, end in dict.fromkeys((row.back, row.end) for row in rows):
        own = [row for row in rows if (row.back, row.end) == (back, end)]
        if {row.stream for row in own} == {1}:
            made += [replace(row, stream=None) for row in own]
    return tuple(made)


def disagreements(end: End) -> Iterator[str]:
    """Where intervals and summary do not fit together, a sentence each, with file and line.

    What the intervals transferred must be what the summary of the same end says, but for rounding
    and 0.2 % that may be under way; each interval must begin where the one before it ended.
    """
    ways = {row.back for row in end.rows}
    for back in sorted(ways):
        intervals = end.intervals(None, back=back)
        for before, row in itertools.pairwise(intervals):
            if abs(row.first - before.last) > _HUNDREDTH:
                yield (
                    f"{_at(end, row)}: an interval begins at {row.first:g} s, the one before it"
                    f" ended at {before.last:g} s"
                )
        summary = end.summary(end.counts(back=back), back=back)
        if summary is None:
            yield f"{end.where}: no summary of the {end.counts(back=back)}; did the test end?"
        elif intervals and summary.told:
            added = sum(row.bytes for row in intervals)
            slack = sum(row.slack for row in intervals) + summary.slack
            difference = added - summary.bytes
            if abs(difference) > slack + _TOLERANCE * summary.bytes:
                share = difference / summary.bytes if summary.bytes else float("inf")
                yield (
                    f"{_at(end, summary)}: the intervals of the {end.role} add up to"
                    f" {added / GIB:.4g} GiB, its summary says {summary.bytes / GIB:.4g} GiB"
                    f" ({share:+.1%})"
                )


def _at(end: End, row: Row) -> str:
    return f"{end.path}:{row.line}" if row.line else str(end.path)
