"""The TOML that says what columns mean: read, and refused with the key."""

from pathlib import Path

import pytest

from ingest.tables.mapping import Cell, Chart, Figure, table_for
from ingest.tables.mapping_file import read_mapping
from minion.errors import InvalidData, NotFound
from minion.model import EventType

SMALL = 'time = { column = "t" }\ncharts.c = { unit = "%" }\n'


@pytest.fixture
def mapping(tmp_path):
    def read(text):
        path = tmp_path / "m.toml"
        path.write_text(text)
        return read_mapping(path)

    return read


def test_a_text_is_a_column_and_is_is_the_same_for_all_rows(mapping):
    (table,) = mapping('simulation = { is = 7 }\nplatform = "p"\n' + SMALL)
    assert table.simulation == Cell(fixed="7")
    assert table.platform == Cell(column="p")
    assert table.host == Cell()
    assert table.charts == (Chart("c", "%", None),)
    assert (table.layout, table.delimiter, table.time.zone) == ("wide", ",", "UTC")
    assert table.columns == ["p", "t"]


def test_every_part_has_its_place(mapping):
    (table,) = mapping("""
        layout = "long"
        time = { column = "t", format = "iso", zone = "Europe/Berlin" }
        sample = { chart = "c", dimension = "d", unit = { is = "s" }, value = "v" }
        measurements = { a = "x", b = { column = "y", unit = "ms" } }
        parameters = { nodes = "n" }
        [events]
        column = "e"
        types = { go = "8", halt = "STOP_SIMULATION" }
        phases = { Load = ["up", "down"] }
    """)
    assert table.measurements == (Figure("a", "x"), Figure("b", "y", "ms"))
    assert table.types == {"go": EventType.START_SIMULATION, "halt": EventType.STOP_SIMULATION}
    assert table.phases["down"] == (EventType.FINISHED_PHASE, "Load")
    assert table.columns == ["c", "d", "v", "e", "t", "x", "y", "n"]


def test_the_first_table_that_fits_a_file_is_for_it(mapping):
    tables = mapping(f'[[table]]\nfiles = "*.log"\n{SMALL}[[table]]\n{SMALL}')
    assert table_for(tables, Path("x/a.log")) is tables[0]
    assert table_for(tables, Path("x/a.csv")) is tables[1]
    with pytest.raises(InvalidData, match=r"a.csv: no table of .*m.toml is for it; there are: \*"):
        table_for(tables[:1], Path("a.csv"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("= 1", r"m.toml: this is not TOML: .*line 1"),
        ("", r"m.toml: the mapping takes nothing from the table"),
        ("platfrom = 'p'\n" + SMALL, r"m.toml: platfrom: unknown key; there are: files, layout"),
        ("layout = 'tall'\n" + SMALL, r"m.toml: layout: 'tall'; there are: long, wide, lines"),
        ("platform = 7\n" + SMALL, r"m.toml: platform: a text is wanted, not 7"),
        ("host = { was = 'a' }\n" + SMALL, r"m.toml: host.was: unknown key; there are: is"),
        ("delimiter = ';;'\n" + SMALL, r"m.toml: delimiter: one character is wanted"),
        ("missing = 'x'\n" + SMALL, r"m.toml: missing: a list of texts is wanted"),
        ("[charts.c]", r"m.toml: time: samples and events need one"),
        ("time = {}\ncharts.c = {}", r"m.toml: time.column: say which column"),
        ("time = 'now'\ncharts.c = {}", r"m.toml: time: a table of keys is wanted"),
        (SMALL.replace('"t"', '"t", unit = "min"'), r"m.toml: time.unit: 'min'; there are: s, ms"),
        (SMALL.replace('"t"', '"t", zone = "Berlin"'), r"m.toml: time.zone: there is no time zone"),
        (SMALL.replace('"t"', '"t", format = "%H %Z"'), r"m.toml: time.format: %Z, a zone's name"),
        (SMALL.replace('"t"', '"t", start = "x"'), r"m.toml: time.start: seconds since"),
        (SMALL + "charts.d = {}", r"m.toml: charts: only one chart can have all other columns"),
        (SMALL + "sample = { value = 'v' }", r"m.toml: sample: this is for layout = \"long\""),
        ("layout = 'long'\n" + SMALL, r"m.toml: sample: a long table needs `value` and"),
        (
            "layout = 'long'\ntime = { column = 't' }\nsample = { value = 'v', dimension = 'd' }",
            r"m.toml: sample: samples need a `chart`",
        ),
        (
            "layout = 'long'\nsample = { value = { is = '1' }, dimension = 'd' }",
            r"m.toml: sample.value: a column is wanted",
        ),
        (
            "layout = 'lines'\ntime = {}\n[charts.c]",
            r"m.toml: charts: this is for layout = \"wide\"",
        ),
        ("layout = 'lines'\ntime = { column = 't' }", r"m.toml: time.column: lines have none"),
        (
            "layout = 'lines'\ntime = {}\nevents.column = 'e'",
            r"m.toml: events.column: lines have no columns",
        ),
        (SMALL + "events.types = { go = 'run' }", r"m.toml: events.types.go: unknown event type"),
        (SMALL + "events.phases = { P = ['a'] }", r"m.toml: events.phases.P: two names are wanted"),
        ("measurements.a = 5", r"m.toml: measurements.a: a table of keys is wanted"),
        ("measurements.a = { unit = 's' }", r"m.toml: measurements.a.column: a text is wanted"),
        ("parameters = ['a']", r"m.toml: parameters: a table of keys is wanted"),
        ("table = 5", r"m.toml: beside \[\[table\]\] nothing may stand"),
        ("layout = 'wide'\n[[table]]\nhost = 'h'", r"m.toml: beside \[\[table\]\] nothing may"),
    ],
)
def test_what_a_mapping_cannot_say_is_named_with_its_key(mapping, text, message):
    with pytest.raises(InvalidData, match=message):
        mapping(text)


def test_a_mapping_that_is_not_there(tmp_path):
    with pytest.raises(NotFound, match=r"the mapping .*none.toml cannot be read"):
        read_mapping(tmp_path / "none.toml")
