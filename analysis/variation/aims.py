"""What is wanted of an experiment, and the figures that it takes for two platforms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analysis.comparing.margins import Margin, parse
from analysis.statistics import power as powers
from analysis.statistics.critical import Critical, alone, larger
from minion.errors import InvalidData

CAREFUL = 0.8  # confidence of the upper limit of a deviation
# Of normal values a test by ranks needs 1 / 0.955 of the runs (Pitman; Lehmann, Nonparametrics,
# 1975, section 2.4): as if their deviations were larger by the root of that.
_BY_RANKS = float(np.sqrt(np.pi / 3))
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one platform in one phase; `sd` is NaN of fewer than two."""

    platform: str
    runs: int
    mean: float
    sd: float

    @classmethod
    def of(cls, platform: str, values: NDArray[np.float64]) -> Self:
        """The figures of its run values."""
        mean = float(values.mean()) if len(values) else np.nan
        sd = float(values.std(ddof=1)) if len(values) > 1 else np.nan
        return cls(platform, len(values), mean, sd)


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
        """Whether both have a deviation."""
        return min(self.baseline.runs, self.platform.runs) > 1

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
    power: of a test.
    confidence: of an interval, and 1 - the level of all tests together.
    tests: how many tests share the level.
    """

    wanted: Mapping[str, Margin]
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
        """What is wanted, read from texts such as `5%`; see `analysis.comparing.margins.parse`.

        Raises:
            InvalidData: something that cannot be wanted.
        """
        if not 0.5 <= confidence < 1:
            raise InvalidData(f"a confidence of {confidence:g}; give one from 0.5 up to below 1")
        if tests < 1:
            raise InvalidData(f"{tests} tests; give 1 or more")
        if not 0.5 <= power < 1:
            raise InvalidData(f"a power of {power:g}; give one from 0.5 up to below 1")
        wanted = {name: parse(text, unit) for name, text in texts.items() if text is not None}
        return cls(wanted, power, confidence, tests)

    @property
    def alpha(self) -> float:
        """The level of one test."""
        return (1 - self.confidence) / self.tests

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
        amount, power, level = margin.absolute(pair.baseline.mean), self.power, 1 - self.confidence
        # A verdict wants means and ranks to agree.
        needed: list[int | None] = []
        if name == "width":
            needed += [powers.runs_for_width(sd, amount, critical=pair.limit)]
        elif name == "difference":
            needed += [
                powers.runs_for_difference(one, amount, power=power, alpha=alpha, critical=limit)
                for one, alpha, limit in self._tests(pair, sd)
            ]
        else:
            # At the upper margin the baseline counts for 1 + margin of itself, its error too.
            own = (sd[0] * (1 + margin.amount), sd[1]) if margin.relative else sd
            needed += [
                powers.runs_for_equivalence(one, amount, power=power, alpha=alpha)
                for one, alpha in ((own, self.alpha), (_by_ranks(own), level))
            ]
        return float(np.max([np.nan if runs is None else runs for runs in needed]))

    def _tests(
        self, pair: Comparison, sd: powers.Pair
    ) -> list[tuple[powers.Pair, float, Critical]]:
        """The tests that must find a difference: by means in the family, by ranks in the question.

        By means both count, the family and the pairs of the question.
        """
        limit, question = alone(self.alpha), (1 - self.confidence) / pair.pairs
        if self.tests < pair.pairs:
            limit = larger(limit, pair.limit)
        return [(sd, self.alpha, limit), (_by_ranks(sd), question, alone(question))]

    def _detectable(self, pair: Comparison) -> dict[str, object]:
        names = ("detectable", "detectable_share", "careful_detectable", "half_width")
        if not pair.planned:
            return dict.fromkeys(names, np.nan)
        n = (pair.baseline.runs, pair.platform.runs)
        found, careful = (
            max(
                powers.detectable(one, n, power=self.power, alpha=level, critical=limit)
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
