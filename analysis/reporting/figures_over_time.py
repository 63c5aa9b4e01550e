"""Samples over time to figures of the page."""

import pandas as pd

from analysis.charting.courses import ROLE
from analysis.charting.panels import rounded_up
from analysis.metrics import Metric
from analysis.reporting.making import Maker, Spans, chart_command
from analysis.reporting.origins import hash_of_frame
from analysis.reporting.parts import Figure, Fold
from analysis.reporting.words import counted
from analysis.values import is_gap
from minion.lifecycle import TOTAL
from minion.selection import natural

RUNS_A_CHART = 40  # a longer one is slow to draw and to scroll through


class FiguresOverTime(Maker):
    """Makes those figures of one experiment whose axis is time."""

    def courses(
        self, frame: pd.DataFrame, metric: Metric, phases: pd.DataFrame, sha256: str
    ) -> list[Figure]:
        """The middle of the runs over time and, where runs have phases, phase by phase.

        Args:
            frame: the samples. metric: which. sha256: of the frame.
            phases: of the runs, with the gaps between them.
        """
        names = set(phases["phase"].astype("str"))
        acting = any(name != TOTAL.name and not is_gap(name) for name in names)
        figures = [self._course(frame, metric, sha256)]
        if acting and frame["phase"].notna().any():
            figures.append(self._aligned(frame, metric, phases, sha256))
        return figures

    def _course(self, frame: pd.DataFrame, metric: Metric, sha256: str) -> Figure:
        figure = self.figure(
            f"{metric.name}-course",
            self.workshop.draw("course", frame, **self.shared),
            how="the mean of a run's hosts of a role at each time step, over the runs",
            sha256=sha256,
            commands=[chart_command(metric.name, "course")],
        )
        figure.spans = self.spans
        return figure

    def _aligned(
        self, frame: pd.DataFrame, metric: Metric, phases: pd.DataFrame, sha256: str
    ) -> Figure:
        figure = self.figure(
            f"{metric.name}-aligned",
            self.workshop.draw("course", frame, align="phase", phases=phases, **self.shared),
            how="the mean of a run's hosts of a role at each share of a phase, over the runs",
            sha256=sha256,
            commands=[chart_command(metric.name, "course", "--align=phase")],
        )
        figure.aligned = True
        return figure

    def series(
        self, frame: pd.DataFrame, context: str, panel: str, height: int, identity: str
    ) -> Figure:
        """A context that no metric is made of, a line per platform, a panel per role or host."""
        given = f'contexts="{context}", experiment="{self.source.experiment}"'
        own = frame.assign(metric=context)
        drawn = self.workshop.draw("course", own, panel=panel, height=height, **self.shared)
        hosts = "a run's hosts of a role" if panel == ROLE else "each host of a run"
        called = f'.assign(metric=...), panel="{panel}") in a script'
        figure = self.figure(
            identity,
            drawn,
            how=f"the mean of {hosts} at each time step, over the runs",
            sha256=hash_of_frame(frame),
            options=f"charts.course(store.samples({given}){called}",
        )
        figure.spans = self.spans
        return figure

    def every_run(self, frame: pd.DataFrame, metric: Metric, phases: pd.DataFrame) -> list[Fold]:
        """Every run and host: a figure for each platform, and for each 40 runs of it."""
        folds: list[Fold] = []
        for platform in self.look.platforms:
            own = frame[(frame["platform"] == platform).to_numpy()]
            if own.empty:
                continue
            runs = sorted({str(run) for run in own["sim_id"].unique()}, key=natural)
            top = rounded_up(float(own["value"].max()))
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
                figure = self.figure(
                    f"{metric.name}-runs-{len(folds)}",
                    drawn,
                    how="samples, thinned to what the pixels of a panel can show",
                    sha256=hash_of_frame(part),
                    commands=[chart_command(metric.name, "facet")],
                    source=self.source.of_runs(platform, some),
                    platforms=[platform],
                    options=f"every run of {platform} on one value axis; the command takes two"
                    " points a pixel",
                )
                figure.spans = self.spans
                ids = some[0] if len(some) == 1 else f"{some[0]} to {some[-1]}"
                text = f"{metric.label} on {platform}: {counted(len(some), 'run')}, {ids}"
                folds.append(Fold(text, [figure], platforms=(platform,)))
        return folds

    def autocorrelation(self, frame: pd.DataFrame, metric: Metric, sha256: str) -> Figure:
        """How much the samples of a phase remember of each other.

        Args:
            frame: the samples. metric: which. sha256: of the frame.
        """
        return self.figure(
            f"{metric.name}-autocorrelation",
            self.workshop.draw("autocorrelation", frame, **self.shared),
            how="autocorrelations of a host's samples in a phase, their mean over hosts and runs",
            sha256=sha256,
            commands=[chart_command(metric.name, "autocorrelation")],
        )


def spans_of(phases: pd.DataFrame) -> Spans:
    """When each phase begins first and ends last, over all runs; the whole run has none."""
    own = phases[(phases["phase"].astype("str") != TOTAL.name).to_numpy()]
    groups = own.assign(phase=own["phase"].astype("str")).groupby("phase", sort=False)
    found = groups.agg(low=("start_s", "min"), high=("end_s", "max"))
    return {str(name): (float(low), float(high)) for name, low, high in found.itertuples()}
