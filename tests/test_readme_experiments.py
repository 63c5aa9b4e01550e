"""The README's table of other experiments: its command lines do what they say, word by word."""

import json
import re
import shlex
from pathlib import Path

import pytest
from pprof_profiles import encoded

README = Path(__file__).parents[1] / "README.md"
TITLE = "## Other experiments"
MS = 10**6
# What compare says of each line: the runs with a value in each group,
# their means or how many pairs, the verdicts.
COMPARED = {
    'minion compare "exec capture ratio" --factor nodes --experiment gadget': (
        dict.fromkeys(("2", "12", "25", "37", "50"), 30),
        10,
        {"different"},
    ),
    'minion compare "running containers" --experiment kata': (
        {"kata": 1, "runc": 1},
        {"kata": 134, "runc": 377},
        {"undecided"},
    ),
    "minion compare bitrate --experiment iperf3": (
        {"gke": 1, "compute-engine": 1},
        {"gke": 55.1, "compute-engine": 53.4},
        {"undecided"},
    ),
    'minion compare "latency p99" --experiment sockperf': (
        {"gke": 1, "compute-engine": 1},
        {"gke": 26.442, "compute-engine": 27.489},
        {"undecided"},
    ),
    'minion compare "self time" --experiment trace': (
        {"before": 1, "after": 1},
        {"before": 12.508},
        {"undecided"},
    ),
    'minion compare "self time" --experiment perf': (
        {"before": 1, "after": 1},
        {"before": 1.0, "after": 0.75},
        {"undecided"},
    ),
    'minion compare "self time" --experiment pprof': (
        {"v0.3": 1, "v0.4": 1},
        {"v0.3": 50, "v0.4": 20},
        {"undecided"},
    ),
    'minion compare "mean latency" --experiment pprof': (
        {"v0.3": 1, "v0.4": 1},
        {"v0.3": 4, "v0.4": 2},
        {"undecided"},
    ),
    "minion compare latency --experiment csv": (
        {"A": 2, "B": 1},
        {"A": 2.25, "B": 3.5},
        {"undecided"},
    ),
}


def rows():
    """The command lines of each row of the table: those of the import, those behind it."""
    section = README.read_text().partition(TITLE)[2].partition("\n## ")[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[re.findall(r"`([^`]*)`", cell) for cell in row[1:]] for row in cells[2:]]


@pytest.fixture
def places(shared_data, tmp_path):
    """What stands in the table for a user's own files: published ones, else small ones."""
    network = shared_data / "google-network"
    return {
        "DIR": shared_data / "inspektor-gadget" / "horizontal-13-10-23-12-54-04",
        "runc.csv": shared_data / "kata" / "runc.csv",
        "kata.csv": shared_data / "kata" / "kata.csv",
        "gke": network / "gke",
        "compute-engine": network / "compute-engine",
        # One trace was published, and a raw log of others: the log stands for a second trace.
        "before/trace.report.gz": linked(tmp_path, "before", network, "trace.report.gz"),
        "after/trace.report.gz": linked(tmp_path, "after", network, "packet-trace.log.gz"),
        "before/out.perf": written(tmp_path / "before/out.perf", script(400_000, 600_000)),
        "after/out.perf": written(tmp_path / "after/out.perf", script(250_000, 500_000)),
        "v0.3/cpu.pb.gz": written(tmp_path / "v0.3/cpu.pb.gz", profile(30, 20)),
        "v0.4/cpu.pb.gz": written(tmp_path / "v0.4/cpu.pb.gz", profile(5, 15)),
        "v0.3/kepler.log": written(tmp_path / "v0.3/kepler.log", log(3, 5)),
        "v0.4/kepler.log": written(tmp_path / "v0.4/kepler.log", log(1, 3)),
        "data.csv": written(
            tmp_path / "data.csv",
            "run,p,what,v,u\n1,A,latency,2.5,ms\n2,A,latency,2,ms\n3,B,latency,3.5,ms\n",
        ),
        "mapping.toml": written(
            tmp_path / "mapping.toml",
            'layout = "long"\nsimulation = "run"\nplatform = "p"\n'
            'sample = { dimension = "what", value = "v", unit = "u" }\n',
        ),
    }


def linked(folder, platform, network, name):
    path = folder / platform / "trace.report.gz"
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(network / "compute-engine" / name)
    return path


def written(path, content):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def script(*periods):
    """Samples as perf script prints them, of so many ns."""
    return "".join(
        f"nginx  101/102 [003] 500.0001: {period} cpu-clock:\n"
        "        55d0000000f0 handle+0x10 (/usr/sbin/nginx)\n"
        "        55d0000000a0 main+0x10 (/usr/sbin/nginx)\n\n"
        for period in periods
    )


def profile(read, listed):
    """A profile of so many ms in two functions."""
    return encoded([(["read", "main"], [3, read * MS]), (["list", "main"], [1, listed * MS])])


def log(*latencies):
    """Lines of a program that say how long it took, in ms."""
    return "".join(
        f"I1129 10:12:1{second}.000000       1 a.go:10] num: 10, duration: {latency}ms\n"
        for second, latency in enumerate(latencies)
    )


@pytest.fixture
def run(minion, places):
    """Runs a command line of the table; the words that stand for files become paths."""

    def call(line, *more):
        program, *words = shlex.split(line)
        assert program == "minion"
        said = minion(*(str(places.get(word, word)) for word in words), *more)
        assert said.returncode == 0, f"{line}: {said.stderr}"
        return said

    return call


def held(line, document):
    """What a comparison of one quantity says is what is expected of the line."""
    runs, means, verdicts = COMPARED[line]
    (question,) = document["questions"]
    groups = {group["level"]: group for group in question["groups"]}
    assert {level: group["n"] for level, group in groups.items()} == runs
    pairs = question["pairs"]
    assert {pair["verdict"] for pair in pairs} == verdicts
    if isinstance(means, int):
        assert len(pairs) == means
    else:
        for level, mean in means.items():
            assert groups[level]["mean"] == pytest.approx(mean, abs=5e-4)
    for pair in pairs:
        mean, reference = (groups[pair[name]]["mean"] for name in ("level", "reference"))
        assert pair["difference"] == pytest.approx(mean - reference)
        assert pair["ratio"] == pytest.approx(mean / reference)
        assert min(pair["n"], pair["n_reference"]) > 1 or pair["verdict"] == "undecided"


def test_the_table_has_a_line_for_each_study():
    studies = [line.split()[2] for ingests, _ in rows() for line in ingests]
    assert studies == [
        "gadget",
        "kata",
        "iperf3",
        "sockperf",
        "trace",
        "perf",
        *["pprof"] * 2,
        "csv",
    ]
    assert [line for _, compares in rows() for line in compares] == list(COMPARED)


@pytest.mark.parametrize("ingests_and_compares", rows(), ids=lambda row: row[0][0].split()[2])
def test_the_lines_of_a_row_run_on_an_empty_store(run, ingests_and_compares):
    ingests, compares = ingests_and_compares
    for line in ingests:
        assert run(line).stdout.startswith("imported: ")
    for line in compares:
        assert run(line).stdout
        held(line, json.loads(run(line, "--format", "json").stdout))


def test_all_rows_run_one_after_the_other_and_twice_in_one_store(run, store):
    lines = [line for ingests, _ in rows() for line in ingests]
    for line in lines:
        run(line)
    before = store.simulations()
    for line in lines:
        assert "(0 new), 0 new samples" in run(line).stdout
    assert store.simulations() == before
    for _, compares in rows():
        for line in compares:
            held(line, json.loads(run(line, "--format", "json").stdout))
