"""Profiles of Go programs: the protobuf, Go's own tables, quoted tables, logs with latencies.

The published study of Kepler quotes figures as text; these profiles are made here, by an encoder
and, where Go is installed, by a real program that Go's own tool has read too.
"""

import gzip
import json

import pytest
from pprof_profiles import encoded, go_profiles  # noqa: F401  a fixture

from analysis import compare
from analysis.profiling.latency import by_number, latencies
from analysis.profiling.reading import functions, stacks
from analysis.profiling.tables import changes, top
from ingest.profiling.latencies import latencies_of, series_of
from ingest.profiling.pprof import import_pprof, profile_of
from ingest.profiling.pprof_text import REST, amount, duration_ms
from ingest.profiling.protobuf import fields, integers, signed
from minion.errors import InvalidData, NotFound

MS = 10**6
SAMPLES = [
    (["read", "list", "main"], [3, 30 * MS]),
    ([("inlined", "caller"), "main"], [1, 10 * MS]),
    (["list", "read", "list", "main"], [2, 20 * MS]),
]
OWN = {"read": 30, "list": 20, "inlined": 10, "caller": 0, "main": 0}
TOTAL = {"read": 50, "list": 50, "inlined": 10, "caller": 10, "main": 60}

TOP = """\
File: kepler
Type: cpu
Time: Nov 11, 2022 at 5:00pm (CET)
Duration: 6.50s, Total samples = 2.31s (35.54%)
Showing nodes accounting for 1.60s, 69.26% of 2.31s total
Dropped 168 nodes (cum <= 0.01s)
Showing top 2 nodes out of 121
      flat  flat%   sum%        cum   cum%
     1.35s 58.44% 58.44%      1.35s 58.44%  runtime.cgocall
     250ms 10.82% 69.26%      0.26s 11.26%  encoding/json.(*decodeState).skip (inline)
"""
LOG = """\
I1129 10:12:13.100000       1 exporter.go:155] Kepler running
I1129 10:12:14.000000       1 collector.go:10] ListPods num: 10, duration: 1.5ms
I1129 10:12:14.000000       1 collector.go:10] ListPods num=20 duration="2.5ms"
I1129 10:12:17.500000       1 collector.go:10] ListPods num=10 duration=1m0.5s
"""


@pytest.fixture
def file(tmp_path):
    def write(data, name="cpu.pb.gz", platform="v0.3"):
        path = tmp_path / platform / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def costs(frame, column):
    return dict(zip(frame["function"].astype(str), frame[column], strict=True))


@pytest.mark.parametrize("form", [{}, {"packed": False}, {"zipped": False}])
def test_a_profile_has_the_costs_of_its_samples(store, file, form):
    imported = import_pprof(store, [file(encoded(SAMPLES, **form))])
    assert (imported.runs, imported.notes) == (1, ())
    frame = functions(store)
    assert costs(frame, "self_ms") == OWN
    assert costs(frame, "total_ms") == TOTAL
    assert costs(frame, "calls")["read"] == 3
    assert set(frame["process"]) == {"kepler"}
    assert sorted(stacks(store)["stack"]) == [
        "main;caller;inlined",
        "main;list;read",
        "main;list;read;list",
    ]
    run = store.simulation("v0.3/cpu")
    assert (run.start, run.end) == (1_668_186_000, 1_668_186_002)
    measured = {m.name: (m.value, m.unit) for m in run.measurements}
    assert measured["self time"] == (60, "ms")
    assert measured["profiled time"] == (2000, "ms")
    assert measured["share of one core"] == (pytest.approx(3), "%")


def test_a_profile_of_memory_has_a_kind_for_each_type(store, file):
    types = (("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_space", "bytes"))
    samples = [(["grow", "main"], [2, 4096, 0]), (["main"], [1, 16, 16])]
    import_pprof(store, [file(encoded(samples, types))])
    assert costs(functions(store, "alloc_space"), "self_bytes") == {"grow": 4096, "main": 16}
    assert costs(functions(store, "alloc_objects"), "total_count") == {"grow": 2, "main": 3}
    assert costs(functions(store, "inuse_space"), "self_bytes") == {"main": 16}
    with pytest.raises(NotFound, match=r"there are: alloc_objects \(self\), "):
        functions(store)


def test_differences_of_profiles_have_their_sign(store, file):
    import_pprof(store, [file(encoded([(["a"], [-1, -5 * MS]), (["b"], [1, 7 * MS])]))])
    assert costs(functions(store), "self_ms") == {"a": -5, "b": 7}


@pytest.mark.parametrize(
    "broken",
    [
        lambda raw: raw[:-9],
        lambda raw: gzip.compress(gzip.decompress(raw)[:-5]),
        gzip.compress(b"\x0a\x02\x08\x63"),
        gzip.compress(b"\x0f"),
        gzip.compress(b""),
        lambda raw: gzip.compress(b"\x12\x03\x0a\x01\xff" + gzip.decompress(raw)),
        gzip.compress(b"\x10" + b"\xff" * 11),
    ],
)
def test_a_broken_profile_is_named(file, broken):
    path = file(broken if isinstance(broken, bytes) else broken(encoded(SAMPLES)))
    with pytest.raises(InvalidData, match=r"cpu\.pb\.gz: (no profile\.proto|a gzip file)"):
        profile_of(path)


def test_the_wire_format():
    # Protocol Buffers, "Encoding": field 1 is 150; field 2 is "testing"; field 6 is 3, 270, 86942.
    message = bytes.fromhex("089601 120774657374696e67 3206038e029ea705".replace(" ", ""))
    assert list(fields(message)) == [
        (1, 150),
        (2, b"testing"),
        (6, bytes.fromhex("038e029ea705")),
    ]
    assert integers(bytes.fromhex("038e029ea705")) == [3, 270, 86942]
    assert signed((1 << 64) - 5) == -5


def test_a_real_program_has_what_gos_own_tool_says(store, go_profiles):  # noqa: F811
    cpu, allocs = (go_profiles / f"{name}.pb.gz" for name in ("cpu", "allocs"))
    tables = [go_profiles / f"{name}.txt" for name in ("cpu", "allocs")]
    import_pprof(store, [cpu, allocs], platform="proto")
    import_pprof(store, tables, platform="table")
    for name, kind, unit, nearest in (
        ("cpu", "time", "ms", 1e-6),
        # The table rounds to hundredths of a megabyte.
        ("allocs", "alloc_space", "bytes", 0.005 * 1024**2 + 1),
    ):
        proto = functions(store, kind, sims=f"proto/{name}")
        table = functions(store, kind, sims=f"table/{name}")
        for column in (f"self_{unit}", f"total_{unit}"):
            own, listed = costs(proto, column), costs(table, column)
            listed.pop(REST, None)
            assert set(listed) == set(own)
            for function, value in listed.items():
                assert own[function] == pytest.approx(value, abs=nearest), function
    assert costs(functions(store, sims="proto/cpu"), "total_ms")["main.work"] > 0
    grown = costs(functions(store, "alloc_space", sims="proto/allocs"), "self_bytes")
    assert grown["main.grow"] >= 100 * 100_000


def test_a_table_of_top_functions_has_the_rest_of_its_total(store, file):
    imported = import_pprof(store, [file(TOP, "top.txt")])
    assert imported.notes == (f"top.txt: a table; what its functions lack of the total is {REST}",)
    own = costs(functions(store), "self_ms")
    assert own == {
        "runtime.cgocall": 1350,
        "encoding/json.(*decodeState).skip": 250,
        REST: pytest.approx(710),
    }
    measured = {m.name: m.value for m in store.simulation("v0.3/top").measurements}
    assert measured["share of one core"] == pytest.approx(100 * 2.31 / 6.5)
    with pytest.raises(NotFound, match="such a profile of time; there are: time "):
        stacks(store)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Type: cpu\n", "neither a profile.proto nor the table"),
        (TOP + "nonsense\n", r"top\.txt, line 11: not a row of the table: 'nonsense'"),
        (TOP + "1.0q 1% 1% 1.0s 1% f\n", r"line 11: an amount of '1.0q'"),
        ("flat_s,flat_pct,cum_s\n1,2,3\n", "line 1: no column function"),
        ("flat_s,flat_pct,cum_s,function\n1,2,3,f\n1,x,3,g\n", "line 3: not numbers"),
        ("", "neither"),
        ("flat_s,flat_pct,cum_s,function\n", "the profile holds no function"),
    ],
)
def test_a_table_that_cannot_be_read_is_named(store, file, text, message):
    with pytest.raises(InvalidData, match=message):
        import_pprof(store, [file(text, "top.txt")])


def test_amounts_and_durations():
    assert amount("1.5kB") == (1536, "bytes")
    assert amount("20mins") == (1_200_000, "ms")
    assert amount("7") == (7, "count")
    assert amount("0") == (0, "")
    assert [duration_ms(text) for text in ("1m2.5s", "350ms", "12µs", "1h")] == [
        62_500,
        350,
        pytest.approx(0.012),
        3_600_000,
    ]
    with pytest.raises(InvalidData, match="a duration of '5'"):
        duration_ms("5")


def test_latencies_come_from_the_log(store, file):
    log = file(LOG, "kepler.log")
    import_pprof(store, [file(encoded(SAMPLES))], log=log)
    frame = latencies(store)
    assert frame["num"].tolist() == [10, 20, 10]
    assert frame["duration_ms"].tolist() == [1.5, 2.5, 60_500]
    assert frame["elapsed_s"].tolist() == pytest.approx([0, 0, 3.5], abs=1e-5)
    table = by_number(frame)
    assert table["n"].tolist() == [2, 1]
    assert table["median_ms"].tolist() == [pytest.approx(30_250.75), 2.5]
    measured = {m.name: m.value for m in store.simulation("v0.3/cpu").measurements}
    assert measured["pods"] == 20
    assert measured["median latency"] == 2.5


def test_logs_with_other_times_or_none(file):
    iso = "2022-11-29T10:00:00Z num=1 duration=1ms\n2022-11-29T11:00:02+01:00 num=1 duration=1ms\n"
    times = [latency.time for latency in latencies_of(file(iso, "a.log"))]
    assert times[1] - times[0] == 2
    bare = list(latencies_of(file('{"num": 5, "duration": "7ms"}\nnum 6 duration 8ms\n', "b.log")))
    assert [(latency.num, latency.duration_ms) for latency in bare] == [(5, 7), (6, 8)]
    assert series_of(bare, hostname="h", start=9).times.tolist() == [9, 10]
    with pytest.raises(InvalidData, match=r"c\.log, line 2: a duration of 'soon'"):
        list(latencies_of(file("nothing\nnum=1 duration=soon\n", "c.log")))
    with pytest.raises(InvalidData, match=r"line 1: a duration of '0\.0015'; as Go writes it"):
        list(latencies_of(file('{"num":5,"duration":0.0015}\n', "e.log")))
    words = "began: num 4 cpus, duration of a sample 3s\nnum 4 of them, duration 3 seconds\n"
    some = list(latencies_of(file(f"{words}num: 6, duration: 2ms\n", "f.log")))
    assert [(latency.num, latency.duration_ms) for latency in some] == [(6, 2)]
    with pytest.raises(InvalidData, match="no line with num and duration"):
        list(latencies_of(file("nothing\n", "d.log")))


def test_a_folder_is_neither_a_profile_nor_a_log(store, file, tmp_path):
    path = file(encoded(SAMPLES))
    for profiles, log in (([path, tmp_path], None), ([path], tmp_path)):
        with pytest.raises(NotFound, match="is a folder; name the files in it"):
            import_pprof(store, profiles, log=log)
    assert store.simulations() == []


def test_two_versions_are_compared(minion, store, file):
    before = file(encoded(SAMPLES))
    after = file(encoded([(["read", "main"], [1, 12 * MS])]), platform="v0.4")
    said = minion("ingest", "pprof", str(before), str(after), "--experiment", "e")
    assert said.returncode == 0, said.stderr
    said = minion("ingest", "pprof", str(before), str(after), "--log", "x")
    assert "belongs to one profile" in said.stderr
    changed = changes(functions(store))
    assert changed["function"].tolist()[:2] == ["(total)", "read"]
    assert changed["share_change"].tolist()[1] == pytest.approx(50)
    assert changed["ratio"].tolist()[0] == pytest.approx(0.2)
    (row,) = compare(store, "self time", experiment="e").pairs.to_dict("records")
    assert abs(row["difference"]) == pytest.approx(48)
    assert row["verdict"] == "undecided"


# ------------------------------------------------------------ what is quoted of Kepler


def test_the_quoted_table_of_kepler(store, shared_data):
    path = shared_data / "kepler" / "kepler_pprof_top10_pr381.csv"
    facts = json.loads((shared_data / "kepler" / "facts.json").read_text())
    import_pprof(store, [path], sim="pr381")
    table = top(functions(store), None)
    quoted = table[(table["function"] != REST).to_numpy()]
    said = facts["pr381"]
    assert f"{table['self_ms'].sum() / 1e3:.2f}" == f"{said['total_samples_s']:.2f}"
    assert f"{quoted['self_ms'].sum() / 1e3:.2f}" == f"{said['top10_sum_s']:.2f}"
    # 1.88 s of 2.31 s; the quoted sum adds shares of a total that is not rounded.
    assert quoted["share_pct"].sum() == pytest.approx(said["top10_sum_pct"], abs=0.01)
    assert quoted["function"].iloc[0] == "runtime.cgocall"
    assert f"{quoted['share_pct'].iloc[0]:.2f}" == "58.44"


def test_what_is_stated_of_kepler_against_its_figures(shared_data):
    facts = json.loads((shared_data / "kepler" / "facts.json").read_text())
    change = facts["pr427"]
    ratio = change["cpu_s_before"] / change["cpu_s_after"]
    assert change["stated_improvement"] == "2.4X"
    assert f"{ratio:.2f}" == "2.49"
