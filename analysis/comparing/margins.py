"""How much of a difference still counts as none: set beforehand, with its unit."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minion.errors import InvalidData

_TEXT = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*?)\s*")
_POINTS = ("points", "point", "pp", "percentage points")
# Units that people write for one that a metric has, as factors.
_SAME: dict[str, dict[str, float]] = {
    "s": {"s": 1, "sec": 1, "seconds": 1, "ms": 1e-3, "min": 60, "minutes": 60, "h": 3600},
    "%": dict.fromkeys(_POINTS, 1),
    "MiB": {"MiB": 1, "GiB": 1024, "KiB": 1 / 1024},
    "KiB/s": {"KiB/s": 1, "MiB/s": 1024},
    "kilobits/s": {"kilobits/s": 1, "kbit/s": 1, "megabits/s": 1000, "Mbit/s": 1000},
}


@dataclass(frozen=True, slots=True)
class Margin:
    """A distance on both sides of "no difference".

    amount: in the metric's unit; for a relative margin a share, 0.05 for 5 %.
    relative: whether it is a share of the mean that something is compared with.
    text: as it was given.
    """

    amount: float
    relative: bool
    text: str

    def absolute(self, mean: float) -> float:
        """The distance in the metric's unit, beside that mean."""
        return self.amount * abs(mean) if self.relative else self.amount

    def has_meaning(self, *groups: NDArray[np.float64]) -> bool:
        """Whether values can be held against it: a share is one of what is above 0."""
        return not self.relative or all(bool((values > 0).all()) for values in groups)

    def without_meaning(self, unit: str) -> str:
        """What to say where it has none, of a metric with that unit."""
        instead = f"in {_own(unit)}" if unit else "without a unit"
        return f"{self.text} has no meaning where values are 0 or below; give a margin {instead}"


def parse(text: str, unit: str) -> Margin:
    """The margin that a text stands for.

    `5%` is five per cent of the mean that something is compared with, whatever the metric's unit;
    a number with the metric's unit is a distance in it. Of a metric in per cent, percentage points
    are written as `0.5 points`.

    Args:
        text: a number above zero and its unit: `5%`, `2 s`, `0.5 points`.
        unit: that the metric has.

    Raises:
        InvalidData: no number above zero, no unit, or one that the metric has not.
    """
    match = _TEXT.fullmatch(text)
    example = f"5% (of the mean) or {_written(2, unit)}"
    if match is None:
        raise InvalidData(f"{text!r} is no margin; write a number and its unit: {example}")
    amount, given = float(match[1]), match[2]
    if not 0 < amount < float("inf"):
        raise InvalidData(f"a margin of {text!r}; give a number above zero: {example}")
    if not given and unit:
        raise InvalidData(f"a margin of {text!r} has no unit; write {example}")
    if given == "%":
        return Margin(amount / 100, relative=True, text=text.strip())
    factors = {unit: 1.0, **_SAME.get(unit, {})}
    if given not in factors:
        raise InvalidData(f"a margin in {given!r} for values in {unit or 'no unit'}: {example}")
    return Margin(amount * factors[given], relative=False, text=text.strip())


def _written(amount: float, unit: str) -> str:
    return f"{amount:g} {_own(unit)}".strip()


def _own(unit: str) -> str:
    """The unit of differences, as a margin has it."""
    return "points" if unit == "%" else unit
