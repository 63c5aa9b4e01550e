"""Pulling from real netdata agents."""

import signal
import subprocess
import threading
import time
from dataclasses import replace
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from faulty_agent import FaultyAgent, answer
from pulling import CPU, assert_is_what_the_agent_says, column, host, only, table_of
from waiting import wait_for

from ingest.agents import netdata
from ingest.agents.agent import MOST_POINTS, Agent
from ingest.agents.netdata import DEFAULT_CONTEXTS, WINDOW_ROWS, pull
from ingest.agents.through_pandas import netdata_pandas
from minion.errors import AgentError, InvalidData, NotFound

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def mortal(agents):
    """An agent that a test restarts; it gathers samples until then."""
    return agents.start("mortal", wait=False)


@pytest.fixture(scope="module")
def child(agents, two_agents):
    return agents.start("child", parent=two_agents[0], wait=False)


@pytest.fixture(scope="module", autouse=True)
def _all_at_once(two_agents, child, mortal):
    """What the tests wait for are samples: let them come together."""


# ---------------------------------------------------------------- what an agent has


@pytest.mark.parametrize("which", [0, 1])
def test_values_are_the_agents_own(two_agents, which):
    agent = two_agents[which]
    first, last = agent.history(10)
    pulled = pull(host(agent, "worker-1"), first, last)
    assert pulled.info.hostname == agent.name
    assert {series.context for series in pulled.series} >= {"system.cpu", "system.ram"}
    for series in pulled.series:
        assert series.hostname == "worker-1"
        assert series.step == agent.every
        assert_is_what_the_agent_says(agent, series, first, last)
    assert [m for m in pulled.missing if m.chart not in DEFAULT_CONTEXTS] == []
    assert pulled.until == pulled.retry_from == last


def test_a_series_says_what_it_is(node, window):
    pulled = pull(host(node), *window)
    assert [chart.id for chart in pulled.charts] == [series.chart for series in pulled.series]
    for chart, series in zip(pulled.charts, pulled.series, strict=True):
        assert (series.context, series.family) == (chart.context, chart.family)
        assert (series.unit, series.name) == (chart.unit, chart.name)
        assert {d.id: d.name for d in series.dimensions}.items() >= chart.dimensions.items()
    cpu, said = only(pulled, "system.cpu"), node.get("chart", chart="system.cpu").json()
    assert (cpu.unit, cpu.family, cpu.name) == (said["units"], said["family"], said["name"])


def test_dimensions_have_ids_and_names_and_keep_their_sign(node, window):
    net = only(pull(host(node), *window, contexts=["system.net"]), "system.net")
    assert [(d.id, d.name) for d in net.dimensions] == [
        ("InOctets", "received"),
        ("OutOctets", "sent"),
    ]
    assert (column(net, "OutOctets") <= 0).all()


def test_idle_is_there_although_hidden(node, window):
    hidden = node.get("data", chart="system.cpu", after=window[0], before=window[1]).json()
    assert "idle" not in hidden["labels"]
    assert "idle" not in Agent(node.url).charts()["system.cpu"].dimensions
    cpu = only(pull(host(node), *window), "system.cpu")
    assert np.allclose(cpu.values.sum(axis=1), 100, atol=0.01)


def test_the_end_of_a_window_is_not_in_it(node, window):
    first, last = window
    assert set(node.rows("system.cpu", first, last)) >= {first, last}
    times = only(pull(host(node), first, last), "system.cpu").times
    assert times.tolist() == list(range(first, last))
    times = only(pull(host(node), first + 0.5, last - 0.5), "system.cpu").times
    assert times.tolist() == list(range(first + 1, last))


def test_windows_in_a_row_repeat_and_lose_nothing(faulty, window, monkeypatch):
    first, last = window
    whole = pull(host(faulty.url), first, last)
    monkeypatch.setattr(netdata, "WINDOW_ROWS", 3)
    faulty.requests.clear()
    parts = pull(host(faulty.url), first, last)
    assert len(faulty.asked(CPU)) == 4
    for one, other in zip(whole.series, parts.series, strict=True):
        assert one.dimensions == other.dimensions
        assert np.array_equal(one.times, other.times)
        assert np.array_equal(one.values, other.values)


def test_no_window_is_so_long_that_an_agent_averages(node):
    last = int(time.time()) - 2
    times = sorted(node.rows("system.cpu", last - 3 * MOST_POINTS, last))
    assert all(b - a > 1 for a, b in pairwise(times))  # the agent averages
    longest = max(b - a for a, b in netdata._windows(0.5, 200_000.5, 1))
    assert longest <= WINDOW_ROWS < MOST_POINTS
    with pytest.raises(InvalidData, match="shorter windows"):
        Agent(node.url).data(Agent(node.url).charts()["system.cpu"], last - 100_000, last)


def test_a_window_in_the_future_is_empty(node):
    future = int(time.time()) + 1000
    shifted = node.rows("system.cpu", future, future + 5)
    assert shifted
    assert max(shifted) < future  # the agent moves the window into the past
    pulled = pull(host(node), future, future + 5)
    assert pulled.series == ()
    assert pulled.missing == ()
    assert pulled.until == pulled.retry_from == future


def test_a_window_that_ends_in_the_future_has_all_that_is_past(node):
    first = int(time.time()) - 5
    cpu = only(pulled := pull(host(node), first, first + 1000), "system.cpu")
    assert cpu.times[0] == first
    assert np.array_equal(np.diff(cpu.times), np.ones(len(cpu.times) - 1))
    assert pulled.until <= cpu.times[-1] + 1
    assert pulled.missing == ()


def test_what_comes_while_pulling_is_complete_and_final(node):
    """Windows one after the other, each from where the one before was settled."""
    first = start = time.time()
    times, kept = [], {}
    while first < start + 3:
        pulled = pull(host(node), first, time.time(), contexts=["system.cpu", "system.load"])
        assert pulled.missing == ()
        for series in pulled.series:
            if series.chart == "system.cpu":
                settled = series.window(first, pulled.until)
                times.extend(settled.times)
                kept.update(zip(settled.times, column(settled, "idle"), strict=True))
        assert pulled.until >= first
        first = pulled.until
        threading.Event().wait(0.3)
    assert times == list(range(int(times[0]), int(times[-1]) + 1))
    assert times[0] < start + 1
    said = node.rows("system.cpu", times[0], times[-1])
    assert {t: said[t]["idle"] for t in times} == kept


def test_only_absolute_windows_of_samples_as_they_are(faulty, window):
    pull(host(faulty.url), *window)
    for path in faulty.asked("/api/v1/data"):
        asked = parse_qs(urlsplit(path).query)
        assert int(asked["after"][0]) == window[0] - 1
        assert int(asked["before"][0]) == window[1] - 1
        assert asked["dimensions"] == ["*"]
        assert asked["points"] == ["0"]  # finer than the interval would be interpolated
        assert asked["tier"] == ["0"]  # else averages stand in for samples that are gone


def test_never_finer_than_the_agents_interval(two_agents):
    slow = two_agents[1]
    first, last = slow.history(10)
    finer = slow.rows("system.ram", first, last - 1, points=10)
    assert {b - a for a, b in pairwise(sorted(finer))} == {1}
    ram = only(pull(host(slow), first, last), "system.ram")
    assert set(np.diff(ram.times)) == {2}
    with FaultyAgent(slow.url) as interpolating:
        interpolating.on(
            "/api/v1/data", answer(table_of(slow, "system.ram", first, last, points=10))
        )
        again = only(pull(host(interpolating.url), first, last, contexts=["system.ram"]), ram.chart)
    assert np.array_equal(again.times, ram.times)


@pytest.mark.parametrize("shift", range(5))
def test_windows_off_the_charts_grid_lose_nothing(node, shift):
    """An agent counts a window's rows back from its end, and so may leave out the first."""
    first, last = node.history(5, "system.load")
    inside = list(range(first, last, 5))
    load = only(pull(host(node), first - shift, last, contexts=["system.load"]), "system.load")
    assert load.times.tolist() == inside
    load = only(pull(host(node), first, last - shift, contexts=["system.load"]), "system.load")
    assert load.times.tolist() == inside


def test_charts_of_different_intervals_are_asked_apart(node):
    first, last = node.history(5, "system.load")
    both = ["system.cpu", "system.load"]
    together = netdata_pandas.get_data(
        hosts=[node.url.removeprefix("http://")], charts=both, after=first, before=last, ffill=False
    )
    assert together.isna().any(axis=None)
    pulled = pull(host(node), first, last, contexts=both)
    assert [series.step for series in pulled.series] == [1, 5]
    assert not any(np.isnan(series.values).any() for series in pulled.series)


def test_the_agents_newest_row_is_first_and_ours_last(node, window):
    table = table_of(node, "system.cpu", *window)
    assert table["data"][0][0] > table["data"][-1][0]
    assert (np.diff(only(pull(host(node), *window), "system.cpu").times) > 0).all()


def test_a_chart_that_one_agent_has(two_agents, window):
    wanted = ["system.cpu", "system.uptime"]
    there, absent = (pull(host(agent), *window, contexts=wanted) for agent in two_agents)
    assert {series.chart for series in there.series} == set(wanted)
    assert there.missing == ()
    assert [series.chart for series in absent.series] == ["system.cpu"]
    (missing,) = absent.missing
    assert (missing.chart, missing.first, missing.last) == ("system.uptime", *window)
    assert "chart unknown" in missing.reason
    assert pull(host(two_agents[1]), *window, contexts=["system.uptim*"]).missing == ()


def test_patterns_name_contexts_and_ids(node, window):
    charts = Agent(node.url).charts()
    pulled = pull(host(node), *window, contexts=["mem.*", "system.cp[u]", "cpu.cpu0", "system.cpu"])
    wanted = {c.id for c in charts.values() if c.context.startswith("mem.")}
    assert {c.id for c in pulled.charts} == wanted | {"system.cpu", "cpu.cpu0"}


def test_what_is_older_than_the_agent_is_missing_not_zero(node):
    oldest = Agent(node.url).charts()["system.cpu"].first_entry
    nulls = node.rows("system.cpu", oldest - 5, oldest + 5)
    assert set(nulls[oldest - 2].values()) == {None}
    pulled = pull(host(node), oldest - 5, oldest + 5, contexts=["system.cpu"])
    (missing,) = pulled.missing
    cpu = only(pulled, "system.cpu")
    assert (missing.first, missing.last) == (oldest - 5, cpu.times[0])
    assert missing.reason == "older than what the agent has of this chart"
    assert not np.isnan(cpu.values).all(axis=1).any()
    assert pulled.retry_from == pulled.until


def test_one_404_for_an_unknown_chart_and_for_no_samples(node, window):
    agent = Agent(node.url)
    cpu = agent.charts()["system.cpu"]
    answers = [
        node.get("data", chart="no.such", after=window[0], before=window[1]),
        node.get("data", chart="system.cpu", after=window[0] - 9000, before=window[0] - 8000),
    ]
    assert {a.status_code for a in answers} == {404}
    assert len({a.text for a in answers}) == 1
    with pytest.raises(NotFound, match=r"knows no chart no\.such"):
        agent.data(replace(cpu, id="no.such"), *window)
    assert agent.data(cpu, window[0] - 9000, window[0] - 8000).times.tolist() == []
    pulled = pull(host(node), window[0] - 9000, window[0] - 8000, contexts=["system.cpu"])
    assert pulled.series == ()
    assert [(m.first, m.last) for m in pulled.missing] == [(window[0] - 9000, window[0] - 8000)]


def test_a_restart_is_a_gap(agents, mortal):
    first, _ = mortal.history(2)
    mortal.stop(signal.SIGTERM)
    stopped = int(time.time())
    threading.Event().wait(2)  # the gap to be found is made of time
    again = agents.start(mortal.name)
    wait_for(lambda: len(_measured(again, stopped + 2)) > 4, 20, "samples after the restart")
    last = max(_measured(again, stopped))
    pulled = pull(host(again), first, last, contexts=["system.cpu"])
    cpu = only(pulled, "system.cpu")
    (gap,) = pulled.missing
    assert gap.reason == "the agent has no samples of that time"
    assert first + 2 <= gap.first <= stopped + 2 <= gap.last
    assert cpu.times.tolist() == [t for t in range(first, last) if not gap.first <= t < gap.last]
    again.stop()


def _measured(agent, since):
    rows = agent.rows("system.cpu", since - 1, time.time())
    return [t for t, row in rows.items() if t >= since and row["user"] is not None]


def test_a_child_of_a_parent(node, child):
    url = f"{node.url}/host/child"
    _, last = child.history(4)
    wait_for(lambda: pull(host(url), last, last + 1).series, 10, "the child's samples")
    pulled = pull(host(url), last - 3, last)
    assert pulled.info.hostname == "child"
    assert Agent(node.url).info().hostname == node.name
    assert len(pulled.series) >= 2
    for series in pulled.series:
        assert_is_what_the_agent_says(child, series, last - 3, last)


def test_ipv6(node, window):
    url = node.url.replace("127.0.0.1", "[::1]")
    assert_is_what_the_agent_says(node, only(pull(host(url), *window), "system.cpu"), *window)


def test_tls(agents, tmp_path, monkeypatch):
    pem = tmp_path / "both.pem"
    command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=node -keyout {pem}"
    try:
        subprocess.run(
            [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1", "-out", tmp_path / "cert"],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    pem.write_text(pem.read_text() + (tmp_path / "cert").read_text())
    agent = agents.start("secure", certificate=pem)
    last = int(time.time())
    with pytest.raises(AgentError, match="no trusted TLS connection"):
        pull(host(agent), last - 1, last)
    with pytest.raises(AgentError, match=f"sends on to {agent.url}; "):
        pull(host(agent.url.replace("https", "http")), last - 1, last)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    wait_for(lambda: pull(host(agent), last, last + 1).series, 10, "samples over TLS")
    agent.stop()


def test_an_agent_that_does_not_let_us_in(agents):
    agent = agents.start("closed", settings={"web": {"allow dashboard from": "10.*"}}, wait=False)
    with pytest.raises(AgentError, match=r"HTTP 403 .* `allow dashboard from`"):
        pull(host(agent), 1, 2)
    agent.stop()
    with pytest.raises(AgentError, match="refuses the connection"):
        pull(host(agent), 1, 2)


def test_two_at_once(two_agents, capsys):
    """Each with its own samples, and without taking what others print."""
    windows = [agent.history(10) for agent in two_agents]
    results = {}

    def work(place):
        for _ in range(5):
            results[place] = pull(host(two_agents[place]), *windows[place])

    threads = [threading.Thread(target=work, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    lines = 0
    while any(thread.is_alive() for thread in threads):
        print("mine")  # noqa: T201  what is tested
        lines += 1
        threading.Event().wait(0.001)
    assert capsys.readouterr().out == "mine\n" * lines
    for place, agent in enumerate(two_agents):
        for series in results[place].series:
            assert_is_what_the_agent_says(agent, series, *windows[place])


# ---------------------------------------------------------------- why netdata-pandas needs watching


def test_several_hosts_in_one_call_are_what_is_avoided(two_agents, window):
    """Another index, and one host's values carried into another's: hence one host a call."""
    first, last = window
    places = [agent.url.removeprefix("http://") for agent in two_agents]
    charts = {place: ["system.cpu"] for place in places}
    charts[places[0]] = ["system.cpu", "system.uptime"]

    def frame(**more):
        return netdata_pandas.get_data(host_charts_dict=charts, after=first, before=last, **more)

    clean = frame(ffill=False)
    assert clean.index.names == ["host", "time_idx"]
    assert sorted(set(clean.index.get_level_values("host"))) == sorted(places)
    uptime = "system.uptime|uptime"
    assert clean.loc[places[1]][uptime].isna().all()
    if places[0] < places[1]:
        assert frame().loc[places[1]][uptime].notna().any()


def test_what_netdata_pandas_prints_outside_a_pull_is_still_printed(node, capsys):
    netdata_pandas.get_data(
        hosts=[node.url.removeprefix("http://")], charts=["no.such", "system.cpu"]
    )
    assert "error found on data from" in capsys.readouterr().out
