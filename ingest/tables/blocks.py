"""Tables of any size in blocks of text, and what is wrong with their rows."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from ingest.tables.mapping import Table
from minion.errors import InvalidData, NotFound

BLOCK = 8 * 2**20  # bytes that are read at once


def head(path: Path, table: Table) -> list[str]:
    """The names of the columns.

    Raises:
        InvalidData: the file is empty or no text, a name stands twice, or a column of the mapping
            is not there.
    """
    _, names = next(rows(path, table), (0, []))
    if not names:
        raise InvalidData(f"{path} is empty")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidData(f"{path}:1: column {twice[0]!r} stands twice; give each its own name")
    for column in table.columns:
        if column not in names:
            raise InvalidData(
                f"{path}:1: there is no column {column!r}, which {table.path.name} names; there"
                f" are: {', '.join(names)}"
            )
    return names


def blocks(path: Path, table: Table) -> Iterator[pd.DataFrame]:
    """The rows of a table as text, a few megabytes at a time.

    Yields:
        Frames with a column of text for each of the file's; the index is the number of the row,
        without the head and blank lines.

    Raises:
        InvalidData: a row has more or fewer cells than the head, or is no text; it is named.
    """
    names = head(path, table)
    first = 0
    try:
        with pa.csv.open_csv(
            str(path),
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=BLOCK),
            parse_options=pa.csv.ParseOptions(delimiter=table.delimiter, newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=False
            ),
        ) as reader:
            for batch in reader:
                frame = batch.to_pandas()
                frame.index = pd.RangeIndex(first, first + len(frame))
                first += len(frame)
                yield frame
    except (pa.ArrowInvalid, OSError) as error:
        raise _explained(path, table, len(names), error) from error


def rows(path: Path, table: Table) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file, the head too, with the line that each begins in; slower than `blocks`.

    Raises:
        NotFound: the file cannot be read.
        InvalidData: a line is no text, or the file is broken.
    """
    opened: Any = gzip.open if path.suffix == ".gz" else open
    line = 0
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=table.delimiter)
            for cells in reader:
                if cells:
                    yield line + 1, cells
                line = reader.line_num
    except UnicodeDecodeError as error:
        raise InvalidData(
            f"{path}:{line + 1}: this is not text in UTF-8: {error.reason}"
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error, csv.Error) as error:
        raise InvalidData(f"{path}:{line + 1}: {error}") from error
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror or error}") from error


def _explained(path: Path, table: Table, width: int, error: Exception) -> InvalidData:
    """The first row that has not as many cells as the head; else what the reader said."""
    for line, cells in rows(path, table):
        if len(cells) != width:
            return InvalidData(
                f"{path}:{line}: {len(cells)} cells, the head has {width}; is the file cut off"
                " there, or the delimiter another?"
            )
    return InvalidData(f"{path}: {str(error).splitlines()[0]}")
