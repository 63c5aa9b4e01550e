"""Plans from a store: what is asked, what comes back, and what little data do."""

import json
from dataclasses import replace

import numpy as np
import pytest
from runs import run
from scipy.stats import ttest_ind

from analysis import compare
from analysis.statistics import power as powers
from analysis.statistics.critical import together
from analysis.timeline import durations
from analysis.variation.planning import plan
from ingest.planted import DURATION_NOISE
from minion.errors import InvalidData, NotFound
from minion.lifecycle import PHASE_NAMES
from minion.model import Measurement

IDLE = {"phase": "Cluster idle"}


def test_without_anything_wanted_it_says_what_the_runs_can_find(study_store):
    found = plan(study_store, "cpu")
    assert len(found.table) == 12 * 3
    assert found.table["phase"].cat.categories.tolist() == list(PHASE_NAMES)
    pairs = found.table[["baseline", "platform"]].drop_duplicates().to_numpy().tolist()
    assert pairs == [["K3s", "K8s"], ["K3s", "mK8s"], ["K8s", "mK8s"]]
    row = found.table.iloc[0]
    sd = (row["sd_baseline"], row["sd_platform"])
    assert row["detectable"] == powers.detectable(sd, (25, 25), alpha=0.05 / 36)
    assert row["detectable_share"] == pytest.approx(row["detectable"] / row["mean_baseline"] * 100)
    assert (found.table["careful_detectable"] > found.table["detectable"]).all()
    assert found.sentences[0].startswith("With the runs there are, a difference of cpu is found")


def test_the_figures_are_those_of_the_runs(study_store):
    took = durations(study_store, phase="Add workers")
    found = plan(study_store, "duration", baseline="K8s", difference="2 s", phase="Add workers")
    assert found.table["platform"].tolist() == ["K3s", "mK8s"]
    row = found.table.iloc[0]
    own = {name: took.loc[took["platform"] == name, "duration_s"] for name in ("K8s", "K3s")}
    assert row["mean_baseline"] == pytest.approx(own["K8s"].mean())
    assert row["sd_platform"] == pytest.approx(own["K3s"].std())
    sd = (float(own["K8s"].std()), float(own["K3s"].std()))
    # Two pairs: means and ranks, which are worth 3 / pi of the runs, at half the level each.
    by_ranks = np.sqrt(np.pi / 3)
    upper = tuple(powers.upper_sd(s, 25) for s in sd)
    for name, deviations in {"runs": sd, "careful_runs": upper}.items():
        scaled = tuple(by_ranks * s for s in deviations)
        assert row[name] == powers.runs_for_difference(scaled, 2, alpha=0.05 / 2)
    total = durations(study_store, phase="Total simulation time")
    hours = sum(total.loc[total["platform"] == p, "duration_s"].median() for p in own) / 3600
    assert row["hours"] == pytest.approx(row["runs"] * hours)
    assert row["careful_hours"] == pytest.approx(row["careful_runs"] * hours)


def test_per_cent_are_of_the_mean_and_points_are_of_the_metric(study_store):
    share = plan(study_store, "cpu", margin="5%", **IDLE).table.iloc[0]
    assert share["amount"] == pytest.approx(0.05 * share["mean_baseline"])
    points = plan(study_store, "cpu", margin="0.5 points", **IDLE).table.iloc[0]
    assert points["amount"] == 0.5


def test_everything_that_is_wanted_has_a_row(study_store):
    found = plan(study_store, "ram", width="1%", difference="2%", margin="2%", tests=36)
    assert found.table["wanted"].tolist() == ["width", "difference", "margin"] * 36
    row = found.table.iloc[1]
    sd = (row["sd_baseline"], row["sd_platform"])
    assert row["runs"] == powers.runs_for_difference(sd, row["amount"], alpha=0.05 / 36)
    assert len(found.sentences) == 3
    assert found.sentences[0].startswith("For intervals of the difference of at most 1% to each")
    assert found.sentences[1].startswith("To find a difference of 2% with a power of 80%, ")
    margin = found.table[found.table["wanted"] == "margin"]
    enough = int((margin["careful_runs"] <= 25).sum())
    assert found.sentences[2].endswith(f" suffice, carefully, in {enough} of 36 comparisons.")
    assert found.notes[0] == (
        "Planned as asked for: 36 tests that hold together, a level of 0.0014 each (Bonferroni)."
    )
    assert (found.family.name, found.family.size) == ("as asked for", 36)
    limit = together(0.95, 3)
    width = found.table.iloc[0]
    assert width["runs"] == powers.runs_for_width(sd, width["amount"], critical=limit)
    equal = found.table.iloc[2]
    wider = (sd[0] * 1.03, sd[1])
    assert equal["runs"] == powers.runs_for_equivalence(wider, equal["amount"], alpha=0.05 / 36)


@pytest.mark.parametrize(
    ("metric", "options", "name", "tests"),
    [
        ("cpu", {}, "cpu × 12 phases × 3 pairs", 36),
        ("cpu", IDLE, "cpu × Cluster idle × 3 pairs", 3),
        ("cpu", {"baseline": "K8s", **IDLE}, "cpu × Cluster idle × 2 pairs", 2),
        ("net", {"platform": "K3s,K8s", **IDLE}, "net (2 quantities) × Cluster idle × 1 pair", 2),
    ],
)
def test_a_plan_is_for_what_compare_does(study_store, metric, options, name, tests):
    """Its family, and the intervals that it will give."""
    found = plan(study_store, metric, **options)
    compared = compare(study_store, metric, **options)
    assert (found.family.name, found.family.size) == (name, tests)
    assert found.family.name in compared.families
    assert compared.families[name] == tests
    assert f"what `compare` of these runs would do: {name}, {tests} tests" in found.notes[0]
    assert found.document()["family"] == {"name": name, "size": tests, "method": "Bonferroni"}
    keys = ["phase", "platform", "baseline"]
    keys += ["dimension"] if metric == "net" else []
    pairs = compared.pairs[compared.pairs["role"] == "all"]
    pairs = pairs.rename(columns={"level": "platform", "reference": "baseline"})
    both = found.table.astype({"phase": "str"}).merge(pairs, on=keys, validate="1:1")
    assert len(both) == len(found.table) == tests
    half = (both["high"] - both["low"]) / 2
    assert both["half_width"].to_numpy() == pytest.approx(half.to_numpy(), rel=1e-8)


def test_fewer_tests_than_compare_holds_are_planned_and_said(study_store):
    found = plan(study_store, "cpu", difference="3%", tests=1)
    assert found.notes[0] == (
        "Planned as asked for: 1 test, a level of 0.05. `compare` of these runs holds 36 together"
        " (cpu × 12 phases × 3 pairs) and finds less than this."
    )
    row = found.table.iloc[0]
    sd = (row["sd_baseline"], row["sd_platform"])
    # The three pairs of a phase hold together nevertheless.
    runs = powers.runs_for_difference(sd, row["amount"], critical=together(0.95, 3))
    assert powers.runs_for_difference(sd, row["amount"]) < runs <= row["runs"]


def test_a_pair_that_cannot_be_tested_is_no_test(store):
    """One run of a platform, or values that are all the same; as `compare` counts."""
    constant = {"B": 1.0, "C": 1.0}
    for number in range(1, 10):
        platform = "A" if number == 1 else "BCDE"[number % 4]
        simulation, _ = run(str(number), platform=platform)
        value = constant.get(platform, float(number))
        measured = (Measurement(name="latency", value=value, unit="ms"),)
        store.put(replace(simulation, measurements=measured), [])
    for baseline, tests in ((None, 5), ("B", 2)):
        found = plan(store, "latency", baseline=baseline)
        assert found.family.size == tests
        assert compare(store, "latency", baseline=baseline).families[found.family.name] == tests


def test_the_document_is_for_programs(study_store):
    found = plan(study_store, "cpu", sims="1000,5000,5001", margin="2 points", **IDLE)
    document = json.loads(json.dumps(found.document(), allow_nan=False, default=str))
    assert document["table"][0]["runs"] is None
    assert document["notes"] == list(found.notes)


def test_more_power_confidence_and_tests_take_more_runs(study_store):
    def runs(**options):
        return plan(study_store, "cpu", difference="1%", **IDLE, **options).table["runs"].iloc[0]

    least = runs()
    assert least < runs(power=0.9) < runs(power=0.9, confidence=0.99)
    assert least < runs(tests=36)
    assert least == runs(tests=3)


def test_the_runs_planned_are_enough(study_store):
    """A plan from the study's runs, carried out many times on what is planted in it."""
    found = plan(study_store, "duration", difference="1 s", phase="Apply deployment")
    row = found.table.iloc[0]
    assert found.family.size == 3
    n = int(row["careful_runs"])
    sd = DURATION_NOISE * 29
    # It planned with limits that are above the true deviations here, so the power is above 0.8.
    assert powers.power_of_difference(1, (sd, sd), (n, n), alpha=0.05 / 3) > 0.8
    random = np.random.default_rng(1)
    x, y = (random.normal(mean, sd, (5000, n)) for mean in (29, 30))
    found_it = ttest_ind(x, y, axis=1, equal_var=False).pvalue < 0.05 / 3
    assert np.mean(found_it) > 0.8 - 3.5 * np.sqrt(0.8 * 0.2 / 5000)


def test_dimensions_are_planned_apart(study_store):
    found = plan(study_store, "net", baseline="K8s", difference="5%", **IDLE)
    assert found.table["dimension"].tolist() == ["InOctets"] * 2 + ["OutOctets"] * 2
    assert "(InOctets)" in found.sentences[0]


def test_a_platform_with_one_run_has_no_plan_and_a_note(study_store):
    found = plan(study_store, "cpu", sims="1000,5000,5001", margin="2 points", **IDLE)
    assert found.table["runs_baseline"].tolist() == [1]
    assert found.table[["sd_baseline", "runs", "careful_runs", "hours"]].isna().all(axis=None)
    assert (
        "Fewer than two runs of K8s: no deviation, so no plan there; measure two or more, and plan"
        " again." in found.notes
    )
    assert found.sentences[0].endswith("cannot be said; see the notes.")
    nothing = plan(study_store, "cpu", sims="1000,5000,5001", **IDLE)
    assert nothing.table["detectable"].isna().all()
    assert nothing.sentences[0].endswith("cannot be said; see the notes.")


@pytest.mark.parametrize("wanted", ["width", "difference", "margin"])
def test_without_any_variance_there_is_no_plan_and_a_note(store, wanted):
    """`compare` has no test there either."""
    for number in "1234":
        store.put(*run(number, platform="AB"[int(number) % 2]))
    start = {"phase": "Start master"}
    found = plan(store, "duration", **{wanted: "1 s"}, **start)
    assert found.table["sd_baseline"].tolist() == [0]
    assert found.table[["runs", "careful_runs"]].isna().all(axis=None)
    assert found.sentences[0].endswith("cannot be said; see the notes.")
    note = (
        "Neither platform varies between runs in Start master: `compare` has no test there, so"
        " there is no plan."
    )
    assert note in found.notes
    assert not any("would be needed" in one for one in found.notes)
    nothing = plan(store, "duration", **start)
    assert nothing.table[["detectable", "half_width"]].isna().all(axis=None)
    assert note in nothing.notes
    assert "all values are equal" in compare(store, "duration", **start).sentences[0]


def measured(store, values):
    """Runs of platforms, with a measurement each."""
    for platform, own in values.items():
        for number, value in enumerate(own):
            simulation, _ = run(f"{platform}{number}", platform=platform)
            latency = (Measurement(name="latency", value=value, unit="ms"),)
            store.put(replace(simulation, measurements=latency), [])


def test_values_that_only_rounding_tells_apart_do_not_vary(store):
    measured(store, {"A": [0.1 + 0.2, 0.3, 0.3], "B": [0.7, 0.6 + 0.1, 0.7]})
    found = plan(store, "latency", difference="5%")
    assert found.table[["sd_baseline", "sd_platform"]].to_numpy().tolist() == [[0, 0]]
    assert found.table["runs"].isna().all()


def test_one_platform_that_varies_is_enough_for_a_plan(store):
    measured(store, {"A": [5.0, 5.0, 5.0], "B": [6.0, 6.2, 6.1]})
    assert plan(store, "latency", difference="0.5 ms").table["runs"].iloc[0] >= 2


@pytest.mark.parametrize("low", [0.0, -5.5])
def test_a_relative_margin_of_values_at_or_below_zero_is_no_plan_and_a_note(store, low):
    """`compare` refuses such a margin."""
    measured(store, {"A": [5.0, 5.5, 5.2], "B": [low, 2.5, 2.2]})
    found = plan(store, "latency", margin="5%")
    assert found.table[["amount", "runs", "careful_runs"]].isna().all(axis=None)
    note = "5% has no meaning where values are 0 or below; give a margin in ms"
    assert f"{note}." in found.notes
    assert any(note in text for text in compare(store, "latency", margin="5%").sentences)
    # A difference may be found there, and an amount in a unit held against it.
    assert plan(store, "latency", difference="50%").table["runs"].iloc[0] >= 2
    assert plan(store, "latency", margin="9 ms").table["runs"].iloc[0] >= 2


def test_per_cent_of_nothing_are_no_plan_and_a_note(store):
    for number in "1234":
        simulation, series = run(number, platform="AB"[int(number) % 2], metrics=["net"])
        series = [replace(s, values=s.values * [0, 1]) for s in series]
        store.put(simulation, series)
    found = plan(store, "net", difference="5%", **IDLE)
    assert found.table["amount"].iloc[0] == 0
    assert np.isnan(found.table["runs"].iloc[0])
    assert found.table["runs"].iloc[1] >= 2
    assert any(note.startswith("Where the baseline's mean is 0, per cent") for note in found.notes)
    assert np.isnan(plan(store, "net", **IDLE).table["detectable_share"].iloc[0])


def test_more_runs_than_anybody_measures_are_said(study_store):
    found = plan(study_store, "cpu", difference="0.0000001 points", **IDLE)
    assert found.table["runs"].isna().all()
    assert "No figure stands where more than 10,000,000 runs would be needed." in found.notes


@pytest.mark.parametrize(
    ("metric", "options", "error", "message"),
    [
        ("cpus", {}, NotFound, "cpus; there are: cpu, ram, disk_util, disk_io, net, duration"),
        ("cpu", {"baseline": "k8s"}, NotFound, "no platform k8s; there are: K3s, K8s, mK8s"),
        ("cpu", {"platform": "K8s"}, InvalidData, "compares two platforms, and there is K8s"),
        ("cpu", {"power": 80}, InvalidData, "a power of 80; give one from 0.5"),
        ("cpu", {"confidence": 95}, InvalidData, "a confidence of 95; give one from 0.5"),
        ("cpu", {"tests": 0}, InvalidData, "0 tests; give 1 or more"),
        ("cpu", {"margin": "0.5"}, InvalidData, "has no unit"),
        ("cpu", {"width": "wide"}, InvalidData, "'wide' is no margin"),
        ("cpu", {"margin": "150%"}, InvalidData, "a margin of 150%: even 0 would count"),
    ],
)
def test_what_cannot_be_planned_is_said(study_store, metric, options, error, message):
    with pytest.raises(error, match=message):
        plan(study_store, metric, **IDLE, **options)


def test_a_metric_without_samples_is_said(store):
    for number in "12":
        store.put(*run(number, platform="AB"[int(number) % 2], metrics=["ram"]))
    with pytest.raises(NotFound, match="nothing of cpu in this selection"):
        plan(store, "cpu")
