"""Logs of `KEY=value` lines: a key is an event with its time, or says something of the run."""

import re
from functools import partial

import numpy as np
import pandas as pd

from ingest.tables.cells import Cells
from ingest.tables.drafts import UNDATED, Draft, Drafts, typed
from ingest.tables.mapping import ELAPSED, Cell, Time
from ingest.tables.rows import Names, kind_of
from ingest.texts import text_of
from minion.errors import InvalidData
from minion.model import Event, EventType, Measurement, Role

_LINE = re.compile(r"\s*(?:export\s+)?([^\s=#][^=]*?)\s*=\s*(.*?)\s*")


class KeyedLines:
    """Takes the lines of one file; each file is a part of one run."""

    def __init__(self, cells: Cells, drafts: Drafts, names: Names) -> None:
        self.cells, self.table = cells, cells.table
        self.drafts, self.names = drafts, names

    def read(self) -> list[str]:
        """Read the file into its run; returns which keys of the mapping or the file are alone.

        Raises:
            InvalidData: a line is no `KEY=value`, or its value is not what the mapping says.
        """
        lines = self._lines()
        said = {key: (number, value) for number, key, value in lines}
        draft = self._draft(said)
        mapped = self.table.phases.keys() | self.table.types.keys()
        known = mapped | (said.keys() & EventType.__members__.keys())
        for number, key, value in lines:
            if key in known:
                self._event(draft, number, key, value, said)
        for figure in self.table.measurements:
            if figure.column in said:
                number, value = said[figure.column]
                found = self.cells.numbers(_cell(number, figure.column, value))
                if np.isfinite(found[0]):
                    draft.measurements[figure.name, None] = Measurement(
                        name=figure.name, value=float(found[0]), unit=figure.unit
                    )
        for name, key in self.table.parameters.items():
            if key in said:
                draft.parameters[name] = typed(said[key][1])
        mapped |= set(self.table.columns)
        notes = []
        if unused := [key for key in said if key not in mapped | known]:
            notes.append(f"{self.cells.path}: keys that are not used: {', '.join(unused)}")
        if absent := sorted(mapped - said.keys()):
            notes.append(f"{self.cells.path}: keys that do not stand there: {', '.join(absent)}")
        return notes

    def _lines(self) -> list[tuple[int, str, str]]:
        """Number, key and value of each line; what is between quotes is without them."""
        found = []
        for number, line in enumerate(text_of(self.cells.path).splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = _LINE.fullmatch(line)
            if match is None:
                raise self.cells.at(number, f"{line.strip()[:80]!r}; expected KEY=value")
            key, value = match.groups()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            found.append((number, key, value))
        return found

    def _draft(self, said: dict[str, tuple[int, str]]) -> Draft:
        platform, sim = self.names.named
        chosen = sim or self._name("simulation", said) or self.names.sim_id
        of = platform or self._name("platform", said) or self.names.platform
        draft = self.drafts.run(chosen, of)
        draft.paths.add(self.cells.path)
        return draft

    def _event(
        self, draft: Draft, number: int, key: str, value: str, said: dict[str, tuple[int, str]]
    ) -> None:
        kind, body = kind_of(key, self.table)
        time = self.table.time or Time(column=None)
        at = self.cells.times(_cell(number, key, value), time)
        if time.format == ELAPSED and time.start is None:
            self.drafts.elapsed.add(self.cells.path)
        if time.format == ELAPSED:
            at = at + (UNDATED if time.start is None else time.start)
        host = self._said(self.table.host, said) or None
        if host is not None:
            role = self._said(self.table.role, said) or "controller"
            draft.hosts.setdefault(host, Role.parse(role))
        event = Event(type=kind, time=float(at[0]), hostname=host, body=body)
        draft.note(event, partial(self.cells.at, number))

    def _name(self, what: str, said: dict[str, tuple[int, str]]) -> str | None:
        """The name of a simulation or platform as the lines say it; None where none is to.

        Raises:
            InvalidData: the mapping names a key that is not there, or holds nothing.
        """
        cell = self.table.simulation if what == "simulation" else self.table.platform
        if cell.column is None:
            return cell.fixed
        if cell.column not in said:
            raise InvalidData(
                f"{self.cells.path}: there is no key {cell.column!r}, which"
                f" {self.table.path.name} names for the {what}; there are: {', '.join(said)}"
            )
        number, name = said[cell.column]
        if self.cells.missing(_cell(number, cell.column, name)).any():
            raise self.cells.at(number, f"{cell.column!r} is {name!r}; expected a {what}'s name")
        return name

    @staticmethod
    def _said(cell: Cell, said: dict[str, tuple[int, str]]) -> str | None:
        if cell.column is not None:
            return said.get(cell.column, (0, ""))[1]
        return cell.fixed


def _cell(number: int, key: str, value: str) -> pd.Series:
    return pd.Series([value], index=[number], name=key, dtype="str")
