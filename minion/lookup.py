"""Finding simulations, and saying what is not there to whoever named it."""

from collections.abc import Iterable, Sequence

from bson import ObjectId
from pymongo.collection import Collection

from minion import schema
from minion.documents import Document, decode
from minion.errors import Ambiguous, NotFound
from minion.model import Host, Simulation, Verdict
from minion.selection import Selection, natural, written

Minions = Collection[Document]


def read(document: Document) -> Simulation:
    """The simulation of a document of `minions`, of whichever schema version."""
    return decode(Simulation, schema.upgrade(document))


def one(minions: Minions, sim_id: str, experiment: str | None) -> Simulation:
    """See `Store.simulation`."""
    query = {"sim_id": sim_id} | ({"experiment": experiment} if experiment else {})
    found = [read(document) for document in minions.find(query)]
    if not found:
        inside = f" in experiment {experiment}" if experiment else ""
        raise NotFound(f"no simulation {sim_id}{inside}; `minion runs` lists what there is")
    if len(found) > 1:
        names = ", ".join(sorted(simulation.experiment for simulation in found))
        raise Ambiguous(
            f"simulation {sim_id} is in several experiments ({names}); name one with --experiment"
        )
    return found[0]


def many(minions: Minions, selection: Selection) -> list[Simulation]:
    """See `Store.simulations`."""
    found = [read(document) for document in minions.find(selection.query())]
    _check_named(minions, selection, found)
    return sorted(found, key=lambda s: (s.experiment, natural(s.sim_id)))


def by_id(minions: Minions, identity: str, experiment: str | None) -> Simulation:
    """See `Store.simulation_by_id`."""
    ids = _identities(identity)
    query = {"$or": [{"source_id": {"$in": ids}}, {"_id": {"$in": ids}}]}
    return _only(minions, query, experiment, f"simulation has the id {identity}")


def by_host(minions: Minions, identity: str, experiment: str | None) -> tuple[Simulation, Host]:
    """See `Store.simulation_by_host`."""
    ids = _identities(identity)
    made_in, _, hostname = identity.partition(":")
    made = {"_id": {"$in": _identities(made_in)}, "hosts.hostname": hostname}
    query = {"$or": [{"hosts._id": {"$in": ids}}, made]}
    simulation = _only(minions, query, experiment, f"host has the id {identity}")
    return simulation, next(h for h in simulation.hosts if h.id in ids or h.hostname == hostname)


def _identities(text: str) -> list[ObjectId | str]:
    """What an identity that is written as text may be stored as."""
    return [ObjectId(text), text] if ObjectId.is_valid(text) else [text]


def _only(minions: Minions, query: Document, experiment: str | None, what: str) -> Simulation:
    """The one that a query finds; the experiment decides only between several."""
    found = [read(document) for document in minions.find(query)]
    if not found:
        raise NotFound(f"no {what}; `minion runs` lists the simulations")
    inside = [simulation for simulation in found if simulation.experiment == experiment]
    if len(found) > 1 and len(inside) != 1:
        names = ", ".join(sorted({simulation.experiment for simulation in found}))
        raise Ambiguous(f"more than one {what} ({names}); name an experiment with --experiment")
    return (inside or found)[0]


def _check_named(minions: Minions, selection: Selection, found: Sequence[Simulation]) -> None:
    """Whoever names what does not exist is told, instead of getting less."""
    if selection.experiment is not None and not found:
        _must_exist("experiment", [selection.experiment], minions.distinct("experiment"))
    inside: Document = {"experiment": selection.experiment} if selection.experiment else {}
    known_platforms = {simulation.platform for simulation in found}
    if not set(selection.platforms) <= known_platforms:
        all_platforms = minions.distinct("platform", inside)
        _must_exist("platform", selection.platforms, all_platforms)
    known_hosts = {host.hostname for simulation in found for host in simulation.hosts}
    if not set(selection.hosts) <= known_hosts:
        all_hosts = minions.distinct("hosts.hostname", inside)
        _must_exist("host", selection.hosts, all_hosts)
    lacking = [s for s in selection.named if s not in {f.sim_id for f in found}]
    if not lacking and (found or not selection.sims):
        return
    everything = {
        d["sim_id"]: d
        for d in minions.find(
            {**inside, "sim_id": {"$in": lacking or list(selection.sims)}},
            {"sim_id": 1, "validity": 1, "platform": 1},
        )
    }
    if not everything.keys() >= set(lacking) or not everything:
        names = ", ".join(s for s in lacking if s not in everything) or "of that range"
        raise NotFound(f"no simulation {names}; `minion runs` lists what there is")
    if not selection.include_excluded:
        for sim_id, document in everything.items():
            if document["validity"]["verdict"] == Verdict.EXCLUDED.value:
                reasons = "; ".join(document["validity"]["reasons"])
                raise NotFound(
                    f"simulation {sim_id} is excluded ({reasons}); take it with --include-excluded"
                )


def _must_exist(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    there = set(known)
    for name in names:
        if name not in there:
            listed = written(sorted(there, key=natural), ", ") or "none"
            raise NotFound(f"no {what} {name}; there are: {listed}")
