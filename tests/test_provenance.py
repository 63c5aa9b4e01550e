"""The hash of a result's values: the same for the same values, and another one for any other."""

import struct
from hashlib import sha256

import pandas as pd
import pytest

from analysis.comparing.provenance import hash_of


@pytest.fixture
def values():
    return pd.DataFrame(
        {
            "experiment": "e",
            "metric": "cpu",
            "phase": pd.Categorical(["idle", "idle", "load"], ["load", "idle"]),
            "role": "all",
            "platform": "K8s",
            "sim_id": ["1", "2", "1"],
            "n": 10,
            "hosts": 4,
            "value": [1.0, 2.0, 0.1 + 0.2],
        }
    )


def test_it_is_that_of_the_texts_and_the_bytes_of_the_values(values):
    texts = (
        "experiment,metric,phase,role,platform,sim_id\n"
        "e,cpu,idle,all,K8s,1\n"
        "e,cpu,idle,all,K8s,2\n"
        "e,cpu,load,all,K8s,1\n"
    )
    digest = sha256(texts.encode() + struct.pack("<3d", 1.0, 2.0, 0.1 + 0.2))
    assert hash_of([values]) == digest.hexdigest()
    alike = values.assign(phase=values["phase"].astype("str"), n=11, hosts=3)
    assert hash_of([alike]) == hash_of([values])
    later = values.set_index(pd.Index([5, 6, 7]))
    assert hash_of([later]) == hash_of([values])


@pytest.mark.parametrize(
    ("column", "other"),
    [("value", [1.0, 2.0, 0.3]), ("sim_id", ["1", "2", "3"]), ("phase", ["idle", "load", "load"])],
)
def test_whatever_else_is_in_it_makes_another_one(values, column, other):
    assert hash_of([values.assign(**{column: other})]) != hash_of([values])


def test_it_goes_over_several_quantities_in_their_order(values):
    other = values.assign(metric="ram")
    found = {
        hash_of(frames) for frames in ([values], [other], [values, other], [other, values], [])
    }
    assert len(found) == 5
