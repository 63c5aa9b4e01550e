"""A log that takes no line any more: the collector goes on."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fleet import WITHIN_S, SimulatedFleet, begin, completed, end, faultless, samples
from waiting import wait_for

pytestmark = pytest.mark.system

FULL = "/dev/full"


@contextlib.contextmanager
def full_disk(_folder):
    with Path(FULL).open("wb", buffering=0) as log:
        yield log, None


@contextlib.contextmanager
def closed_pipe(_folder):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as log:
        yield log, None


@contextlib.contextmanager
def limited_file(folder):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))

    with (folder / "log").open("wb") as log:
        yield log, limit
    assert (folder / "log").stat().st_size == 256


@pytest.mark.parametrize(
    ("log", "form"), [(full_disk, "text"), (closed_pipe, "json"), (limited_file, "text")]
)
def test_a_log_that_takes_no_line(store, mongodb_uri, tmp_path, log, form):
    if log is full_disk and not Path(FULL).exists():
        pytest.skip(f"there is no {FULL}")
    variables = {
        **os.environ,
        "MINION_MONGODB_URI": mongodb_uri,
        "MINION_DATABASE": store.database.name,
    }
    words = ["collect", "--interval=1", "--listen=", f"--log={form}"]
    with SimulatedFleet(2, step=1, history_s=60) as fleet, log(tmp_path) as (file, limit):
        collector = subprocess.Popen(
            [sys.executable, "-m", "minion", *words],
            env=variables,
            stderr=file,
            preexec_fn=limit,  # noqa: PLW1509  this thread alone is here
        )
        try:
            run = begin(store, fleet)
            wait_for(lambda: samples(store, run) > 300, WITHIN_S, "samples")
            run = completed(store, end(store, run))
            time.sleep(0.5)  # it says so
            assert collector.poll() is None
            collector.send_signal(signal.SIGTERM)
            assert collector.wait(60) == 0
        finally:
            if collector.poll() is None:
                collector.kill()
            collector.wait(30)
        faultless(store, run, fleet)
