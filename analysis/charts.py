"""Altair charts of tidy frames, and of what `compare` and `variance` found.

Each function returns an Altair chart with its data inside, which a script can change and save:
`chart.to_dict()` and `chart.save()` work as ever, whatever the number of samples.

    samples: facet, course, utilization, heat, autocorrelation
    phases: durations, timeline
    one value per run: utilization, durations, drift, levels
    results: differences, ratios, variances
    profiles: flame_graph

Every chart has the parameter `dark` (see `analysis.charting.theme`); `save` writes files, and
`reduction_error` says what drawing fewer points costs.
"""

from collections.abc import Sequence

import altair as alt
import pandas as pd

from analysis.charting import theme
from analysis.charting.bars import timeline
from analysis.charting.courses import course
from analysis.charting.forest import differences, ratios
from analysis.charting.heat import heat
from analysis.charting.labels import has_values, one_experiment, one_metric, titled
from analysis.charting.levels import levels
from analysis.charting.memory import autocorrelation
from analysis.charting.output import save, smallest_text, specification
from analysis.charting.palette import Colours
from analysis.charting.panels import facet
from analysis.charting.reduction import reduction_error
from analysis.charting.sequence import drift
from analysis.charting.shares import variances
from analysis.charting.strips import strips
from analysis.profiling.flame import flame_graph
from minion.selection import natural

__all__ = [
    "autocorrelation",
    "course",
    "differences",
    "drift",
    "durations",
    "facet",
    "flame_graph",
    "heat",
    "levels",
    "ratios",
    "reduction_error",
    "save",
    "smallest_text",
    "specification",
    "timeline",
    "utilization",
    "variances",
]


def durations(
    frame: pd.DataFrame,
    *,
    title: str = "How long each phase took",
    simulated: bool = False,
    platforms: Sequence[str] = (),
    colours: Colours | None = None,
    columns: int = 3,
    width: int = 250,
) -> alt.ConcatChart:
    """A panel per phase: a dot per run, the mean of each platform, and its 95 % interval.

    Every panel has its own time scale, which does not begin at 0, so that a difference can be
    seen in a short phase and in a long one; it spans at least a tenth of the mean.

    Args:
        frame: as `durations` of `analysis.timeline` gives it.
        title: of the chart.
        simulated: the data are not measured; the subtitle says so.
        platforms: rows of every panel, in this order; default: those of the frame.
        colours: of the platforms; default: those that they have among themselves.
        columns: panels side by side.
        width: of one panel in pixels.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several experiments.
    """
    has_values(frame, "duration_s", "experiment", "platform", "phase", "sim_id")
    one_experiment(frame)
    blocks = strips(
        frame,
        value="duration_s",
        unit="s",
        platforms=platforms,
        columns=columns,
        width=width,
        colours=colours,
    )
    return theme.finished(
        blocks[0],
        titled(title, _KEY, simulated=simulated),
        f"Duration in seconds of each phase, one dot per run, by {_names(frame)}",
    )


def utilization(
    frame: pd.DataFrame,
    *,
    title: str | None = None,
    simulated: bool = False,
    platforms: Sequence[str] = (),
    colours: Colours | None = None,
    columns: int = 3,
    width: int = 250,
    zero: bool = True,
) -> alt.ConcatChart | alt.VConcatChart:
    """A panel per phase: a dot per run (mean of its hosts), each platform's mean and 95 % interval.

    Panels have scales of their own. A metric that keeps its dimensions has a block of panels for
    each.

    Args:
        frame: one metric, as `utilization` of `analysis.metrics` gives it, or reduced by
            `analysis.values.run_values` with the columns metric and unit beside.
        title: of the chart; default: the metric's name.
        simulated: the data are not measured; the subtitle says so.
        platforms: rows of every panel, in this order; default: those of the frame.
        colours: of the platforms; default: those that they have among themselves.
        columns: panels side by side.
        width: of one panel in pixels.
        zero: let every scale begin at 0.

    Raises:
        InvalidData: the frame has no values, lacks a column, or holds several metrics or
            experiments.
    """
    label, unit = one_metric(frame, "experiment", "phase", "sim_id")
    one_experiment(frame)
    blocks = strips(
        frame,
        value="value",
        unit=unit,
        platforms=platforms,
        columns=columns,
        width=width,
        zero=zero,
        colours=colours,
    )
    whole = blocks[0] if len(blocks) == 1 else alt.vconcat(*blocks, spacing=28)
    return theme.finished(
        whole,
        titled(title or f"{label} in each phase", _KEY, simulated=simulated),
        f"{label} ({unit}) in each phase, one dot per run, by {_names(frame)}",
    )


_KEY = ("Dot: a run. Diamond: mean of the runs. Bar: its 95 % interval.",)


def _names(frame: pd.DataFrame) -> str:
    names = {str(name) for name in frame["platform"].unique()}
    return ", ".join(sorted(names, key=natural))
