"""The lines of function_graph traces: `trace-cmd report` text, and the kernel's own log."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ingest.findings import Findings
from minion.errors import InvalidData

ENTRY, LEAF, EXIT, LOST = "entry", "leaf", "exit", "lost"
UNKNOWN = "unknown"  # a raw log without process names, before its first switch

_FILLERS = r"[-+!#*@$ ]*"  # marks of long durations: + 10 us, ! 100 us, # 1 ms, …
_TIMED = rf"(?:{_FILLERS}(?P<us>\d+\.\d+) us)?\s*\|(?P<depth>\s*)(?P<call>.*)"
_REPORT = re.compile(
    r"\s*(?P<process>\S.*?)-(?P<task>\d+)\s+(?:\(\s*\S+\)\s+)?\[(?P<cpu>\d+)\]\s+(?:\S+\s+)?"
    rf"(?P<time>\d+\.\d+):\s+funcgraph_(?P<kind>entry|exit):\s*{_TIMED}$"
)
_OTHER_EVENT = re.compile(r"\s*\S.*?-\d+\s+(?:\(\s*\S+\)\s+)?\[\d+\]\s+(?:\S+\s+)?\d+\.\d+:\s+\w+:")
_RAW = re.compile(
    r"\s*(?:(?P<time>\d+\.\d+)\s+\|\s*)?(?P<cpu>\d+)\)\s*"
    rf"(?:(?P<process>[^|]*\S)-(?P<task>\d+)\s+\|\s*)?(?:[^|\d]*\|(?=.*\|))?{_TIMED}$"
)
_SWITCH = re.compile(r"\s*(?P<cpu>\d+)\)\s+.*=>\s*(?P<process>\S.*?)-(?P<task>\d+)\s*$")
# As the kernel says it, and as trace-cmd does: [LOST 12 EVENTS], [12 EVENTS DROPPED].
_LOST = re.compile(
    r"\s*CPU:\s*(?P<cpu>\d+) \[(?=.*(?:LOST|DROPPED))(?:LOST )?(?:(?P<events>\d+) )?EVENTS\b"
)
_INTERRUPT = r"\s*(?:\d+\.\d+\s+\|)?\s*\d+\)(?:[^|]*\|)*?\s*(?:==+>|<==+)"
_SKIPPED = re.compile(rf"\s*$|\s*#|\s*-+\s*$|cpus=\d+|version = |CPU \d+ is empty|{_INTERRUPT}")
_FUNCTION = re.compile(r"(?P<function>[^\s({;]\S*)(?: \[(?P<module>[^\]]+)\])?\s*\((?:.*?)\)\s*")


class Line(NamedTuple):
    """One line of a trace that tells of a call, or that events of its CPU were lost there.

    number: of the line in its file; time: in seconds on the trace's clock, None without one.
    us: the duration in microseconds, of a leaf or an exit; depth: the blanks before the name.
    """

    number: int
    process: str
    task: str
    cpu: int
    time: float | None
    kind: str
    us: float
    depth: int
    function: str


def text_of(path: Path) -> str:
    """What a file holds, gzipped or not.

    Raises:
        InvalidData: it is cut off, or is not text.
    """
    raw = path.read_bytes()
    try:
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError) as error:
        raise InvalidData(f"{path}: a gzip file that is cut off or broken ({error})") from None
    except UnicodeDecodeError as error:
        raise InvalidData(f"{path}: not text (byte {error.start}); give the text form") from None


def lines_of(path: Path, findings: Findings) -> Iterator[Line]:
    """What a trace's lines tell of calls, and where events were lost, in the order of the file.

    Args:
        path: `trace-cmd report` text, or a raw function_graph log; gzipped or not.
        findings: counts what the lines hold besides calls.

    Raises:
        InvalidData: a line cannot be read, or no line tells of a call; the message names it.
    """
    text = text_of(path)
    running: dict[int, tuple[str, str]] = {}
    calls = 0
    for number, line in enumerate(text.splitlines(), 1):
        found = _REPORT.match(line) or _RAW.match(line)
        if found is None:
            lost = _LOST.match(line)
            if lost is None:
                _other(path, number, line, running, findings)
                continue
            _count_lost(path, lost["events"], findings)
            yield Line(number, "", "", int(lost["cpu"]), None, LOST, 0.0, 0, "")
            continue
        process, task, cpu, time, us, depth, call = found.group(
            "process", "task", "cpu", "time", "us", "depth", "call"
        )
        cpu_number = int(cpu)
        if process is None:
            process, task = running.get(cpu_number, (UNKNOWN, ""))
        kind, function = _call(call.rstrip())
        if kind is None or (us is None) is not (kind == ENTRY):
            if call.lstrip().startswith("/*"):
                findings.note(f"{path.name}: comments in the trace, left out")
                continue
            raise _unreadable(path, number, line)
        calls += 1
        yield Line(
            number,
            process,
            task,
            cpu_number,
            None if time is None else float(time),
            kind,
            0.0 if us is None else float(us),
            len(depth),
            function,
        )
    if not calls:
        raise InvalidData(f"{path}: no line of a function_graph trace; give trace-cmd report text")


def _call(text: str) -> tuple[str | None, str]:
    """The kind of a line by what stands behind its bar, and the function it names."""
    if text.startswith("}"):
        return EXIT, text[1:].strip(" /*")
    if text.endswith("() {") and " " not in text[:-4]:
        return ENTRY, text[:-4]
    if text.endswith("();") and " " not in text[:-3]:
        return LEAF, text[:-3]
    found = _FUNCTION.match(text)
    if found is None:
        return None, ""
    rest = text[found.end() :]
    kind = ENTRY if rest.startswith("{") else LEAF if rest.startswith(";") else None
    return kind, found["function"]


def _other(
    path: Path,
    number: int,
    line: str,
    running: dict[int, tuple[str, str]],
    findings: Findings,
) -> None:
    """A line that is no call: a process begins to run, another event, a header."""
    switch = _SWITCH.match(line)
    if switch:
        running[int(switch["cpu"])] = switch["process"], switch["task"]
    elif _OTHER_EVENT.match(line) and "funcgraph_" not in line:
        findings.note(f"{path.name}: lines of other events, left out")
    elif not _SKIPPED.match(line):
        raise _unreadable(path, number, line)


def _count_lost(path: Path, events: str | None, findings: Findings) -> None:
    if events is None:
        findings.note(f"{path.name}: places where the kernel lost events, it is not told how many")
    else:
        findings.note(f"{path.name}: events that the kernel lost", count=int(events))


def _unreadable(path: Path, number: int, line: str) -> InvalidData:
    shown = line.strip()[:80]
    return InvalidData(f"{path}, line {number}: not a line of a function_graph trace: {shown!r}")
