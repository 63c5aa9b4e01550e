"""Which simulations, hosts and phases somebody speaks of."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypedDict

from minion.errors import InvalidData
from minion.model import Verdict

MOST_IDS = 100_000

Texts = str | Iterable[str] | None


class Choice(TypedDict, total=False):
    """The keyword arguments of everything that reads a selection; see `Selection.of`."""

    experiment: str | None
    platform: Texts
    sims: Texts
    hosts: Texts
    phase: Texts
    include_excluded: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """A choice of simulations, and of hosts and phases inside them. Empty means all.

    experiment: name of the experiment.
    platforms, phases: names.
    hosts: names; simulations in which none of them took part are left out.
    sims: sim_ids, ranges expanded.
    named: the sim_ids of `sims` that were given one by one, so each of them must exist.
    include_excluded: take the simulations whose verdict is `excluded` too.
    """

    experiment: str | None = None
    platforms: tuple[str, ...] = ()
    sims: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    include_excluded: bool = False

    @classmethod
    def of(
        cls,
        *,
        experiment: str | None = None,
        platform: Texts = None,
        sims: Texts = None,
        hosts: Texts = None,
        phase: Texts = None,
        include_excluded: bool = False,
    ) -> "Selection":
        """A selection from what a user writes.

        Args:
            experiment: name of the experiment.
            platform: names of platforms, as text with commas between or as a list; see `words`.
            sims: sim_ids and ranges: `"1000-1026,1030"`, or a list of ids and ranges.
            hosts: hostnames, likewise; only the simulations in which one of them took part.
            phase: names of phases, likewise.
            include_excluded: take excluded simulations too.

        Raises:
            InvalidData: a range runs backwards or is larger than 100,000 ids.
        """
        ids, named = expand_ids(words(sims))
        return cls(
            experiment=experiment,
            platforms=words(platform),
            sims=ids,
            named=named,
            hosts=words(hosts),
            phases=words(phase),
            include_excluded=include_excluded,
        )

    def query(self) -> dict[str, Any]:
        """The MongoDB query on `minions` for the simulations of this selection."""
        query: dict[str, Any] = {}
        if self.experiment is not None:
            query["experiment"] = self.experiment
        if self.sims:
            query["sim_id"] = {"$in": list(self.sims)}
        if self.platforms:
            query["platform"] = {"$in": list(self.platforms)}
        if self.hosts:
            query["hosts.hostname"] = {"$in": list(self.hosts)}
        if not self.include_excluded:
            query["validity.verdict"] = {"$ne": Verdict.EXCLUDED.value}
        return query


def words(texts: Texts) -> tuple[str, ...]:
    r"""The names in a text with commas between them, or those of a list.

    A comma that belongs to a name is written as `\,` in a text. What is in a list is a name as it
    stands.
    """
    if texts is None:
        return ()
    if isinstance(texts, str):
        parts = re.split(r"(?<!\\),", texts)
        found = [part.strip().replace(r"\,", ",") for part in parts]
    else:
        found = [str(text) for text in texts]
    return tuple(dict.fromkeys(word for word in found if word))


def written(names: Iterable[str], between: str = ",") -> str:
    """Names as one text that `words` makes them of again."""
    return between.join(name.replace(",", r"\,") for name in names)


def expand_ids(parts: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """All sim_ids that the parts name, and those of them that were named one by one.

    `1000-1026` is a range of numbers, both ends included; the width of its first end is kept
    (`0001-0010`). Everything else is one id.

    Raises:
        InvalidData: a range runs backwards or is too large.
    """
    ids: list[str] = []
    named: list[str] = []
    for part in parts:
        match = re.fullmatch(r"([0-9]+)-([0-9]+)", part)
        if not match:
            ids.append(part)
            named.append(part)
            continue
        first, last = int(match[1]), int(match[2])
        if last < first:
            raise InvalidData(f"the range {part} runs backwards; write {last}-{first}")
        if last - first >= MOST_IDS:
            raise InvalidData(f"the range {part} names more than {MOST_IDS:,} simulations")
        width = len(match[1]) if match[1].startswith("0") else 0
        ids += [str(number).zfill(width) for number in range(first, last + 1)]
    return tuple(dict.fromkeys(ids)), tuple(dict.fromkeys(named))


def natural(text: str) -> list[tuple[bool, int, str]]:
    """A key that sorts names as people do: `run 9` before `run 10`."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(not p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts]
