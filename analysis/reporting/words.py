"""Numbers, names and times as sentences have them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby

import numpy as np

from minion.selection import natural

NOTHING = "none"


def listed(words: Iterable[str]) -> str:
    """Words as a sentence has them: "a, b and c"."""
    *others, last = [*words] or [""]
    return f"{', '.join(others)} and {last}" if others else last


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 run", "2,500 runs"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def moment(seconds: float) -> str:
    """A time (seconds since the epoch) for people: "8 February 2021, 06:01 UTC"."""
    time = datetime.fromtimestamp(seconds, UTC)
    return f"{time.day} {time:%B %Y, %H:%M} UTC"


def number(value: float, digits: int) -> str:
    """A number with that many decimals and commas at the thousands; "none" for NaN."""
    return f"{value:,.{digits}f}" if np.isfinite(value) else NOTHING


def between(low: float, high: float, digits: int) -> str:
    """Two numbers with "to" between; "none" when there is no interval."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return NOTHING
    return f"{number(low, digits)} to {number(high, digits)}"


def decimals(values: Iterable[float]) -> int:
    """How many decimals suit a column: about three digits of its typical (median) number."""
    sizes = [abs(value) for value in values if np.isfinite(value)]
    typical = float(np.median(sizes)) if sizes else 0.0
    return next((digits for limit, digits in ((1000, 0), (30, 1), (0.3, 2)) if typical >= limit), 3)


def probability(p: float) -> str:
    """A p-value for people."""
    if not np.isfinite(p):
        return NOTHING
    return f"{p:.2g}" if p >= 1e-4 else "< 0.0001"


def ranges(ids: Sequence[str]) -> str:
    """Ids as `--sims` takes them: "1000-1022,1024"."""
    numbers = sorted({int(i) for i in ids if i.isdecimal() and str(int(i)) == i})
    found = []
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        group = [value for _, value in run]
        found.append(",".join(map(str, group)) if len(group) < 3 else f"{group[0]}-{group[-1]}")
    others = {i for i in ids if not i.isdecimal() or str(int(i)) != i}
    return ",".join([*found, *sorted(others, key=natural)])
