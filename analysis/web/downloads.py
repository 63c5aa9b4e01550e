"""Files for whoever looks at the page: tables, charts, the report."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import altair as alt
import pandas as pd
from flask import Flask, Response, request, send_file

from analysis.charting.output import save
from analysis.metrics import METRICS, utilization
from analysis.timeline import durations
from analysis.web.address import DURATION, Question, question_of, run_of
from analysis.web.compare_page import answer, forest_chart, values_chart
from analysis.web.keeper import Keeper
from analysis.web.lines import read_lines, run_chart, run_map, run_samples
from analysis.web.listing import Listing
from analysis.web.questions import EVERYTHING, RUNS, check_size
from minion.errors import InvalidData, MinionError, NotFound, StoreError, UsageError
from minion.overview import runs

CHARTS = ("svg", "png", "json")
TABLES = ("csv", "parquet")
ROWS_AT_ONCE = 200_000
_TYPES = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "svg": "image/svg+xml",
    "png": "image/png",
    "json": "application/json",
    "html": "text/html",
}


def register(server: Flask, keeper: Keeper) -> None:
    """The addresses of the files.

    Args:
        server: the Flask application.
        keeper: of the store.
    """

    @server.get("/download/<what>.<kind>")
    def download(what: str, kind: str) -> Response:
        search = request.query_string.decode("latin-1")
        try:
            if kind not in _TYPES:
                raise NotFound(f"no file ends with {kind}; there are: {', '.join(_TYPES)}")
            if kind == "csv" and what == EVERYTHING:
                return _streamed(keeper, question_of(search))
            with TemporaryDirectory(prefix="minion-serve-") as folder, keeper.heavy() as listing:
                target = Path(folder) / f"file.{kind}"
                _write(listing, what, kind, search, target)
                content = target.open("rb")  # outlives its name
            answer_ = send_file(
                content,
                mimetype=_TYPES[kind],
                as_attachment=True,
                download_name=_name(what, kind, search),
            )
        except MinionError as error:
            return _refused(error)
        return answer_


def _write(listing: Listing, what: str, kind: str, search: str, target: Path) -> None:
    """One file.

    Raises:
        NotFound: there is no such file.
        MinionError: what reading and comparing say.
    """
    if what == "run":
        _write_run(listing, kind, search, target)
        return
    question = question_of(search)
    if what == "report" and kind == "html":
        from analysis.report import write  # noqa: PLC0415  only for this file

        check_size(listing, question)
        write(listing.store, target, command="minion serve", **question.choice)
    elif what in ("differences", "values") and kind in CHARTS:
        told = answer(listing, question)
        drawn = forest_chart(told) if what == "differences" else values_chart(listing, told)
        if drawn is None:
            raise NotFound(f"there is no chart of the values of {question.metric}")
        _write_chart(drawn, target)
    elif what == "comparison" and kind in ("csv", "json"):
        found = answer(listing, question).found
        if kind == "csv":
            found.pairs.to_csv(target, index=False)
        else:
            text = json.dumps(found.document(), indent=1, default=str, allow_nan=False)
            target.write_text(text + "\n", encoding="utf-8")
    elif kind in TABLES:
        _write_table(listing, what, kind, question, target)
    else:
        raise NotFound(f"there is no file {what}.{kind}")


def _write_run(listing: Listing, kind: str, search: str, target: Path) -> None:
    experiment, sim_id, metric = run_of(search)
    simulation = listing.store.simulation(sim_id, experiment)
    if kind in CHARTS:
        drawn = read_lines(listing.store, simulation, metric)
        if not drawn.records:
            raise NotFound(f"simulation {sim_id} has no samples of {metric}")
        if drawn.left_out:
            _write_chart(run_map(listing.store, simulation, metric), target)
        else:
            _write_chart(run_chart(drawn, simulation, metric), target)
    elif kind in TABLES:
        _write_frame(run_samples(listing.store, simulation, metric), kind, target)
    else:
        raise NotFound(f"there is no file run.{kind}")


def _write_table(listing: Listing, what: str, kind: str, question: Question, target: Path) -> None:
    store, choice = listing.store, question.choice
    if what == EVERYTHING:
        _write_parquet(listing, question, target)
        return
    makers: dict[str, Callable[[], pd.DataFrame]] = {
        DURATION: lambda: durations(store, **choice),
        RUNS: lambda: _runs(listing, question),
        **{name: lambda name=name: utilization(store, name, **choice) for name in METRICS},  # type: ignore[misc]  # of the loop
    }
    if what not in makers:
        raise NotFound(f"there is no table {what}; there are: {', '.join(makers)}")
    check_size(listing, question)
    _write_frame(makers[what](), kind, target)


def _runs(listing: Listing, question: Question) -> pd.DataFrame:
    choice: dict[str, Any] = dict(question.choice)
    choice = {k: v for k, v in choice.items() if k in ("experiment", "platform", "sims")}
    found = runs(listing.store, **choice)
    if question.excluded == "yes":
        return found
    return found[(found["verdict"] != "excluded").to_numpy()]


def _write_parquet(listing: Listing, question: Question, target: Path) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415  only for this file

    with (
        listing.store.record_batches(rows=ROWS_AT_ONCE, **question.choice) as batches,
        pq.ParquetWriter(target, batches.schema, compression="zstd") as writer,
    ):
        for batch in batches:
            writer.write_batch(batch)


def _write_frame(frame: pd.DataFrame, kind: str, target: Path) -> None:
    if kind == "csv":
        frame.to_csv(target, index=False)
    else:
        frame.to_parquet(target, index=False, compression="zstd")


def _write_chart(drawn: alt.TopLevelMixin, target: Path) -> None:
    if target.suffix == ".json":
        target.write_text(json.dumps(drawn.to_dict(validate=False), allow_nan=False), "utf-8")
    else:
        save(drawn, target)


def _streamed(keeper: Keeper, question: Question) -> Response:
    """Every chart as CSV: written while it is read, so that its size does not matter."""

    def parts() -> Iterator[str]:
        head = True
        with keeper.listing() as listing:
            frames = listing.store.samples_in_batches(rows=ROWS_AT_ONCE, **question.choice)
            yield ""  # what was named exists; from here on the answer is under way
            for frame in frames:
                yield frame.to_csv(index=False, header=head)
                head = False

    content = parts()
    next(content)
    answer_ = Response(content, mimetype=_TYPES["csv"])
    answer_.headers.set("Content-Disposition", "attachment", filename="samples.csv")
    return answer_


def _name(what: str, kind: str, search: str) -> str:
    """A file's name that says what it is of, in letters that every system takes."""
    if what == "run":
        _, sim_id, metric = run_of(search)
        parts = ["run", sim_id, metric]
    else:
        question = question_of(search)
        of = [question.metric] if what in ("differences", "values", "comparison") else []
        parts = [question.experiment, what, *of, question.phase]
    plain = (re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-.")[:60] for part in parts)
    return f"{'-'.join(part for part in plain if part) or 'file'}.{kind}"


def _refused(error: MinionError) -> Response:
    status = 503 if isinstance(error, StoreError) else 404
    if isinstance(error, InvalidData | UsageError):
        status = 400
    return Response(f"{error}.\n", status, mimetype="text/plain")
