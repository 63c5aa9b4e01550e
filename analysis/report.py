"""The report: one HTML file with everything that was measured, which needs no network."""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Any, Unpack

import jinja2
import pandas as pd
from markupsafe import Markup

from analysis import facts
from analysis.contents import (
    Glance,
    Look,
    Part,
    course_figure,
    durations_part,
    facet_figures,
    metric_part,
)
from analysis.metrics import METRICS, Metric, metric_of, utilization
from analysis.output import environment, runtime
from analysis.theme import platform_colours
from analysis.timeline import durations_of
from minion.documents import encode
from minion.errors import InvalidData, NotFound
from minion.files import check_writable, written_whole
from minion.lifecycle import TOTAL
from minion.model import SCHEMA_VERSION, Simulation
from minion.selection import Choice, Selection, Texts, natural, words
from minion.store import Store


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was written.

    path: of the file. bytes: its size. seconds: that each step took, by its name.
    """

    path: Path
    bytes: int
    seconds: dict[str, float]


def write(
    store: Store,
    path: str | os.PathLike[str],
    *,
    facets: Texts = ("cpu",),
    command: str | None = None,
    **choice: Unpack[Choice],
) -> Report:
    """Write the report of a selection: durations, utilization, every run, and how it was made.

    Several experiments stand one after the other; they are not compared with each other.

    Args:
        store: where the data are.
        path: of the HTML file.
        facets: names of the metrics of which every run and host is drawn.
        command: what the report names as its origin; default: this call.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Returns:
        Where it is, how large, and how long each step took.

    Raises:
        NotFound: a simulation, platform, experiment, host, phase or metric that was named; or
            there is no simulation at all.
        OutputError: the file cannot be written; what was there before is untouched.
    """
    target = Path(path)
    check_writable(target)
    drawn_each = [metric_of(name).name for name in words(facets)]
    given = ", ".join(f"{name}={value!r}" for name, value in choice.items() if value)
    command = command or f"analysis.report.write(store, {target.name!r}{given and ', ' + given})"
    writer = _Writer(store, choice)
    writer.read()
    for metric in METRICS.values():
        writer.add_metric(metric, each_run=metric.name in drawn_each)
    with writer.clock.step("write"):
        content = writer.page(command).encode()
        with written_whole(target) as part:
            part.write_bytes(content)
    return Report(target, len(content), writer.clock.seconds)


# ---------------------------------------------------------------- inside


@dataclass(slots=True)
class _Clock:
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start


@dataclass(slots=True, kw_only=True)
class _Study:
    """One experiment in the making."""

    name: str
    identity: str
    simulations: list[Simulation]
    excluded: list[Simulation]
    look: Look
    took: Glance
    used: Glance
    phases: pd.DataFrame
    durations: Part
    told: list[str]
    over_time: Part
    metrics: list[Part] = field(default_factory=list)

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a frame that belong here."""
        own = (frame["experiment"] == self.name).to_numpy()
        return frame if own.all() else frame[own]


class _Writer:
    """Gathers the parts, metric by metric: only one metric's samples are in memory at a time."""

    def __init__(self, store: Store, choice: Choice) -> None:
        self.store = store
        self.choice = choice
        self.selection = Selection.of(**choice)
        self.clock = _Clock()
        self.digest = hashlib.sha256()
        self.simulations: list[Simulation] = []
        self.studies: list[_Study] = []

    def read(self) -> None:
        """Runs and their events; everything of the page that needs no samples."""
        with self.clock.step("read"):
            self.simulations = self.store.simulations(self.selection)
            if not self.simulations:
                raise NotFound(
                    "there is no simulation to report on; `minion runs` lists what there is"
                )
            self.samples = self.store.count_samples(self.simulations)
            ids = {simulation.id for simulation in self.simulations}
            wide = replace(self.selection, include_excluded=True)
            excluded = [s for s in self.store.simulations(wide) if s.id not in ids]
        for simulation in self.simulations:
            document = encode(simulation)
            kept = {k: v for k, v in document.items() if k not in ("_id", "id", "provenance")}
            self.digest.update(json.dumps(kept, sort_keys=True, default=str).encode())
        colours = platform_colours(s.platform for s in self.simulations)
        for place, name in enumerate(dict.fromkeys(s.experiment for s in self.simulations)):
            own = [s for s in self.simulations if s.experiment == name]
            left_out = [s for s in excluded if s.experiment == name]
            self.studies.append(self._study(f"e{place}", name, own, left_out, colours))

    def _study(
        self,
        identity: str,
        name: str,
        simulations: list[Simulation],
        excluded: list[Simulation],
        colours: dict[str, str],
    ) -> _Study:
        there = {s.platform for s in simulations}
        own_colours = {platform: c for platform, c in colours.items() if platform in there}
        look = Look(identity, own_colours, any(s.simulated for s in simulations))
        with self.clock.step("reduce and draw"):
            phases = durations_of(simulations)
            shown = phases
            if self.selection.phases:
                shown = durations_of(simulations, phases=self.selection.phases)
            took = Glance(f"How long it took{_BARS}", "Phase", own_colours)
            durations, told = durations_part(shown, look, took)
        return _Study(
            name=name,
            identity=identity,
            simulations=simulations,
            excluded=excluded,
            look=look,
            took=took,
            used=Glance(f"What a run used on all its hosts{_BARS}", "Metric", own_colours),
            phases=phases,
            durations=durations,
            told=told,
            over_time=Part(f"{identity}-time", "Over time, and every run"),
        )

    def add_metric(self, metric: Metric, *, each_run: bool) -> None:
        """One metric of every experiment."""
        try:
            with self.clock.step("read"):
                frame = utilization(self.store, metric.name, **self.choice)
        except InvalidData as error:
            for study in self.studies:
                note = f"{metric.label} cannot be given: {error}."
                study.metrics.append(
                    Part(f"{study.identity}-{metric.name}", metric.label, sentences=[note])
                )
            return
        with self.clock.step("reduce and draw"):
            self._digest(frame)
            for study in self.studies:
                self._add(study, study.of(frame), metric, each_run=each_run)

    def _add(self, study: _Study, frame: pd.DataFrame, metric: Metric, *, each_run: bool) -> None:
        lacking = facts.without_samples(frame, study.simulations)
        if frame.empty:
            note = f"These runs have no samples of it ({', '.join(metric.contexts)})."
            study.metrics.append(
                Part(f"{study.identity}-{metric.name}", metric.label, sentences=[note])
            )
            return
        asked = self.selection.phases
        part = metric_part(
            frame,
            metric,
            study.look,
            study.used,
            phases=[name for name in asked if name != TOTAL.name],
            whole_run=not asked or TOTAL.name in asked,
        )
        if lacking:
            some = ", ".join(lacking[:12]) + (" and more" if len(lacking) > 12 else "")
            runs = facts.counted(len(lacking), "run")
            part.sentences.append(f"Without any sample of it: {runs} ({some}).")
        study.metrics.append(part)
        if each_run:
            study.over_time.figures.append(course_figure(frame, metric, study.look))
            study.over_time.folded_figures += facet_figures(frame, metric, study.look, study.phases)

    def _digest(self, frame: pd.DataFrame) -> None:
        for name in frame:
            column = frame[name]
            if isinstance(column.dtype, pd.CategoricalDtype):
                self.digest.update("\0".join(column.cat.categories).encode())
                column = column.cat.codes.astype("int32")
            self.digest.update(column.to_numpy().tobytes())

    def page(self, command: str) -> str:
        """The whole file."""
        style, script = (files("analysis").joinpath(n).read_text("utf-8") for n in _ASSETS)
        loader = jinja2.PackageLoader("analysis", "")
        template = environment(loader=loader).get_template("report.html")
        studies = [self._parts(study) for study in self.studies]
        return template.render(
            title=facts.headline(self.simulations),
            simulated_label=facts.simulated_label(self.simulations),
            tiles=facts.tiles(self.simulations, self.samples, self.selection.hosts),
            studies=studies,
            made=self._made(command),
            style=Markup(style),  # noqa: S704  this package's own file
            script=Markup(script),  # noqa: S704  likewise
            runtime=Markup(runtime()),  # noqa: S704  a library's own script
            script_sources=[_source(runtime()), _source(script)],
        )

    def _parts(self, study: _Study) -> dict[str, Any]:
        prefix = study.identity
        runs = study.simulations
        at_once = Part(f"{prefix}-glance", "At a glance")
        at_once.sentences = [
            facts.opening(runs, self.samples, self.selection.hosts),
            *study.told,
            *(sentence for part in study.metrics[:2] for sentence in part.sentences[:1]),
            _NO_JUDGEMENT,
        ]
        at_once.open_tables = [*study.took.tables, *study.used.tables]
        compared = Part(f"{prefix}-compared", "What was compared")
        compared.open_tables = [facts.compared(runs, self.samples, self.selection.hosts)]
        compared.tables = [facts.run_list(runs, self.samples, study.look.colours)]
        sentences, tables = facts.quality(runs, study.excluded)
        doubts = Part(f"{prefix}-quality", "What is left out or doubtful")
        doubts.sentences, doubts.tables = sentences, tables
        over_time = [study.over_time] if study.over_time.figures else []
        parts = [at_once, compared, study.durations, *study.metrics, *over_time, doubts]
        return {"identity": prefix, "name": study.name, "parts": parts}

    def _made(self, command: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        written = sorted({s.provenance.version for s in self.simulations}, key=natural)
        sources = sorted({s.provenance.source for s in self.simulations}, key=natural)
        return {
            "version": version("minion"),
            "facts": [
                ("Written", facts.moment(now.timestamp())),
                ("By", f"minion {version('minion')}"),
                ("Command", command),
                ("Store", f"{self.store.where}, database {self.store.database.name}"),
                (
                    "Documents",
                    f"schema version {SCHEMA_VERSION}, written by minion {facts.listed(written)}",
                ),
                ("Source of the data", facts.listed(sources)),
                ("Input", f"SHA-256 {self.digest.hexdigest()} of all runs and samples used"),
            ],
            "tables": [facts.phase_definitions(), facts.metric_definitions()],
        }


_ASSETS = ("report.css", "report.js")
_BARS = ": mean of the runs (bar) and its 95 % interval"
_NO_JUDGEMENT = (
    "This says what was measured. Whether a difference is more than noise is not judged here."
)


def _source(script: str) -> str:
    """A Content-Security-Policy source that allows exactly this script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
