"""When each agent is visited next, and which of those that are due come first."""

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from bson import ObjectId

from ingest.agents.agent import Agent
from ingest.collecting.advancing import Advance
from minion.progress import Progress

ENDING_S = 2.0  # between two visits for what a run's end still lacks
LATEST_S = 300.0  # between two visits of an agent that fails
SLOW_S = 10.0  # a visit that takes longer is not to keep others waiting


@dataclass(slots=True)
class Turn:
    """An agent, and when it is visited again.

    due: from when on, by time.monotonic().
    failures: how many visits in a row did not bring everything.
    advances: how far each entry of the list has it, by its id; two hosts may have one agent.
    """

    agent: Agent
    due: float = 0.0
    failures: int = 0
    advances: dict[ObjectId, Advance] = field(default_factory=dict)
    _spread: bool = False
    _began: float | None = None
    _took: float = 0.0

    @property
    def slow(self) -> bool:
        """Whether its visits take long: the last one did, or the one in hand does."""
        in_hand = 0.0 if self._began is None else monotonic() - self._began
        return max(in_hand, self._took) > SLOW_S

    def begin(self) -> None:
        """It is visited now."""
        self._began = monotonic()

    def end(self) -> None:
        """The visit is over."""
        self._took = 0.0 if self._began is None else monotonic() - self._began
        self._began = None

    def again(self, interval: float, *, failed: bool, ending: bool) -> None:
        """Set when it is visited next.

        Args:
            interval: the longest window while a run is live.
            failed: the last visit did not bring everything.
            ending: only a run's end is still to come.
        """
        if failed:
            self.failures += 1
            pause = min(interval * 2 ** (self.failures - 1), max(LATEST_S, interval))
        else:
            self.failures = 0
            pause = min(ENDING_S, interval) if ending else interval
        if not self._spread:  # after a start all are asked at once, and then no more
            self._spread = True
            pause *= random.uniform(0.3, 1.0)  # noqa: S311  nobody gains by guessing it
        self.due = monotonic() + pause


def by_agent(entries: Iterable[Progress]) -> dict[str, list[Progress]]:
    """The hosts of each agent, by its address."""
    agents: defaultdict[str, list[Progress]] = defaultdict(list)
    for entry in entries:
        agents[entry.url].append(entry)
    return dict(agents)


def places_of_slow(places: int) -> int:
    """How many slow agents may be visited at once, besides the others."""
    return max(1, places // 2)


def next_ones(turns: Mapping[str, Turn], busy: Collection[str], places: int) -> list[str]:
    """The agents that are visited now: who has waited longest comes first.

    A visit that takes long leaves its place to another one, so that nobody's samples are late for
    agents that are slow or silent.

    Args:
        turns: of all agents, by address.
        busy: those that are being visited.
        places: how many may be at once; slow ones have `places_of_slow` besides.
    """
    slow = sum(url in turns and turns[url].slow for url in busy)
    for_slow = places_of_slow(places) - slow
    free = places - (len(busy) - slow) + min(0, for_slow)
    if max(free, for_slow) <= 0:
        return []
    present, chosen = monotonic(), []
    due = [url for url, turn in turns.items() if turn.due <= present and url not in busy]
    for url in sorted(due, key=lambda url: turns[url].due):
        if turns[url].slow and for_slow > 0:
            for_slow -= 1
            chosen.append(url)
        elif not turns[url].slow and free > 0:
            free -= 1
            chosen.append(url)
    return chosen
