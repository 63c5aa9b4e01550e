"""Series that no metric is made of, such as another tool's: over time, in a report."""

import pandas as pd

from analysis.charting.courses import HOST, ROLE, together
from analysis.metrics import METRICS
from analysis.profiling.reading import PREFIX
from analysis.reporting.parts import Figure, Part
from analysis.reporting.study import Study
from analysis.reporting.words import counted, listed
from minion.selection import natural
from minion.store import Store

MOST_CONTEXTS = 6  # that are drawn: netdata has hundreds
MOST_DIMENSIONS = 6  # of a context: a panel each
MOST_SAMPLES = 1_000_000  # of a context: more take longer to read than a report may take
MOST_PANELS = 12  # of a context: hosts that share a role are drawn together above
MOST_NAMED = 12
HEIGHT, LOW = 130, 76  # pixels of a panel, and of one of many
MANY = 6  # panels: from here on they are low

_METRICS = {context for metric in METRICS.values() for context in metric.contexts}


def series_part(store: Store, study: Study) -> Part | None:
    """The course of what the runs hold besides metrics and profiles; None where there is nothing.

    Args:
        store: where the samples are.
        study: the experiment.
    """
    there = sorted(store.contexts(study.simulations), key=natural)
    others = [c for c in there if c not in _METRICS and not c.startswith(PREFIX)]
    if not others:
        return None
    part = Part(f"{study.look.prefix}-series", "Other series")
    left_out = others[MOST_CONTEXTS:]
    for place, context in enumerate(others[:MOST_CONTEXTS]):
        figure = _drawn(store, study, context, place)
        if figure is None:
            left_out.append(context)
        else:
            part.blocks.append(figure)
    if left_out:
        named = sorted(left_out, key=natural)
        more = [f"{len(named) - MOST_NAMED:,} more"] if len(named) > MOST_NAMED else []
        what = counted(len(named), "context")
        part.say(f"Stored and not drawn here: {what} ({listed([*named[:MOST_NAMED], *more])}).")
    return part


def _drawn(store: Store, study: Study, context: str, place: int) -> Figure | None:
    """A figure of one context; None where it is too large, in several units or empty."""
    counts = store.count_samples(study.simulations, contexts=[context])
    if sum(counts.values()) > MOST_SAMPLES:
        return None
    frame = store.samples(contexts=[context], **study.choice)
    if frame.empty or len(frame["unit"].unique()) > 1:
        return None
    own = _first(frame)
    panel = _panel(own)
    panels = len(own[[panel, "dimension"]].drop_duplicates())
    height = LOW if panels >= MANY else HEIGHT
    return study.make.series(own, context, panel, height, f"series-{place}")


def _panel(frame: pd.DataFrame) -> str:
    """What a panel stands for: a host, where a role has several and there is room for all.

    The two ends of a connection share a role and have nothing else in common.
    """
    hosts = len(frame[[HOST, "dimension"]].drop_duplicates())
    return HOST if together(frame) and hosts <= MOST_PANELS else ROLE


def _first(frame: pd.DataFrame) -> pd.DataFrame:
    """The samples of the first dimensions."""
    there = sorted(frame["dimension"].astype("str").unique(), key=natural)
    if len(there) <= MOST_DIMENSIONS:
        return frame
    return frame[frame["dimension"].astype("str").isin(there[:MOST_DIMENSIONS]).to_numpy()]
