"""Agents to pull from, one that breaks its answers too, and what pulls hold."""

import pytest
from faulty_agent import FaultyAgent
from netdata_agents import RunningAgent

from minion.model import Host, Role

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


def table_of(agent, chart, first, last, **more):
    return agent.get(
        "data", chart=chart, after=first, before=last - 1, dimensions="*", format="json", **more
    ).json()
