"""What a chart is asked for, and what is read of the store for it, once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from analysis.charting.palette import palette_of
from analysis.metrics import utilization
from analysis.quantities import Quantity, quantity
from analysis.timeline import durations_of
from minion.errors import NotFound
from minion.model import Simulation
from minion.selection import Choice, Selection, natural, words
from minion.store import Store

_NARROWEST = 90  # pixels of a panel beside others


@dataclass(frozen=True)
class Request:
    """What is to be drawn.

    given: options by name.
    room: in pixels; None where there is enough.
    """

    store: Store
    metric: str
    given: Mapping[str, Any]
    choice: Choice
    room: float | None

    @cached_property
    def selection(self) -> Selection:
        """The runs, hosts and phases."""
        return Selection.of(**self.choice)

    @cached_property
    def simulations(self) -> list[Simulation]:
        """The runs."""
        return self.store.simulations(self.selection)

    @cached_property
    def colours(self) -> dict[str, str]:
        """Those of all platforms of the experiment; of several, charts say what they think."""
        return palette_of(self.store, self.simulations)

    def values(self, metric: str) -> Quantity:
        """One value per run, of the whole run too."""
        return quantity(self.store, metric, self.simulations, **self.choice)

    def names(self, metrics: str) -> list[str]:
        """Those of several metrics with commas between; a measurement's own name may have some."""
        known = {one.name for run in self.simulations for one in run.measurements}
        return [metrics] if metrics in known else list(words(metrics))

    @property
    def simulated(self) -> bool:
        """Whether a run was made by a random generator."""
        return any(simulation.simulated for simulation in self.simulations)

    @property
    def by_platform(self) -> dict[str, Any]:
        """What charts share that tell platforms apart."""
        platforms = {simulation.platform for simulation in self.simulations}
        return {
            "platforms": sorted(platforms, key=natural),
            "colours": self.colours,
            "simulated": self.simulated,
        }

    def of_dimension(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of the dimension that was chosen, if any was.

        Raises:
            NotFound: there is no such dimension.
        """
        wanted = self.given.get("dimension")
        if wanted is None:
            return frame
        own = frame["dimension"].astype(str) if "dimension" in frame else pd.Series(dtype=str)
        if wanted not in set(own):
            there = ", ".join(sorted(set(own) - {""})) or "none"
            raise NotFound(f"{self.metric} has no dimension {wanted!r}; there are: {there}")
        found: pd.DataFrame = frame[(own == wanted).to_numpy()]
        return found

    @cached_property
    def samples(self) -> pd.DataFrame:
        """Those of the metric, as `utilization` gives them."""
        return utilization(self.store, self.metric, **self.choice)

    def phases(self, *, all_of_them: bool = True) -> pd.DataFrame:
        """Phases and gaps of the runs; those that were chosen, or all."""
        names = () if all_of_them else self.selection.phases
        return durations_of(self.simulations, phases=names, include_gaps=all_of_them)

    def beside(self, wide: float, around: float, most: int) -> dict[str, Any]:
        """How many panels stand side by side, and their width.

        Args:
            wide: pixels of a panel where there is room.
            around: what stands around each.
            most: how many at most.
        """
        if self.room is None:
            return {"columns": most, "width": round(wide)}
        columns = int(min(max(self.room // (_NARROWEST + around), 1), most))
        return {"columns": columns, "width": self.shared_out(wide, around * columns, columns)}

    def shared_out(self, wide: float, around: float, panels: int) -> int:
        """The width of each of so many panels that share the room."""
        if self.room is None:
            return round(wide)
        return round(min(wide, max((self.room - around) / max(panels, 1), 40)))
