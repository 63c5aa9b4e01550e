"""Sampled stacks: the text of perf script, and folded stacks."""

import pytest

from analysis import compare
from analysis.profiling.reading import folded, functions, stacks
from ingest.profiling.perf import import_perf
from minion.errors import InvalidData, NotFound

SCRIPT = """\
# captured on: Sat Nov 11 2022
nginx: worker  101/102 [003] 500.000100:     250000 cpu-clock:pppH:
        ffffffff81000010 do_syscall_64+0x5c ([kernel.kallsyms])
            55d0000000f0 handle;request (/usr/sbin/nginx)
            55d0000000a0 main+0x10 (/usr/sbin/nginx)

nginx: worker  101/102 [003] 500.000200:     750000 cpu-clock:pppH:
            7f0000000000 [unknown] (/usr/lib/libc.so.6)
            55d0000000a0 main+0x10 (/usr/sbin/nginx)

swapper     0 [001] 500.000300:     500000 cpu-clock:pppH:
        ffffffff81000020 pv_native_safe_halt+0xb ([kernel.kallsyms])

"""
OTHER = """\
swapper     0 [001] 500.000300:          1 sched:sched_switch: prev_comm=a ==> next_comm=b
        ffffffff81000020 __schedule+0xb ([kernel.kallsyms])

idle     0 [001] 500.000400:          9 cpu-clock:

"""


@pytest.fixture
def file(tmp_path):
    def write(text, name="a.txt", platform="one"):
        path = tmp_path / platform / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def own(frame, column="self_ms"):
    keys = zip(frame["process"], frame["function"], strict=True)
    return dict(zip(keys, frame[column], strict=True))


def test_samples_of_a_clock_are_time(store, file):
    imported = import_perf(store, [file(SCRIPT)])
    assert (imported.runs, imported.notes) == (1, ())
    frame = functions(store)
    assert own(frame) == {
        ("nginx: worker", "do_syscall_64"): 0.25,
        ("nginx: worker", "handle:request"): 0.0,
        ("nginx: worker", "main"): 0.0,
        ("nginx: worker", "[libc.so.6]"): 0.75,
        ("swapper", "pv_native_safe_halt"): 0.5,
    }
    assert own(frame, "total_ms")["nginx: worker", "main"] == 1.0
    assert sorted(folded(stacks(store))) == [
        "nginx: worker;main;[libc.so.6] 750",
        "nginx: worker;main;handle:request;do_syscall_64 250",
        "swapper;pv_native_safe_halt 500",
    ]
    run = store.simulation("one/a")
    assert (run.start, run.end) == (500.0001, 500.0003)
    assert {m.name: m.value for m in run.measurements} == {
        "self time": 1.5,
        "calls": 3,
        "functions": 5,
    }


def test_only_one_event_is_counted(store, file):
    path = file(SCRIPT + OTHER)
    imported = import_perf(store, [path])
    assert imported.notes == ("a.txt: samples of other events than cpu-clock:pppH, left out: 2",)
    imported = import_perf(store, [path], sim="switches", event="sched:sched_switch")
    frame = functions(store, "samples", sims="switches")
    assert own(frame, "self_samples") == {("swapper", "__schedule"): 1}
    with pytest.raises(NotFound, match="no sample of cycles; there are: cpu-clock:pppH"):
        import_perf(store, [path], event="cycles", sim="x")


def test_samples_without_a_call_graph_are_a_line_each(store, file):
    text = "".join(
        f"sh  7 [000] 1.00000{n}: 1 cycles:  5500000000a0 main+0x1{n} (/bin/sh)\n" for n in range(3)
    )
    import_perf(store, [file(text)])
    assert own(functions(store, "samples"), "self_samples") == {("sh", "main"): 3}


def test_a_sample_without_a_stack_is_noted(store, file):
    text = "sh 7 1.0: cycles:\n\nsh 7 1.1: cycles:\n        a0 main (/bin/sh)\n"
    imported = import_perf(store, [file(text)])
    assert imported.notes == ("a.txt: samples without a stack, left out: 1",)


def test_folded_stacks_are_what_they_were(store, file):
    lines = ["app;main;read 30", "app;main;read;copy 12", "other process;[libc] 1"]
    import_perf(store, [file("\n".join(lines) + "\n")])
    assert sorted(folded(stacks(store, "samples"))) == lines
    frame = functions(store, "samples")
    assert own(frame, "total_samples")["app", "read"] == 42
    # A fold of a clock comes back in microseconds.
    assert store.simulation("one/a").measurements[0].name == "samples"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a;b 1\na;b\n", r"line 2: not 'a;b;c COUNT': 'a;b'"),
        (SCRIPT + "sh 7\n", r"line 14: not 'PROCESS PID TIME: EVENT:': 'sh 7'"),
        ("sh 7 1.0: cycles:\n  nonsense\n", r"line 2: not"),
        ("# only comments; none else\n\n", "no sample; give the text of perf script"),
        ("a.b c\n", "line 1: not 'PROCESS"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(store, file, text, message):
    with pytest.raises(InvalidData, match=message):
        import_perf(store, [file(text)])
    assert store.experiments() == []


def test_a_folder_is_no_file_of_stacks_and_a_file_named_twice_is_one(store, file, tmp_path):
    with pytest.raises(NotFound, match="is a folder; name the files in it"):
        import_perf(store, [tmp_path])
    path = file("main;read 3\n")
    assert import_perf(store, [path, path.parent / ".." / path.parent.name / path.name]).runs == 1
    assert store.names("perf") == {f"one/{path.stem}"}


def test_two_platforms_are_compared_and_the_command(minion, store, file):
    one, two = file("a;b 10\n"), file("a;b 30\n", platform="two")
    said = minion("ingest", "perf", str(one), str(two), "--experiment", "e")
    assert said.returncode == 0, said.stderr
    (row,) = compare(store, "samples", experiment="e").pairs.to_dict("records")
    assert (row["difference"], row["ratio"], row["verdict"]) == (20, 3, "undecided")


def test_the_first_folded_line_may_be_a_process_without_frames(store, file):
    imported = import_perf(store, [file("# folded\nls 5\nls;main 7\nls;main;read 2\n")])
    assert imported.notes == ("a.txt: samples without a stack, left out: 1",)
    found = own(functions(store, "samples"), "self_samples")
    assert found == {("ls", "main"): 7, ("ls", "read"): 2}


def test_a_difference_of_two_profiles_is_refused(store, file):
    with pytest.raises(InvalidData, match=r"a\.txt: two counts in every line, the difference of"):
        import_perf(store, [file("sh 1 2\nsh;main;f 10 12\nsh;main;g 3 4.5\n")])
    # A name that ends with a number is none.
    import_perf(store, [file("sh;main;f 10 12\nsh;main;g 4\n")])
    found = own(functions(store, "samples"), "self_samples")
    assert found == {("sh", "main"): 0, ("sh", "f 10"): 12, ("sh", "g"): 4}
