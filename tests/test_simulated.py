"""The simulated study: its size, its seed, its broken runs, and what is planted in it."""

import json
from itertools import combinations, islice
from pathlib import Path

import numpy as np
import pytest

from analysis import durations, summary, utilization
from ingest.planted import ADDED, DURATIONS_S, PLATFORMS, QUANTITIES, expected
from ingest.simulated import BROKEN, CUT_OFF, MOST_RUNS, NO_SAMPLES, RAM_MIB, WORKER_LOST, study
from minion.documents import encode
from minion.errors import InvalidData
from minion.lifecycle import PHASE_NAMES, SEQUENCE, TOTAL, read_timeline
from minion.model import Role, Simulation, Status, Verdict
from minion.selection import expand_ids
from minion.series import Series
from minion.store import Store

Run = tuple[Simulation, list[Series]]


@pytest.fixture(scope="module")
def whole() -> dict[int, Run]:
    """All runs, by number."""
    return {int(simulation.sim_id): (simulation, series) for simulation, series in study()}


def same(one: Run, other: Run) -> bool:
    pairs = zip(one[1], other[1], strict=True)
    return encode(one[0]) == encode(other[0]) and all(
        a.times.tobytes() == b.times.tobytes()
        and a.values.tobytes() == b.values.tobytes()
        and (a.hostname, a.chart, a.dimensions) == (b.hostname, b.chart, b.dimensions)
        for a, b in pairs
    )


def test_it_has_the_size_and_the_numbers_of_the_published_study(
    whole: dict[int, Run], shared_data: Path
) -> None:
    published = json.loads((shared_data / "kns" / "facts.json").read_text())
    assert set(published["runs"]) == set(PLATFORMS)
    for platform, about in published["runs"].items():
        runs = [s for s, _ in whole.values() if s.platform == platform]
        assert sorted(s.sim_id for s in runs) == list(expand_ids([about["sim_ids"]])[0])
        excluded = [int(s.sim_id) for s in runs if s.validity.verdict is Verdict.EXCLUDED]
        assert sorted(excluded) == about["broken"]
        assert len(runs) - len(excluded) == about["n"]
    assert {s.step for _, series in whole.values() for s in series} == {published["sample_rate_s"]}
    assert published["total_ram_MiB"] == RAM_MIB


def test_it_has_two_and_a_half_million_samples_of_nineteen_dimensions(
    whole: dict[int, Run],
) -> None:
    assert len(whole) == 80
    samples = sum(one.samples for _, series in whole.values() for one in series)
    assert 2_400_000 < samples < 2_600_000
    dimensions = {
        (one.chart, d.id) for _, series in whole.values() for one in series for d in one.dimensions
    }
    assert len(dimensions) == 19
    lengths = [s.end - s.start for s, _ in whole.values() if s.end and s.start]
    assert 1900 < min(lengths) < max(lengths) < 2300


def test_it_says_everywhere_that_it_is_simulated(whole: dict[int, Run]) -> None:
    for simulation, _ in whole.values():
        assert simulation.simulated
        assert simulation.provenance.details["seed"] == "1"
        assert simulation.parameters["simulated"] is True
        assert "simulated" in simulation.environment.values()
        assert simulation.status is Status.ENDED
        assert len({host.url for host in simulation.hosts}) == 1  # no agent to be asked


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(
    whole: dict[int, Run],
) -> None:
    again = list(islice(study(seed=1), 4))
    assert all(same(run, whole[int(run[0].sim_id)]) for run in again)
    others = list(islice(study(seed=2), 4))
    assert not any(same(run, whole[int(run[0].sim_id)]) for run in others)


@pytest.mark.parametrize("runs", [1, 24, 27])
def test_a_run_does_not_depend_on_how_many_there_are(whole: dict[int, Run], runs: int) -> None:
    few = {int(run[0].sim_id): run for run in study(runs=runs)}
    common = few.keys() & whole.keys()
    assert common == (few.keys() if runs < 25 else whole.keys())
    assert all(same(few[number], whole[number]) for number in list(common)[::7])
    valid = [number for number in few if number not in BROKEN]
    assert len(valid) == 3 * runs


def test_broken_runs_come_as_far_as_their_numbers_lie_among_the_others() -> None:
    def numbers(runs: int) -> set[int]:
        return {int(simulation.sim_id) for simulation, _ in study(runs=runs)}

    assert numbers(1) == {1000, 5000, 3050}
    assert numbers(7) & set(BROKEN) == set()
    assert numbers(8) & set(BROKEN) == {3057, 3058}
    assert 1023 not in numbers(23)
    assert {1023, 1024} <= numbers(24)
    assert {1027, 5026, 3077} <= numbers(26)


def test_the_numbers_of_platforms_never_meet() -> None:
    # The generator is lazy: nothing is drawn for a run that nobody takes.
    firsts = sorted(int(simulation.sim_id) for simulation, _ in study(runs=1))
    assert min(np.diff(firsts)) > MOST_RUNS + len(BROKEN)


@pytest.mark.parametrize(("seed", "runs"), [(-1, 25), (1, 0), (1, MOST_RUNS + 1)])
def test_an_impossible_study_is_refused_at_once(seed: int, runs: int) -> None:
    with pytest.raises(
        InvalidData, match=r"seed of -1|runs a platform; choose between 1 and 1,900"
    ):
        study(seed=seed, runs=runs)


# ---------------------------------------------------------------- as measured ones look


def test_a_valid_run_has_all_events_phases_and_hosts(whole: dict[int, Run]) -> None:
    for number, (simulation, series) in whole.items():
        if number in BROKEN:
            continue
        timeline = read_timeline(simulation)
        assert timeline is not None
        assert timeline.problems == ()
        assert [phase.name for phase in timeline.phases] == list(PHASE_NAMES)
        assert [gap.name for gap in timeline.gaps] == ["Wait after delete", "Wait after drain"]
        assert len(simulation.events) == 14
        assert len({event.correlation_id for event in simulation.events}) == 7
        assert sorted({one.hostname for one in series}) == [
            host.hostname for host in simulation.hosts if host.role is not Role.CONTROLLER
        ]
        assert len(series) == 20
        assert simulation.start is not None
        assert simulation.end is not None
        for one in series:
            assert one.times[0] - simulation.start < 6
            assert simulation.end - one.times[-1] < 6


def test_runs_follow_each_other_and_never_meet(whole: dict[int, Run]) -> None:
    simulations = sorted((s for s, _ in whole.values()), key=lambda s: s.events[0].time)
    ends = [simulation.provenance.created.timestamp() for simulation in simulations]
    starts = [simulation.events[0].time for simulation in simulations]
    assert all(end < start for end, start in zip(ends, starts[1:], strict=False))
    assert [s.sim_id for s in simulations] == [str(number) for number in whole]


def test_hosts_have_grids_of_their_own(whole: dict[int, Run]) -> None:
    offsets = {one.times[0] % 5 for one in whole[5000][1]}
    assert len(offsets) > 1


def test_processors_are_busy_or_idle_and_memory_is_somewhere(whole: dict[int, Run]) -> None:
    for _, series in whole.values():
        for one in series:
            values = one.values[~np.isnan(one.values).any(axis=1)]
            if one.chart == "system.cpu":
                np.testing.assert_allclose(values.sum(axis=1), 100, atol=1e-6)
                assert values.min() >= 0
            elif one.chart == "system.ram":
                np.testing.assert_allclose(values.sum(axis=1), RAM_MIB, atol=1e-6)
                assert values.min() > 0
            elif one.chart in ("system.io", "system.net"):
                assert values[:, 0].min() >= 0
                assert values[:, 1].max() <= 0


def test_neighbouring_samples_resemble_each_other(whole: dict[int, Run]) -> None:
    simulation, series = whole[1000]
    timeline = read_timeline(simulation)
    assert timeline is not None
    idle = next(phase for phase in timeline.phases if phase.name == "Deployment idle")
    for one in series:
        if one.chart == "system.ram":
            elapsed = one.times - timeline.origin
            used = one.values[(elapsed >= idle.start_s) & (elapsed < idle.end_s), 1]
            assert np.corrcoef(used[:-1], used[1:])[0, 1] > 0.5


def test_some_agents_lost_samples_and_some_rows_are_null(whole: dict[int, Run]) -> None:
    valid = [run for number, run in whole.items() if number not in BROKEN]
    restarted = [simulation for simulation, _ in valid if simulation.missing]
    assert 3 <= len(restarted) <= 25
    for simulation in restarted:
        (lost,) = simulation.missing
        series = [one for one in whole[int(simulation.sim_id)][1] if one.hostname == lost.hostname]
        for one in series:
            assert not ((one.times >= lost.first) & (one.times < lost.last)).any()
            assert np.diff(one.times).max() > 5
    nulls = [np.isnan(one.values).all(axis=1).sum() for _, series in valid for one in series]
    assert 1 <= sum(nulls) <= 25


def test_broken_runs_are_excluded_with_a_reason_and_are_broken(whole: dict[int, Run]) -> None:
    for number in BROKEN:
        simulation, series = whole[number]
        assert simulation.validity.by == "simulated study"
        assert simulation.validity.reasons[0] == "broken connectivity (as in the published study)"
        hosts = {one.hostname for one in series}
        assert (len(hosts) < 4) == (number in NO_SAMPLES)
        assert (simulation.end is None) == (number in CUT_OFF)
        timeline = read_timeline(simulation)
        assert timeline is not None
        assert bool(timeline.problems) == (number in CUT_OFF | WORKER_LOST)
        assert bool(simulation.missing) == (number not in CUT_OFF)


# ---------------------------------------------------------------- what is planted


def test_an_effect_is_planted_clearly_or_not_at_all() -> None:
    for phase in SEQUENCE:
        for quantity, (a, b) in (
            (q, pair) for q in QUANTITIES for pair in combinations(PLATFORMS, 2)
        ):
            low, high = sorted(expected(quantity, p, phase.name) for p in (a, b))
            least = 1.05 if quantity == "ram" else 1.35
            assert low == high or high > least * low, (quantity, phase.name, a, b)
        for low, high in combinations(sorted(DURATIONS_S.get(phase.name, ())), 2):
            assert low == high or high > 1.2 * low
    assert set().union(*ADDED.values()) < {phase.name for phase in SEQUENCE}


def test_some_phases_of_some_metrics_have_no_effect() -> None:
    def alike(quantity: str, phase: str) -> bool:
        return len({expected(quantity, platform, phase) for platform in PLATFORMS}) == 1

    assert all(alike(q, phase) for q in QUANTITIES for phase in ("System idle 1", "System idle 2"))
    assert all(alike(q, phase.name) for q in ("disk_io in", "net OutOctets") for phase in SEQUENCE)
    assert alike("disk_util", "Apply deployment")
    assert alike("net InOctets", "Deployment idle")
    assert not any(alike("cpu", phase.name) for phase in SEQUENCE[1:-1])


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_planted_levels_are_what_the_analysis_measures(
    study_store: Store, quantity: str
) -> None:
    metric, _, dimension = quantity.partition(" ")
    found = summary(utilization(study_store, metric), ["platform", "phase"], over="runs")
    if dimension:
        found = found[found["dimension"] == dimension]
    assert len(found) == len(PLATFORMS) * len(SEQUENCE)
    share = 100 / RAM_MIB if metric == "ram" else 1
    planted = [
        expected(quantity, p, f) * share
        for p, f in zip(found["platform"], found["phase"], strict=True)
    ]
    error = (found["mean"] - planted) / (found["sd"] / np.sqrt(found["n"]))
    # 39 means each, with the seed's luck fixed: a level that is off shows at once.
    assert abs(error).max() < 4.5
    assert abs(error).median() < 1.5


def test_the_planted_durations_are_what_the_analysis_measures(study_store: Store) -> None:
    frame = durations(study_store, include_gaps=True)
    found = summary(frame, ["platform", "phase"], value="duration_s")
    for row in found.itertuples():
        if row.phase == TOTAL.name:
            continue
        wait = 30.85 if row.phase.startswith("Wait") else 300.85
        planted = DURATIONS_S.get(row.phase, [wait] * 3)[PLATFORMS.index(row.platform)]
        assert abs(row.mean - planted) < 4.5 * row.sd / np.sqrt(row.n), (row.platform, row.phase)
