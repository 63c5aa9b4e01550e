"""The study's flat collections over minions: the same rows as on the original."""

from dataclasses import replace

import pytest
from flat_study import as_set, flat_documents, minions
from runs import run
from test_store import cpu
from test_store import simulation as recorded

from minion import flat
from minion.copies import drop_copies, materialize
from minion.errors import AlreadyExists, Ambiguous, NotFound
from minion.flat import event_rows, host_rows, simulation_row
from minion.model import Event, EventType, Verdict
from minion.schema import VALIDATORS
from minion.views import drop_views, make_views

FIELDS = {"_id": False} | dict.fromkeys(
    ("hostname", "chart_name", "units", "id", "value", "timestamp"), True
)
CHARTS = [
    ("system", "cpu", "system.cpu"),
    ("system", "ram", "system.ram"),
    ("system", "disk", "system.io"),
    ("disk_util", "sda", "disk.util"),
    ("system", "network", "system.net"),
]


@pytest.fixture
def original(store, study):
    """The database that the original study has of the same runs."""
    database = store.client[f"{store.database.name}_original"]
    for name, documents in flat_documents(study).items():
        database[name].insert_many([dict(document) for document in documents])
    yield database
    store.client.drop_database(database.name)


@pytest.fixture
def copies(store):
    """The name of a database for copies."""
    name = f"{store.database.name}_copies"
    yield name
    store.client.drop_database(name)


def the_study_s_queries(study):
    """The queries of the study's R script, as it writes them."""
    for simulation, _ in study:
        simulation_id = str(simulation.source_id)
        hosts = [str(host.id) for host in simulation.hosts]
        yield "simulations", {"sim_id": simulation.sim_id}, None
        yield "hosts", {"simulation_id": simulation_id}, None
        yield "events", {"host_id": {"$in": hosts[:1]}}, None
        yield "events", {"host_id": {"$in": hosts}}, None
        for host in simulation.hosts:
            for chart_type, family, context in CHARTS:
                query = {
                    "hostname": host.hostname,
                    "chart_type": chart_type,
                    "chart_family": family,
                    "chart_context": context,
                    "timestamp": {"$gt": simulation.start, "$lt": simulation.end},
                }
                yield "netdata_metrics", query, FIELDS


def same_rows(study, ours, original):
    for name, query, fields in the_study_s_queries(study):
        found = list(ours[name].find(query, fields))
        expected = list(original[name].find(query, fields))
        assert as_set(found) == as_set(expected), (name, query)
        assert bool(found) == (query.get("hostname") != "c")
    for name in flat.COLLECTIONS:
        assert as_set(ours[name].find()) == as_set(original[name].find()), name


def test_the_study_s_queries_give_the_rows_of_the_original(kns, study, original):
    assert make_views(kns) == flat.COLLECTIONS
    same_rows(study, kns.database, original)


def test_types_are_the_original_s(kns, original):
    make_views(kns)
    for name in flat.COLLECTIONS:
        for key in original[name].find_one():
            kinds = [
                sorted(
                    database[name].aggregate(
                        [{"$group": {"_id": {"$type": f"${key}"}, "n": {"$sum": 1}}}]
                    ),
                    key=str,
                )
                for database in (kns.database, original)
            ]
            assert kinds[0] == kinds[1] or (name, key) == ("netdata_metrics", "_id"), (name, key)


def test_writing_to_a_view_is_refused(kns):
    make_views(kns)
    with pytest.raises(Exception, match="is a view, not a collection"):
        kns.database["hosts"].insert_one({"hostname": "x"})


def names_in(store):
    """The collections of a store's database; MongoDB lists its views in one of its own."""
    return set(store.database.list_collection_names()) - {"system.views"}


def stages_of(store, study):
    *_, (name, query, fields) = the_study_s_queries(study)
    plan = store.database.command("explain", {"find": name, "filter": query, "projection": fields})
    return plan["stages"]


@pytest.mark.parametrize("experiment", [None, "kns"])
def test_a_query_on_host_and_chart_reaches_the_index(kns, study, experiment):
    make_views(kns, experiment=experiment)
    first, *rest = stages_of(kns, study)
    plan = first["$cursor"]["queryPlanner"]
    assert plan["namespace"].endswith(".series")
    scan = plan["winningPlan"]["inputStage"]["inputStage"]
    assert (scan["stage"], scan["indexName"]) == ("IXSCAN", "host")
    assert scan["indexBounds"]["hostname"] == ['["node-b", "node-b"]']
    assert scan["indexBounds"]["context"] == ['["system.net", "system.net"]']
    # The time is asked before a row is taken apart into its dimensions.
    names = [next(iter(stage)) for stage in rest]
    assert "timestamp" in str(rest[names.index("$unwind") + 1]["$match"])


def test_a_view_of_one_experiment(kns, study, original):
    for simulation, series in minions("again"):
        other = replace(simulation, sim_id=f"9{simulation.sim_id}")
        kns.put(other, [s.window(0, other.start + 100) for s in series])
    make_views(kns)
    assert kns.database["simulations"].count_documents({}) == 6
    make_views(kns, experiment="kns")
    same_rows(study, kns.database, original)
    make_views(kns, experiment="again")
    assert sorted(kns.database["simulations"].distinct("sim_id")) == ["91000", "93050", "95000"]
    assert kns.database["netdata_metrics"].count_documents({}) < 1000
    with pytest.raises(NotFound, match="no experiment x; there are: again, kns"):
        make_views(kns, experiment="x")


def test_runs_that_minion_recorded_have_the_same_keys_and_ids_that_stay(store):
    run_, series = run("1", ram_mib=None)
    named = replace(run_.events[1], hostname="node-b", body="")
    gone = Event(type=EventType.START_PHASE, time=run_.end, hostname="elsewhere")
    run_ = replace(run_, events=(run_.events[0], named, *run_.events[2:], gone))
    store.put(run_, series)
    nobody = store.add(replace(recorded("2"), hosts=()))
    store.write(store.add(recorded("3")), [cpu(rows=10)])  # half seconds
    make_views(store)
    simulations = store.simulations()
    found = {name: list(store.database[name].find()) for name in flat.COLLECTIONS}
    for name, rows in (
        ("simulations", [simulation_row(s) for s in simulations]),
        ("hosts", [row for s in simulations for row in host_rows(s)]),
        ("events", [row for s in simulations for row in event_rows(s)]),
    ):
        assert as_set(found[name]) == as_set(rows), name
    hosts = {row["hostname"]: row["_id"] for row in host_rows(run_)}
    events = event_rows(run_)
    assert [row["host_id"] for row in events[:2]] == [hosts["node-a"], hosts["node-b"]]
    assert events[-1]["host_id"] == f"{run_.id}:elsewhere"
    assert events[-1]["event_type"] == "EventType.START_PHASE"
    assert [row["host_id"] for row in event_rows(nobody)] == [None, None]
    assert len({row["_id"] for row in found["events"]}) == len(found["events"])
    assert len(found["netdata_metrics"]) == sum(s.samples for s in series) + 20


@pytest.mark.parametrize("name", flat.COLLECTIONS)
def test_what_is_not_ours_stays(kns, name):
    kns.database[name].insert_one({"precious": True})
    for change in (make_views, drop_views):
        with pytest.raises(AlreadyExists, match=f"has a collection {name} that is no view of"):
            change(kns)
    assert kns.database[name].find_one()["precious"]
    assert names_in(kns) == {*VALIDATORS, name}
    kns.database.drop_collection(name)
    kns.database.create_collection(name, viewOn="minions", pipeline=[])
    with pytest.raises(AlreadyExists, match="no view of Minion's"):
        make_views(kns)


def test_views_are_made_anew_and_taken_away(kns):
    make_views(kns)
    make_views(kns, experiment="kns")
    assert drop_views(kns) == flat.COLLECTIONS
    assert drop_views(kns) == ()
    assert names_in(kns) == {*VALIDATORS}
    assert len(kns.samples()) > 0


def test_copies_hold_the_same_rows_with_the_good_index(kns, study, original, copies):
    make_views(kns)
    written = materialize(kns, database=copies)
    ours = kns.client[copies]
    same_rows(study, ours, original)
    assert [(c.database, c.name) for c in written] == [(copies, n) for n in flat.COLLECTIONS]
    assert [c.documents for c in written] == [ours[n].count_documents({}) for n in flat.COLLECTIONS]
    keys = [index["key"] for index in ours["netdata_metrics"].index_information().values()]
    assert [("hostname", 1), ("chart_context", 1), ("timestamp", 1)] in keys
    *_, (name, query, _) = the_study_s_queries(study)
    plan = ours.command("explain", {"find": name, "filter": query})
    assert plan["queryPlanner"]["winningPlan"]["inputStage"]["stage"] == "IXSCAN"


def test_copies_are_replaced_and_dropped(kns, copies):
    materialize(kns, database=copies)
    kns.judge(kns.simulation("1000"), Verdict.EXCLUDED, ["broken"], by="me")
    written = {c.name: c.documents for c in materialize(kns, database=copies)}
    assert (written["simulations"], written["hosts"]) == (2, 6)
    ours = kns.client[copies]
    assert ours["netdata_metrics"].count_documents({}) == written["netdata_metrics"]
    again = materialize(kns, database=copies, sims="1000", include_excluded=True)
    assert again[0].documents == 1
    assert [c.name for c in drop_copies(kns, database=copies)] == list(flat.COLLECTIONS)
    assert ours.list_collection_names() == []
    assert drop_copies(kns, database=copies) == []


def test_two_databases_as_the_study_has_them(kns, copies):
    netdata = f"{copies}_netdata"
    try:
        materialize(kns, database=copies, netdata_database=netdata)
        assert set(kns.client[copies].list_collection_names()) == {
            "simulations",
            "hosts",
            "events",
        }
        assert kns.client[netdata].list_collection_names() == ["netdata_metrics"]
        assert len(drop_copies(kns, database=copies, netdata_database=netdata)) == 4
    finally:
        kns.client.drop_database(netdata)


@pytest.mark.parametrize("name", flat.COLLECTIONS)
def test_a_copy_replaces_nothing_that_is_no_copy(kns, copies, name):
    kns.client[copies][name].insert_one({"precious": True})
    for change in (materialize, drop_copies):
        with pytest.raises(AlreadyExists, match=f"{copies} has a collection {name} that is not"):
            change(kns, database=copies)
    assert kns.client[copies].list_collection_names() == [name]
    assert kns.client[copies][name].find_one()["precious"]


def test_views_are_not_replaced_by_copies(kns):
    make_views(kns)
    with pytest.raises(AlreadyExists, match="has a view simulations that is not a copy"):
        materialize(kns, database=kns.database.name)


def test_one_identity_in_two_experiments_cannot_be_copied_at_once(kns, study, copies):
    with pytest.raises(NotFound, match="no experiment x"):
        materialize(kns, database=copies, experiment="x")
    for simulation, series in study:
        kns.put(replace(recorded("x"), experiment="b", sim_id=simulation.sim_id), series[:0])
    for simulation, _ in study[:1]:
        twin = replace(recorded("twin"), source_id=simulation.source_id)
        kns.put(twin, [])
    with pytest.raises(Ambiguous, match="have one identity; name an experiment"):
        materialize(kns, database=copies)
    assert materialize(kns, database=copies, experiment="kns")[0].documents == 3


def test_an_empty_store_has_nothing_to_copy(store, copies):
    with pytest.raises(NotFound, match="no simulations to copy"):
        materialize(store, database=copies)
    make_views(store)
    assert list(store.database["netdata_metrics"].find()) == []


def test_the_command(minion, kns, copies):
    said = minion("db", "views", "--experiment", "kns")
    assert said.stdout == (
        "views of experiment kns: simulations, hosts, events, netdata_metrics,"
        f" in database {kns.database.name}\n"
    )
    assert minion("db", "views", "--drop").stdout.startswith("views dropped: simulations, hosts")
    assert minion("db", "views", "--drop").stdout.startswith("views dropped: none")
    said = minion("db", "views", "--materialize", "--sims", "1000", "--database", copies)
    assert said.stdout.splitlines()[:2] == [
        f"written: 1 documents of {copies}.simulations",
        f"written: 3 documents of {copies}.hosts",
    ]
    said = minion("db", "views", "--materialize", "--drop", "--database", copies)
    assert said.stdout.splitlines()[0] == f"dropped: 1 documents of {copies}.simulations"
    said = minion("db", "views", "--materialize", "--drop", "--database", copies)
    assert (said.stdout, said.stderr) == ("", "note: there were no copies\n")
    for options in (["--sims", "1000"], ["--database", copies], ["--include-excluded"]):
        said = minion("db", "views", *options)
        assert (said.returncode, said.stdout) == (2, "")
        assert f"{options[0]} is for --materialize" in said.stderr
    assert names_in(kns) == {*VALIDATORS}
