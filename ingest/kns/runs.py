"""The published study's documents of simulations, hosts and events, read as simulations."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from bson import ObjectId

from ingest.findings import Findings
from ingest.kns.flat import number
from minion.errors import InvalidData, NotFound
from minion.model import Event, EventType, Host, Provenance, Role, Simulation, Status
from minion.selection import Selection, natural

Document = Mapping[str, Any]
Identity = ObjectId | str


@dataclass(frozen=True, slots=True)
class Documents:
    """The three collections, whole."""

    simulations: Sequence[Document]
    hosts: Sequence[Document]
    events: Sequence[Document]


def read_runs(
    documents: Documents,
    findings: Findings,
    *,
    experiment: str,
    provenance: Provenance,
    sims: str | None = None,
    ram_mib: float | None = None,
) -> list[Simulation]:
    """The simulations of these documents with their hosts and events, in natural order.

    Hosts and events are ordered by identity and time, so they do not depend on the documents'
    order. The same document twice counts once.

    Args:
        documents: as the study keeps them; identities and numbers may be text.
        findings: what cannot be read, or belongs to nothing, is counted there.
        experiment: the name that the simulations get.
        provenance: theirs.
        sims: sim_ids and ranges; default: all.
        ram_mib: total memory of every host.

    Raises:
        NotFound: a sim_id that was named, or there is no simulation at all.
    """
    by_name = _by_name(documents.simulations, findings)
    wanted = _chosen(by_name, sims)
    hosts, owners = _hosts(documents, findings, wanted, ram_mib)
    events = _events(documents.events, findings, owners)
    found = []
    for sim_id in sorted(wanted, key=natural):
        copies = by_name[sim_id]
        if len(copies) > 1:
            findings.lack("sim_ids that several simulations have, none of them imported", sim_id)
            continue
        (document,) = copies
        platform = _text(document.get("platform"))
        if not platform:
            findings.lack("simulations without a platform, not imported", sim_id)
            continue
        key = _key(document.get("_id"))
        identity = sha256(f"kns/{experiment}/{sim_id}/{key}".encode()).digest()
        found.append(
            Simulation(
                id=ObjectId(identity[:12]),
                experiment=experiment,
                sim_id=sim_id,
                platform=platform,
                status=Status.COMPLETE,
                provenance=provenance,
                hosts=tuple(hosts[key]),
                events=tuple(sorted(events[key], key=lambda e: (e.time, e.type, str(e.id)))),
                source_id=_identity(document.get("_id")),
            )
        )
    return found


def _by_name(simulations: Iterable[Document], findings: Findings) -> dict[str, list[Document]]:
    """The documents of each sim_id."""
    found: dict[str, list[Document]] = defaultdict(list)
    for document in simulations:
        sim_id = _text(document.get("sim_id"))
        if not sim_id:
            findings.lack("simulations without a sim_id", _key(document.get("_id")))
        elif document not in found[sim_id]:
            found[sim_id].append(document)
    if not found:
        raise NotFound("the source has no simulations; is it the right database?")
    return found


def _chosen(by_name: Mapping[str, object], sims: str | None) -> list[str]:
    selection = Selection.of(sims=sims)
    lacking = [sim_id for sim_id in selection.named if sim_id not in by_name]
    chosen = [sim_id for sim_id in by_name if not selection.sims or sim_id in set(selection.sims)]
    if lacking or not chosen:
        there = sorted(by_name, key=natural)
        names = ", ".join(lacking) or f"of {sims}"
        raise NotFound(
            f"the source has no simulation {names}; it has {len(there)}, from {there[0]} to"
            f" {there[-1]}"
        )
    return chosen


def _hosts(
    documents: Documents, findings: Findings, wanted: Sequence[str], ram_mib: float | None
) -> tuple[dict[str, list[Host]], dict[str, tuple[str, str] | None]]:
    """The hosts of each simulation by its identity, and of each host's identity whose it is.

    The second says None for a host of a simulation that is known and not wanted.
    """
    names = {_key(d.get("_id")): _text(d.get("sim_id")) for d in documents.simulations}
    hosts: dict[str, list[Host]] = defaultdict(list)
    owners: dict[str, tuple[str, str] | None] = {}
    for document in sorted(documents.hosts, key=lambda d: _key(d.get("_id"))):
        identity, simulation = _key(document.get("_id")), _key(document.get("simulation_id"))
        hostname = _text(document.get("hostname"))
        if simulation not in names:
            findings.note("hosts of an unknown simulation", hostname or identity)
            continue
        owners[identity] = None
        if names[simulation] not in wanted:
            continue
        if not hostname:
            findings.lack("hosts without a hostname", identity)
            continue
        owners[identity] = simulation, hostname
        try:
            role = Role.parse(_text(document.get("role")))
        except InvalidData:
            findings.lack("hosts whose role is none", f"{hostname}: {document.get('role')!r}")
            continue
        host = Host(
            hostname=hostname, role=role, ram_mib=ram_mib, id=_identity(document.get("_id"))
        )
        same = [other for other in hosts[simulation] if other.hostname == hostname]
        if not same:
            hosts[simulation].append(host)
        elif host != same[0]:
            findings.note(
                "hosts that stand twice in a simulation", f"{hostname} in {names[simulation]}"
            )
    return hosts, owners


def _events(
    documents: Iterable[Document],
    findings: Findings,
    owners: Mapping[str, tuple[str, str] | None],
) -> dict[str, list[Event]]:
    """The events of each simulation by its identity."""
    events: dict[str, list[Event]] = defaultdict(list)
    for document in documents:
        identity, host = _key(document.get("_id")), _key(document.get("host_id"))
        if host not in owners:
            findings.note("events of an unknown host", identity or host)
            continue
        owner = owners[host]
        if owner is None:
            continue
        time = number(document.get("timestamp"))
        if time is None:
            findings.lack("events without a timestamp", identity)
            continue
        try:
            kind = EventType.parse(_text(document.get("event_type")))
        except InvalidData:
            findings.lack("events whose type is none", f"{document.get('event_type')!r}")
            continue
        simulation, hostname = owner
        event = Event(
            type=kind,
            time=time,
            hostname=hostname,
            correlation_id=_optional(document.get("correlation_id")),
            body=_optional(document.get("body")),
            id=_identity(document.get("_id")),
        )
        if event.id is None or event not in events[simulation]:
            events[simulation].append(event)
    return events


def _identity(value: Any) -> Identity | None:
    return value if value is None or isinstance(value, ObjectId) else str(value)


def _key(value: Any) -> str:
    """An identity as it is compared: hexadecimal text and ObjectId are the same."""
    return "" if value is None else str(value)


def _text(value: Any) -> str:
    """A name that may have been written as a number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _optional(value: Any) -> str | None:
    return None if value is None else str(value)
