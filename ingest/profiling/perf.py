"""Profiles of sampled stacks: `perf script` text, and folded stacks as `stackcollapse` writes them.

A run is one file. Its profile counts samples; where the event is a clock, it is time.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ingest.findings import Findings
from ingest.importing import Imported
from ingest.profiling.profiles import MS, SEPARATOR, TIME, Profile, import_each, run_of
from ingest.profiling.trace_lines import text_of
from minion.errors import InvalidData, NotFound
from minion.model import Simulation as Run
from minion.series import Series
from minion.store import Store

PERF = "perf"
SAMPLES = "samples"
CLOCKS = ("cpu-clock", "task-clock")  # their period is in nanoseconds

_SAMPLE = re.compile(
    r"(?P<process>\S.*?)\s+-?\d+(?:/-?\d+)?\s+(?:\[\d+\]\s+)?(?:\S{4,5}\s+)?"
    r"(?:(?P<time>\d+\.\d+):\s+)?(?:(?P<period>\d+)\s+)?(?P<event>[a-zA-Z]\S*?):(?P<rest>\s.*)?$"
)
_FRAME = re.compile(r"\s+(?P<address>[0-9a-f]+)\s+(?P<symbol>.+?)(?:\s+\((?P<module>[^()]*)\))?$")
_OFFSET = re.compile(r"\+0x[0-9a-f]+$")
_FOLDED = re.compile(r"(?P<stack>\S.*?)\s+(?P<value>\d+(?:\.\d+)?)$")
_TWO_COUNTS = re.compile(r"\S.*\s\d+(?:\.\d+)?\s+\d+(?:\.\d+)?")


class Sample(NamedTuple):
    """One sample: its process, its stack from the outermost function, and what it counts for."""

    process: str
    stack: tuple[str, ...]
    event: str
    time: float | None
    period: float | None


def import_perf(
    store: Store,
    paths: Iterable[str | Path],
    *,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = PERF,
    event: str | None = None,
) -> Imported:
    """Store the profile of each file of stacks as a run.

    Args:
        store: where they are kept.
        paths: `perf script` text or folded stacks, gzipped or not.
        platform, sim: of the run; default: the file's folder, and `PLATFORM/STEM`.
        experiment: where the runs belong.
        event: the event to count, where a file holds several; default: its first.

    Raises:
        NotFound: a file is not there, or has no sample of the event.
        InvalidData: a line cannot be read; one sim_id for several files.
        AlreadyExists: the experiment has a run of that sim_id from elsewhere.
    """
    made = partial(perf_run, platform=platform, sim=sim, experiment=experiment, event=event)
    return import_each(store, paths, made, sim=sim)


def perf_run(
    path: Path,
    findings: Findings,
    *,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = PERF,
    event: str | None = None,
) -> tuple[Run, list[Series]]:
    """The run of one file of stacks, and its series, for `import_each`.

    Args:
        path: the file.
        findings: counts the samples that are left out.
        platform, sim, experiment, event: as of `import_perf`.

    Raises:
        NotFound: there is no sample of the event.
        InvalidData: a line cannot be read.
    """
    samples = list(samples_of(path))
    events = Counter(sample.event for sample in samples)
    chosen = event or samples[0].event
    if chosen not in events:
        raise NotFound(f"{path}: no sample of {chosen}; there are: {', '.join(events)}")
    own = [sample for sample in samples if sample.event == chosen]
    others = len(samples) - len(own)
    findings.note(f"{path.name}: samples of other events than {chosen}, left out", count=others)
    findings.note(
        f"{path.name}: samples without a stack, left out",
        count=sum(not sample.stack for sample in own),
    )
    times = [sample.time for sample in own if sample.time is not None]
    return run_of(
        path,
        [profile_of(own)],
        importer=PERF,
        experiment=experiment,
        platform=platform,
        sim=sim,
        first=min(times, default=0.0),
        last=max(times, default=0.0),
        details={"event": chosen} if chosen else {},
    )


def profile_of(samples: Iterable[Sample]) -> Profile:
    """What is counted of samples of one event: milliseconds of a clock, else samples."""
    every = list(samples)
    clock = all(s.event.split(":")[0] in CLOCKS and s.period is not None for s in every)
    profile = Profile(TIME, MS) if clock else Profile(SAMPLES, SAMPLES)
    for sample in every:
        if not sample.stack:
            continue
        if clock:
            profile.add(sample.process, sample.stack, (sample.period or 0.0) / 1e6)
        else:
            # Only folded stacks stand for several samples; perf's other periods are events.
            weight = sample.period if sample.event == "" and sample.period is not None else 1.0
            profile.add(sample.process, sample.stack, weight, weight)
    return profile


def samples_of(path: Path) -> Iterator[Sample]:
    """The samples of a file, in its order; those of folded stacks have no event.

    Raises:
        InvalidData: a line cannot be read, or there is no sample; the message names it.
    """
    lines = text_of(path).splitlines()
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    # Its first line may be a process without frames: `ls 12`.
    folded = _SAMPLE.match(first) is None and any(SEPARATOR in line for line in lines)
    found = False
    for sample in (_folded if folded else _script)(path, lines):
        found = True
        yield sample
    if not found:
        raise InvalidData(f"{path}: no sample; give the text of perf script, or folded stacks")


def _folded(path: Path, lines: list[str]) -> Iterator[Sample]:
    numbered = [
        (number, line.strip())
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.startswith("#")
    ]
    if numbered and all(_TWO_COUNTS.fullmatch(line) for _, line in numbered):
        raise InvalidData(
            f"{path}: two counts in every line, the difference of two profiles; give the folded"
            " stacks of each"
        )
    for number, line in numbered:
        match = _FOLDED.match(line)
        if match is None:
            raise _unreadable(path, number, line, "a;b;c COUNT")
        process, *stack = match["stack"].split(SEPARATOR)
        yield Sample(process, tuple(stack), "", None, float(match["value"]))


def _script(path: Path, lines: list[str]) -> Iterator[Sample]:
    head: re.Match[str] | None = None
    frames: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if head is not None:
                yield _sample(head, frames)
            head, frames = None, []
        elif head is not None and (frame := _FRAME.match(line)):
            frames.append(_function(frame))
        else:
            # Without call graphs a sample is one line, its function at the end.
            if head is not None:
                yield _sample(head, frames)
            head, frames = _SAMPLE.match(line.strip()), []
            if head is None:
                raise _unreadable(path, number, line, "PROCESS PID TIME: EVENT:")
            if frame := _FRAME.match(head["rest"] or ""):
                frames.append(_function(frame))


def _sample(head: re.Match[str], frames: list[str]) -> Sample:
    time, period = head["time"], head["period"]
    return Sample(
        head["process"],
        tuple(reversed(frames)),
        head["event"],
        float(time) if time else None,
        float(period) if period else None,
    )


def _function(frame: re.Match[str]) -> str:
    """The function of a frame; of one without a symbol the module, in brackets."""
    symbol = _OFFSET.sub("", frame["symbol"])
    if symbol == "[unknown]":
        module = (frame["module"] or "unknown").rsplit("/", 1)[-1].strip("[]")
        return f"[{module or 'unknown'}]"
    return symbol.replace(SEPARATOR, ":")


def _unreadable(path: Path, number: int, line: str, wanted: str) -> InvalidData:
    return InvalidData(f"{path}, line {number}: not {wanted!r}: {line.strip()[:80]!r}")
