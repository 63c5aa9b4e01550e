"""An agent whose address is none: a host that nobody can ask, and whose run ends all the same."""

from typing import Any

from ingest.agents.agent import Agent
from minion.errors import AgentError


class Nowhere(Agent):
    """Answers no question.

    What a run names as an address may be anything. Its host counts as one whose agent is gone.

    Args:
        why: what each question fails with.
    """

    def __init__(self, why: str) -> None:
        super().__init__("http://nowhere.invalid")
        self._why = why

    def _json(self, *_: object, **__: object) -> Any:
        raise AgentError(self._why)
