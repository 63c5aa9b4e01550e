"""Frames to figures of the page."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.charting.labels import in_a_sentence, quantity_name
from analysis.charting.shares import VARYING
from analysis.comparing.comparison import Comparison
from analysis.comparing.sentences import percent
from analysis.metrics import METRICS, Metric
from analysis.profiling.flame import flame_title
from analysis.profiling.reading import PREFIX
from analysis.quantities import DURATION, Quantity
from analysis.reporting.claims import pairs_of
from analysis.reporting.figures_over_time import FiguresOverTime
from analysis.reporting.making import chart_command
from analysis.reporting.origins import REDUCED, hash_of_frame
from analysis.reporting.parts import Figure
from analysis.reporting.workshop import Drawn
from analysis.values import ALL_HOSTS
from analysis.variation.variances import Variances
from minion.lifecycle import TOTAL
from minion.selection import written

BARS = 600  # of a flame graph: each is two elements of the page
_MEANS = "means of the runs with 95 % intervals"


class Figures(FiguresOverTime):
    """Makes the figures of one experiment."""

    def durations(self, frame: pd.DataFrame, sha256: str) -> Figure:
        """How long each phase took, a dot per run."""
        return self.figure(
            "durations",
            self.workshop.draw("durations", frame, **self.shared),
            how="the duration of each phase of each run, from its events",
            sha256=sha256,
            commands=[chart_command(DURATION, "durations"), ["compare", DURATION, "--format=json"]],
            options=_MEANS,
        )

    def timeline(self, frame: pd.DataFrame) -> Figure:
        """Every run as a bar of its phases."""
        return self.figure(
            "timeline",
            self.workshop.draw(
                "timeline", frame, simulated=self.look.simulated, platforms=self.look.platforms
            ),
            how="begin and end of each phase of each run, from its events",
            sha256=hash_of_frame(frame),
            options="aligned by time: every run begins at 0",
            commands=[chart_command(DURATION, "timeline")],
        )

    def levels(
        self, values: pd.DataFrame, metric: Metric, dimension: str, identity: str, sha256: str
    ) -> Figure:
        """A metric in each phase, a dot per run."""
        own = values.assign(metric=metric.name, unit=metric.unit)
        title = f"{quantity_name(metric.name, dimension)} in each phase"
        return self.figure(
            identity,
            self.workshop.draw("utilization", own, title=title, **self.shared),
            how=REDUCED,
            sha256=sha256,
            commands=[
                chart_command(metric.name, "values", *_only(dimension)),
                ["compare", metric.name, "--format=json"],
            ],
            options=_MEANS,
        )

    def measured(self, values: pd.DataFrame, of: Quantity, identity: str, sha256: str) -> Figure:
        """A measurement, a dot per run."""
        own = values.assign(metric=of.name, unit=of.unit)
        return self.figure(
            identity,
            self.workshop.draw("utilization", own, title=of.name, **self.shared),
            how="a measurement of each run; of one of its hosts, their mean",
            sha256=sha256,
            commands=[
                chart_command(of.name, "values"),
                ["compare", written([of.name]), "--format=json"],
            ],
            options=_MEANS,
        )

    def measured_by(
        self,
        values: pd.DataFrame,
        of: Quantity,
        identity: str,
        sha256: str,
        factor: str,
        **options: Any,
    ) -> Figure:
        """A measurement against a parameter of the runs, a dot per run."""
        own = values.assign(metric=of.name, unit=of.unit)
        return self.figure(
            identity,
            self.workshop.draw("levels", own, **self.shared, **options),
            how="a measurement of each run; of one of its hosts, their mean",
            sha256=sha256,
            commands=[["compare", of.name, f"--factor={factor}", "--format=json"]],
            options=f"by {factor}",
        )

    def flame(
        self, frame: pd.DataFrame, kind: str, platform: str, sims: Sequence[str], identity: str
    ) -> Figure:
        """What the functions of a platform's runs cost, in their places: a flame graph."""
        drawn = self.workshop.draw(
            "flame_graph",
            frame,
            title=flame_title(kind, [platform]),
            simulated=self.look.simulated,
            most=BARS,
        )
        metric = f"{PREFIX}{kind}"
        return self.figure(
            identity,
            drawn,
            how=f"own {kind} of every stack of functions, added up over the runs",
            sha256=hash_of_frame(frame),
            commands=[chart_command(metric, "flame")],
            source=self.source.of_runs(platform, sims),
            platforms=[platform],
            options=f"at most {BARS} bars, the widest",
        )

    def variances(self, found: Variances, metric: str) -> Figure:
        """Where the variance of a metric lies."""
        title = f"Where the variance of {in_a_sentence(metric)} lies"
        drawn = self.workshop.draw(
            "variances",
            found.components,
            of=VARYING[metric == DURATION],
            title=title,
            simulated=self.look.simulated,
        )
        return self.figure(
            f"{metric}-variances",
            drawn,
            how=f"components of the variance of {VARYING[metric == DURATION]}",
            sha256=found.provenance["sha256"],
            options="shares of their sum; a component below 0 counts as 0",
            commands=[chart_command(metric, "variance"), ["variance", metric, "--format=json"]],
        )

    def order(self, values: pd.DataFrame, starts: Mapping[tuple[str, str], float]) -> Figure:
        """Values of the whole run, in the order of the runs."""
        names = written(dict.fromkeys(values["metric"].astype("str")))
        return self.figure(
            "order",
            self.workshop.draw("drift", values, starts, **self.shared),
            how=_made_of(values["metric"].astype("str")),
            sha256=hash_of_frame(values),
            options="in the order of their starts",
            commands=[chart_command(names, "drift", f"--phase={TOTAL.name}")],
        )

    def differences(
        self, comparison: Comparison, metric: str, dimension: str, identity: str
    ) -> Figure:
        """The differences of one quantity in each phase, with their intervals."""
        pairs = pairs_of(comparison, metric, dimension)
        own = pairs[(pairs["role"].astype("str") == ALL_HOSTS).to_numpy()]
        title = f"{quantity_name(metric, dimension)}: differences and their intervals"
        drawn = self.workshop.draw(
            "differences", own, title=title, relative=False, simulated=self.look.simulated
        )
        family = _names(comparison)
        among = [f"--among={written(family)}"] if family != [metric] else []
        command = chart_command(metric, "differences", *among, *_only(dimension))
        return self._compared(identity, drawn, comparison, [metric], command)

    def ratios(self, comparison: Comparison) -> Figure:
        """The ratios of every quantity over the whole run, with their intervals."""
        pairs = comparison.pairs
        role, phase = (pairs[name].astype("str") for name in ("role", "phase"))
        own = pairs[((role == ALL_HOSTS) & (phase == TOTAL.name)).to_numpy()]
        known = own[(own["ratio"] > 0).to_numpy()]
        drawn = self.workshop.draw("ratios", own, simulated=self.look.simulated)
        metrics = list(dict.fromkeys(known["metric"].astype("str")))
        command = chart_command(written(_names(comparison)), "ratios")
        return self._compared("ratios", drawn, comparison, metrics, command)

    def _compared(
        self,
        identity: str,
        drawn: Drawn,
        comparison: Comparison,
        metrics: Sequence[str],
        command: Sequence[str],
    ) -> Figure:
        options = comparison.provenance["options"]
        given = [f"--{name}={options[name]}" for name in ("baseline", "margin") if options[name]]
        if comparison.allowed:
            given.append(f"--allow={written(d.name for d in comparison.allowed)}")
        told = [f"confidence {percent(options['confidence'])} %"]
        told.append(f"margin {options['margin']}" if options["margin"] else "no margin")
        told.append(f"against {options['baseline']}" if options["baseline"] else "all pairs")
        return self.figure(
            identity,
            drawn,
            how=f"means of the runs; of each run {_made_of(metrics)}",
            sha256=comparison.provenance["sha256"],
            commands=[
                ["compare", written(_names(comparison)), *given, "--format=json"],
                [*command, *given],
            ],
            options=", ".join(told),
        )


# ---------------------------------------------------------------- inside


def _names(comparison: Comparison) -> list[str]:
    """What was compared, one family."""
    return [str(name) for name in comparison.provenance["options"]["metric"]]


def _only(dimension: str) -> list[str]:
    return [f"--dimension={dimension}"] if dimension else []


def _made_of(metrics: Iterable[str]) -> str:
    """What the value of a run is, for some quantities."""
    names = dict.fromkeys(metrics)
    known = {
        "the duration of each phase": DURATION in names,
        REDUCED: any(name in METRICS for name in names),
        "what it measured": any(name not in METRICS and name != DURATION for name in names),
    }
    return "; or ".join(text for text, there in known.items() if there)
