"""Figures of groups, against R and against small frames that a reader can check."""

import numpy as np
import pandas as pd
import pytest

from analysis import average, durations, summary, utilization, within_between
from analysis.summaries import STATISTICS
from minion.errors import InvalidData
from minion.lifecycle import PHASE_NAMES
from minion.store import Store

# R 4.2.2: x <- c(...)[1:n]; c(min(x), max(x), median(x), quantile(x, c(.25, .75), type = 7),
# mean(x), sd(x)), printed with 17 digits.
X = [0.6025, 0.702, 0.5, 0.6025, 7.9209, 7.996, 7.8723, 8.0573, 0.3018799, 0.1972955, 0.2313757]
R_FIGURES = {
    1: (0.6025, 0.6025, 0.6025, 0.6025, 0.6025, 0.6025, np.nan),
    2: (0.6025, 0.702, 0.65225, 0.627375, 0.677125, 0.65225, 0.070357124728061424),
    3: (0.5, 0.702, 0.6025, 0.55125, 0.65225, 0.6015, 0.101003712803045),
    4: (0.5, 0.702, 0.6025, 0.576875, 0.627375, 0.60175, 0.0824707018684009),
    5: (0.5, 7.9209, 0.6025, 0.6025, 0.702, 2.06558, 3.27400250564962114),
    8: (0.5, 8.0573, 4.28715, 0.6025, 7.939675, 4.2816875, 3.93475170951557152),
    11: (0.1972955, 8.0573, 0.6025, 0.40093995, 7.8966, 3.18036828181818176, 3.79420749439126315),
}


def frame_of(
    values: list[float],
    *,
    metric: str = "cpu",
    **columns: list[str] | str,
) -> pd.DataFrame:
    """A tidy frame; a column that is not given is constant."""
    constant = {
        "experiment": "e",
        "platform": "K3s",
        "sim_id": "1",
        "hostname": "h",
        "role": "worker",
        "phase": "Start master",
        "metric": metric,
        "dimension": "utilization",
    }
    frame = pd.DataFrame({**constant, **columns, "value": values}, index=range(len(values)))
    return frame.astype(dict.fromkeys(constant, "category"))


@pytest.mark.parametrize("n", R_FIGURES)
def test_figures_are_those_of_r(n: int) -> None:
    row = summary(frame_of(X[:n])).iloc[0]
    assert row["n"] == n
    names = ["min", "max", "median", "q25", "q75", "mean", "sd"]
    found = row[names].to_numpy(dtype=float)
    np.testing.assert_allclose(found, R_FIGURES[n], rtol=1e-14)


def test_figures_of_many_groups_are_those_of_pandas() -> None:
    random = np.random.default_rng(4)
    rows = 20_000
    frame = frame_of(
        random.normal(size=rows).round(2).tolist(),
        sim_id=random.choice(["9", "10", "100"], rows).tolist(),
        hostname=random.choice(["n2", "n10"], rows).tolist(),
    )
    found = summary(frame).set_index(["hostname", "sim_id"])
    expected = frame.groupby(["hostname", "sim_id"], observed=True)["value"]
    assert len(found) == 6
    for name, column in {
        "n": expected.size(),
        "min": expected.min(),
        "max": expected.max(),
        "median": expected.median(),
        "q25": expected.quantile(0.25),
        "q75": expected.quantile(0.75),
        "mean": expected.mean(),
        "sd": expected.std(),
    }.items():
        np.testing.assert_allclose(found[name], column.reindex(found.index), rtol=1e-11, atol=1e-14)


def test_columns_are_experiment_then_as_asked_then_figures() -> None:
    frame = frame_of([1.0, 2.0])
    for by in (["phase", "role", "platform"], ["sim_id"], [], ("hostname", "sim_id")):
        assert list(summary(frame, by).columns) == ["experiment", *by, *STATISTICS]
    assert list(summary(frame, "platform").columns) == ["experiment", "platform", *STATISTICS]


def test_experiments_are_never_put_together() -> None:
    frame = frame_of([1.0, 3.0], experiment=["b", "a"])
    assert summary(frame, ["platform"])[["experiment", "mean"]].to_numpy().tolist() == [
        ["a", 3.0],
        ["b", 1.0],
    ]


def test_groups_stand_in_the_order_that_people_expect() -> None:
    phases = ["Total simulation time", "Stop master", "own", "System idle 1", "Wait after drain"]
    frame = frame_of(
        [1.0] * 5,
        sim_id=["run 10", "run 9", "run 9", "run 100", "run 9"],
        phase=phases,
        role=["worker", "controller", "master", "worker", "worker"],
    )
    assert summary(frame, ["sim_id"])["sim_id"].tolist() == ["run 9", "run 10", "run 100"]
    assert summary(frame, ["role"])["role"].tolist() == ["controller", "master", "worker"]
    ordered = ["System idle 1", "Wait after drain", "Stop master", "own", "Total simulation time"]
    by_phase = summary(frame, ["phase"])
    assert by_phase["phase"].tolist() == ordered
    assert by_phase["phase"].cat.categories.tolist() == ordered


@pytest.mark.parametrize(
    ("metric", "dimensions"), [("disk_io", ["in", "out"]), ("net", ["InOctets", "OutOctets"])]
)
def test_throughput_is_always_grouped_by_dimension(metric: str, dimensions: list[str]) -> None:
    found = summary(frame_of([1.0, 2.0], metric=metric, dimension=dimensions), ["platform"])
    assert found["dimension"].tolist() == dimensions
    assert list(found.columns)[:3] == ["experiment", "platform", "dimension"]
    one = frame_of([1.0], metric=metric, dimension=dimensions[0])
    assert summary(one, ["platform"])["dimension"].tolist() == [dimensions[0]]


def test_disks_are_told_apart_only_where_a_host_has_several() -> None:
    hosts, disks = ["a", "a", "b", "b"], ["sda", "sda", "vda", "vda"]
    single = frame_of([1.0, 2.0, 3.0, 4.0], metric="disk_util", hostname=hosts, dimension=disks)
    assert summary(single, ["platform"])["mean"].tolist() == [2.5]
    disks[1] = "sdb"
    several = frame_of([1.0, 2.0, 3.0, 4.0], metric="disk_util", hostname=hosts, dimension=disks)
    found = summary(several, ["platform"])
    assert found[["dimension", "mean"]].to_numpy().tolist() == [
        ["sda", 1.0],
        ["sdb", 2.0],
        ["vda", 3.5],
    ]


def test_what_lacks_a_value_or_a_group_is_left_out() -> None:
    frame = frame_of([1.0, np.nan, 3.0], phase=["Start master", "Start master", "x"])
    frame["phase"] = frame["phase"].cat.remove_categories("x")
    assert summary(frame, ["phase"])["n"].tolist() == [1]
    assert summary(frame, ["platform"])["n"].tolist() == [2]


def test_an_empty_frame_gives_an_empty_summary() -> None:
    frame = frame_of([1.0]).iloc[:0]
    for found in (summary(frame), summary(frame, over="runs")):
        assert found.empty
        assert list(found.columns) == ["experiment", "hostname", "sim_id", *STATISTICS]
    assert within_between(frame).empty


def test_a_frame_without_categoricals_will_do() -> None:
    frame = frame_of(X, sim_id=["2"] * 5 + ["10"] * 6)
    plain = frame.astype(dict.fromkeys(frame.columns.drop("value"), "str"))
    assert summary(plain).astype(str).equals(summary(frame).astype(str))
    assert (
        summary(plain, ["role"], over="runs")
        .astype(str)
        .equals(summary(frame, ["role"], over="runs").astype(str))
    )


def test_the_frame_is_left_as_it_was() -> None:
    frame = frame_of([3.0, 1.0, 2.0])
    before = frame.copy()
    summary(frame)
    within_between(frame)
    assert frame.equals(before)


def test_what_cannot_be_grouped_by_is_named_with_what_can() -> None:
    frame = frame_of([1.0])
    with pytest.raises(
        InvalidData,
        match="cannot group by 'host'; choose from: hostname, sim_id, platform, role, phase",
    ):
        summary(frame, ["host"])
    with pytest.raises(InvalidData, match="cannot group by 'sim_id'; choose from: hostname, plat"):
        within_between(frame, ["sim_id"])
    with pytest.raises(InvalidData, match="no column 'role'; it has: experiment, platform"):
        summary(frame.drop(columns="role"), ["role"])
    with pytest.raises(InvalidData, match="no column 'duration_s'"):
        summary(frame, value="duration_s")
    with pytest.raises(InvalidData, match="a summary over 'hosts'; choose samples or runs"):
        summary(frame, over="hosts")  # type: ignore[arg-type]
    two = pd.concat([frame, frame_of([2.0], metric="ram")])
    with pytest.raises(InvalidData, match=r"several metrics \(cpu, ram\); summarize one at a time"):
        summary(two)


# ---------------------------------------------------------------- the run is the unit

RUNS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3]
HOSTS = list("aaabbaabbaabbbb")
Y = [1.2, 1.9, 1.4, 3.1, 3.7, 2.2, 2.9, 4.1, 4.4, 0.8, 1.1, 2.9, 3.3, 2.5, 2.8]


def three_runs() -> pd.DataFrame:
    """Three runs on two hosts, with a number of samples of its own each."""
    return frame_of(Y, sim_id=[str(run) for run in RUNS], hostname=HOSTS)


def test_over_runs_each_host_and_each_run_counts_once() -> None:
    row = summary(three_runs(), ["platform"], over="runs").iloc[0]
    cells = {(r, h): [] for r, h in zip(RUNS, HOSTS, strict=True)}
    for run, host, y in zip(RUNS, HOSTS, Y, strict=True):
        cells[run, host].append(y)
    means = [np.mean([np.mean(cells[run, host]) for host in "ab"]) for run in (1, 2, 3)]
    assert row["n"] == 3
    assert row[["min", "max", "median"]].tolist() == pytest.approx(
        [min(means), max(means), np.median(means)]
    )
    assert row["mean"] == pytest.approx(np.mean(means))
    assert row["sd"] == pytest.approx(np.std(means, ddof=1))


def test_over_runs_groups_are_made_before_the_means() -> None:
    found = summary(three_runs(), ["hostname"], over="runs").set_index("hostname")
    assert found["n"].tolist() == [3, 3]
    assert found.loc["a", "mean"] == pytest.approx(np.mean([1.5, 2.55, 0.95]))
    single = summary(three_runs(), ["sim_id"], over="runs")
    assert single["n"].tolist() == [1, 1, 1]
    assert single["sd"].isna().all()


def test_spread_within_and_between_is_that_of_r() -> None:
    # R 4.2.2: cell <- aggregate(y ~ run + host, d, mean); m <- tapply(cell$y, cell$run, mean);
    # s <- summary(lm(y ~ factor(run):host, d))$sigma; c(mean(m), sd(m), s, sd(m)^2/(sd(m)^2+s^2))
    row = within_between(three_runs()).iloc[0]
    assert row["runs"] == 3
    np.testing.assert_allclose(
        row[["mean", "sd_between", "sd_within", "share_between"]].to_numpy(dtype=float),
        [2.5875, 0.75322224475914135, 0.3500000000000002, 0.82242355605888995],
        rtol=1e-13,
    )


def test_one_run_has_no_spread_between_and_one_sample_none_within() -> None:
    one_run = within_between(frame_of([1.0, 2.0])).iloc[0]
    assert np.isnan(one_run["sd_between"])
    assert one_run["sd_within"] == pytest.approx(np.sqrt(0.5))
    assert np.isnan(one_run["share_between"])
    one_sample = within_between(frame_of([1.0, 2.0], sim_id=["1", "2"])).iloc[0]
    assert one_sample["sd_between"] == pytest.approx(np.sqrt(0.5))
    assert np.isnan(one_sample["sd_within"])
    assert np.isnan(one_sample["share_between"])


def test_spread_is_found_where_it_was_put() -> None:
    random = np.random.default_rng(8)
    runs, samples = 400, 50
    effect = np.repeat(random.normal(0, 2, runs), samples)
    frame = frame_of(
        (effect + random.normal(0, 1, runs * samples)).tolist(),
        sim_id=[str(run) for run in range(runs) for _ in range(samples)],
    )
    row = within_between(frame).iloc[0]
    assert row["sd_between"] == pytest.approx(2, rel=0.1)
    assert row["sd_within"] == pytest.approx(1, rel=0.02)
    assert row["share_between"] == pytest.approx(0.8, abs=0.03)


# ---------------------------------------------------------------- on the study


def test_a_summary_of_the_study(study_store: Store) -> None:
    frame = utilization(study_store, "cpu")
    by_host = summary(frame)
    assert len(by_host) == 4 * 75
    assert by_host["n"].sum() == len(frame)
    by_platform = summary(frame, ["platform", "phase"], over="runs")
    assert by_platform["platform"].unique().tolist() == ["K3s", "K8s", "mK8s"]
    assert set(by_platform["n"]) == {25}
    assert len(within_between(frame, ["platform", "phase"])) == len(by_platform) == 3 * 13


def test_a_summary_of_durations_and_of_averages(study_store: Store) -> None:
    frame = durations(study_store)
    found = summary(frame, ["platform", "phase"], value="duration_s")
    assert found["phase"].tolist() == [*PHASE_NAMES] * 3
    assert set(found["n"]) == {25}
    with pytest.raises(InvalidData, match="no column 'hostname'"):
        summary(frame, value="duration_s")
    over_runs = summary(frame, ["platform", "phase"], over="runs", value="duration_s")
    np.testing.assert_allclose(over_runs["mean"], found["mean"])
    averaged = average(utilization(study_store, "ram", sims="5000"))
    assert summary(averaged, ["phase"])["n"].sum() == len(averaged)
