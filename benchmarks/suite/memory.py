"""How much memory a process takes: its resident set, and the highest that it was."""

import resource
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True)
class Memory:
    """before: the resident set in bytes when the peak was forgotten."""

    before: int

    @classmethod
    def reset(cls) -> Self:
        """Forget the peak so far, where the kernel can (Linux)."""
        with suppress(OSError):
            RESET.write_text("5")
        return cls(_status("VmRSS"))

    def peak(self) -> int:
        """The highest resident set since, in bytes.

        Not getrusage's where there is another: a process inherits that of the one that started it.
        """
        return _status("VmHWM")


def _status(field: str) -> int:
    if STATUS.exists():
        lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(lines[field].split()[0]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
