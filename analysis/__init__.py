"""Frames to figures: utilization, durations, summaries, charts and the report.

Everything here takes a store or a tidy frame and gives a frame or a chart.
"""

from typing import TYPE_CHECKING

from minion.lazy import loader

if TYPE_CHECKING:
    import analysis.charts as charts  # noqa: PLR0402  mypy finds no name in a package it is in
    import analysis.report as report  # noqa: PLR0402
    from analysis.comparing.comparison import compare
    from analysis.metrics import average, utilization
    from analysis.quality.checks import check
    from analysis.quality.idle import steadiness
    from analysis.statistics.dependence import autocorrelation, bootstrap_mean, effective_size
    from analysis.summaries import summary, within_between
    from analysis.timeline import durations, problems, simulation_events
    from analysis.variation.planning import plan
    from analysis.variation.variances import variance

__all__ = [
    "autocorrelation",
    "average",
    "bootstrap_mean",
    "charts",
    "check",
    "compare",
    "durations",
    "effective_size",
    "plan",
    "problems",
    "report",
    "simulation_events",
    "steadiness",
    "summary",
    "utilization",
    "variance",
    "within_between",
]

__getattr__ = loader(
    "analysis",
    {
        "autocorrelation": "analysis.statistics.dependence",
        "average": "analysis.metrics",
        "bootstrap_mean": "analysis.statistics.dependence",
        "charts": "analysis.charts",
        "check": "analysis.quality.checks",
        "compare": "analysis.comparing.comparison",
        "durations": "analysis.timeline",
        "effective_size": "analysis.statistics.dependence",
        "plan": "analysis.variation.planning",
        "problems": "analysis.timeline",
        "report": "analysis.report",
        "simulation_events": "analysis.timeline",
        "steadiness": "analysis.quality.idle",
        "summary": "analysis.summaries",
        "utilization": "analysis.metrics",
        "variance": "analysis.variation.variances",
        "within_between": "analysis.summaries",
    },
)
