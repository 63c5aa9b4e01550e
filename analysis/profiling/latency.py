"""How long something took, against how many there were: latency by number of pods."""

from collections.abc import Sequence
from typing import Any, Unpack

import altair as alt
import pandas as pd

from analysis.charting import theme
from analysis.charting.labels import has_values, one_experiment, titled
from analysis.charting.palette import Colours, colours_of
from analysis.profiling.reading import RUN
from minion.errors import NotFound
from minion.selection import Choice, natural
from minion.store import Store

_CONTEXT = "latency"
_QUANTILES = {"median_ms": 0.5, "p90_ms": 0.9, "p99_ms": 0.99}


def latencies(store: Store, **choice: Unpack[Choice]) -> pd.DataFrame:
    """The latencies of the runs, a row each, with how many there were.

    Args:
        store: where they are, as series of the context `latency`: num and duration_ms.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Returns:
        experiment, platform, sim_id, hostname (categoricals), elapsed_s, num, duration_ms.

    Raises:
        NotFound: no run of the selection has latencies.
    """
    samples = store.samples(contexts=_CONTEXT, **choice)
    if samples.empty:
        raise NotFound(
            "no run of this selection has latencies; name a log: minion ingest pprof FILE --log LOG"
        )
    keys = [*RUN, "hostname", "elapsed_s"]
    table = samples.pivot_table(index=keys, columns="dimension", values="value", observed=True)
    table = table.reindex(columns=["num", "duration_ms"]).reset_index()
    table.columns.name = None
    return table


def by_number(frame: pd.DataFrame, by: Sequence[str] = ("experiment", "platform")) -> pd.DataFrame:
    """What latencies are for each number of things: pods, objects, requests.

    These are over all lines of a log, which depend on each other: they describe, and support no
    comparison. For that, one value per run is a measurement (`median latency`).

    Args:
        frame: as `latencies` gives it.
        by: what is kept apart.

    Returns:
        `by`, num, n, mean_ms, median_ms, p90_ms, p99_ms.
    """
    grouped = frame.groupby([*by, "num"], observed=True)["duration_ms"]
    table = grouped.agg(n="size", mean_ms="mean")
    for name, quantile in _QUANTILES.items():
        table[name] = grouped.quantile(quantile)
    return table.reset_index()


def latency_chart(
    frame: pd.DataFrame,
    *,
    title: str = "Latency by number of pods",
    number: str = "pods",
    simulated: bool = False,
    colours: Colours | None = None,
    width: int = 520,
    height: int = 300,
) -> alt.LayerChart:
    """A dot for each latency, and a line through the medians of each platform.

    Args:
        frame: as `latencies` gives it.
        title: of the chart.
        number: what `num` counts.
        simulated: the data are not measured; the subtitle says so.
        colours: of the platforms; default: those that they have among themselves.
        width, height: in pixels.

    Raises:
        InvalidData: the frame lacks a column, has no latency, or holds several experiments.
    """
    has_values(frame, "duration_ms", *RUN, "num")
    one_experiment(frame)
    names = sorted((str(name) for name in frame["platform"].unique()), key=natural)
    colour = alt.Color(
        "platform:N", title="Platform", scale=theme.scale(colours_of(names, colours))
    )
    x = alt.X("num:Q", title=number, scale=alt.Scale(zero=False))
    own = frame[["platform", "sim_id", "num", "duration_ms"]].astype(
        {"platform": str, "sim_id": str}
    )
    medians = by_number(frame)[["platform", "num", "n", "median_ms"]].astype({"platform": str})
    dots = (
        alt.Chart(alt.InlineData(values=_records(own)))
        .mark_circle(size=22, opacity=0.45)
        .encode(
            x=x,
            y=alt.Y("duration_ms:Q", title="latency in ms"),
            color=colour,
            tooltip=[
                alt.Tooltip("platform:N", title="Platform"),
                alt.Tooltip("sim_id:N", title="Run"),
                alt.Tooltip("num:Q", title=number),
                alt.Tooltip("duration_ms:Q", title="Latency, ms", format=",.4~g"),
            ],
        )
    )
    line = (
        alt.Chart(alt.InlineData(values=_records(medians)))
        .mark_line(strokeWidth=2, point=alt.OverlayMarkDef(size=40))
        .encode(
            x=x,
            y=alt.Y("median_ms:Q", title="latency in ms"),
            color=colour,
            tooltip=[
                alt.Tooltip("platform:N", title="Platform"),
                alt.Tooltip("num:Q", title=number),
                alt.Tooltip("median_ms:Q", title="Median, ms", format=",.4~g"),
                alt.Tooltip("n:Q", title="Latencies"),
            ],
        )
    )
    chart: alt.LayerChart = alt.layer(  # type: ignore[assignment]  # without row and column
        dots, line, width=width, height=height
    )
    notes = ["Dot: one line of the log. Line: the median of each number."]
    return theme.finished(
        chart,
        titled(title, notes, simulated=simulated),
        f"{len(frame)} latencies against the number of {number}",
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
