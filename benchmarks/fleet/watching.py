"""What the kernel says of a process and of those that it started."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """cpu_s: processor time since the start, with that of children that have ended.

    resident, peak: bytes of memory, now and at most.
    """

    cpu_s: float = 0.0
    resident: int = 0
    peak: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.cpu_s + other.cpu_s, self.resident + other.resident, self.peak + other.peak
        )


def usage(pid: int) -> Usage:
    """What a process and its living descendants use together; nothing for one that has ended.

    The peaks are added, so the sum may be more than was ever used at once.
    """
    return sum(map(_one, _family(pid)), Usage())


def _one(pid: int) -> Usage:
    try:
        times = _stat(pid)[11:15]  # user and system, its own and of its ended children
        status = (PROC / str(pid) / "status").read_text()
    except OSError:
        return Usage()
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)

    def size(name: str) -> int:
        return int(fields[name].split()[0]) * 1024 if name in fields else 0

    return Usage(sum(map(int, times)) / TICKS, size("VmRSS"), size("VmHWM"))


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may have spaces in it."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _family(pid: int) -> list[int]:
    parents = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
    family = [pid]
    for one in family:
        family += [child for child, parent in parents.items() if parent == one]
    return family
