"""Minion: what repeated experiments on several platforms measured, and where it lives.

`minion.connect()` opens the store; everything else is reached from there.
"""

from typing import TYPE_CHECKING

from minion.lazy import loader

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

__getattr__ = loader(
    "minion",
    {
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
    },
)
