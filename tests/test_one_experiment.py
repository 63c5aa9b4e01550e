"""What compares never puts experiments together: it says which there are."""

import pytest

from analysis import compare, plan, variance
from ingest.simulated import study
from minion.errors import Ambiguous


@pytest.mark.parametrize("compares", [compare, plan, variance])
def test_experiments_are_not_put_together(store, compares):
    for name in ("one", "two"):
        for simulation, series in study(seed=1, runs=1, experiment=name):
            store.put(simulation, series)
    with pytest.raises(Ambiguous, match=r"one, two.*--experiment"):
        compares(store, "cpu")
