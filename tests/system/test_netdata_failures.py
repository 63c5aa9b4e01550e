"""Pulling from a real netdata agent behind a server that breaks its answers."""

import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from faulty_agent import answer, changed, hang, not_http, redirect, reset, status
from pulling import CPU, assert_is_what_the_agent_says, column, host, only, table_of
from waiting import wait_for

from ingest.agents import netdata
from ingest.agents.netdata import pull
from minion.errors import AgentError, InvalidData
from minion.model import Host, Role
from minion.series import Dimension

pytestmark = pytest.mark.system


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
    table = table_of(node, "system.net", *window, options="jsonwrap")
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
