"""Charts drawn in another process, and what is told in which words."""

import pytest
from runs import run

from analysis import charts, durations
from analysis.charting.labels import quantity_name
from analysis.comparing.comparison import compare
from analysis.comparing.judgement import Decision
from analysis.reporting import workshop
from analysis.reporting.claims import claims_of, rest_of, telling
from analysis.reporting.words import ranges
from analysis.reporting.workshop import Workshop
from minion.errors import InvalidData
from minion.selection import expand_ids


@pytest.fixture
def frame(store):
    for n in range(4):
        store.put(*run(str(n), platform="K3s" if n % 2 else "K8s", metrics=[]))
    return durations(store)


def test_another_process_draws_the_same(frame):
    with Workshop() as room:
        room.start()
        ordered = [room.draw("durations", frame, title=f"Chart {n}") for n in range(4)]
        wrong = room.draw("durations", frame.drop(columns="duration_s"))
        assert wrong.result.result(timeout=60).args
        assert all(drawn.order is None for drawn in ordered), "the process has drawn them all"
        for n, drawn in enumerate(ordered):
            here = charts.durations(frame, title=f"Chart {n}").to_dict(validate=False)
            assert drawn.spec == here
        with pytest.raises(InvalidData, match="no column 'duration_s'"):
            assert wrong.spec


@pytest.mark.parametrize("dies", ["before", "between"])
def test_what_a_dead_process_owes_is_drawn_here(frame, dies):
    with Workshop() as room:
        room.start()
        if dies == "before":
            room._process.kill()
            room._process.wait()
        ordered = [room.draw("durations", frame) for _ in range(4)]
        if dies == "between":
            assert ordered[0].result.result(timeout=60)
            room._process.kill()
        assert [len(drawn.spec["concat"]) for drawn in ordered] == [12] * 4


@pytest.mark.parametrize("started", [True, False])
def test_a_chart_that_cannot_be_made_ends_nobodys_wait(frame, started):
    with Workshop() as room:
        if started:
            room.start()
        with pytest.raises(AttributeError):
            assert room.draw("unheard_of", frame).spec
        assert len(room.draw("durations", frame).spec["concat"]) == 12


def test_without_a_process_everything_is_drawn_here(frame, monkeypatch):
    monkeypatch.setattr(workshop.sys, "executable", "/nowhere/python")
    with Workshop() as room:
        room.start()
        assert len(room.draw("durations", frame).spec["concat"]) == 12
    with Workshop() as room:
        assert len(room.draw("durations", frame).spec["concat"]) == 12


def test_what_would_fill_the_memory_is_drawn_at_once(frame, monkeypatch):
    monkeypatch.setattr(workshop, "MOST_WAITING", 2 * len(frame))
    with Workshop() as room:
        ordered = [room.draw("durations", frame) for _ in range(3)]
        assert [drawn.result.done() for drawn in ordered] == [False, False, True]
        assert ordered[2].order is None, "it holds no frame any more"
        assert ordered[0].spec
        assert not room.draw("durations", frame).result.done(), "there is room again"


def test_a_process_ends_with_its_room(frame):
    with pytest.raises(KeyError), Workshop() as room:
        room.start()
        room.draw("durations", frame)
        raise KeyError
    assert room._process.returncode is not None
    assert not room._feeder.is_alive()


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        (["1000", "1001", "1002", "1004", "1026", "1025"], "1000-1002,1004,1025,1026"),
        (["b", "a", "3", "2"], "2,3,a,b"),
        (["007", "8", "9", "10"], "8-10,007"),
        ([], ""),
    ],
)
def test_ids_as_ranges_name_the_same_runs(ids, text):
    assert ranges(ids) == text
    assert set(expand_ids(text.split(","))[0]) - {""} == set(ids)


def test_names_of_quantities():
    assert quantity_name("cpu") == "CPU utilization"
    assert quantity_name("disk_io", "in") == "Disk throughput, read (in)"
    assert quantity_name("disk_util", "sdb") == "Disk utilization, sdb"
    assert quantity_name("duration") == "Duration"
    assert quantity_name("throughput") == "throughput"


def test_the_sentences_that_say_the_most(study_store):
    found = compare(study_store, "duration,cpu,net", margin="5%")
    claims = claims_of(found)
    assert len(claims) == 4 * 12 * 3
    assert [claim.text for claim in claims] == list(found.sentences)
    told = telling(claims)
    # The whole run of every pair, the furthest apart first.
    assert [(c.level, c.reference) for c in told[:3]] == [
        ("mK8s", "K3s"),
        ("K8s", "K3s"),
        ("mK8s", "K8s"),
    ]
    assert {c.phase for c in told[:3]} == {"Total simulation time"}
    # Then the largest of each quantity that has a difference at all, once.
    assert [c.quantity for c in told[3:]] == [
        quantity
        for quantity in dict.fromkeys(c.quantity for c in claims)
        if any(c.verdict is Decision.DIFFERENT for c in claims if c.quantity == quantity)
    ]
    for claim in told[3:]:
        assert claim.verdict is Decision.DIFFERENT
        same = [c for c in claims if c.quantity == claim.quantity and c.verdict is claim.verdict]
        assert claim.size == max(c.size for c in same)
    rest = rest_of(claims)
    equivalent, undecided = rest.split("Undecided: ")
    counted = {d: sum(c.verdict is d for c in claims) for d in Decision}
    for part, decision in ((equivalent, Decision.EQUIVALENT), (undecided, Decision.UNDECIDED)):
        numbers = [int(piece.split(" of 36")[0].split()[-1]) for piece in part.split("; ")]
        assert sum(numbers) == counted[decision]
