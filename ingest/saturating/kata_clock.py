"""What `Elapsed` means: seconds since the start, or since the row before; told from the data."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from minion.errors import InvalidData

FALLS = 0.1  # of the rows: a clock that falls so often measures each step by itself

Floats = NDArray[np.float64]


class Clock(StrEnum):
    """What the seconds of a row are counted from."""

    CUMULATIVE = "cumulative"
    STEP = "step"

    @classmethod
    def parse(cls, text: str) -> "Clock":
        """The clock of that name.

        Raises:
            InvalidData: there is none.
        """
        try:
            return cls(text.strip().lower())
        except ValueError:
            raise InvalidData(f"no clock {text!r}; there are: {', '.join(cls)}") from None


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """The times of n rows.

    seconds: since the run's start, increasing.
    back: rows at which the iteration goes back: the run was taken up again.
    restarts: rows at which a cumulative clock began anew.
    set_back: rows at which it goes back, and not to its beginning.
    together: rows that had the time of the row before.
    """

    seconds: Floats
    clock: Clock
    back: NDArray[np.intp]
    restarts: NDArray[np.intp]
    set_back: NDArray[np.intp]
    together: int


def times(iteration: Floats, elapsed: Floats, clock: Clock | None = None) -> Times:
    """When each row was.

    A cumulative clock only rises, but for a restart. A clock that counts each step by itself
    falls about as often as it rises: one that falls in 10 % or more of the rows whose iteration
    goes on, or never changes, is taken for that. Where a cumulative clock goes back, time goes on
    from the row before: how long the pause was nobody wrote down. A clock that is nearer to 0 then
    than to the row before began anew, and shows what passed since; else it was set back. Rows of
    one whole second are spread evenly over it.

    Args:
        iteration, elapsed: of n rows in the file's order, finite.
        clock: what it is, where somebody knows; default: as the data say.
    """
    steps = np.diff(elapsed)
    back = np.flatnonzero(np.diff(iteration) < 0) + 1
    onward = np.diff(iteration) >= 0
    if clock is None:
        falls = np.count_nonzero((steps < 0) & onward)
        still = len(steps) > 1 and not steps.any()
        often = falls >= max(FALLS * np.count_nonzero(onward), 1)
        clock = Clock.STEP if often or still else Clock.CUMULATIVE
    restarts = set_back = np.array([], dtype=np.intp)
    if clock is Clock.STEP:
        seconds = np.cumsum(elapsed)
    else:
        falls_at = np.flatnonzero(steps < 0) + 1
        anew = elapsed[falls_at] < elapsed[falls_at - 1] / 2
        restarts, set_back = falls_at[anew], falls_at[~anew]
        shift = np.zeros(len(elapsed))
        shift[restarts] = elapsed[restarts - 1]
        shift[set_back] = elapsed[set_back - 1] - elapsed[set_back]
        seconds = elapsed + np.cumsum(shift)
    spread, together = _spread(seconds)
    return Times(spread, clock, back, restarts, set_back, together)


def _spread(seconds: Floats) -> tuple[Floats, int]:
    """Times that increase, and how many rows had to move for it."""
    distinct, place, count = np.unique(seconds, return_inverse=True, return_counts=True)
    room = np.minimum(np.diff(distinct, append=distinct[-1] + 1), 1.0)
    first = np.cumsum(count) - count
    rank = np.arange(len(seconds)) - first[place]
    return seconds + rank / count[place] * room[place], len(seconds) - len(distinct)
