"""Summaries computed by MongoDB, against the samples themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from minion import combining, pieces, reductions
from minion.errors import InvalidData, StoreTooOld
from minion.lifecycle import TOTAL
from minion.model import Event, EventType, Host, Provenance, Role, Simulation, now
from minion.pieces import Borders, reducing
from minion.reductions import Summaries, Transform, summaries
from minion.series import Dimension, Series
from minion.store import Store

START = 1_613_401_077.5
E = EventType
QUANTILES = (0.0, 0.25, 0.5, 0.95, 1.0)
KEYS = ["experiment", "platform", "sim_id", "hostname", "role", "chart", "context"]


def run(
    sim_id: str = "1",
    borders: Sequence[float] = (0.0, 10.0, 20.0, 40.0),
    *,
    more: Sequence[Event] = (),
) -> Simulation:
    """A run whose master starts at the second border and is there at the third."""
    kinds = (
        E.START_SIMULATION,
        E.START_KNS_PLATFORM,
        E.FINISHED_START_KNS_PLATFORM,
        E.STOP_SIMULATION,
    )
    events = [Event(type=k, time=START + at) for k, at in zip(kinds, borders, strict=False)]
    return Simulation(
        experiment="e",
        sim_id=sim_id,
        platform="K3s",
        provenance=Provenance(source="test", version="0", created=now()),
        hosts=(
            Host(hostname="h1", role=Role.MASTER),
            Host(hostname="h2", role=Role.WORKER),
        ),
        events=(*events, *more),
    )


def series(
    times_s: Sequence[float] | np.ndarray,
    columns: Mapping[str, Any],
    *,
    hostname: str = "h1",
    chart: str = "c",
    step: float | None = 5.0,
) -> Series:
    return Series(
        hostname=hostname,
        chart=chart,
        context="ctx",
        family="",
        unit="u",
        dimensions=tuple(Dimension(name, name) for name in columns),
        times=START + np.asarray(times_s, dtype=np.float64),
        values=np.array(list(columns.values()), dtype=np.float64).T,
        step=step,
    )


def from_samples(store: Store, **choice: Any) -> pd.DataFrame:
    """What `summaries` must find, out of the samples."""
    frame = store.samples(**choice)
    keys = [*KEYS, "dimension", "unit"]
    parts = []
    for labelled in (frame[frame["phase"].notna()], frame.assign(phase=TOTAL.name)):
        texts = labelled.astype(dict.fromkeys([*keys, "phase"], "str"))
        groups = texts.groupby([*keys, "phase"], sort=False)["value"]
        rows = groups.agg(["size", "mean", "std", "min", "max"])
        for q in QUANTILES:
            rows[f"q{q}"] = groups.quantile(q)
        parts.append(rows.reset_index().rename(columns={"size": "n", "std": "sd"}))
    return pd.concat(parts, ignore_index=True)


def check(store: Store, **choice: Any) -> Summaries:
    """Compare with the samples; the order of rows is held against theirs by other tests."""
    found = summaries(store, store.simulations(), quantiles=QUANTILES, **choice)
    keys = [*KEYS, "dimension", "unit", "phase"]
    got = found.rows.astype(dict.fromkeys(keys, "str")).sort_values(keys, ignore_index=True)
    want = from_samples(store, **choice).sort_values(keys, ignore_index=True)
    assert not found.left_out
    pd.testing.assert_frame_equal(got, want[list(got.columns)], rtol=1e-10, atol=1e-12)
    return found


def numbers(found: Summaries, *names: str) -> dict[str, Any]:
    """phase: the named columns, for a frame of one series."""
    rows = found.rows
    return dict(
        zip(rows["phase"], rows[list(names)].itertuples(index=False, name=None), strict=True)
    )


def test_a_sample_on_a_border_belongs_to_the_phase_that_begins(store: Store) -> None:
    store.put(run(), [series([0, 5, 10, 15, 20, 25], {"d": [1, 2, 4, 8, 16, 32]})])
    found = check(store)
    assert numbers(found, "n", "mean", "min", "max") == {
        "System idle 1": (2, 1.5, 1, 2),
        "Start master": (2, 6, 4, 8),
        "FINISHED_START_KNS_PLATFORM to STOP_SIMULATION": (2, 24, 16, 32),
        TOTAL.name: (6, 10.5, 1, 32),
    }
    assert found.rows["sd"].tolist()[:2] == pytest.approx([0.5**0.5, 8**0.5])
    assert found.rows["q0.25"].tolist()[:2] == [1.25, 5.0]


@pytest.mark.parametrize("shift_s", [-1e-3, -1e-6, 0.0, 1e-6, 1e-3])
def test_a_border_just_beside_a_sample(store: Store, shift_s: float) -> None:
    store.put(run(borders=(0, 10 + shift_s, 20, 40)), [series([0, 5, 10, 15], {"d": range(4)})])
    counts = numbers(check(store), "n")
    assert counts["System idle 1"] == ((3,) if shift_s > 0 else (2,))
    assert counts["Start master"] == ((1,) if shift_s > 0 else (2,))


def test_samples_before_the_run_and_behind_it_count_to_the_whole_only(store: Store) -> None:
    store.put(run(), [series(np.arange(-20, 60, 5), {"d": np.arange(16.0)})])
    counts = numbers(check(store), "n")
    assert counts[TOTAL.name] == (16,)
    assert sum(n for (n,) in counts.values()) == 16 + 8  # the run has 8 of them


def test_borders_before_the_first_sample_and_behind_the_last(store: Store) -> None:
    store.put(run(borders=(0, 10, 20, 300)), [series([25, 30, 35], {"d": [1, 2, 3]})])
    counts = numbers(check(store), "n")
    assert list(counts) == ["FINISHED_START_KNS_PLATFORM to STOP_SIMULATION", TOTAL.name]


def test_nulls_are_skipped_and_a_phase_without_samples_has_no_row(store: Store) -> None:
    values = [1, np.nan, np.nan, np.nan, 5, 6, np.nan, 8]
    other = [1.0, 2, 3, 4, 5, 6, 7, 8]
    store.put(run(), [series(np.arange(0, 40, 5), {"d": values, "other": other})])
    found = check(store)
    of_d = found.rows[found.rows["dimension"] == "d"]
    assert of_d["phase"].tolist()[0] == "System idle 1"
    assert "Start master" not in set(of_d["phase"])
    assert of_d["n"].tolist() == [1, 3, 4]


def test_one_sample_has_no_deviation(store: Store) -> None:
    store.put(run(), [series([12], {"d": [7.5]})])
    found = check(store)
    assert numbers(found, "n", "mean", "min", "max", "q0.5") == dict.fromkeys(
        ("Start master", TOTAL.name), (1, 7.5, 7.5, 7.5, 7.5)
    )
    assert found.rows["sd"].isna().all()


def test_irregular_times(store: Store) -> None:
    times = [-3, 0, 0.1, 9.999, 10, 10.5, 19, 20, 39.9, 40, 41]
    store.put(run(), [series(times, {"d": np.sqrt(range(11))}, step=None)])
    assert numbers(check(store), "n")["Start master"] == (3,)


def test_a_gap_in_a_regular_series(store: Store) -> None:
    times = [0, 5, 25, 30, 35]
    store.put(run(), [series(times, {"d": [1, 2, 3, 4, 5]})])
    assert list(numbers(check(store), "n")) == [
        "System idle 1",
        "FINISHED_START_KNS_PLATFORM to STOP_SIMULATION",
        TOTAL.name,
    ]


def test_several_stretches_of_a_chart_are_put_together(store: Store) -> None:
    random = np.random.default_rng(1)
    times = np.arange(0, 1500, 5.0)
    columns = {"d": random.normal(1e6, 1, 300), "e": random.normal(0, 1, 300)}
    columns["e"][150:] = np.nan  # the later stretches do not have it
    simulation = store.add(run(borders=(0, 400, 1300, 1500)))
    store.write(simulation, [series(times, columns)], settled=False)
    assert store.database["series"].count_documents({}) == 5
    check(store)
    store.settle(simulation)
    assert store.database["series"].count_documents({}) == 1
    check(store)


def test_a_phase_inside_another_one_cuts_it_in_two_pieces(store: Store) -> None:
    inner = [
        Event(type=E.START_PHASE, time=START + 60, body="Burst"),
        Event(type=E.FINISHED_PHASE, time=START + 90, body="Burst"),
    ]
    random = np.random.default_rng(2)
    values = random.lognormal(size=40)
    store.put(
        run(borders=(0, 10, 150, 200), more=inner), [series(np.arange(0, 200, 5), {"d": values})]
    )
    found = check(store)
    assert numbers(found, "n")["Start master"] == (22,)
    assert list(numbers(found, "n"))[:3] == ["System idle 1", "Start master", "Burst"]


def test_phases_stand_in_the_order_of_their_run(store: Store) -> None:
    early = [
        Event(type=E.START_PHASE, time=START + 2, body="Early"),
        Event(type=E.FINISHED_PHASE, time=START + 8, body="Early"),
    ]
    chart = series(np.arange(0, 40, 5), {"d": np.arange(8.0)})
    store.put(run("1"), [chart])
    store.put(run("2", more=early), [chart])
    rows = check(store).rows
    for sim_id, samples in store.samples().groupby("sim_id", observed=True):
        phases = rows["phase"][rows["sim_id"] == sim_id].tolist()
        assert phases == [*samples["phase"].unique(), TOTAL.name]


def test_every_chart_host_and_dimension_has_rows_of_its_own_in_order(store: Store) -> None:
    times = [0, 5, 10, 15]
    for sim_id in ("2", "1"):
        store.put(
            run(sim_id),
            [
                series(times, {"b": range(4), "a": range(1, 5)}, hostname="h2", chart="y"),
                series(times, {"b": range(2, 6)}, hostname="h2", chart="x"),
                series(times, {"b": range(3, 7)}, hostname="h1", chart="y"),
                series(times, {"b": range(4, 8)}, hostname="unregistered", chart="y"),
            ],
        )
    found = check(store)
    expected = store.samples()[["sim_id", "hostname", "chart", "dimension"]].drop_duplicates()
    got = found.rows[["sim_id", "hostname", "chart", "dimension"]].drop_duplicates()
    assert got.to_numpy().tolist() == expected.to_numpy().tolist()
    assert found.rows["role"].unique().tolist() == ["master", "worker", ""]
    backwards = summaries(store, store.simulations()[::-1]).rows
    assert backwards["sim_id"].unique().tolist() == ["2", "1"]
    check(store, hosts=["h2"], dimensions=["a"])
    assert summaries(store, store.simulations(), hosts=["h9"]).rows.empty
    assert summaries(store, store.simulations(), contexts=["nothing"]).rows.empty


@pytest.mark.parametrize("events", [1, 2])
def test_a_run_that_has_only_begun(store: Store, events: int) -> None:
    simulation = store.add(run(borders=(0, 10, 20, 40)[:events]))
    store.write(simulation, [series([0, 5, 10, 15], {"d": range(4)})])
    phases = list(numbers(check(store), "n"))
    assert phases == ([TOTAL.name] if events == 1 else ["System idle 1", TOTAL.name])


def test_borders_of_a_run_without_events() -> None:
    assert Borders.of(run(borders=())) == Borders(0.0, (), ("",))


def test_nothing_asked_gives_an_empty_frame_of_the_same_form(store: Store) -> None:
    store.put(run(), [series([0, 5], {"d": [1, 2]})])
    full, empty = check(store).rows, summaries(store, [], quantiles=QUANTILES).rows
    assert empty.empty
    assert empty.columns.tolist() == full.columns.tolist()
    numeric = [name for name in full if full[name].dtype != "category"]
    assert (empty[numeric].dtypes == full[numeric].dtypes).all()


@pytest.mark.parametrize("step", [0.1, 0.7, 1.0, 5.0])
def test_times_that_doubles_cannot_hold_exactly(store: Store, step: float) -> None:
    """Borders on, and one rounding beside, timestamps that are themselves rounded."""
    random = np.random.default_rng(round(step * 10))
    for sim_id in range(12):
        first = random.uniform(-3, 3)
        times = first + step * np.arange(80)
        # From what is stored the time of a row is computed as first + step * row.
        exact = (START + first) + step * np.sort(random.choice(np.arange(1, 79), 2, replace=False))
        beside = np.nextafter(exact, random.choice([-np.inf, np.inf], 2))
        chosen = np.where(random.random(2) < 0.5, exact, beside)
        borders = (0.0, *(chosen - START), times[-1] + 3)
        store.put(run(str(sim_id), borders), [series(times, {"d": random.random(80)}, step=step)])
    check(store)


def test_a_deviation_that_is_tiny_beside_its_mean(store: Store) -> None:
    values = 1e9 + np.random.default_rng(3).normal(0, 1e-3, 300)
    simulation = store.add(run(borders=(0, 100, 1400, 1500)))
    store.write(simulation, [series(np.arange(0, 1500, 5), {"d": values})], settled=False)
    found = summaries(store, store.simulations()).rows
    # The mean is 10^12 deviations: Welford's error is about that times 10^-16, while the
    # difference of two sums of squares would be wrong by 10^8 of it.
    exact = np.std(values - 1e9, ddof=1)
    assert found["sd"].iloc[-1] == pytest.approx(exact, rel=1e-4)
    assert found["mean"].iloc[-1] == pytest.approx(1e9 + np.mean(values - 1e9), rel=1e-15)


def test_a_transform_turns_the_statistics_around(store: Store) -> None:
    idle = np.array([99.4, 100, 40.5, 70, 80, 95, 99, 60])
    store.put(run(), [series(np.arange(0, 40, 5), {"d": idle})])
    turned = Transform(factor=-1, offset=100)
    rows = summaries(store, store.simulations(), transform=turned, quantiles=[0.95, 0.1]).rows.iloc[
        -1
    ]
    cpu = 100 - idle
    assert rows["mean"] == pytest.approx(cpu.mean(), rel=1e-13)
    assert rows["sd"] == pytest.approx(cpu.std(ddof=1), rel=1e-13)
    assert (rows["min"], rows["max"]) == (cpu.min(), cpu.max())
    assert rows["q0.95"] == pytest.approx(np.quantile(cpu, 0.95), rel=1e-13)
    assert rows["q0.1"] == pytest.approx(np.quantile(cpu, 0.1), rel=1e-13)


@pytest.mark.parametrize("settled", [True, False])
def test_magnitudes_are_taken_of_each_value(store: Store, settled: bool) -> None:
    values = np.random.default_rng(4).normal(0, 1, 300)
    values[::7] = np.nan
    simulation = store.add(run(borders=(0, 100, 1400, 1500)))
    store.write(simulation, [series(np.arange(0, 1500, 5), {"d": values})], settled=settled)
    found = summaries(
        store, store.simulations(), transform=Transform(magnitude=True), quantiles=[0.5]
    )
    last = found.rows.iloc[-1]
    there = np.abs(values[~np.isnan(values)])
    assert last["n"] == len(there)
    assert last["mean"] == pytest.approx(there.mean(), rel=1e-13)
    assert last["min"] == there.min()
    assert last["q0.5"] == pytest.approx(np.median(there), rel=1e-13)


def test_stretches_that_overlap_are_left_out_and_named(store: Store) -> None:
    """A merge that was cut off leaves small stretches beside the large one."""
    simulation = store.add(run("1", borders=(0, 100, 1400, 1500)))
    store.put(run("2"), [series([0, 5], {"d": [1, 2]})])
    values = np.arange(300.0)
    store.write(simulation, [series(np.arange(0, 1500, 5), {"d": values})], settled=False)
    small = list(
        store.database["series"].find({"simulation": simulation.id, "stretch": {"$gt": 0}})
    )
    store.settle(simulation)
    store.database["series"].insert_many(small)
    found = summaries(store, store.simulations())
    assert found.left_out == {
        simulation.id: "chart c of h1 has stretches that overlap; a merge of them was cut off"
    }
    assert found.rows["sim_id"].unique().tolist() == ["2"]


def test_a_series_too_long_to_gather_is_left_out_of_quantiles_only(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = store.add(run(borders=(0, 100, 1400, 1500)))
    store.write(simulation, [series(np.arange(0, 1500, 5), {"d": np.arange(300.0)})], settled=False)
    monkeypatch.setattr(combining, "MOST_GATHERED", 299)
    found = summaries(store, store.simulations(), quantiles=[0.5])
    assert list(found.left_out) == [simulation.id]
    assert "too many samples" in found.left_out[simulation.id]
    assert not summaries(store, store.simulations()).left_out
    monkeypatch.setattr(combining, "MOST_GATHERED", 300)
    check(store)


def test_more_runs_than_one_pipeline_takes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reductions, "RUNS_AT_ONCE", 2)
    for sim_id in "54321":
        store.put(run(sim_id), [series([0, 5, 10], {"d": [1, 2, float(sim_id)]})])
    assert check(store).rows["sim_id"].unique().tolist() == list("12345")


@pytest.mark.parametrize("quantile", [-0.1, 1.1, float("nan")])
def test_a_quantile_lies_between_0_and_1(store: Store, quantile: float) -> None:
    with pytest.raises(InvalidData, match="between 0 and 1"):
        summaries(store, [], quantiles=[quantile])


def test_a_server_that_sorts_no_arrays_is_too_old_for_quantiles(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(run(), [series([0, 5], {"d": [1, 2]})])
    monkeypatch.setattr(pieces, "SORTS_ARRAYS", (99, 0))
    with pytest.raises(StoreTooOld, match=r"quantiles on the server need 99\.0 or newer"):
        summaries(store, store.simulations(), quantiles=[0.5])
    assert len(summaries(store, store.simulations()).rows) == 2


def test_no_stage_that_reduces_needs_two_documents() -> None:
    """What a sharded cluster needs to leave all of it to its shards."""
    borders = {simulation.id: Borders.of(simulation) for simulation in (run("1"), run("2"))}
    for quantiles in ((), (0.5,)):
        stages = reducing(borders, contexts=["ctx"], dimensions=["d"], quantiles=quantiles)
        assert {name for stage in stages for name in stage} == {"$match", "$project", "$set"}


def test_the_simulations_are_found_through_an_index(store: Store) -> None:
    simulation = run()
    store.put(simulation, [series([0, 5], {"d": [1, 2]})])
    stages = reducing({simulation.id: Borders.of(simulation)}, contexts=["ctx"], dimensions=["d"])
    command = {"aggregate": "series", "pipeline": stages, "cursor": {}}
    plan = str(store.database.command("explain", command))
    assert "IXSCAN" in plan
    assert "COLLSCAN" not in plan


def test_samples_are_counted_by_the_chosen_dimensions(store: Store) -> None:
    first, second = run("1"), run("2")
    store.put(first, [series([0, 5, 10], {"d": [1, 2, 3], "e": [4, 5, 6]})])
    store.put(second, [])
    both = [first, second]
    counted = store.count_samples(both, contexts=["ctx"])
    assert counted == {first.id: 6, second.id: 0}
    chosen = store.count_samples(both, contexts=["ctx", "nothing"], dimensions=["e"])
    assert chosen == {first.id: 3, second.id: 0}


def test_a_single_server_is_not_sharded(store: Store) -> None:
    assert not store.is_sharded
