"""How far another machine's clock is from ours, told by the Date of its answers.

A Date has whole seconds and was written between asking and having the answer, so one exchange
bounds the difference to a little over a second. Exchanges fall on different parts of the second,
and what all their bounds have in common is much narrower (Cristian, 1989, "Probabilistic clock
synchronization", is the idea; the cut of intervals is Marzullo's, 1984).
"""

import math
import re
from collections import deque
from datetime import UTC, datetime

WINDOW_S = 600.0  # answers older than that say nothing of a clock that somebody may have set since
DRIFT = 1e-4  # seconds a second: what two clocks of quartz may part by while nobody sets them

_MONTHS = {
    name: month
    for month, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)
}
_DATE = re.compile(
    r"\w{3}, (\d{2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT", flags=re.ASCII
)  # RFC 9110, section 5.6.7: the one form that may be sent


def seconds_of(date: str) -> float | None:
    """Seconds since the epoch of an HTTP Date; None when it is none."""
    found = _DATE.fullmatch(date.strip())
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[place]) for place in (1, 3, 4, 5, 6))
    try:
        moment = datetime(year, _MONTHS[found[2]], day, hour, minute, second, tzinfo=UTC)
    except ValueError:  # the 31st of June
        return None
    return moment.timestamp()


class Clock:
    """The skew of another machine's clock: its time minus ours.

    Every bound loosens with its age, by what clocks drift. Bounds that contradict each other mean
    that one of the clocks was set: the newest is kept then, and the others are forgotten.
    """

    def __init__(self) -> None:
        # Those that may still be the tightest, the tightest first: (answered, bound without drift).
        self._lows: deque[tuple[float, float]] = deque()
        self._highs: deque[tuple[float, float]] = deque()

    def __repr__(self) -> str:
        return f"Clock(skew={self.skew})"

    @property
    def skew(self) -> tuple[float, float] | None:
        """Its time minus ours: (middle, half width) in seconds; None before the first Date."""
        if not self._lows:
            return None
        now = max(self._lows[-1][0], self._highs[-1][0])
        low, high = self._lows[0][1] - DRIFT * now, self._highs[0][1] + DRIFT * now
        return (low + high) / 2, (high - low) / 2

    def note(self, asked: float, answered: float, date: str | None) -> None:
        """One exchange.

        Args:
            asked, answered: when the question left and when the Date had come, on our clock
                (seconds since the epoch).
            date: the answer's Date; one that cannot be read is no bound.
        """
        told = seconds_of(date) if date else None
        if told is None or answered < asked:
            return
        low, high = told - answered, told + 1 - asked
        for bounds in (self._lows, self._highs):
            while bounds and not 0 <= answered - bounds[0][0] <= WINDOW_S:
                bounds.popleft()
        self._tighten(self._lows, answered, low + DRIFT * answered, math.inf)
        self._tighten(self._highs, answered, high - DRIFT * answered, -math.inf)
        skew = self.skew
        if skew is None or skew[1] < 0:
            self._lows = deque([(answered, low + DRIFT * answered)])
            self._highs = deque([(answered, high - DRIFT * answered)])

    @staticmethod
    def _tighten(
        bounds: deque[tuple[float, float]], answered: float, bound: float, towards: float
    ) -> None:
        """Forget what the newest bound makes useless: it is as tight, and lasts longer."""
        while bounds and (bounds[-1][1] <= bound if towards > 0 else bounds[-1][1] >= bound):
            bounds.pop()
        bounds.append((answered, bound))
