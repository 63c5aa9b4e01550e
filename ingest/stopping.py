"""Being told to stop: SIGTERM and Ctrl-C, from a command's first moment to its end.

with Stopping() as stopping:            # the first thing that a command does
    with stopping.at_once():            # nothing is begun yet: it is left at once, with `Told`
        store = connect()
    while not stopping.told.is_set():   # from here on what is in hand comes to its end
        ...
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self


class Told(BaseException):
    """It was told to stop where that may happen at once. Like an interrupt: nobody handles it."""


class Stopping:
    """What SIGTERM and Ctrl-C do inside its block, which a process's first thread enters.

    told: set when one of them came.
    """

    def __init__(self) -> None:
        self.told = threading.Event()
        self._at_once = False
        self._before: dict[signal.Signals, Any] = {}
        self._hook = sys.unraisablehook

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._come)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        sys.unraisablehook = self._hook

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Inside the block there is nothing to be finished.

        Raises:
            Told: it came, before or meanwhile.
        """
        self._at_once = True
        try:
            if self.told.is_set():
                raise Told
            yield
        finally:
            self._at_once = False

    def _come(self, *_: object) -> None:
        self.told.set()
        if self._at_once:
            self._at_once = False  # what is closed on the way out is closed in peace
            # An object that was being made has parts that its end may miss: nobody needs to know.
            sys.unraisablehook = _nothing
            raise Told


def _nothing(_: object) -> None:
    """Say nothing of an error in an object's end."""
