"""Comparisons from the store: planted effects are found, and none where none was planted."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from runs import run

from analysis import compare
from analysis.comparing.comparison import compare_of
from analysis.comparing.judgement import Decision, judge
from analysis.comparing.questions import questions_of
from analysis.quantities import quantity
from analysis.values import combined, host_values
from ingest.planted import DURATIONS_S, PLATFORMS, expected
from minion.errors import Ambiguous, InvalidData, NotComparable, NotFound
from minion.lifecycle import TOTAL
from minion.model import Measurement, Verdict
from minion.selection import Choice, Selection

METRICS = "cpu,ram,disk_util,disk_io,net"


@pytest.fixture(scope="module")
def whole(study_store):
    """All metrics of the simulated study, one family."""
    return compare(study_store, METRICS)


def planted(row):
    """The difference that was planted for a row of `pairs`."""
    quantity = f"{row.metric} {row.dimension}".strip()
    role = None if row.role == "all" else row.role
    level, reference = (
        expected(quantity, platform, row.phase, role) for platform in (row.level, row.reference)
    )
    return level - reference


def test_every_planted_effect_is_found_and_none_where_none_was_planted(whole):
    pairs = whole.pairs[(whole.pairs["phase"] != TOTAL.name) & (whole.pairs["role"] == "all")]
    assert len(pairs) == 7 * 11 * 3
    for row in pairs.itertuples():
        wanted = "different" if planted(row) else "undecided"
        assert row.verdict == wanted, row
        assert not planted(row) or np.sign(row.difference) == np.sign(planted(row)), row


def test_durations_that_differ_are_found_and_no_others(study_store):
    pairs = compare(study_store, "duration").pairs
    covered = []
    for row in pairs[pairs["phase"] != TOTAL.name].itertuples():
        seconds = DURATIONS_S.get(row.phase, (300, 300, 300))
        level, reference = (seconds[PLATFORMS.index(p)] for p in (row.level, row.reference))
        assert row.verdict == ("different" if level != reference else "undecided"), row
        covered.append(row.low < level - reference < row.high)
    # All three intervals of a phase hold in 95 of 100 phases.
    assert len(covered) == 33
    assert sum(covered) >= 30


def test_a_role_is_compared_by_itself(whole):
    cpu = whole.pairs[(whole.pairs["metric"] == "cpu") & (whole.pairs["phase"] == "Start master")]
    verdicts = {(row.role, row.level, row.reference): row.verdict for row in cpu.itertuples()}
    assert verdicts["master", "K8s", "K3s"] == "different"
    assert verdicts["worker", "K8s", "K3s"] == "undecided"
    assert len(whole.families) == 2
    assert sum(whole.families.values()) == len(whole.pairs)


def test_the_first_sentence_says_it_plainly(study_store):
    found = compare(study_store, "duration", phase="Start master", baseline="K8s")
    k3s = found.pairs[found.pairs["level"] == "K3s"].iloc[0]
    assert found.sentences[0] == (
        f"Start master: K3s takes {-k3s.difference:.1f} s ({(1 - k3s.ratio) * 100:.0f} %) less"
        f" than K8s; 95 % interval {-k3s.high:.1f} to {-k3s.low:.1f} s; 25 and 25 runs."
    )
    assert found.headline == (
        "2 comparisons (duration × Start master × 2 pairs): 2 different and 0 undecided; the chance"
        ' of any false "different" among them is kept below 5 %.'
    )


def test_the_same_call_gives_the_same_bytes(study_store):
    first, second = (
        json.dumps(compare(study_store, "cpu", phase="Cluster idle", margin="5%").document())
        for _ in range(2)
    )
    assert first == second
    document = json.loads(first)
    (question,) = [q for q in document["questions"] if q["role"] == "all"]
    assert [g["n"] for g in question["groups"]] == [25, 25, 25]
    pair = question["pairs"][0]
    for name in (
        "difference low high ratio ratio_low ratio_high p p_corrected cliffs_delta delta_low"
        " delta_high p_rank_corrected p_smallest p_equivalence verdict n n_reference margin"
    ).split():
        assert pair[name] is not None, name
    provenance = document["provenance"]
    assert provenance["runs"]["K8s"][0] == "1000"
    assert list(provenance["excluded"]) == ["1023", "1025", "3057", "3058", "5013"]
    assert len(provenance["sha256"]) == 64
    assert provenance["options"]["margin"] == "5%"
    assert document["families"][0] == {"name": "cpu × Cluster idle × 3 pairs", "tests": 3}


def test_values_that_were_read_already_give_the_same(study_store):
    asked: Choice = {"phase": "Cluster idle", "experiment": "demo"}
    options = {"baseline": "K8s", "margin": "5%"}
    runs = study_store.simulations_of_one_experiment(Selection.of(**asked))
    names = ["cpu", "net", "duration"]
    read = [quantity(study_store, name, runs, **asked) for name in names]
    handed = compare_of(study_store, read, runs, **options, **asked).document()
    assert handed == compare(study_store, names, **options, **asked).document()
    assert [len(q["pairs"]) for q in handed["questions"]] == [2] * len(handed["questions"])
    keys = {(q["metric"], q["dimension"], q["phase"], q["role"]) for q in handed["questions"]}
    assert len(keys) == len(handed["questions"]) > 6


def test_a_margin_makes_equivalence_possible(study_store):
    found = compare(study_store, "cpu", phase="System idle 1", margin="0.5 points")
    assert set(found.pairs["verdict"]) == {"equivalent"}
    assert "is the same with K8s as with K3s, within 0.5 points" in found.sentences[0]
    narrow = compare(study_store, "cpu", phase="System idle 1", margin="0.001 points")
    assert "equivalent" not in set(narrow.pairs["verdict"])


def test_a_margin_without_a_text_is_none(study_store):
    with pytest.raises(InvalidData, match="'' is no margin; write a number and its unit"):
        compare(study_store, "cpu", phase="System idle 1", margin="")


def test_a_quantile_instead_of_the_mean(study_store):
    mean = compare(study_store, "cpu", phase="Cluster idle")
    high = compare(study_store, "cpu", phase="Cluster idle", quantile=0.95)
    assert (high.groups["mean"].to_numpy() > mean.groups["mean"].to_numpy()).all()
    assert "the 0.95 quantile of CPU utilization" in high.sentences[0]
    assert "0.95 quantile of cpu" in high.headline
    assert set(high.pairs["quantile"]) == {0.95}
    assert mean.pairs["quantile"].isna().all()


def test_chosen_hosts_are_named(study_store):
    one = compare(study_store, "cpu", phase="Cluster idle", hosts="node-a")
    assert "CPU utilization on node-a" in one.sentences[0]
    assert next(iter(one.tables())) == "node-a"
    assert set(one.pairs["hosts"]) == {"node-a"}


def test_what_has_no_quantile_is_named(study_store):
    with pytest.raises(InvalidData, match="a quantile of duration"):
        compare(study_store, "duration", quantile=0.5)
    with pytest.raises(InvalidData, match="a quantile of 95"):
        compare(study_store, "cpu", quantile=95)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"metric": "cpus"}, NotFound, "no run of this selection has a cpus; there are: cpu, ram"),
        ({"metric": ""}, InvalidData, "no metric to compare"),
        ({"platform": "K8s"}, InvalidData, r"only one platform in this selection: K8s \(25 runs\)"),
        ({"sims": "1000"}, InvalidData, "only one platform in this selection"),
        ({"baseline": "K9s"}, NotFound, r"no platform K9s .* there are: K3s \(25 runs\), K8s"),
        ({"margin": "5"}, InvalidData, "a margin of '5' has no unit"),
        ({"margin": "5 s"}, InvalidData, "a margin in 's' for values in %"),
        ({"factor": "nodes"}, InvalidData, "no run has a parameter 'nodes'"),
        ({"confidence": 95.0}, InvalidData, "a confidence of 95"),
        ({"phase": "Lunch"}, NotFound, "no phase 'Lunch'; there are: System idle 1"),
        ({"experiment": "nobody's"}, NotFound, "no experiment nobody's"),
        ({"allow": "nothing"}, InvalidData, "--allow nothing: the runs have no such property"),
    ],
)
def test_what_cannot_be_compared_says_why(study_store, arguments, error, message):
    with pytest.raises(error, match=message):
        compare(study_store, **({"metric": "cpu"} | arguments))


def test_a_gap_is_compared_when_it_is_named(study_store):
    found = compare(study_store, "duration", phase="Wait after drain")
    assert found.pairs["verdict"].tolist() == ["undecided"] * 3
    assert found.groups["n"].tolist() == [25] * 3
    cpu = compare(study_store, "cpu", phase="Wait after drain")
    assert set(cpu.pairs["phase"]) == {"Wait after drain"}


# ---------------------------------------------------------------- small runs


@pytest.fixture
def few(store):
    """Adds small runs of platforms to a store; a number of them each."""

    def add(number=3, platforms=("K8s", "K3s"), **changes):
        for platform in platforms:
            for place in range(number):
                simulation, series = run(f"{platform}-{place}", platform=platform)
                measured = (Measurement(name="latency", value=10.0 + place, unit="ms"),)
                made = replace(simulation, measurements=measured, **changes)
                store.put(made, series)
        return store

    return add


def test_one_run_in_a_group_gives_a_difference_and_no_verdict(few):
    store = few(1, platforms=("K8s",))
    few(3, platforms=("K3s",))
    found = compare(store, "cpu", phase="Cluster idle")
    (row,) = found.pairs[found.pairs["role"] == "all"].itertuples()
    assert row.verdict == "undecided"
    assert row.reason.startswith("a single run of K8s")
    assert np.isfinite([row.difference, row.ratio]).all()
    assert np.isnan([row.low, row.p, row.cliffs_delta]).all()
    assert "undecided" in found.sentences[0]
    assert json.dumps(found.document(), allow_nan=False)


def test_values_that_are_all_equal(few):
    found = compare(few(), "duration", phase="Start master", margin="1 s")
    assert found.pairs["reason"].tolist() == ["all values are equal"]
    assert found.pairs["verdict"].tolist() == ["undecided"]


def test_a_measurement_is_compared_by_its_name(few):
    found = compare(few(4), "latency", margin="50 ms")
    (row,) = found.pairs.itertuples()
    assert (row.metric, row.unit, row.difference, row.verdict) == ("latency", "ms", 0, "equivalent")


def test_a_measurement_that_is_no_number_is_left_out_and_named(few, store):
    few()
    broken = (Measurement(name="latency", value=float("nan"), unit="ms"),)
    simulation, series = run("K8s-9", platform="K8s")
    store.put(replace(simulation, measurements=broken), series)
    found = compare(store, "latency")
    assert found.left_out[["sim_id", "reason"]].values.tolist() == [
        ["K8s-9", "its latency is not a number"]
    ]
    assert found.notes[1] == (
        "latency in Total simulation time: 1 of 4 runs of K8s has no value (its latency is not a"
        " number)"
    )


def test_a_parameter_is_compared_inside_one_platform(store):
    for nodes in (2, 12):
        for place in range(3):
            simulation, series = run(f"{nodes}-{place}")
            store.put(replace(simulation, parameters={"nodes": nodes}), series)
    found = compare(store, "cpu", factor="nodes", phase="Cluster idle")
    row = found.pairs.iloc[0]
    assert (row.level, row.reference) == ("12", "2")
    assert "between nodes 12 and nodes 2" in found.sentences[0]


def test_what_is_mixed_in_other_shares_refuses_with_the_counts(few):
    store = few(3, platforms=("K8s",))
    for name, platform, version in (
        ("other", "K8s", "2.0"),
        ("last", "K3s", "1.37.1"),
        *((f"new-{place}", "K3s", "2.0") for place in range(3)),
    ):
        simulation, series = run(name, platform=platform)
        store.put(replace(simulation, environment={"netdata": version}), series)
    assert "in shares as chance may give them" in compare(store, "cpu").notes[1]
    simulation, series = run("new-4", platform="K3s")
    store.put(replace(simulation, environment={"netdata": "2.0"}), series)
    with pytest.raises(NotComparable, match=r"netdata \(K3s: 1.37.1 in 1 run, 2.0 in 4; K8s: 1"):
        compare(store, "cpu")


def test_known_differences_refuse_until_they_are_allowed(few):
    store = few(platforms=("K8s",))
    few(platforms=("K3s",), environment={"netdata": "2.0"})
    with pytest.raises(NotComparable, match=r"netdata \(K3s: 2.0; K8s: 1.37.1\)") as refused:
        compare(store, "cpu")
    assert refused.value.exit_status == 3
    found = compare(store, "cpu", allow="netdata")
    assert [str(d) for d in found.allowed] == ["netdata (K3s: 2.0; K8s: 1.37.1)"]
    assert found.remarks[0] == "Allowed although it differs: netdata (K3s: 2.0; K8s: 1.37.1)."
    assert found.document()["allowed"][0]["name"] == "netdata"


def test_several_experiments_are_not_mixed(few):
    store = few(1)
    few(1, experiment="other")
    with pytest.raises(Ambiguous, match=r"of several experiments \(e, other\)"):
        compare(store, "cpu")
    assert len(compare(store, "cpu", experiment="other").sentences)


def test_no_runs_at_all(store):
    with pytest.raises(NotFound, match="there is no simulation to compare; `minion runs` lists"):
        compare(store, "cpu")


def test_it_says_when_excluded_runs_would_change_the_verdict(store):
    for platform, level in (("K8s", 60.0), ("K3s", 50.0)):
        for place in range(6):
            simulation, series = run(f"{platform}-{place}", platform=platform)
            value = level + 0.1 * place
            store.put(
                replace(
                    simulation,
                    measurements=(Measurement(name="latency", value=value, unit="ms"),),
                ),
                series,
            )
    for place in range(6):
        simulation, series = run(f"bad-{place}", platform="K3s")
        wild = (Measurement(name="latency", value=70.0 + place, unit="ms"),)
        store.put(replace(simulation, measurements=wild), series)
        store.judge(store.simulation(f"bad-{place}"), Verdict.EXCLUDED, ["wild"], by="me")
    found = compare(store, "latency")
    assert found.pairs["verdict"].tolist() == ["different"]
    assert found.returned.runs == 6
    assert found.remarks[-3:-1] == (
        "6 of 6 excluded runs have a value here; with them back one verdict changes.",
        "The verdict would change: latency Total simulation time, K8s against K3s: different as it"
        " stands, undecided with the excluded runs.",
    )
    assert len(found.provenance["excluded"]) == 6


def test_a_phase_that_half_of_the_runs_lack_is_named(few, store):
    few(2, platforms=("K3s",))
    few(2, platforms=("K8s",))
    short, series = run("K8s-short", platform="K8s", phases=False)
    store.put(short, series)
    found = compare(store, "cpu")
    assert found.notes[1] == (
        "cpu in System idle 1, Start master, Master idle and 8 more phases: 1 of 3 runs of K8s has"
        " no value (nothing recorded)"
    )


# ---------------------------------------------------------------- without any effect


def test_without_an_effect_few_are_called_different():
    """300 studies of 25 runs on each of three platforms, 60 autocorrelated samples a run."""
    random, times, wrong = np.random.default_rng(11), 300, 0
    runs = [(platform, f"{platform}-{i}") for platform in PLATFORMS for i in range(25)]
    samples = 60
    names = pd.DataFrame(runs, columns=["platform", "sim_id"]).loc[
        np.repeat(np.arange(len(runs)), samples)
    ]
    frame = names.assign(experiment="e", metric="cpu", phase="Cluster idle").reset_index(drop=True)
    levels = {p: [("e", sim_id) for q, sim_id in runs if q == p] for p in PLATFORMS}
    for _ in range(times):
        drawn = random.standard_normal((len(runs), samples))
        drawn[:, 1:] *= np.sqrt(1 - 0.6**2)
        for place in range(1, samples):
            drawn[:, place] += 0.6 * drawn[:, place - 1]
        values = 5 + drawn + 0.2 * random.standard_normal((len(runs), 1))
        reduced = combined(host_values(frame.assign(value=values.ravel())))
        judged = judge(questions_of(reduced.values, levels, unit="%"))
        wrong += any(pair.verdict is Decision.DIFFERENT for pair in judged.pairs)
    assert wrong < 21
