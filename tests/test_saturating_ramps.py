"""Samples to ramps, and what is made of them: repeats, tables of saturation and costs, charts."""

import re

import numpy as np
import pandas as pd
import pytest
from kata_tables import ramp as table_of

from analysis.charting.output import save
from analysis.saturating.commands import saturation as saturation_command
from analysis.saturating.costs import overhead, per_load
from analysis.saturating.curves import curves
from analysis.saturating.ramps import ramps, repeats, without_repeats
from analysis.saturating.saturation import saturation
from ingest.saturating.kata import import_kata
from minion.console import run as run_command
from minion.errors import InvalidData, NotFound


def samples(rows, *, platform="p", sim_id="p/1"):
    """Tidy samples of rows (hostname, dimension, elapsed_s, value)."""
    frame = pd.DataFrame(rows, columns=["hostname", "dimension", "elapsed_s", "value"])
    places = {"asked": "load", "given": "answer", "more": "answer"}
    return frame.assign(
        experiment="e",
        platform=platform,
        sim_id=sim_id,
        chart=frame["dimension"].map(places),
        context=frame["dimension"].map(places),
        unit="KiB",
        value=frame["value"].astype(float),
        elapsed_s=frame["elapsed_s"].astype(float),
    )


def points(values, *, platform="p", sim_id=None, response="given", unit="KiB", loads=None):
    """A ramp of values at the loads 1, 2, …"""
    loads = np.arange(1.0, len(values) + 1) if loads is None else np.array(loads, dtype=float)
    return pd.DataFrame(
        {
            "experiment": "e",
            "platform": platform,
            "sim_id": sim_id or f"{platform}/1",
            "elapsed_s": 5 * np.arange(1.0, len(values) + 1),
            "load": loads,
            "value": np.array(values, dtype=float),
            "response": response,
            "unit": unit,
        }
    )


def saturating(at, *, n=60, scale=1.0, seed=1, **told):
    random = np.random.default_rng(seed)
    loads = np.arange(1.0, n + 1)
    return points(scale * (np.minimum(loads, at) + random.normal(0, 0.5, n)), **told)


# ---------------------------------------------------------------- ramps


def test_hosts_are_added_up_where_all_have_a_sample():
    rows = [("c", "asked", t, t) for t in (1, 2, 3)]
    rows += [("a", "given", t, 10 * t) for t in (1, 2, 3)]
    rows += [("b", "given", t, 1) for t in (1, 3)]
    found = ramps(samples(rows), load="asked", response="given")
    assert found[["elapsed_s", "load", "value"]].to_numpy().tolist() == [[1, 1, 11], [3, 3, 31]]
    assert found["response"].unique().tolist() == ["given"]
    assert found["unit"].unique().tolist() == ["KiB"]


def test_a_response_between_two_loads_stands_with_the_one_before():
    rows = [("c", "asked", 2, 100), ("c", "asked", 4, 200)]
    rows += [("a", "given", t, t) for t in (1, 2, 3, 5)]
    found = ramps(samples(rows), load="asked", response="given")
    assert found[["load", "value"]].to_numpy().tolist() == [[100, 2], [100, 3], [200, 5]]


def test_each_run_has_its_own_loads():
    one = samples([("c", "asked", 1, 5), ("a", "given", 1, 7)])
    other = samples([("c", "asked", 1, 6), ("a", "given", 1, 8)], platform="q", sim_id="q/1")
    without = samples([("a", "given", 1, 9)], sim_id="p/2")
    frame = pd.concat([one, other, without], ignore_index=True)
    for column in ("experiment", "platform", "sim_id", "hostname"):
        frame[column] = pd.Categorical(frame[column])
    found = ramps(frame, load="asked", response="given")
    assert found[["sim_id", "load", "value"]].to_numpy().tolist() == [["p/1", 5, 7], ["q/1", 6, 8]]


def test_what_is_not_there_is_named():
    rows = [("c", "asked", 9, 1), ("a", "given", 1, 2), ("a", "more", 1, 2)]
    frame = samples(rows)
    with pytest.raises(NotFound, match="no run has a dimension cpu; there are: asked, given, more"):
        ramps(frame, load="asked", response="cpu")
    with pytest.raises(NotFound, match="no run has both asked and given at one time"):
        ramps(frame, load="asked", response="given")
    with pytest.raises(InvalidData, match="given stands for several contexts"):
        twice = frame.assign(context=["load", "x", "y"], dimension=["asked", "given", "given"])
        ramps(twice, load="asked", response="given")
    with pytest.raises(InvalidData, match="has no column 'context'"):
        ramps(frame.drop(columns="context"), load="asked", response="given")


def test_a_reading_repeats_when_no_dimension_of_its_chart_changed():
    pairs = [(1, 5), (1, 5), (1, 6), (1, 6), (1, 6), (2, 6)]
    rows = [("a", "given", t, p[0]) for t, p in enumerate(pairs)]
    rows += [("a", "more", t, p[1]) for t, p in enumerate(pairs)]
    frame = samples(rows)
    (row,) = repeats(frame).to_dict("records")
    assert (row["readings"], row["repeated"], row["longest"], row["share"]) == (6, 3, 2, 0.5)
    fresh = without_repeats(frame)
    assert sorted(fresh["elapsed_s"].unique()) == [0, 2, 5]
    assert repeats(fresh)["repeated"].tolist() == [0]
    assert repeats(frame[:0]).empty


# ---------------------------------------------------------------- saturation


def test_a_row_per_run_says_how_far_it_went_and_where_it_saturates():
    frame = pd.concat([saturating(30), saturating(1000, platform="q")])
    table = saturation(frame, draws=300).set_index("platform")
    assert table["points"].tolist() == [60, 60]
    p, q = table.loc["p"], table.loc["q"]
    assert p["maximum"] == frame.loc[frame["platform"] == "p", "value"].max()
    assert p["at_s"] == 5 * p["at_load"]
    assert p["verdict"] == "saturated"
    assert p["begins_low"] < 30 < p["begins_high"]
    assert p["before_low"] < 1 < p["before_high"]
    assert p["after_low"] < 0 < p["after_high"]
    assert q["verdict"] != "saturated"


def test_a_run_without_a_break_has_a_maximum_and_a_reason():
    table = saturation(pd.concat([points([4, 9, 9]), points([7] * 20, platform="q")]))
    assert table["maximum"].tolist() == [9, 7]
    assert table["at_load"].tolist() == [2, 1]
    assert table["verdict"].tolist() == ["undecided"] * 2
    assert table["begins"].isna().all()
    assert table["note"].str.contains("12 or more|same at every load").all()
    assert saturation(points([np.nan])).empty


# ---------------------------------------------------------------- costs


def test_each_load_has_its_cost_in_all_and_beyond_the_first():
    table = per_load(points([100, 130, 150, 220], loads=[0, 1, 1, 4]))
    assert table["load"].tolist() == [0, 1, 4]
    assert table["n"].tolist() == [1, 2, 1]
    assert table["value"].tolist() == [100, 140, 220]
    assert table["per_load"].tolist()[1:] == [140, 55]
    assert table["extra_per_load"].tolist()[1:] == [40, 30]
    assert table[["per_load", "extra_per_load"]].iloc[0].isna().all()


def test_overhead_is_at_loads_that_both_have():
    frame = pd.concat(
        [
            points([10, 20, 30], platform="runc"),
            points([30, 90, 5], platform="kata", loads=[2, 3, 9]),
            points([50], platform="kata", sim_id="kata/2", loads=[2]),
        ]
    )
    by_load, whole = overhead(frame, baseline="runc")
    assert by_load[["load", "value", "base", "difference", "ratio"]].to_numpy().tolist() == [
        [2, 40, 20, 20, 2],
        [3, 90, 30, 60, 3],
    ]
    (row,) = whole.to_dict("records")
    assert (row["loads"], row["lowest"], row["highest"]) == (2, 2, 3)
    assert (row["value"], row["base"], row["difference"], row["ratio"]) == (65, 25, 40, 2.6)
    assert (row["runs"], row["base_runs"]) == (2, 1)
    assert row["caveat"].startswith("one run cannot tell its platform from its day (runc 1)")
    assert overhead(frame, baseline="runc", up_to=2)[0]["load"].tolist() == [2]


def test_several_runs_each_have_no_caveat():
    frame = pd.concat(points([1, 2], platform=p, sim_id=f"{p}/{n}") for p in "ab" for n in range(2))
    assert overhead(frame, baseline="a")[1]["caveat"].tolist() == [""]


def test_nothing_to_hold_against_is_said():
    frame = pd.concat([points([1, 2]), points([3], platform="q", loads=[7])])
    with pytest.raises(NotFound, match="no ramp of baseline x; there are: p, q"):
        overhead(frame, baseline="x")
    with pytest.raises(NotFound, match="no other platform has a load in common with p"):
        overhead(frame, baseline="p")
    with pytest.raises(NotFound, match="no ramp of baseline p; there are: none"):
        overhead(frame, baseline="p", up_to=0)
    with pytest.raises(InvalidData, match="up_to is not a number"):
        overhead(frame, baseline="p", up_to=np.nan)


# ---------------------------------------------------------------- charts


def test_two_platforms_are_lines_of_one_panel(tmp_path):
    both = pd.concat([saturating(30, scale=1024), saturating(20, scale=2048, platform="q")])
    frame = pd.concat([both, both.assign(response="other", unit="containers")])
    table = saturation(both, draws=100)
    chart = curves(frame, load="iteration", saturation=table, simulated=True)
    spec = chart.to_dict()
    assert [panel["title"]["text"] for panel in spec["concat"]] == ["given", "other"]
    assert [len(panel["layer"]) for panel in spec["concat"]] == [3, 1]
    records = [record for data in spec["datasets"].values() for record in data]
    lines = [r for r in records if "value" in r]
    assert sorted(r["platform"] for r in lines) == ["p", "p", "q", "q"]
    own = both[both["platform"] == "p"]["value"].to_numpy()
    assert lines[0]["value"] == pytest.approx(own / 1024, rel=1e-5)
    marks = {(r["platform"], r["at"]) for r in records if "at" in r}
    assert marks == set(zip(table["platform"], table["begins"], strict=True))
    assert spec["title"]["subtitle"][:2] == ["Simulated data", "A line is a run: p 1, q 1"]
    drawn = save(chart, tmp_path / "ramp.svg").read_text()
    assert re.search("legend titled 'Platform' .{,40} 2 values: p, q", drawn)
    assert save(chart, tmp_path / "dark.png", dark=True).stat().st_size > 5_000


def test_a_long_ramp_is_thinned_and_keeps_its_ends():
    spec = curves(points(range(5_000)), load="x").to_dict()
    ((line,),) = spec["datasets"].values()
    assert len(line["load"]) == 600
    assert (line["load"][0], line["load"][-1]) == (1, 5_000)


def test_nothing_is_not_drawn():
    with pytest.raises(InvalidData, match="there is nothing to draw"):
        curves(points([np.nan]), load="x")
    with pytest.raises(InvalidData, match="several experiments"):
        curves(pd.concat([points([1]), points([1]).assign(experiment="f")]), load="x")


# ---------------------------------------------------------------- the command


def test_the_command_shows_a_table_and_draws(store, mongodb_uri, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    for name, most in (("runc", 40), ("kata", 20)):
        (tmp_path / f"{name}.csv").write_text(table_of(most=most))
    import_kata(store, [tmp_path])
    chart = tmp_path / "ramps.json"
    run_command(
        saturation_command("active", output=str(chart), format="csv", db=mongodb_uri),
    )
    said = capsys.readouterr()
    table = pd.read_csv(pd.io.common.StringIO(said.out)).set_index("platform")
    assert table["verdict"].tolist() == ["saturated"] * 2
    assert table["begins"].between(table["begins_low"], table["begins_high"]).all()
    assert table.loc["kata", "begins"] == pytest.approx(20, abs=0.5)
    # The smallest worker reaches its room at 25 containers.
    assert table.loc["runc", "begins"] == pytest.approx(25, abs=0.5)
    assert chart.exists()
    assert "note: written:" in said.err


def test_an_unknown_dimension_is_named_with_those_that_are_stored(minion, store, tmp_path):
    (tmp_path / "runc.csv").write_text(table_of(most=40))
    import_kata(store, [tmp_path])
    there = "there are: active, creating, evicted, free, iteration, running, terminating"
    for words in (("nonsense",), ("running", "--load", "nonsense")):
        said = minion("saturation", *words)
        assert (said.returncode, said.stdout) == (1, "")
        assert f"no run has a dimension nonsense; {there}" in said.stderr
