"""`profile.proto`, as Go's runtime/pprof writes it, to profiles.

The message is described in google/pprof, proto/profile.proto: samples refer to locations, those to
functions, and every text stands in one table of strings.
"""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ingest.profiling.profiles import MS, SEPARATOR, TIME, Profile, Stack
from ingest.profiling.protobuf import Value, fields, integers, signed
from minion.errors import InvalidData

_MS = {"nanoseconds": 1e-6, "microseconds": 1e-3, "milliseconds": 1.0, "seconds": 1e3}
_COUNT = "count"
PROGRAM = "program"  # where no mapping says what ran


@dataclass(slots=True)
class Taken:
    """What a profile says: a profile for each kind, and about the run.

    start, duration_s: seconds since the epoch, and how long it was profiled; None where not said.
    """

    profiles: list[Profile]
    start: float | None = None
    duration_s: float | None = None


def is_proto(raw: bytes) -> bool:
    """Whether bytes may be a `profile.proto`: gzipped, or beginning with its first field."""
    return raw[:2] == b"\x1f\x8b" or raw[:1] == b"\x0a"


def taken(path: Path, raw: bytes) -> Taken:
    """What a `profile.proto` holds.

    Its kinds are the types of its samples. Those in units of time become milliseconds; `cpu` is
    called `time`, and how many samples it had are its calls. Stacks begin with the outermost
    function, inlined ones stand where they were called.

    Args:
        path: of the file, for messages.
        raw: its bytes, gzipped or not.

    Raises:
        InvalidData: it is cut off, or no such profile.
    """
    try:
        message = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidData(f"{path}: a gzip file that is cut off or broken ({error})") from None
    try:
        return _Decoded(message).taken()
    except (InvalidData, KeyError, IndexError, TypeError, AttributeError) as error:
        raise InvalidData(f"{path}: no profile.proto, or a broken one ({error})") from None


@dataclass(slots=True)
class _Location:
    lines: list[int] = field(default_factory=list)  # functions, the innermost first
    address: int = 0


class _Decoded:
    """A decoded message, still in its own numbers."""

    def __init__(self, message: bytes) -> None:
        self.texts: list[str] = []
        self.types: list[tuple[int, int]] = []
        self.samples: list[tuple[list[int], list[int]]] = []
        self.locations: dict[int, _Location] = {}
        self.functions: dict[int, int] = {}
        self.program = 0
        self.time_ns = self.duration_ns = 0
        readers: dict[int, Callable[[Value], None]] = {
            1: lambda value: self.types.append(_pair(value)),
            2: self._sample,
            3: self._mapping,
            4: self._location,
            5: self._function,
            6: lambda value: self.texts.append(_bytes(value).decode()),
        }
        for number, value in fields(message):
            if number in readers:
                readers[number](value)
            elif number == 9 and isinstance(value, int):
                self.time_ns = signed(value)
            elif number == 10 and isinstance(value, int):
                self.duration_ns = signed(value)

    def taken(self) -> Taken:
        """The profiles, a kind each."""
        if not self.types or not self.texts:
            raise InvalidData("it names no type of sample")
        process = self.texts[self.program].rsplit("/", 1)[-1] or PROGRAM
        names = [(self.texts[kind], self.texts[unit]) for kind, unit in self.types]
        # Go's `samples/count` beside `cpu/nanoseconds` says how often each stack was seen.
        seen = next((at for at, (k, u) in enumerate(names) if (k, u) == ("samples", _COUNT)), None)
        profiles = []
        for place, (kind, unit) in enumerate(names):
            if place == seen and len(names) > 1:
                continue
            scale = _MS.get(unit)
            named = TIME if kind in ("cpu", "wall") else kind
            profile = Profile(named, unit if scale is None else MS)
            for stack, values in self._stacks():
                own = signed(values[place]) * (1.0 if scale is None else scale)
                calls = float(signed(values[seen])) if seen is not None else 0.0
                if own or calls:
                    profile.add(process, stack, own, calls)
            profiles.append(profile)
        return Taken(
            [profile for profile in profiles if profile.functions],
            self.time_ns / 1e9 if self.time_ns else None,
            self.duration_ns / 1e9 if self.duration_ns else None,
        )

    def _stacks(self) -> list[tuple[Stack, list[int]]]:
        return [
            (tuple(name for at in reversed(locations) for name in self._names(at)), values)
            for locations, values in self.samples
            if locations
        ]

    def _names(self, identity: int) -> list[str]:
        """The functions of a location, the outermost first; an address where it has none."""
        location = self.locations[identity]
        names = [
            self.texts[self.functions[number]].replace(SEPARATOR, ":")
            for number in reversed(location.lines)
        ]
        return names or [f"0x{location.address:x}"]

    def _sample(self, value: Value) -> None:
        locations: list[int] = []
        values: list[int] = []
        for number, part in fields(_bytes(value)):
            if number == 1:
                locations += integers(part)
            elif number == 2:
                values += integers(part)
        self.samples.append((locations, values))

    def _mapping(self, value: Value) -> None:
        for number, part in fields(_bytes(value)):
            if number == 5 and isinstance(part, int) and not self.program:
                self.program = part

    def _location(self, value: Value) -> None:
        identity, location = 0, _Location()
        for number, part in fields(_bytes(value)):
            if number == 1 and isinstance(part, int):
                identity = part
            elif number == 3 and isinstance(part, int):
                location.address = part
            elif number == 4:
                location.lines += [f for n, f in fields(_bytes(part)) if n == 1 for f in [int(f)]]
        self.locations[identity] = location

    def _function(self, value: Value) -> None:
        identity = name = 0
        for number, part in fields(_bytes(value)):
            if number == 1 and isinstance(part, int):
                identity = part
            elif number == 2 and isinstance(part, int):
                name = part
        self.functions[identity] = name


def _bytes(value: Value) -> bytes:
    if isinstance(value, int):
        raise InvalidData("a number stands where a message should")
    return value


def _pair(value: Value) -> tuple[int, int]:
    """The type and the unit of a sample's value, as places in the table of texts."""
    numbers = {number: part for number, part in fields(_bytes(value)) if isinstance(part, int)}
    return numbers.get(1, 0), numbers.get(2, 0)
