"""The faults that simulated agents have on request, and what a client meets then."""

import http.client
import json
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests
from asked_agents import Asked
from fleet import CHARTS, SimulatedFleet, values
from waiting import wait_for

from ingest.agents.agent import Agent
from ingest.agents.netdata import pull
from minion.errors import AgentError, NotFound
from minion.model import Host, Role


@pytest.fixture(scope="module")
def fleet():
    """A test that changes an agent takes one of its own."""
    with SimulatedFleet(16, step=1, history_s=900) as running:
        yield running


def ask(fleet, number, **options):
    return Agent(fleet.urls[number], **{"timeout": 1.0, **options})


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("down", "refuses the connection"),
        ("hang", r"no whole answer within 0\.3 s"),
        ("garbage", "is not JSON"),
        ("503", "HTTP 503"),
        ("401", "HTTP 401"),
        ("404", "HTTP 404"),
    ],
)
def test_a_mode_is_what_a_client_meets_until_it_is_up_again(fleet, mode, words):
    agent = ask(fleet, 2, timeout=0.3)
    fleet.change([2], mode=mode)
    with pytest.raises(AgentError, match=words):
        agent.info()
    assert ask(fleet, 3).info().hostname == "host-0003"
    fleet.change([2], mode="up")
    assert agent.info().hostname == "host-0002"


def test_down_breaks_what_is_open(fleet):
    place = urlsplit(fleet.urls[4])
    client = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    client.request("GET", "/api/v1/info", headers={"Connection": "keep-alive"})
    client.getresponse().read()
    assert fleet.counts([4])["connections"] == 1
    fleet.change([4], mode="down")
    client.auto_open = False
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        client.request("GET", "/api/v1/info")
        client.getresponse()
    client.close()
    fleet.change([4], mode="up")


def test_slow(fleet):
    fleet.change([5], slow_s=0.4)
    began = time.monotonic()
    assert ask(fleet, 5).info().hostname == "host-0005"
    assert time.monotonic() - began >= 0.4
    began = time.monotonic()
    ask(fleet, 6).info()
    assert time.monotonic() - began < 0.4


def test_a_wrong_clock_is_in_headers_and_samples(fleet):
    fleet.change([7], skew_s=3600)
    asked = Asked(fleet.urls[7])
    assert asked.last == pytest.approx(time.time() + 3600, abs=5)
    answer = asked.get("info")
    told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert told == pytest.approx(time.time() + 3600, abs=5)
    _, rows = asked.rows(asked.data(asked.last - 10, asked.last - 5, dimensions="*"))
    assert rows[0][1:] == values(7, "system.cpu", asked.last - 5).tolist()


def test_a_restart_leaves_a_gap(fleet):
    began = time.time()
    fleet.restart([8], seconds=1.5)
    with pytest.raises(AgentError, match="refuses"):
        ask(fleet, 8).info()
    wait_for(lambda: answers(fleet, 8), 10, "the agent that was restarted")
    # Until it has a sample again, a window at its end would be shifted into the past.
    wait_for(lambda: Asked(fleet.urls[8]).last >= began + 4, 10, "samples after the restart")
    asked = Asked(fleet.urls[8])
    _, rows = asked.rows(asked.data(int(began) - 3, int(began) + 3, options="natural-points"))
    empty = [row[0] for row in rows if set(row[1:]) == {None}]
    assert 1 <= len(empty) <= 3
    assert all(began - 1 <= moment <= began + 3 for moment in empty)
    pulled = pull(
        Host(hostname="x", role=Role.WORKER, url=fleet.urls[8]), int(began) - 3, int(began) + 4
    )
    assert {record.chart for record in pulled.missing} == set(CHARTS)
    assert {record.reason for record in pulled.missing} == {"the agent has no samples of that time"}
    assert [
        s.times.tolist() == sorted({row[0] for row in rows} - set(empty)) for s in pulled.series
    ]


def answers(fleet, number):
    try:
        return ask(fleet, number).info()
    except AgentError:
        return None


def test_lost_retention(fleet):
    fleet.change([9], born=time.time() - 60)
    assert Asked(fleet.urls[9]).first >= time.time() - 62
    fleet.change([9], born=fleet.born, retention_s=30)
    assert Asked(fleet.urls[9]).first == pytest.approx(time.time() - 30, abs=3)
    old = fleet.born + 10
    answer = requests.get(
        f"{fleet.urls[9]}/api/v1/data?chart=system.cpu&after={old:.0f}&before={old + 9:.0f}",
        timeout=10,
    )
    assert answer.status_code == 404


def test_nothing_but_nulls(fleet):
    fleet.change([10], gaps=[[0, 2**40]])
    asked = Asked(fleet.urls[10])
    answer = asked.data(asked.last - 9, asked.last - 1, options="jsonwrap", dimensions="*")
    _, rows = asked.rows(answer)
    assert {cell for row in rows for cell in row[1:]} == {None}
    assert (answer.json()["min"], answer.json()["max"]) == (0, 0)


def test_charts_that_come_late_end_early_or_are_not_there(fleet):
    agent, now = ask(fleet, 11), int(time.time())
    fleet.change(
        [11],
        spans={"system.io": [now - 10, None], "system.net": [None, now - 100]},
        absent=["system.ram"],
    )
    charts = agent.charts()
    assert charts["system.io"].first_entry == now - 10
    assert charts["system.net"].last_entry == now - 101
    assert set(CHARTS) - charts.keys() == {"system.ram"}
    table = agent.data(charts["system.io"], now - 20, now - 5)
    assert [row is not None and None not in row for row in table.rows] == [False] * 10 + [True] * 5
    fleet.change([11], spans={"system.io": [now + 3600, None]}, absent=[])
    assert agent.charts().keys() & set(CHARTS) == set(CHARTS) - {"system.io"}
    with pytest.raises(NotFound):
        agent.data(charts["system.io"], now - 20, now - 5)


def test_what_an_agent_has_not_cannot_be_changed(fleet):
    with pytest.raises(ValueError, match="no colour to change"):
        fleet.change([0], colour="red")
    with pytest.raises(ValueError, match="mode"):
        fleet.change([0], mode="upside down")
    with pytest.raises(ValueError, match="index"):
        fleet.change([999], mode="up")
    assert ask(fleet, 0).info()


def test_counts(fleet):
    before = fleet.counts([12])
    ask(fleet, 12).info()
    after = fleet.counts([12])
    assert after["requests"] - before["requests"] == 1
    assert after["bytes"] - before["bytes"] > 1000
    assert fleet.counts()["cpu_s"] > 0


def test_it_asks_for_one_thing_after_the_other_on_one_connection(fleet):
    """Requests that come together, or in pieces, are answered in order."""
    place = urlsplit(fleet.urls[13])
    client = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
    client.connect()
    line = b"GET /api/v1/%b HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"
    whole = line % b"info" + line % b"charts" + line % b"chart?chart=system.cpu"
    for place_ in range(0, len(whole), 37):
        client.sock.sendall(whole[place_ : place_ + 37])
    keys = []
    with client.sock.makefile("rb") as come:
        for _ in range(3):
            head = http.client.parse_headers(come) if b"200 OK" in come.readline() else {}
            keys.append(next(iter(json.loads(come.read(int(head["Content-Length"]))))))
    assert keys == ["version", "hostname", "id"]
    client.close()
