"""What is in the store, for people: the list of runs, and one minion laid open."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd

from minion.lifecycle import read_timeline
from minion.model import Missing, Simulation
from minion.selection import Selection, Texts
from minion.store import Store

RUN_COLUMNS = "experiment sim_id platform status verdict hosts samples start length".split()
HOST_COLUMNS = "hostname role url ram_mib cores clock_ahead_s clock_shift_s".split()


def runs(
    store: Store,
    *,
    experiment: str | None = None,
    platform: Texts = None,
    sims: Texts = None,
) -> pd.DataFrame:
    """The simulations, a row each, the excluded ones too.

    Args:
        store: where they are.
        experiment, platform, sims: see `Selection.of`.

    Returns:
        experiment, sim_id, platform, status, verdict, hosts (how many), samples (how many values
        are stored), start (UTC, ISO 8601; None where the source has no date) and length (seconds
        from START_SIMULATION to STOP_SIMULATION; NaN without an end).

    Raises:
        NotFound: a simulation, platform or experiment that was named.
    """
    selection = Selection.of(
        experiment=experiment, platform=platform, sims=sims, include_excluded=True
    )
    simulations = store.simulations(selection)
    samples = store.count_samples(simulations)
    rows = [
        {
            "experiment": s.experiment,
            "sim_id": s.sim_id,
            "platform": s.platform,
            "status": s.status.value,
            "verdict": s.validity.verdict.value,
            "hosts": len(s.hosts),
            "samples": samples[s.id],
            "start": iso(s.began),
            "length": _length(s),
        }
        for s in simulations
    ]
    return pd.DataFrame(rows, columns=RUN_COLUMNS)


@dataclass(frozen=True, slots=True)
class Overview:
    """One minion laid open.

    simulation: its facts, name to text.
    hosts: hostname, role, url, ram_mib, cores, clock_ahead_s, clock_shift_s; see `Host`.
    events: elapsed_s, event, hostname, correlation_id, body.
    phases: phase, start_s, end_s, duration_s, the gaps between them too.
    measurements: measurement, value, unit, hostname, phase; those of the whole run stand first.
    charts: see `Store.coverage`.
    missing: hostname, chart, first_s, last_s, reason.
    problems: what the events leave open, one sentence each.
    """

    simulation: dict[str, str]
    hosts: pd.DataFrame
    events: pd.DataFrame
    phases: pd.DataFrame
    measurements: pd.DataFrame
    charts: pd.DataFrame
    missing: pd.DataFrame
    problems: tuple[str, ...]


def describe(store: Store, simulation: Simulation) -> Overview:
    """One simulation, its events, and what is stored of its charts."""
    timeline = read_timeline(simulation)
    origin = timeline.origin if timeline else 0.0
    intervals = timeline.intervals if timeline else ()
    return Overview(
        simulation=_facts(simulation),
        hosts=pd.DataFrame(
            [
                (
                    h.hostname,
                    h.role.value,
                    h.url,
                    h.ram_mib,
                    h.cores,
                    h.clock_ahead_s,
                    h.clock_shift_s,
                )
                for h in simulation.hosts
            ],
            columns=HOST_COLUMNS,
        ),
        events=pd.DataFrame(
            [
                (e.time - origin, e.type.name, e.hostname, e.correlation_id, e.body)
                for e in sorted(simulation.events, key=lambda event: event.time)
            ],
            columns=["elapsed_s", "event", "hostname", "correlation_id", "body"],
        ),
        phases=pd.DataFrame(
            [(i.name, i.start_s, i.end_s, i.duration_s) for i in intervals],
            columns=["phase", "start_s", "end_s", "duration_s"],
        ),
        measurements=_measurements(simulation),
        charts=store.coverage(simulation),
        missing=pd.DataFrame(
            [_missing(record, origin) for record in simulation.missing],
            columns=["hostname", "chart", "first_s", "last_s", "reason"],
        ),
        problems=timeline.problems if timeline else (),
    )


def iso(time: float | None) -> str | None:
    """A time (seconds since the epoch) as ISO 8601 in UTC, to the second."""
    if time is None:
        return None
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _length(simulation: Simulation) -> float | None:
    if simulation.start is None or simulation.end is None:
        return None
    return simulation.end - simulation.start or None  # of one moment: not known


def _start(simulation: Simulation) -> str:
    start = iso(simulation.start)
    if start is None:
        return ""
    return start if simulation.dated else f"{start} (made up)"


def _measurements(simulation: Simulation) -> pd.DataFrame:
    ordered = sorted(simulation.measurements, key=lambda m: m.hostname is not None)
    rows = [(m.name, m.value, m.unit, m.hostname, m.phase) for m in ordered]
    columns = ["measurement", "value", "unit", "hostname", "phase"]
    return pd.DataFrame(rows, columns=columns).astype({"value": "float64"})


def _missing(record: Missing, origin: float) -> tuple[str, str, float, float, str]:
    chart = record.chart or "(all)"
    return record.hostname, chart, record.first - origin, record.last - origin, record.reason


def _facts(simulation: Simulation) -> dict[str, str]:
    validity, provenance = simulation.validity, simulation.provenance
    length = _length(simulation)
    facts = {
        "experiment": simulation.experiment,
        "sim_id": simulation.sim_id,
        "platform": simulation.platform,
        "status": simulation.status.value,
        "verdict": validity.verdict.value,
        "reasons": "; ".join(validity.reasons),
        "verdict by": validity.by or "",
        "start": _start(simulation),
        "length": "" if length is None else f"{length:.1f} s",
        "source": provenance.source,
        "written by": f"minion {provenance.version}, {provenance.created:%Y-%m-%d %H:%M:%S} UTC",
        **{f"source: {key}": value for key, value in provenance.details.items()},
        **{f"parameter: {key}": str(value) for key, value in simulation.parameters.items()},
        **{f"environment: {key}": value for key, value in simulation.environment.items()},
    }
    return {key: value for key, value in facts.items() if value}
