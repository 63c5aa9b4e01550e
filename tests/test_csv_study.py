"""The example that makes tables of its own, imports and compares them."""

import pytest
from example_scripts import example_script

import analysis


def test_the_example_goes_from_tables_to_a_report(
    store, mongodb_uri, monkeypatch, tmp_path, capsys
):
    example = example_script("csv_study")
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    example.main(str(tmp_path))
    said = capsys.readouterr().out
    assert "imported: 6 runs (6 new), 1,440 new samples, 6 measurements" in said
    assert "note:" not in said
    # As they were made, with a fixed seed: 45 s and 25 s, each run within some 1 s of that.
    (pair,) = analysis.compare(store, "time to ready", experiment="csv").pairs.to_dict("records")
    assert abs(pair["difference"]) == pytest.approx(20, abs=3)
    assert pair["verdict"] == "different"
    assert "CPU utilization is" in said
    run = store.simulation("K3s-1")
    assert [event.type.name for event in run.events] == [
        "START_SIMULATION",
        "START_PHASE",
        "FINISHED_PHASE",
        "STOP_SIMULATION",
    ]
    assert run.parameters == {"nodes": 2}
    assert "Apply deployment" in (tmp_path / "report.html").read_text()
