"""Ramps of Kata Containers and runc as runs: small ones made here, and the published ones."""

import numpy as np
import pytest
from kata_tables import line, ramp, text

from analysis import check, compare
from ingest.importing import Imported
from ingest.saturating.commands import ingest_kata
from ingest.saturating.kata import RUNNING, import_kata, origin_of
from ingest.saturating.kata import ramp as ramp_of
from ingest.saturating.kata_clock import Clock
from minion.console import run as run_command
from minion.errors import AlreadyExists, InvalidData, NotFound
from minion.model import Verdict

MOST = {  # running containers, and the first iteration with as many
    "runc": (377, 691),
    "kata": (134, 479),
    "limited-kata": (102, 556),
    "unlimited-kata": (103, 392),
    "limited-runc": (110, 902),
    "unlimited-runc": (125, 383),
    "cpu-runc-20pct": (935, 999),
    "data-5pct-500m": (77, 77),
    "data-runc-5pct-500mb-max112": (118, 119),
}


def written(folder, content, name="runc.csv"):
    path = folder / name
    path.write_text(content)
    return path


def value(run, name, hostname=None):
    (found,) = [m for m in run.measurements if (m.name, m.hostname) == (name, hostname)]
    return found.value


def line_of(ramp, host, chart, dimension):
    (series,) = [s for s in ramp.series if (s.hostname, s.chart) == (host, chart)]
    return series.values[:, [d.id for d in series.dimensions].index(dimension)].tolist()


# ---------------------------------------------------------------- small ones


def test_a_file_is_a_run_with_its_series(tmp_path):
    rows = [line(1, 5), line(2, 11, (4, 3, 2, 1), active=(0, 501)), line(3, 17, (2, 6, 0, 1))]
    found = ramp_of(written(tmp_path, text(*rows), "limited-runc.csv"))
    run = found.run
    assert (run.experiment, run.platform, run.sim_id) == ("kata", "runc", "runc/limited-runc")
    assert run.parameters == {"variant": "limited"}
    assert [(h.hostname, h.role) for h in run.hosts] == [
        ("controller", "controller"),
        ("worker-0", "worker"),
        ("worker-1", "worker"),
    ]
    origin = origin_of(run.sim_id)
    assert (run.start, run.end) == (origin, origin + 17)
    assert run.provenance.details["clock"] == "cumulative"
    assert line_of(found, "controller", "containers", "running") == [1, 4, 2]
    assert line_of(found, "controller", "iteration", "iteration") == [1, 2, 3]
    memory = line_of(found, "worker-0", "memory", "active")
    assert (memory[0], np.isnan(memory[1]), memory[2]) == (300, True, 300)
    assert {s.step for s in found.series} == {None}
    assert found.series[0].times.tolist() == [origin + 5, origin + 11, origin + 17]
    assert value(run, RUNNING) == 4
    assert value(run, "iteration of the maximum") == 2
    assert value(run, "evicted containers") == 1
    assert "limited-runc.csv: no memory sample of worker-0 in iteration 2" in found.notes


def test_the_platform_is_the_runtime_else_the_folder_which_is_noted(tmp_path):
    folder = tmp_path / "lab"
    folder.mkdir()
    path = written(folder, text(line(1, 5)), "data-5pct.csv")
    found = ramp_of(path)
    assert (found.run.platform, found.run.sim_id) == ("lab", "lab/data-5pct")
    assert found.notes[0].startswith("data-5pct.csv: no runtime in its name; its platform is calle")
    named = ramp_of(path, platform="crun", sim="7", experiment="e")
    assert (named.run.platform, named.run.sim_id, named.run.experiment) == ("crun", "7", "e")
    assert named.notes == ()
    # A word, not a part of one.
    assert ramp_of(written(folder, text(line(1, 5)), "katana.csv")).run.platform == "lab"
    assert ramp_of(written(folder, text(line(1, 5)), "kata.csv")).run.parameters == {
        "variant": "plain"
    }


def test_a_row_without_any_container_once_they_ran_is_no_count(tmp_path):
    counts = [(0, 0, 0, 0), (2, 0, 0, 0), (0, 0, 0, 0), (3, 0, 0, 0), (0, 0, 0, 9), (0, 0, 1, 9)]
    rows = [line(i, 5 * i, c) for i, c in enumerate(counts, 1)]
    found = ramp_of(written(tmp_path, text(*rows)))
    running = line_of(found, "controller", "containers", "running")
    assert [i for i, count in enumerate(running) if np.isnan(count)] == [2]
    assert "runc.csv: containers were not counted in iteration 3 (0 of every state)" in found.notes


def test_readings_that_repeat_are_counted_also_over_a_missing_one(tmp_path):
    pairs = [(300, 700), (300, 700), (0, 0), (300, 700), (300, 701), (301, 701), (301, 701)]
    rows = [line(i, 5 * i, active=(a, 500 + i), free=(f, 400)) for i, (a, f) in enumerate(pairs, 1)]
    found = ramp_of(written(tmp_path, text(*rows)))
    assert value(found.run, "repeated readings", "worker-0") == 3
    assert value(found.run, "repeated readings", "worker-1") == 0
    assert any("stale memory readings" in n and n.endswith("worker-0 3") for n in found.notes)


def test_a_run_that_was_taken_up_again_is_doubtful(tmp_path):
    rows = [line(i, e) for i, e in ((1, 5), (2, 11), (3, 17), (2, 6), (3, 12))]
    found = ramp_of(written(tmp_path, text(*rows)))
    assert found.run.validity.verdict is Verdict.DOUBTFUL
    assert found.run.validity.reasons == ("the iteration goes back from 3 to 2",)
    assert found.run.end - found.run.start == 29
    assert any(n.startswith("runc.csv line 5: the iteration goes back") for n in found.notes)


def test_a_clock_that_was_set_back_is_noted(tmp_path):
    rows = [line(i, e) for i, e in enumerate([*range(100, 200, 5), 191, 197], 1)]
    found = ramp_of(written(tmp_path, text(*rows)))
    assert found.run.end - found.run.start == 201
    told = "runc.csv line 22: the clock goes back by 4 s; time goes on from the row before"
    assert told in found.notes


def test_the_date_is_made_up_and_no_two_runs_seem_to_overlap(store, tmp_path):
    for name in ("runc", "kata", "limited-runc"):
        written(tmp_path, ramp(), f"{name}.csv")
    import_kata(store, [tmp_path])
    assert len({run.start for run in store.simulations()}) == 3
    assert all(run.start % 86_400 == 0 for run in store.simulations())
    assert not any(run.dated for run in store.simulations())
    notes = compare(store, "running containers", sims="runc/runc,kata/kata").notes
    assert any(n.startswith("when 2 of 2 runs began is not known: their order") for n in notes)
    assert not any("were made before" in note for note in notes)
    assert set(check(store).runs["found"]) == {"unchecked"}


def test_a_worker_without_any_sample_excludes_the_run(tmp_path):
    found = ramp_of(written(tmp_path, text(line(1, 5, active=(0, 5), free=(0, 5)))))
    assert found.run.validity.verdict is Verdict.EXCLUDED
    assert found.run.validity.reasons == ("no samples of host worker-0",)


def test_the_same_file_again_changes_nothing(store, tmp_path):
    path = written(tmp_path, ramp())
    first = import_kata(store, [path])
    assert (first.runs, first.new, first.samples) == (1, 1, 60 * (4 + 1 + 4))
    before = store.simulation("runc/runc")
    assert import_kata(store, [tmp_path]) == Imported(1, 0, 0, first.measurements, first.notes)
    assert store.simulation("runc/runc") == before
    frame = store.samples(dimensions="running")
    assert frame["elapsed_s"].tolist() == [6.0 * i for i in range(1, 61)]
    assert frame["value"].max() == 20


def test_a_ramp_that_went_on_brings_its_run_up_to_date_and_another_is_refused(store, tmp_path):
    whole = ramp()
    lines = whole.splitlines(keepends=True)
    import_kata(store, [written(tmp_path, "".join(lines[:41]))])
    assert store.simulation("runc/runc").end - store.simulation("runc/runc").start == 240
    done = import_kata(store, [written(tmp_path, whole)])
    assert (done.runs, done.new, done.samples) == (1, 0, 20 * (4 + 1 + 4))
    before, frame = store.simulation("runc/runc"), store.samples()
    assert before.end - before.start == 360
    with pytest.raises(AlreadyExists, match=r"runc/runc of experiment kata is stored from runc.c"):
        import_kata(store, [written(tmp_path, ramp(most=15, seed=2))])
    with pytest.raises(AlreadyExists, match="it has other samples of containers of controller"):
        import_kata(store, [written(tmp_path, whole)], clock=Clock.STEP)
    assert store.simulation("runc/runc") == before
    assert store.samples().equals(frame)


def test_nothing_is_stored_when_one_of_the_files_cannot_be_read(store, tmp_path):
    good, bad = written(tmp_path, ramp()), written(tmp_path, text("1,2"), "kata.csv")
    with pytest.raises(InvalidData, match=r"kata.csv line 2: 2 cells"):
        import_kata(store, [good, bad])
    assert store.experiments() == []


def test_what_cannot_be_imported_is_said(store, tmp_path):
    path = written(tmp_path, ramp())
    (tmp_path / "b").mkdir()
    other = written(tmp_path / "b", ramp(seed=2))
    with pytest.raises(InvalidData, match=r"two files would be simulation runc/runc \(runc.csv, "):
        import_kata(store, [path, other])
    assert store.simulations() == []
    with pytest.raises(InvalidData, match="sim 7 names one run, and there are 2 files"):
        import_kata(store, [path, other], sim="7")
    with pytest.raises(NotFound, match="there is no file"):
        import_kata(store, [tmp_path / "none.csv"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match=r"has no .csv file"):
        import_kata(store, [tmp_path / "empty"])
    with pytest.raises(NotFound, match="no file was named"):
        import_kata(store, [])
    nothing = line(1, 5).replace("1,5,1,", "1,5,,")
    with pytest.raises(InvalidData, match="no row counts running containers"):
        import_kata(store, [written(tmp_path, text(nothing), "crun.csv")])


def test_the_command_imports_notes_and_compares(store, mongodb_uri, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    monkeypatch.delenv("MINION_EXPERIMENT", raising=False)
    one = written(tmp_path, ramp(most=40))
    other = written(tmp_path, ramp(most=20, seed=2), "kata.csv")
    run_command(ingest_kata((str(one), str(other)), db=mongodb_uri))
    said = capsys.readouterr()
    assert said.out.startswith("imported: 2 runs (2 new), 1,080 new samples")
    run_command(ingest_kata((str(one),), clock="step", sim="s", experiment="e", db=mongodb_uri))
    assert "note: runc.csv: Elapsed counts each step by itself" in capsys.readouterr().err
    run = store.simulation("s")
    assert run.end - run.start == 6 * sum(range(1, 61))
    table = compare(store, RUNNING, experiment="kata", baseline="kata").pairs
    assert table["difference"].tolist() == [20]
    assert table["ratio"].tolist() == [2]
    assert table["verdict"].tolist() == ["undecided"]


# ---------------------------------------------------------------- the published ones


@pytest.fixture(scope="module")
def published(shared_data):
    found = [ramp_of(path) for path in sorted((shared_data / "kata").glob("*.csv"))]
    return {ramp.run.sim_id.partition("/")[2]: ramp for ramp in found}


def test_the_published_maxima(published):
    assert {
        name: (value(r.run, RUNNING), value(r.run, "iteration of the maximum"))
        for name, r in published.items()
    } == MOST


def test_the_clocks_of_the_published_files(published):
    by_step = {n for n, r in published.items() if r.run.provenance.details["clock"] == "step"}
    assert by_step == {"data-5pct-500m", "data-runc-5pct-500mb-max112"}
    took = {name: ramp.run.end - ramp.run.start for name, ramp in published.items()}
    assert (took["runc"], took["kata"]) == (8765, 8895)
    resumed = published["data-runc-5pct-500mb-max112"]
    assert took["data-runc-5pct-500mb-max112"] == 8172
    assert resumed.run.validity.reasons == ("the iteration goes back from 112 to 103",)
    assert any("line 115: the iteration goes back from 112 to 103" in n for n in resumed.notes)
    doubtful = {n for n, r in published.items() if r.run.validity.verdict is not Verdict.UNCHECKED}
    assert doubtful == {"data-runc-5pct-500mb-max112"}


def test_what_the_published_files_lack(published):
    assert np.isnan(line_of(published["kata"], "worker-3", "memory", "active")).sum() == 4
    assert np.isnan(line_of(published["unlimited-runc"], "worker-3", "memory", "free")).sum() == 23
    early = published["data-5pct-500m"]
    assert np.isnan(line_of(early, "controller", "containers", "running")).sum() == 3
    assert any("not counted in iterations 78, 84, 85" in note for note in early.notes)
    stale = [value(published["kata"].run, "repeated readings", f"worker-{n}") for n in range(5)]
    assert stale == [749, 726, 810, 542, 604]
    assert {d.id for s in published["cpu-runc-20pct"].series if s.chart == "work" for d in
            s.dimensions} == {"units", "count"}  # fmt: skip


def test_one_run_each_gives_difference_and_ratio_and_no_verdict(store, shared_data):
    files = [shared_data / "kata" / f"{name}.csv" for name in ("kata", "runc")]
    import_kata(store, files)
    found = compare(store, RUNNING, baseline="kata")
    row = found.pairs.iloc[0]
    assert (row["difference"], row["verdict"]) == (377 - 134, "undecided")
    assert row["ratio"] == pytest.approx(377 / 134)
