"""Tables that people have, as runs: a mapping says what their columns mean."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import chain
from pathlib import Path

from ingest.importing import Imported, distinct, keep, names_of
from ingest.spool import Spool
from ingest.tables.blocks import blocks, head
from ingest.tables.cells import Cells
from ingest.tables.drafts import Conflict, Drafts
from ingest.tables.keyed_lines import KeyedLines
from ingest.tables.mapping import Table, table_for
from ingest.tables.mapping_file import read_mapping
from ingest.tables.rows import Names, Rows, Watch
from minion.errors import InvalidData
from minion.store import Store

CSV = "csv"  # the experiment and the source's name


def ingest_csv(
    store: Store,
    paths: Sequence[str | Path],
    mapping: str | Path,
    *,
    platform: str | None = None,
    sim: str | None = None,
    experiment: str = CSV,
) -> Imported:
    """Store what tables hold; files may be parts of the same runs.

    Files are read in blocks and samples wait on the disk, so that memory holds one run at a time.
    Rows may come in any order. A sample that stands there twice counts once; two values for one
    time are refused.

    Args:
        store: where the runs are kept.
        paths: tables with a head, or `KEY=value` lines; also gzipped (.gz).
        mapping: the TOML file that says what their columns mean: see docs/experiments/csv.md.
        platform: the system under test, where no column says it; default: a file's folder.
        sim: the sim_id, where no column says it; default: `PLATFORM/STEM`.
        experiment: its name.

    Returns:
        What was stored. Notes say which columns were not used, and what is not known.

    Raises:
        NotFound: a file is not there.
        InvalidData: the mapping, or a row that does not fit it: file, line, column, value and what
            was expected are named.
        AlreadyExists: an experiment has a run of that sim_id from elsewhere.
        OutputError: samples cannot be put aside on the disk.
    """
    tables = read_mapping(mapping)
    files = [(path, table_for(tables, path)) for path in distinct(paths)]
    if sim is not None and any(table.simulation.column for _, table in files):
        raise InvalidData(
            f"--sim {sim}: {mapping} says that a column names the simulation; leave one of them out"
        )
    given = (platform, sim)
    digest = sha256(Path(mapping).read_bytes()).hexdigest()
    with Spool() as spool:
        drafts = Drafts(spool)
        notes = list(chain.from_iterable(_read(*file, given, drafts) for file in files))
        try:
            done = keep(store, drafts.finished(experiment, CSV, {"mapping": digest}), notes)
        except Conflict as conflict:
            raise _named(conflict, drafts, files, given) from conflict
    return Imported(done.runs, done.new, done.samples, done.measurements, (*notes, *_noted(drafts)))


# ---------------------------------------------------------------- inside

Given = tuple[str | None, str | None]
File = tuple[Path, Table]


def _read(
    path: Path, table: Table, given: Given, drafts: Drafts, watch: Watch | None = None
) -> list[str]:
    """Read one file into the drafts; returns what is worth knowing of it."""
    platform, sim_id = names_of(path, platform=given[0], sim=given[1])
    names = Names(platform=platform, sim_id=sim_id, named=given)
    cells = Cells(path, table)
    if table.layout == "lines":
        return KeyedLines(cells, drafts, names).read()
    rows = Rows(cells, drafts, names, head(path, table), watch)
    count = 0
    for block in blocks(path, table):
        rows.take(block)
        count += len(block)
    if not count:
        return [f"{path}: no rows"]
    unused = rows.unused
    return [f"{path}: columns that are not used: {', '.join(unused)}"] if unused else []


def _named(conflict: Conflict, drafts: Drafts, files: Sequence[File], given: Given) -> InvalidData:
    """The error of two values for one time, with the rows: the files are read once more."""
    watch = Watch(conflict.owner, conflict.series, conflict.time)
    with Spool() as spool:
        again = Drafts(spool)
        for path, table in files:
            _read(path, table, given, again, watch)
    (path, line, value), *others = watch.seen
    other = next(found for found in others if found[2] != value)
    return InvalidData(
        f"{other[0]}:{other[1]}: {drafts.line(conflict.series)} has {other[2]:g} at"
        f" {conflict.time:.3f}, and {value:g} in {path}:{line}; a sample has one value"
    )


def _noted(drafts: Drafts) -> list[str]:
    notes = []
    if drafts.repeated:
        notes.append(f"{drafts.repeated:,} samples stood there twice and count once")
    if drafts.undated:
        shown = ", ".join(drafts.undated[:5]) + (" …" if len(drafts.undated) > 5 else "")
        notes.append(f"nothing says when these runs were: {shown}")
    return notes
