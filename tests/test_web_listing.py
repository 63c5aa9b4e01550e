"""The lists of the page: what MongoDB is asked, and by which index it answers."""

from dataclasses import replace

import pytest
from stores import fresh

import minion
from analysis.web.listing import Counts, Filter, Listing
from minion.documents import encode
from minion.model import (
    Event,
    EventType,
    Host,
    Provenance,
    Role,
    Simulation,
    Status,
    Validity,
    Verdict,
    now,
)
from minion.schema import PAGE_INDEXES
from minion.selection import natural
from minion.worklist import Worklist

RUNS = 10_000
PLATFORMS = ("K3s", "K8s", "mK8s", "a&b")
FILTERS = (
    Filter(),
    Filter(platform="K8s"),
    Filter(experiment="e3", verdict="excluded"),
    Filter(verdict="doubtful", status="running"),
    Filter(text="run 77"),
    Filter(text="UN 77", experiment="e1"),
    Filter(text="(.*"),
)


def simulation(number):
    return Simulation(
        experiment=f"e{number % 5}",
        sim_id=f"run {number}",
        platform=PLATFORMS[number % 4],
        provenance=Provenance(source="test", version="0.1.0", created=now()),
        status=Status.RUNNING if number % 1_000 == 7 else Status.COMPLETE,
        validity=Validity(verdict=list(Verdict)[number % 7 % 4]),
        hosts=(Host(hostname="a", role=Role.MASTER),),
        events=(Event(type=EventType.START_SIMULATION, time=1.6e9 + number),),
    )


@pytest.fixture(scope="module")
def many(mongodb_uri):
    """(listing, all simulations in the order of their ids) of a store with 10,000 runs."""
    for store in fresh(mongodb_uri):
        everything = [simulation(number) for number in range(RUNS)]
        store.database["minions"].insert_many([encode(s) for s in everything])
        yield Listing(store), everything


def chosen(everything, wanted):
    """What a filter finds, found in Python."""
    text = wanted.text.casefold()
    return [
        s
        for s in everything
        if wanted.experiment in ("", s.experiment)
        and wanted.platform in ("", s.platform)
        and wanted.verdict in ("", s.validity.verdict)
        and wanted.status in ("", s.status)
        and text in s.sim_id.casefold()
    ]


@pytest.mark.parametrize("wanted", FILTERS)
@pytest.mark.parametrize("order", ["newest", "oldest", "name", "-name"])
def test_a_page_holds_what_the_filter_finds(many, wanted, order):
    listing, everything = many
    found = chosen(everything, wanted)
    if order in ("name", "-name"):
        found.sort(key=lambda s: (natural(s.experiment), natural(s.sim_id)))
    if order in ("newest", "-name"):
        found.reverse()
    for number in (1, 2):
        page = listing.page(replace(wanted, order=order), number)
        first = (page.number - 1) * 25
        ids = [s.id for s in page.simulations]
        assert ids == [s.id for s in found[first : first + 25]]
        assert page.total == len(found)
        assert set(page.samples.values()) <= {0}


def test_pages_together_hold_each_run_once(many):
    listing, everything = many
    wanted = Filter(platform="mK8s", verdict="valid", order="name")
    first = listing.page(wanted, rows=200)
    pages = [listing.page(wanted, n + 1, rows=200) for n in range(first.pages)]
    ids = [s.id for page in pages for s in page.simulations]
    assert len(ids) == len(set(ids)) == first.total == len(chosen(everything, wanted))


def test_a_page_that_does_not_exist_is_the_nearest(many):
    listing, _ = many
    assert listing.page(Filter(), 10**8).number == RUNS / 25
    assert listing.page(Filter(), -3).number == 1
    assert listing.page(Filter(text="nobody"), 5).pages == 1
    assert len(listing.page(Filter(), rows=10_000).simulations) == 200


def stages(plan):
    """All stages of a plan, with the names of their indexes."""
    inner = [plan["inputStage"]] if "inputStage" in plan else plan.get("inputStages", [])
    own = [(plan["stage"], plan.get("indexName"))]
    return own + [stage for part in inner for stage in stages(part)]


@pytest.mark.parametrize("wanted", FILTERS)
@pytest.mark.parametrize("order", ["newest", "oldest", "name", "-name"])
def test_an_index_finds_and_sorts(many, wanted, order):
    listing, _ = many
    cursor = listing.cursor(replace(wanted, order=order), skip=25, limit=25)
    explained = cursor.explain()
    found = stages(explained["executionStats"]["executionStages"])
    assert "COLLSCAN" not in dict(found)
    if order in ("newest", "oldest"):
        # The index has all that is asked for: no document is read to find the ids of a page.
        assert explained["executionStats"]["totalDocsExamined"] == 0
    else:
        assert ("IXSCAN", "natural") in found
        assert "SORT" not in dict(found)


@pytest.mark.parametrize("wanted", FILTERS)
def test_an_index_counts(many, wanted):
    listing, everything = many
    assert listing.count(wanted) == len(chosen(everything, wanted))
    database = listing.store.database
    command = {"count": "minions", "query": listing.query(wanted), "hint": "listing"}
    explained = database.command("explain", command, verbosity="executionStats")
    assert explained["executionStats"]["totalDocsExamined"] == 0


def test_what_there_is_is_counted_by_an_index(many):
    listing, everything = many
    counts = listing.counts()
    assert counts.total == RUNS
    assert counts.by("platform", experiment="e1") == {
        name: sum(s.platform == name and s.experiment == "e1" for s in everything)
        for name in PLATFORMS
    }
    database = listing.store.database
    command = {
        "aggregate": "minions",
        "pipeline": listing.grouping(),
        "hint": "listing",
        "cursor": {},
    }
    explained = database.command("explain", command, verbosity="executionStats")
    text = str(explained)
    assert "COLLSCAN" not in text
    assert "'FETCH'" not in text
    assert Counts().by("platform") == {}


def test_runs_in_progress_come_newest_first(many):
    listing, everything = many
    running = [s.id for s in reversed(everything) if s.status is Status.RUNNING]
    assert [s.id for s in listing.in_progress()] == running


def test_names_that_sort_alike_are_not_mistaken_for_each_other(store):
    for sim_id, platform in (("1", "p1"), ("01", "p01"), ("001", "p1\n")):
        store.add(replace(simulation(1), sim_id=sim_id, platform=platform, id=minion_id()))
    listing = Listing(store)
    for order in ("newest", "name"):
        page = listing.page(Filter(platform="p1", order=order))
        assert [s.sim_id for s in page.simulations] == ["1"]


def test_of_a_run_in_progress_is_known_how_far_its_hosts_are(store):
    begun = store.add(replace(simulation(7), id=minion_id()))
    hosts = [Host(hostname=n, role=Role.WORKER, url=f"http://{n}:19999") for n in ("a", "b")]
    worklist = Worklist(store)
    worklist.enter(begun, hosts)
    for entry, seconds in zip(worklist.of(begun), (90, 60), strict=True):
        worklist.advance(entry, replace(entry, until=1.6e9 + seconds))
    assert Listing(store).reached() == {begun.id: 1.6e9 + 60}


def minion_id():
    return simulation(0).id


def test_a_reader_without_the_right_to_make_indexes_gets_the_same(mongodb_with_password):
    uri, user, password = mongodb_with_password
    whole = uri.replace("mongodb://", f"mongodb://{user}:{password}@")
    with minion.connect(whole, database="readonly") as store:
        for number in range(40):
            store.add(simulation(number))
        roles = [{"role": "read", "db": "readonly"}]
        store.client["admin"].command("createUser", "looker", pwd="look", roles=roles)
        looking = uri.replace("mongodb://", "mongodb://looker:look@")
        with minion.connect(looking, database="readonly") as view:
            listing = Listing(view)
            page = listing.page(Filter(platform="K8s", order="name"))
            assert page.total == 10
            assert listing.counts().total == 40
            made = set(view.database["minions"].index_information())
            assert not made & {index.document["name"] for index in PAGE_INDEXES}
        store.client.drop_database("readonly")
