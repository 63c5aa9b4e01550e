"""One experiment in the making, and what was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self, cast

import pandas as pd

from analysis.comparing import margins
from analysis.comparing.comparison import Comparison
from analysis.metrics import METRICS, metric_of
from analysis.quality.checks import Check
from analysis.quantities import SECONDS, Quantity
from analysis.reporting.figures import Figures
from analysis.reporting.figures_over_time import spans_of
from analysis.reporting.origins import Source
from analysis.reporting.parts import Block, Figure, Look, Part
from analysis.reporting.sections import Glance, Section
from analysis.reporting.workshop import Workshop
from analysis.timeline import durations_of
from minion.errors import InvalidData
from minion.model import Simulation
from minion.selection import Choice, Texts, words

_BARS = ": mean of the runs (bar) and its 95 % interval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for.

    each_run: names of the metrics of which every run and host is drawn.
    baseline, margin, allow: of the comparison.
    """

    choice: Choice
    each_run: Sequence[str]
    baseline: str | None
    margin: str | None
    allow: Texts

    @classmethod
    def of(
        cls,
        choice: Choice,
        *,
        facets: Texts,
        baseline: str | None,
        margin: str | None,
        allow: Texts,
    ) -> Self:
        """It, once it is known that it can be had.

        Raises:
            NotFound: a metric that is none.
            InvalidData: a margin that does not fit every metric.
        """
        _check_margin(margin)
        each_run = [metric_of(name).name for name in words(facets)]
        return cls(choice=choice, each_run=each_run, baseline=baseline, margin=margin, allow=allow)


@dataclass(slots=True, kw_only=True)
class Study:
    """One experiment in the making.

    phases: durations, with the gaps between phases.
    sections: durations and metrics by name, in the order of the page.
    every_run: the part of the page that shows them.
    others: the parts of what only some experiments have: measurements, series, profiles.
    without: labels of the metrics that no run has samples of.
    quantities: what can be compared.
    values: of the whole run, one per run, of each of these.
    ratios: of the whole run, a figure.
    memory, order: figures of the quality: autocorrelations, and values in the order of the runs.
    comparison: or why there is none.
    """

    name: str
    choice: Choice
    simulations: list[Simulation]
    excluded: list[Simulation]
    look: Look
    make: Figures
    took: Glance
    used: Glance
    measured: Glance
    phases: pd.DataFrame
    sections: dict[str, Section] = field(default_factory=dict)
    every_run: Part | None = None
    others: list[Part] = field(default_factory=list)
    without: list[str] = field(default_factory=list)
    quantities: list[Quantity] = field(default_factory=list)
    values: list[pd.DataFrame] = field(default_factory=list)
    ratios: list[Figure] = field(default_factory=list)
    memory: list[Figure] = field(default_factory=list)
    order: list[Block] = field(default_factory=list)
    comparison: Comparison | str = ""
    checked: Check | None = None

    @classmethod
    def of(
        cls,
        name: str,
        simulations: list[Simulation],
        excluded: list[Simulation],
        look: Look,
        *,
        choice: Choice,
        workshop: Workshop,
    ) -> "Study":
        """One with nothing in it yet."""
        own = _inside(choice, name, simulations)
        phases = durations_of(simulations, include_gaps=True)
        source = Source.of(name, simulations, excluded, look.platforms, own)
        return cls(
            name=name,
            choice=own,
            simulations=simulations,
            excluded=excluded,
            look=look,
            make=Figures(workshop, look, source, spans_of(phases)),
            took=_glance(look, "took", f"How long it took{_BARS}", "Phase"),
            used=_glance(look, "used", f"What a run used on all its hosts{_BARS}", "Metric"),
            measured=_glance(look, "measured", f"What the runs measured{_BARS}", "Measurement"),
            phases=phases,
        )

    @property
    def names(self) -> list[str]:
        """The names of what can be compared."""
        return [quantity.name for quantity in self.quantities]

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a frame that belong here."""
        own = (frame["experiment"] == self.name).to_numpy()
        return frame if own.all() else frame[own]


# ---------------------------------------------------------------- inside


def _glance(look: Look, name: str, caption: str, rows_are: str) -> Glance:
    return Glance(f"{look.prefix}-{name}", caption, rows_are, look.colours)


def _inside(choice: Choice, experiment: str, simulations: Sequence[Simulation]) -> Choice:
    """A choice inside of one experiment: without the names that only others have."""
    if choice.get("experiment") is not None:
        return choice
    own: Choice = {**choice, "experiment": experiment}
    there = {
        "sims": {s.sim_id for s in simulations},
        "platform": {s.platform for s in simulations},
        "hosts": {host.hostname for s in simulations for host in s.hosts},
    }
    for name, known in there.items():
        given = words(cast("Texts", choice.get(name)))
        kept = [word for word in given if word in known or (name == "sims" and "-" in word)]
        if len(kept) < len(given):
            own[name] = kept  # type: ignore[literal-required]  # one of its names
    return own


def _check_margin(margin: str | None) -> None:
    """A margin must fit seconds, percentages and rates alike."""
    if margin is None:
        return
    for unit in dict.fromkeys((SECONDS, *(metric.unit for metric in METRICS.values()))):
        try:
            margins.parse(margin, unit)
        except InvalidData as error:
            raise InvalidData(
                f"a report compares durations and every metric, so its margin must fit all of"
                f" them: give a share, such as 5% ({error})"
            ) from None
