"""What the report says of each figure: where it comes from, and what it was made with."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from runs import run
from test_report_contents import Page, two_platforms, written

from analysis import compare, report, utilization
from analysis.reporting.origins import hash_of_frame
from analysis.reporting.tables import Cell, Column, Row, Table, with_notes
from analysis.variation.variances import variance


def origins(store, tmp_path, **options):
    """Of each figure of a report, by its identity: the names and texts below it."""
    text = report.write(store, tmp_path / "report.html", **options).path.read_text()
    plates = re.split(r'<figure id="', text)[1:]
    found = {}
    for plate in plates:
        identity = plate.partition("-figure")[0]
        origin = plate.partition('<details class="origin"')[2].partition("</details>")[0]
        pairs = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", origin, re.DOTALL)
        found[identity] = {name: " ".join(Page(value).text) for name, value in pairs if name}
    return found


@pytest.fixture
def drawn(store, tmp_path):
    for number, (simulation, series) in enumerate(two_platforms(metrics=["cpu"])):
        own = [replace(s, values=s.values + number) for s in series]
        store.put(simulation, own)
    return origins(store, tmp_path)


def test_every_figure_has_a_hash_and_options(drawn, store):
    for name, facts in drawn.items():
        assert list(facts) == ["Values", "Runs", "Left out", "Options", "SHA-256", "Again"], name
        assert re.fullmatch("[0-9a-f]{64}", facts["SHA-256"]), name
        assert facts["Options"] != "none", name
    assert (
        "aligned by time; steps of 5 s; band: the middle half" in drawn["e0-cpu-course"]["Options"]
    )
    assert "aligned by phase; steps of 5 s" in drawn["e0-cpu-aligned"]["Options"]
    memory = drawn["e0-cpu-autocorrelation"]["Options"]
    assert re.match(r"samples of [A-Z][a-z ]+1; lags up to 24 steps of 5 s; by role", memory)
    frame = utilization(store, "cpu", experiment="e")
    assert drawn["e0-cpu-course"]["SHA-256"] == hash_of_frame(frame)
    k3s = utilization(store, "cpu", experiment="e", platform="K3s")
    assert drawn["e0-cpu-runs-0"]["SHA-256"] == hash_of_frame(k3s)
    found = variance(store, "cpu", experiment="e").provenance["sha256"]
    assert drawn["e0-cpu-variances"]["SHA-256"] == found


def test_a_line_that_is_thinned_says_what_that_costs(drawn, store, tmp_path):
    assert "all 780 samples are drawn" in drawn["e0-cpu-runs-0"]["Options"]
    simulation, series = run("9", platform="K3s", metrics=["cpu"])
    store.delete_experiment("e")
    rng = np.random.default_rng(1)
    times = series[0].times[0] + np.arange(650.0)
    values = rng.uniform(0, 100, (650, series[0].values.shape[1]))
    store.put(simulation, [replace(s, times=times, values=values) for s in series])
    told = origins(store, tmp_path)["e0-cpu-runs-0"]["Options"]
    match = re.search(
        r"([\d,]+) of 1,300 samples are drawn.*off by ([\d.]+) pixels on average and ([\d.]+) at"
        r" most, in panels of 220 × 46 pixels \(2 lines looked at\); value axis from 0 to 100 %",
        told,
    )
    assert match, told
    assert 250 < int(match[1].replace(",", "")) < 340
    assert 0 < float(match[2]) <= float(match[3]) < 46


def test_the_axis_of_every_run_is_that_of_its_platform(store, tmp_path):
    for number, name in enumerate(("K3s", "K8s")):
        simulation, series = run(str(number), platform=name, metrics=["cpu"])
        own = [replace(s, values=100 - (number + 1) * 7 + 0 * s.values) for s in series]
        store.put(simulation, own)
    found = origins(store, tmp_path)
    # What the command of the figure draws has this axis too.
    assert "value axis from 0 to 8 %" in found["e0-cpu-runs-0"]["Options"]
    assert "value axis from 0 to 20 %" in found["e0-cpu-runs-1"]["Options"]


def test_a_duration_has_no_hosts_and_no_samples(drawn, store, tmp_path):
    assert drawn["e0-duration-differences-0"]["Values"] == (
        "means of the runs; of each run the duration of each phase"
    )
    assert "each host" in drawn["e0-cpu-differences-0"]["Values"]
    for number in range(6):
        simulation, series = run(f"x{number}", platform="K8s" if number % 2 else "K3s", metrics=[])
        events = tuple(
            replace(e, time=e.time + number * place) for place, e in enumerate(simulation.events)
        )
        store.put(replace(simulation, events=events, experiment="f"), series)
    found = origins(store, tmp_path, experiment="f")
    assert found["e0-duration-variances"]["Values"] == (
        "components of the variance of the duration of a phase of a run"
    )
    read = written(store, tmp_path, experiment="f")
    assert "Of the duration of a phase of a run" in read.words
    assert "Of a host's mean" not in read.words
    heads = [json.loads(a["data-head"]) for a in read.all("th", scope="col") if "data-head" in a]
    assert ["Hosts"] not in heads[: heads.index(["between runs, %"])][-3:]


def test_a_sentence_leads_to_the_figure_of_its_interval(store, tmp_path):
    for simulation, series in two_platforms(metrics=["cpu"]):
        store.put(simulation, series)
    read = written(store, tmp_path)
    text = (tmp_path / "report.html").read_text()
    first = text.partition('<ul class="claims"')[2].partition("</ul>")[0]
    targets = set(re.findall(r'href="#([^"]+)"', first))
    assert targets
    assert all("-differences-" in name for name in targets)
    assert compare(store, "cpu", experiment="e").headline
    heads = [json.loads(a["data-head"]) for a in read.all("th", scope="col") if "data-head" in a]
    assert ["Quantity: name", "Quantity: unit"] in heads
    assert ["Metric: name", "Metric: unit"] in heads
    assert 'data-x="[&#34;CPU utilization&#34;,&#34;percentage points&#34;]"' in text


def test_notes_are_copied_in_a_column_of_their_own():
    rows = [Row((Cell("Duration", "Duration", note="s"), Cell("1", 1.0)))]
    table = with_notes(Table("t", "c", [Column("Quantity"), Column("Mean")], rows), "unit")
    assert table.columns[0].copied == ["Quantity: name", "Quantity: unit"]
    assert table.rows[0].cells[0].copied == ("Duration", "s")
    assert table.rows[0].cells[1].copied == (1.0,)


def test_a_frame_has_one_hash_however_it_is_kept():
    frame = pd.DataFrame({"run": ["b", "a", None, "b"], "value": [1.0, np.nan, 3.0, 4.0]})
    known = hash_of_frame(frame)
    names = pd.Categorical(frame["run"], categories=["z", "b", "a"])
    assert hash_of_frame(frame.assign(run=names)) == known
    assert hash_of_frame(frame.assign(run=names).iloc[::-1]) != known
    assert hash_of_frame(frame.assign(value=[1.0, np.nan, 3.0, 5.0])) != known
    assert hash_of_frame(frame.rename(columns={"run": "sim"})) != known
    # Of names that would run together: "a", "bc" is not "ab", "c".
    one, other = (pd.DataFrame({"n": list(names)}) for names in (("a", "bc"), ("ab", "c")))
    assert hash_of_frame(one) != hash_of_frame(other)
