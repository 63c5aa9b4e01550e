"""One netdata agent, asked directly: every way in which it may answer, and not."""

import gzip
import json
import random
import re
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from faulty_agent import FaultyAgent, answer, drip, endless, hang, not_http, redirect, reset, status
from waiting import wait_for

from ingest.agents.agent import MOST_POINTS, Agent, AgentInfo, Chart
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
    "update_every": 1,
    "first_entry": 998,
    "last_entry": 1003,
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


def test_one_chart(server):
    server.on("/api/v1/chart?chart=system.net", answer(CHART))
    assert Agent(server.url).chart("system.net") == NET
    assert Agent(server.url).chart("no.such") is None
    server.on("/api/v1/chart?", answer({**CHART, "update_every": 0}))
    assert "its chart system.net is not" in failure(
        Agent(server.url), lambda agent: agent.chart("system.net")
    )


@pytest.mark.parametrize("identity", ["", "system.net\n", "\x1b[2Jx", "x" * 1_201])
def test_a_chart_whose_id_is_none_is_left_out(server, identity):
    server.on("/api/v1/charts", answer({"charts": {identity: CHART, "system.net": CHART}}))
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


def test_a_chart_that_nobody_could_keep_is_left_out_and_named(server):
    broken = {**CHART, "context": "disk.util", "units": "\ud800"}
    server.on("/api/v1/charts", answer({"charts": {"x": broken, "system.net": CHART}}))
    agent = Agent(server.url)
    assert agent.charts() == {"system.net": NET}
    assert agent.left_out == {"x": "disk.util"}


def test_samples_with_ids_oldest_first_inside_the_window(server):
    table = Agent(server.url).data(NET, 1000.5, 1003)
    assert table.dimensions == (("InOctets", "received"), ("OutOctets", "sent"))
    assert (table.times.dtype, table.values.dtype) == (np.int64, np.float64)
    np.testing.assert_array_equal(table.times, [1001, 1002])
    np.testing.assert_array_equal(table.values, [[1, -2], [np.nan, np.nan]])
    assert table.rows == ([1, -2], [None, None])
    assert (table.first_entry, table.last_entry, table.step) == (998, 1003, 1)


def test_rows_in_any_order_come_oldest_first(server):
    rows = [[time_, time_, 0] for time_ in range(1000, 1100)]
    random.Random(5).shuffle(rows)
    server.on(
        "/api/v1/data", answer({**TABLE, "result": {"labels": ["time", "a", "b"], "data": rows}})
    )
    table = Agent(server.url).data(NET, 1010, 1090)
    np.testing.assert_array_equal(table.times, np.arange(1010, 1090))
    np.testing.assert_array_equal(table.values[:, 0], table.times)


def test_what_a_table_does_not_say_of_its_chart_is_none(server):
    more = {"update_every": "1", "first_entry": 0, "last_entry": None}
    server.on("/api/v1/data", answer({**TABLE, **more}))
    table = Agent(server.url).data(NET, 1000, 1004)
    assert (table.first_entry, table.last_entry, table.step) == (None, None, None)


def test_a_value_beyond_doubles_is_none(server):
    document = json.dumps(TABLE).replace("3.5", "1e999").encode()
    server.on("/api/v1/data", answer(document))
    assert Agent(server.url).data(NET, 1003, 1004).rows == ([None, -1],)


def test_a_dimension_without_an_id_keeps_its_name(server):
    server.on("/api/v1/data", answer({"result": TABLE["result"]}))
    table = Agent(server.url).data(NET, 1000, 1004)
    assert table.dimensions == (("received", "received"), ("sent", "sent"))


def test_a_window_between_two_samples_is_empty(server):
    table = Agent(server.url).data(NET, 1000.2, 1000.8)
    assert (len(table.times), table.rows) == (0, ())
    assert server.requests == []


def test_a_known_chart_without_samples_gives_an_empty_table(server):
    server.on("/api/v1/data", status(404))
    server.on("/api/v1/chart?", answer(CHART))
    table = Agent(server.url).data(NET, 1000, 1004)
    assert (len(table.times), table.rows) == (0, ())
    assert (table.first_entry, table.last_entry, table.step) == (1000, 2000, 1)


def test_an_unknown_chart_is_not_found(server):
    server.on("/api/v1/data", status(404))
    with pytest.raises(NotFound, match=r"knows no chart system\.net"):
        Agent(server.url).data(NET, 1000, 1004)


def test_a_window_that_would_be_averaged_is_refused(server):
    assert len(Agent(server.url).data(NET, 0, MOST_POINTS - 2).times) == 4
    with pytest.raises(InvalidData, match="shorter windows"):
        Agent(server.url).data(NET, 0, MOST_POINTS + 1)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (401, r"user and a password, or a token; set user and password_file, .*~/\.netrc"),
        (403, "allow connections from"),
        (404, "is the path right"),
        (412, "set token_file or token_env .*, or `bearer token protection = no`"),
        (418, "see the agent's error.log"),
        (429, "with a longer interval"),
        (500, "see the agent's error.log"),
        (502, "what stands before the agent does not reach it"),
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
        {"result": {"labels": ["time", "\ud800"], "data": [[1000, 1]]}},
        {"dimension_ids": ["\ud800"], "result": {"labels": ["time", "a"], "data": [[1000, 1]]}},
        {"result": {"labels": ["time", "a"], "data": [[1000.0, 1]]}},
        {"result": {"labels": ["time", "a"], "data": [[True, 1]]}},
        {"result": {"labels": ["time", "a"], "data": [None]}},
        {"result": {"labels": ["time", "a"], "data": {"1000": 1}}},
        {"result": {"labels": ["time", "a"], "data": [[10**30, 1]]}},
        {"result": {"labels": ["time", "a"], "data": [[1000, 10**400]]}},
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


def test_an_answer_without_end(server):
    server.on("/api/v1/", endless)
    agent = Agent(server.url)
    for page, most, ask in (
        ("info", 4, Agent.info),
        ("charts", 32, Agent.charts),
        ("chart", 4, lambda agent: agent.chart("system.net")),
        ("data", 1, lambda agent: agent.data(NET, 1000, 1060)),
    ):
        assert f"its /api/v1/{page} is longer than the {most} MiB" in failure(agent, ask)


def test_an_answer_that_holds_more_than_it_may(server):
    """Three bytes of it are a list of 64 bytes."""
    server.on("/api/v1/charts", answer(b"[" + b"[]," * 600_000 + b"1]"))
    assert "its /api/v1/charts holds more than it may" in failure(Agent(server.url), Agent.charts)
    server.on("/api/v1/charts", answer(b"[" + b"999," * 5_000_000 + b"1]"))
    assert "its /api/v1/charts holds more than it may" in failure(Agent(server.url), Agent.charts)


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


def test_a_password_in_an_address_is_used_and_never_shown(server):
    agent = Agent(server.url.replace("//", "//ada:s%40cret@"))
    agent.info()
    assert server.authorizations == ["Basic YWRhOnNAY3JldA=="]  # ada:s@cret
    server.on("/api/v1/info", status(401))
    told = failure(agent) + repr(agent) + agent.url
    assert "cret" not in told
    assert "ada" not in told


HOSTILE = "\x1b[31m\x07\r\nboo\u202e" * 100


@pytest.mark.parametrize(
    ("fault", "ask"),
    [
        (answer(HOSTILE.encode()), Agent.info),
        (redirect(f"http://{'h' * 300}/"), Agent.info),
        (redirect("http://[/\x1b[31m"), Agent.info),
        (answer({"version": HOSTILE, "update_every": HOSTILE}), Agent.charts),
        (status(404), lambda agent: agent.data(replace(NET, id=HOSTILE), 1000, 1004)),
        (answer({}), lambda agent: agent.data(replace(NET, id=HOSTILE), 1000, 1004)),
        (answer({}), lambda agent: agent.chart(HOSTILE)),
    ],
)
def test_a_message_holds_little_of_what_an_agent_wrote(server, fault, ask):
    server.on("/api/v1/", fault)
    with pytest.raises((AgentError, NotFound)) as caught:
        ask(Agent(server.url))
    message = str(caught.value)
    assert message.isprintable()
    assert "h" * 41 not in message
    assert message.count("boo") < 5
    assert len(message) < 200


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
    heavy = "{'numpy', 'pandas'} & sys.modules.keys()"
    program = f"import sys, ingest.agents.agent; sys.exit(bool({heavy}))"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_answer_tells_the_time(server):
    """Refusals, too."""
    agent = Agent(server.url)
    agent.info()
    middle, half = agent.clock.skew
    assert abs(middle) <= half < 1
    agent = Agent(server.url)
    server.on("/api/v1/info", status(503))
    failure(agent)
    assert agent.clock.skew is not None


# ---------------------------------------------------------------- real ones


def test_a_real_agent(two_agents):
    node = two_agents[0]
    first, last = node.history(3)
    with Agent(node.url, keep_alive=True) as agent:
        assert agent.info().hostname == "node-a"
        charts = agent.charts()
        chart = agent.chart("system.cpu")
        assert replace(chart, last_entry=None) == replace(charts["system.cpu"], last_entry=None)
        assert agent.chart("no.such") is None
        table = agent.data(chart, first, last)
        there = node.rows("system.cpu", first, last - 1, options="natural-points")
        assert table.times.tolist() == sorted(there)
        for time_, row in zip(table.times.tolist(), table.rows, strict=True):
            names = [name for _, name in table.dimensions]
            assert dict(zip(names, row, strict=True)) == there[time_]
        assert "idle" in dict(table.dimensions)
        assert (table.first_entry, table.step) == (chart.first_entry, chart.step)
        assert table.last_entry >= chart.last_entry
        for _ in range(20):
            agent.chart("system.cpu")
        middle, half = agent.clock.skew
        assert abs(middle) <= half < 0.6


def test_a_real_agent_that_was_restarted_meanwhile(agents):
    """It answers on the connection that was kept as if nothing had been."""
    node = agents.start("node-again")
    with Agent(node.url, keep_alive=True) as agent:
        assert agent.chart("system.cpu")
        kept = agent._connection._http.sock.getsockname()
        assert agent.chart("system.cpu")
        assert agent._connection._http.sock.getsockname() == kept
        node.stop()
        node = agents.start("node-again")
        # It answers, and does not know all its charts yet.
        assert wait_for(lambda: agent.chart("system.cpu"), 20, "system.cpu")
        node.stop()
        assert "refuses the connection" in failure(agent)
