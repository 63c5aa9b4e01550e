"""What runs tables become, by a mapping."""

import gzip

import numpy as np
import pytest
from mapped_tables import COUNTED, WIDE, shown

import analysis
from ingest import spool
from ingest.tables import blocks
from ingest.tables.runs import ingest_csv
from minion.errors import AlreadyExists, InvalidData


def test_rows_in_any_order_and_twice_are_one_series(store, mapped):
    paths, place = mapped(
        COUNTED, a_csv="t,node,user,system\n30,a,3,\n10,a,1,7\n20,a,2,NA\n10,a,1,7\n\n20,b,5,6\n"
    )
    done = ingest_csv(store, paths, place)
    assert "2 samples stood there twice and count once" in done.notes
    run = store.simulation("K8s/a")
    found = shown(store, run)
    assert found["a", "system.cpu", "user"] == {10.0: 1.0, 20.0: 2.0, 30.0: 3.0}
    assert found["a", "system.cpu", "system"][10.0] == 7.0
    assert np.isnan(found["a", "system.cpu", "system"][20.0])
    before = store.simulation("K8s/a")
    again = ingest_csv(store, paths, place)
    assert (again.new, again.samples) == (0, 0)
    assert store.simulation("K8s/a") == before


def test_other_files_or_another_mapping_under_a_stored_name_are_refused(store, mapped):
    mapping = COUNTED + 'measurements = { score = "m" }'
    table = "t,node,user,system,m,n\n10,a,1,2,5,6\n11,a,3,4,5,6\n"
    paths, place = mapped(mapping, a_csv=table)
    ingest_csv(store, paths, place)
    before, samples = store.simulation("K8s/a"), store.samples()

    def told(message, mapping=mapping, text=table):
        paths, place = mapped(mapping, a_csv=text)
        with pytest.raises(AlreadyExists, match=rf"K8s/a of experiment csv .* {message} there;"):
            ingest_csv(store, paths, place)
        assert store.simulation("K8s/a") == before
        assert store.samples().equals(samples)

    told("its score of a is 5.0", mapping.replace('"m"', '"n"'))
    told("it has other samples of system.cpu of a", text=table.replace("11,a,3", "11,a,9"))
    told("it has other samples of system.cpu of a", mapping.replace("start = 0", "start = 9"))
    paths, place = mapped(mapping + "# a remark\n", a_csv=table + "12,a,7,8,5,6\n")
    done = ingest_csv(store, paths, place)
    assert (done.new, done.samples) == (0, 2)
    assert store.simulation("K8s/a").end == 13.0
    assert ingest_csv(store, [paths[0], paths[0]], place).notes == (
        f"{paths[0]}: columns that are not used: n",
    )


@pytest.mark.parametrize(
    ("times", "step"),
    [
        ([10, 15, 20, 30], 5.0),
        ([10, 10.25, 10.5], 0.25),
        ([10, 11, 12, 13.4], None),
        ([10, 11, 17, 18.5], None),
        ([10], None),
    ],
)
def test_a_grid_is_found_from_the_times_and_irregular_ones_stay(store, mapped, times, step):
    rows = "".join(f"{time},a,1,2\n" for time in times)
    paths, place = mapped(COUNTED, a_csv="t,node,user,system\n" + rows)
    ingest_csv(store, paths, place)
    (series,) = store.series(store.simulation("K8s/a"))
    assert series.step == step
    assert series.times.tolist() == times


def test_files_are_parts_of_the_same_runs(store, mapped):
    mapping = 'simulation = "run"' + COUNTED
    paths, place = mapped(
        mapping,
        a_csv="run,t,node,user,system\n1,10,a,1,2\n2,10,a,3,4\n",
        b_csv="run,t,node,user,system\n1,11,a,5,6\n",
    )
    assert ingest_csv(store, paths, place).runs == 2
    run = store.simulation("1")
    assert shown(store, run)["a", "system.cpu", "user"] == {10.0: 1.0, 11.0: 5.0}
    assert run.provenance.details["files"] == "a.csv, b.csv"


def test_spreadsheets_with_semicolons_commas_and_compression(store, mapped):
    mapping = 'delimiter = ";"\ndecimal = ","\nmissing = ["?"]\n' + COUNTED
    paths, place = mapped(mapping, a_csv='t;node;user;system\n1,5;"a\nb";2,25;?\n')
    packed = paths[0].with_name("b.csv.gz")
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + paths[0].read_bytes()))
    ingest_csv(store, [packed], place)
    run = store.simulation("K8s/b")
    assert shown(store, run) == {("a\nb", "system.cpu", "user"): {1.5: 2.25}}


def test_a_long_table_without_time_holds_measurements(store, mapped):
    mapping = """
        layout = "long"
        simulation = "run"
        platform = "p"
        sample = { dimension = "what", value = "v", unit = "u" }
    """
    table = "run,p,what,v,u\n1,A,latency,2.5,ms\n1,A,count,7,\n2,B,latency,3.5,ms\n"
    paths, place = mapped(mapping, a_csv=table)
    done = ingest_csv(store, paths, place)
    assert any("nothing says when these runs were: 1, 2" in note for note in done.notes)
    assert {(m.name, m.value, m.unit) for m in store.simulation("1").measurements} == {
        ("latency", 2.5, "ms"),
        ("count", 7.0, ""),
    }
    # Without a time they took none, and no sample is expected of them.
    assert [run.events for run in store.simulations()] == [(), ()]
    assert store.simulation("1").measurements_only
    assert analysis.durations(store).empty
    assert set(analysis.check(store).runs["found"]) == {"unchecked"}
    (pair,) = analysis.compare(store, "latency", experiment="csv").pairs.to_dict("records")
    assert (pair["verdict"], abs(pair["difference"])) == ("undecided", 1.0)


def test_a_run_whose_measurement_was_missing_grows(store, mapped):
    mapping = 'simulation = "run"\nparameters = { n = "n" }\nmeasurements = { l = "l" }'
    paths, place = mapped(mapping, a_csv="run,n,l\nb1,3,5\nb2,3,\n")
    ingest_csv(store, paths, place)
    assert store.simulation("b2").events == ()
    paths[0].write_text("run,n,l\nb1,3,5\nb2,3,7\nb3,3,9\n")
    assert ingest_csv(store, paths, place).new == 1
    told = {run.sim_id: [m.value for m in run.measurements] for run in store.simulations()}
    assert told == {"b1": [5], "b2": [7], "b3": [9]}


@pytest.mark.parametrize("zone", ["+01", "+0100", "+01:00", " +01"])
def test_dates_that_say_their_zone_in_hours(store, mapped, zone):
    mapping = WIDE.replace('"t" }', '"t", format = "iso", zone = "Europe/Berlin" }')
    rows = f"2026-11-22 02:46:36.5{zone},a,1,2\n2026-11-22,a,3,4\n"
    paths, place = mapped(mapping, a_csv="t,node,user,system\n" + rows)
    ingest_csv(store, paths, place)
    (series,) = store.series(store.simulation("K8s/a"))
    assert (series.times - 1_795_305_600.0).tolist() == [-3600.0, 6396.5]


def test_a_row_a_run_with_its_date(store, mapped):
    mapping = """
        simulation = "run"
        time = { column = "when", format = "iso" }
        measurements = { score = "s" }
        parameters = { nodes = "n", image = "i", cached = "c" }
    """
    table = "run,when,s,n,i,c,more\n1,2026-11-22T01:00:00+01:00,5,3,007,true,x\n"
    paths, place = mapped(mapping, a_csv=table)
    done = ingest_csv(store, paths, place)
    assert done.notes == (f"{paths[0]}: columns that are not used: more",)
    run = store.simulation("1")
    assert run.start == 1_795_305_600.0
    assert run.parameters == {"nodes": 3, "image": "007", "cached": True}


def test_events_between_samples(store, mapped):
    mapping = (
        COUNTED
        + """
        [events]
        column = "event"
        body = "what"
        types = { begin = "START_SIMULATION" }
        phases = { "Load" = ["up", "down"] }
    """
    )
    table = (
        "t,node,user,system,event,what\n10,a,1,2,,\n10,,,,begin,\n11,a,3,4,up,\n"
        "12,a,5,6,down,\n13,,,,STOP_SIMULATION,over\n"
    )
    paths, place = mapped(mapping, a_csv=table)
    ingest_csv(store, paths, place)
    run = store.simulation("K8s/a")
    assert [(e.type.name, e.hostname, e.body) for e in run.events] == [
        ("START_SIMULATION", None, None),
        ("START_PHASE", "a", "Load"),
        ("FINISHED_PHASE", "a", "Load"),
        ("STOP_SIMULATION", None, "over"),
    ]
    assert sorted(store.samples(phase="Load")["value"]) == [3.0, 4.0]


def test_elapsed_times(store, mapped):
    mapping = WIDE.replace(
        '{ column = "t" }', '{ column = "t", format = "elapsed", unit = "ms", start = 1000 }'
    )
    paths, place = mapped(mapping, a_csv="t,node,user,system\n0,a,1,2\n500,a,1,2\n")
    ingest_csv(store, paths, place)
    assert store.simulation("K8s/a").start == 1000.0
    assert store.samples()["elapsed_s"].max() == 0.5


def test_a_table_of_many_blocks_that_wait_on_the_disk(store, mapped, monkeypatch):
    # As large tables are read, on a small one: blocks of a few rows, nothing waits in memory.
    monkeypatch.setattr(blocks, "BLOCK", 4096)
    monkeypatch.setattr(spool, "MOST_WAITING", 10_000)
    monkeypatch.setattr(spool, "MOST_SAMPLES", 3000)
    rows = [f"{run},{1000 * run + t},n{t % 3},{t},{-t}" for t in range(2000) for run in range(4)]
    paths, place = mapped(
        'simulation = "run"' + COUNTED, a_csv="\n".join(["run,t,node,user,system", *rows, ""])
    )
    done = ingest_csv(store, paths, place)
    assert (done.runs, done.samples, done.notes) == (4, 16_000, ())
    found = shown(store, store.simulation("3"))
    assert found["n1", "system.cpu", "user"] == {3000.0 + t: t for t in range(1, 2000, 3)}
    assert {s.step for s in store.series(store.simulation("3"))} == {3.0}
    paths[0].write_text(paths[0].read_text() + "3,5000,n0,1,x\n")
    with pytest.raises(InvalidData, match=r"a.csv:8002: column 'system' has 'x'"):
        ingest_csv(store, paths, place)


def test_the_command_line(minion, mapped):
    paths, place = mapped(
        COUNTED, a_csv="t,node,user,system\n1,a,1,2\n", b_csv="t,node,user,system\n1,a,x,2\n"
    )
    said = minion("ingest", "csv", str(paths[0]), "--map", str(place), "--platform", "P")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("imported: 1 run (1 new), 2 new samples")
    assert "P/a" in minion("runs", "--experiment", "csv").stdout
    said = minion("ingest", "csv", str(paths[0]), str(paths[1]), "--map", str(place))
    assert said.returncode == 1
    assert "b.csv:2: column 'user' has 'x'; expected a number" in said.stderr
    assert minion("ingest", "csv", str(paths[0])).returncode == 2
