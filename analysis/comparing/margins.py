"""How much of a difference still counts as none: set beforehand, with its unit."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minion.errors import InvalidData

_TEXT = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(.*?)\s*")
_NOTHING_LEFT = 1.0  # of the mean, a margin that all below it is within
# What people call units, those of one kind together: names with commas between, how much each is.
_TIME = {
    "s,sec,secs,second,seconds": 1.0,
    "ms,millisecond,milliseconds": 1e-3,
    "us,µs,μs,microsecond,microseconds": 1e-6,
    "ns,nanosecond,nanoseconds": 1e-9,
    "min,minute,minutes": 60.0,
    "h,hour,hours": 3600.0,
}
_DATA = {
    "B,byte,bytes": 1.0,
    "kB,KB,kilobyte,kilobytes": 1e3,
    "MB,megabyte,megabytes": 1e6,
    "GB,gigabyte,gigabytes": 1e9,
    "KiB": 2.0**10,
    "MiB": 2.0**20,
    "GiB": 2.0**30,
    "TiB": 2.0**40,
    "bit,bits": 1 / 8,
    "kbit,kilobit,kilobits": 1e3 / 8,
    "Mbit,megabit,megabits": 1e6 / 8,
    "Gbit,gigabit,gigabits": 1e9 / 8,
}
_RATES = {
    ",".join(f"{name}/s" for name in names.split(",")): amount for names, amount in _DATA.items()
}
_POINTS = {"points,point,pp,percentage points,%": 1.0}
_KINDS = (_TIME, _DATA, _RATES, _POINTS)


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
    """The margin that a text stands for: an amount, as `amount_of` reads it, below 100 %.

    Raises:
        InvalidData: as of `amount_of`; or a share of 100 % or more, within which values lie that
            have nothing in common.
    """
    margin = amount_of(text, unit)
    if margin.relative and margin.amount >= _NOTHING_LEFT:
        raise InvalidData(
            f"a margin of {margin.text}: even 0 would count as no different from the mean; give"
            f" less than 100 %, such as {_example(unit)}"
        )
    return margin


def amount_of(text: str, unit: str) -> Margin:
    """The distance that a text stands for, of any size.

    `5%` is five per cent of the mean that something is compared with, whatever the metric's unit;
    a number with the metric's unit, or one of the same kind, is a distance in it. Of a metric in
    per cent, percentage points are written as `0.5 points`.

    Args:
        text: a number above zero and its unit: `5%`, `2 s`, `0.5 points`.
        unit: that the metric has.

    Raises:
        InvalidData: no number above zero, no unit, or one of another kind than the metric's.
    """
    match = _TEXT.fullmatch(text)
    example = _example(unit)
    if match is None:
        raise InvalidData(f"{text!r} is no margin; write a number and its unit: {example}")
    amount, given = float(match[1]), match[2]
    if not 0 < amount < float("inf"):
        raise InvalidData(f"a margin of {text!r}; give a number above zero: {example}")
    if not given and unit:
        raise InvalidData(f"a margin of {text!r} has no unit; write {example}")
    if given == "%":
        return Margin(amount / 100, relative=True, text=text.strip())
    factors = _factors(unit)
    if given not in factors:
        others = [name for name in _others(unit) if name != _own(unit)]
        known = f"; {', '.join(others)} are known, too" if others else ""
        raise InvalidData(
            f"a margin in {given!r} for values in {unit or 'no unit'}: write {example}{known}"
        )
    return Margin(amount * factors[given], relative=False, text=text.strip())


def _kind(unit: str) -> dict[str, float]:
    """The units of the same kind, all names of one together; none of a unit that is not known."""
    return next((kind for kind in _KINDS if unit in ",".join(kind).split(",")), {})


def _factors(unit: str) -> dict[str, float]:
    """What to multiply an amount in each unit by, to have it in this one."""
    each = {name: amount for names, amount in _kind(unit).items() for name in names.split(",")}
    return {unit: 1.0} | {name: amount / each[unit] for name, amount in each.items()}


def _others(unit: str) -> list[str]:
    """The units of the same kind, by the first of their names."""
    return [names.partition(",")[0] for names in _kind(unit)]


def _example(unit: str) -> str:
    return f"5% (of the mean) or {f'2 {_own(unit)}'.strip()}"


def _own(unit: str) -> str:
    """The unit of differences, as a margin has it."""
    return "points" if unit == "%" else unit
