"""Lines of a trace to calls: each with its duration, its own time and what called it.

The stack is that of the process; idle is a process of its own on every CPU. Where a CPU lost
events, nobody knows which calls ended: the stacks of the processes that ran there begin anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ingest.findings import Findings
from ingest.profiling.trace_lines import ENTRY, EXIT, LEAF, LOST, Line

_IDLE = ("0", "")  # tasks that are many: idle has number 0 everywhere


@dataclass(slots=True)
class Call:
    """One call of a function; us is None while it has no exit.

    children_us: the durations of what it called; caller: None for an outermost one.
    """

    line: Line
    caller: "Call | None"
    us: float | None = None
    children_us: float = 0.0

    @property
    def self_us(self) -> float:
        """Its duration without that of the calls that it made."""
        return (self.us or 0.0) - self.children_us


def nested(
    lines: Iterable[Line], findings: Findings, *, name: str, untangle: bool = False
) -> list[Call]:
    """The calls of a trace in the order of their entries; those without an exit have us None.

    A leaf call is one line with its duration, and has no exit. `trace-cmd report` joins an entry
    with the exit that follows for the same process number, which for idle may be that of another
    CPU: then a call is printed as a leaf though calls follow inside it, and the other CPU's call
    seems to have no exit. As printed, such stacks stay shifted, and own times below zero come out.

    Args:
        lines: as `lines_of` gives them.
        findings: counts exits without an entry, calls without an exit, false leaves.
        name: of the file, for the findings.
        untangle: give the duration of a false leaf to the other CPU's call, and open the leaf.
    """
    every = list(lines)
    false = _false_leaves(every)
    stacks: dict[object, list[Call]] = {}
    ran_on: dict[object, int] = {}
    calls: list[Call] = []
    tangled = cut = 0
    for place, line in enumerate(every):
        if line.kind == LOST:
            begun_anew = [stacks.pop(who) for who in list(stacks) if ran_on[who] == line.cpu]
            cut += sum(map(len, begun_anew))
            continue
        owner = _owner(line)
        ran_on[owner] = line.cpu
        stack = stacks.setdefault(owner, [])
        if line.kind == EXIT:
            if stack:
                _close(stack, line.us)
            else:
                findings.note(f"{name}: exits without an entry, left out")
            continue
        other = _waiting(stacks, stack, line) if place in false else None
        tangled += other is not None
        caller = stack[-1] if stack else None
        call = Call(line, caller)
        calls.append(call)
        stack.append(call)
        if other is not None and untangle:
            _close(other, line.us)
        elif line.kind == LEAF:
            _close(stack, line.us)
    findings.note(f"{name}: calls without an exit, left out", count=cut + _left(stacks))
    if not untangle:
        findings.note(
            f"{name}: idle calls on two CPUs that trace-cmd joined into one leaf"
            " (--untangle takes them apart)",
            count=tangled,
        )
    return calls


def _owner(line: Line) -> object:
    return line.task if line.task not in _IDLE else (line.task, line.cpu)


def _close(stack: list[Call], us: float) -> None:
    call = stack.pop()
    call.us = us
    if stack:
        stack[-1].children_us += us


def _false_leaves(lines: Sequence[Line]) -> set[int]:
    """Places of idle leaves that have a call inside, or an exit of their own."""
    false: set[int] = set()
    last: dict[int, tuple[int, int]] = {}
    for place, line in enumerate(lines):
        if line.kind == LOST:
            last.pop(line.cpu, None)
        if line.task != "0":
            continue
        before = last.pop(line.cpu, None)
        if before is not None and (
            line.depth > before[1] if line.kind != EXIT else line.depth >= before[1]
        ):
            false.add(before[0])
        if line.kind == LEAF:
            last[line.cpu] = place, line.depth
    return false


def _waiting(stacks: dict[object, list[Call]], own: list[Call], line: Line) -> list[Call] | None:
    """The stack of another CPU's idle whose innermost call is of the same function."""
    found = [
        stack
        for owner, stack in stacks.items()
        if stack
        and stack is not own
        and isinstance(owner, tuple)
        and stack[-1].line.function == line.function
        and stack[-1].line.kind in (ENTRY, LEAF)
    ]
    return found[0] if len(found) == 1 else None


def _left(stacks: dict[object, list[Call]]) -> int:
    return sum(len(stack) for stack in stacks.values())
