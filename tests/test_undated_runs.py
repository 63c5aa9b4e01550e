"""Runs without a date: nothing is said of their order, of what ran at once, of their age."""

from dataclasses import replace

import pytest
from pprof_profiles import encoded
from runs import START, run

from analysis import check, compare, durations
from analysis.comparing.order import arrangement, beginnings, in_order
from analysis.reporting.overview import opening, run_list
from ingest.networking.iperf3 import ingest_iperf3
from ingest.networking.sockperf import ingest_sockperf
from ingest.profiling.perf import import_perf
from ingest.profiling.pprof import import_pprof
from ingest.profiling.trace import import_traces
from ingest.saturating.kata import import_kata
from ingest.tables.runs import ingest_csv
from minion.model import DATED
from minion.overview import describe, runs

UNKNOWN = "when 4 of 4 runs began is not known: their order, and drift over it, could not be looked"


def at(made, seconds, *, dated=True):
    """A run put so much later."""
    simulation, series = made
    events = tuple(replace(e, time=e.time + seconds) for e in simulation.events)
    said = {} if dated else {DATED: "no: elapsed seconds only"}
    where = replace(simulation.provenance, details=said)
    moved = [replace(s, times=s.times + seconds) for s in series]
    return replace(simulation, events=events, provenance=where), moved


def stored(store, *, dated=True, apart=10_000):
    for place, platform in enumerate(("K8s", "K8s", "K3s", "K3s")):
        made = run(str(place), platform=platform, metrics=("cpu",))
        store.put(*at(made, apart * place, dated=dated))
    return store


def test_a_run_whose_times_are_made_up_has_a_start_and_did_not_begin():
    dated, _ = run()
    assert (dated.dated, dated.began) == (True, START)
    undated, _ = at(run(), 0, dated=False)
    assert (undated.dated, undated.start, undated.began) == (False, START, None)
    assert beginnings([dated, replace(undated, sim_id="2")]) == {("e", "1"): START}


def test_runs_of_several_platforms_that_began_together_have_no_order():
    platforms = {("e", str(place)): name for place, name in enumerate("AABBABC")}
    starts = dict(zip(platforms, (5.0, 5.0, 7.0, 9.0, 9.0, 1.0, 2.0), strict=True))
    assert in_order(starts, platforms) == ["B", "C", "A", "A", "B"]
    assert in_order(dict.fromkeys(platforms, 1.0), platforms) == []
    assert in_order(dict.fromkeys(list(platforms)[:2], 1.0), platforms) == ["A", "A"]
    assert arrangement([]).sentence == "There are no runs"


@pytest.mark.parametrize("dated", [True, False])
def test_remarks_are_made_of_runs_with_a_date_only(store, dated):
    notes = compare(stored(store, dated=dated), "cpu").notes
    blocked = [note for note in notes if "were made before those of" in note]
    unknown = [note for note in notes if note.startswith(UNKNOWN)]
    assert (len(blocked), len(unknown)) == ((1, 0) if dated else (0, 1))


def test_what_began_together_has_no_order(store):
    notes = compare(stored(store, apart=0), "cpu").notes
    assert "4 of 4 runs began together with one of another level: their order says nothing" in notes
    assert not any("made before" in note or "drifts" in note for note in notes)


@pytest.mark.parametrize(("dated", "found"), [(True, {"overlap"}), (False, set())])
def test_what_ran_at_once_is_known_of_runs_with_a_date_only(store, dated, found):
    kinds = check(stored(store, dated=dated, apart=10)).findings["kind"]
    assert set(kinds) & {"overlap"} == found


def test_a_made_up_start_is_not_shown_as_a_date(store):
    made = stored(store, dated=False).simulations()
    assert runs(store)["start"].isna().all()
    assert describe(store, made[0]).simulation["start"] == "2021-02-15T14:57:57Z (made up)"
    assert "between" not in opening(made, {}, ["node-a"])
    cells = run_list(made, {}, dict.fromkeys(("K8s", "K3s"), "#000"), "i").rows[0].cells
    assert [cell.text for cell in cells[:4]] == ["0", "K8s", "unknown", "650.0 s"]


def test_small_files_without_a_date_make_runs_without_one(store, tmp_path):
    def file(name, content):
        path = tmp_path / "P" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    import_perf(store, [file("a.txt", "main;read 3\n")])
    table = "     flat  flat%   sum%        cum   cum%\n   1.35s 58.44% 58.44%   1.35s 58.44%  f\n"
    import_pprof(store, [file("b.txt", f"Type: cpu\n{table}")])
    import_pprof(store, [file("dated.pb.gz", encoded([(["a"], [1, 5])]))])
    place = file("m.toml", 'host = "h"\ncharts.c = { unit = "u", columns = ["v"] }\ntime = {}\n')
    mapped = place.read_text().replace("{}", '{ column = "t", format = "elapsed", unit = "s" }')
    place.write_text(mapped)
    ingest_csv(store, [file("c.csv", "t,h,v\n0,n,1\n5,n,2\n")], place)
    place.write_text(mapped.replace('"elapsed"', '"elapsed", start = 1e9'))
    ingest_csv(store, [file("dated.csv", "t,h,v\n0,n,1\n5,n,2\n")], place)
    place.write_text('measurements = { score = "s" }\n')
    ingest_csv(store, [file("d.csv", "s\n5\n")], place)
    # Nor does any but the profile and the tables with times say how long it took.
    assert set(durations(store)["sim_id"]) == {"P/dated", "P/c"}
    lengths = runs(store).set_index("sim_id")["length"].dropna()
    assert set(lengths.index) == {"P/dated", "P/c"}
    dated = {s.sim_id: s.dated for s in store.simulations()}
    assert dated == {f"P/{name}": name == "dated" for name in ("a", "b", "c", "d", "dated")}
    assert len(store.simulations()) == 6


def test_the_published_files_have_no_dates(store, shared_data):
    network = shared_data / "google-network"
    import_kata(store, [shared_data / "kata" / "kata.csv"])
    ingest_iperf3(store, [network / "gke" / "iperf-0.txt"])
    ingest_sockperf(store, [network / "gke" / "sockperf-latency-1.txt"])
    import_traces(store, [network / "compute-engine" / "trace.report.gz"])
    assert [s.dated for s in store.simulations()] == [False] * 4
    said = [s.provenance.details[DATED] for s in store.simulations()]
    assert all(text.startswith("no: ") for text in said)
