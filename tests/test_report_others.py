"""What a report shows of runs that netdata did not measure: measurements, and profiles."""

import re
import shlex
from dataclasses import replace

import numpy as np
import pytest
from pprof_profiles import encoded
from runs import run
from test_report_contents import Page, written

from analysis import report
from analysis.profiling.reading import kinds
from analysis.reporting.figures import BARS
from analysis.reporting.measured import MOST
from analysis.reporting.profiles import MOST_RUNS
from analysis.reporting.series import MOST_CONTEXTS
from ingest.networking.iperf3 import ingest_iperf3
from ingest.networking.sockperf import ingest_sockperf
from ingest.observing.gadget import import_gadget
from ingest.profiling.perf import import_perf
from ingest.profiling.pprof import import_pprof
from ingest.profiling.trace import import_traces
from ingest.saturating.kata import import_kata
from minion.model import Measurement, Status
from minion.series import Dimension, Series

MS = 10**6


def measured(sim, platform, *figures, **options):
    """A run of numbers only."""
    simulation, _ = run(sim, platform=platform)
    return replace(
        simulation,
        events=(),
        status=Status.COMPLETE,
        measurements=tuple(Measurement(**figure) for figure in figures),
        **options,
    )


def score(value, **more):
    return {"name": "score", "value": value, "unit": "points", **more}


def stacks(tmp_path, platform, lines, name="a.txt"):
    path = tmp_path / platform / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


# ---------------------------------------------------------------- measurements


def test_runs_of_numbers_only(store, tmp_path):
    for n, platform in enumerate(["A", "B"] * 3):
        store.put(measured(str(n), platform, score(10.0 + n % 2 * 5 + n / 100)), [])
    read = written(store, tmp_path, margin="5%")
    assert read.words.count("Measurements on A and B") == 2
    assert "No phase of these runs" not in read.words
    assert (
        read.figures
        == ["e0-ratios", "e0-measured-0", "e0-measured-0-differences-0", "e0-order"][:3]
    )
    assert "What the runs measured" in read.words
    assert "score in points, over runs" in read.words
    assert "score is 5.010 points (50 %) higher with B than with A" in read.words
    assert "1 comparison (score × Total simulation time × 1 pair): 1 different" in read.words
    assert "These runs have no samples of CPU utilization (system.cpu), RAM" in read.words
    again = [shlex.split(command) for command in read.commands]
    assert ["minion", "compare", "score", "--format=json", "--experiment=e"] in again


def test_measurements_stand_beside_metrics_and_are_compared_with_them(store, tmp_path):
    for n, platform in enumerate(["A", "B"] * 3):
        simulation, series = run(str(n), platform=platform, phases=False, metrics=["cpu"])
        simulation = replace(simulation, measurements=(Measurement(**score(n * 1.5)),))
        store.put(simulation, series)
    read = written(store, tmp_path)
    assert "3 comparisons (duration, cpu, score × Total simulation time × 1 pair)" in read.words
    assert {"e0-cpu-0", "e0-measured-0", "e0-measured-0-differences-0"} <= set(read.figures)
    assert "Durations, utilization and measurements on A and B" in read.words


def test_some_of_many_measurements_are_shown_those_of_whole_runs_first(store, tmp_path):
    names = [f"host figure {n}" for n in range(MOST)]
    figures = [{"name": name, "value": 1.0, "hostname": "node-a"} for name in names]
    store.put(measured("1", "A", *figures, score(3)), [])
    read = written(store, tmp_path)
    assert [f for f in read.figures if "measured" in f] == [f"e0-measured-{n}" for n in range(MOST)]
    assert f"1 measurement more can be compared by name: host figure {MOST - 1}." in read.words
    assert "score in points, over runs" in read.words


def test_measurements_that_cannot_be_put_together_are_said(store, tmp_path):
    store.put(measured("1", "A", score(1), parameters={"nodes": 2}), [])
    other = {"name": "score", "value": 2.0, "unit": "goals"}
    store.put(measured("2", "A", other, parameters={"nodes": 4}), [])
    read = written(store, tmp_path)
    assert "score cannot be given: score is given in several units: points, goals" in read.words
    assert read.figures == []


# ---------------------------------------------------------------- series


def other(simulation, context, dimensions=1, unit="u"):
    """A series that no metric is made of."""
    return Series(
        hostname="node-a",
        chart=context,
        context=context,
        family="f",
        unit=unit,
        dimensions=tuple(Dimension(f"d{n:02}", f"d{n:02}") for n in range(dimensions)),
        times=simulation.start + 5.0 * np.arange(10),
        step=5.0,
        values=np.arange(10.0 * dimensions).reshape(10, dimensions),
    )


def test_series_of_other_tools_are_drawn_over_time(store, tmp_path):
    for n, platform in enumerate(["A", "B"]):
        simulation, series = run(str(n), platform=platform, phases=False, metrics=["cpu"])
        store.put(simulation, [*series, other(simulation, "tool.rate", dimensions=9)])
    read = written(store, tmp_path)
    assert [name for name in read.figures if "series" in name] == ["e0-series-0"]
    assert 'charts.course(store.samples(contexts="tool.rate", experiment="e")' in read.words
    (spec,) = re.findall(
        r'id="e0-series-0-figure-spec">(.*?)</script>', (tmp_path / "report.html").read_text()
    )
    assert ("d05" in spec, "d06" in spec) == (True, False)
    assert "Stored and not drawn" not in read.words


def test_some_of_many_series_are_drawn_and_those_in_several_units_are_not(store, tmp_path):
    simulation, _ = run("1", phases=False, metrics=[])
    twice = [other(simulation, "a", unit="v"), replace(other(simulation, "a"), chart="a1")]
    store.put(simulation, [*twice, *(other(simulation, f"b{n}") for n in range(20))])
    read = written(store, tmp_path)
    drawn = [f"e0-series-{n}" for n in range(1, MOST_CONTEXTS)]
    assert [name for name in read.figures if "series" in name] == drawn
    assert f"not drawn here: {21 - MOST_CONTEXTS + 1} contexts (a, b5, b6" in read.words
    assert "and 4 more)." in read.words


def test_series_that_are_too_large_are_left_in_the_store(store, tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.reporting.series.MOST_SAMPLES", 9)
    simulation, _ = run("1", phases=False, metrics=[])
    store.put(simulation, [other(simulation, "large")])
    read = written(store, tmp_path)
    assert "Stored and not drawn here: 1 context (large)." in read.words


# ---------------------------------------------------------------- profiles


def test_a_flame_graph_for_each_platform_and_the_top_functions(store, tmp_path):
    before = stacks(tmp_path, "v1", ["main;read 30", "main;list 10"])
    after = stacks(tmp_path, "v2", ["main;read 5", "main;list 15"])
    import_perf(store, [before, after])
    read = written(store, tmp_path)
    flames = [name for name in read.figures if "flame" in name]
    assert flames == ["e0-flame-0-0", "e0-flame-0-1"]
    assert "Where samples come from on v1" in read.words
    assert "On v2 most samples went to list (main) itself: 15\xa0samples, 75.0\xa0% of all" in (
        " ".join(read.text)
    )
    assert "Functions with the largest samples of their own, one run each" in read.words
    labels = [a["aria-label"] for a in read.all("div", role="img")]
    (first,) = [label for label in labels if "Where samples come from on v1" in label]
    assert "flame graph of 4 functions in their places, 3 levels" in first
    assert "The numbers are in Table" in first
    words = ["minion", "chart", "profile.samples", "--kind=flame", "--out=e0-flame-0-0.html"]
    again = [shlex.split(command) for command in read.commands]
    assert [*words, "--experiment=perf", "--platform=v1"] in again
    assert f"at most {BARS} bars, the widest" in read.words


def test_the_kinds_that_runs_have_are_told_from_other_charts(store, tmp_path):
    import_perf(store, [stacks(tmp_path, "v1", ["main;read 30"])])
    other = store.put(*run("9", metrics=["cpu"])).samples
    assert other
    profiled, plain = sorted(store.simulations(), key=lambda s: s.sim_id != "v1/a")
    parts = ("calls", "self", "stacks", "total")
    contexts = [f"profile.samples.{part}" for part in parts]
    assert store.contexts([profiled]) == contexts
    assert store.contexts([profiled, plain]) == [*contexts, "system.cpu"]
    assert (kinds(store, [profiled]), kinds(store, [plain])) == (["samples"], [])


def test_the_command_of_a_flame_graph_draws_it_again(minion, store, tmp_path, monkeypatch):
    import_perf(store, [stacks(tmp_path, "v1", ["main;read 30", "main;list 10"])])
    monkeypatch.chdir(tmp_path)
    read = written(store, tmp_path)
    (line,) = [command for command in read.commands if "--kind=flame" in command]
    assert minion(*shlex.split(line)[1:]).returncode == 0
    assert "main" in (tmp_path / "e0-flame-0-0.html").read_text()


def test_the_kinds_of_a_program_s_profile(store, tmp_path):
    path = tmp_path / "v1" / "heap.pb.gz"
    path.parent.mkdir()
    types = (("alloc_objects", "count"), ("alloc_space", "bytes"))
    path.write_bytes(encoded([(["grow", "main"], [2, 4096]), (["main"], [1, 16])], types))
    import_pprof(store, [path])
    read = written(store, tmp_path)
    flames = [name for name in read.figures if "flame" in name]
    assert flames == ["e0-flame-0-0", "e0-flame-1-0"]
    assert "Where alloc_space come from on v1" in read.words
    assert "4,096\xa0bytes" in " ".join(read.text)


def test_a_table_of_functions_has_no_stacks_and_that_is_said(store, tmp_path):
    table = "     flat  flat%   sum%        cum   cum%\n   1.35s 58.44% 58.44%   1.35s 58.44%  f\n"
    path = stacks(tmp_path, "v1", ["Type: cpu", *table.splitlines()])
    import_pprof(store, [path])
    read = written(store, tmp_path)
    assert [name for name in read.figures if "flame" in name] == []
    assert "The profiles of time have no stacks, so there is no flame graph" in read.words
    assert "Functions with the largest time of their own, one run each" in read.words


def test_runs_and_bars_are_limited(store, tmp_path):
    lines = [f"main;f{n:04} {1 + n}" for n in range(900)]
    import_perf(store, [stacks(tmp_path, "v1", lines, f"{n:02}.txt") for n in range(MOST_RUNS + 1)])
    place = tmp_path / "report.html"
    report.write(store, place, facets=())
    text = place.read_text()
    read = Page(text)
    assert (
        f"Of each platform the first {MOST_RUNS} runs are taken, which leaves 1 run" in read.words
    )
    assert f"--sims={','.join(f'v1/{n:02}' for n in range(MOST_RUNS))}" in text
    (spec,) = re.findall(r'id="e0-flame-0-0-figure-spec">(.*?)</script>', text)
    assert 500 < spec.count('"depth":') - 2 <= BARS + 20
    assert len(spec) < 120_000


# ---------------------------------------------------------------- the published files


def gadget(store, data):
    import_gadget(store, data / "inspektor-gadget")


def kata(store, data):
    import_kata(store, [data / "kata" / "runc.csv", data / "kata" / "kata.csv"])


def iperf3(store, data):
    ingest_iperf3(store, sorted((data / "google-network").glob("*/iperf-?.txt")))


def sockperf(store, data):
    folder = data / "google-network"
    ingest_sockperf(store, [*folder.glob("*/sockperf-*.txt"), *folder.glob("*/sockferf-*.txt")])


def trace(store, data):
    import_traces(store, [data / "google-network" / "compute-engine" / "trace.report.gz"])


@pytest.mark.parametrize(
    ("study", "shown"),
    [
        (
            gadget,
            [
                "exec capture ratio by nodes",
                "Runs of one platform differ in nodes: means are of the runs of each value of it",
                "The parameter iteration numbers repetitions.",
                "0.30 to 1.00 at nodes 50 and 2",
            ],
        ),
        (
            kata,
            [
                "containers over time",
                "runc minus kata is 243 containers",
                "whether running containers differs",
            ],
        ),
        (
            iperf3,
            [
                "iperf3.bitrate over time",
                "gke minus compute-engine is 1.70 Gbit/s",
                "bitrate in Gbit/s, over runs",
            ],
        ),
        (
            sockperf,
            [
                "latency p99 in µs, over runs",
                "gke minus compute-engine is -1.60 µs",
                "message rate in messages/s, over runs",
                "435,646",
                "bandwidth in MiB/s, over runs",
                "messages sent by test",
            ],
        ),
        (trace, ["most time went to idle_cpu (<idle>) itself: 0.236", "Where the time goes on"]),
    ],
)
def test_reports_of_the_published_files_show_what_they_hold(
    store, tmp_path, shared_data, study, shown
):
    study(store, shared_data)
    read = written(store, tmp_path)
    said = read.words.replace("\xa0", " ")
    assert [text for text in shown if text not in said] == []
    assert "A figure is missing" not in read.words
    assert (tmp_path / "report.html").stat().st_size < 1_500_000
