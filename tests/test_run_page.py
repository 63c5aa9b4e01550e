"""The page of one run: what it offers for a run that is there, and for one that is not."""

import pytest
from runs import run

import minion
from analysis.web.keeper import Keeper
from analysis.web.run_page import page


@pytest.fixture
def keeper(store, mongodb_uri):
    kept = Keeper(opened=lambda _: minion.connect(mongodb_uri, database=store.database.name))
    yield kept
    kept.close()


def test_only_a_run_that_is_there_can_be_excluded(store, keeper):
    store.put(*run("1", metrics=[]))
    offer = "Exclude this run"
    assert offer in str(page(keeper, "?experiment=e&sim_id=1", judges=True))
    assert offer not in str(page(keeper, "?experiment=e&sim_id=1", judges=False))
    assert offer not in str(page(keeper, "?experiment=e&sim_id=nope", judges=True))
    assert offer not in str(page(keeper, "", judges=True))
