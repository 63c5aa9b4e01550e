"""How long an agent's answer may be, and how much it may hold.

A few bytes of JSON can become a hundred in memory, so a limit in bytes alone is none.
"""

from ingest.agents.answers import Chart

MOST_BYTES = 64 * 2**20  # of any answer: 20,000 rows of 100 dimensions are 24 MB
OF_A_HOST = 4 * 2**20  # who an agent is, or one chart; a parent tells of all its children
OF_CHARTS = 32 * 2**20  # 1.4 KB each: 20,000 charts
MOST_LISTS = 500_000  # lists and objects in one answer
MOST_VALUES = 4_000_000
_SMALL_BYTES = 2**20  # what is no longer than that may hold anything
_CELL_BYTES = 32  # the longest number, and what stands between two of them


def bytes_of_data(chart: Chart, after: int, before: int) -> int:
    """How long the samples of a chart may be, both ends included.

    There may be dimensions that the list of charts does not name: hidden ones, and new ones.
    """
    rows, columns = (before - after) // chart.step + 2, 2 * len(chart.dimensions) + 32
    return min(MOST_BYTES, _SMALL_BYTES + rows * columns * _CELL_BYTES)


def holds_too_much(content: bytes) -> bool:
    """Whether what a JSON text would become in memory is more than is wanted."""
    if len(content) <= _SMALL_BYTES:
        return False
    lists = content.count(b"[") + content.count(b"{")
    return lists > MOST_LISTS or content.count(b",") + content.count(b'"') > MOST_VALUES
