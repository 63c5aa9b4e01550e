"""Tables that other programs wrote: netdata's, and the published study's."""

import pytest
from mapped_tables import shown

from ingest.tables.runs import ingest_csv


def test_netdata_s_real_export(store, shared_data, tmp_path):
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'time = { column = "time", format = "%Y-%m-%d %H:%M:%S" }\n'
        'charts."system.cpu" = { unit = "percentage", columns = "*" }\n'
    )
    ingest_csv(store, [shared_data / "netdata" / "data_csv.txt"], mapping)
    (run,) = store.simulations()
    assert (run.sim_id, run.platform) == ("netdata/data_csv", "netdata")
    assert run.start == 1795311992.0  # as the JSON answer of the same window says
    found = shown(store, run)["host", "system.cpu", "steal"]
    assert list(found.values()) == [0.5025126, 2.941176, 6.280193, 3.940887, 9.813084]


def test_the_published_study_s_flat_rows(store, shared_data, tmp_path):
    mapping = tmp_path / "m.toml"
    mapping.write_text("""
        [[table]]
        files = "published_first_sample_*"
        layout = "long"
        simulation = { is = "5000" }
        platform = { is = "mK8s" }
        host = "hostname"
        time = { column = "timestamp" }
        sample = { chart = "chart_name", dimension = "id", unit = "units", value = "value" }
        [[table]]
        files = "events.csv"
        simulation = { is = "5000" }
        platform = { is = "mK8s" }
        time = { column = "timestamp" }
        events = { column = "event_type" }
    """)
    folder = shared_data / "kns"
    paths = [folder / "events.csv", *sorted(folder.glob("published_first_sample_*.csv"))]
    ingest_csv(store, paths, mapping)
    run = store.simulation("5000")
    assert len(run.events) == 14
    found = shown(store, run)
    (idle,) = found["uniba-dsg-h54", "system.cpu", "idle"].values()
    assert 100 - idle == pytest.approx(0.602512)
    (used,) = found["uniba-dsg-h54", "system.ram", "used"].values()
    assert used / 3936 * 100 == pytest.approx(7.9209, abs=5e-5)
