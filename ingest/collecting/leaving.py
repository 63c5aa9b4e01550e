"""How a collector leaves: what is in hand comes to its end, but is not waited for for ever."""

from threading import Event, Lock, Thread
from typing import Self
from weakref import WeakSet

from ingest.agents.agent import Agent

GRACE_S = 15.0  # a service manager does not wait for ever either
_LOOK_S = 0.2


class Leaving:
    """From when a collector is told to stop until nothing is in flight.

    Between begin and end of its block it watches `told`. Then visits end with the window that they
    have in hand; after GRACE_S no answer of an agent is waited for any more.

    Args:
        told: set by whoever wants it to stop; without, it leaves when the block ends.

    `now` is set when it leaves.
    """

    def __init__(self, told: Event | None = None) -> None:
        self.now = Event()
        self._told, self._over = told or Event(), Event()
        self._agents: WeakSet[Agent] = WeakSet()
        self._lock, self._hung_up = Lock(), False
        self._watching = Thread(target=self._watch, name="leaving", daemon=True)

    def watched(self, agent: Agent) -> Agent:
        """The same agent, which is not waited for for ever."""
        with self._lock:
            self._agents.add(agent)
            if self._hung_up:
                agent.abandon()
        return agent

    def __enter__(self) -> Self:
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watching.join()

    def _watch(self) -> None:
        while not self._told.wait(_LOOK_S) and not self.now.is_set():
            if self._over.is_set():
                return
        self.now.set()
        if self._over.wait(GRACE_S):
            return
        with self._lock:
            self._hung_up = True
            for agent in self._agents:
                agent.abandon()
