"""Which agents are visited next."""

from threading import Event

import pytest

from ingest.agents.agent import Agent
from ingest.collecting import turns
from ingest.collecting.turns import LATEST_S, Turn, next_ones, places_of_slow

INTERVAL_S = 60.0


def turns_of(count, *, slow=0):
    """So many agents, of which the first were slow at the last visit."""
    every = {f"http://agent-{n}": Turn(Agent(f"http://agent-{n}")) for n in range(count)}
    for turn in list(every.values())[:slow]:
        turn.begin()
        Event().wait(0.01)  # longer than SLOW_S as it is here
        turn.end()
    return every


@pytest.fixture(autouse=True)
def soon_slow(monkeypatch):
    monkeypatch.setattr(turns, "SLOW_S", 0.005)


def test_who_waits_longest_comes_first():
    every = turns_of(4)
    for turn, due in zip(every.values(), (-1.0, -3.0, -2.0, 1e12), strict=True):
        turn.due = due
    order = list(every)
    assert next_ones(every, (), 2) == [order[1], order[2]]
    assert next_ones(every, (), 9) == [order[1], order[2], order[0]]  # one is not due
    assert next_ones(every, [order[1]], 2) == [order[2]]
    assert next_ones(every, order[:2], 2) == []


def test_slow_ones_do_not_hold_up_the_others():
    every = turns_of(20, slow=10)
    order = list(every)
    chosen = next_ones(every, (), 8)
    assert len([url for url in chosen if every[url].slow]) == places_of_slow(8) == 4
    assert [url for url in chosen if not every[url].slow] == order[10:18]
    # Those that were not known to be slow, and are: half of their places are the others' again.
    assert len(next_ones(every, order[:8], 8)) == 4
    assert next_ones(every, order[:10] + order[10:12], 8) == []


def test_a_visit_in_hand_is_slow_before_it_ends():
    every = turns_of(1)
    (turn,) = every.values()
    assert not turn.slow
    turn.begin()
    Event().wait(0.01)  # longer than SLOW_S as it is here
    assert turn.slow
    turn.end()
    assert turn.slow
    turn.begin()
    turn.end()
    assert not turn.slow


def test_an_agent_that_fails_is_asked_later_and_later():
    (turn,) = turns_of(1).values()
    pauses = []
    for _ in range(6):
        before = turns.monotonic()
        turn.again(INTERVAL_S, failed=True, ending=False)
        pauses.append(turn.due - before)
    assert 0.3 * INTERVAL_S <= pauses[0] <= INTERVAL_S + 1  # spread once, after a start
    assert pauses[1:] == pytest.approx([120, 240, LATEST_S, LATEST_S, LATEST_S], abs=1)
    before = turns.monotonic()
    turn.again(INTERVAL_S, failed=False, ending=True)
    assert turn.due - before < 3
    assert turn.failures == 0
