"""Where the variance lies: against what is planted in the study, and against lme4."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from runs import START, run
from scipy.stats import chi2

from analysis.statistics.components import one_way
from analysis.timeline import durations
from analysis.variation import mixed
from analysis.variation.mixed import mixed_model
from analysis.variation.next_hour import next_hour
from analysis.variation.variances import variance
from ingest.planted import DURATION_NOISE, DURATIONS_S, NOISE
from minion.errors import InvalidData, NotFound
from minion.lifecycle import PHASE_NAMES
from minion.model import Event, EventType, Measurement

NULLS = ["System idle 1", "System idle 2"]  # phases in which platforms do not differ
# A test that asks a dozen questions at once allows each what chance does once in 2,000 times.
SELDOM = 1 / 4000


def rows_of(found, **names):
    table = found.components
    for name, value in names.items():
        table = table[table[name] == value]
    return table


@pytest.fixture(scope="module")
def cpu(study_store):
    return variance(study_store, "cpu")


@pytest.fixture(scope="module")
def ram(study_store):
    return variance(study_store, "ram")


def in_chance(estimate, true, df):
    """Whether a variance estimated with df degrees of freedom may have that true value."""
    low, high = chi2.ppf([SELDOM, 1 - SELDOM], df) / df
    return true * low <= estimate <= true * high


def test_there_is_a_row_for_each_phase_and_scope(cpu):
    assert len(cpu.components) == 12 * 3
    assert cpu.components["phase"].cat.categories.tolist() == list(PHASE_NAMES)
    assert cpu.components["role"].tolist()[:3] == ["all", "master", "worker"]
    assert set(cpu.components["platforms"]) == {3}
    assert set(cpu.components["runs"]) == {75}
    assert rows_of(cpu, role="worker")["hosts"].tolist() == [3] * 12


def test_components_add_up_to_the_whole(cpu):
    parts = ["between_platforms", "between_runs", "between_hosts", "hosts_in_run", "over_time"]
    table = cpu.components
    assert table["total"].to_numpy() == pytest.approx(table[parts].sum(axis=1).to_numpy())
    shares = table[[f"{part}_share" for part in parts]].sum(axis=1)
    assert shares.to_numpy() == pytest.approx(100)
    assert (table[parts].fillna(0) >= 0).all(axis=None)


@pytest.mark.parametrize("quantity", ["cpu", "ram"])
def test_what_is_planted_between_the_platforms_is_found(quantity, request):
    found = request.getfixturevalue(quantity)
    every = rows_of(found, role="all").set_index("phase")
    differing = every.drop(NULLS)
    assert (differing["icc_platform"] > 0.8).all()
    assert (differing["icc_platform_low"] > 0.5).all()
    assert (every.loc[NULLS, "icc_platform_low"] == 0).all()


def test_what_is_planted_in_runs_and_hosts_is_found(study_store):
    # Deviations are of the logarithm, that is, shares of the mean; ram's samples hardly vary. One
    # phase is enough: a run's deviation is the same in all.
    found = variance(study_store, "ram", platform="K8s", phase="Cluster idle")
    worker = rows_of(found, role="worker").iloc[0]
    share = worker[["between_runs", "hosts_in_run"]] / worker["mean"] ** 2
    noise = NOISE["ram"]
    # The mean square of 25 runs holds both: df 24; the rest has 24 x 2.
    run_square = 3 * share["between_runs"] + share["hosts_in_run"]
    assert in_chance(run_square, 3 * noise.run**2 + noise.host**2, 24)
    assert in_chance(share["hosts_in_run"], noise.host**2, 48)
    assert worker["between_hosts_share"] < 15  # nothing lasting is planted
    true = noise.run**2 / (noise.run**2 + noise.host**2)
    assert worker["icc_run_low"] < true < worker["icc_run_high"]


def test_what_time_contributes_is_what_is_planted(study_store):
    # The mean of a master's 60 samples in a phase without Poisson noise to speak of.
    found = variance(study_store, "disk_util", platform="K8s", phase="Cluster idle")
    master = rows_of(found, role="master").iloc[0]
    noise, n = NOISE["disk_util"], 60
    lags = np.arange(1, n)
    true = noise.sample**2 * (1 + 2 * np.sum((1 - lags / n) * noise.memory**lags)) / n
    # 25 runs of 3 batches: 48 degrees of freedom; batches say about 4 % too little here.
    assert in_chance(master["over_time"] / master["mean"] ** 2, 0.96 * true, 48)
    assert master["between_runs"] > master["over_time"]
    assert np.isnan(master["hosts_in_run"])


def test_durations_have_platforms_and_runs(study_store):
    found = variance(study_store, "duration")
    table = found.components.set_index("phase")
    assert table["between_hosts"].isna().all()
    assert table["hosts"].tolist() == [0] * 12
    same = table.loc["Apply deployment"]
    assert in_chance(
        same["between_runs"], (DURATION_NOISE * DURATIONS_S["Apply deployment"][0]) ** 2, 72
    )
    assert same["icc_platform_low"] == 0
    assert table.loc["Start master", "icc_platform_low"] > 0.9
    took = durations(study_store, phase="Add workers")
    layout = one_way(took["duration_s"], took["platform"].astype(str))
    row = table.loc["Add workers"]
    assert row["between_platforms"] == pytest.approx(layout.between)
    assert row["between_runs"] == pytest.approx(layout.within)


def test_dimensions_are_kept_apart(study_store):
    found = variance(study_store, "net", phase="Add workers", roles="worker")
    assert found.components["dimension"].tolist() == ["InOctets"] * 2 + ["OutOctets"] * 2
    assert found.components["role"].tolist() == ["all", "worker"] * 2
    assert "(InOctets)" in found.sentences[1]
    # InOctets of this phase are alike on all platforms, and OutOctets too.
    assert (found.components["icc_platform_low"] == 0).all()


def test_the_sentences_begin_with_the_answer(cpu, study_store):
    assert cpu.sentences[0].startswith("Of the variance of cpu between run means, ")
    one = variance(study_store, "cpu", phase="Cluster idle")
    assert one.sentences[0].startswith(
        "In Cluster idle 98 % of the variance of cpu between run means lies between platforms (94"
        " to 100 %), 2 % between runs of a platform; time within the phase makes up "
    )
    assert one.sentences[-1].startswith("One more hour spent on more runs shrinks ")


def test_the_notes_say_what_stands_in_the_way(cpu):
    notes = " ".join(cpu.notes)
    assert "Read the rows of a role." in notes
    assert "The platforms were chosen, not drawn" in notes
    assert "One host is master" in notes
    assert "Fewer than 40 samples of a run in Start master, " in notes


def test_tables_and_document_are_for_people_and_programs(cpu, study_store):
    shares, advice = cpu.tables().values()
    assert shares["between_runs"].equals(cpu.components["between_runs_share"])
    assert len(advice) == 36
    found = json.loads(json.dumps(cpu.document(), allow_nan=False, default=str))
    assert found["sentences"] == list(cpu.sentences)
    assert found["model"] is None
    assert found["components"][1]["hosts_in_run"] is None
    one = variance(study_store, "cpu", phase="Cluster idle", model=True)
    assert list(one.tables())[-1] == "Mixed model"
    assert len(one.document()["model"]) == 12


# ---------------------------------------------------------------- the next hour


def test_the_next_hour_follows_the_formulas():
    components = pd.DataFrame(
        {
            "phase": ["Cluster idle", "Start master"],
            "role": ["worker", "all"],
            "platforms": 2,
            "runs": 20,
            "hosts": 3,
            "between_runs": [4.0, 1.0],
            "hosts_in_run": [3.0, 0.0],
            "over_time": [6.0, 0.0],
        }
    )
    took = pd.DataFrame(
        {
            "platform": ["A", "A", "A", "B", "B", "B"],
            "phase": ["Cluster idle", "Start master", "Total simulation time"] * 2,
            "duration_s": [300.0, 60.0, 1800.0, 300.0, 60.0, 1800.0],
        }
    )
    idle, action = next_hour(components, took).to_dict("records")
    # An hour holds one run of each platform: 10 become 11.
    assert idle["more_runs"] == pytest.approx(100 / 11)
    # Or 180 s more in each of the 20 runs: time falls from 6 / 3 by 180 / 480.
    now = 4 + 3 / 3 + 6 / 3
    assert idle["longer_phase"] == pytest.approx(100 * 2 * 180 / 480 / now)
    # Or a fourth host: (3 + 6) / 3 becomes (3 + 6) / 4.
    assert idle["more_hosts"] == pytest.approx(100 * (3 - 9 / 4) / now)
    # Kalibera and Jones: sqrt(c_2 / c_1 x T_1^2 / T_2^2).
    assert idle["best_phase_s"] == pytest.approx(np.sqrt(1500 * (2 * 300) / 5))
    assert idle["best"] == "longer phases"
    assert (action["best"], action["more_runs"]) == ("more runs", pytest.approx(100 / 11))
    assert np.isnan(action["longer_phase"])
    assert np.isnan(action["more_hosts"])


def test_the_best_length_of_a_phase_is_the_best():
    # The variance that a given time of measuring buys: run(L) / (number of runs of D - 300 + L).
    components = pd.DataFrame(
        {
            "phase": ["Cluster idle"],
            "role": ["all"],
            "platforms": [1],
            "runs": [5],
            "hosts": [4],
            "between_runs": [0.3],
            "hosts_in_run": [0.4],
            "over_time": [2.0],
        }
    )
    took = pd.DataFrame(
        {
            "platform": ["A", "A"],
            "phase": ["Cluster idle", "Total simulation time"],
            "duration_s": [300.0, 2100.0],
        }
    )
    best = next_hour(components, took)["best_phase_s"].iloc[0]
    lengths = np.linspace(10, 5000, 100_000)
    price = (0.3 + 0.4 / 4 + 2.0 / 4 * 300 / lengths) * (1800 + lengths)
    assert best == pytest.approx(lengths[np.argmin(price)], rel=1e-3)


def test_for_ram_more_runs_are_better_than_longer_phases(ram):
    known = ram.advice[ram.advice["longer_phase"].notna()]
    assert len(known) == 5 * 3
    assert (known["longer_phase"] < known["more_runs"]).all()
    assert ram.sentences[-1].endswith("More runs buy more in every phase.")


# ---------------------------------------------------------------- the mixed model


def test_the_mixed_model_is_that_of_lme4():
    # R 4.2.2, lme4 1.1.31: lmer(y ~ platform + (1 | run) + (1 | host), REML = TRUE)
    cells = pd.DataFrame(
        {
            "platform": ["P"] * 9 + ["Q"] * 12,
            "sim_id": [str(number) for number in range(7) for _ in range(3)],
            "hostname": ["a", "b", "c"] * 7,
            "value": [
                *(5.1, 7.2, 6.3, 4.4, 6.9, 5.2, 5.9, 7.7, 7.0),
                *(2.2, 4.9, 3.1, 3.0, 5.8, 3.3, 1.9, 4.1, 3.5, 2.8, 5.5, 3.7),
            ],
        }
    )
    table, doubt = mixed_model(cells)
    assert doubt == ""
    found = table.set_index("term")
    expected = {
        "intercept": (6.18888888888877, 0.761110952953832),
        "platform Q": (-2.53888888888889, 0.418241860736958),
        "sd run": (0.505499383694963, np.nan),
        "sd host": (1.199164738352742, np.nan),
        "sd rest": (0.364735321134564, np.nan),
    }
    for term, (estimate, error) in expected.items():
        assert found.loc[term, "estimate"] == pytest.approx(estimate, rel=1e-3), term
        assert found.loc[term, "standard_error"] == pytest.approx(error, rel=1e-3, nan_ok=True)


def test_the_mixed_model_comes_on_request_and_its_doubts_are_notes(study_store):
    found = variance(study_store, "cpu", phase="System idle 1", model=True)
    assert found.model is not None
    assert found.model["role"].unique().tolist() == ["all", "worker"]
    assert any(
        note.startswith("Mixed model: the deviation of a host is about 0 in")
        for note in found.notes
    )
    took = variance(study_store, "duration", phase="Add workers", model=True)
    assert took.model is not None
    assert took.model.empty
    assert "The mixed model needs hosts; there is one value per run here." in took.notes


def test_without_a_mixed_model_there_is_no_table_of_it(study_store):
    found = variance(study_store, "duration", phase="Add workers", model=True)
    assert "Mixed model" not in found.tables()
    assert found.document()["model"] == []


def test_the_mixed_model_says_when_nothing_varies():
    cells = pd.DataFrame(
        {"platform": "P", "sim_id": list("1122"), "hostname": list("abab"), "value": 1.0}
    )
    table, doubt = mixed_model(cells)
    assert doubt == "nothing varies"
    assert table["estimate"].isna().all()
    _, doubt = mixed_model(cells.assign(value=[1.0, 2.0, 3.0, 5.0], hostname="a"))
    assert doubt == "several hosts and more runs than platforms are lacking"


def crossed(noise, seed=0, runs=3):
    """Two platforms of runs on two hosts, whose values are the run's and some noise."""
    random = np.random.default_rng(seed)
    rows = [
        (platform, str(run), host, 10.0 + run + noise * random.normal())
        for platform in "AB"
        for run in range(runs)
        for host in "ab"
    ]
    return pd.DataFrame(rows, columns=["platform", "sim_id", "hostname", "value"])


@pytest.mark.parametrize(
    "cells",
    [
        crossed(0),
        crossed(0).query("platform == 'A'"),
        crossed(0).assign(value=lambda c: c["value"] + (c["hostname"] == "b")),
        crossed(0).assign(value=lambda c: (c["platform"] == "B") * 1.0),
        crossed(0).assign(value=lambda c: 1e12 + c["value"]),
        crossed(1).iloc[[0, 2, 3, 5]],
    ],
    ids=["runs", "one platform", "hosts", "platforms", "large", "as many as runs and hosts"],
)
def test_without_a_rest_the_mixed_model_is_refused(cells):
    table, doubt = mixed_model(cells)
    assert doubt == "runs and hosts explain every value, so nothing can be estimated"
    assert table["term"].tolist()[-3:] == ["sd run", "sd host", "sd rest"]
    assert table[["estimate", "standard_error"]].isna().all(axis=None)


def test_a_mixed_model_is_whole_or_nothing():
    """Next to nothing is left for the rest: some fits break down, and none half."""
    for seed in range(20):
        table, doubt = mixed_model(crossed(1e-7, seed))
        fixed, estimates = table.iloc[:2], table["estimate"]
        if doubt in ("it cannot be fitted", "it did not converge"):
            assert table[["estimate", "standard_error"]].isna().all(axis=None)
        else:
            assert np.isfinite(estimates).all()
            assert np.isfinite(fixed["standard_error"]).all()
            assert doubt.startswith("the deviation of a ") or not doubt


def test_a_mixed_model_with_large_differences_between_runs_converges():
    table, doubt = mixed_model(crossed(0.01, runs=6))
    assert "converge" not in doubt
    found = table.set_index("term")["estimate"]
    assert found["sd run"] == pytest.approx(np.std(range(6), ddof=1), rel=0.05)
    # Five degrees of freedom and more: within a half of the true deviation.
    assert found["sd rest"] == pytest.approx(0.01, rel=0.5)


def test_what_did_not_converge_has_no_figures(monkeypatch):
    monkeypatch.setattr(mixed, "_STEPS", 3)
    table, doubt = mixed_model(crossed(1, runs=6))
    assert doubt == "it did not converge"
    assert table["estimate"].isna().all()


def test_runs_whose_hosts_are_the_same_have_no_mixed_model_and_a_note(store):
    for number in "123":
        store.put(*run(number, metrics=["cpu"]))
    found = variance(store, "cpu", phase="Cluster idle", model=True)
    assert found.model["estimate"].isna().all()
    assert (
        "Mixed model: runs and hosts explain every value, so nothing can be estimated in Cluster"
        " idle (all)." in found.notes
    )


# ---------------------------------------------------------------- little or odd data


def test_one_platform_still_tells_runs_from_time(study_store):
    found = variance(study_store, "cpu", platform="K8s", phase="Cluster idle")
    assert found.components["between_platforms"].isna().all()
    assert (found.components["between_runs"] > 0).all()
    assert "One platform: nothing can be said of the variance between platforms." in found.notes
    assert found.sentences[0].startswith("In Cluster idle, of what a host's mean cpu varies by")


def test_one_run_of_each_platform_tells_nothing_and_says_so(study_store):
    found = variance(study_store, "cpu", sims="1000,5000", phase="Cluster idle")
    assert found.components["total"].isna().all()
    assert found.sentences == ("The variance of cpu cannot be taken apart with these runs.",)
    assert any("no platform has two runs" in note for note in found.notes)


def test_the_total_alone_is_every_sample(study_store, cpu):
    found = variance(study_store, "cpu", phase="Total simulation time")
    expected = cpu.components[cpu.components["phase"] == "Total simulation time"]
    columns = found.components.columns.drop("phase")
    pd.testing.assert_frame_equal(
        found.components[columns], expected[columns].reset_index(drop=True), check_categorical=False
    )


def test_durations_that_are_all_the_same_have_no_variance(store):
    for number in "1234":
        store.put(*run(number, platform="AB"[int(number) % 2]))
    found = variance(store, "duration")
    assert (found.components["total"] < 1e-12).all()
    assert any(note.startswith("Nothing varies in ") for note in found.notes)


def test_a_run_that_lacks_a_host_is_left_out_by_name(store):
    for number in "12345":
        simulation, series = run(number, hosts=("m", "a", "b"))
        if number == "5":
            series = [s for s in series if s.hostname != "b"]
        store.put(simulation, series)
    found = variance(store, "cpu", phase="Cluster idle")
    assert found.components["runs"].tolist() == [4, 5, 4]
    assert any(note.startswith("In Cluster idle runs lack a host, and") for note in found.notes)
    assert any(note.endswith("left out: 5.") for note in found.notes)


def test_phases_of_ones_own_and_few_samples_will_do(store):
    for number in range(6):
        simulation, series = run(str(number), platform="AB"[number % 2], phases=False)
        bounds = ((EventType.START_PHASE, 20.0), (EventType.FINISHED_PHASE, 32.0))
        own = tuple(Event(type=kind, time=START + at, body="Load") for kind, at in bounds)
        events = (simulation.events[0], *own, simulation.events[1])
        store.put(replace(simulation, events=events), series)
    found = variance(store, "cpu")
    assert found.components["phase"].unique().tolist() == ["Load", "Total simulation time"]
    assert any("Fewer than 40 samples of a run in Load" in note for note in found.notes)
    assert (found.components["over_time"] > 0).all()


@pytest.mark.parametrize(
    ("metric", "options", "message"),
    [
        ("cpus", {}, "cpus; there are: cpu, ram, disk_util, disk_io, net, duration"),
        ("cpu", {"roles": "workers"}, "the role workers; there are: master, worker"),
        ("cpu", {"platform": "k8s"}, "no platform k8s; there are: K3s, K8s, mK8s"),
        ("cpu", {"phase": "Lunch"}, "Lunch"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(study_store, metric, options, message):
    with pytest.raises(NotFound, match=message):
        variance(study_store, metric, **options)


def test_a_metric_without_samples_is_said(store):
    store.put(*run("1", metrics=["ram"]))
    store.put(*run("2", metrics=["ram"]))
    with pytest.raises(NotFound, match="nothing of cpu in this selection; `minion check` says"):
        variance(store, "cpu")


def test_values_too_large_for_a_variance_are_refused(store):
    for number, value in enumerate((1e200, 2e200, 1e10, 2e10)):
        simulation, _ = run(str(number), platform="AABB"[number])
        latency = Measurement(name="latency", value=value, unit="ms")
        store.put(replace(simulation, measurements=(latency,)), [])
    with pytest.raises(InvalidData, match=r"simulation 0: latency .* is 1e\+200, not a"):
        variance(store, "latency")
    assert variance(store, "latency", platform="B").components["runs"].tolist() == [2]


def test_samples_too_large_for_a_variance_are_refused(store):
    """The hosts' means cancel, and the run's is 0."""
    for number in "1234":
        simulation, series = run(number, platform="AB"[int(number) % 2], metrics=["net"])
        signs = {"node-a": 1e200, "node-b": -1e200}
        series = [replace(s, values=s.values * 0 + signs[s.hostname]) for s in series]
        store.put(simulation, series)
    with pytest.raises(InvalidData, match=r"1e\+200, not a finite number below 1e150"):
        variance(store, "net", phase="Cluster idle")
