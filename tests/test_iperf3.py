"""iperf3's output, text and JSON, into runs."""

import gzip
import json

import pytest
from iperf3_files import (
    BOTH,
    CLIENT,
    DATAGRAMS,
    SERVER,
    STREAMS,
    changed,
    document,
    shown,
    values,
    writer,
)

from ingest.networking.iperf3 import ingest_iperf3, is_iperf3, read
from ingest.networking.iperf3_ends import disagreements
from ingest.networking.iperf3_pairs import paired
from minion.errors import InvalidData, NotFound


@pytest.fixture
def folder(tmp_path):
    return writer(tmp_path)


# ---------------------------------------------------------------- text


def test_the_two_ends_of_a_test_are_one_run_named_by_the_client_s_file(store, folder):
    done = ingest_iperf3(store, folder(a_txt=SERVER, b_txt=CLIENT))
    assert (done.runs, done.new, done.samples) == (1, 1, 8)
    (run,) = store.simulations()
    assert (run.sim_id, run.platform, run.experiment) == ("gke/b", "gke", "iperf3")
    assert [host.hostname for host in run.hosts] == ["client", "server"]
    assert values(run) == {
        "bitrate": 6.4,
        "transferred": 1.49,
        "bitrate sent": 6.44,
        "retransmits": 3.0,
    }
    assert run.parameters == {"protocol": "TCP", "streams": 1, "direction": "out", "seconds": 2}
    assert run.provenance.details["server"] == "10.0.0.2:5201"
    assert run.end - run.start == 2
    assert shown(store.series(run)) == {
        ("client", "iperf3.bitrate", "total"): [8.59, 4.29],
        ("client", "iperf3.cwnd", "stream 1"): [2.5, 0.5],
        ("client", "iperf3.retransmits", "total"): [3.0, 0.0],
        ("server", "iperf3.bitrate", "total"): [8.56, 4.24],
    }
    assert {s.step for s in store.series(run)} == {1.0}
    # Every sample lies inside the run.
    assert len(store.samples(phase="Total simulation time")) == 8


def test_the_same_files_again_change_nothing(store, folder):
    paths = folder(a_txt=SERVER, b_txt=CLIENT)
    ingest_iperf3(store, paths)
    before = store.simulation("gke/b")
    again = ingest_iperf3(store, paths)
    assert (again.runs, again.new, again.samples) == (1, 0, 0)
    assert store.simulation("gke/b") == before


def test_another_test_between_the_same_hosts_is_a_run_of_its_own(store, folder):
    other = CLIENT.replace("6.40 Gbits", "6.10 Gbits").replace("1.49 GBytes", "1.42 GBytes")
    done = ingest_iperf3(store, folder(a_txt=SERVER, b_txt=other))
    assert done.runs == 2


def test_streams_have_a_total_and_their_own_lines(store, folder):
    (path,) = folder(p_txt=STREAMS)
    ingest_iperf3(store, [path], platform="P", sim="7", experiment="mine")
    run = store.simulation("7", "mine")
    assert (run.platform, run.parameters["streams"]) == ("P", 2)
    assert values(run)["bitrate"] == 5.033
    found = shown(store.series(run))
    assert found["client", "iperf3.bitrate", "total"] == [5.033]
    assert found["client", "iperf3.bitrate", "stream 2"] == [3.355]
    assert found["client", "iperf3.retransmits", "total"] == [3.0]
    assert found["client", "iperf3.cwnd", "stream 1"] == [1.0]
    assert ("client", "iperf3.cwnd", "total") not in found


def test_datagrams_have_jitter_and_loss(store, folder):
    ingest_iperf3(store, folder(u_txt=DATAGRAMS))
    run = store.simulation("gke/u")
    assert run.parameters["protocol"] == "UDP"
    assert values(run) == {
        "bitrate": 0.0501,
        "transferred": 5.97 / 1024,
        "jitter": 0.012,
        "lost datagrams": 9.0,
        "datagrams": 200.0,
        "loss": 4.5,
    }


def test_both_directions_are_told_apart_and_what_was_omitted_does_not_count(store, folder):
    ingest_iperf3(store, folder(d_txt=BOTH))
    run = store.simulation("gke/d")
    found = values(run)
    assert (found["bitrate"], found["bitrate back"]) == (8.59, 17.2)
    assert (found["retransmits"], found["retransmits back"]) == (2.0, 18.0)
    assert run.parameters["direction"] == "both"
    assert shown(store.series(run))["client", "iperf3.bitrate", "total back"] == [17.2]


def test_a_reversed_test_is_counted_by_the_client(folder):
    text = (
        CLIENT.replace(
            "[  5] local", "Reverse mode, remote host 10.0.0.2 is sending\n[  5] local", 1
        )
        .replace("    3   2.50 MBytes", "")
        .replace("    0    512 KBytes", "")
    )
    (end,) = read(folder(r_txt=text)[0])
    assert (end.direction, end.counts(back=False)) == ("back", "receiver")
    (note,) = disagreements(
        end.__class__(
            **{
                **{name: getattr(end, name) for name in end.__slots__},
                "rows": tuple(row for row in end.rows if row.end != "receiver"),
            }
        )
    )
    assert "no summary of the receiver" in note


def test_a_server_s_log_holds_several_tests(store, folder):
    second = SERVER.replace("port 4000", "port 4100").replace("test #1", "test #2")
    done = ingest_iperf3(store, folder(s_txt=SERVER + second))
    assert done.runs == 2
    assert {run.sim_id for run in store.simulations()} == {"gke/s", "gke/s#2"}
    with pytest.raises(InvalidData, match="--sim 7 names one run, and these files hold 2 tests"):
        ingest_iperf3(store, folder(s_txt=SERVER + second), sim="7")


def test_intervals_that_do_not_add_up_are_named_with_file_and_line(folder):
    (path,) = folder(a_txt=SERVER.replace("506 MBytes", "406 MBytes"))
    (end,) = read(path)
    (note,) = disagreements(end)
    assert note == (
        f"{path}:9: the intervals of the server add up to 1.393 GiB, its summary says 1.49 GiB"
        " (-6.5%)"
    )


def test_rounding_is_no_disagreement(folder):
    for text in (CLIENT, SERVER, STREAMS, DATAGRAMS, BOTH):
        (end,) = read(folder(x_txt=text)[0])
        assert list(disagreements(end)) == []


def test_a_gap_between_intervals_is_named(folder):
    (path,) = folder(a_txt=SERVER.replace("1.00-2.00 ", "1.30-2.00 "))
    (end,) = read(path)
    assert f"{path}:6: an interval begins at 1.3 s, the one before it ended at 1 s" in set(
        disagreements(end)
    )


def test_a_test_without_its_summary_keeps_its_intervals_and_has_no_bitrate(store, folder):
    cut = SERVER[: SERVER.index("- - -")]
    done = ingest_iperf3(store, folder(a_txt=cut))
    assert any("no summary of the receiver; did the test end?" in note for note in done.notes)
    assert "gke/a has no bitrate: no file says what was received" in done.notes
    assert values(store.simulation("gke/a")) == {}
    assert done.samples == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SERVER.replace("506 MBytes  4.24", "506 MB"), r"a.txt:6: these are no figures of iperf3"),
        (SERVER[: SERVER.index("4.24 Gb")], r"a.txt:6: .* is the file cut off there"),
        ("[  5]   0.00-1.00   sec\n", r"a.txt:1: figures without a test"),
        ("iperf3: error - unable to connect\n", r"a.txt:1: iperf3: error .*no figures"),
        ("some text\n", r"a.txt: no figures of an iperf3 test"),
        ("\n \n", r"a.txt is empty"),
    ],
)
def test_what_cannot_be_read_is_named_with_file_and_line(folder, text, message):
    (path,) = folder(a_txt=text)
    with pytest.raises(InvalidData, match=message):
        read(path)


def test_files_that_are_no_text_or_not_there(store, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"Connecting\n\xff\xfe")
    with pytest.raises(InvalidData, match=r"a.txt:2: this is not text in UTF-8"):
        read(path)
    path.write_bytes(gzip.compress(CLIENT.encode())[:-20])
    with pytest.raises(InvalidData, match="the gzipped file is broken"):
        read(path)
    with pytest.raises(NotFound, match="there is no file"):
        ingest_iperf3(store, [tmp_path / "none"])
    path.write_bytes(gzip.compress(CLIENT.encode()))
    assert read(path)[0].role == "client"


# ---------------------------------------------------------------- JSON


def test_json_says_when_it_was_and_more(store, folder):
    both = json.dumps(document("server"), indent=1), json.dumps(document())
    done = ingest_iperf3(store, folder(s_json=both[0], c_json=both[1]))
    assert (done.runs, done.notes) == (1, ())
    (run,) = store.simulations()
    assert (run.sim_id, run.start) == ("gke/c", 1_700_000_000.0)
    assert run.environment == {"iperf3": "3.12"}
    found = {(m.name, m.hostname): m.value for m in run.measurements}
    assert found["bitrate", None] == pytest.approx(3 * 8 / 2.0005)
    assert found["bitrate sent", None] == pytest.approx(3 * 8 / 2.0002)
    assert (found["cpu", "client"], found["cpu", "server"]) == (12.5, 12.5)
    lines = shown(store.series(run))
    assert lines["client", "iperf3.rtt", "stream 1"] == [0.25, 0.25]
    assert lines["client", "iperf3.cwnd", "stream 1"] == [1.0, 1.0]
    # Intervals begin a little late; the grid does not.
    assert {s.step for s in store.series(run)} == {1.0}
    assert store.series(run)[0].times.tolist() == [1_700_000_000.0, 1_700_000_001.0]


def test_json_of_several_tests_one_after_the_other(folder):
    text = json.dumps(document("server")) + "\n" + json.dumps(document("server", cookie="x"))
    (path,) = folder(s_json=text)
    assert [end.number for end in read(path)] == [1, 2]
    assert len(paired(read(path))) == 2


def test_json_that_disagrees_with_itself(folder):
    broken = document("server")
    broken["end"]["sum_received"]["bytes"] *= 2
    (end,) = read(folder(s_json=json.dumps(broken))[0])
    (note,) = disagreements(end)
    assert "(-50.0%)" in note


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps(document(), indent=1)[:900], r"c.json:\d+: this is no JSON: .*cut off"),
        ("{}", "is not what iperf3 --json writes"),
        ('{"start": {}, "end": {}, "intervals": [], "error": "refused"}', "test failed: refused"),
        (
            changed("start", 5),
            r"c.json: test 1: its start is not as .* writes it: a value is of anot",
        ),
        (
            changed("start", {}),
            r"test 1: its start is not as .*: it lacks 'connected'; was it change",
        ),
        (
            changed("end", []),
            r"test 1: its end is not as .*: a value is of another kind than there",
        ),
        (
            changed("intervals", 7),
            r"test 1: the list of its intervals is not as iperf3 --json writ",
        ),
        (changed("intervals", [1]), r"test 1: its interval 1 is not as .*: a value is of another "),
        (changed("intervals", [{}]), r"test 1: its interval 1 is not as .*: it lacks 'sum'"),
    ],
)
def test_json_that_cannot_be_read(folder, text, message):
    with pytest.raises(InvalidData, match=message):
        read(folder(c_json=text)[0])


def test_what_is_iperf3_s():
    assert all(map(is_iperf3, (CLIENT, SERVER, STREAMS, json.dumps(document()))))
    assert not any(map(is_iperf3, ("{}", "sockperf: Test ended", "time,user\n1,2\n")))
