"""The report in the making: what is read, compared, checked and drawn, experiment by experiment."""

import hashlib
import json
from dataclasses import replace

import pandas as pd
from bson import ObjectId

from analysis.charting.palette import palette
from analysis.comparing.comparison import Comparison
from analysis.comparing.order import beginnings
from analysis.metrics import METRICS, Metric, utilization
from analysis.quality.checks import check
from analysis.quantities import DURATION, Quantity, quantity
from analysis.reporting.claims import compared
from analysis.reporting.clock import Clock
from analysis.reporting.measured import measurements_part
from analysis.reporting.numbers import run_table, share_table
from analysis.reporting.origins import hash_of_frame
from analysis.reporting.parts import Look, Part, folded
from analysis.reporting.profiles import profiles_part
from analysis.reporting.sections import (
    Section,
    durations_section,
    lacking,
    linked,
    metric_section,
)
from analysis.reporting.series import series_part
from analysis.reporting.study import Study, Wish
from analysis.reporting.workshop import Workshop
from analysis.timeline import durations_of
from analysis.values import ALL_HOSTS
from analysis.variation.layers import SHARES
from analysis.variation.variances import variance
from minion.documents import encode
from minion.errors import InvalidData, NotFound
from minion.lifecycle import TOTAL
from minion.model import Simulation
from minion.selection import Selection
from minion.store import Store

_TEXTS = ("experiment", "metric", "phase", "dimension", "role", "platform", "sim_id")


class Writer:
    """Gathers everything; only one metric's samples are in memory at a time."""

    def __init__(self, store: Store, wish: Wish, workshop: Workshop, clock: Clock) -> None:
        self.store = store
        self.workshop = workshop
        self.wish = wish
        self.selection = Selection.of(**wish.choice)
        self.clock = clock
        self.digest = hashlib.sha256()
        self.simulations: list[Simulation] = []
        self.samples: dict[ObjectId, int] = {}
        self.studies: list[Study] = []

    def gather(self, simulations: list[Simulation], samples: dict[ObjectId, int]) -> None:
        """Everything of the page.

        Args:
            simulations: to report on, at least one.
            samples: how many each has, by its id.

        Raises:
            NotFound: none is of the platform to compare with.
        """
        self.simulations, self.samples = simulations, samples
        self._begin()
        for metric in METRICS.values():
            self._add_metric(metric)
        self._add_others()
        self._draw_order()
        self._compare()
        self._find_variances()
        self._check()

    def _begin(self) -> None:
        """Runs and their events; everything of the page that needs no samples."""
        self._check_baseline()
        with self.clock.step("read"):
            ids = {simulation.id for simulation in self.simulations}
            wide = replace(self.selection, include_excluded=True)
            excluded = [s for s in self.store.simulations(wide) if s.id not in ids]
        for simulation in self.simulations:
            document = encode(simulation)
            kept = {k: v for k, v in document.items() if k not in ("_id", "id", "provenance")}
            self.digest.update(json.dumps(kept, sort_keys=True, default=str).encode())
        for place, name in enumerate(dict.fromkeys(s.experiment for s in self.simulations)):
            own = [s for s in self.simulations if s.experiment == name]
            there = {s.platform for s in own}
            colours = palette(self.store, name)
            look = Look(
                f"e{place}",
                {platform: c for platform, c in colours.items() if platform in there},
                any(s.simulated for s in own),
            )
            self.studies.append(
                self._study(name, own, [s for s in excluded if s.experiment == name], look)
            )

    def _add_metric(self, metric: Metric) -> None:
        """One metric of every experiment."""
        try:
            with self.clock.step("read"):
                frame = utilization(self.store, metric.name, **self.wish.choice)
        except InvalidData as error:
            for study in self.studies:
                part = Part(f"{study.look.prefix}-{metric.name}", metric.label)
                part.say(f"{metric.label} cannot be given: {error}.")
                study.sections[metric.name] = Section(part)
            return
        for study in self.studies:
            own = study.rows(frame)
            sha256 = hash_of_frame(own)
            self.digest.update(sha256.encode())
            self._add(study, own, metric, sha256)

    def _add_others(self) -> None:
        """What only some experiments have."""
        for study in self.studies:
            self._add_measurements(study)
            with self.clock.step("read"):
                profiles = profiles_part(self.store, study)
                series = series_part(self.store, study)
            study.others += [part for part in (series, profiles) if part is not None]

    def _add_measurements(self, study: Study) -> None:
        with self.clock.step("reduce and draw"):
            part, found = measurements_part(self.store, study)
            for values, section in found:
                study.sections[values.name] = section
                self._keep(study, values)
        if part.blocks or found:
            study.others.append(part)

    def _draw_order(self) -> None:
        """Values of the whole run in the order of the runs, as far as their starts are known."""
        for study in self.studies:
            if not study.values or len(study.simulations) < 2:
                continue
            with self.clock.step("reduce and draw"):
                known = beginnings(study.simulations)
                values = pd.concat(study.values, ignore_index=True)
                begun = [
                    run in known for run in zip(values["experiment"], values["sim_id"], strict=True)
                ]
                if any(begun):
                    table = run_table(values, f"{study.look.prefix}-values", study.look.colours)
                    figure = study.make.order(values[begun], known)
                    study.order += [linked(figure, table), folded(table)]

    def _compare(self) -> None:
        """The platforms of each experiment, all metrics and the durations one family."""
        for study in self.studies:
            with self.clock.step("compare"):
                study.comparison = compared(
                    self.store,
                    study.quantities,
                    study.simulations,
                    baseline=self.wish.baseline,
                    margin=self.wish.margin,
                    allow=self.wish.allow,
                    choice=study.choice,
                )
                if not isinstance(study.comparison, str):
                    self._draw_differences(study, study.comparison)

    def _draw_differences(self, study: Study, comparison: Comparison) -> None:
        study.ratios.append(study.make.ratios(comparison))
        for name in study.names:
            for place, (dimension, figures) in enumerate(study.sections[name].figures.items()):
                stem = study.sections[name].stem or name
                identity = f"{stem}-differences-{place}"
                figures.append(study.make.differences(comparison, name, dimension, identity))

    def _check(self) -> None:
        """The quality of the runs of each experiment, the excluded ones too."""
        for study in self.studies:
            with self.clock.step("check"):
                study.checked = check(self.store, **study.choice)

    def _check_baseline(self) -> None:
        there = dict.fromkeys(s.platform for s in self.simulations)
        if self.wish.baseline is not None and self.wish.baseline not in there:
            raise NotFound(
                f"no platform {self.wish.baseline} among the runs to compare with; there are:"
                f" {', '.join(there)}"
            )

    def _study(
        self, name: str, simulations: list[Simulation], excluded: list[Simulation], look: Look
    ) -> Study:
        study = Study.of(
            name, simulations, excluded, look, choice=self.wish.choice, workshop=self.workshop
        )
        with self.clock.step("reduce and draw"):
            shown = durations_of(simulations, phases=self.selection.phases)
            took = quantity(self.store, DURATION, simulations, **study.choice)
            if not all(simulation.measurements_only for simulation in simulations):
                study.sections[DURATION] = durations_section(
                    shown, study.phases, took, look, study.took, study.make
                )
            if not shown.empty:
                self._keep(study, took)
        return study

    def _add(self, study: Study, frame: pd.DataFrame, metric: Metric, sha256: str) -> None:
        if frame.empty:
            study.without.append(f"{metric.label} ({', '.join(metric.contexts)})")
            return
        with self.clock.step("read"):
            values = quantity(self.store, metric.name, study.simulations, **study.choice)
        with self.clock.step("reduce and draw"):
            section = metric_section(
                values, frame, metric, study.look, study.used, study.make, study.phases, sha256
            )
            asked = self.selection.phases or tuple(
                str(phase) for phase in values.runs.values["phase"].unique()
            )
            section.part.say(*lacking(values, study.simulations, asked))
            study.sections[metric.name] = section
            if section.figures:
                self._keep(study, values)
            if metric.name in self.wish.each_run:
                if study.every_run is None:
                    study.every_run = Part(f"{study.look.prefix}-time", "Every run and host")
                study.every_run.blocks += study.make.every_run(frame, metric, study.phases)
                study.memory.append(study.make.autocorrelation(frame, metric, sha256))

    def _find_variances(self) -> None:
        """Where the variance of durations lies, and of what every run is drawn of."""
        for study in self.studies:
            shown = [n for n in study.names if n in (DURATION, *self.wish.each_run)]
            for name in shown if len(study.simulations) > 1 else ():
                section = study.sections[name]
                with self.clock.step("variance"):
                    try:
                        found = variance(self.store, name, **study.choice)
                    except (InvalidData, NotFound) as error:
                        section.part.say(f"Where the variance lies cannot be told: {error}.")
                        continue
                    section.part.say(*found.sentences[:1])
                    if not found.components[list(SHARES)].notna().to_numpy().any():
                        continue
                    table = share_table(
                        found.components,
                        name,
                        f"{section.part.identity}-shares",
                        f"{section.part.title}: shares of the variance",
                    )
                    section.more.append(linked(study.make.variances(found, name), table))
                    section.tables.append(folded(table, paper=False))

    def _keep(self, study: Study, values: Quantity) -> None:
        """The values for the comparison; those of the whole run for the order of the runs too."""
        study.quantities.append(values)
        frame = values.runs.values
        own = frame[((frame["role"] == ALL_HOSTS) & (frame["phase"] == TOTAL.name)).to_numpy()]
        texts = {n: own[n].astype("str") if n in own else "" for n in _TEXTS}
        study.values.append(own[["value"]].assign(**texts, unit=values.unit))
