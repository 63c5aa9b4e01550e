"""Fixture for measurements that others published; they lie beside the project, not in it."""

from pathlib import Path

import pytest

PLACE = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published measurements; the test is skipped where it is absent."""
    if not PLACE.is_dir():
        pytest.skip(f"no published measurements: ../shared/data is absent ({PLACE})")
    return PLACE
