"""What was measured, as Markdown."""

from collections.abc import Callable, Mapping, Sequence

from aims import Aim, aims
from jobs import JOBS
from measuring import Measured
from registry import CONTENDERS, OURS

NUMBERS = {job: number for number, job in enumerate(JOBS, start=1)}
MILLION, MEBIBYTE = 1e6, 2**20


def document(
    measured: Mapping[str, Measured],
    *,
    machine: Mapping[str, str],
    samples: int,
    runs: int,
    valid: int,
    repetitions: int,
    fraction: int,
    profile: str,
    command: str,
) -> str:
    """The whole document.

    Args:
        measured: by the contenders' names, in order.
        machine: what it ran on, in words.
        samples, runs, valid: of the study: how many, and how many runs are not excluded.
        repetitions: of each job.
        fraction: how many samples the slow ones wrote.
        profile: where the time of (4) goes, as a table of text.
        command: that made it.
    """
    parts = [
        "# As fast from MongoDB as from a file",
        f"The simulated study: {samples:,} samples of {runs} runs, {valid} of them valid. Every"
        " row was measured in the same run of the suite, on the same data: in each of"
        f" {repetitions} repetitions each contender in turn, in an order drawn by chance, each in"
        " a process of its own, each mongod with a cache of its own. A repetition of a job that"
        " takes less than 0.2 s is the median of up to nine calls (with --quick, of one). All"
        " answers were held against each other before. Files are in the page cache and are not"
        " synced to the disk when they are written; Minion's writes are in the journal when they"
        " are acknowledged."
        f" The slow writers wrote {fraction:,} samples; their seconds are what all samples would"
        " take at that rate.",
        f"Made by `{command}`.",
        _bullets(machine),
        "Jobs:",
        "\n".join(f"- ({number}) {JOBS[job]}" for job, number in NUMBERS.items()),
        "## Seconds: median (shortest)",
        _medians(measured),
        f"## Times as long as {CONTENDERS[OURS].title}",
        _ratios(measured),
        "## Written, in samples a second",
        _rates(measured),
        "## Bytes a sample on disk",
        _sizes(measured, samples),
        "## Memory of (4), in MiB",
        "Resident memory of a fresh process that did (2) once: before it does (4), and at its"
        " highest. The frame is what the answer takes.",
        _memories(measured),
        "## Between us and the limit",
        "Where the time of (4) goes, and what a Parquet file, a NumPy file and a copy in memory"
        " take, in turns (`benchmarks/read_path.py`).",
        f"```\n{profile}\n```",
        "## Aims",
        _aims(aims(measured, samples)),
        "## Contenders",
        _contenders(measured),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _medians(measured: Mapping[str, Measured]) -> str:
    def cell(one: Measured, job: str) -> str:
        median, best = one.median(job), one.best(job)
        if median is None or best is None:
            return one.lacking if job == "write" else ""
        return f"{_seconds(median)} ({_seconds(best)})"

    return _by_job(measured, cell)


def _ratios(measured: Mapping[str, Measured]) -> str:
    def cell(one: Measured, job: str) -> str:
        own, mine = one.median(job), measured[OURS].median(job) if OURS in measured else None
        return "" if own is None or mine is None else _times(own / mine)

    return _by_job(measured, cell)


def _by_job(measured: Mapping[str, Measured], cell: Callable[[Measured, str], str]) -> str:
    rows = [
        [CONTENDERS[name].title, *(cell(one, job) for job in JOBS)]
        for name, one in measured.items()
    ]
    heads = ["", *(f"({number}) {job.replace('_', ' ')}" for job, number in NUMBERS.items())]
    return _table(heads, rows)


def _rates(measured: Mapping[str, Measured]) -> str:
    rows = [
        [CONTENDERS[name].title, f"{sorted(one.rates)[len(one.rates) // 2] / MILLION:.3f} million"]
        for name, one in measured.items()
        if one.rates
    ]
    return _table(["", "samples/s"], rows)


def _sizes(measured: Mapping[str, Measured], samples: int) -> str:
    rows = [
        [
            CONTENDERS[name].title,
            ", ".join(f"{what} {size / samples:.2f}" for what, size in one.bytes.items()),
            f"{sum(one.bytes.values()) / samples:.2f}",
        ]
        for name, one in measured.items()
        if one.bytes
    ]
    return _table(["", "of it", "bytes a sample"], rows)


def _memories(measured: Mapping[str, Measured]) -> str:
    rows = [
        [
            CONTENDERS[name].title,
            *(f"{size / MEBIBYTE:,.0f}" for size in (m.frame, m.before, m.peak, m.peak - m.before)),
            f"{(m.peak - m.before) / m.frame:.2f}",
        ]
        for name, one in measured.items()
        if (m := one.memory) is not None
    ]
    return _table(["", "frame", "before", "highest", "more", "more / frame"], rows)


def _aims(found: Sequence[Aim]) -> str:
    return _table(["aim", "found", ""], [[aim.text, aim.found, aim.verdict] for aim in found])


def _contenders(measured: Mapping[str, Measured]) -> str:
    rows = []
    for name, one in measured.items():
        notes = [
            f"{what} {sorted(seconds)[len(seconds) // 2]:.2f} s more"
            for what, seconds in one.notes.items()
        ]
        about = "; ".join([CONTENDERS[name].about, *notes])
        versions = ", ".join(f"{what} {version}" for what, version in one.versions.items())
        rows.append([CONTENDERS[name].title, about, versions or one.lacking])
    return _table(["", "what it is", "versions"], rows)


def _seconds(seconds: float) -> str:
    """Three digits, in seconds."""
    return f"{seconds:.0f}" if seconds >= 100 else f"{seconds:.3g}"


def _times(ratio: float) -> str:
    return f"{ratio:.0f} x" if ratio >= 10 else f"{ratio:.2g} x"


def _bullets(pairs: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in pairs.items())


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "Nothing was measured."
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
