"""Tests of iperf3 that are stored already, of one end or of both: no test counts twice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.growth import difference
from ingest.importing import from_to
from ingest.networking.iperf3_ends import BACK, CLIENT, SERVER
from ingest.networking.iperf3_pairs import alike, known
from minion.model import Measurement, Provenance, Simulation
from minion.selection import Selection
from minion.series import Series
from minion.store import Store

ENDS, TEST = "ends", "test"  # of a run's provenance: the roles that wrote files, and what they say
_SENT = ("bitrate sent", "retransmits")


@dataclass(frozen=True, slots=True)
class Placed:
    """A run as it is to be kept, with its series; None where nothing is new in it; and a note."""

    kept: tuple[Simulation, list[Series]] | None
    note: str = ""


def stored_tests(store: Store, experiment: str, source: str) -> list[Simulation]:
    """The runs of an experiment that this importer stored."""
    if experiment not in store.experiments():
        return []
    every = store.simulations(Selection(experiment=experiment, include_excluded=True))
    return [run for run in every if run.provenance.source == source]


def placed(
    store: Store,
    stored: Sequence[Simulation],
    run: Simulation,
    series: list[Series],
    *,
    named: bool,
) -> Placed:
    """Where a run belongs: to a stored one that is the same test, else it is one of its own.

    Args:
        store: it has the series of what is stored.
        stored: the runs that it may be.
        run, series: of the files at hand.
        named: whether the user said what it is called.
    """
    files = run.provenance.details["files"]
    for old in stored:
        if not _alike(old, run):
            continue
        had, come = _ends(old), _ends(run)
        if come < had:
            return Placed(None, f"{files} left out: {old.sim_id} has both ends of this test")
        if not come & had:
            return Placed(
                _together(old, store.series(old), run, series),
                f"{files}: the other end of {old.sim_id}, which has both now",
            )
        if old.sim_id == run.sim_id:
            break
        renamed = replace(run, sim_id=old.sim_id)
        if come > had or not (named or difference(old, store.series(old), renamed, series)):
            return Placed((renamed, series), f"{files}: this test is simulation {old.sim_id}")
    return Placed((run, series))


# ---------------------------------------------------------------- inside


def _alike(old: Simulation, run: Simulation) -> bool:
    """Whether both say the same of their test; without addresses they say too little."""
    one, other = old.provenance.details, run.provenance.details
    return (
        bool(other[CLIENT])
        and (old.platform, old.dated) == (run.platform, run.dated)
        and alike(one.get(TEST, ""), other[TEST])
    )


def _ends(run: Simulation) -> set[str]:
    return set(run.provenance.details.get(ENDS, "").split(", "))


def _together(
    old: Simulation, had: Sequence[Series], run: Simulation, series: Sequence[Series]
) -> tuple[Simulation, list[Series]]:
    """The two ends of a test as one run, called like the stored one."""
    client, server = (old, run) if CLIENT in _ends(old) else (run, old)
    first = min(one.start or 0.0 for one in (client, server))
    length = max((one.end or 0.0) - (one.start or 0.0) for one in (client, server))
    versions = sorted({v for one in (client, server) for v in one.environment.values()})
    both = replace(
        run,
        sim_id=old.sim_id,
        provenance=_provenance(old, run),
        parameters=client.parameters,
        environment={"iperf3": ", ".join(versions)} if versions else {},
        hosts=(*client.hosts, *server.hosts),
        events=from_to(first, first + length),
        measurements=tuple(_measurements(client, server)),
    )
    return both, [*had, *series]


def _provenance(old: Simulation, run: Simulation) -> Provenance:
    """Of both: their files, each with its own digest."""
    told = sorted(
        (one.provenance.details["files"], one.provenance.details["sha256"]) for one in (old, run)
    )
    files, digests = (", ".join(parts) for parts in zip(*told, strict=True))
    test = known(old.provenance.details[TEST], run.provenance.details[TEST])
    details = {"files": files, "sha256": digests, ENDS: f"{CLIENT}, {SERVER}", TEST: test}
    return replace(run.provenance, details={**run.provenance.details, **details})


def _measurements(client: Simulation, server: Simulation) -> Iterator[Measurement]:
    """Each figure as the end has it that counted it; else as the other one was told."""
    own = {
        role: {(m.name, m.hostname): m for m in run.measurements}
        for role, run in ((CLIENT, client), (SERVER, server))
    }
    for place in own[CLIENT] | own[SERVER]:
        towards_client = place[0].endswith(BACK) or client.parameters["direction"] == "back"
        counter = SERVER if place[0].startswith(_SENT) == towards_client else CLIENT
        other = CLIENT if counter == SERVER else SERVER
        yield own[counter].get(place) or own[other][place]
