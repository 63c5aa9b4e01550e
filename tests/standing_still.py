"""A process that stands still at one of its commands to MongoDB, as a paused machine would.

with StandingStill(store, uri, SETTLE, identity, after=3) as late:
    late.stands()                  # it has done three commands; False: it ended before
    ...                            # what happens meanwhile
    late.goes_on()                 # to its end
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = ("find", "getMore", "aggregate", "insert", "update", "delete", "findAndModify")
BEGIN = f"""
import os, signal, sys
from pymongo import monitoring

class Standing(monitoring.CommandListener):
    left, killed = None, False

    def started(self, event): pass

    def failed(self, event): pass

    def succeeded(self, event):
        if self.left is None or event.command_name not in {COMMANDS}:
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.left < 0 and self.killed:
            os.kill(os.getpid(), signal.SIGKILL)

standing = Standing()
monitoring.register(standing)
import minion
from minion import claims
claims._EXPIRES = {{"$add": ["$$NOW", 200]}}  # the others need not wait for long

store = minion.connect()
run = store.simulation_by_id(sys.argv[1])
standing.left, standing.killed = int(sys.argv[2]), sys.argv[3] == "killed"
"""
SETTLE = """
from ingest.collecting.settling import settle
settle(store, run)
"""
COLLECT = """
from ingest.collecting.collector import Collector
from ingest.collecting.configuration import Configuration
from ingest.collecting.journal import Journal
Collector(store, Configuration(pull="direct", experiment=run.experiment), Journal()).once()
"""
WITHIN_S = 60


class StandingStill:
    """Such a process, from its begin to its end.

    Args:
        store: on whose database it works.
        uri: the store's.
        code: what it does with `store` and `run`.
        identity: of the run.
        after: how many commands it does before it stands still.
        killed: once it goes on, it is killed after the next command.
    """

    def __init__(self, store, uri, code, identity, *, after, killed=False):
        environment = {
            **os.environ,
            "MINION_MONGODB_URI": uri,
            "MINION_DATABASE": store.database.name,
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        told = [str(identity), str(after), "killed" if killed else "goes on"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", BEGIN + code, *told], env=environment, stdout=subprocess.DEVNULL
        )

    def stands(self):
        """Wait until it stands still; False where it came to its end before."""
        flags = os.WSTOPPED | os.WEXITED | os.WNOWAIT
        found = os.waitid(os.P_PID, self._process.pid, flags)
        self.stood = time.time()
        return found.si_code == os.CLD_STOPPED

    def goes_on(self):
        """Let it go on until it ends; its exit status."""
        self._process.send_signal(signal.SIGCONT)
        return self._process.wait(WITHIN_S)

    def ended(self):
        """Its exit status, where it came to its end by itself."""
        return self._process.wait(WITHIN_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
