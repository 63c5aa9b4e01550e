"""Minion: what repeated experiments on several platforms measured, and where it lives.

`minion.connect()` opens the store; everything else is reached from there.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minion.errors import MinionError
    from minion.model import Event, EventType, Host, Role, Simulation, Verdict
    from minion.selection import Selection
    from minion.series import Series
    from minion.store import Store, connect

__all__ = [
    "Event",
    "EventType",
    "Host",
    "MinionError",
    "Role",
    "Selection",
    "Series",
    "Simulation",
    "Store",
    "Verdict",
    "connect",
]

_HOMES = {
    "Event": "minion.model",
    "EventType": "minion.model",
    "Host": "minion.model",
    "MinionError": "minion.errors",
    "Role": "minion.model",
    "Selection": "minion.selection",
    "Series": "minion.series",
    "Simulation": "minion.model",
    "Store": "minion.store",
    "Verdict": "minion.model",
    "connect": "minion.store",
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `minion --help` must not wait for pandas.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'minion' has no attribute {name!r}")
