"""Simulated agents answer as real ones do: the same questions to both."""

import gzip
import http.client
import json
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
from asked_agents import Asked
from fleet import CHARTS, STUDY, SimulatedFleet

HISTORY_S = 900


@pytest.fixture(scope="module")
def fleet():
    with SimulatedFleet(1, step=1, history_s=HISTORY_S) as running:
        yield running


@pytest.fixture(scope="module")
def slower_fleet():
    with SimulatedFleet(1, step=2, history_s=HISTORY_S) as running:
        yield running


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
            answer = asked.data(asked.first - 500, asked.first - 400, options="natural-points")
            assert answer.status_code == 404
            texts.add(answer.text)
        assert texts == {"No metrics where matched to query."}


def test_a_window_in_the_future_is_shifted_into_the_past(pairs):
    for pair in pairs:
        lengths = []
        for asked in pair:
            now = int(time.time())
            answer = asked.data(now + 1000, now + 1020, options="natural-points,jsonwrap")
            assert answer.status_code == 200
            _, rows = asked.rows(answer)
            assert now - 3 * asked.step - 3 <= rows[0][0] <= time.time()
            lengths.append(len(rows))
        assert lengths[0] == lengths[1]


def test_a_relative_window(pairs):
    for pair in pairs:
        lengths = []
        for asked in pair:
            _, rows = asked.rows(asked.data(-10, 0, options="natural-points"))
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
