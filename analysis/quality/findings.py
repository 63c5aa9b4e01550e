"""What a check looks at, and what it finds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import pandas as pd

from minion.lifecycle import TOTAL
from minion.model import Host, Simulation

Key = tuple[str, str]  # experiment, sim_id

COLUMNS = (
    "experiment",
    "sim_id",
    "platform",
    "hostname",
    "metric",
    "phase",
    "kind",
    "severity",
    "what",
)


class Severity(StrEnum):
    """How much a finding matters.

    broken: the run did not end, or a measured host has no samples: a program excludes it.
    doubtful: something that may make a figure wrong.
    note: worth knowing; nothing against the run.
    """

    BROKEN = "broken"
    DOUBTFUL = "doubtful"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a check met in one run.

    what: one sentence that stands alone, with its numbers.
    hostname, metric, phase: where; empty for what concerns the whole run. `metric` is a metric's
        name, or a chart's.
    """

    run: Key
    kind: str
    severity: Severity
    what: str
    hostname: str = ""
    metric: str = ""
    phase: str = ""


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one check.

    simulations: all of them, the excluded ones too.
    charts: `Store.coverage` of each, with its experiment and sim_id.
    reference: the runs that others are held against: whole and not excluded.
    hosts, phases: the names to look at; empty for all.
    """

    simulations: tuple[Simulation, ...]
    charts: pd.DataFrame
    reference: frozenset[Key]
    hosts: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()

    def measured(self, simulation: Simulation) -> list[Host]:
        """The hosts of a run that samples are expected of, as far as they are looked at."""
        return [h for h in simulation.measured_hosts if not self.hosts or h.hostname in self.hosts]

    def looks_at(self, phase: str) -> bool:
        """Whether a phase is looked at."""
        return not self.phases or phase in self.phases or TOTAL.name in self.phases

    def platforms(self) -> dict[tuple[str, str], list[Simulation]]:
        """The runs of each experiment and platform."""
        groups: dict[tuple[str, str], list[Simulation]] = {}
        for simulation in self.simulations:
            groups.setdefault((simulation.experiment, simulation.platform), []).append(simulation)
        return groups


def key_of(simulation: Simulation) -> Key:
    """What names a run in a store."""
    return simulation.experiment, simulation.sim_id


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names with commas between; of many the first few, and how many more."""
    texts = list(dict.fromkeys(names))
    more = len(texts) - most
    return ", ".join(texts[:most]) + (f" and {more} more" if more > 0 else "")


def findings_table(findings: Sequence[Finding], simulations: Sequence[Simulation]) -> pd.DataFrame:
    """The findings as `COLUMNS`, in the order of the runs, the worst of each first."""
    platforms = {key_of(simulation): simulation.platform for simulation in simulations}
    places = {key: place for place, key in enumerate(platforms)}
    severities = list(Severity)
    ordered = sorted(findings, key=lambda f: (places[f.run], severities.index(f.severity)))
    rows = [
        (*f.run, platforms[f.run], f.hostname, f.metric, f.phase, f.kind, f.severity.value, f.what)
        for f in ordered
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="str")
