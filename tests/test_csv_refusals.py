"""Tables that do not fit their mapping: refused with file and line, or noted."""

import pytest
from mapped_tables import COUNTED, LONG, WIDE, refused

from ingest.tables.runs import ingest_csv
from minion.errors import InvalidData, NotFound

LINES = """
layout = "lines"
time = { format = "elapsed", start = 0 }
"""
BOUNDS = LINES + 'events.types = { BEGIN = "START_SIMULATION", END = "STOP_SIMULATION" }'


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            "t,node,user,system\n1,a,1,2\n2,a,x,2\n",
            r"a.csv:3: column 'user' has 'x'; expected a nu",
        ),
        ("t,node,user,system\n1,a,inf,2\n", r"a.csv:2: column 'user' has 'inf'; expected a number"),
        ("t,node,user,system\n\n1613401080000,a,1,2\n", r"a.csv:3: column 't' has .*another unit"),
        (
            "t,node,user,system\n1613401080,a,1,2\n613401080,a,1,2\n",
            r"a.csv:3: column 't' has '613401080'; expected s since 1970, of a date from 1990 to 2",
        ),
        ("t,node,user,system\n0,a,1,2\n", r"a.csv:2: column 't' has '0'; .* elapsed, or a date"),
        ("t,node,user,system\n2026-01-01,a,1,2\n", r"a.csv:2: column 't' has '2026-01-01'; expec"),
        ("t,node,user,system\n,a,1,2\n", r"a.csv:2: column 't' has ''"),
        ("t,node,user,system\n1,a,1,2\n2,a,1\n", r"a.csv:3: 3 cells, the head has 4"),
        ("t,node,user,system\n1,a,1,2,\n", r"a.csv:2: 5 cells, the head has 4"),
        ("t,node,user\n1,a,1\n", r"a.csv:1: there is no column 'system', which map.toml names"),
        ("t,node,user,user\n1,a,1,2\n", r"a.csv:1: column 'user' stands twice"),
        ("", r"a.csv is empty"),
    ],
)
def test_a_row_that_does_not_fit_is_named(store, mapped, table, message):
    refused(store, mapped, message, a_csv=table)


def test_a_row_behind_a_cell_of_several_lines_is_named_by_its_line(store, mapped):
    table = 't,node,user,system\n1,"a\nb",1,2\n2,a,x,2\n'
    refused(store, mapped, r"a.csv:4: column 'user' has 'x'", a_csv=table)


def test_two_values_for_one_time_are_refused_with_both_rows(store, mapped):
    refused(
        store,
        mapped,
        r"b.csv:3: system.cpu user of a has 9 at 10.000, and 1 in .*a.csv:2; a sample has one",
        a_csv="t,node,user,system\n10,a,1,2\n11,a,1,2\n",
        b_csv="t,node,user,system\n12,a,1,2\n10,a,9,2\n",
        mapping='simulation = { is = "7" }' + COUNTED,
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
            COUNTED + 'events = { column = "e" }',
            "t,node,user,system,e\n1,a,1,2,lunch\n",
            r"a.csv:2: unknown event type 'lunch'",
        ),
        (
            COUNTED + 'events = { column = "e" }',
            "t,node,user,system,e\n9,,,,STOP_SIMULATION\n10,,,,START_SIMULATION\n",
            r"a.csv:3: simulation 'K8s/a' would end at 9.000, before it begins at 10.000; are the",
        ),
        (
            WIDE.replace('"t" }', '"t", format = "%H:%M", zone = "Europe/Berlin" }'),
            "t,node,user,system\n25:61,a,1,2\n",
            r"a.csv:2: column 't' has '25:61'; expected a date like %H:%M",
        ),
    ],
)
def test_what_contradicts_itself_is_named(store, mapped, mapping, table, message):
    refused(store, mapped, message, mapping=mapping, a_csv=table)


def test_a_point_between_thousands_is_no_decimal_sign(store, mapped):
    mapping = 'delimiter = ";"\ndecimal = ","' + WIDE
    message = r"a.csv:3: column 'user' has '1.234'; expected a number like 1,5"
    table = "t;node;user;system\n1613401080;a;1,5;2\n1613401081;a;1.234;2\n"
    refused(store, mapped, message, mapping=mapping, a_csv=table)


def test_a_time_of_day_is_no_date(store, mapped):
    mapping = WIDE.replace('"t" }', '"t", format = "%H:%M:%S" }')
    message = r"a.csv:2: column 't' has '02:46:36'; .* like %H:%M:%S from 1990 to 2099"
    refused(store, mapped, message, mapping=mapping, a_csv="t,node,user,system\n02:46:36,a,1,2\n")


def test_an_hour_that_the_clock_shows_twice_is_refused(store, mapped):
    mapping = WIDE.replace('"t" }', '"t", format = "iso", zone = "Europe/Berlin" }')
    table = "t,node,user,system\n2026-10-25 01:30:00,a,1,2\n2026-10-25 02:30:00,a,1,2\n"
    message = r"a.csv:3: .*'2026-10-25 02:30:00'; .* the clock of Europe/Berlin shows once"
    refused(store, mapped, message, mapping=mapping, a_csv=table)
    paths, place = mapped(mapping, a_csv=table.replace("02:30:00", "02:30:00+01:00"))
    ingest_csv(store, paths, place)
    assert store.samples()["elapsed_s"].max() == 7200.0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nothing", r"a.log:3: 'nothing'; expected KEY=value"),
        ("APPLY=noon", r"a.log:3: column 'APPLY' has 'noon'; expected s since 1970"),
    ],
)
def test_a_line_that_does_not_fit_is_named(store, mapped, line, message):
    mapping = 'layout = "lines"\ntime = {}\nevents.phases = { P = ["APPLY", "DONE"] }'
    refused(store, mapped, message, mapping=mapping, a_log=f"# log\n\n{line}\n")


def test_seconds_that_are_said_to_be_milliseconds_are_refused(store, mapped):
    mapping = WIDE.replace('"t" }', '"t", unit = "ms" }')
    message = r"a.csv:2: column 't' has '1613401080'; expected ms since 1970, of a date from 1990"
    refused(store, mapped, message, mapping=mapping, a_csv="t,node,user,system\n1613401080,a,1,2\n")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("BEGIN=100\nEND=10\n", r"a.log:2: simulation 'K8s/a' would end at 10.000, before it beg"),
        ("END=10\n\nBEGIN=100\n", r"a.log:3: simulation 'K8s/a' would end at 10.000, before it"),
    ],
)
def test_a_run_that_would_end_before_it_begins_is_refused(store, mapped, lines, message):
    refused(store, mapped, message, mapping=BOUNDS, a_log=lines)


def test_a_run_s_end_in_one_file_before_its_beginning_in_another(store, mapped):
    message = r"b.log:1: simulation '7' would end at 10.000, before it begins at 100.000"
    mapping = 'simulation = { is = "7" }' + BOUNDS
    refused(store, mapped, message, mapping=mapping, a_log="BEGIN=100\n", b_log="END=10\n")
    paths, place = mapped(mapping, a_log="BEGIN=10\n", b_log="END=10\n")
    ingest_csv(store, paths, place)
    assert (store.simulation("7").start, store.simulation("7").end) == (10.0, 10.0)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "CLUSTER=k\n",
            r"a.log: there is no key 'RUNX', which map.toml names for the simulation; t",
        ),
        ("RUNX=7\n", r"a.log: there is no key 'CLUSTER', which map.toml names for the platform; t"),
        ("RUNX=\nCLUSTER=k\n", r"a.log:1: 'RUNX' is ''; expected a simulation's name"),
        ("RUNX=7\nCLUSTER='NA'\n", r"a.log:2: 'CLUSTER' is 'NA'; expected a platform's name"),
    ],
)
def test_lines_must_have_the_keys_that_name_the_run(store, mapped, lines, message):
    named = 'simulation = "RUNX"\nplatform = "CLUSTER"' + BOUNDS
    refused(store, mapped, message, mapping=named, a_log=lines + "BEGIN=1\nEND=2\n")


def test_names_on_the_command_line_stand_for_a_key_that_is_not_there(store, mapped):
    paths, place = mapped('platform = "CLUSTER"' + BOUNDS, a_log="BEGIN=1\nEND=2\n")
    ingest_csv(store, paths, place, platform="k")
    assert store.simulation("k/a").platform == "k"


def test_keys_that_stand_alone_are_noted(store, mapped):
    mapping = LINES + 'events.phases = { P = ["APPLY", "DONE"] }'
    paths, place = mapped(mapping, a_log="export APPLY='10'\nOTHER=1\n")
    done = ingest_csv(store, paths, place)
    assert any("keys that are not used: OTHER" in note for note in done.notes)
    assert any("keys that do not stand there: DONE" in note for note in done.notes)


def test_keys_with_names_of_minion_s_own_are_events_without_a_mapping(store, mapped):
    paths, place = mapped(LINES, a_log="START_SIMULATION=10\nSTOP_SIMULATION=20.5\n")
    assert ingest_csv(store, paths, place).notes == ()
    run = store.simulation("K8s/a")
    assert (run.start, run.end) == (10.0, 20.5)


def test_a_table_without_rows_is_noted(store, mapped):
    paths, place = mapped(WIDE, a_csv="t,node,user,system\n")
    done = ingest_csv(store, paths, place)
    assert (done.runs, done.notes) == (0, (f"{paths[0]}: no rows",))


def test_a_pattern_that_is_none_is_named(store, mapped):
    mapping = WIDE.replace('"t" }', '"t", format = "%Q" }')
    refused(
        store,
        mapped,
        r"map.toml: time.format: .*'%Q'",
        mapping,
        a_csv="t,node,user,system\n1,a,1,2\n",
    )


def test_files_that_are_not_there_or_no_text(store, mapped, tmp_path):
    paths, place = mapped(WIDE, a_csv="t,node,user,system\n1,a,1,2\n")
    with pytest.raises(NotFound, match="there is no file"):
        ingest_csv(store, [tmp_path / "none.csv"], place)
    with pytest.raises(NotFound, match="is a folder; name the files in it"):
        ingest_csv(store, [tmp_path], place)
    with pytest.raises(NotFound, match=r"the mapping .* cannot be read"):
        ingest_csv(store, paths, tmp_path / "none.toml")
    paths[0].write_bytes(b"t,node,user,system\n1,a,1,2\n2,\xff,1,2\n")
    with pytest.raises(InvalidData, match=r"a.csv:\d: this is not text in UTF-8"):
        ingest_csv(store, paths, place)
    with pytest.raises(InvalidData, match=r"--sim 7: .* a column names the simulation"):
        ingest_csv(store, paths, mapped('simulation = "s"' + WIDE)[1], sim="7")
