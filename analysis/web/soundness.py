"""What the check finds in one run, held against its neighbours: asked after the run is shown."""

import re
from typing import Any

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component
from dash.exceptions import PreventUpdate

from analysis.web.keeper import Keeper
from analysis.web.listing import Listing
from analysis.web.parts import Node, alert, badge, notes, section
from minion import schema
from minion.errors import InvalidData, MinionError
from minion.model import Simulation, Status, Verdict

NEIGHBOURS = 12  # runs on each side that a run is held against
_ABOUT, _KEPT = "findings-about", "findings-kept"
_KINDS = {"broken": "bad", "doubtful": "doubt"}
_UNSPEAKABLE = re.compile(r",|^\s|\s$|^[0-9]+-[0-9]+$")  # a list of names would misread it


def place(simulation: Simulation) -> list[Component]:
    """Where the findings stand; they come by themselves."""
    about = [
        simulation.experiment,
        simulation.sim_id,
        simulation.status.value,
        simulation.validity.verdict.value,
        len(simulation.events),
    ]
    return [
        section("findings", "What the check finds", html.Div(id="findings-body")),
        dcc.Store(id=_ABOUT, data=about),
    ]


def kept() -> Component:
    """Keeps what was found while other parts of the page are made again."""
    return dcc.Store(id=_KEPT)


def register(app: Dash, keeper: Keeper) -> None:
    """The callback that asks."""

    @app.callback(
        Output("findings-body", "children"),
        Output(_KEPT, "data"),
        Input(_ABOUT, "data"),
        State(_KEPT, "data"),
    )
    def find(about: Any, before: Any) -> Any:
        if not isinstance(about, list):
            raise PreventUpdate
        if isinstance(before, dict) and before.get("about") == about:
            return before["said"], before
        try:
            with keeper.heavy() as listing:
                said = findings(listing, str(about[0]), str(about[1]))
        except MinionError as error:
            return alert(f"{error}."), None
        return said, {"about": about, "said": said}


def findings(listing: Listing, experiment: str, sim_id: str) -> Node:
    """The findings of one run, the worst first, and what it was held against.

    It is held against the runs of its platform that were added shortly before and after it and are
    not excluded, so its page costs the same whatever the experiment grows to. `minion check` holds
    it against all.

    Args:
        listing: of the store.
        experiment, sim_id: of the run.

    Raises:
        NotFound: there is no such run.
        InvalidData: its name cannot be told to the check.
    """
    from analysis.quality.checks import check  # noqa: PLC0415  heavy, and not for the first page

    simulation = listing.store.simulation(sim_id, experiment)
    if simulation.status in (Status.RUNNING, Status.ENDED):
        return html.P("It is checked when it is complete.", className="empty")
    if _UNSPEAKABLE.search(sim_id):
        raise InvalidData("the name of this run reads as several, and the check cannot be told it")
    beside = neighbours(listing, simulation)
    checked = check(listing.store, experiment=experiment, sims=[sim_id, *beside])
    own = checked.findings[(checked.findings["sim_id"] == sim_id).to_numpy()]
    said: list[Node] = [
        [badge(str(severity), _KINDS), f" {what}"]
        for severity, what in zip(own["severity"], own["what"], strict=True)
    ]
    of = f"{len(beside):,} other {'run' if len(beside) == 1 else 'runs'} of {simulation.platform}"
    against = [f"Held against {of}, those added next to it; `minion check` takes all."]
    return [
        notes(said, "findings") if said else html.P("Nothing is against this run."),
        notes([*against, *(f"{note}." for note in checked.notes)], "remarks"),
    ]


def neighbours(listing: Listing, simulation: Simulation) -> list[str]:
    """The sim_ids of the runs of its platform that were added next to a run, without excluded ones.

    Args:
        listing: of the store.
        simulation: the run.
    """
    minions = listing.store.database[schema.MINIONS]
    alike = {
        "experiment": simulation.experiment,
        "platform": simulation.platform,
        "validity.verdict": {"$ne": Verdict.EXCLUDED.value},
    }
    found = [
        document["sim_id"]
        for side, direction in (("$lt", -1), ("$gt", 1))
        for document in minions.find({**alike, "_id": {side: simulation.id}}, {"sim_id": 1})
        .sort("_id", direction)
        .limit(NEIGHBOURS)
    ]
    return [name for name in found if not _UNSPEAKABLE.search(name)]
