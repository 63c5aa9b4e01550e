"""Who takes part: a line per contender."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from jobs import JOBS

READS = ("one", "metric", "everything", "run_values")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A contender.

    title: what the table calls it. code: MODULE:CLASS in `contenders`.
    jobs: those that it does. about: what its reader must know.
    needs: modules, programs or R packages without which it cannot run.
    requirements: of an environment of its own, where ours cannot have them.
    server: the name of its mongod, if it uses one. options: further arguments of its class.
    variables: of its process. slow: its write is timed on a part of the samples.
    """

    title: str
    code: str
    jobs: tuple[str, ...]
    about: str = ""
    needs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    server: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False


def _parquet(reader: str, code: str, package: str, layout: str, about: str) -> Entry:
    files = {"runs": "a file a run", "one": "one file by metric"}[layout]
    return Entry(
        title=f"Parquet, {reader}, {files}",
        code=code,
        jobs=("write", *READS),
        about=about,
        needs=(package,),
        packages=(package, "pyarrow"),
        options={"layout": layout},
    )


OURS = "minion"
PLAIN_OURS = "minion-plain"
CONTENDERS: Mapping[str, Entry] = {
    OURS: Entry(
        title="Minion",
        code="ours:Ours",
        jobs=tuple(JOBS),
        about="array buckets in MongoDB; writes are acknowledged when they are in the journal",
        packages=("pymongo", "pandas", "numpy"),
        server=OURS,
    ),
    PLAIN_OURS: Entry(
        title="Minion, without its native decoder",
        code="ours:WithoutNative",
        jobs=READS,
        about="the same store, where there was no compiler",
        packages=("numpy",),
        server=OURS,
    ),
    "flat": Entry(
        title="flat documents, pymongo",
        code="flat:Flat",
        jobs=("write", *READS),
        about="as netdata's exporter writes them; indexes on the time, and on chart, dimension"
        " and time; the driver's default write concern",
        packages=("pymongo",),
        server="flat",
        slow=True,
    ),
    "arrow": Entry(
        title="flat documents, pymongoarrow",
        code="arrow:FlatByArrow",
        jobs=READS,
        about="the same collection",
        # Of its wheel; said once more by every import, and of no consequence.
        variables={"PYTHONWARNINGS": "ignore:pyarrow.lib:RuntimeWarning"},
        needs=("pymongoarrow",),
        packages=("pymongoarrow", "pyarrow"),
        requirements=("pymongoarrow>=1.15,<2", "pandas>=3.0,<4"),
        server="flat",
    ),
    "timeseries": Entry(
        title="MongoDB time-series collection",
        code="timeseries:TimeSeries",
        jobs=("write", *READS),
        about="a measurement per value; the driver's default write concern",
        packages=("pymongo",),
        server="timeseries",
        slow=True,
    ),
    **{
        f"{reader}-{layout}": _parquet(reader, code, package, layout, about)
        for reader, code, package, about in (
            ("pandas", "parquet:Pandas", "pandas", "pyarrow's engine, zstd"),
            ("polars", "polars_parquet:Polars", "polars", "zstd; ends in polars' own frames"),
            ("duckdb", "duckdb_parquet:DuckDB", "duckdb", "zstd; ends in Arrow tables"),
        )
        for layout in ("runs", "one")
    },
    **{
        f"{reader}-pandas": replace(
            _parquet(reader, code, reader, "runs", "the same files, into a pandas frame"),
            title=f"Parquet, {reader}, a file a run, to pandas",
            jobs=("one", "everything"),
        )
        for reader, code in (
            ("polars", "polars_parquet:PolarsToPandas"),
            ("duckdb", "duckdb_parquet:DuckDBToPandas"),
        )
    },
    "arcticdb": Entry(
        title="ArcticDB on LMDB",
        code="arctic:ArcticOnLmdb",
        jobs=("write", *READS),
        about="a wide frame per run and host, a column per dimension",
        needs=("arcticdb",),
        packages=("arcticdb", "pandas"),
        requirements=("arcticdb>=6.28,<7", "pandas<3"),
    ),
    **{
        f"r-{form}": Entry(
            title=f"R, dplyr, {what}",
            code="r:R",
            jobs=("metric",),
            about=about,
            programs=("Rscript", *(f"Rscript -e library({p})" for p in ("dplyr", "jsonlite"))),
            options={"form": form},
        )
        for form, what, about in (
            ("json", "flat documents", "the study's way; JSON lines, a file a run; jsonlite"),
            ("csv", "CSV", "a file a run; read.csv"),
        )
    },
    "numpy": Entry(
        title="limit: numpy.load of the columns",
        code="columns_files:ColumnFiles",
        jobs=("write", "everything"),
        about="codes of the text columns, and two columns of doubles",
        packages=("numpy",),
    ),
    "memory": Entry(
        title="limit: a copy in memory",
        code="columns_files:MemoryCopy",
        jobs=("write", "everything"),
        about="the same columns",
    ),
}
