"""What a report says besides its figures: what was compared, and how sound it is."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

import pandas as pd
from bson import ObjectId

from analysis.metrics import METRICS
from analysis.tables import Cell, Table, text_table
from analysis.timeline import problems_of
from minion.lifecycle import PHASES
from minion.model import Missing, Role, Simulation
from minion.selection import natural

MOST_ROWS = 500  # of a list of findings: more say no more
MOST_VALUES = 4  # of one setting, on one platform


def listed(words: Iterable[str]) -> str:
    """Words as a sentence has them: "a, b and c"."""
    *others, last = [*words] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 run", "2,500 runs"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(seconds: float) -> str:
    """A time (seconds since the epoch) for people: "8 February 2021, 06:01 UTC"."""
    time = datetime.fromtimestamp(seconds, UTC)
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def simulated_label(simulations: Sequence[Simulation]) -> str:
    """What must be said of data that nobody measured; empty for measured ones."""
    made = [simulation for simulation in simulations if simulation.simulated]
    if not made:
        return ""
    seeds = {str(s.provenance.details["seed"]) for s in made if "seed" in s.provenance.details}
    which = f" (seed {listed(sorted(seeds, key=natural))})" if seeds else ""
    if len(made) == len(simulations):
        return f"Simulated data{which}"
    return f"Simulated data in {len(made)} of {counted(len(simulations), 'run')}{which}"


def opening(
    simulations: Sequence[Simulation], samples: Mapping[ObjectId, int], hosts: Sequence[str]
) -> str:
    """One paragraph: how many runs of what, on which hosts, when."""
    platforms = Counter(simulation.platform for simulation in simulations)
    per_platform = listed(
        f"{platforms[name]:,} on {name}" for name in sorted(platforms, key=natural)
    )
    measured = _measured(simulations, hosts)
    total = sum(samples.get(simulation.id, 0) for simulation in simulations)
    text = f"{counted(len(simulations), 'run')}: {per_platform}. "
    text += f"{counted(len(measured), 'host')} measured, {counted(total, 'sample')} stored"
    times = [s.start for s in simulations if s.start is not None]
    if times:
        last = max(s.end or s.start or 0.0 for s in simulations)
        text += f", between {moment(min(times))} and {moment(last)}"
    return text + "."


def compared(
    simulations: Sequence[Simulation],
    samples: Mapping[ObjectId, int],
    hosts: Sequence[str],
) -> Table:
    """The platforms side by side: runs, hosts, times, samples, and their versions and settings."""
    platforms = sorted({s.platform for s in simulations}, key=natural)
    runs = {name: [s for s in simulations if s.platform == name] for name in platforms}
    rows: list[tuple[str, list[str]]] = [
        ("Runs", [f"{len(runs[name]):,}" for name in platforms]),
        ("Simulations", [_ids(runs[name]) for name in platforms]),
        *_hosts(runs, hosts),
        ("First start", [_moment(s.start for s in runs[name]) for name in platforms]),
        ("Last end", [_moment((s.end for s in runs[name]), last=True) for name in platforms]),
        (
            "Samples stored",
            [f"{sum(samples.get(s.id, 0) for s in runs[name]):,}" for name in platforms],
        ),
    ]
    for of in ("environment", "parameters"):
        keys = dict.fromkeys(key for s in simulations for key in getattr(s, of))
        for key in keys:
            values = [_values(getattr(s, of).get(key) for s in runs[name]) for name in platforms]
            rows.append((f"{of.removesuffix('s').capitalize()}: {key}", values))
    return Table(
        "What was compared",
        (("Platform", False), *((name, False) for name in platforms)),
        tuple((Cell(name), *(Cell(text) for text in texts)) for name, texts in rows),
    )


def quality(
    simulations: Sequence[Simulation], excluded: Sequence[Simulation]
) -> tuple[list[str], list[Table]]:
    """What was left out and what is doubtful: sentences, and the tables behind them."""
    problems = problems_of(simulations)
    missing = [(s, record) for s in simulations for record in s.missing]
    left_out: list[tuple[str, ...]] = [
        (s.sim_id, s.platform, "; ".join(s.validity.reasons) or "no reason given", _who(s))
        for s in excluded
    ]
    troubled: list[tuple[str, ...]] = [
        (str(row.sim_id), str(row.platform), str(row.problem))
        for row in problems.itertuples(index=False)
    ]
    holes: list[tuple[str | Cell, ...]] = [
        (
            s.sim_id,
            record.hostname,
            record.chart or "every chart",
            _window(s, record),
            record.reason,
        )
        for s, record in missing
    ]
    sentences = [
        "No run of the selection was excluded.",
        "The events of every run are complete and in order.",
        "No samples are recorded as missing.",
    ]
    if left_out:
        ids = _values((row[0] for row in left_out), most=12)
        was = "was" if len(left_out) == 1 else "were"
        sentences[0] = (
            f"{counted(len(left_out), 'run')} of the selection {was} excluded and counted nowhere"
            f" in this report: {ids}."
        )
    if troubled:
        runs = counted(len({row[0] for row in troubled}), "run")
        sentences[1] = f"The events of {runs} leave something open."
    if holes:
        stretches = counted(len(holes), "stretch", "stretches")
        runs = counted(len({s.id for s, _ in missing}), "run")
        sentences[2] = f"Samples are recorded as missing: {stretches}, in {runs}."
    judged = Counter(s.validity.verdict.value for s in simulations)
    sentences.append(f"Verdicts: {listed(f'{n:,} {name}' for name, n in sorted(judged.items()))}.")
    tables = [
        _findings("Excluded runs", ("Simulation", "Platform", "Reason", "By"), left_out),
        _findings("What events leave open", ("Simulation", "Platform", "What"), troubled),
        _findings(
            "Missing samples",
            ("Simulation", "Host", "Chart", "Elapsed time", "Reason"),
            holes,
        ),
    ]
    return sentences, [table for table in tables if len(table)]


def run_list(
    simulations: Sequence[Simulation], samples: Mapping[ObjectId, int], colours: Mapping[str, str]
) -> Table:
    """Every run: platform, start, length, samples, verdict."""
    rows = []
    for s in simulations:
        length = None if s.start is None or s.end is None else s.end - s.start
        rows.append(
            (
                Cell(s.sim_id, s.sim_id),
                Cell(s.platform, s.platform, colour=colours[s.platform]),
                Cell("not started" if s.start is None else moment(s.start), s.start),
                Cell("no end" if length is None else f"{length:,.1f} s", length),
                Cell(f"{samples.get(s.id, 0):,}", samples.get(s.id, 0)),
                Cell(s.validity.verdict.value, s.validity.verdict.value),
            )
        )
    columns = (
        ("Simulation", False),
        ("Platform", False),
        ("Start", False),
        ("Length", True),
        ("Samples", True),
        ("Verdict", False),
    )
    return Table("Every run", columns, tuple(rows))


def without_samples(frame: pd.DataFrame, simulations: Sequence[Simulation]) -> list[str]:
    """The runs that have no sample in a frame, by sim_id."""
    there = {str(sim_id) for sim_id in frame["sim_id"].unique()}
    return [s.sim_id for s in simulations if s.sim_id not in there]


def headline(simulations: Sequence[Simulation]) -> str:
    """The title of a report."""
    platforms = sorted({s.platform for s in simulations}, key=natural)
    on = listed(platforms) if len(platforms) <= MOST_VALUES else f"{len(platforms)} platforms"
    return f"Durations and utilization on {on}"


def tiles(
    simulations: Sequence[Simulation], samples: Mapping[ObjectId, int], hosts: Sequence[str]
) -> list[tuple[str, str]]:
    """A report in six numbers, each with its noun."""
    seconds = sum(s.end - s.start for s in simulations if s.end is not None and s.start is not None)
    numbers = [
        (len({s.experiment for s in simulations}), "experiment"),
        (len({s.platform for s in simulations}), "platform"),
        (len(simulations), "run"),
        (len(_measured(simulations, hosts)), "measured host"),
        (sum(samples.values()), "sample"),
    ]
    named = [(f"{n:,}", noun if n == 1 else f"{noun}s") for n, noun in numbers]
    return [*named, (f"{seconds / 3600:,.1f} h", "of simulation time")]


def phase_definitions() -> Table:
    """The study's phases and the events that bound them."""
    rows = [(phase.name, phase.start.name, phase.end.name) for phase in PHASES]
    return text_table("Phases", ("Phase", "From", "To"), rows)


def metric_definitions() -> Table:
    """The metrics and what they are made of."""
    rows = [
        (m.label, m.unit, ", ".join(m.contexts), _HOW.get(m.name, "as measured"))
        for m in METRICS.values()
    ]
    return text_table("Metrics", ("Metric", "Unit", "Made of", "How"), rows)


# ---------------------------------------------------------------- inside

_HOW = {
    "cpu": "100 - idle: the share of all processors that did something",
    "ram": "used / the host's memory x 100, without caches and buffers",
    "disk_util": "the share of time in which the disk worked, as measured",
    "disk_io": "what was read (in) and written (out), as magnitudes",
    "net": "what came in and went out, as magnitudes",
}


def _measured(simulations: Sequence[Simulation], hosts: Sequence[str]) -> set[str]:
    names = {host.hostname for s in simulations for host in s.measured_hosts}
    return names & set(hosts) if hosts else names


def _hosts(
    runs: Mapping[str, Sequence[Simulation]], chosen: Sequence[str]
) -> list[tuple[str, list[str]]]:
    """A row per role: who had it on each platform, with memory and processors."""
    rows = []
    for role in Role:
        texts = []
        for simulations in runs.values():
            found: set[str] = {
                f"{host.hostname}{_size(host.ram_mib, host.cores)}"
                for s in simulations
                for host in s.hosts
                if host.role is role and (not chosen or host.hostname in chosen)
            }
            names = sorted(found, key=natural)
            texts.append(_values(names, most=12))
        if any(texts):
            rows.append((f"Hosts: {role}", texts))
    return rows


def _size(ram_mib: float | None, cores: int | None) -> str:
    parts = [f"{ram_mib:,.0f} MiB"] if ram_mib else []
    parts += [counted(cores, "processor")] if cores else []
    return f" ({', '.join(parts)})" if parts else ""


def _window(simulation: Simulation, record: Missing) -> Cell:
    first, last = (time - (simulation.start or 0.0) for time in (record.first, record.last))
    return Cell(f"{first:,.0f} to {last:,.0f} s", first)


def _values(values: Iterable[object], *, most: int = MOST_VALUES) -> str:
    texts = list(dict.fromkeys(str(value) for value in values if value is not None))
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")


def _ids(simulations: Sequence[Simulation]) -> str:
    first, last = simulations[0].sim_id, simulations[-1].sim_id
    return first if first == last else f"{first} to {last}"


def _moment(times: Iterable[float | None], *, last: bool = False) -> str:
    known = [time for time in times if time is not None]
    return moment(max(known) if last else min(known)) if known else "unknown"


def _who(simulation: Simulation) -> str:
    validity = simulation.validity
    when = f", {validity.at.day} {validity.at:%B %Y}" if validity.at else ""
    return f"{validity.by or 'unknown'}{when}"


def _findings(
    caption: str, columns: Sequence[str], rows: Sequence[tuple[str | Cell, ...]]
) -> Table:
    more = len(rows) - MOST_ROWS
    caption = f"{caption}, the first {MOST_ROWS} of {len(rows):,}" if more > 0 else caption
    return text_table(caption, columns, rows[:MOST_ROWS])
