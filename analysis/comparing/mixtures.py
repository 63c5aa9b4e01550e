"""A property that varies within levels: whether every level has its values in the same shares.

What is mixed in shares that differ brings its own effect into the difference of the levels.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

from minion.selection import natural

LEVEL = 0.01  # of the exact test: so rarely a random allocation is taken for none
_MOST = 3  # values that a message shows of one level

Counts = Mapping[str, Mapping[str, int]]


def counted(values: Mapping[str, Sequence[str | None]]) -> dict[str, Counter[str]]:
    """How many runs of each level have each value; levels of which nothing is known are left out.

    Args:
        values: of the runs of each level; None where it is not known.
    """
    known = {level: Counter(v for v in of if v is not None) for level, of in values.items()}
    return {level: counts for level, counts in known.items() if counts}


def unlike(counts: Counts) -> bool:
    """Whether the levels differ in the values that their runs have.

    They do where a value occurs in one level and not in another; where less than half of two
    levels' runs can be matched by equal values, that is, sum over values of the smaller share is
    below 1/2; and where a value's share in two levels differs by more than a random allocation of
    the runs explains: Fisher's exact test (1935, The Logic of Inductive Inference), two-sided, at
    `LEVEL` divided by the number of pairs of levels and of values.

    Args:
        counts: as `counted` gives it.
    """
    filled = list(counts.values())
    if len(filled) < 2:
        return False
    names = filled[0].keys()
    if any(of.keys() != names for of in filled):
        return True
    if len(names) == 1 or alike(counts):
        return False
    pairs = list(combinations(filled, 2))
    if any(_mostly_apart(one, other) for one, other in pairs):
        return True
    from scipy.stats import fisher_exact  # noqa: PLC0415  only where something is mixed

    # Of two values the one says what the other says.
    asked = list(names) if len(names) > 2 else list(names)[:1]
    level = LEVEL / (len(pairs) * len(asked))
    return any(
        fisher_exact([_split(one, name), _split(other, name)]).pvalue < level
        for one, other in pairs
        for name in asked
    )


def alike(counts: Counts) -> bool:
    """Whether every level has the values in exactly the same shares."""
    first, *others = counts.values()
    total = sum(first.values())
    return all(
        of.keys() == first.keys()
        and all(of[name] * total == n * sum(of.values()) for name, n in first.items())
        for of in others
    )


def shown(counts: Counts) -> dict[str, str]:
    """What each level has, in words: the values, and of how many runs where not of one each.

    Where there are many, those come first whose shares differ most.
    """
    shares = {level: _shares(of) for level, of in counts.items()}
    names = {name for of in counts.values() for name in of}

    def place(name: str) -> tuple[float, object]:
        of_levels = [of.get(name, 0.0) for of in shares.values()]
        # Rounded: shares that are equal keep the natural order of their values.
        return -round(max(of_levels) - min(of_levels), 9), natural(name)

    ordered = sorted(names, key=place)
    return {level: _text(of, ordered) for level, of in counts.items()}


def _mostly_apart(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Whether less than half of the runs can be matched by equal values; in whole numbers."""
    n, m = sum(one.values()), sum(other.values())
    return 2 * sum(min(one[name] * m, other[name] * n) for name in one) < n * m


def _split(of: Mapping[str, int], name: str) -> list[int]:
    """How many runs have a value, and how many another."""
    return [of[name], sum(of.values()) - of[name]]


def _shares(of: Mapping[str, int]) -> dict[str, float]:
    total = sum(of.values())
    return {name: n / total for name, n in of.items()}


def _text(of: Mapping[str, int], ordered: Sequence[str]) -> str:
    names = [name for name in ordered if name in of]
    few, more = names[:_MOST], len(names) - _MOST
    if max(of.values()) > 1 and len(names) > 1:
        first, *others = few
        runs = "runs" if of[first] > 1 else "run"
        few = [f"{first} in {of[first]} {runs}", *(f"{name} in {of[name]}" for name in others)]
    return ", ".join(few) + (f" and {more} more" if more > 0 else "")
