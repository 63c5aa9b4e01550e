"""The simulated study into plain columns, past every store."""

from pathlib import Path

import numpy as np
from columns import NUMBERS, TEXTS, Run, Study
from numpy.typing import NDArray

from analysis.values import is_gap
from ingest.simulated import RAM_MIB, study
from minion.lifecycle import read_timeline
from minion.model import Simulation, Verdict
from minion.series import Series


def make_study(folder: Path, runs: int, seed: int = 1) -> Study:
    """The study's columns in a folder, which is made.

    Args:
        folder: where to.
        runs: valid ones of each platform.
        seed: of the random generator.
    """
    folder.mkdir(parents=True)
    making = _Columns()
    for simulation, series in study(seed=seed, runs=runs):
        making.add(simulation, series)
    names = {name: list(places) for name, places in making.places.items()}
    made = Study(
        folder=folder,
        runs=making.runs,
        names=names,
        compared=[name for name in names["phase"] if not is_gap(name)],
        roles=making.roles,
        ram_mib=RAM_MIB,
        seed=seed,
        per_platform=runs,
    )
    made.save(making.columns())
    return made


class _Columns:
    """Columns in the making: blocks of rows that have their texts in common."""

    def __init__(self) -> None:
        self.places: dict[str, dict[str, int]] = {name: {} for name in TEXTS}
        self.runs: list[Run] = []
        self.roles: dict[str, str] = {}
        self._codes: dict[str, list[int]] = {name: [] for name in TEXTS if name != "phase"}
        self._lengths: list[int] = []
        self._phases: list[NDArray[np.int16]] = []
        self._numbers: dict[str, list[NDArray[np.float64]]] = {name: [] for name in NUMBERS}

    def add(self, simulation: Simulation, series: list[Series]) -> None:
        timeline = read_timeline(simulation)
        if timeline is None:
            raise SystemExit(f"the simulated run {simulation.sim_id} has no start")
        intervals = timeline.intervals
        codes = np.array([self._code("phase", i.name) for i in intervals] + [-1], dtype=np.int16)
        first = sum(self._lengths)
        end = 0.0
        self.roles |= {host.hostname: host.role.value for host in simulation.measured_hosts}
        for one in sorted(series, key=lambda s: (s.hostname, s.chart)):
            end = max(end, float(one.times[-1]) + 1)
            for place, dimension in enumerate(one.dimensions):
                there = ~np.isnan(one.values[:, place])
                elapsed = one.times[there] - timeline.origin
                self._numbers["elapsed_s"].append(elapsed)
                self._numbers["value"].append(one.values[there, place])
                self._phases.append(codes[timeline.labels(elapsed)])
                self._lengths.append(len(elapsed))
                texts = {
                    "experiment": simulation.experiment,
                    "platform": simulation.platform,
                    "sim_id": simulation.sim_id,
                    "hostname": one.hostname,
                    "role": self.roles[one.hostname],
                    "chart": one.chart,
                    "context": one.context,
                    "dimension": dimension.id,
                    "unit": one.unit,
                }
                for name, text in texts.items():
                    self._codes[name].append(self._code(name, text))
        self.runs.append(
            Run(
                sim_id=simulation.sim_id,
                platform=simulation.platform,
                excluded=simulation.validity.verdict is Verdict.EXCLUDED,
                start=timeline.origin,
                end=end,
                bounds=[*(i.start_s for i in intervals), intervals[-1].end_s],
                phases=[i.name for i in intervals],
                first_row=first,
                rows=sum(self._lengths) - first,
            )
        )

    def columns(self) -> dict[str, NDArray[np.generic]]:
        """Every column."""
        found: dict[str, NDArray[np.generic]] = {
            name: np.repeat(np.array(codes, dtype=np.int16), self._lengths)
            for name, codes in self._codes.items()
        }
        found["phase"] = np.concatenate(self._phases)
        return found | {name: np.concatenate(parts) for name, parts in self._numbers.items()}

    def _code(self, name: str, text: str) -> int:
        known = self.places[name]
        return known.setdefault(text, len(known))
