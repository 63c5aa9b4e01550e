"""The page: parts put in order, numbered and written as HTML."""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import PackageLoader
from markupsafe import Markup

from analysis.charting.labels import quantity_name
from analysis.charting.output import environment
from analysis.charting.vega import runtime
from analysis.metrics import METRICS
from analysis.quantities import DURATION
from analysis.reporting import overview
from analysis.reporting.claims import (
    claims_of,
    count_table,
    pairs_of,
    rest_of,
    telling,
    verdict_table,
)
from analysis.reporting.doubts import doubts_part
from analysis.reporting.parts import Block, Figure, Fold, Part, Sentence, Sentences, folded, settled
from analysis.reporting.study import Study
from analysis.reporting.tables import Table, with_notes
from analysis.reporting.words import counted, listed, moment
from analysis.reporting.writer import Writer
from analysis.timeline import phase_order
from analysis.values import ALL_HOSTS, is_gap
from minion.lifecycle import TOTAL
from minion.model import SCHEMA_VERSION
from minion.selection import natural

_SCRIPTS = ("choice.js", "specs.js", "charts.js", "pointer.js", "tables.js", "paper.js")
_UNCERTAIN = (
    "Undecided is not equal: without a margin, set beforehand, nothing can be called equivalent."
)


def page(writer: Writer, *, command: str) -> str:
    """The whole file.

    Args:
        writer: everything is read, compared and checked.
        command: what the report names as its origin.
    """
    parts = {study.look.prefix: _parts(writer, study) for study in writer.studies}
    for own in parts.values():
        for part in own:
            part.blocks = settled(part.blocks)
    definitions = [folded(overview.phase_definitions()), folded(overview.metric_definitions())]
    everything = [b for own in parts.values() for part in own for b in part.everything()]
    numbers = _number([*everything, *(b for fold in definitions for b in fold.blocks)])
    names = _Names(writer)
    script, drawing = _script(), runtime()
    env = environment(loader=PackageLoader("analysis.reporting", ""))
    env.filters |= {
        "copied_map": json.dumps,
        "of": names.platforms_of,
        "within": names.phase_of,
        "copied": _copied,
    }
    return env.get_template("report.html").render(
        title=overview.headline(writer.simulations, _contents(writer)),
        simulated_label=overview.simulated_label(writer.simulations),
        tiles=overview.tiles(writer.simulations, writer.samples, writer.selection.hosts),
        studies=[
            {"identity": s.look.prefix, "name": s.name, "parts": parts[s.look.prefix]}
            for s in writer.studies
        ],
        platforms=names.colours,
        phases=names.phases,
        names={"platforms": list(names.colours), "phases": names.phases},
        numbers=numbers,
        made=_made(writer, command),
        definitions=definitions,
        style=Markup(_file("report.css")),  # noqa: S704  this package's own file
        script=Markup(script),  # noqa: S704  likewise
        runtime=Markup(drawing),  # noqa: S704  a library's own script
        script_sources=[_source(drawing), _source(script)],
    )


# ---------------------------------------------------------------- inside


class _Names:
    """Platforms and phases by their places: short in every row, and free of their characters."""

    def __init__(self, writer: Writer) -> None:
        self.colours: dict[str, str] = {}
        for study in writer.studies:
            self.colours |= study.look.colours
        names = (str(name) for study in writer.studies for name in study.phases["phase"].unique())
        self.phases = phase_order(name for name in names if not is_gap(name))
        self._platform = {name: str(place) for place, name in enumerate(self.colours)}
        self._phase = {name: str(place) for place, name in enumerate(self.phases)}

    def platforms_of(self, names: Iterable[str]) -> str:
        """The places of some platforms."""
        return " ".join(self._platform[name] for name in names if name in self._platform)

    def phase_of(self, name: str) -> str:
        """The place of a phase."""
        return self._phase.get(name, "")


def _parts(writer: Writer, study: Study) -> list[Part]:
    prefix, runs = study.look.prefix, study.simulations
    hosts = writer.selection.hosts
    shown = _shown(study)
    found = _findings_part(study)
    at_once = Part(f"{prefix}-glance", "At a glance")
    at_once.say(overview.opening(runs, writer.samples, hosts))
    if study.without:
        at_once.say(f"These runs have no samples of {listed(study.without)}.")
    at_once.blocks += [*study.took.tables, *study.used.tables, *study.measured.tables]
    compared = Part(f"{prefix}-compared", "What was compared")
    compared.blocks.append(overview.compared(runs, writer.samples, hosts, f"{prefix}-sides"))
    compared.blocks.append(
        folded(overview.run_list(runs, writer.samples, study.look.colours, f"{prefix}-runs"))
    )
    sections = [shown[name] for name in (DURATION, *METRICS) if name in shown]
    every_run = [study.every_run] if study.every_run else []
    assert study.checked is not None  # noqa: S101  checked before the page is made
    comparison = None if isinstance(study.comparison, str) else study.comparison
    figures = [*study.order, *study.memory]
    doubts = doubts_part(
        f"{prefix}-quality", runs, study.excluded, study.checked, comparison, figures
    )
    return [found, at_once, *sections, *study.others, *every_run, doubts, compared]


def _contents(writer: Writer) -> list[str]:
    """What the sections are about, in words."""
    there = {name for study in writer.studies for name in study.sections}
    titles = {part.title for study in writer.studies for part in study.others}
    shown = {
        "durations": DURATION in there,
        "utilization": bool(there & METRICS.keys()),
        **{name: name.capitalize() in titles for name in ("measurements", "profiles")},
    }
    return [name for name, is_shown in shown.items() if is_shown]


def _findings_part(study: Study) -> Part:
    """What the comparison supports, the sentences that say the most first."""
    part = Part(f"{study.look.prefix}-findings", "What the comparison supports")
    comparison = study.comparison
    if isinstance(comparison, str):
        part.say(comparison)
        return part
    claims = claims_of(comparison)
    figures = _figures(study)
    part.blocks.append(Sentences([c.sentence(figures) for c in telling(claims)], "claims"))
    total = comparison.pairs[(comparison.pairs["phase"].astype("str") == TOTAL.name).to_numpy()]
    total = total[(total["role"].astype("str") == ALL_HOSTS).to_numpy()]
    if len(total):
        table = verdict_table(
            total,
            identity=f"{part.identity}-total",
            caption="Verdicts on the whole run",
            figure=study.ratios[0].identity,
            several=True,
        )
        with_notes(table, "unit")
        study.ratios[0].table = table.identity
        part.blocks += [*study.ratios, folded(table)]
    rest = rest_of(claims)
    part.say(comparison.headline)
    uncertain = [_UNCERTAIN] if comparison.provenance["options"]["margin"] is None else []
    part.blocks.append(
        Fold(
            "What is undecided, and how the verdicts divide",
            [
                Sentences([Sentence(text) for text in (rest, *uncertain) if text]),
                count_table(claims, f"{part.identity}-counts"),
            ],
        )
    )
    return part


def _shown(study: Study) -> dict[str, Part]:
    """Durations and metrics, each with its verdicts beside its figures."""
    comparison = study.comparison
    claims = [] if isinstance(comparison, str) else claims_of(comparison)
    figures = _figures(study)
    parts = {}
    for name, section in study.sections.items():
        part = section.part
        verdicts: list[Fold] = []
        for dimension, own in section.figures.items():
            part.blocks += own
            some = [c for c in claims if c.quantity == (name, dimension)]
            if not some or isinstance(comparison, str):
                continue
            sentences = Fold(
                f"{quantity_name(name, dimension)}: all sentences of the comparison",
                [Sentences([c.sentence(figures) for c in some], "claims")],
                counted(len(some), "sentence"),
                paper=False,
            )
            pairs = pairs_of(comparison, name, dimension)
            verdicts += [sentences, *_verdict_folds(study, (name, dimension), pairs, own[1:])]
        part.blocks += [*section.more, *section.tables, *verdicts]
        parts[name] = part
    return parts


def _verdict_folds(
    study: Study, quantity: tuple[str, str], own: pd.DataFrame, forest: Sequence[Figure]
) -> list[Fold]:
    """The verdicts of one quantity as tables: of all hosts, and by role."""
    whole = (own["role"].astype("str") == ALL_HOSTS).to_numpy()
    folds = []
    for by_role, rows in ((False, own[whole]), (True, own[~whole])):
        if not len(rows):
            continue
        name = study.sections[quantity[0]].stem or quantity[0]
        stem = "-".join(filter(None, (study.look.prefix, name, quantity[1])))
        hosts = "by role" if by_role else "all hosts"
        table = verdict_table(
            rows,
            identity=f"{stem}-{hosts.replace(' ', '-')}",
            caption=f"{quantity_name(*quantity)}: verdicts, {hosts}",
            figure=forest[0].identity if forest and not by_role else "",
            by_role=by_role,
        )
        for figure in () if by_role else forest:
            figure.table = table.identity
        folds.append(folded(table, paper=not by_role))
    return folds


def _figures(study: Study) -> dict[tuple[str, str], str]:
    """The figure of each quantity that draws its intervals: the last; else the only one."""
    return {
        (name, dimension): own[-1].identity
        for name, section in study.sections.items()
        for dimension, own in section.figures.items()
        if own
    }


def _number(blocks: Sequence[Block]) -> dict[str, str]:
    """Number figures and tables in the order of the page; their names by identity."""
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for block in blocks:
        if isinstance(block, Figure | Table):
            kind = type(block).__name__
            counts[kind] += 1
            block.number = counts[kind]
            names[block.identity] = f"{kind} {counts[kind]}"
    return names


def _made(writer: Writer, command: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    simulations = writer.simulations
    written = sorted({s.provenance.version for s in simulations}, key=natural)
    sources = sorted({s.provenance.source for s in simulations}, key=natural)
    store = writer.store
    return {
        "version": version("minion"),
        "facts": [
            ("Written", moment(now.timestamp())),
            ("By", f"minion {version('minion')}"),
            ("Command", command),
            ("Store", f"{store.where}, database {store.database.name}"),
            (
                "Documents",
                f"schema version {SCHEMA_VERSION}, written by minion {listed(written)}",
            ),
            ("Source of the data", listed(sources)),
            ("Input", f"SHA-256 {writer.digest.hexdigest()} of all runs and samples used"),
        ],
    }


def _copied(values: Any) -> str:
    """Values as JSON, to stand in an attribute."""
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False)


def _file(name: str) -> str:
    return files("analysis.reporting").joinpath(name).read_text("utf-8")


def _script() -> str:
    """The page's own scripts as one."""
    parts = "\n".join(_file(name) for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{parts}\n}})();\n'


def _source(script: str) -> str:
    """A Content-Security-Policy source that allows exactly this script."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
