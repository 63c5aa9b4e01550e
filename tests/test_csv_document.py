"""The examples of the page on tables: they do what it says, and are refused as it says."""

import re
from pathlib import Path

import pytest
from mapped_tables import WIDE, shown

import analysis
from ingest.tables.runs import ingest_csv
from minion.errors import InvalidData
from minion.model import EventType

DOCUMENT = Path(__file__).parents[1] / "docs" / "experiments" / "csv.md"


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
    (pair,) = found.pairs[found.pairs["role"] == "all"].to_dict("records")
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


def test_the_document_s_refusals_are_the_program_s(store, mapped):
    text = " ".join(DOCUMENT.read_text().split())
    for said, mapping, table in (
        ("column 'user' has 'n/a'; expected a number", WIDE, "t,node,user,system\n1,a,n/a,2\n"),
        ("is the file cut off there, or the delimiter another", WIDE, "t,node,user,system\n1,a\n"),
        ("which mapping.toml names; there are", WIDE, "t,node,usr\n1,a,2\n"),
        (
            "expected s since 1970, of a date from 1990 to 2099 (another unit, elapsed, or a date?"
            " See time.unit and time.format)",
            WIDE,
            "t,node,user,system\n1,a,1,2\n",
        ),
    ):
        assert said in text
        paths, place = mapped(mapping, a_csv=table)
        place = place.rename(place.with_name("mapping.toml"))
        with pytest.raises(InvalidData, match=re.escape(said)):
            ingest_csv(store, paths, place)
