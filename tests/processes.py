"""Other processes: commands that a user would run, and what the system says about a process."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

import pytest

import minion

# It has process numbers of its own, as on another machine of the same name; its first is 1.
ELSEWHERE = ("unshare", "--pid", "--fork", "--kill-child")

USER = """
import sys
from pathlib import Path
from minion.server import Server
with Server.use(Path(sys.argv[1])) as server:
    print(server.pid, server.uri, flush=True)
    sys.stdin.read()
"""


class Command:
    """A Python process that runs `code`; it is killed after a minute or at the block's end."""

    def __init__(self, code: str, *arguments: object, **options: Any) -> None:
        project = Path(minion.__file__).parents[1]
        options.setdefault("env", os.environ | {"PYTHONPATH": str(project)})
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )
        self._watchdog = threading.Timer(60, self.process.kill)
        self._watchdog.daemon = True
        self._watchdog.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self) -> str:
        """The next line of its output."""
        line = self.process.stdout.readline()
        assert line, f"the command ended with status {self.process.wait()}"
        return line.rstrip("\n")

    def server(self) -> tuple[int, str]:
        """What USER prints: mongod's process id and URI."""
        pid, uri = self.line().split()
        return int(pid), uri

    def finish(self) -> str:
        """Let it come to its end; the rest of its output."""
        output, _ = self.process.communicate()
        assert self.process.returncode == 0
        return output

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._watchdog.cancel()
        if self.process.poll() is None:
            self.kill()
        self.process.stdin.close()
        self.process.stdout.close()


def elsewhere() -> tuple[str, ...]:
    """How a command line begins that is to run as if on another machine of the same name."""
    if subprocess.run([*ELSEWHERE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no process may have numbers of its own here (unshare --pid)")
    return ELSEWHERE


def is_alive(pid: int) -> bool:
    """Whether a process lives; one that only waits for its parent does not."""
    state = _ps("stat", pid)
    return bool(state) and not state.startswith("Z")


def parent_of(pid: int) -> int:
    return int(_ps("ppid", pid))


def _ps(column: str, pid: int) -> str:
    command = ["ps", "-o", f"{column}=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
