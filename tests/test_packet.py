"""The study's nested data packet of one simulation."""

import pandas as pd
import pytest
from flat_study import flat_documents
from runs import run
from test_store import simulation as recorded

from minion.errors import Ambiguous, NotFound

METRICS = {
    "system_cpu": ("system", "cpu", "system.cpu"),
    "system_ram": ("system", "ram", "system.ram"),
    "system_disk": ("system", "disk", "system.io"),
    "system_disk_util": ("disk_util", "sda", "disk.util"),
    "system_net": ("system", "network", "system.net"),
}
COLUMNS = ["hostname", "chart_name", "units", "id", "value", "timestamp"]


def records(frame):
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]


def test_it_holds_what_the_flat_collections_hold(kns, study):
    for simulation, series in study:
        flat = flat_documents([(simulation, series)])
        packet = kns.minion(simulation.sim_id)
        data = packet.simulation_data
        assert records(data.simulation) == flat["simulations"]
        assert records(data.hosts) == flat["hosts"]
        assert records(data.events) == flat["events"]
        assert data.events["timestamp"].dtype == float
        for name, (chart_type, family, context) in METRICS.items():
            frame = getattr(packet.system_metrics, name)
            # The study's query of one host after the other.
            expected = [
                {key: one[key] for key in COLUMNS}
                for host in simulation.hosts
                for one in flat["netdata_metrics"]
                if (one["hostname"], one["chart_type"], one["chart_family"], one["chart_context"])
                == (host.hostname, chart_type, family, context)
            ]
            assert list(frame) == COLUMNS
            assert records(frame) == expected
            assert frame["timestamp"].dtype == "int64"
            assert len(frame) > 100


def test_what_was_not_measured_is_an_empty_frame_with_the_same_columns(store):
    store.add(recorded("1"))
    simulation, series = run("2", metrics=("cpu",))
    store.put(simulation, series)
    empty = store.minion("1").system_metrics.system_cpu
    some = store.minion("2").system_metrics
    assert len(empty) == 0
    assert len(some.system_cpu) == sum(s.samples for s in series)
    pd.testing.assert_series_equal(empty.dtypes, some.system_cpu.dtypes)
    pd.testing.assert_series_equal(empty.dtypes, some.system_net.dtypes)


def test_a_run_of_minion_s_own_has_the_same_columns(store):
    simulation, series = run("1")
    store.put(simulation, series)
    data = store.minion("1").simulation_data
    assert data.simulation["_id"].tolist() == [simulation.id]
    assert data.events["host_id"].unique().tolist() == [f"{simulation.id}:node-a"]
    assert set(data.events["event_type"]) >= {"EventType.START_SIMULATION"}


def test_names_are_looked_up_as_ever(kns):
    kns.put(*run("1000", experiment="other"))
    with pytest.raises(Ambiguous, match=r"several experiments \(kns, other\)"):
        kns.minion("1000")
    assert len(kns.minion("1000", "other").simulation_data.hosts) == 2
    with pytest.raises(NotFound, match="no simulation 9"):
        kns.minion("9")
