"""netdata's charts to metrics, and the mean over hosts, on a real store."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from analysis import average, utilization
from analysis.metrics import COLUMNS, METRICS
from minion.errors import InvalidData, NotFound
from minion.model import (
    Event,
    EventType,
    Host,
    Provenance,
    Role,
    Simulation,
    Validity,
    Verdict,
    now,
)
from minion.series import Dimension, Series
from minion.store import Store

START = 1_613_401_077.5
TEXTS = COLUMNS[:-2]


def run(sim_id: str = "1", *, ram_mib: float | None = None, excluded: bool = False) -> Simulation:
    """A run of 40 s, in which the master starts after 10 s and is there after 20 s."""
    kinds = (
        (EventType.START_SIMULATION, 0, "t"),
        (EventType.START_KNS_PLATFORM, 10, "a"),
        (EventType.FINISHED_START_KNS_PLATFORM, 20, "a"),
        (EventType.STOP_SIMULATION, 40, "t"),
    )
    return Simulation(
        experiment="e",
        sim_id=sim_id,
        platform="K3s",
        provenance=Provenance(source="test", version="0", created=now()),
        validity=Validity(verdict=Verdict.EXCLUDED if excluded else Verdict.UNCHECKED),
        hosts=(
            Host(hostname="c", role=Role.CONTROLLER),
            Host(hostname="h1", role=Role.MASTER, ram_mib=ram_mib),
            Host(hostname="h2", role=Role.WORKER),
        ),
        events=tuple(Event(type=k, time=START + at, correlation_id=i) for k, at, i in kinds),
    )


def series(
    context: str,
    columns: Mapping[str, Sequence[float]],
    *,
    hostname: str = "h1",
    chart: str | None = None,
    first_s: float = 0.0,
    step: float = 5.0,
) -> Series:
    values = np.array(list(columns.values()), dtype=np.float64).T
    return Series(
        hostname=hostname,
        chart=chart or context,
        context=context,
        family="",
        unit="whatever",
        dimensions=tuple(Dimension(name, name) for name in columns),
        times=START + first_s + step * np.arange(len(values)),
        values=values,
        step=step,
    )


def test_cpu_is_what_is_not_idle(store: Store) -> None:
    idle = [99.397488, 100.0, 40.5]
    store.put(run(), [series("system.cpu", {"user": [0.6, 0, 59.5], "idle": idle})])
    frame = utilization(store, "cpu")
    assert tuple(frame.columns) == COLUMNS
    assert frame["value"].tolist() == [100 - value for value in idle]
    assert frame["elapsed_s"].tolist() == [0.0, 5.0, 10.0]
    assert frame["phase"].tolist() == ["System idle 1", "System idle 1", "Start master"]
    text = frame[list(TEXTS)].drop(columns="phase").drop_duplicates()
    assert text.to_dict("records") == [
        {
            "experiment": "e",
            "platform": "K3s",
            "sim_id": "1",
            "hostname": "h1",
            "role": "master",
            "metric": "cpu",
            "dimension": "utilization",
            "unit": "%",
        }
    ]
    assert (frame[list(TEXTS)].dtypes == "category").all()


MEMORY = {
    "free": [2147.9366, 2148.1616],
    "used": [311.7664, 311.5297],
    "cached": [1311.4782, 1311.4805],
    "buffers": [165.0063, 165.0156],
}
SUMS = [sum(column) for column in zip(*MEMORY.values(), strict=True)]


def test_ram_is_a_share_of_the_memory_given_else_of_the_host_s_else_of_the_sum(
    store: Store,
) -> None:
    store.put(
        run(ram_mib=8000),
        [series("system.ram", MEMORY), series("system.ram", MEMORY, hostname="h2")],
    )
    given = utilization(store, "ram", ram_mib=3936)
    assert given["value"].tolist() == [u / 3936 * 100 for u in MEMORY["used"]] * 2
    frame = utilization(store, "ram")
    assert frame["hostname"].tolist() == ["h1", "h1", "h2", "h2"]
    assert frame["value"].tolist()[:2] == [used / 8000 * 100 for used in MEMORY["used"]]
    by_sum = [used / total * 100 for used, total in zip(MEMORY["used"], SUMS, strict=True)]
    assert frame["value"].tolist()[2:] == pytest.approx(by_sum, rel=1e-15)
    assert frame["dimension"].unique().tolist() == ["used"]
    assert frame["unit"].unique().tolist() == ["%"]


def test_ram_of_a_time_step_whose_sum_is_not_known_has_no_row(store: Store) -> None:
    store.put(run(), [series("system.ram", {**MEMORY, "cached": [np.nan, 1311.4805]})])
    assert utilization(store, "ram")["elapsed_s"].tolist() == [5.0]
    assert utilization(store, "ram", ram_mib=4000)["elapsed_s"].tolist() == [0.0, 5.0]


def test_a_host_whose_memory_nobody_knows_is_named(store: Store) -> None:
    store.put(run("7", ram_mib=4000), [series("system.ram", MEMORY)])
    store.put(run("8"), [series("system.ram", {"used": [300.0]}, hostname="h2")])
    with pytest.raises(InvalidData, match=r"host h2 in simulation 8 is unknown.*ram_mib"):
        utilization(store, "ram")
    assert len(utilization(store, "ram", sims="7")) == 2
    assert utilization(store, "ram", ram_mib=1000)["value"].tolist()[-1] == 30.0
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InvalidData, match="give a positive number"):
            utilization(store, "ram", ram_mib=wrong)


def test_a_disk_is_called_by_its_name(store: Store) -> None:
    disks = [
        series(
            "disk.util", {"utilization": [value, value]}, chart=f"disk_util.{name}", hostname=host
        )
        for value, name, host in ((1.5, "sda", "h1"), (2.5, "sdb", "h1"), (3.5, "vda", "h2"))
    ]
    store.put(run(), disks)
    frame = utilization(store, "disk_util")
    assert list(zip(frame["hostname"], frame["dimension"], frame["value"], strict=True))[::2] == [
        ("h1", "sda", 1.5),
        ("h1", "sdb", 2.5),
        ("h2", "vda", 3.5),
    ]


@pytest.mark.parametrize(
    ("metric", "context", "dimensions", "unit"),
    [
        ("disk_io", "system.io", ("in", "out"), "KiB/s"),
        ("net", "system.net", ("InOctets", "OutOctets"), "kilobits/s"),
    ],
)
def test_throughput_keeps_its_dimensions_as_magnitudes(
    store: Store, metric: str, context: str, dimensions: tuple[str, str], unit: str
) -> None:
    columns = dict(zip(dimensions, [[0.0, 5.7], [-10.88109, -1006.56]], strict=True))
    store.put(run(), [series(context, columns)])
    frame = utilization(store, metric)
    assert frame["dimension"].tolist() == [d for d in dimensions for _ in range(2)]
    assert frame["value"].tolist() == [0.0, 5.7, 10.88109, 1006.56]
    assert frame["unit"].unique().tolist() == [unit]


def test_there_are_five_metrics_and_no_other(store: Store) -> None:
    assert list(METRICS) == ["cpu", "ram", "disk_util", "disk_io", "net"]
    with pytest.raises(
        NotFound, match="no metric CPU; there are: cpu, ram, disk_util, disk_io, net"
    ):
        utilization(store, "CPU")


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_that_no_run_has_gives_an_empty_frame_of_the_same_form(
    store: Store, metric: str
) -> None:
    store.put(run(), [series("system.load", {"load1": [1.0]})])
    frame = utilization(store, metric)
    assert frame.empty
    assert tuple(frame.columns) == COLUMNS
    assert (frame[list(TEXTS)].dtypes == "category").all()
    assert (frame[["elapsed_s", "value"]].dtypes == "float64").all()
    averaged = average(frame)
    assert averaged.empty
    assert averaged.columns.tolist()[-3:] == ["elapsed_s", "value", "hosts"]


def test_what_is_selected_is_what_comes(store: Store) -> None:
    idle = {"idle": [90.0] * 8}
    for simulation in (run("1"), run("2"), run("3", excluded=True)):
        hosts = [series("system.cpu", idle, hostname=name, first_s=1.0) for name in ("h1", "h2")]
        store.put(simulation, hosts)
    assert utilization(store, "cpu")["sim_id"].unique().tolist() == ["1", "2"]
    everything = utilization(store, "cpu", include_excluded=True)
    assert everything["sim_id"].unique().tolist() == ["1", "2", "3"]
    one = utilization(store, "cpu", sims="2", hosts="h2", phase="Start master")
    assert one[["sim_id", "hostname", "elapsed_s"]].drop_duplicates().to_numpy().tolist() == [
        ["2", "h2", 11.0],
        ["2", "h2", 16.0],
    ]
    assert len(utilization(store, "cpu", sims="1", phase="Total simulation time")) == 16
    for what in ({"hosts": "h9"}, {"phase": "Start worker"}, {"platform": "K8s"}, {"sims": "9"}):
        with pytest.raises(NotFound):
            utilization(store, "cpu", **what)


# ---------------------------------------------------------------- the mean over hosts


def frame_of(*rows: tuple[str, str, float, float], phase: str = "System idle 1") -> pd.DataFrame:
    """A tidy frame of (sim_id, hostname, elapsed_s, value)."""
    frame = pd.DataFrame(rows, columns=["sim_id", "hostname", "elapsed_s", "value"])
    constant = {"experiment": "e", "platform": "K3s", "role": "worker", "metric": "cpu"}
    frame = frame.assign(**constant, phase=phase, dimension="utilization", unit="%")
    return frame.astype(dict.fromkeys(TEXTS, "category"))[list(COLUMNS)]


def steps(frame: pd.DataFrame) -> list[tuple[float, float, int]]:
    return list(zip(frame["elapsed_s"], frame["value"], frame["hosts"], strict=True))


def test_hosts_on_different_grids_meet_at_the_start_of_the_step() -> None:
    frame = frame_of(
        *(("1", "a", 0.4 + 5 * k, 10.0 + k) for k in range(4)),
        *(("1", "b", 4.9 + 5 * k, 20.0 + k) for k in range(4)),
        *(("1", "c", 5.0 * k, 60.0 + k) for k in range(4)),
    )
    assert steps(average(frame)) == [
        (0.0, 30.0, 3),
        (5.0, 31.0, 3),
        (10.0, 32.0, 3),
        (15.0, 33.0, 3),
    ]


def test_a_host_that_misses_samples_is_not_counted_there() -> None:
    frame = frame_of(
        *(("1", "a", 0.4 + 5 * k, 10.0) for k in range(6)),
        *(("1", "b", 4.9 + 5 * k, 30.0) for k in (0, 1, 4, 5)),
    )
    hosts = average(frame)
    assert hosts["hosts"].tolist() == [2, 2, 1, 1, 2, 2]
    assert hosts["value"].tolist() == [20.0, 20.0, 10.0, 10.0, 20.0, 20.0]


def test_a_host_that_samples_more_often_counts_once() -> None:
    frame = frame_of(
        *(("1", "a", float(k), 10.0 + k % 5) for k in range(10)),
        *(("1", "b", 2.5 + 5 * k, 30.0) for k in range(2)),
    )
    assert steps(average(frame)) == [(0.0, 21.0, 2), (5.0, 21.0, 2)]


def test_runs_have_steps_of_their_own() -> None:
    frame = frame_of(
        *(("1", "a", 0.5 + 5 * k, 1.0) for k in range(3)),
        *(("2", "a", 0.5 + k, 1.0) for k in range(3)),
        ("3", "a", 7.25, 1.0),
    )
    averaged = average(frame)
    assert averaged["elapsed_s"].tolist() == [0.0, 5.0, 10.0, 0.0, 1.0, 2.0, 7.25]
    assert averaged["sim_id"].tolist() == ["1"] * 3 + ["2"] * 3 + ["3"]


def test_what_a_double_loses_moves_no_sample_to_another_step() -> None:
    grid = 1_613_401_075.0 + 5 * np.arange(1, 400)
    elapsed = grid - (1_613_401_075.0 - 5 * 7)
    shaken = elapsed + np.where(np.arange(len(grid)) % 2, 2.4e-7, -2.4e-7)
    frame = frame_of(*(("1", "a", float(at), 1.0) for at in shaken))
    assert average(frame)["elapsed_s"].tolist() == elapsed.tolist()


def test_a_step_that_two_phases_share_has_a_row_for_each() -> None:
    before = frame_of(("1", "a", 0.4, 1.0), ("1", "a", 5.4, 2.0), ("1", "b", 3.0, 3.0))
    after = frame_of(("1", "a", 10.4, 8.0), ("1", "b", 8.0, 4.0), ("1", "b", 13.0, 5.0), phase="x")
    both = pd.concat([before, after]).astype(dict.fromkeys(TEXTS, "category"))
    averaged = average(both)
    assert averaged["phase"].tolist() == ["System idle 1", "System idle 1", "x", "x"]
    assert steps(averaged) == [(0.0, 2.0, 2), (5.0, 2.0, 1), (5.0, 4.0, 1), (10.0, 6.5, 2)]


def test_disks_are_averaged_apart_only_where_a_host_has_several() -> None:
    rows = [("1", host, at, at) for host in "ab" for at in (1.0, 6.0)]
    frame = frame_of(*rows).assign(metric="disk_util", dimension=["sda", "sda", "vda", "vda"])
    averaged = average(frame)
    assert averaged["dimension"].tolist() == ["utilization"] * 2
    assert steps(averaged) == [(0.0, 1.0, 2), (5.0, 6.0, 2)]
    second = frame_of(("1", "b", 1.0, 9.0)).assign(metric="disk_util", dimension="sda")
    assert set(average(pd.concat([frame, second]))["dimension"]) == {"sda", "vda"}


def test_dimensions_are_averaged_apart(study_store: Store) -> None:
    frame = utilization(study_store, "net", sims="5000")
    averaged = average(frame)
    assert averaged["dimension"].unique().tolist() == ["InOctets", "OutOctets"]
    whole = averaged[averaged["hosts"] == 4]
    assert len(whole) > 800
    assert np.allclose(np.diff(whole["elapsed_s"]) % 5, 0)
    one = frame[(frame["dimension"] == "InOctets") & frame["elapsed_s"].between(50, 54.9999)]
    assert len(one) == 4
    step = averaged[(averaged["elapsed_s"] == 50) & (averaged["dimension"] == "InOctets")]
    assert step["value"].item() == pytest.approx(one["value"].mean())
