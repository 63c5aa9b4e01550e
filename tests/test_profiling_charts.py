"""Pictures of profiles: flame graphs in a browser, paths, growth, latencies; the script."""

import itertools

import pandas as pd
import pytest
from browsers import opened  # noqa: F401  the fixture for files; others are for addresses
from chart_drawing import HOSTILE, data, drawn, texts
from example_scripts import example_script
from test_profiling import PATH, call, path, profile

from analysis.charting.output import save
from analysis.profiling.flame import flame_graph
from analysis.profiling.growth import changes_chart
from analysis.profiling.latency import latency_chart
from analysis.profiling.packets import packet_path, path_chart
from analysis.profiling.tables import changes
from ingest.profiling.trace import calls
from minion.errors import InvalidData, MinionError

RAW = " 0)               |  send() {{\n 0)   {us} us    |    {name}();\n 0)   5.000 us    |  }}\n"


def stacked(rows, unit="ms", **columns):
    """A frame as `stacks` gives it: (process, stack): value."""
    frame = pd.DataFrame(
        {
            "experiment": "e",
            "platform": "p",
            "sim_id": "p/1",
            "process": [process for process, _ in rows],
            "stack": [stack for _, stack in rows],
            "value": [float(value) for value in rows.values()],
            "unit": unit,
        }
    )
    return frame.assign(**columns)


STACKS = stacked(
    {("app", "main;b"): 60, ("app", "main;a;c"): 15, ("app", "main"): 5, ("q", "z"): 20}
)


def bars(chart):
    return {(r["function"], r["depth"]): (r["low"], r["high"]) for r in data(chart)}


def test_a_bar_is_as_wide_as_its_function_with_what_it_called():
    assert bars(flame_graph(STACKS)) == {
        ("all", 0): (0, 1),
        ("app", 1): (0, 0.8),
        ("main", 2): (0, 0.8),
        ("a", 3): (0, 0.15),
        ("c", 4): (0, 0.15),
        ("b", 3): (0.15, 0.75),
        ("q", 1): (0.8, 1),
        ("z", 2): (0.8, 1),
    }


def test_narrow_bars_and_costs_below_zero_are_told():
    frame = stacked({("app", "a"): 99_999, ("app", "b"): 1, ("app", "c"): -7})
    chart = flame_graph(frame)
    assert [name for name, _ in bars(chart)] == ["all", "app", "a"]
    notes = " ".join(chart.title.subtitle)
    assert "Own costs below zero, which have no width: -7 ms" in notes
    assert "Too narrow to draw (less than 0.05 %): 2 places" in notes


def test_the_widest_bars_are_drawn_where_there_are_too_many():
    frame = stacked({("app", f"a;f{n:04}"): 1 + n % 7 for n in range(2000)})
    every = flame_graph(frame, narrowest=0)
    assert len(data(every)) == 2003
    chart = flame_graph(frame, narrowest=0, most=600)
    drawn_bars = data(chart)
    # Those of one width stay or go together.
    assert 3 + 2000 // 7 <= len(drawn_bars) <= 600
    kept = {bar["function"]: bar["total"] for bar in drawn_bars}
    assert min(kept.values()) > max(
        bar["total"] for bar in data(every) if bar["function"] not in kept
    )
    left = 2003 - len(drawn_bars)
    assert f"{left} places" in " ".join(chart.title.subtitle).replace(",", "")
    equal = stacked({("app", f"f{n}"): 1 for n in range(700)})
    assert [bar["function"] for bar in data(flame_graph(equal, narrowest=0, most=600))] == [
        "all",
        "app",
    ]


def test_flames_that_cannot_be_drawn():
    with pytest.raises(InvalidData, match="the stacks cost nothing"):
        flame_graph(stacked({("app", "a"): 0}))
    with pytest.raises(InvalidData, match="no column 'stack'"):
        flame_graph(STACKS.drop(columns="stack"))
    with pytest.raises(InvalidData, match="stacks in ms, samples"):
        flame_graph(pd.concat([STACKS, STACKS.assign(unit="samples")]))
    with pytest.raises(InvalidData, match="nothing to draw"):
        flame_graph(STACKS[:0])


def test_names_are_text_and_everything_is_drawn():
    chart = flame_graph(stacked({(HOSTILE, "a"): 1, ("p", HOSTILE): 1}))
    assert "a" in texts(drawn(chart))
    assert HOSTILE in {name for name, _ in bars(chart)}


def test_a_click_makes_a_bar_as_wide_as_the_chart(opened, tmp_path):  # noqa: F811
    page = opened(save(flame_graph(STACKS), tmp_path / "flame.html"))
    bar = page.locator("svg .mark-rect path[aria-label*='Function: a;']")
    bar.wait_for()
    assert bar.evaluate("bar => bar.getBoundingClientRect().width") == pytest.approx(135, abs=1)
    bar.hover()
    tooltip = page.locator("#vg-tooltip-element")
    tooltip.wait_for()
    shown = tooltip.inner_text()
    assert all(text in shown for text in ("Function", "a", "Share", "15.00%", "15"))
    bar.click()
    page.wait_for_function(
        """() => document.querySelector("svg .mark-rect path[aria-label*='Function: a;']")
            .getBoundingClientRect().width > 850"""
    )
    page.locator("svg .mark-rect path[aria-label*='Function: main;']").dblclick()
    page.wait_for_function(
        """() => document.querySelector("svg .mark-rect path[aria-label*='Function: a;']")
            .getBoundingClientRect().width < 150"""
    )


def test_the_flame_graph_is_drawn_on_black_too(opened, tmp_path):  # noqa: F811
    page = opened(save(flame_graph(STACKS), tmp_path / "flame.html"), scheme="dark")
    page.locator("svg .mark-rect path").first.wait_for()
    fill = page.locator("svg .mark-rect path[aria-label*='Function: all;']").get_attribute("fill")
    assert fill == "#38424D"


def test_a_path_is_drawn_over_time():
    chart = path_chart(packet_path(PATH))
    assert [(r["function"], r["start"], r["end"], r["level"]) for r in data(chart)] == [
        ("send", 0, 10, 0),
        ("queue", 1, 7, 1),
        ("lock", 2, 3, 2),
    ]
    assert "queue" in texts(drawn(chart))
    assert chart.title.subtitle[0].startswith("3 calls on CPU 1, process app, 10 µs")
    with pytest.raises(InvalidData, match="several paths"):
        path_chart(PATH)
    assert drawn(path_chart(path(call("f", 0, 0.0, 0.0, 0.0)))) is not None


def test_calls_of_a_coarse_clock_follow_each_other_inside_their_caller():
    coarse = path(
        call("send", 0, 0.0, 4.0, 0.4),
        call("first", 1, 0.0, 1.2, 0.9),  # its clock says 0.0, as that of its first call
        call("inner", 2, 1.0, 0.3, 0.3),
        call("second", 1, 1.0, 0.7, 0.7),  # would begin before the first has ended
        call("third", 1, 1.0, 0.2, 0.2),
        call("last", 1, 3.0, 1.5, 1.5),  # would end after its caller
    )
    chart = path_chart(coarse)
    bars = {r["function"]: (r["start"], r["end"]) for r in data(chart)}
    assert bars == {
        "send": (0, 4),
        "first": (0, 1.2),
        "inner": (0.9, 1.2),
        "second": (1.2, 1.9),
        "third": (1.9, 2.1),
        "last": (2.5, 4),
    }
    assert "The clock is too coarse for the order of the calls" in chart.title.subtitle[1]


def test_no_call_of_the_published_trace_overlaps_another(shared_data):
    trace = shared_data / "google-network" / "compute-engine" / "trace.report.gz"
    one = packet_path(calls(trace, untangle=True))
    bars = data(path_chart(one))
    levels = {r["level"] for r in bars}
    assert len(bars) == len(one) > 10
    for level in levels:
        own = [r for r in bars if r["level"] == level]
        gaps = [b["start"] - a["end"] for a, b in itertools.pairwise(own)]
        assert min(gaps, default=0) > -1e-3


def test_growth_is_drawn_with_the_total():
    frame = pd.concat(
        [
            profile({("p", "f"): 6, ("p", "g"): 2}, platform="v2"),
            profile({("p", "f"): 3, ("p", "h"): 1}, platform="v10"),
        ]
    )
    chart = changes_chart(changes(frame))
    assert {r["function"]: r["change"] for r in data(chart)} == {"h": 25, "g": -25}
    assert chart.title.subtitle == ["In all: 8 ms before, 4 ms after, 0.5 times as much"]
    both = changes(frame, by=("process", "function"))
    assert [r["function"] for r in data(changes_chart(both, 1))] == ["p: h"]
    assert "h" in texts(drawn(chart))
    same = pd.concat([profile({("p", "f"): 6}), profile({("p", "f"): 6}, "b", "b/1")])
    with pytest.raises(InvalidData, match="no function's share changed"):
        changes_chart(changes(same))


def test_latencies_are_drawn_against_pods():
    frame = pd.DataFrame(
        {
            "experiment": "e",
            "platform": ["v1", "v1", "v2"],
            "sim_id": ["1", "1", "2"],
            "hostname": "host",
            "elapsed_s": [0.0, 1.0, 0.0],
            "num": [10.0, 10.0, 20.0],
            "duration_ms": [1.0, 3.0, 9.0],
        }
    )
    chart = latency_chart(frame)
    assert "latency in ms" in texts(drawn(chart))
    with pytest.raises(InvalidData, match="several experiments"):
        latency_chart(pd.concat([frame, frame.assign(experiment="f")]))
    with pytest.raises(InvalidData, match="nothing to draw"):
        latency_chart(frame[:0])


@pytest.fixture
def study(store, mongodb_uri, monkeypatch):
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    return example_script("profile_study")


def test_the_script_goes_from_files_to_charts(study, tmp_path, capsys):
    files = []
    for platform, name, us in (("one", "lock", "1.000"), ("two", "copy", "3.000")):
        file = tmp_path / platform / "t.log"
        file.parent.mkdir()
        file.write_text(RAW.format(us=us, name=name))
        files.append(str(file))
    study.main(str(tmp_path / "out"), *files)
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        *("functions.csv", "changes.csv", "changes.html", "report.html"),
        *(f"{name}-t-path.{kind}" for name in ("one", "two") for kind in ("csv", "html")),
        *("one-t.html", "one-t.folded", "two-t.html", "two-t.folded"),
    }
    assert (
        tmp_path / "out" / "one-t.folded"
    ).read_text() == "unknown;send 4\nunknown;send;lock 1\n"
    assert "(total)" in capsys.readouterr().out
    broken = tmp_path / "one" / "x.txt"
    broken.write_text("nonsense\n")
    with pytest.raises(MinionError, match=r"x\.txt, line 1"):
        study.main(str(tmp_path / "out"), str(broken))


def test_the_script_on_the_published_traces(study, shared_data, tmp_path, capsys):
    folder = shared_data / "google-network" / "compute-engine"
    study.main(str(tmp_path), str(folder / "trace.report.gz"), str(folder / "packet-trace.log.gz"))
    assert "idle_cpu" in capsys.readouterr().out
    assert (tmp_path / "compute-engine-trace.html").stat().st_size > 100_000
