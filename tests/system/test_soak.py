"""The soak of tests/soak.py, shortened: a live fleet, a fault every two seconds, every sample."""

import pytest
from netdata_agents import NetdataAgents
from soak import FAULTS, soak

pytestmark = pytest.mark.system


def test_a_short_soak_loses_doubles_and_changes_nothing(tmp_path):
    if NetdataAgents.program() is None:
        pytest.skip("netdata is not installed (apt-get install netdata)")
    found = soak(tmp_path, 75, seed=11, real=3, simulated=5, collectors=2, every_s=2)
    assert found.faultless, found.told()
    assert found.runs >= 3
    assert found.collected.held > 5_000
    # A deck of faults is dealt: most of its kinds come in that time, and some hit nothing.
    assert len(found.faults) >= len(FAULTS) // 2, found.told()
