"""Old runs go by themselves, for as long as the collector is there."""

import pymongo
import pytest
from fleet import WITHIN_S, CollectorProcess
from own_mongod import OwnMongod
from runs import run as made_run
from waiting import wait_for

import minion

pytestmark = pytest.mark.system

USER = {"pwd": "pa55", "roles": ["readWrite"]}
RETENTION = {"MINION_RETENTION": "90d"}


@pytest.fixture
def guarded(tmp_path):
    """A mongod with a login; gives it, and its administrator's store."""
    (tmp_path / "data").mkdir()
    with OwnMongod(tmp_path / "data", "--auth") as mongod:
        with pymongo.MongoClient(mongod.uri) as first:
            first.admin.command("createUser", "root", pwd="pa55", roles=["root"])
        root = mongod.uri.replace("//", "//root:pa55@")
        with minion.connect(f"{root}?authSource=admin", database="d") as store:
            yield mongod, store


def test_also_after_mongodb_refused_for_long(guarded):
    mongod, store = guarded
    store.database.command("createUser", "keeper", **USER)
    uri = mongod.uri.replace("//", "//keeper:pa55@") + "?authSource=d"

    def events(collector):
        return [line["event"] for line in collector.told]

    with CollectorProcess(store, uri, "--log=json", environment=RETENTION) as collector:
        store.put(*made_run("1"))
        wait_for(lambda: "started" in events(collector), WITHIN_S, "a collector")
        store.database.command("dropUser", "keeper")
        # A look may wait for a server before it is refused.
        wait_for(lambda: "opening" in events(collector), 3 * WITHIN_S, "a store to be opened anew")
        store.put(*made_run("2"))
        store.database.command("createUser", "keeper", **USER)
        wait_for(lambda: events(collector).count("started") == 2, WITHIN_S, "the next store")
        wait_for(lambda: store.names("e") == set(), WITHIN_S, "old runs to go")
        assert collector.stop() == 0
    assert "deleted" in events(collector)
    assert "fault" not in events(collector)
    assert "Traceback" not in collector.errors
