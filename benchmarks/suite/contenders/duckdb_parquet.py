"""The same Parquet files by DuckDB's SQL; its answers are Arrow tables, the fastest it has."""

# ruff: noqa: D102  the base class says what each method does

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
from contenders.base import Place
from contenders.parquet import ONE, ROWS_TOGETHER, Parquet
from jobs import METRICS

SUMMARY = """
    select hostname, sim_id, count(*) as n, min(100 - value) as min, max(100 - value) as max,
        median(100 - value) as median, quantile_cont(100 - value, 0.25) as q25,
        quantile_cont(100 - value, 0.75) as q75, avg(100 - value) as mean,
        stddev_samp(100 - value) as sd
    from {source} group by hostname, sim_id
"""
RUN_VALUES = """
    with hosts as (
        select platform, sim_id, phase, context, dimension, hostname, count(*) as n,
            avg(case context when 'system.cpu' then 100 - value
                when 'system.ram' then value / {ram_mib} * 100
                when 'disk.util' then value else abs(value) end) as value
        from {source} and phase in ({phases}) group by all
    ), expected as (
        select sim_id, context, count(distinct hostname) as hosts from hosts group by all
    )
    select sum(n)::bigint as n, count(*) as hosts, avg(value) as value
    from hosts group by platform, sim_id, phase, context, dimension
    having count(*) = (
        select hosts from expected e
        where e.sim_id = hosts.sim_id and e.context = hosts.context
    )
"""


class DuckDB(Parquet):
    """Queries on the files themselves; nothing is kept in a database of its own."""

    def __init__(self, place: Place, layout: str) -> None:
        super().__init__(place, layout)
        self.connection = duckdb.connect()

    def converted(self, frame: pd.DataFrame) -> Any:
        texts = [name for name in frame if frame[name].dtype == "category"]
        plain = frame.astype(dict.fromkeys(texts, "str"))
        return pa.Table.from_pandas(plain, preserve_index=False)

    def written(self, frame: pa.Table, path: Path) -> None:
        self.connection.register("frame", frame)
        rows = f", row_group_size {ROWS_TOGETHER}" if self.layout == ONE else ""
        self.connection.execute(f"copy frame to '{path}' (format parquet, compression zstd{rows})")
        self.connection.unregister("frame")

    def one(self) -> pa.Table:
        sim_id = self.study.chosen.sim_id
        source = _files(self.files([sim_id]))
        return self._asked(f"select * from {source} where sim_id = '{sim_id}'")

    def metric(self) -> pa.Table:
        return self._asked(SUMMARY.format(source=self._source(["cpu"])))

    def everything(self) -> pa.Table:
        return self._asked(f"select * from {_files(self.all_files)}")

    def run_values(self) -> pa.Table:
        query = RUN_VALUES.format(
            source=self._source(list(METRICS)),
            phases=_texts(self.study.compared),
            ram_mib=self.study.ram_mib,
        )
        return self._asked(query)

    def _source(self, metrics: list[str]) -> str:
        """The samples of metrics of the valid runs."""
        chosen = [
            f"context = '{context}' and dimension in ({_texts(list(dimensions))})"
            for context, dimensions in (METRICS[metric] for metric in metrics)
        ]
        where = f"({' or '.join(chosen)})"
        if self.layout == ONE:
            where += f" and sim_id in ({_texts(self.valid)})"
        return f"{_files(self.files(self.valid))} where {where}"

    def _asked(self, query: str) -> pa.Table:
        return self.connection.sql(query).to_arrow_table()

    def close(self) -> None:
        self.connection.close()


class DuckDBToPandas(DuckDB):
    """The same for a user who goes on with pandas."""

    def _asked(self, query: str) -> pd.DataFrame:
        return self.connection.sql(query).df()


def _texts(texts: list[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)


def _files(paths: list[str]) -> str:
    return f"read_parquet([{_texts(paths)}])"
