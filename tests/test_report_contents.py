"""What stands in a report, and that it is written whatever the store holds."""

import json
import re
import shlex
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from runs import EVERYTHING, START, run, started

from analysis import compare, report
from minion.errors import InvalidData, NotFound, OutputError
from minion.model import SIMULATED, Event, EventType, Host, Missing, Role, Verdict

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(1)</script>"


class Page(HTMLParser):
    """A page as a browser reads it: its elements, its text, its scripts, commands in it."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.scripts, self.commands = [], [], [], []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, _):
        self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1] += data
        elif self._inside != "style":
            self.text.append(data)
        if self._inside == "code":
            self.commands.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))

    def all(self, tag, **attributes):
        return [a for t, a in self.elements if t == tag and attributes.items() <= a.items()]

    @property
    def figures(self):
        """The charts' identities, without what they have in common."""
        return [
            a["data-chart"].removesuffix("-figure") for _, a in self.elements if "data-chart" in a
        ]


@pytest.fixture
def page(store, tmp_path):
    """Puts runs into the store, writes a report of the selection, and reads it."""

    def make(*runs, **options):
        for simulation, series in runs:
            store.put(simulation, series)
        return written(store, tmp_path, **options)

    return make


STEPS = {"read", "load", "reduce and draw", "compare", "variance", "check", "write"}


def written(store, tmp_path, **options):
    result = report.write(store, tmp_path / "report.html", **options)
    content = result.path.read_bytes()
    assert result.bytes == len(content)
    assert STEPS - {"variance"} <= result.seconds.keys() <= STEPS
    page = Page(content.decode())
    assert len(page.all("h1")) == 1
    # Every link leads somewhere, every identity is there once.
    names = [a["id"] for _, a in page.elements if "id" in a]
    assert len(names) == len(set(names))
    assert {a["href"].removeprefix("#") for a in page.all("a")} <= set(names)
    assert {f"{name}-figure-spec" for name in page.figures} <= set(names)
    return page


def two_platforms(**options):
    """Six runs that take turns, an hour apart."""
    found = []
    for n in range(6):
        simulation, series = run(str(n + 1), platform="K3s" if n % 2 else "K8s", **options)
        later = 3600.0 * n
        events = tuple(replace(e, time=e.time + later) for e in simulation.events)
        moved = [replace(s, times=s.times + later) for s in series]
        found.append((replace(simulation, events=events), moved))
    return found


QUANTITIES = ("cpu-0", "ram-0", "disk_util-0", "disk_io-0", "disk_io-1", "net-0", "net-1")
LEVELS = {f"e0-{name}" for name in ("durations", *QUANTITIES)}
FORESTS = {"e0-ratios", "e0-duration-differences-0"} | {
    f"e0-{name[:-2]}-differences-{name[-1]}" for name in QUANTITIES
}
VARIANCES = {"e0-cpu-variances"}
COURSES = {f"e0-{name}-{by}" for name in EVERYTHING for by in ("course", "aligned")}
TIMES = {"e0-timeline", *COURSES}


def test_everything_of_two_platforms(page, store):
    read = page(*two_platforms())
    others = {"e0-cpu-runs-0", "e0-cpu-runs-1", "e0-order", "e0-cpu-autocorrelation"}
    assert set(read.figures) == LEVELS | FORESTS | VARIANCES | TIMES | others
    assert "6 runs: 3 on K3s and 3 on K8s." in read.words
    assert "Start master took 50.0\xa0s on K3s and 50.0\xa0s on K8s (mean of 3 runs each)" in (
        " ".join(read.text)
    )
    # All durations are equal: nothing is there to be taken apart.
    assert "A figure is missing here" not in read.words
    assert "Simulated data" not in read.words
    assert not re.search(r"significan|\bnan\b", read.words, re.IGNORECASE)
    assert "No run of the selection was excluded." in read.words
    assert "Platforms took turns (5 switches in 6 runs)." in read.words
    assert "Quality check: 6 of 6 runs have nothing against them." in read.words
    assert "schema version 1" in read.words
    # One family: every metric and the durations; its sentences are those of the comparison.
    found = compare(store, ["duration", *EVERYTHING], experiment="e")
    assert found.headline in read.words
    assert "96 comparisons (duration, cpu, ram, disk_util, disk_io, net (8 quantities)" in (
        read.words
    )
    for sentence in found.sentences:
        assert sentence in read.words
    assert read.words.index("What the comparison supports") < read.words.index("At a glance")
    # Each figure says where it comes from, with the hash that the command gives.
    assert f"SHA-256 {found.provenance['sha256']}" in read.words
    alone = compare(store, "cpu", experiment="e").provenance["sha256"]
    assert f"SHA-256 {alone}" in read.words
    assert "minion compare cpu --format=json --experiment=e" in read.words
    assert "minion chart cpu --kind=course --out=e0-cpu-course.svg --experiment=e" in read.words
    assert "K3s: 3 (2,4,6); K8s: 3 (1,3,5)" in read.words
    # Tables can be copied exactly: heads and values.
    heads = [json.loads(a["data-head"]) for a in read.all("th", scope="col") if "data-head" in a]
    assert ["95 % interval of the mean: low", "95 % interval of the mean: high"] in heads
    assert ["Pair: level", "Pair: reference"] in heads
    assert all(len(json.loads(a["data-x"])) >= 1 for a in read.all("td") if "data-x" in a)


def test_the_commands_below_figures_give_them_again(page, minion, tmp_path, monkeypatch):
    read = page(*two_platforms(metrics=["cpu"]))
    commands = dict.fromkeys(read.commands)
    kinds = {word for line in commands for word in line.split() if word.startswith("--kind")}
    assert kinds == {
        f"--kind={name}"
        for name in "autocorrelation course differences drift durations facet ratios timeline"
        " values variance".split()
    }
    monkeypatch.chdir(tmp_path)
    for line in commands:
        _, *arguments = shlex.split(line)
        found = minion(*arguments)
        assert found.returncode == 0, (line, found.stderr)
        if arguments[0] == "compare":
            assert json.loads(found.stdout)["provenance"]["sha256"] in read.words, line
        elif arguments[0] == "chart":
            name = next(a for a in arguments if a.startswith("--out=")).removeprefix("--out=")
            assert (tmp_path / name).read_text().startswith("<svg")


def test_one_run_only(page):
    read = page(run())
    assert FORESTS & set(read.figures) == set()
    assert "Nothing is compared: only K8s is there, with 1 run." in read.words
    assert "(one run)" in read.words
    assert not re.search(r"\bnan\b", read.words, re.IGNORECASE)


def test_one_run_of_each_platform_is_undecided(page):
    read = page(run("1", metrics=["cpu"]), run("2", platform="K3s", metrics=["cpu"]), facets=())
    assert "24 comparisons" in read.words
    assert "24 undecided" in read.words
    assert "nothing is known of its spread" in read.words


def test_platforms_that_differ_in_more_are_not_compared(page):
    runs = [
        run("1", phases=False, metrics=["cpu"]),
        run("2", phases=False, metrics=["cpu"]),
        run("3", phases=False, metrics=["cpu"], platform="K3s", ram_mib=2000.0),
        run("4", phases=False, metrics=["cpu"], platform="K3s", ram_mib=2000.0),
    ]
    read = page(*runs)
    assert "Nothing is compared: the runs differ in more than what is compared: ram" in read.words
    assert "e0-cpu-0" in read.figures
    assert "e0-ratios" not in read.figures
    allowed = page(allow="ram")
    assert "Allowed although it differs: ram" in allowed.words
    assert "e0-ratios" in allowed.figures


def test_a_baseline_and_a_margin(page):
    runs = [
        run(str(n), platform=p, phases=False, metrics=["cpu"])
        for n, p in enumerate(["K8s", "K3s", "mK8s"] * 4)
    ]
    read = page(*runs, baseline="K3s", margin="50%", facets=())
    assert "4 comparisons (duration, cpu × Total simulation time × 2 pairs)" in (read.words)
    assert "equivalent" in read.words
    assert "Equivalent: 2 of 2 of CPU utilization" in read.words
    assert "Undecided is not equal" not in read.words
    assert "--baseline=K3s --margin=50%" in read.words
    assert "confidence 95 %, margin 50%, against K3s" in read.words


def test_a_run_without_phases_but_the_total(page):
    read = page(run(phases=False, metrics=["cpu"]))
    assert "e0-cpu-0" in read.figures
    assert "e0-timeline" not in read.figures
    assert "Total simulation time" in read.words
    assert "The whole run took 650.0\xa0s on K8s (one run)." in read.words.replace(" s", "\xa0s")
    assert "These runs have no samples of RAM utilization (system.ram), Disk" in read.words
    assert not any(part["href"] == "#e0-ram" for part in read.all("a"))


def test_no_samples_at_all_and_no_durations(store, tmp_path):
    store.add(started())
    read = written(store, tmp_path)
    assert read.figures == []
    assert "No phase of these runs has both a start and an end." in read.words
    store.add(replace(started("2"), platform="K3s"))
    read = written(store, tmp_path)
    assert read.figures == []
    assert "Nothing is compared" in read.words


def test_some_runs_have_no_samples(page):
    read = page(
        run("1", phases=False, metrics=["cpu"]), run("2", phases=False, metrics=[]), facets=()
    )
    assert read.words.count("Without any sample of it: 1 run (2).") == 1
    assert "1 is broken and not excluded" in read.words


def test_values_that_do_not_vary_are_drawn(page):
    runs = []
    for simulation, series in two_platforms(phases=False, metrics=["cpu"]):
        runs.append((simulation, [replace(s, values=s.values * 0 + 40) for s in series]))
    read = page(*runs)
    assert "all values are equal" in read.words
    assert "e0-cpu-0" in read.figures


def test_memory_that_nobody_knows_is_said(page):
    read = page(run(ram_mib=None, phases=False, metrics=["cpu", "ram"]))
    assert "RAM utilization cannot be given: the memory of host node-a" in read.words
    assert "e0-cpu-0" in read.figures


def test_several_experiments_stand_one_after_the_other(page):
    small = {"phases": False, "metrics": ["cpu"], "hosts": ["a"]}
    read = page(
        run("1", **small),
        run("1", experiment="f", **small),
        run("2", experiment="f", platform="K3s", **small),
        sims="1,2",
    )
    assert {"e0-cpu-course", "e1-cpu-course", "e1-cpu-runs-1", "e1-ratios"} <= set(read.figures)
    assert "e0-cpu-runs-1" not in read.figures
    assert read.words.index("Experiment e") < read.words.index("Experiment f")
    one = page(experiment="f", facets=())
    assert not [name for name in one.figures if name.startswith("e1")]
    assert "Experiment e " not in one.words


def test_hostile_names_are_text(page):
    read = page(
        *(
            run(f"{HOSTILE}{n}", platform=f"{HOSTILE}{n % 2}", experiment=HOSTILE,
                hosts=[HOSTILE, "b"], metrics=["cpu"])
            for n in range(4)
        ),
        command=HOSTILE,
    )  # fmt: skip
    assert HOSTILE in " ".join(read.text)
    assert read.all("img") == []
    assert "alert(1)" not in {script.strip() for script in read.scripts}
    # The names, the runtime, the page's own, and one for each chart: nothing broke out.
    assert len(read.scripts) == 3 + len(read.figures)
    policy = read.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "'unsafe-inline'" not in policy.split("style-src")[0]


def test_simulated_data_are_called_so_first(page):
    read = page(
        run(source=SIMULATED, phases=False, metrics=["cpu"]),
        run("2", phases=False, metrics=["cpu"]),
    )
    assert "Simulated data in 1 of 2 runs" in read.words
    assert read.words.index("Simulated data") < read.words.index("Experiment e")
    specs = [s for s in read.scripts if s.startswith("{") and "$schema" in s]
    assert len(specs) == len(read.figures)
    assert all('"Simulated data"' in spec for spec in specs)


def test_what_is_left_out_is_named_with_its_reason(store, tmp_path):
    lost = Missing(hostname="node-b", first=START + 20, last=START + 40, reason="agent restarted")
    for n in range(1, 5):
        simulation, series = run(str(n), phases=False, metrics=["cpu"])
        store.put(replace(simulation, missing=(lost,) if n == 3 else ()), series)
    store.judge(store.simulation("2"), Verdict.EXCLUDED, ["the network broke"], by="ann")
    read = written(store, tmp_path, facets=())
    assert (
        "1 run of the selection was excluded and counted nowhere in this report: 2." in read.words
    )
    assert "the network broke" in read.words
    assert "ann" in read.words
    assert "20 to 40 s" in read.words
    assert "3 runs: 3 on K8s." in read.words
    assert "excluded: 2" in read.words
    everything = written(store, tmp_path, include_excluded=True, facets=())
    assert "4 runs: 4 on K8s." in everything.words
    assert "Verdicts: 1 excluded and 3 unchecked." in everything.words


def test_findings_of_the_check_are_listed(page):
    simulation, series = run(metrics=["cpu"])
    kept = tuple(e for e in simulation.events if e.type.name != "FINISHED_START_KNS_PLATFORM")
    read = page((replace(simulation, events=kept), series), facets=())
    assert "1 is doubtful" in read.words
    assert "START_KNS_PLATFORM at 50 s has no FINISHED_START_KNS_PLATFORM" in read.words


def test_a_selection_of_phases_and_hosts(page):
    read = page(run(), hosts="node-b", phase="Start master", facets=())
    assert "Over the whole run" not in read.words
    assert "1 host measured" in read.words
    assert "phase='Start master'" in read.words
    assert "'--phase=Start master' --experiment=e" in read.words
    assert "e0-cpu-0" in read.figures


def test_phases_of_other_names_are_phases(page):
    simulation, series = run(metrics=["cpu"], phases=False)
    mine = tuple(
        Event(type=kind, time=START + at, body="My <phase>", correlation_id="a")
        for kind, at in ((EventType.START_PHASE, 100.0), (EventType.FINISHED_PHASE, 300.0))
    )
    events = (simulation.events[0], *mine, simulation.events[1])
    read = page((replace(simulation, events=events), series), facets=())
    assert "My <phase>" in read.words
    assert {"data-in"} <= {key for a in read.all("tr") for key in a}


def test_a_controller_without_an_agent_is_not_counted_as_measured(page):
    simulation, series = run(phases=False, metrics=["cpu"])
    hosts = (*simulation.hosts, Host(hostname="boss", role=Role.CONTROLLER))
    read = page((replace(simulation, hosts=hosts), series), facets=())
    assert "2 hosts measured" in read.words
    assert "boss" in read.words


def test_many_runs_are_drawn_in_several_charts_of_any_metric(page):
    small = {"phases": False, "metrics": ["net"], "hosts": ["a"]}
    read = page(*(run(str(n), **small) for n in range(45)), facets="net")
    assert {"e0-net-runs-0", "e0-net-runs-1"} <= set(read.figures)
    assert "40 runs, 0 to 39" in read.words
    assert "5 runs, 40 to 44" in read.words
    assert "K8s: 45 (0-44)" in read.words
    assert "e0-cpu-runs-0" not in read.figures


def test_the_same_data_have_the_same_hash(page, store):
    small = {"phases": False, "metrics": ["cpu"], "hosts": ["a"]}

    def digest(read):
        return re.search(r"SHA-256 ([0-9a-f]{64}) of all", read.words)[1]

    first = digest(page(run("1", **small), run("2", **small), facets=()))
    assert digest(page(facets=())) == first
    assert digest(page(sims="1", facets=())) != first
    store.delete_experiment("e")
    assert digest(page(run("1", **small), run("2", **small), facets=())) == first


def test_nothing_to_report_on(store, tmp_path):
    with pytest.raises(NotFound, match="no simulation"):
        report.write(store, tmp_path / "r.html")
    store.put(*run())
    with pytest.raises(NotFound, match="no metric cup"):
        report.write(store, tmp_path / "r.html", facets="cup")
    with pytest.raises(NotFound, match="no platform k9s"):
        report.write(store, tmp_path / "r.html", platform="k9s")
    with pytest.raises(NotFound, match="no platform K9s among the runs to compare with"):
        report.write(store, tmp_path / "r.html", baseline="K9s")
    with pytest.raises(InvalidData, match="its margin must fit all of them: give a share"):
        report.write(store, tmp_path / "r.html", margin="2 s")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_found_before_the_work(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        report.write(store, tmp_path / "file" / "r.html")


def test_the_whole_study_is_small_and_soon_written(study_store, tmp_path):
    result = report.write(study_store, tmp_path / "report.html")
    assert result.bytes < 8_000_000
    read = Page(result.path.read_text())
    assert "Simulated data (seed 1)" in read.words
    assert "75 runs: 25 on K3s, 25 on K8s and 25 on mK8s." in read.words
    assert "5 runs of the selection were excluded" in read.words
    assert "1023, 1025, 3057, 3058, 5013" in read.words
    assert (
        "5 of 5 excluded runs have a value here; with them back one verdict changes." in read.words
    )
    _, first, _ = read.words.split("What the comparison supports", 2)[2].partition("Different")
    assert first == "Different"
    assert "288 comparisons" in read.words
    assert "75 of 80 runs have nothing against them" in read.words
