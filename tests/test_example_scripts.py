"""The scripts of `examples` as users call them: wrong words, missing files, runs of others."""

import os
import subprocess
import sys

import pandas as pd
import pytest
from example_scripts import EXAMPLES, example_script
from gadget_files import small_test, write
from kata_tables import ramp
from test_network_study import IPERF3, RATE
from test_profiling_charts import RAW

from minion.errors import NotFound

NEEDS = {
    "gadget_study": 1,
    "kata_study": 2,
    "kepler_study": 2,
    "network_study": 1,
    "profile_study": 2,
}


@pytest.fixture
def called(store, mongodb_uri):
    """Runs a script as a program."""

    def call(name, *words):
        place = {"MINION_MONGODB_URI": mongodb_uri, "MINION_DATABASE": store.database.name}
        return subprocess.run(
            [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, words)],
            env={**os.environ, **place},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.fixture
def script(store, mongodb_uri, monkeypatch):
    """Loads a script that uses the test's store."""
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    return example_script


@pytest.mark.parametrize("name", NEEDS)
def test_too_few_words_and_missing_files_are_said_in_a_line(called, tmp_path, name):
    none = called(name)
    assert none.returncode == 1
    assert f"python {name}.py" in none.stderr
    words = [tmp_path / "no"] * (NEEDS[name] - 1) + [tmp_path / "missing"]
    missing = called(name, *words)
    assert missing.returncode == 1
    assert missing.stderr.startswith(f"{name}.py: "), missing.stderr
    assert "missing" in missing.stderr
    assert missing.stderr.count("\n") == 1


def test_a_folder_instead_of_a_ramp_is_said(called, tmp_path):
    (tmp_path / "kata").mkdir()
    said = called("kata_study", tmp_path / "out", tmp_path / "kata")
    assert said.returncode == 1
    assert "Traceback" not in said.stderr
    assert "folder" in said.stderr


def test_two_variants_of_a_ramp_are_shown_and_not_compared(script, tmp_path, capsys):
    files = [tmp_path / "data-runc-1.csv", tmp_path / "data-kata-2.csv"]
    files[0].write_text(ramp(most=40))
    files[1].write_text(ramp(most=20, each=2_000, seed=2))
    script("kata_study").main(str(tmp_path / "out"), *map(str, files))
    assert "running containers is not compared: " in capsys.readouterr().out
    assert {"containers.html", "report.html"} <= {p.name for p in (tmp_path / "out").iterdir()}


def network(folder, platform, rate="8.60", *, pings=False):
    own = folder / platform
    own.mkdir(parents=True)
    (own / "iperf.txt").write_text(IPERF3.replace("RATE", rate))
    if pings:
        (own / "rate.txt").write_text(RATE)
    return folder


def test_one_platform_without_pings_is_enough(script, tmp_path, capsys):
    script("network_study").main(str(network(tmp_path / "in", "a")), str(tmp_path / "out"))
    said = capsys.readouterr().out
    assert "a: nothing of sockperf" in said
    assert "bitrate is not compared: " in said
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"iperf3.csv", "iperf3.html", "bitrate.html"}


def test_a_folder_without_platforms_is_refused(script, tmp_path):
    with pytest.raises(NotFound, match="no folder in it has a file of iperf3 or sockperf"):
        script("network_study").main(str(tmp_path), str(tmp_path / "out"))


def test_runs_of_others_stay_out_of_a_study_of_networks(script, tmp_path):
    study = script("network_study")
    study.main(str(network(tmp_path / "1", "a")), str(tmp_path / "out"))
    study.main(str(network(tmp_path / "2", "b", pings=True)), str(tmp_path / "again"))
    assert set(pd.read_csv(tmp_path / "again" / "iperf3.csv")["platform"]) == {"b"}
    assert "a/iperf" not in (tmp_path / "again" / "iperf3.html").read_text()
    # Throughput alone has no percentiles of a latency.
    assert not (tmp_path / "again" / "latency.html").exists()


def test_runs_of_others_stay_out_of_a_study_of_an_observer(script, tmp_path):
    study = script("gadget_study")
    study.main(str(small_test(tmp_path / "1")), str(tmp_path / "out"))
    write(tmp_path / "2", "exec", 3, [[10, 20, 30, 60]])
    for kind in ("cpu-before", "cpu", "memory"):
        write(tmp_path / "2", kind, 3, [[1, 2, 3]])
    study.main(str(tmp_path / "2"), str(tmp_path / "again"))
    assert set(pd.read_csv(tmp_path / "again" / "nodes.csv")["nodes"]) == {3}


def traced(folder, platform, us="1.000"):
    path = folder / platform / "t.log"
    path.parent.mkdir()
    path.write_text(RAW.format(us=us, name="lock"))
    return str(path)


def test_three_profiles_are_not_compared_and_that_is_said(script, tmp_path, capsys):
    study = script("profile_study")
    files = [traced(tmp_path, name, f"{n}.000") for n, name in enumerate("abc", 1)]
    study.main(str(tmp_path / "out"), *files)
    said = capsys.readouterr().out
    assert "Nothing is compared: changes are between two platforms; there are: a, b, c" in said
    # Two of them are compared, whatever else the experiment has.
    study.main(str(tmp_path / "two"), *files[:2])
    assert (tmp_path / "two" / "changes.csv").exists()
    paths = sorted(path.name for path in (tmp_path / "out").glob("*-path.csv"))
    assert paths == ["a-t-path.csv", "b-t-path.csv", "c-t-path.csv"]
    spent = [pd.read_csv(tmp_path / "out" / name)["duration_us"][1] for name in paths]
    assert spent == [1, 2, 3]


def test_folded_stacks_have_a_study_too(script, tmp_path):
    path = tmp_path / "v1" / "a.folded"
    path.parent.mkdir()
    path.write_text("main;read 30\nmain;list 10\n")
    script("profile_study").main(str(tmp_path / "out"), str(path))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {
        *("functions-samples.csv", "report.html"),
        *("v1-a-samples.html", "v1-a-samples.folded"),
    }
