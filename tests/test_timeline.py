"""Phases to frames."""

from dataclasses import replace

import pytest

from analysis import durations, problems, simulation_events
from analysis.timeline import durations_of, phase_order, problems_of, simulation_events_of
from ingest.simulated import study
from minion.errors import NotFound
from minion.lifecycle import PHASE_NAMES, SEQUENCE
from minion.model import Event, EventType, Provenance, Simulation, now
from minion.store import Store

E = EventType
START = 1_613_401_077.5


@pytest.fixture(scope="module")
def runs() -> list[Simulation]:
    """Two runs of the study."""
    return [simulation for simulation, _ in study(seed=3, runs=1)][:2]


def own_run(sim_id: str = "a") -> Simulation:
    """A run with a phase of its own and no end."""
    return Simulation(
        experiment="own",
        sim_id=sim_id,
        platform="K8s",
        provenance=Provenance(source="test", version="0", created=now()),
        events=(
            Event(type=E.START_SIMULATION, time=START),
            Event(type=E.START_PHASE, time=START + 3, body="Load", correlation_id="l"),
            Event(type=E.FINISHED_PHASE, time=START + 7, body="Load", correlation_id="l"),
        ),
    )


def test_durations_have_twelve_rows_a_run_in_the_order_of_the_study(runs: list[Simulation]) -> None:
    frame = durations_of(runs)
    assert list(frame.columns) == (
        "experiment sim_id platform phase start_s end_s duration_s".split()
    )
    assert frame["phase"].tolist() == [*PHASE_NAMES] * 2
    assert frame["phase"].cat.categories.tolist() == [*PHASE_NAMES]
    assert frame["sim_id"].tolist() == ["1000"] * 12 + ["5000"] * 12
    assert (frame["duration_s"] == frame["end_s"] - frame["start_s"]).all()
    total = frame[frame["phase"] == "Total simulation time"]
    assert total["start_s"].tolist() == [0.0, 0.0]
    end = runs[0].end
    assert end is not None
    assert total["end_s"].iloc[0] == end - runs[0].events[0].time


def test_phases_and_gaps_together_are_the_whole_run(runs: list[Simulation]) -> None:
    frame = durations_of(runs, include_gaps=True)
    assert frame["phase"].tolist()[:13] == [phase.name for phase in SEQUENCE]
    for _, run in frame.groupby("sim_id", observed=True):
        whole = run["phase"] == "Total simulation time"
        assert run.loc[~whole, "duration_s"].sum() == pytest.approx(run.loc[whole, "end_s"].item())


def test_phases_are_chosen_by_name_and_gaps_too(runs: list[Simulation]) -> None:
    frame = durations_of(runs, phases=["Wait after drain", "Start master"])
    assert frame["phase"].tolist() == ["Start master", "Wait after drain"] * 2
    with pytest.raises(NotFound, match="no phase 'Strat master'; there are: System idle 1"):
        durations_of(runs, phases=["Strat master"])


def test_a_phase_that_did_not_happen_has_no_row(runs: list[Simulation]) -> None:
    cut = replace(runs[0], events=runs[0].events[:4])
    assert durations_of([cut])["phase"].tolist() == ["System idle 1", "Start master", "Master idle"]
    assert durations_of([cut], phases=["Stop master"]).empty


def test_a_phase_of_ones_own_stands_behind_the_study_s(runs: list[Simulation]) -> None:
    frame = durations_of([own_run(), runs[0]], include_gaps=True)
    assert frame["phase"].tolist()[:2] == ["Load", "START_SIMULATION to START_PHASE"]
    categories = frame["phase"].cat.categories.tolist()
    assert categories[:13] == [phase.name for phase in SEQUENCE]
    assert categories[-1] == "Total simulation time"
    assert durations_of([own_run()], phases=["Load"])["duration_s"].tolist() == [4.0]


def test_order_of_phases() -> None:
    names = ["Total simulation time", "Zeta", "Drain workers", "Alpha", "Start master", "Zeta"]
    assert phase_order(names) == [
        "Start master",
        "Drain workers",
        "Zeta",
        "Alpha",
        "Total simulation time",
    ]


def test_simulation_events_have_a_start_and_an_end_for_each_phase(runs: list[Simulation]) -> None:
    frame = simulation_events_of(runs)
    assert list(frame.columns) == "experiment event type duration sim_id platform".split()
    assert len(frame) == 48
    first = frame[frame["sim_id"] == "1000"]
    assert first["event"].tolist() == [name for name in PHASE_NAMES for _ in range(2)]
    assert first["type"].tolist() == ["Start", "End"] * 12
    times = [event.time - runs[0].events[0].time for event in runs[0].events]
    assert first["duration"].tolist()[:4] == [0.0, times[1], times[1], times[2]]
    assert first["duration"].tolist()[-2:] == [0.0, times[-1]]


def test_problems_are_sentences_with_their_run(runs: list[Simulation]) -> None:
    frame = problems_of([*runs, own_run()])
    assert frame.to_dict("records") == [
        {
            "experiment": "own",
            "sim_id": "a",
            "platform": "K8s",
            "problem": ("Total simulation time: START_SIMULATION at 0 s has no STOP_SIMULATION"),
        }
    ]


def test_no_runs_give_empty_frames_of_the_same_form(runs: list[Simulation]) -> None:
    for function in (durations_of, problems_of, simulation_events_of):
        empty, full = function([]), function([*runs, own_run()])
        assert empty.empty
        assert empty.dtypes.astype(str).tolist() == full.dtypes.astype(str).tolist()
        assert list(empty.columns) == list(full.columns)


def test_a_store_gives_the_same_as_its_simulations(store: Store, runs: list[Simulation]) -> None:
    for run in [*runs, own_run()]:
        store.put(run, [])
    stored = store.simulations()
    assert durations(store).equals(durations_of(stored))
    assert simulation_events(store).equals(simulation_events_of(stored))
    assert problems(store).equals(problems_of(stored))
    assert durations(store, platform="mK8s")["sim_id"].unique().tolist() == ["5000"]
    assert durations(store, sims="1000-2000", phase="Start master, Stop master").shape == (2, 7)
    assert set(durations(store, experiment="own", include_gaps=True)["phase"]) == {
        "Load",
        "START_SIMULATION to START_PHASE",
    }
    assert problems(store, sims="1000").empty
    with pytest.raises(NotFound, match="no phase 'x'"):
        simulation_events(store, phase="x")
    with pytest.raises(NotFound, match="no platform k8s"):
        durations(store, platform="k8s")
