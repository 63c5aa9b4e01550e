"""The commands that judge: compare and check, with right input and wrong."""

import io
import json

import pandas as pd
import pytest
from runs import run, started


@pytest.fixture
def two_platforms(store):
    """Four small runs of each of two platforms."""
    for platform in ("K8s", "K3s"):
        for place in range(4):
            store.put(*run(f"{platform}-{place}", platform=platform))
    return store


@pytest.mark.usefixtures("two_platforms")
def test_compare_says_the_sentence_first_then_the_numbers(minion):
    found = minion("compare", "cpu", "--phase", "Cluster idle", "--margin", "20 points")
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert lines[0].startswith("1 comparison (cpu × Cluster idle × 1 pair): 0 different, 1 equiv")
    assert lines[1].startswith("Cluster idle: CPU utilization is the same with K8s as with K3s")
    assert lines[1].endswith("4 and 4 runs.")
    assert lines[3] == "All hosts"
    assert lines[5].split()[:2] == ["K8s", "K3s"]
    assert "By role, a family of its own (cpu × Cluster idle × 2 roles × 1 pair)" in lines


@pytest.mark.usefixtures("two_platforms")
def test_compare_as_json_is_exact_and_the_same_again(minion):
    first, second = (minion("compare", "cpu", "--format", "json").stdout for _ in range(2))
    assert first == second
    document = json.loads(first)
    assert document["provenance"]["options"]["metric"] == ["cpu"]
    assert len(document["questions"]) == 12 * 3
    table = pd.read_csv(io.StringIO(minion("compare", "cpu", "--format", "csv").stdout))
    assert len(table) == 12 * 3
    pair = document["questions"][0]["pairs"][0]
    assert table["difference"][0] == pair["difference"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["cpu", "--margin", "5"], 1, "a margin of '5' has no unit; write 5% (of the mean)"),
        (["cpus"], 1, "no run of this selection has a cpus; there are: cpu, ram"),
        (["cpu", "--platform", "K3s"], 1, "only one platform in this selection: K3s (4 runs)"),
        (["cpu", "--baseline", "K9s"], 1, "no platform K9s among the runs"),
        (["cpu", "--quantile", "high"], 2, "--quantile high: a number is wanted"),
        (["cpu", "--factor", "nodes"], 1, "no run has a parameter 'nodes'"),
        (["cpu", "--format", "parquet"], 2, "--format parquet: there are table, csv, json"),
        ([], 2, "compare: METRIC missing"),
    ],
)
@pytest.mark.usefixtures("two_platforms")
def test_a_mistake_is_one_line(minion, arguments, status, message):
    found = minion("compare", *arguments)
    assert found.returncode == status
    assert found.stdout == ""
    assert message in found.stderr.strip().splitlines()[-1]


def test_runs_that_differ_otherwise_are_refused_with_status_3(minion, two_platforms):
    two_platforms.describe(two_platforms.simulation("K3s-0"), environment={"netdata": "2.0"})
    found = minion("compare", "cpu")
    assert found.returncode == 3
    last = found.stderr.strip().splitlines()[-1]
    assert last.startswith("minion: the runs differ in more than what is compared: netdata (K3s:")
    assert last.endswith("--allow netdata")
    allowed = minion("compare", "cpu", "--allow", "netdata")
    assert allowed.returncode == 0
    assert "Allowed although it differs: netdata" in allowed.stdout


def test_check_ends_with_3_until_a_broken_run_is_excluded(minion, store):
    store.put(*run("1"))
    store.add(started("2"))
    assert minion("check").returncode == 3
    kept = minion("check", "--keep")
    assert kept.returncode == 3
    assert "verdicts kept: 2" in kept.stderr
    said = minion("check")
    assert said.returncode == 0
    assert said.stdout.startswith("1 of 2 runs has nothing against it; 1 is excluded.")
    document = json.loads(minion("check", "--format", "json").stdout)
    assert [row["found"] for row in document["runs"]] == ["unchecked", "excluded"]
    assert "kind" in minion("check", "--format", "csv").stdout.splitlines()[0]


def test_check_of_nothing_says_what_to_do(minion):
    found = minion("check")
    assert found.returncode == 1
    assert "there is no run to check; `minion demo` makes some" in found.stderr


@pytest.mark.usefixtures("two_platforms")
def test_variance_says_where_it_lies(minion):
    found = minion("variance", "cpu", "--phase", "Cluster idle")
    assert found.returncode == 0, found.stderr
    assert "of the variance of cpu between run means" in found.stdout
    assert "What one more hour takes off" in found.stdout
    document = json.loads(minion("variance", "cpu", "--format", "json").stdout)
    parts = {"sentences", "notes", "components", "advice", "model", "provenance"}
    assert set(document) == parts
    assert len(document["provenance"]["sha256"]) == 64
    one = minion("variance", "cpu", "--sims", "K8s-0")
    assert one.stdout.startswith("The variance of cpu cannot be taken apart with these runs.")
    assert "per cent\n" not in one.stdout


@pytest.mark.usefixtures("two_platforms")
def test_plan_says_how_many_runs_it_takes(minion):
    found = minion(
        "plan", "cpu", "--phase", "Cluster idle", "--margin", "5%", "--width", "1 points"
    )
    assert found.returncode == 0, found.stderr
    assert "To show equivalence within 5%" in found.stdout
    table = pd.read_csv(io.StringIO(minion("plan", "cpu", "--format", "csv").stdout))
    assert {"detectable", "careful_detectable", "sd_platform"} <= set(table.columns)
    document = json.loads(minion("plan", "cpu", "--margin", "5%", "--format", "json").stdout)
    assert document["provenance"]["options"]["margin"] == "5%"
    assert document["provenance"]["runs"]["K8s"] == ["K8s-0", "K8s-1", "K8s-2", "K8s-3"]
    wrong = minion("plan", "cpu", "--margin", "5")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "a margin of '5' has no unit" in wrong.stderr
