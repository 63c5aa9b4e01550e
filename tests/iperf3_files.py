"""What iperf3 prints and writes of small tests, made up here; and files of it."""

import json

CLIENT = """\
user@node-1:~$ iperf3 -c 10.0.0.2 -t 2
Connecting to host 10.0.0.2, port 5201
[  5] local 10.0.0.1 port 40001 connected to 10.0.0.2 port 5201
[ ID] Interval           Transfer     Bitrate         Retr  Cwnd
[  5]   0.00-1.00   sec  1.00 GBytes  8.59 Gbits/sec    3   2.50 MBytes
[  5]   1.00-2.00   sec   512 MBytes  4.29 Gbits/sec    0    512 KBytes
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bitrate         Retr
[  5]   0.00-2.00   sec  1.50 GBytes  6.44 Gbits/sec    3             sender
[  5]   0.00-2.00   sec  1.49 GBytes  6.40 Gbits/sec                  receiver

iperf Done.
"""
SERVER = """\
Server listening on 5201 (test #1)
Accepted connection from 10.0.0.1, port 40000
[  5] local 10.0.0.2 port 5201 connected to 10.0.0.1 port 40001
[ ID] Interval           Transfer     Bitrate
[  5]   0.00-1.00   sec  1020 MBytes  8.56 Gbits/sec
[  5]   1.00-2.00   sec   506 MBytes  4.24 Gbits/sec
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bitrate
[  5]   0.00-2.00   sec  1.49 GBytes  6.40 Gbits/sec                  receiver
"""
STREAMS = """\
Connecting to host h, port 5201
[  5] local 10.0.0.1 port 1 connected to 10.0.0.2 port 5201
[  7] local 10.0.0.1 port 2 connected to 10.0.0.2 port 5201
[ ID] Interval           Transfer     Bitrate         Retr  Cwnd
[  5]   0.00-0.50   sec   100 MBytes  1678 Mbits/sec    1   1.00 MBytes
[  7]   0.00-0.50   sec   200 MBytes  3355 Mbits/sec    2   2.00 MBytes
[SUM]   0.00-0.50   sec   300 MBytes  5033 Mbits/sec    3
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bitrate         Retr
[  5]   0.00-0.50   sec   100 MBytes  1678 Mbits/sec    1             sender
[  5]   0.00-0.50   sec   100 MBytes  1678 Mbits/sec                  receiver
[  7]   0.00-0.50   sec   200 MBytes  3355 Mbits/sec    2             sender
[  7]   0.00-0.50   sec   200 MBytes  3355 Mbits/sec                  receiver
[SUM]   0.00-0.50   sec   300 MBytes  5033 Mbits/sec    3             sender
[SUM]   0.00-0.50   sec   300 MBytes  5033 Mbits/sec                  receiver
"""
DATAGRAMS = """\
Accepted connection from 10.0.0.1, port 4
[  5] local 10.0.0.2 port 5201 connected to 10.0.0.1 port 5
[ ID] Interval           Transfer     Bitrate         Jitter    Lost/Total Datagrams
[  5]   0.00-1.00   sec  5.97 MBytes  50.1 Mbits/sec  0.012 ms  9/200 (4.5%)
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID] Interval           Transfer     Bitrate         Jitter    Lost/Total Datagrams
[  5]   0.00-1.00   sec  5.97 MBytes  50.1 Mbits/sec  0.012 ms  9/200 (4.5%)  receiver
"""
BOTH = """\
Connecting to host h, port 5201
[  5] local 10.0.0.1 port 1 connected to 10.0.0.2 port 5201
[  7] local 10.0.0.1 port 2 connected to 10.0.0.2 port 5201
[ ID][Role] Interval           Transfer     Bitrate         Retr  Cwnd
[  5][TX-C]   0.00-1.00   sec  9.00 GBytes  77.3 Gbits/sec    3   2.50 MBytes       (omitted)
[  7][RX-C]   0.00-1.00   sec  9.00 GBytes  77.3 Gbits/sec                  (omitted)
[  5][TX-C]   0.00-1.00   sec  1.00 GBytes  8.59 Gbits/sec    2   3.12 MBytes
[  7][RX-C]   0.00-1.00   sec  2.00 GBytes  17.2 Gbits/sec
- - - - - - - - - - - - - - - - - - - - - - - - -
[ ID][Role] Interval           Transfer     Bitrate         Retr
[  5][TX-C]   0.00-1.00   sec  1.00 GBytes  8.59 Gbits/sec    2             sender
[  5][TX-C]   0.00-1.00   sec  1.00 GBytes  8.59 Gbits/sec                  receiver
[  7][RX-C]   0.00-1.00   sec  2.00 GBytes  17.2 Gbits/sec   18             sender
[  7][RX-C]   0.00-1.00   sec  2.00 GBytes  17.2 Gbits/sec                  receiver
"""


def document(role="client", *, cookie="abc", start=1_700_000_000):
    """What --json writes of two seconds over one stream."""
    near, far = ("10.0.0.1", 40001), ("10.0.0.2", 5201)
    if role == "server":
        near, far = far, near
    sends = role == "client"

    def figures(first, last, count, **more):
        rate = count * 8 / (last - first)
        return {"start": first, "end": last, "bytes": count, "bits_per_second": rate, **more}

    def interval(first, last, count):
        own = figures(first, last, count, omitted=False, sender=sends)
        extra = {"snd_cwnd": 2**20, "rtt": 250, "retransmits": 1} if sends else {}
        return {"streams": [{"socket": 5, **own, **extra}], "sum": {**own}}

    return {
        "start": {
            "connected": [
                {
                    "socket": 5,
                    "local_host": near[0],
                    "local_port": near[1],
                    "remote_host": far[0],
                    "remote_port": far[1],
                }
            ],
            "version": "iperf 3.12",
            "timestamp": {"timesecs": start},
            "cookie": cookie,
            "test_start": {"protocol": "TCP", "num_streams": 1, "reverse": 0, "duration": 2},
            **({"accepted_connection": {}} if role == "server" else {"connecting_to": {}}),
        },
        "intervals": [interval(0, 1.0001, 10**9), interval(1.0001, 2.0002, 2 * 10**9)],
        "end": {
            "sum_sent": figures(0, 2.0002, 3 * 10**9 * sends, retransmits=2),
            "sum_received": figures(0, 2.0005, 3 * 10**9),
            "cpu_utilization_percent": {"host_total": 12.5, "remote_total": 50.0},
        },
    }


def changed(part, value):
    """The same with another part."""
    return json.dumps({**document(), part: value})


def writer(tmp_path):
    """What writes files into the folder of a platform, and returns their paths."""
    place = tmp_path / "gke"
    place.mkdir()

    def write(**files):
        paths = [place / name.replace("_", ".") for name in files]
        for path, text in zip(paths, files.values(), strict=True):
            path.write_text(text)
        return paths

    return write


def values(run):
    return {m.name: m.value for m in run.measurements}


def shown(series):
    return {
        (s.hostname, s.chart, d.id): s.values[:, k].tolist()
        for s in series
        for k, d in enumerate(s.dimensions)
    }
