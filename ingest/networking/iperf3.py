"""iperf3: the bitrate between two hosts, as the client and the server measured it.

Two files that are the two ends of one test make one run, so that it does not count twice, also
where they come one after the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ingest.importing import Imported, distinct, from_to, keep, names_of, provenance, stem_of
from ingest.networking.iperf3_ends import (
    BACK,
    GIB,
    RECEIVER,
    SENDER,
    TOTAL,
    End,
    Row,
    disagreements,
)
from ingest.networking.iperf3_json import is_json, read_json
from ingest.networking.iperf3_pairs import key, known, paired
from ingest.networking.iperf3_stored import ENDS, TEST, placed, stored_tests
from ingest.networking.iperf3_text import read_text
from ingest.spool import usual_step
from ingest.texts import text_of
from minion.errors import InvalidData
from minion.model import Host, Measurement, Role, Simulation
from minion.series import Dimension, Series
from minion.store import Store

IPERF3 = "iperf3"  # the experiment and the source's name
UNDATED = 946_684_800.0  # the start of 2000, where a test begins that does not say when it was
BITRATE = ("bitrate", "Gbit/s")
# Other figures of an interval, and their units.
MORE = {
    "retransmits": "segments",
    "cwnd": "MiB",
    "rtt": "ms",
    "jitter": "ms",
    "lost datagrams": "datagrams",
    "datagrams": "datagrams",
}
_OF_STREAMS = ("cwnd", "rtt")  # a window and a round trip are not added up
_OFF_GRID = 0.05  # of a step: intervals begin a little late, the longer the test the more


def ingest_iperf3(
    store: Store,
    paths: Sequence[str | Path],
    *,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = IPERF3,
) -> Imported:
    """Store the tests of files that iperf3 printed, or wrote with `--json`.

    Client and server of one test are found by their addresses and what they received, and are one
    run, named by the client's file. Where the store has the other end already, that run is
    completed and keeps its name, with a note.

    Args:
        store: where the runs are kept.
        paths: files, each with one end of one or more tests.
        platform: the system under test; default: the name of a file's folder.
        sim: the sim_id, where the files hold one test; default: `PLATFORM/STEM`.
        experiment: its name.

    Returns:
        What was stored. Notes say where intervals do not add up to the summary, with file and line.

    Raises:
        NotFound: there is no such file.
        InvalidData: a line cannot be read (file and line are named), `sim` for several tests, or
            two tests would be one run.
        AlreadyExists: an experiment has a run of that sim_id that this one is not.
    """
    ends = [end for path in distinct(paths) for end in read(path)]
    tests = [_Test.of(members, platform, sim, experiment) for members in paired(ends)]
    if sim is not None and len(tests) > 1:
        raise InvalidData(f"--sim {sim} names one run, and these files hold {len(tests)} tests")
    notes = [note for end in ends for note in disagreements(end)]
    undated = sum(end.origin is None for end in ends)
    if undated:
        notes.append(
            f"{undated} tests as printed do not say when: their clocks begin at the start of 2000"
        )
    stored = stored_tests(store, experiment, IPERF3)
    places = [placed(store, stored, t.run, t.series, named=sim is not None) for t in tests]
    kept = [place.kept for place in places if place.kept is not None]
    notes += [place.note for place in places if place.note]
    notes += [
        f"{run.sim_id} has no bitrate: no file says what was received"
        for run, _ in kept
        if not any(m.name == BITRATE[0] for m in run.measurements)
    ]
    return keep(store, kept, notes)


def read(path: Path) -> list[End]:
    """The tests of one file, text or JSON, as the end that wrote it saw them.

    Raises:
        InvalidData: it cannot be read; file and line are named.
    """
    text = text_of(path)
    return (read_json if is_json(text) else read_text)(path, text)


def is_iperf3(text: str) -> bool:
    """Whether a text is one that iperf3 printed or wrote."""
    start = text[:4096]
    if is_json(start):
        return '"iperf' in start or '"connected"' in start  # streams come before the version
    return any(mark in start for mark in ("iperf3 ", "iperf3: ", "Server listening on", "[ ID]"))


# ---------------------------------------------------------------- inside


@dataclass(frozen=True)
class _Test:
    """A run and its series."""

    run: Simulation
    series: list[Series]

    @classmethod
    def of(
        cls, ends: tuple[End, ...], platform: str | None, sim: str | None, experiment: str
    ) -> "_Test":
        first = ends[0]
        stem = stem_of(first.path)
        if first.number > 1:
            stem = f"{stem}#{first.number}"
        chosen, sim_id = names_of(first.path, platform=platform, sim=sim, stem=stem)
        dated = [end.origin for end in ends if end.origin is not None]
        origin = min(dated, default=UNDATED)
        undated = None if dated else "iperf3 did not print when the test was"
        where = provenance(IPERF3, [end.path for end in ends], undated=undated)
        details = {
            **where.details,
            TEST: known(*map(key, ends)),
            ENDS: ", ".join(end.role for end in ends),
            "client": first.client,
            "server": first.server,
        }
        versions = {end.version for end in ends if end.version}
        run = Simulation(
            experiment=experiment,
            sim_id=sim_id,
            platform=chosen,
            provenance=replace(where, details=details),
            parameters={
                "protocol": first.protocol,
                "streams": first.streams,
                "direction": first.direction,
                "seconds": round(first.duration),
            },
            environment={"iperf3": ", ".join(sorted(versions))} if versions else {},
            hosts=tuple(Host(hostname=end.role, role=Role.WORKER) for end in ends),
            events=from_to(origin, origin + max(end.duration for end in ends)),
            measurements=tuple(_measurements(ends)),
        )
        return cls(run, [s for end in ends for s in _series(end, end.origin or origin)])


def _measurements(ends: tuple[End, ...]) -> Iterator[Measurement]:
    """What the whole test gave; what was received is the bitrate, as its receiver counted it."""
    for back, suffix in ((False, ""), (True, BACK)):
        received, sent = (_counted(ends, which, back=back) for which in (RECEIVER, SENDER))
        if received is not None:
            if received.told:
                yield _named(f"bitrate{suffix}", received.gbit_s, BITRATE[1])
                yield _named(f"transferred{suffix}", received.bytes / GIB, "GiB")
            yield from _losses(received, suffix)
        if sent is not None:
            yield _named(f"bitrate sent{suffix}", sent.gbit_s, "Gbit/s")
            if "retransmits" in sent.more:
                yield _named(f"retransmits{suffix}", sent.more["retransmits"], MORE["retransmits"])
    for end in ends:
        if end.cpu is not None:
            yield Measurement(name="cpu", value=end.cpu, unit="%", hostname=end.role)


def _losses(received: Row, suffix: str) -> Iterator[Measurement]:
    for name in ("jitter", "lost datagrams", "datagrams"):
        if name in received.more:
            yield _named(name + suffix, received.more[name], MORE[name])
    total = received.more.get("datagrams")
    if total and "lost datagrams" in received.more:
        yield _named(f"loss{suffix}", 100 * received.more["lost datagrams"] / total, "%")


def _named(name: str, value: float, unit: str) -> Measurement:
    return Measurement(name=name, value=value, unit=unit)


def _counted(ends: tuple[End, ...], which: str, *, back: bool) -> Row | None:
    """A summary as the end counted it whose count it is; else as the other end was told."""
    own = [e for e in ends if e.counts(back=back) == which]
    found = filter(None, (end.summary(which, back=back) for end in (*own, *ends)))
    return max(found, key=lambda row: row.told, default=None)


def _series(end: End, origin: float) -> Iterator[Series]:
    """A chart for each figure that the intervals have, on the end's host.

    A row stands at the beginning of its interval, so that all of them lie inside the run.
    """
    columns: dict[str, dict[str, list[Row]]] = {}
    for back, suffix in ((False, ""), (True, BACK)):
        for stream in (None, *range(1, end.streams + 1)):
            rows = end.intervals(stream, back=back)
            name = (TOTAL if stream is None else f"stream {stream}") + suffix
            for figure in (BITRATE[0], *MORE):
                # A single stream is the total, but for what belongs to a stream.
                of_stream = figure in _OF_STREAMS or end.streams > 1
                if (stream is None and figure in _OF_STREAMS) or (stream and not of_stream):
                    continue
                own = [row for row in rows if figure == BITRATE[0] or figure in row.more]
                if own:
                    columns.setdefault(figure, {})[name] = own
    for figure, dimensions in columns.items():
        yield _chart(end, figure, dimensions, origin)


def _chart(end: End, figure: str, dimensions: dict[str, list[Row]], origin: float) -> Series:
    firsts = np.unique([row.first for rows in dimensions.values() for row in rows])
    values = np.full((len(firsts), len(dimensions)), np.nan)
    for column, rows in enumerate(dimensions.values()):
        places = np.searchsorted(firsts, [row.first for row in rows])
        values[places, column] = [
            row.gbit_s if figure == BITRATE[0] else row.more[figure] for row in rows
        ]
    times, step = _gridded(firsts)
    chart = f"{IPERF3}.{figure.replace(' ', '_')}"
    return Series(
        hostname=end.role,
        chart=chart,
        context=chart,
        family="network",
        unit=BITRATE[1] if figure == BITRATE[0] else MORE[figure],
        dimensions=tuple(Dimension(name, name) for name in dimensions),
        times=origin + times,
        values=values,
        step=step,
    )


def _gridded(firsts: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Beginnings of intervals on their grid, and its step; as they are, and None, where off it."""
    usual = usual_step(np.round(firsts, 2))
    if usual is None:
        return firsts, None
    places = np.rint(firsts / usual)
    off = np.abs(firsts - places * usual) > _OFF_GRID * usual
    if off.any() or len(np.unique(places)) < len(places):
        return firsts, None
    return places * usual, usual
