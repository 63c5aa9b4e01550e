"""Frames to figures of the page."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.charting.panels import rounded_up
from analysis.comparing.comparison import Comparison
from analysis.metrics import Metric
from analysis.profiling.flame import flame_title
from analysis.profiling.reading import PREFIX
from analysis.quantities import DURATION, Quantity
from analysis.reporting.claims import pairs_of
from analysis.reporting.origins import REDUCED, Source
from analysis.reporting.parts import Figure, Fold, Look
from analysis.reporting.words import counted, quantity_name
from analysis.reporting.workshop import Drawn, Spec, Workshop
from analysis.values import ALL_HOSTS
from analysis.variation.variances import Variances
from minion.lifecycle import TOTAL
from minion.selection import natural

BARS = 600  # of a flame graph: each is two elements of the page
RUNS_A_CHART = 40  # a longer one is slow to draw and to scroll through
PANELS = 3  # side by side on a wide page
Spans = Mapping[str, tuple[float, float]]


class Figures:
    """Makes the figures of one experiment.

    workshop: where charts are ordered.
    look, source: what all of them share.
    spans: when each phase begins first and ends last.
    """

    def __init__(self, workshop: Workshop, look: Look, source: Source, spans: Spans) -> None:
        self.workshop, self.look, self.source, self.spans = workshop, look, source, spans
        self._shared: dict[str, Any] = {"simulated": look.simulated, "platforms": look.platforms}

    def durations(self, frame: pd.DataFrame, sha256: str) -> Figure:
        """How long each phase took, a dot per run."""
        return self._figure(
            "durations",
            self.workshop.draw("durations", frame, **self._shared),
            how="the duration of each phase of each run, from its events",
            sha256=sha256,
            commands=[_chart(DURATION, "durations"), ["compare", DURATION, "--format=json"]],
        )

    def timeline(self, frame: pd.DataFrame) -> Figure:
        """Every run as a bar of its phases."""
        return self._figure(
            "timeline",
            self.workshop.draw("timeline", frame, **self._shared),
            how="begin and end of each phase of each run, from its events",
            commands=[_chart(DURATION, "timeline")],
        )

    def levels(
        self, values: pd.DataFrame, metric: Metric, dimension: str, identity: str, sha256: str
    ) -> Figure:
        """A metric in each phase, a dot per run."""
        own = values.assign(metric=metric.name, unit=metric.unit)
        title = f"{quantity_name(metric.name, dimension)} in each phase"
        return self._figure(
            identity,
            self.workshop.draw("utilization", own, title=title, **self._shared),
            how=REDUCED,
            sha256=sha256,
            commands=[
                _chart(metric.name, "utilization"),
                ["compare", metric.name, "--format=json"],
            ],
        )

    def measured(self, values: pd.DataFrame, of: Quantity, identity: str, sha256: str) -> Figure:
        """A measurement, a dot per run."""
        own = values.assign(metric=of.name, unit=of.unit)
        return self._figure(
            identity,
            self.workshop.draw("utilization", own, title=of.name, **self._shared),
            how="a measurement of each run; of one of its hosts, their mean",
            sha256=sha256,
            commands=[_chart(of.name, "differences"), ["compare", of.name, "--format=json"]],
        )

    def course(self, frame: pd.DataFrame, metric: Metric) -> Figure:
        """The middle of the runs over time, a line per platform."""
        figure = self._figure(
            f"{metric.name}-course",
            self.workshop.draw("course", frame, **self._shared),
            how="the mean of a run's hosts of a role at each time step, over the runs",
            commands=[_chart(metric.name, "course")],
        )
        figure.spans = self.spans
        return figure

    def series(self, frame: pd.DataFrame, context: str, identity: str) -> Figure:
        """A context that no metric is made of, a line per platform."""
        given = f'contexts="{context}", experiment="{self.source.experiment}"'
        figure = self._figure(
            identity,
            self.workshop.draw("course", frame.assign(metric=context), **self._shared),
            how="the mean of a run's hosts of a role at each time step, over the runs",
            options=f"charts.course(store.samples({given}).assign(metric=...)) in a script",
        )
        figure.spans = self.spans
        return figure

    def every_run(self, frame: pd.DataFrame, metric: Metric, phases: pd.DataFrame) -> list[Fold]:
        """Every run and host: a figure for each platform, and for each 40 runs of it."""
        folds: list[Fold] = []
        top = rounded_up(float(frame["value"].max()))
        for platform in self.look.platforms:
            own = frame[(frame["platform"] == platform).to_numpy()]
            runs = sorted({str(run) for run in own["sim_id"].unique()}, key=natural)
            for first in range(0, len(runs), RUNS_A_CHART):
                some = runs[first : first + RUNS_A_CHART]
                part = own if len(some) == len(runs) else own[own["sim_id"].isin(some).to_numpy()]
                drawn = self.workshop.draw(
                    "facet",
                    part,
                    phases=phases,
                    title=f"{metric.label} on {platform}, each run and host",
                    simulated=self.look.simulated,
                    top=top,
                )
                figure = self._figure(
                    f"{metric.name}-runs-{len(folds)}",
                    drawn,
                    how="samples, thinned to what their pixels can show",
                    commands=[_chart(metric.name, "facet")],
                    platforms=[platform],
                )
                figure.spans = self.spans
                ids = some[0] if len(some) == 1 else f"{some[0]} to {some[-1]}"
                text = f"{metric.label} on {platform}: {counted(len(some), 'run')}, {ids}"
                folds.append(Fold(text, [figure], platforms=(platform,)))
        return folds

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
        source = self.source.of_runs(platform, sims)
        metric = f"{PREFIX}{kind}"
        return Figure(
            identity=f"{self.look.prefix}-{identity}-figure",
            drawn=drawn,
            origin=source.origin(
                how=f"own {kind} of every stack of functions, added up over the runs",
                commands=[["chart", metric, "--kind=flame", f"--out={kind}-flame.html"]],
                platforms=[platform],
                options=f"at most {BARS} bars, the widest",
            ),
        )

    def variances(self, found: Variances, metric: str) -> Figure:
        """Where the variance of a metric lies."""
        title = f"Where the variance of {_inside_a_sentence(quantity_name(metric))} lies"
        drawn = self.workshop.draw(
            "variances", found.components, title=title, simulated=self.look.simulated
        )
        return self._figure(
            f"{metric}-variances",
            drawn,
            how="components of the variance of a host's mean in a phase",
            commands=[_chart(metric, "variance"), ["variance", metric, "--format=json"]],
        )

    def autocorrelation(self, frame: pd.DataFrame, metric: Metric) -> Figure:
        """How much the samples of a phase remember of each other."""
        return self._figure(
            f"{metric.name}-autocorrelation",
            self.workshop.draw("autocorrelation", frame, **self._shared),
            how="autocorrelations of a host's samples in a phase, their mean over hosts and runs",
            commands=[_chart(metric.name, "autocorrelation")],
        )

    def order(self, values: pd.DataFrame, starts: Mapping[tuple[str, str], float]) -> Figure:
        """Values of the whole run, in the order of the runs."""
        title = "Values of the whole run, in the order in which the runs were made"
        rows = values[["metric", "dimension", "unit"]].astype("str").drop_duplicates()
        names = [f"{quantity_name(metric, d)}, {unit}" for metric, d, unit in rows.to_numpy()]
        return self._figure(
            "order",
            self.workshop.draw("drift", values, starts, title=title, **self._shared),
            how=f"durations, and {REDUCED}",
            commands=[
                [*_chart(str(name), "drift"), f"--phase={TOTAL.name}"]
                for name in values["metric"].unique()
            ],
            finish=lambda spec: _side_by_side(spec, names),
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
        return self._compared(
            identity, drawn, comparison, [metric], lambda spec: _with_levels(spec, own)
        )

    def ratios(self, comparison: Comparison) -> Figure:
        """The ratios of every quantity over the whole run, with their intervals."""
        pairs = comparison.pairs
        role, phase = (pairs[name].astype("str") for name in ("role", "phase"))
        own = pairs[((role == ALL_HOSTS) & (phase == TOTAL.name)).to_numpy()]
        known = own[(own["ratio"] > 0).to_numpy()]
        keys = known[["metric", "dimension"]].astype("str").drop_duplicates().to_numpy()
        names = [quantity_name(metric, dimension) for metric, dimension in keys]
        drawn = self.workshop.draw(
            "differences",
            own,
            title="The whole run: how many times as much or as long",
            relative=True,
            simulated=self.look.simulated,
        )

        def finish(spec: Spec) -> Spec:
            return _side_by_side(_with_levels(spec, own), names)

        metrics = list(dict.fromkeys(known["metric"].astype("str")))
        return self._compared("ratios", drawn, comparison, metrics, finish, phase=TOTAL.name)

    def _compared(
        self,
        identity: str,
        drawn: Drawn,
        comparison: Comparison,
        metrics: Sequence[str],
        finish: Callable[[Spec], Spec],
        phase: str = "",
    ) -> Figure:
        options = comparison.provenance["options"]
        given = [f"--{name}={options[name]}" for name in ("baseline", "margin") if options[name]]
        of_phase = [f"--phase={phase}"] if phase else []
        family = ",".join(map(str, options["metric"]))
        told = [f"confidence {options['confidence'] * 100:g} %"]
        told.append(f"margin {options['margin']}" if options["margin"] else "no margin")
        told.append(f"against {options['baseline']}" if options["baseline"] else "all pairs")
        return self._figure(
            identity,
            drawn,
            how=f"means of the runs; of each run {REDUCED}",
            sha256=comparison.provenance["sha256"],
            commands=[
                ["compare", family, *given, "--format=json"],
                *([*_chart(name, "differences"), *given, *of_phase] for name in metrics),
            ],
            options=", ".join(told),
            finish=finish,
        )

    def _figure(
        self,
        identity: str,
        drawn: Drawn,
        *,
        how: str,
        sha256: str = "",
        commands: Sequence[Sequence[str]] = (),
        platforms: Sequence[str] = (),
        options: str = "",
        finish: Callable[[Spec], Spec] | None = None,
    ) -> Figure:
        origin = self.source.origin(
            how=how, sha256=sha256, commands=commands, platforms=platforms, options=options
        )
        return Figure(
            identity=f"{self.look.prefix}-{identity}-figure",
            drawn=drawn,
            origin=origin,
            finish=finish,
        )


def spans_of(phases: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """When each phase begins first and ends last, over all runs; the whole run has none."""
    own = phases[(phases["phase"].astype("str") != TOTAL.name).to_numpy()]
    groups = own.assign(phase=own["phase"].astype("str")).groupby("phase", sort=False)
    found = groups.agg(low=("start_s", "min"), high=("end_s", "max"))
    return {str(name): (float(low), float(high)) for name, low, high in found.itertuples()}


# ---------------------------------------------------------------- inside


def _with_levels(spec: Spec, pairs: pd.DataFrame) -> Spec:
    """A forest plot whose records know the two platforms of their pair."""
    levels = {
        f"{level} {sign} {reference}": [level, reference]
        for level, reference in zip(pairs["level"], pairs["reference"], strict=True)
        for sign in ("−", "/")
    }
    for records in spec["datasets"].values():
        for record in records:
            if "pair" in record:
                record["of"] = levels[record["pair"]]
    return spec


def _side_by_side(spec: Spec, names: Sequence[str]) -> Spec:
    """A chart of one panel for each quantity, its panels beside each other."""
    blocks = spec.pop("vconcat", None) or [spec]
    panels = []
    for block, name in zip(blocks, names, strict=True):
        (panel,) = block["concat"]
        panel["data"] = block.pop("data")
        panel["title"] = {**panel["title"], "text": name}
        panels.append(panel)
    spec |= {"concat": panels, "columns": PANELS, "spacing": {"row": 14, "column": 22}}
    return spec


def _inside_a_sentence(name: str) -> str:
    return name if name[1].isupper() else f"{name[0].lower()}{name[1:]}"


def _chart(metric: str, kind: str) -> list[str]:
    return ["chart", metric, f"--kind={kind}", f"--out={metric}-{kind}.svg"]
