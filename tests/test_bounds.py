"""What answers may cost, whichever way an agent is asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from faulty_agent import FaultyAgent, answer, endless
from fleet import SimulatedFleet

from ingest.agents.answers import Chart
from ingest.agents.bounds import MOST_BYTES, bytes_of_data, holds_too_much
from ingest.agents.netdata import WINDOW_ROWS, Way

ALLOWED_MIB = 60
PULL = """
import json, resource, sys, time
from ingest.agents.agent import Agent
from ingest.agents.netdata import Source, Way
import ingest.agents.through_pandas

def used():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

url, way = sys.argv[1:]
present = int(time.time())
Source(Agent(url), "a", ("system.ram",), way=Way(way)).pull(present - 30, present - 10)
before = used()
source = Source(Agent(url, timeout=5), "a", ("system.cpu", "system.ram"), tries=1, way=Way(way))
pulled = source.pull(present - 30, present - 10)
print(json.dumps({
    "mib": used() - before,
    "charts": [series.chart for series in pulled.series],
    "missing": [record.reason for record in pulled.missing],
}))
"""


def endless_lists(exchange):
    exchange.handler.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[")
    while not exchange.closing.is_set():
        exchange.handler.wfile.write(b"[]," * 2**18)


FAULTS = {
    "without end": endless,
    "lists without end": endless_lists,
    "lists": answer(b"[" + b"[]," * 300_000 + b"1]"),
}


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_costs_little_memory(way, fault):
    with SimulatedFleet(1, step=1, history_s=120) as fleet, FaultyAgent(fleet.urls[0]) as agent:
        agent.on("chart=system.cpu&", FAULTS[fault])
        ended = subprocess.run(
            [sys.executable, "-c", PULL, agent.url, way],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            cwd=Path(__file__).parents[1],
            env=os.environ,
        )
    said = json.loads(ended.stdout)
    assert said["charts"] == ["system.ram"]
    assert len(said["missing"]) == 1
    assert said["mib"] < ALLOWED_MIB


def chart(dimensions):
    named = {f"d{n}": f"d{n}" for n in range(dimensions)}
    return Chart(id="c", name="c", context="c", family="", unit="", dimensions=named, step=1)


def test_there_is_room_for_what_may_be_asked():
    """Numbers as long as netdata writes them, twice the dimensions that are listed."""
    for rows, dimensions in ((60, 1), (60, 10), (WINDOW_ROWS, 1), (WINDOW_ROWS, 40)):
        longest = [[1_700_000_000, *[-123456789012.1234567] * 2 * dimensions]] * rows
        text = json.dumps({"result": {"data": longest}})
        assert len(text) < bytes_of_data(chart(dimensions), 0, rows - 1) <= MOST_BYTES
        assert not holds_too_much(text.encode())


def test_a_minute_is_small():
    assert bytes_of_data(chart(10), 0, 59) < 1.1 * 2**20
