"""Values of hosts by way of the server and of batches, against all samples at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import reduced, utilization, values, ways
from analysis.metrics import METRICS
from analysis.reduced import host_values, host_values_of
from analysis.ways import BATCHES, LOCAL, SERVER, WAYS, choose
from minion import pieces, reductions
from minion.errors import InvalidData, NotFound, StoreTooOld
from minion.lifecycle import TOTAL
from minion.model import Event, EventType, Host, Provenance, Role, Simulation, now
from minion.selection import Selection
from minion.series import Dimension, Series
from minion.store import Store

START = 1_613_401_077.5
E = EventType
MEMORY = ("free", "used", "cached", "buffers")


def run(
    sim_id: str = "1",
    *,
    ram_mib: float | None = 4000.0,
    more: Sequence[Event] = (),
    experiment: str = "e",
) -> Simulation:
    """A run of 200 s, in which the master starts after 50 s and is there after 100 s."""
    kinds = (
        (E.START_SIMULATION, 0),
        (E.START_KNS_PLATFORM, 50),
        (E.FINISHED_START_KNS_PLATFORM, 100),
        (E.STOP_SIMULATION, 200),
    )
    return Simulation(
        experiment=experiment,
        sim_id=sim_id,
        platform="K3s",
        provenance=Provenance(source="test", version="0", created=now()),
        hosts=(
            Host(hostname="c", role=Role.CONTROLLER),
            Host(hostname="h1", role=Role.MASTER, ram_mib=ram_mib),
            Host(hostname="h2", role=Role.WORKER, ram_mib=ram_mib),
        ),
        events=(*(Event(type=k, time=START + at) for k, at in kinds), *more),
    )


def series(
    context: str,
    dimensions: Sequence[str],
    *,
    hostname: str = "h1",
    chart: str | None = None,
    first_s: float = 0.0,
    last_s: float = 200.0,
    seed: int = 1,
) -> Series:
    times = START + np.arange(first_s, last_s, 5.0)
    random = np.random.default_rng([seed, *hostname.encode()])
    return Series(
        hostname=hostname,
        chart=chart or context,
        context=context,
        family="",
        unit="u",
        dimensions=tuple(Dimension(name, name) for name in dimensions),
        times=times,
        values=random.uniform(1, 99, (len(times), len(dimensions))),
        step=5.0,
    )


def same(store: Store, metric: str, **asked: Any) -> pd.DataFrame:
    """Every way gives the frame that the samples give; returns it."""
    choice = {k: asked.pop(k) for k in list(asked) if k not in ("phases", "whole_run", "quantile")}
    want = values.host_values(utilization(store, metric, **choice), **asked)
    for way in (*WAYS, None):
        got = host_values(store, metric, way=way, **choice, **asked)
        pd.testing.assert_frame_equal(got, want, rtol=1e-9, atol=1e-12)
    return want


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduced, "BATCH", 100)


@pytest.mark.parametrize(
    ("metric", "quantile"), [*((metric, None) for metric in METRICS), ("cpu", 0.95), ("net", 0.05)]
)
def test_the_whole_study_reduced_in_every_way(
    study_store: Store, monkeypatch: pytest.MonkeyPatch, metric: str, quantile: float | None
) -> None:
    monkeypatch.setattr(reduced, "BATCH", 40_000)
    frame = same(study_store, metric, quantile=quantile, whole_run=True, include_excluded=True)
    assert len(frame["sim_id"].unique()) == 80
    assert TOTAL.name in set(frame["phase"])


@pytest.mark.parametrize("metric", ["ram", "disk_util", "net"])
@pytest.mark.parametrize(
    "asked",
    [
        {"phases": ("Wait after drain", "Add workers")},
        {"phase": "Start master,System idle 2", "quantile": 0.5},
        {"hosts": "node-b,node-d", "platform": "K3s"},
        {"phase": "Deployment idle,Stop master", "whole_run": True, "sims": "1000-1004"},
        {"phase": TOTAL.name, "sims": "3050,1000", "whole_run": True, "quantile": 0},
    ],
)
def test_a_selection_of_the_study_reduced_in_every_way(
    study_store: Store, metric: str, asked: Mapping[str, Any]
) -> None:
    assert len(same(study_store, metric, **asked))


def test_runs_that_were_read_already_are_not_read_again(store: Store) -> None:
    store.put(run("1"), [series("system.cpu", ["idle"])])
    want = host_values(store, "cpu")
    simulations = store.simulations()
    store.database["minions"].delete_many({})
    for way in (*WAYS, None):
        got = host_values_of(store, METRICS["cpu"], Selection(), simulations, way=way)
        pd.testing.assert_frame_equal(got, want, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("small_batches")
def test_several_disks_of_one_host_keep_all_disks_apart(store: Store) -> None:
    store.put(run("1"), [series("disk.util", ["utilization"], chart="disk_util.vda")])
    disks = [
        series("disk.util", ["utilization"], chart=f"disk_util.{name}", seed=place)
        for place, name in enumerate(("sdb", "sda"))
    ]
    store.put(run("2"), [*disks, series("disk.util", ["utilization"], hostname="h2", seed=9)])
    frame = same(store, "disk_util", whole_run=True)
    assert frame["dimension"].cat.categories.tolist() == ["vda", "sda", "sdb", "disk.util"]
    only_first = same(store, "disk_util", sims="1")
    assert "dimension" not in only_first


@pytest.mark.usefixtures("small_batches")
def test_a_second_disk_outside_of_the_chosen_phase_does_not_count(store: Store) -> None:
    late = series("disk.util", ["utilization"], chart="disk_util.sdb", first_s=100)
    store.put(run(), [series("disk.util", ["utilization"], chart="disk_util.sda"), late])
    assert "dimension" in same(store, "disk_util")
    assert "dimension" not in same(store, "disk_util", phase="System idle 1")


def test_hosts_without_the_chart_or_without_the_phase_have_no_row(store: Store) -> None:
    late = series("system.cpu", ["idle", "user"], hostname="h1", first_s=100)
    there = series("system.cpu", ["user", "idle"], hostname="h2")
    store.put(run("1"), [late, there, series("system.io", ["in"], hostname="c")])
    store.put(run("2"), [series("system.cpu", ["idle"], hostname="c")])
    frame = same(store, "cpu", phase="Start master")
    assert frame[["sim_id", "hostname"]].to_numpy().tolist() == [["1", "h2"], ["2", "c"]]
    assert same(store, "cpu", whole_run=True)["role"].cat.categories.tolist() == [
        "master",
        "worker",
        "controller",
    ]


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_found_gives_an_empty_frame_of_the_same_form(store: Store, metric: str) -> None:
    assert same(store, metric).empty
    store.put(run(), [series("system.load", ["load1"])])
    assert same(store, metric, whole_run=True).empty
    context, dimensions = METRICS[metric].contexts[0], METRICS[metric].dimensions
    store.put(run("2"), [series(context, dimensions or (), first_s=100)])
    assert same(store, metric, phase="Start master").empty
    assert same(store, metric, phases=("Start master",)).empty


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("quantile", [None, 0.3])
def test_memory_that_nobody_knows_is_added_up_from_the_samples(
    store: Store, quantile: float | None
) -> None:
    for sim_id, ram_mib in (("1", 4000.0), ("2", None), ("3", None), ("4", 2000.0)):
        charts = [series("system.ram", MEMORY, hostname=h) for h in ("h2", "h1")]
        store.put(run(sim_id, ram_mib=ram_mib), charts)
    frame = same(store, "ram", quantile=quantile, whole_run=True)
    assert frame["sim_id"].unique().tolist() == ["1", "2", "3", "4"]
    same(store, "ram", quantile=quantile, ram_mib=3936)


def test_memory_that_cannot_be_known_is_named_in_every_way(store: Store) -> None:
    store.put(run("7"), [series("system.ram", ["used"])])
    store.put(run("8", ram_mib=None), [series("system.ram", ["used"])])
    for way in WAYS:
        with pytest.raises(InvalidData, match="host h1 in simulation 8 is unknown"):
            host_values(store, "ram", way=way)


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("quantile", [None, 0.5])
def test_overlapping_stretches_are_counted_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, quantile: float | None
) -> None:
    """A merge that was cut off leaves small stretches beside the large one."""
    monkeypatch.setattr("minion.store.LIVE_ROWS", 16)  # several of them before the run's end
    for sim_id in ("1", "2", "3"):
        simulation = store.add(run(sim_id))
        charts = [series("system.net", ["InOctets", "OutOctets"], hostname=h) for h in ("h1", "h2")]
        store.write(simulation, charts, settled=False)
        # What makes the host of the second run first seen there, and the order hard.
        small = list(store.database["series"].find({"simulation": simulation.id}))
        store.settle(simulation)
        if sim_id == "2":
            later = [document for document in small if document["stretch"]]
            store.database["series"].insert_many(later)
    found = reductions.summaries(store, store.simulations())
    assert len(found.left_out) == 1
    frame = same(store, "net", quantile=quantile, whole_run=True)
    assert set(frame["n"][frame["phase"] == TOTAL.name]) == {40}


def test_two_charts_of_one_quantity_are_read(store: Store) -> None:
    both = [series("system.cpu", ["idle"], chart=f"cpu{place}", seed=place) for place in (1, 2)]
    store.put(run("1"), both)
    store.put(run("2"), both[:1])
    assert same(store, "cpu")["n"].tolist() == [20, 20, 10, 10]


@pytest.mark.usefixtures("small_batches")
def test_phases_of_people_s_own_that_not_every_run_has(store: Store) -> None:
    def phase(name: str, first: float, last: float) -> list[Event]:
        return [
            Event(type=E.START_PHASE, time=START + first, body=name),
            Event(type=E.FINISHED_PHASE, time=START + last, body=name),
        ]

    chart = series("system.cpu", ["idle"])
    store.put(run("1"), [chart])
    store.put(run("2", more=phase("Warm up", 110, 130)), [chart])
    store.put(run("3", more=[*phase("Burst", 60, 80), *phase("Warm up", 150, 160)]), [chart])
    store.put(run("4", more=phase("Calm", 105, 195)), [chart])
    frame = same(store, "cpu", whole_run=True)
    assert frame["phase"].cat.categories.tolist()[2:] == ["Warm up", "Burst", "Calm", TOTAL.name]
    same(store, "cpu", quantile=0.5, whole_run=True)
    assert same(store, "cpu", phase="Burst")["sim_id"].tolist() == ["3"]


@pytest.mark.usefixtures("small_batches")
def test_runs_of_one_name_in_two_experiments(store: Store) -> None:
    for experiment in ("b", "a"):
        for sim_id in ("1", "1-3"):  # a name that reads like a range
            store.put(run(sim_id, experiment=experiment), [series("system.cpu", ["idle"])])
    frame = same(store, "cpu", whole_run=True)
    assert len(frame[["experiment", "sim_id"]].drop_duplicates()) == 4


@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_asked_is_refused_in_every_way(store: Store, way: ways.Name) -> None:
    for quantile in (-0.5, 1.5, float("nan")):
        with pytest.raises(InvalidData, match="between 0 and 1"):
            host_values(store, "cpu", quantile=quantile, way=way)
    with pytest.raises(InvalidData, match="a total memory of -1 MiB"):
        host_values(store, "ram", ram_mib=-1, way=way)
    with pytest.raises(NotFound, match="no metric CPU"):
        host_values(store, "CPU", way=way)
    with pytest.raises(NotFound, match="no phase 'Launch'"):
        host_values(store, "cpu", phase="Launch", way=way)


def test_a_way_that_there_is_not(store: Store) -> None:
    with pytest.raises(NotFound, match=r"no way 'remote' .* local, batches, server"):
        host_values(store, "cpu", way="remote")  # type: ignore[arg-type]


def test_the_way_is_chosen_by_what_is_asked_and_how_much_there_is(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(run("1"), [series("system.cpu", ["idle", "user"]), series("system.ram", MEMORY)])
    store.put(run("2", ram_mib=None), [series("system.ram", MEMORY)])
    known, unknown = store.simulations()
    means = choose(store, [known], "cpu")
    assert means.name == SERVER
    assert means.reason.startswith("40 samples of cpu; MongoDB gives means")
    assert choose(store, [known], "cpu", quantile=0.5).name == LOCAL
    assert choose(store, [known], "ram").name == SERVER
    assert choose(store, [unknown], "ram", ram_mib=4000).name == SERVER
    added = choose(store, [known, unknown], "ram")
    assert added.name == LOCAL
    assert "memory of a host is unknown" in added.reason
    monkeypatch.setattr(ways, "BATCH", 39)
    assert choose(store, [known], "cpu", quantile=0.5).name == BATCHES
    assert choose(store, [unknown], "ram").name == BATCHES
    monkeypatch.setattr(ways, "BATCH", 40)
    assert choose(store, [known], "cpu", quantile=0.5).name == LOCAL


def test_a_server_that_cannot_sort_is_asked_for_means_only(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(run(), [series("system.cpu", ["idle"])])
    want = host_values(store, "cpu", quantile=0.5)
    monkeypatch.setattr(pieces, "SORTS_ARRAYS", (99, 0))
    chosen = choose(store, store.simulations(), "cpu", quantile=0.5)
    assert chosen.name == LOCAL
    assert "cannot sort them" in chosen.reason
    pd.testing.assert_frame_equal(host_values(store, "cpu", quantile=0.5), want)
    with pytest.raises(StoreTooOld):
        host_values(store, "cpu", quantile=0.5, way=SERVER)
    assert choose(store, store.simulations(), "cpu").name == SERVER


def test_batches_hold_whole_runs_and_no_more_samples_than_they_may(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reduced, "BATCH", 80)
    for sim_id in ("1", "2", "3"):
        store.put(run(sim_id), [series("system.cpu", ["idle"])])  # 40 samples
    asked = reduced._Reduction(
        store=store,
        metric=METRICS["cpu"],
        hosts=(),
        kept=(),
        phases=(),
        whole_run=False,
        quantile=None,
        ram_mib=None,
    )
    batches = asked.batches(store.simulations())
    assert [[s.sim_id for s in batch] for batch in batches] == [["1", "2"], ["3"]]
    monkeypatch.setattr(reduced, "BATCH", 39)
    assert [len(batch) for batch in asked.batches(store.simulations())] == [1, 1, 1]
    assert list(asked.batches([])) == [[]]
