"""The parent's side of a contender's process."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Self

from registry import Entry

HERE = Path(__file__).parent


class Lacking(Exception):
    """A contender cannot run here; the message says what it lacks."""


class Worker:
    """A contender in a process of its own, which does one thing at a time."""

    def __init__(self, name: str, python: str, settings: Mapping[str, Any], entry: Entry) -> None:
        self.name = name
        about = {
            "code": entry.code,
            "options": dict(entry.options),
            "packages": list(entry.packages),
            **settings,
        }
        self._process = subprocess.Popen(
            [python, "worker.py", json.dumps(about)],
            cwd=HERE,
            env=os.environ | entry.variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started = self._answer()
        if "lacking" in started:
            self.close()
            raise Lacking(started["lacking"])
        self.versions: dict[str, str] = started["versions"]

    def ask(self, do: str, **details: Any) -> dict[str, Any]:
        """The answer to a question; the suite ends when there is none."""
        stream = _there(self._process.stdin)
        stream.write(json.dumps({"do": do, **details}) + "\n")
        stream.flush()
        answer = self._answer()
        if "error" in answer:
            sys.stderr.write(answer["trace"])
            what = " ".join([do, *(str(value) for value in details.values())])
            raise SystemExit(f"{self.name} failed at {what}: {answer['error']}")
        return answer

    def _answer(self) -> dict[str, Any]:
        line = _there(self._process.stdout).readline()
        if not line:
            status = self._process.wait()
            raise SystemExit(f"the process of {self.name} ended with status {status}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End it."""
        _there(self._process.stdin).close()
        self._process.wait()
        _there(self._process.stdout).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _there(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise SystemExit("a process without its pipes")
    return stream
