"""Selections as a user writes them."""

import pytest

from minion.errors import InvalidData
from minion.selection import Selection, natural, words, written


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


def test_names_in_a_text_are_split_at_commas():
    selection = Selection.of(platform="K8s, K3s", hosts="a, b,c", phase="Start master,")
    assert selection.platforms == ("K8s", "K3s")
    assert selection.hosts == ("a", "b", "c")
    assert selection.phases == ("Start master",)


def test_names_in_a_list_stand_as_they_are():
    selection = Selection.of(
        platform=["K3s, ha", "K8s"], hosts=("a,b",), phase=["load, 1"], sims=["1-2", "7,8"]
    )
    assert selection.platforms == ("K3s, ha", "K8s")
    assert selection.hosts == ("a,b",)
    assert selection.phases == ("load, 1",)
    assert selection.sims == ("1", "2", "7,8")


def test_a_comma_of_a_name_is_written_with_a_backslash():
    assert words(r"K3s\, ha, K8s") == ("K3s, ha", "K8s")
    assert Selection.of(sims=r"1-3,9\,5").sims == ("1", "2", "3", "9,5")


@pytest.mark.parametrize(
    "name", ["K3s", "K3s, ha", ",", ",a", "a,", "a\\,b", "\\", "a\\", "a\\\\,b", '"a", b']
)
def test_every_name_can_be_written(name):
    assert words(written([name])) == (name,)
    assert words(written(["first", name])) == ("first", name)


def test_names_are_data_in_a_query():
    query = Selection.of(experiment="$where", sims="$ne", platform="{}").query()
    assert query["experiment"] == "$where"
    assert query["sim_id"] == {"$in": ["$ne"]}


def test_natural_order():
    names = ["run 10", "run 9", "1000", "99", "a", "run"]
    assert sorted(names, key=natural) == ["99", "1000", "a", "run", "run 9", "run 10"]


def test_natural_order_takes_every_name():
    assert sorted(["run 10", "run 9", "K8²", "K8s", "③", "run 09"], key=natural) == [
        "K8s",
        "K8²",
        "run 09",
        "run 9",
        "run 10",
        "③",
    ]
