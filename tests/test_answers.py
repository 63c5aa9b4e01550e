"""What agents say that nobody could keep."""

import pytest

from ingest.agents.answers import chart_of, info_of

HALF = "\ud800"  # of a character: JSON can write it, and nothing can keep it
CHART = {
    "name": "system.net",
    "family": "network",
    "context": "system.net",
    "units": "kilobits/s",
    "update_every": 1,
    "first_entry": 1000,
    "last_entry": 2000,
    "dimensions": {"InOctets": {"name": "received"}, "OutOctets": {"name": "sent"}},
}


@pytest.mark.parametrize(
    "change",
    [
        {"units": HALF},
        {"family": HALF},
        {"name": HALF},
        {"context": HALF},
        {"units": "x" * 1_201},
        {"units": ["%"]},
        {"dimensions": {HALF: {"name": "a"}}},
        {"dimensions": {"a": {"name": HALF}}},
        {"dimensions": {f"{n:0600}": {} for n in range(1_000)}},
        {"update_every": 10**400},
        {"update_every": 86_401},
    ],
)
def test_a_chart_that_nobody_could_keep_is_none(change):
    assert chart_of("system.net", CHART) is not None
    assert chart_of("system.net", {**CHART, **change}) is None


@pytest.mark.parametrize("moment", [1e300, 10**400, -(10**15), "nan"])
def test_a_time_that_cannot_be_is_none(moment):
    chart = chart_of("system.net", {**CHART, "first_entry": moment, "last_entry": moment})
    assert (chart.first_entry, chart.last_entry) == (None, None)


def test_what_an_agent_says_of_its_host_can_be_kept():
    said = {"version": f"v1{HALF}", "kernel_name": "x" * 10**6, "cores_total": 1e300}
    info = info_of(said, "")
    assert (info.version, info.cores, len(info.kernel)) == ("v1?", None, 1_200)
