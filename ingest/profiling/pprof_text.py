"""Tables of top functions: `go tool pprof -top` text, and such a table as a CSV file."""

import csv
import re
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

from ingest.profiling.pprof_proto import PROGRAM, Taken
from ingest.profiling.profiles import MS, TIME, Profile
from minion.errors import InvalidData

REST = "(not listed)"  # what the total has beyond the functions that the table lists

_NUMBER = r"-?\d+(?:\.\d+)?"
_SHARE = r"-?[\d.]+(?:e[-+]\d+)?%"
_AMOUNT = rf"{_NUMBER}[a-zA-Zµμ]*"
_ROW = re.compile(
    rf"\s*(?P<flat>{_AMOUNT})\s+{_SHARE}\s+{_SHARE}\s+(?P<cum>{_AMOUNT})\s+{_SHARE}"
    r"\s+(?P<function>\S.*)$"
)
_HEAD = re.compile(r"\s*flat\s+flat%\s+sum%\s+cum\s+cum%\s*$")
_TOTAL = re.compile(rf"(?:Total samples = (?P<samples>{_AMOUNT})|.* of (?P<of>{_AMOUNT}) total)")
_DURATION = re.compile(r"Duration: (?P<duration>[^,]+)")
_WHEN = "%b %d, %Y at %I:%M%p"
_PARTS = re.compile(rf"({_NUMBER})([a-zA-Zµμ]+)")
_MS = {
    **dict.fromkeys(("us", "µs", "μs"), 1e-3),
    **dict.fromkeys(("min", "mins", "m"), 6e4),
    **dict.fromkeys(("hr", "hrs", "h"), 3.6e6),
    "ns": 1e-6,
    "ms": 1.0,
    "s": 1e3,
}
_BYTES = {"B": 1.0, "kB": 1024.0, "MB": 1024.0**2, "GB": 1024.0**3, "TB": 1024.0**4}
_COLUMNS = ("flat_s", "flat_pct", "cum_s", "function")


def top_table(path: Path, text: str) -> Taken:
    """What `go tool pprof -top` printed: the functions it lists, and the rest of the total.

    Args:
        path: of the file, for messages.
        text: what it holds.

    Raises:
        InvalidData: a line of the table cannot be read, or there is none.
    """
    facts: dict[str, str] = {}
    profile: Profile | None = None
    total: float | None = None
    duration: float | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if profile is not None:
            if line.strip():
                _add_row(path, number, line, profile, facts.get("File", PROGRAM))
            continue
        if _HEAD.match(line):
            kind = facts.get("Type", "cpu")
            profile = Profile(TIME if kind == "cpu" else kind, "")
            continue
        key, colon, value = line.partition(": ")
        if colon:
            facts[key] = value.strip()
        if found := _DURATION.match(line):
            duration = duration_ms(found["duration"].strip()) / 1e3
        if found := _TOTAL.search(line):
            total = amount(found["samples"] or found["of"])[0]
    if profile is None:
        raise InvalidData(
            f"{path}: neither a profile.proto nor the table of `go tool pprof -top`"
            " (no line `flat flat% sum% cum cum%`)"
        )
    _add_rest(profile, facts.get("File", PROGRAM), total)
    return Taken([profile], _when(facts.get("Time", "")), duration)


def csv_table(path: Path, text: str) -> Taken:
    """A table of flat_s, flat_pct, cum_s and function; the total follows from the largest share.

    Args:
        path: of the file, for messages.
        text: what it holds.

    Raises:
        InvalidData: a column lacks, or a value is no number; the message names the line.
    """
    rows = csv.DictReader(StringIO(text))
    lacking = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
    if lacking:
        raise InvalidData(f"{path}, line 1: no column {lacking[0]}; needed: {', '.join(_COLUMNS)}")
    profile = Profile(TIME, MS)
    most, share = 0.0, 0.0
    for row in rows:
        try:
            flat, percent, cum = (float(row[name]) for name in ("flat_s", "flat_pct", "cum_s"))
        except (TypeError, ValueError):
            raise InvalidData(f"{path}, line {rows.line_num}: not numbers: {row!r}") from None
        _add(profile, PROGRAM, row["function"], flat * 1e3, cum * 1e3)
        if flat > most:
            most, share = flat, percent
    # The shares are of a total in the digits that the times have: hundredths of a second.
    _add_rest(profile, PROGRAM, round(most / share * 100, 2) * 1e3 if share else None)
    return Taken([profile])


def amount(text: str) -> tuple[float, str]:
    """A number with its unit, in ms, bytes or as it is; and which of `ms`, `bytes`, `count`.

    Raises:
        InvalidData: the unit is unknown.
    """
    number = re.match(_NUMBER, text)
    unit = text[number.end() :] if number else text
    if number is None or (unit and unit not in {**_MS, **_BYTES}):
        raise InvalidData(f"an amount of {text!r}; units: {' '.join([*_MS, *_BYTES])}")
    value = float(number[0])
    if unit in _BYTES:
        return value * _BYTES[unit], "bytes"
    return (value * _MS[unit], MS) if unit else (value, "count" if value else "")


def duration_ms(text: str) -> float:
    """A duration as Go writes it (`1m2.5s`, `350ms`, `12µs`) in milliseconds.

    Raises:
        InvalidData: it is none.
    """
    parts = _PARTS.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text or any(u not in _MS for _, u in parts):
        raise InvalidData(f"a duration of {text!r}; as Go writes it: 1m2.5s, 350ms, 12µs")
    return sum(float(number) * _MS[unit] for number, unit in parts)


def _add_row(path: Path, number: int, line: str, profile: Profile, process: str) -> None:
    found = _ROW.match(line)
    if found is None:
        raise InvalidData(f"{path}, line {number}: not a row of the table: {line.strip()[:80]!r}")
    try:
        (flat, unit), (cum, other) = amount(found["flat"]), amount(found["cum"])
    except InvalidData as error:
        raise InvalidData(f"{path}, line {number}: {error}") from None
    profile.unit = profile.unit or other or unit
    _add(profile, process, found["function"], flat, cum)


def _add(profile: Profile, process: str, function: str, own: float, total: float) -> None:
    cost = profile.functions[process, function.strip().removesuffix(" (inline)")]
    cost.own += own
    cost.total += total


def _add_rest(profile: Profile, process: str, total: float | None) -> None:
    profile.unit = profile.unit or "count"
    rest = 0.0 if total is None else total - profile.own
    if rest > 1e-9 * abs(total or 0.0):
        _add(profile, process, REST, rest, rest)


def _when(text: str) -> float | None:
    """The time of a header; its zone is a name that is not everywhere known, so UTC is meant."""
    try:
        when = datetime.strptime(text.partition(" (")[0], _WHEN)  # noqa: DTZ007  set below
    except ValueError:
        return None
    return when.replace(tzinfo=UTC).timestamp()
