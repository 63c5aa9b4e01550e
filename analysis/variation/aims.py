"""What is wanted of an experiment, and the figures that it takes for two platforms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from analysis.comparing.margins import Margin, parse
from analysis.statistics import power as powers
from minion.errors import InvalidData

CAREFUL = 0.8  # confidence of the upper limit of a deviation
_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one platform in one phase; `sd` is NaN of fewer than two."""

    platform: str
    runs: int
    mean: float
    sd: float

    @classmethod
    def of(cls, platform: str, values: "pd.Series[float]") -> Self:
        """The figures of its run values."""
        numbers = values.to_numpy(dtype=np.float64)
        mean = float(numbers.mean()) if len(numbers) else np.nan
        return cls(
            platform, len(numbers), mean, float(numbers.std(ddof=1)) if len(numbers) > 1 else np.nan
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two platforms in one phase and dimension."""

    names: dict[str, str]
    baseline: Group
    platform: Group

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
                runs = self._needed(name, amount, pair.sd)
                careful = self._needed(name, amount, pair.careful_sd)
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

    def _needed(self, name: str, amount: float, sd: powers.Pair) -> float:
        ways: Mapping[str, Callable[[], int | None]] = {
            "width": lambda: powers.runs_for_width(sd, amount, alpha=self.alpha),
            "difference": lambda: powers.runs_for_difference(
                sd, amount, power=self.power, alpha=self.alpha
            ),
            "margin": lambda: powers.runs_for_equivalence(
                sd, amount, power=self.power, alpha=self.alpha
            ),
        }
        found = ways[name]()
        return np.nan if found is None else found

    def _detectable(self, pair: Comparison) -> dict[str, object]:
        names = ("detectable", "detectable_share", "careful_detectable", "half_width")
        if not pair.planned:
            return dict.fromkeys(names, np.nan)
        n = (pair.baseline.runs, pair.platform.runs)
        found = powers.detectable(pair.sd, n, power=self.power, alpha=self.alpha)
        careful = powers.detectable(pair.careful_sd, n, power=self.power, alpha=self.alpha)
        mean = abs(pair.baseline.mean)
        width = powers.half_width(pair.sd, n, alpha=self.alpha)
        share = found / mean * 100 if mean else np.nan
        return dict(zip(names, (found, share, careful, width), strict=True))
