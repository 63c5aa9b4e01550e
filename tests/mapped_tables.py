"""Tables of all sorts and the mapping that says what their columns mean; what runs they become."""

import pytest

from ingest.tables.runs import ingest_csv
from minion.errors import InvalidData

WIDE = """
host = "node"
time = { column = "t" }
charts."system.cpu" = { unit = "percentage", columns = ["user", "system"] }
"""
# The same for tables whose times are small numbers.
COUNTED = WIDE.replace('"t" }', '"t", format = "elapsed", start = 0 }')
LONG = """
layout = "long"
simulation = "run"
time = { column = "t" }
sample = { chart = { is = "c" }, dimension = "id", value = "v", unit = { is = "%" } }
"""


@pytest.fixture
def mapped(tmp_path):
    """Writes files into a platform's folder; the mapping is map.toml."""
    folder = tmp_path / "K8s"
    folder.mkdir()

    def write(mapping, **texts):
        (folder / "map.toml").write_text(mapping)
        paths = []
        for name, text in texts.items():
            paths.append(folder / name.replace("_", "."))
            paths[-1].write_text(text)
        return paths, folder / "map.toml"

    return write


def shown(store, run):
    return {
        (s.hostname, s.chart, d.id): dict(
            zip(s.times.tolist(), s.values[:, place].tolist(), strict=True)
        )
        for s in store.series(run)
        for place, d in enumerate(s.dimensions)
    }


def refused(store, mapped, message, mapping=WIDE, **texts):
    paths, place = mapped(mapping, **texts)
    with pytest.raises(InvalidData, match=message):
        ingest_csv(store, paths, place)
    assert store.simulations() == []
