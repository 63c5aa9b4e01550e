"""Small databases of the study, the program in this process, and what a store holds."""

import random
import signal

import bson
import pytest
from kns_dumps import Study

from minion.__main__ import main

HOUR = 3600


def small(**changes):
    study = Study()
    study.add_run("5000", "mK8s")
    study.add_samples(random.Random(1), **changes)
    return study


def contents(store):
    """Everything that is stored; the ids of series documents and dates of writing left out."""
    minions = list(store.database["minions"].find({}, {"provenance": 0, "validity.at": 0}))
    order = [("simulation", 1), ("hostname", 1), ("chart", 1), ("stretch", 1)]
    series = list(store.database["series"].find({}, {"_id": 0}).sort(order))
    return minions, series


def everything(store):
    """All documents, byte for byte."""
    return [
        raw.raw
        for name in ("minions", "series")
        for raw in store.database[name]
        .with_options(bson.CodecOptions(document_class=bson.raw_bson.RawBSONDocument))
        .find({})
        .sort("_id", 1)
    ]


@pytest.fixture
def minion_here(store, mongodb_uri, monkeypatch, capfd):
    """Runs the program on the test's store, in this process: status, output, errors."""
    monkeypatch.setenv("MINION_MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    monkeypatch.delenv("MINION_EXPERIMENT", raising=False)

    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.getsignal(number) for number in numbers]

    def call(*words):
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        return end.value.code, out, err

    yield call
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)
