"""More samples than memory holds: tidy frames one after the other, and the same for Arrow."""

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd
import pyarrow as pa

from minion.errors import InvalidData
from minion.frames import COLUMNS, TEXTS, Tidy
from minion.wire import Stretch

_TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([(name, _TEXT if name in TEXTS else pa.float64()) for name in COLUMNS])


def check_rows(rows: int) -> None:
    """Pass if a frame may have that many rows.

    Raises:
        InvalidData: it may not.
    """
    if rows < 1:
        raise InvalidData(f"frames of {rows} rows; choose 1 or more")


def frames(tidy: Tidy, charts: Iterable[Sequence[Stretch]], rows: int) -> Iterator[pd.DataFrame]:
    """The samples of charts in frames of at most `rows` rows, none of them empty.

    Args:
        tidy: where they are put together.
        charts: the stretches of one chart each, ordered by simulation.
        rows: the most that a frame may have.

    Yields:
        As many whole simulations as fit. One that does not fit alone comes in frames of its own.
    """
    whole = 0  # rows of simulations that are complete
    large = False  # the present simulation does not fit alone
    present: bytes | None = None
    for stretches in charts:
        if stretches[0].simulation != present:
            present = stretches[0].simulation
            if large:
                yield tidy.frame()
            whole, large = tidy.rows, False
        tidy.add(stretches)
        if tidy.rows > rows and whole:
            yield tidy.frame(whole)
            whole = 0
        while tidy.rows > rows:
            yield tidy.frame(rows)
            large = True
    if tidy.rows:
        yield tidy.frame()


def record_batches(found: Iterable[pd.DataFrame]) -> pa.RecordBatchReader:
    """Frames with the columns of `COLUMNS` as Arrow record batches of `SCHEMA`."""
    return pa.RecordBatchReader.from_batches(SCHEMA, map(_record_batch, found))


def _record_batch(frame: pd.DataFrame) -> pa.RecordBatch:
    columns = [_texts(frame[name]) for name in TEXTS]
    columns += [pa.array(frame[name].to_numpy()) for name in COLUMNS[len(TEXTS) :]]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def _texts(column: pd.Series) -> pa.DictionaryArray:
    codes = column.cat.codes.to_numpy()
    places = pa.array(codes, pa.int32(), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(places, pa.array(column.cat.categories, pa.string()))
