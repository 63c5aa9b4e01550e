"""The example that goes from the tables of the Kata study to charts and a report."""

import pandas as pd
import pytest
from example_scripts import example_script
from kata_tables import ramp

CHARTS = {"containers", "memory", "workers", "memory-full", "per-container"}
TABLES = {"saturation", "memory-full", "per-container", "overhead", "overhead-by-load"}


@pytest.fixture
def example(store, mongodb_uri, monkeypatch):
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    return example_script("kata_study")


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_two_small_ramps_become_charts_tables_and_a_report(example, tmp_path, capsys):
    files = [tmp_path / "runc.csv", tmp_path / "kata.csv"]
    files[0].write_text(ramp(most=40))
    files[1].write_text(ramp(most=20, each=2_000, seed=2))
    out = tmp_path / "out"
    example.main(str(out), *map(str, files))
    charts = {f"{name}.html" for name in CHARTS}
    assert names(out) == charts | {f"{name}.csv" for name in TABLES} | {"report.html"}
    whole = pd.read_csv(out / "overhead.csv").iloc[0]
    assert (whole["platform"], whole["baseline"], whole["lowest"]) == ("kata", "runc", 1)
    # Memory is full at 12.5 containers of 2,000 kB; until there each costs 1,000 kB more on both.
    assert whole["highest"] == 12
    assert whole["difference"] == pytest.approx(2 * 1000 * 6.5, rel=0.05)
    said = capsys.readouterr().out
    assert "differs between runc and kata is undecided" in said
    assert "runc minus kata is 20.0 containers" in said, said
    assert "overhead: one run cannot tell its platform from its day" in said


def test_one_runtime_alone_is_not_compared(example, tmp_path, capsys):
    file = tmp_path / "runc.csv"
    file.write_text(ramp())
    example.main(str(tmp_path / "out"), str(file))
    assert not names(tmp_path / "out") & {"overhead.csv", "overhead-by-load.csv"}
    assert "minus" not in capsys.readouterr().out


def test_the_published_ramps_give_the_figures_of_the_page(example, tmp_path, shared_data):
    files = [str(shared_data / "kata" / f"{name}.csv") for name in ("runc", "kata")]
    example.main(str(tmp_path), *files)
    table = pd.read_csv(tmp_path / "saturation.csv").set_index(["platform", "response"])
    assert table.loc[("runc", "running"), "maximum"] == 377
    assert table.loc[("kata", "running"), "maximum"] == 134
    begins = table["begins"].round(1)
    assert begins["runc", "active memory"] == 118.5
    assert begins["kata", "active memory"] == 53.4
    assert set(table["verdict"]) == {"saturated"}
    full = pd.read_csv(tmp_path / "memory-full.csv").set_index("platform")
    assert full["begins"].round(1).to_dict() == {"kata": 30.9, "runc": 113.0}
    mib = (full["before"] / 1024).round()
    assert mib.to_dict() == {"kata": 1660, "runc": 496}
    whole = pd.read_csv(tmp_path / "overhead.csv").iloc[0]
    assert (whole["loads"], whole["lowest"], whole["highest"]) == (15, 1, 30)
    assert round(whole["ratio"], 2) == 1.77
