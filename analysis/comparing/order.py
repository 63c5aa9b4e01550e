"""The order of the runs: what drifts from run to run, and whether that looks like a platform."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from analysis.comparing.comparability import PLATFORM, called
from analysis.statistics.multiplicity import holm
from analysis.statistics.trend import kendall_trend
from minion.errors import InvalidData
from minion.model import Simulation

LEVEL = 0.05
_MOST_COUNTED = 200  # runs; beyond, counting every order takes long and the normal is as good
_BLOCK = 3  # runs side by side that are no chance worth the name of taking turns
_KEYS = ("experiment", "metric", "phase", "dimension", "role", "platform")
_FIGURES = ("slope", "low", "high", "change", "change_relative", "tau", "p")


def drift(values: pd.DataFrame, starts: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """Whether a platform's runs rise or fall in the order in which they were made.

    The trend is that of `kendall_trend` over the places of the runs among those of their
    platform: the median of the slopes between all pairs, and Kendall's tau. A run counts as
    independent of the one before it.

    Args:
        values: one value per run, as `run_values` gives it; a run without a value is left out.
        starts: when each run began, in seconds since the epoch, by (experiment, sim_id).

    Returns:
        A row per phase and platform, in the order of the frame: experiment, phase, platform and,
        where the frame has them, metric, dimension, role; runs; slope, low, high (per run, with
        its 95 % interval); change (slope times the runs after the first); change_relative (to
        the mean's magnitude); tau, p, p_holm (adjusted over the table). slope, low, high, change
        are in the values' unit; figures are NaN where the runs are too few, see `kendall_trend`.

    Raises:
        InvalidData: a column is missing, a run has two values in one row of the table, or a
            run's start is not known.
    """
    for name in ("experiment", "platform", "sim_id", "value"):
        if name not in values:
            raise InvalidData(
                f"the frame has no column {name!r}; it has: {', '.join(map(str, values.columns))}"
            )
    keys = [key for key in _KEYS if key in values]
    known = values[values["value"].notna()]
    runs = list(zip(known["experiment"], known["sim_id"], strict=True))
    _check_starts(runs, starts)
    begun = known.assign(start=np.array([starts[run] for run in runs], dtype=np.float64))
    groups = begun.groupby(keys, observed=True, sort=False)
    if begun.duplicated([*keys, "sim_id"]).any():
        run = begun.loc[begun.duplicated([*keys, "sim_id"]), "sim_id"].iloc[0]
        raise InvalidData(
            f"run {run} has several values in one phase; give one per run, as run_values does"
        )
    rows = [(len(group), *_figures(group)) for _, group in groups]
    table = pd.DataFrame(rows, columns=["runs", *_FIGURES]).astype(
        {"runs": np.int64} | dict.fromkeys(_FIGURES, np.float64)
    )
    names = begun[keys].loc[~begun.duplicated(keys)].reset_index(drop=True)
    return pd.concat([names, table], axis=1).assign(p_holm=holm(table["p"].to_numpy()))


def _figures(group: pd.DataFrame) -> tuple[float, ...]:
    value = group["value"].to_numpy(dtype=np.float64)
    trend = kendall_trend(rankdata(group["start"].to_numpy()), value)
    change = trend.slope * (len(value) - 1)
    mean = abs(float(value.mean()))
    relative = change / mean if mean > 0 else math.nan
    return trend.slope, trend.low, trend.high, change, relative, trend.tau, trend.p


def _check_starts(runs: Sequence[tuple[str, str]], starts: Mapping[tuple[str, str], float]) -> None:
    unknown = [
        run for run in dict.fromkeys(runs) if run not in starts or not math.isfinite(starts[run])
    ]
    if unknown:
        experiment, sim_id = unknown[0]
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise InvalidData(
            f"the start of run {sim_id} in {experiment}{more} is not known; give a time for each"
            " run, or leave it out of the values"
        )


# ---------------------------------------------------------------- who came when


def beginnings(simulations: Iterable[Simulation]) -> dict[tuple[str, str], float]:
    """When each run began, by (experiment, sim_id); runs without a date are left out."""
    begun = {(s.experiment, s.sim_id): s.began for s in simulations}
    return {run: start for run, start in begun.items() if start is not None}


def in_order(
    starts: Mapping[tuple[str, str], float], platforms: Mapping[tuple[str, str], str]
) -> list[str]:
    """The platforms of runs in order of their starts, for `arrangement`.

    Runs of several platforms that began at one moment are left out: none of them came first.

    Args:
        starts: of the runs, in seconds since the epoch, as `beginnings` gives them.
        platforms: of each of these runs, and maybe of others.
    """
    together: dict[float, set[str]] = {}
    for run, start in starts.items():
        together.setdefault(start, set()).add(platforms[run])
    ordered = sorted(starts, key=starts.__getitem__)
    return [platforms[run] for run in ordered if len(together[starts[run]]) == 1]


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the runs of several platforms follow each other.

    runs: how many.
    switches: how often a run is of another platform than the one before it.
    expected_switches: on average, if the same runs stood in random order.
    p: probability that a random order has switches as far from that; NaN for one platform.
    blocked: several platforms, each of whose runs stand in exactly one block.
    sentence: what follows from it.
    """

    runs: int
    switches: int
    expected_switches: float
    p: float
    blocked: bool
    sentence: str


def arrangement(platforms_in_order: Sequence[str], *, factor: str = PLATFORM) -> Arrangement:
    """Whether platforms took turns, or time and platform cannot be told apart.

    With n(i) runs of platform i and n in all, a random order has (n² - sum n(i)²) / n switches on
    average. p is exact up to 200 runs, from the number of orders with each number of switches;
    beyond it is normal, with the variance of Barton and David (1957, Multiple runs). For two
    platforms this is the test of Wald and Wolfowitz (1940, On a test whether two samples are from
    the same population), two-sided; their runs are the switches and one.

    Platforms stand partly in blocks where switches are fewer than in a random order, at a level
    of 5 %, or where three or more runs of a platform, all it has, stand side by side.

    Args:
        platforms_in_order: the platform of each run, in order of their starts; or its level.
        factor: what these are levels of, for the sentence.
    """
    names = list(platforms_in_order)
    counts = Counter(names)  # in order of first appearance
    n = len(names)
    switches = sum(before != after for before, after in pairwise(names))
    expected = (n * n - sum(c * c for c in counts.values())) / n if n else 0.0
    several = len(counts) > 1
    p = _probability(list(counts.values()), switches) if several else math.nan
    blocked = several and switches == len(counts) - 1
    rare = p < LEVEL and switches < expected
    words = _Words.of(factor)
    sentence = _sentence(names, switches, expected, words, blocked=blocked, rare=rare)
    return Arrangement(n, switches, expected, p, blocked, sentence)


@dataclass(frozen=True, slots=True)
class _Words:
    """How a sentence names what runs are grouped by: all of it, all groups, one, some."""

    factor: str
    whole: str
    several: str
    one: str
    some: str

    @classmethod
    def of(cls, factor: str) -> "_Words":
        if factor == PLATFORM:
            return cls(factor, "the platform", "platforms", "that platform", "these platforms")
        levels = f"levels of {factor}"
        return cls(factor, f"the level of {factor}", levels, "that level", "these levels")


def _sentence(
    names: list[str], switches: int, expected: float, words: _Words, *, blocked: bool, rare: bool
) -> str:
    each = list(dict.fromkeys(names))
    levels = [called(name, words.factor) for name in each]
    several = words.several
    begin = several[0].upper() + several[1:]
    count = f"{switches} switch{'es' * (switches != 1)} in {len(names)} runs"
    if not levels:
        return "There are no runs"
    if len(levels) == 1:
        return f"All runs are of {levels[0]}: their order tells nothing about {several}"
    if blocked:
        later = ", and these before those of ".join(levels[1:])
        return (
            f"All runs of {levels[0]} were made before those of {later}: what changed on the"
            f" machines meanwhile cannot be told from {words.whole}"
        )
    whole = [level for name, level in zip(each, levels, strict=True) if _in_one_block(names, name)]
    if whole:
        return (
            f"{begin} stand partly in blocks ({count}), all runs of {_listed(whole)} side by"
            " side: what changed on the machines meanwhile cannot be told from"
            f" {words.one if len(whole) == 1 else words.some}"
        )
    against = f"{count}; a random order has {expected:.1f}"
    if rare:
        return (
            f"{begin} stand partly in blocks ({against}): what changed on the machines meanwhile"
            f" may look like a difference between {several}"
        )
    if switches < expected:
        return f"{begin} stand in mixed order ({against})"
    return f"{begin} took turns ({count})"


def _in_one_block(names: list[str], name: str) -> bool:
    first, runs = names.index(name), names.count(name)
    return runs >= _BLOCK and names[first : first + runs] == [name] * runs


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _probability(counts: Sequence[int], switches: int) -> float:
    """That a random order has switches as far from their expectation as these."""
    n, squares = sum(counts), sum(c**2 for c in counts)
    if n > _MOST_COUNTED:
        cubes = sum(c**3 for c in counts)
        variance = (squares * (squares + n * n + n) - 2 * n * cubes - n**3) / (n * n * (n - 1))
        return float(2 * norm.sf(abs(switches - (n * n - squares) / n) / math.sqrt(variance)))
    orders = _orders(counts)
    distance = abs(switches * n - n * n + squares)
    as_far = sum(o for s, o in enumerate(orders) if abs(s * n - n * n + squares) >= distance)
    return as_far / sum(orders)


def _orders(counts: Sequence[int]) -> list[int]:
    """How many orders of the runs have 0, 1, … n - 1 switches.

    Cut the runs of each platform into pieces and put these in any order: glued[b] counts the
    ways with b pieces. An order with s switches comes about in comb(n - 1 - s, n - b) of them,
    since any n - b of its n - 1 - s equal neighbours may be the glued ones; this is inverted.
    """
    glued = [1]  # by number of pieces
    for count in counts:
        joined = [0] * (len(glued) + count)
        for before, ways in enumerate(glued):
            for pieces in range(1, count + 1) if ways else ():
                cuts = math.comb(count - 1, pieces - 1)
                joined[before + pieces] += ways * cuts * math.comb(before + pieces, pieces)
        glued = joined
    n = len(glued) - 1
    return [
        sum((-1) ** (r - b) * math.comb(n - b, n - r) * glued[b] for b in range(1, r + 1))
        for r in range(1, n + 1)
    ]
