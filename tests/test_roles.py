"""Roles on a real mongod with authentication: each may do what it is for, and nothing else."""

import json
from dataclasses import replace
from urllib.parse import quote
from uuid import uuid4

import pytest
from runs import START, run, started

import analysis
import minion
from analysis.web.listing import Filter, Listing
from ingest.events import Recorder, register
from minion import schema
from minion.backup import backup
from minion.copies import materialize
from minion.errors import StoreRefused
from minion.leases import Lease
from minion.model import Host, Role, Status, Verdict
from minion.mongodb import translated
from minion.overview import describe, runs
from minion.packet import CONTEXTS
from minion.reductions import summaries
from minion.refusals import ANALYST, COLLECTOR, JUDGE, lacking
from minion.restore import restore
from minion.retention import plan_prune, prune
from minion.roles import binds, create_roles, grants
from minion.sharding import shard
from minion.views import drop_views, make_views
from minion.worklist import Worklist

PASSWORD = "of the@role:%/"


@pytest.fixture(scope="module")
def place(mongodb_with_password):
    """(what an administrator's store is, opens a store as a user of a role); runs are in it."""
    socket, user, password = mongodb_with_password
    address = socket.removeprefix("mongodb://")
    database = f"test_{uuid4().hex}"

    def opened(role):
        login = f"{role}:{quote(PASSWORD, safe='')}"
        uri = f"mongodb://{login}@{address}/?authSource={database}"
        return minion.connect(uri, database=database)

    with minion.connect(f"mongodb://{user}:{password}@{address}", database=database) as store:
        made = create_roles(store)
        assert [(role.name, role.change) for role in made] == [
            (ANALYST, "created"),
            (JUDGE, "created"),
            (COLLECTOR, "created"),
        ]
        for role in made:
            store.database.command("createUser", role.name, pwd=PASSWORD, roles=[role.name])
        for number in range(6):
            platform = "K8s" if number % 2 else "K3s"
            store.put(*run(str(number), platform=platform))
        make_views(store)
        yield store, opened
        store.database.command("dropAllUsersFromDatabase")
        store.database.command("dropAllRolesFromDatabase")
        store.client.drop_database(database)


@pytest.fixture
def collector(place):
    with place[1](COLLECTOR) as store:
        yield store


@pytest.fixture
def judge(place):
    with place[1](JUDGE) as store:
        yield store


@pytest.fixture
def analyst(place):
    with place[1](ANALYST) as store:
        yield store


def refused(say):
    """What is said when something is refused: one line."""
    with pytest.raises(StoreRefused) as error:
        say()
    text = str(error.value)
    assert len(text.splitlines()) == 1
    assert PASSWORD not in text
    assert quote(PASSWORD, safe="") not in text
    assert "{" not in text  # the server's text quotes the command with its data
    return text


# ---------------------------------------------------------------- making them


def test_again_changes_nothing_and_repairs_what_was_changed(place):
    store, _ = place
    assert {role.change for role in create_roles(store)} == {"unchanged"}
    everywhere = {"resource": {"db": store.database.name, "collection": ""}, "actions": ["remove"]}
    store.database.command("grantPrivilegesToRole", ANALYST, privileges=[everywhere])
    assert {role.name: role.change for role in create_roles(store)} == {
        ANALYST: "updated",
        JUDGE: "unchanged",
        COLLECTOR: "unchanged",
    }
    assert {role.change for role in create_roles(store)} == {"unchanged"}


def test_every_collection_is_covered(place):
    store, _ = place
    (found,) = store.database.command("rolesInfo", COLLECTOR, showPrivileges=True)["roles"]
    writable = {
        p["resource"]["collection"] for p in found["privileges"] if "insert" in p["actions"]
    }
    assert writable == {*schema.VALIDATORS, *schema.INDEXES}
    assert {p["resource"]["db"] for p in found["privileges"]} == {store.database.name}
    assert found["inheritedRoles"] == []


def test_the_lines_for_mongosh_name_users_and_a_certificate(place):
    store, _ = place
    hostile = 'a"; db.dropDatabase(); "'
    for line in grants(hostile):
        assert json.dumps(hostile) in line
    assert binds(store)


def test_without_authentication_they_bind_nobody(store):
    assert [role.change for role in create_roles(store)] == ["created"] * 3
    assert not binds(store)
    store.database.command("dropAllRolesFromDatabase")


def test_the_command(minion, store):
    said = minion("db", "init", "--roles")
    assert said.returncode == 0, said.stderr
    assert said.stderr == (
        "note: this server lets everybody in without a login; roles bind nobody until it is"
        " started with --auth\n"
    )
    lines = said.stdout.splitlines()
    assert "minionAnalyst:   created; reads everything, writes nothing" in lines
    user = f'db.getSiblingDB("{store.database.name}").createUser({{user: "collector",'
    assert any(line.strip().startswith(user) and "passwordPrompt()" in line for line in lines)
    assert "minionAnalyst:   unchanged" in minion("db", "init", "--roles").stdout
    store.database.command("dropAllRolesFromDatabase")


# ---------------------------------------------------------------- what each may do


def test_a_collector_does_everything_that_brings_data_in(collector, tmp_path):
    hosts = [Host(hostname="node-a", role=Role.MASTER, url="http://127.0.0.1:1")]
    registered = register(collector, "c1", platform="K8s", hosts=hosts, experiment="collected")
    recorder = Recorder(collector, registered)
    recorder.note("START_SIMULATION", at=START)
    _, series = run("c1", hosts=["node-a"])
    written = collector.write(recorder.simulation, series)
    assert written.samples == sum(one.samples for one in series)
    recorder.note("STOP_SIMULATION", at=START + 1000)
    collector.describe(recorder.simulation, environment={"a.b": "$c"})
    collector.describe_host(recorder.simulation, replace(hosts[0], cores=4), {"netdata": "1"})
    collector.add_host(recorder.simulation, Host(hostname="late", role=Role.WORKER))
    worklist, lease = Worklist(collector), Lease(collector)
    worklist.enter(recorder.simulation, hosts)
    share = lease.share(worklist.entries())
    assert share.collectors == 1
    assert worklist.advance(share.mine[0], replace(share.mine[0], until=START + 1000, done=True))
    lease.leave()
    worklist.leave(recorder.simulation)
    settled = collector.settle(recorder.simulation, missing=[])
    assert settled.status is Status.COMPLETE
    collector.judge(settled, Verdict.DOUBTFUL, ["tried"], by="test")
    # Cut off in an earlier import: replaced, which deletes.
    unfinished = replace(run("c2", experiment="collected")[0], status=Status.IMPORTING)
    collector.add(unfinished)
    collector.put(*run("c2", experiment="collected"))
    assert len(runs(collector, experiment="collected")) == 2
    file = tmp_path / "backup"
    assert backup(collector, file, experiment="collected").simulations == 2
    gone = prune(collector, plan_prune(collector, experiment="collected"))
    assert (gone.simulations, gone.left) == (2, ())
    assert restore(collector, file).simulations == 2
    assert collector.delete_experiment("collected") == 2


def test_an_analyst_reads_everything(analyst, tmp_path):
    assert analyst.experiments() == ["e"]
    assert len(analyst.samples(contexts="system.cpu")) > 0
    simulations = analyst.simulations()
    found = summaries(analyst, simulations, contexts=["system.cpu"], quantiles=[0.5])
    assert len(found.rows) > 0
    assert analyst.sorts_arrays
    assert not analyst.is_sharded
    described = describe(analyst, simulations[0])
    assert len(described.charts) == 2 * len(CONTEXTS)
    assert "K3s" in " ".join(analysis.compare(analyst, "cpu").sentences)
    analysis.check(analyst)
    chart = analysis.charts.facet(analysis.utilization(analyst, "cpu", sims="1"))
    analysis.charts.save(chart, tmp_path / "chart.json")
    assert backup(analyst, tmp_path / "backup", sims="1").simulations == 1
    assert Worklist(analyst).entries() == []
    assert analyst.database["netdata_metrics"].find_one()["hostname"] == "node-a"
    listing = Listing(analyst)
    assert listing.page(Filter(text="1", platform="K8s")).total == 1
    assert listing.page(Filter(order="name")).total == 6
    assert listing.counts().total == 6
    assert listing.in_progress() == []
    assert analyst.version


def test_a_judge_keeps_verdicts(judge):
    simulation = judge.simulation("1", "e")
    assert judge.judge(simulation, Verdict.EXCLUDED, ["cable"], by="Ada").validity.by == "Ada"
    judge.judge(simulation, Verdict.VALID, ["no"], by="Ada")
    assert len(judge.samples(sims="1", contexts="system.cpu")) > 0


# ---------------------------------------------------------------- what each may not


def test_an_analyst_writes_nothing(analyst):
    simulation = analyst.simulation("1", "e")
    judged = refused(lambda: analyst.judge(simulation, Verdict.EXCLUDED, ["x"], by="me"))
    assert judged.endswith(
        "refuses findAndModify on"
        f" {analyst.database.name}.minions to this user; it takes the role minionJudge or"
        f" minionCollector of {analyst.database.name}, which `minion db init --roles` makes"
    )
    assert "minionCollector" in refused(lambda: analyst.add(started("new")))
    assert "delete on" in refused(lambda: analyst.delete_experiment("e"))
    assert "insert" in refused(lambda: analyst.put(*run("new")))
    assert "administrator" in refused(lambda: make_views(analyst))
    assert "administrator" in refused(lambda: drop_views(analyst))
    assert len(analyst.simulations()) == 6


def test_the_command_of_an_analyst_is_refused_in_one_line(place, minion, monkeypatch):
    store, _ = place
    login = f"{ANALYST}:{quote(PASSWORD, safe='')}"
    address = store.where.rpartition("@")[2].partition("/")[0]
    monkeypatch.setenv(
        "MINION_MONGODB_URI", f"mongodb://{login}@{address}/?authSource={store.database.name}"
    )
    monkeypatch.setenv("MINION_DATABASE", store.database.name)
    assert minion("runs").returncode == 0
    said = minion("exclude", "1", "--experiment=e", "--reason=x")
    assert (said.returncode, said.stdout) == (1, "")
    assert len(said.stderr.splitlines()) == 1
    assert "it takes the role minionJudge or minionCollector" in said.stderr
    assert PASSWORD not in said.stderr


def test_a_judge_neither_adds_nor_deletes(judge):
    assert "minionCollector" in refused(lambda: judge.add(started("new")))
    assert "minionCollector" in refused(lambda: judge.delete_experiment("e"))
    simulation = judge.simulation("1", "e")
    extra = run("1", metrics=["cpu"], hosts=["node-c"])[1]
    assert "minionCollector" in refused(lambda: judge.write(simulation, extra))


@pytest.mark.parametrize("role", [ANALYST, JUDGE])
def test_who_may_not_restore_is_told_the_role_that_it_takes(place, tmp_path, role):
    """An update of runs that is no verdict is the collector's."""
    store, opened = place
    backup(store, tmp_path / "backup", sims="1")
    with opened(role) as user:
        said = refused(lambda: restore(user, tmp_path / "backup", into="elsewhere"))
    assert f"; it takes the role minionCollector of {store.database.name}, which" in said


@pytest.mark.parametrize("role", [ANALYST, JUDGE, COLLECTOR])
def test_nobody_administers(place, role):
    with place[1](role) as store:
        database, client = store.database, store.client

        def command(place, *words, **options):
            with translated(store.where):
                place.command(*words, **options)

        for name in (*schema.VALIDATORS, "netdata_metrics"):
            refused(lambda name=name: command(database, "drop", name))
        refused(lambda: command(database, "dropDatabase"))
        refused(lambda: command(database, "create", "other"))
        refused(lambda: command(database, "find", "system.users"))
        refused(lambda: command(database, "usersInfo", 1))
        refused(lambda: command(database, "createUser", "x", pwd="x", roles=[]))
        refused(lambda: command(database, "grantRolesToUser", role, roles=["dbOwner"]))
        refused(lambda: command(database, "collMod", schema.MINIONS, validator={}))
        refused(lambda: command(client.other, "find", "minions"))
        refused(lambda: command(client.admin, "find", "system.users"))
        refused(lambda: command(client.admin, "shutdown"))
        assert "administrator" in refused(lambda: create_roles(store))
        assert f"of {database.name}_flat" in refused(lambda: materialize(store))


# ---------------------------------------------------------------- what is not set up


@pytest.mark.parametrize("role", [ANALYST, COLLECTOR])
def test_what_is_lacking_is_the_administrators(place, role):
    store, opened = place
    store.database[schema.SERIES].drop_index("host")
    try:
        said = refused(lambda: opened(role))
        assert said.endswith(
            "the database is not set up as this version needs it: let its administrator run"
            " `minion db init`"
        )
    finally:
        schema.initialize(store.database)
    opened(role).close()


def test_whom_a_refusal_sends_where():
    assert "minionAnalyst" in lacking("find", "d", "series")
    assert "minionAnalyst" in lacking("listCollections", "d", None)
    assert "minionCollector" in lacking("update", "d", "series")
    assert "administrator" in lacking("createIndexes", "d", "events")
    assert "administrator" in lacking("find", "d", "collections")
    assert "db init" in lacking("createIndexes", "d", "series")


def test_sharding_takes_more_than_a_role(place, collector):
    store, _ = place
    with pytest.raises(StoreRefused, match="no sharded cluster"):
        shard(collector.database, collector.where)
    assert store.experiments() == ["e"]
