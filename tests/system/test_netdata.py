"""Pulling from real netdata agents, and from a real one behind a server that breaks its answers."""

import signal
import subprocess
import threading
import time
from dataclasses import replace
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from faulty_agent import FaultyAgent, answer, changed, hang, not_http, redirect, reset, status
from netdata_agents import RunningAgent
from waiting import wait_for

from ingest import netdata
from ingest.agent import MOST_POINTS, Agent
from ingest.netdata import DEFAULT_CONTEXTS, WINDOW_ROWS, pull
from ingest.through_pandas import netdata_pandas
from minion.errors import AgentError, InvalidData, NotFound
from minion.model import Host, Role
from minion.series import Dimension

pytestmark = pytest.mark.system

CPU = "chart=system.cpu&"


def host(url, name="node"):
    url = url.url if isinstance(url, RunningAgent) else url
    return Host(hostname=name, role=Role.WORKER, url=url)


def only(pulled, chart):
    return next(series for series in pulled.series if series.chart == chart)


def column(series, dimension):
    ids = [d.id for d in series.dimensions]
    return series.values[:, ids.index(dimension)]


def assert_is_what_the_agent_says(agent, series, first, last):
    """Every value of first <= time < last, and no other, equal to the last digit."""
    said = {
        time_: row
        for time_, row in agent.rows(series.chart, first - 10, last).items()
        if first <= time_ < last
    }
    assert series.times.tolist() == sorted(said)
    for time_, row in zip(series.times, series.values, strict=True):
        assert {d.name: v for d, v in zip(series.dimensions, row, strict=True)} == said[time_]


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


@pytest.fixture
def node(two_agents):
    return two_agents[0]


@pytest.fixture
def window(two_agents):
    """Ten seconds whose samples are all there, on both."""
    return two_agents[1].history(10)


@pytest.fixture
def faulty(node):
    with FaultyAgent(node.url) as agent:
        yield agent


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
        interpolating.on("/api/v1/data", answer(_table(slow, "system.ram", first, last, points=10)))
        again = only(pull(host(interpolating.url), first, last, contexts=["system.ram"]), ram.chart)
    assert np.array_equal(again.times, ram.times)


def _table(agent, chart, first, last, **more):
    return agent.get(
        "data", chart=chart, after=first, before=last - 1, dimensions="*", format="json", **more
    ).json()


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
    table = _table(node, "system.cpu", *window)
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
    assert agent.data(cpu, window[0] - 9000, window[0] - 8000).times == ()
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


# ---------------------------------------------------------------- what goes wrong on the way

RECOVERED = [
    status(404, b"No metrics where matched to query."),
    status(500),
    answer(b"<html>"),
    answer({"labels": ["time", "user"], "data": [[None, "x"], {}]}),
    not_http,
    reset,
    changed(lambda table: table["data"].__delitem__(slice(0, 5))),
    changed(lambda table: table["data"].__delitem__(slice(5, 11))),
    changed(lambda table: table["data"].clear()),
    changed(lambda table: table["data"].append([0, *table["data"][0]])),
]


@pytest.mark.parametrize("fault", RECOVERED)
def test_a_failure_that_passes_costs_nothing(faulty, node, window, fault, capsys):
    faulty.on(f"data?{CPU}", fault, times=1)
    pulled = pull(host(faulty.url), *window)
    for series in pulled.series:
        assert_is_what_the_agent_says(node, series, *window)
    assert pulled.missing == ()
    assert pulled.retry_from == pulled.until == window[1]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (status(401), "wants a user and a password"),
        (status(412), "bearer token"),
        (status(500), "HTTP 500"),
        (status(503), "ask again in a moment"),
        (answer(b"<html>"), "is not JSON"),
        (answer({}), "are not netdata's"),
        (not_http, "does not speak HTTP"),
        (reset, "breaks the connection"),
        (hang, "no whole answer within 1 s"),
    ],
)
def test_a_chart_that_fails_leaves_the_others_and_is_missing(
    faulty, node, window, fault, reason, capsys
):
    faulty.on(f"data?{CPU}", fault)
    pulled = pull(host(faulty.url), *window, timeout=1, tries=2)
    assert {s.chart for s in pulled.series} == {c.id for c in pulled.charts} - {"system.cpu"}
    for series in pulled.series:
        assert_is_what_the_agent_says(node, series, *window)
    (missing,) = pulled.missing
    assert (missing.chart, missing.first, missing.last) == ("system.cpu", *window)
    assert reason in missing.reason
    assert "\n" not in missing.reason
    assert pulled.until == window[1]
    assert pulled.retry_from == window[0]  # the agent may have it: worth asking again
    assert capsys.readouterr() == ("", "")


def test_a_chart_that_does_not_answer_is_not_waited_for_in_every_window(
    faulty, window, monkeypatch
):
    monkeypatch.setattr(netdata, "WINDOW_ROWS", 2)
    faulty.on(f"data?{CPU}", hang)
    began = time.monotonic()
    pulled = pull(host(faulty.url), *window, timeout=0.7)
    assert time.monotonic() - began < 4
    assert len(faulty.asked(f"data?{CPU}")) == 2
    assert [(m.chart, m.first, m.last) for m in pulled.missing] == [("system.cpu", *window)]


@pytest.mark.parametrize("part", ["/api/v1/info", "/api/v1/charts", "/api/v1/data"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (hang, "no whole answer within 0.7 s"),
        (status(500), "HTTP 500"),
        (redirect("http://127.0.0.1:1"), "127.0.0.1:1|refuses"),
    ],
)
def test_an_agent_that_gives_nothing(faulty, window, part, fault, words):
    faulty.on(part, fault)
    began = time.monotonic()
    with pytest.raises(AgentError, match=words):
        pull(host(faulty.url), *window, timeout=0.7, tries=2)
    assert time.monotonic() - began < 5


def test_charts_that_answer_are_had_when_another_is_silent(faulty, node, window):
    """Without netdata-pandas' help: one that breaks ends its whole call."""
    faulty.on("data?chart=system.ram&", reset)
    faulty.on(f"data?{CPU}", hang)
    pulled = pull(host(faulty.url), *window, timeout=0.7, tries=2)
    assert {m.chart for m in pulled.missing} == {"system.cpu", "system.ram"}
    assert len(pulled.series) == len(pulled.charts) - 2
    for series in pulled.series:
        assert_is_what_the_agent_says(node, series, *window)


def test_half_a_window_for_good(faulty, window):
    first, last = window
    half = first + 5
    faulty.on(
        f"data?{CPU}", changed(lambda t: t.update(data=[r for r in t["data"] if r[0] >= half]))
    )
    pulled = pull(host(faulty.url), first, last, tries=2)
    assert only(pulled, "system.cpu").times.tolist() == list(range(half, last))
    (missing,) = pulled.missing
    assert (missing.first, missing.last) == (first, half)
    assert missing.reason == "the agent has no samples of that time"
    assert len(faulty.asked(f"data?{CPU}")) == 3  # once for all, twice for what was left out


def test_a_null_is_missing_never_zero_nor_its_neighbour(faulty, node, window):
    first, last = window
    gone = range(first + 3, first + 6)

    def nulls(table):
        for row in table["data"]:
            if row[0] in gone:
                row[1:] = [None] * (len(row) - 1)
            if row[0] == first + 8:
                row[1] = None

    faulty.on(f"data?{CPU}", changed(nulls))
    pulled = pull(host(faulty.url), first, last)
    cpu = only(pulled, "system.cpu")
    assert cpu.times.tolist() == [t for t in range(first, last) if t not in gone]
    assert np.argwhere(np.isnan(cpu.values)).tolist() == [[5, 0]]
    (missing,) = pulled.missing
    assert (missing.chart, missing.first, missing.last) == ("system.cpu", gone[0], gone[-1] + 1)
    assert pulled.retry_from == last  # the agent has said so: nothing to ask again
    ram = only(pulled, "system.ram")
    assert_is_what_the_agent_says(node, ram, first, last)


@pytest.mark.parametrize("dimension", ["user", "idle"])
def test_a_dimension_that_is_null_throughout_stays_a_column(faulty, window, dimension):
    def null(table):
        place = table["labels"].index(dimension)
        for row in table["data"]:
            row[place] = None

    faulty.on(f"data?{CPU}", changed(null))
    pulled = pull(host(faulty.url), *window)
    cpu = only(pulled, "system.cpu")
    assert np.isnan(column(cpu, dimension)).all()
    assert not np.isnan(column(cpu, "system")).any()
    assert pulled.missing == ()


def test_rows_that_nobody_asked_for_are_dropped(faulty, node, window):
    def more(table):
        width = len(table["labels"]) - 1
        extra = (window[0] - 100, window[0] - 2, window[1], window[1] + 50)
        table["data"] = [[t, *[7] * width] for t in extra] + table["data"] + table["data"][:2]

    faulty.on("/api/v1/data", changed(more))
    for series in pull(host(faulty.url), *window).series:
        assert_is_what_the_agent_says(node, series, *window)


def test_what_is_late_is_not_settled(faulty, monkeypatch):
    """Not even when a later window was asked for already."""
    monkeypatch.setattr(netdata, "WINDOW_ROWS", 1)
    late = int(time.time()) - 1
    faulty.on(
        f"data?{CPU}", changed(lambda t: t.update(data=[r for r in t["data"] if r[0] < late]))
    )
    pulled = pull(host(faulty.url), late - 2, late + 100, contexts=["system.cpu"])
    assert only(pulled, "system.cpu").times.tolist() == [late - 2, late - 1]
    assert pulled.until == pulled.retry_from == late
    assert pulled.missing == ()


def test_a_chart_that_goes_away_while_pulling(faulty, window):
    faulty.on("system.cpu", status(404))
    (missing,) = pull(host(faulty.url), *window).missing
    assert missing.chart == "system.cpu"
    assert missing.reason == "the agent has no samples of this chart"


def test_a_password_reaches_every_request(faulty, window):
    pulled = pull(host(faulty.url.replace("//", "//ada:secret@")), *window)
    assert pulled.missing == ()
    assert len(faulty.requests) == 2 + len(pulled.charts)  # nothing was asked twice
    assert set(faulty.authorizations) == {"Basic YWRhOnNlY3JldA=="}
    faulty.on("/api/v1/data", status(401))
    with pytest.raises(AgentError) as caught:
        pull(host(faulty.url.replace("//", "//ada:secret@")), *window)
    assert "secret" not in str(caught.value)


def test_a_chart_with_an_odd_name_and_dimensions_of_one_name(faulty, node, window):
    entry = node.get("chart", chart="system.net").json()
    odd = {**entry, "id": "net & more/ä", "context": "odd"}
    twins = {**entry, "id": "twins", "context": "odd"}
    twins["dimensions"] = {key: {"name": "same"} for key in entry["dimensions"]}
    faulty.on("/api/v1/charts", answer({"charts": {odd["id"]: odd, "twins": twins}}))
    table = _table(node, "system.net", *window, options="jsonwrap")
    faulty.on("/api/v1/data", answer(table["result"]))
    faulty.on("chart=twins", answer(table))
    pulled = pull(host(faulty.url), *window, contexts=["odd"])
    assert faulty.asked("data?chart=net%20%26%20more%2F%C3%A4&")
    for series in pulled.series:
        assert_is_what_the_agent_says(
            node, replace(series, chart="system.net", dimensions=NET), *window
        )
    assert pulled.missing == ()


NET = (Dimension("InOctets", "received"), Dimension("OutOctets", "sent"))


def test_an_interrupt_is_an_interrupt(faulty, window):
    faulty.on("/api/v1/data", hang)

    def interrupt():
        wait_for(lambda: len(faulty.asked("/api/v1/data")) >= 5, 10, "the charts are asked for")
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        pull(host(faulty.url), *window, timeout=20)
    thread.join()


def test_a_window_between_two_samples_is_settled_without_asking(faulty, window):
    first = window[0]
    pulled = pull(host(faulty.url), first + 0.2, first + 0.8)
    assert pulled.series == pulled.missing == ()
    assert pulled.until == first + 0.8
    assert faulty.asked("/api/v1/data") == []


@pytest.mark.parametrize(("first", "last"), [(5, 5), (6, 5), (float("nan"), 5), (0, float("inf"))])
def test_a_window_that_is_none(first, last):
    with pytest.raises(InvalidData, match="no time lies between"):
        pull(host("http://127.0.0.1:1"), first, last)


def test_a_host_without_an_agent():
    with pytest.raises(InvalidData, match="give it an address"):
        pull(Host(hostname="controller", role=Role.CONTROLLER), 1, 2)


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
