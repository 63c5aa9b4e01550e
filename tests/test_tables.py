"""Tables of all sorts into runs, by a mapping."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

import analysis
from ingest import spool
from ingest.tables import blocks
from ingest.tables.runs import ingest_csv
from minion.errors import InvalidData, NotFound
from minion.model import EventType

DOCUMENT = Path(__file__).parents[1] / "docs" / "experiments" / "csv.md"
WIDE = """
host = "node"
time = { column = "t" }
charts."system.cpu" = { unit = "percentage", columns = ["user", "system"] }
"""
LONG = """
layout = "long"
simulation = "run"
time = { column = "t" }
sample = { chart = { is = "c" }, dimension = "id", value = "v", unit = { is = "%" } }
"""


@pytest.fixture
def files(tmp_path):
    """Writes files into a platform's folder; the mapping is map.toml."""
    folder = tmp_path / "K8s"
    folder.mkdir()

    def write(mapping, **texts):
        (folder / "map.toml").write_text(mapping)
        paths = []
        for name, text in texts.items():
            paths.append(folder / name.replace("_", "."))
            paths[-1].write_text(text)
        return paths, folder / "map.toml"

    return write


def shown(store, run):
    return {
        (s.hostname, s.chart, d.id): dict(
            zip(s.times.tolist(), s.values[:, place].tolist(), strict=True)
        )
        for s in store.series(run)
        for place, d in enumerate(s.dimensions)
    }


def refused(store, files, message, mapping=WIDE, **texts):
    paths, place = files(mapping, **texts)
    with pytest.raises(InvalidData, match=message):
        ingest_csv(store, paths, place)
    assert store.simulations() == []


# ---------------------------------------------------------------- the document's examples


def example(name):
    """The mapping and the files of an example of the document."""
    text = DOCUMENT.read_text().partition(f"<!-- example: {name} -->")[2]
    text = re.split(r"^##", text, maxsplit=1, flags=re.MULTILINE)[0]
    parts = re.findall(r"```(\w+)\n(.*?)```", text, flags=re.DOTALL)
    found = {"toml": "map.toml", "csv": "a.csv", "sh": "a.log"}
    return {found[kind]: body for kind, body in parts}


@pytest.fixture
def documented(store, tmp_path):
    def run(name):
        paths = []
        for file, text in example(name).items():
            paths.append(tmp_path / file)
            paths[-1].write_text(text)
        return ingest_csv(store, paths[1:], paths[0])

    return run


def test_the_document_s_export_of_netdata(store, documented):
    done = documented("netdata")
    assert (done.samples, done.notes) == (9, ())
    run = store.simulation("5000")
    assert (run.platform, [h.hostname for h in run.hosts]) == ("K3s", ["node-1"])
    # 02:46:34 in Berlin's winter is 01:46:34 UTC.
    assert run.start == 1_795_311_994.0
    (series,) = store.series(run)
    assert (series.chart, series.unit, series.step) == ("system.cpu", "percentage", 1.0)
    found = shown(store, run)
    assert list(found["node-1", "system.cpu", "user"].values()) == [0.5, 9.9, 17.3]
    # The last sample is inside the run.
    assert len(store.samples(phase="Total simulation time")) == 9


def test_the_document_s_long_table(store, documented):
    documented("long")
    run = store.simulation("a1")
    assert (run.platform, run.parameters) == ("K8s", {"nodes": 3})
    assert {h.hostname: h.role.value for h in run.hosts} == {"n1": "master", "n2": "worker"}
    assert shown(store, run)["n1", "system.cpu", "user"] == {1613401080.0: 4.5, 1613401085.0: 5.5}
    assert {(m.name, m.value, m.unit, m.hostname) for m in run.measurements} == {
        ("time to ready", 41.5, "s", "n1"),
        ("time to ready", 41.5, "s", "n2"),
    }
    found = analysis.compare(
        store, "time to ready", experiment="csv", allow="hosts,sampling interval"
    )
    (pair,) = found.pairs.to_dict("records")
    assert (pair["verdict"], abs(pair["difference"])) == ("undecided", 13.5)


def test_the_document_s_two_kinds_of_files(store, documented):
    done = documented("lines")
    assert (done.runs, done.samples, done.notes) == (1, 6, ())
    run = store.simulation("7")
    assert run.parameters == {"nodes": 3}
    assert [(e.type, e.time, e.body) for e in run.events] == [
        (EventType.START_SIMULATION, 1613401080.0, None),
        (EventType.START_PHASE, 1613401080.5, "Apply deployment"),
        (EventType.FINISHED_PHASE, 1613401082.25, "Apply deployment"),
        (EventType.STOP_SIMULATION, 1613401090.0, None),
    ]
    frame = store.samples(phase="Apply deployment")
    assert sorted(frame["value"]) == [305.0, 310.0, 690.0, 695.0]


def test_the_document_s_refusals_are_the_program_s(store, files):
    text = DOCUMENT.read_text()
    for said, mapping, table in (
        ("column 'user' has 'n/a'; expected a number", WIDE, "t,node,user,system\n1,a,n/a,2\n"),
        ("is the file cut off there, or the delimiter another", WIDE, "t,node,user,system\n1,a\n"),
        ("which mapping.toml names; there are", WIDE, "t,node,usr\n1,a,2\n"),
    ):
        assert said in text
        paths, place = files(mapping, a_csv=table)
        place = place.rename(place.with_name("mapping.toml"))
        with pytest.raises(InvalidData, match=re.escape(said)):
            ingest_csv(store, paths, place)


# ---------------------------------------------------------------- real exports


def test_netdata_s_real_export(store, shared_data, tmp_path):
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'time = { column = "time", format = "%Y-%m-%d %H:%M:%S" }\n'
        'charts."system.cpu" = { unit = "percentage", columns = "*" }\n'
    )
    ingest_csv(store, [shared_data / "netdata" / "data_csv.txt"], mapping)
    (run,) = store.simulations()
    assert (run.sim_id, run.platform) == ("netdata/data_csv", "netdata")
    assert run.start == 1795311992.0  # as the JSON answer of the same window says
    found = shown(store, run)["host", "system.cpu", "steal"]
    assert list(found.values()) == [0.5025126, 2.941176, 6.280193, 3.940887, 9.813084]


def test_the_published_study_s_flat_rows(store, shared_data, tmp_path):
    mapping = tmp_path / "m.toml"
    mapping.write_text("""
        [[table]]
        files = "published_first_sample_*"
        layout = "long"
        simulation = { is = "5000" }
        platform = { is = "mK8s" }
        host = "hostname"
        time = { column = "timestamp" }
        sample = { chart = "chart_name", dimension = "id", unit = "units", value = "value" }
        [[table]]
        files = "events.csv"
        simulation = { is = "5000" }
        platform = { is = "mK8s" }
        time = { column = "timestamp" }
        events = { column = "event_type" }
    """)
    folder = shared_data / "kns"
    paths = [folder / "events.csv", *sorted(folder.glob("published_first_sample_*.csv"))]
    ingest_csv(store, paths, mapping)
    run = store.simulation("5000")
    assert len(run.events) == 14
    found = shown(store, run)
    (idle,) = found["uniba-dsg-h54", "system.cpu", "idle"].values()
    assert 100 - idle == pytest.approx(0.602512)
    (used,) = found["uniba-dsg-h54", "system.ram", "used"].values()
    assert used / 3936 * 100 == pytest.approx(7.9209, abs=5e-5)


# ---------------------------------------------------------------- what is made of rows


def test_rows_in_any_order_and_twice_are_one_series(store, files):
    paths, place = files(
        WIDE, a_csv="t,node,user,system\n30,a,3,\n10,a,1,7\n20,a,2,NA\n10,a,1,7\n\n20,b,5,6\n"
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
def test_a_grid_is_found_from_the_times_and_irregular_ones_stay(store, files, times, step):
    rows = "".join(f"{time},a,1,2\n" for time in times)
    paths, place = files(WIDE, a_csv="t,node,user,system\n" + rows)
    ingest_csv(store, paths, place)
    (series,) = store.series(store.simulation("K8s/a"))
    assert series.step == step
    assert series.times.tolist() == times


def test_files_are_parts_of_the_same_runs(store, files):
    mapping = 'simulation = "run"' + WIDE
    paths, place = files(
        mapping,
        a_csv="run,t,node,user,system\n1,10,a,1,2\n2,10,a,3,4\n",
        b_csv="run,t,node,user,system\n1,11,a,5,6\n",
    )
    assert ingest_csv(store, paths, place).runs == 2
    run = store.simulation("1")
    assert shown(store, run)["a", "system.cpu", "user"] == {10.0: 1.0, 11.0: 5.0}
    assert run.provenance.details["files"] == "a.csv, b.csv"


def test_spreadsheets_with_semicolons_commas_and_compression(store, files):
    mapping = 'delimiter = ";"\ndecimal = ","\nmissing = ["?"]\n' + WIDE
    paths, place = files(mapping, a_csv='t;node;user;system\n1,5;"a\nb";2,25;?\n')
    packed = paths[0].with_name("b.csv.gz")
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + paths[0].read_bytes()))
    ingest_csv(store, [packed], place)
    run = store.simulation("K8s/b")
    assert shown(store, run) == {("a\nb", "system.cpu", "user"): {1.5: 2.25}}


def test_a_long_table_without_time_holds_measurements(store, files):
    mapping = """
        layout = "long"
        simulation = "run"
        platform = "p"
        sample = { dimension = "what", value = "v", unit = "u" }
    """
    table = "run,p,what,v,u\n1,A,latency,2.5,ms\n1,A,count,7,\n2,B,latency,3.5,ms\n"
    paths, place = files(mapping, a_csv=table)
    done = ingest_csv(store, paths, place)
    assert any("they are put at 2000-01-01: 1, 2" in note for note in done.notes)
    assert {(m.name, m.value, m.unit) for m in store.simulation("1").measurements} == {
        ("latency", 2.5, "ms"),
        ("count", 7.0, ""),
    }
    (pair,) = analysis.compare(store, "latency", experiment="csv").pairs.to_dict("records")
    assert (pair["verdict"], abs(pair["difference"])) == ("undecided", 1.0)


def test_a_row_a_run_with_its_date(store, files):
    mapping = """
        simulation = "run"
        time = { column = "when", format = "iso" }
        measurements = { score = "s" }
        parameters = { nodes = "n", image = "i", cached = "c" }
    """
    table = "run,when,s,n,i,c,more\n1,2026-11-22T01:00:00+01:00,5,3,007,true,x\n"
    paths, place = files(mapping, a_csv=table)
    done = ingest_csv(store, paths, place)
    assert done.notes == (f"{paths[0]}: columns that are not used: more",)
    run = store.simulation("1")
    assert run.start == 1_795_305_600.0
    assert run.parameters == {"nodes": 3, "image": "007", "cached": True}


def test_events_between_samples(store, files):
    mapping = (
        WIDE
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
    paths, place = files(mapping, a_csv=table)
    ingest_csv(store, paths, place)
    run = store.simulation("K8s/a")
    assert [(e.type.name, e.hostname, e.body) for e in run.events] == [
        ("START_SIMULATION", None, None),
        ("START_PHASE", "a", "Load"),
        ("FINISHED_PHASE", "a", "Load"),
        ("STOP_SIMULATION", None, "over"),
    ]
    assert sorted(store.samples(phase="Load")["value"]) == [3.0, 4.0]


def test_elapsed_times(store, files):
    mapping = WIDE.replace(
        '{ column = "t" }', '{ column = "t", format = "elapsed", unit = "ms", start = 1000 }'
    )
    paths, place = files(mapping, a_csv="t,node,user,system\n0,a,1,2\n500,a,1,2\n")
    ingest_csv(store, paths, place)
    assert store.simulation("K8s/a").start == 1000.0
    assert store.samples()["elapsed_s"].max() == 0.5


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "t,node,user,system\n1,a,1,2\n2,a,x,2\n",
            r"a.csv:3: column 'user' has 'x'; expected a nu",
        ),
        ("t,node,user,system\n1,a,inf,2\n", r"a.csv:2: column 'user' has 'inf'; expected a number"),
        ("t,node,user,system\n\n1613401080000,a,1,2\n", r"a.csv:3: column 't' has .*another unit"),
        ("t,node,user,system\n2026-01-01,a,1,2\n", r"a.csv:2: column 't' has '2026-01-01'; expec"),
        ("t,node,user,system\n,a,1,2\n", r"a.csv:2: column 't' has ''"),
        ("t,node,user,system\n1,a,1,2\n2,a,1\n", r"a.csv:3: 3 cells, the head has 4"),
        ("t,node,user,system\n1,a,1,2,\n", r"a.csv:2: 5 cells, the head has 4"),
        ("t,node,user\n1,a,1\n", r"a.csv:1: there is no column 'system', which map.toml names"),
        ("t,node,user,user\n1,a,1,2\n", r"a.csv:1: column 'user' stands twice"),
        ("", r"a.csv is empty"),
    ],
)
def test_a_row_that_does_not_fit_is_named(store, files, table, message):
    refused(store, files, message, a_csv=table)


def test_a_row_behind_a_cell_of_several_lines_is_named_by_its_line(store, files):
    table = 't,node,user,system\n1,"a\nb",1,2\n2,a,x,2\n'
    refused(store, files, r"a.csv:4: column 'user' has 'x'", a_csv=table)


def test_two_values_for_one_time_are_refused_with_both_rows(store, files):
    refused(
        store,
        files,
        r"b.csv:3: system.cpu user of a has 9 at 10.000, and 1 in .*a.csv:2; a sample has one",
        a_csv="t,node,user,system\n10,a,1,2\n11,a,1,2\n",
        b_csv="t,node,user,system\n12,a,1,2\n10,a,9,2\n",
        mapping='simulation = { is = "7" }' + WIDE,
    )


@pytest.mark.parametrize(
    ("mapping", "table", "message"),
    [
        (
            'platform = "p"\nsimulation = "s"' + WIDE,
            "p,s,t,node,user,system\nA,1,1,a,1,2\nB,1,2,a,1,2\n",
            r"a.csv:3: simulation '1' is of platform 'B' here, and of 'A' before",
        ),
        (
            'simulation = "s"' + WIDE,
            "s,t,node,user,system\n1,1,a,1,2\n,2,a,1,2\n",
            r"a.csv:3: column 's' has ''; expected the name of a simulation",
        ),
        (
            'role = "r"' + WIDE,
            "r,t,node,user,system\nboss,1,a,1,2\n",
            r"a.csv:2: unknown role 'boss'",
        ),
        (
            LONG.replace('{ is = "%" }', '"u"'),
            "run,t,id,v,u\n1,1,x,1,%\n1,2,x,1,ms\n",
            r"a.csv:3: c x is in 'ms' here, and in '%' before",
        ),
        (
            'measurements = { score = "s" }',
            "s\n1\n2\n",
            r"a.csv:3: score of simulation 'K8s/a' is 2  here, and 1  before",
        ),
        (
            'measurements = { score = "s" }\nparameters = { n = "n" }',
            "s,n\n1,5\n1,6\n",
            r"a.csv:3: n of simulation 'K8s/a' is '6' here, and 5 before",
        ),
        (
            WIDE + 'events = { column = "e" }',
            "t,node,user,system,e\n1,a,1,2,lunch\n",
            r"a.csv:2: unknown event type 'lunch'",
        ),
        (
            WIDE.replace('"t" }', '"t", format = "%H:%M", zone = "Europe/Berlin" }'),
            "t,node,user,system\n25:61,a,1,2\n",
            r"a.csv:2: column 't' has '25:61'; expected a date like %H:%M",
        ),
    ],
)
def test_what_contradicts_itself_is_named(store, files, mapping, table, message):
    refused(store, files, message, mapping=mapping, a_csv=table)


def test_an_hour_that_the_clock_shows_twice_is_refused(store, files):
    mapping = WIDE.replace('"t" }', '"t", format = "iso", zone = "Europe/Berlin" }')
    table = "t,node,user,system\n2026-10-25 01:30:00,a,1,2\n2026-10-25 02:30:00,a,1,2\n"
    message = r"a.csv:3: .*'2026-10-25 02:30:00'; .* the clock of Europe/Berlin shows once"
    refused(store, files, message, mapping=mapping, a_csv=table)
    paths, place = files(mapping, a_csv=table.replace("02:30:00", "02:30:00+01:00"))
    ingest_csv(store, paths, place)
    assert store.samples()["elapsed_s"].max() == 7200.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nothing", r"a.log:3: 'nothing'; expected KEY=value"),
        ("APPLY=noon", r"a.log:3: column 'APPLY' has 'noon'; expected s since 1970"),
    ],
)
def test_a_line_that_does_not_fit_is_named(store, files, line, message):
    mapping = 'layout = "lines"\ntime = {}\nevents.phases = { P = ["APPLY", "DONE"] }'
    refused(store, files, message, mapping=mapping, a_log=f"# log\n\n{line}\n")


def test_keys_that_stand_alone_are_noted(store, files):
    mapping = 'layout = "lines"\ntime = {}\nevents.phases = { P = ["APPLY", "DONE"] }'
    paths, place = files(mapping, a_log="export APPLY='10'\nOTHER=1\n")
    done = ingest_csv(store, paths, place)
    assert any("keys that are not used: OTHER" in note for note in done.notes)
    assert any("keys that do not stand there: DONE" in note for note in done.notes)


def test_keys_with_names_of_minion_s_own_are_events_without_a_mapping(store, files):
    paths, place = files(
        'layout = "lines"\ntime = {}', a_log="START_SIMULATION=10\nSTOP_SIMULATION=20.5\n"
    )
    assert ingest_csv(store, paths, place).notes == ()
    run = store.simulation("K8s/a")
    assert (run.start, run.end) == (10.0, 20.5)


def test_a_table_without_rows_is_noted(store, files):
    paths, place = files(WIDE, a_csv="t,node,user,system\n")
    done = ingest_csv(store, paths, place)
    assert (done.runs, done.notes) == (0, (f"{paths[0]}: no rows",))


def test_a_pattern_that_is_none_is_named(store, files):
    mapping = WIDE.replace('"t" }', '"t", format = "%Q" }')
    refused(
        store,
        files,
        r"map.toml: time.format: .*'%Q'",
        mapping,
        a_csv="t,node,user,system\n1,a,1,2\n",
    )


def test_files_that_are_not_there_or_no_text(store, files, tmp_path):
    paths, place = files(WIDE, a_csv="t,node,user,system\n1,a,1,2\n")
    with pytest.raises(NotFound, match="there is no file"):
        ingest_csv(store, [tmp_path / "none.csv"], place)
    with pytest.raises(NotFound, match=r"the mapping .* cannot be read"):
        ingest_csv(store, paths, tmp_path / "none.toml")
    paths[0].write_bytes(b"t,node,user,system\n1,a,1,2\n2,\xff,1,2\n")
    with pytest.raises(InvalidData, match=r"a.csv:\d: this is not text in UTF-8"):
        ingest_csv(store, paths, place)
    with pytest.raises(InvalidData, match=r"--sim 7: .* a column names the simulation"):
        ingest_csv(store, paths, files('simulation = "s"' + WIDE)[1], sim="7")


# ---------------------------------------------------------------- size


def test_a_table_of_many_blocks_that_wait_on_the_disk(store, files, monkeypatch):
    # As large tables are read, on a small one: blocks of a few rows, nothing waits in memory.
    monkeypatch.setattr(blocks, "BLOCK", 4096)
    monkeypatch.setattr(spool, "MOST_WAITING", 10_000)
    monkeypatch.setattr(spool, "MOST_SAMPLES", 3000)
    rows = [f"{run},{1000 * run + t},n{t % 3},{t},{-t}" for t in range(2000) for run in range(4)]
    paths, place = files(
        'simulation = "run"' + WIDE, a_csv="\n".join(["run,t,node,user,system", *rows, ""])
    )
    done = ingest_csv(store, paths, place)
    assert (done.runs, done.samples, done.notes) == (4, 16_000, ())
    found = shown(store, store.simulation("3"))
    assert found["n1", "system.cpu", "user"] == {3000.0 + t: t for t in range(1, 2000, 3)}
    assert {s.step for s in store.series(store.simulation("3"))} == {3.0}
    paths[0].write_text(paths[0].read_text() + "3,5000,n0,1,x\n")
    with pytest.raises(InvalidData, match=r"a.csv:8002: column 'system' has 'x'"):
        ingest_csv(store, paths, place)


def test_the_command_line(minion, files):
    paths, place = files(
        WIDE, a_csv="t,node,user,system\n1,a,1,2\n", b_csv="t,node,user,system\n1,a,x,2\n"
    )
    said = minion("ingest", "csv", str(paths[0]), "--map", str(place), "--platform", "P")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("imported: 1 runs (1 new), 2 new samples")
    assert "P/a" in minion("runs", "--experiment", "csv").stdout
    said = minion("ingest", "csv", str(paths[0]), str(paths[1]), "--map", str(place))
    assert said.returncode == 1
    assert "b.csv:2: column 'user' has 'x'; expected a number" in said.stderr
    assert minion("ingest", "csv", str(paths[0])).returncode == 2
