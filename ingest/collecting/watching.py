"""The table of hosts on a terminal: what fits there, and first of all who is silent."""

import re
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.text import Text

from minion.console import plain, table_of

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

URGENT = ("silent", "waiting", "collecting", "done")  # in this order
# What `minion status` shows and a narrow terminal need not, the least needed first.
SPARED = "collector retries gaps last_sample_s experiment samples lag_s".split()
PROBLEM = 24  # characters of a problem that are worth a column
_BESIDE = 4  # lines: the head, how many more there are, the cursor's, one to spare
_BETWEEN = 2  # blanks between two columns
_ADDRESS = re.compile(r"https?://\S+: ")  # a problem begins with it; the host's name is enough


def view(frame: "pd.DataFrame", width: int, height: int) -> "RenderableType":
    """The hosts as they fit: a line each, the silent ones first.

    Args:
        frame: as `ingest.collecting.status.status` gives it.
        width: characters in a line.
        height: lines.
    """
    order = {state: rank for rank, state in enumerate(URGENT)}
    sorted_ = frame.sort_values("state", key=lambda states: states.map(order), kind="stable")
    shown = sorted_.head(max(1, height - _BESIDE))
    shown = shown.assign(problem=[_ADDRESS.sub("", text, count=1) for text in shown["problem"]])
    for name in SPARED:
        if _wide(shown.drop(columns="problem")) + _problem(shown) <= width:
            break
        shown = shown.drop(columns=name)
    table = table_of(shown)
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    # The others are whole before it gets anything.
    room = width - _wide(shown.drop(columns="problem")) - _BETWEEN
    table.columns[-1].max_width = max(1, room)
    more = len(frame) - len(shown)
    rest = Text(f"and {more:,} more; `minion status` shows all", no_wrap=True, overflow="ellipsis")
    return Group(table, *([rest] if more else []))


def _wide(frame: "pd.DataFrame") -> int:
    """How wide the table of a frame is when nothing of it is cut."""
    return Console(width=10_000).measure(table_of(frame)).maximum


def _problem(frame: "pd.DataFrame") -> int:
    """What the column of problems takes at least."""
    longest = max((len(plain(text)) for text in frame["problem"]), default=0)
    return _BETWEEN + max(len("problem"), min(PROBLEM, longest))
