"""The quality check of hosts and charts that others have, and of how they were sampled."""

from dataclasses import replace

import pytest
from bson import ObjectId
from checked_runs import IO, against, at, chart_of, of, said, stored
from runs import run

from analysis.quality.checks import check

# ---------------------------------------------------------------- hosts, charts, steps


@pytest.mark.parametrize(
    ("ahead_s", "shift_s", "doubtful"),
    [(16.0, None, True), (-16.0, None, True), (14.0, None, False), (500.0, 499.8, False)],
)
def test_a_clock_that_was_not_corrected(store, k8s, ahead_s, shift_s, doubtful):
    def change(simulation, series):  # one sample in 5 s
        hosts = [
            replace(host, clock_ahead_s=ahead_s, clock_shift_s=shift_s)
            if host.hostname == "node-b"
            else host
            for host in simulation.hosts
        ]
        return replace(simulation, hosts=tuple(hosts)), series

    checked = check(stored(store, k8s, 4, change))
    assert of(checked, "1004") == [("clock", "doubtful", "node-b", "", "")] * doubtful
    side, measured = ("ahead", "before") if ahead_s > 0 else ("behind", "after")
    assert said(checked, "clock") == doubtful * [
        f"the samples of host node-b were measured 16.0 s {measured} the times that they have:"
        f" its clock was {side}, and not corrected"
    ]


def test_a_host_that_the_other_runs_have(store, k8s):
    def change(simulation, series):
        hosts = tuple(host for host in simulation.hosts if host.hostname != "node-d")
        return replace(simulation, hosts=hosts), [s for s in series if s.hostname != "node-d"]

    checked = check(stored(store, k8s, 4, change))
    assert of(checked, "1004") == [("hosts", "doubtful", "node-d", "", "")]
    assert said(checked, "hosts") == [
        "2 measured hosts are worker; 11 of 11 other runs of K8s have 3; it lacks node-d"
    ]


def test_a_chart_that_the_host_s_other_runs_have(store, k8s):
    def change(simulation, series):
        del series[chart_of(series, "node-c", IO)]
        return simulation, series

    checked = check(stored(store, k8s, 4, change))
    assert of(checked, "1004") == [("chart", "doubtful", "node-c", "system.io", "")]
    assert said(checked, "chart") == [
        "host node-c has no samples of system.io; 11 of its 11 other runs of K8s have"
    ]


def test_a_chart_that_no_run_or_never_a_host_has_is_said_once(store):
    for place in range(3):
        simulation, series = run(str(place), hosts=("node-a", "node-b", "node-c"))
        series = [s for s in series if s.context != "system.net"]
        kept = [s for s in series if (s.hostname, s.context) != ("node-c", "disk.util")]
        store.put(*at(simulation, kept, 3600 * place))
    checked = check(store)
    assert against(checked) == set()
    absent = [note for note in checked.notes if "no run has a chart" in note]
    assert absent == [
        "e: no run has a chart of disk.util on host node-c (K8s)",
        "e: no run has a chart of system.net at all",
    ]


def test_a_host_that_was_sampled_otherwise(store, k8s):
    def change(simulation, series):
        for place in range(5):
            at = chart_of(series, "node-b", place)
            one = series[at]
            series[at] = replace(one, times=one.times[::2], values=one.values[::2], step=10)
        return simulation, series

    checked = check(stored(store, k8s, 4, change))
    (found,) = [row for row in of(checked, "1004") if row[0] == "step"]
    assert found == ("step", "doubtful", "node-b", "", "")
    assert "host node-b was sampled every 10 s, mostly it is every 5 s" in said(checked, "step")[0]
    assert not [kind for kind, *_ in of(checked, "1004") if kind == "gap"]


def test_sampling_intervals_that_differ_between_hosts_are_said_once(store):
    for place in range(3):
        simulation, series = run(str(place))
        rare = [
            replace(s, times=s.times[::2], values=s.values[::2], step=10)
            if s.hostname == "node-b"
            else s
            for s in series
        ]
        store.put(*at(simulation, rare, 3600 * place))
    checked = check(store)
    assert against(checked) == set()
    assert (
        "e: sampling intervals differ: 5 s on node-a (K8s); 10 s on node-b (K8s)" in checked.notes
    )


def test_two_runs_at_one_time_on_one_host(store, k8s):
    simulation, series = k8s[0]
    twin = replace(simulation, sim_id="9", id=ObjectId(), platform="K3s")
    stored(store, k8s).put(twin, series)
    checked = check(store)
    assert [kind for kind, *_ in of(checked, "9")] == ["overlap"]
    assert [kind for kind, *_ in of(checked, "1000")] == ["overlap"]
    assert "on node-a, node-b, node-c, node-d" in said(checked, "overlap")[0]
