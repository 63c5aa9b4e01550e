"""One value per run, and intervals of their mean against SciPy and by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.intervals import intervals


def values(numbers, platform="K8s", phase="Start master"):
    runs = [str(place) for place in range(len(numbers))]
    return pd.DataFrame(
        {
            "experiment": "e",
            "phase": phase,
            "platform": platform,
            "sim_id": runs,
            "value": np.asarray(numbers, float),
        }
    )


@pytest.mark.parametrize("n", [2, 3, 25])
def test_the_interval_is_scipys(n):
    numbers = np.random.default_rng(n).normal(60, 4, n)
    (row,) = intervals(values(numbers)).to_dict("records")
    expected = stats.ttest_1samp(numbers, 0).confidence_interval(0.95)
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected))
    assert row["n"] == n


def test_one_run_has_a_mean_and_no_interval():
    (row,) = intervals(values([7.0])).to_dict("records")
    assert row["mean"] == 7.0
    assert np.isnan([row["sd"], row["low"], row["high"]]).all()


def test_the_interval_covers_the_mean_as_often_as_it_says():
    random = np.random.default_rng(20)
    times, n = 4000, 5
    frame = values(random.normal(10, 3, times * n))
    # A phase for each experiment of five runs.
    frame["phase"] = np.repeat([f"p{i}" for i in range(times)], n)
    frame["sim_id"] = np.tile([str(i) for i in range(n)], times)
    found = intervals(frame)
    covered = ((found["low"] <= 10) & (found["high"] >= 10)).mean()
    assert covered == pytest.approx(0.95, abs=0.012)


def test_dimensions_are_kept_apart():
    both = pd.concat(
        [values([1, 3]).assign(dimension="in"), values([10, 30]).assign(dimension="out")]
    )
    assert intervals(both)[["dimension", "mean"]].to_numpy().tolist() == [["in", 2], ["out", 20]]
