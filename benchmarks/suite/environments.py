"""Which Python a contender runs in: this one, or an environment made for it."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from process import Lacking
from registry import Entry

PLACE = Path(__file__).parents[2] / "build" / "bench"


def python_for(name: str, entry: Entry, *, install: bool) -> str:
    """The interpreter for a contender.

    Args:
        name: the contender's.
        entry: what it is.
        install: make an environment for what ours cannot have.

    Raises:
        Lacking: something is not installed; the message is a few words.
    """
    for program in entry.programs:
        _check_program(program)
    missing = [module for module in entry.needs if find_spec(module) is None]
    if not missing:
        return sys.executable
    if not entry.requirements:
        raise Lacking(f"not installed: {', '.join(missing)}")
    python = PLACE / name / "bin" / "python"
    if not _imports(python, missing):
        if not install:
            raise Lacking(f"not installed: {', '.join(missing)} (--install makes its environment)")
        _make(python, entry)
    return str(python)


def _imports(python: Path, modules: list[str]) -> bool:
    if not python.is_file():
        return False
    found = subprocess.run(
        [python, "-c", f"import {', '.join(modules)}"], check=False, capture_output=True
    )
    return found.returncode == 0


def _make(python: Path, entry: Entry) -> None:
    folder = python.parents[1]
    shutil.rmtree(folder, ignore_errors=True)
    for command in (
        [sys.executable, "-m", "venv", folder],
        [python, "-m", "pip", "install", "--quiet", *entry.requirements],
    ):
        made = subprocess.run(command, check=False, capture_output=True, text=True)
        if made.returncode:
            said = [line for line in (made.stderr + made.stdout).splitlines() if line.strip()]
            reasons = [line for line in said if line.startswith("ERROR")] or said[-1:]
            raise Lacking(f"not installed: {' '.join(reasons[:1]) or 'no reason given'}")


def _check_program(command: str) -> None:
    """Whether a program is there, and does what the words after it ask."""
    program, *words = command.split()
    if shutil.which(program) is None:
        raise Lacking(f"not installed: {program}")
    if words:
        tried = subprocess.run([program, *words], check=False, capture_output=True)
        if tried.returncode:
            raise Lacking(f"not installed: {words[-1]}")
