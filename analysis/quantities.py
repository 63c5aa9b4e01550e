"""What can be compared, by name: a metric, `duration`, or a measurement that the runs yield."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd

from analysis import reduced
from analysis.metrics import METRICS
from analysis.timeline import durations_of
from analysis.values import RunValues, combined, host_values
from analysis.ways import choose
from minion.errors import InvalidData, NotFound
from minion.lifecycle import TOTAL
from minion.model import Simulation
from minion.selection import Choice, Selection
from minion.store import Store

DURATION = "duration"
SECONDS = "s"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One value per run of something that has a name.

    unit: of its values; empty for a count.
    runs: values per phase, dimension and role; the runs that have none where others have one.
    reduced: where its samples were reduced, and why there; empty where it has none.
    """

    name: str
    unit: str
    runs: RunValues
    reduced: str = ""


def quantity(
    store: Store,
    name: str,
    simulations: Sequence[Simulation],
    *,
    quantile: float | None = None,
    ram_mib: float | None = None,
    **choice: Unpack[Choice],
) -> Quantity:
    """One value per run of a metric, of the durations or of a measurement.

    A metric: the mean (or a quantile) of each measured host's samples in a phase, then the mean of
    the hosts, and of those of each role. A duration is one value anyway, of the run. A
    measurement: the mean over the hosts that it stands for.

    Args:
        store: where the samples are.
        name: of `METRICS`, `duration`, or of a measurement.
        simulations: the runs of the choice, read already.
        quantile: of the samples instead of their mean, between 0 and 1.
        ram_mib: see `utilization`.
        choice: experiment, platform, sims, hosts, phase, include_excluded; see `Selection.of`.

    Raises:
        NotFound: nothing has that name; the message lists what there is.
        InvalidData: a quantile of what is one value already.
    """
    selection = Selection.of(**choice)
    if name in METRICS:
        way = choose(store, simulations, name, quantile=quantile, ram_mib=ram_mib)
        named = [phase for phase in selection.phases if phase != TOTAL.name]
        hosts = reduced.host_values_of(
            store,
            METRICS[name],
            selection,
            simulations,
            # The total alone leaves no phase, which no name at all would not say.
            phases=named or ([""] if selection.phases else ()),
            whole_run=not selection.phases or TOTAL.name in selection.phases,
            quantile=quantile,
            ram_mib=ram_mib,
            way=way.name,
        )
        expected = {
            (s.experiment, s.sim_id): {
                h.hostname: h.role.value
                for h in s.measured_hosts
                if not selection.hosts or h.hostname in selection.hosts
            }
            for s in simulations
        }
        runs = combined(hosts, expected=expected, roles=True)
        return Quantity(name, METRICS[name].unit, runs, way.reason)
    if quantile is not None:
        raise InvalidData(f"a quantile of {name}: it is one value of a run; leave it out")
    if name == DURATION:
        took = durations_of(simulations, phases=selection.phases).assign(metric=DURATION)
        hosts = host_values(took, value="duration_s", phases=selection.phases)
        return Quantity(name, SECONDS, combined(hosts))
    return _measurement(name, simulations, selection)


def _measurement(name: str, simulations: Sequence[Simulation], selection: Selection) -> Quantity:
    rows = [
        (s.experiment, s.platform, s.sim_id, name, m.phase or TOTAL.name, m.value, m.unit)
        for s in simulations
        for m in s.measurements
        if m.name == name
        and (not selection.hosts or m.hostname is None or m.hostname in selection.hosts)
        and (not selection.phases or (m.phase or TOTAL.name) in selection.phases)
    ]
    if not rows:
        there = dict.fromkeys(m.name for s in simulations for m in s.measurements)
        names = ", ".join([*METRICS, DURATION, *there])
        raise NotFound(f"no run of this selection has a {name}; there are: {names}")
    units = dict.fromkeys(unit for *_, unit in rows)
    if len(units) > 1:
        raise InvalidData(f"{name} is given in several units: {', '.join(units)}; choose runs")
    columns = ["experiment", "platform", "sim_id", "metric", "phase", "value", "unit"]
    frame = pd.DataFrame(rows, columns=columns)
    for column in ("experiment", "platform", "sim_id", "metric"):
        frame[column] = pd.Categorical(frame[column], categories=frame[column].unique())
    finite = np.isfinite(frame["value"].to_numpy())
    runs = combined(host_values(frame[finite], phases=list(dict.fromkeys(frame["phase"]))))
    broken = frame[~finite].assign(role="all", reason=f"its {name} is not a number")
    left_out = pd.concat([runs.left_out, broken[runs.left_out.columns]], ignore_index=True)
    return Quantity(name, next(iter(units)), RunValues(runs.values, left_out))
