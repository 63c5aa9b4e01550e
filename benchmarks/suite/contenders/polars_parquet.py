"""The same Parquet files by polars; its answers stay polars' own frames."""

# ruff: noqa: D102  the base class says what each method does

from pathlib import Path

import pandas as pd
import polars as pl
from contenders.parquet import ONE, ROWS_TOGETHER, Parquet
from jobs import METRICS

KEYS = ["platform", "sim_id", "phase", "dimension"]


class Polars(Parquet):
    """Lazy scans with predicates that it pushes down, and its own group by."""

    def converted(self, frame: pd.DataFrame) -> pl.DataFrame:
        return pl.from_pandas(frame)

    def written(self, frame: pl.DataFrame, path: Path) -> None:
        size = ROWS_TOGETHER if self.layout == ONE else None
        frame.write_parquet(path, compression="zstd", row_group_size=size)

    def one(self) -> pl.DataFrame:
        sim_id = self.study.chosen.sim_id
        if self.layout == ONE:
            return pl.scan_parquet(self.all_files).filter(pl.col("sim_id") == sim_id).collect()
        return pl.read_parquet(self.files([sim_id]))

    def metric(self) -> pl.DataFrame:
        value = pl.col("value")
        return (
            self._scan("cpu")
            .with_columns(value=100 - value)
            .group_by("hostname", "sim_id")
            .agg(
                n=pl.len().cast(pl.Int64),
                min=value.min(),
                max=value.max(),
                median=value.median(),
                q25=value.quantile(0.25, "linear"),
                q75=value.quantile(0.75, "linear"),
                mean=value.mean(),
                sd=value.std(),
            )
            .collect()
        )

    def everything(self) -> pl.DataFrame:
        return pl.read_parquet(self.all_files)

    def run_values(self) -> pl.DataFrame:
        return pl.concat(pl.collect_all([self._run_values(metric) for metric in METRICS]))

    def _run_values(self, metric: str) -> pl.LazyFrame:
        value = pl.col("value")
        values = {"cpu": 100 - value, "ram": value / self.study.ram_mib * 100, "disk_util": value}
        hosts = (
            self._scan(metric)
            .filter(pl.col("phase").cast(pl.String).is_in(self.study.compared))
            .with_columns(value=values.get(metric, value.abs()))
            .group_by(*KEYS, "hostname")
            .agg(n=pl.len().cast(pl.Int64), value=value.mean())
            .with_columns(expected=pl.col("hostname").n_unique().over("sim_id"))
        )
        return (
            hosts.group_by(KEYS)
            .agg(
                n=pl.col("n").sum(),
                hosts=pl.len().cast(pl.Int64),
                value=value.mean(),
                expected=pl.col("expected").first(),
            )
            .filter(pl.col("hosts") == pl.col("expected"))
            .select("n", "hosts", "value", metric=pl.lit(metric))
        )

    def _scan(self, metric: str) -> pl.LazyFrame:
        context, dimensions = METRICS[metric]
        chosen = (pl.col("context") == context) & pl.col("dimension").cast(pl.String).is_in(
            dimensions
        )
        if len(dimensions) == 1:
            chosen = (pl.col("context") == context) & (pl.col("dimension") == dimensions[0])
        frame = pl.scan_parquet(self.files(self.valid)).filter(chosen)
        if self.layout == ONE:
            frame = frame.filter(pl.col("sim_id").cast(pl.String).is_in(self.valid))
        return frame


class PolarsToPandas(Polars):
    """The same for a user who goes on with pandas."""

    def one(self) -> pd.DataFrame:
        return super().one().to_pandas()

    def everything(self) -> pd.DataFrame:
        return super().everything().to_pandas()
