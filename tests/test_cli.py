"""The program as its user meets it: processes, exit statuses, what is printed where."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points

import pandas as pd
import pytest
from test_store import cpu, simulation

from minion.__main__ import GROUP, commands, overview
from minion.arguments import usage
from minion.model import Measurement, Status

OVERVIEW = """\
usage: minion COMMAND [arguments] [options]

Keep what repeated experiments measured, and compare it honestly.

commands:
  backup               Write runs into one file, which `minion restore` and mongorestore read.
  chart                Draw a metric, the durations, or what was computed of them.
  check                Check the quality of stored runs, the excluded ones too.
  collect              Pull every run's samples as they come, until all are stored or missing.
  compare              Compare platforms or levels of a parameter: different, equivalent, undecided.
  db init              Make the collections, validators and indexes that are lacking.
  db start             Start the embedded server and keep it running until `minion db stop`.
  db status            Say which MongoDB is used, and what is in it.
  db stop              Stop the embedded server, now or when its last user leaves.
  db uri               Print the URI of the MongoDB that is used; passwords are masked.
  db views             Show the minions as the study's flat collections, read-only or as copies.
  demo                 Simulate the published study and report on it; replaces experiment demo.
  durations            How long each phase of each run took.
  event                Note an event of a simulation.
  exclude              Leave a simulation out of every default selection; its data stay.
  export kns           Write simulations as the study's flat collections, for `minion ingest kns`.
  include              Take an excluded simulation in again, as valid.
  ingest csv           Import tables, wide or long, or KEY=value lines, as a mapping says.
  ingest gadget        Import a test of Inspektor Gadget's scaling into experiment gadget.
  ingest iperf3        Import bitrates between two hosts from what iperf3 printed, --json too.
  ingest kata          Import ramps of the Kata and runc study; experiment kata, or the named one.
  ingest kns           Import a database of the published study, or its dump, into experiment kns.
  ingest netdata       Pull the samples of a run whose events exist, again or for the first time.
  ingest perf          Import sampled stacks as function profiles into experiment perf.
  ingest pprof         Import profiles of a Go program into experiment pprof.
  ingest simulated     Simulate the published study; replaces experiment demo, or the named one.
  ingest sockperf      Import latencies between two hosts, and message rates, from sockperf's text.
  ingest trace         Import function_graph traces as function profiles into experiment trace.
  kns event            Note an event as the study's playbooks do; prints its id.
  kns host             Add a host to a simulation as the study's playbooks do; prints its id.
  kns simulation       Register a simulation as the study's playbooks do; prints its id.
  kns simulation-event Print the ids of a simulation's events of one type, as a Python list.
  kns uuid             Print a random UUID, for the correlation id of two events.
  plan                 How many runs the next experiment needs; or what these runs can find.
  prune                Delete runs by age, experiment or name; --yes does it, else it shows which.
  record               Record one run: minion record SIM --platform P --hosts ... -- COMMAND.
  report               Write the report: one HTML file that needs no network.
  restore              Bring the runs of a backup back; what is there already stays as it is.
  runs                 List the simulations, the excluded ones too.
  saturation           Show what each ramp reached, and where saturation begins, with an interval.
  serve                Show experiments, runs and comparisons on a page that is alive, until Ctrl-C.
  show                 Show one minion: its hosts, events, phases, measurements and charts.
  sim start            Register a simulation and its hosts; notes no event.
  status               Show how far the hosts of the runs in progress are, and which are silent.
  summary              Summarize a metric: n, min, max, median, quartiles, mean and deviation.
  utilization          The samples of a metric, a row each.
  variance             Where the variance lies: between platforms, runs, hosts, or in time.

minion COMMAND --help says more. Without --db or MINION_MONGODB_URI an embedded MongoDB
under MINION_HOME is used. Exit status: 0; 1 an error; 2 a wrong call; 3 something that
should be there could not be had."""


def test_the_overview_is_exactly_this():
    assert overview() == OVERVIEW


@pytest.mark.parametrize("name", commands())
def test_every_command_has_help_for_itself_and_each_argument(name):
    page = usage(name, commands()[name].load())
    assert page.startswith(f"usage: minion {name}")
    lines = page.splitlines()
    assert len(lines[2]) > 10
    assert all(len(line) <= 100 for line in lines)
    for line in lines:
        if line.startswith("  ") and not line.startswith("   "):
            assert len(line) > 30, f"{name}: no help for {line}"


def test_help_is_fast_enough_to_be_asked_for():
    code = (
        "import sys; from minion.__main__ import overview; overview();"
        "print(sorted({'pandas', 'numpy', 'pymongo', 'altair', 'fire'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"


def test_entry_points_are_of_the_three_packages():
    modules = {point.module for point in entry_points(group=GROUP)}
    assert modules == {
        "minion.commands",
        "minion.upkeep_commands",
        "ingest.commands",
        "ingest.collecting.commands",
        "ingest.kns.commands",
        "ingest.tables.commands",
        "ingest.observing.commands",
        "ingest.saturating.commands",
        "ingest.networking.commands",
        "ingest.profiling.commands",
        "analysis.commands",
        "analysis.saturating.commands",
    }


def test_runs_in_every_format(minion, store, tmp_path):
    store.put(simulation("7"), [cpu(rows=3)])
    columns = "experiment,sim_id,platform,status,verdict,hosts,samples,start,length"
    row = "e,7,K8s,complete,unchecked,3,6,2023-11-14T22:13:20Z,2000.0"
    assert minion("runs", "--format", "csv").stdout == f"{columns}\n{row}\n"
    (found,) = json.loads(minion("runs", "--format=json").stdout)
    assert list(found) == columns.split(",")
    assert found["sim_id"] == "7"
    path = tmp_path / "runs.parquet"
    path.write_bytes(minion("runs", "--format", "parquet").output)
    assert pd.read_parquet(path)["samples"].tolist() == [6]
    assert "2023-11-14T22:13:20Z" in minion("runs").stdout


def test_numbers_are_exact_but_in_tables(minion, store):
    series = cpu(rows=1)
    series.values[0] = [0.1, 100 - 1 / 3]
    store.put(simulation("7"), [series])
    exact = 100 - (100 - 1 / 3)
    csv = minion("utilization", "cpu", "--format", "csv").stdout
    assert float(csv.splitlines()[1].rsplit(",", 1)[1]) == exact
    (row,) = json.loads(minion("utilization", "cpu", "--format", "json").stdout)
    assert row["value"] == exact
    assert "0.3333" in minion("utilization", "cpu").stdout
    assert str(exact) not in minion("utilization", "cpu").stdout


def test_an_id_keeps_its_form(minion, store):
    for sim in ("0012", "k3s#1", "a b", "1,5", "-3"):
        store.put(simulation(sim), [cpu(rows=3)])
        shown = minion("show", sim, "--format", "json")
        assert json.loads(shown.stdout)["simulation"]["sim_id"] == sim


def test_show_lists_measurements_the_first_ones_on_a_terminal(minion, store):
    own = [Measurement(name="seen", value=1 / 3, unit="events", hostname="h")]
    own += [Measurement(name=f"m{i}", value=i, hostname=f"n{i}") for i in range(18)]
    own += [Measurement(name="ratio", value=0.25)]
    store.put(replace(simulation("7"), measurements=tuple(own)), [cpu(rows=3)])
    shown = minion("show", "7").stdout
    _, _, table = shown.partition("\nmeasurements\n")
    lines = [line.split() for line in table.partition("\n\n")[0].splitlines()]
    assert lines[:3] == [
        ["measurement", "value", "unit", "hostname", "phase"],
        ["ratio", "0.25", "-", "-"],
        ["seen", "0.3333", "events", "h", "-"],
    ]
    assert (len(lines), "more" in shown) == (21, False)
    own += [Measurement(name="latency", value=i, unit="ms", phase=f"p{i}") for i in range(2)]
    store.put(replace(simulation("8"), measurements=tuple(own)), [cpu(rows=3)])
    shown = minion("show", "8").stdout
    assert "\n… and 2 more measurements: --format json has them all\n" in shown
    assert ("m15" in shown, "m16" in shown) == (True, False)
    rows = json.loads(minion("show", "8", "--format", "json").stdout)["measurements"]
    assert len(rows) == 22
    assert rows[1] == {
        "measurement": "latency",
        "value": 0.0,
        "unit": "ms",
        "hostname": None,
        "phase": "p0",
    }
    assert rows[3]["value"] == 1 / 3


def test_an_event_of_another_time(minion, store):
    run = simulation("7", status=Status.RUNNING)
    store.add(run)
    at = str(run.start + 100.25)
    assert minion("event", "7", "20", "--time", at, "--body", "").returncode == 0
    noted = store.simulation("7").events[-1]
    assert (noted.type.name, noted.time) == ("START_KNS_PLATFORM", run.start + 100.25)
    assert minion("event", "7", "20", "--time", "soon").returncode == 2


def test_exclude_and_include(minion, store):
    store.put(simulation("7"), [cpu(rows=3)])
    assert minion("exclude", "7").returncode == 2
    said = minion("exclude", "7", "--reason", "-x; network, broken")
    assert (said.returncode, said.stderr) == (0, "")
    verdict = store.simulation("7").validity
    assert (verdict.verdict.value, verdict.reasons) == ("excluded", ("-x; network, broken",))
    assert verdict.by
    assert minion("include", "7").returncode == 0
    assert store.simulation("7").validity.verdict.value == "valid"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["rums"], 2, "unknown command rums; did you mean runs?"),
        (["db", "dance"], 2, "unknown command db dance; there are: db init, db start"),
        (
            ["ingest"],
            2,
            "ingest is one of: ingest csv, ingest gadget, ingest iperf3",
        ),
        (["runs", "--platfrom", "K8s"], 2, "runs: unknown option --platfrom; did you mean"),
        (["runs", "--", "ls"], 2, "runs: nothing may follow --"),
        (["show"], 2, "show: SIM missing"),
        (["show", "9"], 1, "no simulation 9; `minion runs` lists what there is"),
        (["event", "9", "START"], 1, "unknown event type 'START'; there are: START_SIM"),
        (["event", "9", "99"], 1, "unknown event type '99'"),
        (["event", "9", "8"], 1, "no simulation 9"),
        (["utilization", "gpu"], 1, "gpu"),
        (["summary", "cpu", "--by", "moon"], 1, "moon"),
        (["runs", "--sims", "9-1"], 1, "the range 9-1 runs backwards"),
        (["runs", "--experiment", "x"], 1, "no experiment x"),
        (["runs", "--db", "mongodb://a:secret@127.0.0.1:1/"], 1, "mongodb://a:***@127.0.0.1:1/"),
        (["runs", "--db", "nonsense"], 1, "nonsense"),
        (["report", "--out", "/dev/null/report.html"], 1, "cannot be written"),
        (["chart", "cpu", "--out", "/proc/x.png"], 1, "cannot be written"),
        (["chart", "cpu", "--out", "x.docx"], 1, ".html"),
        (["record", "1", "--platform", "p", "--hosts", "a=boss@x", "--", "true"], 1, "boss"),
        (["record", "1", "--platform", "p", "--hosts", "a=master@x"], 2, "no command to record"),
        (["collect", "--interval", "0", "--once"], 1, "--interval is 0; allowed"),
        (["collect", "--interval", "inf", "--once"], 1, "--interval is inf; allowed"),
        (["collect", "--interval", "2d", "--once"], 1, "--interval is '2d'; allowed: a number of"),
        (["status", "--watch", "--format", "json"], 2, "leave it or --format json"),
        (["collect", "--listen", ":8766", "--once"], 1, "--listen is ':8766'; allowed"),
        (["collect", "--log", "xml", "--once"], 1, "--log is 'xml'; allowed"),
    ],
)
def test_a_mistake_is_one_line_with_its_status(minion, arguments, status, message):
    found = minion(*arguments)
    assert found.returncode == status, found.stderr
    last = found.stderr.strip().splitlines()[-1]
    assert last.startswith("minion: ")
    assert message in last
    assert "Traceback" not in found.stderr
    assert "secret" not in found.stderr
    assert found.stdout == ""


def test_a_reader_that_leaves_early_is_no_error(store, mongodb_uri):
    store.put(simulation("7"), [cpu(rows=300)])
    environment = {**os.environ, "MINION_MONGODB_URI": mongodb_uri}
    found = subprocess.run(
        f"{sys.executable} -m minion utilization cpu --format csv | head -n 1",
        shell=True,
        env={**environment, "MINION_DATABASE": store.database.name},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert found.stderr == ""
