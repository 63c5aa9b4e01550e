"""What the page offers to compare by, and what it says against a run: asked of the store."""

import json
from dataclasses import replace

import pytest
from runs import run, started

from analysis.web.address import Question, share_of
from analysis.web.listing import Listing
from analysis.web.offers import factor_offers
from analysis.web.soundness import NEIGHBOURS, findings, neighbours
from minion.errors import InvalidData, NotFound
from minion.model import Status, Verdict


def with_parameters(store, **values):
    """A run of each of the parameters that are given: name to its parameters."""
    for sim_id, parameters in values.items():
        simulation, series = run(sim_id)
        store.put(replace(simulation, parameters=parameters), series)


def said(node):
    """The text of a part of a page, as its JSON holds it."""
    return json.dumps(node, default=lambda part: part.to_plotly_json())


@pytest.mark.parametrize(
    ("text", "share"), [("0.95", 0.95), (" 95 % ", 0.95), (".5", 0.5), ("0", 0.0), ("100%", 1.0)]
)
def test_shares(text, share):
    assert share_of(text, "quantile") == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "1.01", "-1", "101%", "many", "1e-3", "0,5", "\u0663"])
def test_what_is_no_share(text):
    with pytest.raises(InvalidData, match="is no quantile; write a number between 0 and 1"):
        share_of(text, "quantile")


def test_only_what_varies_is_a_factor(store):
    with_parameters(
        store,
        a={"nodes": 3, "seed": 1, "a.b$": "x"},
        b={"nodes": 10, "seed": 1, "a.b$": "y"},
        c={"nodes": 2.5, "seed": 1},
        d={},
    )
    store.put(*run("x", experiment="other", platform="else"))
    listing = Listing(store)
    offered = factor_offers(listing, Question(experiment="e"))
    assert offered["factor"] == [("platform", "Platform"), ("a.b$", "a.b$"), ("nodes", "nodes")]
    assert offered["baseline"] == [("K8s", "K8s")]
    levels = {
        name: [value for value, _ in factor_offers(listing, asked)["baseline"]]
        for name in ("nodes", "a.b$", "$where")
        for asked in [Question(experiment="e", factor=name)]
    }
    assert levels == {"nodes": ["2.5", "3", "10"], "a.b$": ["x", "y"], "$where": []}


def test_a_run_is_held_against_its_neighbours(store):
    for number in range(2 * NEIGHBOURS + 6):
        store.put(*run(f"r{number}", metrics=("cpu",)))
    store.put(*run("else", platform="mK8s", metrics=("cpu",)))
    store.judge(store.simulation("r14", "e"), Verdict.EXCLUDED, ["cable out"], by="Ada")
    listing = Listing(store)
    found = neighbours(listing, store.simulation("r15", "e"))
    assert set(found) == {
        f"r{n}" for n in range(15 - NEIGHBOURS - 1, 15 + NEIGHBOURS + 1) if n not in (14, 15)
    }


def test_findings_are_those_of_the_run(store):
    simulation, series = run("1", metrics=("cpu",))
    store.put(simulation, [s for s in series if s.hostname != "node-b"])
    store.put(*run("2", metrics=("cpu",)))
    listing = Listing(store)
    assert "no samples of host node-b" in said(findings(listing, "e", "1"))
    assert "no samples of host" not in said(findings(listing, "e", "2"))
    assert "1 other run of K8s" in said(findings(listing, "e", "2"))
    with pytest.raises(NotFound, match="no simulation 9"):
        findings(listing, "e", "9")


@pytest.mark.parametrize("status", [Status.RUNNING, Status.ENDED])
def test_a_run_that_goes_on_is_not_judged(store, status):
    store.add(replace(started(), status=status))
    assert "when it is complete" in said(findings(Listing(store), "e", "1"))


@pytest.mark.parametrize("name", ["1-3", "a,b", " a"])
def test_a_name_that_reads_as_several_is_said(store, name):
    store.put(*run(name, metrics=("cpu",)))
    with pytest.raises(InvalidData, match="reads as several"):
        findings(Listing(store), "e", name)
