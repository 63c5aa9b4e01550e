"""`minion status --watch` on a terminal, while a collector pulls."""

import os
import pty
import re
import select
import subprocess
import sys
import time

import pytest
from fleet import CollectorProcess, SimulatedFleet, begin, more

pytestmark = pytest.mark.system

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A process on a terminal of its own, and what it showed there."""

    def __init__(self, words, environment):
        self.shown = ""
        self._ours, its = pty.openpty()
        wide = {"COLUMNS": "200", "LINES": "40", "TERM": "xterm"}
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *words],
            stdin=its,
            stdout=its,
            stderr=its,
            env={**os.environ, **environment, **wide},
        )
        os.close(its)

    def read(self, seconds):
        """Take in what comes within that time; whether anything did before the end."""
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self._ours, 65536)
        except OSError:  # its side is closed
            return False
        self.shown += piece.decode()
        return bool(piece)

    def press_ctrl_c(self):
        os.write(self._ours, b"\x03")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self._ours)


def figures(shown, hostname):
    """The column of samples of a host in every table that was drawn, in order, as they changed."""
    found = []
    for line in _CONTROL.sub("\n", shown).splitlines():
        cells = line.split()
        if hostname in cells and "collecting" in cells:
            number = int(cells[cells.index("collecting") + 3])
            if not found or found[-1] != number:
                found.append(number)
    return found


def test_the_table_is_drawn_again_until_ctrl_c(store, mongodb_uri):
    named = {"MINION_MONGODB_URI": mongodb_uri, "MINION_DATABASE": store.database.name}
    with SimulatedFleet(2, step=1, history_s=60) as fleet:
        run = begin(store, fleet)
        with CollectorProcess(store, mongodb_uri):
            more(store, run)
            words = [sys.executable, "-m", "minion", "status", "--watch"]
            with Terminal(words, named) as terminal:
                deadline = time.monotonic() + 60
                while any(len(figures(terminal.shown, name)) < 3 for name in fleet.hostnames):
                    assert time.monotonic() < deadline, terminal.shown
                    terminal.read(1)
                terminal.press_ctrl_c()
                assert terminal.process.wait(10) == 0
                while terminal.read(0.2):
                    pass
    for name in fleet.hostnames:
        counts = figures(terminal.shown, name)
        assert counts == sorted(counts)  # it only grows
    assert "last_sample_s" in terminal.shown
    assert "Traceback" not in terminal.shown
    assert "\x1b[?25l" in terminal.shown  # the cursor is hidden meanwhile
    assert terminal.shown.rindex("\x1b[?25h") > terminal.shown.rindex("\x1b[?25l")  # and is back
