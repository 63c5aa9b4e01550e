"""A run that is imported again: it may be the same, or have grown, and nothing else.

What is stored under its name must be in what comes. Another file under that name is neither mixed
in nor put in its place.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from minion.model import Event, EventType, Simulation
from minion.series import Series

_BOUNDS = (EventType.START_SIMULATION, EventType.STOP_SIMULATION)
# Stored times are those of a grid: off by a rounding of seconds since 1970, or of a step.
_SAME_TIME = 5e-7
_OF_A_STEP = 2e-6

Figures = Mapping[tuple[str, str | None, str | None], tuple[str | float | int | bool, str]]


def count(series: Iterable[Series]) -> int:
    """How many samples there are."""
    return sum(one.samples for one in series)


def difference(
    old: Simulation, stored: Sequence[Series], new: Simulation, series: Sequence[Series]
) -> str | None:
    """What a stored run has that is not in the one which comes under its name; None: nothing.

    Where samples came to it, the figures that follow from them may be others, and its bounds.

    Args:
        old, stored: the stored run and its series.
        new, series: the one that comes, and its series.

    Returns:
        The first difference, as a part of a sentence on the stored run.
    """
    if old.platform != new.platform:
        return f"its platform is {old.platform} there, not {new.platform}"
    come = _by_chart(series)
    for one in stored:
        if not _holds(come.get((one.hostname, one.chart)), one):
            return f"it has other samples of {one.chart} of {one.hostname} there"
    if old.provenance.details == new.provenance.details:
        return None
    more = count(series) > count(stored)
    return _of_events(old, new, more=more) or (None if more else _of_figures(old, new))


# ---------------------------------------------------------------- inside


def _by_chart(series: Iterable[Series]) -> dict[tuple[str, str], Series]:
    found: dict[tuple[str, str], Series] = {}
    for piece in series:
        place = (piece.hostname, piece.chart)
        found[place] = found[place].merge(piece)[0] if place in found else piece
    return found


def _holds(new: Series | None, old: Series) -> bool:
    """Whether every sample of a stored series is in the other one."""
    if new is None:
        return False
    columns = {dimension.id: place for place, dimension in enumerate(new.dimensions)}
    if not all(dimension.id in columns for dimension in old.dimensions):
        return False
    near = max(_SAME_TIME, _OF_A_STEP * (old.step or 0.0))
    rows = np.minimum(np.searchsorted(new.times, old.times - near), len(new.times) - 1)
    if not np.all(np.abs(new.times[rows] - old.times) <= near):
        return False
    places = np.array([columns[dimension.id] for dimension in old.dimensions], dtype=np.intp)
    come = new.values[np.ix_(rows, places)]
    return bool(np.all(np.isnan(old.values) | (come == old.values)))


def _of_events(old: Simulation, new: Simulation, *, more: bool) -> str | None:
    for event in _others(old):
        if event not in new.events:
            return f"it has {event.type.name} at {event.time:.3f} there"
    if old.start is not None and old.start != new.start and not more:
        return f"it begins at {old.start:.3f} there"
    longer = more or len(_others(new)) > len(_others(old))
    if old.end is not None and old.end != new.end and not longer:
        return f"it ends at {old.end:.3f} there"
    return None


def _others(run: Simulation) -> list[Event]:
    """The events of a run besides its bounds, which move when it grows."""
    return [event for event in run.events if event.type not in _BOUNDS]


def _of_figures(old: Simulation, new: Simulation) -> str | None:
    come = _figures(new)
    for place, (value, unit) in _figures(old).items():
        if come.get(place) != (value, unit):
            name, hostname, _ = place
            where = f" of {hostname}" if hostname else ""
            return f"its {name}{where} is {value}{unit and ' '}{unit} there"
    return None


def _figures(run: Simulation) -> Figures:
    """Measurements and parameters of a run."""
    told: Figures = {
        **{(name, None, None): (value, "") for name, value in run.parameters.items()},
        **{(m.name, m.hostname, m.phase): (m.value, m.unit) for m in run.measurements},
    }
    return told
