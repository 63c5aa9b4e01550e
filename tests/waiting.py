"""Waiting for a condition, with a deadline."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
    """What the condition gives as soon as that is true.

    Args:
        condition: asked again and again.
        timeout: seconds to wait at most.
        what: what is waited for, for the message.

    Raises:
        TimeoutError: it did not become true.
    """
    never = threading.Event()
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:.0f} s for {what or condition}")
        never.wait(0.01)
    return value
