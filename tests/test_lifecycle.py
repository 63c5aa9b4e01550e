"""Events to phases: what they say, and what they leave open."""

from dataclasses import replace

import numpy as np
import pytest

from minion.errors import InvalidData, NotFound
from minion.lifecycle import (
    GAPS,
    PHASE_NAMES,
    SEQUENCE,
    TOTAL,
    Timeline,
    check_phases,
    phase_of,
    read_timeline,
)
from minion.model import Event, EventType, Provenance, Simulation, now

E = EventType
ORIGIN = 1_613_401_077.25
STUDY = [SEQUENCE[0].start, *(phase.end for phase in SEQUENCE)]
IDS = {
    kind: phase.name
    for phase in (TOTAL, *SEQUENCE)
    if phase.action
    for kind in (phase.start, phase.end)
}


def event(
    kind: EventType, elapsed_s: float, identity: str | None = None, body: str | None = None
) -> Event:
    return Event(type=kind, time=ORIGIN + elapsed_s, correlation_id=identity, body=body)


def run(*events: Event) -> Simulation:
    provenance = Provenance(source="test", version="0", created=now())
    return Simulation(
        experiment="e", sim_id="1", platform="K8s", provenance=provenance, events=events
    )


def study_events(*, without: tuple[EventType, ...] = ()) -> list[Event]:
    """The fourteen events, 10 s apart."""
    return [
        event(kind, 10.0 * place, IDS[kind])
        for place, kind in enumerate(STUDY)
        if kind not in without
    ]


def timeline(*events: Event) -> Timeline:
    read = read_timeline(run(*events))
    assert read is not None
    return read


def test_a_run_of_the_study_has_its_twelve_phases_in_order_and_two_gaps() -> None:
    read = timeline(*study_events())
    assert [phase.name for phase in read.phases] == list(PHASE_NAMES)
    assert len(PHASE_NAMES) == 12
    assert [gap.name for gap in read.gaps] == ["Wait after delete", "Wait after drain"]
    assert read.problems == ()
    assert read.origin == ORIGIN
    assert {phase.duration_s for phase in read.phases[:-1]} == {10.0}
    assert read.phases[-1].duration_s == 130.0


def test_the_order_in_which_events_were_noted_does_not_matter() -> None:
    assert timeline(*reversed(study_events())) == timeline(*study_events())


def test_a_run_without_events_has_no_timeline() -> None:
    assert read_timeline(run()) is None


def test_without_a_start_the_first_event_is_the_origin() -> None:
    read = timeline(
        event(E.START_KNS_PLATFORM, 7, "a"), event(E.FINISHED_START_KNS_PLATFORM, 9, "a")
    )
    assert read.origin == ORIGIN + 7
    assert [(p.name, p.start_s, p.end_s) for p in read.phases] == [("Start master", 0.0, 2.0)]


# ---------------------------------------------------------------- labels


def test_a_sample_on_an_edge_belongs_to_the_phase_that_begins() -> None:
    read = timeline(*study_events())
    names = [mark.name for mark in read.intervals]
    assert names == [phase.name for phase in SEQUENCE]
    edges = np.array([mark.start_s for mark in read.intervals])
    assert read.labels(edges).tolist() == list(range(13))
    assert read.labels(np.nextafter(edges, -np.inf)).tolist() == list(range(-1, 12))
    assert read.labels(np.nextafter(edges, np.inf)).tolist() == list(range(13))


def test_the_end_of_the_run_belongs_to_nothing() -> None:
    read = timeline(*study_events())
    end = read.intervals[-1].end_s
    assert read.labels(np.array([np.nextafter(end, 0), end, end + 1000])).tolist() == [12, -1, -1]


def test_every_sample_of_a_run_has_exactly_one_label_whatever_events_lack() -> None:
    inside = np.arange(0, 130, 0.5)
    for lacking in STUDY[1:-1]:
        read = timeline(*study_events(without=(lacking,)))
        labels = read.labels(inside)
        assert labels.min() >= 0, lacking
        for mark, following in zip(read.intervals, read.intervals[1:], strict=False):
            assert mark.end_s == following.start_s


def test_one_event_alone_labels_nothing() -> None:
    read = timeline(event(E.START_SIMULATION, 0, "a"))
    assert read.labels(np.array([-1.0, 0.0, 1.0])).tolist() == [-1, -1, -1]
    assert read.phases == ()


# ---------------------------------------------------------------- pairs


def test_events_are_paired_by_their_correlation_id() -> None:
    read = timeline(
        event(E.START_SIMULATION, 0),
        event(E.START_KNS_PLATFORM, 1, "lost"),
        event(E.START_KNS_PLATFORM, 5, "a"),
        event(E.FINISHED_START_KNS_PLATFORM, 8, "a"),
    )
    start = next(phase for phase in read.phases if phase.name == "Start master")
    assert (start.start_s, start.end_s) == (5.0, 8.0)
    assert any("START_KNS_PLATFORM at 1 s has no FINISHED_START" in p for p in read.problems)


def test_a_pair_without_ids_is_a_pair() -> None:
    read = timeline(event(E.START_KNS_PLATFORM, 0), event(E.FINISHED_START_KNS_PLATFORM, 3))
    assert [phase.name for phase in read.phases] == ["Start master"]
    assert read.problems == ()


def test_different_ids_are_no_pair() -> None:
    read = timeline(
        event(E.START_KNS_PLATFORM, 0, "a"), event(E.FINISHED_START_KNS_PLATFORM, 3, "b")
    )
    assert read.phases == ()
    assert read.problems == (
        "Start master: START_KNS_PLATFORM and FINISHED_START_KNS_PLATFORM have different ids",
    )


def test_a_repeated_action_is_reported_and_not_guessed() -> None:
    again = [
        event(E.START_KNS_PLATFORM, 12, "again"),
        event(E.FINISHED_START_KNS_PLATFORM, 13, "again"),
    ]
    read = timeline(*study_events(), *again)
    names = [phase.name for phase in read.phases]
    assert "Start master" not in names
    assert "System idle 1" not in names  # where it ends is just as uncertain
    assert "Add workers" in names
    assert "Start master: START_KNS_PLATFORM is repeated, at 10 s and 12 s" in read.problems


def test_an_end_before_its_start_is_reported() -> None:
    read = timeline(
        event(E.START_SIMULATION, 0),
        event(E.START_KNS_PLATFORM, 9, "a"),
        event(E.FINISHED_START_KNS_PLATFORM, 4, "a"),
    )
    assert "Start master" not in [phase.name for phase in read.phases]
    assert any(
        "FINISHED_START_KNS_PLATFORM at 4 s comes before START_KNS_PLATFORM at 9 s" in problem
        for problem in read.problems
    )


@pytest.mark.parametrize("lacking", STUDY)
def test_a_missing_event_is_reported_with_the_action_it_belongs_to(lacking: EventType) -> None:
    read = timeline(*study_events(without=(lacking,)))
    action = next(p for p in (TOTAL, *SEQUENCE) if p.action and lacking in (p.start, p.end))
    assert action.name not in [phase.name for phase in read.phases]
    assert any(p.startswith(f"{action.name}: ") and lacking.name in p for p in read.problems)


def test_how_long_a_run_of_one_moment_took_is_not_known() -> None:
    timeline = read_timeline(run(event(E.START_SIMULATION, 0), event(E.STOP_SIMULATION, 0)))
    assert timeline is not None
    assert (timeline.phases, timeline.problems) == ((), ())


def test_an_action_that_never_began_is_no_problem() -> None:
    lacking = (E.START_KNS_DEPLOYMENT, E.FINISHED_START_KNS_DEPLOYMENT)
    assert timeline(*study_events(without=lacking)).problems == ()


def test_a_gap_that_the_study_does_not_know_is_named_by_its_events() -> None:
    lacking = (E.START_KNS_DEPLOYMENT, E.FINISHED_START_KNS_DEPLOYMENT)
    read = timeline(*study_events(without=lacking))
    gap = next(gap for gap in read.gaps if gap.start_s == 40.0)
    assert gap.name == "FINISHED_START_KNS_JOIN_NODES to STOP_KNS_DEPLOYMENT"
    assert gap.end_s == 70.0


# ---------------------------------------------------------------- phases of one's own


def test_a_phase_of_ones_own_is_bounded_by_two_events() -> None:
    read = timeline(
        event(E.START_SIMULATION, 0),
        event(E.START_PHASE, 5, "a", "Warm up"),
        event(E.FINISHED_PHASE, 8, "a", "Warm up"),
        event(E.START_PHASE, 8, "b", "Load"),
        event(E.FINISHED_PHASE, 20, "b", "Load"),
        event(E.STOP_SIMULATION, 25),
    )
    assert [(p.name, p.start_s, p.end_s) for p in read.phases] == [
        ("Warm up", 5.0, 8.0),
        ("Load", 8.0, 20.0),
        ("Total simulation time", 0.0, 25.0),
    ]
    assert [gap.name for gap in read.gaps] == [
        "START_SIMULATION to START_PHASE",
        "FINISHED_PHASE to STOP_SIMULATION",
    ]
    assert read.problems == ()


def test_a_repeated_phase_of_ones_own_is_reported() -> None:
    bounds = [(E.START_PHASE, 1, "a"), (E.FINISHED_PHASE, 2, "a")]
    bounds += [(E.START_PHASE, 3, "b"), (E.FINISHED_PHASE, 4, "b")]
    read = timeline(*(event(kind, at, identity, "Load") for kind, at, identity in bounds))
    assert read.phases == ()
    assert any("Load: START_PHASE is repeated" in problem for problem in read.problems)


def test_phases_that_overlap_are_reported_and_samples_count_once() -> None:
    read = timeline(
        event(E.START_PHASE, 0, "a", "One"),
        event(E.START_PHASE, 6, "b", "Two"),
        event(E.FINISHED_PHASE, 10, "a", "One"),
        event(E.FINISHED_PHASE, 15, "b", "Two"),
    )
    assert [phase.duration_s for phase in read.phases] == [10.0, 9.0]
    names = [read.intervals[label].name for label in read.labels(np.array([5.0, 6.0, 12.0]))]
    assert names == ["One", "Two", "Two"]
    assert read.problems == ("One and Two overlap from 6 to 10 s: these samples count to Two",)


def test_an_outer_phase_goes_on_after_an_inner_one() -> None:
    read = timeline(
        event(E.START_PHASE, 100, "a", "Outer"),
        event(E.START_PHASE, 150, "b", "Inner"),
        event(E.FINISHED_PHASE, 250, "b", "Inner"),
        event(E.FINISHED_PHASE, 400, "a", "Outer"),
        event(E.STOP_SIMULATION, 500),
    )
    marks = [(mark.name, mark.end_s - mark.start_s) for mark in read.intervals]
    assert marks[-4:-1] == [("Outer", 50.0), ("Inner", 100.0), ("Outer", 150.0)]
    assert marks[-1][1] == 100.0
    assert {phase.name: phase.duration_s for phase in read.phases} == {"Outer": 300.0, "Inner": 100}


def test_a_recorder_finds_the_events_of_an_action() -> None:
    assert phase_of("start MASTER ") is SEQUENCE[1]
    own = phase_of(" Load test ")
    assert (own.name, own.start, own.end) == ("Load test", E.START_PHASE, E.FINISHED_PHASE)
    with pytest.raises(InvalidData, match="lies between two actions"):
        phase_of("Master idle")


def test_only_phases_that_there_are_can_be_named() -> None:
    simulation = run(event(E.START_PHASE, 0, "a", "Load"), event(E.FINISHED_PHASE, 1, "a", "Load"))
    check_phases([*PHASE_NAMES, *(gap.name for gap in GAPS)], [])
    check_phases(["Load"], [simulation])
    with pytest.raises(NotFound, match=r"no phase 'Laod'; there are: System idle 1, .*, Load$"):
        check_phases(["Load", "Laod"], [simulation, replace(simulation, sim_id="2")])
