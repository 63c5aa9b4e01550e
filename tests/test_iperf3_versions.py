"""What versions and options of iperf3 print, or write, in other ways than usual."""

import json

import pytest
from iperf3_files import CLIENT, SERVER, STREAMS, document, shown, values, writer

from ingest.networking.iperf3 import ingest_iperf3, is_iperf3, read
from ingest.networking.iperf3_ends import disagreements

REVERSE = "Reverse mode, remote host 10.0.0.2 is sending\n"
NOTHING = "0.00 Bytes  0.00 bits/sec"
INTERRUPTED = CLIENT.replace("1.49 GBytes  6.40 Gbits/sec", NOTHING)
# Up to 3.1: one summary that does not say whose it is.
OLD_DATAGRAMS = """\
Connecting to host h, port 5201
[  4] local 10.0.0.1 port 5 connected to 10.0.0.2 port 5201
[ ID] Interval           Transfer     Bandwidth       Total Datagrams
[  4]   0.00-1.00   sec  1.00 MBytes  8.39 Mbits/sec  100
[  4]   1.00-2.00   sec  2.00 MBytes  16.8 Mbits/sec  200
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bandwidth       Jitter    Lost/Total Datagrams
[  4]   0.00-2.00   sec  3.00 MBytes  12.6 Mbits/sec  0.050 ms  60/300 (20%)
[  4] Sent 300 datagrams
[SUM]  0.0-2.0 sec  7 datagrams received out-of-order
"""
OLD_DATAGRAMS_SERVER = f"""\
Accepted connection from 10.0.0.1, port 4
[  5] local 10.0.0.2 port 5201 connected to 10.0.0.1 port 5
[ ID] Interval           Transfer     Bandwidth       Jitter    Lost/Total Datagrams
[  5]   0.00-1.00   sec   800 KBytes  6.55 Mbits/sec  0.040 ms  22/100 (22%)
[  5]   1.00-2.00   sec  1.60 MBytes  13.4 Mbits/sec  0.050 ms  38/200 (19%)
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bandwidth       Jitter    Lost/Total Datagrams
[  5]   0.00-2.03   sec  {NOTHING}  0.050 ms  60/300 (20%)
"""
LOST = {"jitter": 0.05, "lost datagrams": 60.0, "datagrams": 300.0, "loss": 20.0}


@pytest.fixture
def folder(tmp_path):
    return writer(tmp_path)


@pytest.fixture
def stored(store, folder):
    """The measurements of the only run that comes of some files."""

    def measurements(**files):
        assert ingest_iperf3(store, folder(**files)).runs == 1
        (run,) = store.simulations()
        return values(run)

    return measurements


def of_datagrams(role="client"):
    """What versions up to 3.10 write of datagrams."""
    found = document(role)
    found["start"]["test_start"]["protocol"] = "UDP"
    sent = found["end"].pop("sum_sent")
    del found["end"]["sum_received"], sent["retransmits"]
    found["end"]["sum"] = {**sent, "jitter_ms": 0.05, "lost_packets": 60, "packets": 300}
    return found


# ---------------------------------------------------------------- what an end was not told


def test_what_the_other_end_did_not_tell_is_no_bitrate_of_zero(store, folder):
    done = ingest_iperf3(store, folder(c_txt=INTERRUPTED))
    assert values(store.simulation("gke/c")) == {"bitrate sent": 6.44, "retransmits": 3.0}
    assert "gke/c has no bitrate: no file says what was received" in done.notes


@pytest.mark.parametrize("order", [("c_txt", "s_txt"), ("s_txt", "c_txt")])
def test_an_interrupted_client_is_one_test_with_its_server(store, target, folder, order):
    texts = {"c_txt": INTERRUPTED, "s_txt": SERVER}
    paths = folder(**{name: texts[name] for name in order})
    ingest_iperf3(target, paths)
    for path in paths:
        ingest_iperf3(store, [path])
    for each in (store, target):
        (run,) = each.simulations()
        assert values(run)["bitrate"] == 6.4
        assert values(run)["bitrate sent"] == 6.44
    kept = [each.simulations()[0].provenance.details["test"] for each in (store, target)]
    assert kept[0] == kept[1]
    # Nothing new in either.
    assert [ingest_iperf3(store, [path]).runs for path in paths] == [0, 0]


def test_without_addresses_nothing_is_known_to_be_one_test(store, folder):
    bare = [
        "\n".join(line for line in text.splitlines() if " local " not in line)
        for text in (INTERRUPTED, SERVER.replace("1.49 GBytes  6.40 Gbits/sec", NOTHING))
    ]
    assert ingest_iperf3(store, folder(c_txt=bare[0], s_txt=bare[1])).runs == 2


def test_several_streams_of_an_interrupted_client(stored):
    text = STREAMS
    for figures in ("100 MBytes  1678 Mbits", "200 MBytes  3355 Mbits", "300 MBytes  5033 Mbits"):
        received = f"{figures}/sec                  receiver"
        text = text.replace(received, f"{NOTHING}                  receiver")
    assert stored(p_txt=text) == {"bitrate sent": 5.033, "retransmits": 3.0}


def test_an_old_server_says_zero_for_the_client_whichever_of_them_sends(folder):
    other = f"[  5]   0.00-2.00   sec  {NOTHING}                  sender\n"
    receives = SERVER + other
    sends = receives.replace("sender", "x").replace("receiver", "sender").replace("x", "receiver")
    for text, direction, end in ((receives, "out", "receiver"), (sends, "back", "sender")):
        (found,) = read(folder(s_txt=text)[0])
        assert found.direction == direction
        assert {row.end for row in found.rows} == {"", end}
        assert list(disagreements(found)) == []


def test_a_server_that_counts_retransmits_sends(folder):
    cut = CLIENT.replace("Connecting to host 10", "Accepted connection from 10")
    (end,) = read(folder(s_txt=cut[: cut.index("- - -")])[0])
    assert (end.role, end.direction) == ("server", "back")


def test_a_test_in_which_nothing_arrived_has_a_bitrate_of_zero(stored):
    text = SERVER
    for figures in ("1020 MBytes  8.56", "506 MBytes  4.24", "1.49 GBytes  6.40"):
        text = text.replace(f"{figures} Gbits/sec", NOTHING)
    assert stored(s_txt=text)["bitrate"] == 0.0


def test_the_two_ends_may_have_measured_for_different_times(store, folder):
    # Up to 3.1 each divides the same bytes by its own seconds.
    server = SERVER.replace("6.40 Gbits", "6.31 Gbits")
    assert ingest_iperf3(store, folder(c_txt=CLIENT, s_txt=server)).runs == 1


def test_an_interval_that_is_printed_twice_is_no_summary(stored):
    row = "[  5]   1.00-2.00   sec   506 MBytes  4.24 Gbits/sec\n"
    assert stored(s_txt=SERVER.replace(row, row + row))["bitrate"] == 6.4


# ---------------------------------------------------------------- datagrams


def test_old_summaries_of_datagrams_are_what_was_sent_and_what_was_lost(store, folder):
    done = ingest_iperf3(store, folder(c_txt=OLD_DATAGRAMS))
    assert values(store.simulation("gke/c")) == {**LOST, "bitrate sent": 0.0126}
    assert not any("summary" in note for note in done.notes)


def test_and_so_are_those_of_json_up_to_3_10(store, folder):
    done = ingest_iperf3(store, folder(c_json=json.dumps(of_datagrams())))
    found = values(store.simulation("gke/c"))
    assert found.pop("bitrate sent") == pytest.approx(3 * 8 / 2.0002)
    assert found == {**LOST, "cpu": 12.5}
    assert done.notes == ("gke/c has no bitrate: no file says what was received",)


def test_an_old_server_knows_what_was_lost_and_not_what_was_sent(store, folder):
    ingest_iperf3(store, folder(s_txt=OLD_DATAGRAMS_SERVER))
    ingest_iperf3(store, folder(s_json=json.dumps(of_datagrams("server"))), experiment="json")
    assert values(store.simulation("gke/s", "iperf3")) == LOST
    assert values(store.simulation("gke/s", "json")) == {**LOST, "cpu": 12.5}
    client = folder(c_txt=OLD_DATAGRAMS)
    assert ingest_iperf3(store, client).new == 0
    assert values(store.simulation("gke/s", "iperf3")) == {**LOST, "bitrate sent": 0.0126}


def test_an_interrupted_client_knows_of_no_losses(stored):
    text = OLD_DATAGRAMS.replace("0.050 ms  60/300 (20%)", "0.000 ms  0/300 (0%)")
    assert stored(c_txt=text) == {"bitrate sent": 0.0126}


def test_an_old_server_that_sends_datagrams(folder):
    text = OLD_DATAGRAMS.replace("Connecting to host h", "Accepted connection from h")
    (end,) = read(folder(s_txt=text.replace("0.050 ms  60/300", "0.000 ms  0/300"))[0])
    assert (end.role, end.direction) == ("server", "back")


def test_a_sender_knows_of_no_losses(stored):
    text = (
        "Accepted connection from 10.0.0.1, port 4\n"
        "[ ID] Interval           Transfer     Bitrate         Total Datagrams\n"
        "[  5]   0.00-1.00   sec  5.97 MBytes  50.1 Mbits/sec  200\n"
        "[ ID] Interval           Transfer     Bitrate         Jitter    Lost/Total Datagrams\n"
        "[  5]   0.00-1.00   sec  5.97 MBytes  50.1 Mbits/sec  0.000 ms  0/200 (0%)  sender\n"
    )
    assert stored(s_txt=text) == {"bitrate sent": 0.0501}


def test_losses_that_are_unknown(stored):
    assert stored(
        s_txt=OLD_DATAGRAMS_SERVER.replace(
            f"{NOTHING}  0.050 ms  60/300 (20%)",
            "2.40 MBytes  10.1 Mbits/sec  0.050 ms  Unknown/300  receiver",
        )
    ) == {"bitrate": 0.0101, "transferred": 2.4 / 1024, "jitter": 0.05, "datagrams": 300.0}


def test_a_new_client_was_told_what_an_old_server_does_not_say(stored):
    received = (
        "[  4]   0.00-2.00   sec  2.40 MBytes  10.1 Mbits/sec  0.050 ms  60/300 (20%) receiver"
    )
    summaries = f"0.000 ms  0/300 (0%) sender\n{received}"
    client = OLD_DATAGRAMS.replace("0.050 ms  60/300 (20%)", summaries)
    found = stored(c_txt=client, s_txt=OLD_DATAGRAMS_SERVER)
    assert found == {**LOST, "bitrate sent": 0.0126, "bitrate": 0.0101, "transferred": 2.4 / 1024}


# ---------------------------------------------------------------- lines


@pytest.mark.parametrize("before", ["Sun Nov 22 22:00:00 2026 ", "mine:  ", "[12:00] ", "x[7]: "])
def test_what_stands_before_each_line_does_not_matter(folder, before):
    reverse = CLIENT.replace("[  5] local", f"{REVERSE}[  5] local", 1)
    for text in (CLIENT, SERVER, reverse):
        plain, marked = (
            read(folder(a_txt=each)[0])[0]
            for each in (text, "".join(before + line for line in text.splitlines(keepends=True)))
        )
        assert marked == plain


def test_lines_without_figures_are_passed_over(folder):
    more = (
        "[  5] (sender statistics not available)\n"
        "[SUM]  0.0-2.0 sec  3 datagrams received out-of-order\n"
        "[  5] Sent 30 datagrams\n"
        "warning: this is no figure\n"
    )
    text = CLIENT.replace("- - -", f"{more}- - -", 1)
    (end,) = read(folder(a_txt=text)[0])
    assert end.summary("receiver").gbit_s == 6.4
    assert end.protocol == "TCP"


def test_the_protocol_where_it_is_told(folder):
    text = CLIENT.replace("[  5] local", "Starting Test: protocol: SCTP, 1 streams\n[  5] local", 1)
    assert read(folder(a_txt=text)[0])[0].protocol == "SCTP"


def test_the_server_s_output_in_the_client_s(store, folder):
    done = ingest_iperf3(store, folder(a_txt=f"{CLIENT}\nServer output:\n{SERVER}"))
    assert done.runs == 1
    (run,) = store.simulations()
    assert [host.hostname for host in run.hosts] == ["client", "server"]


# ---------------------------------------------------------------- JSON


def test_both_directions_under_one_name(store, folder):
    """Up to 3.10 there are two `sum_sent`, and two `sum_received`."""
    found = document()
    found["start"]["test_start"]["bidir"] = 1
    text = json.dumps(found)
    back = json.dumps({"start": 0, "end": 2, "bytes": 10**9, "bits_per_second": 4e9})
    text = text.replace('"cpu_util', f'"sum_sent": {back}, "sum_received": {back}, "cpu_util')
    ingest_iperf3(store, folder(c_json=text))
    run = store.simulation("gke/c")
    assert values(run)["bitrate"] == pytest.approx(3 * 8 / 2.0005)
    assert values(run)["bitrate back"] == 4.0
    assert run.parameters["direction"] == "both"


def test_remarks_before_and_between_documents(folder):
    text = json.dumps(document("server"), indent=1)
    other = json.dumps(document("server", cookie="x"), indent=1)
    remarks = "warning: no such option\niperf3: error - unable to receive\n\n"
    (path,) = folder(s_json=f"{remarks}{text}\n{remarks}{other}\n")
    assert is_iperf3(path.read_text())
    assert [end.number for end in read(path)] == [1, 2]


@pytest.mark.parametrize("full", [False, True])
def test_json_as_a_stream_of_events(folder, full):
    whole = document()
    events = [
        {"event": "start", "data": whole["start"]},
        *({"event": "interval", "data": interval} for interval in whole["intervals"]),
        {"event": "end", "data": whole["end"]},
    ]
    lines = [*map(json.dumps, events), *([json.dumps(whole)] if full else [])]
    plain, streamed = (
        read(folder(c_json=text)[0]) for text in (json.dumps(whole), "\n".join(lines))
    )
    assert streamed == plain
    (cut,) = read(folder(c_json="\n".join(lines[:2]))[0])
    assert "no summary of the sender; did the test end?" in next(disagreements(cut))


def test_an_interval_that_is_written_twice_counts_once(store, folder):
    found = document()
    found["intervals"].append(found["intervals"][-1])
    done = ingest_iperf3(store, folder(c_json=json.dumps(found)))
    assert done.notes == ()
    lines = shown(store.series(store.simulation("gke/c")))
    assert len(lines["client", "iperf3.bitrate", "total"]) == 2


def test_many_streams_stand_before_the_version():
    found = document()
    found["start"]["connected"] *= 64
    assert is_iperf3(json.dumps(found, indent=1))
