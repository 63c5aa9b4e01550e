"""One simulation as the study's nested data packet: simulation data and system metrics."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from minion import flat
from minion.model import Simulation
from minion.series import Series

COLUMNS = ("hostname", "chart_name", "units", "id", "value", "timestamp")
# What the study calls each table of system metrics, and netdata's context of it.
CONTEXTS = {
    "system_cpu": "system.cpu",
    "system_ram": "system.ram",
    "system_disk": "system.io",
    "system_disk_util": "disk.util",
    "system_net": "system.net",
}


@dataclass(frozen=True, slots=True, eq=False)
class SimulationData:
    """What was done, with the columns of the flat documents; a missing text is None.

    simulation: one row: _id, sim_id, platform.
    hosts: a row per host: _id, simulation_id, hostname, role.
    events: a row per event: _id, host_id, correlation_id, event_type, body, timestamp (seconds
        since the epoch), in the order that they were noted.
    """

    simulation: pd.DataFrame
    hosts: pd.DataFrame
    events: pd.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class SystemMetrics:
    """What was measured: hostname, chart_name, units, id (of the dimension), value, timestamp.

    timestamp is in seconds since the epoch. Ordered by host as in `hosts`, chart, time, dimension.
    A value that is missing has no row.
    """

    system_cpu: pd.DataFrame
    system_ram: pd.DataFrame
    system_disk: pd.DataFrame
    system_disk_util: pd.DataFrame
    system_net: pd.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """The data packet of one simulation, nested as the study describes it."""

    simulation_data: SimulationData
    system_metrics: SystemMetrics


def packet(simulation: Simulation, series: Sequence[Series]) -> Packet:
    """The packet of a simulation.

    Args:
        simulation: the run.
        series: of it; other contexts than those of `CONTEXTS` are passed over.
    """
    places = {host.hostname: place for place, host in enumerate(simulation.hosts)}
    ordered = sorted(series, key=lambda s: (places.get(s.hostname, len(places)), s.hostname))
    return Packet(
        simulation_data=SimulationData(
            simulation=_table([flat.simulation_row(simulation)], flat.SIMULATION_KEYS),
            hosts=_table(flat.host_rows(simulation), flat.HOST_KEYS),
            events=_table(flat.event_rows(simulation), flat.EVENT_KEYS),
        ),
        system_metrics=SystemMetrics(
            **{
                name: _metrics(one for one in ordered if one.context == context)
                for name, context in CONTEXTS.items()
            }
        ),
    )


def _table(rows: Sequence[flat.Row], keys: Sequence[str]) -> pd.DataFrame:
    columns = {key: [row[key] for row in rows] for key in keys}
    frame = pd.DataFrame({key: pd.Series(c, dtype=object) for key, c in columns.items()})
    return frame.astype({"timestamp": "float64"}) if "timestamp" in columns else frame


def _metrics(series: Iterable[Series]) -> pd.DataFrame:
    frames = [_samples(one) for one in series]
    if not frames:
        return pd.DataFrame({name: pd.Series(dtype=_dtype(name)) for name in COLUMNS})
    return pd.concat(frames, ignore_index=True)


def _samples(series: Series) -> pd.DataFrame:
    rows, columns = series.values.shape
    there = ~np.isnan(series.values).ravel()
    ids = np.array([dimension.id for dimension in series.dimensions], dtype=object)
    count = int(there.sum())
    data = {
        "hostname": [series.hostname] * count,
        "chart_name": [series.name or series.chart] * count,
        "units": [series.unit] * count,
        "id": np.tile(ids, rows)[there],
        "value": series.values.ravel()[there],
        "timestamp": np.rint(np.repeat(series.times, columns)[there]).astype(np.int64),
    }
    return pd.DataFrame({name: pd.Series(data[name], dtype=_dtype(name)) for name in COLUMNS})


def _dtype(column: str) -> str:
    return {"value": "float64", "timestamp": "int64"}.get(column, "str")
