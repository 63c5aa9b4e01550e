"""What was measured, as Markdown."""

from collections.abc import Mapping, Sequence

from samples import STUDY
from scenarios import DIMENSIONS, Backfill, Outcome

MEBIBYTE = 2**20
MOST_SHARE, MOST_MIB, MOST_BACKFILL_S = 0.5, 300, 30  # what is aimed at


def document(
    machine: Mapping[str, str],
    command: str,
    outcomes: Sequence[Outcome],
    ceiling: Sequence[Outcome],
    backfill: Backfill | None,
) -> str:
    """All of it.

    Args:
        machine: what it was measured on.
        command: that measured it.
        outcomes: of the scenarios that have an aim.
        ceiling: of fleets that grow.
        backfill: a day at once, if that was measured.
    """
    lines = [
        "# A fleet",
        "",
        f"`minion collect` beside simulated netdata agents, each with {len(STUDY)} charts and"
        f" {DIMENSIONS} dimensions; they answer as netdata 1.37 does, which"
        " `tests/test_fleet_agents.py` holds against real ones. The collector has one core;"
        " mongod, the agents and the watcher share what is left. After each scenario the runs are"
        " ended, and every sample that is stored is held against what its agent measured.",
        "",
        *(f"- {name}: {value}" for name, value in {**machine, "command": f"`{command}`"}.items()),
    ]
    if outcomes:
        lines += ["", "## Live", "", *_table(outcomes, aims=True)]
    if ceiling:
        lines += ["", "## Ceiling", "", *_table(ceiling, aims=False), "", _sentence(ceiling)]
    if backfill is not None:
        lines += ["", "## Backfill", "", *_backfill(backfill)]
    return "\n".join([*lines, ""])


def _table(outcomes: Sequence[Outcome], *, aims: bool) -> list[str]:
    rows = [_cells(one) for one in outcomes]
    heads = ["", *(_title(one) for one in outcomes), *(["aim"] if aims else [])]
    wanted = {"of one core": f"< {MOST_SHARE:.0%}", "memory at most, MiB": f"< {MOST_MIB}"}
    wanted |= {"missing, doubled, changed, invented": "0, 0, 0, 0", "collector's status": "0"}
    lines = [_line(heads), _line(["---"] * len(heads))]
    for name in rows[0]:
        aim = [wanted.get(name, "")] if aims else []
        lines.append(_line([name, *(row[name] for row in rows), *aim]))
    return lines


def _title(outcome: Outcome) -> str:
    scenario = outcome.scenario
    hosts = min(scenario.hosts, scenario.agents)
    runs = "1 run" if scenario.runs == 1 else f"{scenario.runs:,} runs"
    return f"{runs} of {hosts:,} hosts at {scenario.step} s"


def _cells(outcome: Outcome) -> dict[str, str]:
    scenario, found = outcome.scenario, outcome.verified
    middle = [one for one, _ in outcome.lags] or [float("nan")]
    worst = [one for _, one in outcome.lags] or [float("nan")]
    settled = outcome.settled_s
    return {
        "agents": f"{scenario.agents:,}",
        "longest window, s": f"{scenario.interval:g}",
        "measured for, s": f"{outcome.seconds:.0f}",
        "samples measured a second": f"{scenario.produced:,.0f}",
        "samples stored a second": f"{outcome.rate:,.0f}",
        "of one core": f"{outcome.cpu_s / outcome.seconds:.1%}",
        "memory at most, MiB": f"{outcome.peak / MEBIBYTE:,.0f}",
        "lag of the median host, s": f"{min(middle):.1f} to {max(middle):.1f}",
        "lag of the worst host, s": f"{max(worst):.1f}",
        "questions a second": f"{outcome.requests / outcome.seconds:,.0f}",
        "mongod, of one core": f"{outcome.mongod_cpu_s / outcome.seconds:.1%}",
        "agents, of one core": f"{outcome.agents_cpu_s / outcome.seconds:.1%}",
        "complete after the runs' end, s": "not" if settled is None else f"{settled:.1f}",
        "samples verified": f"{found.samples:,}",
        "missing, doubled, changed, invented": f"{found.missing:,}, {found.doubled:,},"
        f" {found.changed:,}, {found.invented:,}",
        "windows recorded as missing": f"{outcome.windows:,}",
        "collector's status": str(outcome.status),
    }


def _sentence(outcomes: Sequence[Outcome]) -> str:
    """Where the ceiling is."""
    kept = [one for one in outcomes if one.keeps_up and one.faultless]
    lost = [one for one in outcomes if not (one.keeps_up and one.faultless)]
    most = max((one.scenario.produced for one in kept), default=0.0)
    if not lost:
        return f"Nothing was too much: {most:,.0f} samples a second and more on one core."
    least = min(one.scenario.produced for one in lost)
    return (
        f"One core keeps up with {most:,.0f} samples a second, and not with {least:,.0f}. It keeps"
        " up when it has 5 % of its time left, no host is further behind than 1.25 of the longest"
        " window and a few seconds, and everything is stored after the runs' end."
    )


def _backfill(found: Backfill) -> list[str]:
    cells = {
        "seconds": (f"{found.seconds:.1f}", f"< {MOST_BACKFILL_S}"),
        "processor time, s": (f"{found.cpu_s:.1f}", ""),
        "memory at most, MiB": (f"{found.peak / MEBIBYTE:,.0f}", ""),
        "samples verified": (f"{found.verified.samples:,}", ""),
        "missing, doubled, changed, invented": (
            f"{found.verified.missing:,}, {found.verified.doubled:,},"
            f" {found.verified.changed:,}, {found.verified.invented:,}",
            "0, 0, 0, 0",
        ),
        "windows recorded as missing": (f"{found.windows:,}", "0"),
        "collector's status": (str(found.status), "0"),
    }
    title = f"`minion collect --once`: {found.hours:g} h of {found.hosts} hosts at 1 s"
    lines = [_line(["", title, "aim"]), _line(["---"] * 3)]
    return [*lines, *(_line([name, value, aim]) for name, (value, aim) in cells.items())]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
