"""What stands in a report, and that it is written whatever the store holds."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from runs import EVERYTHING, START, run, started

from analysis import report
from minion.errors import NotFound, OutputError
from minion.model import SIMULATED, Host, Missing, Role, Verdict

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(1)</script>"


class Page(HTMLParser):
    """A page as a browser reads it: its elements, its text, its scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.scripts = [], [], []
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

    @property
    def words(self):
        return re.sub(r"\s+", " ", " ".join(self.text))

    def all(self, tag, **attributes):
        return [a for t, a in self.elements if t == tag and attributes.items() <= a.items()]


@pytest.fixture
def page(store, tmp_path):
    """Puts runs into the store, writes a report of the selection, and reads it."""

    def make(*runs, **selection):
        for simulation, series in runs:
            store.put(simulation, series)
        return written(store, tmp_path, **selection)

    return make


def written(store, tmp_path, **selection):
    result = report.write(store, tmp_path / "report.html", **selection)
    content = result.path.read_bytes()
    assert result.bytes == len(content)
    assert {"read", "reduce and draw", "write"} == set(result.seconds)
    page = Page(content.decode())
    assert len(page.all("h1")) == 1
    assert len(page.all("script", type="application/json")) == len(charts(page))
    return page


def charts(page):
    return [a["data-chart"] for t, a in page.elements if "data-chart" in a]


METRICS = ("cpu", "ram", "disk_util", "disk_io", "net")
STRIPS = {"e0-durations-chart", *(f"e0-{m}-chart-0" for m in METRICS)}
SECOND = {"e0-disk_io-chart-1", "e0-net-chart-1"}


def test_everything_of_two_platforms(page):
    runs = [run(str(n), platform="K8s" if n < 4 else "K3s") for n in range(1, 7)]
    read = page(*runs)
    over_time = {"e0-cpu-course", "e0-cpu-runs-0", "e0-cpu-runs-1"}
    assert set(charts(read)) == STRIPS | SECOND | over_time
    assert "6 runs: 3 on K3s and 3 on K8s." in read.words
    assert "Start master took 50.0\xa0s on K3s and 50.0\xa0s on K8s (mean of 3 runs each)" in (
        " ".join(read.text)
    )
    assert "Simulated data" not in read.words
    assert not re.search(r"significan", read.words)
    # 12 phases, 2 platforms, and the two metrics of two dimensions twice.
    assert len(read.all("tr")) > 12 * 2 * 8
    assert "No run of the selection was excluded." in read.words
    assert "schema version 1" in read.words
    assert re.search(r"SHA-256 [0-9a-f]{64}", read.words)


def test_one_run_only(page):
    read = page(run())
    assert set(charts(read)) == STRIPS | SECOND | {"e0-cpu-course", "e0-cpu-runs-0"}
    assert "(one run)" in read.words
    assert "nan" not in read.words.lower()


def test_a_run_without_phases_but_the_total(page):
    read = page(run(phases=False))
    assert "e0-cpu-chart-0" in charts(read)
    assert "Total simulation time" in read.words
    assert "The whole run took 650.0\xa0s on K8s (one run)." in read.words.replace(" s", "\xa0s")


def test_no_samples_of_some_metrics(page):
    read = page(run(metrics=["cpu"]))
    assert "These runs have no samples of it (system.ram)." in read.words
    assert {c for c in charts(read) if "chart" in c} == {"e0-durations-chart", "e0-cpu-chart-0"}


def test_no_samples_at_all_and_no_durations(store, tmp_path):
    store.add(started())
    read = written(store, tmp_path)
    assert charts(read) == []
    assert "No phase of these runs has both a start and an end." in read.words


def test_some_runs_have_no_samples(page):
    read = page(run("1", phases=False), run("2", phases=False, metrics=[]))
    assert read.words.count("Without any sample of it: 1 run (2).") == 5


def test_memory_that_nobody_knows_is_said(page):
    read = page(run(ram_mib=None, phases=False))
    assert "RAM utilization cannot be given: the memory of host node-a" in read.words
    assert "e0-cpu-chart-0" in charts(read)


def test_several_experiments_stand_one_after_the_other(page):
    read = page(
        run("1", phases=False),
        run("1", phases=False, experiment="f"),
        run("2", phases=False, experiment="f", platform="K3s"),
    )
    assert {"e0-cpu-course", "e1-cpu-course", "e1-cpu-runs-1"} <= set(charts(read))
    assert "e0-cpu-runs-1" not in charts(read)
    assert read.words.index("Experiment e") < read.words.index("Experiment f")
    one = page(experiment="f")
    assert not [c for c in charts(one) if c.startswith("e1")]
    assert "Experiment e " not in one.words


def test_hostile_names_are_text(page):
    read = page(
        run(HOSTILE, platform=HOSTILE, experiment=HOSTILE, hosts=[HOSTILE, "b"], phases=False),
        command=HOSTILE,
    )
    assert HOSTILE in " ".join(read.text)
    assert read.all("img") == []
    assert "alert(1)" not in {script.strip() for script in read.scripts}
    # The runtime, the page's own, and one for each chart: nothing broke out.
    assert len(read.scripts) == 2 + len(charts(read))


def test_simulated_data_are_called_so_first(page):
    read = page(run(source=SIMULATED, phases=False), run("2", phases=False))
    assert "Simulated data in 1 of 2 runs" in read.words
    assert read.words.index("Simulated data") < read.words.index("At a glance")
    specs = [s for s in read.scripts if s.startswith("{")]
    assert all('"Simulated data"' in spec for spec in specs)


def test_what_is_left_out_is_named_with_its_reason(store, tmp_path):
    lost = Missing(hostname="node-b", first=START + 20, last=START + 40, reason="agent restarted")
    for n in range(1, 5):
        simulation, series = run(str(n), phases=False)
        store.put(replace(simulation, missing=(lost,) if n == 3 else ()), series)
    store.judge(store.simulation("2"), Verdict.EXCLUDED, ["the network broke"], by="ann")
    read = written(store, tmp_path)
    assert (
        "1 run of the selection was excluded and counted nowhere in this report: 2." in read.words
    )
    assert "the network broke" in read.words
    assert "ann" in read.words
    assert "20 to 40 s" in read.words
    assert "3 runs: 3 on K8s." in read.words
    everything = written(store, tmp_path, include_excluded=True)
    assert "4 runs: 4 on K8s." in everything.words
    assert "Verdicts: 1 excluded and 3 unchecked." in everything.words


def test_problems_of_events_are_listed(page):
    simulation, series = run()
    kept = tuple(e for e in simulation.events if e.type.name != "FINISHED_START_KNS_PLATFORM")
    read = page((replace(simulation, events=kept), series))
    assert "The events of 1 run leave something open." in read.words
    assert "START_KNS_PLATFORM at 50 s has no FINISHED_START_KNS_PLATFORM" in read.words


def test_a_selection_of_phases_and_hosts(page):
    read = page(run(), hosts="node-b", phase="Start master")
    assert "Over the whole run" not in read.words
    assert "1 host measured" in read.words
    assert "phase='Start master'" in read.words
    assert "e0-cpu-chart-0" in charts(read)


def test_a_controller_without_an_agent_is_not_counted_as_measured(page):
    simulation, series = run()
    hosts = (*simulation.hosts, Host(hostname="boss", role=Role.CONTROLLER))
    read = page((replace(simulation, hosts=hosts), series))
    assert "2 hosts measured" in read.words
    assert "boss" in read.words


def test_many_runs_are_drawn_in_several_charts(page):
    read = page(*(run(str(n), phases=False, metrics=["cpu"], hosts=["a"]) for n in range(45)))
    assert {"e0-cpu-runs-0", "e0-cpu-runs-1"} <= set(charts(read))
    assert "40 runs, 0 to 39" in read.words
    assert "5 runs, 40 to 44" in read.words


def test_every_run_of_any_metric_can_be_drawn(page):
    read = page(run(phases=False), facets="net,disk_util")
    assert "e0-net-runs-0" in charts(read)
    assert "e0-cpu-runs-0" not in charts(read)


def test_the_same_data_have_the_same_hash(page, store):
    def digest(read):
        return re.search(r"[0-9a-f]{64}", read.words)[0]

    first = digest(page(run("1", phases=False), run("2", phases=False)))
    assert digest(page()) == first
    assert digest(page(sims="1")) != first
    store.delete_experiment("e")
    assert digest(page(run("1", phases=False), run("2", phases=False))) == first


def test_nothing_to_report_on(store, tmp_path):
    with pytest.raises(NotFound, match="no simulation"):
        report.write(store, tmp_path / "r.html")
    store.put(*run())
    with pytest.raises(NotFound, match="no metric cup"):
        report.write(store, tmp_path / "r.html", facets="cup")
    with pytest.raises(NotFound, match="no platform k9s"):
        report.write(store, tmp_path / "r.html", platform="k9s")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_found_before_the_work(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        report.write(store, tmp_path / "file" / "r.html")


def test_no_metric_is_forgotten(page):
    assert set(EVERYTHING) == set(METRICS)
    read = page(run())
    for metric in METRICS:
        assert f"e0-{metric}" in {a.get("id") for _, a in read.elements}


def test_the_whole_study_is_small_and_soon_written(study_store, tmp_path):
    result = report.write(study_store, tmp_path / "report.html")
    assert result.bytes < 8_000_000
    read = Page(result.path.read_text())
    assert "Simulated data (seed 1)" in read.words
    assert "75 runs: 25 on K3s, 25 on K8s and 25 on mK8s." in read.words
    assert "5 runs of the selection were excluded" in read.words
    assert "1023, 1025, 3057, 3058, 5013" in read.words
