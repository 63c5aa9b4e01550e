"""The colours of an experiment's platforms: the same whichever of them are drawn."""

from collections.abc import Iterable, Mapping

from analysis.charting.theme import platform_colours
from minion import schema
from minion.model import Simulation
from minion.mongodb import translated
from minion.store import Store

Colours = Mapping[str, str]


def palette(store: Store, experiment: str) -> dict[str, str]:
    """A colour for each platform of an experiment, those of excluded runs too.

    Args:
        store: where its runs are.
        experiment: its name.

    Raises:
        StoreError: the store is away.
    """
    with translated(store.where):
        found = store.database[schema.MINIONS].distinct("platform", {"experiment": experiment})
    return platform_colours(map(str, found))


def palette_of(store: Store, simulations: Iterable[Simulation]) -> dict[str, str]:
    """The palette of the experiment of these simulations; empty where they are of several.

    Args:
        store: where they are.
        simulations: what is drawn.

    Raises:
        StoreError: the store is away.
    """
    names = {simulation.experiment for simulation in simulations}
    return palette(store, names.pop()) if len(names) == 1 else {}


def colours_of(names: Iterable[str], colours: Colours | None = None) -> dict[str, str]:
    """The colours of what is drawn.

    Args:
        names: of platforms, or of levels of a parameter.
        colours: those of all of them; one that has none here gets one among those drawn.
    """
    drawn = list(names)
    known = {**platform_colours(drawn), **(colours or {})}
    return {name: known[name] for name in drawn}
