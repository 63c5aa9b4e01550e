"""Simulated agents answer as real ones do, and give what the checker computes."""

import gzip
import http.client
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest
import requests
from waiting import wait_for

from ingest.agents.agent import Agent
from ingest.agents.netdata import pull
from ingest.events import Recorder
from minion.errors import AgentError, NotFound
from minion.model import Host, Provenance, Role, Simulation, now
from minion.series import Dimension, Series

FLEET = Path(__file__).parents[1] / "benchmarks" / "fleet"
sys.path.insert(0, str(FLEET))
from agents import STUDY, SimulatedFleet, hostname, value, values  # noqa: E402  they are no package
from verifying import Verified, verify  # noqa: E402

HISTORY_S = 900
CHARTS = [chart.id for chart in STUDY]


@pytest.fixture(scope="module")
def fleet():
    """Agents every second; a test that changes one takes one of its own."""
    with SimulatedFleet(16, step=1, history_s=HISTORY_S) as running:
        yield running


@pytest.fixture(scope="module")
def slower_fleet():
    with SimulatedFleet(2, step=2, history_s=HISTORY_S) as running:
        yield running


# ---------------------------------------------------------------- the same questions


def shape(document):
    """What a document is made of: keys in their order, kinds of values, and no value."""
    if isinstance(document, dict):
        return {key: shape(part) for key, part in document.items()}
    if isinstance(document, list):
        kinds = []
        for kind in map(shape, document):
            kinds += [] if kind in kinds else [kind]
        return kinds
    if isinstance(document, bool) or document is None:
        return "null" if document is None else "switch"
    return "number" if isinstance(document, int | float) else "text"


def differences(real, simulated, ignored=(), where=""):
    """Where two documents have another shape, as sentences.

    ignored: keys below which anything may stand.
    """
    if isinstance(real, dict) and isinstance(simulated, dict):
        found = []
        if list(real) != list(simulated):
            lacking = [key for key in real if key not in simulated]
            more = [key for key in simulated if key not in real]
            found.append(f"{where}: lacks {lacking}, has also {more}, or in another order")
        for key in real.keys() & simulated.keys() - set(ignored):
            found += differences(real[key], simulated[key], ignored, f"{where}/{key}")
        return found
    one, other = shape(real), shape(simulated)
    return [] if one == other else [f"{where}: {one} is {other}"]


class Asked:
    """An agent, real or simulated, and times by what it has of a chart."""

    def __init__(self, url, chart="system.cpu"):
        self.url = url
        self.chart = chart
        entry = self.get("chart", chart=chart).json()
        self.step = entry["update_every"]
        self.first, self.last = entry["first_entry"], entry["last_entry"]

    def get(self, page, **asked):
        text = urlencode(asked, safe="*,")
        return requests.get(f"{self.url}/api/v1/{page}?{text}", timeout=20)

    def rows(self, answer):
        table = answer.json()
        table = table.get("result", table)
        return table["labels"], table["data"]


def settled(agent, seconds=14):
    """A real agent that has so many seconds of all its charts."""
    agent.history(seconds)
    return agent


@pytest.fixture(scope="module")
def pairs(two_agents, fleet, slower_fleet):
    """(real, simulated) agents of every step; those that simulate began when the real ones did."""
    found = []
    for real, simulated in zip(two_agents, (fleet, slower_fleet), strict=True):
        asked = Asked(settled(real).url)
        simulated.change([0], born=asked.first)
        found.append((asked, Asked(simulated.urls[0])))
    return found


INSIDE = {
    "both ends on the grid": (4, 12),
    "both ends off the grid": (5, 11),
    "one instant": (8, 8),
    "ends in the wrong order": (12, 4),
    "less than a step": (7, 8),
    "partly before what there is": (-30, 6),
}
WORDS = {
    "as a collector asks": {"options": "natural-points,jsonwrap", "dimensions": "*", "points": 0},
    "of a tier": {"options": "natural-points,jsonwrap", "dimensions": "*", "tier": 0},
    "bare": {},
    "flipped": {"options": "natural-points,flip"},
    "averaged": {"options": "natural-points,jsonwrap", "points": 3},
    "more than there is": {"options": "natural-points,jsonwrap", "points": 5000},
    "one dimension": {"dimensions": "user"},
    "the hidden one": {"dimensions": "idle", "options": "jsonwrap"},
    "two dimensions": {"dimensions": "idle,user", "options": "jsonwrap"},
}


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("window", INSIDE)
def test_a_window_has_the_same_rows(pairs, window, words):
    for pair in pairs:
        found = []
        for asked in pair:
            after, before = (asked.first + seconds for seconds in INSIDE[window])
            wanted = {"chart": asked.chart, "after": after, "before": before, "format": "json"}
            answer = asked.get("data", **wanted, **WORDS[words])
            assert answer.status_code == 200
            labels, data = asked.rows(answer)
            nulls = [row[0] - asked.first for row in data if None in row and row[0] < asked.first]
            found.append((labels, [row[0] - asked.first for row in data], nulls))
        real, simulated = found
        assert simulated == real


def data(asked, first, last, **more):
    return asked.get("data", chart=asked.chart, after=first, before=last, **more)


@pytest.mark.parametrize("options", ["", "jsonwrap", "jsonwrap,natural-points"])
@pytest.mark.parametrize("page", ["info", "charts", "chart", "data"])
def test_a_page_has_the_same_keys_and_kinds(pairs, page, options):
    for real, simulated in pairs:
        one, other = (
            asked.get(page, **question(page, asked, options)) for asked in (real, simulated)
        )
        found = differences(
            one.json(), other.json(), ignored=("charts", "host_labels", "collectors")
        )
        assert found == []
        assert {*simulated_headers(other)} == {*simulated_headers(one)}
        for name in ("Content-Type", "Connection", "Server", "Cache-Control"):
            assert other.headers[name] == one.headers[name], name
        assert kept_s(other) == kept_s(one)


def kept_s(answer):
    """For how long a cache may keep it."""
    moments = [parsedate_to_datetime(answer.headers[name]) for name in ("Date", "Expires")]
    return (moments[1] - moments[0]).total_seconds()


def question(page, asked, options):
    if page not in ("chart", "data"):
        return {}
    wanted = {"chart": asked.chart}
    if page == "data":
        wanted |= {"after": asked.first + 4, "before": asked.first + 12, "dimensions": "*"}
        wanted |= {"options": options} if options else {}
    return wanted


def simulated_headers(answer):
    return [name.lower() for name in answer.headers]


def test_the_charts_of_the_study_are_described_alike(pairs):
    for real, simulated in pairs:
        one, other = (asked.get("charts").json()["charts"] for asked in (real, simulated))
        both = [name for name in CHARTS if name in one]
        assert {"system.cpu", "system.ram", "system.io"} <= set(both)
        for name in both:
            assert differences(one[name], other[name], ignored=("chart_labels", "alarms")) == []
            changing = (
                "duration",
                "first_entry",
                "last_entry",
                "chart_labels",
                "alarms",
                "priority",
            )
            for key in one[name].keys() - set(changing):
                assert other[name][key] == one[name][key], (name, key)
            kinds = {part["context"] for part in other.values()}
            assert {chart.context for chart in STUDY} < kinds


def test_what_is_not_there_is_said_alike(pairs):
    for real, simulated in pairs:
        for question_ in (
            ("chart", {"chart": "no.such"}),
            ("chart", {}),
            ("data", {"chart": "no.such"}),
            ("data", {}),
            ("data", {"chart": "system.cpu", "dimensions": "no_such"}),
            ("nothing", {}),
        ):
            page, asked = question_
            one, other = (agent.get(page, **asked) for agent in (real, simulated))
            assert other.status_code == one.status_code, question_
            assert other.headers["Content-Type"] == one.headers["Content-Type"], question_
            assert other.text.replace(simulated.url, "") == one.text.replace(real.url, "")


def test_outside_retention_is_a_404(pairs):
    for pair in pairs:
        texts = set()
        for asked in pair:
            answer = data(asked, asked.first - 500, asked.first - 400, options="natural-points")
            assert answer.status_code == 404
            texts.add(answer.text)
        assert texts == {"No metrics where matched to query."}


def test_a_window_in_the_future_is_shifted_into_the_past(pairs):
    for pair in pairs:
        lengths = []
        for asked in pair:
            now = int(time.time())
            answer = data(asked, now + 1000, now + 1020, options="natural-points,jsonwrap")
            assert answer.status_code == 200
            _, rows = asked.rows(answer)
            assert now - 3 * asked.step - 3 <= rows[0][0] <= time.time()
            lengths.append(len(rows))
        assert lengths[0] == lengths[1]


def test_a_relative_window(pairs):
    for pair in pairs:
        lengths = []
        for asked in pair:
            _, rows = asked.rows(data(asked, -10, 0, options="natural-points"))
            assert time.time() - 3 * asked.step - 3 <= rows[0][0] <= time.time()
            lengths.append(len(rows))
        assert lengths[0] == lengths[1]


def test_times_that_are_none(pairs):
    for real, simulated in pairs:
        for question_ in ({"after": "abc"}, {"before": "abc", "after": -5}, {"after": -7}):
            one, other = (
                len(agent.rows(agent.get("data", chart="system.cpu", **question_))[1])
                for agent in (real, simulated)
            )
            assert abs(one - other) <= 2, question_  # time goes by between both


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("connection", [None, "keep-alive", "close"])
def test_a_connection_is_kept_and_an_answer_packed_as_netdata_does(pairs, connection, packed):
    found = []
    for asked in pairs[0]:
        place = urlsplit(asked.url)
        client = http.client.HTTPConnection(place.hostname, place.port, timeout=10)
        headers = {"Connection": connection} if connection else {}
        headers |= {"Accept-Encoding": "gzip"} if packed else {}
        said = []
        for _ in range(2):
            client.request("GET", "/api/v1/charts", headers=headers)
            answer = client.getresponse()
            body = answer.read()
            body = gzip.decompress(body) if packed else body
            assert json.loads(body)["version"].startswith("v1.")
            names = ("Connection", "Content-Encoding", "Transfer-Encoding")
            said.append([answer.getheader(name) for name in names])
            said.append("Content-Length" in answer.headers)
            said.append(client.sock is not None)
        client.close()
        found.append(said)
    assert found[0] == found[1]


# ---------------------------------------------------------------- what it measured


@pytest.mark.parametrize("step", [1, 5])
def test_a_pull_brings_exactly_what_was_measured(step):
    with SimulatedFleet(3, step=step, history_s=HISTORY_S) as fleet:
        first, last = fleet.born + 100, fleet.born + 700
        for number, (name, url) in enumerate(zip(fleet.hostnames, fleet.urls, strict=True)):
            host = Host(hostname=name, role=Role.WORKER, url=url)
            pulled = pull(host, first, last, timeout=10)
            assert pulled.missing == ()
            assert pulled.until == last
            assert pulled.info.hostname == name
            assert pulled.info.ram_mib == 4096
            assert [series.chart for series in pulled.series] == CHARTS
            for series in pulled.series:
                grid = np.arange(np.ceil(first / step) * step, last, step)
                assert np.array_equal(series.times, grid)
                for column, dimension in enumerate(series.dimensions):
                    expected = value(number, series.chart, dimension.id, series.times)
                    assert np.array_equal(series.values[:, column], expected)
    assert sum(len(chart.dimensions) for chart in STUDY) == 19


def test_values_tell_who_measured_what_when():
    times = np.arange(1_700_000_000, 1_700_004_000, 5)
    everything = {}
    for agent in range(50):
        for chart in STUDY:
            for row in values(agent, chart.id, times).tolist():
                everything.setdefault(chart.id, []).append(tuple(row))
    for chart, rows in everything.items():
        assert len(set(rows)) > (4000 if chart != "disk_util.vda" else 3000)
    same = sum(
        a == b for a, b in zip(everything["system.ram"], everything["system.ram"][1:], strict=False)
    )
    assert same < 0.001 * len(everything["system.ram"])
    one, other = (values(agent, "system.cpu", times) for agent in (1, 2))
    assert (one == other).all(axis=1).mean() < 0.01


def test_values_look_like_netdatas():
    times = np.arange(1_700_000_000, 1_700_020_000)
    cpu = values(7, "system.cpu", times)
    assert np.allclose(cpu.sum(axis=1), 100)
    assert (cpu >= 0).all()
    assert np.allclose(values(7, "system.ram", times).sum(axis=1), 4096)
    assert (values(7, "system.net", times)[:, 1] <= 0).all()
    assert (values(7, "system.io", times) == 0).any()
    for chart in STUDY:
        digits = {f"{number:.7g}" == f"{number:.12g}" for number in values(7, chart.id, times).flat}
        assert digits == {True}
    assert value(7, "system.cpu", "idle", 1_700_000_000).shape == ()
    assert value(7, "system.cpu", "idle", times.reshape(100, 200)).shape == (100, 200)
    for chart, dimension in (("system.cpu", "none"), ("none", "idle")):
        with pytest.raises(KeyError):
            value(7, chart, dimension, times)


def test_an_average_is_of_what_was_measured(fleet):
    first = int(fleet.born) // 60 * 60 + 120
    asked = Asked(fleet.urls[1])
    window = {"after": first + 1, "before": first + 60, "points": 6, "dimensions": "*"}
    _, rows = asked.rows(asked.get("data", chart="system.cpu", options="natural-points", **window))
    times = np.arange(first + 1, first + 61)
    means = values(1, "system.cpu", times).reshape(6, 10, -1).mean(axis=1)
    assert [row[0] for row in rows] == [first + 60 - 10 * n for n in range(6)]
    assert np.allclose(np.array(rows)[::-1, 1:], means, atol=1e-6)


def test_a_day_at_once_is_averaged_without_a_word():
    with SimulatedFleet(1, step=1, history_s=200_000) as fleet:
        asked = Asked(fleet.urls[0])
        first = asked.first + 1000
        _, whole = asked.rows(data(asked, first, first + 86_399, options="natural-points"))
        assert len(whole) == 86_400
        _, averaged = asked.rows(data(asked, first, first + 180_000, options="natural-points"))
        assert len(averaged) < 86_400 + 10_000
        assert averaged[0][0] - averaged[1][0] == 2


# ---------------------------------------------------------------- faults


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
    _, rows = asked.rows(data(asked, asked.last - 10, asked.last - 5, dimensions="*"))
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
    _, rows = asked.rows(data(asked, int(began) - 3, int(began) + 3, options="natural-points"))
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
    answer = data(asked, asked.last - 9, asked.last - 1, options="jsonwrap", dimensions="*")
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


# ---------------------------------------------------------------- the program


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


def test_a_fleet_that_cannot_start_says_so(fleet, capfd):
    with pytest.raises(OSError, match="ended with status 1"):
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


# ---------------------------------------------------------------- the checker


@pytest.fixture
def collected(store):
    """A complete run of two simulated hosts, with everything that they measured; and its pieces."""
    start, end = 1_700_000_003.0, 1_700_000_403.0
    times = np.arange(1_700_000_005, end, 5)
    simulation = store.add(
        Simulation(
            experiment="fleet",
            sim_id="1",
            platform="K8s",
            provenance=Provenance(source="test", version="0", created=now()),
            hosts=tuple(
                Host(hostname=hostname(n), role=Role.WORKER, url=f"http://127.7.0.{n + 1}:1")
                for n in range(2)
            ),
        )
    )
    recorder = Recorder(store, simulation)
    recorder.note("START_SIMULATION", at=start)
    recorder.note("STOP_SIMULATION", at=end)
    series = [
        Series(
            hostname=hostname(n),
            chart=chart.id,
            context=chart.context,
            family=chart.family,
            unit=chart.unit,
            dimensions=tuple(Dimension(*names) for names in chart.dimensions),
            times=times.astype(float),
            values=values(n, chart.id, times),
            step=5.0,
        )
        for n in range(2)
        for chart in STUDY
    ]
    return recorder.simulation, series


def test_the_checker_counts_what_is_right(store, collected):
    simulation, series = collected
    store.write(simulation, series)
    assert verify(store, [simulation], 5) == Verified(samples=2 * 19 * 80)
    assert verify(store, [simulation], 5).faultless


def test_the_checker_finds_what_is_missing(store, collected):
    simulation, series = collected
    whole, *rest = series[1:]
    partly = replace(whole, times=whole.times[3:], values=whole.values[3:].copy())
    partly.values[10, 1] = np.nan
    store.write(simulation, [partly, *rest])
    found = verify(store, [simulation], 5)
    assert found == Verified(samples=2 * 19 * 80 - 800 - 13, missing=800 + 13)
    assert not found.faultless


def test_the_checker_finds_what_is_changed_and_what_nobody_measured(store, collected):
    simulation, series = collected
    spoilt = replace(series[0], values=series[0].values.copy())
    spoilt.values[7, 3] += 0.00001
    # One host's samples under the other's name, or a step later, are others.
    swapped = replace(series[5 + 1], values=series[1].values)
    later = replace(series[2], values=np.roll(series[2].values, 1, axis=0))
    beyond = replace(series[3], times=series[3].times + 5)
    other = replace(series[4], chart="system.other")
    everything = [spoilt, later, beyond, swapped, *series[7:], series[1], series[5], series[4]]
    store.write(simulation, [*everything, other])
    found = verify(store, [simulation], 5)
    assert found.changed >= 1 + 0.97 * (2 * 80 + 4 * 80 + 79) * 7 / 8
    assert found.invented == 1 + 2 * 80
    assert found.missing == 1


def test_the_checker_finds_what_is_doubled(store, collected):
    simulation, series = collected
    store.write(simulation, series)
    documents = store.database["series"]
    one = documents.find_one({"chart": "system.ram"})
    again = {key: part for key, part in one.items() if key != "_id"}
    documents.insert_one({**again, "stretch": one["stretch"] + 1})
    found = verify(store, [simulation], 5)
    assert found.doubled == one["samples"]
    assert (found.missing, found.changed, found.invented) == (0, 0, 0)
