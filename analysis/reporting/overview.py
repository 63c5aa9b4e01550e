"""What a report says besides its figures: what was compared, and what the words mean."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from bson import ObjectId

from analysis.metrics import METRICS
from analysis.reporting.tables import Cell, Column, Row, Table, text_table
from analysis.reporting.words import counted, listed, moment, ranges
from minion.lifecycle import PHASES
from minion.model import Role, Simulation
from minion.selection import natural

MOST_RANGES = 12  # of the runs of one platform; all of them are in a table of their own
MOST_VALUES = 4  # of one setting, on one platform


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
    times = [s.began for s in simulations if s.began is not None]
    if times:
        last = max(s.end or s.began or 0.0 for s in simulations if s.dated)
        text += f", between {moment(min(times))} and {moment(last)}"
    return text + "."


def compared(
    simulations: Sequence[Simulation],
    samples: Mapping[ObjectId, int],
    hosts: Sequence[str],
    identity: str,
) -> Table:
    """The platforms side by side: runs, hosts, times, samples, and their versions and settings."""
    platforms = sorted({s.platform for s in simulations}, key=natural)
    runs = {name: [s for s in simulations if s.platform == name] for name in platforms}
    rows: list[tuple[str, list[str]]] = [
        ("Runs", [f"{len(runs[name]):,}" for name in platforms]),
        (
            "Simulations",
            [_named([s.sim_id for s in runs[name]]) for name in platforms],
        ),
        *_hosts(runs, hosts),
        ("First start", [_moment(s.began for s in runs[name]) for name in platforms]),
        (
            "Last end",
            [_moment((s.end for s in runs[name] if s.dated), last=True) for name in platforms],
        ),
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
        identity,
        "The platforms side by side",
        [Column("Platform"), *(Column(name, platform=name) for name in platforms)],
        [Row((Cell(name), *(Cell(text) for text in texts))) for name, texts in rows],
        tools=False,
    )


def run_list(
    simulations: Sequence[Simulation],
    samples: Mapping[ObjectId, int],
    colours: Mapping[str, str],
    identity: str,
) -> Table:
    """Every run: platform, start, length, samples, verdict."""
    rows = []
    for s in simulations:
        length = None if s.start is None or s.end is None else s.end - s.start
        stored = samples.get(s.id, 0)
        cells = (
            Cell(s.sim_id, s.sim_id),
            Cell(s.platform, s.platform, colour=colours[s.platform]),
            _start(s),
            Cell(_length_told(length), length or None),
            Cell(f"{stored:,}", float(stored)),
            Cell(s.validity.verdict.value, s.validity.verdict.value),
        )
        rows.append(Row(cells, (s.platform,)))
    columns = [
        Column("Simulation"),
        Column("Platform"),
        Column("Start", parts=("seconds since 1970",)),
        Column("Length", number=True),
        Column("Samples", number=True),
        Column("Verdict"),
    ]
    return Table(identity, "Every run", columns, rows)


def _length_told(length: float | None) -> str:
    """A run's length in words; bounds of one moment say when it was, not how long."""
    if length is None:
        return "no end"
    return f"{length:,.1f} s" if length else "unknown"


def headline(simulations: Sequence[Simulation], what: Sequence[str]) -> str:
    """The title of a report: what it shows, in words, and on which platforms."""
    platforms = sorted({s.platform for s in simulations}, key=natural)
    on = listed(platforms) if len(platforms) <= MOST_VALUES else f"{len(platforms)} platforms"
    shown = listed(what) or "runs"
    return f"{shown[0].upper()}{shown[1:]} on {on}"


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
    return [*named, *([(_lasted(seconds), "of simulation time")] if seconds else [])]


def _lasted(seconds: float) -> str:
    """Hours; of less than one, minutes; of less than one, seconds."""
    for unit, long in (("h", 3600), ("min", 60)):
        if seconds >= long:
            return f"{seconds / long:,.1f}\u00a0{unit}"
    return f"{seconds:,.1f}\u00a0s"


def phase_definitions() -> Table:
    """The study's phases and the events that bound them."""
    rows = [(phase.name, phase.start.name, phase.end.name) for phase in PHASES]
    return text_table("phases-table", "Phases", ("Phase", "From", "To"), rows)


def metric_definitions() -> Table:
    """The metrics and what they are made of."""
    rows = [
        (m.label, m.unit, ", ".join(m.contexts), _HOW.get(m.name, "as measured"))
        for m in METRICS.values()
    ]
    return text_table("metrics-table", "Metrics", ("Metric", "Unit", "Made of", "How"), rows)


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


def _values(values: Iterable[object], *, most: int = MOST_VALUES) -> str:
    texts = list(dict.fromkeys(str(value) for value in values if value is not None))
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")


def _named(ids: Sequence[str]) -> str:
    """Ids and ranges of them, the first ones where there are many."""
    named = ranges(ids).split(",")
    more = len(named) - MOST_RANGES
    return ", ".join(named[:MOST_RANGES]) + (f" and {more:,} more" if more > 0 else "")


def _start(simulation: Simulation) -> Cell:
    if simulation.start is None and not simulation.measurements_only:
        return Cell("not started", None)
    return Cell(_moment([simulation.began]), simulation.began)


def _moment(times: Iterable[float | None], *, last: bool = False) -> str:
    known = [time for time in times if time is not None]
    return moment(max(known) if last else min(known)) if known else "unknown"
