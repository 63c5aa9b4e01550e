"""A run that is imported again: the same or grown, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from runs import START, run

from ingest.growth import difference
from ingest.importing import Imported, from_to, keep
from minion.errors import AlreadyExists, InvalidData
from minion.model import Event, EventType, Measurement, Simulation, Status, Validity, Verdict, now
from minion.series import LIVE_ROWS, Dimension, Series

COUNT = Measurement(name="count", value=2.0, unit="things", hostname="node-a")
PHASE = Event(type=EventType.START_PHASE, time=START + 3, body="p")


def line(values, *, first=START, step=5.0, chart="c", dimension="d", regular=True):
    """A series of one dimension."""
    return Series(
        hostname="node-a",
        chart=chart,
        context=chart,
        family="",
        unit="",
        dimensions=(Dimension(dimension, dimension),),
        times=first + step * np.arange(len(values)),
        values=np.array(values, dtype=float)[:, None],
        step=step if regular else None,
    )


def made(digest="1", series=(), *, first=START, last=None, **changes):
    """A run of a file with that digest, and its series."""
    simulation, _ = run("p/x", metrics=())
    end = first + 10 if last is None else last
    given = {"measurements": (COUNT,), "events": from_to(first, end), **changes}
    source = replace(simulation.provenance, details={"files": "x", "sha256": digest})
    return replace(simulation, provenance=source, **given), list(series)


def stored(store):
    """What a store has of the run: all but when it was imported, and its samples."""
    found = store.simulation("p/x")
    return found, store.samples().to_numpy().tolist()


OLD = made(series=[line([1, 2, 3])], parameters={"n": 3})


@pytest.mark.parametrize(
    ("series", "changes"),
    [
        ([line([1, 2, 3])], {}),
        ([line([1, 2, 3, 4])], {"last": START + 20}),
        ([line([1, 2]), line([3, 4], first=START + 10)], {}),
        ([line([0, 1, 2, 3], first=START - 5)], {"first": START - 5}),
        ([line([1, 2, 3]), line([7], chart="new")], {"measurements": ()}),
        ([line([1, 2, 3])], {"measurements": (COUNT, replace(COUNT, name="more"))}),
        ([line([1, 2, 3])], {"events": (*from_to(START, START + 30), PHASE)}),
        ([line([1, 2, 3])], {"validity": Validity(verdict=Verdict.DOUBTFUL)}),
    ],
)
def test_a_run_that_is_the_same_or_has_grown(series, changes):
    changes = {"parameters": {"n": 3}, **changes}
    assert difference(*OLD, *made("2", series, **changes)) is None


@pytest.mark.parametrize(
    ("series", "changes", "told"),
    [
        ([line([1, 2])], {}, "it has other samples of c of node-a there"),
        ([line([1, 9, 3, 4])], {}, "it has other samples of c of node-a there"),
        ([line([1, np.nan, 3, 4])], {}, "it has other samples of c"),
        ([line([1, 2, 3], first=START + 1)], {}, "it has other samples of c"),
        ([line([1, 2, 3], dimension="e")], {}, "it has other samples of c"),
        ([line([1, 2, 3], chart="e")], {}, "it has other samples of c"),
        ([line([1, 2, 3])], {"platform": "q"}, "its platform is K8s there, not q"),
        ([line([1, 2, 3])], {"measurements": ()}, "its count of node-a is 2.0 things there"),
        (
            [line([1, 2, 3])],
            {"measurements": (replace(COUNT, unit="s"),)},
            "its count of node-a is 2.0 things there",
        ),
        ([line([1, 2, 3])], {"parameters": {"n": 4}}, "its n is 3 there"),
        ([line([1, 2, 3])], {"last": START + 9}, f"it ends at {START + 10:.3f} there"),
        ([line([1, 2, 3])], {"first": START + 1}, f"it begins at {START:.3f} there"),
    ],
)
def test_a_run_that_is_another_one(series, changes, told):
    changes = {"parameters": {"n": 3}, **changes}
    found = difference(*OLD, *made("2", series, **changes))
    assert found is not None
    assert found.startswith(told)


def test_an_event_that_is_gone_makes_another_run():
    events = (*from_to(START, START + 9), PHASE)
    old = made(events=events)
    moved = (*from_to(START, START + 9), replace(PHASE, time=START + 4))
    told = f"it has START_PHASE at {START + 3:.3f} there"
    assert difference(*old, *made("2", events=moved)) == told
    assert difference(*old, *made("2", events=events)) is None


def test_times_on_a_grid_are_the_same_after_a_rounding(store):
    times = line(np.arange(5000), first=START + 1 / 3, step=0.1)
    keep(store, [made(series=[times])])
    jittered = replace(times, times=times.times * (1 + 1e-16))
    assert keep(store, [made("2", [jittered])]) == Imported(1, 0, 0, 1)
    close = replace(line([1, 2, 3], step=1e-6, regular=False))
    assert difference(*made(series=[close]), *made("2", [close])) is None
    swapped = replace(close, values=close.values[[1, 0, 2]])
    assert difference(*made(series=[close]), *made("2", [swapped])) is not None


def test_another_file_under_a_stored_name_is_refused_and_nothing_changes(store):
    keep(store, [OLD])
    before = stored(store)
    fresh, nothing = made("3")
    message = (
        r"simulation p/x of experiment e is stored from x, and it has other samples of c of node-a"
        r" there; say --sim or --experiment to keep both"
    )
    with pytest.raises(AlreadyExists, match=message):
        keep(store, [(replace(fresh, sim_id="new"), nothing), made("2", [line([3, 2, 1])])])
    assert stored(store) == before
    assert store.names("e") == {"p/x"}


def test_a_run_that_has_grown_is_stored_as_if_it_had_come_so(store, target):
    judged = Verdict.EXCLUDED
    keep(store, [made(series=[line(np.arange(LIVE_ROWS * 100))])])
    first = store.judge(store.simulation("p/x"), judged, ["odd"], "me")
    # Earlier samples, and a finer grid: every stretch is another.
    whole = line(np.arange(-100, LIVE_ROWS * 100, 0.5), first=START - 500, step=2.5)
    grown = made("2", [whole], first=START - 500, last=START + 9e4)
    done = keep(store, [grown])
    assert (done.new, done.samples) == (0, len(whole.times) - LIVE_ROWS * 100)
    found = store.simulation("p/x")
    assert (found.id, found.status) == (first.id, Status.COMPLETE)
    assert (found.validity.verdict, found.start) == (judged, START - 500)
    keep(target, [grown])

    def documents(of):
        found = of.database["series"].find({}, {"_id": 0, "simulation": 0})
        return sorted(found, key=lambda document: document["stretch"])

    assert documents(store) == documents(target)
    assert keep(store, [grown]).samples == 0


def test_an_import_that_was_cut_off_is_begun_anew(store):
    cut, _ = made(series=[line([1, 2, 3])])
    store.add(replace(cut, status=Status.IMPORTING))
    assert keep(store, [made("2", [line([9])])]).samples == 1


def test_the_same_file_twice_is_one_and_two_files_are_not(store):
    one = made(series=[line([1, 2, 3])])
    assert keep(store, [one, one], ["a", "a"]) == Imported(1, 1, 3, 1, ("a",))
    store.delete_experiment("e")
    other: tuple[Simulation, list[Series]] = made("2", [line([1, 2, 3])])
    message = r"two files would be simulation p/x \(x, x\); import one of them with --sim"
    with pytest.raises(InvalidData, match=message):
        keep(store, [one, other])
    assert store.names("e") == set()


def test_a_stored_run_s_time_of_import_stays(store):
    keep(store, [OLD])
    before = store.simulation("p/x")
    simulation, series = OLD
    later = replace(simulation, provenance=replace(simulation.provenance, created=now()))
    keep(store, [(later, series)])
    assert store.simulation("p/x") == before
