"""Frames to figures: utilization, durations, summaries, charts and the report.

Everything here takes a store or a tidy frame and gives a frame or a chart.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import analysis.charts as charts  # noqa: PLR0402  mypy finds no name in a package it is in
    import analysis.report as report  # noqa: PLR0402
    from analysis.metrics import average, utilization
    from analysis.summaries import summary, within_between
    from analysis.timeline import durations, problems, simulation_events

__all__ = [
    "average",
    "charts",
    "durations",
    "problems",
    "report",
    "simulation_events",
    "summary",
    "utilization",
    "within_between",
]

_HOMES = {
    "average": "analysis.metrics",
    "durations": "analysis.timeline",
    "problems": "analysis.timeline",
    "simulation_events": "analysis.timeline",
    "summary": "analysis.summaries",
    "utilization": "analysis.metrics",
    "within_between": "analysis.summaries",
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `minion --help` must not wait for pandas.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in __all__:
        return import_module(f"analysis.{name}")
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")
