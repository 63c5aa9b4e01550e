"""What the excluded runs would bring back: their values, beside those that were compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from analysis.comparing.comparability import called
from analysis.comparing.judgement import Decision, Judgement, Pair
from analysis.quantities import Quantity
from analysis.statistics.moments import LARGEST
from analysis.values import ALL_HOSTS, stacked

_OF_RUN = ("experiment", "platform", "sim_id", "n", "hosts", "value")


@dataclass(frozen=True, slots=True)
class Returned:
    """What comes of taking the excluded runs in again.

    runs: how many of them have a value beside those that were compared.
    changed: the verdicts that are others with them, in kind, in direction, or in whether the
        margin is exceeded; a sentence each.
    """

    runs: int = 0
    changed: tuple[str, ...] = ()

    def remarks(self, excluded: int) -> tuple[str, ...]:
        """What a reader must know of that, a sentence each.

        Args:
            excluded: how many runs are.
        """
        if not excluded:
            return ()
        of = f"{excluded} excluded runs" if excluded > 1 else "1 excluded run"
        if not self.runs:
            none = f"None of the {of} has a" if excluded > 1 else "The excluded run has no"
            return (f"{none} value here that could change a verdict.",)
        have, them = ("has", "it") if self.runs == 1 else ("have", "them")
        n = len(self.changed)
        what = {0: "no verdict changes", 1: "one verdict changes"}.get(n, f"{n} verdicts change")
        return (
            f"{self.runs} of {of} {have} a value here; with {them} back {what}.",
            *(f"The verdict would change: {text}." for text in self.changed),
        )


def beside(one: Quantity, more: Sequence[Quantity]) -> pd.DataFrame:
    """The values of excluded runs that can stand beside those that were compared.

    They are of the same unit, phase, dimension and role, and no test fails for their size.

    Args:
        one: the values that were compared.
        more: those of excluded runs, of the same name.
    """
    values = one.runs.values
    keys = [name for name in values if name not in _OF_RUN]
    there = pd.MultiIndex.from_frame(values[keys].astype("str"))
    parts = [values.iloc[:0]]
    for other in more:
        found = other.runs.values
        if other.unit != one.unit or any(name not in found for name in values):
            continue
        places = pd.MultiIndex.from_frame(found[keys].astype("str")).isin(there)
        # Beyond it no test can be made, and one such run would end them all.
        sound = (found["value"].abs() < LARGEST).to_numpy()
        parts.append(found.loc[places & sound, list(values)])
    return stacked(parts)


def together(one: Quantity, values: pd.DataFrame) -> Quantity:
    """What was compared, with values of excluded runs.

    Args:
        one: the values that were compared.
        values: as `beside` gives them.
    """
    return replace(one, runs=replace(one.runs, values=stacked([one.runs.values, values])))


def changes(before: Judgement, after: Judgement, factor: str) -> list[str]:
    """The verdicts that are others with the excluded runs, a sentence each.

    Args:
        before: without these runs.
        after: with them.
        factor: what the levels are levels of.
    """
    others = {_key(pair): pair for pair in after.pairs}
    found = []
    for pair in before.pairs:
        one, other = _claims(pair, others.get(_key(pair), pair))
        if one != other:
            against = f"{called(pair.level, factor)} against {called(pair.reference, factor)}"
            found.append(
                f"{_where(pair)}, {against}: {one} as it stands, {other} with the excluded runs"
            )
    return found


def _claims(one: Pair, other: Pair) -> tuple[str, str]:
    """What is claimed of a pair twice, in the words that tell both apart; equal where none do."""
    if not one.verdict is other.verdict is Decision.DIFFERENT:
        return one.verdict, other.verdict
    sides = _direction(one), _direction(other)
    if sides[0] != sides[1]:
        return sides
    return _beyond(one), _beyond(other)


def _direction(pair: Pair) -> str:
    return "higher" if pair.contrast.difference > 0 else "lower"


def _beyond(pair: Pair) -> str:
    return "surely beyond the margin" if pair.exceeds else "not surely beyond the margin"


def _key(pair: Pair) -> tuple[str, ...]:
    q = pair.question
    return (q.metric, q.dimension, q.phase, q.role, pair.level, pair.reference)


def _where(pair: Pair) -> str:
    q = pair.question
    role = "" if q.role == ALL_HOSTS else f" ({q.role})"
    return " ".join(filter(None, (q.metric, q.dimension, q.phase))) + role
