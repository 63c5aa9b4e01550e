"""Who may store samples of a run, and who completes it: claims, places, stretches."""

import time
from contextlib import suppress
from dataclasses import replace
from threading import Thread

import numpy as np
import pytest
from runs import START, started
from waiting import wait_for

from minion import claims
from minion.claims import Claim, Openness
from minion.errors import NotFound, Superseded
from minion.model import Event, EventType, Status
from minion.reductions import summaries
from minion.schema import MINIONS, SERIES
from minion.series import LIVE_ROWS, MOST_BYTES, Dimension, Series

STRETCHES = 5


def chart(rows, *, columns=2, first=0, name="c", step=1.0):
    times = START + step * np.arange(first, first + rows)
    return Series(
        hostname="h",
        chart=name,
        context="x",
        family="",
        unit="",
        dimensions=tuple(Dimension(f"d{n}", f"d{n}") for n in range(columns)),
        times=times,
        values=times[:, None] % 1000 + np.arange(columns),
        step=step,
    )


@pytest.fixture
def begun(store):
    stop = Event(type=EventType.STOP_SIMULATION, time=START + 10_000)
    run = started()
    run = store.add(replace(run, status=Status.ENDED, events=(*run.events, stop)))
    store.write(run, [chart(STRETCHES * LIVE_ROWS)], settled=False)
    return run


@pytest.fixture
def short(monkeypatch):
    """Claims that run out at once, unless they are renewed."""
    monkeypatch.setattr(claims, "_EXPIRES", {"$add": ["$$NOW", 50]})


def _settled(store, begun):
    """Complete the run, unless somebody else has a claim that runs."""
    with suppress(Superseded):
        return store.settle(begun)


def documents(store):
    return sorted(store.database[SERIES].find(), key=lambda d: (d["chart"], d["stretch"]))


def assert_once(store, simulation, series):
    (found,) = store.series(simulation)
    assert np.array_equal(found.times, series.times)
    assert np.array_equal(found.values, series.values)
    assert store.count_samples([simulation])[simulation.id] == series.samples


# ---------------------------------------------------------------- claims


def test_one_at_a_time_has_the_claim(store, begun):
    with Claim(store, begun) as mine:
        assert mine.simulation is not None
        assert mine.held()
        with Claim(store, begun) as other:
            assert other.simulation is None
            assert not other.held()
        with pytest.raises(Superseded, match="somebody else completes simulation 1"):
            store.settle(begun)
        assert mine.held()
    assert "completing" not in store.database[MINIONS].find_one()
    with Claim(store, begun) as next_one:
        assert next_one.held()


def test_a_claim_is_renewed_while_it_is_held(store, begun, monkeypatch):
    monkeypatch.setattr(claims, "_EXPIRES", {"$add": ["$$NOW", 400]})
    monkeypatch.setattr(claims, "RENEWED_S", 0.1)
    with Claim(store, begun) as mine:
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            with Claim(store, begun) as other:
                assert other.simulation is None
        assert mine.held()


@pytest.mark.usefixtures("short")
def test_a_claim_that_ran_out_is_anybodys(store, begun):
    late = Claim(store, begun)
    with late:
        assert late.held()
        wait_for(lambda: _settled(store, begun), 10, "the end of the claim")
        assert not late.held()
        with pytest.raises(Superseded):
            store.settle(begun, missing=[], claim=late)


def test_of_a_run_that_was_deleted(store, begun):
    store.delete_experiment(begun.experiment)
    with pytest.raises(NotFound, match="was deleted meanwhile"), Claim(store, begun):
        pass
    assert not Openness(store, begun.id)()


def test_a_run_that_is_fetched_again_is_not_called_complete_by_who_began_before(store, begun):
    with Claim(store, begun) as mine:
        store.reopen(begun)
        with pytest.raises(Superseded):
            store.settle(begun, claim=mine)
    assert store.reload(begun).status is Status.ENDED


# ---------------------------------------------------------------- late writers


def test_nothing_is_stored_while_somebody_completes_the_run_nor_behind_that(store, begun):
    late = chart(10, first=2000)
    is_open = Openness(store, begun.id)
    before = documents(store)
    with Claim(store, begun):
        with pytest.raises(Superseded):
            store.write(begun, [late], settled=False, allowed=is_open)
        assert documents(store) == before
    assert is_open()
    store.settle(begun)
    before = documents(store)
    with pytest.raises(Superseded):
        store.write(begun, [late], settled=False, allowed=is_open)
    assert documents(store) == before


@pytest.mark.usefixtures("short")
def test_a_visit_takes_a_claim_away_that_ran_out(store, begun):
    is_open = Openness(store, begun.id)
    with Claim(store, begun) as late:
        wait_for(is_open, 10, "the end of the claim")
        assert store.write(begun, [chart(10, first=2000)], allowed=is_open).samples == 20
        with pytest.raises(Superseded):
            store.settle(begun, claim=late)


def test_a_run_that_is_completed_between_its_look_and_its_writing(store, begun):
    """The place is there, the run was open a moment ago, and then it is completed."""
    is_open = Openness(store, begun.id)

    def open_until_now():
        found = is_open()
        store.settle(begun)
        return found

    with pytest.raises(Superseded):
        store.write(begun, [chart(10, first=2000)], settled=False, allowed=open_until_now)
    assert_once(store, begun, chart(STRETCHES * LIVE_ROWS))
    assert len(documents(store)) == 1


def test_a_place_that_was_left_empty_is_seen_by_nobody_and_filled(store, begun):
    whole = chart(STRETCHES * LIVE_ROWS)
    before = store.samples().to_dict(), store.coverage(begun).to_dict()
    for late in (chart(10, first=2000), chart(10, name="new", first=7)):

        def killed():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.write(begun, [late], settled=False, allowed=killed)
    assert sum(d["samples"] == 0 for d in documents(store)) == 2
    assert (store.samples().to_dict(), store.coverage(begun).to_dict()) == before
    assert store.contexts([begun]) == ["x"]
    assert set(store.newest_samples(begun, "h")) == {"c"}
    assert summaries(store, [begun]).rows["n"].max() == STRETCHES * LIVE_ROWS
    assert_once(store, begun, whole)
    late = chart(64, first=1984)
    store.write(begun, [late], settled=False, allowed=Openness(store, begun.id))
    assert sum(d["samples"] == 0 for d in documents(store)) == 1
    assert store.count_samples([begun])[begun.id] == whole.samples + late.samples
    store.settle(begun)
    assert [d["samples"] for d in documents(store)] == [whole.samples + late.samples]


# ---------------------------------------------------------------- stretches


def test_pieces_of_one_chart_that_share_a_cell_are_all_stored(store, begun):
    pieces = [chart(10, first=first, name="p") for first in (0, 10, 20)]
    assert store.write(begun, pieces, settled=False).samples == 60


@pytest.mark.parametrize("settled", [False, True])
def test_windows_of_a_wide_chart_in_any_order_are_stored_once(store, begun, settled):
    """Of a chart whose cell is too large for one stretch."""
    columns = MOST_BYTES // 14 // (3000 if settled else 50)
    rows = 4000 if settled else 128
    whole = chart(rows, columns=columns, name="w")
    random = np.random.default_rng(7)
    for _ in range(12):
        first, last = np.sort(random.integers(0, rows + 1, 2))
        store.write(begun, [whole.window(START + first, START + last)], settled=settled)
        found = store.series(begun, charts=["w"])
        there = sum(one.samples for one in found)
        assert sum(d["samples"] for d in documents(store) if d["chart"] == "w") == there
    store.write(begun, [whole], settled=settled)
    store.settle(begun)
    (found,) = store.series(begun, charts=["w"])
    assert np.array_equal(found.values, whole.values)
    assert sum(d["samples"] for d in documents(store) if d["chart"] == "w") == whole.samples


def test_a_chart_that_is_given_another_step_is_stored_once(store, begun):
    store.write(begun, [chart(100, name="s", step=2.0)], settled=False)
    store.write(begun, [chart(200, name="s")], settled=False)
    store.settle(begun)
    (found,) = store.series(begun, charts=["s"])
    assert np.array_equal(found.times, START + np.arange(200))
    assert sum(d["samples"] for d in documents(store) if d["chart"] == "s") == 400


@pytest.mark.usefixtures("short")
def test_mergers_at_once_lose_nothing_whoever_has_the_claim(store, begun):
    whole = chart(40 * LIVE_ROWS)
    store.write(begun, [whole], settled=False)
    failures = []

    def work():
        try:
            store.settle(begun)
        except Superseded:
            pass
        except Exception as error:  # noqa: BLE001  shown by the assertion below
            failures.append(error)

    threads = [Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    wait_for(lambda: _settled(store, begun), 10, "the end of the last claim")
    assert_once(store, begun, whole)
