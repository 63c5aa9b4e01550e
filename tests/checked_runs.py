"""Sound runs, a fault planted in one of them, and what a check says of it."""

from dataclasses import replace

import pytest

from ingest.simulated import study
from minion.lifecycle import SEQUENCE

RUNS = 12

CPU, RAM, IO, DISK, NET = range(5)  # charts of a host in the simulated study


@pytest.fixture(scope="module")
def k8s():
    """Sound runs of one platform, with their series."""
    runs = study(seed=3, runs=RUNS, experiment="e")
    return [(s, series) for s, series in runs if s.platform == "K8s"]


def stored(store, runs, place=None, change=None):
    """The runs in the store, one of them changed: `change(simulation, series)` gives both."""
    for at, (simulation, series) in enumerate(runs):
        changed = (simulation, series) if at != place else change(simulation, list(series))
        store.put(*changed)
    return store


def of(checked, sim_id, *, notes=False):
    """The findings of a run as (kind, severity, hostname, metric, phase)."""
    frame = checked.findings[checked.findings["sim_id"] == sim_id]
    rows = frame[["kind", "severity", "hostname", "metric", "phase"]].itertuples(index=False)
    return [tuple(row) for row in rows if notes or row.severity != "note"]


def against(checked):
    """The runs that have more than notes."""
    frame = checked.findings
    return set(frame.loc[frame["severity"] != "note", "sim_id"])


def said(checked, kind):
    frame = checked.findings
    return frame.loc[frame["kind"] == kind, "what"].tolist()


def bounds(simulation, phase):
    """Start and end of a phase, seconds since the epoch."""
    found = next(p for p in SEQUENCE if p.name == phase)
    times = {event.type: event.time for event in simulation.events}
    return times[found.start], times[found.end]


def chart_of(series, hostname, place):
    return [at for at, one in enumerate(series) if one.hostname == hostname][place]


def with_values(series, at, change):
    """The series with the values of one changed in place."""
    values = series[at].values.copy()
    change(series[at].times, values)
    series[at] = replace(series[at], values=values)


def at(simulation, series, seconds):
    """A run moved in time."""
    events = tuple(replace(e, time=e.time + seconds) for e in simulation.events)
    moved_series = [replace(s, times=s.times + seconds) for s in series]
    return replace(simulation, events=events), moved_series


def moved(simulation, phase, seconds):
    """The run with the end of an action moved."""
    end = next(p.end for p in SEQUENCE if p.name == phase)
    events = (replace(e, time=e.time + seconds * (e.type is end)) for e in simulation.events)
    return replace(simulation, events=tuple(events))
