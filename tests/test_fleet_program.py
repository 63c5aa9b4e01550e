"""The simulated agents as a program: its line, its ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fleet import FLEET, SimulatedFleet
from waiting import wait_for

from ingest.agents.agent import Agent
from minion.errors import AgentError


def test_as_a_program():
    command = [sys.executable, FLEET / "agents.py", "--agents", "251", "--step", "2", "--port", "0"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    pattern = line.removeprefix("251 agents at ").partition(", step 2 s")[0]
    assert pattern.startswith("http://127.7.{i // 250}.{i % 250 + 1}:")
    port = int(pattern.rpartition(":")[2])
    for place, name in (("127.7.0.1", "host-0000"), ("127.7.1.1", "host-0250")):
        assert Agent(f"http://{place}:{port}").info().hostname == name
    with pytest.raises(AgentError, match="refuses"):
        Agent(f"http://127.0.0.1:{port}").info()
    taken = subprocess.run(
        [*command[:-1], str(port)], capture_output=True, text=True, check=False, timeout=30
    )
    assert taken.returncode == 1
    assert "take fewer agents, or another --port" in taken.stderr
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.stdout.close()


def test_a_fleet_that_cannot_start_says_so(capfd):
    with SimulatedFleet(1) as fleet, pytest.raises(OSError, match="ended with status 1"):
        SimulatedFleet(1, port=fleet.port)
    assert "another --port" in capfd.readouterr().err


def test_the_fleet_ends_with_its_owner():
    code = (
        f"import sys; sys.path.insert(0, {str(FLEET)!r})\n"
        "from agents import SimulatedFleet\n"
        "fleet = SimulatedFleet(1)\nprint(fleet.pid, flush=True)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    pid = int(ended.stdout)
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 20, "the end of the orphaned agents")
