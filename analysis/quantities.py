"""What can be compared, by name: a metric, `duration`, or a measurement that the runs yield."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

import numpy as np
import pandas as pd

from analysis import reduced
from analysis.metrics import METRICS
from analysis.timeline import durations_of, phase_order
from analysis.values import ALL_HOSTS, RunValues, combined, host_values, stacked
from analysis.ways import choose
from minion.errors import InvalidData, NotFound
from minion.lifecycle import TOTAL
from minion.model import Measurement, Role, Simulation
from minion.selection import Choice, Selection, written
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
    the hosts, and of those of each role. A duration is one value anyway, of the run; so is a
    measurement of a whole run. One of single hosts: the mean over the hosts, and over those of each
    role, as of a metric. A run must have it of all its hosts that any run has it of.

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
    there = [
        (simulation, m)
        for simulation in simulations
        for m in simulation.measurements
        if m.name == name
    ]
    chosen = [
        (s, m)
        for s, m in there
        if (not selection.hosts or m.hostname is None or m.hostname in selection.hosts)
        and (not selection.phases or (m.phase or TOTAL.name) in selection.phases)
    ]
    if not chosen:
        raise NotFound(_nothing(name, simulations, [m for _, m in there]))
    units = dict.fromkeys(m.unit for _, m in chosen)
    if len(units) > 1:
        raise InvalidData(f"{name} is given in several units: {', '.join(units)}; choose runs")
    of_hosts = {m.hostname is not None for _, m in chosen}
    if len(of_hosts) > 1:
        raise InvalidData(
            f"{name} is given of single hosts and of whole runs, which are two quantities; choose"
            " runs, or give them two names"
        )
    frame = pd.DataFrame(
        {
            "experiment": [s.experiment for s, _ in chosen],
            "platform": [s.platform for s, _ in chosen],
            "sim_id": [s.sim_id for s, _ in chosen],
            "metric": name,
            "phase": [m.phase or TOTAL.name for _, m in chosen],
            "value": np.array([m.value for _, m in chosen], dtype=np.float64),
        }
    )
    for column in ("experiment", "platform", "sim_id", "metric"):
        frame[column] = pd.Categorical(frame[column], categories=frame[column].unique())
    if of_hosts == {True}:
        frame["hostname"] = [m.hostname for _, m in chosen]
    finite = np.isfinite(frame["value"].to_numpy())
    phases = phase_order(dict.fromkeys(frame["phase"]))
    hosts = host_values(frame[finite], phases=phases)
    if "hostname" in hosts and len(hosts):
        measured = frame.groupby("phase")["hostname"].agg(set).to_dict()
        runs = _over_hosts(hosts, name, simulations, measured)
    else:
        runs = combined(hosts.drop(columns="hostname", errors="ignore"))
    broken = frame[~finite].assign(role=ALL_HOSTS, reason=f"its {name} is not a number")
    keys = [column for column in runs.left_out if column != "reason"]
    # Of a run that lacks a host because its value is broken, that is the reason.
    left_out = pd.concat([broken[[*keys, "reason"]], runs.left_out], ignore_index=True)
    once = left_out.astype("str").drop_duplicates(keys, ignore_index=True)
    return Quantity(name, next(iter(units)), RunValues(runs.values, once))


def _over_hosts(
    hosts: pd.DataFrame,
    name: str,
    simulations: Sequence[Simulation],
    measured: Mapping[Hashable, set[str]],
) -> RunValues:
    """The mean over the hosts of each run, which must have all that it lists and others have.

    Args:
        hosts: a value for each run, host and phase.
        name: of the measurement.
        simulations: the runs.
        measured: the hosts that any run has it of, by phase.
    """
    listed = {
        (s.experiment, s.sim_id): {h.hostname: h.role.value for h in s.hosts} for s in simulations
    }
    # Where a host is listed nowhere, nobody knows its role.
    known = dict.fromkeys(h for of_run in listed.values() for h in of_run)
    roles = bool(hosts["hostname"].isin(list(known)).all())
    parts = []
    for phase in hosts["phase"].cat.categories:
        own = hosts[(hosts["phase"] == phase).to_numpy()]
        expected = {
            run: {host: role for host, role in of_run.items() if host in measured[phase]}
            for run, of_run in listed.items()
        }
        named = zip(own["experiment"], own["sim_id"], own["hostname"], strict=True)
        of_role = [
            expected[experiment, sim_id].setdefault(host, Role.WORKER.value)
            for experiment, sim_id, host in named
        ]
        with_roles = own.assign(n=0, role=of_role)
        parts.append(combined(with_roles, expected=expected, roles=roles, what=name))
    return RunValues(
        stacked([part.values for part in parts]), stacked([part.left_out for part in parts])
    )


def _nothing(name: str, simulations: Sequence[Simulation], there: Sequence[Measurement]) -> str:
    """Why nothing of that name is in a selection."""
    if there:
        hosts = dict.fromkeys(m.hostname for m in there if m.hostname is not None)
        phases = phase_order(dict.fromkeys(m.phase or TOTAL.name for m in there))
        where = f" on {', '.join(hosts)}" if hosts else ""
        return (
            f"{name} is not there for these hosts and phases; it is in {', '.join(phases)}{where}"
        )
    names = dict.fromkeys(m.name for s in simulations for m in s.measurements)
    listed = written([*METRICS, DURATION, *names], ", ")
    return f"no run of this selection has a {name}; there are: {listed}"
