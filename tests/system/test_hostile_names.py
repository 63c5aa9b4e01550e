"""Names that mean harm are stored, found and shown as the text they are: on real servers."""

import gzip
import json
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from urllib.parse import quote

import numpy as np
import pymongo
import pytest
from runs import START, run

import analysis
import minion as library
from analysis.web.keeper import Keeper
from analysis.web.listing import Filter, Listing
from analysis.web.pages import application
from minion.errors import MinionError
from minion.model import Event, EventType, Host, Missing, Role, Verdict
from minion.overview import describe, runs
from minion.reductions import summaries
from minion.series import Dimension
from minion.worklist import Worklist

pytestmark = pytest.mark.system

MINION = [sys.executable, "-m", "minion"]


# ---------------------------------------------------------------- names that mean harm

HOSTILE = [
    "$where",
    '{"$gt": ""}',
    "a.b",
    "$ne",
    "$$ROOT",
    "$simulation",
    "../../etc/passwd",
    "..",
    "/etc/passwd",
    "nul\0byte",
    "<script>alert(1)</script>",
    "long" * 500,
    "two\nlines\r\nand more",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egnp.exe",
    "' || '1'=='1",
    "{{7*7}}",
    "%s%n%x",
    " -rf",
    "--drop",
    "__proto__",
    "a,b",
]

# What a terminal must not be sent: control characters but the end of a line, and signs that turn
# the direction of what follows.
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def hostile_run(name, sim_id=None):
    """A run whose every name is this one."""
    simulation, (series,) = run(
        sim_id or name, experiment=name, platform=name, hosts=[name], metrics=["cpu"]
    )
    said = Event(
        type=EventType.START_PHASE, time=START + 1, hostname=name, correlation_id=name, body=name
    )
    simulation = replace(
        simulation,
        events=(*simulation.events, said),
        hosts=(Host(hostname=name, role=Role.MASTER, url="http://127.0.0.1:1"),),
        parameters={key_of(name): name},
        environment={key_of(name): name},
    )
    dimensions = (Dimension(name, name), Dimension("other", "other"))
    values = np.column_stack([series.values, 2 * series.values])
    series = replace(
        series, chart=name, context=name, family=name, unit=name, name=name,
        dimensions=dimensions, values=values,
    )  # fmt: skip
    return simulation, series


def key_of(name):
    return name.replace("\0", "0")  # BSON's keys end with one


@pytest.fixture
def innocent(store):
    """A store with a run that no hostile name may find or change."""
    store.put(*run("innocent", experiment="innocent", platform="innocent", hosts=["innocent"]))
    return store


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_stored_and_found_as_it_is(innocent, name):
    store = innocent
    simulation, series = hostile_run(name)
    store.put(simulation, [series])
    found = store.simulation(name, name)
    assert (found.sim_id, found.platform) == (name, name)
    assert found.parameters == {key_of(name): name}
    assert found.events[-1].body == name
    assert [s.id for s in store.simulations()] != []
    assert {s.sim_id for s in store.simulations()} == {"innocent", name}
    # Every way to read finds this run and no other one.
    (whole,) = store.series(found, hosts=[name], charts=[name], contexts=[name])
    assert whole.dimensions == series.dimensions
    listing = Listing(store)
    for wanted in (
        Filter(text=name),
        Filter(experiment=name),
        Filter(platform=name),
        Filter(experiment=name, platform=name, order="name"),
    ):
        try:
            ids = listing.ids(wanted, skip=0, limit=10)
        except pymongo.errors.OperationFailure as error:
            # The server refuses a pattern with a NUL in it.
            assert "\0" in name, error  # noqa: PT017  which name it was decides
        else:
            assert ids == [found.id]
    with pytest.raises(MinionError):
        store.simulation_by_host(name)
    describe(store, found)
    assert set(runs(store, experiment=name)["sim_id"]) == {name}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_dimension_is_chosen_by_its_name_alone(innocent, name):
    store = innocent
    name = name.replace(",", "")  # a list of names is written with commas
    simulation, series = hostile_run(name, "x")
    store.put(simulation, [series])
    asked = {"contexts": [name], "dimensions": [name]}
    if name.strip() != name:
        asked = {"contexts": [name.strip()], "dimensions": [name.strip()]}
        assert store.samples(include_excluded=True, **asked).empty
        return
    frame = store.samples(**asked)
    assert set(frame["dimension"]) == {name}
    assert len(frame) == len(series.times)
    assert sorted(frame["value"]) == sorted(series.values[:, 0])
    found = summaries(store, store.simulations(), **asked).rows
    assert set(found["dimension"]) == {name}
    samples = store.count_samples([simulation], **asked)
    assert samples[simulation.id] == len(series.times)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_run_is_followed_whatever_its_names(innocent, name):
    """Events, hosts, verdicts and progress: every way to change a run."""
    store = innocent
    before = store.database.minions.find_one({"sim_id": "innocent"})
    simulation = store.add(replace(hostile_run(name, "x")[0], events=(), parameters={}))
    simulation = store.note(
        simulation, Event(type=EventType.START_SIMULATION, time=START, body=name)
    )
    added = Host(hostname=f"{name}2", role=Role.WORKER)
    simulation = store.add_host(simulation, added)
    simulation = store.describe(simulation, environment={key_of(name): name})
    seen = replace(simulation.hosts[0], cores=4)
    store.describe_host(simulation, seen, {key_of(name): name})
    simulation = store.reload(simulation)
    assert [host.cores for host in simulation.hosts] == [4, None]
    worklist = Worklist(store)
    worklist.enter(simulation, [simulation.hosts[0]])
    (entry,) = worklist.of(simulation)
    gone = Missing(hostname=name, chart=name, first=START, last=START + 5, reason=name)
    told = {"problem": name, "missing": (gone,), "until": START + 5}
    entry = worklist.advance(entry, replace(entry, **told))
    assert (entry.hostname, entry.problem, entry.missing) == (name, name, (gone,))
    worklist.leave(simulation)
    simulation = store.judge(simulation, Verdict.EXCLUDED, [name], by=name)
    assert simulation.validity.reasons == (name,)
    assert simulation.environment[key_of(name)] == name
    assert simulation.hosts[-1].hostname == added.hostname
    simulation = store.settle(simulation, missing=[gone])
    assert simulation.missing == (gone,)
    assert store.delete_experiment(name) == 1
    assert store.database.minions.find_one({"sim_id": "innocent"}) == before


def test_keys_that_mean_a_reference_stay_keys(store):
    """Documents with $ref and $id are references to drivers; here they are parameters."""
    simulation = replace(run("1")[0], parameters={"$ref": "minions", "$id": "1", "$db": "admin"})
    store.add(simulation)
    assert store.simulation("1").parameters == simulation.parameters


@pytest.mark.parametrize("name", ["a.b", "../b", "$x", "a b", "nul\0byte", "x" * 80])
def test_a_database_of_a_name_that_cannot_be(mongodb_uri, name):
    with pytest.raises(MinionError) as error:
        library.connect(mongodb_uri, database=name)
    assert len(str(error.value).splitlines()) == 1


@pytest.fixture
def all_hostile(innocent):
    """A store with a run of each hostile name."""
    for number, name in enumerate(HOSTILE):
        simulation, series = hostile_run(name, f"{name}{number}")
        simulation = replace(simulation, experiment="hostile")
        series = replace(series, context="system.cpu", dimensions=(
            Dimension("idle", name), Dimension(name, name),
        ))  # fmt: skip
        innocent.put(simulation, [series])
    return innocent


def test_no_command_sends_a_terminal_anything_but_text(all_hostile, minion):
    store = all_hostile
    calls = [["runs"], ["durations"], ["check"], ["utilization", "cpu", "--phase=System idle 1"]]
    calls += [["summary", "cpu"], ["compare", "cpu", "--experiment=hostile"], ["variance", "cpu"]]
    calls += [["runs", "--format=json"]]
    for name in HOSTILE:
        if "\0" in name:  # no argument of a program can hold one
            continue
        calls += [
            ["runs", f"--experiment={name}"],
            ["runs", f"--platform={name}"],
            ["show", f"x{name}"],
            ["event", f"x{name}", "START_SIMULATION"],
            ["db", "views", f"--{name}"],
            [f"{name}"],
            ["chart", "cpu", "--out=x.html", f"--kind={name}"],
            ["chart", name, "--out=x.html"],
        ]
    for place, name in enumerate(HOSTILE):
        if "\0" not in name:
            calls.append(["show", f"{name}{place}", "--experiment=hostile"])
    for call in calls:
        said = minion(*call)
        for text in (said.stdout, said.stderr):
            assert not CONTROL.search(text), (call, CONTROL.search(text))
        assert "Traceback" not in said.stderr
        if said.returncode in (1, 2):
            assert len(said.stderr.splitlines()) == 1 or "note:" in said.stderr, said.stderr
    assert len(store.simulations()) == len(HOSTILE) + 1


def test_csv_on_a_terminal(store, mongodb_uri):
    """Elsewhere it is exact; a terminal is sent what can be read there."""
    store.put(*run("\x1b[2J\nx\u202ey", experiment="e"))
    leader, follower = pty.openpty()
    try:
        subprocess.run(
            [*MINION, "runs", "--format=csv"],
            env={
                **os.environ,
                "MINION_MONGODB_URI": mongodb_uri,
                "MINION_DATABASE": store.database.name,
            },
            stdout=follower,
            timeout=60,
            check=True,
        )
        shown = os.read(leader, 10_000).decode().replace("\r\n", "\n")
    finally:
        os.close(leader)
        os.close(follower)
    assert not CONTROL.search(shown)
    assert "\\x1b[2J" in shown
    assert "x\\u202ey" in shown


def test_a_name_that_is_no_text_is_refused_in_one_line(minion, store):
    """Bytes on a command line that are no UTF-8."""
    store.put(*run("1"))
    for call in (
        ["show", "\udcff"],
        ["event", "1", "START_PHASE", "--body", "\udcff"],
        ["exclude", "1", "--reason", "\udcff"],
        ["sim", "start", "\udcff", "--platform=p", "--hosts=a=master@127.0.0.1:1"],
    ):
        said = minion(*call)
        assert said.returncode == 1, call
        assert len(said.stderr.splitlines()) == 1
        assert "Traceback" not in said.stderr


@pytest.mark.usefixtures("all_hostile")
def test_files_stay_where_they_were_asked_for(minion, tmp_path, monkeypatch):
    """Exports and charts of runs with names of other places."""
    monkeypatch.chdir(tmp_path)
    inside = tmp_path / "out"
    inside.mkdir()
    before = everything(tmp_path)
    assert minion("export", "kns", "out/flat", "--experiment=hostile").returncode == 0
    chart = minion("chart", "cpu", "--experiment=hostile", "--out=out/chart.html")
    assert chart.returncode == 0, chart.stderr
    written = everything(tmp_path) - before
    assert written == {
        *(f"out/flat/{name}.json" for name in ("simulations", "hosts", "events")),
        "out/flat",
        "out/flat/netdata_metrics.json.gz",
        "out/chart.html",
    }
    rows = [
        json.loads(line) for line in (inside / "flat/simulations.json").read_text().splitlines()
    ]
    assert {row["platform"] for row in rows} == set(HOSTILE)
    with gzip.open(inside / "flat/netdata_metrics.json.gz", "rt", encoding="utf-8") as lines:
        assert {json.loads(line)["hostname"] for line in lines} == set(HOSTILE)
    page = (inside / "chart.html").read_text()
    assert "<script>alert(1)" not in page


def everything(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_downloads_are_named_in_plain_letters(all_hostile, mongodb_uri):
    name = all_hostile.database.name
    keeper = Keeper(opened=lambda _: library.connect(mongodb_uri, database=name))
    try:
        client = application(keeper, host="127.0.0.1", token=None).server.test_client()
        for number, hostile in enumerate(HOSTILE):
            query = {"experiment": "hostile", "sim_id": f"{hostile}{number}", "metric": "cpu"}
            answer = client.get("/download/run.csv", query_string=query, buffered=True)
            assert answer.status_code == 200, answer.text
            given = answer.headers["Content-Disposition"]
            assert re.fullmatch(r"attachment; filename=[\w-][\w.-]*\.csv", given), given
            assert hostile not in answer.headers.values()
            for what in (f"/download/{quote(hostile, safe='')}.csv", f"/{quote(hostile)}"):
                refused = client.get(what, buffered=True)
                assert refused.headers["X-Content-Type-Options"] == "nosniff"
                if refused.mimetype == "text/html":
                    assert "<script>alert(1)" not in refused.text
    finally:
        keeper.close()


def test_a_comparison_of_hostile_names(all_hostile):
    """Names go through frames, sentences and charts as text."""
    store = all_hostile
    frame = analysis.utilization(store, "cpu", experiment="hostile")
    assert {str(name) for name in frame["platform"].unique()} == set(HOSTILE)
    spec = analysis.charts.facet(frame[frame["platform"].isin(HOSTILE[:3])]).to_dict()
    assert "$where" in json.dumps(spec)
