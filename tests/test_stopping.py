"""Being told to stop where that may happen at once."""

import subprocess
import sys

# An object in the making is told to stop, and its end misses what was not made.
HALF_MADE = """
import os, signal
from ingest.stopping import Stopping, Told

class Half:
    def __init__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass
        self.whole = True

    def __del__(self):
        print("whole" if self.whole else "")

with Stopping() as stopping:
    try:
        with stopping.at_once():
            Half()
    except Told:
        pass
print("told" if stopping.told.is_set() else "not told")
"""


def test_what_is_half_made_ends_in_silence():
    ended = subprocess.run(
        [sys.executable, "-c", HALF_MADE], capture_output=True, text=True, check=True, timeout=60
    )
    assert (ended.stdout, ended.stderr) == ("told\n", "")
