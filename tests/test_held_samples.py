"""The comparison of the soak must see what is lost, changed, doubled, invented, and unsaid."""

import time

import pytest
from bson import ObjectId
from fleet import SimulatedFleet
from held_samples import Witness

from ingest.collecting.settling import settle
from ingest.events import Recorder, register
from minion.model import Host, Role
from minion.schema import MINIONS, SERIES

pytestmark = pytest.mark.system

RAM = {"chart": "system.ram"}


@pytest.fixture
def fleet():
    with SimulatedFleet(1, step=1, history_s=600) as running:
        yield running


class Study:
    """A complete run of half a minute, and what the comparison says of it."""

    def __init__(self, store, fleet):
        self.store, self.fleet, self.witness = store, fleet, Witness()
        self.urls = dict(zip(fleet.hostnames, fleet.urls, strict=True))
        host = Host(hostname=fleet.hostnames[0], role=Role.WORKER, url=fleet.urls[0])
        run = register(store, "1", platform="p", hosts=[host], experiment="e")
        recorder, present = Recorder(store, run), time.time()
        recorder.note("START_SIMULATION", at=present - 40)
        self.run = settle(store, recorder.note("STOP_SIMULATION", at=present - 10))
        self.series = store.database[SERIES]

    def wrong(self):
        """The counts that should be 0 and are not."""
        found = self.witness.compare(self.store, self.store.reload(self.run), self.urls)
        names = "lost changed doubled invented unexplained contradicted".split()
        assert found.faultless is not any(getattr(found, name) for name in names)
        return {name: count for name in names if (count := getattr(found, name))}

    def missing(self, first, last):
        record = {"hostname": self.fleet.hostnames[0], "chart": "system.ram", "reason": "lost"}
        record |= {"first": self.run.start + first, "last": self.run.start + last}
        change = {"$set": {"missing": [record]}}
        self.store.database[MINIONS].update_one({"_id": self.run.id}, change)


@pytest.fixture
def study(store, fleet):
    made = Study(store, fleet)
    assert made.wrong() == {}
    return made


def test_what_is_lost(study):
    removed = study.series.find_one_and_delete(RAM)
    assert study.wrong() == {"lost": removed["samples"], "unexplained": removed["n"]}
    study.missing(0, 60)
    assert study.wrong() == {"lost": removed["samples"]}  # saying so is no excuse: it was there


def test_what_is_changed(study):
    study.series.update_one(RAM, {"$inc": {"dimensions.1.values.3": 0.5}})
    assert study.wrong() == {"changed": 1}


def test_what_is_doubled(study):
    document = study.series.find_one(RAM)
    study.series.insert_one(document | {"_id": ObjectId(), "stretch": document["stretch"] + 1})
    assert study.wrong() == {"doubled": document["samples"]}


def test_what_is_invented(study, fleet):
    middle = study.series.find_one(RAM)["first"] + 10
    hole = [[middle, middle + 3]]
    fleet.change(gaps=hole)
    assert study.wrong() == {"invented": 3 * 19}  # rows of the study's dimensions
    fleet.change(gaps=[])
    study.witness.look(fleet.hostnames[0], fleet.urls[0])
    fleet.change(gaps=hole)
    assert study.wrong() == {}  # the agent had them once


def test_what_is_stored_and_said_to_be_missing(study):
    study.missing(5, 9)
    assert study.wrong() == {"contradicted": 4}
