"""docs/collector.md and docs/reliability.md: examples run, and what they name is there."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

import pytest
import yaml
from fleet import SimulatedFleet
from mongod_with_tls import authority
from runs import run

from ingest.collecting.configuration import read_configuration
from ingest.collecting.configuration_keys import AGENT, GENERAL, RETENTION
from ingest.collecting.health import Health
from ingest.collecting.journal import Figures, HostState
from minion import settings
from minion.__main__ import commands
from minion.arguments import normalize

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "collector.md").read_text()
RELIABILITY = ROOT / "docs" / "reliability.md"
UNIT = ROOT / "deploy" / "minion-collect.service"
ADDRESS = "http://10.0.0.5:19999"
ENDLESS = "--watch"


def examples(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def column(head):
    """The first cells of the table with that head."""
    rows = PAGE.split(f"| {head} |")[1].split("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1].strip() for row in rows]


def command_lines():
    lines = [line for block in examples("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("minion ")]


@pytest.mark.parametrize("line", command_lines())
def test_options_of_commands_exist(line):
    words = shlex.split(line)[1:]
    known = commands()
    name = next(n for n in (" ".join(words[:2]), words[0]) if n in known)
    normalize(name, known[name].load(), words[len(name.split()) :])


@pytest.mark.system
def test_commands_do_what_the_page_says(minion, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def kept():
        for sim_id in ("1000", "1011"):
            store.put(*run(sim_id, experiment="k8s"))

    kept()
    with SimulatedFleet(1, step=1, history_s=60) as fleet:
        for line in command_lines():
            if "k8s " in line and "k8s" not in store.experiments():
                kept()  # they are old: what deletes by age deleted them
            if ENDLESS not in line:
                words = shlex.split(line.replace(ADDRESS, fleet.urls[0]))[1:]
                said = minion(*words)
                assert said.returncode == 0, (line, said.stderr)
    assert store.names("k8s-copy") == {"1011"}
    assert sorted(path.name for path in tmp_path.glob("*.gz")) == [
        "k8s.archive.gz",
        "minion.archive.gz",
    ]


def test_the_whole_configuration_is_read(tmp_path):
    (text,) = examples("toml")
    (tmp_path / "minion.toml").write_text(text)
    (tmp_path / "agent-token").write_text("t")
    (tmp_path / "proxy-address").write_text("http://user:password@proxy:3128")
    if shutil.which("openssl") is None:
        pytest.skip("there is no program openssl to make a certificate with")
    authority(tmp_path, "ca")
    found = read_configuration(tmp_path / "minion.toml", {"WORKER1_PASSWORD": "p"})
    assert (found.interval, found.log, found.retention.older_than_s) == (60, "json", 90 * 86_400)
    assert [host.hostname for host in found.hosts] == ["worker1", "worker2.example", "controller"]
    assert found.charts_of("worker1") == ("system.cpu", "system.load")
    assert found.access_of("https://10.0.0.5:19999").user == "minion"
    assert found.access_of("http://worker2.example:19999").token is None
    # The whole one has every key, or a word about it.
    there = tomllib.loads(text)
    assert set(there) == {*GENERAL, "retention", "agents", "hosts"}
    assert set(there["retention"]) == set(RETENTION)
    assert all(f"{key}" in PAGE for key in AGENT if not key.endswith("_env")), AGENT


def test_every_variable_is_named():
    said = set(re.findall(r"MINION_[A-Z_]+", PAGE))
    known = set(re.findall(r"MINION_[A-Z_]+", settings.__doc__)) - {"MINION_AGENT_"}
    assert said <= known
    others = {"MINION_HOME", "MINION_MONGODB_URI", "MINION_EXPERIMENT", "MINION_SERVE_TOKEN"}
    assert known - said <= others


def test_every_metric_is_named():
    figures = Figures(hosts=(HostState("e", "1", "h", 1.0, 2, 3, 4, True),), looked=1.0)
    with (
        Health(figures, "127.0.0.1:0") as health,
        urllib.request.urlopen(f"http://{health.address}/metrics", timeout=5) as answer,
    ):
        exposed = set(re.findall(r"^(\w+)[ {]", answer.read().decode(), re.MULTILINE))
    assert {name.strip("`") for name in column("metric | what it is")} == exposed
    for block in examples("yaml"):
        for name in re.findall(r"minion_\w+", str(yaml.safe_load(block))):
            assert name in exposed


def test_every_event_of_the_log_is_named():
    code = (ROOT / "ingest" / "collecting" / "journal.py").read_text()
    calls = re.findall(r'self\._(?:line|seldom)\(\s*"\w+", "([\w ]+)"', code, re.DOTALL)
    said = re.findall(r"`([\w ]+)`", " ".join(column("event | when")))
    assert sorted(said) == sorted(set(calls))


def test_the_unit_of_systemd(tmp_path):
    text = UNIT.read_text()
    program = re.search(r"ExecStart=(\S+) (.*)", text)
    words = program[2].split()
    normalize("collect", commands()["collect"].load(), words[1:])
    variables = set(re.findall(r"Environment=(MINION_\w+)", text))
    assert variables <= set(re.findall(r"MINION_[A-Z_]+", settings.__doc__))
    assert "Restart=on-failure" in text
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze to check the unit with")
    # The program is not installed there yet.
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace(program[1], sys.executable))
    checked = subprocess.run(
        ["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    weighed = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert weighed.returncode == 0, weighed.stdout[-500:]


def test_the_page_on_reliability_names_tests_that_exist():
    file, named = "", []
    for path, name in re.findall(r"`(tests/[\w/]+\.py)?(?:::(\w+))?`", RELIABILITY.read_text()):
        file = path or file
        named += [(file, name)] if file and name else []
    assert len(named) > 30
    for file, name in named:
        assert f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"
