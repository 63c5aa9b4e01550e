"""The script for a Go program before and after a change: from files to tables, charts, a report."""

import pandas as pd
import pytest
from example_scripts import example_script
from pprof_profiles import encoded

from minion.errors import InvalidData, NotFound

MS = 10**6
MEMORY = (("alloc_objects", "count"), ("alloc_space", "bytes"))


@pytest.fixture
def study(store, mongodb_uri, monkeypatch):
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    return example_script("kepler_study")


def version(folder, listed, allocated, latency):
    """A version's CPU profile, its allocations, and its log."""
    folder.mkdir()
    cpu = [(["read", "main"], [3, 30 * MS]), (["list", "main"], [1, listed * MS])]
    (folder / "cpu.pb.gz").write_bytes(encoded(cpu))
    memory = encoded([(["list", "main"], [2, allocated])], MEMORY)
    (folder / "heap.pb.gz").write_bytes(memory)
    lines = (
        f"I1129 10:12:1{pods}.000000       1 a.go:10] num: {10 * pods}, duration: {latency}ms\n"
        for pods in (1, 2)
    )
    (folder / "kepler.log").write_text("".join(lines))
    return str(folder)


def test_two_versions(study, tmp_path, capsys):
    out = tmp_path / "out"
    folders = [version(tmp_path / "v1", 70, 4096, 5), version(tmp_path / "v2", 20, 1024, 2)]
    study.main(str(out), *folders)
    assert {path.name for path in out.iterdir()} == {
        *(f"top-{kind}.csv" for kind in ("time", "alloc_space", "alloc_objects")),
        *(f"changes-{kind}.csv" for kind in ("time", "alloc_space", "alloc_objects")),
        "changes-time.html",
        *("latency.csv", "latency.html", "report.html"),
    }
    changed = pd.read_csv(out / "changes-time.csv")
    assert changed["before_ms"][0] == 100
    assert changed["after_ms"][0] == 50
    latency = pd.read_csv(out / "latency.csv").set_index(["platform", "num"])["median_ms"]
    assert latency.to_dict() == {("v1", 10): 5, ("v1", 20): 5, ("v2", 10): 2, ("v2", 20): 2}
    said = capsys.readouterr().out
    assert "\nself time\n" in said
    assert "\nalloc_space\n" in said
    assert "\nmean latency\n" in said
    assert "no chart of alloc_space: there is nothing to draw: no function's share changed" in said
    study.main(str(out), *folders)  # the same again changes nothing
    assert "(0 new), 0 new samples" in capsys.readouterr().out


def test_the_quoted_table(study, shared_data, tmp_path):
    (tmp_path / "pr381").mkdir()
    table = shared_data / "kepler" / "kepler_pprof_top10_pr381.csv"
    (tmp_path / "pr381" / "top.csv").symlink_to(table)
    study.main(str(tmp_path / "out"), str(tmp_path / "pr381"))
    found = pd.read_csv(tmp_path / "out" / "top-time.csv")
    assert found.loc[0, "function"] == "runtime.cgocall"
    assert found.loc[0, "self_ms"] == pytest.approx(1350)
    assert found.loc[0, "share_pct"] == pytest.approx(58.44, abs=5e-3)
    assert (tmp_path / "out" / "report.html").stat().st_size > 100_000


def test_what_is_no_version(study, tmp_path):
    with pytest.raises(NotFound, match=r"there is no folder .*nowhere; check the path"):
        study.main(str(tmp_path / "out"), str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound, match="empty has no profile"):
        study.main(str(tmp_path / "out"), str(tmp_path / "empty"))
    (tmp_path / "empty" / "notes.txt").write_text("nothing of that kind\n")
    with pytest.raises(InvalidData, match=r"notes\.txt"):
        study.main(str(tmp_path / "out"), str(tmp_path / "empty"))
