"""The files of a test of Inspektor Gadget: a row for each iteration, a column for each node."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.texts import text_of
from minion.errors import InvalidData, NotFound

EXEC = "exec"
CPU_BEFORE = "cpu-before"
CPU_AFTER = "cpu"
MEMORY = "memory"
KINDS = (EXEC, CPU_BEFORE, CPU_AFTER, MEMORY)

_OBSERVER = "gadget"
_NAME = re.compile(rf"({'|'.join(KINDS)})-([1-9][0-9]{{0,6}})-nodes\.csv")


@dataclass(frozen=True, slots=True)
class Row:
    """One iteration.

    nodes: a value for each node; None where its pod failed.
    observer: the observer's own count; None where it gave none.
    """

    nodes: tuple[float | None, ...]
    observer: float | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One file: the names of its nodes, and its iterations in their order."""

    hostnames: tuple[str, ...]
    rows: tuple[Row, ...]


def folders_of(folder: Path) -> list[Path]:
    """The folders that hold such files: the one that was named, else those inside it.

    Raises:
        NotFound: none does.
    """
    inside = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    found = [path for path in (folder, *inside) if files_of(path)]
    if not found:
        raise NotFound(
            f"{folder}: no file such as exec-2-nodes.csv, there or in its folders; name the folder"
            " that the test wrote"
        )
    return [folder] if folder in found else found


def files_of(folder: Path) -> dict[int, dict[str, Path]]:
    """The files of each number of nodes, by their kind; other files are not looked at."""
    found: dict[int, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if (match := _NAME.fullmatch(path.name)) and path.is_file():
            found.setdefault(int(match[2]), {})[match[1]] = path
    return {nodes: found[nodes] for nodes in sorted(found)}


def read_tables(paths: Mapping[str, Path], nodes: int) -> dict[str, Table]:
    """The tables of one number of nodes, by their kind.

    Raises:
        NotFound: a file cannot be read.
        InvalidData: one is not what its name says; the message names file and line.
    """
    tables = {kind: read_table(path, nodes) for kind, path in paths.items()}
    first, *others = tables
    for kind in others:
        if tables[kind].hostnames != tables[first].hostnames:
            raise InvalidData(
                f"{paths[kind]}, line 1: other nodes than in {paths[first].name}; both must name"
                " the same ones in the same order"
            )
    return tables


def read_table(path: Path, nodes: int) -> Table:
    """One file.

    Args:
        path: its name says what it holds, and of how many nodes.
        nodes: that number.

    Raises:
        NotFound: the file cannot be read.
        InvalidData: a line does not have a cell for each node, or a cell is no count; the message
            names file and line.
    """
    lines = _lines(path)
    number, header = next(lines, (1, []))
    hostnames = tuple(cell.strip() for cell in header[:nodes])
    last = _OBSERVER if path.name.startswith(f"{EXEC}-") else ""
    if len(header) != nodes + 1 or header[nodes].strip() != last or "" in hostnames:
        raise InvalidData(
            f"{path}, line {number}: {nodes} names of nodes and {last or 'a comma'} behind them are"
            f" wanted; there are {len(header)} cells"
        )
    if len(set(hostnames)) < nodes:
        raise InvalidData(f"{path}, line {number}: a node stands twice; every one needs its name")
    rows = []
    for number, cells in lines:
        if len(cells) != nodes + 1:
            raise InvalidData(
                f"{path}, line {number}: {len(cells)} cells, not {nodes + 1}; a pod that failed"
                " leaves its cell empty"
            )
        values = [
            _count(cell, f"{path}, line {number}, {name}")
            for cell, name in zip(cells, (*hostnames, last or "behind the last comma"), strict=True)
        ]
        if not last and values[-1] is not None:
            raise InvalidData(f"{path}, line {number}: {cells[-1]!r} belongs to no node")
        rows.append(Row(tuple(values[:-1]), values[-1]))
    return Table(hostnames, tuple(rows))


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines with their numbers; empty ones at the end are none."""
    lines = text_of(path).rstrip().splitlines()
    return ((place, line.split(",")) for place, line in enumerate(lines, start=1))


def _count(cell: str, where: str) -> float | None:
    """What a cell counts; None for an empty one."""
    if not cell.strip():
        return None
    try:
        value = math.nan if "_" in cell else float(cell)  # Python takes 1_0 for 10
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise InvalidData(f"{where}: {cell[:40]!r} is no count; a number from 0 on is wanted")
    return value
