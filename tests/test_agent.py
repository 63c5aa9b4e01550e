"""One netdata agent, asked directly: every way in which it may answer, and not."""

import gzip
import json
import re
import subprocess
import sys
import time

import pytest
from faulty_agent import FaultyAgent, answer, drip, endless, hang, not_http, redirect, reset, status

from ingest import agent as module
from ingest.agent import MOST_POINTS, Agent, AgentInfo, Chart
from minion.errors import AgentError, InvalidData, NotFound

INFO = {
    "version": "v1.37.1",
    "uid": "b",
    "mirrored_hosts": ["parent", "child"],
    "mirrored_hosts_status": [
        {"guid": "a", "hostname": "parent"},
        {"guid": "b", "hostname": "child"},
    ],
    "os_name": "unknown",
    "os_version": "unknown",
    "container_os_name": "Debian GNU/Linux",
    "container_os_version": "12 (bookworm)",
    "kernel_name": "Linux",
    "kernel_version": "6.1.0",
    "cores_total": "4",
    "ram_total": "4127195136",
}
CHART = {
    "id": "system.net",
    "name": "system.net",
    "family": "network",
    "context": "system.net",
    "units": "kilobits/s",
    "update_every": 1,
    "first_entry": 1000,
    "last_entry": 2000,
    "dimensions": {"InOctets": {"name": "received"}, "OutOctets": {"name": "sent"}},
}
TABLE = {
    "dimension_ids": ["InOctets", "OutOctets"],
    "result": {
        "labels": ["time", "received", "sent"],
        "data": [[1003, 3.5, -1], [1002, None, None], [1001, 1, -2], [1000, 0, 0]],
    },
}
NET = Chart(
    id="system.net",
    name="system.net",
    context="system.net",
    family="network",
    unit="kilobits/s",
    dimensions={"InOctets": "received", "OutOctets": "sent"},
    step=1,
    first_entry=1000,
    last_entry=2000,
)


@pytest.fixture
def server():
    with FaultyAgent() as running:
        running.on("/api/v1/info", answer(INFO))
        running.on("/api/v1/charts", answer({"charts": {"system.net": CHART}}))
        running.on("/api/v1/data", answer(TABLE))
        yield running


def failure(agent, ask=Agent.info):
    """The one line that an agent's failure is told in."""
    with pytest.raises(AgentError) as caught:
        ask(agent)
    message = str(caught.value)
    assert "\n" not in message
    assert agent.url in message
    return message


def test_what_an_agent_says_of_its_host(server):
    assert Agent(server.url).info() == AgentInfo(
        hostname="child",
        version="v1.37.1",
        ram_mib=3936.0,
        cores=4,
        os="Debian GNU/Linux 12 (bookworm)",
        kernel="Linux 6.1.0",
    )


def test_what_an_agent_does_not_know_is_none(server):
    server.on("/api/v1/info", answer({"version": "v2.10.0", "ram_total": "unknown"}))
    assert Agent(server.url).info() == AgentInfo(hostname="", version="v2.10.0")


def test_a_child_is_called_as_in_its_address(server):
    server.on("/api/v1/info", answer({"version": "v2.10.0", "mirrored_hosts": ["parent"]}))
    assert Agent(server.url).info().hostname == "parent"
    assert Agent(f"{server.url}/host/one").info().hostname == "one"


def test_charts(server):
    assert Agent(server.url).charts() == {"system.net": NET}


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {**CHART, "update_every": 0},
        {**CHART, "update_every": "1"},
        {**CHART, "dimensions": []},
        {**CHART, "context": None},
    ],
)
def test_a_chart_unlike_netdatas_is_left_out(server, broken):
    server.on("/api/v1/charts", answer({"charts": {"x": broken, "system.net": CHART}}))
    assert Agent(server.url).charts() == {"system.net": NET}


def test_samples_with_ids_oldest_first_inside_the_window(server):
    table = Agent(server.url).data(NET, 1000.5, 1003)
    assert table.dimensions == (("InOctets", "received"), ("OutOctets", "sent"))
    assert table.times == (1001, 1002)
    assert table.rows == ([1, -2], [None, None])


def test_a_dimension_without_an_id_keeps_its_name(server):
    server.on("/api/v1/data", answer({"result": TABLE["result"]}))
    table = Agent(server.url).data(NET, 1000, 1004)
    assert table.dimensions == (("received", "received"), ("sent", "sent"))


def test_a_window_between_two_samples_is_empty(server):
    assert Agent(server.url).data(NET, 1000.2, 1000.8).times == ()
    assert server.requests == []


def test_a_known_chart_without_samples_gives_an_empty_table(server):
    server.on("/api/v1/data", status(404))
    server.on("/api/v1/chart?", answer(CHART))
    assert Agent(server.url).data(NET, 1000, 1004).times == ()


def test_an_unknown_chart_is_not_found(server):
    server.on("/api/v1/data", status(404))
    with pytest.raises(NotFound, match=r"knows no chart system\.net"):
        Agent(server.url).data(NET, 1000, 1004)


def test_a_window_that_would_be_averaged_is_refused(server):
    assert Agent(server.url).data(NET, 0, MOST_POINTS - 2).times
    with pytest.raises(InvalidData, match="shorter windows"):
        Agent(server.url).data(NET, 0, MOST_POINTS + 1)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (401, r"user and a password.*~/\.netrc"),
        (403, "allow connections from"),
        (404, "is the path right"),
        (412, "bearer token protection = no"),
        (418, "see the agent's error.log"),
        (429, "ask again later"),
        (500, "see the agent's error.log"),
        (503, "ask again in a moment"),
        (599, "see the agent's error.log"),
    ],
)
def test_a_status_is_told_with_its_meaning(server, code, meaning):
    server.on("/api/v1/info", status(code))
    message = failure(Agent(server.url))
    assert f"HTTP {code}" in message
    assert re.search(meaning, message)


def test_a_redirect_is_not_followed(server):
    with FaultyAgent() as other:
        target = other.url.replace("//", "//user:secret@")
        server.on("/api/v1/info", redirect(target))
        message = failure(Agent(server.url))
        assert f"sends on to {other.url}; " in message
        assert "secret" not in message
        assert other.requests == []


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (hang, "no whole answer within 0.3 s"),
        (drip, "no whole answer within 0.3 s"),
        (not_http, "does not speak HTTP"),
        (answer(b"<html>login"), "is not JSON: '<html>login'"),
        (answer(b""), "is not JSON"),
        (answer(b"[" * 200_000), "is not JSON"),
        (answer(b"\xff\xfe"), "is not JSON"),
        (answer([1]), "is not netdata's"),
        (answer({"version": None}), "is not netdata's"),
    ],
)
def test_an_answer_that_is_none(server, fault, words):
    server.on("/api/v1/info", fault)
    began = time.monotonic()
    assert words in failure(Agent(server.url, timeout=0.3))
    assert time.monotonic() - began < 3


def test_a_list_of_charts_that_is_none(server):
    for document in ([], {}, {"charts": []}):
        server.on("/api/v1/charts", answer(document))
        assert "not netdata's" in failure(Agent(server.url), Agent.charts)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"result": []},
        {"result": {"labels": [], "data": []}},
        {"result": {"labels": ["time", "a"], "data": [[1000]]}},
        {"result": {"labels": ["time", "a"], "data": [["1000", 1]]}},
        {"result": {"labels": ["time", "a"], "data": [[1000, "1"]]}},
        {"result": {"labels": ["time", "a"], "data": [[1000, True]]}},
        {"result": {"labels": ["time", "a", "a"], "data": [[1000, 1, 2]]}},
    ],
)
def test_a_table_that_is_none(server, document):
    server.on("/api/v1/data", answer(document))
    message = failure(Agent(server.url), lambda agent: agent.data(NET, 1000, 1001))
    assert "its data of system.net are not netdata's" in message


def test_a_connection_that_breaks(server):
    with FaultyAgent(server.url) as broken:
        broken.on("/api/v1/info", reset)
        assert "breaks the connection" in failure(Agent(broken.url))


def test_an_answer_without_end(server, monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 2**20)
    server.on("/api/v1/charts", endless)
    assert "more than 1 MiB" in failure(Agent(server.url), Agent.charts)


def test_nobody_there():
    with FaultyAgent() as server:
        agent = Agent(server.url)
    assert "refuses the connection" in failure(agent)
    assert "no such host" in failure(Agent("http://no-such-host.invalid:19999", timeout=5))


def test_http_is_not_https(server):
    assert "no trusted TLS connection" in failure(Agent(server.url.replace("http", "https")))


@pytest.mark.parametrize("fault", [status(500), status(503), answer(b"{"), not_http])
def test_what_may_pass_is_asked_again(server, fault):
    server.on("/api/v1/info", fault, times=2)
    assert Agent(server.url, tries=3).info().version == "v1.37.1"
    assert len(server.requests) == 3
    server.on("/api/v1/info", fault, times=2)
    failure(Agent(server.url, tries=2))


@pytest.mark.parametrize("fault", [status(401), status(403), status(412), hang])
def test_what_does_not_pass_is_asked_once(server, fault):
    server.on("/api/v1/info", fault)
    failure(Agent(server.url, timeout=0.3, tries=3))
    assert len(server.requests) == 1


def test_a_password_is_used_and_never_shown(server):
    agent = Agent(server.url.replace("//", "//ada:s%40cret@"))
    agent.info()
    assert server.authorizations == ["Basic YWRhOnNAY3JldA=="]  # ada:s@cret
    server.on("/api/v1/info", status(401))
    told = failure(agent) + repr(agent) + agent.url
    assert "cret" not in told
    assert "ada" not in told


def test_a_password_in_netrc_is_used(server, tmp_path, monkeypatch):
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login ada password secret\n")
    monkeypatch.setenv("NETRC", str(file))
    Agent(server.url).info()
    assert server.authorizations == ["Basic YWRhOnNlY3JldA=="]  # ada:secret


def test_a_proxy_of_the_environment_is_not_for_agents(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert Agent(server.url).info().hostname == "child"


@pytest.mark.parametrize(
    "url",
    ["", "node-1:19999", "ftp://node-1", "http://", "http://h:port", "http://[", "http://h/?x"],
)
def test_an_address_that_is_none(url):
    with pytest.raises(InvalidData, match="address is not of the form"):
        Agent(url)


def test_the_grid_of_a_chart():
    chart = Chart(id="c", name="c", context="c", family="", unit="", dimensions={}, step=5)
    assert chart.grid(100, 110) == (100, 105)
    assert chart.grid(100.1, 110.1) == (105, 110)
    assert chart.grid(101, 105) is None


def test_recorded_answers_of_netdata_2(server, shared_data):
    recorded = shared_data / "netdata" / "v2.10_v1_charts.json.gz"
    document = json.loads(gzip.decompress(recorded.read_bytes()))
    server.on("/api/v1/charts", answer(document))
    charts = Agent(server.url).charts()
    assert set(charts) == set(document["charts"])
    assert charts["system.io"].dimensions == {"in": "reads", "out": "writes"}
    assert charts["system.load"].step == 5


def test_asking_an_agent_needs_neither_numpy_nor_pandas():
    program = (
        "import sys, ingest.agent; sys.exit('numpy' in sys.modules or 'pandas' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
