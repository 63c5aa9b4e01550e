"""Function profiles from function_graph traces: nesting, leaves, what is lost, what is tangled."""

import gzip

import pytest

from analysis import compare
from analysis.profiling.packets import packet_path, paths
from analysis.profiling.reading import functions, stacks
from analysis.profiling.tables import changes, top
from ingest.findings import Findings
from ingest.profiling.commands import ingest_trace
from ingest.profiling.trace import calls, import_traces, trace_run
from minion.errors import AlreadyExists, InvalidData, NotFound

GKE = "google-network/compute-engine"


def entry(function, depth=0, *, process="app-7", cpu=1, at=10.0):
    return (
        f"  {process} [{cpu:03}] {at:.6f}: funcgraph_entry:      |  {'  ' * depth}{function}() {{"
    )


def leaf(function, us, depth=0, *, process="app-7", cpu=1, at=10.0):
    return (
        f"  {process} [{cpu:03}] {at:.6f}: funcgraph_entry: {us} us |  {'  ' * depth}{function}();"
    )


def ended(us, depth=0, *, process="app-7", cpu=1, at=10.0, mark=" "):
    return f"  {process} [{cpu:03}] {at:.6f}: funcgraph_exit: {mark} {us} us |  {'  ' * depth}}}"


@pytest.fixture
def trace(tmp_path):
    """Writes lines as a trace of platform `one`."""

    def write(*lines, name="t.txt"):
        path = tmp_path / "one" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("cpus=2\n" + "\n".join(lines) + "\n")
        return path

    return write


def profile(path, **options):
    """Function to (calls, self, total) in µs, and the notes."""
    findings = Findings()
    _, series = trace_run(path, findings, **options)
    found = {}
    for place, what in enumerate(("calls", "self", "total")):
        for one in series:
            if one.context == f"profile.time.{what}":
                for dimension, value in zip(one.dimensions, one.values[0], strict=True):
                    row = found.setdefault((one.family, dimension.id), [0, 0, 0])
                    row[place] = float(value) if what == "calls" else round(float(value) * 1e3, 6)
    return {key: tuple(row) for key, row in found.items()}, findings.notes


def test_a_leaf_has_no_exit_and_own_time_is_without_what_was_called(trace):
    path = trace(
        entry("outer"),
        leaf("leaf", 2.0, 1),
        entry("inner", 1),
        leaf("leaf", 1.0, 2),
        ended(4.0, 1, mark="+"),
        ended(10.0, mark="!"),
    )
    found, notes = profile(path)
    assert found == {
        ("app", "outer"): (1, 4, 10),
        ("app", "inner"): (1, 3, 4),
        ("app", "leaf"): (2, 3, 3),
    }
    assert notes == ()


def test_processes_and_idle_on_two_cpus_do_not_mix(trace):
    path = trace(
        entry("f", process="<idle>-0", cpu=0),
        entry("f", process="<idle>-0", cpu=1),
        entry("g", process="kworker/u385:3-65", cpu=1),
        ended(5.0, process="<idle>-0", cpu=0),
        # It went on another CPU: the stack is the process's.
        ended(2.0, process="kworker/u385:3-65", cpu=0),
        ended(7.0, process="<idle>-0", cpu=1),
    )
    found, notes = profile(path)
    assert found == {("<idle>", "f"): (2, 12, 12), ("kworker/u385:3", "g"): (1, 2, 2)}
    assert notes == ()


def test_of_recursive_calls_the_total_is_that_of_the_outermost(trace):
    path = trace(entry("f"), entry("g", 1), leaf("f", 1.0, 2), ended(3.0, 1), ended(6.0))
    assert profile(path)[0] == {("app", "f"): (2, 4, 6), ("app", "g"): (1, 2, 3)}


def test_what_begins_before_the_trace_or_ends_after_it_is_counted_and_left_out(trace):
    path = trace(ended(9.0), leaf("a", 1.0), entry("b"), leaf("c", 2.0, 1))
    found, notes = profile(path)
    assert found == {("app", "a"): (1, 1, 1), ("app", "c"): (1, 2, 2)}
    assert notes == (
        "t.txt: exits without an entry, left out: 1",
        "t.txt: calls without an exit, left out: 1",
    )


TANGLED = (
    entry("f", process="<idle>-0", cpu=1),
    entry("g", 1, process="<idle>-0", cpu=1),
    entry("k", process="<idle>-0", cpu=2),
    # g of CPU 2 begins here; the duration is that of CPU 1's g, whose exit is not printed.
    leaf("g", 5.0, 1, process="<idle>-0", cpu=2),
    ended(6.0, process="<idle>-0", cpu=1),
    leaf("h", 1.0, 2, process="<idle>-0", cpu=2),
    ended(3.0, 1, process="<idle>-0", cpu=2),
    ended(4.0, process="<idle>-0", cpu=2),
)


def test_idle_calls_that_were_joined_over_two_cpus_are_noted_and_taken_apart(trace):
    path = trace(*TANGLED)
    found, notes = profile(path, untangle=True)
    idle = {function: row for (_, function), row in found.items()}
    assert idle == {"f": (1, 1, 6), "g": (2, 7, 8), "h": (1, 1, 1), "k": (1, 1, 4)}
    assert notes == ()
    as_printed, notes = profile(path)
    assert min(own for _, own, _ in as_printed.values()) < 0
    assert any("joined into one leaf (--untangle takes them apart): 1" in note for note in notes)


def test_lines_of_other_events_and_lost_ones_are_noted(trace):
    path = trace(
        "  app-7 [001] 10.0: sched_switch: app:7 ==> idle",
        "CPU:1 [LOST 12 EVENTS]",
        "CPU 3 is empty",
        leaf("a", 1.0),
    )
    found, notes = profile(path)
    assert found == {("app", "a"): (1, 1, 1)}
    assert notes == (
        "t.txt: lines of other events, left out: 1",
        "t.txt: events that the kernel lost: 12",
    )


def test_where_events_were_lost_the_stacks_of_that_cpu_begin_anew(trace):
    path = trace(
        entry("f", cpu=0),
        entry("k", process="other-8", cpu=1),
        "CPU:0 [LOST 3 EVENTS]",
        # The entry of what ends here was lost: it is no call that was open before.
        ended(100.0, 1, cpu=0),
        ended(110.0, cpu=0),
        entry("f", cpu=0),
        entry("g", 1, cpu=0),
        "CPU:0 [204600 EVENTS DROPPED]",
        entry("f", cpu=0),
        entry("g", 1, cpu=0),
        ended(3.0, 1, cpu=0),
        ended(5.0, cpu=0),
        ended(9.0, process="other-8", cpu=1),
    )
    found, notes = profile(path)
    assert found == {("app", "f"): (1, 2, 5), ("app", "g"): (1, 3, 3), ("other", "k"): (1, 9, 9)}
    assert notes == (
        "t.txt: events that the kernel lost: 204,603",
        "t.txt: exits without an entry, left out: 2",
        "t.txt: calls without an exit, left out: 3",
    )


def test_an_idle_leaf_before_lost_events_is_none_that_was_joined(trace):
    idle = "<idle>-0"
    path = trace(
        entry("g", process=idle, cpu=2),
        leaf("g", 1.0, process=idle, cpu=1),
        "CPU:1 [LOST 1 EVENTS]",
        ended(3.0, process=idle, cpu=1),
        ended(4.0, process=idle, cpu=2),
    )
    found, notes = profile(path)
    assert found == {("<idle>", "g"): (2, 5, 5)}
    assert notes == (
        "t.txt: events that the kernel lost: 1",
        "t.txt: exits without an entry, left out: 1",
    )


@pytest.mark.parametrize("line", ["CPU:1 [EVENTS DROPPED]", "CPU:1 [LOST EVENTS]"])
def test_how_many_events_were_lost_need_not_be_told(trace, line):
    found, notes = profile(trace(leaf("a", 1.0), line))
    assert found == {("app", "a"): (1, 1, 1)}
    assert notes == ("t.txt: places where the kernel lost events, it is not told how many: 1",)


@pytest.mark.parametrize(
    "before", ["0)   ", "0)   sshd-17   |  ", " 100.000001 |   0)   ", " 1.5 |   0)  a-1  |   "]
)
def test_marks_of_interrupts_are_no_calls(trace, before):
    path = trace()
    path.write_text(
        f"{before}            |  f() {{\n"
        f"{before}==========> |\n"
        f"{before} 1.000 us   |    irq();\n"
        f"{before}<========== |\n"
        f"{before} 5.000 us   |  }}\n"
    )
    found, notes = profile(path)
    assert {name: row for (_, name), row in found.items()} == {"f": (1, 4, 5), "irq": (1, 1, 1)}
    assert notes == ()


def test_a_byte_order_mark_is_no_part_of_the_first_line(trace):
    path = trace()
    path.write_text("cpus=2\n" + leaf("a", 1.0) + "\n", encoding="utf-8-sig")
    assert profile(path) == ({("app", "a"): (1, 1, 1)}, ())


RAW = """\
# tracer: function_graph
#
# CPU  DURATION                  FUNCTION CALLS
# |     |   |                     |   |   |   |
 0)   0.500 us    |  before();
 ------------------------------------------
 0)   <idle>-0     =>   sshd-1755
 ------------------------------------------

 0)               |  outer [gve]() {
 0)               |    inner() {
 1)   7.000 us    |  elsewhere();
 0)   1.000 us    |      leaf.isra.0 [fq_codel]();
 0)   2.000 us    |    } /* inner */
 0)   3.000 us    |    last();
 0) + 12.000 us   |  }
"""


def test_a_raw_log_tells_its_processes_by_their_switches(trace):
    path = trace()
    path.write_text(RAW)
    found, notes = profile(path)
    assert found == {
        ("unknown", "before"): (1, 0.5, 0.5),
        ("sshd", "outer"): (1, 7, 12),
        ("sshd", "inner"): (1, 1, 2),
        ("sshd", "leaf.isra.0"): (1, 1, 1),
        ("sshd", "last"): (1, 3, 3),
        ("unknown", "elsewhere"): (1, 7, 7),
    }
    assert notes == ()
    frame = calls(path)
    outer = frame[frame["tree"] == 2]
    assert outer["function"].tolist() == ["outer", "inner", "leaf.isra.0", "last"]
    assert outer["start_us"].tolist() == [0, 0, 0, 2]


def test_a_raw_log_with_process_names_and_times(trace):
    path = trace()
    path.write_text(
        " 100.000001 |   0)  sshd-1755    |               |  outer() {\n"
        " 100.000004 |   0)  sshd-1755    |   1.000 us    |    leaf();\n"
        " 100.000009 |   0)  sshd-1755    |   9.000 us    |  }\n"
    )
    assert profile(path)[0] == {("sshd", "outer"): (1, 8, 9), ("sshd", "leaf"): (1, 1, 1)}
    assert calls(path)["start_us"].tolist() == [0, 3]


def test_calls_of_a_report_start_by_its_clock(trace):
    path = trace(entry("a", at=10.0), leaf("b", 1.0, 1, at=10.000004), ended(9.0, at=10.000009))
    frame = calls(path)
    assert frame["tree"].tolist() == [1, 1]
    assert frame["start_us"].tolist() == [0, 4]
    assert frame["stack"].tolist() == ["a", "a;b"]


@pytest.mark.parametrize(
    "line",
    [
        "  app-7 [001] 10.000000: funcgraph_entry: 1.0 us |  cut off",
        "  app-7 [001] 10.000000: funcgraph_exit:",
        "something else",
        "  app-7 [001] 10.000000: funcgraph_entry:   |  leaf();",
    ],
)
def test_a_line_that_cannot_be_read_is_named(trace, line):
    path = trace(leaf("a", 1.0), line)
    with pytest.raises(InvalidData, match=r"t\.txt, line 3: not a line of a function_graph trace"):
        profile(path)


def test_files_that_are_no_traces(store, trace, tmp_path):
    path = trace()
    with pytest.raises(InvalidData, match="no line of a function_graph trace"):
        profile(path)
    path.write_bytes(gzip.compress(b"x" * 1000)[:20])
    with pytest.raises(InvalidData, match="gzip file that is cut off or broken"):
        profile(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidData, match="not text"):
        profile(path)
    with pytest.raises(NotFound, match="there is no file"):
        import_traces(store, [tmp_path / "nothing"])
    with pytest.raises(NotFound, match="is a folder; name the files in it"):
        import_traces(store, [tmp_path])
    with pytest.raises(InvalidData, match="no file was named"):
        import_traces(store, [])
    with pytest.raises(InvalidData, match="--sim x names one run, and there are 2 files"):
        import_traces(store, [path, trace(leaf("a", 1.0), name="u.txt")], sim="x")


def test_the_same_trace_again_changes_nothing_and_another_one_needs_another_name(store, trace):
    path = trace(entry("f"), leaf("g", 1.0, 1), ended(3.0))
    first = import_traces(store, [path])
    assert (first.runs, first.new, first.measurements) == (1, 1, 3)
    run = store.simulation("one/t")
    frame = functions(store)
    assert import_traces(store, [path]).samples == 0
    assert store.simulation("one/t") == run
    path.write_text(leaf("g", 9.0) + "\n")
    with pytest.raises(AlreadyExists, match=r"one/t of experiment trace is stored from t.txt, and"):
        import_traces(store, [path])
    assert functions(store).equals(frame)
    with pytest.raises(InvalidData, match="two files would be simulation one/u"):
        import_traces(store, [trace(leaf("a", 1.0), name=name) for name in ("u.log", "u.txt")])
    import_traces(store, [path], sim="again", platform="two")
    assert store.simulation("again").platform == "two"


def test_the_command(minion, trace, store):
    path, other = trace(*TANGLED), trace(leaf("a", 1.0), name="u.log.gz.txt")
    said = minion("ingest", "trace", str(path), str(other))
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("imported: 2 runs (2 new)")
    assert "--untangle takes them apart" in said.stderr
    said = minion("ingest", "trace", str(path), "--untangle", "--sim", "apart")
    assert (said.returncode, said.stderr) == (0, "")
    assert {m.name: m.value for m in store.simulation("apart").measurements}["calls"] == 5
    said = minion("ingest", "trace", str(path.parent / "no"))
    assert said.returncode == 1
    assert "there is no file" in said.stderr
    assert ingest_trace.__doc__


def test_two_platforms_are_compared(store, trace, tmp_path):
    one = trace(entry("f"), leaf("g", 1.0, 1), ended(3.0))
    two = tmp_path / "two" / "t.txt"
    two.parent.mkdir()
    two.write_text(leaf("g", 6.0) + "\n")
    import_traces(store, [one, two])
    (row,) = compare(store, "self time", experiment="trace").pairs.to_dict("records")
    assert row["difference"] == pytest.approx(0.003)
    assert row["ratio"] == pytest.approx(2)
    assert row["verdict"] == "undecided"
    changed = changes(functions(store))
    assert changed["function"].tolist() == ["(total)", "g", "f"]
    assert changed["share_change"].tolist() == pytest.approx([0, 200 / 3, -200 / 3])


# ------------------------------------------------------------ the published trace


def test_the_published_trace_has_the_checked_figures(store, shared_data):
    imported = import_traces(store, [shared_data / GKE / "trace.report.gz"])
    assert imported.notes[-1].endswith("(--untangle takes them apart): 7")
    run = store.simulation("compute-engine/trace")
    measured = {m.name: m.value for m in run.measurements}
    assert measured["calls"] == 44401
    assert f"{measured['self time']:.3f}" == "12.508"
    table = top(functions(store), 2)
    assert table["process"].tolist() == ["<idle>", "kworker/u385:3"]
    assert table["function"].tolist() == ["idle_cpu", "tcp_recvmsg_locked"]
    assert [f"{own:.3f}" for own in table["self_ms"]] == ["0.236", "0.225"]
    assert stacks(store)["value"].sum() == pytest.approx(measured["self time"])


def test_taken_apart_every_exit_of_the_published_trace_has_its_entry(shared_data):
    findings = Findings()
    run, _ = trace_run(shared_data / GKE / "trace.report.gz", findings, untangle=True)
    measured = {m.name: m.value for m in run.measurements}
    assert findings.notes == ()
    assert measured["calls"] == 44403
    assert f"{measured['self time']:.3f}" == "13.363"


def test_the_path_of_a_packet_in_the_published_log(shared_data):
    frame = calls(shared_data / GKE / "packet-trace.log.gz")
    assert len(frame) == 8894
    there = paths(frame)
    sizes = there["function"].astype(str).value_counts()
    assert sizes.to_dict()["ip_list_rcv"] == 58
    assert sizes.to_dict()["ip_queue_xmit"] == 43
    path = packet_path(frame, "ip_queue_xmit")
    assert path["path"].tolist()[:4] == [
        "ip_queue_xmit",
        "  __ip_queue_xmit",
        "    __sk_dst_check",
        "      ipv4_dst_check",
    ]
    assert path["self_us"].sum() == pytest.approx(path["duration_us"].iloc[0])
