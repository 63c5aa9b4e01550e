"""sockperf's output into runs."""

import gzip

import pytest

from ingest.networking.sockperf import ingest_sockperf
from ingest.networking.sockperf_text import disagreements, is_sockperf, read
from minion.errors import AlreadyExists, InvalidData

LATENCY = """\
\x1b[2;35msockperf: == version #3.7-no.git == \x1b[0m
[ 0] IP = 10.0.0.2      PORT = 11111 # UDP
sockperf: Warmup stage (sending a few dummy messages)...
sockperf: [Total Run] RunTime=2.000 sec; Warm up time=400 msec; SentMessages=1100; \
ReceivedMessages=1099
sockperf: [Valid Duration] RunTime=1.550 sec; SentMessages=1000; ReceivedMessages=1000
sockperf: ====> avg-latency=20.500 (std-dev=2.000)
sockperf: # dropped messages = 1; # duplicated messages = 2; # out-of-order messages = 3
sockperf: Summary: Latency is 20.500 usec
sockperf: Total 1000 observations; each percentile contains 10.00 observations
sockperf: ---> <MAX> observation = 1861.684
sockperf: ---> percentile 99.999 =   91.998
sockperf: ---> percentile 99.000 =   27.489
sockperf: ---> percentile 50.000 =   20.301
sockperf: ---> <MIN> observation =   16.752
"""
RATE = """\
sockperf: == version #3.7-no.git ==
sockperf: Total of 25105674 messages sent in 30.000 sec

sockperf: NOTE: test was performed, using msg-size=14. For getting maximum throughput consider
sockperf: Summary: Message Rate is 836847 [msg/sec]
sockperf: Summary: BandWidth is 11.173 MBps (89.385 Mbps)
"""


@pytest.fixture
def written(tmp_path):
    place = tmp_path / "gke"
    place.mkdir()

    def write(text, name="a.txt"):
        path = place / name
        path.write_text(text)
        return path

    return write


def test_latencies_are_measurements_of_a_run(store, written):
    path = written(LATENCY)
    done = ingest_sockperf(store, [path])
    assert (done.runs, done.measurements, done.notes) == (1, 12, ())
    run = store.simulation("gke/a")
    assert run.experiment == "sockperf"
    assert run.environment == {"sockperf": "3.7-no.git"}
    assert run.parameters == {"test": "latency", "protocol": "UDP", "seconds": 2}
    assert (run.end - run.start, run.hosts) == (2.0, ())
    assert {(m.name, m.value, m.unit) for m in run.measurements} == {
        ("latency", 20.5, "µs"),
        ("latency sd", 2.0, "µs"),
        ("latency min", 16.752, "µs"),
        ("latency p50", 20.301, "µs"),
        ("latency p99", 27.489, "µs"),
        ("latency p99.999", 91.998, "µs"),
        ("latency max", 1861.684, "µs"),
        # Those that are valid, without the warm-up.
        ("messages sent", 1000.0, "messages"),
        ("messages received", 1000.0, "messages"),
        ("dropped messages", 1.0, "messages"),
        ("duplicated messages", 2.0, "messages"),
        ("out-of-order messages", 3.0, "messages"),
    }
    again = ingest_sockperf(store, [path])
    assert (again.runs, again.new) == (1, 0)
    assert store.simulation("gke/a") == run


def test_round_trips_are_not_called_latency(store, written):
    text = LATENCY.replace("avg-latency", "avg-rtt").replace("Latency is", "Round trip is")
    ingest_sockperf(store, [written(text)], sim="r")
    names = {m.name for m in store.simulation("r").measurements}
    assert {"round trip", "round trip p99"} < names
    assert "latency" not in names


def test_message_rate_and_bandwidth(store, written):
    done = ingest_sockperf(store, [written(RATE)], platform="P", sim="7", experiment="mine")
    assert done.notes == ()
    run = store.simulation("7", "mine")
    assert run.platform == "P"
    assert run.parameters == {"test": "throughput", "message bytes": 14, "seconds": 30}
    assert {(m.name, m.value, m.unit) for m in run.measurements} == {
        ("message rate", 836847.0, "messages/s"),
        ("bandwidth", 11.173, "MiB/s"),
        ("messages sent", 25105674.0, "messages"),
    }


@pytest.mark.parametrize(
    ("printed", "other"),
    [
        # Before there was --full-rtt, and in older versions still.
        ("avg-latency=20.500 (std-dev=2.000)", "avg-lat= 20.500 (std-dev= 2.000)"),
        ("avg-latency=20.500 (std-dev=2.000)", "avg-latency=20.500 (std-dev=2.000, mean-ad=1.0)"),
        ("Latency is 20.500", "Latency of burst of 5 messages is 20.500"),
        ("percentile 50.000", "percentile  50.00"),
    ],
)
def test_other_versions_and_options_say_the_same(written, printed, other):
    assert printed in LATENCY
    first, second = read(written(LATENCY)), read(written(LATENCY.replace(printed, other)))
    assert second == first


def test_bandwidth_in_the_larger_unit_has_as_many_digits_and_says_less(written):
    text = RATE.replace("11.173 MBps (89.385 Mbps)", "0.011 GBps (0.089 Gbps)")
    test = read(written(text))
    assert test.bandwidth == 11.0
    assert list(disagreements(test)) == []
    (note,) = disagreements(read(written(text.replace("0.011", "0.013"))))
    assert "a bandwidth of 13 MiB/s, but" in note


def test_sizes_that_vary_have_an_average(written):
    assert read(written(RATE.replace("using msg", "using average msg"))).size == 14


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        (LATENCY.replace("Total 1000", "Total 998"), [":9: 998 observations of 1,000 received"]),
        (
            LATENCY.replace("20.301", "30.301"),
            [":12: percentile 99 (27.489 µs) is below percentile 50 (30.301 µs)"],
        ),
        (RATE.replace("is 836847", "is 736847"), [":5: 736,847 messages/s", ":6: a bandwidth of"]),
        (RATE.replace("11.173", "12.173"), [":6: a bandwidth of 12.173 MiB/s, but 836,847"]),
    ],
)
def test_figures_that_do_not_fit_together_are_named(written, text, notes):
    path = written(text)
    found = list(disagreements(read(path)))
    assert len(found) == len(notes)
    for said, expected in zip(found, notes, strict=True):
        assert said.startswith(f"{path}{expected}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LATENCY[: LATENCY.index("27.489")], "a.txt:12: these are no figures of sockperf"),
        (LATENCY.replace("(std-dev=2.000)", ""), "a.txt:6: these are no figures of sockperf"),
        (LATENCY + LATENCY, "a.txt:15: version for the second time .first in line 1"),
        (LATENCY[: LATENCY.index("sockperf: [Total")], "a.txt: no result of sockperf"),
        ("hello\n", "a.txt: no result of sockperf"),
        ("", "a.txt is empty"),
    ],
)
def test_what_cannot_be_read_is_named_with_file_and_line(written, text, message):
    with pytest.raises(InvalidData, match=message):
        read(written(text))


def test_one_sim_id_is_for_one_file(store, written):
    paths = [written(LATENCY), written(RATE, "b.txt")]
    with pytest.raises(InvalidData, match="--sim 7 names one run, and there are 2 files"):
        ingest_sockperf(store, paths, sim="7")


def test_files_of_one_name_are_neither_counted_twice_nor_put_in_place_of_each_other(
    store, written, tmp_path
):
    path = written(LATENCY)
    again = tmp_path / "day2" / "gke" / "a.txt"
    again.parent.mkdir(parents=True)
    again.write_text(LATENCY.replace("20.500", "21.500"))
    with pytest.raises(InvalidData, match="two files would be simulation gke/a"):
        ingest_sockperf(store, [path, again])
    assert store.simulations() == []
    done = ingest_sockperf(store, [path, path])
    assert (done.runs, done.new) == (1, 1)
    before = store.simulation("gke/a")
    with pytest.raises(AlreadyExists, match=r"from a.txt, and its latency is 20\.5 µs"):
        ingest_sockperf(store, [again])
    with pytest.raises(AlreadyExists, match="its platform is gke there, not q"):
        ingest_sockperf(store, [path], platform="q", sim="gke/a")
    assert store.simulation("gke/a") == before


def test_a_gzipped_file_is_the_run_of_the_plain_one(store, written):
    path = written(LATENCY)
    packed = path.with_name("a.txt.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    ingest_sockperf(store, [path])
    assert ingest_sockperf(store, [packed]).new == 0
    assert store.names("sockperf") == {"gke/a"}


def test_what_is_sockperf_s():
    assert is_sockperf(LATENCY)
    assert is_sockperf(RATE)
    assert not is_sockperf("Connecting to host 10.0.0.2")
