"""What is wanted of an experiment, and the figures that it takes for two platforms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analysis.comparing.margins import Margin, amount_of, parse
from analysis.statistics import power as powers
from analysis.statistics.critical import Critical, alone, larger
from analysis.statistics.means import ENOUGH
from analysis.statistics.moments import Moments
from analysis.statistics.multiplicity import level_of
from analysis.statistics.small_samples import MOST_PAIRS, found_difference, shown_margin
from minion.errors import InvalidData

CAREFUL = 0.8  # confidence of the upper limit of a deviation
# Of normal values a test by ranks needs 1 / 0.955 of the runs (Pitman; Lehmann, Nonparametrics,
# 1975, section 2.4): as if their deviations were larger by the root of that.
_BY_RANKS = float(np.sqrt(np.pi / 3))
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one platform in one phase; `sd` is NaN of fewer than two, `mean` of none."""

    platform: str
    values: NDArray[np.float64]
    mean: float
    sd: float

    @classmethod
    def of(cls, platform: str, values: NDArray[np.float64]) -> Self:
        """The figures of its run values."""
        if not len(values):
            return cls(platform, values, np.nan, np.nan)
        moments = Moments.of([values])
        return cls(platform, values, float(moments.mean[0]), float(np.sqrt(moments.variance[0])))

    @property
    def runs(self) -> int:
        """How many there are."""
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two platforms in one phase and dimension.

    pairs: how many pairs of platforms are compared there, this one included.
    limit: the critical value at which the intervals of these hold together.
    """

    names: dict[str, str]
    baseline: Group
    platform: Group
    pairs: int
    limit: Critical

    @property
    def planned(self) -> bool:
        """Whether there is a test: both have a deviation, and one of them is not 0."""
        return min(self.baseline.runs, self.platform.runs) > 1 and max(self.sd) > 0

    def held_against(self, margin: Margin) -> bool:
        """Whether `compare` would hold these values against that margin."""
        return margin.has_meaning(self.baseline.values, self.platform.values)

    @property
    def sd(self) -> powers.Pair:
        """The deviations of both."""
        return self.baseline.sd, self.platform.sd

    @property
    def careful_sd(self) -> powers.Pair:
        """The limits that the true deviations are below with `CAREFUL` confidence, each."""
        groups = self.baseline, self.platform
        limits = [powers.upper_sd(group.sd, group.runs, confidence=CAREFUL) for group in groups]
        return limits[0], limits[1]

    def row(self) -> dict[str, object]:
        """The columns that every row begins with."""
        return {
            **self.names,
            "baseline": self.baseline.platform,
            "platform": self.platform.platform,
            "runs_baseline": self.baseline.runs,
            "runs_platform": self.platform.runs,
            "mean_baseline": self.baseline.mean,
            "mean_platform": self.platform.mean,
            "sd_baseline": self.baseline.sd,
            "sd_platform": self.platform.sd,
        }


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted, and how sure.

    wanted: `width`, `difference`, `margin`: those that are.
    unit: of the values.
    power: of a test.
    confidence: of an interval, and 1 - the level of all tests together.
    tests: how many tests share the level.
    """

    wanted: Mapping[str, Margin]
    unit: str
    power: float
    confidence: float
    tests: int

    @classmethod
    def of(
        cls,
        texts: Mapping[str, str | None],
        unit: str,
        *,
        power: float,
        confidence: float,
        tests: int,
    ) -> Self:
        """What is wanted, read from texts such as `5%`; see `analysis.comparing.margins`.

        Raises:
            InvalidData: something that cannot be wanted.
        """
        if not 0.5 <= confidence < 1:
            raise InvalidData(f"a confidence of {confidence:g}; give one from 0.5 up to below 1")
        if tests < 1:
            raise InvalidData(f"{tests} tests; give 1 or more")
        if not 0.5 <= power < 1:
            raise InvalidData(f"a power of {power:g}; give one from 0.5 up to below 1")
        wanted = {
            name: (parse if name == "margin" else amount_of)(text, unit)
            for name, text in texts.items()
            if text is not None
        }
        return cls(wanted, unit, power, confidence, tests)

    @property
    def level(self) -> float:
        """The level of all tests together."""
        return level_of(self.confidence)

    @property
    def alpha(self) -> float:
        """The level of one test."""
        return self.level / self.tests

    def rows(self, pair: Comparison, run_s: Mapping[str, float]) -> list[dict[str, object]]:
        """The rows of one comparison."""
        if not self.wanted:
            return [{**pair.row(), **self._detectable(pair)}]
        hours = sum(
            run_s.get(group.platform, np.nan) / _HOUR_S for group in (pair.baseline, pair.platform)
        )
        rows: list[dict[str, object]] = []
        for name, margin in self.wanted.items():
            amount = margin.absolute(pair.baseline.mean)
            if name == "margin" and not pair.held_against(margin):
                amount = np.nan
            runs = careful = np.nan
            if pair.planned and amount > 0:
                runs = self._needed(name, margin, pair, pair.sd)
                careful = self._needed(name, margin, pair, pair.careful_sd)
            rows.append(
                {
                    **pair.row(),
                    "wanted": name,
                    "amount": amount,
                    "runs": runs,
                    "careful_runs": careful,
                    "hours": runs * hours,
                    "careful_hours": careful * hours,
                }
            )
        return rows

    def _needed(self, name: str, margin: Margin, pair: Comparison, sd: powers.Pair) -> float:
        """The runs that one thing takes; NaN where that is more than anybody measures."""
        amount, power = margin.absolute(pair.baseline.mean), self.power
        if name == "width":
            return _number(powers.runs_for_width(sd, amount, critical=pair.limit))
        # A verdict wants means and ranks to agree.
        if name == "difference":
            by_means, by_ranks = (
                powers.runs_for_difference(one, amount, power=power, alpha=alpha, critical=limit)
                for one, alpha, limit in self._tests(pair, sd)
            )
            return _enough(by_means, by_ranks, amount, lambda n: self._found(pair, sd, (n, n)))
        # At the upper margin the baseline counts for 1 + margin of itself, its error too.
        own = (sd[0] * (1 + margin.amount), sd[1]) if margin.relative else sd
        by_means, by_ranks = (
            powers.runs_for_equivalence(one, amount, power=power, alpha=alpha)
            for one, alpha in ((own, self.alpha), (_by_ranks(own), self.level))
        )
        return _enough(
            by_means,
            by_ranks,
            amount,
            lambda n: shown_margin(own, (n, n), power=power, alpha=self.alpha, level=self.level),
        )

    def _found(self, pair: Comparison, sd: powers.Pair, n: tuple[int, int]) -> float:
        """The difference that few runs find by means and by ranks together."""
        (_, _, limit), (_, question, _) = self._tests(pair, sd)
        return found_difference(
            sd, n, power=self.power, critical=_careful(limit, n), level=question
        )

    def _tests(
        self, pair: Comparison, sd: powers.Pair
    ) -> list[tuple[powers.Pair, float, Critical]]:
        """The tests that must find a difference: by means in the family, by ranks in the question.

        The pairs of one question hold together by themselves; with several the family counts, too.
        """
        question, limit = self.level / pair.pairs, pair.limit
        if self.tests > pair.pairs:
            limit = larger(alone(self.alpha), limit)
        return [(sd, self.alpha, limit), (_by_ranks(sd), question, alone(question))]

    def _detectable(self, pair: Comparison) -> dict[str, object]:
        names = ("detectable", "detectable_share", "careful_detectable", "half_width")
        if not pair.planned:
            return dict.fromkeys(names, np.nan)
        n = (pair.baseline.runs, pair.platform.runs)
        few = n[0] * n[1] <= MOST_PAIRS
        found, careful = (
            self._found(pair, sd, n)
            if few
            else max(
                powers.detectable(
                    one, n, power=self.power, alpha=level, critical=_careful(limit, n)
                )
                for one, level, limit in self._tests(pair, sd)
            )
            for sd in (pair.sd, pair.careful_sd)
        )
        mean = abs(pair.baseline.mean)
        width = powers.half_width(pair.sd, n, critical=pair.limit)
        share = found / mean * 100 if mean else np.nan
        return dict(zip(names, (found, share, careful, width), strict=True))


def _by_ranks(sd: powers.Pair) -> powers.Pair:
    return sd[0] * _BY_RANKS, sd[1] * _BY_RANKS


def _careful(limit: Critical, n: tuple[int, int]) -> Critical:
    """With fewer runs than `ENOUGH` of a platform, `compare` believes no spread but theirs."""
    return limit if min(n) >= ENOUGH else lambda _: limit(min(n) - 1)


def _enough(
    by_means: int | None, by_ranks: int | None, amount: float, reached: Callable[[int], float]
) -> float:
    """The runs with which means and ranks both reach an amount.

    Args:
        by_means, by_ranks: those that the formulas ask for; by means it is never too many.
        reached: the amount that so many runs reach, where they are few.
    """
    runs = _number(by_means)
    while runs**2 <= MOST_PAIRS:
        if reached(int(runs)) <= amount:
            return runs
        runs += 1
    return float(np.maximum(runs, _number(by_ranks)))


def _number(runs: int | None) -> float:
    return np.nan if runs is None else float(runs)
