"""A mapping read from TOML; docs/experiments/csv.md describes every key, with examples."""

import tomllib
from collections.abc import Mapping as Lookup
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ingest.tables.mapping import (
    EPOCH,
    LAYOUTS,
    MISSING,
    REST,
    UNITS,
    Cell,
    Chart,
    Figure,
    Table,
    Time,
)
from minion.errors import InvalidData, NotFound
from minion.model import EventType


def read_mapping(path: str | Path) -> list[Table]:
    """The mapping of a TOML file: a table, or several under `[[table]]`.

    Raises:
        NotFound: there is no such file.
        InvalidData: it is not TOML, a key is unknown or lacking, or has a value that it cannot
            have; the key is named.
    """
    place = Path(path)
    try:
        document = tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(f"the mapping {path} cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidData(f"{path}: this is not TOML: {error}") from error
    parts = document.get("table", [document])
    if "table" in document and (len(document) > 1 or not isinstance(parts, list)):
        raise InvalidData(f"{path}: beside [[table]] nothing may stand; move it into the tables")
    return [_Reader(place, part).table() for part in parts]


# ---------------------------------------------------------------- inside

_TOP = (
    "files layout delimiter decimal missing simulation platform host role time sample charts events"
    " measurements parameters"
).split()


class _Reader:
    """Reads one table of a mapping, and names the key that cannot be."""

    def __init__(self, path: Path, part: Any) -> None:
        self.path = path
        self.part = self._known("", part, _TOP)

    def table(self) -> Table:
        part = self.part
        layout = self._one_of("layout", part.get("layout", "wide"), LAYOUTS)
        sample = self._known("sample", part.get("sample", {}), "chart dimension unit value".split())
        charts = self._charts(part.get("charts", {}))
        events = self._known("events", part.get("events", {}), "column body types phases".split())
        time = self._time(part["time"], layout) if "time" in part else None
        if layout == "long" and not {"value", "dimension"} <= sample.keys():
            raise self._wrong("sample", "a long table needs `value` and `dimension` here")
        if layout == "long" and time is not None and "chart" not in sample:
            raise self._wrong("sample", 'samples need a `chart`; a fixed one is { is = "name" }')
        if layout != "long" and sample:
            raise self._wrong("sample", f'this is for layout = "long", not {layout!r}')
        if layout != "wide" and charts:
            raise self._wrong("charts", f'this is for layout = "wide", not {layout!r}')
        if (charts or "column" in events) and time is None:
            raise self._wrong("time", "samples and events need one; say which column it is")
        if layout == "lines" and "column" in events:
            raise self._wrong("events.column", "lines have no columns; their keys are the events")
        made = Table(
            path=self.path,
            files=self._text("files", part.get("files", "*")),
            layout=layout,
            delimiter=self._one_character("delimiter", part.get("delimiter", ",")),
            decimal=self._one_character("decimal", part.get("decimal", ".")),
            missing=self._texts("missing", part.get("missing", list(MISSING))),
            **{name: self._cell(name, part) for name in "simulation platform host role".split()},
            time=time,
            **{name: self._cell(name, sample) for name in "chart dimension unit value".split()},
            charts=charts,
            event=self._cell("column", events),
            body=self._cell("body", events),
            types=self._types(events.get("types", {})),
            phases=self._phases(events.get("phases", {})),
            measurements=self._figures(part.get("measurements", {})),
            parameters={
                name: self._text(f"parameters.{name}", column)
                for name, column in self._table("parameters", part.get("parameters", {})).items()
            },
        )
        for name, cell in (("sample.value", made.value), ("events.column", made.event)):
            if cell.fixed is not None:
                raise self._wrong(name, "a column is wanted")
        taking = layout == "lines" and time is not None
        if not (
            taking or made.charts or made.measurements or made.types or made.phases or sample
        ) and (made.event.column is None):
            raise InvalidData(
                f"{self.path}: the mapping takes nothing from the table; give it charts, sample,"
                " events or measurements"
            )
        return made

    # ---- parts

    def _time(self, given: Any, layout: str) -> Time:
        found = self._known("time", given, "column format unit zone start".split())
        if layout == "lines" and "column" in found:
            raise self._wrong("time.column", "lines have none; their values are the times")
        if layout != "lines" and "column" not in found:
            raise self._wrong("time.column", "say which column holds the time")
        zone = self._text("time.zone", found.get("zone", "UTC"))
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, LookupError) as error:
            raise self._wrong(
                "time.zone", f"there is no time zone {zone!r}; write it like Europe/Berlin"
            ) from error
        start = found.get("start")
        if start is not None and (isinstance(start, bool) or not isinstance(start, int | float)):
            raise self._wrong("time.start", "seconds since the epoch are wanted")
        column = found.get("column")
        form = self._text("time.format", found.get("format", EPOCH))
        if "%Z" in form:
            raise self._wrong(
                "time.format",
                "%Z, a zone's name, is not read (CST is several zones); write the name as it stands"
                " there, and say time.zone",
            )
        return Time(
            column=None if column is None else self._text("time.column", column),
            format=form,
            unit=self._one_of("time.unit", found.get("unit", "s"), tuple(UNITS)),
            zone=zone,
            start=None if start is None else float(start),
        )

    def _charts(self, given: Any) -> tuple[Chart, ...]:
        made = []
        for name, chart in self._table("charts", given).items():
            found = self._known(f"charts.{name}", chart, ["unit", "columns"])
            columns = found.get("columns", REST)
            made.append(
                Chart(
                    name,
                    self._text(f"charts.{name}.unit", found.get("unit", "")),
                    None if columns == REST else self._texts(f"charts.{name}.columns", columns),
                )
            )
        if sum(chart.columns is None for chart in made) > 1:
            raise self._wrong("charts", "only one chart can have all other columns")
        return tuple(made)

    def _figures(self, given: Any) -> tuple[Figure, ...]:
        made = []
        for name, figure in self._table("measurements", given).items():
            where = f"measurements.{name}"
            found = {"column": figure} if isinstance(figure, str) else figure
            found = self._known(where, found, ["column", "unit"])
            column = self._text(f"{where}.column", found.get("column"))
            made.append(Figure(name, column, self._text(f"{where}.unit", found.get("unit", ""))))
        return tuple(made)

    def _types(self, given: Any) -> dict[str, EventType]:
        found = {}
        for name, kind in self._table("events.types", given).items():
            try:
                found[name] = EventType.parse(self._text(f"events.types.{name}", kind))
            except InvalidData as error:
                raise self._wrong(f"events.types.{name}", str(error)) from error
        return found

    def _phases(self, given: Any) -> dict[str, tuple[EventType, str]]:
        found = {}
        for phase, names in self._table("events.phases", given).items():
            bounds = self._texts(f"events.phases.{phase}", names)
            if len(bounds) != 2:
                raise self._wrong(f"events.phases.{phase}", "two names are wanted: start and end")
            found[bounds[0]] = (EventType.START_PHASE, phase)
            found[bounds[1]] = (EventType.FINISHED_PHASE, phase)
        return found

    # ---- kinds of values

    def _cell(self, name: str, part: Lookup[str, Any]) -> Cell:
        given = part.get(name)
        if isinstance(given, dict):
            fixed = self._known(name, given, ["is"]).get("is")
            if isinstance(fixed, int) and not isinstance(fixed, bool):
                fixed = str(fixed)
            return Cell(fixed=self._text(f"{name}.is", fixed))
        return Cell() if given is None else Cell(column=self._text(name, given))

    def _known(self, where: str, given: Any, keys: Sequence[str]) -> dict[str, Any]:
        found = self._table(where, given)
        for key in found:
            if key not in keys:
                full = f"{where}.{key}" if where else key
                raise self._wrong(full, f"unknown key; there are: {', '.join(keys)}")
        return found

    def _table(self, where: str, given: Any) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise self._wrong(where, "a table of keys is wanted")
        return given

    def _text(self, where: str, given: Any) -> str:
        if not isinstance(given, str):
            raise self._wrong(where, f"a text is wanted, not {given!r}")
        return given

    def _texts(self, where: str, given: Any) -> tuple[str, ...]:
        if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
            raise self._wrong(where, f"a list of texts is wanted, not {given!r}")
        return tuple(given)

    def _one_of(self, where: str, given: Any, there: Sequence[str]) -> str:
        if given not in there:
            raise self._wrong(where, f"{given!r}; there are: {', '.join(there)}")
        return str(given)

    def _one_character(self, where: str, given: Any) -> str:
        if len(self._text(where, given)) != 1:
            raise self._wrong(where, f"one character is wanted, not {given!r}")
        return str(given)

    def _wrong(self, key: str, what: str) -> InvalidData:
        return InvalidData(f"{self.path}: {key}: {what}")
