"""May these runs be compared? What differs between them besides the factor itself.

Only a known difference stands in the way: what nobody recorded is a note.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bson import ObjectId

from analysis.comparing.mixtures import Counts, alike, counted, shown, unlike
from minion.errors import InvalidData, NotComparable
from minion.model import Simulation
from minion.selection import natural, written

PLATFORM = "platform"
_HOSTS = "hosts"
_VERSION = "platform version"
_WHOLE = 2**63  # what MongoDB's whole numbers are below
_MOST = 3  # hosts that a message names


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
    notes: what is unknown, or varies within the levels without telling them apart; a sentence
        each.
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
                f"--allow {_quoted(written(unknown[:1]))}: the runs have no such property; they"
                f" have: {written(self.properties, ', ')}"
            )
        names = {difference.name for difference in self.differences}
        if names - set(allow):
            refused = [d for d in self.differences if d.name not in allow]
            listed = "; ".join(map(str, refused))
            option = written(d.name for d in refused)
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
    those that another level's have, or have clearly other shares: see `mixtures.unlike`. One that
    varies within every level in like shares, such as the number of an iteration, is a note; so is
    what is not known of some runs or hosts. What is known of hosts is compared host by host where
    it is not known of all. Hosts that are as many as the factor says, such as `nodes`, are what it
    is about: a note.

    Args:
        levels: the runs of each level.
        factor: `platform`, or the name of a parameter: what the levels differ in by design.
        intervals: the sampling intervals of each run, by its id.
        hosts: names of the hosts that are looked at; default: all.
    """
    described = {
        level: [_described(s, intervals.get(s.id, ()), hosts) for s in runs]
        for level, runs in levels.items()
        if runs
    }
    every = [run for runs in described.values() for run in runs]
    names = dict.fromkeys(name for run in every for name in run.properties)
    names.pop(PLATFORM if factor == PLATFORM else f"parameter {factor}", None)
    differences: list[Difference] = []
    notes: list[str] = []
    for name in names:
        notes += _unknown(name, every)
        counts = counted(
            {level: [run.properties.get(name) for run in of] for level, of in described.items()}
        )
        # A platform has its own version, which must still be the same in all of its runs.
        if factor == PLATFORM and name == _VERSION:
            if any(len(of) > 1 for of in counts.values()):
                differences.append(Difference(name, shown(counts)))
        elif name == _HOSTS and _counts_hosts(described, factor):
            notes.append(_more_hosts(described, factor))
        elif unlike(counts):
            differences.append(Difference(name, shown(counts)))
        elif found := _differing_hosts(name, described):
            differences.append(Difference(name, found))
        else:
            notes += _mixture(name, counts)
    return Gate(tuple(differences), tuple(notes), tuple(names))


def _mixture(name: str, counts: Counts) -> list[str]:
    """What to say of a property that varies, but does not tell the levels apart."""
    if all(len(of) < 2 for of in counts.values()):
        return []
    texts = shown(counts)
    if len(texts) == 1:
        return [f"{name} varies within {level}: {text}" for level, text in texts.items()]
    if alike(counts):
        return [f"{name} varies within each level alike: {next(iter(texts.values()))}"]
    listed = "; ".join(f"{level}: {text}" for level, text in texts.items())
    return [f"{name} varies within each level, in shares as chance may give them: {listed}"]


def levels_of(
    simulations: Sequence[Simulation], factor: str
) -> tuple[dict[str, list[Simulation]], list[Simulation]]:
    """The runs of each level of a factor, levels in natural order, and the runs without one.

    Raises:
        InvalidData: no run has that parameter; the message lists those there are.
    """
    found, without = by_level(simulations, factor)
    if not found:
        there = dict.fromkeys(name for s in simulations for name in s.parameters)
        raise InvalidData(
            f"no run has a parameter {factor!r}; compare by {PLATFORM}"
            + (f", or by one of: {', '.join(there)}" if there else "")
        )
    return found, without


def by_level(
    simulations: Sequence[Simulation], factor: str
) -> tuple[dict[str, list[Simulation]], list[Simulation]]:
    """As `levels_of`, of runs that may all be without the factor."""
    found: dict[str, list[Simulation]] = {}
    without: list[Simulation] = []
    for simulation in simulations:
        value = simulation.platform if factor == PLATFORM else simulation.parameters.get(factor)
        if value is None:
            without.append(simulation)
        else:
            found.setdefault(level_text(value), []).append(simulation)
    return {level: found[level] for level in sorted(found, key=natural)}, without


def level_text(value: object) -> str:
    """A parameter's value as its level is called: every digit, and 3.0 like 3."""
    if not isinstance(value, float):
        return str(value)
    return str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)


def called(level: str, factor: str) -> str:
    """A level as sentences name it: a platform by itself, else what it is a level of too."""
    return level if factor == PLATFORM else f"{factor} {level}"


# ---------------------------------------------------------------- what is known of a run


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run says of itself.

    properties: a text for each; None where it says nothing, or not of all its hosts.
    of_hosts: for what each host has by itself, a text for each host; None where it says nothing.
    hosts: how many there are.
    """

    properties: Mapping[str, str | None]
    of_hosts: Mapping[str, Mapping[str, str | None]]
    hosts: int


def _described(
    simulation: Simulation, intervals: tuple[float, ...], hosts: Collection[str]
) -> _Run:
    # Without samples, numbers may still be of its hosts.
    own = simulation.hosts if simulation.measurements_only else simulation.measured_hosts
    looked_at = [h for h in own if not hosts or h.hostname in hosts]
    of_hosts = {
        "ram": {h.hostname: _number(h.ram_mib) for h in looked_at},
        "cores": {h.hostname: _number(h.cores) for h in looked_at},
    }
    found: dict[str, str | None] = {
        "data": "simulated" if simulation.simulated else "measured",
        _HOSTS: ", ".join(sorted((f"{h.hostname} ({h.role})" for h in looked_at), key=natural)),
        **{name: _each(texts) for name, texts in of_hosts.items()},
        "sampling interval": " and ".join(f"{level_text(s)} s" for s in intervals) or None,
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
    return _Run(found, of_hosts, len(looked_at))


def _counts_hosts(described: Mapping[str, Sequence[_Run]], factor: str) -> bool:
    """Whether a parameter says how many hosts a run has, but for the same few of every run."""
    if factor == PLATFORM or not all(re.fullmatch(r"[0-9]{1,15}", level) for level in described):
        return False
    return len({run.hosts - int(level) for level, runs in described.items() for run in runs}) == 1


def _more_hosts(described: Mapping[str, Sequence[_Run]], factor: str) -> str:
    listed = "; ".join(f"{level}: {runs[0].hosts}" for level, runs in described.items())
    return (
        f"{factor} says how many hosts a run has ({listed}): what is a mean over hosts is one over"
        " other hosts at each level"
    )


def _number(value: float | None) -> str | None:
    return None if value is None else level_text(value)


def _each(of_hosts: Mapping[str, str | None]) -> str | None:
    """What every host has, in words; one number where it is the same for all."""
    known = {name: text for name, text in of_hosts.items() if text is not None}
    if len(known) < len(of_hosts) or not known:
        return None
    if len(set(known.values())) == 1:
        return next(iter(known.values()))
    return ", ".join(f"{name} {text}" for name, text in sorted(known.items()))


def _differing_hosts(name: str, described: Mapping[str, Sequence[_Run]]) -> dict[str, str]:
    """What each level has on the hosts that differ; empty where none does, or all are known."""
    runs = [run for of in described.values() for run in of]
    if all(run.properties.get(name) is not None for run in runs):
        return {}
    hosts = dict.fromkeys(host for run in runs for host in run.of_hosts.get(name, ()))
    texts: dict[str, list[str]] = {}
    for host in sorted(hosts, key=natural):
        counts = counted(
            {level: [run.of_hosts[name].get(host) for run in of] for level, of in described.items()}
        )
        if unlike(counts):
            for level, text in shown(counts).items():
                texts.setdefault(level, []).append(f"{host} {text}")
    return {level: _listed(texts[level]) for level in described if level in texts}


def _unknown(name: str, runs: Sequence[_Run]) -> list[str]:
    """Of how many runs a property is not known, or not of all hosts."""
    lacking = [run for run in runs if run.properties.get(name) is None]
    partly: list[Mapping[str, str | None]] = []
    for run in lacking:
        texts = run.of_hosts.get(name, {})
        if any(text is not None for text in texts.values()):
            partly.append(texts)
    notes = []
    if len(lacking) > len(partly):
        notes.append(f"{name} is unknown of {len(lacking) - len(partly):,} of {len(runs):,} runs")
    if partly:
        hosts = dict.fromkeys(h for texts in partly for h, text in texts.items() if text is None)
        notes.append(
            f"{name} is unknown of some hosts in {len(partly):,} of {len(runs):,} runs:"
            f" {_listed(sorted(hosts, key=natural))}"
        )
    return notes


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - _MOST
    return ", ".join(texts[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text or "\\" in text else text
