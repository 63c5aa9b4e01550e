"""May these runs be compared? What differs between them besides the factor itself.

Only a known difference stands in the way: what nobody recorded is a note.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bson import ObjectId

from minion.errors import InvalidData, NotComparable
from minion.model import Simulation
from minion.selection import natural

PLATFORM = "platform"
_VERSION = "platform version"
_MOST = 3  # values that a message shows of one level


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not the same for all levels of the factor.

    name: of it, as `allow` takes it: `ram`, `hosts`, `netdata`, `parameter nodes`, …
    found: what each level has, in words.
    """

    name: str
    found: Mapping[str, str]

    def __str__(self) -> str:
        levels = "; ".join(f"{level}: {text}" for level, text in self.found.items())
        return f"{self.name} ({levels})"


@dataclass(frozen=True, slots=True)
class Gate:
    """What stands against a comparison.

    differences: known ones.
    notes: what is unknown, or varies within the levels alike; a sentence each.
    properties: names of all that was looked at.
    """

    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    properties: tuple[str, ...]

    def check(self, allow: Collection[str]) -> tuple[Difference, ...]:
        """The differences that were allowed.

        Args:
            allow: names of differences that may be.

        Raises:
            NotComparable: there are others; the message lists them.
            InvalidData: `allow` names something that no run has.
        """
        unknown = [name for name in allow if name not in self.properties]
        if unknown:
            raise InvalidData(
                f"--allow {_quoted(unknown[0])}: the runs have no such property; they have:"
                f" {', '.join(self.properties)}"
            )
        names = {difference.name for difference in self.differences}
        if names - set(allow):
            refused = [d for d in self.differences if d.name not in allow]
            listed = "; ".join(map(str, refused))
            option = ",".join(d.name for d in refused)
            raise NotComparable(
                f"the runs differ in more than what is compared: {listed}; choose runs that are"
                f" alike, or say that it may be: --allow {_quoted(option)}"
            )
        return tuple(d for d in self.differences if d.name in allow)


def gate(
    levels: Mapping[str, Sequence[Simulation]],
    *,
    factor: str,
    intervals: Mapping[ObjectId, tuple[float, ...]],
    hosts: Collection[str] = (),
) -> Gate:
    """What is not the same for all levels of a factor.

    A property is a known difference when the values that the runs of one level have of it are not
    those that another level's have. One that varies within every level alike, such as the number
    of an iteration, is a note; so is one that some runs have no value of.

    Args:
        levels: the runs of each level.
        factor: `platform`, or the name of a parameter: what the levels differ in by design.
        intervals: the sampling intervals of each run, by its id.
        hosts: names of the hosts that are looked at; default: all.
    """
    described = {
        level: [_properties(s, intervals.get(s.id, ()), hosts) for s in runs]
        for level, runs in levels.items()
    }
    names = dict.fromkeys(name for runs in described.values() for run in runs for name in run)
    names.pop(PLATFORM if factor == PLATFORM else f"parameter {factor}", None)
    # A platform has its own version, which must still be the same in all of its runs.
    own = _VERSION if factor == PLATFORM else None
    differences: list[Difference] = []
    notes: list[str] = []
    for name in names:
        values = {
            level: [run.get(name) for run in runs] for level, runs in described.items() if runs
        }
        known = {level: {v for v in found if v is not None} for level, found in values.items()}
        unknown = sum(value is None for found in values.values() for value in found)
        if unknown:
            total = sum(map(len, values.values()))
            notes.append(f"{name} is unknown of {unknown:,} of {total:,} runs")
        filled = [found for found in known.values() if found]
        if name == own:
            alike = all(len(found) == 1 for found in filled)
        else:
            alike = all(found == filled[0] for found in filled)
        if not alike:
            texts = {level: _shown(found) for level, found in known.items() if found}
            differences.append(Difference(name, texts))
        elif name != own and filled and len(filled[0]) > 1:
            notes.append(f"{name} varies within each level alike: {_shown(filled[0])}")
    return Gate(tuple(differences), tuple(notes), tuple(names))


def levels_of(
    simulations: Sequence[Simulation], factor: str
) -> tuple[dict[str, list[Simulation]], list[Simulation]]:
    """The runs of each level of a factor, levels in natural order, and the runs without one.

    Raises:
        InvalidData: no run has that parameter; the message lists those there are.
    """
    found: dict[str, list[Simulation]] = {}
    without: list[Simulation] = []
    for simulation in simulations:
        value = simulation.platform if factor == PLATFORM else simulation.parameters.get(factor)
        if value is None:
            without.append(simulation)
        else:
            found.setdefault(level_text(value), []).append(simulation)
    if not found:
        there = dict.fromkeys(name for s in simulations for name in s.parameters)
        raise InvalidData(
            f"no run has a parameter {factor!r}; compare by {PLATFORM}"
            + (f", or by one of: {', '.join(there)}" if there else "")
        )
    return {level: found[level] for level in sorted(found, key=natural)}, without


def level_text(value: object) -> str:
    """A parameter's value as its level is called."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _properties(
    simulation: Simulation, intervals: tuple[float, ...], hosts: Collection[str]
) -> dict[str, str | None]:
    """What a run says of itself, a text for each property; None where it says nothing."""
    looked_at = [h for h in simulation.measured_hosts if not hosts or h.hostname in hosts]
    found: dict[str, str | None] = {
        "data": "simulated" if simulation.simulated else "measured",
        "hosts": ", ".join(sorted((f"{h.hostname} ({h.role})" for h in looked_at), key=natural)),
        "ram": _each({h.hostname: h.ram_mib for h in looked_at}),
        "cores": _each({h.hostname: h.cores for h in looked_at}),
        "sampling interval": " and ".join(f"{step:g} s" for step in intervals) or None,
        PLATFORM: simulation.platform,
    }
    versions: dict[str, set[str]] = {}
    for key, text in simulation.environment.items():
        what, _, host = key.partition(" on ")
        if not host or not hosts or host in hosts:
            versions.setdefault(what, set()).add(text)
    for what, texts in versions.items():
        found[_VERSION if what == PLATFORM else what] = ", ".join(sorted(texts, key=natural))
    found |= {f"parameter {name}": level_text(v) for name, v in simulation.parameters.items()}
    return found


def _each(of_hosts: Mapping[str, float | None]) -> str | None:
    """A quantity of every host in words; one number where it is the same for all."""
    known = {name: value for name, value in of_hosts.items() if value is not None}
    if len(known) < len(of_hosts) or not known:
        return None
    if len(set(known.values())) == 1:
        return f"{next(iter(known.values())):g}"
    return ", ".join(f"{name} {value:g}" for name, value in sorted(known.items()))


def _shown(values: Collection[str]) -> str:
    ordered = sorted(values, key=natural)
    more = len(ordered) - _MOST
    return ", ".join(ordered[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text else text
