"""Profiles as frames: read back, the top functions, what changed, the path of a packet."""

import pandas as pd
import pytest

from analysis.profiling.growth import changes_chart
from analysis.profiling.packets import packet_path, paths
from analysis.profiling.reading import folded, functions, one_unit, stacks
from analysis.profiling.tables import changes, top
from ingest.profiling.perf import import_perf
from minion.errors import InvalidData, NotFound


def profile(rows, platform="a", sim_id="a/1", experiment="e"):
    """A frame as `functions` gives it: (process, function): own time."""
    return pd.DataFrame(
        {
            "experiment": experiment,
            "platform": platform,
            "sim_id": sim_id,
            "process": [process for process, _ in rows],
            "function": [function for _, function in rows],
            "calls": 2.0,
            "self_ms": [float(own) for own in rows.values()],
            "total_ms": [2.0 * own for own in rows.values()],
        }
    )


def call(function, depth, start, took, own, tree=1):
    return (tree, depth, "app", 1, function, start, took, own)


def path(*rows):
    columns = "tree depth process cpu function start_us duration_us self_us".split()
    return pd.DataFrame(rows, columns=columns)


PATH = path(
    call("send", 0, 0.0, 10.0, 4.0),
    call("queue", 1, 1.0, 6.0, 5.0),
    call("lock", 2, 2.0, 1.0, 1.0),
    call("receive", 0, 0.0, 3.0, 3.0, tree=2),
    call("send", 0, 0.0, 2.0, 2.0, tree=3),
)


def test_what_is_read_is_tidy_and_the_largest_first(store, tmp_path):
    (tmp_path / "p").mkdir()
    file = tmp_path / "p" / "x.folded"
    file.write_text("app;main;b 2\napp;main 1\nother;a 7\n")
    import_perf(store, [file], experiment="e")
    frame = functions(store, "samples")
    assert list(frame.columns) == [
        *("experiment", "platform", "sim_id", "process", "function", "calls"),
        *("self_samples", "total_samples"),
    ]
    assert frame["function"].tolist() == ["a", "b", "main"]
    assert frame["total_samples"].tolist() == [7, 2, 3]
    assert frame["process"].tolist() == ["other", "app", "app"]
    assert stacks(store, "samples")["unit"].unique().tolist() == ["samples"]
    with pytest.raises(NotFound, match=r"such a profile of time; there are: samples \(calls\)"):
        functions(store)
    with pytest.raises(NotFound, match="no experiment"):
        functions(store, experiment="no")


def test_a_store_without_profiles_says_how_to_get_one(store):
    with pytest.raises(NotFound, match="import one"):
        functions(store)


def test_very_many_stacks_stay_below_what_a_document_holds(store, tmp_path):
    # 12,000 stacks of 1,000 letters: 24 MB of names, more than one document of MongoDB.
    (tmp_path / "p").mkdir()
    file = tmp_path / "p" / "x.folded"
    file.write_text("".join(f"app;{'f' * 1000}{n};g 1\n" for n in range(12_000)))
    import_perf(store, [file])
    frame = stacks(store, "samples")
    assert len(frame) == 12_000
    assert frame["process"].unique().tolist() == ["app"]
    assert frame["value"].sum() == 12_000


def test_the_top_functions_are_means_of_the_runs():
    frame = pd.concat(
        [
            profile({("p", "f"): 6, ("q", "f"): 2}),
            profile({("p", "f"): 2, ("p", "g"): 6}, sim_id="a/2"),
            profile({("p", "h"): 5}, platform="b", sim_id="b/1"),
        ]
    )
    table = top(frame)
    assert table["function"].tolist() == ["f", "g", "f", "h"]
    assert table["self_ms"].tolist() == [4, 3, 1, 5]
    assert table["share_pct"].tolist() == [50, 37.5, 12.5, 100]
    assert table["sum_pct"].tolist() == [50, 87.5, 100, 100]
    assert table["runs"].tolist() == [2, 2, 2, 1]
    assert top(frame, 1, by=("function",))["self_ms"].tolist() == [5, 5]
    assert top(frame, 1, groups=("sim_id",))["function"].tolist() == ["f", "g", "h"]
    with pytest.raises(InvalidData, match="the frame is no function profile"):
        top(frame.drop(columns="self_ms"))


def test_very_many_functions_of_which_few_or_none_were_counted():
    every = {("p", f"f{n}"): n + 1 for n in range(200)}
    one = profile(every).assign(calls=float("nan"))
    other = profile(dict(list(every.items())[:5]), platform="b", sim_id="b/1")
    frame = pd.concat([one, other])
    frame = frame.astype(dict.fromkeys(["platform", "sim_id", "process", "function"], "category"))
    alone = frame[(frame["platform"] == "a").to_numpy()]
    assert top(alone, 1)[["function", "self_ms"]].to_numpy().tolist() == [["f199", 200]]
    assert top(alone, None)["calls"].isna().all()
    table = top(frame, None)
    assert table["calls"].count() == 5
    assert table.loc[table["platform"] == "b", "calls"].tolist() == [2] * 5
    assert len(changes(frame)) == 201


def test_whose_share_grew_stands_first_after_the_total():
    frame = pd.concat(
        [
            profile({("p", "f"): 6, ("p", "g"): 2}, platform="v2"),
            profile({("p", "f"): 3, ("p", "h"): 1}, platform="v10"),
        ]
    )
    table = changes(frame)
    assert table["function"].tolist() == ["(total)", "h", "f", "g"]
    assert table["reference"].unique().tolist() == ["v2"]
    assert table["share_change"].tolist() == [0, 25, 0, -25]
    assert table["difference_ms"].tolist() == [-4, 1, -3, -2]
    assert table["ratio"].tolist()[2:] == [0.5, 0]
    assert table["ratio"].isna().tolist() == [False, True, False, False]
    assert changes(frame, "v10")["ratio"].tolist()[0] == 2
    assert changes(frame, level="v2", by=("process", "function"))["process"].tolist()[1] == "p"


def test_what_cannot_be_compared():
    one, two = profile({("p", "f"): 6}), profile({("p", "f"): 6}, "b", "b/1")
    three = profile({("p", "f"): 6}, "c", "c/1")
    with pytest.raises(InvalidData, match="two levels of platform are compared, there are: a;"):
        changes(one)
    with pytest.raises(InvalidData, match="there are: a, b, c; name reference and level"):
        changes(pd.concat([one, two, three]))
    with pytest.raises(NotFound, match="no profile of platform x; there are: a, b"):
        changes(pd.concat([one, two]), "x")
    with pytest.raises(InvalidData, match="compared with itself"):
        changes(pd.concat([one, two]), "a", "a")
    with pytest.raises(InvalidData, match="several experiments"):
        changes(pd.concat([one, two.assign(experiment="other")]))
    with pytest.raises(InvalidData, match="no column 'nodes'"):
        changes(pd.concat([one, two]), factor="nodes")


def test_a_profile_that_cost_nothing_has_no_shares():
    table = top(profile({("p", "f"): 0}))
    assert table["share_pct"].isna().all()
    both = pd.concat([profile({("p", "f"): 0}), profile({("p", "f"): 1}, "b", "b/1")])
    assert changes(both)["ratio"].isna().all()


def test_folded_stacks_are_whole_numbers_above_nothing():
    frame = pd.DataFrame(
        {
            "process": ["a;b", "c", "c", "c"],
            "stack": ["f;g", "f", "g", "h"],
            "value": [1.5, -2.0, 0.0001, 3.0],
            "unit": "ms",
        }
    )
    assert list(folded(frame)) == ["a:b;f;g 1500", "c;h 3000"]
    with pytest.raises(InvalidData, match="stacks in ms, samples"):
        one_unit(pd.concat([frame, frame.assign(unit="samples")]))


def test_paths_are_outermost_calls():
    table = paths(PATH)
    assert table["function"].tolist() == ["send", "receive", "send"]
    assert table["calls"].tolist() == [3, 1, 1]
    assert table["levels"].tolist() == [3, 1, 1]
    assert table["duration_us"].tolist() == [10, 3, 2]


def test_one_path_is_indented():
    assert packet_path(PATH)["path"].tolist() == ["send", "  queue", "    lock"]
    assert packet_path(PATH, "send", 2)["duration_us"].tolist() == [2]
    with pytest.raises(NotFound, match=r"no path 3 of send; outermost functions: send \(2\), rec"):
        packet_path(PATH, "send", 3)
    with pytest.raises(NotFound, match="no path 1 of nothing"):
        packet_path(PATH, "nothing")
    with pytest.raises(InvalidData, match="nothing to draw"):
        packet_path(PATH[:0])
    with pytest.raises(InvalidData, match="no column 'tree'"):
        paths(PATH.drop(columns="tree"))


def test_calls_are_the_mean_of_the_runs_that_counted_them():
    counted = profile({("app", "a"): 1, ("app", "b"): 1}).assign(calls=10.0)
    uncounted = profile({("app", "a"): 3}, sim_id="a/2").assign(calls=float("nan"))
    table = top(pd.concat([counted, uncounted])).set_index("function")
    assert table["calls"].to_dict() == {"a": 10, "b": 10}
    assert table["self_ms"].to_dict() == {"a": 2, "b": 0.5}
    # A run that counts others has none of what it lacks, and says nothing of what it left open.
    third = profile({("app", "a"): 1, ("app", "c"): 1}, sim_id="a/3")
    third["calls"] = [float("nan"), 4.0]
    table = top(pd.concat([counted, uncounted, third])).set_index("function")
    assert table["calls"].to_dict() == {"a": 10, "b": 5, "c": 2}
    nobody = top(uncounted, groups=("sim_id",))
    assert nobody["calls"].isna().all()


def test_what_is_below_zero_has_no_ratio():
    before = profile({("app", "joined"): -4, ("app", "left"): 2, ("app", "a"): 10})
    after = profile({("app", "joined"): 1, ("app", "left"): -1, ("app", "a"): 5}, "b", "b/1")
    table = changes(pd.concat([before, after])).set_index("function")
    assert table["ratio"].isna().to_dict() == {
        "(total)": False,
        "joined": True,
        "left": True,
        "a": False,
    }
    assert table.loc["a", "ratio"] == 0.5
    told = changes_chart(table.reset_index()).title.subtitle
    assert told[1].startswith("Own times below zero (joined and 1 more): time that the kernel left")
    assert "--untangle" in told[1]
