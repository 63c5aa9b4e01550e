"""What the figures were measured on."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

CPU, MEMORY = Path("/proc/cpuinfo"), Path("/proc/meminfo")


def machine() -> dict[str, str]:
    """The machine, the system and the date, in words."""
    return {
        "processor": f"{_field(CPU, 'model name') or platform.processor()}, {os.cpu_count()} cores",
        "memory": _gigabytes(),
        "system": f"{_distribution()}, {platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Minion": version("minion"),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def _field(path: Path, name: str) -> str:
    if not path.exists():
        return ""
    pairs = (line.partition(":") for line in path.read_text().splitlines())
    return next((value.strip() for key, _, value in pairs if key.strip() == name), "")


def _gigabytes() -> str:
    kibibytes = _field(MEMORY, "MemTotal").removesuffix(" kB")
    return f"{int(kibibytes) / 2**20:.1f} GiB" if kibibytes else "unknown"


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        return platform.platform()
