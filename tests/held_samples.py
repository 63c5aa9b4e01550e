"""What agents have, and had, held against what is stored of a run: sample by sample.

    witness = Witness()
    witness.look("node-a", agent.url)          # before it is killed: what it has until then
    found = witness.compare(store, run, {"node-a": agent.url})
    assert found.faultless, found

Agents are asked directly, and answers are read here by themselves: nothing of `ingest` is in it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any, Self

import requests

from minion.model import Missing, Simulation
from minion.schema import SERIES
from minion.series import from_documents
from minion.store import Store

NAMED = ("system.cpu", "system.ram", "system.io", "disk.util", "system.net")
MOST_TOLD = 4

Samples = dict[str, dict[int, float]]  # dimension, time, value


@dataclass(slots=True)
class Compared:
    """What came of the comparison; everything below `missing_rows` must be 0.

    held: samples that an agent has and the store as well, alike.
    outlived: stored ones that no agent has any more, as they were when last seen.
    missing_windows, missing_rows: what is recorded as missing, in records and rows of charts.
    lost: samples that an agent has and the store has not.
    changed: stored with another value than the agent's.
    doubled: stored more than once.
    invented: stored, and no agent ever had them.
    unexplained: rows that are neither stored nor recorded as missing.
    contradicted: rows that are both.
    told: some of what is wrong, in words, by its kind.
    """

    held: int = 0
    outlived: int = 0
    missing_windows: int = 0
    missing_rows: int = 0
    lost: int = 0
    changed: int = 0
    doubled: int = 0
    invented: int = 0
    unexplained: int = 0
    contradicted: int = 0
    told: dict[str, list[str]] = field(default_factory=dict)

    @property
    def faultless(self) -> bool:
        """Whether nothing is wrong."""
        wrong = (self.lost, self.changed, self.doubled, self.invented)
        return not any((*wrong, self.unexplained, self.contradicted))

    def figures(self) -> dict[str, int]:
        """The counts by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "told"}

    def __iadd__(self, other: "Compared") -> Self:
        for name, count in other.figures().items():
            setattr(self, name, getattr(self, name) + count)
        for kind, texts in other.told.items():
            self.told[kind] = (self.told.get(kind, []) + texts)[:MOST_TOLD]
        return self

    def _count(self, kind: str, where: str, times: Iterable[int], run: Simulation) -> None:
        wrong = sorted(times)
        if wrong:
            setattr(self, kind, getattr(self, kind) + len(wrong))
            after = [f"{time - (run.start or 0):.1f}" for time in wrong[:4]]
            text = f"run {run.sim_id}: {where}: {len(wrong)} {kind}, at {', '.join(after)} s …"
            self.told[kind] = [*self.told.get(kind, []), text][:MOST_TOLD]


@dataclass(frozen=True, slots=True)
class HeldChart:
    """A chart of an agent with all that it has."""

    context: str
    step: int
    samples: Samples


def held_by(url: str, patterns: Iterable[str] = NAMED) -> dict[str, HeldChart]:
    """All that an agent has of the charts of these contexts or ids."""
    found: dict[str, HeldChart] = {}
    wanted = tuple(patterns)
    for identity, entry in _asked(url, "charts")["charts"].items():
        context = entry["context"]
        if any(fnmatchcase(context, one) or fnmatchcase(identity, one) for one in wanted):
            found[identity] = HeldChart(context, entry["update_every"], _samples(url, entry))
    return found


def _samples(url: str, entry: Mapping[str, Any]) -> Samples:
    samples: defaultdict[str, dict[int, float]] = defaultdict(dict)
    if not entry["last_entry"]:
        return {}
    step, identity = entry["update_every"], entry["id"]
    options = {"options": "jsonwrap,natural-points", "dimensions": "*", "group": "average"}
    window = {"after": entry["first_entry"] - step, "before": entry["last_entry"], "points": 0}
    try:
        answer = _asked(url, "data", chart=identity, **window, **options, tier=0, format="json")
    except requests.HTTPError as error:
        if error.response.status_code == requests.codes.not_found:
            return {}  # a young agent lists a chart before it has a sample of it
        raise
    if answer["view_update_every"] != step:
        raise ValueError(f"{url} averaged {identity}")
    for time, *row in answer["result"]["data"]:
        for dimension, value in zip(answer["dimension_ids"], row, strict=True):
            if value is not None and time % step == 0:
                samples[dimension][time] = value
    return dict(samples)


def _asked(url: str, page: str, **parameters: Any) -> Any:
    headers = {"Connection": "close"}
    answer = requests.get(f"{url}/api/v1/{page}", params=parameters, headers=headers, timeout=20)
    answer.raise_for_status()
    return answer.json()


class Witness:
    """Remembers what agents had, for those that lose it."""

    def __init__(self, patterns: Iterable[str] = NAMED) -> None:
        self.patterns = tuple(patterns)
        self._seen: defaultdict[tuple[str, str], Samples] = defaultdict(dict)

    def look(self, hostname: str, url: str) -> None:
        """Remember all that an agent has now."""
        for identity, chart in held_by(url, self.patterns).items():
            seen = self._seen[hostname, identity]
            for dimension, samples in chart.samples.items():
                seen.setdefault(dimension, {}).update(samples)

    def compare(self, store: Store, run: Simulation, urls: Mapping[str, str]) -> Compared:
        """A complete run against its agents.

        Args:
            store: where it is.
            run: as it is stored now.
            urls: by hostname, where its agents themselves are asked.
        """
        total = Compared(missing_windows=len(run.missing))
        for host in run.measured_hosts:
            total += self.compare_host(store, run, host.hostname, urls[host.hostname])
        return total

    def compare_host(self, store: Store, run: Simulation, hostname: str, url: str) -> Compared:
        """One host of a complete run against its agent."""
        own = run.provenance.details.get("charts")
        patterns = tuple(own.split(",")) if own else NAMED
        named = {one for one in patterns if not set("*?[") & set(one)}
        held = held_by(url, patterns)
        missing = [record for record in run.missing if record.hostname == hostname]
        found = Compared()
        query = {"simulation": run.id, "hostname": hostname}
        stored: defaultdict[str, list[Any]] = defaultdict(list)
        for document in store.database[SERIES].find(query):  # each by itself: none is merged
            stored[document["chart"]] += from_documents([document])
        for identity in held.keys() | stored.keys():
            chart = held.get(identity)
            pieces = stored.get(identity, [])
            context = chart.context if chart else pieces[0].context
            step = chart.step if chart else int(pieces[0].step)
            where = f"{hostname} {identity}"
            here = _unfolded(pieces, found, where, run)
            told = [one for one in missing if one.chart in (None, identity, context)]
            self._values(found, where, run, here, chart, self._seen[hostname, identity])
            promised = {context, identity} & named
            _rows(found, where, run, here, step, told, promised=bool(promised))
        return found

    @staticmethod
    def _values(
        found: Compared,
        where: str,
        run: Simulation,
        here: Samples,
        chart: HeldChart | None,
        seen: Samples,
    ) -> None:
        """Value by value: what the agent has, and what the store has."""
        start, end = run.start or 0.0, run.end or 0.0
        held = chart.samples if chart else {}
        for dimension in held.keys() | here.keys():
            stored, there = here.get(dimension, {}), held.get(dimension, {})
            before = seen.get(dimension, {})
            inside = {time: value for time, value in there.items() if start <= time < end}
            name = f"{where} {dimension}"
            found._count("lost", name, inside.keys() - stored.keys(), run)
            both = inside.keys() & stored.keys()
            changed = {time for time in both if inside[time] != stored[time]}
            found.held += len(both) - len(changed)
            gone = stored.keys() - inside.keys()
            known = {time for time in gone if start <= time < end and time in before}
            changed |= {time for time in known if before[time] != stored[time]}
            found.outlived += len(known - changed)
            found._count("changed", name, changed, run)
            found._count("invented", name, gone - known, run)


def _unfolded(pieces: Iterable[Any], found: Compared, where: str, run: Simulation) -> Samples:
    """Stored documents as samples; what stands in two of them is counted."""
    samples: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for piece in pieces:
        for column, dimension in enumerate(piece.dimensions):
            values = samples[dimension.id]
            new = {
                int(time): float(value)
                for time, value in zip(piece.times, piece.values[:, column], strict=True)
                if not math.isnan(value)
            }
            found._count("doubled", where, values.keys() & new.keys(), run)
            values.update(new)
    return dict(samples)


def _rows(
    found: Compared,
    where: str,
    run: Simulation,
    here: Samples,
    step: int,
    missing: Iterable[Missing],
    *,
    promised: bool,
) -> None:
    """Row by row: stored, or recorded as missing, and never both."""
    start, end = run.start or 0.0, run.end or 0.0
    wanted = set(range(math.ceil(start / step) * step, math.ceil(end), step))
    wanted = {time for time in wanted if time < end}
    stored = {time for samples in here.values() for time in samples}
    absent = {
        time for time in wanted if any(record.first <= time < record.last for record in missing)
    }
    if not promised:  # a pattern promises nothing before a chart's first sample and after its last
        wanted = {time for time in wanted if stored and min(stored) < time < max(stored)}
    found.missing_rows += len(absent)
    found._count("unexplained", where, wanted - stored - absent, run)
    found._count("contradicted", where, stored & absent, run)
