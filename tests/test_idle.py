"""Is idle idle? On the simulated study, which is, and on what is planted into it."""

import numpy as np
import pandas as pd
import pytest
from test_dependence import memory

from analysis import average, utilization
from analysis.quality.idle import idle_changes, restless, steadiness
from analysis.statistics.dependence import autocorrelation, bootstrap_mean, effective_size
from analysis.statistics.trend import dependent_trend
from ingest.planted import NOISE
from minion.errors import InvalidData, NotFound

IDLE = ["System idle 1", "Master idle", "Cluster idle", "Deployment idle", "System idle 2"]
KEYS = ["experiment", "platform", "sim_id", "hostname", "role", "phase"]
FIGURES = [
    *("n_effective", "autocorrelation", "mean", "slope", "p", "p_holm"),
    *("change", "change_low", "change_high", "change_relative"),
]


@pytest.fixture(scope="module")
def cpu(study_store):
    return utilization(study_store, "cpu")


@pytest.fixture(scope="module")
def ram(study_store):
    return utilization(study_store, "ram")


def series(values, *, phase="System idle 1", host="a", elapsed_s=None, **others):
    """A tidy frame of one series, a sample every 5 s."""
    values = np.asarray(values, float)
    elapsed = 5.0 * np.arange(len(values)) if elapsed_s is None else np.asarray(elapsed_s, float)
    constant = {"experiment": "e", "platform": "K8s", "sim_id": "1", "role": "worker"}
    constant |= {"metric": "cpu", "dimension": "utilization", "unit": "%"}
    frame = pd.DataFrame({"elapsed_s": elapsed, "value": values})
    return frame.assign(**(constant | {"hostname": host, "phase": phase} | others))


def test_the_idle_phases_of_the_study_are_idle(cpu):
    found = steadiness(cpu, intervals=False)
    assert len(found) == 75 * 4 * 5
    assert sorted(found["phase"].unique()) == sorted(IDLE)
    assert found["steady"].dtype == "boolean"
    assert found["steady"].all()
    assert found["n"].between(50, 61).all()
    # Three standard errors of a share of 1,500 are 1.7 %.
    assert (found["p"] < 0.05).mean() == pytest.approx(0.05, abs=0.02)


def test_a_memory_of_nine_tenths_is_taken_for_trends_that_do_not_matter(ram):
    found = steadiness(ram, intervals=False)
    assert (found["p"] < 0.05).mean() == pytest.approx(0.2, abs=0.04)
    assert found["steady"].all()
    # 60 samples draw the autocorrelation down, by (1 + 4r) / n.
    expected = NOISE["ram"].memory - (1 + 4 * NOISE["ram"].memory) / 60
    assert found["autocorrelation"].median() == pytest.approx(expected, abs=0.02)


def test_a_ramp_is_found_where_it_was_planted(ram):
    planted = ram.copy()
    there = (
        (ram["sim_id"] == "5003") & (ram["hostname"] == "node-c") & (ram["phase"] == "Cluster idle")
    ).to_numpy()
    planted.loc[there, "value"] *= np.linspace(0.9, 1.1, there.sum())
    found = steadiness(planted, intervals=False)
    (row,) = found[~found["steady"]].to_dict("records")
    assert [row[key] for key in KEYS] == [
        *("demo", "mK8s", "5003", "node-c", "worker", "Cluster idle"),
    ]
    assert row["change_relative"] == pytest.approx(0.2, abs=0.02)
    # 300 s are 60 steps, the first to the last sample 59 of them.
    assert row["change"] == pytest.approx(row["slope"] * 59 / 12, rel=0.02)
    assert row["change_low"] < row["change"] < row["change_high"]
    assert row["p_holm"] < 0.05


def test_a_certain_change_that_is_negligible_is_steady():
    random = np.random.default_rng(1)
    ramp = np.linspace(-0.5, 0.5, 60)
    noise = random.normal(0, 0.01, 60)
    small, large = 100 * (1 + 0.04 * ramp) + noise, 100 * (1 + 0.06 * ramp) + noise
    found = steadiness(pd.concat([series(small), series(large, host="b")]), intervals=False)
    assert (found["p_holm"] < 1e-6).all()
    assert found["steady"].tolist() == [True, False]


def test_a_ramp_around_zero_is_not_negligible():
    found = steadiness(series(np.linspace(-1, 1, 60)), intervals=False)
    assert found["steady"].tolist() == [False]


def test_figures_are_those_of_the_functions_on_arrays():
    first, second = memory(0.6, 60, 2) + 5
    frame = pd.concat([series(first), series(second, host="b", phase="Master idle")])
    found = steadiness(frame.sample(frac=1, random_state=1)).sort_values("hostname")
    for values, row in zip((first, second), found.to_dict("records"), strict=True):
        trend = dependent_trend(np.arange(60) / 12, values)
        bounds = bootstrap_mean(values)
        assert row["n"] == 60
        assert row["n_effective"] == pytest.approx(effective_size(values))
        assert row["autocorrelation"] == pytest.approx(autocorrelation(values, 1)[1])
        assert (row["mean"], row["low"], row["high"]) == pytest.approx(
            (values.mean(), bounds.low, bounds.high)
        )
        assert (row["slope"], row["p"]) == pytest.approx((trend.slope, trend.p))
        assert row["change"] == pytest.approx(trend.slope * 59 / 12)
        assert row["change_relative"] == pytest.approx(row["change"] / values.mean())
    assert found["p_holm"].min() == pytest.approx(2 * found["p"].min())


def test_missing_samples_leave_gaps():
    values = memory(0.6, 60, 1)[0] + 5
    there = np.ones(60, bool)
    there[[10, 11, 12, 40]] = False
    gaps = np.where(there, values, np.nan)
    times = 5 * np.arange(60.0)
    for frame in (series(values[there], elapsed_s=times[there]), series(gaps)):
        (row,) = steadiness(frame).to_dict("records")
        assert row["n"] == 56
        assert row["n_effective"] == pytest.approx(effective_size(gaps))
        assert row["autocorrelation"] == pytest.approx(autocorrelation(gaps, 1)[1])


def test_samples_on_no_grid_are_neighbours_by_their_order():
    values = memory(0.6, 60, 1)[0]
    for times in (np.geomspace(1, 1e6, 60), np.r_[np.arange(50), 49.1 + 0.1 * np.arange(10)]):
        (row,) = steadiness(series(values, elapsed_s=times), intervals=False).to_dict("records")
        assert row["autocorrelation"] == pytest.approx(autocorrelation(values, 1)[1])


def test_few_samples_have_no_figures():
    frame = pd.concat([series(np.arange(7.0) ** 2), series(memory(0, 60, 1)[0], host="b")])
    found = steadiness(frame)
    assert found["steady"].isna().tolist() == [True, False]
    few, enough = found.to_dict("records")
    assert few["n"] == 7
    assert all(np.isnan(few[name]) for name in [*FIGURES, "low", "high"])
    assert not any(np.isnan(enough[name]) for name in [*FIGURES, "low", "high"])
    one = steadiness(series([3.0]))
    assert one["n"].tolist() == [1]
    assert one["steady"].isna().all()


@pytest.mark.parametrize("level", [0.0, 0.1])
def test_equal_values_are_steady(level):
    (row,) = steadiness(series([level] * 60)).to_dict("records")
    assert row["steady"] is True
    assert (row["mean"], row["slope"], row["change"]) == (pytest.approx(level), 0, 0)
    assert np.isnan([row[name] for name in ("n_effective", "autocorrelation", "p", "low")]).all()


def test_dimensions_are_kept_apart_and_hosts_may_be_averaged(study_store):
    net = utilization(study_store, "net", sims="1000-1001")
    found = steadiness(net, intervals=False)
    assert len(found) == 2 * 4 * 5 * 2
    assert found.columns.tolist() == [*KEYS, "dimension", "n", *FIGURES, "steady"]
    averaged = steadiness(average(net), intervals=False)
    assert len(averaged) == 2 * 5 * 2
    assert "hostname" not in averaged


def test_phases_are_those_that_were_named(cpu):
    assert steadiness(cpu, phases=["Drain workers"], intervals=False)[
        "phase"
    ].unique().tolist() == ["Drain workers"]
    with pytest.raises(NotFound, match="no phase 'Idle' in the frame; it has: System idle 1, "):
        steadiness(cpu, phases=["Idle"])
    lower = series(memory(0, 60, 1)[0], phase="really IDLE")
    assert len(steadiness(lower)) == 1
    nothing = steadiness(lower.assign(phase="Load"))
    assert nothing.empty
    assert nothing.columns.tolist()[-1] == "steady"
    assert steadiness(cpu.iloc[:0]).empty


def test_a_frame_that_is_none_of_one_metric_is_refused():
    frame = series(np.arange(60.0))
    with pytest.raises(InvalidData, match="no column 'elapsed_s'"):
        steadiness(frame.drop(columns="elapsed_s"))
    with pytest.raises(InvalidData, match=r"several metrics \(cpu, ram\)"):
        steadiness(pd.concat([frame, frame.assign(metric="ram")]))
    with pytest.raises(InvalidData, match=r"two samples at 0 s of one series .*hostname a"):
        steadiness(pd.concat([frame, frame]))
    with pytest.raises(InvalidData, match="an infinite"):
        steadiness(frame.assign(value=np.inf))


# ---------------------------------------------------------------- all runs together


def test_all_runs_together_show_what_no_single_one_can(cpu):
    idle = idle_changes(steadiness(cpu, intervals=False))
    assert len(idle) == 3 * 5 * 2
    assert idle["idle"].all()
    assert (idle["runs"] == 25).all()
    rising = cpu.assign(value=cpu["value"] + cpu["elapsed_s"] * 3e-4)  # 0.09 points in 300 s
    found = idle_changes(steadiness(rising, intervals=False))
    workers = found[(found["role"] == "worker") & (found["phase"] == "System idle 1")]
    assert not workers["idle"].any()
    assert workers["change"].between(0.05, 0.13).all()
    assert ((workers["low"] > 0) & (workers["high"] < 0.2)).all()
    assert restless(cpu) == []
    said = [line for line in restless(rising) if "(worker) is not idle in System idle 1" in line]
    assert len(said) == 3
    assert said[0].startswith(
        "cpu of K8s (worker) is not idle in System idle 1: it changes by +0.0"
    )


def test_one_run_alone_says_nothing_of_the_platform(cpu):
    found = idle_changes(steadiness(cpu[(cpu["sim_id"] == "1000").to_numpy()], intervals=False))
    assert found["runs"].tolist() == [1] * 10
    assert found[["low", "high", "p"]].isna().all(axis=None)
