"""Values that runs lack: why, and not a sentence for each phase and dimension."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from runs import run

from analysis import compare
from analysis.comparing.absences import lacking
from analysis.comparing.judgement import Question, judge


def without(series, hostname, context):
    return [one for one in series if not (one.hostname == hostname and one.context == context)]


@pytest.fixture
def four(store):
    """Four small runs of each of two platforms; of two of K8s a host lacks its network."""
    for platform in ("K8s", "K3s"):
        for place in range(4):
            simulation, series = run(f"{platform}-{place}", platform=platform)
            if platform == "K8s" and place < 2:
                series = without(series, "node-b", "system.net")
            store.put(simulation, series)
    return store


def test_a_run_without_a_host_is_said_once_with_its_cause(four):
    notes = [note for note in compare(four, "cpu,net").notes if "no value" in note]
    assert notes == [
        "net (InOctets and OutOctets) in System idle 1, Start master, Master idle and 9 more"
        " phases: 2 of 4 runs of K8s have no value (no samples of node-b)"
    ]
    notes = [n for n in compare(four, "net", phase="Cluster idle").notes if "no value" in n]
    assert notes == [
        "net (InOctets and OutOctets) in Cluster idle: 2 of 4 runs of K8s have no value"
        " (no samples of node-b)"
    ]


def test_several_causes_are_counted(four):
    four.put(*run("K8s-short", platform="K8s", phases=False))
    (note, *_) = [n for n in compare(four, "net", phase="Cluster idle").notes if "no value" in n]
    assert note.endswith(
        "3 of 5 runs of K8s have no value (2: no samples of node-b; 1: nothing recorded)"
    )


def test_a_level_of_a_parameter_is_named_in_full(store):
    for nodes in (2, 12):
        for place in range(3):
            simulation, series = run(f"{nodes}-{place}", phases=place > 0 or nodes == 2)
            store.put(replace(simulation, parameters={"nodes": nodes}), series)
    notes = compare(store, "cpu", factor="nodes", phase="Cluster idle").notes
    assert "cpu in Cluster idle: 1 of 3 runs of nodes 12 has no value (nothing recorded)" in notes


def test_what_differs_stays_apart():
    """Other counts in other phases, a long list of causes, and a level that lacks nothing."""
    runs = {("e", f"{level}{place}"): level for level in "AB" for place in range(9)}
    questions = [
        Question(
            metric="cpu",
            unit="%",
            phase=phase,
            dimension="",
            role="all",
            groups={"A": np.arange(9.0 - lost), "B": np.arange(9.0)},
            total={"A": 9, "B": 9},
        )
        for phase, lost in (("Idle", 1), ("Load", 5), ("Rest", 1), ("Stop", 0))
    ]
    # A run whose value is broken on two hosts stands there twice, and is one run.
    broken = ("Load", "A0", "no samples of node-0")
    gone = [broken] + [("Load", f"A{place}", f"no samples of node-{place}") for place in range(5)]
    left_out = pd.DataFrame(gone, columns=["phase", "sim_id", "reason"]).assign(
        experiment="e", metric="cpu", role="all"
    )
    assert Counter(lacking(judge(questions), left_out, runs, factor="platform")) == Counter(
        [
            "cpu in Idle and Rest: 1 of 9 runs of A has no value (nothing recorded)",
            "cpu in Load: 5 of 9 runs of A have no value (1: no samples of node-0; 1: no samples of"
            " node-1; 1: no samples of node-2; 2: others)",
        ]
    )
