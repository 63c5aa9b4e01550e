"""The network between two nodes: real files, command lines, comparison, charts."""

import numpy as np
import pandas as pd
import pytest
from chart_drawing import data, drawn, texts
from example_scripts import example_script

import analysis
from analysis.charting import theme
from analysis.networking.percentiles import chart, percentiles
from ingest.networking.iperf3 import ingest_iperf3, is_iperf3
from ingest.networking.sockperf import ingest_sockperf
from ingest.networking.sockperf_text import is_sockperf
from ingest.texts import files_of
from minion.errors import InvalidData, NotFound

PLATFORMS = ("gke", "compute-engine")
IPERF3 = """\
Connecting to host 10.0.0.2, port 5201
[  5] local 10.0.0.1 port 40001 connected to 10.0.0.2 port 5201
[ ID] Interval           Transfer     Bitrate         Retr  Cwnd
[  5]   0.00-1.00   sec  1.00 GBytes  RATE Gbits/sec    3   2.50 MBytes
[  5]   1.00-2.00   sec  1.00 GBytes  RATE Gbits/sec    3   2.50 MBytes
[  5]   0.00-2.00   sec  2.00 GBytes  RATE Gbits/sec    3             sender
[  5]   0.00-2.00   sec  2.00 GBytes  RATE Gbits/sec                  receiver
"""
SOCKPERF = """\
sockperf: [Total Run] RunTime=2.000 sec; SentMessages=10; ReceivedMessages=10
sockperf: ====> avg-latency=20.500 (std-dev=2.000)
sockperf: Total 10 observations; each percentile contains 0.10 observations
sockperf: ---> <MAX> observation = 1861.684
sockperf: ---> percentile 99.000 =   P99
sockperf: ---> percentile 50.000 =   20.301
sockperf: ---> <MIN> observation =   16.752
"""
RATE = """\
sockperf: Total of 25105674 messages sent in 30.000 sec
sockperf: Summary: Message Rate is 836847 [msg/sec]
"""


@pytest.fixture
def small(tmp_path):
    """A folder for each of two platforms, with a file of each kind and one of neither."""
    for platform, rate, p99 in (("a", "8.60", "27.000"), ("b", "9.00", "30.000")):
        folder = tmp_path / platform
        folder.mkdir()
        (folder / "iperf.txt").write_text(IPERF3.replace("RATE", rate))
        (folder / "ping.txt").write_text(SOCKPERF.replace("P99", p99))
        (folder / "rate.txt").write_text(RATE)
        (folder / "notes.md").write_text("# notes\n")
        (folder / "trace.gz").write_bytes(b"\x1f\x8bnot gzip")
    return tmp_path


@pytest.fixture
def both(store, small):
    for platform in "ab":
        ingest_iperf3(store, [small / platform / "iperf.txt"])
        ingest_sockperf(store, [small / platform / "ping.txt"])
    return store


@pytest.fixture(scope="module")
def example():
    return example_script("network_study")


# ---------------------------------------------------------------- the real files


@pytest.fixture
def imported(store, shared_data):
    for platform in PLATFORMS:
        folder = str(shared_data / "google-network" / platform)
        ingest_iperf3(store, files_of([folder], is_iperf3, "of iperf3"))
        ingest_sockperf(store, files_of([folder], is_sockperf, "of sockperf"))
    return store


@pytest.mark.parametrize(
    ("experiment", "measurement", "gke", "compute_engine", "unit"),
    [
        ("iperf3", "bitrate", 55.1, 53.4, "Gbit/s"),
        ("iperf3", "retransmits", 1488, 201, "segments"),
        ("sockperf", "latency", 22.253, 23.857, "µs"),
        ("sockperf", "latency p99", 26.442, 27.489, "µs"),
        ("sockperf", "latency max", 351.012, 1861.684, "µs"),
        ("sockperf", "message rate", 435_646, 836_847, "messages/s"),
    ],
)
def test_the_study_s_figures(imported, experiment, measurement, gke, compute_engine, unit):
    found = {
        run.platform: (m.value, m.unit)
        for run in imported.simulations()
        if run.experiment == experiment
        for m in run.measurements
        if m.name == measurement
    }
    assert found == {"gke": (gke, unit), "compute-engine": (compute_engine, unit)}


def test_the_study_s_tests_are_one_run_each_and_have_every_interval(imported):
    runs = {run.sim_id: run for run in imported.simulations() if run.experiment == "iperf3"}
    assert set(runs) == {"gke/iperf-1", "compute-engine/iperf-1"}
    for run in runs.values():
        charts = {(s.hostname, s.chart): s for s in imported.series(run)}
        assert {s.values.shape for s in charts.values()} == {(30, 1)}
        assert {s.step for s in charts.values()} == {1.0}
    (first,) = [s for s in imported.series(runs["gke/iperf-1"]) if s.chart == "iperf3.retransmits"]
    assert first.values[:3, 0].tolist() == [1091.0, 40.0, 31.0]
    assert first.values.sum() == 1488


def test_the_servers_intervals_do_not_add_up(store, shared_data):
    # What the server printed each second lacks 5.3 % of what it counted in all; the client's does
    # not. Sums by hand of the 30 printed transfers: 177.11 of 187 GiB, 190.82 of 192.
    folder = shared_data / "google-network"
    ce = folder / "compute-engine"
    done = ingest_iperf3(store, [ce / "iperf-0.txt", ce / "iperf-1.txt"])
    (note,) = [note for note in done.notes if "add up" in note]
    assert note.endswith(
        "compute-engine/iperf-0.txt:40: the intervals of the server add up to 177.1 GiB, its"
        " summary says 187 GiB (-5.3%)"
    )


# ---------------------------------------------------------------- comparison


@pytest.mark.parametrize(
    ("experiment", "quantity", "difference", "ratio"),
    [("iperf3", "bitrate", 0.4, 9 / 8.6), ("sockperf", "latency p99", 3.0, 30 / 27)],
)
def test_one_run_of_each_platform_gives_difference_and_ratio(
    both, experiment, quantity, difference, ratio
):
    found = analysis.compare(both, quantity, experiment=experiment)
    (pair,) = found.pairs.to_dict("records")
    assert pair["verdict"] == "undecided"
    assert pair["difference"] == pytest.approx(difference)
    assert pair["ratio"] == pytest.approx(ratio)


def test_the_command_lines(minion, small):
    for command, runs in (("iperf3", "1 run "), ("sockperf", "2 runs")):
        for platform in "ab":
            said = minion("ingest", command, str(small / platform))
            assert said.returncode == 0, said.stderr
            assert said.stdout.startswith(f"imported: {runs}")
    files = (f"{small}/a/ping.txt", f"{small}/a/rate.txt")
    assert "2 runs (0 new)" in minion("ingest", "sockperf", *files).stdout
    said = minion("compare", "latency p99", "--experiment", "sockperf")
    assert said.returncode == 0
    assert "undecided" in said.stdout
    named = minion(
        "ingest", "iperf3", f"{small}/a/iperf.txt",
        "--platform", "P", "--sim", "7", "--experiment", "mine",
    )  # fmt: skip
    assert named.returncode == 0
    assert "P" in minion("show", "7", "--experiment", "mine").stdout
    said = minion("ingest", "iperf3", f"{small}/a/notes.md")
    assert said.returncode == 1
    assert "notes.md: no figures of an iperf3 test" in said.stderr


def test_a_folder_without_such_files_is_named(tmp_path):
    with pytest.raises(NotFound, match="no file in this folder is of iperf3; name the files"):
        files_of([tmp_path], is_iperf3, "of iperf3")


# ---------------------------------------------------------------- percentiles


def test_percentiles_as_a_frame(both):
    frame = percentiles(both, experiment="sockperf", platform="b")
    assert frame["percentile"].tolist() == [0.0, 50.0, 99.0, 100.0]
    assert frame["value"].tolist() == [16.752, 20.301, 30.0, 1861.684]
    assert set(frame["unit"]) == {"µs"}
    assert set(frame["sim_id"]) == {"b/ping"}


def test_a_quantity_without_percentiles_is_named_with_those_that_have_some(both):
    with pytest.raises(NotFound, match="percentiles of speed; there are those of: latency"):
        percentiles(both, "speed", experiment="sockperf")
    with pytest.raises(NotFound, match="no run of this selection has percentiles of latency"):
        percentiles(both, experiment="iperf3")


def test_the_chart_of_percentiles(both):
    frame = percentiles(both, experiment="sockperf")
    picture = chart(frame)
    rows = data(picture)
    # Half is 2 steps, one in a hundred is 100; the ends have no place on the axis.
    assert sorted({(row["percentile"], row["slower"]) for row in rows}) == [
        ("p50", 2.0),
        ("p99", 100.0),
    ]
    shown = texts(drawn(picture))
    assert {"a", "b", "p50", "p99", "Latency by percentile"} <= set(shown)
    colours = picture.to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert dict(zip(colours["domain"], colours["range"], strict=True)) == theme.platform_colours(
        ["a", "b"]
    )
    assert "Simulated data" in texts(drawn(chart(frame, simulated=True)))


def test_every_percentile_with_a_tick_has_its_label_and_the_median_first():
    def ticks(ranks, **options):
        frame = pd.DataFrame({"percentile": ranks, "value": 20.0 + np.arange(len(ranks))})
        named = {"experiment": "e", "platform": "a", "sim_id": "a/1", "unit": "µs"}
        picture = chart(frame.assign(**named), **options)
        axis = picture.to_dict()["layer"][0]["encoding"]["x"]["axis"]
        shown = {text for text in texts(drawn(picture)) if text.startswith("p")} - {"percentile"}
        assert len(shown) == len(axis["values"])
        return shown

    # What sockperf prints.
    printed = [25, 50, 75, 90, 99, 99.9, 99.99, 99.999]
    assert ticks(printed) == {f"p{rank:g}" for rank in printed}
    close = ticks([1, 2, 3, 48, 49, 50, 51, 52, 99.999])
    assert "p50" in close
    assert "p99.999" in close
    assert "p49" not in close
    assert ticks([50]) == {"p50"}


def test_what_cannot_be_drawn_is_said(both):
    frame = percentiles(both, experiment="sockperf")
    with pytest.raises(InvalidData, match="no percentile lies between 0 and 100"):
        chart(frame[frame["percentile"] == 100])
    mixed = pd.concat([frame, frame.assign(unit="ms")])
    with pytest.raises(InvalidData, match="several units"):
        chart(mixed)


# ---------------------------------------------------------------- the example


def test_the_example_on_small_files(
    example, small, store, mongodb_uri, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    out = tmp_path.parent / f"{tmp_path.name}-out"
    example.main(str(small), str(out))
    names = {path.name for path in out.iterdir()}
    charts = {"latency.html", "bitrate.html"}
    assert names == charts | {f"iperf3.{kind}" for kind in ("csv", "html")} | {
        f"sockperf.{kind}" for kind in ("csv", "html")
    }
    said = capsys.readouterr().out
    assert "a: 8.6 Gbit/s" in said
    assert "whether latency p99 differs between b and a is undecided" in said
    table = pd.read_csv(out / "iperf3.csv")
    assert table.loc[table["measurement"] == "bitrate", "value"].tolist() == [8.6, 9.0]


def test_the_example_on_the_real_files(
    example, shared_data, store, mongodb_uri, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    example.main(str(shared_data / "google-network"), str(tmp_path))
    said = capsys.readouterr().out
    for figure in ("55.1 Gbit/s", "53.4 Gbit/s", "22.253 µs", "23.857 µs", "435,646 messages/s"):
        assert figure in said
