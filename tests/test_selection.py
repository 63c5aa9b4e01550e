"""Selections as a user writes them."""

import pytest

from minion.errors import InvalidData
from minion.selection import Selection, natural


@pytest.mark.parametrize(
    ("sims", "ids"),
    [
        ("1000-1003,1030", "1000 1001 1002 1003 1030"),
        ("0008-0011", "0008 0009 0010 0011"),
        ("7, 7,5-6", "7 5 6"),
        (["1-2", "k3s#1"], "1 2 k3s#1"),
        ("run-1", "run-1"),
        ("GKE/iperf-0", "GKE/iperf-0"),
        (None, ""),
    ],
)
def test_ranges(sims, ids):
    assert list(Selection.of(sims=sims).sims) == ids.split()


@pytest.mark.parametrize("sims", ["9-1", "1-999999999"])
def test_ranges_that_cannot_be_meant(sims):
    with pytest.raises(InvalidData, match="the range"):
        Selection.of(sims=sims)


def test_names_are_split_at_commas():
    selection = Selection.of(platform="K8s, K3s", hosts=["a", "b,c"], phase="Start master,")
    assert selection.platforms == ("K8s", "K3s")
    assert selection.hosts == ("a", "b", "c")
    assert selection.phases == ("Start master",)


def test_names_are_data_in_a_query():
    query = Selection.of(experiment="$where", sims="$ne", platform="{}").query()
    assert query["experiment"] == "$where"
    assert query["sim_id"] == {"$in": ["$ne"]}


def test_natural_order():
    names = ["run 10", "run 9", "1000", "99", "a", "run"]
    assert sorted(names, key=natural) == ["99", "1000", "a", "run", "run 9", "run 10"]
